//! The world itself does what its tests lean on.

use crate::support::{CLUSTER, CLUSTERS, Kind, PASSWORD, TestSealer, USER, World, caller};
use std::sync::Arc;
use vhsm_keystore::{BackingKeyId, ClusterDirectory, Connections, HsmError, Sealer, Settings};

#[test]
fn seals_open_for_their_purpose_alone() {
    let sealer = TestSealer::default();
    let sealed = sealer.seal("password", b"aad", PASSWORD.as_bytes()).unwrap();
    assert_eq!(*sealer.open("password", b"aad", &sealed).unwrap(), PASSWORD.as_bytes());
    assert!(sealer.open("other", b"aad", &sealed).is_none());
    assert!(sealer.open("password", b"other", &sealed).is_none());
    assert_ne!(sealer.seal("password", b"aad", PASSWORD.as_bytes()).unwrap(), sealed);
}

#[test]
fn facts_are_what_the_test_says() {
    let mut world = World::new(Kind::Vhsm);
    assert_eq!(caller().account, world.kms.settings().account);
    let cluster = world.directory.cluster(CLUSTER).unwrap().unwrap();
    assert_eq!(cluster.active_slots(), world.hsms.slots);
    assert_eq!((cluster.active_zones(), cluster.trust_anchor.as_deref()), (2, Some(world.trust_anchor())));
    world.directory.change_cluster(CLUSTER, |cluster| cluster.hsms[1].is_active = false);
    assert_eq!(world.directory.cluster(CLUSTER).unwrap().unwrap().active_zones(), 1);
    assert!(world.directory.default_cluster().unwrap().is_none());
    world.give_default_key_store();
    assert_eq!(world.directory.default_cluster().unwrap().unwrap().user, USER);
    assert!(world.directory.same_backup_history(CLUSTER, CLUSTER).unwrap());
    world.restart();
    world.directory.change(|facts| facts.error = Some("away".into()));
    assert!(world.directory.crypto_user(CLUSTER, USER).is_err());
}

fn clusters_are_apart(kind: Kind) {
    let world = World::of_three(kind, Settings::default());
    let connections = Connections::new(Arc::clone(&world.hsms.module), 2);
    let slots = CLUSTERS.map(|id| world.directory.cluster(id).unwrap().unwrap().active_slots());
    let open = |slots: &Vec<u64>| connections.open(slots, &world.hsms.pin(PASSWORD)).unwrap();
    let [one, two, three] = slots.each_ref().map(open);
    let id = BackingKeyId::random();
    one.generate_key("label", &id).unwrap();
    let sealed = one.encrypt(&id, b"", b"x").unwrap();
    for other in [two, three] {
        assert_eq!(other.encrypt(&id, b"", b"x"), Err(HsmError::NoKey));
        other.generate_key("label", &id).unwrap();
        assert_eq!(other.decrypt(&id, b"", &sealed).err(), Some(HsmError::Mismatch));
    }
    assert!(!world.directory.same_backup_history(CLUSTERS[0], CLUSTERS[1]).unwrap());
}

#[test]
fn clusters_are_apart_on_vhsm() {
    clusters_are_apart(Kind::Vhsm);
}

#[test]
fn clusters_are_apart_on_softhsm() {
    clusters_are_apart(Kind::SoftHsm);
}
