//! Encrypt: what comes back, at every size, and what is refused.

use super::super::calls::{
    AAD_BYTES, Api, INVALID_CIPHERTEXT, PLAINTEXT_BYTES, Sealed, UNSUPPORTED, VALIDATION, base64, random,
    sealed,
};
use super::super::outcome::{Finding, Outcome, ensure, missed};
use super::super::proxy::Proxy;
use super::super::table::Check;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashSet;

const ENCRYPT: &str = "Encrypt";
const CDIV: &str = "Encrypt, ciphertext data integrity value";
const FORMS: &str = "Encrypt, base64";
/// How many IVs must differ, and on how many connections they are made.
const IVS: usize = 1000;
const CONNECTIONS: usize = 8;
/// Around the ends of AES's blocks and of base64's groups, and the largest of all.
const SIZES: &[usize] =
    &[1, 2, 3, 15, 16, 17, 31, 32, 33, 255, 256, 1024, 4095, 4096, 4097, 4299, PLAINTEXT_BYTES];

pub const CHECKS: &[Check] = &[
    Check::must(
        "encrypt.round-trip",
        ENCRYPT,
        "plaintexts of 1 to 4300 bytes come back from Decrypt",
        round_trip,
    ),
    Check::must("encrypt.aad", ENCRYPT, "AADs of 1 to 8192 bytes are taken, and needed to decrypt", aad),
    Check::must(
        "encrypt.largest",
        ENCRYPT,
        "4300 bytes of plaintext with 8192 bytes of AAD, at once and with CDIV",
        largest,
    ),
    Check::must(
        "encrypt.empty-aad",
        ENCRYPT,
        "an empty AAD, and none, each decrypts as it was encrypted",
        empty_aad,
    ),
    Check::must("encrypt.ciphertext", ENCRYPT, "the ciphertext is as long as the plaintext", |proxy| {
        lengths(proxy, |sealed, plaintext| {
            ("ciphertext", sealed.ciphertext.len(), sealed.ciphertext.len() == plaintext)
        })
    }),
    Check::must("encrypt.iv", ENCRYPT, "the IV has 12 or 16 bytes", |proxy| {
        lengths(proxy, |sealed, _| ("IV", sealed.iv.len(), matches!(sealed.iv.len(), 12 | 16)))
    }),
    Check::must("encrypt.tag", ENCRYPT, "the tag has 16 bytes", |proxy| {
        lengths(proxy, |sealed, _| ("tag", sealed.tag.len(), sealed.tag.len() == 16))
    }),
    Check::must(
        "encrypt.metadata",
        ENCRYPT,
        "ciphertextMetadata, where there is any, has at most 20 bytes",
        |proxy| {
            lengths(proxy, |sealed, _| {
                let length = sealed.metadata.as_ref().map_or(0, Vec::len);
                ("ciphertextMetadata", length, length <= 20)
            })
        },
    ),
    Check::must(
        "encrypt.base64",
        FORMS,
        "answers have base64 with the standard alphabet and padding",
        answers_in_base64,
    ),
    Check::must("encrypt.cdiv", CDIV, "SHA-256 of metadata, IV, ciphertext and tag", |proxy| {
        cdiv(proxy, None)
    }),
    Check::must("encrypt.cdiv-aad", CDIV, "SHA-256 of AAD, metadata, IV, ciphertext and tag", |proxy| {
        cdiv(proxy, Some(b"project=nile,department=marketing"))
    }),
    Check::should("encrypt.cdiv-unasked", CDIV, "is not there where it was not asked for", cdiv_unasked),
    Check::must("encrypt.fresh-ivs", ENCRYPT, "1,000 calls have 1,000 different IVs", fresh_ivs),
    Check::must(
        "encrypt.missing",
        ENCRYPT,
        "ValidationException where plaintext or encryptionAlgorithm is missing",
        missing,
    ),
    Check::must("encrypt.types", ENCRYPT, "ValidationException where a member has another type", types),
    Check::must("encrypt.no-base64", FORMS, "ValidationException for what is no base64", no_base64),
    Check::must(
        "encrypt.url-safe",
        FORMS,
        "ValidationException for base64 of the URL-safe alphabet",
        |proxy| bad_base64(proxy, &[URL_SAFE.encode([0xfb, 0xff, 0xfe])]),
    ),
    Check::must("encrypt.padding", FORMS, "ValidationException for base64 without its padding", |proxy| {
        bad_base64(proxy, &[STANDARD_NO_PAD.encode(b"ab"), STANDARD_NO_PAD.encode(b"a")])
    }),
    Check::must("encrypt.algorithm", ENCRYPT, "another encryptionAlgorithm is refused", |proxy| {
        algorithm(proxy, "encryptionAlgorithm", &["AES_CBC", "aes_gcm", ""])
    }),
    Check::must("encrypt.cdiv-algorithm", CDIV, "another algorithm is refused", |proxy| {
        algorithm(proxy, "ciphertextDataIntegrityValueAlgorithm", &["SHA_1", "sha_256", ""])
    }),
    Check::must(
        "encrypt.larger-plaintext",
        "Error codes",
        "a larger plaintext is UnsupportedOperationException or ValidationException, or comes back whole",
        larger_plaintext,
    ),
    Check::must(
        "encrypt.larger-aad",
        "Error codes",
        "a larger AAD is UnsupportedOperationException or ValidationException, or bound whole",
        larger_aad,
    ),
];

