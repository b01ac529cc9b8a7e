//! What the directory tells of clusters in an embedded store, and what it seals.

use super::*;
use vhsm_keystore::Sealer;
use vhsm_pkcs11::cluster::backup::TakenBy;
use vhsm_pkcs11::cluster::life::FromBackup;
use vhsm_pkcs11::cluster::life::api::{CreateClusterRequest, CreateHsmRequest, Places};
use vhsm_pkcs11::cluster::{HsmState, HsmType, Mode, NetworkType, Policy};

const POLICY: Policy =
    Policy { key_availability: false, refuse_public_keys: false, refuse_extractable: false };

#[test]
fn a_cluster_is_told_with_its_hsms_zones_and_trust_anchor() {
    let world = World::new();
    let cluster = world.cluster("one");
    let facts = world.directory.cluster(&cluster.name).unwrap().unwrap();
    assert_eq!(
        (facts.cluster_id.as_str(), facts.is_active, facts.state.as_str()),
        (&*cluster.name, true, "ACTIVE")
    );
    assert_eq!(facts.active_slots(), cluster.hsms.iter().map(|hsm| hsm.slot_id).collect::<Vec<_>>());
    assert_eq!(facts.active_zones(), 2);
    assert_eq!(facts.trust_anchor, cluster.backing.trust_anchor);
    assert!(facts.trust_anchor.is_some() && facts.certificate == cluster.backing.certificate);

    for state in [HsmState::Degraded, HsmState::Failed] {
        world.set(&cluster, 0, state);
        let facts = world.directory.cluster(&cluster.name).unwrap().unwrap();
        assert_eq!(
            (facts.active_slots(), facts.active_zones()),
            (vec![cluster.hsms[1].slot_id], 1),
            "{state:?}"
        );
        assert_eq!(facts.hsms.len(), 2);
    }
    for unknown in ["cluster-aaaaaaaaaaa", "one", "", "no cluster id"] {
        assert_eq!(world.directory.cluster(unknown).unwrap(), None, "{unknown}");
    }
}

#[test]
fn a_cluster_that_is_not_active_and_one_without_a_certificate_are_told_so() {
    let world = World::new();
    let clusters = &world.clusters;
    let plane = world.plane();
    let made = plane.create_cluster(&request(None)).unwrap();
    let facts = world.directory.cluster(&made.cluster_id).unwrap().unwrap();
    assert_eq!((facts.is_active, facts.state.as_str()), (false, "UNINITIALIZED"));

    clusters.init_token(0, b"12345678", "by C_InitToken", POLICY).unwrap();
    let token = clusters.find("by C_InitToken").unwrap();
    let facts = world.directory.cluster(&token.name).unwrap().unwrap();
    assert_eq!((facts.is_active, facts.trust_anchor, facts.certificate), (true, None, None));
    // Without a certificate nothing tells that two are kin.
    assert!(!world.directory.same_backup_history(&token.name, &made.cluster_id).unwrap());
    assert!(world.directory.same_backup_history(&token.name, &token.name).unwrap());
}

#[test]
fn a_crypto_user_is_told_locked_or_logged_in() {
    let world = World::new();
    let (cluster, clusters) = (world.cluster("one"), &world.clusters);
    let user = |name: &str| world.directory.crypto_user(&cluster.name, name).unwrap();
    assert_eq!(user("kmsuser"), Some(UserFacts { is_locked: false, is_logged_in: false }));
    let login = clusters.login_as(&cluster, None, "kmsuser", PASSWORD.as_bytes()).unwrap();
    assert_eq!(user("kmsuser"), Some(UserFacts { is_locked: false, is_logged_in: true }));
    drop(login);
    for _ in 0..5 {
        assert!(clusters.login_as(&cluster, None, "kmsuser", b"password2").is_err());
    }
    assert_eq!(user("kmsuser"), Some(UserFacts { is_locked: true, is_logged_in: false }));
    assert_eq!((user("admin"), user("nobody")), (None, None));
    assert_eq!(world.directory.crypto_user("cluster-aaaaaaaaaaa", "kmsuser").unwrap(), None);
    assert_eq!(*world.directory.pin("kmsuser", b"pass:word"), b"kmsuser:pass:word");
}

