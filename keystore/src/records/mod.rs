//! What lies in the store.
//!
//! A record is a version byte and its fields (postcard). Its key begins with a byte for its kind. Several records change
//! in one commit, under the condition that what was read is still so: see [`Kms::transact`](crate::Kms).

pub(crate) mod key;
pub(crate) mod keys;
pub(crate) mod store;

use crate::error::{Exception, KmsError};
use crate::kms::Kms;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ops::ControlFlow;
use vhsm_store::{Batch, Snapshot, StoreError};

/// How often a change is tried that others' changes cross.
const TRIES: usize = 100;

/// A kind of record.
pub(crate) trait Record: Serialize + DeserializeOwned {
    /// Of its fields; older ones must stay readable.
    const VERSION: u8;

    fn encode(&self) -> Result<Vec<u8>, KmsError> {
        postcard::to_extend(self, vec![Self::VERSION])
            .map_err(|error| KmsError::internal(format!("a record cannot be written: {error}")))
    }

    fn decode(bytes: &[u8]) -> Result<Self, KmsError> {
        decode_current(bytes)
    }
}

/// A record of its type's version.
fn decode_current<T: Record>(bytes: &[u8]) -> Result<T, KmsError> {
    match bytes.split_first() {
        Some((&version, fields)) if version == T::VERSION => read_fields(fields),
        Some((version, _)) => {
            let known = T::VERSION;
            Err(KmsError::internal(format!("a record of version {version}; this program knows {known}")))
        }
        None => Err(KmsError::internal("an empty record")),
    }
}

fn read_fields<T: DeserializeOwned>(fields: &[u8]) -> Result<T, KmsError> {
    postcard::from_bytes(fields).map_err(|error| KmsError::internal(format!("a broken record: {error}")))
}

/// A record as it was read, and the bytes that it must still have when it is changed.
#[derive(Debug, Clone)]
pub(crate) struct Read<T> {
    pub key: Vec<u8>,
    pub value: T,
    raw: Vec<u8>,
}

/// A consistent view of the records.
pub(crate) struct View<'a>(pub &'a dyn Snapshot);

