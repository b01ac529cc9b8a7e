//! Encrypt, Decrypt and ReEncrypt.

use crate::support::{Kind, Scene, blob, bytes};
use serde_json::{Value, json};
use vhsm_keystore::Exception;

fn plaintexts_of_all_lengths_come_back(kind: Kind) {
    let scene = Scene::new(kind);
    let lengths = (1..=66).chain([127, 128, 129, 1023, 1024, 1025, 2047, 2048, 4079, 4080, 4081, 4095, 4096]);
    for (number, length) in lengths.enumerate() {
        let key = &scene.keys[number % 3];
        let plaintext: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        let ciphertext = scene.encrypt(key, &plaintext, json!({}));
        assert!(ciphertext.len() <= length + 128, "{} of {length}", ciphertext.len());
        assert_eq!(scene.decrypt(&ciphertext, json!({})), Ok(plaintext), "{length}");
    }
}

fn a_context_must_be_the_same(kind: Kind) {
    let scene = Scene::new(kind);
    let context = json!({ "a": "1", "b": "", "\u{e9}": "\u{20ac}" });
    for key in &scene.keys {
        let ciphertext = scene.encrypt(key, b"plaintext", context.clone());
        let same = json!({ "\u{e9}": "\u{20ac}", "b": "", "a": "1" });
        assert_eq!(scene.decrypt(&ciphertext, same), Ok(b"plaintext".to_vec()));
        for other in [
            Value::Null,
            json!({}),
            json!({ "a": "1", "b": "" }),
            json!({ "A": "1", "b": "", "\u{e9}": "\u{20ac}" }),
            json!({ "a": "1", "b": "", "e\u{301}": "\u{20ac}" }),
            json!({ "a": "1", "b": "", "\u{e9}": "\u{20ac}", "c": "" }),
        ] {
            let answer = scene.decrypt(&ciphertext, other.clone());
            assert_eq!(answer, Err(Exception::InvalidCiphertext), "{other}");
        }
    }
    // None is the empty one, and one of 8192 bytes is the longest.
    let bare = scene.encrypt(&scene.keys[0], b"x", Value::Null);
    assert_eq!(scene.decrypt(&bare, json!({})), Ok(b"x".to_vec()));
    let long = json!({ "k": "v".repeat(8191) });
    let ciphertext = scene.encrypt(&scene.keys[0], b"x", long.clone());
    assert_eq!(scene.decrypt(&ciphertext, long), Ok(b"x".to_vec()));
    assert_eq!(scene.decrypt(&ciphertext, json!({ "k": "v".repeat(8192) })), Err(Exception::Validation));
}

fn a_changed_ciphertext_is_refused(kind: Kind) {
    let scene = Scene::new(kind);
    for key in &scene.keys {
        let ciphertext = scene.encrypt(key, b"plaintext", json!({}));
        for at in 0..ciphertext.len() {
            let mut changed = ciphertext.clone();
            changed[at] ^= 1 << (at % 8);
            assert_eq!(scene.decrypt(&changed, json!({})), Err(Exception::InvalidCiphertext), "byte {at}");
        }
        for length in 1..ciphertext.len() {
            assert_eq!(scene.decrypt(&ciphertext[..length], json!({})), Err(Exception::InvalidCiphertext));
        }
        let longer = [&ciphertext[..], &[0]].concat();
        assert_eq!(scene.decrypt(&longer, json!({})), Err(Exception::InvalidCiphertext));
    }
}

fn a_ciphertext_opens_under_its_own_key_alone(kind: Kind) {
    let scene = Scene::new(kind);
    let sibling = scene.custom_key(&scene.stores[0]);
    let (one, two) = (&scene.keys[0], &sibling);
    let [of_one, of_two] = [one, two].map(|key| scene.encrypt(key, b"plaintext", json!({})));
    // Version, key and key material, and the check over them.
    const HEADER: usize = 53;
    let forged = [&of_two[..HEADER], &of_one[HEADER..]].concat();
    assert_eq!(scene.decrypt(&forged, json!({})), Err(Exception::InvalidCiphertext));
    // The other key's id with this key's material, and a check that is right.
    let mut header = [&of_two[..17], &of_one[17..HEADER - 4]].concat();
    let check = <sha2::Sha256 as sha2::Digest>::digest(&header);
    header.extend_from_slice(&check[..4]);
    let forged = [&header[..], &of_one[HEADER..]].concat();
    assert_eq!(scene.decrypt(&forged, json!({})), Err(Exception::InvalidCiphertext));
    for (named, expected) in [(one, None), (two, Some(Exception::IncorrectKey))] {
        let request = json!({ "CiphertextBlob": blob(&of_one), "KeyId": named });
        assert_eq!(scene.call("Decrypt", request).err().map(|error| error.exception), expected);
    }
}

