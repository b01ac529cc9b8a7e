//! A store of the tests: in memory, open to look into, to tamper with and to fail at a chosen commit.

use parking_lot::{Condvar, Mutex};
use std::collections::{BTreeMap, HashMap};
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;
use std::time::{Duration, Instant};
use vhsm_store::*;

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

#[derive(Default)]
pub struct Double {
    state: Mutex<State>,
    claims: Arc<Claims>,
}

#[derive(Default)]
struct State {
    map: Map,
    log: Vec<Vec<Vec<u8>>>,
    /// Commits until one fails, and whether it is applied before it does.
    fails_after: Option<(usize, bool)>,
}

#[derive(Default)]
struct Claims {
    held: Mutex<HashMap<Vec<u8>, isize>>,
    freed: Condvar,
}

struct Held {
    claims: Arc<Claims>,
    name: Vec<u8>,
}

impl Claim for Held {}

impl Drop for Held {
    fn drop(&mut self) {
        let mut held = self.claims.held.lock();
        let count = held.get_mut(&self.name).unwrap();
        *count -= count.signum();
        self.claims.freed.notify_all();
    }
}

impl Double {
    /// All that lies in it.
    pub fn contents(&self) -> Map {
        self.state.lock().map.clone()
    }

    /// Puts other contents in its place, as whoever can write the files could.
    pub fn tamper(&self, change: impl FnOnce(&mut Map)) {
        let mut state = self.state.lock();
        change(&mut state.map);
        state.log.push(vec![b"?".to_vec()]);
    }

    /// The commit after `good` others fails; `applied`: it was done nevertheless.
    pub fn fail_after(&self, good: usize, applied: bool) {
        self.state.lock().fails_after = Some((good, applied));
    }
}

struct View<'a>(&'a State);

impl Snapshot for View<'_> {
    fn revision(&self) -> Revision {
        Revision(self.0.log.len() as u64 + 1)
    }
    fn get(&self, key: &[u8]) -> Result<Option<&[u8]>, StoreError> {
        Ok(self.0.map.get(key).map(Vec::as_slice))
    }
    fn range(
        &self,
        from: &[u8],
        to: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        for (key, value) in self.0.map.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to))) {
            if visit(key, value).is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl State {
    fn apply(&mut self, batch: &Batch) {
        let mut changed = Vec::new();
        for operation in &batch.operations {
            match operation {
                Operation::Put { key, value } => {
                    changed.push(key.clone());
                    self.map.insert(key.clone(), value.clone());
                }
                Operation::Delete { key } => {
                    changed.push(key.clone());
                    self.map.remove(key);
                }
            }
        }
        self.log.push(changed);
    }
}

impl Store for Double {
    fn read(&self, body: &mut dyn FnMut(&dyn Snapshot) -> Result<(), StoreError>) -> Result<(), StoreError> {
        body(&View(&self.state.lock()))
    }

    fn commit(&self, batch: Batch) -> Result<Revision, StoreError> {
        let mut state = self.state.lock();
        for (condition, c) in batch.conditions.iter().enumerate() {
            if state.map.get(&c.key) != c.value.as_ref() {
                return Err(StoreError::Conflict { condition });
            }
        }
        match &mut state.fails_after {
            Some((0, applied)) => {
                let applied = *applied;
                state.fails_after = None;
                if applied {
                    state.apply(&batch);
                }
                return Err(StoreError::Injected("power cut".into()));
            }
            Some((good, _)) => *good -= 1,
            None => {}
        }
        state.apply(&batch);
        Ok(Revision(state.log.len() as u64 + 1))
    }

    fn revision(&self) -> Revision {
        Revision(self.state.lock().log.len() as u64 + 1)
    }

    fn changes_since(&self, since: Revision) -> Result<Changes, StoreError> {
        let state = self.state.lock();
        let keys = state.log.iter().skip(since.0 as usize - 1).flatten().cloned().collect();
        Ok(Changes { upto: Revision(state.log.len() as u64 + 1), keys: ChangedKeys::These(keys) })
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
        let until = Instant::now() + timeout;
        let mut held = self.claims.held.lock();
        loop {
            let count = held.entry(name.to_vec()).or_default();
            match kind {
                ClaimKind::Shared if *count >= 0 => *count += 1,
                ClaimKind::Exclusive if *count == 0 => *count = -1,
                _ if self.claims.freed.wait_until(&mut held, until).timed_out() => return Ok(None),
                _ => continue,
            }
            return Ok(Some(Box::new(Held { claims: self.claims.clone(), name: name.to_vec() })));
        }
    }

    fn is_claimed(&self, name: &[u8]) -> Result<bool, StoreError> {
        Ok(self.claims.held.lock().get(name).is_some_and(|&count| count != 0))
    }

    fn fork_prepare(&self) {}
    fn fork_parent(&self) {}
    fn fork_child(&self) {}
}
