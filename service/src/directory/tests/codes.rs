//! Each ConnectionErrorCode that a cluster here can produce, produced for real; and kmsuser beside a key store.

use super::kms::{assert_exception, request};
use super::peer::Peer;
use super::*;
use vhsm_keystore::Exception;
use vhsm_pkcs11::cluster::faults::FaultPlan;
use vhsm_pkcs11::cluster::{Authority, HsmState, PasswordRules};

/// The values for key stores of type AWS_CLOUDHSM (kms/2014-11-01), and what produces each.
const CODES: &[(&str, Cause)] = &[
    ("CLUSTER_NOT_FOUND", Cause::Provoked(|world, cluster, _| world.clusters.delete(cluster).unwrap())),
    ("INSUFFICIENT_CLOUDHSM_HSMS", Cause::Provoked(|world, cluster, _| fail_all(world, cluster))),
    (
        "INTERNAL_ERROR",
        Cause::Provoked(|world, cluster, _| plan(world, cluster, "C_SetPIN", "CKR_FUNCTION_FAILED")),
    ),
    (
        "INVALID_CREDENTIALS",
        Cause::Provoked(|world, cluster, _| change_password(world, cluster, b"another1")),
    ),
    (
        "NETWORK_ERRORS",
        Cause::Provoked(|world, cluster, _| plan(world, cluster, "C_OpenSession", "CKR_DEVICE_ERROR")),
    ),
    ("USER_LOCKED_OUT", Cause::Provoked(|world, cluster, _| lock(world, cluster))),
    (
        "USER_LOGGED_IN",
        Cause::Provoked(|world, cluster, peer| *peer = Some(Peer::logged_in(world.home.path(), cluster))),
    ),
    ("USER_NOT_FOUND", Cause::Provoked(|world, cluster, _| delete_user(world, cluster))),
    ("INSUFFICIENT_FREE_ADDRESSES_IN_SUBNET", Cause::Never("subnets here have no addresses that KMS takes")),
    ("SUBNET_NOT_FOUND", Cause::Never("subnets here are names, which nobody deletes")),
];

enum Cause {
    /// Done between the call and what follows it.
    Provoked(fn(&KmsWorld, &Cluster, &mut Option<Peer>)),
    Never(&'static str),
}

#[test]
fn each_connection_error_code_is_told_for_its_cause() {
    let world = KmsWorld::new();
    for (code, cause) in CODES {
        let provoke = match cause {
            Cause::Provoked(provoke) => provoke,
            Cause::Never(reason) => {
                assert!(!reason.is_empty());
                continue;
            }
        };
        let cluster = world.cluster(&code.to_lowercase().replace('_', "-")[..code.len().min(20)]);
        let store = world.store(&cluster);
        world.connect(&store).unwrap();
        let mut peer = None;
        provoke(&world, &cluster, &mut peer);
        world.kms.run_tasks();
        assert_eq!(world.state(&store), format!("FAILED {code}"));
        // FAILED is left by disconnecting alone.
        assert_exception(world.connect(&store), Exception::CustomKeyStoreInvalidState);
        world.disconnect(&store);
        let delete = request(serde_json::json!({ "CustomKeyStoreId": store }));
        world.kms.delete_custom_key_store(&super::kms::caller(), &delete).unwrap();
    }
}

fn fail_all(world: &World, cluster: &Cluster) {
    (0..cluster.hsms.len()).for_each(|hsm| world.set(cluster, hsm, HsmState::Failed));
}

fn plan(world: &World, cluster: &Cluster, function: &str, error: &str) {
    let text = format!("[[fault]]\nfunction = \"{function}\"\nerror = \"{error}\"\n");
    let plan = FaultPlan::parse(&text).unwrap();
    world.clusters.set_fault_plan(cluster, Authority::Service(&world.root_key), &plan).unwrap();
}

fn change_password(world: &World, cluster: &Cluster, password: &[u8]) {
    let rules = PasswordRules::Cluster;
    world.clusters.change_password(cluster, &world.admin(cluster), USER, password, rules).unwrap();
}

fn lock(world: &World, cluster: &Cluster) {
    for _ in 0..5 {
        assert!(world.clusters.login_as(cluster, None, USER, b"wrong-one").is_err());
    }
}

fn delete_user(world: &World, cluster: &Cluster) {
    world.clusters.delete_user(cluster, &world.admin(cluster), USER, false).unwrap();
}

#[test]
fn what_can_be_told_at_once_is_thrown() {
    let world = KmsWorld::new();
    let cluster = world.cluster("one");
    let store = world.store(&cluster);
    fail_all(&world, &cluster);
    assert_exception(world.connect(&store), Exception::CloudHsmClusterInvalidConfiguration);
    assert_eq!(world.state(&store), "DISCONNECTED");
    // One that works is enough to connect, and not to make a key.
    world.set(&cluster, 1, HsmState::Active);
    assert_eq!(world.state_after_connect(&store), "CONNECTED");
    assert_exception(world.key(Some(&store)), Exception::CloudHsmClusterInvalidConfiguration);
}

#[test]
fn another_process_that_is_logged_in_keeps_kms_out_until_it_ends() {
    let world = KmsWorld::new();
    let cluster = world.cluster("one");
    let store = world.store(&cluster);
    let peer = Peer::logged_in(world.home.path(), &cluster);
    assert_eq!(world.state_after_connect(&store), "FAILED USER_LOGGED_IN");
    drop(peer);
    world.disconnect(&store);
    assert_eq!(world.state_after_connect(&store), "CONNECTED");
}

#[test]
fn a_connected_key_store_has_kmsuser_for_itself() {
    let world = KmsWorld::new();
    let cluster = world.cluster("one");
    let store = world.connected_store(&cluster);
    // Its password is another now, and it is logged in: by this very process.
    assert!(world.clusters.login_as(&cluster, None, USER, PASSWORD.as_bytes()).is_err());
    let user = world.directory.crypto_user(&cluster.name, USER).unwrap().unwrap();
    assert_eq!((user.is_logged_in, user.is_locked), (true, false));
    let (admin, rules) = (world.admin(&cluster), PasswordRules::Cluster);
    let change = |password: &[u8]| world.clusters.change_password(&cluster, &admin, USER, password, rules);
    assert!(matches!(change(b"another1"), Err(Error::Cluster(ClusterError::UserLoggedIn(_)))));

    world.disconnect(&store);
    assert!(!world.directory.crypto_user(&cluster.name, USER).unwrap().unwrap().is_logged_in);
    change(b"another1").unwrap();
    drop(world.clusters.login_as(&cluster, None, USER, b"another1").unwrap());
    assert_eq!(world.state_after_connect(&store), "FAILED INVALID_CREDENTIALS");
    world.disconnect(&store);
    world.update(&store, "KeyStorePassword", "another1").unwrap();
    assert_eq!(world.state_after_connect(&store), "CONNECTED");
}
