//! Sweeping: what a deletion in one small commit put out of reach is deleted later, in small batches.
//!
//! A sweep record tells what is left: all that one owner had in a generation, a whole generation, or a whole
//! cluster. It is deleted with the last of it. Nothing can be added meanwhile: whoever makes an object or a
//! user commits under the condition that cluster and owner are there.

use crate::cluster::keys::{self, Key, Space};
use crate::cluster::{Clusters, UserId, read};
use crate::error::{ClusterError, Error};
use std::ops::ControlFlow;
use vhsm_store::{Batch, MAX_OPERATIONS};

/// The value of a sweep record: its key says all.
const VALUE: &[u8] = &[1];

/// Adds the record that has this swept later. `owner` or generation `ALL`: all of them.
pub(super) fn later(batch: Batch, space: Space, owner: u32) -> Batch {
    batch.put(space.sweep(owner).as_slice(), VALUE)
}

impl Clusters {
    /// Deletes in one small batch what wiped tokens and deleted users and clusters left behind; returns
    /// whether more is left.
    pub fn sweep(&self) -> Result<bool, Error> {
        self.give_up_dead_restores()?;
        let found = self.view(|snapshot| {
            let mut first = None;
            read::scan(snapshot, &keys::sweeps(), &mut |key, _| {
                first = Some(keys::sweep_of(key).ok_or(ClusterError::Corrupt("sweep record"))?);
                Ok(ControlFlow::Break(()))
            })?;
            let Some((space, owner)) = first else { return Ok(None) };
            let mut dead: Vec<Vec<u8>> = Vec::new();
            // One operation is kept for the sweep record.
            for prefix in left_behind(space, owner) {
                read::scan(snapshot, &prefix, &mut |key, _| {
                    if dead.len() == MAX_OPERATIONS - 1 {
                        return Ok(ControlFlow::Break(()));
                    }
                    dead.push(key.to_vec());
                    Ok(ControlFlow::Continue(()))
                })?;
            }
            Ok(Some((space.sweep(owner), dead)))
        })?;
        let Some((record, dead)) = found else { return Ok(false) };
        // Not before a look that found nothing: changes of its last moments may still have added something.
        let done = dead.is_empty();
        let mut batch = dead.into_iter().fold(Batch::new(), Batch::delete);
        if done {
            batch = batch.delete(record.as_slice());
        }
        self.store.commit(batch)?;
        Ok(!done || !self.view(|snapshot| Ok(read::is_empty(snapshot, &keys::sweeps())?))?)
    }
}

/// The prefixes of what a sweep record stands for.
fn left_behind(space: Space, owner: u32) -> Vec<Key> {
    let kinds = keys::OF_USERS.iter().chain(&keys::OWNED).copied();
    if space.generation == keys::ALL {
        kinds.map(|kind| keys::numbered(kind, space.cluster)).collect()
    } else if owner == keys::ALL {
        kinds.map(|kind| space.all(kind)).collect()
    } else {
        keys::OWNED.iter().map(|&kind| space.owned(kind, UserId(owner))).collect()
    }
}
