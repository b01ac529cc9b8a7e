//! What callers see when HSMs fail, or have lost a key.

use crate::support::{Kind, Scene, blob, request_for};
use cryptoki::object::{Attribute, ObjectClass};
use cryptoki::slot::Slot;
use serde_json::json;
use vhsm_keystore::Exception;

const OPERATIONS: [&str; 5] =
    ["Encrypt", "Decrypt", "ReEncrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext"];

#[test]
fn one_failed_hsm_is_not_noticed_and_two_are_an_invalid_state() {
    let mut scene = Scene::new(Kind::Vhsm);
    let keys = scene.keys.clone();
    let requests = OPERATIONS.map(|operation| (operation, request_for(&scene, operation, &keys[0])));
    let random = json!({ "NumberOfBytes": 1, "CustomKeyStoreId": scene.stores[0] });
    for (failed, other) in [(0, 1), (1, 0)] {
        scene.world.hsms.operator().fail(failed);
        for (operation, request) in &requests {
            (0..4).for_each(|_| drop(scene.ok(operation, request.clone())));
        }
        scene.ok("GenerateRandom", random.clone());
        scene.world.hsms.operator().fail(other);
        for (operation, request) in &requests {
            let error = scene.call(operation, request.clone()).unwrap_err();
            assert_eq!(error.exception, Exception::KmsInvalidState, "{operation}: {error}");
            assert!(error.message.contains("CloudHSM cluster"), "{error}");
        }
        assert_eq!(scene.refused("GenerateRandom", random.clone()), Exception::CustomKeyStoreInvalidState);
        // A dry run would not succeed either, and other key stores do not care.
        let dry = json!({ "KeyId": keys[0], "Plaintext": blob(b"x"), "DryRun": true });
        assert_eq!(scene.refused("Encrypt", dry), Exception::KmsInvalidState);
        for key in &keys[1..] {
            scene.encrypt(key, b"x", json!({}));
        }
        // The state of keys is that of the key store's record.
        let metadata = scene.ok("DescribeKey", json!({ "KeyId": keys[0] }));
        assert_eq!(metadata["KeyMetadata"]["KeyState"], "Enabled");
        [0, 1].iter().for_each(|hsm| scene.world.hsms.operator().recover(*hsm));
        scene.world.kms.keep_connections();
        for (operation, request) in &requests {
            scene.ok(operation, request.clone());
        }
    }
}

fn lost_key_material_is_an_invalid_state(kind: Kind) {
    let scene = Scene::new(kind);
    let (lost, kept) = (scene.keys[0].clone(), scene.custom_key(&scene.stores[0]));
    let requests = OPERATIONS.map(|operation| (operation, request_for(&scene, operation, &lost)));
    let slot = Slot::try_from(scene.world.hsms.slots[0]).unwrap();
    let session = scene.world.hsms.pkcs11().open_rw_session(slot).unwrap();
    let named = [Attribute::Class(ObjectClass::SECRET_KEY), Attribute::Label(scene.arn(&lost).into_bytes())];
    let found = session.find_objects(&named).unwrap();
    assert_eq!(found.len(), 1);
    session.destroy_object(found[0]).unwrap();
    for (operation, request) in requests {
        let error = scene.call(operation, request).unwrap_err();
        assert_eq!(error.exception, Exception::KmsInvalidState, "{operation}: {error}");
        assert!(error.message.contains("key material"), "{error}");
    }
    let ciphertext = scene.encrypt(&kept, b"x", json!({}));
    assert_eq!(scene.decrypt(&ciphertext, json!({})), Ok(b"x".to_vec()));
}

crate::on_every_module! {
    lost_key_material_is_an_invalid_state,
}
