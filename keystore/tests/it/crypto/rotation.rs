//! New key material for keys of the default key store.

use crate::support::{Kind, Scene, blob, bytes, text};
use serde_json::{Value, json};
use std::time::Duration;
use vhsm_keystore::Exception;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn of(key: &str) -> Value {
    json!({ "KeyId": key })
}

/// KeyMaterialId of what encrypts now.
fn current(scene: &Scene, key: &str) -> String {
    let made = scene.ok("GenerateDataKeyWithoutPlaintext", json!({ "KeyId": key, "NumberOfBytes": 1 }));
    text(&made, "KeyMaterialId")
}

fn rotations(scene: &Scene, key: &str) -> Vec<Value> {
    let request = json!({ "KeyId": key, "IncludeKeyMaterial": "ALL_KEY_MATERIAL" });
    scene.ok("ListKeyRotations", request)["Rotations"].as_array().unwrap().clone()
}

fn a_key_rotates_when_its_time_comes(kind: Kind) {
    let scene = Scene::new(kind);
    let (kms, clock, key) = (&scene.world.kms, &scene.world.clock, &scene.keys[2]);
    let status = || scene.ok("GetKeyRotationStatus", of(key));
    assert_eq!(status(), json!({ "KeyRotationEnabled": false, "KeyId": key }));
    let start = scene.ok("DescribeKey", of(key))["KeyMetadata"]["CreationDate"].as_f64().unwrap();
    scene.ok("EnableKeyRotation", json!({ "KeyId": key, "RotationPeriodInDays": 90 }));
    let days = |days: f64| start + days * DAY.as_secs_f64();
    let expected = |next: f64| json!({ "KeyRotationEnabled": true, "KeyId": key, "RotationPeriodInDays": 90, "NextRotationDate": days(next) });
    assert_eq!(status(), expected(90.0));
    let mut ciphertexts = vec![scene.encrypt(key, b"plaintext", json!({}))];
    let mut materials = vec![current(&scene, key)];
    clock.advance(DAY * 90 - Duration::from_millis(1));
    assert_eq!(kms.rotate_due_keys().unwrap(), 0);
    clock.advance(Duration::from_millis(1));
    for round in 1..=3_u32 {
        assert_eq!(kms.rotate_due_keys().unwrap(), 1);
        assert_eq!(kms.rotate_due_keys().unwrap(), 0);
        assert_eq!(status(), expected(90.0 * f64::from(round + 1)));
        ciphertexts.push(scene.encrypt(key, b"plaintext", json!({})));
        materials.push(current(&scene, key));
        clock.advance(DAY * 90);
    }
    for (ciphertext, material) in ciphertexts.iter().zip(&materials) {
        let answer = scene.ok("Decrypt", json!({ "CiphertextBlob": blob(ciphertext) }));
        assert_eq!(bytes(&answer, "Plaintext"), b"plaintext");
        assert_eq!(text(&answer, "KeyMaterialId"), *material);
    }
    let listed = rotations(&scene, key);
    assert_eq!(listed.iter().map(|one| text(one, "KeyMaterialId")).collect::<Vec<_>>(), materials);
    let first = json!({ "KeyId": key, "KeyMaterialId": materials[0], "KeyMaterialState": "NON_CURRENT" });
    assert_eq!(listed[0], first);
    assert_eq!(listed[3]["KeyMaterialState"], "CURRENT");
    assert_eq!(listed[3]["RotationType"], "AUTOMATIC");
    assert_eq!(listed[3]["RotationDate"], days(270.0));
    let metadata = scene.ok("DescribeKey", of(key));
    assert_eq!(metadata["KeyMetadata"]["CurrentKeyMaterialId"], json!(materials[3]));
}

