//! Operations as KMS asks for them, on HSMs of this program's own library and of SoftHSM.

use super::super::aad;
use super::super::{Api, Call, ErrorName, answer};
use super::proxy::{Proxy, bytes, plain, request, sealed};
use crate::xks_proxy::hsms::tests::scene::{Kind, LONG, wait_for};
use crate::xks_proxy::hsms::{HealthStatus, Outcome, Work};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::Attribute;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Makes a test on each kind of HSMs of functions that take it.
macro_rules! on_every_module {
    ($($test:ident,)*) => {
        mod on_vhsm {
            $(#[test]
            fn $test() {
                super::$test(super::Kind::Vhsm);
            })*
        }

        mod on_softhsm {
            $(#[test]
            fn $test() {
                super::$test(super::Kind::SoftHsm);
            })*
        }
    };
}

on_every_module! {
    what_is_encrypted_is_decrypted,
    whatever_is_changed_is_an_invalid_ciphertext,
    the_integrity_value_is_over_what_is_answered,
    the_largest_that_has_to_be_supported_is_and_more_is_not,
    metadata_is_bound_and_the_references_aad_is_decrypted_by_a_setting,
    keys_that_may_not_do_it_are_invalid_key_usage,
    an_empty_set_has_aes_256_keys_alone,
    a_named_set_shows_keys_as_they_are,
}

fn what_is_encrypted_is_decrypted(kind: Kind) {
    let proxy = Proxy::new(kind);
    proxy.scene.key("key-1");
    for aad in [None, Some(&b""[..]), Some(b"aad")] {
        for length in [0, 1, 32, 4096] {
            let plaintext = vec![7; length];
            let mut asked = plain(&plaintext);
            if let Some(aad) = aad {
                asked["additionalAuthenticatedData"] = STANDARD.encode(aad).into();
            }
            let response = proxy.good(Api::Encrypt, "key-1", asked);
            assert_eq!(bytes(&response, "ciphertext").len(), length);
            assert_eq!(bytes(&response, "initializationVector").len(), 12);
            assert_eq!(bytes(&response, "authenticationTag").len(), 16);
            assert!(response.get("ciphertextMetadata").is_none());
            assert!(response.get("ciphertextDataIntegrityValue").is_none());
            let opened = proxy.good(Api::Decrypt, "key-1", sealed(response, aad));
            assert_eq!(opened, json!({"plaintext": STANDARD.encode(&plaintext)}));
        }
    }
    let record = proxy.answer(Api::Encrypt, "key-1", &request(plain(b"x"))).record;
    assert!(record.hsm.unwrap().starts_with("hsms/"));
    assert!(record.parsed.is_some() && record.queued.is_some() && record.worked.is_some());
    assert!(record.authorized.is_none() && record.rule.is_none());
}

fn whatever_is_changed_is_an_invalid_ciphertext(kind: Kind) {
    let proxy = Proxy::with(kind, |store| store.ciphertext_metadata = b"version=1".to_vec());
    proxy.scene.key("key-1");
    proxy.scene.key("key-2");
    let mut asked = plain(b"plaintext");
    asked["additionalAuthenticatedData"] = STANDARD.encode(b"aad").into();
    let good = sealed(proxy.good(Api::Encrypt, "key-1", asked), Some(b"aad"));
    proxy.good(Api::Decrypt, "key-1", good.clone());
    let names = [
        "ciphertext",
        "initializationVector",
        "authenticationTag",
        "additionalAuthenticatedData",
        "ciphertextMetadata",
    ];
    for name in names {
        let mut changed = bytes(&good, name);
        changed[0] ^= 1;
        let mut bad = good.clone();
        bad[name] = STANDARD.encode(&changed).into();
        assert_eq!(proxy.bad(Api::Decrypt, "key-1", bad), ErrorName::InvalidCiphertext, "{name}");
    }
    for name in ["additionalAuthenticatedData", "ciphertextMetadata"] {
        let mut less = good.clone();
        less.as_object_mut().unwrap().remove(name).unwrap();
        assert_eq!(proxy.bad(Api::Decrypt, "key-1", less), ErrorName::InvalidCiphertext, "{name}");
    }
    for (name, length) in
        [("initializationVector", 11), ("initializationVector", 16), ("authenticationTag", 12)]
    {
        let mut other = good.clone();
        other[name] = STANDARD.encode(vec![1; length]).into();
        assert_eq!(proxy.bad(Api::Decrypt, "key-1", other), ErrorName::InvalidCiphertext, "{name}");
    }
    assert_eq!(proxy.bad(Api::Decrypt, "key-2", good), ErrorName::InvalidCiphertext);
}

