//! The store in memory, for tests and `store = "memory"`: the same promises but for durability and other processes.
//!
//! Snapshots hold a read lock, so a commit waits for them; a read inside a read takes the lock again.

use crate::batch::is_key;
use crate::lmdb::LOG_REVISIONS;
use crate::{
    Batch, ChangedKeys, Changes, Claim, ClaimKind, Operation, Revision, Snapshot, Store, StoreError, gate,
};
use parking_lot::RwLock;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::{Bound, ControlFlow};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The store in memory.
pub struct Memory {
    records: RwLock<Records>,
    /// Of `records`, so that asking takes no lock.
    revision: AtomicU64,
    claims: Arc<Claims>,
    generation: u64,
}

struct Records {
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    revision: u64,
    /// The changed keys of the newest revisions, the newest last.
    log: VecDeque<Vec<Vec<u8>>>,
}

impl Memory {
    pub fn new() -> Self {
        Self {
            records: RwLock::new(Records { values: BTreeMap::new(), revision: 1, log: VecDeque::new() }),
            revision: AtomicU64::new(1),
            claims: Arc::default(),
            generation: gate::generation(),
        }
    }

    fn unless_foreign(&self) -> Result<(), StoreError> {
        if self.generation == gate::generation() { Ok(()) } else { Err(StoreError::Forked) }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Store for Memory {
    fn read(&self, body: &mut dyn FnMut(&dyn Snapshot) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let _pass = gate::enter_read();
        self.unless_foreign()?;
        let records = self.records.read_recursive();
        body(&*records)
    }

    fn commit(&self, batch: Batch) -> Result<Revision, StoreError> {
        batch.check()?;
        if gate::inside_read() {
            return Err(StoreError::CommitInRead);
        }
        let _pass = gate::enter();
        self.unless_foreign()?;
        let mut records = self.records.write();
        let revision = records.commit(batch)?;
        self.revision.store(revision.0, Ordering::Release);
        Ok(revision)
    }

    fn revision(&self) -> Revision {
        Revision(self.revision.load(Ordering::Acquire))
    }

    fn changes_since(&self, since: Revision) -> Result<Changes, StoreError> {
        let _pass = gate::enter_read();
        self.unless_foreign()?;
        Ok(self.records.read_recursive().changes_since(since))
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
        let claim = Claims::take(&self.claims, name, kind, timeout);
        Ok(claim.map(|claim| Box::new(claim) as Box<dyn Claim>))
    }

    fn is_claimed(&self, name: &[u8]) -> Result<bool, StoreError> {
        let _pass = gate::enter();
        self.unless_foreign()?;
        Ok(self.claims.hold().contains_key(name))
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

impl Records {
    fn commit(&mut self, batch: Batch) -> Result<Revision, StoreError> {
        let holds =
            |condition: &crate::Condition| self.values.get(&condition.key) == condition.value.as_ref();
        if let Some(condition) = batch.conditions.iter().position(|condition| !holds(condition)) {
            return Err(StoreError::Conflict { condition });
        }
        if batch.operations.is_empty() {
            return Ok(Revision(self.revision));
        }
        self.log.push_back(batch.operations.iter().map(|operation| operation.key().clone()).collect());
        if self.log.len() as u64 > LOG_REVISIONS {
            self.log.pop_front();
        }
        for operation in batch.operations {
            match operation {
                Operation::Put { key, value } => self.values.insert(key, value),
                Operation::Delete { key } => self.values.remove(&key),
            };
        }
        self.revision += 1;
        Ok(Revision(self.revision))
    }

    fn changes_since(&self, since: Revision) -> Changes {
        let upto = Revision(self.revision);
        let wanted = self.revision.checked_sub(since.0).and_then(|count| usize::try_from(count).ok());
        let first = wanted.and_then(|wanted| self.log.len().checked_sub(wanted));
        let keys = match first {
            Some(first) => ChangedKeys::These(self.log.range(first..).flatten().cloned().collect()),
            None => ChangedKeys::Everything,
        };
        Changes { upto, keys }
    }
}

impl Snapshot for Records {
    fn revision(&self) -> Revision {
        Revision(self.revision)
    }

    fn get(&self, key: &[u8]) -> Result<Option<&[u8]>, StoreError> {
        Ok(self.values.get(key).filter(|_| is_key(key)).map(Vec::as_slice))
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
        for (key, value) in self.values.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to))) {
            if visit(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// The names that are held.
#[derive(Default)]
struct Claims {
    held: Mutex<HashMap<Vec<u8>, Holders>>,
    released: Condvar,
}

enum Holders {
    Shared(usize),
    Exclusive,
}

struct MemoryClaim {
    claims: Arc<Claims>,
    name: Vec<u8>,
    generation: u64,
}

impl Claim for MemoryClaim {}

impl Claims {
    fn take(claims: &Arc<Self>, name: &[u8], kind: ClaimKind, timeout: Duration) -> Option<MemoryClaim> {
        let started = Instant::now();
        let mut held = claims.hold();
        while !add_holder(&mut held, name, kind) {
            let left = timeout.saturating_sub(started.elapsed());
            if left.is_zero() {
                return None;
            }
            held = claims.released.wait_timeout(held, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(held);
        let (claims, name) = (Arc::clone(claims), name.to_vec());
        Some(MemoryClaim { claims, name, generation: gate::generation() })
    }

    /// The map is whole after each statement, so a poisoned lock is as good.
    fn hold(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Holders>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `false` if those who hold the name do not allow it.
fn add_holder(held: &mut HashMap<Vec<u8>, Holders>, name: &[u8], kind: ClaimKind) -> bool {
    match (held.get_mut(name), kind) {
        (None, ClaimKind::Exclusive) => drop(held.insert(name.to_vec(), Holders::Exclusive)),
        (None, ClaimKind::Shared) => drop(held.insert(name.to_vec(), Holders::Shared(1))),
        (Some(Holders::Shared(count)), ClaimKind::Shared) => *count += 1,
        _ => return false,
    }
    true
}

impl Drop for MemoryClaim {
    fn drop(&mut self) {
        if self.generation != gate::generation() {
            return;
        }
        let mut held = self.claims.hold();
        match held.get_mut(&self.name) {
            Some(Holders::Shared(count)) if *count > 1 => *count -= 1,
            _ => drop(held.remove(&self.name)),
        }
        self.claims.released.notify_all();
    }
}
