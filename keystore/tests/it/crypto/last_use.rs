//! GetKeyLastUsage.

use crate::support::{Kind, Scene, blob};
use serde_json::json;
use std::time::Duration;
use vhsm_keystore::Exception;

fn the_last_use_is_told(kind: Kind) {
    let mut scene = Scene::new(kind);
    let [key, other, default] = scene.keys.clone();
    let told = |scene: &Scene, key: &str| scene.ok("GetKeyLastUsage", json!({ "KeyId": key }));
    let unused = told(&scene, &key);
    assert_eq!(unused["KeyLastUsage"], json!({}));
    assert_eq!((&unused["KeyId"], &unused["TrackingStartDate"]), (&json!(key), &unused["KeyCreationDate"]));
    let created = unused["KeyCreationDate"].as_f64().unwrap();
    scene.world.clock.advance(Duration::from_secs(10));
    let ciphertext = blob(&scene.encrypt(&key, b"x", json!({})));
    scene.world.clock.advance(Duration::from_secs(10));
    // What fails is no use, and neither is a dry run.
    scene.refused("Decrypt", json!({ "CiphertextBlob": ciphertext, "EncryptionContext": { "a": "1" } }));
    scene.refused("Encrypt", json!({ "KeyId": key, "Plaintext": blob(b"x"), "DryRun": true }));
    let encrypted = json!({ "Operation": "Encrypt", "Timestamp": created + 10.0 });
    assert_eq!(told(&scene, &key)["KeyLastUsage"], encrypted);
    scene.ok("ReEncrypt", json!({ "CiphertextBlob": ciphertext, "DestinationKeyId": other }));
    let moved = json!({ "Operation": "ReEncrypt", "Timestamp": created + 20.0 });
    for key in [&key, &other] {
        assert_eq!(told(&scene, key)["KeyLastUsage"], moved);
    }
    assert_eq!(told(&scene, &default)["KeyLastUsage"], json!({}));
    // Written, it is there after a new start; an earlier use does not take the place of a later one.
    assert_eq!(scene.world.kms.write_last_uses().unwrap(), 2);
    assert_eq!(scene.world.kms.write_last_uses().unwrap(), 0);
    scene.world.restart();
    for key in [&key, &other] {
        assert_eq!(told(&scene, key)["KeyLastUsage"], moved);
    }
    assert_eq!(scene.refused("GetKeyLastUsage", json!({ "KeyId": "alias/x" })), Exception::NotFound);
    assert_eq!(scene.refused("GetKeyLastUsage", json!({})), Exception::Validation);
}

crate::on_every_module! {
    the_last_use_is_told,
}
