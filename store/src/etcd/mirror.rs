//! What this process knows of the store: the newest revision, the change log, and records and small ranges as they
//! are at that revision.
//!
//! Pure memory: the watch brings commits in, in their order; readers ask, and add what they fetched. Whatever is
//! cached is what the newest revision says, so a snapshot of an older one may use what has not changed since.

use super::keys::CommitId;
use crate::lmdb::LOG_REVISIONS;
use crate::{ChangedKeys, Changes, Revision};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

/// The log's keys have at most so many bytes together, however few commits that is.
const MAX_LOG_BYTES: usize = 32 << 20;
/// What cached records and ranges may take, each.
const MAX_CACHE_BYTES: usize = 32 << 20;
/// A longer value is not kept.
const MAX_VALUE_BYTES: usize = 64 << 10;
/// A range with more records is not kept.
pub(super) const MAX_RANGE_RECORDS: usize = 256;
const MAX_RANGE_BYTES: usize = 64 << 10;

/// A record's value; shared with the snapshots that show it.
pub(super) type Value = Arc<[u8]>;
/// Records of a range, in their order.
pub(super) type Records = Arc<Vec<(Vec<u8>, Value)>>;

/// One commit as the watch tells it.
pub(super) struct Commit {
    pub revision: u64,
    pub id: CommitId,
    /// Key, and value unless it was deleted.
    pub changes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

struct Entry {
    revision: u64,
    id: CommitId,
    keys: Vec<Vec<u8>>,
}

pub(super) struct Mirror {
    revision: u64,
    /// A revision of etcd (others use it too) up to which nothing came behind `revision`.
    through: u64,
    /// The log has every commit after this one.
    base: u64,
    log: VecDeque<Entry>,
    log_bytes: usize,
    values: Ages<Cached<Option<Value>>>,
    /// By the prefix that all records of the range have.
    ranges: Ages<Cached<Records>>,
    /// Lengths of the prefixes in `ranges`.
    lengths: BTreeSet<usize>,
}

/// Something that is so since a revision.
struct Cached<T> {
    since: u64,
    what: T,
}

impl Mirror {
    /// Knows that `revision` is the newest as of etcd's revision `through`, and nothing else.
    pub(super) fn new(revision: u64, through: u64) -> Self {
        Self {
            revision,
            through,
            base: revision,
            log: VecDeque::new(),
            log_bytes: 0,
            values: Ages::default(),
            ranges: Ages::default(),
            lengths: BTreeSet::new(),
        }
    }

    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    pub(super) fn through(&self) -> u64 {
        self.through
    }

    /// Takes note that nothing came behind `revision` up to `through`, if `revision` is still the newest.
    pub(super) fn confirm(&mut self, revision: u64, through: u64) {
        if revision == self.revision {
            self.through = self.through.max(through);
        }
    }

    /// Takes the next commit over.
    pub(super) fn apply(&mut self, commit: Commit) {
        let Commit { revision, id, changes } = commit;
        let mut keys = Vec::with_capacity(changes.len());
        for (key, value) in changes {
            let value = value.map(Value::from);
            self.update_ranges(revision, &key, value.as_ref());
            match value.as_ref().is_some_and(|value| value.len() > MAX_VALUE_BYTES) {
                true => self.values.remove(&key),
                false => {
                    self.values.update(&key, |cached| *cached = Cached { since: revision, what: value });
                }
            }
            self.log_bytes += key.len();
            keys.push(key);
        }
        self.log.push_back(Entry { revision, id, keys });
        (self.revision, self.through) = (revision, self.through.max(revision));
        while self.log.len() as u64 > LOG_REVISIONS || self.log_bytes > MAX_LOG_BYTES {
            let Some(oldest) = self.log.pop_front() else { break };
            self.log_bytes -= oldest.keys.iter().map(Vec::len).sum::<usize>();
            self.base = oldest.revision;
        }
    }

    fn update_ranges(&mut self, revision: u64, key: &[u8], value: Option<&Value>) {
        for &length in self.lengths.range(..=key.len()) {
            self.ranges.update(&key[..length], |cached| {
                let records = Arc::make_mut(&mut cached.what);
                match (records.binary_search_by(|(known, _)| known[..].cmp(key)), value) {
                    (Ok(at), Some(value)) => records[at].1 = value.clone(),
                    (Ok(at), None) => drop(records.remove(at)),
                    (Err(at), Some(value)) => records.insert(at, (key.to_vec(), value.clone())),
                    (Err(_), None) => {}
                }
                cached.since = revision;
            });
            if self.ranges.peek(&key[..length]).is_some_and(|cached| !is_small(&cached.what)) {
                self.ranges.remove(&key[..length]);
            }
        }
    }

    /// The keys changed after `since` up to `upto`, which was the newest revision when it was asked for.
    pub(super) fn changes(&self, since: u64, upto: u64) -> Changes {
        let keys = match self.entries_after(since).filter(|_| since <= upto) {
            Some(entries) => {
                let entries = entries.take_while(|entry| entry.revision <= upto);
                ChangedKeys::These(entries.flat_map(|entry| entry.keys.iter().cloned()).collect())
            }
            None => ChangedKeys::Everything,
        };
        Changes { upto: Revision(upto), keys }
    }

