//! The store's values: a version byte, then postcard (serde); `keys.rs` says what lies where.
//!
//! A record of a newer version is refused (`NewerFormat`), never guessed at. Fields are only ever appended,
//! with a new version. Cluster, HSM and user records end with a MAC over their key and all that stands before
//! it, under a key that every user of the cluster holds: `Maced` is such a record whose MAC nobody has
//! checked yet, for what can be asked without a login; whoever acts under a login calls `verified`.

mod cluster;
pub(super) mod object;

pub(super) use cluster::{ClusterRecord, HsmRecord};
pub(super) use object::{AdoptedRecord, MessageRecord, More, ObjectRecord};

use crate::cluster::{PasswordCosts, Policy, Role, UserId};
use crate::crypto::seal::{KEY_BYTES, MacKey, NONCE_BYTES, SALT_BYTES};
use crate::error::{ClusterError, Error};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The version of the store as a whole, in the head record.
pub(super) const FORMAT: u32 = 1;
/// The version of every kind of record that has none of its own (`Kind::VERSION`).
const VERSION: u8 = 1;
const MAC_BYTES: usize = 32;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    pub format: u32,
    pub next_cluster: u32,
    pub next_slot: u64,
    pub uninitialized_slot: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PolicyRecord {
    key_availability: bool,
    refuse_public_keys: bool,
    refuse_extractable: bool,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UserRecord {
    pub id: u32,
    pub name: String,
    pub admin: bool,
    pub costs: CostsRecord,
    pub salt: [u8; SALT_BYTES],
    /// The user's secrets under a key from its password.
    pub by_password: Sealed,
    /// The same (without the cluster key) under the cluster key, for an admin to give a new password.
    pub by_cluster: Sealed,
    /// X25519, for envelopes to this user.
    pub public_key: [u8; KEY_BYTES],
    // ---- since version 2
    /// Admins: the cluster keys since the one that is sealed under the password, each under the one before it and, in
    /// there, in an envelope to this admin. The last is the cluster's.
    pub renewed: Vec<Sealed>,
}

/// Version 1.
#[derive(Clone, Serialize, Deserialize)]
struct UserRecord1 {
    id: u32,
    name: String,
    admin: bool,
    costs: CostsRecord,
    salt: [u8; SALT_BYTES],
    by_password: Sealed,
    by_cluster: Sealed,
    public_key: [u8; KEY_BYTES],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CostsRecord {
    pub memory_kib: u32,
    pub passes: u32,
    pub lanes: u32,
}

/// Something sealed, with its nonce.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sealed {
    pub nonce: [u8; NONCE_BYTES],
    pub bytes: Vec<u8>,
}

/// Wrong tries. Not MACed: whoever can write the store can guess offline anyway.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attempts {
    pub failures: u32,
    /// When the last one was counted, in milliseconds since 1970.
    pub last_ms: u64,
    pub locked: bool,
}

/// A record of the store that may be damaged or from a newer version.
pub(super) fn decode<'a, T: Deserialize<'a>>(what: &'static str, value: &'a [u8]) -> Result<T, Error> {
    let (version, body) = version_of(what, value, VERSION)?;
    if version == VERSION { decode_body(what, body) } else { Err(ClusterError::Corrupt(what).into()) }
}

/// A record's version and the rest. Errors: `NewerFormat`, `Corrupt`.
fn version_of<'a>(what: &'static str, value: &'a [u8], known: u8) -> Result<(u8, &'a [u8]), Error> {
    let (&version, body) = value.split_first().ok_or(ClusterError::Corrupt(what))?;
    match version {
        0 => Err(ClusterError::Corrupt(what).into()),
        found if found > known => {
            Err(ClusterError::NewerFormat { found: found.into(), known: known.into() }.into())
        }
        version => Ok((version, body)),
    }
}

fn decode_body<'a, T: Deserialize<'a>>(what: &'static str, body: &'a [u8]) -> Result<T, Error> {
    match postcard::take_from_bytes(body) {
        Ok((record, [])) => Ok(record),
        _ => Err(ClusterError::Corrupt(what).into()),
    }
}

pub(super) fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>, Error> {
    encode_version(record, VERSION)
}

fn encode_version<T: Serialize>(record: &T, version: u8) -> Result<Vec<u8>, Error> {
    postcard::to_extend(record, vec![version]).map_err(|e| Error::Internal(format!("encoding a record: {e}")))
}

/// A record that carries a MAC, as read: the MAC may be wrong.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Maced<T> {
    pub key: Vec<u8>,
    /// As it stands in the store: for conditions.
    pub raw: Vec<u8>,
    record: T,
}

impl<T: Serialize + DeserializeOwned + Kind> Maced<T> {
    pub(super) fn decode(key: &[u8], raw: &[u8]) -> Result<Self, Error> {
        let body = raw.len().checked_sub(MAC_BYTES).ok_or(ClusterError::Corrupt(T::NAME))?;
        let (version, body) = version_of(T::NAME, &raw[..body], T::VERSION)?;
        let record =
            if version == T::VERSION { decode_body(T::NAME, body) } else { T::older(version, body) }?;
        Ok(Self { key: key.to_vec(), raw: raw.to_vec(), record })
    }

    /// The value to put under `key`.
    pub(super) fn encode(key: &[u8], record: &T, mac: &MacKey) -> Result<Vec<u8>, Error> {
        let mut raw = encode_version(record, T::VERSION)?;
        let tag = mac.tag(&parts(key, &raw));
        raw.extend_from_slice(&tag);
        Ok(raw)
    }