fn request(source_backup_id: Option<String>) -> CreateClusterRequest {
    CreateClusterRequest {
        label: None,
        hsm_type: HsmType::Hsm2mMedium,
        mode: Some(Mode::NonFips),
        places: Places::Zones(vec!["us-east-1a".into(), "us-east-1b".into()]),
        network_type: NetworkType::Ipv4,
        retention: None,
        source_backup_id,
        tags: Vec::new(),
    }
}

#[test]
fn a_restored_cluster_is_kin_to_the_first_even_when_that_is_gone() {
    let world = World::new();
    let (first, other, clusters) = (world.cluster("one"), world.cluster("two"), &world.clusters);
    let backup = clusters.create_backup(&first, TakenBy::Service(&world.root_key), &mut |_, _| {}).unwrap();
    let plane = world.plane();
    let new = request(Some(backup.id));
    let made = plane.create_from_backup(&new, &FromBackup::default(), &mut |_, _| {}).unwrap().cluster;
    let zone = CreateHsmRequest {
        cluster_id: made.cluster_id.clone(),
        availability_zone: "us-east-1a".into(),
        ip_address: None,
    };
    plane.create_hsm(&zone).unwrap();
    let kin = |a: &str, b: &str| world.directory.same_backup_history(a, b).unwrap();
    for gone in [false, true] {
        if gone {
            clusters.delete(&first).unwrap();
            assert_eq!(world.directory.cluster(&first.name).unwrap(), None);
        }
        assert!(kin(&first.name, &made.cluster_id) && kin(&made.cluster_id, &first.name));
        assert!(!kin(&first.name, &other.name) && !kin(&other.name, &made.cluster_id));
        assert!(!kin(&other.name, "cluster-aaaaaaaaaaa"));
    }
}

#[test]
fn the_default_cluster_is_private_and_its_user_can_log_in() {
    let world = World::new();
    world.cluster("one");
    let own = world.directory.default_cluster().unwrap().unwrap();
    assert_eq!((own.facts.is_active, own.facts.active_zones(), own.user.as_str()), (true, 2, "kmsuser"));
    assert_eq!((own.facts.trust_anchor.as_ref(), own.facts.certificate.as_ref()), (None, None));
    let again = world.directory.default_cluster().unwrap().unwrap();
    assert_eq!((&again.facts, &again.password), (&own.facts, &own.password));
    assert_eq!(world.directory.cluster(&own.facts.cluster_id).unwrap().unwrap(), own.facts);
    assert_eq!(world.clusters.list().unwrap().len(), 1);
    let cluster = world.directory.found(&own.facts.cluster_id).unwrap().unwrap();
    world.clusters.login_as(&cluster, None, &own.user, &own.password).unwrap();
}

#[test]
fn what_is_sealed_opens_under_its_purpose_aad_and_key_alone() {
    let sealer = |key: u8| RootSealer(Arc::new(RootKey::new(Zeroizing::new([key; 32]))));
    let sealed = sealer(1).seal("kmsuser", b"cks-1", b"secret").unwrap();
    assert_eq!(sealer(1).open("kmsuser", b"cks-1", &sealed).unwrap().as_slice(), b"secret");
    assert!(sealer(2).open("kmsuser", b"cks-1", &sealed).is_none());
    assert!(sealer(1).open("other", b"cks-1", &sealed).is_none());
    assert!(sealer(1).open("kmsuser", b"cks-2", &sealed).is_none());
    for i in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[i] ^= 1;
        assert!(sealer(1).open("kmsuser", b"cks-1", &changed).is_none(), "byte {i}");
        assert!(sealer(1).open("kmsuser", b"cks-1", &sealed[..i]).is_none(), "cut at {i}");
    }
    assert_ne!(sealed, sealer(1).seal("kmsuser", b"cks-1", b"secret").unwrap());
}
