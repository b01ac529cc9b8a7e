//! DryRun: the exception stands for a success, and all else is as without it.

use crate::support::{Kind, Scene, blob, request_for};
use serde_json::{Value, json};
use vhsm_keystore::Exception;

fn a_dry_run_tells_what_would_be(kind: Kind) {
    let scene = Scene::new(kind);
    for key in &scene.keys {
        let ciphertext = blob(&scene.encrypt(key, b"x", json!({ "a": "1" })));
        let context = json!({ "a": "1" });
        let requests = [
            ("Encrypt", json!({ "KeyId": key, "Plaintext": blob(b"x") })),
            ("Decrypt", json!({ "CiphertextBlob": ciphertext, "EncryptionContext": context })),
            (
                "ReEncrypt",
                json!({ "CiphertextBlob": ciphertext, "SourceEncryptionContext": context, "DestinationKeyId": key }),
            ),
            ("GenerateDataKey", json!({ "KeyId": key, "KeySpec": "AES_256" })),
            ("GenerateDataKeyWithoutPlaintext", json!({ "KeyId": key, "NumberOfBytes": 7 })),
        ];
        for (operation, request) in &requests {
            let with = |dry_run: Value| {
                let mut request = request.clone();
                request["DryRun"] = dry_run;
                request
            };
            scene.ok(operation, with(json!(false)));
            scene.ok(operation, with(Value::Null));
            assert_eq!(
                scene.refused(operation, with(json!(true))),
                Exception::DryRunOperation,
                "{operation}"
            );
        }
        scene.ok("DisableKey", json!({ "KeyId": key }));
        for (operation, mut request) in requests {
            request["DryRun"] = json!(true);
            assert_eq!(scene.refused(operation, request), Exception::Disabled, "{operation}");
        }
    }
}

/// Those of the model that have DryRun.
const WITH_DRY_RUN: [&str; 17] = [
    "CreateGrant",
    "Decapsulate",
    "Decrypt",
    "DeriveSharedSecret",
    "Encapsulate",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "ReEncrypt",
    "RetireGrant",
    "RevokeGrant",
    "Sign",
    "Verify",
    "VerifyMac",
];

fn a_dry_run_changes_nothing_but_a_success(kind: Kind) {
    let scene = Scene::new(kind);
    for operation in WITH_DRY_RUN {
        let key = scene.custom_key(&scene.stores[0]);
        let request = request_for(&scene, operation, &key);
        let mut dry = request.clone();
        dry["DryRun"] = json!(true);
        let told = scene.refused(operation, dry.clone());
        // Nothing was done, so it can be done.
        let real = scene.call(operation, request).err().map(|error| error.exception);
        assert_eq!(told, real.unwrap_or(Exception::DryRunOperation), "{operation}");
    }
}

fn a_dry_run_fails_where_the_operation_would(kind: Kind) {
    let scene = Scene::new(kind);
    let key = &scene.keys[0];
    let ciphertext = blob(&scene.encrypt(key, b"x", json!({ "a": "1" })));
    let decrypt = json!({ "CiphertextBlob": ciphertext, "DryRun": true });
    assert_eq!(scene.refused("Decrypt", decrypt), Exception::InvalidCiphertext);
    let other = json!({ "CiphertextBlob": ciphertext, "KeyId": scene.keys[1], "DryRun": true });
    assert_eq!(scene.refused("Decrypt", other), Exception::IncorrectKey);
    let sign = json!({
        "KeyId": key, "Message": blob(b"m"), "SigningAlgorithm": "ECDSA_SHA_256", "DryRun": true,
    });
    assert_eq!(scene.refused("Sign", sign), Exception::InvalidKeyUsage);
}

fn the_ciphertext_can_be_left_out(kind: Kind) {
    let scene = Scene::new(kind);
    let (from, to) = (&scene.keys[0], &scene.keys[2]);
    let ignoring = |operation: &str, request: Value| {
        let mut request = request;
        request["DryRun"] = json!(true);
        request["DryRunModifiers"] = json!(["IGNORE_CIPHERTEXT"]);
        scene.refused(operation, request)
    };
    assert_eq!(ignoring("Decrypt", json!({ "KeyId": from })), Exception::DryRunOperation);
    let garbage = json!({ "KeyId": from, "CiphertextBlob": blob(b"garbage") });
    assert_eq!(ignoring("Decrypt", garbage), Exception::DryRunOperation);
    assert_eq!(ignoring("Decrypt", json!({})), Exception::Validation);
    let both = json!({ "SourceKeyId": from, "DestinationKeyId": to });
    assert_eq!(ignoring("ReEncrypt", both.clone()), Exception::DryRunOperation);
    assert_eq!(ignoring("ReEncrypt", json!({ "DestinationKeyId": to })), Exception::Validation);
    // Without DryRun they change nothing.
    let real = json!({ "KeyId": from, "DryRunModifiers": ["IGNORE_CIPHERTEXT"] });
    assert_eq!(scene.refused("Decrypt", real), Exception::Validation);
    scene.ok("DisableKey", json!({ "KeyId": to }));
    assert_eq!(ignoring("ReEncrypt", both), Exception::Disabled);
}

crate::on_every_module! {
    a_dry_run_tells_what_would_be,
    a_dry_run_changes_nothing_but_a_success,
    a_dry_run_fails_where_the_operation_would,
    the_ciphertext_can_be_left_out,
}
