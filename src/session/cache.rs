//! Token objects that a slot has opened: kept until logout, destruction, change, or until room is needed.

use super::held::Held;
use crate::cluster::ObjectId;
use crate::sync::Mutex;
use rustc_hash::FxHashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const SHARDS: usize = 16;
/// Objects kept per shard; past that an arbitrary one makes room. 16 x 4,096 opened keys take about 20 MiB.
const SHARD_LIMIT: usize = 4096;

#[derive(Default)]
pub struct Cache {
    shards: [Mutex<FxHashMap<u64, Arc<Held>>>; SHARDS],
    /// Grows with every eviction, so that an object read before it is not put in after it.
    epoch: AtomicU64,
}

/// The cache's state when a read of the store began.
#[derive(Clone, Copy)]
pub struct Epoch(u64);

impl Cache {
    pub fn epoch(&self) -> Epoch {
        Epoch(self.epoch.load(Ordering::SeqCst))
    }

    pub fn lookup(&self, id: ObjectId) -> Option<Arc<Held>> {
        self.shard(id).lock().get(&id.0).cloned()
    }

    /// Keeps an object that was read since `began` and gives the one that is kept; `None` if something was
    /// evicted meanwhile: then read again. What a session works with is always kept here, so that a
    /// destruction or a logout finds it.
    pub fn insert(&self, id: ObjectId, held: Arc<Held>, began: Epoch) -> Option<Arc<Held>> {
        let mut shard = self.shard(id).lock();
        if self.epoch.load(Ordering::SeqCst) != began.0 {
            return None;
        }
        if shard.len() >= SHARD_LIMIT {
            // Only the cache's own reference: no engine works with it.
            let unused = shard.iter().find(|(_, h)| Arc::strong_count(h) == 1).map(|(id, _)| *id);
            unused.and_then(|id| shard.remove(&id));
        }
        Some(shard.entry(id.0).or_insert(held).clone())
    }

    /// Takes an object out; what it was is the caller's to mark.
    pub fn evict(&self, id: ObjectId) -> Option<Arc<Held>> {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        self.shard(id).lock().remove(&id.0)
    }

    /// Takes everything out.
    pub fn clear(&self) -> Vec<(ObjectId, Arc<Held>)> {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        self.shards
            .iter()
            .flat_map(|s| std::mem::take(&mut *s.lock()))
            .map(|(id, h)| (ObjectId(id), h))
            .collect()
    }

    fn shard(&self, id: ObjectId) -> &Mutex<FxHashMap<u64, Arc<Held>>> {
        &self.shards[id.0 as usize % SHARDS]
    }
}
