//! Limits.requests_per_second

use crate::support::{Kind, Scene, blob};
use serde_json::json;
use std::time::Duration;
use vhsm_keystore::{Exception, Limits, Settings};

fn a_key_store_takes_so_many_requests_a_second(kind: Kind) {
    let limits = Limits { requests_per_second: Some(5), ..Limits::default() };
    let scene = Scene::with(kind, Settings { limits, ..Settings::default() });
    let encrypt = |key: &str| scene.call("Encrypt", json!({ "KeyId": key, "Plaintext": blob(b"x") }));
    let taken = |key: &str| (0..20).filter(|_| encrypt(key).is_ok()).count();
    let sibling = scene.custom_key(&scene.stores[0]);
    assert_eq!(taken(&scene.keys[0]), 5);
    assert_eq!(encrypt(&sibling).unwrap_err().exception, Exception::Throttling);
    let random = json!({ "NumberOfBytes": 1, "CustomKeyStoreId": scene.stores[0] });
    assert_eq!(scene.refused("GenerateRandom", random), Exception::Throttling);
    assert_eq!(taken(&scene.keys[1]), 5);
    assert_eq!(taken(&scene.keys[2]), 5);
    scene.world.clock.advance(Duration::from_millis(400));
    assert_eq!(taken(&sibling), 2);
    // What is wrong otherwise is told first, and takes nothing.
    scene.ok("DisableKey", json!({ "KeyId": sibling }));
    assert_eq!(encrypt(&sibling).unwrap_err().exception, Exception::Disabled);
    scene.world.clock.advance(Duration::from_secs(60));
    assert_eq!(taken(&scene.keys[0]), 5);
}

crate::on_every_module! {
    a_key_store_takes_so_many_requests_a_second,
}
