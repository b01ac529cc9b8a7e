//! What proxies answer, checked: nothing of it is believed before (reference/xks-proxy.md sec. 4 to 8).

use super::api::{EkmDetails, ErrorBody, HealthStatus, KeyMetadata, Sealed};
use super::failure::ProxyFailure;
use super::wire::Answer;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const OK: u16 = 200;
const TAG_BYTES: usize = 16;
const METADATA_BYTES_MAX: usize = 20;
const USAGES_MAX: usize = 10;
const MANAGERS_MAX: usize = 10;
/// Longer messages are cut: they go to a log.
const MESSAGE_CHARS_MAX: usize = 512;
const NAME_CHARS_MAX: usize = 64;
const HEALTH: [&str; 3] = ["ACTIVE", "DEGRADED", UNAVAILABLE];
const UNAVAILABLE: &str = "UNAVAILABLE";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EncryptAnswer {
    ciphertext: String,
    initialization_vector: String,
    authentication_tag: String,
    #[serde(default)]
    ciphertext_metadata: Option<String>,
    #[serde(default)]
    ciphertext_data_integrity_value: Option<String>,
}

#[derive(Deserialize)]
struct DecryptAnswer {
    plaintext: String,
}

/// GetKeyMetadata. Errors: `Refused`, `Malformed`, as of all.
pub(super) fn key_metadata(answer: &Answer) -> Result<KeyMetadata, ProxyFailure> {
    let metadata: KeyMetadata = members(answer)?;
    if metadata.key_usage.len() > USAGES_MAX {
        return malformed(format!("keyUsage has {} entries", metadata.key_usage.len()));
    }
    Ok(metadata)
}

/// Encrypt, of a plaintext of so many bytes with this AAD: lengths and integrity value.
pub(super) fn encrypt(answer: &Answer, plaintext_bytes: usize, aad: &[u8]) -> Result<Sealed, ProxyFailure> {
    let members: EncryptAnswer = members(answer)?;
    let sealed = Sealed {
        ciphertext: decoded("ciphertext", &members.ciphertext)?,
        iv: decoded("initializationVector", &members.initialization_vector)?,
        tag: decoded("authenticationTag", &members.authentication_tag)?,
        ciphertext_metadata: members
            .ciphertext_metadata
            .map_or(Ok(Vec::new()), |metadata| decoded("ciphertextMetadata", &metadata))?,
    };
    let lengths = [
        ("ciphertext", sealed.ciphertext.len(), sealed.ciphertext.len() == plaintext_bytes),
        ("initializationVector", sealed.iv.len(), matches!(sealed.iv.len(), 12 | 16)),
        ("authenticationTag", sealed.tag.len(), sealed.tag.len() == TAG_BYTES),
        (
            "ciphertextMetadata",
            sealed.ciphertext_metadata.len(),
            sealed.ciphertext_metadata.len() <= METADATA_BYTES_MAX,
        ),
    ];
    if let Some((member, bytes, _)) = lengths.iter().find(|(_, _, is_right)| !is_right) {
        return malformed(format!("{member} has {bytes} bytes"));
    }
    let Some(value) = members.ciphertext_data_integrity_value else {
        return malformed("ciphertextDataIntegrityValue is missing".into());
    };
    match decoded("ciphertextDataIntegrityValue", &value)? == integrity_value(&sealed, aad) {
        true => Ok(sealed),
        false => malformed("ciphertextDataIntegrityValue is not that of the ciphertext".into()),
    }
}

/// Decrypt, of a ciphertext of so many bytes.
pub(super) fn decrypt(answer: &Answer, ciphertext_bytes: usize) -> Result<Zeroizing<Vec<u8>>, ProxyFailure> {
    let members: DecryptAnswer = members(answer)?;
    let plaintext = Zeroizing::new(decoded("plaintext", &members.plaintext)?);
    match plaintext.len() == ciphertext_bytes {
        true => Ok(plaintext),
        false => malformed(format!("plaintext has {} bytes", plaintext.len())),
    }
}

/// GetHealthStatus. Errors: also `NoKeyManager`.
pub(super) fn health(answer: &Answer) -> Result<HealthStatus, ProxyFailure> {
    let health: HealthStatus = members(answer)?;
    let fleet = &health.ekm_fleet_details;
    if health.xks_proxy_fleet_size <= 0 {
        return malformed(format!("xksProxyFleetSize is {}", health.xks_proxy_fleet_size));
    }
    if !(1..=MANAGERS_MAX).contains(&fleet.len()) {
        return malformed(format!("ekmFleetDetails has {} entries", fleet.len()));
    }
    if let Some(EkmDetails { health_status, .. }) =
        fleet.iter().find(|manager| !HEALTH.contains(&manager.health_status.as_str()))
    {
        return malformed(format!("healthStatus is {}", printable(health_status, NAME_CHARS_MAX)));
    }
    match fleet.iter().all(|manager| manager.health_status == UNAVAILABLE) {
        true => Err(ProxyFailure::NoKeyManager),
        false => Ok(health),
    }
}

/// ciphertextDataIntegrityValue, before base64: SHA-256 over all parts, without their lengths.
fn integrity_value(sealed: &Sealed, aad: &[u8]) -> [u8; 32] {
    let Sealed { ciphertext, iv, tag, ciphertext_metadata } = sealed;
    let parts: [&[u8]; 5] = [aad, ciphertext_metadata, iv, ciphertext, tag];
    parts.iter().fold(Sha256::new(), |digest, part| digest.chain_update(part)).finalize().into()
}

/// An answer's JSON object. Members that are not known are passed over. Errors: `Refused`, `Malformed`.
fn members<T: DeserializeOwned>(answer: &Answer) -> Result<T, ProxyFailure> {
    let status = answer.status;
    if !is_json(answer) {
        let kind = answer.content_type.as_deref().unwrap_or("none");
        return malformed(format!("HTTP {status} with content type {}", printable(kind, NAME_CHARS_MAX)));
    }
    if status == OK {
        return serde_json::from_slice(&answer.body).or_else(|error| malformed(said(&error)));
    }
    match serde_json::from_slice::<ErrorBody>(&answer.body) {
        Ok(error) => Err(ProxyFailure::Refused {
            name: printable(&error.error_name, NAME_CHARS_MAX),
            status,
            message: printable(&error.error_message.unwrap_or_default(), MESSAGE_CHARS_MAX),
        }),
        Err(error) => malformed(format!("HTTP {status} with a body that is no error: {}", said(&error))),
    }
}

fn is_json(answer: &Answer) -> bool {
    let kind = answer.content_type.as_deref().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

/// Where JSON is wrong, without a word of what stands there.
fn said(error: &serde_json::Error) -> String {
    let kind = match error.classify() {
        serde_json::error::Category::Data => "a member is missing or of another type",
        _ => "not JSON",
    };
    format!("{kind}, at line {} column {}", error.line(), error.column())
}

fn decoded(member: &str, text: &str) -> Result<Vec<u8>, ProxyFailure> {
    STANDARD
        .decode(text)
        .or_else(|_| malformed(format!("{member} is not base64 of the standard alphabet, with padding")))
}

fn malformed<T>(what: String) -> Result<T, ProxyFailure> {
    Err(ProxyFailure::Malformed(what))
}

/// A proxy's text, fit for a log: printable ASCII, and not too long.
fn printable(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).map(|char| if matches!(char, ' '..='~') { char } else { '?' }).collect()
}

#[cfg(test)]
mod tests;
