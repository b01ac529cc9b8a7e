//! Moving a store's records to another place.
//!
//! Owns: the order of a move, which is such that at no moment two stores of one content are in use, and none can be
//! reached in halves. Called by: the `vhsm` command. Never knows what the records are.
//!
//! | step | source | target |
//! | --- | --- | --- |
//! | both are marked | moving: turns everybody away | filling: the same; it must be empty |
//! | records are copied in batches, each on the condition that the target is still being filled by this move | | |
//! | both are read through: number, bytes and digest must be the same | | |
//! | the source is given up | moved, for good | |
//! | the target is put to use | | in use |
//!
//! An interruption leaves one of these states, and each is recognised: the move can be begun again, or taken back. Memory
//! holds one page at a time.

use crate::batch::{MAX_BATCH_BYTES, MAX_KEY_BYTES, MAX_OPERATIONS, Operation};
use crate::state::{self, MoveId, STATE_KEY, State};
use crate::{Batch, Revision, Store, StoreError};
use sha2::{Digest, Sha256};
use std::hash::{BuildHasher, RandomState};
use std::ops::ControlFlow;

/// A store that takes part in a move, opened by `open_in_any_state`, and its name for people (no secret in it).
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub store: &'a dyn Store,
    pub name: &'a str,
}

/// What is in a store, but for its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    pub records: u64,
    /// Of keys and values.
    pub bytes: u64,
    /// SHA-256 over all keys and values in order, each with its length (4 bytes, big endian) before it.
    pub digest: [u8; 32],
    /// Where the reading ended.
    pub revision: Revision,
}

/// What a store is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    InUse,
    Moving { to: String },
    Moved { to: String },
    Filling { from: String },
}

/// What is being done, for whoever waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Reading the source through.
    Count,
    Copy,
    /// Reading the target through.
    Check,
    /// Deleting what an interrupted move left in the target.
    Empty,
}

/// Is told the step, the records done, and how many there are (0: not known).
pub type Progress<'a> = dyn FnMut(Step, u64, u64) + 'a;

#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{name} and the target are one store: name another target")]
    OneStore { name: String },
    #[error("{name} is empty: there is nothing to move")]
    Empty { name: String },
    #[error("{name} is not empty: name an empty target, or delete what is in it")]
    NotEmpty { name: String },
    /// Another run has taken over, or one that was interrupted left this.
    #[error(
        "a move of {from} to {to} was begun and not ended: the same command with --restart begins it anew, with --cancel \
         it gives {from} back; if it still runs elsewhere, let it end"
    )]
    Unfinished { from: String, to: String },
    #[error("{name} was moved to {to} and is not used any more; that store is the one to use, or to move")]
    Moved { name: String, to: String },
    #[error("{name} is not being moved: there is nothing to cancel")]
    NotMoving { name: String },
    #[error("the copy in {to} is not what is in {from}; end all programs that use either, and use --restart")]
    Differs { from: String, to: String },
}

/// Moves all records of `from` to the empty store `to`, so that afterwards `from` is refused for good. With `again`, what
/// an interrupted move left is deleted first. Takes claims of nobody: that no program works with the source is the
/// caller's to ask, but none that does could spoil the copy.
pub fn migrate(
    from: Place,
    to: Place,
    again: bool,
    progress: &mut Progress,
) -> Result<Content, MigrateError> {
    let mover = Move { from, to, id: move_id() };
    mover.mark_source(again)?;
    if let Err(error) = mover.mark_target(again, progress) {
        // Nothing was copied: the source goes on as before.
        mover.release_source()?;
        return Err(error);
    }
    let wanted = content(from.store, &mut |done| progress(Step::Count, done, 0))?;
    mover.copy(wanted.records, progress)?;
    let found = content(to.store, &mut |done| progress(Step::Check, done, wanted.records))?;
    if (found.records, found.bytes, found.digest) != (wanted.records, wanted.bytes, wanted.digest) {
        return Err(MigrateError::Differs { from: from.name.to_owned(), to: to.name.to_owned() });
    }
    mover.hand_over()?;
    Ok(found)
}

/// Takes an interrupted move back: the source is in use again, the target empty. Errors: `NotMoving`, and `Moved` where
/// the target is already in use.
pub fn cancel(from: Place, to: Place, progress: &mut Progress) -> Result<(), MigrateError> {
    let source = match state::of(from.store)? {
        Some(source @ (State::Moving { .. } | State::Moved { .. })) => source,
        _ => return Err(MigrateError::NotMoving { name: from.name.to_owned() }),
    };
    let mover = Move { from, to, id: move_id() };
    match state::of(to.store)? {
        // Taken over first, so that a run that is still on its way cannot put the target to use any more.
        Some(State::Filling { id, from: name }) if id == source.id() => {
            let old = State::Filling { id, from: name };
            set_state(to.store, Some(&old), Some(&mover.filling()))?;
            set_state(from.store, Some(&source), None)?;
            mover.empty(progress)?;
            Ok(set_state(to.store, Some(&mover.filling()), None)?)
        }
        _ if matches!(source, State::Moved { .. }) => Err(already_moved(from, source)),
        _ => Ok(set_state(from.store, Some(&source), None)?),
    }
}

