//! GetKeyMetadata: what KMS wants of a key, and keys that there are not.

use super::super::calls::{Api, INVALID_URI_PATH, KEY_NOT_FOUND, Sealed, VALIDATION, random};
use super::super::outcome::{Finding, Outcome, ensure, missed};
use super::super::proxy::Proxy;
use super::super::table::Check;
use serde_json::{Value, json};

const CLAUSE: &str = "GetKeyMetadata";

pub const CHECKS: &[Check] = &[
    Check::must("key-metadata.spec", CLAUSE, "keySpec is AES_256", |proxy| {
        member(proxy, "keySpec", "AES_256")
    }),
    Check::must("key-metadata.status", CLAUSE, "keyStatus is ENABLED", |proxy| {
        member(proxy, "keyStatus", "ENABLED")
    }),
    Check::must(
        "key-metadata.usage",
        CLAUSE,
        "keyUsage is a list of at most 10 texts, ENCRYPT and DECRYPT among them",
        usage,
    ),
    Check::must(
        "key-metadata.unknown",
        CLAUSE,
        "each API answers KeyNotFoundException for an unknown key",
        unknown,
    ),
    Check::must(
        "key-metadata.similar",
        CLAUSE,
        "a part of a key's id, or more than it, is another id",
        similar,
    ),
    Check::must("key-metadata.longest", CLAUSE, "an id of 128 characters is one", longest),
    Check::should(
        "key-metadata.too-long",
        CLAUSE,
        "an id of 129 characters is refused as one that there is not",
        too_long,
    ),
];

/// The JSON of a key's metadata.
pub fn of(proxy: &Proxy, key: &str) -> Result<Value, Finding> {
    let body = json!({"requestMetadata": proxy.metadata(Api::GetKeyMetadata)});
    proxy.call_key(Api::GetKeyMetadata, key, &body)?.ok()
}

fn member(proxy: &Proxy, name: &str, value: &str) -> Outcome {
    let metadata = of(proxy, &proxy.target.key)?;
    ensure(metadata[name] == value, || metadata[name].to_string())?;
    Ok(value.to_owned())
}

/// keyUsage, where it is what it may be.
pub fn usages(metadata: &Value) -> Result<Vec<String>, Finding> {
    let list = metadata["keyUsage"].as_array().ok_or_else(|| missed("keyUsage is no list"))?;
    let texts: Option<Vec<String>> = list.iter().map(|usage| Some(usage.as_str()?.to_owned())).collect();
    let texts = texts.ok_or_else(|| missed("not all in keyUsage are texts"))?;
    ensure(texts.len() <= 10, || format!("{} usages", texts.len()))?;
    Ok(texts)
}

fn usage(proxy: &Proxy) -> Outcome {
    let usages = usages(&of(proxy, &proxy.target.key)?)?;
    for needed in ["ENCRYPT", "DECRYPT"] {
        ensure(usages.iter().any(|usage| usage == needed), || format!("[{}]", usages.join(", ")))?;
    }
    Ok(usages.join(", "))
}

/// Asserts that no API finds this key.
fn not_found(proxy: &Proxy, key: &str, names: &[&str]) -> Outcome {
    let sealed =
        Sealed { ciphertext: random(32), iv: random(12), tag: random(16), metadata: None, cdiv: None };
    let mut got = String::new();
    for api in [Api::GetKeyMetadata, Api::Encrypt, Api::Decrypt] {
        let reply = proxy.call_key(api, key, &proxy.good_body(api, &sealed))?;
        got = reply.refused(names).map_err(|finding| finding.about(format!("{} of {key}", api.name())))?;
    }
    Ok(got)
}

fn unknown(proxy: &Proxy) -> Outcome {
    not_found(proxy, &format!("no-such-key-{}", uuid::Uuid::new_v4()), &[KEY_NOT_FOUND])
}

fn similar(proxy: &Proxy) -> Outcome {
    let key = &proxy.target.key;
    for more in ["-0", ".", "_"].iter().filter(|more| key.len() + more.len() <= 128) {
        not_found(proxy, &format!("{key}{more}"), &[KEY_NOT_FOUND])?;
    }
    match key.len() {
        1 => Ok(KEY_NOT_FOUND.to_owned()),
        length => not_found(proxy, &key[..length - 1], &[KEY_NOT_FOUND]),
    }
}

fn longest(proxy: &Proxy) -> Outcome {
    not_found(proxy, &"Az09-._k".repeat(16), &[KEY_NOT_FOUND])
}

fn too_long(proxy: &Proxy) -> Outcome {
    not_found(proxy, &"k".repeat(129), &[KEY_NOT_FOUND, VALIDATION, INVALID_URI_PATH])
}
