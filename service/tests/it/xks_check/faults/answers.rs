//! In what is told: of keys and of health, and by errors.

use super::super::proxy::SECRET;
use super::super::relay::{Answered, Asked};
use super::*;
use serde_json::json;

pub fn keys() -> Vec<Fault> {
    let not_found = |answered: &Answered| answered.is("KeyNotFoundException");
    vec![
        answer(
            "another keySpec",
            |_, answered| member(answered, "keySpec", json!("AES_128")),
            &["key-metadata.spec"],
        ),
        answer(
            "another keyStatus",
            |_, answered| member(answered, "keyStatus", json!("DISABLED")),
            &["key-metadata.status"],
        ),
        answer(
            "another keyUsage",
            |_, answered| member(answered, "keyUsage", json!(["ENCRYPT"])),
            &["key-metadata.usage", "usage.metadata"],
        ),
        answer(
            "a keyUsage of one text",
            |_, answered| member(answered, "keyUsage", json!("ENCRYPT, DECRYPT")),
            &["key-metadata.usage", "usage.metadata"],
        ),
        answer(
            "an unknown key is an internal error",
            move |_, answered| {
                if not_found(answered) {
                    *answered = Answered::error(500, "InternalException").unwrap();
                }
            },
            &[
                "key-metadata.longest",
                "key-metadata.similar",
                "key-metadata.too-long",
                "key-metadata.unknown",
            ],
        ),
        ask(
            "ids are prefixes",
            |asked| {
                asked.redirect("/keys/key-0/", "/keys/key/");
                None
            },
            &["key-metadata.similar"],
        ),
        refuse(
            "ids have 100 characters at most",
            |asked| asked.path.contains(&"Az09-._k".repeat(16)),
            INTERNAL,
            &["key-metadata.longest"],
        ),
        refuse(
            "long ids are internal errors",
            |asked| asked.path.contains(&"k".repeat(129)),
            INTERNAL,
            &["key-metadata.too-long"],
        ),
        ask(
            "the encrypt-only key decrypts",
            |asked| {
                asked.redirect("/keys/encrypt-only/decrypt", "/keys/key/decrypt");
                None
            },
            &["usage.encrypt-only-decrypt"],
        ),
        change_for(
            "CDIV is given without a trial",
            "/keys/encrypt-only/encrypt",
            |body| {
                drop(body.as_object_mut().unwrap().remove("ciphertextDataIntegrityValueAlgorithm"));
            },
            &["usage.encrypt-only-cdiv"],
        ),
        refuse(
            "the encrypt-only key does nothing",
            |asked| asked.is("/keys/encrypt-only/encrypt"),
            (400, "InvalidKeyUsageException"),
            &["usage.encrypt-only", "usage.encrypt-only-decrypt"],
        ),
        ask(
            "the decrypt-only key encrypts",
            |asked| {
                asked.redirect("/keys/decrypt-only/encrypt", "/keys/key/encrypt");
                None
            },
            &["usage.decrypt-only"],
        ),
        ask(
            "the key without uses encrypts",
            |asked| {
                asked.redirect("/keys/no-use/encrypt", "/keys/key/encrypt");
                None
            },
            &["usage.no-use"],
        ),
        ask(
            "the keys of metadata are not the keys",
            |asked| {
                asked.redirect("/keys/no-use/metadata", "/keys/key/metadata");
                None
            },
            &["usage.metadata"],
        ),
        ask(
            "all keys decrypt with the same material",
            |asked| {
                asked.redirect("/keys/decrypt-only/decrypt", "/keys/key/decrypt");
                None
            },
            &["decrypt.other-key"],
        ),
    ]
}

pub fn health() -> Vec<Fault> {
    let details = |status: &str| json!([{"id": "1", "model": "m", "healthStatus": status}]);
    vec![
        answer(
            "a fleet of 0",
            |_, answered| member(answered, "xksProxyFleetSize", json!(0)),
            &["health.fleet-size"],
        ),
        answer(
            "a fleet's size as text",
            |_, answered| member(answered, "xksProxyFleetSize", json!("1")),
            &["health.fleet-size"],
        ),
        answer("no vendor", |_, answered| member(answered, "ekmVendor", json!(null)), &["health.names"]),
        answer(
            "no key manager",
            |_, answered| member(answered, "ekmFleetDetails", json!([])),
            &["health.available", "health.details"],
        ),
        answer(
            "a key manager without id",
            |_, answered| {
                member(answered, "ekmFleetDetails", json!([{"model": "m", "healthStatus": "ACTIVE"}]))
            },
            &["health.details"],
        ),
        answer(
            "another status",
            move |_, answered| member(answered, "ekmFleetDetails", details("GOOD")),
            &["health.status"],
        ),
        answer(
            "all unavailable",
            move |_, answered| member(answered, "ekmFleetDetails", details("UNAVAILABLE")),
            &["health.available"],
        ),
        refuse(
            "one operation",
            |asked| asked.metadata("kmsOperation") == "UpdateCustomKeyStore",
            VALIDATION,
            &["health.operations"],
        ),
    ]
}

pub fn errors() -> Vec<Fault> {
    let not_found = |answered: &Answered| answered.is("KeyNotFoundException");
    let message = |text: String| {
        move |_: &Asked, answered: &mut Answered| {
            if not_found(answered) {
                answered.change(|body| body["errorMessage"] = json!(text));
            }
        }
    };
    vec![
        answer(
            "another HTTP status",
            move |_, answered| {
                if not_found(answered) {
                    answered.status = 400
                }
            },
            &["errors.status"],
        ),
        answer(
            "a name of its own",
            move |_, answered| {
                if not_found(answered) {
                    answered.change(|body| body["errorName"] = json!("NoSuchKeyException"));
                }
            },
            &[
                "errors.name",
                "key-metadata.longest",
                "key-metadata.similar",
                "key-metadata.too-long",
                "key-metadata.unknown",
            ],
        ),
        answer(
            "no JSON",
            move |_, answered| {
                if not_found(answered) {
                    answered.body = b"<html>".to_vec()
                }
            },
            &[
                "errors.json",
                "key-metadata.longest",
                "key-metadata.similar",
                "key-metadata.too-long",
                "key-metadata.unknown",
            ],
        ),
        answer("a long message", message("m".repeat(512)), &["errors.message-length"]),
        answer("a message that is not ASCII", message("\u{e4}".into()), &["errors.message"]),
        answer("a message of two lines", message("a\nb".into()), &["errors.message"]),
        answer("the secret is told", message(format!("not {SECRET}")), &["errors.secrets"]),
        answer(
            "the plaintext is told",
            move |_, answered| {
                if not_found(answered) {
                    answered.change(|body| body["plaintext"] = json!("AAAA"));
                }
            },
            &["errors.secrets"],
        ),
    ]
}
