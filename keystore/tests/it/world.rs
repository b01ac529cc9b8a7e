//! The world itself does what its tests lean on.

use crate::support::{CLUSTER, Kind, PASSWORD, TestSealer, USER, World, caller};
use vhsm_keystore::{ClusterDirectory, Sealer};

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