    /// The revision of a commit made after `since`. Errors: the log does not reach so far back.
    pub(super) fn find_commit(&self, since: u64, id: &CommitId) -> Result<Option<u64>, ()> {
        let mut entries = self.entries_after(since).ok_or(())?;
        Ok(entries.find(|entry| entry.id == *id).map(|entry| entry.revision))
    }

    /// `None` where the log does not have them all, or `since` is no revision that was.
    fn entries_after(&self, since: u64) -> Option<impl Iterator<Item = &Entry>> {
        let known = (self.base..=self.revision).contains(&since);
        known.then(|| self.log.range(self.log.partition_point(|entry| entry.revision <= since)..))
    }

    /// A record as of `revision`, if it is known: `Some(None)`: there is none.
    pub(super) fn value(&mut self, key: &[u8], revision: u64) -> Option<Option<Value>> {
        let cached = self.values.touch(key).filter(|cached| cached.since <= revision)?;
        Some(cached.what.clone())
    }

    /// Keeps what was fetched as of `revision`, unless it has changed since.
    pub(super) fn keep_value(&mut self, key: &[u8], revision: u64, value: Option<Value>) {
        let fits = value.as_ref().is_none_or(|value| value.len() <= MAX_VALUE_BYTES);
        if fits && self.is_unchanged(revision, |changed| changed == key) {
            let bytes = key.len() + value.as_ref().map_or(0, |value| value.len());
            self.values.insert(key, Cached { since: revision, what: value }, bytes);
        }
    }

    /// The records under a prefix as of `revision`, if they are known.
    pub(super) fn range(&mut self, prefix: &[u8], revision: u64) -> Option<Records> {
        let cached = self.ranges.touch(prefix).filter(|cached| cached.since <= revision)?;
        Some(cached.what.clone())
    }

    /// Keeps all records under a prefix, fetched as of `revision`, if they are few and none has changed since.
    pub(super) fn keep_range(&mut self, prefix: &[u8], revision: u64, records: Records) {
        if is_small(&records) && self.is_unchanged(revision, |changed| changed.starts_with(prefix)) {
            let bytes = prefix.len() + bytes_of(&records);
            self.lengths.insert(prefix.len());
            self.ranges.insert(prefix, Cached { since: revision, what: records }, bytes);
        }
    }

    fn is_unchanged(&self, since: u64, concerned: impl Fn(&[u8]) -> bool) -> bool {
        let entries = self.entries_after(since);
        entries.is_some_and(|mut entries| !entries.any(|entry| entry.keys.iter().any(|key| concerned(key))))
    }
}

fn is_small(records: &Records) -> bool {
    records.len() <= MAX_RANGE_RECORDS && bytes_of(records) <= MAX_RANGE_BYTES
}

fn bytes_of(records: &Records) -> usize {
    records.iter().map(|(key, value)| key.len() + value.len()).sum()
}

/// A bounded map that forgets what was not asked for in a while: what is asked for is young; when the young fill
/// half the space they are old, and those that were old are gone.
struct Ages<T> {
    young: HashMap<Box<[u8]>, (T, usize)>,
    old: HashMap<Box<[u8]>, (T, usize)>,
    young_bytes: usize,
}

/// What an entry costs beside its bytes, about.
const ENTRY_BYTES: usize = 100;

impl<T> Default for Ages<T> {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), young_bytes: 0 }
    }
}

impl<T> Ages<T> {
    /// Makes it young again.
    fn touch(&mut self, key: &[u8]) -> Option<&T> {
        if let Some((key, (what, bytes))) = self.old.remove_entry(key) {
            self.put(key, what, bytes);
        }
        self.young.get(key).map(|(what, _)| what)
    }

    fn peek(&self, key: &[u8]) -> Option<&T> {
        self.young.get(key).or_else(|| self.old.get(key)).map(|(what, _)| what)
    }

    fn update(&mut self, key: &[u8], update: impl FnOnce(&mut T)) {
        if let Some((what, _)) = self.young.get_mut(key).or_else(|| self.old.get_mut(key)) {
            update(what);
        }
    }

    fn insert(&mut self, key: &[u8], what: T, bytes: usize) {
        self.remove(key);
        self.put(key.into(), what, bytes + ENTRY_BYTES);
    }

    fn remove(&mut self, key: &[u8]) {
        self.old.remove(key);
        if let Some((_, bytes)) = self.young.remove(key) {
            self.young_bytes -= bytes;
        }
    }

