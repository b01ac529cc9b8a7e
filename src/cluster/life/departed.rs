//! Deleted clusters that are still shown, as DELETE_IN_PROGRESS, for as long as the configuration has such states seen.
//!
//! Such a cluster is gone: what is kept of it decides nothing, and so has no MAC.

use super::api::{ClusterDescription, State};
use super::view::{Shown, passes};
use super::{ControlPlane, Open};
use crate::cluster::records::{decode, encode};
use crate::cluster::{Backing, ClusterId, keys, read};
use crate::error::{ClusterError, Error};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use vhsm_store::Batch;

/// More than anybody deletes within the delay; others are dropped later.
const MOST_DROPPED: usize = 50;

/// What is shown of a deleted cluster.
#[derive(Serialize, Deserialize)]
struct Departed {
    name: String,
    label: String,
    backing: Backing,
    /// Milliseconds since 1970.
    since_ms: u64,
}

impl ControlPlane<'_> {
    /// Adds to the batch that deletes a cluster what is shown of it.
    pub(super) fn keep_departed(&self, batch: Batch, open: &Open) -> Result<Batch, Error> {
        if self.settings.delay_ms == 0 {
            return Ok(batch);
        }
        let record = open.record();
        let departed = Departed {
            name: record.name.clone(),
            label: record.label.clone(),
            backing: record.backing.clone(),
            since_ms: self.now_ms(),
        };
        Ok(batch.put(keys::departed(open.id).as_slice(), encode(&departed)?))
    }

    /// Adds the deletion of what is no longer shown.
    pub(super) fn without_departed(&self, batch: Batch) -> Result<Batch, Error> {
        let (delay, now) = (self.settings.delay_ms, self.now_ms());
        let is_shown = |departed: &Departed| passes(departed.since_ms, delay, now);
        let old =
            self.departed()?.into_iter().filter(|(_, departed)| !departed.as_ref().is_some_and(is_shown));
        Ok(old.take(MOST_DROPPED).fold(batch, |batch, (id, _)| batch.delete(keys::departed(id).as_slice())))
    }

    /// Those that are shown, by their numbers.
    pub(super) fn describe_departed(&self) -> Result<Vec<(ClusterId, ClusterDescription)>, Error> {
        let (delay, now) = (self.settings.delay_ms, self.now_ms());
        if delay == 0 {
            return Ok(Vec::new());
        }
        let all = self.departed()?.into_iter();
        let shown = all
            .filter_map(|(id, departed)| Some((id, departed?)))
            .filter(|(_, departed)| passes(departed.since_ms, delay, now));
        let describe = |departed: &Departed| {
            self.assemble(Shown {
                name: &departed.name,
                label: &departed.label,
                state: State::DeleteInProgress,
                message: None,
                hsms: Vec::new(),
                backing: &departed.backing,
            })
        };
        Ok(shown.map(|(id, departed)| (id, describe(&departed))).collect())
    }

    /// `None`: it cannot be read, which is no reason not to go on.
    fn departed(&self) -> Result<Vec<(ClusterId, Option<Departed>)>, Error> {
        self.clusters.view(|snapshot| {
            let mut found = Vec::new();
            read::scan(snapshot, &keys::all_departed(), &mut |key, raw| {
                let id = keys::cluster_of(key).ok_or(ClusterError::Corrupt("key of a deleted cluster"))?;
                found.push((id, decode("deleted cluster", raw).ok()));
                Ok(ControlFlow::Continue(()))
            })?;
            Ok(found)
        })
    }
}
