//! The store in etcd: many machines.
//!
//! Owns: all keys under a prefix of an etcd, a thread with the connections to it, and what this process knows of the
//! store. Called through the `Store` trait. Never answers from what was known when it is too long ago that etcd was
//! heard: then it waits, and in the end answers `StoreError::Stale`.
//!
//! | file | holds |
//! | --- | --- |
//! | `keys.rs` | what lies where in etcd |
//! | `background.rs`, `members.rs`, `failure.rs` | the thread, the connections, and what failed requests mean |
//! | `mirror.rs`, `freshness.rs`, `inner.rs` | what is known, since when, and the tasks that keep it so |
//! | `snapshot.rs`, `commit.rs` | reads and writes |
//! | `health.rs` | how the members are |
//! | `session.rs`, `claims.rs` | the process's lease, and what is held under it |
//!
//! What to know of it:
//! - A commit is one transaction. `Revision` is etcd's revision of the newest commit; others who use the same etcd make
//!   gaps in it, no more.
//! - A process sees its own commits at once, and others' as soon as its watch brings them: within `max_stale_ms`, or
//!   its calls wait. `Store::revision` then answers a number that no snapshot has.
//! - A call waits for etcd at most `request_timeout_ms`; while etcd has been failing for longer than that, calls that
//!   need it to be fresh fail at once. All mends itself when etcd is back.
//! - Reads are of one revision. Records and small ranges that were read are kept and follow the watch, so that reading
//!   them again needs no request.
//! - Commits of several threads are on their way side by side, and etcd joins their syncs. Measured with one member on
//!   the same two busy cores, four puts a commit: 1,100/s from one thread, 1,900/s from eight with etcd on a disk; 800/s and
//!   3,000/s with etcd in memory. What is known is read 2,500,000 times a second, what is not 2,700 times (7,000 from eight
//!   threads). `revision` takes some 12 ns. `examples/etcd_speed.rs` measures it.
//! - When etcd is full (its alarm NOSPACE) it takes no commit, deletions neither, until it is compacted, defragmented and the
//!   alarm disarmed.
//! - Nothing is shared over fork, and a fork waits for no call. A child inherits the descriptors of the connections,
//!   unused, until it executes another program or ends.

mod background;
mod claims;
mod commit;
mod failure;
mod freshness;
mod health;
mod inner;
mod keys;
mod members;
mod mirror;
mod open;
mod session;
mod snapshot;

pub use health::health;

use crate::etcd_options::EtcdOptions;
use crate::{Batch, Changes, Claim, ClaimKind, Revision, Snapshot, Store, StoreError, gate};
use background::Background;
use claims::EtcdClaim;
use freshness::UNKNOWN;
use inner::Inner;
use snapshot::{EtcdSnapshot, InRead};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

/// How often a read's body is run over a newer revision when etcd compacted the one it had.
const TRIES: u32 = 3;

/// The store in etcd.
pub struct Etcd {
    inner: Arc<Inner>,
    handle: Handle,
    /// Taken when this is dropped.
    background: Option<Background>,
    generation: u64,
}

impl Etcd {
    /// Connects to etcd; an empty one gets a store. Errors: `Open`.
    pub fn open(options: &EtcdOptions) -> Result<Self, StoreError> {
        let (inner, background) = open::open(options)?;
        let handle = background.handle().clone();
        Ok(Self { inner, handle, background: Some(background), generation: gate::generation() })
    }

    /// How many requests to etcd callers of this value have waited for, those of opening it among them: not those that
    /// keep it fresh and its lease alive.
    pub fn requests(&self) -> u64 {
        self.inner.members.requests()
    }

    fn unless_foreign(&self) -> Result<(), StoreError> {
        if self.generation == gate::generation() { Ok(()) } else { Err(StoreError::Forked) }
    }

    /// Runs it in the background, with what the store is.
    fn run<T: Send + 'static, F>(&self, work: impl FnOnce(Arc<Inner>) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        Background::run(&self.handle, work(Arc::clone(&self.inner)))?
    }

    /// Waits until what is newest is known. No request where it is.
    fn wait_fresh(&self) -> Result<(), StoreError> {
        match self.inner.shared.newest() {
            UNKNOWN => self.run(|inner| async move { inner.until_fresh().await }),
            _ => Ok(()),
        }
    }

    /// The newest revision, and one of etcd that shows it.
    fn newest(&self) -> Result<(u64, u64), StoreError> {
        self.wait_fresh()?;
        let mirror = self.inner.shared.mirror();
        Ok((mirror.revision(), mirror.through()))
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        if self.unless_foreign().is_err() {
            // The parent's: neither its thread nor its connections are touched.
            std::mem::forget((self.background.take(), Arc::clone(&self.inner), self.handle.clone()));
            return;
        }
        // Where etcd does not answer, the lease runs out.
        let _ = self.run(|inner| async move {
            inner.end_session().await;
            Ok(())
        });
    }
}

impl Store for Etcd {
    fn read(&self, body: &mut dyn FnMut(&dyn Snapshot) -> Result<(), StoreError>) -> Result<(), StoreError> {
        self.unless_foreign()?;
        let _mark = gate::mark_read();
        for _ in 1..TRIES {
            let reading = InRead::begin(&self.inner, || self.newest())?;
            let outcome = body(&EtcdSnapshot::new(self, &reading));
            if !reading.is_void(&self.inner) {
                return outcome;
            }
            drop(reading);
            self.run(
                |inner| async move { inner.prove_fresh().await.map_err(|failure| inner.told(&failure)) },
            )?;
        }
        let reading = InRead::begin(&self.inner, || self.newest())?;
        body(&EtcdSnapshot::new(self, &reading))
    }

    fn commit(&self, batch: Batch) -> Result<Revision, StoreError> {
        batch.check()?;
        if gate::inside_read() {
            return Err(StoreError::CommitInRead);
        }
        self.unless_foreign()?;
        self.run(|inner| inner.commit(batch))
    }

    fn revision(&self) -> Revision {
        Revision(self.inner.shared.newest())
    }

    fn changes_since(&self, since: Revision) -> Result<Changes, StoreError> {
        self.unless_foreign()?;
        // Inside a read: as that read sees the store.
        let (upto, _) = InRead::revision_of(&self.inner).map_or_else(|| self.newest(), Ok)?;
        Ok(self.inner.shared.mirror().changes(since.0, upto))
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
        self.unless_foreign()?;
        let name = name.to_vec();
        let number = self.run(|inner| inner.claim_within(name, kind, timeout))?;
        let claim = |number| EtcdClaim::new(Arc::clone(&self.inner), self.handle.clone(), number);
        Ok(number.map(|number| Box::new(claim(number)) as Box<dyn Claim>))
    }

    fn is_claimed(&self, name: &[u8]) -> Result<bool, StoreError> {
        self.unless_foreign()?;
        let name = name.to_vec();
        self.run(|inner| inner.is_claimed(name))
    }

    fn fork_prepare(&self) {
        gate::close();
    }

    fn fork_parent(&self) {
        gate::reopen();
    }

    fn fork_child(&self) {
        gate::forked();
        gate::reopen();
    }
}