    fn put(&mut self, key: Box<[u8]>, what: T, bytes: usize) {
        if self.young_bytes + bytes > MAX_CACHE_BYTES / 2 {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes += bytes;
        self.young.insert(key, (what, bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(revision: u64, changes: &[(&str, Option<&str>)]) -> Commit {
        let changes = changes.iter().map(|(key, value)| ((*key).into(), value.map(Into::into))).collect();
        Commit { revision, id: [revision as u8; 16], changes }
    }

    fn value(text: &str) -> Value {
        text.as_bytes().into()
    }

    #[test]
    fn a_cached_value_follows_commits() {
        let mut mirror = Mirror::new(5, 7);
        assert_eq!(mirror.value(b"a", 5), None);
        mirror.keep_value(b"a", 5, None);
        assert_eq!(mirror.value(b"a", 5), Some(None));
        mirror.apply(commit(9, &[("a", Some("1"))]));
        assert_eq!(mirror.value(b"a", 9), Some(Some(value("1"))));
        // A snapshot of before must fetch it.
        assert_eq!(mirror.value(b"a", 5), None);
    }

    #[test]
    fn what_changed_while_it_was_fetched_is_not_kept() {
        let mut mirror = Mirror::new(5, 5);
        mirror.apply(commit(6, &[("a", Some("2"))]));
        mirror.keep_value(b"a", 5, Some(value("1")));
        assert_eq!(mirror.value(b"a", 6), None);
        mirror.keep_value(b"b", 5, Some(value("1")));
        assert_eq!(mirror.value(b"b", 6), Some(Some(value("1"))));
        mirror.keep_range(b"a", 5, Records::default());
        assert_eq!(mirror.range(b"a", 6), None);
        // Nobody knows what was before the log.
        mirror.keep_value(b"c", 4, Some(value("1")));
        assert_eq!(mirror.value(b"c", 6), None);
    }

    #[test]
    fn a_cached_range_follows_commits() {
        let mut mirror = Mirror::new(1, 1);
        let records = vec![(b"ab".to_vec(), value("1")), (b"ad".to_vec(), value("2"))];
        mirror.keep_range(b"a", 1, Arc::new(records));
        mirror.apply(commit(2, &[("ac", Some("3")), ("ad", None), ("ab", Some("4")), ("b", Some("5"))]));
        let wanted = vec![(b"ab".to_vec(), value("4")), (b"ac".to_vec(), value("3"))];
        assert_eq!(mirror.range(b"a", 2).as_deref(), Some(&wanted));
        assert_eq!(mirror.range(b"a", 1), None);
        let many: Vec<_> = (0..300).map(|n| (format!("a{n:03}"), "v")).collect();
        let many: Vec<_> = many.iter().map(|(key, value)| (key.as_str(), Some(*value))).collect();
        mirror.apply(commit(3, &many));
        assert_eq!(mirror.range(b"a", 3), None);
    }

    #[test]
    fn the_log_tells_keys_and_commits() {
        let mut mirror = Mirror::new(1, 1);
        mirror.apply(commit(4, &[("a", None)]));
        mirror.apply(commit(6, &[("b", None), ("a", None)]));
        let told = |mirror: &Mirror, since| mirror.changes(since, 6).keys;
        assert_eq!(told(&mirror, 1), ChangedKeys::These(vec![b"a".into(), b"b".into(), b"a".into()]));
        assert_eq!(told(&mirror, 4), ChangedKeys::These(vec![b"b".into(), b"a".into()]));
        assert_eq!(told(&mirror, 6), ChangedKeys::These(vec![]));
        assert_eq!((told(&mirror, 0), told(&mirror, 7)), (ChangedKeys::Everything, ChangedKeys::Everything));
        // To a reader of an earlier revision.
        assert_eq!(mirror.changes(1, 4).keys, ChangedKeys::These(vec![b"a".into()]));
        assert_eq!(mirror.changes(6, 4).keys, ChangedKeys::Everything);
        assert_eq!(mirror.find_commit(1, &[6; 16]), Ok(Some(6)));
        assert_eq!(mirror.find_commit(1, &[5; 16]), Ok(None));
        assert_eq!(mirror.find_commit(0, &[6; 16]), Err(()));
    }

    #[test]
    fn a_long_log_is_cut_at_its_old_end() {
        let mut mirror = Mirror::new(1, 1);
        (2..LOG_REVISIONS + 3).for_each(|revision| mirror.apply(commit(revision, &[("a", None)])));
        assert_eq!(mirror.changes(1, mirror.revision()).keys, ChangedKeys::Everything);
        let ChangedKeys::These(keys) = mirror.changes(2, mirror.revision()).keys else { panic!() };
        assert_eq!(keys.len() as u64, LOG_REVISIONS);
    }

    #[test]
    fn the_cache_forgets_what_is_not_asked_for() {
        let mut mirror = Mirror::new(1, 1);
        mirror.keep_value(b"asked", 1, None);
        for number in 0..3 * MAX_CACHE_BYTES / MAX_VALUE_BYTES {
            mirror.keep_value(&number.to_be_bytes(), 1, Some(vec![0; MAX_VALUE_BYTES].into()));
            assert!(mirror.value(b"asked", 1).is_some());
        }
        assert!(mirror.value(&0_usize.to_be_bytes(), 1).is_none());
        assert!(mirror.values.young.len() + mirror.values.old.len() <= MAX_CACHE_BYTES / MAX_VALUE_BYTES + 2);
        mirror.keep_value(b"long", 1, Some(vec![0; MAX_VALUE_BYTES + 1].into()));
        assert_eq!(mirror.value(b"long", 1), None);
    }
}
