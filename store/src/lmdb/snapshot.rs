//! One consistent view of the embedded store, and how keys lie in the file.
//!
//! Everything lies in LMDB's one unnamed database, for each further one would cost a page per commit. The first
//! byte of a key says whose it is; the change log is last, so that its entries are appended.

use super::failure::io_error;
use super::txn::Txn;
use crate::batch::{MAX_KEY_BYTES, is_key};
use crate::{Revision, Snapshot, StoreError};
use std::ops::ControlFlow;
use std::path::Path;

/// The store's own records, as the format.
pub(super) const OWN: u8 = 0;
/// The callers' records.
pub(super) const RECORD: u8 = 1;
/// The change log.
pub(super) const LOG: u8 = 2;

/// A caller's key as it lies in the file.
pub(super) struct StoredKey {
    bytes: [u8; MAX_KEY_BYTES + 1],
    len: usize,
}

impl StoredKey {
    /// `key` must have passed `is_key`.
    pub(super) fn new(key: &[u8]) -> Self {
        let mut bytes = [0; MAX_KEY_BYTES + 1];
        bytes[0] = RECORD;
        bytes[1..=key.len()].copy_from_slice(key);
        Self { bytes, len: key.len() + 1 }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

pub(super) struct LmdbSnapshot<'a> {
    pub(super) transaction: &'a Txn<'a>,
    pub(super) path: &'a Path,
}

impl Snapshot for LmdbSnapshot<'_> {
    fn revision(&self) -> Revision {
        Revision(self.transaction.id())
    }

    fn get(&self, key: &[u8]) -> Result<Option<&[u8]>, StoreError> {
        if !is_key(key) {
            return Ok(None);
        }
        let key = StoredKey::new(key);
        self.transaction.get(key.as_bytes()).map_err(|error| io_error(self.path, &error))
    }

    fn range(
        &self,
        from: &[u8],
        to: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        if from >= to {
            return Ok(());
        }
        let (from, to) = (bound(from), bound(to));
        let found = self.transaction.entries_from(&from).map_err(|error| io_error(self.path, &error))?;
        for entry in found {
            let (key, value) = entry.map_err(|error| io_error(self.path, &error))?;
            if key >= &to[..] || visit(&key[1..], value).is_break() {
                break;
            }
        }
        Ok(())
    }
}

fn bound(key: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(key.len() + 1);
    bytes.push(RECORD);
    bytes.extend_from_slice(key);
    bytes
}
