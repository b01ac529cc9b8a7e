//! KMS on a real etcd: its records beside those of the clusters.

use super::key_stores::World;
use super::*;
use crate::store::etcd::Etcd;
use serde_json::json;

#[test]
fn keys_and_key_stores_lie_in_etcd_and_outlive_the_server() {
    let etcd = Etcd::one();
    let home = home("");
    let settings = std::fs::read_to_string(home.path().join("vhsm.toml")).unwrap();
    home.write("vhsm.toml", &format!("store = \"{}\"\n{settings}", etcd.url()));
    let mut world = World::at(home);
    let store = world.create();
    world.connect(&store);
    let arn = world.create_key(&store);
    let sealed = world.ask("Encrypt", json!({"KeyId": arn, "Plaintext": "aGlkZGVu"})).good();
    assert!(!world.home.path().join("kms").exists());
    world.server.serve.signal("-TERM");
    assert!(world.server.serve.ends().success());

    world.server = Server::start(&world.home);
    let opened = world.ask("Decrypt", json!({"CiphertextBlob": sealed["CiphertextBlob"]})).good();
    assert_eq!((&opened["Plaintext"], &opened["KeyId"]), (&json!("aGlkZGVu"), &json!(arn)));
    world.server.serve.signal("-TERM");
    assert!(world.server.serve.ends().success());
    // The clusters alone do not move to where KMS would not find its own.
    let elsewhere = world.home.path().join("elsewhere");
    let (from, to) = (etcd.url(), elsewhere.to_str().unwrap().to_owned());
    let refusal = world.home.bad(None, &["store", "migrate", "--from", &from, "--to", &to]);
    assert!(refusal.contains("KMS") && refusal.contains("--force"), "{refusal}");
}
