//! The ordered key-value store under everything.
//!
//! Owns: durable bytes under ordered keys, their revision, their change log, and claims (locks that vanish
//! with their process). Called by: the cluster layer. Never knows objects, users or keys.

#![deny(unsafe_code)]

mod batch;
mod error;
#[cfg(feature = "etcd")]
mod etcd;
mod etcd_health;
mod etcd_options;
mod fault;
mod gate;
mod lmdb;
mod memory;
mod migrate;
mod state;

pub use batch::{Batch, Condition, MAX_BATCH_BYTES, MAX_KEY_BYTES, MAX_OPERATIONS, Operation};
pub use error::StoreError;
#[cfg(feature = "etcd")]
pub use etcd::Etcd;
pub use etcd_health::{EndpointHealth, EndpointStatus, EtcdHealth, EtcdMember};
pub use etcd_options::{
    DEFAULT_MAX_STALE_MS, DEFAULT_PREFIX, DEFAULT_REQUEST_TIMEOUT_MS, EtcdOptions, EtcdTls, EtcdUrl, EtcdUser,
};
pub use fault::{Call, Fault, Faulty, Occasion};
pub use lmdb::{DEFAULT_MAP_BYTES, LOG_REVISIONS, Lmdb, LmdbOptions, LmdbStats};
pub use memory::Memory;
pub use migrate::{
    Content, MigrateError, Place, Progress, Standing, Step, cancel, content, migrate, standing,
};

use state::InUse;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Which store, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreSpec {
    /// Gone with the process, and not seen by others.
    Memory,
    /// A folder of this machine.
    Embedded(LmdbOptions),
    /// An etcd, for many machines. Needs the feature `etcd`.
    Etcd(EtcdOptions),
}

/// Opens a store. Two opens of one folder share it; two of `Memory` do not. Errors: `Moving`, `Moved` and `HalfFilled` of
/// a store that is not in use.
pub fn open(spec: &StoreSpec) -> Result<Arc<dyn Store>, StoreError> {
    match spec {
        StoreSpec::Memory => Ok(Arc::new(InUse::new(Memory::new())?)),
        StoreSpec::Embedded(options) => Ok(Arc::new(InUse::new(Lmdb::open(options)?)?)),
        StoreSpec::Etcd(options) => Ok(Arc::new(InUse::new(open_etcd(options)?)?)),
    }
}

/// Opens a store that may be half filled, or moved elsewhere: to move it or to look at it, and for nothing else.
pub fn open_in_any_state(spec: &StoreSpec) -> Result<Arc<dyn Store>, StoreError> {
    match spec {
        StoreSpec::Memory => Ok(Arc::new(Memory::new())),
        StoreSpec::Embedded(options) => Ok(Arc::new(Lmdb::open(options)?)),
        StoreSpec::Etcd(options) => Ok(Arc::new(open_etcd(options)?)),
    }
}

#[cfg(feature = "etcd")]
fn open_etcd(options: &EtcdOptions) -> Result<Etcd, StoreError> {
    Etcd::open(options)
}

/// How the members of an etcd are; asks each of them, and writes nothing. Errors: `Open`.
#[cfg(feature = "etcd")]
pub fn etcd_health(options: &EtcdOptions) -> Result<EtcdHealth, StoreError> {
    etcd::health(options)
}

/// How the members of an etcd are. Errors: `Open`, for this build has no etcd.
#[cfg(not(feature = "etcd"))]
pub fn etcd_health(options: &EtcdOptions) -> Result<EtcdHealth, StoreError> {
    Err(built_without_etcd(options))
}

#[cfg(not(feature = "etcd"))]
fn open_etcd(options: &EtcdOptions) -> Result<Memory, StoreError> {
    Err(built_without_etcd(options))
}

#[cfg(not(feature = "etcd"))]
fn built_without_etcd(options: &EtcdOptions) -> StoreError {
    let mend = "build it with `make build`, or with `cargo build --features etcd`, which needs Debian's \
                protobuf-compiler and libprotobuf-dev";
    let cause = "this program was built without etcd".into();
    StoreError::Open { path: options.place(), cause, mend: mend.into() }
}

/// Counts the store's commits; grows with each one, whoever made it. Never zero in a store that was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision(pub u64);

/// What changed after a revision that a caller knew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// Everything up to this revision is told.
    pub upto: Revision,
    pub keys: ChangedKeys,
}

/// The keys that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangedKeys {
    /// These keys, in the order of their commits; a key may stand there more than once.
    These(Vec<Vec<u8>>),
    /// The bounded change log no longer reaches that far back: anything may have changed.
    Everything,
}

