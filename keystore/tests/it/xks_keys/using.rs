//! Cryptographic operations.

use super::*;
use crate::support::{CLUSTER, PASSWORD};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

fn member(call: &crate::support::proxy::Call, name: &str) -> Vec<u8> {
    STANDARD.decode(call.body[name].as_str().unwrap_or_default()).unwrap()
}

#[test]
fn what_is_encrypted_is_decrypted() {
    let (bench, _, key) = bench_with_key();
    let context = json!({ "project": "nile", "department": "" });
    for plaintext in [&b"x"[..], &[0; 4096]] {
        let ciphertext = encrypt(&bench, &key, plaintext, context.clone()).unwrap();
        assert!(ciphertext.len() <= 6144, "{}", ciphertext.len());
        assert_eq!(decrypt(&bench, &ciphertext, context.clone()).unwrap(), plaintext);
    }
    assert_ne!(
        encrypt(&bench, &key, b"x", json!({})).unwrap(),
        encrypt(&bench, &key, b"x", json!({})).unwrap()
    );
}

#[test]
fn another_process_decrypts_too() {
    let (mut bench, _, key) = bench_with_key();
    let ciphertext = encrypt(&bench, &key, b"x", json!({})).unwrap();
    bench.world.restart();
    bench.world.kms.resume();
    bench.world.kms.run_tasks();
    assert_eq!(decrypt(&bench, &ciphertext, json!({})).unwrap(), b"x");
}

#[test]
fn the_proxy_sees_no_plaintext_and_says_what_it_is_asked_for() {
    let (bench, _, key) = bench_with_key();
    let plaintext = [0x5a; 64];
    let ciphertext = encrypt(&bench, &key, &plaintext, json!({ "k": "v" })).unwrap();
    decrypt(&bench, &ciphertext, json!({ "k": "v" })).unwrap();
    let calls = bench.proxy.calls();
    let [encrypted, decrypted] = &calls[..] else { panic!("{calls:?}") };
    let seen = member(encrypted, "plaintext");
    assert_eq!(seen.len(), plaintext.len() + 28);
    assert!(!seen.windows(8).any(|some| some == &plaintext[..8]));
    assert_eq!(
        member(encrypted, "additionalAuthenticatedData"),
        member(decrypted, "additionalAuthenticatedData")
    );
    for (call, api, operation) in [(encrypted, Api::Encrypt, "Encrypt"), (decrypted, Api::Decrypt, "Decrypt")]
    {
        assert_eq!((call.api, call.key_id.as_deref()), (Some(api), Some(EXTERNAL)));
        assert_eq!(call.metadata("kmsOperation"), operation);
        assert_eq!(call.metadata("awsPrincipalArn"), caller().principal);
        assert!(call.metadata("kmsKeyArn").ends_with(&key));
        assert_eq!(call.metadata("kmsRequestId").len(), 36);
    }
    assert_ne!(encrypted.metadata("kmsRequestId"), decrypted.metadata("kmsRequestId"));
}

#[test]
fn the_longest_request_fits_every_proxy() {
    let (bench, _, key) = bench_with_key();
    let context = json!({ "k": "v".repeat(8191) });
    let many: serde_json::Map<_, _> = (0..2000).map(|n| (format!("{n:04}"), json!(""))).collect();
    for context in [context, many.into()] {
        let ciphertext = encrypt(&bench, &key, &[7; 4096], context.clone()).unwrap();
        assert_eq!(decrypt(&bench, &ciphertext, context).unwrap(), [7; 4096]);
        assert!(decrypt(&bench, &ciphertext, json!({})).is_err());
    }
    for call in bench.proxy.calls() {
        assert!(member(&call, "additionalAuthenticatedData").len() <= 8192);
        assert!(member(&call, "plaintext").len() <= 4300);
    }
}

#[test]
fn another_context_or_a_damaged_ciphertext_does_not_open() {
    let (bench, _, key) = bench_with_key();
    let ciphertext = encrypt(&bench, &key, b"x", json!({ "k": "v" })).unwrap();
    let says = "rejected the ciphertext";
    for context in [json!({}), json!({ "k": "w" }), json!({ "K": "v" })] {
        assert_refused(decrypt(&bench, &ciphertext, context), Exception::KmsInvalidState, says);
    }
    for at in 0..ciphertext.len() {
        let mut changed = ciphertext.clone();
        changed[at] ^= 1;
        let error = decrypt(&bench, &changed, json!({ "k": "v" })).expect_err(&format!("byte {at}"));
        // Up to there KMS itself finds it damaged; the lengths of IV and metadata as well.
        let is_kms = at < 21 || error.exception == Exception::InvalidCiphertext && [21, 50].contains(&at);
        let expected = if is_kms { Exception::InvalidCiphertext } else { Exception::KmsInvalidState };
        assert_eq!(error.exception, expected, "byte {at}: {error}");
    }
    let cut = &ciphertext[..ciphertext.len() - 1];
    assert_refused(decrypt(&bench, cut, json!({ "k": "v" })), Exception::InvalidCiphertext, "");
}

#[test]
fn ciphertexts_outlive_the_external_keys_rotation() {
    let (bench, _, key) = bench_with_key();
    let old = encrypt(&bench, &key, b"old", json!({})).unwrap();
    bench.proxy.keys().rotate(EXTERNAL);
    let new = encrypt(&bench, &key, b"new", json!({})).unwrap();
    assert_eq!(decrypt(&bench, &old, json!({})).unwrap(), b"old");
    assert_eq!(decrypt(&bench, &new, json!({})).unwrap(), b"new");
}

