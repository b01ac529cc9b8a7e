//! Token objects that a slot has opened: kept until logout, destruction, change, or until room is needed.

use super::held::Held;
use crate::cluster::ObjectId;
use crate::sync::Mutex;
use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const SHARDS: usize = 64;
/// Objects kept per shard; past that the oldest that nobody works with makes room. 64 x 1,024 opened keys take
/// about 20 MiB.
const SHARD_LIMIT: usize = 1024;

pub struct Cache {
    shards: Box<[Shard]>,
    /// Grows with every eviction, so that an object read before it is not put in after it.
    epoch: AtomicU64,
}

#[repr(align(128))]
#[derive(Default)]
struct Shard(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    objects: FxHashMap<u64, Arc<Held>>,
    /// Their ids, oldest first; some may be gone from `objects` already.
    order: VecDeque<u64>,
}

impl Kept {
    /// Drops the oldest object of which only the cache has a reference: no engine works with it.
    fn make_room(&mut self) {
        for _ in 0..self.order.len() {
            let Some(oldest) = self.order.pop_front() else { return };
            match self.objects.get(&oldest) {
                Some(held) if Arc::strong_count(held) == 1 => {
                    self.objects.remove(&oldest);
                    return;
                }
                Some(_) => self.order.push_back(oldest),
                None => {}
            }
        }
    }

    fn insert(&mut self, id: u64, held: Arc<Held>) -> Arc<Held> {
        if self.objects.len() >= SHARD_LIMIT || self.order.len() >= 2 * SHARD_LIMIT {
            self.make_room();
        }
        let order = &mut self.order;
        let kept = self.objects.entry(id).or_insert_with(|| {
            order.push_back(id);
            held
        });
        kept.clone()
    }
}

/// The cache's state when a read of the store began.
#[derive(Clone, Copy)]
pub struct Epoch(u64);

impl Cache {
    pub fn epoch(&self) -> Epoch {
        Epoch(self.epoch.load(Ordering::SeqCst))
    }

    pub fn lookup(&self, id: ObjectId) -> Option<Arc<Held>> {
        self.shard(id).lock().objects.get(&id.0).cloned()
    }

    /// Keeps an object that was read since `began` and gives the one that is kept; `None` if something was
    /// evicted meanwhile: then read again. What a session works with is always kept here, so that a
    /// destruction or a logout finds it.
    pub fn insert(&self, id: ObjectId, held: Arc<Held>, began: Epoch) -> Option<Arc<Held>> {
        let mut kept = self.shard(id).lock();
        if self.epoch.load(Ordering::SeqCst) != began.0 {
            return None;
        }
        Some(kept.insert(id.0, held))
    }

    /// Takes an object out; what it was is the caller's to mark.
    pub fn evict(&self, id: ObjectId) -> Option<Arc<Held>> {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        self.shard(id).lock().objects.remove(&id.0)
    }

    /// Takes everything out.
    pub fn clear(&self) -> Vec<(ObjectId, Arc<Held>)> {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        self.shards
            .iter()
            .flat_map(|s| std::mem::take(&mut *s.0.lock()).objects)
            .map(|(id, h)| (ObjectId(id), h))
            .collect()
    }

    fn shard(&self, id: ObjectId) -> &Mutex<Kept> {
        &self.shards[id.0 as usize % SHARDS].0
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Shard::default()).collect(), epoch: AtomicU64::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Attribute, Context, Object, Template};
    use cryptoki_sys::{CKA_CLASS, CKO_DATA};

    fn held() -> Arc<Held> {
        let class = CKO_DATA.to_ne_bytes();
        let mut template = Template::default();
        template.attributes.push(Attribute { kind: CKA_CLASS, value: &class });
        Arc::new(Held::new(Object::create(&template, &Context::default()).unwrap()))
    }

    /// Ids of one shard.
    fn id(number: usize) -> ObjectId {
        ObjectId((number * SHARDS) as u64)
    }

    #[test]
    fn room_is_made_among_what_nobody_works_with() {
        let cache = Cache::default();
        let used = cache.insert(id(0), held(), cache.epoch()).unwrap();
        for number in 1..=3 * SHARD_LIMIT {
            cache.insert(id(number), held(), cache.epoch()).unwrap();
        }
        assert!(Arc::ptr_eq(&cache.lookup(id(0)).unwrap(), &used));
        assert!(cache.lookup(id(1)).is_none());
        assert!(cache.lookup(id(3 * SHARD_LIMIT)).is_some());
        let kept = cache.shard(id(0)).lock();
        assert_eq!(kept.objects.len(), SHARD_LIMIT);
        assert!(kept.order.len() < 2 * SHARD_LIMIT);
    }

    #[test]
    fn what_is_worked_with_is_never_dropped() {
        let cache = Cache::default();
        let insert = |number| cache.insert(id(number), held(), cache.epoch()).unwrap();
        let used: Vec<_> = (0..2 * SHARD_LIMIT).map(insert).collect();
        for (number, held) in used.iter().enumerate() {
            assert!(Arc::ptr_eq(&cache.lookup(id(number)).unwrap(), held));
        }
    }

    #[test]
    fn ids_that_come_and_go_leave_nothing_behind() {
        let cache = Cache::default();
        for number in 0..10 * SHARD_LIMIT {
            cache.insert(id(number), held(), cache.epoch()).unwrap();
            cache.evict(id(number)).unwrap();
        }
        let kept = cache.shard(id(0)).lock();
        assert!(kept.objects.is_empty() && kept.order.len() <= 2 * SHARD_LIMIT);
    }

    #[test]
    fn what_was_read_before_an_eviction_is_not_kept() {
        let cache = Cache::default();
        let began = cache.epoch();
        assert!(cache.evict(id(7)).is_none());
        assert!(cache.insert(id(1), held(), began).is_none());
        assert!(cache.lookup(id(1)).is_none());
    }
}
