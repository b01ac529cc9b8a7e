//! One open LMDB environment: what all `Lmdb` values of a place share.
//!
//! Owns: the environment, and the only ways to it: a read, a write transaction, the change of the map's size. Each
//! goes through the gate and ends before the call does.
#![allow(unsafe_code)]

use super::claims::{ClaimsFile, ProcessMark};
use super::descriptors::Descriptors;
use super::failure::{Failure, describe, io_error};
use super::group::Queue;
use super::library::{Env, Error, Refusal};
use super::readers::{ReadTxn, Readers};
use super::revision::HeaderPages;
use super::snapshot::LmdbSnapshot;
use super::txn::{Txn, WriteTxn};
use crate::gate::{self, Closed, Pass};
use crate::{Changes, Claim, ClaimKind, Revision, StoreError};
use std::cell::{Cell, UnsafeCell};
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How often a transaction that could not begin is mended and tried again.
const TRIES: u32 = 3;

/// Counters of one process's work in a store, since it opened it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LmdbStats {
    /// Write transactions that were committed: each has one sync.
    pub transactions: u64,
    /// Batches that they applied.
    pub batches: u64,
    /// Slots of vanished readers that were cleared.
    pub stale_readers: u64,
}

#[derive(Default)]
pub(super) struct Counters {
    pub(super) transactions: AtomicU64,
    pub(super) batches: AtomicU64,
    pub(super) stale_readers: AtomicU64,
}

/// What is there while the environment is open.
pub(super) struct Open {
    pub(super) env: Env,
    pub(super) readers: Readers,
    pub(super) descriptors: Descriptors,
    pub(super) _mark: ProcessMark,
}

pub(super) struct Environment {
    /// Emptied by `close` only.
    open: UnsafeCell<Option<Open>>,
    /// The generation that opened it; others must not touch it.
    generation: u64,
    pub(super) path: PathBuf,
    header: HeaderPages,
    pub(super) claims: ClaimsFile,
    pub(super) queue: Queue,
    pub(super) counters: Counters,
    /// Why writes are refused.
    refusal: OnceLock<String>,
    /// A revision that the header has but snapshots do not show yet, and how often it was met so.
    pub(super) unsettled: (AtomicU64, AtomicU64),
}

// SAFETY: all parts are Sync but the cell. It is written by `close` only, whose callers see to it that nobody uses
// the environment then or later.
unsafe impl Sync for Environment {}

impl Environment {
    pub(super) fn new(path: PathBuf, open: Open, header: HeaderPages, claims: ClaimsFile) -> Self {
        Self {
            open: UnsafeCell::new(Some(open)),
            generation: gate::generation(),
            path,
            header,
            claims,
            queue: Queue::default(),
            counters: Counters::default(),
            refusal: OnceLock::new(),
            unsettled: Default::default(),
        }
    }

    pub(super) fn is_foreign(&self) -> bool {
        self.generation != gate::generation()
    }

    /// Closes the environment.
    ///
    /// # Safety
    ///
    /// Either no `Lmdb` of this environment is left (each call borrows one), or `is_foreign` (then every call turns
    /// away before it comes to the cell). The caller holds the registry's lock, so no two threads close.
    pub(super) unsafe fn close(&self) {
        // SAFETY: nobody else uses the cell, says the caller.
        let open = unsafe { &mut *self.open.get() };
        let Some(Open { env, readers, descriptors, _mark }) = open.take() else { return };
        if !self.is_foreign() {
            // SAFETY: open until below, and this process opened it.
            unsafe { readers.discard() };
        }
        descriptors.sparing_others(|| drop(env));
    }

    /// The open environment, for as long as the pass is held.
    fn entered<'a>(&'a self, _pass: &'a Pass) -> Result<&'a Open, StoreError> {
        if self.is_foreign() {
            return Err(StoreError::Forked);
        }
        // SAFETY: `close` does not run: it is not foreign, and an `Lmdb` is borrowed by the call that came here.
        unsafe { &*self.open.get() }.as_ref().ok_or(StoreError::Forked)
    }

    pub(super) fn newest_revision(&self) -> Revision {
        Revision(self.header.newest())
    }

    pub(super) fn stats(&self) -> LmdbStats {
        LmdbStats {
            transactions: self.counters.transactions.load(Ordering::Relaxed),
            batches: self.counters.batches.load(Ordering::Relaxed),
            stale_readers: self.counters.stale_readers.load(Ordering::Relaxed),
        }
    }