fn a_ciphertext_moves_between_key_stores(kind: Kind) {
    let scene = Scene::new(kind);
    for from in &scene.keys {
        for to in &scene.keys {
            let ciphertext = scene.encrypt(from, b"plaintext", json!({ "from": "1" }));
            let request = json!({
                "CiphertextBlob": blob(&ciphertext),
                "SourceEncryptionContext": { "from": "1" },
                "DestinationKeyId": to,
                "DestinationEncryptionContext": { "to": "2" },
            });
            let answer = scene.ok("ReEncrypt", request.clone());
            assert_eq!(answer["SourceKeyId"], scene.arn(from));
            assert_eq!(answer["KeyId"], scene.arn(to));
            assert_eq!(answer["SourceEncryptionAlgorithm"], "SYMMETRIC_DEFAULT");
            assert_eq!(answer["DestinationEncryptionAlgorithm"], "SYMMETRIC_DEFAULT");
            let default = &scene.keys[2];
            assert_eq!(answer["SourceKeyMaterialId"].is_string(), from == default);
            assert_eq!(answer["DestinationKeyMaterialId"].is_string(), to == default);
            let moved = bytes(&answer, "CiphertextBlob");
            assert_eq!(scene.decrypt(&moved, json!({ "to": "2" })), Ok(b"plaintext".to_vec()));
            let mut wrong = request.clone();
            wrong["SourceEncryptionContext"] = json!({});
            assert_eq!(scene.refused("ReEncrypt", wrong), Exception::InvalidCiphertext);
            let mut named = request.clone();
            named["SourceKeyId"] = json!(scene.custom_key(&scene.stores[0]));
            assert_eq!(scene.refused("ReEncrypt", named), Exception::IncorrectKey);
        }
    }
}

fn keys_go_by_every_name(kind: Kind) {
    let scene = Scene::new(kind);
    for (number, key) in scene.keys.iter().enumerate() {
        let alias = format!("alias/key-{number}");
        scene.ok("CreateAlias", json!({ "AliasName": alias, "TargetKeyId": key }));
        let alias_arn = format!("arn:aws:kms:us-east-1:000000000000:{alias}");
        for name in [key, &scene.arn(key), &alias, &alias_arn] {
            let request = json!({ "KeyId": name, "Plaintext": blob(b"x") });
            let answer = scene.ok("Encrypt", request);
            assert_eq!(
                (&answer["KeyId"], &answer["EncryptionAlgorithm"]),
                (&json!(scene.arn(key)), &json!("SYMMETRIC_DEFAULT"))
            );
            let request = json!({ "KeyId": name, "CiphertextBlob": answer["CiphertextBlob"] });
            let answer = scene.ok("Decrypt", request);
            assert_eq!(
                (bytes(&answer, "Plaintext"), &answer["KeyId"]),
                (b"x".to_vec(), &json!(scene.arn(key)))
            );
        }
    }
}

fn ciphertexts_outlive_the_process_and_a_reconnect(kind: Kind) {
    let mut scene = Scene::new(kind);
    let ciphertexts = scene.keys.clone().map(|key| scene.encrypt(&key, b"plaintext", json!({})));
    scene.disconnect(&scene.stores[0].clone());
    assert_eq!(scene.decrypt(&ciphertexts[0], json!({})), Err(Exception::KmsInvalidState));
    scene.connect(&scene.stores[0].clone());
    for ciphertext in &ciphertexts {
        assert_eq!(scene.decrypt(ciphertext, json!({})), Ok(b"plaintext".to_vec()));
    }
    scene.world.restart();
    scene.world.kms.resume();
    scene.world.kms.run_tasks();
    for ciphertext in &ciphertexts {
        assert_eq!(scene.decrypt(ciphertext, json!({})), Ok(b"plaintext".to_vec()));
    }
}

crate::on_every_module! {
    plaintexts_of_all_lengths_come_back,
    a_context_must_be_the_same,
    a_changed_ciphertext_is_refused,
    a_ciphertext_opens_under_its_own_key_alone,
    a_ciphertext_moves_between_key_stores,
    keys_go_by_every_name,
    ciphertexts_outlive_the_process_and_a_reconnect,
}
