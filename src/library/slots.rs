//! The table of slots, and how a newer state of the store is taken over.

use crate::cluster::{ClusterId, Clusters, Holds, HsmState, SlotRecord};
use crate::error::CallError;
use crate::profile::Active;
use crate::session::Slot;
use arc_swap::ArcSwap;
use std::sync::Arc;

pub(super) struct Slots {
    table: ArcSwap<Table>,
    active: Active,
}

/// The slots at one revision of the store.
#[derive(Default)]
struct Table {
    /// In the order of their ids.
    all: Arc<Vec<Arc<Slot>>>,
    /// Of each cluster, in a profile that shows one slot for it.
    fronts: Vec<Front>,
}

/// The one slot that stands for a cluster: its first HSM's id, whichever HSM serves it.
struct Front {
    id: u64,
    cluster: ClusterId,
    /// The slot whose sessions it opens; `None`: all HSMs failed.
    serving: Option<Arc<Slot>>,
}

impl Slots {
    pub fn new(active: Active) -> Self {
        Self { table: ArcSwap::default(), active }
    }

    pub fn all(&self) -> Arc<Vec<Arc<Slot>>> {
        self.table.load().all.clone()
    }

    /// The ids to be told: all, or those of slots with a token.
    pub fn listed(&self, with_token: bool) -> Vec<u64> {
        let table = self.table.load();
        if !self.active.rules.slot_per_hsm {
            let fronts = table.fronts.iter().filter(|front| !with_token || front.serving.is_some());
            return fronts.map(|front| front.id).collect();
        }
        let slots = table.all.iter().filter(|slot| !with_token || slot.must_be_present().is_ok());
        slots.map(|slot| slot.id).collect()
    }

    /// Errors: `SlotIdInvalid`.
    pub fn lookup(&self, id: u64) -> Result<Arc<Slot>, CallError> {
        let table = self.table.load();
        let front = table.fronts.iter().find(|front| front.id == id);
        if let Some(serving) = front.and_then(|front| front.serving.as_ref()) {
            return Ok(serving.clone());
        }
        table.all.iter().find(|s| s.id == id).cloned().ok_or(CallError::SlotIdInvalid(id))
    }

    /// Takes over what the store says now. A slot whose token is no longer the same is marked gone, and
    /// another stands in its place. Gives the ids of slots where a token came, went or was wiped.
    pub fn update(&self, clusters: &Arc<Clusters>, records: Vec<SlotRecord>) -> Vec<u64> {
        let old = self.all();
        let mut events = Vec::new();
        let mut kept = Vec::with_capacity(records.len());
        for record in &records {
            let before = old.iter().find(|s| s.id == record.slot_id);
            match before {
                Some(slot) if slot.adopt(&record.holds) => kept.push(slot.clone()),
                _ => {
                    if before.is_some() || record.holds.hsm().is_some() {
                        events.push(record.slot_id);
                    }
                    let slot = Slot::new(record.slot_id, clusters.clone(), record.holds.clone(), self.active);
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
        let fronts = self.fronts(&records, &kept);
        self.table.store(Arc::new(Table { all: Arc::new(kept), fronts }));
        lost.iter().for_each(|slot| slot.mark_gone());
        events
    }

    /// Who serves each cluster's one slot: whoever served it before, so that a login stays where it is when another HSM
    /// recovers; else its first active HSM, or its first that works at all.
    fn fronts(&self, records: &[SlotRecord], slots: &[Arc<Slot>]) -> Vec<Front> {
        let mut fronts: Vec<Front> = Vec::new();
        if self.active.rules.slot_per_hsm {
            return fronts;
        }
        for record in records {
            let Some(cluster) = record.holds.hsm().map(|token| token.cluster.id) else { continue };
            if !fronts.iter().any(|front| front.cluster == cluster) {
                let serving = self.serving(cluster, records, slots);
                fronts.push(Front { id: record.slot_id, cluster, serving });
            }
        }
        fronts
    }

    fn serving(&self, cluster: ClusterId, records: &[SlotRecord], slots: &[Arc<Slot>]) -> Option<Arc<Slot>> {
        let before = self.table.load();
        let before = before.fronts.iter().find(|front| front.cluster == cluster);
        let before = before.and_then(|front| front.serving.as_ref());
        if let Some(slot) = before.and_then(|slot| slots.iter().find(|other| Arc::ptr_eq(slot, other))) {
            return Some(slot.clone());
        }
        let works = |wanted: HsmState| {
            records.iter().find(|record| match &record.holds {
                Holds::Token(token) => {
                    token.cluster.id == cluster && token.cluster.hsms[token.hsm].state == wanted
                }
                Holds::Uninitialized | Holds::Failed(_) => false,
            })
        };
        let id = works(HsmState::Active).or_else(|| works(HsmState::Degraded))?.slot_id;
        slots.iter().find(|slot| slot.id == id).cloned()
    }

    pub fn mark_all_gone(&self) {
        self.all().iter().for_each(|slot| slot.mark_gone());
    }
}