    /// Runs `body` over a snapshot. A read inside a read of the same store gets the outer one's snapshot.
    pub(super) fn read<R>(
        &self,
        mut body: impl FnMut(&LmdbSnapshot) -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        let mut tries = 0;
        loop {
            let pass = gate::enter_read();
            let open = self.entered(&pass)?;
            if let Some(outer) = Reading::of_this_thread(self) {
                // SAFETY: the outer read of this thread ends after this one.
                return body(&self.snapshot(unsafe { &*outer }));
            }
            // SAFETY: the environment and its own readers.
            let error = match unsafe { open.readers.begin(&open.env, &pass) } {
                Ok(txn) => {
                    let reading = Reading::new(self, txn);
                    reading.link();
                    return body(&self.snapshot(&reading.txn));
                }
                Err(error) => error,
            };
            tries += 1;
            if tries > TRIES {
                return Err(io_error(&self.path, &error));
            }
            self.mend_read(&error, pass)?;
        }
    }

    fn snapshot<'a>(&'a self, transaction: &'a Txn<'a>) -> LmdbSnapshot<'a> {
        LmdbSnapshot { transaction, path: &self.path }
    }

    /// Clears what stopped a read transaction from beginning, if it can be cleared.
    fn mend_read(&self, error: &Error, pass: Pass) -> Result<(), StoreError> {
        match error {
            Error::Lmdb(Refusal::MapResized) => self.follow_map_size(pass),
            Error::Lmdb(Refusal::ReadersFull) if self.free_readers(&pass)? > 0 => Ok(()),
            _ => Err(io_error(&self.path, error)),
        }
    }

    /// Runs `body` in a write transaction, which it commits or drops.
    pub(super) fn write<R>(&self, body: impl FnOnce(WriteTxn) -> Result<R, Error>) -> Result<R, Failure> {
        if let Some(cause) = self.refusal.get() {
            let (path, cause) = (self.path.clone(), cause.clone());
            return Err(Failure::Unusable(StoreError::Refused { path, cause }));
        }
        let mut tries = 0;
        loop {
            let pass = gate::enter();
            let open = self.entered(&pass).map_err(Failure::Unusable)?;
            let error = match WriteTxn::begin(&open.env) {
                Ok(txn) => return body(txn).map_err(|error| self.judge(&error, open)),
                Err(error) => error,
            };
            tries += 1;
            if tries > TRIES || !matches!(error, Error::Lmdb(Refusal::MapResized)) {
                let failure = Failure::of_begin(&error);
                self.refuse_after(&failure);
                return Err(failure);
            }
            self.follow_map_size(pass).map_err(Failure::Unusable)?;
        }
    }

    /// What a failed write means. LMDB itself knows whether it failed in the header.
    fn judge(&self, error: &Error, open: &Open) -> Failure {
        let failure = match WriteTxn::begin(&open.env) {
            Err(Error::Lmdb(Refusal::Panic)) => Failure::Doubt(describe(error)),
            _ => Failure::of_write(error, &self.path),
        };
        self.refuse_after(&failure);
        failure
    }

    fn refuse_after(&self, failure: &Failure) {
        if let Failure::Doubt(cause) = failure {
            // The first cause stays.
            let _ = self.refusal.set(cause.clone());
        }
    }

    /// Takes over the map size that another process has set.
    fn follow_map_size(&self, pass: Pass) -> Result<(), StoreError> {
        self.set_map_size(pass, |_| 0)
    }

    /// Makes the map larger by `bytes`.
    pub(super) fn enlarge_map(&self, bytes: usize) -> Result<(), StoreError> {
        self.set_map_size(gate::enter(), |old| old + bytes)
    }

    /// Waits until no thread of this process is in any transaction. The lock order: the gate closed, nothing else.
    fn set_map_size(&self, pass: Pass, new_bytes: impl Fn(usize) -> usize) -> Result<(), StoreError> {
        drop(pass);
        if gate::inside() {
            // Inside a read of another store: waiting for the other threads could be mutual.
            let cause = "its map has grown; read it once outside the read of another store".to_owned();
            return Err(StoreError::Io { path: self.path.clone(), cause });
        }
        let _closed = Closed::wait();
        let pass = gate::enter();
        let open = self.entered(&pass)?;
        // SAFETY: the gate is closed and this thread was not inside, so this process has no transaction open.
        unsafe { open.env.resize(new_bytes(open.env.map_bytes())) }
            .map_err(|error| io_error(&self.path, &error))
    }

    /// Frees the reader slots of processes that are gone; they keep old pages from being used again.
    pub(super) fn clear_stale_readers(&self, pass: &Pass) -> Result<usize, StoreError> {
        let cleared = self.entered(pass)?.env.clear_stale_readers();
        let cleared = cleared.map_err(|error| io_error(&self.path, &error))?;
        self.counters.stale_readers.fetch_add(cleared as u64, Ordering::Relaxed);
        Ok(cleared)
    }

    /// Frees what slots can be freed: those of processes that are gone, and those that wait here.
    fn free_readers(&self, pass: &Pass) -> Result<usize, StoreError> {
        let stale = self.clear_stale_readers(pass)?;
        // SAFETY: entered, so it is open and of this process.
        Ok(stale + unsafe { self.entered(pass)?.readers.discard() })
    }

    pub(super) fn changes_since(&self, since: Revision) -> Result<Changes, StoreError> {
        let changes = self.read(|snapshot| super::log::changes(snapshot, since))?;
        self.settle(changes.upto);
        Ok(changes)
    }

    /// A process killed at the very end of a commit leaves a header that is ahead of the snapshots; the next writer
    /// puts that right. If it is met again and again, be that writer, so that nobody asks for changes forever.
    fn settle(&self, shown: Revision) {
        const OFTEN: u64 = 1_000;
        let newest = self.newest_revision();
        if newest <= shown {
            return;
        }
        let (revision, met) = &self.unsettled;
        if revision.swap(newest.0, Ordering::Relaxed) != newest.0 {
            met.store(0, Ordering::Relaxed);
        } else if met.fetch_add(1, Ordering::Relaxed) == OFTEN && !gate::inside() {
            // Its failure shows in the next commit.
            let _ = self.write(|txn| {
                drop(txn);
                Ok(())
            });
        }
    }

    pub(super) fn claim_within(
        &self,
        name: &[u8],
        kind: ClaimKind,
        timeout: Duration,
    ) -> Result<Option<Box<dyn Claim>>, StoreError> {
        self.unless_foreign()?;
        let claim = self.claims.claim_within(name, kind, timeout)?;
        Ok(claim.map(|claim| Box::new(claim) as Box<dyn Claim>))
    }

    pub(super) fn is_claimed(&self, name: &[u8]) -> Result<bool, StoreError> {
        self.unless_foreign()?;
        self.claims.is_claimed(name)
    }

    pub(super) fn unless_foreign(&self) -> Result<(), StoreError> {
        if self.is_foreign() { Err(StoreError::Forked) } else { Ok(()) }
    }
}

