//! The records of token objects, and of those that are shared.

use super::{VERSION, decode_body, encode, encode_version, version_of};
use crate::crypto::seal::{KEY_BYTES, NONCE_BYTES};
use crate::error::{ClusterError, Error};
use serde::{Deserialize, Serialize, Serializer};

/// An object: its own key under its owner's, its attributes under its own key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::cluster) struct ObjectRecord<'a> {
    /// Grows with every change, and is sealed along.
    pub version: u64,
    pub key_nonce: [u8; NONCE_BYTES],
    #[serde(borrow, serialize_with = "bytes")]
    pub key: &'a [u8],
    pub nonce: [u8; NONCE_BYTES],
    #[serde(borrow, serialize_with = "bytes")]
    pub body: &'a [u8],
}

/// What stands behind the record in version 2: most objects have none of it, and are written in version 1.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::cluster) struct More {
    /// The users that the object is shared with, ascending: the seal of the attributes binds them.
    pub shared_with: Vec<u32>,
    /// An admin's word that the key is trusted: a MAC over whose object it is.
    pub trusted: Option<[u8; TRUST_BYTES]>,
}

/// Bytes of the MAC in `More::trusted`.
pub(in crate::cluster) const TRUST_BYTES: usize = 16;
/// The newest version of an object's record.
const WITH_MORE: u8 = 2;
const NAME: &str = "object record";

impl<'a> ObjectRecord<'a> {
    /// Errors: `NewerFormat`, `Corrupt`.
    pub fn read(raw: &'a [u8]) -> Result<(Self, More), Error> {
        match version_of(NAME, raw, WITH_MORE)? {
            (VERSION, body) => Ok((decode_body(NAME, body)?, More::default())),
            (_, body) => decode_body(NAME, body),
        }
    }

    pub fn write(&self, more: &More) -> Result<Vec<u8>, Error> {
        match *more == More::default() {
            true => encode(self),
            false => encode_version(&(self, more), WITH_MORE),
        }
    }
}

/// What an owner tells a user about one of its objects; a MAC follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::cluster) struct MessageRecord {
    pub owner: u32,
    /// The object's key for that user; `None`: it is not shared any longer, or gone.
    pub envelope: Option<EnvelopeRecord>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::cluster) struct EnvelopeRecord {
    pub encapsulated: [u8; KEY_BYTES],
    pub sealed: Vec<u8>,
}

/// What a user made of a message: the object's key under its own, and what its index entries are found by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::cluster) struct AdoptedRecord {
    pub owner: u32,
    pub nonce: [u8; NONCE_BYTES],
    pub key: Vec<u8>,
    /// By the kinds of their keys.
    pub entries: Vec<(u8, [u8; crate::cluster::keys::HASH_BYTES])>,
}

/// serde would write a slice byte by byte.
fn bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

/// A record whose body ends with a MAC. Errors: `Corrupt`.
pub(in crate::cluster) fn split_mac<'a>(
    what: &'static str,
    raw: &'a [u8],
    mac_bytes: usize,
) -> Result<(&'a [u8], &'a [u8]), Error> {
    let body = raw.len().checked_sub(mac_bytes).ok_or(ClusterError::Corrupt(what))?;
    Ok(raw.split_at(body))
}

#[cfg(test)]
mod tests {
    use super::super::decode;
    use super::*;

    fn record() -> ObjectRecord<'static> {
        ObjectRecord { version: 7, key_nonce: [1; 12], key: &[2; 48], nonce: [3; 12], body: b"sealed" }
    }

    #[test]
    fn an_object_record_comes_back() {
        let raw = encode(&record()).unwrap();
        assert!(decode::<ObjectRecord>("object", &raw).unwrap() == record());
        assert!(record().write(&More::default()).unwrap() == raw);
        assert!(ObjectRecord::read(&raw).unwrap() == (record(), More::default()));
    }

    #[test]
    fn what_a_shared_object_has_more_is_version_2() {
        let more = More { shared_with: vec![3, 900], trusted: Some([5; TRUST_BYTES]) };
        let mut raw = record().write(&more).unwrap();
        assert_eq!(raw[0], 2);
        assert!(ObjectRecord::read(&raw).unwrap() == (record(), more));
        raw[0] = 3;
        let newer = ObjectRecord::read(&raw).map(drop);
        assert!(matches!(newer, Err(Error::Cluster(ClusterError::NewerFormat { found: 3, known: 2 }))));
        raw[0] = 1;
        assert!(matches!(ObjectRecord::read(&raw), Err(Error::Cluster(ClusterError::Corrupt(_)))));
    }
}