fn a_schedule_follows_its_settings(kind: Kind) {
    let scene = Scene::new(kind);
    let (kms, clock, key) = (&scene.world.kms, &scene.world.clock, &scene.keys[2]);
    for days in [89, 2561] {
        let request = json!({ "KeyId": key, "RotationPeriodInDays": days });
        assert_eq!(scene.refused("EnableKeyRotation", request), Exception::Validation);
    }
    let status = |member: &str| scene.ok("GetKeyRotationStatus", of(key))[member].clone();
    scene.ok("EnableKeyRotation", of(key));
    assert_eq!(status("RotationPeriodInDays"), 365);
    let next = status("NextRotationDate");
    clock.advance(DAY);
    scene.ok("EnableKeyRotation", of(key));
    assert_eq!(status("NextRotationDate"), next);
    scene.ok("EnableKeyRotation", json!({ "KeyId": key, "RotationPeriodInDays": 366 }));
    let later = next.as_f64().unwrap() + 2.0 * DAY.as_secs_f64();
    assert_eq!(status("NextRotationDate"), later);
    scene.ok("DisableKeyRotation", of(key));
    scene.ok("DisableKeyRotation", of(key));
    assert_eq!(status("KeyRotationEnabled"), false);
    clock.advance(DAY * 1000);
    assert_eq!(kms.rotate_due_keys().unwrap(), 0);
    assert_eq!(scene.ok("ListKeyRotations", of(key))["Rotations"], json!([]));
}

fn keys_that_are_not_enabled_wait(kind: Kind) {
    let scene = Scene::new(kind);
    let (kms, clock) = (&scene.world.kms, &scene.world.clock);
    let (disabled, doomed, gone) = (scene.default_key(), scene.default_key(), scene.default_key());
    for key in [&disabled, &doomed, &gone] {
        scene.ok("EnableKeyRotation", json!({ "KeyId": key, "RotationPeriodInDays": 90 }));
    }
    scene.ok("DisableKey", of(&disabled));
    scene.ok("ScheduleKeyDeletion", json!({ "KeyId": gone, "PendingWindowInDays": 7 }));
    clock.advance(DAY * 89);
    assert_eq!(kms.delete_due_keys(), [scene.arn(&gone)]);
    scene.ok("ScheduleKeyDeletion", json!({ "KeyId": doomed, "PendingWindowInDays": 30 }));
    assert_eq!(scene.ok("GetKeyRotationStatus", of(&doomed))["KeyRotationEnabled"], false);
    clock.advance(DAY * 2);
    for _ in 0..2 {
        assert_eq!(kms.rotate_due_keys().unwrap(), 0);
    }
    scene.ok("CancelKeyDeletion", of(&doomed));
    assert_eq!(scene.ok("GetKeyRotationStatus", of(&doomed))["KeyRotationEnabled"], true);
    for key in [&disabled, &doomed] {
        scene.ok("EnableKey", of(key));
        assert_eq!(kms.rotate_due_keys().unwrap(), 1);
        assert_eq!(rotations(&scene, key).len(), 2);
    }
}

fn rotation_on_demand_keeps_the_schedule(kind: Kind) {
    let scene = Scene::new(kind);
    let (clock, key) = (&scene.world.clock, &scene.keys[2]);
    let old = scene.encrypt(key, b"plaintext", json!({}));
    scene.ok("EnableKeyRotation", json!({ "KeyId": key, "RotationPeriodInDays": 90 }));
    let schedule = scene.ok("GetKeyRotationStatus", of(key));
    for _ in 0..25 {
        assert_eq!(scene.ok("RotateKeyOnDemand", of(key)), of(key));
    }
    assert_eq!(scene.refused("RotateKeyOnDemand", of(key)), Exception::LimitExceeded);
    assert_eq!(scene.ok("GetKeyRotationStatus", of(key)), schedule);
    assert_eq!(scene.decrypt(&old, json!({})), Ok(b"plaintext".to_vec()));
    let listed = rotations(&scene, key);
    assert_eq!((listed.len(), &listed[25]["RotationType"]), (26, &json!("ON_DEMAND")));
    // By pages.
    let mut paged = Vec::new();
    let mut request = json!({ "KeyId": key, "IncludeKeyMaterial": "ALL_KEY_MATERIAL", "Limit": 10 });
    loop {
        let page = scene.ok("ListKeyRotations", request.clone());
        paged.extend(page["Rotations"].as_array().unwrap().clone());
        if page["Truncated"] == false {
            break;
        }
        request["Marker"] = page["NextMarker"].clone();
    }
    assert_eq!(paged, listed);
    request["Marker"] = json!("none of ours");
    assert_eq!(scene.refused("ListKeyRotations", request), Exception::InvalidMarker);
    // Not when an automatic one is near.
    let other = scene.default_key();
    scene.ok("EnableKeyRotation", json!({ "KeyId": other, "RotationPeriodInDays": 90 }));
    clock.advance(DAY * 90 - Duration::from_secs(20 * 60));
    assert_eq!(scene.refused("RotateKeyOnDemand", of(&other)), Exception::Conflict);
}