/// Reads a store through. `told` hears the records read so far.
pub fn content(store: &dyn Store, told: &mut dyn FnMut(u64)) -> Result<Content, StoreError> {
    let mut hash = Sha256::new();
    let mut content = Content { records: 0, bytes: 0, digest: [0; 32], revision: Revision(0) };
    let mut after = Vec::new();
    loop {
        let page = Page::read(store, &after)?;
        content.revision = page.revision;
        let Some((last, _)) = page.records.last() else { break };
        after.clone_from(last);
        for (key, value) in &page.records {
            for part in [key, value] {
                // Keys and values are shorter than a batch.
                hash.update((part.len() as u32).to_be_bytes());
                hash.update(part);
                content.bytes += part.len() as u64;
            }
        }
        content.records += page.records.len() as u64;
        told(content.records);
    }
    content.digest = hash.finalize().into();
    Ok(content)
}

/// What a store that was opened by `open_in_any_state` is good for.
pub fn standing(store: &dyn Store) -> Result<Standing, StoreError> {
    Ok(match state::of(store)? {
        None => Standing::InUse,
        Some(State::Moving { to, .. }) => Standing::Moving { to },
        Some(State::Moved { to, .. }) => Standing::Moved { to },
        Some(State::Filling { from, .. }) => Standing::Filling { from },
    })
}

struct Move<'a> {
    from: Place<'a>,
    to: Place<'a>,
    id: MoveId,
}

impl Move<'_> {
    fn moving(&self) -> State {
        State::Moving { id: self.id, to: self.to.name.to_owned() }
    }

    fn filling(&self) -> State {
        State::Filling { id: self.id, from: self.from.name.to_owned() }
    }

    /// From here on nobody writes to the source.
    fn mark_source(&self, again: bool) -> Result<(), MigrateError> {
        let old = state::of(self.from.store)?;
        match &old {
            None => {}
            Some(State::Moving { .. }) if again => {}
            Some(State::Moving { to, .. }) => {
                return Err(MigrateError::Unfinished { from: self.from.name.to_owned(), to: to.clone() });
            }
            // Given up, and the target was not put to use any more.
            Some(State::Moved { id, .. }) if again && self.target_waits_for(*id)? => {}
            Some(moved @ State::Moved { .. }) => return Err(already_moved(self.from, moved.clone())),
            Some(State::Filling { from, .. }) => {
                return Err(MigrateError::Unfinished { from: from.clone(), to: self.from.name.to_owned() });
            }
        }
        if Page::read(self.from.store, &[])?.records.is_empty() {
            return Err(MigrateError::Empty { name: self.from.name.to_owned() });
        }
        Ok(set_state(self.from.store, old.as_ref(), Some(&self.moving()))?)
    }

    fn target_waits_for(&self, id: MoveId) -> Result<bool, StoreError> {
        Ok(matches!(state::of(self.to.store)?, Some(State::Filling { id: other, .. }) if other == id))
    }

    fn release_source(&self) -> Result<(), StoreError> {
        set_state(self.from.store, Some(&self.moving()), None)
    }

    /// From here on nobody but this move writes to the target, which is empty.
    fn mark_target(&self, again: bool, progress: &mut Progress) -> Result<(), MigrateError> {
        let old = state::of(self.to.store)?;
        let name = || self.to.name.to_owned();
        match &old {
            None => {}
            Some(State::Filling { .. }) if again => {}
            Some(State::Filling { from, .. }) => {
                return Err(MigrateError::Unfinished { from: from.clone(), to: name() });
            }
            Some(State::Moving { id, .. }) if *id == self.id => {
                return Err(MigrateError::OneStore { name: self.from.name.to_owned() });
            }
            Some(State::Moving { .. } | State::Moved { .. }) => {
                return Err(MigrateError::NotEmpty { name: name() });
            }
        }
        set_state(self.to.store, old.as_ref(), Some(&self.filling()))?;
        if old.is_some() {
            self.empty(progress)?;
        } else if !Page::read(self.to.store, &[])?.records.is_empty() {
            set_state(self.to.store, Some(&self.filling()), None)?;
            return Err(MigrateError::NotEmpty { name: name() });
        }
        Ok(())
    }

    fn copy(&self, of: u64, progress: &mut Progress) -> Result<(), MigrateError> {
        let (mut after, mut done) = (Vec::new(), 0);
        loop {
            let page = Page::read(self.from.store, &after)?;
            let Some((last, _)) = page.records.last() else { return Ok(()) };
            after.clone_from(last);
            for batch in page.batches() {
                done += batch.len() as u64;
                let puts = batch.into_iter().map(|(key, value)| Operation::Put { key, value });
                self.write_to_target(puts.collect())?;
                progress(Step::Copy, done, of);
            }
        }
    }

    /// Deletes all that is in the target.
    fn empty(&self, progress: &mut Progress) -> Result<(), MigrateError> {
        let mut done = 0;
        loop {
            let page = Page::read(self.to.store, &[])?;
            if page.records.is_empty() {
                return Ok(());
            }
            for batch in page.batches() {
                done += batch.len() as u64;
                let deletes = batch.into_iter().map(|(key, _)| Operation::Delete { key });
                self.write_to_target(deletes.collect())?;
                progress(Step::Empty, done, 0);
            }
        }
    }

    /// Errors: `Unfinished`, where another run has taken over.
    fn write_to_target(&self, operations: Vec<Operation>) -> Result<(), MigrateError> {
        let mut batch = Batch::new().expect(STATE_KEY, Some(&self.filling().encode()));
        batch.operations = operations;
        match self.to.store.commit(batch) {
            Err(StoreError::Conflict { .. }) => {
                Err(MigrateError::Unfinished { from: self.from.name.to_owned(), to: self.to.name.to_owned() })
            }
            done => Ok(done.map(drop)?),
        }
    }

    /// The source first: at no moment both are in use.
    fn hand_over(&self) -> Result<(), MigrateError> {
        let moved = State::Moved { id: self.id, to: self.to.name.to_owned() };
        set_state(self.from.store, Some(&self.moving()), Some(&moved))?;
        Ok(set_state(self.to.store, Some(&self.filling()), None)?)
    }
}

