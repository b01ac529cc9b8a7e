//! Every failure of a proxy: CreateKey as the table says, cryptographic operations always KMSInvalidStateException.

use super::*;
use Exception::{CustomKeyStoreInvalidState, XksKeyInvalidConfiguration, XksKeyNotFound};
use std::time::Duration;
use vhsm_keystore::Settings;

fn refused(name: &str, status: u16) -> Fault {
    Fault::Error { name: name.into(), status }
}

/// What is wrong, what CreateKey answers (reference, xks-proxy.md sec. 8), and of what the message speaks.
fn failures() -> Vec<(Fault, Exception, &'static str)> {
    vec![
        (refused("ValidationException", 400), CustomKeyStoreInvalidState, "not valid"),
        (refused("InvalidStateException", 400), XksKeyInvalidConfiguration, "disabled"),
        (refused("InvalidCiphertextException", 400), CustomKeyStoreInvalidState, "corrupted"),
        (refused("InvalidKeyUsageException", 400), XksKeyInvalidConfiguration, "does not allow"),
        (Fault::WrongSignatureAnswer, CustomKeyStoreInvalidState, "authentication credential"),
        (refused("AccessDeniedException", 403), CustomKeyStoreInvalidState, "denied access"),
        (refused("KeyNotFoundException", 404), XksKeyNotFound, "does not find"),
        (refused("InvalidUriPathException", 404), CustomKeyStoreInvalidState, "URI path"),
        (refused("UnsupportedOperationException", 501), XksKeyInvalidConfiguration, "does not support"),
        (refused("DependencyTimeoutException", 503), CustomKeyStoreInvalidState, "in time"),
        (Fault::Throttling, CustomKeyStoreInvalidState, "very high rate"),
        (refused("InternalException", 500), CustomKeyStoreInvalidState, "internal error"),
        (refused("SomeException", 400), CustomKeyStoreInvalidState, "cannot interpret"),
        (Fault::RefuseTcp, CustomKeyStoreInvalidState, "cannot communicate"),
        (Fault::CloseBeforeAnswer, CustomKeyStoreInvalidState, "cannot communicate"),
        (Fault::TlsWrongName, CustomKeyStoreInvalidState, "TLS"),
        (Fault::TlsExpired, CustomKeyStoreInvalidState, "TLS"),
        (Fault::TlsUnknownCa, CustomKeyStoreInvalidState, "TLS"),
        (Fault::WantsClientCertificate, CustomKeyStoreInvalidState, "TLS"),
        (Fault::ErrorWithoutJson(502), CustomKeyStoreInvalidState, "cannot interpret"),
        (Fault::MalformedJson, CustomKeyStoreInvalidState, "cannot interpret"),
        (Fault::EmptyBody, CustomKeyStoreInvalidState, "cannot interpret"),
        (Fault::HugeBody, CustomKeyStoreInvalidState, "cannot interpret"),
    ]
}

/// What each of the operations on `key` answers.
fn answers(bench: &Bench, key: &str, ciphertext: &[u8]) -> Vec<(&'static str, Option<KmsError>)> {
    let blob = crate::support::blob(ciphertext);
    let requests = [
        ("Encrypt", json!({ "KeyId": key, "Plaintext": "eA==" })),
        ("Decrypt", json!({ "CiphertextBlob": blob })),
        ("GenerateDataKey", json!({ "KeyId": key, "KeySpec": "AES_256" })),
        ("GenerateDataKeyWithoutPlaintext", json!({ "KeyId": key, "KeySpec": "AES_256" })),
        ("ReEncrypt", json!({ "CiphertextBlob": blob, "DestinationKeyId": key })),
    ];
    let answer = |(operation, request)| (operation, call(&bench.world.kms, operation, request).err());
    requests.into_iter().map(answer).collect()
}

