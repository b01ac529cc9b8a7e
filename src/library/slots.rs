//! The table of slots, and how a newer state of the store is taken over.

use crate::cluster::{Clusters, SlotRecord};
use crate::error::CallError;
use crate::profile::Active;
use crate::session::Slot;
use arc_swap::ArcSwap;
use std::sync::Arc;

/// The slots in the order of their ids.
pub(super) struct Slots {
    all: ArcSwap<Vec<Arc<Slot>>>,
    active: Active,
}

impl Slots {
    pub fn new(active: Active) -> Self {
        Self { all: ArcSwap::from_pointee(Vec::new()), active }
    }

    pub fn all(&self) -> Arc<Vec<Arc<Slot>>> {
        self.all.load_full()
    }

    /// Errors: `SlotIdInvalid`.
    pub fn lookup(&self, id: u64) -> Result<Arc<Slot>, CallError> {
        let slots = self.all.load();
        slots.iter().find(|s| s.id == id).cloned().ok_or(CallError::SlotIdInvalid(id))
    }

    /// Takes over what the store says now. A slot whose token is no longer the same is marked gone, and
    /// another stands in its place. Gives the ids of slots where a token came, went or was wiped.
    pub fn update(&self, clusters: &Arc<Clusters>, records: Vec<SlotRecord>) -> Vec<u64> {
        let old = self.all();
        let mut events = Vec::new();
        let mut kept = Vec::with_capacity(records.len());
        for record in records {
            let before = old.iter().find(|s| s.id == record.slot_id);
            match before {
                Some(slot) if slot.adopt(&record.token) => kept.push(slot.clone()),
                _ => {
                    if before.is_some() || record.token.is_some() {
                        events.push(record.slot_id);
                    }
                    let slot = Slot::new(record.slot_id, clusters.clone(), record.token, self.active);
                    kept.push(Arc::new(slot));
                }
            }
        }
        let is_kept = |slot: &Arc<Slot>| kept.iter().any(|k| Arc::ptr_eq(k, slot));
        let lost: Vec<Arc<Slot>> = old.iter().filter(|s| !is_kept(s)).cloned().collect();
        for slot in &lost {
            if !events.contains(&slot.id) {
                events.push(slot.id);
            }
        }
        self.all.store(Arc::new(kept));
        lost.iter().for_each(|slot| slot.mark_gone());
        events
    }

    pub fn mark_all_gone(&self) {
        self.all().iter().for_each(|slot| slot.mark_gone());
    }
}