#[test]
fn data_keys_are_kms_own_random_numbers() {
    let (bench, _, key) = bench_with_key();
    let kms = &bench.world.kms;
    let made: Vec<Vec<u8>> = (0..4)
        .map(|_| {
            let request = json!({ "KeyId": key, "KeySpec": "AES_256", "EncryptionContext": { "k": "v" } });
            let made = call(kms, "GenerateDataKey", request).unwrap();
            let plaintext = bytes(&made, "Plaintext");
            assert_eq!(made.get("KeyMaterialId"), None);
            let opened = decrypt(&bench, &bytes(&made, "CiphertextBlob"), json!({ "k": "v" })).unwrap();
            assert_eq!((opened.len(), &opened), (32, &plaintext));
            plaintext
        })
        .collect();
    assert!(made.iter().enumerate().all(|(at, one)| !made[..at].contains(one)));
    let request = json!({ "KeyId": key, "NumberOfBytes": 1024 });
    let made = call(kms, "GenerateDataKeyWithoutPlaintext", request).unwrap();
    assert_eq!(decrypt(&bench, &bytes(&made, "CiphertextBlob"), json!({})).unwrap().len(), 1024);
    let asked: Vec<_> =
        bench.proxy.calls().iter().map(|call| call.metadata("kmsOperation").to_owned()).collect();
    let pair = ["GenerateDataKey", "Decrypt"];
    let last = ["GenerateDataKeyWithoutPlaintext", "Decrypt"];
    assert_eq!(asked, [&pair.repeat(4)[..], &last].concat());
}

#[test]
fn re_encrypt_moves_between_all_kinds_of_stores() {
    let (bench, _, external) = bench_with_key();
    let kms = &bench.world.kms;
    bench.world.give_default_key_store();
    let in_cluster = crate::stores::create(
        kms,
        json!({
            "CustomKeyStoreName": "two",
            "CloudHsmClusterId": CLUSTER,
            "TrustAnchorCertificate": bench.world.trust_anchor(),
            "KeyStorePassword": PASSWORD,
        }),
    );
    let in_cluster = in_cluster.unwrap();
    assert_eq!(bench.connect(&in_cluster), "CONNECTED");
    let keys = [external, crate::keys::key_in(kms, &in_cluster)];
    for from in &keys {
        for to in &keys {
            let ciphertext = encrypt(&bench, from, b"moved", json!({ "k": "v" })).unwrap();
            let request = json!({
                "CiphertextBlob": crate::support::blob(&ciphertext), "SourceEncryptionContext": { "k": "v" },
                "DestinationKeyId": to, "DestinationEncryptionContext": { "k": "w" },
            });
            let moved = call(kms, "ReEncrypt", request).unwrap();
            assert_eq!(moved.get("SourceKeyMaterialId"), None);
            let moved = bytes(&moved, "CiphertextBlob");
            assert_eq!(decrypt(&bench, &moved, json!({ "k": "w" })).unwrap(), b"moved");
        }
    }
    let calls = bench.proxy.calls();
    let asked = calls.iter().filter(|call| call.metadata("kmsOperation") == "ReEncrypt");
    let (decrypts, encrypts): (Vec<_>, Vec<_>) = asked.partition(|call| call.api == Some(Api::Decrypt));
    assert_eq!((decrypts.len(), encrypts.len()), (2, 2));
}

#[test]
fn a_dry_run_asks_the_proxy() {
    let (bench, _, key) = bench_with_key();
    let request = json!({ "KeyId": key, "Plaintext": "eA==", "DryRun": true });
    let answer = call(&bench.world.kms, "Encrypt", request.clone());
    assert_refused(answer, Exception::DryRunOperation, "");
    bench.proxy.only(Api::Encrypt, Fault::Throttling);
    assert_refused(call(&bench.world.kms, "Encrypt", request), Exception::KmsInvalidState, "very high rate");
}

#[test]
fn a_ciphertext_of_another_origin_is_no_ciphertext_of_the_key() {
    let (bench, _, key) = bench_with_key();
    // Version 1 of the format, with this key's ID: nobody has made it.
    let id: Vec<u8> = (0..32).map(|at| key.replace('-', "").as_bytes()[at]).collect();
    let id: Vec<u8> =
        id.chunks(2).map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect();
    let header = [&[1][..], &id, &[9; 32]].concat();
    let check = openssl::sha::sha256(&header);
    let forged = [&header[..], &check[..4], &[0; 29]].concat();
    assert_refused(decrypt(&bench, &forged, json!({})), Exception::InvalidCiphertext, "");
    assert_eq!(bench.proxy.calls().len(), 0);
}

#[test]
fn callers_at_the_same_time_are_served() {
    let (bench, _, key) = bench_with_key();
    std::thread::scope(|scope| {
        for thread in 0..8u8 {
            let (bench, key) = (&bench, &key);
            scope.spawn(move || {
                for round in 0..10 {
                    let plaintext = [thread, round];
                    let ciphertext = encrypt(bench, key, &plaintext, json!({})).unwrap();
                    assert_eq!(decrypt(bench, &ciphertext, json!({})).unwrap(), plaintext);
                }
            });
        }
    });
}