fn round_trip(proxy: &Proxy) -> Outcome {
    for &size in SIZES {
        let plaintext = random(size);
        let about = |finding: Finding| finding.about(format!("{size} bytes"));
        let sealed = proxy.encrypt(&plaintext, None).map_err(about)?;
        proxy.opens(&sealed, None, &plaintext).map_err(about)?;
    }
    Ok(format!("{} sizes", SIZES.len()))
}

fn aad(proxy: &Proxy) -> Outcome {
    for size in [1, 2, 16, 255, 256, 4096, 8191, AAD_BYTES] {
        let (plaintext, aad) = (random(32), random(size));
        let about = |finding: Finding| finding.about(format!("AAD of {size} bytes"));
        let sealed = proxy.encrypt(&plaintext, Some(&aad)).map_err(about)?;
        proxy.opens(&sealed, Some(&aad), &plaintext).map_err(about)?;
        let without = |finding: Finding| about(finding.about("Decrypt without it"));
        proxy.shuts(&sealed, None, &[INVALID_CIPHERTEXT]).map_err(without)?;
    }
    Ok("HTTP 200".to_owned())
}

fn largest(proxy: &Proxy) -> Outcome {
    let (plaintext, aad) = (random(PLAINTEXT_BYTES), random(AAD_BYTES));
    for cdiv in [false, true] {
        let sealed = proxy.encrypt_with(&proxy.target.key, &plaintext, Some(&aad), cdiv)?;
        proxy.opens(&sealed, Some(&aad), &plaintext)?;
    }
    Ok("HTTP 200".to_owned())
}

/// Whether an empty AAD and none are the same is the proxy's affair.
fn empty_aad(proxy: &Proxy) -> Outcome {
    let plaintext = random(32);
    for aad in [None, Some(&b""[..])] {
        let about = |finding: Finding| finding.about(if aad.is_some() { "empty AAD" } else { "no AAD" });
        let sealed = proxy.encrypt(&plaintext, aad).map_err(about)?;
        proxy.opens(&sealed, aad, &plaintext).map_err(about)?;
    }
    let sealed = proxy.encrypt(&plaintext, None)?;
    match proxy.opens(&sealed, Some(b""), &plaintext) {
        Ok(()) => Ok("an empty AAD is as none".to_owned()),
        Err(_) => Ok("an empty AAD is another than none".to_owned()),
    }
}

