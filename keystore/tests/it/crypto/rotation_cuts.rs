//! Rotations that end halfway: the store fails, or the process is gone, at each of their commits. And those that meet each
//! other, and the key's use.

use crate::support::{Kind, Scene};
use cryptoki::object::{Attribute, ObjectClass};
use cryptoki::slot::Slot;
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use vhsm_keystore::Settings;
use vhsm_store::{Call, Fault, Faulty, Memory};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// More than a rotation makes.
const COMMITS: u64 = 4;

/// What happens at which commit from now.
type Armed = Arc<Mutex<Option<(u64, Fault)>>>;

fn faulty(armed: &Armed) -> Arc<Faulty> {
    let armed = Arc::clone(armed);
    Arc::new(Faulty::new(Arc::new(Memory::new()), move |occasion| {
        let mut armed = armed.lock().unwrap();
        match (occasion.call, armed.as_mut()) {
            (Call::Commit, Some((1, fault))) => {
                let fault = *fault;
                *armed = None;
                fault
            }
            (Call::Commit, Some((left, _))) => {
                *left -= 1;
                Fault::Pass
            }
            _ => Fault::Pass,
        }
    }))
}

/// How many AES keys the HSMs of the default key store have.
fn materials_in_hsms(scene: &Scene) -> usize {
    let slot = Slot::try_from(scene.world.hsms.others[1][0]).unwrap();
    // Logged in is the process, not the session.
    let session = scene.world.hsms.pkcs11().open_ro_session(slot).unwrap();
    session.find_objects(&[Attribute::Class(ObjectClass::SECRET_KEY)]).unwrap().len()
}

fn materials_of(scene: &Scene, key: &str) -> usize {
    let request = json!({ "KeyId": key, "IncludeKeyMaterial": "ALL_KEY_MATERIAL" });
    scene.ok("ListKeyRotations", request)["Rotations"].as_array().unwrap().len()
}

fn a_rotation_that_is_cut_leaves_no_key_unusable_and_nothing_behind(kind: Kind) {
    let armed = Armed::default();
    let store = faulty(&armed);
    let mut scene = Scene::of(kind, Settings::default(), store.clone());
    let mut known = materials_in_hsms(&scene);
    for fault in [Fault::Fail, Fault::LoseAnswer, Fault::Cut] {
        for commit in 1..=COMMITS {
            for is_on_demand in [false, true] {
                let key = scene.default_key();
                let old = scene.encrypt(&key, b"plaintext", json!({}));
                scene.ok("EnableKeyRotation", json!({ "KeyId": key, "RotationPeriodInDays": 90 }));
                scene.world.clock.advance(if is_on_demand { DAY } else { DAY * 90 });
                *armed.lock().unwrap() = Some((commit, fault));
                // Whether it is told to have failed is not the point.
                let _ = match is_on_demand {
                    true => scene.call("RotateKeyOnDemand", json!({ "KeyId": key })).map(drop),
                    false => scene.world.kms.rotate_due_keys().map(drop),
                };
                *armed.lock().unwrap() = None;
                store.mend();
                if fault == Fault::Cut {
                    scene.world.restart();
                    scene.world.kms.resume();
                }
                let new = scene.encrypt(&key, b"plaintext", json!({}));
                // At once, and when what was left is an orphan.
                for wait in [Duration::ZERO, DAY] {
                    scene.world.clock.advance(wait);
                    scene.world.kms.delete_due_keys();
                    for ciphertext in [&old, &new] {
                        let plaintext = scene.decrypt(ciphertext, json!({}));
                        assert_eq!(plaintext, Ok(b"plaintext".to_vec()), "{fault:?} {commit} {is_on_demand}");
                    }
                }
                scene.world.kms.rotate_due_keys().unwrap();
                let materials = materials_of(&scene, &key);
                assert!(if is_on_demand { materials <= 2 } else { materials == 2 }, "{fault:?} {commit}");
                known += materials;
                assert_eq!(materials_in_hsms(&scene), known, "{fault:?} {commit} {is_on_demand}");
                assert_eq!(scene.world.kms.orphans(), Ok(Vec::new()));
                scene.ok("DisableKeyRotation", json!({ "KeyId": key }));
            }
        }
    }
}

/// On this project's library alone: SoftHSM 2.6.1 fails now and then to make a key while other threads use the token
/// (CKR_GENERAL_ERROR, CKR_TEMPLATE_INCONSISTENT).
#[test]
fn keys_rotate_once_while_many_use_them() {
    let scene = Scene::new(Kind::Vhsm);
    let keys: Vec<String> = (0..4).map(|_| scene.default_key()).collect();
    for key in &keys {
        scene.ok("EnableKeyRotation", json!({ "KeyId": key, "RotationPeriodInDays": 90 }));
    }
    for round in 1..=5 {
        scene.world.clock.advance(DAY * 90);
        let rotated = std::thread::scope(|threads| {
            for key in &keys {
                let scene = &scene;
                threads.spawn(move || {
                    for _ in 0..20 {
                        let ciphertext = scene.encrypt(key, b"plaintext", json!({}));
                        assert_eq!(scene.decrypt(&ciphertext, json!({})), Ok(b"plaintext".to_vec()));
                    }
                });
            }
            let rotating = [(); 3].map(|()| threads.spawn(|| scene.world.kms.rotate_due_keys().unwrap()));
            rotating.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
        });
        assert_eq!(rotated, keys.len());
        assert!(keys.iter().all(|key| materials_of(&scene, key) == round + 1));
    }
    assert_eq!(scene.world.kms.orphans(), Ok(Vec::new()));
    assert_eq!(materials_in_hsms(&scene), 4 * 6 + 1);
}

crate::on_every_module! {
    a_rotation_that_is_cut_leaves_no_key_unusable_and_nothing_behind,
}
