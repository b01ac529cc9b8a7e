//! Decrypt: nothing may be changed of what Encrypt gave.

use super::super::calls::{Api, INVALID_CIPHERTEXT, Sealed, UNSUPPORTED, VALIDATION, base64, random};
use super::super::outcome::{Finding, Outcome, ensure, skipped};
use super::super::proxy::Proxy;
use super::super::table::Check;
use serde_json::{Value, json};

const DECRYPT: &str = "Decrypt";
const BINDING: &str = "Decrypt, AAD and ciphertextMetadata";
const AAD: &[u8] = b"department=marketing,project=nile";
/// Where a length is wrong, both names tell it.
const EITHER: &[&str] = &[INVALID_CIPHERTEXT, VALIDATION];

pub const CHECKS: &[Check] = &[
    Check::must("decrypt.repeated", DECRYPT, "the same ciphertext decrypts again and again", repeated),
    Check::must(
        "decrypt.ciphertext",
        DECRYPT,
        "InvalidCiphertextException where any byte of the ciphertext is changed",
        |proxy| each_byte(proxy, |sealed| &mut sealed.ciphertext),
    ),
    Check::must(
        "decrypt.iv",
        DECRYPT,
        "InvalidCiphertextException where any byte of the IV is changed",
        |proxy| each_byte(proxy, |sealed| &mut sealed.iv),
    ),
    Check::must(
        "decrypt.tag",
        DECRYPT,
        "InvalidCiphertextException where any bit of the tag is changed",
        |proxy| each_bit(proxy, |sealed| &mut sealed.tag),
    ),
    Check::must(
        "decrypt.aad",
        BINDING,
        "InvalidCiphertextException where the AAD is changed, cut, longer, missing or new",
        aad,
    ),
    Check::must(
        "decrypt.metadata",
        BINDING,
        "InvalidCiphertextException where the metadata is changed, cut, longer, missing or new",
        metadata,
    ),
    Check::must(
        "decrypt.boundary",
        BINDING,
        "InvalidCiphertextException where bytes are moved from AAD to metadata, or back",
        boundary,
    ),
    Check::must(
        "decrypt.swapped",
        DECRYPT,
        "InvalidCiphertextException for a tag, or an IV, of another ciphertext",
        swapped,
    ),
    Check::must(
        "decrypt.other-key",
        DECRYPT,
        "InvalidCiphertextException for another key's ciphertext",
        other_key,
    ),
    Check::must(
        "decrypt.length",
        DECRYPT,
        "InvalidCiphertextException for a ciphertext that was cut or is longer",
        length,
    ),
    Check::must("decrypt.iv-length", DECRYPT, "an IV of another length is refused", |proxy| {
        other_lengths(proxy, |sealed| &mut sealed.iv, &[0, 1, 8, 11, 13, 15, 17, 32])
    }),
    Check::must("decrypt.tag-length", DECRYPT, "a tag of another length is refused", |proxy| {
        other_lengths(proxy, |sealed| &mut sealed.tag, &[0, 1, 4, 8, 12, 13, 14, 15, 17, 32])
    }),
    Check::must(
        "decrypt.metadata-length",
        DECRYPT,
        "metadata of more than 20 bytes is refused",
        metadata_length,
    ),
    Check::must("decrypt.empty", DECRYPT, "an empty ciphertext is refused", empty),
    Check::must(
        "decrypt.missing",
        DECRYPT,
        "ValidationException, or InvalidCiphertextException, where a member is missing",
        missing,
    ),
    Check::must("decrypt.types", DECRYPT, "ValidationException where a member has another type", types),
    Check::must(
        "decrypt.base64",
        "Decrypt, base64",
        "what is no base64, URL-safe, or without padding is refused",
        no_base64,
    ),
    Check::must("decrypt.algorithm", DECRYPT, "another encryptionAlgorithm is refused", algorithm),
];

/// A ciphertext with AAD, and its plaintext.
fn sample(proxy: &Proxy) -> Result<(Sealed, Vec<u8>), Finding> {
    let plaintext = random(48);
    Ok((proxy.encrypt(&plaintext, Some(AAD))?, plaintext))
}

/// Asserts that a changed ciphertext is refused, after the unchanged one was not.
fn spoiled(proxy: &Proxy, changes: Vec<(String, Sealed, Option<Vec<u8>>)>, names: &[&str]) -> Outcome {
    let count = changes.len();
    for (what, sealed, aad) in changes {
        proxy.shuts(&sealed, aad.as_deref(), names).map_err(|finding| finding.about(what))?;
    }
    Ok(format!("{count} changes refused"))
}

