//! Requests that are wrong in themselves, or name what is not there.

use crate::support::{Kind, Scene, blob, caller, request_for};
use serde_json::{Value, json};
use vhsm_keystore::Exception;

const NO_KEY: &str = "00000000-0000-4000-8000-000000000000";

/// `request` with one member changed.
fn but(request: &Value, member: &str, value: Value) -> Value {
    let mut changed = request.clone();
    changed[member] = value;
    changed
}

fn requests_of_a_wrong_form_are_refused(kind: Kind) {
    let scene = Scene::new(kind);
    let key = &scene.keys[0];
    let ciphertext = blob(&scene.encrypt(key, b"x", json!({})));
    let encrypt = json!({ "KeyId": key, "Plaintext": blob(b"x") });
    let decrypt = json!({ "CiphertextBlob": ciphertext });
    let data_key = json!({ "KeyId": key, "KeySpec": "AES_256" });
    let re_encrypt = json!({ "CiphertextBlob": ciphertext, "DestinationKeyId": key });
    let long_context = json!({ "k": "v".repeat(8192) });
    let cases = [
        ("Encrypt", &encrypt, "KeyId", Value::Null),
        ("Encrypt", &encrypt, "KeyId", json!("k".repeat(2049))),
        ("Encrypt", &encrypt, "Plaintext", Value::Null),
        ("Encrypt", &encrypt, "Plaintext", json!("")),
        ("Encrypt", &encrypt, "Plaintext", json!(blob(&[0; 4097]))),
        ("Encrypt", &encrypt, "EncryptionAlgorithm", json!("AES")),
        ("Encrypt", &encrypt, "EncryptionContext", long_context.clone()),
        ("Encrypt", &encrypt, "GrantTokens", json!(vec!["t"; 11])),
        ("Decrypt", &decrypt, "CiphertextBlob", Value::Null),
        ("Decrypt", &decrypt, "CiphertextBlob", json!("")),
        ("Decrypt", &decrypt, "CiphertextBlob", json!(blob(&[1; 6145]))),
        ("Decrypt", &decrypt, "DryRunModifiers", json!(["SOME"])),
        ("Decrypt", &decrypt, "Recipient", json!({ "KeyEncryptionAlgorithm": "RSA" })),
        ("ReEncrypt", &re_encrypt, "DestinationKeyId", Value::Null),
        ("ReEncrypt", &re_encrypt, "SourceKeyId", json!("")),
        ("ReEncrypt", &re_encrypt, "DestinationEncryptionContext", long_context),
        ("GenerateDataKey", &data_key, "KeySpec", Value::Null),
        ("GenerateDataKey", &data_key, "KeySpec", json!("AES_192")),
        ("GenerateDataKey", &data_key, "NumberOfBytes", json!(32)),
        ("GenerateDataKeyWithoutPlaintext", &data_key, "KeySpec", Value::Null),
        ("GenerateRandom", &json!({}), "NumberOfBytes", Value::Null),
        ("GenerateRandom", &json!({}), "NumberOfBytes", json!(0)),
        ("GenerateRandom", &json!({}), "NumberOfBytes", json!(1025)),
    ];
    for (operation, request, member, value) in cases {
        let request = but(request, member, value);
        assert_eq!(scene.refused(operation, request), Exception::Validation, "{operation} {member}");
    }
    for (operation, right) in [("Encrypt", encrypt), ("Decrypt", decrypt), ("GenerateDataKey", data_key)] {
        scene.ok(operation, right);
    }
}

