//! The records of a share: the message with the object's key in an envelope, and what its recipient makes of it.
//!
//! An owner tells a user by one message per object, whose place a newer one takes: "here is its key" (when it shares
//! it, when label or id changed, when the key was renewed) or "it is yours no longer". The user reads its messages at
//! the next search: it seals the key under its own, which opens a thousand times faster, makes index entries of its own,
//! and deletes the message. Both records are bound to lineage, owner, recipient and object, and a message carries a MAC
//! under the key that all users of the cluster hold, so that nobody else plants one.

use crate::cluster::keys::{self, Key as StoreKey, Space};
use crate::cluster::records::{
    AdoptedRecord, MessageRecord, decode, encode,
    object::{EnvelopeRecord, split_mac},
};
use crate::cluster::secrets::OwnerKeys;
use crate::cluster::{ObjectId, UserId};
use crate::crypto::hpke::{self, Envelope};
use crate::crypto::seal::{KEY_BYTES, Key, MacKey, NONCE_BYTES};
use crate::error::{ClusterError, Error};

const INFO: &[u8] = b"vhsm key share 1";
const DOMAIN: &[u8] = b"vhsm message 1";
const MESSAGE: &str = "share: message";
const ADOPTED: &str = "share: adopted key";
const MAC_BYTES: usize = 32;

/// Which object, of whom, to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    pub lineage: [u8; 16],
    pub owner: UserId,
    pub recipient: UserId,
    pub object: ObjectId,
}

/// What a message says, as far as its MAC is right.
pub(super) enum Told {
    /// The object's key.
    Shared(UserId, Envelope),
    Withdrawn,
}

impl Share {
    fn numbers(&self) -> [u8; 32] {
        let mut numbers = [0; 32];
        numbers[..16].copy_from_slice(&self.lineage);
        numbers[16..20].copy_from_slice(&self.owner.0.to_be_bytes());
        numbers[20..24].copy_from_slice(&self.recipient.0.to_be_bytes());
        numbers[24..].copy_from_slice(&self.object.0.to_be_bytes());
        numbers
    }

    /// The message that hands over the object's key. `public_key` is out of a record whose MAC was checked.
    pub(super) fn message(
        &self,
        public_key: &[u8; KEY_BYTES],
        key: &Key,
        entries_of: Space,
        mac: &MacKey,
    ) -> Result<Vec<u8>, Error> {
        let Envelope { encapsulated, sealed } = hpke::seal(public_key, INFO, &self.numbers(), &key[..])?;
        self.maced(Some(EnvelopeRecord { encapsulated, sealed }), entries_of, mac)
    }

    /// The message that the object is the recipient's no longer.
    pub(super) fn withdrawal(&self, entries_of: Space, mac: &MacKey) -> Result<Vec<u8>, Error> {
        self.maced(None, entries_of, mac)
    }

    fn maced(
        &self,
        envelope: Option<EnvelopeRecord>,
        entries_of: Space,
        mac: &MacKey,
    ) -> Result<Vec<u8>, Error> {
        let mut raw = encode(&MessageRecord { owner: self.owner.0, envelope })?;
        let head = head(entries_of, &self.lineage, self.recipient, self.object);
        let tag = mac.tag(&[DOMAIN, &head, &raw]);
        raw.extend_from_slice(&tag);
        Ok(raw)
    }

    /// The key in the envelope. Errors: `Corrupt`.
    pub(super) fn open(&self, private_key: &Key, envelope: &Envelope) -> Result<Key, Error> {
        let plain = hpke::open(private_key, INFO, &self.numbers(), envelope);
        let plain = plain.filter(|plain| plain.len() == KEY_BYTES).ok_or(ClusterError::Corrupt(MESSAGE))?;
        let mut key = Key::default();
        key.copy_from_slice(&plain);
        Ok(key)
    }

    /// The recipient's own record of the key.
    pub(super) fn adopt(
        &self,
        keys: &OwnerKeys,
        key: &Key,
        nonce: [u8; NONCE_BYTES],
        entries: Vec<(u8, [u8; keys::HASH_BYTES])>,
    ) -> Result<Vec<u8>, Error> {
        let mut sealed = Vec::new();
        keys.seal.seal(&nonce, &self.adopted_aad(&entries)?, &key[..], &mut sealed)?;
        encode(&AdoptedRecord { owner: self.owner.0, nonce, key: sealed, entries })
    }

    /// The key in the recipient's own record. Errors: `Corrupt`.
    pub(super) fn open_adopted(&self, keys: &OwnerKeys, record: &AdoptedRecord) -> Result<Key, Error> {
        let aad = self.adopted_aad(&record.entries)?;
        let key = keys.seal.open_key(&record.nonce, &aad, &record.key);
        Ok(key.ok_or(ClusterError::Corrupt(ADOPTED))?)
    }

    fn adopted_aad(&self, entries: &[(u8, [u8; keys::HASH_BYTES])]) -> Result<Vec<u8>, Error> {
        Ok([&b"vhsm adopted 1\0\0"[..], &self.numbers(), &encode(&entries)?].concat())
    }
}

/// What a message to `recipient` about `object` says. Errors: `Corrupt`, `NewerFormat`.
pub(super) fn read_message(
    lineage: &[u8; 16],
    recipient: UserId,
    object: ObjectId,
    entries_of: Space,
    mac: &MacKey,
    raw: &[u8],
) -> Result<Told, Error> {
    let (body, tag) = split_mac(MESSAGE, raw, MAC_BYTES)?;
    if !mac.verify(&[DOMAIN, &head(entries_of, lineage, recipient, object), body], tag) {
        return Err(ClusterError::Corrupt(MESSAGE).into());
    }
    let record: MessageRecord = decode(MESSAGE, body)?;
    Ok(match record.envelope {
        None => Told::Withdrawn,
        Some(EnvelopeRecord { encapsulated, sealed }) => {
            Told::Shared(UserId(record.owner), Envelope { encapsulated, sealed })
        }
    })
}

pub(super) fn read_adopted(raw: &[u8]) -> Result<AdoptedRecord, Error> {
    decode(ADOPTED, raw)
}

/// The keys of the index entries that an adopted record tells of. Errors: `Corrupt`.
pub(super) fn entries_of_adopted(
    record: &AdoptedRecord,
    space: Space,
    recipient: UserId,
    object: ObjectId,
) -> Result<Vec<StoreKey>, Error> {
    let entries = record.entries.iter().map(|(kind, hash)| {
        let index = keys::Index::of_kind(*kind).ok_or(ClusterError::Corrupt(ADOPTED))?;
        Ok(space.entry(index, recipient, hash, object))
    });
    entries.collect()
}

/// What a message's MAC is made over, beside its body: the numbers are those that the cluster had where the message was
/// made, so that a message in a backup stays one.
fn head(entries_of: Space, lineage: &[u8; 16], recipient: UserId, object: ObjectId) -> [u8; 36] {
    let mut head = [0; 36];
    head[..8].copy_from_slice(&entries_of.numbers());
    head[8..24].copy_from_slice(lineage);
    head[24..28].copy_from_slice(&recipient.0.to_be_bytes());
    head[28..].copy_from_slice(&object.0.to_be_bytes());
    head
}