/// Looks at one length of the answers for several plaintexts.
fn lengths(proxy: &Proxy, look: fn(&Sealed, usize) -> (&'static str, usize, bool)) -> Outcome {
    let mut got = String::new();
    for size in [1, 15, 16, 17, 1024] {
        let (what, length, good) = look(&proxy.encrypt(&random(size), Some(b"aad"))?, size);
        got = format!("{what} of {length} bytes for a plaintext of {size}");
        ensure(good, || got.clone())?;
    }
    Ok(got)
}

/// Enough bytes that each letter of the alphabet occurs, and each padding.
fn answers_in_base64(proxy: &Proxy) -> Outcome {
    for size in [3000, 3001, 3002] {
        let plaintext = random(size);
        let reply = proxy.call(Api::Encrypt, &proxy.encrypt_body(&plaintext, None, true))?;
        let json = reply.ok()?;
        let members = [
            "ciphertext",
            "initializationVector",
            "authenticationTag",
            "ciphertextMetadata",
            "ciphertextDataIntegrityValue",
        ];
        for member in members {
            standard(&json, member)?;
        }
        let opened = proxy.decrypt(&sealed(&reply)?, None)?.ok()?;
        standard(&opened, "plaintext")?;
    }
    Ok("base64 as RFC 4648 sec. 4 has it".to_owned())
}

fn standard(json: &Value, member: &str) -> Result<(), Finding> {
    let Some(text) = json[member].as_str() else { return Ok(()) };
    STANDARD.decode(text).map(drop).map_err(|_| missed(format!("{member} has another form")))
}

fn cdiv(proxy: &Proxy, aad: Option<&[u8]>) -> Outcome {
    for size in [1, 32, 1024] {
        let plaintext = random(size);
        let sealed = proxy.encrypt_with(&proxy.target.key, &plaintext, aad, true)?;
        let given = sealed.cdiv.as_deref().ok_or_else(|| missed("no ciphertextDataIntegrityValue"))?;
        let metadata = sealed.metadata.as_deref().unwrap_or_default();
        let parts = [aad.unwrap_or_default(), metadata, &sealed.iv, &sealed.ciphertext, &sealed.tag];
        let computed = Sha256::digest(parts.concat());
        ensure(given == &computed[..], || format!("another value, for a plaintext of {size} bytes"))?;
        proxy.opens(&sealed, aad, &plaintext)?;
    }
    Ok("the same value".to_owned())
}

fn cdiv_unasked(proxy: &Proxy) -> Outcome {
    let sealed = proxy.encrypt(&random(32), None)?;
    ensure(sealed.cdiv.is_none(), || "a value".to_owned())?;
    Ok("none".to_owned())
}

fn fresh_ivs(proxy: &Proxy) -> Outcome {
    let ivs = super::together(CONNECTIONS, |_| {
        let mut connection = proxy.connect()?;
        let calls = (0..IVS / CONNECTIONS).map(|_| {
            let body = proxy.encrypt_body(&[0; 16], None, false);
            let request = proxy.signed(proxy.request(Api::Encrypt, &proxy.target.key, &body));
            Ok(sealed(&proxy.answer_on(&mut connection, &request)?)?.iv)
        });
        calls.collect::<Result<Vec<_>, Finding>>()
    })?;
    let all: Vec<_> = ivs.into_iter().flatten().collect();
    let different: HashSet<_> = all.iter().collect();
    ensure(different.len() == all.len(), || format!("{} different among {}", different.len(), all.len()))?;
    Ok(format!("{} different", different.len()))
}

/// Asserts that a body like Encrypt's, changed, is refused by one of these.
fn refused(proxy: &Proxy, change: impl Fn(&mut Value), names: &[&str]) -> Outcome {
    let mut body = proxy.encrypt_body(&random(32), Some(b"aad"), true);
    change(&mut body);
    proxy.call(Api::Encrypt, &body)?.refused(names)
}

fn missing(proxy: &Proxy) -> Outcome {
    for member in ["plaintext", "encryptionAlgorithm"] {
        let remove = |body: &mut Value| drop(body.as_object_mut().and_then(|body| body.remove(member)));
        refused(proxy, remove, &[VALIDATION])
            .map_err(|finding| finding.about(format!("without {member}")))?;
    }
    Ok(VALIDATION.to_owned())
}

fn types(proxy: &Proxy) -> Outcome {
    for member in ["plaintext", "encryptionAlgorithm", "additionalAuthenticatedData"] {
        for wrong in [json!(1), json!(["QUJD"]), json!({}), json!(true)] {
            let about = |finding: Finding| finding.about(format!("{member} {wrong}"));
            refused(proxy, |body| body[member] = wrong.clone(), &[VALIDATION]).map_err(about)?;
        }
    }
    Ok(VALIDATION.to_owned())
}

fn bad_base64(proxy: &Proxy, texts: &[String]) -> Outcome {
    for member in ["plaintext", "additionalAuthenticatedData"] {
        for text in texts {
            let about = |finding: Finding| finding.about(format!("{member} {text:?}"));
            refused(proxy, |body| body[member] = json!(text), &[VALIDATION]).map_err(about)?;
        }
    }
    Ok(VALIDATION.to_owned())
}

fn no_base64(proxy: &Proxy) -> Outcome {
    let good = base64(b"abcdef");
    let texts = [
        "****".to_owned(),
        "A".to_owned(),
        format!("{good}="),
        format!(" {good}"),
        format!("{}\n{}", &good[..4], &good[4..]),
        "\u{e4}\u{e4}".to_owned(),
    ];
    bad_base64(proxy, &texts)
}

fn algorithm(proxy: &Proxy, member: &str, values: &[&str]) -> Outcome {
    let mut got = String::new();
    for value in values {
        let about = |finding: Finding| finding.about(format!("{value:?}"));
        got =
            refused(proxy, |body| body[member] = json!(value), &[VALIDATION, UNSUPPORTED]).map_err(about)?;
    }
    Ok(got)
}

fn larger_plaintext(proxy: &Proxy) -> Outcome {
    let mut got = String::new();
    for size in [PLAINTEXT_BYTES + 1, 8192, 65_536] {
        let plaintext = random(size);
        let about = |finding: Finding| finding.about(format!("{size} bytes"));
        let reply = proxy.call(Api::Encrypt, &proxy.encrypt_body(&plaintext, None, false)).map_err(about)?;
        if reply.status == 200 {
            proxy.opens(&sealed(&reply)?, None, &plaintext).map_err(about)?;
            got = format!("{size} bytes come back");
        } else {
            got = reply.refused(&[UNSUPPORTED, VALIDATION]).map_err(about)?;
        }
    }
    Ok(got)
}

/// The length before the AAD has two bytes: 65536 would be as 0.
fn larger_aad(proxy: &Proxy) -> Outcome {
    let plaintext = random(32);
    let mut got = String::new();
    for size in [AAD_BYTES + 1, 16_384, 65_535, 65_536, 65_537] {
        let mut aad = random(size);
        let about = |finding: Finding| finding.about(format!("AAD of {size} bytes"));
        let reply =
            proxy.call(Api::Encrypt, &proxy.encrypt_body(&plaintext, Some(&aad), false)).map_err(about)?;
        if reply.status == 200 {
            let sealed = sealed(&reply)?;
            proxy.opens(&sealed, Some(&aad), &plaintext).map_err(about)?;
            aad[size - 1] ^= 1;
            proxy.shuts(&sealed, Some(&aad), &[INVALID_CIPHERTEXT]).map_err(about)?;
            got = format!("{size} bytes are bound");
        } else {
            got = reply.refused(&[UNSUPPORTED, VALIDATION]).map_err(about)?;
        }
    }
    Ok(got)
}