fn all_are_invalid_states(bench: &Bench, key: &str, ciphertext: &[u8], fault: &Fault, says: &str) {
    for (operation, error) in answers(bench, key, ciphertext) {
        let error = error.unwrap_or_else(|| panic!("{operation} under {fault:?}"));
        assert_eq!(error.exception, Exception::KmsInvalidState, "{operation} under {fault:?}: {error}");
        assert!(error.message.contains(says), "{operation} under {fault:?}: {error}");
        let detail = error.detail.unwrap_or_default();
        assert!(detail.contains("kmsRequestId"), "{detail}");
        assert!(!error.message.contains("as the test wants it"), "{}", error.message);
    }
}

#[test]
fn each_is_told_as_the_table_says() {
    let (bench, store, key) = bench_with_key();
    let ciphertext = encrypt(&bench, &key, b"x", json!({})).unwrap();
    bench.proxy.keys().put("new", Key::default());
    for (fault, exception, says) in failures() {
        bench.proxy.set(fault.clone());
        assert_refused(create_key(&bench.world.kms, members(&store, "new")), exception, says);
        all_are_invalid_states(&bench, &key, &ciphertext, &fault, says);
    }
    bench.proxy.heal();
    assert_eq!(key_state(&bench.world.kms, &key), "Enabled");
    assert_eq!(decrypt(&bench, &ciphertext, json!({})).unwrap(), b"x");
    key_in(&bench, &store, "new");
}

#[test]
fn a_proxy_that_is_silent_costs_the_time_allotted() {
    let bench = Bench::with(Settings::default(), Duration::from_secs(1));
    let store = bench.connected_store();
    bench.proxy.keys().put(EXTERNAL, Key::default());
    let key = key_in(&bench, &store, EXTERNAL);
    let ciphertext = encrypt(&bench, &key, b"x", json!({})).unwrap();
    let fault = Fault::Slow(600_000);
    bench.proxy.set(fault.clone());
    all_are_invalid_states(&bench, &key, &ciphertext, &fault, "time allotted");
    bench.proxy.keys().put("new", Key::default());
    let answer = create_key(&bench.world.kms, members(&store, "new"));
    assert_refused(answer, CustomKeyStoreInvalidState, "time allotted");
}

#[test]
fn a_ciphertext_that_the_proxy_spoils_is_never_answered() {
    let (bench, _, key) = bench_with_key();
    for fault in [
        Fault::WrongCdiv,
        Fault::NoCdiv,
        Fault::ShortIv,
        Fault::ShortTag,
        Fault::LongMetadata(21),
        Fault::CiphertextOfOtherLength,
        Fault::BadBase64,
    ] {
        bench.proxy.only(Api::Encrypt, fault);
        let answer = encrypt(&bench, &key, b"x", json!({}));
        assert_refused(answer, Exception::KmsInvalidState, "cannot interpret");
    }
    // Seldom, but right.
    for fault in [Fault::LongIv, Fault::LongMetadata(20)] {
        bench.proxy.only(Api::Encrypt, fault);
        let ciphertext = encrypt(&bench, &key, &[1; 4096], json!({})).unwrap();
        assert!(ciphertext.len() <= 6144);
    }
}

#[test]
fn a_plaintext_that_the_proxy_spoils_is_never_answered() {
    let (bench, _, key) = bench_with_key();
    let ciphertext = encrypt(&bench, &key, b"some plaintext", json!({})).unwrap();
    for (fault, says) in [
        (Fault::WrongPlaintext, "is not what KMS had it encrypt"),
        (Fault::PlaintextChangedInside, "is not what KMS had it encrypt"),
        (Fault::PlaintextShort, "cannot interpret"),
    ] {
        bench.proxy.only(Api::Decrypt, fault);
        assert_refused(decrypt(&bench, &ciphertext, json!({})), Exception::KmsInvalidState, says);
    }
    bench.proxy.heal();
    assert_eq!(decrypt(&bench, &ciphertext, json!({})).unwrap(), b"some plaintext");
}
