//! Under which keys records lie. The first byte tells the kind; 0 parts two texts, which never contain it.

use crate::ids::{AliasName, BackingKeyId, KeyId, StoreId};
use sha2::{Digest, Sha256};

/// `StoreRecord`
pub(crate) const STORE: u8 = 0x10;
/// A custom key store's name: the record is its id.
pub(crate) const STORE_NAME: u8 = 0x11;
/// `StoreRegister`: one.
pub(crate) const STORE_REGISTER: u8 = 0x12;
/// `KeyRecord`
pub(crate) const KEY: u8 = 0x20;
/// `KeyDetails`
pub(crate) const KEY_DETAILS: u8 = 0x21;
/// Index: a custom key store's keys.
pub(crate) const KEY_OF_STORE: u8 = 0x22;
/// Index: keys by the time of their deletion.
pub(crate) const KEY_DELETION: u8 = 0x23;
/// `LastUse`
pub(crate) const LAST_USE: u8 = 0x24;
/// Index: keys by the time of their next rotation.
pub(crate) const KEY_ROTATION: u8 = 0x25;
/// `KeyCounts`
pub(crate) const KEY_COUNTS: u8 = 0x26;
/// `ExternalKey`
pub(crate) const EXTERNAL_KEY: u8 = 0x27;
/// `XksKeyOwner`, by custom key store and external key.
pub(crate) const XKS_KEY: u8 = 0x28;
/// `AliasRecord`
pub(crate) const ALIAS: u8 = 0x30;
/// Index: a key's aliases.
pub(crate) const ALIAS_OF_KEY: u8 = 0x31;
/// `GrantRecord`, by key.
pub(crate) const GRANT: u8 = 0x40;
/// Index: grants by the principal that may retire them.
pub(crate) const GRANT_RETIRING: u8 = 0x41;
/// `OrphanRecord`: key material that was left behind.
pub(crate) const ORPHAN: u8 = 0x50;

pub(crate) fn store(id: &StoreId) -> Vec<u8> {
    joined(STORE, &[id.0.as_bytes()])
}

pub(crate) fn store_name(name: &str) -> Vec<u8> {
    // 256 characters of any kind may be longer than a key of the store.
    joined(STORE_NAME, &[&Sha256::digest(name.as_bytes())])
}

/// All custom key stores: from, to.
pub(crate) fn stores() -> (Vec<u8>, Vec<u8>) {
    between(&[STORE])
}

pub(crate) fn store_register() -> Vec<u8> {
    vec![STORE_REGISTER]
}

pub(crate) fn key(id: &KeyId) -> Vec<u8> {
    joined(KEY, &[id.as_bytes()])
}

pub(crate) fn key_details(id: &KeyId) -> Vec<u8> {
    joined(KEY_DETAILS, &[id.as_bytes()])
}

pub(crate) fn key_counts(id: &KeyId) -> Vec<u8> {
    joined(KEY_COUNTS, &[id.as_bytes()])
}

pub(crate) fn key_of_store(store: &StoreId, id: &KeyId) -> Vec<u8> {
    joined(KEY_OF_STORE, &[store.0.as_bytes(), &[0], id.as_bytes()])
}

/// All keys of a store: from, to.
pub(crate) fn keys_of_store(store: &StoreId) -> (Vec<u8>, Vec<u8>) {
    between(&joined(KEY_OF_STORE, &[store.0.as_bytes(), &[0]]))
}

pub(crate) fn key_deletion(at_ms: u64, id: &KeyId) -> Vec<u8> {
    joined(KEY_DELETION, &[&at_ms.to_be_bytes(), id.as_bytes()])
}

pub(crate) fn last_use(id: &KeyId) -> Vec<u8> {
    joined(LAST_USE, &[id.as_bytes()])
}

pub(crate) fn key_rotation(next_ms: u64, id: &KeyId) -> Vec<u8> {
    joined(KEY_ROTATION, &[&next_ms.to_be_bytes(), id.as_bytes()])
}

pub(crate) fn external_key(id: &KeyId) -> Vec<u8> {
    joined(EXTERNAL_KEY, &[id.as_bytes()])
}

pub(crate) fn xks_key(store: &StoreId, xks_key_id: &str) -> Vec<u8> {
    joined(XKS_KEY, &[store.0.as_bytes(), &[0], xks_key_id.as_bytes()])
}

/// The time and the key of a `key_rotation`.
pub(crate) fn of_key_rotation(key: &[u8]) -> Option<(u64, KeyId)> {
    let (at_ms, id) = key.strip_prefix(&[KEY_ROTATION])?.split_first_chunk()?;
    Some((u64::from_be_bytes(*at_ms), KeyId::from_bytes(id.try_into().ok()?)))
}

/// The deletions up to this time: from, to.
pub(crate) fn key_deletions(upto_ms: u64) -> (Vec<u8>, Vec<u8>) {
    let to = joined(KEY_DELETION, &[&upto_ms.saturating_add(1).to_be_bytes()]);
    (vec![KEY_DELETION], to)
}

pub(crate) fn alias(name: &AliasName) -> Vec<u8> {
    joined(ALIAS, &[name.as_str().as_bytes()])
}

pub(crate) fn alias_of_key(id: &KeyId, name: &AliasName) -> Vec<u8> {
    joined(ALIAS_OF_KEY, &[id.as_bytes(), name.as_str().as_bytes()])
}

/// All aliases of a key: from, to. Names follow.
pub(crate) fn aliases_of_key(id: &KeyId) -> (Vec<u8>, Vec<u8>) {
    between(&joined(ALIAS_OF_KEY, &[id.as_bytes()]))
}

pub(crate) fn grant(id: &KeyId, grant_id: &str) -> Vec<u8> {
    joined(GRANT, &[id.as_bytes(), grant_id.as_bytes()])
}

/// All grants of a key: from, to. Grant IDs follow.
pub(crate) fn grants(id: &KeyId) -> (Vec<u8>, Vec<u8>) {
    between(&joined(GRANT, &[id.as_bytes()]))
}

pub(crate) fn grant_retiring(principal: &str, id: &KeyId, grant_id: &str) -> Vec<u8> {
    joined(GRANT_RETIRING, &[principal.as_bytes(), &[0], id.as_bytes(), grant_id.as_bytes()])
}

/// All grants that a principal may retire: from, to. Key ID (16 bytes) and grant ID follow.
pub(crate) fn grants_retiring(principal: &str) -> (Vec<u8>, Vec<u8>) {
    between(&joined(GRANT_RETIRING, &[principal.as_bytes(), &[0]]))
}

pub(crate) fn orphan(id: &BackingKeyId) -> Vec<u8> {
    joined(ORPHAN, &[&id.0])
}

/// All keys that begin with `prefix`: from, to.
pub(crate) fn between(prefix: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut to = prefix.to_vec();
    while let Some(last) = to.pop() {
        if last < 0xff {
            to.push(last + 1);
            break;
        }
    }
    (prefix.to_vec(), to)
}

fn joined(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + parts.iter().map(|part| part.len()).sum::<usize>());
    key.push(kind);
    parts.iter().for_each(|part| key.extend_from_slice(part));
    key
}
