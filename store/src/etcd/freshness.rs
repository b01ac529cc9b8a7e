//! Freshness: since when this process knows what is newest, and what it answers when that was too long ago.
//!
//! A request for the key `revision` that etcd answers in the order of all its work (a linearizable read), and the
//! watch that has delivered what it says, prove that this process knew everything as of the moment the request was
//! sent. From that moment on it is fresh for `max_stale_ms`, by the system's monotonic clock, which every call reads:
//! so a process that was stopped meanwhile notices by itself, before any thread of it does. (Time in which the whole
//! machine sleeps does not count.)

use super::failure::Failure;
use super::mirror::Mirror;
use crate::StoreError;
use rustix::time::{ClockId, clock_getres, clock_gettime};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use tokio::time::Instant;

/// What `Store::revision` answers while it is not known: no snapshot has it.
pub(super) const UNKNOWN: u64 = u64::MAX;

/// What callers and background tasks of one store share.
pub(super) struct Shared {
    mirror: Mutex<Mirror>,
    /// Of the mirror, so that asking takes no lock.
    revision: AtomicU64,
    /// By `now_ns`; 0: not at all.
    fresh_until_ns: AtomicU64,
    /// The moment that the newest proof is about. Written, as the two around it, under the lock of `trouble`.
    proven_ns: AtomicU64,
    /// Commits of this process that etcd acknowledged: what does not show them is not fresh.
    own: AtomicU64,
    max_stale_ns: u64,
    trouble: Mutex<Option<Trouble>>,
    /// Changes with each revision and each proof of freshness.
    moved: watch::Sender<u64>,
}

/// Why and since when nothing is proven.
struct Trouble {
    since: Instant,
    cause: String,
}

impl Shared {
    /// Fresh as of `began_ns`, the moment before `mirror` was asked for.
    pub(super) fn new(mirror: Mirror, began_ns: u64, max_stale_ms: u64) -> Self {
        // What `now_ns` says is up to a tick old.
        let max_stale_ns = (max_stale_ms * 1_000_000).saturating_sub(tick_ns());
        Self {
            revision: AtomicU64::new(mirror.revision()),
            mirror: Mutex::new(mirror),
            fresh_until_ns: AtomicU64::new(began_ns + max_stale_ns),
            proven_ns: AtomicU64::new(began_ns),
            own: AtomicU64::new(0),
            max_stale_ns,
            trouble: Mutex::new(None),
            moved: watch::Sender::new(0),
        }
    }

    /// The newest revision, or `UNKNOWN`: some nanoseconds.
    #[inline]
    pub(super) fn newest(&self) -> u64 {
        let until = self.fresh_until_ns.load(Ordering::Acquire);
        if now_ns() > until { UNKNOWN } else { self.revision.load(Ordering::Acquire) }
    }