fn the_integrity_value_is_over_what_is_answered(kind: Kind) {
    let proxy = Proxy::with(kind, |store| store.ciphertext_metadata = b"version=1".to_vec());
    proxy.scene.key("key-1");
    for aad in [&b""[..], b"project=nile"] {
        let mut asked = plain(b"plaintext");
        asked["ciphertextDataIntegrityValueAlgorithm"] = "SHA_256".into();
        asked["additionalAuthenticatedData"] = STANDARD.encode(aad).into();
        let response = proxy.good(Api::Encrypt, "key-1", asked);
        let names = ["ciphertextMetadata", "initializationVector", "ciphertext", "authenticationTag"];
        let parts = names.map(|name| bytes(&response, name)).concat();
        let wanted = Sha256::digest([aad, &parts].concat());
        assert_eq!(bytes(&response, "ciphertextDataIntegrityValue"), wanted.to_vec());
        proxy.good(Api::Decrypt, "key-1", sealed(response, Some(aad)));
    }
}

fn the_largest_that_has_to_be_supported_is_and_more_is_not(kind: Kind) {
    let proxy = Proxy::new(kind);
    proxy.scene.key("key-1");
    let asked = |plaintext: usize, aad: usize| {
        let mut asked = plain(&vec![1; plaintext]);
        asked["additionalAuthenticatedData"] = STANDARD.encode(vec![2; aad]).into();
        asked
    };
    let response = proxy.good(Api::Encrypt, "key-1", asked(4300, 8192));
    let good = sealed(response, Some(&[2; 8192]));
    proxy.good(Api::Decrypt, "key-1", good.clone());
    let unsupported = ErrorName::UnsupportedOperation;
    assert_eq!(proxy.bad(Api::Encrypt, "key-1", asked(4301, 0)), unsupported);
    assert_eq!(proxy.bad(Api::Encrypt, "key-1", asked(0, 8193)), unsupported);
    for (name, length) in [("ciphertext", 4301), ("additionalAuthenticatedData", 8193)] {
        let mut more = good.clone();
        more[name] = STANDARD.encode(vec![1; length]).into();
        assert_eq!(proxy.bad(Api::Decrypt, "key-1", more), unsupported, "{name}");
    }
}

fn metadata_is_bound_and_the_references_aad_is_decrypted_by_a_setting(kind: Kind) {
    let proxy = Proxy::with(kind, |store| {
        store.ciphertext_metadata = b"m".to_vec();
        store.decrypts_reference_aad = true;
    });
    proxy.scene.key("key-1");
    // As the reference proxy seals: under the digest of the AAD, where there is one.
    for aad in [None, Some(&b""[..]), Some(b"aad")] {
        let framed = aad::to_try(aad, b"m", true).pop().unwrap();
        let work = Work::Encrypt { plaintext: Zeroizing::new(b"old".to_vec()), aad: framed, cdiv: None };
        let done = proxy.scene.block_on(proxy.store.hsms.run(&[0], "key-1", work, Instant::now() + LONG));
        let Ok(Outcome::Sealed(of_reference)) = done.outcome else { panic!("no ciphertext") };
        let asked = json!({
            "ciphertext": STANDARD.encode(&of_reference.ciphertext),
            "initializationVector": STANDARD.encode(&of_reference.iv),
            "authenticationTag": STANDARD.encode(&of_reference.tag),
            "ciphertextMetadata": STANDARD.encode(b"m"),
        });
        let asked = sealed(asked, aad);
        let opened = proxy.good(Api::Decrypt, "key-1", asked.clone());
        assert_eq!(bytes(&opened, "plaintext"), b"old");
        // Neither form fits another AAD.
        let other = sealed(asked, Some(b"other"));
        assert_eq!(proxy.bad(Api::Decrypt, "key-1", other), ErrorName::InvalidCiphertext);
    }
    let response = proxy.good(Api::Encrypt, "key-1", plain(b"new"));
    assert_eq!(bytes(&response, "ciphertextMetadata"), b"m");
    proxy.good(Api::Decrypt, "key-1", sealed(response, None));
}

