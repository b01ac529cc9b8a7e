//! Snapshots: the store as of one revision.
//!
//! What the mirror has of that revision needs no request; the rest is read in etcd's own history, in pages. Values
//! that were shown stay with the snapshot, so that they can be borrowed from it.

use super::Etcd;
use super::background::Background;
use super::failure::Failure;
use super::inner::Inner;
use super::mirror::{MAX_RANGE_RECORDS, Value};
use crate::batch::is_key;
use crate::{Revision, Snapshot, StoreError};
use etcd_client::GetResponse;
use std::cell::RefCell;
use std::ops::ControlFlow;
use std::sync::Arc;
use typed_arena::Arena;

/// Records of the first page; later pages are longer, for etcd 3.4 walks its index to the range's end for each.
const FIRST_PAGE: i64 = 64;
const LAST_PAGE: i64 = 1 << 14;
/// What a page should have at most, as far as the one before lets guess.
const PAGE_BYTES: usize = 4 << 20;

/// A read of this thread.
struct Reading {
    /// Which store's.
    store: *const Inner,
    /// The store's revision, and one of etcd that shows it.
    at: (u64, u64),
    /// etcd does not keep that revision any more.
    compacted: bool,
}

thread_local! {
    /// The reads of this thread, the innermost last.
    static READING: RefCell<Vec<Reading>> = const { RefCell::new(Vec::new()) };
}

/// Being in a read of a store, until dropped.
pub(super) struct InRead(());

impl InRead {
    /// A read inside a read of the same store gets the outer one's revision.
    pub(super) fn begin(
        store: &Inner,
        newest: impl FnOnce() -> Result<(u64, u64), StoreError>,
    ) -> Result<Self, StoreError> {
        let at = match Self::revision_of(store) {
            Some(at) => at,
            None => newest()?,
        };
        READING.with_borrow_mut(|reads| reads.push(Reading { store, at, compacted: false }));
        Ok(Self(()))
    }

    /// The revision that a read of this thread has of this store.
    pub(super) fn revision_of(store: &Inner) -> Option<(u64, u64)> {
        READING.with_borrow(|reads| {
            reads.iter().find(|read| std::ptr::eq(read.store, store)).map(|read| read.at)
        })
    }

    fn at(&self) -> (u64, u64) {
        READING.with_borrow(|reads| reads.last().map_or((0, 0), |read| read.at))
    }

    /// Whether the body should run again, over a newer revision: etcd has compacted this one, and no read around this
    /// one needs it.
    pub(super) fn is_void(&self, store: &Inner) -> bool {
        READING.with_borrow(|reads| {
            let mut own = reads.iter().filter(|read| std::ptr::eq(read.store, store));
            own.next().is_some_and(|outermost| outermost.compacted) && own.next().is_none()
        })
    }
}

impl Drop for InRead {
    fn drop(&mut self) {
        READING.with_borrow_mut(Vec::pop);
    }
}

/// The view that a read's body has.
pub(super) struct EtcdSnapshot<'a> {
    store: &'a Etcd,
    revision: u64,
    at: u64,
    shown: Arena<Value>,
}

impl<'a> EtcdSnapshot<'a> {
    pub(super) fn new(store: &'a Etcd, read: &InRead) -> Self {
        let (revision, at) = read.at();
        Self { store, revision, at, shown: Arena::with_capacity(0) }
    }

    fn inner(&self) -> &Arc<Inner> {
        &self.store.inner
    }

    fn page(&self, from: Vec<u8>, to: Option<Vec<u8>>, limit: i64) -> Result<GetResponse, StoreError> {
        let (inner, at) = (Arc::clone(self.inner()), self.at);
        let answer =
            Background::run(&self.store.handle, async move { inner.page(from, to, at, limit).await })?;
        answer.map_err(|failure| {
            if matches!(failure, Failure::Compacted) {
                let store = Arc::as_ptr(self.inner());
                READING.with_borrow_mut(|reads| {
                    reads
                        .iter_mut()
                        .filter(|read| std::ptr::eq(read.store, store))
                        .for_each(|read| read.compacted = true);
                });
            }
            self.inner().told(&failure)
        })
    }