fn checked_sample(proxy: &Proxy) -> Result<Sealed, Finding> {
    let (sealed, plaintext) = sample(proxy)?;
    proxy.opens(&sealed, Some(AAD), &plaintext)?;
    Ok(sealed)
}

/// A copy that one thing is done to.
fn changed(sealed: &Sealed, change: impl FnOnce(&mut Sealed)) -> Sealed {
    let mut copy = sealed.clone();
    change(&mut copy);
    copy
}

fn repeated(proxy: &Proxy) -> Outcome {
    let (sealed, plaintext) = sample(proxy)?;
    for _ in 0..3 {
        proxy.opens(&sealed, Some(AAD), &plaintext)?;
    }
    Ok("the same plaintext".to_owned())
}

fn each_byte(proxy: &Proxy, part: fn(&mut Sealed) -> &mut Vec<u8>) -> Outcome {
    bits(proxy, part, |byte| (0..1).map(move |_| 1 << (byte % 8)).collect())
}

fn each_bit(proxy: &Proxy, part: fn(&mut Sealed) -> &mut Vec<u8>) -> Outcome {
    bits(proxy, part, |_| (0..8).map(|bit| 1 << bit).collect())
}

fn bits(proxy: &Proxy, part: fn(&mut Sealed) -> &mut Vec<u8>, masks: fn(usize) -> Vec<u8>) -> Outcome {
    let mut sealed = checked_sample(proxy)?;
    let changes =
        (0..part(&mut sealed).len()).flat_map(|byte| masks(byte).into_iter().map(move |mask| (byte, mask)));
    let changes: Vec<_> = changes.collect();
    let changes = changes.into_iter().map(|(byte, mask)| {
        let copy = changed(&sealed, |sealed| part(sealed)[byte] ^= mask);
        (format!("byte {byte} ^ {mask:#04x}"), copy, Some(AAD.to_vec()))
    });
    spoiled(proxy, changes.collect(), &[INVALID_CIPHERTEXT])
}

fn aad(proxy: &Proxy) -> Outcome {
    let sealed = checked_sample(proxy)?;
    let (mut first, mut last) = (AAD.to_vec(), AAD.to_vec());
    first[0] ^= 1;
    last[AAD.len() - 1] ^= 0x80;
    let with = |what: &str, aad: Option<Vec<u8>>| (what.to_owned(), sealed.clone(), aad);
    let mut changes = vec![
        with("first byte changed", Some(first)),
        with("last byte changed", Some(last)),
        with("cut", Some(AAD[..AAD.len() - 1].to_vec())),
        with("longer", Some([AAD, &[0]].concat())),
        with("empty", Some(Vec::new())),
        with("missing", None),
    ];
    let without = proxy.encrypt(&random(48), None)?;
    changes.push(("new".to_owned(), without, Some(vec![0])));
    spoiled(proxy, changes, &[INVALID_CIPHERTEXT])
}

fn metadata(proxy: &Proxy) -> Outcome {
    let sealed = checked_sample(proxy)?;
    let with = |what: &str, metadata: Option<Vec<u8>>| {
        (what.to_owned(), changed(&sealed, |sealed| sealed.metadata = metadata), Some(AAD.to_vec()))
    };
    let given = sealed.metadata.clone().filter(|metadata| !metadata.is_empty());
    let Some(given) = given else {
        let new = vec![with("new", Some(b"x".to_vec())), with("new and 20 bytes long", Some(vec![0; 20]))];
        return spoiled(proxy, new, &[INVALID_CIPHERTEXT]);
    };
    let mut changes = vec![with("missing", None), with("empty", Some(Vec::new()))];
    for byte in 0..given.len() {
        let mut other = given.clone();
        other[byte] ^= 1;
        changes.push(with(&format!("byte {byte} changed"), Some(other)));
    }
    if given.len() > 1 {
        changes.push(with("cut", Some(given[..given.len() - 1].to_vec())));
    }
    if given.len() < 20 {
        changes.push(with("longer", Some([&given[..], &[0]].concat())));
    }
    spoiled(proxy, changes, &[INVALID_CIPHERTEXT])
}

