//! What the APIs do (XKS Proxy API 1.0.3, GetKeyMetadata, Encrypt, Decrypt, GetHealthStatus).

use super::answer::Refusal;
use super::fault::{Api, Fault};
use super::keys::{Key, Keys};
use openssl::base64::{decode_block, encode_block};
use openssl::sha::Sha256;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use serde_json::{Value, json};

const TAG_BYTES: usize = 16;
/// Before the version of the material, in ciphertextMetadata.
const VERSION: &[u8] = b"version=";

type Answer = Result<Value, Refusal>;

pub fn run(keys: &Keys, api: Api, key_id: &str, asked: &Value, fault: Option<&Fault>) -> Answer {
    check_metadata(api, &asked["requestMetadata"])?;
    if api == Api::GetHealthStatus {
        return Ok(health(fault));
    }
    let unknown = || Refusal::new(404, "KeyNotFoundException", "no such key");
    let key = keys.find(key_id).ok_or_else(unknown)?;
    match api {
        Api::Encrypt => encrypt(&key, asked, fault),
        Api::Decrypt => decrypt(&key, asked, fault),
        Api::GetKeyMetadata | Api::GetHealthStatus => Ok(metadata(&key, fault)),
    }
}

fn check_metadata(api: Api, metadata: &Value) -> Result<(), Refusal> {
    let mut required = vec!["kmsRequestId", "kmsOperation"];
    match api {
        Api::GetHealthStatus => {}
        Api::GetKeyMetadata => required.push("awsPrincipalArn"),
        Api::Encrypt | Api::Decrypt => required.extend(["awsPrincipalArn", "kmsKeyArn"]),
    }
    let is_there = |name: &&str| metadata[name].as_str().is_some_and(|value| !value.is_empty());
    match required.iter().find(|name| !is_there(name)) {
        Some(name) => Err(invalid(format!("requestMetadata has no {name}"))),
        None => Ok(()),
    }
}

fn health(fault: Option<&Fault>) -> Value {
    let states = match fault {
        Some(Fault::AllUnavailable) => ["UNAVAILABLE", "UNAVAILABLE"],
        Some(Fault::OneDegraded) => ["DEGRADED", "ACTIVE"],
        Some(Fault::OneUnavailable) => ["UNAVAILABLE", "ACTIVE"],
        _ => ["ACTIVE", "ACTIVE"],
    };
    let manager = |(at, state): (usize, &str)| json!({ "id": format!("hsm-{at}"), "model": "Test HSM", "healthStatus": state });
    let mut managers: Vec<Value> = states.into_iter().enumerate().map(manager).collect();
    if fault == Some(&Fault::NoFleet) {
        managers.clear();
    }
    json!({
        "xksProxyFleetSize": i32::from(fault != Some(&Fault::FleetSizeZero)),
        "xksProxyVendor": "Tests",
        "xksProxyModel": "Faulty proxy 1.0",
        "ekmVendor": "Tests",
        "ekmFleetDetails": managers,
    })
}

fn metadata(key: &Key, fault: Option<&Fault>) -> Value {
    let mut key = key.clone();
    match fault {
        Some(Fault::KeySpec(spec)) => key.spec.clone_from(spec),
        Some(Fault::UsageWithout(usage)) => key.usage.retain(|own| own != usage),
        Some(Fault::KeyDisabled) => key.enabled = false,
        _ => {}
    }
    let status = if key.enabled { "ENABLED" } else { "DISABLED" };
    json!({ "keySpec": key.spec, "keyUsage": key.usage, "keyStatus": status })
}

fn check_use(key: &Key, usage: &str, asked: &Value) -> Result<(), Refusal> {
    if asked["encryptionAlgorithm"] != "AES_GCM" {
        return Err(invalid("encryptionAlgorithm is not AES_GCM"));
    }
    if !key.enabled {
        return Err(Refusal::new(400, "InvalidStateException", "the key is disabled"));
    }
    if !key.usage.iter().any(|own| own == usage) || key.spec != "AES_256" {
        return Err(Refusal::new(400, "InvalidKeyUsageException", "the key does not do that"));
    }
    Ok(())
}

