//! What a store is good for at the moment: its state, a record of its own, says whether it may be used.
//!
//! Owns: that record, and `InUse`, through which everybody but `migrate` has a store. A store without the record is in
//! use. One that is moving, was moved, or is only half filled turns everybody away: when it is opened, with each commit
//! (by a condition, so that no commit slips through while the state changes), and when changes are asked for, which is
//! how processes that have it open hear of it.

use crate::{
    Batch, ChangedKeys, Changes, Claim, ClaimKind, Condition, Revision, Snapshot, Store, StoreError,
};
use std::time::Duration;

/// Where the state lies. Keys that begin with this byte are the store's own.
pub(crate) const STATE_KEY: &[u8] = b"\xffstate";

const VERSION: u8 = 1;
const ID_BYTES: usize = 16;

/// Tells one move from another.
pub(crate) type MoveId = [u8; ID_BYTES];

/// What takes a store out of use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// Its records are being copied to the place named.
    Moving { id: MoveId, to: String },
    /// Its records live on at the place named.
    Moved { id: MoveId, to: String },
    /// Records of the place named are being copied to it.
    Filling { id: MoveId, from: String },
}

impl State {
    pub(crate) fn id(&self) -> MoveId {
        match self {
            Self::Moving { id, .. } | Self::Moved { id, .. } | Self::Filling { id, .. } => *id,
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let (kind, id, place) = match self {
            Self::Moving { id, to } => (1, id, to),
            Self::Moved { id, to } => (2, id, to),
            Self::Filling { id, from } => (3, id, from),
        };
        [&[VERSION, kind], &id[..], place.as_bytes()].concat()
    }

    /// `None`: of a newer version, or damaged.
    fn decode(raw: &[u8]) -> Option<Self> {
        let (&[VERSION, kind], rest) = raw.split_first_chunk()? else { return None };
        let (&id, place) = rest.split_first_chunk()?;
        let place = String::from_utf8(place.to_vec()).ok()?;
        match kind {
            1 => Some(Self::Moving { id, to: place }),
            2 => Some(Self::Moved { id, to: place }),
            3 => Some(Self::Filling { id, from: place }),
            _ => None,
        }
    }

    /// Why the store is refused.
    pub(crate) fn refusal(self) -> StoreError {
        match self {
            Self::Moving { to, .. } => StoreError::Moving { to },
            Self::Moved { to, .. } => StoreError::Moved { to },
            Self::Filling { from, .. } => StoreError::HalfFilled { from },
        }
    }
}

/// The state in a snapshot; `None`: in use. Errors: `UnknownState`.
pub(crate) fn of_snapshot(snapshot: &dyn Snapshot) -> Result<Option<State>, StoreError> {
    let Some(raw) = snapshot.get(STATE_KEY)? else { return Ok(None) };
    State::decode(raw).map(Some).ok_or(StoreError::UnknownState)
}

/// The state of a store; `None`: in use. Errors: `UnknownState`.
pub(crate) fn of(store: &dyn Store) -> Result<Option<State>, StoreError> {
    let mut state = None;
    store.read(&mut |snapshot| {
        state = of_snapshot(snapshot)?;
        Ok(())
    })?;
    Ok(state)
}

/// A store for as long as it is in use.
pub(crate) struct InUse<S> {
    store: S,
}

impl<S: Store> InUse<S> {
    /// Errors: `Moving`, `Moved`, `HalfFilled`, `UnknownState`.
    pub(crate) fn new(store: S) -> Result<Self, StoreError> {
        let store = Self { store };
        store.check()?;
        Ok(store)
    }

    fn check(&self) -> Result<(), StoreError> {
        of(&self.store)?.map_or(Ok(()), |state| Err(state.refusal()))
    }
}

impl<S: Store> Store for InUse<S> {
    fn read(&self, body: &mut dyn FnMut(&dyn Snapshot) -> Result<(), StoreError>) -> Result<(), StoreError> {
        self.store.read(body)
    }

    fn commit(&self, mut batch: Batch) -> Result<Revision, StoreError> {
        batch.conditions.insert(0, Condition { key: STATE_KEY.to_vec(), value: None });
        match self.store.commit(batch) {
            Err(StoreError::Conflict { condition: 0 }) => {
                self.check()?;
                // In use again since: the caller reads again and tries again, as after any conflict.
                Err(StoreError::Conflict { condition: 0 })
            }
            Err(StoreError::Conflict { condition }) => Err(StoreError::Conflict { condition: condition - 1 }),
            done => done,
        }
    }

    fn revision(&self) -> Revision {
        self.store.revision()
    }

    fn changes_since(&self, since: Revision) -> Result<Changes, StoreError> {
        let changes = self.store.changes_since(since)?;
        let told = match &changes.keys {
            ChangedKeys::These(keys) => keys.iter().any(|key| key == STATE_KEY),
            ChangedKeys::Everything => true,
        };
        if told {
            self.check()?;
        }
        Ok(changes)
    }

    fn claim(&self, name: &[u8], kind: ClaimKind) -> Result<Option<Box<dyn Claim>>, StoreError> {
        self.store.claim(name, kind)
    }

    fn claim_within(
        &self,
        name: &[u8],
        kind: ClaimKind,
        timeout: Duration,
    ) -> Result<Option<Box<dyn Claim>>, StoreError> {
        self.store.claim_within(name, kind, timeout)
    }

    fn is_claimed(&self, name: &[u8]) -> Result<bool, StoreError> {
        self.store.is_claimed(name)
    }

    fn fork_prepare(&self) {
        self.store.fork_prepare();
    }

    fn fork_parent(&self) {
        self.store.fork_parent();
    }

    fn fork_child(&self) {
        self.store.fork_child();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_comes_back_and_nothing_else_does() {
        let states = [
            State::Moving { id: [1; 16], to: "etcd://a:2379".into() },
            State::Moved { id: [2; 16], to: "/a/store".into() },
            State::Filling { id: [3; 16], from: String::new() },
        ];
        for state in states {
            assert_eq!(State::decode(&state.encode()), Some(state.clone()));
            assert_eq!(State::decode(&state.encode()[..17]), None);
            let newer = [&[VERSION + 1], &state.encode()[1..]].concat();
            assert_eq!(State::decode(&newer), None);
        }
        for raw in [&[][..], &[1], &[1, 4, 0], &[[1, 1].as_slice(), &[0; 16], &[0xff]].concat()] {
            assert_eq!(State::decode(raw), None, "{raw:?}");
        }
    }
}
