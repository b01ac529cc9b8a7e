//! GenerateDataKey, GenerateDataKeyWithoutPlaintext and GenerateRandom.

use crate::support::{Kind, Scene, bytes};
use serde_json::{Value, json};
use vhsm_keystore::Exception;

fn data_keys_are_random_and_decrypt(kind: Kind) {
    let scene = Scene::new(kind);
    let mut seen = Vec::new();
    for key in &scene.keys {
        for (wanted, length) in [
            (json!({ "KeySpec": "AES_128" }), 16),
            (json!({ "KeySpec": "AES_256" }), 32),
            (json!({ "NumberOfBytes": 1 }), 1),
            (json!({ "NumberOfBytes": 1024 }), 1024),
        ] {
            let mut request = wanted;
            request["KeyId"] = json!(key);
            request["EncryptionContext"] = json!({ "purpose": "disk" });
            let answer = scene.ok("GenerateDataKey", request.clone());
            let plaintext = bytes(&answer, "Plaintext");
            let ciphertext = bytes(&answer, "CiphertextBlob");
            assert_eq!((plaintext.len(), &answer["KeyId"]), (length, &json!(scene.arn(key))));
            assert_eq!(answer["KeyMaterialId"].is_string(), *key == scene.keys[2]);
            assert_eq!(scene.decrypt(&ciphertext, json!({ "purpose": "disk" })).as_ref(), Ok(&plaintext));
            assert_eq!(scene.decrypt(&ciphertext, json!({})), Err(Exception::InvalidCiphertext));
            assert!(length == 1 || !seen.contains(&plaintext));
            seen.push(plaintext);
            let answer = scene.ok("GenerateDataKeyWithoutPlaintext", request);
            assert_eq!(answer["Plaintext"], Value::Null);
            let unseen =
                scene.decrypt(&bytes(&answer, "CiphertextBlob"), json!({ "purpose": "disk" })).unwrap();
            assert_eq!(unseen.len(), length);
        }
    }
}

fn random_bytes_come_from_the_store_that_is_named(kind: Kind) {
    let scene = Scene::new(kind);
    for store in [Value::Null, json!(scene.stores[0]), json!(scene.stores[1])] {
        for length in [1, 32, 1024] {
            let request = json!({ "NumberOfBytes": length, "CustomKeyStoreId": store });
            let [one, two] =
                [(); 2].map(|()| bytes(&scene.ok("GenerateRandom", request.clone()), "Plaintext"));
            assert!(one.len() == length && (length == 1 || one != two));
        }
    }
    let of = |store: &str| json!({ "NumberOfBytes": 1, "CustomKeyStoreId": store });
    assert_eq!(
        scene.refused("GenerateRandom", of("cks-00000000000000000")),
        Exception::CustomKeyStoreNotFound
    );
    scene.disconnect(&scene.stores[0]);
    assert_eq!(scene.refused("GenerateRandom", of(&scene.stores[0])), Exception::CustomKeyStoreInvalidState);
    scene.ok("GenerateRandom", of(&scene.stores[1]));
}

crate::on_every_module! {
    data_keys_are_random_and_decrypt,
    random_bytes_come_from_the_store_that_is_named,
}