fn other_algorithms_and_recipients_are_refused(kind: Kind) {
    let scene = Scene::new(kind);
    for key in &scene.keys {
        let ciphertext = blob(&scene.encrypt(key, b"x", json!({})));
        let encrypt = json!({ "KeyId": key, "Plaintext": blob(b"x") });
        let decrypt = json!({ "CiphertextBlob": ciphertext, "KeyId": key });
        let move_it = json!({ "CiphertextBlob": ciphertext, "DestinationKeyId": key });
        for (operation, request, member) in [
            ("Encrypt", &encrypt, "EncryptionAlgorithm"),
            ("Decrypt", &decrypt, "EncryptionAlgorithm"),
            ("ReEncrypt", &move_it, "SourceEncryptionAlgorithm"),
            ("ReEncrypt", &move_it, "DestinationEncryptionAlgorithm"),
        ] {
            scene.ok(operation, but(request, member, json!("SYMMETRIC_DEFAULT")));
            let other = but(request, member, json!("RSAES_OAEP_SHA_256"));
            assert_eq!(scene.refused(operation, other), Exception::InvalidKeyUsage, "{operation} {member}");
        }
        let recipient =
            json!({ "KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": blob(b"d") });
        let data_key = json!({ "KeyId": key, "KeySpec": "AES_256" });
        for (operation, request) in [
            ("Decrypt", &decrypt),
            ("GenerateDataKey", &data_key),
            ("GenerateRandom", &json!({ "NumberOfBytes": 1 })),
        ] {
            let request = but(request, "Recipient", recipient.clone());
            assert_eq!(scene.refused(operation, request), Exception::UnsupportedOperation, "{operation}");
        }
    }
}

fn what_is_not_there_is_not_found(kind: Kind) {
    let scene = Scene::new(kind);
    let ciphertext = scene.encrypt(&scene.keys[0], b"x", json!({}));
    for name in [NO_KEY, "alias/none", "no key at all"] {
        for (operation, request) in [
            ("Encrypt", json!({ "KeyId": name, "Plaintext": blob(b"x") })),
            ("Decrypt", json!({ "KeyId": name, "CiphertextBlob": blob(&ciphertext) })),
            ("ReEncrypt", json!({ "DestinationKeyId": name, "CiphertextBlob": blob(&ciphertext) })),
            ("GenerateDataKey", json!({ "KeyId": name, "KeySpec": "AES_256" })),
        ] {
            assert_eq!(scene.refused(operation, request), Exception::NotFound, "{operation} {name}");
        }
    }
    // A whole ciphertext of a key that is not here.
    let header = [&ciphertext[..1], &[7; 48]].concat();
    let check = <sha2::Sha256 as sha2::Digest>::digest(&header);
    let foreign = [&header[..], &check[..4], &ciphertext[53..]].concat();
    assert_eq!(scene.decrypt(&foreign, json!({})), Err(Exception::AccessDenied));
}

fn grant_tokens_must_be_those_of_grants(kind: Kind) {
    let scene = Scene::new(kind);
    let key = &scene.keys[0];
    let grant = json!({ "KeyId": key, "GranteePrincipal": caller().principal, "Operations": ["Encrypt"] });
    let grant = scene.ok("CreateGrant", grant);
    for operation in [
        "Encrypt",
        "Decrypt",
        "ReEncrypt",
        "GenerateDataKey",
        "GenerateDataKeyWithoutPlaintext",
        "GenerateDataKeyPair",
        "Sign",
        "GetPublicKey",
        "GenerateMac",
    ] {
        let mut request = request_for(&scene, operation, key);
        let without = scene.call(operation, request.clone()).err().map(|error| error.exception);
        request["GrantTokens"] = json!([grant["GrantToken"]]);
        let with = scene.call(operation, request.clone()).err().map(|error| error.exception);
        assert_eq!(with, without, "{operation}");
        request["GrantTokens"] = json!(["no token"]);
        assert_eq!(scene.refused(operation, request), Exception::InvalidGrantToken, "{operation}");
    }
}

crate::on_every_module! {
    requests_of_a_wrong_form_are_refused,
    other_algorithms_and_recipients_are_refused,
    what_is_not_there_is_not_found,
    grant_tokens_must_be_those_of_grants,
}
