//! The directory of modules that are not vhsm's, over SoftHSM.

use crate::support::{Hsms, Kind, PASSWORD, USER};
use cryptoki::session::UserType;
use cryptoki::types::AuthPin;
use std::sync::Arc;
use vhsm_keystore::{ClusterDirectory, Connections, ForeignClusters, ForeignDefault, ForeignDirectory};
use zeroize::Zeroizing;

const ANCHOR: &str = "-----BEGIN CERTIFICATE-----\\nAAEC\\n-----END CERTIFICATE-----";
const SAME_ANCHOR: &str =
    "# customerCA\\n-----BEGIN CERTIFICATE-----\\r\\nAA\\r\\nEC\\r\\n-----END CERTIFICATE-----\\n";
const OTHER_ANCHOR: &str = "-----BEGIN CERTIFICATE-----\\nAAED\\n-----END CERTIFICATE-----";

fn hsm(number: usize, slot: u64) -> String {
    format!(r#"{{"hsm_id":"hsm-{number}","slot_id":{slot},"availability_zone":"us-east-1{number}"}}"#)
}

fn cluster(id: &str, anchor: &str, slots: &[u64]) -> String {
    let hsms: Vec<_> = slots.iter().enumerate().map(|(number, slot)| hsm(number, *slot)).collect();
    format!(r#"{{"cluster_id":"{id}","trust_anchor":"{anchor}","hsms":[{}]}}"#, hsms.join(","))
}

fn configured(clusters: &[String]) -> ForeignClusters {
    serde_json::from_str(&format!(r#"{{"clusters":[{}]}}"#, clusters.join(","))).unwrap()
}

fn directory(hsms: &Hsms, clusters: &[String]) -> ForeignDirectory {
    ForeignDirectory::new(Arc::clone(&hsms.module), configured(clusters), None).unwrap()
}

/// A slot that no module of the tests has.
const NOWHERE: u64 = 4_000_000;

#[test]
fn a_slot_with_a_token_is_an_active_hsm() {
    let hsms = Hsms::new(Kind::SoftHsm);
    let slot = hsms.slots[0];
    let directory = directory(&hsms, &[cluster("cluster-a", ANCHOR, &[slot, slot, NOWHERE])]);
    let facts = directory.cluster("cluster-a").unwrap().unwrap();
    assert!(facts.is_active && facts.state == "ACTIVE");
    assert_eq!(facts.hsms.iter().map(|hsm| hsm.is_active).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!((facts.active_slots(), facts.active_zones()), (vec![slot, slot], 2));
    assert!(directory.cluster("cluster-b").unwrap().is_none());
    let connections = Connections::new(Arc::clone(&hsms.module), 4);
    let connection = connections.open(&facts.active_slots(), &directory.pin(USER, PASSWORD.as_bytes()));
    assert_eq!(connection.unwrap().status().len(), 1, "one slot is one pool");
}

#[test]
fn its_user_is_the_configured_one_as_the_token_tells() {
    let hsms = Hsms::new(Kind::SoftHsm);
    let directory = directory(&hsms, &[cluster("cluster-a", ANCHOR, &[hsms.slots[0]])]);
    let user = directory.crypto_user("cluster-a", USER).unwrap().unwrap();
    assert!(!user.is_locked && !user.is_logged_in);
    assert!(directory.crypto_user("cluster-a", "other").unwrap().is_none());
    assert!(directory.crypto_user("cluster-b", USER).unwrap().is_none());
}

#[test]
fn a_token_without_a_user_pin_has_no_user() {
    let hsms = Hsms::new(Kind::SoftHsm);
    hsms.pkcs11().init_token(hsms.slot(0), &AuthPin::new("officer1".into()), "again").unwrap();
    let session = hsms.pkcs11().open_rw_session(hsms.slot(0)).unwrap();
    assert!(session.login(UserType::User, Some(&AuthPin::new(PASSWORD.into()))).is_err());
    let directory = directory(&hsms, &[cluster("cluster-a", ANCHOR, &[hsms.slots[0]])]);
    assert!(directory.crypto_user("cluster-a", USER).unwrap().is_none());
}

#[test]
fn clusters_of_one_certificate_share_their_history() {
    let hsms = Hsms::new(Kind::SoftHsm);
    let directory = directory(
        &hsms,
        &[
            cluster("cluster-a", ANCHOR, &[1]),
            cluster("cluster-b", SAME_ANCHOR, &[2]),
            cluster("cluster-c", OTHER_ANCHOR, &[3]),
        ],
    );
    assert!(directory.same_backup_history("cluster-a", "cluster-b").unwrap());
    assert!(!directory.same_backup_history("cluster-a", "cluster-c").unwrap());
    assert!(!directory.same_backup_history("cluster-a", "cluster-d").unwrap());
    assert!(!directory.same_backup_history("cluster-d", "cluster-d").unwrap());
}

#[test]
fn pins_have_the_configured_form() {
    let hsms = Hsms::new(Kind::SoftHsm);
    let text = r#"{"pin":"user:password","clusters":[]}"#;
    let clusters: ForeignClusters = serde_json::from_str(text).unwrap();
    let directory = ForeignDirectory::new(Arc::clone(&hsms.module), clusters, None).unwrap();
    assert_eq!(*directory.pin("kmsuser", b"secret7"), b"kmsuser:secret7");
    let alone = ForeignDirectory::new(Arc::clone(&hsms.module), configured(&[]), None).unwrap();
    assert_eq!(*alone.pin("kmsuser", b"secret7"), b"secret7");
}

#[test]
fn the_default_key_store_is_where_the_configuration_says() {
    let hsms = Hsms::new(Kind::SoftHsm);
    let clusters = configured(&[cluster("cluster-a", ANCHOR, &[hsms.slots[0]])]);
    let new = |id: &str| {
        let password = Zeroizing::new(PASSWORD.as_bytes().to_vec());
        let default = ForeignDefault { cluster_id: id.into(), user: "kms".into(), password };
        ForeignDirectory::new(Arc::clone(&hsms.module), clusters.clone(), Some(default))
    };
    let default = new("cluster-a").unwrap().default_cluster().unwrap().unwrap();
    assert_eq!((default.facts.active_slots(), default.user.as_str()), (hsms.slots.clone(), "kms"));
    assert_eq!(*default.password, PASSWORD.as_bytes());
    assert!(new("cluster-b").err().unwrap().to_string().contains("cluster-b"));
    assert!(directory(&hsms, &[]).default_cluster().unwrap().is_none());
}

#[test]
fn wrong_configurations_are_told() {
    let hsms = Hsms::new(Kind::SoftHsm);
    for (clusters, says) in [
        (vec![cluster("cluster-a", ANCHOR, &[1]), cluster("cluster-a", ANCHOR, &[2])], "twice"),
        (vec![cluster("cluster-a", ANCHOR, &[])], "without HSMs"),
        (vec![cluster("cluster-a", "no PEM", &[1])], "not a certificate"),
    ] {
        let error = ForeignDirectory::new(Arc::clone(&hsms.module), configured(&clusters), None).err();
        assert!(error.unwrap().to_string().contains(says), "{says}");
    }
    assert!(serde_json::from_str::<ForeignClusters>(r#"{"clusters":[],"pins":"x"}"#).is_err());
}
