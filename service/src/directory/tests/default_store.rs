//! Keys of Origin AWS_KMS, in the service's own cluster.

use super::*;

#[test]
fn keys_of_kms_itself_lie_in_a_cluster_that_nobody_else_sees() {
    let world = KmsWorld::new();
    world.cluster("one");
    let key = world.key(None).unwrap();
    let ciphertext = world.encrypt(&key, b"plain").unwrap();
    assert_eq!(world.decrypt(&key, &ciphertext).unwrap(), b"plain");
    let labels: Vec<_> = world.clusters.list().unwrap().iter().map(|cluster| cluster.label.clone()).collect();
    assert_eq!(labels, ["one"]);
    let own = world.directory.default_cluster().unwrap().unwrap();
    assert!(world.directory.crypto_user(&own.facts.cluster_id, &own.user).unwrap().unwrap().is_logged_in);
}
