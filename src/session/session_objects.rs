//! Session objects: CKA_TOKEN false, in memory only, gone with the session that made them.
//!
//! Sharded by the session that makes them, so that threads with sessions of their own do not meet.

use super::held::Held;
use crate::object::Object;
use crate::sync::{Mutex, MutexGuard};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

const SHARD_BITS: u32 = 6;
const SHARDS: usize = 1 << SHARD_BITS;
/// Set in every handle of a session object; no token object's number is that large.
const SESSION_BIT: u64 = 1 << 62;
/// Where the number of the table stands in a handle, so that no two tables give the same one.
const TABLE_SHIFT: u32 = 46;

static TABLES: AtomicU64 = AtomicU64::new(0);

#[repr(align(128))]
#[derive(Default)]
struct Shard {
    entries: Mutex<Entries>,
    /// How many objects there are: so that a search passes by where there are none.
    objects: AtomicUsize,
}

/// A shard's entries under its lock; the count is brought up to date when they are let go of.
struct Opened<'s> {
    entries: MutexGuard<'s, Entries>,
    objects: &'s AtomicUsize,
}

impl Shard {
    fn open(&self) -> Opened<'_> {
        Opened { entries: self.entries.lock(), objects: &self.objects }
    }
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        self.objects.store(self.entries.objects.len(), Ordering::Release);
    }
}

#[derive(Default)]
struct Entries {
    objects: FxHashMap<u64, Arc<Held>>,
    by_session: FxHashMap<u64, FxHashSet<u64>>,
    made: u64,
}

/// The session objects of one slot.
pub struct SessionObjects {
    shards: Box<[Shard]>,
    table: u64,
}

/// Whether a handle is one of a session object.
pub fn is_session_handle(handle: u64) -> bool {
    handle & SESSION_BIT != 0
}

impl SessionObjects {
    pub fn new() -> Self {
        let table = TABLES.fetch_add(1, Ordering::Relaxed) & 0xffff;
        Self { shards: (0..SHARDS).map(|_| Shard::default()).collect(), table }
    }

    /// Takes the object in for `session` and gives its handle.
    pub fn insert(&self, session: u64, held: Held) -> u64 {
        let shard = session as usize % SHARDS;
        let mut opened = self.shards[shard].open();
        let entries = &mut *opened.entries;
        entries.made += 1;
        let handle = SESSION_BIT | self.table << TABLE_SHIFT | entries.made << SHARD_BITS | shard as u64;
        entries.objects.insert(handle, Arc::new(held));
        entries.by_session.entry(session).or_default().insert(handle);
        handle
    }

    pub fn lookup(&self, handle: u64) -> Option<Arc<Held>> {
        self.shard(handle).entries.lock().objects.get(&handle).cloned()
    }

    /// Puts a changed object in the place of the one that `was`; `false` if that is no longer there.
    pub fn replace(&self, handle: u64, was: &Arc<Held>, object: Object) -> bool {
        let mut entries = self.shard(handle).entries.lock();
        match entries.objects.get_mut(&handle) {
            Some(held) if Arc::ptr_eq(held, was) => {
                held.mark_replaced();
                *held = Arc::new(Held::of_same_key(object, was));
                true
            }
            _ => false,
        }
    }

    /// `None` if it was gone already.
    pub fn destroy(&self, session_hint: u64, handle: u64) -> Option<Arc<Held>> {
        let mut opened = self.shard(handle).open();
        let entries = &mut *opened.entries;
        let held = entries.objects.remove(&handle)?;
        held.mark_gone();
        let own = entries.by_session.get_mut(&session_hint).is_some_and(|handles| handles.remove(&handle));
        if !own {
            for handles in entries.by_session.values_mut() {
                if handles.remove(&handle) {
                    break;
                }
            }
        }
        Some(held)
    }

    /// Destroys what a closed session leaves.
    pub fn close_session(&self, session: u64) {
        let mut opened = self.shards[session as usize % SHARDS].open();
        let entries = &mut *opened.entries;
        for handle in entries.by_session.remove(&session).unwrap_or_default() {
            if let Some(held) = entries.objects.remove(&handle) {
                held.mark_gone();
            }
        }
    }

    /// Destroys the objects that `doomed` picks (private ones at logout).
    pub fn destroy_where(&self, doomed: impl Fn(&Object) -> bool) {
        for shard in &self.shards {
            let mut opened = shard.open();
            let Entries { objects, by_session, .. } = &mut *opened.entries;
            objects.retain(|_, held| {
                let dies = doomed(&held.object);
                if dies {
                    held.mark_gone();
                }
                !dies
            });
            by_session.values_mut().for_each(|handles| handles.retain(|h| objects.contains_key(h)));
        }
    }

    /// Handles of the objects that `wanted` picks, oldest first in each shard.
    pub fn matching(&self, wanted: impl Fn(u64, &Object) -> bool) -> Vec<u64> {
        let mut handles = Vec::new();
        for shard in &self.shards {
            if shard.objects.load(Ordering::Acquire) == 0 {
                continue;
            }
            let entries = shard.entries.lock();
            handles.extend(
                entries.objects.iter().filter(|(h, held)| wanted(**h, &held.object)).map(|(h, _)| *h),
            );
        }
        handles.sort_unstable();
        handles
    }

    fn shard(&self, handle: u64) -> &Shard {
        &self.shards[handle as usize % SHARDS]
    }
}

impl Default for SessionObjects {
    fn default() -> Self {
        Self::new()
    }
}