fn a_rotation_that_fails_is_tried_again_and_leaves_nothing(kind: Kind) {
    let mut scene = Scene::new(kind);
    let key = scene.keys[2].clone();
    let old = scene.encrypt(&key, b"plaintext", json!({}));
    scene.ok("EnableKeyRotation", json!({ "KeyId": key, "RotationPeriodInDays": 90 }));
    scene.world.clock.advance(DAY * 90);
    scene.world.restart();
    let default = scene.world.directory.facts.lock().unwrap().default_cluster.take();
    scene.world.kms.rotate_due_keys().unwrap_err();
    assert_eq!(rotations(&scene, &key).len(), 1);
    scene.world.directory.change(|facts| facts.default_cluster = default);
    assert_eq!(scene.world.kms.rotate_due_keys(), Ok(1));
    assert_eq!(scene.decrypt(&old, json!({})), Ok(b"plaintext".to_vec()));
    // What was in the making is an orphan no more, now and when it would have been one.
    scene.world.clock.advance(DAY);
    assert_eq!(scene.world.kms.orphans(), Ok(Vec::new()));
    scene.world.kms.delete_due_keys();
    let new = scene.encrypt(&key, b"plaintext", json!({}));
    assert_eq!(scene.decrypt(&new, json!({})), Ok(b"plaintext".to_vec()));
}

fn key_material_of_a_deleted_key_goes_with_it(kind: Kind) {
    let scene = Scene::new(kind);
    let key = scene.default_key();
    scene.ok("RotateKeyOnDemand", of(&key));
    let ciphertext = scene.encrypt(&key, b"x", json!({}));
    scene.world.kms.write_last_uses().unwrap();
    scene.ok("ScheduleKeyDeletion", json!({ "KeyId": key, "PendingWindowInDays": 7 }));
    scene.world.clock.advance(DAY * 7);
    assert_eq!(scene.world.kms.delete_due_keys(), [scene.arn(&key)]);
    assert_eq!(scene.world.kms.orphans(), Ok(Vec::new()));
    assert_eq!(scene.decrypt(&ciphertext, json!({})), Err(Exception::AccessDenied));
}

fn keys_of_custom_key_stores_do_not_rotate(kind: Kind) {
    let scene = Scene::new(kind);
    for operation in [
        "EnableKeyRotation",
        "DisableKeyRotation",
        "GetKeyRotationStatus",
        "RotateKeyOnDemand",
        "ListKeyRotations",
    ] {
        let exception = scene.refused(operation, of(&scene.keys[0]));
        assert_eq!(exception, Exception::UnsupportedOperation, "{operation}");
    }
}

crate::on_every_module! {
    a_key_rotates_when_its_time_comes,
    a_schedule_follows_its_settings,
    keys_that_are_not_enabled_wait,
    rotation_on_demand_keeps_the_schedule,
    a_rotation_that_fails_is_tried_again_and_leaves_nothing,
    key_material_of_a_deleted_key_goes_with_it,
    keys_of_custom_key_stores_do_not_rotate,
}