fn encrypt(key: &Key, asked: &Value, fault: Option<&Fault>) -> Answer {
    check_use(key, "ENCRYPT", asked)?;
    match &asked["ciphertextDataIntegrityValueAlgorithm"] {
        Value::Null => {}
        // A trial decryption belongs to it.
        algorithm if algorithm == "SHA_256" => check_use(key, "DECRYPT", asked)?,
        _ => return Err(invalid("ciphertextDataIntegrityValueAlgorithm is not SHA_256")),
    }
    let plaintext = required(asked, "plaintext")?;
    let aad = optional(asked, "additionalAuthenticatedData")?.unwrap_or_default();
    let version = key.material.len() - 1;
    let mut metadata = match version {
        0 => Vec::new(),
        version => [VERSION, version.to_string().as_bytes()].concat(),
    };
    if let Some(Fault::LongMetadata(bytes)) = fault {
        metadata.resize(*bytes, b' ');
    }
    let mut iv = vec![0; if fault == Some(&Fault::LongIv) { 16 } else { 12 }];
    openssl::rand::rand_bytes(&mut iv).unwrap();
    let mut tag = vec![0; TAG_BYTES];
    let bound = bound(&aad, &metadata);
    let material = &key.material[version];
    let sealed = encrypt_aead(Cipher::aes_256_gcm(), material, Some(&iv), &bound, &plaintext, &mut tag);
    let mut ciphertext = sealed.unwrap();
    match fault {
        Some(Fault::ShortIv) => drop(iv.pop()),
        Some(Fault::ShortTag) => drop(tag.pop()),
        Some(Fault::CiphertextOfOtherLength) => ciphertext.push(0),
        _ => {}
    }
    let mut answer = json!({
        "ciphertext": encode_block(&ciphertext),
        "initializationVector": encode_block(&iv),
        "authenticationTag": encode_block(&tag),
    });
    if !metadata.is_empty() {
        answer["ciphertextMetadata"] = json!(encode_block(&metadata));
    }
    if asked["ciphertextDataIntegrityValueAlgorithm"] == "SHA_256" && fault != Some(&Fault::NoCdiv) {
        let mut digest = digest([&aad, &metadata, &iv, &ciphertext, &tag]);
        digest[31] ^= u8::from(fault == Some(&Fault::WrongCdiv));
        answer["ciphertextDataIntegrityValue"] = json!(encode_block(&digest));
    }
    Ok(answer)
}

fn decrypt(key: &Key, asked: &Value, fault: Option<&Fault>) -> Answer {
    check_use(key, "DECRYPT", asked)?;
    let ciphertext = required(asked, "ciphertext")?;
    let (iv, tag) = (required(asked, "initializationVector")?, required(asked, "authenticationTag")?);
    let aad = optional(asked, "additionalAuthenticatedData")?.unwrap_or_default();
    let metadata = optional(asked, "ciphertextMetadata")?.unwrap_or_default();
    let wrong = || Refusal::new(400, "InvalidCiphertextException", "it cannot be decrypted");
    if ![12, 16].contains(&iv.len()) || tag.len() != TAG_BYTES {
        return Err(wrong());
    }
    let material = key.material.get(version(&metadata)).ok_or_else(wrong)?;
    let bound = bound(&aad, &metadata);
    let opened = decrypt_aead(Cipher::aes_256_gcm(), material, Some(&iv), &bound, &ciphertext, &tag);
    let mut plaintext = opened.map_err(|_| wrong())?;
    match fault {
        Some(Fault::WrongPlaintext) => openssl::rand::rand_bytes(&mut plaintext).unwrap(),
        Some(Fault::PlaintextChangedInside) => {
            let middle = plaintext.len() / 2;
            plaintext[middle] ^= 1;
        }
        Some(Fault::PlaintextShort) => drop(plaintext.pop()),
        _ => {}
    }
    Ok(json!({ "plaintext": encode_block(&plaintext) }))
}

/// Which material the metadata names: the first, where it names none.
fn version(metadata: &[u8]) -> usize {
    let digits = metadata.strip_prefix(VERSION).and_then(|digits| str::from_utf8(digits).ok());
    digits.and_then(|digits| digits.trim().parse().ok()).unwrap_or(0)
}

/// What the HSM authenticates: AAD and metadata with their lengths, so that neither passes for the other.
fn bound(aad: &[u8], metadata: &[u8]) -> Vec<u8> {
    let aad_bytes = u16::try_from(aad.len()).expect("the length was checked");
    [&aad_bytes.to_be_bytes()[..], aad, &[metadata.len() as u8], metadata].concat()
}

fn digest(parts: [&[u8]; 5]) -> [u8; 32] {
    let mut digest = Sha256::new();
    parts.iter().for_each(|part| digest.update(part));
    digest.finish()
}

fn required(asked: &Value, name: &str) -> Result<Vec<u8>, Refusal> {
    optional(asked, name)?.ok_or_else(|| invalid(format!("{name} is missing")))
}

/// Of at most 65535 bytes.
fn optional(asked: &Value, name: &str) -> Result<Option<Vec<u8>>, Refusal> {
    let text = match &asked[name] {
        Value::Null => return Ok(None),
        Value::String(text) => text,
        _ => return Err(invalid(format!("{name} is no text"))),
    };
    let bytes = if text.is_empty() {
        Vec::new()
    } else {
        decode(text).ok_or_else(|| invalid(format!("{name} is no base64")))?
    };
    if bytes.len() > usize::from(u16::MAX) {
        return Err(invalid(format!("{name} is too long")));
    }
    Ok(Some(bytes))
}

/// Standard base64 with its padding, and nothing around it.
fn decode(text: &str) -> Option<Vec<u8>> {
    let bytes = decode_block(text).ok()?;
    (encode_block(&bytes) == text).then_some(bytes)
}

pub fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "ValidationException", message)
}