    /// The record, if its MAC is right. Errors: `Corrupt`.
    pub(super) fn verified(&self, mac: &MacKey) -> Result<&T, Error> {
        let (body, tag) = self.raw.split_at(self.raw.len() - MAC_BYTES);
        if !mac.verify(&parts(&self.key, body), tag) {
            return Err(ClusterError::Corrupt(T::NAME).into());
        }
        Ok(&self.record)
    }

    /// The record as it stands, whoever wrote it.
    pub(super) fn unverified(&self) -> &T {
        &self.record
    }
}

/// A key's first byte tells its length, so key and record cannot be cut differently.
fn parts<'a>(key: &'a [u8], body: &'a [u8]) -> [&'a [u8]; 3] {
    [b"vhsm record 1", key, body]
}

/// What a MACed record is called in errors, and its versions.
pub(super) trait Kind: Sized {
    const NAME: &'static str;
    /// What is written. Older ones are read.
    const VERSION: u8 = VERSION;

    /// A record of an older version, as it would stand in this one. Errors: `Corrupt`.
    fn older(_version: u8, _body: &[u8]) -> Result<Self, Error> {
        Err(ClusterError::Corrupt(Self::NAME).into())
    }
}

impl Kind for UserRecord {
    const NAME: &'static str = "user record";
    const VERSION: u8 = 2;

    fn older(version: u8, body: &[u8]) -> Result<Self, Error> {
        match version {
            1 => decode_body::<UserRecord1>(Self::NAME, body).map(Self::from),
            _ => Err(ClusterError::Corrupt(Self::NAME).into()),
        }
    }
}

impl From<UserRecord1> for UserRecord {
    fn from(old: UserRecord1) -> Self {
        Self {
            id: old.id,
            name: old.name,
            admin: old.admin,
            costs: old.costs,
            salt: old.salt,
            by_password: old.by_password,
            by_cluster: old.by_cluster,
            public_key: old.public_key,
            renewed: Vec::new(),
        }
    }
}

impl From<Policy> for PolicyRecord {
    fn from(p: Policy) -> Self {
        Self {
            key_availability: p.key_availability,
            refuse_public_keys: p.refuse_public_keys,
            refuse_extractable: p.refuse_extractable,
        }
    }
}

impl From<PolicyRecord> for Policy {
    fn from(p: PolicyRecord) -> Self {
        Self {
            key_availability: p.key_availability,
            refuse_public_keys: p.refuse_public_keys,
            refuse_extractable: p.refuse_extractable,
        }
    }
}

impl From<PasswordCosts> for CostsRecord {
    fn from(c: PasswordCosts) -> Self {
        Self { memory_kib: c.memory_kib, passes: c.passes, lanes: c.lanes }
    }
}

impl From<CostsRecord> for PasswordCosts {
    fn from(c: CostsRecord) -> Self {
        Self { memory_kib: c.memory_kib, passes: c.passes, lanes: c.lanes }
    }
}

impl UserRecord {
    pub(super) fn id(&self) -> UserId {
        UserId(self.id)
    }

    pub(super) fn role(&self) -> Role {
        if self.admin { Role::Admin } else { Role::CryptoUser }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hsm() -> HsmRecord {
        HsmRecord::new("hsm-a".into(), 300, "a".into(), 0)
    }

    #[test]
    fn a_maced_record_is_bound_to_its_key_and_every_byte() {
        let mac = MacKey::new(&[1; 32]);
        let raw = Maced::encode(b"k", &hsm(), &mac).unwrap();
        let read = |key: &[u8], raw: &[u8]| {
            Maced::<HsmRecord>::decode(key, raw).and_then(|m| m.verified(&mac).cloned())
        };
        assert_eq!(read(b"k", &raw).unwrap(), hsm());
        assert!(read(b"l", &raw).is_err());
        for i in 0..raw.len() {
            let mut changed = raw.clone();
            changed[i] ^= 4;
            assert!(read(b"k", &changed).is_err(), "byte {i}");
            assert!(read(b"k", &raw[..i]).is_err(), "cut at {i}");
        }
    }

    #[test]
    fn a_user_record_of_version_1_is_read() {
        let mac = MacKey::new(&[1; 32]);
        let sealed = |byte| Sealed { nonce: [byte; NONCE_BYTES], bytes: vec![byte; 5] };
        let old = UserRecord1 {
            id: 7,
            name: "kmsuser".into(),
            admin: false,
            costs: CostsRecord { memory_kib: 8, passes: 1, lanes: 1 },
            salt: [2; SALT_BYTES],
            by_password: sealed(3),
            by_cluster: sealed(4),
            public_key: [5; KEY_BYTES],
        };
        let mut raw = encode(&old).unwrap();
        assert_eq!(raw[0], 1);
        raw.extend_from_slice(&mac.tag(&parts(b"k", &raw)));
        let read = Maced::<UserRecord>::decode(b"k", &raw).unwrap();
        assert!(*read.verified(&mac).unwrap() == UserRecord::from(old));
    }

    #[test]
    fn newer_and_longer_records_are_refused() {
        let mut raw = encode(&Attempts::default()).unwrap();
        raw[0] = 2;
        assert!(matches!(
            decode::<Attempts>("x", &raw),
            Err(Error::Cluster(ClusterError::NewerFormat { found: 2, known: 1 }))
        ));
        raw[0] = 1;
        raw.push(0);
        assert!(matches!(decode::<Attempts>("x", &raw), Err(Error::Cluster(ClusterError::Corrupt("x")))));
        assert!(decode::<Attempts>("x", &[]).is_err());
    }
}