    /// Fetches page after page; those that are all of a prefix are kept.
    // As in `Snapshot::range`.
    #[allow(clippy::type_complexity)]
    fn fetch(
        &self,
        from: &[u8],
        to: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let keys = &self.inner().keys;
        let (mut next, to_record) = (keys.record(from), keys.record(to));
        let mut limit = FIRST_PAGE;
        let mut first = is_prefix(from, to);
        loop {
            let mut answer = self.page(next, Some(to_record.clone()), limit)?;
            let more = answer.more();
            let records = self.records(&mut answer);
            let bytes: usize = records.iter().map(|(key, value)| key.len() + value.len()).sum();
            let last = records.last().map(|(key, _)| keys.record(key));
            let records = Arc::new(records);
            if first && !more && records.len() <= MAX_RANGE_RECORDS {
                self.inner().shared.mirror().keep_range(from, self.revision, Arc::clone(&records));
            }
            first = false;
            if records.iter().any(|(key, value)| visit(key, value).is_break()) {
                return Ok(());
            }
            match last.filter(|_| more) {
                Some(last) => next = [&last[..], &[0]].concat(),
                None => return Ok(()),
            }
            let fitting = (PAGE_BYTES / (bytes / records.len()).max(1)).max(1);
            limit = (limit * 4).min(LAST_PAGE).min(fitting as i64);
        }
    }

    fn records(&self, answer: &mut GetResponse) -> Vec<(Vec<u8>, Value)> {
        let own = |record: etcd_client::KeyValue| {
            let (key, value) = record.into_key_value();
            Some((self.inner().keys.of_record(&key)?.to_vec(), Value::from(value)))
        };
        answer.take_kvs().into_iter().filter_map(own).collect()
    }
}

impl Snapshot for EtcdSnapshot<'_> {
    fn revision(&self) -> Revision {
        Revision(self.revision)
    }

    fn get(&self, key: &[u8]) -> Result<Option<&[u8]>, StoreError> {
        self.store.unless_foreign()?;
        if !is_key(key) {
            return Ok(None);
        }
        let known = self.inner().shared.mirror().value(key, self.revision);
        let value = match known {
            Some(value) => value,
            None => {
                let mut answer = self.page(self.inner().keys.record(key), None, 0)?;
                let value = answer.take_kvs().pop().map(|record| Value::from(record.into_key_value().1));
                self.inner().shared.mirror().keep_value(key, self.revision, value.clone());
                value
            }
        };
        Ok(value.map(|value| &**self.shown.alloc(value)))
    }

    fn range(
        &self,
        from: &[u8],
        to: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.store.unless_foreign()?;
        if from >= to {
            return Ok(());
        }
        let known = match is_prefix(from, to) {
            true => self.inner().shared.mirror().range(from, self.revision),
            false => None,
        };
        let Some(records) = known else { return self.fetch(from, to, visit) };
        let _ = records.iter().any(|(key, value)| visit(key, value).is_break());
        Ok(())
    }
}

/// Whether `from..to` is all that begins with `from`.
fn is_prefix(from: &[u8], to: &[u8]) -> bool {
    let ends = from.iter().rposition(|&byte| byte != u8::MAX);
    ends.is_some_and(|at| to.len() == at + 1 && to[..at] == from[..at] && to[at] == from[at] + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_known_by_their_bounds() {
        for (from, to) in [(&[1, 2][..], &[1, 3][..]), (&[1, 255], &[2]), (&[0], &[1])] {
            assert!(is_prefix(from, to), "{from:?}");
        }
        for (from, to) in [(&[][..], &[1][..]), (&[255], &[255, 255]), (&[1, 2], &[1, 4]), (&[1, 2], &[2])] {
            assert!(!is_prefix(from, to), "{from:?}");
        }
    }
}