fn already_moved(from: Place, state: State) -> MigrateError {
    let to = match state {
        State::Moving { to, .. } | State::Moved { to, .. } | State::Filling { from: to, .. } => to,
    };
    MigrateError::Moved { name: from.name.to_owned(), to }
}

/// Changes a state that is still the old one. Errors: `Conflict`.
fn set_state(store: &dyn Store, old: Option<&State>, new: Option<&State>) -> Result<(), StoreError> {
    let old = old.map(State::encode);
    let batch = Batch::new().expect(STATE_KEY, old.as_deref());
    let batch = match new {
        Some(new) => batch.put(STATE_KEY, new.encode()),
        None => batch.delete(STATE_KEY),
    };
    store.commit(batch).map(drop)
}

/// Random enough to tell two moves apart.
fn move_id() -> MoveId {
    let random = || RandomState::new().hash_one(std::process::id()).to_be_bytes();
    let mut id = [0; 16];
    id[..8].copy_from_slice(&random());
    id[8..].copy_from_slice(&random());
    id
}

/// What is read at a time, in records and bytes: enough that a store behind a network is asked seldom.
const PAGE_RECORDS: usize = 200 * MAX_OPERATIONS;
const PAGE_BYTES: usize = 4 * MAX_BATCH_BYTES;

type Record = (Vec<u8>, Vec<u8>);

/// Records that follow each other.
struct Page {
    records: Vec<Record>,
    revision: Revision,
}

impl Page {
    /// The records behind `after`. No records: that was all.
    fn read(store: &dyn Store, after: &[u8]) -> Result<Self, StoreError> {
        let mut page = Self { records: Vec::new(), revision: Revision(0) };
        // The first key behind `after`.
        let from = [after, &[0]].concat();
        let from = if after.is_empty() { &[][..] } else { &from };
        store.read(&mut |snapshot| {
            page.records.clear();
            page.revision = snapshot.revision();
            let mut bytes = 0;
            snapshot.range(from, &[u8::MAX; MAX_KEY_BYTES + 1], &mut |key, value| {
                if key != STATE_KEY {
                    bytes += key.len() + value.len();
                    page.records.push((key.to_vec(), value.to_vec()));
                }
                let full = page.records.len() == PAGE_RECORDS || bytes >= PAGE_BYTES;
                if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
        })?;
        Ok(page)
    }

    /// The records in groups that each fit into one batch: a record alone always does.
    fn batches(self) -> Vec<Vec<Record>> {
        let (mut batches, mut batch, mut bytes) = (Vec::new(), Vec::new(), 0);
        for record in self.records {
            let more = record.0.len() + record.1.len();
            if batch.len() == MAX_OPERATIONS || bytes + more > MAX_BATCH_BYTES {
                batches.push(std::mem::take(&mut batch));
                bytes = 0;
            }
            bytes += more;
            batch.push(record);
        }
        batches.push(batch);
        batches
    }
}