/// A consistent view of the store at one revision, valid inside one `Store::read`.
pub trait Snapshot {
    fn revision(&self) -> Revision;

    /// The value under `key`, copied to nowhere: borrowed from the view. Nothing is under what is no key (empty, or
    /// longer than `MAX_KEY_BYTES`).
    fn get(&self, key: &[u8]) -> Result<Option<&[u8]>, StoreError>;

    /// Visits keys in `from..to` (half open) in ascending order until `visit` breaks. The bounds may be of any
    /// length; an empty `to` is before all keys, `[0xff; MAX_KEY_BYTES + 1]` behind all.
    // An alias would have to tell the two lifetimes apart, and so would every implementation.
    #[allow(clippy::type_complexity)]
    fn range(
        &self,
        from: &[u8],
        to: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;
}

/// What a claim allows beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimKind {
    /// Any number of shared claims on a name stand together.
    Shared,
    /// Alone.
    Exclusive,
}

/// A name held until this is dropped, or until the process that took it is gone. Not inherited over fork. It may
/// outlive its store, but then a child forked meanwhile holds it too: drop it first.
pub trait Claim: Send + Sync {}

/// An ordered, durable key-value store with optimistic commits.
pub trait Store: Send + Sync {
    /// Runs `body` over one consistent snapshot; where a store of many machines has lost the history that the snapshot
    /// needs in the meantime, it runs `body` again from its start, over a newer one. `body` may read again, from this store or another, but it must not
    /// wait for other threads, and a commit inside it (to any store) answers `StoreError::CommitInRead`. It should
    /// be short: a snapshot keeps old pages from being used again.
    fn read(&self, body: &mut dyn FnMut(&dyn Snapshot) -> Result<(), StoreError>) -> Result<(), StoreError>;

    /// Applies `batch` whole or not at all; durable when it returns. A condition that does not hold gives
    /// `StoreError::Conflict` and changes nothing. Batches that are committed together have one revision.
    fn commit(&self, batch: Batch) -> Result<Revision, StoreError>;

    /// The newest revision, other processes' commits included: a few nanoseconds, no lock. It may be ahead of what
    /// snapshots show by a commit that is just being made durable. So ask whether it is another than the one you
    /// know, but take the one you know from `Changes::upto` or `Snapshot::revision`. (Not from your own commit:
    /// others may have committed before it.) A store of many machines that does not know what is newest answers a
    /// number that no snapshot has; `changes_since` then waits until it knows, or says why it does not.
    fn revision(&self) -> Revision;

    /// The keys changed after `since` (whether one that was deleted and not there before counts is the store's choice);
    /// `Everything` also where `since` is no revision of this store.
    fn changes_since(&self, since: Revision) -> Result<Changes, StoreError>;

    /// Takes the name if its holders (in this process or any other) allow it; `None` if they do not.
    /// Two claims of one process stand against each other like those of two.
    fn claim(&self, name: &[u8], kind: ClaimKind) -> Result<Option<Box<dyn Claim>>, StoreError>;

    /// Waits for the name, at most `timeout`.
    fn claim_within(
        &self,
        name: &[u8],
        kind: ClaimKind,
        timeout: std::time::Duration,
    ) -> Result<Option<Box<dyn Claim>>, StoreError>;

    /// Whether anyone, here or elsewhere, holds the name.
    fn is_claimed(&self, name: &[u8]) -> Result<bool, StoreError>;

    /// Before fork: waits until no call is inside the store and keeps it so (every transaction ended, every
    /// internal lock held), until `fork_parent` or `fork_child` is called by the same thread. All stores of this
    /// crate share one gate, so this may be called for any or for each of them; what follows must be called as often.
    fn fork_prepare(&self);
    /// After fork, in the parent: the store goes on.
    fn fork_parent(&self);
    /// After fork, in the child: only async-signal-safe work; every later call answers `StoreError::Forked`
    /// (claims of the parent are let go of without ending them), and dropping the store or its claims disturbs
    /// neither parent nor a store that is opened anew at the same place.
    fn fork_child(&self);
}

#[cfg(all(test, not(feature = "etcd")))]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_etcd_says_how_to_get_one_with_it() {
        let url = EtcdUrl::parse("etcd://host").unwrap().unwrap();
        match open(&StoreSpec::Etcd(EtcdOptions::new(url, None))) {
            Err(StoreError::Open { mend, .. }) => assert!(mend.contains("--features etcd"), "{mend}"),
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("it opened"),
        }
    }
}