    /// The revision of the mirror, fresh or not.
    pub(super) fn known(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    /// It is whole after each statement. Held for no longer than memory takes.
    pub(super) fn mirror(&self) -> MutexGuard<'_, Mirror> {
        self.mirror.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the mirror, and tells those who wait for it.
    pub(super) fn update(&self, change: impl FnOnce(&mut Mirror)) {
        let mut mirror = self.mirror();
        change(&mut mirror);
        self.revision.store(mirror.revision(), Ordering::Release);
        drop(mirror);
        self.tell();
    }

    /// Takes note that a request sent at `began_ns` proved the mirror to be whole.
    pub(super) fn prove(&self, began_ns: u64) {
        let mut trouble = self.trouble();
        if self.known() < self.own.load(Ordering::Acquire) {
            return;
        }
        self.proven_ns.fetch_max(began_ns, Ordering::AcqRel);
        self.fresh_until_ns.fetch_max(began_ns + self.max_stale_ns, Ordering::AcqRel);
        *trouble = None;
        drop(trouble);
        self.tell();
    }

    /// Takes note of an own commit that the mirror does not show yet.
    pub(super) fn owe(&self, revision: u64) {
        let _trouble = self.trouble();
        self.own.fetch_max(revision, Ordering::AcqRel);
        if self.known() < revision {
            self.fresh_until_ns.store(0, Ordering::Release);
        }
    }

    /// The history that `owe` counted in is no more.
    pub(super) fn forget_own(&self) {
        let _trouble = self.trouble();
        self.own.store(0, Ordering::Release);
        self.fresh_until_ns.store(0, Ordering::Release);
    }

    /// Takes note of why nothing is proven.
    pub(super) fn fail(&self, failure: &Failure) {
        let cause = failure.cause();
        let mut trouble = self.trouble();
        let since = trouble.as_ref().map_or_else(Instant::now, |trouble| trouble.since);
        *trouble = Some(Trouble { since, cause });
    }

    /// Since when requests have failed.
    pub(super) fn failing_since(&self) -> Option<Instant> {
        self.trouble().as_ref().map(|trouble| trouble.since)
    }

    /// Waits until `reached` holds (it is looked at after each change), at most until `deadline`; whether it does.
    pub(super) async fn wait(&self, deadline: Instant, reached: impl Fn(&Self) -> bool) -> bool {
        let mut moved = self.moved.subscribe();
        loop {
            if reached(self) {
                return true;
            }
            if !matches!(tokio::time::timeout_at(deadline, moved.changed()).await, Ok(Ok(()))) {
                return reached(self);
            }
        }
    }

    pub(super) fn stale(&self, path: &Path) -> StoreError {
        let since_ms = now_ns().saturating_sub(self.proven_ns.load(Ordering::Acquire)) / 1_000_000;
        let trouble = self.trouble();
        let cause = trouble.as_ref().map_or("no answer yet", |trouble| &trouble.cause).to_owned();
        StoreError::Stale { path: path.to_owned(), since_ms, cause }
    }

    fn tell(&self) {
        self.moved.send_modify(|moves| *moves = moves.wrapping_add(1));
    }

    fn trouble(&self) -> MutexGuard<'_, Option<Trouble>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The system's monotonic clock, by its last tick: reading it makes no system call.
#[inline]
pub(super) fn now_ns() -> u64 {
    nanoseconds(clock_gettime(ClockId::MonotonicCoarse))
}

fn tick_ns() -> u64 {
    nanoseconds(clock_getres(ClockId::MonotonicCoarse))
}

#[inline]
fn nanoseconds(time: rustix::time::Timespec) -> u64 {
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared() -> Shared {
        Shared::new(Mirror::new(5, 5), now_ns(), 60_000)
    }

    #[test]
    fn what_was_proven_too_long_ago_is_unknown() {
        let shared = Shared::new(Mirror::new(5, 5), now_ns() - 100_000_001, 100);
        assert_eq!((shared.newest(), shared.known()), (UNKNOWN, 5));
        // The clock may be behind by a tick.
        let nearly = Shared::new(Mirror::new(5, 5), now_ns() - 100_000_000 + tick_ns() / 2, 100);
        assert_eq!(nearly.newest(), UNKNOWN);
        shared.fail(&Failure::Unclear("why".into()));
        let StoreError::Stale { since_ms, cause, .. } = shared.stale(Path::new("etcd")) else { panic!() };
        assert!(since_ms >= 100 && cause == "why");
        shared.prove(now_ns() + 60_000_000_000);
        assert_eq!(shared.newest(), 5);
        assert!(shared.failing_since().is_none());
    }

    #[test]
    fn an_own_commit_that_is_not_seen_makes_all_unknown() {
        let shared = shared();
        assert_eq!(shared.newest(), 5);
        shared.owe(6);
        shared.prove(now_ns());
        assert_eq!(shared.newest(), UNKNOWN);
        shared.update(|mirror| *mirror = Mirror::new(6, 6));
        assert_eq!(shared.newest(), UNKNOWN);
        shared.prove(now_ns());
        assert_eq!(shared.newest(), 6);
    }
}
