//! Types of the KMS API's members: blobs are base64 in JSON and bytes in binary formats, times are seconds since 1970.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Pairs that are authenticated with a plaintext: not secret, shown in audit logs. Sorted, so that their order does not
/// matter.
pub type EncryptionContext = BTreeMap<String, String>;

/// Bytes that are no secret.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Blob(pub Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        bytes_out(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        bytes_in(deserializer).map(Blob)
    }
}

/// Plaintext: wiped when dropped, never shown by Debug.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct SecretBlob(pub Zeroizing<Vec<u8>>);

impl std::fmt::Debug for SecretBlob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretBlob({} bytes)", self.0.len())
    }
}

impl Serialize for SecretBlob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        bytes_out(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for SecretBlob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        bytes_in(deserializer).map(|bytes| SecretBlob(Zeroizing::new(bytes)))
    }
}

/// A password: wiped when dropped, never shown by Debug, never serialized.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(pub Zeroizing<String>);

impl std::fmt::Debug for SecretText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretText")
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| SecretText(Zeroizing::new(text)))
    }
}

/// Milliseconds since 1970. On the wire seconds with a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub u64);

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0 as f64 / 1000.0)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        match (0.0..=253_402_300_799.0).contains(&seconds) {
            true => Ok(Timestamp((seconds * 1000.0).round() as u64)),
            false => Err(D::Error::custom("a time from 1970 to 9999, in seconds, is wanted")),
        }
    }
}

fn bytes_out<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    match serializer.is_human_readable() {
        true => serializer.serialize_str(&Zeroizing::new(STANDARD.encode(bytes))),
        false => serializer.serialize_bytes(bytes),
    }
}

fn bytes_in<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    match deserializer.is_human_readable() {
        true => deserializer.deserialize_str(Base64),
        false => deserializer.deserialize_byte_buf(Base64),
    }
}

/// Base64 text, or bytes as they are.
struct Base64;

impl Visitor<'_> for Base64 {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("base64 (standard alphabet, padded)")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<u8>, E> {
        STANDARD.decode(text).map_err(|_| E::custom("not base64 (standard alphabet, padded)"))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blobs_are_padded_base64_in_json() {
        assert_eq!(serde_json::to_string(&Blob(vec![0xfb, 0xff])).unwrap(), r#""+/8=""#);
        assert_eq!(serde_json::from_str::<Blob>(r#""+/8=""#).unwrap().0, [0xfb, 0xff]);
        for wrong in [r#""+/8""#, r#""-_8=""#, "5", "null"] {
            assert!(serde_json::from_str::<Blob>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let secret: SecretBlob = serde_json::from_str(r#""c2VjcmV0""#).unwrap();
        assert_eq!(format!("{secret:?}"), "SecretBlob(6 bytes)");
        let password: SecretText = serde_json::from_str(r#""hunter22""#).unwrap();
        assert_eq!(format!("{password:?}"), "SecretText");
    }

    #[test]
    fn times_are_seconds() {
        assert_eq!(serde_json::to_string(&Timestamp(1_500_000_000_250)).unwrap(), "1500000000.25");
        assert_eq!(serde_json::from_str::<Timestamp>("1500000000.25").unwrap(), Timestamp(1_500_000_000_250));
        assert!(serde_json::from_str::<Timestamp>("-1").is_err());
    }
}