fn keys_that_may_not_do_it_are_invalid_key_usage(kind: Kind) {
    let proxy = Proxy::new(kind);
    let flags = |encrypt, decrypt| [Attribute::Encrypt(encrypt), Attribute::Decrypt(decrypt)];
    proxy.scene.key_with("encrypts", &flags(true, false));
    proxy.scene.key_with("decrypts", &flags(false, true));
    proxy.scene.key("both");
    let response = proxy.good(Api::Encrypt, "encrypts", plain(b"x"));
    let refused = ErrorName::InvalidKeyUsage;
    assert_eq!(proxy.bad(Api::Decrypt, "encrypts", sealed(response, None)), refused);
    let mut trial = plain(b"x");
    trial["ciphertextDataIntegrityValueAlgorithm"] = "SHA_256".into();
    assert_eq!(proxy.bad(Api::Encrypt, "encrypts", trial), refused);
    assert_eq!(proxy.bad(Api::Encrypt, "decrypts", plain(b"x")), refused);
    let usage = |key| proxy.good(Api::GetKeyMetadata, key, json!({}))["keyUsage"].clone();
    let has = |key, name: &str| usage(key).as_array().unwrap().iter().any(|found| found == name);
    assert!(has("encrypts", "ENCRYPT") && !has("encrypts", "DECRYPT"));
    assert!(has("both", "ENCRYPT") && has("both", "DECRYPT"));
}

/// On one slot; HSMs of a cluster share it.
fn make(proxy: &Proxy, label: &str, bytes: u64) {
    let session = proxy.scene.session(proxy.scene.slots()[0]);
    let template = [
        Attribute::Label(label.into()),
        Attribute::ValueLen(bytes.into()),
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
    ];
    session.generate_key(&Mechanism::AesKeyGen, &template).unwrap();
}

fn an_empty_set_has_aes_256_keys_alone(kind: Kind) {
    let proxy = Proxy::with(kind, |store| store.keys.disabled = vec!["off-*".into()]);
    proxy.scene.key("key-1");
    proxy.scene.key("off-1");
    make(&proxy, "small", 16);
    let facts = proxy.good(Api::GetKeyMetadata, "key-1", json!({}));
    assert_eq!((&facts["keySpec"], &facts["keyStatus"]), (&json!("AES_256"), &json!("ENABLED")));
    let none = ErrorName::KeyNotFound;
    for key in ["small", "nowhere", ""] {
        assert_eq!(proxy.bad(Api::GetKeyMetadata, key, json!({})), none, "{key}");
        assert_eq!(proxy.bad(Api::Encrypt, key, plain(b"x")), none, "{key}");
    }
    // Of the probe: its key is none of a KMS key.
    wait_for("the probe has its key", || {
        proxy.store.hsms.probe();
        proxy.store.hsms.status().iter().all(|hsm| hsm.health == HealthStatus::Active)
    });
    assert_eq!(proxy.bad(Api::GetKeyMetadata, "probe", json!({})), none);
    assert_eq!(proxy.bad(Api::Encrypt, "probe", plain(b"x")), none);
    let off = proxy.good(Api::GetKeyMetadata, "off-1", json!({}));
    assert_eq!(off["keyStatus"], "DISABLED");
    assert_eq!(proxy.bad(Api::Encrypt, "off-1", plain(b"x")), ErrorName::InvalidState);
    // A key of the same name that is none of the set, once what was seen is not believed any more.
    proxy.good(Api::Encrypt, "key-1", plain(b"x"));
    proxy.scene.destroy("key-1");
    assert_eq!(proxy.bad(Api::GetKeyMetadata, "key-1", json!({})), none);
    assert_eq!(proxy.bad(Api::Encrypt, "key-1", plain(b"x")), none);
}

fn a_named_set_shows_keys_as_they_are(kind: Kind) {
    let proxy = Proxy::with(kind, |store| store.keys.allowed = vec!["small".into(), "twice-*".into()]);
    proxy.scene.key("key-1");
    make(&proxy, "small", 16);
    make(&proxy, "twice-1", 32);
    make(&proxy, "twice-1", 32);
    let facts = proxy.good(Api::GetKeyMetadata, "small", json!({}));
    assert_eq!(facts["keySpec"], "AES_128");
    proxy.good(Api::Encrypt, "small", plain(b"x"));
    assert_eq!(proxy.bad(Api::GetKeyMetadata, "key-1", json!({})), ErrorName::KeyNotFound);
    assert_eq!(proxy.bad(Api::Encrypt, "key-1", plain(b"x")), ErrorName::KeyNotFound);
    let answer = proxy.answer(Api::GetKeyMetadata, "twice-1", &request(json!({})));
    let error = answer.record.error.unwrap();
    assert_eq!(error.name, ErrorName::KeyNotFound);
    assert_eq!(error.detail.as_deref(), Some("2 keys of this name"));
}