/// Where AAD and metadata are joined without their lengths, these are the same bytes for the HSM.
fn boundary(proxy: &Proxy) -> Outcome {
    let sealed = checked_sample(proxy)?;
    let given = sealed.metadata.clone().unwrap_or_default();
    let mut changes = Vec::new();
    for order in ["AAD first", "metadata first"] {
        let aad_first = order == "AAD first";
        let joined = if aad_first { [AAD, &given].concat() } else { [&given[..], AAD].concat() };
        for moved in (0..=20.min(joined.len())).filter(|&moved| moved != given.len()) {
            let (aad, metadata) = match aad_first {
                true => (&joined[..joined.len() - moved], &joined[joined.len() - moved..]),
                false => (&joined[moved..], &joined[..moved]),
            };
            let metadata = Some(metadata.to_vec()).filter(|metadata| !metadata.is_empty());
            let copy = changed(&sealed, |sealed| sealed.metadata = metadata);
            changes.push((format!("{order}, metadata of {moved} bytes"), copy, Some(aad.to_vec())));
        }
    }
    spoiled(proxy, changes, &[INVALID_CIPHERTEXT])
}

fn swapped(proxy: &Proxy) -> Outcome {
    let (sealed, other) = (checked_sample(proxy)?, checked_sample(proxy)?);
    let tag = changed(&sealed, |sealed| sealed.tag.clone_from(&other.tag));
    let iv = changed(&sealed, |sealed| sealed.iv.clone_from(&other.iv));
    let aad = Some(AAD.to_vec());
    let changes = vec![("tag".to_owned(), tag, aad.clone()), ("IV".to_owned(), iv, aad)];
    spoiled(proxy, changes, &[INVALID_CIPHERTEXT])
}

fn other_key(proxy: &Proxy) -> Outcome {
    let target = &proxy.target;
    if let Some(other) = &target.decrypt_only_key {
        let (sealed, _) = sample(proxy)?;
        let reply = proxy.call_key(Api::Decrypt, other, &proxy.decrypt_body(&sealed, Some(AAD)))?;
        return reply.refused(&[INVALID_CIPHERTEXT]);
    }
    let other = target.encrypt_only_key.as_ref();
    let other = other.ok_or_else(|| skipped("needs --decrypt-only-key or --encrypt-only-key"))?;
    let sealed = proxy.encrypt_with(other, &random(48), Some(AAD), false)?;
    proxy.decrypt(&sealed, Some(AAD))?.refused(&[INVALID_CIPHERTEXT])
}

fn length(proxy: &Proxy) -> Outcome {
    let sealed = checked_sample(proxy)?;
    let aad = Some(AAD.to_vec());
    let cut = changed(&sealed, |sealed| sealed.ciphertext.truncate(sealed.ciphertext.len() - 1));
    let longer = changed(&sealed, |sealed| sealed.ciphertext.push(0));
    let tag_added = changed(&sealed, |sealed| {
        let tag = sealed.tag.clone();
        sealed.ciphertext.extend(tag);
    });
    let changes = vec![
        ("cut".to_owned(), cut, aad.clone()),
        ("longer".to_owned(), longer, aad.clone()),
        ("with the tag behind it".to_owned(), tag_added, aad),
    ];
    spoiled(proxy, changes, &[INVALID_CIPHERTEXT])
}

/// Longer ones begin with the right bytes, and shorter ones are its beginning: a truncated tag must not do.
fn other_lengths(proxy: &Proxy, part: fn(&mut Sealed) -> &mut Vec<u8>, lengths: &[usize]) -> Outcome {
    let sealed = checked_sample(proxy)?;
    let changes = lengths.iter().map(|&length| {
        let copy = changed(&sealed, |sealed| part(sealed).resize(length, 0));
        (format!("{length} bytes"), copy, Some(AAD.to_vec()))
    });
    // A proxy whose IV has one of these lengths is asked for the others.
    let right = part(&mut sealed.clone()).len();
    let changes = changes.filter(|(what, ..)| *what != format!("{right} bytes"));
    spoiled(proxy, changes.collect(), EITHER)
}

fn metadata_length(proxy: &Proxy) -> Outcome {
    let sealed = checked_sample(proxy)?;
    let changes = [21, 32, 255, 256, 257].map(|length| {
        let mut metadata = sealed.metadata.clone().unwrap_or_default();
        metadata.resize(length, 0);
        let copy = changed(&sealed, |sealed| sealed.metadata = Some(metadata));
        (format!("{length} bytes"), copy, Some(AAD.to_vec()))
    });
    spoiled(proxy, changes.into(), EITHER)
}

