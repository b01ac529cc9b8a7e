//! The change log: per revision one entry with the keys that it changed.
//!
//! An entry is written in the transaction of its revision, appended behind all others. Every revision has one,
//! until it is trimmed; so a gap before the first entry asked for means "trimmed".
//!
//! Entry: one byte of form, then for form `KEYS` each key with its length (u16, big endian) before it.

use super::library::Error;
use super::snapshot::{LOG, LmdbSnapshot};
use super::txn::WriteTxn;
use crate::{ChangedKeys, Changes, Revision, Snapshot, StoreError};

/// The change log reaches back at least this many revisions (less one step of trimming more than it keeps).
pub const LOG_REVISIONS: u64 = 10_000;
/// Trimming is done once in so many revisions, so many entries at a time: neighbours, which share pages.
const TRIM_STEP: u64 = 256;
/// An entry with more bytes of keys says "everything" instead.
const MAX_ENTRY_BYTES: usize = 32 << 10;

const KEYS: u8 = 1;
const EVERYTHING: u8 = 2;

/// The entry of the revision that is being written.
pub(super) struct Entry {
    bytes: Vec<u8>,
}

impl Entry {
    pub(super) fn new() -> Self {
        Self { bytes: vec![KEYS] }
    }

    /// Adds a changed key (which has at most `MAX_KEY_BYTES` bytes).
    pub(super) fn push(&mut self, key: &[u8]) {
        if self.bytes[0] == EVERYTHING {
            return;
        }
        if self.bytes.len() + 2 + key.len() > MAX_ENTRY_BYTES {
            self.bytes = vec![EVERYTHING];
            return;
        }
        self.bytes.extend_from_slice(&(key.len() as u16).to_be_bytes());
        self.bytes.extend_from_slice(key);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes == [KEYS]
    }

    /// Writes the entry, and trims the log when it is time.
    pub(super) fn append(&self, txn: &mut WriteTxn) -> Result<(), Error> {
        let revision = txn.id();
        txn.append(&entry_key(revision), &self.bytes)?;
        if revision.is_multiple_of(TRIM_STEP) && revision > LOG_REVISIONS {
            txn.delete_range(&entry_key(0), &entry_key(revision - LOG_REVISIONS))?;
        }
        Ok(())
    }
}

/// The keys changed after `since`, up to the snapshot.
pub(super) fn changes(snapshot: &LmdbSnapshot, since: Revision) -> Result<Changes, StoreError> {
    let upto = snapshot.revision();
    let keys = match since.cmp(&upto) {
        std::cmp::Ordering::Equal => ChangedKeys::These(Vec::new()),
        std::cmp::Ordering::Less => match keys_between(snapshot, since.0, upto.0)? {
            Some(keys) => ChangedKeys::These(keys),
            None => ChangedKeys::Everything,
        },
        // Not a revision of this store.
        std::cmp::Ordering::Greater => ChangedKeys::Everything,
    };
    Ok(Changes { upto, keys })
}

/// `None` if an entry is missing, or says "everything".
fn keys_between(snapshot: &LmdbSnapshot, since: u64, upto: u64) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
    let (from, to) = (entry_key(since + 1), entry_key(upto));
    let error = |error: Error| super::failure::io_error(snapshot.path, &error);
    let mut keys = Vec::new();
    let mut expected = since + 1;
    for entry in snapshot.transaction.entries_from(&from).map_err(error)? {
        let (key, value) = entry.map_err(error)?;
        if key > &to[..] {
            break;
        }
        if key != entry_key(expected) || !read_entry(value, &mut keys) {
            return Ok(None);
        }
        expected += 1;
    }
    Ok((expected == upto + 1).then_some(keys))
}

/// Adds the entry's keys; `false` if it does not list them.
fn read_entry(entry: &[u8], keys: &mut Vec<Vec<u8>>) -> bool {
    let Some((&KEYS, mut rest)) = entry.split_first() else { return false };
    while let Some((length, tail)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes(*length));
        let Some((key, tail)) = tail.split_at_checked(length) else { return false };
        keys.push(key.to_vec());
        rest = tail;
    }
    rest.is_empty()
}

fn entry_key(revision: u64) -> [u8; 9] {
    let mut key = [LOG; 9];
    key[1..].copy_from_slice(&revision.to_be_bytes());
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_gives_back_its_keys() {
        let mut entry = Entry::new();
        assert!(entry.is_empty());
        entry.push(b"a");
        entry.push(&[7; 510]);
        let mut keys = Vec::new();
        assert!(read_entry(&entry.bytes, &mut keys));
        assert_eq!(keys, [b"a".to_vec(), vec![7; 510]]);
    }

    #[test]
    fn a_long_entry_says_everything() {
        let mut entry = Entry::new();
        (0..1000).for_each(|_| entry.push(&[7; 100]));
        assert_eq!(entry.bytes, [EVERYTHING]);
        assert!(!entry.is_empty());
        assert!(!read_entry(&entry.bytes, &mut Vec::new()));
    }

    #[test]
    fn a_damaged_entry_is_noticed() {
        for damaged in [&[][..], &[KEYS, 0], &[KEYS, 0, 2, 1], &[9]] {
            assert!(!read_entry(damaged, &mut Vec::new()), "{damaged:?}");
        }
    }
}