#[test]
fn a_key_store_that_is_disabled_says_so_to_everybody() {
    let proxy = Proxy::with(Kind::Vhsm, |store| store.enabled = false);
    for api in Api::ALL {
        let members = if api == Api::Decrypt {
            sealed(json!({"ciphertext": "", "initializationVector": "", "authenticationTag": ""}), None)
        } else {
            plain(b"x")
        };
        assert_eq!(proxy.bad(api, "key-1", members), ErrorName::InvalidState, "{api:?}");
        assert_eq!(proxy.answer(api, "key-1", "{}").status, 400);
    }
}

#[test]
fn a_policy_decides_before_anything_is_told_of_a_key() {
    let policy = "@id(\"reads\") permit(principal, action == XksProxy::Action::\"GetKeyMetadata\", resource);
                  @id(\"key-1\") permit(principal, action, resource == XksProxy::Key::\"key-1\")
                  unless { context has kmsViaService };";
    let proxy = Proxy::new(Kind::Vhsm).under(policy);
    proxy.scene.key("key-1");
    proxy.scene.key("key-2");
    let record = proxy.answer(Api::Encrypt, "key-1", &request(plain(b"x"))).record;
    assert_eq!((record.rule.as_deref(), record.error), (Some("key-1"), None));
    assert!(record.authorized.is_some());
    for key in ["key-2", "nowhere"] {
        let record = proxy.answer(Api::Encrypt, key, &request(plain(b"x"))).record;
        assert_eq!(record.error.unwrap().name, ErrorName::AccessDenied, "{key}");
        assert_eq!(record.rule.as_deref(), Some("no policy permits this"));
        // No HSM was asked.
        assert!(record.worked.is_none() && record.hsm.is_none());
    }
    assert_eq!(proxy.bad(Api::GetKeyMetadata, "nowhere", json!({})), ErrorName::KeyNotFound);
    // No policy is asked about health.
    proxy.good(Api::GetHealthStatus, "", json!({}));
}

#[test]
fn a_rate_that_is_passed_is_throttled_but_not_health() {
    let proxy = Proxy::with(Kind::Vhsm, |store| store.requests_per_second = Some(1));
    proxy.scene.key("key-1");
    proxy.good(Api::Encrypt, "key-1", plain(b"x"));
    let begun = Instant::now();
    let second = proxy.answer(Api::GetKeyMetadata, "key-1", &request(json!({})));
    if begun.elapsed() < Duration::from_millis(500) {
        assert_eq!(second.record.error.unwrap().name, ErrorName::Throttling);
    }
    for _ in 0..3 {
        proxy.good(Api::GetHealthStatus, "", json!({}));
    }
}

#[test]
fn health_is_that_of_the_key_stores_hsms() {
    let proxy = Proxy::new(Kind::Vhsm);
    wait_for("all HSMs are active", || {
        proxy.store.hsms.probe();
        let status = proxy.store.hsms.status();
        status.len() == 2 && status.iter().all(|hsm| hsm.health == HealthStatus::Active)
    });
    let health = proxy.good(Api::GetHealthStatus, "", json!({}));
    assert_eq!(health["xksProxyFleetSize"], 3);
    for name in ["xksProxyVendor", "xksProxyModel", "ekmVendor"] {
        assert!(!health[name].as_str().unwrap().is_empty(), "{name}");
    }
    let entries = health["ekmFleetDetails"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    for entry in entries {
        assert_eq!(entry["healthStatus"], "ACTIVE");
        assert!(entry["id"].as_str().unwrap().starts_with("hsms/"));
        assert!(!entry["model"].as_str().unwrap().is_empty());
    }
}

/// HSMs that take longer are not waited for.
#[test]
fn no_answer_comes_after_its_deadline() {
    let proxy = Proxy::new(Kind::Vhsm);
    proxy.scene.key("key-1");
    proxy.good(Api::Encrypt, "key-1", plain(b"x"));
    proxy.scene.plan("[[fault]]\nfunction = [\"C_Encrypt\"]\nlatency_ms = 4000\n");
    let body = request(plain(b"x"));
    let begun = Instant::now();
    let call = Call {
        current: &proxy.current,
        store: &proxy.store,
        api: Api::Encrypt,
        key_id: Some("key-1"),
        body: body.as_bytes(),
        deadline: begun + Duration::from_millis(200),
    };
    let answer = proxy.scene.block_on(answer(call));
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    let error = answer.record.error.unwrap();
    assert_eq!((answer.status, error.name), (503, ErrorName::DependencyTimeout), "{error:?}");
    proxy.scene.plan("");
}
