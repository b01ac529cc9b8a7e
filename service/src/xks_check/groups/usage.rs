//! Keys that may not do all: what they must not do, and that they do the rest.

use super::super::calls::{Api, INVALID_KEY_USAGE, Sealed, random, sealed};
use super::super::outcome::{Finding, Outcome, ensure, skipped};
use super::super::proxy::Proxy;
use super::super::table::Check;
use super::key_metadata::{of, usages};

const USAGE: &str = "Error codes, InvalidKeyUsageException";
const METADATA: &str = "GetKeyMetadata, keyUsage";

pub const CHECKS: &[Check] = &[
    Check::must("usage.encrypt-only", USAGE, "the encrypt-only key encrypts", |proxy| {
        let key = encrypt_only(proxy)?;
        proxy.encrypt_with(key, &random(32), None, false)?;
        Ok("HTTP 200".to_owned())
    }),
    Check::must("usage.encrypt-only-decrypt", USAGE, "the encrypt-only key does not decrypt", |proxy| {
        let key = encrypt_only(proxy)?;
        let sealed = proxy.encrypt_with(key, &random(32), None, false)?;
        decrypts_not(proxy, key, &sealed)
    }),
    Check::must(
        "usage.encrypt-only-cdiv",
        "Encrypt, ciphertext data integrity value",
        "the encrypt-only key answers InvalidKeyUsageException where CDIV is asked for: its trial decryption fails",
        |proxy| {
            let key = encrypt_only(proxy)?;
            let body = proxy.encrypt_body(&random(32), Some(b"aad"), true);
            proxy.call_key(Api::Encrypt, key, &body)?.refused(&[INVALID_KEY_USAGE])
        },
    ),
    Check::must("usage.decrypt-only", USAGE, "the decrypt-only key does not encrypt", |proxy| {
        encrypts_not(proxy, decrypt_only(proxy)?)
    }),
    Check::must("usage.no-use", USAGE, "the key without uses neither encrypts nor decrypts", |proxy| {
        let key = no_use(proxy)?;
        encrypts_not(proxy, key)?;
        decrypts_not(proxy, key, &any_ciphertext())
    }),
    Check::should("usage.metadata", METADATA, "keyUsage tells what these keys may do", metadata),
];

fn encrypt_only(proxy: &Proxy) -> Result<&str, Finding> {
    proxy.target.encrypt_only_key.as_deref().ok_or_else(|| skipped("needs --encrypt-only-key"))
}

fn decrypt_only(proxy: &Proxy) -> Result<&str, Finding> {
    proxy.target.decrypt_only_key.as_deref().ok_or_else(|| skipped("needs --decrypt-only-key"))
}

fn no_use(proxy: &Proxy) -> Result<&str, Finding> {
    proxy.target.no_use_key.as_deref().ok_or_else(|| skipped("needs --no-use-key"))
}

fn any_ciphertext() -> Sealed {
    Sealed { ciphertext: random(32), iv: random(12), tag: random(16), metadata: None, cdiv: None }
}

fn encrypts_not(proxy: &Proxy, key: &str) -> Outcome {
    for (aad, cdiv) in [(None, false), (Some(&b"aad"[..]), false), (None, true), (Some(&b"aad"[..]), true)] {
        let reply = proxy.call_key(Api::Encrypt, key, &proxy.encrypt_body(&random(32), aad, cdiv))?;
        let what = format!("Encrypt {} AAD, {} CDIV", with(aad.is_some()), with(cdiv));
        reply.refused(&[INVALID_KEY_USAGE]).map_err(|finding| finding.about(what))?;
        // What refuses must not give the ciphertext along.
        ensure(sealed(&reply).is_err(), || "a ciphertext".to_owned())?;
    }
    Ok(INVALID_KEY_USAGE.to_owned())
}

fn with(there: bool) -> &'static str {
    if there { "with" } else { "without" }
}

fn decrypts_not(proxy: &Proxy, key: &str, sealed: &Sealed) -> Outcome {
    let reply = proxy.call_key(Api::Decrypt, key, &proxy.decrypt_body(sealed, None))?;
    reply.refused(&[INVALID_KEY_USAGE]).map_err(|finding| finding.about("Decrypt"))
}

fn metadata(proxy: &Proxy) -> Outcome {
    let target = &proxy.target;
    let keys = [
        (&target.encrypt_only_key, true, false),
        (&target.decrypt_only_key, false, true),
        (&target.no_use_key, false, false),
    ];
    let mut told = Vec::new();
    for (key, encrypts, decrypts) in keys {
        let Some(key) = key else { continue };
        let usages = usages(&of(proxy, key)?)?;
        let has = |usage: &str| usages.iter().any(|known| known == usage);
        told.push(format!("{key}: [{}]", usages.join(", ")));
        ensure((has("ENCRYPT"), has("DECRYPT")) == (encrypts, decrypts), || told.join("; "))?;
    }
    match told.is_empty() {
        true => Err(skipped("needs --encrypt-only-key, --decrypt-only-key or --no-use-key")),
        false => Ok(told.join("; ")),
    }
}
