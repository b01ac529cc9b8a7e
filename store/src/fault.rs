//! A wrapper that fails, delays or cuts off another store, for tests and fault plans.
//!
//! A plan is asked before each call (but `revision`, which cannot fail). The wrapped store stays whole whatever
//! the plan says.

use crate::{Batch, Changes, Claim, ClaimKind, Revision, Snapshot, Store, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// A kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    Read,
    Commit,
    Changes,
    /// `claim`, `claim_within` and `is_claimed`.
    Claim,
}

/// A call that is about to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occasion {
    pub call: Call,
    /// Which of its kind it is, from 1.
    pub number: u64,
    /// For a commit: the numbers, from 1 over all commits, of its first and last put or delete; `None` without any.
    pub writes: Option<(u64, u64)>,
}

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Pass,
    /// It fails and nothing is done.
    Fail,
    /// It is done after this time.
    Delay(Duration),
    /// It is done, but its caller hears of a failure: as when a connection breaks before the answer.
    LoseAnswer,
    /// It fails, and so does every later call until `Faulty::mend`; `revision` stands still.
    Cut,
}

type Plan = Box<dyn Fn(&Occasion) -> Fault + Send + Sync>;

/// A store with faults.
pub struct Faulty {
    inner: Arc<dyn Store>,
    plan: Plan,
    calls: [AtomicU64; 4],
    writes: AtomicU64,
    cut: AtomicBool,
    /// What `revision` answers while cut off.
    last_revision: AtomicU64,
}

impl Faulty {
    pub fn new(inner: Arc<dyn Store>, plan: impl Fn(&Occasion) -> Fault + Send + Sync + 'static) -> Self {
        Self {
            inner,
            plan: Box::new(plan),
            calls: Default::default(),
            writes: AtomicU64::new(0),
            cut: AtomicBool::new(false),
            last_revision: AtomicU64::new(0),
        }
    }

    /// No faults.
    pub fn none(inner: Arc<dyn Store>) -> Self {
        Self::new(inner, |_| Fault::Pass)
    }

    /// `fault` at the `number`th call of this kind, counted from 1.
    pub fn at_call(inner: Arc<dyn Store>, call: Call, number: u64, fault: Fault) -> Self {
        Self::new(inner, move |occasion| match occasion.call == call && occasion.number == number {
            true => fault,
            false => Fault::Pass,
        })
    }

    /// `fault` at the commit that has the `number`th put or delete, counted from 1.
    pub fn at_write(inner: Arc<dyn Store>, number: u64, fault: Fault) -> Self {
        Self::new(inner, move |occasion| match occasion.writes {
            Some((first, last)) if (first..=last).contains(&number) => fault,
            _ => Fault::Pass,
        })
    }

    /// Ends a cut.
    pub fn mend(&self) {
        self.cut.store(false, Ordering::SeqCst);
    }

    /// Puts and deletes that were asked for so far.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    fn run<R>(
        &self,
        call: Call,
        writes: u64,
        run: impl FnOnce() -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        let number = self.calls[call as usize].fetch_add(1, Ordering::Relaxed) + 1;
        let before = self.writes.fetch_add(writes, Ordering::Relaxed);
        let writes = (writes > 0).then_some((before + 1, before + writes));
        let failed = |what: &str| Err(StoreError::Injected(format!("{what} at {call:?} {number}")));
        if self.cut.load(Ordering::SeqCst) {
            return failed("cut off");
        }
        match (self.plan)(&Occasion { call, number, writes }) {
            Fault::Pass => run(),
            Fault::Fail => failed("failure"),
            Fault::Delay(time) => {
                std::thread::sleep(time);
                run()
            }
            Fault::LoseAnswer => {
                run()?;
                failed("lost answer")
            }
            Fault::Cut => {
                self.last_revision.store(self.inner.revision().0, Ordering::SeqCst);
                self.cut.store(true, Ordering::SeqCst);
                failed("cut")
            }
        }
    }
}

impl Store for Faulty {
    fn read(&self, body: &mut dyn FnMut(&dyn Snapshot) -> Result<(), StoreError>) -> Result<(), StoreError> {
        self.run(Call::Read, 0, || self.inner.read(body))
    }

    fn commit(&self, batch: Batch) -> Result<Revision, StoreError> {
        self.run(Call::Commit, batch.operations.len() as u64, || self.inner.commit(batch))
    }

    fn revision(&self) -> Revision {
        match self.cut.load(Ordering::SeqCst) {
            true => Revision(self.last_revision.load(Ordering::SeqCst)),
            false => self.inner.revision(),
        }
    }

    fn changes_since(&self, since: Revision) -> Result<Changes, StoreError> {
        self.run(Call::Changes, 0, || self.inner.changes_since(since))
    }

    fn claim(&self, name: &[u8], kind: ClaimKind) -> Result<Option<Box<dyn Claim>>, StoreError> {
        self.run(Call::Claim, 0, || self.inner.claim(name, kind))
    }

    fn claim_within(
        &self,
        name: &[u8],
        kind: ClaimKind,
        timeout: Duration,
    ) -> Result<Option<Box<dyn Claim>>, StoreError> {
        self.run(Call::Claim, 0, || self.inner.claim_within(name, kind, timeout))
    }

    fn is_claimed(&self, name: &[u8]) -> Result<bool, StoreError> {
        self.run(Call::Claim, 0, || self.inner.is_claimed(name))
    }

    fn fork_prepare(&self) {
        self.inner.fork_prepare();
    }

    fn fork_parent(&self) {
        self.inner.fork_parent();
    }

    fn fork_child(&self) {
        self.inner.fork_child();
    }
}