thread_local! {
    /// The innermost read of this thread.
    static READING: Cell<*const Reading<'static>> = const { Cell::new(std::ptr::null()) };
}

/// A read of this thread, on its stack; linked to the one around it.
struct Reading<'a> {
    environment: &'a Environment,
    txn: ManuallyDrop<ReadTxn<'a>>,
    around: *const Reading<'static>,
}

impl<'a> Reading<'a> {
    fn new(environment: &'a Environment, txn: ReadTxn<'a>) -> Self {
        Self { environment, txn: ManuallyDrop::new(txn), around: READING.get() }
    }

    /// Makes it the innermost read. It must not be moved any more.
    fn link(&self) {
        READING.set(std::ptr::from_ref(self).cast());
    }

    /// The transaction of a read of `environment` that this thread is in.
    fn of_this_thread(environment: &Environment) -> Option<*const Txn<'static>> {
        let mut at = READING.get();
        while !at.is_null() {
            // SAFETY: reads end in the reverse order of their beginning, so those in the chain live.
            let reading = unsafe { &*at };
            if std::ptr::eq(reading.environment, environment) {
                return Some(std::ptr::from_ref::<Txn>(&reading.txn));
            }
            at = reading.around;
        }
        None
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        READING.set(self.around);
        if !self.environment.is_foreign() {
            // SAFETY: dropped once. (In a forked child the slot is the parent's and must be left alone.)
            unsafe { ManuallyDrop::drop(&mut self.txn) };
        }
    }
}
