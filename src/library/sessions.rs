//! The table of open sessions, sharded by handle: threads with sessions of their own do not meet here.

use crate::session::Session;
use crate::sync::RwLock;
use rustc_hash::FxHashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const SHARDS: usize = 64;

#[repr(align(128))]
#[derive(Default)]
struct Shard(RwLock<FxHashMap<u64, Arc<Session>>>);

pub(super) struct Sessions {
    shards: Box<[Shard]>,
    last: AtomicU64,
}

impl Sessions {
    pub fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Shard::default()).collect(), last: AtomicU64::new(0) }
    }

    /// A handle that was never given before.
    pub fn new_handle(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub fn insert(&self, session: Session) {
        self.shard(session.handle).write().insert(session.handle, Arc::new(session));
    }

    pub fn lookup(&self, handle: u64) -> Option<Arc<Session>> {
        self.shard(handle).read().get(&handle).cloned()
    }

    pub fn remove(&self, handle: u64) -> Option<Arc<Session>> {
        self.shard(handle).write().remove(&handle)
    }

    /// The open sessions that `wanted` picks.
    pub fn matching(&self, wanted: impl Fn(&Session) -> bool) -> Vec<Arc<Session>> {
        let mut found = Vec::new();
        for shard in &self.shards {
            found.extend(shard.0.read().values().filter(|s| wanted(s)).cloned());
        }
        found
    }

    fn shard(&self, handle: u64) -> &RwLock<FxHashMap<u64, Arc<Session>>> {
        &self.shards[handle as usize % SHARDS].0
    }
}
