//! The embedded store: LMDB, one folder, any number of processes.
//!
//! Owns: the folder with `data.mdb`, `lock.mdb` (both LMDB's) and `claims`. Called through the `Store` trait.
//! Never lets a transaction, or the environment itself, outlive a call.
//!
//! What to know of it:
//! - One environment may be open once per process: all `Lmdb` values of one place share it, through a registry,
//!   and it closes with the last of them. A second copy of this library in the same process is refused, for LMDB's
//!   own file locks end when any copy closes the file. For the same reason nothing else in the process may
//!   open `lock.mdb`.
//! - Nothing of it belongs to a thread but while that thread is in a call, so it may be closed while threads end.
//! - The file grows as needed up to the map's size (address space, not memory); a commit beyond it is
//!   `StoreError::Full`. Batches that only delete may enlarge the map a little, so a full store can be
//!   emptied. Other processes follow by themselves.
//! - `Store::revision` reads the newest header in the file, which is there an instant before its commit is durable
//!   and before snapshots show it. So the revision that a caller knows must come from `Changes::upto` or
//!   `Snapshot::revision`.
//! - After a failed write whose outcome is in doubt the store refuses writes until all `Lmdb` values of the
//!   place are dropped and it is opened again.

mod claims;
mod descriptors;
mod environment;
mod failure;
mod group;
mod library;
mod log;
mod open;
mod readers;
mod registry;
mod revision;
mod snapshot;
mod txn;
mod write;

pub use environment::LmdbStats;
pub use log::LOG_REVISIONS;

use crate::{Batch, Changes, Claim, ClaimKind, Revision, Snapshot, Store, StoreError, gate};
use environment::Environment;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The default size of the map: address space that is reserved, not memory or disk that is used.
pub const DEFAULT_MAP_BYTES: usize = 64 << 30;

/// Where the embedded store lies, and how it is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LmdbOptions {
    /// The store's folder; made (0700) if missing.
    pub path: PathBuf,
    /// The most the store may grow to. The first `Lmdb` of a place decides for its process; a process with
    /// less follows the one with more.
    pub map_bytes: usize,
    /// Files are 0660 and a folder that is made is 2770, for the folder's group, instead of 0600 and 0700. An open
    /// without it takes no rights away.
    pub group: bool,
}

impl LmdbOptions {
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), map_bytes: DEFAULT_MAP_BYTES, group: false }
    }
}

/// The embedded store.
pub struct Lmdb {
    environment: Arc<Environment>,
}

impl Lmdb {
    /// Opens the store, and makes it if there is none. Takes the registry's lock and the gate.
    pub fn open(options: &LmdbOptions) -> Result<Self, StoreError> {
        Ok(Self { environment: registry::obtain(options)? })
    }

    /// What this process did in this store since it opened it.
    pub fn stats(&self) -> LmdbStats {
        self.environment.stats()
    }
}

impl Drop for Lmdb {
    fn drop(&mut self) {
        registry::give_back(&self.environment);
    }
}

impl Store for Lmdb {
    fn read(&self, body: &mut dyn FnMut(&dyn Snapshot) -> Result<(), StoreError>) -> Result<(), StoreError> {
        self.environment.read(|snapshot| body(snapshot))
    }

    fn commit(&self, batch: Batch) -> Result<Revision, StoreError> {
        batch.check()?;
        if gate::inside_read() {
            return Err(StoreError::CommitInRead);
        }
        self.environment.commit(batch)
    }

    fn revision(&self) -> Revision {
        self.environment.newest_revision()
    }

    fn changes_since(&self, since: Revision) -> Result<Changes, StoreError> {
        self.environment.changes_since(since)
    }

    fn claim(&self, name: &[u8], kind: ClaimKind) -> Result<Option<Box<dyn Claim>>, StoreError> {
        self.claim_within(name, kind, Duration::ZERO)
    }

    fn claim_within(
        &self,
        name: &[u8],
        kind: ClaimKind,
        timeout: Duration,
    ) -> Result<Option<Box<dyn Claim>>, StoreError> {
        self.environment.claim_within(name, kind, timeout)
    }

    fn is_claimed(&self, name: &[u8]) -> Result<bool, StoreError> {
        self.environment.is_claimed(name)
    }

    fn fork_prepare(&self) {
        gate::close();
    }

    fn fork_parent(&self) {
        gate::reopen();
    }

    fn fork_child(&self) {
        gate::forked();
        claims::close_inherited();
        gate::reopen();
    }
}
