//! Another cluster in the place of a key store's first.

use super::kms::assert_exception;
use super::*;
use vhsm_keystore::Exception;
use vhsm_pkcs11::cluster::backup::TakenBy;
use vhsm_pkcs11::cluster::life::FromBackup;
use vhsm_pkcs11::cluster::life::api::{CreateClusterRequest, Places};
use vhsm_pkcs11::cluster::{HsmType, Mode, NetworkType, PasswordRules, Policy};

const POLICY: Policy =
    Policy { key_availability: false, refuse_public_keys: false, refuse_extractable: false };

/// A cluster with two HSMs of a new backup of `cluster`.
fn restored(world: &World, cluster: &Cluster) -> Arc<Cluster> {
    let by = TakenBy::Service(&world.root_key);
    let backup = world.clusters.create_backup(cluster, by, &mut |_, _| {}).unwrap();
    let request = CreateClusterRequest {
        label: None,
        hsm_type: HsmType::Hsm2mMedium,
        mode: None,
        places: Places::Zones(vec!["us-east-1a".into(), "us-east-1b".into()]),
        network_type: NetworkType::Ipv4,
        retention: None,
        source_backup_id: Some(backup.id),
        tags: Vec::new(),
    };
    let more = FromBackup { hsms: 2, ..FromBackup::default() };
    let made = world.plane().create_from_backup(&request, &more, &mut |_, _| {}).unwrap().cluster;
    assert_eq!((made.mode, made.hsms.len()), (Mode::NonFips, 2));
    world.clusters.find(&made.cluster_id).unwrap()
}

#[test]
fn a_cluster_of_the_same_lineage_takes_over_with_all_keys() {
    let world = KmsWorld::new();
    let first = world.cluster("one");
    let store = world.connected_store(&first);
    let key = world.key(Some(&store)).unwrap();
    let ciphertext = world.encrypt(&key, b"kept").unwrap();
    let second = restored(&world, &first);
    assert_exception(
        world.update(&store, "CloudHsmClusterId", &second.name),
        Exception::CustomKeyStoreInvalidState,
    );
    world.disconnect(&store);
    world.clusters.delete(&first).unwrap();
    world.update(&store, "CloudHsmClusterId", &second.name).unwrap();
    // The backup has the password that KMS set.
    assert_eq!(world.state_after_connect(&store), "CONNECTED");
    assert_eq!(world.decrypt(&key, &ciphertext).unwrap(), b"kept");
    assert!(world.directory.crypto_user(&second.name, USER).unwrap().unwrap().is_logged_in);
}

#[test]
fn a_backup_with_an_older_password_wants_another_one() {
    let world = KmsWorld::new();
    let first = world.cluster("one");
    // Of before KMS set its own.
    let second = restored(&world, &first);
    let store = world.connected_store(&first);
    world.disconnect(&store);
    world.update(&store, "CloudHsmClusterId", &second.name).unwrap();
    assert_eq!(world.state_after_connect(&store), "FAILED INVALID_CREDENTIALS");
    world.disconnect(&store);
    let rules = PasswordRules::Cluster;
    world.clusters.change_password(&second, &world.admin(&second), USER, b"another1", rules).unwrap();
    world.update(&store, "KeyStorePassword", "another1").unwrap();
    assert_eq!(world.state_after_connect(&store), "CONNECTED");
}

#[test]
fn an_unrelated_cluster_does_not_take_over() {
    let world = KmsWorld::new();
    let (first, other) = (world.cluster("one"), world.cluster("two"));
    let store = world.store(&first);
    assert_exception(
        world.update(&store, "CloudHsmClusterId", &other.name),
        Exception::CloudHsmClusterNotRelated,
    );
    world.clusters.init_token(4, b"12345678", "token", POLICY).unwrap();
    let token = world.clusters.find("token").unwrap();
    assert_exception(
        world.update(&store, "CloudHsmClusterId", &token.name),
        Exception::CloudHsmClusterNotRelated,
    );
}