impl View<'_> {
    pub fn get<T: Record>(&self, key: impl Into<Vec<u8>>) -> Result<Option<Read<T>>, KmsError> {
        let key = key.into();
        match self.0.get(&key)? {
            Some(raw) => Ok(Some(Read { value: T::decode(raw)?, raw: raw.to_vec(), key })),
            None => Ok(None),
        }
    }

    /// What `read` makes of a record's bytes, for who will not change it: nothing is copied.
    pub fn peek<R>(
        &self,
        key: &[u8],
        read: impl FnOnce(&[u8]) -> Result<R, KmsError>,
    ) -> Result<Option<R>, KmsError> {
        self.0.get(key)?.map(read).transpose()
    }

    /// Visits records with keys in `from..to` in order, until `visit` breaks or fails.
    pub fn range<T: Record>(
        &self,
        from: &[u8],
        to: &[u8],
        mut visit: impl FnMut(&[u8], T) -> Result<ControlFlow<()>, KmsError>,
    ) -> Result<(), KmsError> {
        let mut failed = None;
        self.0.range(from, to, &mut |key, raw| match T::decode(raw).and_then(|value| visit(key, value)) {
            Ok(flow) => flow,
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        })?;
        failed.map_or(Ok(()), Err)
    }

    /// Visits keys in `from..to` in order until `visit` breaks: for indexes, which have no records.
    pub fn names(
        &self,
        from: &[u8],
        to: &[u8],
        mut visit: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), KmsError> {
        Ok(self.0.range(from, to, &mut |key, _| visit(key))?)
    }

    /// How many keys stand in `from..to`, counted up to `most`.
    pub fn count(&self, from: &[u8], to: &[u8], most: usize) -> Result<usize, KmsError> {
        let mut count = 0;
        self.0.range(from, to, &mut |_, _| {
            count += 1;
            if count < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(count)
    }
}

/// Conditions and writes of one change.
#[derive(Default)]
pub(crate) struct Change(Batch);

impl Change {
    /// Demands that nothing is under `key`, and puts a record there.
    pub fn create<T: Record>(self, key: impl Into<Vec<u8>>, value: &T) -> Result<Self, KmsError> {
        let key = key.into();
        Ok(Self(self.0.expect(key.clone(), None).put(key, value.encode()?)))
    }

    /// Puts another value in the place of the one that was read.
    pub fn update<T: Record>(self, read: &Read<T>, value: &T) -> Result<Self, KmsError> {
        let raw = value.encode()?;
        Ok(Self(self.0.expect(read.key.clone(), Some(&read.raw)).put(read.key.clone(), raw)))
    }

    /// Deletes what was read.
    pub fn remove<T>(self, read: &Read<T>) -> Self {
        Self(self.0.expect(read.key.clone(), Some(&read.raw)).delete(read.key.clone()))
    }

    /// Demands that what was read is still so.
    pub fn keep<T>(self, read: &Read<T>) -> Self {
        Self(self.0.expect(read.key.clone(), Some(&read.raw)))
    }

    /// Puts an index entry, which stands and falls with a record that is under a condition.
    pub fn index(self, key: impl Into<Vec<u8>>) -> Self {
        Self(self.0.put(key, [0u8; 0]))
    }

    pub fn remove_index(self, key: impl Into<Vec<u8>>) -> Self {
        Self(self.0.delete(key))
    }
}

impl Kms {
    /// Runs `body` over a consistent view.
    pub(crate) fn view<R>(&self, mut body: impl FnMut(&View) -> Result<R, KmsError>) -> Result<R, KmsError> {
        let mut answer = None;
        self.store.read(&mut |snapshot| {
            answer = Some(body(&View(snapshot)));
            Ok(())
        })?;
        // A read that succeeds has run its body.
        answer.unwrap_or_else(|| Err(KmsError::internal("a read without an answer")))
    }

    /// Runs `body` over a consistent view and makes the change that it answers, durably; again from its start where others'
    /// changes crossed it. `body` must do nothing else than read.
    pub(crate) fn transact<R>(
        &self,
        body: impl FnMut(&View) -> Result<(Change, R), KmsError>,
    ) -> Result<R, KmsError> {
        self.try_transact(body).map_err(|failure| match failure {
            NotDone::Surely(error) | NotDone::Perhaps(error) => error,
        })
    }

    /// As `transact`, for who must know whether a change that failed may have been made all the same.
    pub(crate) fn try_transact<R>(
        &self,
        mut body: impl FnMut(&View) -> Result<(Change, R), KmsError>,
    ) -> Result<R, NotDone> {
        for _ in 0..TRIES {
            let (Change(batch), answer) = self.view(&mut body).map_err(NotDone::Surely)?;
            if batch.operations.is_empty() {
                return Ok(answer);
            }
            match self.store.commit(batch) {
                Ok(_) => return Ok(answer),
                Err(StoreError::Conflict { .. }) => {}
                Err(error) if is_in_doubt(&error) => return Err(NotDone::Perhaps(error.into())),
                Err(error) => return Err(NotDone::Surely(error.into())),
            }
        }
        let message =
            "The request was rejected because the resource is being changed by others; try it again.";
        Err(NotDone::Surely(KmsError::new(Exception::Conflict, message)))
    }
}

/// Whether a commit that failed so may be done all the same.
fn is_in_doubt(error: &StoreError) -> bool {
    matches!(error, StoreError::OutcomeUnknown { .. } | StoreError::Io { .. } | StoreError::Injected(_))
}

/// A change that failed.
#[derive(Debug)]
pub(crate) enum NotDone {
    /// Nothing was changed, nor will be.
    Surely(KmsError),
    /// The store does not know.
    Perhaps(KmsError),
}