fn empty(proxy: &Proxy) -> Outcome {
    let sealed = checked_sample(proxy)?;
    let empty = changed(&sealed, |sealed| sealed.ciphertext.clear());
    spoiled(proxy, vec![("empty".to_owned(), empty, Some(AAD.to_vec()))], EITHER)
}

/// Asserts that Decrypt's body, changed, is refused by one of these.
fn refused(proxy: &Proxy, sealed: &Sealed, change: impl Fn(&mut Value), names: &[&str]) -> Outcome {
    let mut body = proxy.decrypt_body(sealed, Some(AAD));
    change(&mut body);
    proxy.call(Api::Decrypt, &body)?.refused(names)
}

const MEMBERS: [&str; 3] = ["ciphertext", "initializationVector", "authenticationTag"];

fn missing(proxy: &Proxy) -> Outcome {
    let sealed = checked_sample(proxy)?;
    let mut got = String::new();
    for member in MEMBERS.into_iter().chain(["encryptionAlgorithm"]) {
        let remove = |body: &mut Value| drop(body.as_object_mut().and_then(|body| body.remove(member)));
        got = refused(proxy, &sealed, remove, EITHER)
            .map_err(|finding| finding.about(format!("without {member}")))?;
    }
    Ok(got)
}

fn types(proxy: &Proxy) -> Outcome {
    let sealed = checked_sample(proxy)?;
    for member in MEMBERS.into_iter().chain(["additionalAuthenticatedData", "ciphertextMetadata"]) {
        for wrong in [json!(1), json!(["QUJD"]), json!({})] {
            let about = |finding: Finding| finding.about(format!("{member} {wrong}"));
            refused(proxy, &sealed, |body| body[member] = wrong.clone(), &[VALIDATION]).map_err(about)?;
        }
    }
    Ok(VALIDATION.to_owned())
}

/// The right bytes in a wrong form: a proxy that reads these takes what KMS never sends.
fn no_base64(proxy: &Proxy) -> Outcome {
    let sealed = telling_sample(proxy)?;
    let right = proxy.decrypt_body(&sealed, Some(AAD));
    let mut refusals = 0;
    for member in MEMBERS {
        let text = right[member].as_str().unwrap_or_default();
        let forms = [
            ("URL-safe", text.replace('+', "-").replace('/', "_")),
            ("without padding", text.trim_end_matches('=').to_owned()),
            ("with a line's end", format!("{}\n{}", &text[..4], &text[4..])),
            ("with a letter that is none", format!("*{}", &text[1..])),
            ("with too much padding", format!("{text}====")),
        ];
        for (what, form) in forms.into_iter().filter(|(_, form)| form != text) {
            let about = |finding: Finding| finding.about(format!("{member} {what}"));
            refused(proxy, &sealed, |body| body[member] = json!(form), EITHER).map_err(about)?;
            refusals += 1;
        }
    }
    Ok(format!("{refusals} forms refused"))
}

/// A ciphertext whose parts have, in base64, letters that the alphabets differ in; and padding, but for an IV of 12 bytes.
fn telling_sample(proxy: &Proxy) -> Result<Sealed, Finding> {
    let tells = |bytes: &[u8]| base64(bytes).contains(['+', '/']);
    let mut sealed = proxy.encrypt(&random(49), Some(AAD))?;
    for _ in 0..200 {
        if tells(&sealed.ciphertext) && tells(&sealed.iv) && tells(&sealed.tag) {
            break;
        }
        sealed = proxy.encrypt(&random(49), Some(AAD))?;
    }
    Ok(sealed)
}

fn algorithm(proxy: &Proxy) -> Outcome {
    let (sealed, plaintext) = sample(proxy)?;
    let names = [VALIDATION, UNSUPPORTED];
    let mut got = String::new();
    for value in ["AES_CBC", "aes_gcm", ""] {
        let change = |body: &mut Value| body["encryptionAlgorithm"] = json!(value);
        got =
            refused(proxy, &sealed, change, &names).map_err(|finding| finding.about(format!("{value:?}")))?;
    }
    ensure(proxy.opens(&sealed, Some(AAD), &plaintext).is_ok(), || "not even AES_GCM is taken".to_owned())?;
    Ok(got)
}
