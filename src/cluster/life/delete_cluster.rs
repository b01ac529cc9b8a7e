//! DeleteCluster: only without HSMs.

use super::api::{ClusterDescription, State};
use super::{ControlPlane, events};
use crate::cluster::keys::{self, Space};
use crate::cluster::sweep;
use crate::error::{Error, LifeError};
use vhsm_store::Batch;

impl ControlPlane<'_> {
    /// DeleteCluster: with its users and keys; what is left of them is swept later. Answers what the cluster was.
    /// Errors: `Input`, `NotFound`, `State`, `HsmsLeft`, those of `Authority`.
    pub fn delete_cluster(&self, cluster_id: &str) -> Result<ClusterDescription, Error> {
        let cluster = self.clusters.retry(|| {
            let open = self.open(cluster_id)?;
            open.check_at_rest("DeleteCluster")?;
            if !open.hsms.is_empty() {
                let cluster = open.record().name.clone();
                return Err(LifeError::HsmsLeft { cluster, hsms: open.hsms.len() }.into());
            }
            let key = open.cluster.key.as_slice();
            let batch = Batch::new().expect(key, Some(&open.cluster.raw)).delete(key);
            let batch = batch.delete(keys::faults(open.id).as_slice());
            let all = Space { cluster: open.id, generation: keys::ALL };
            let batch = self.keep_departed(self.without_departed(batch)?, &open)?;
            self.clusters.store.commit(sweep::later(batch, all, keys::ALL))?;
            Ok(open.shown)
        })?;
        events::occurred(self, &cluster, events::Occasion::ClusterDeleted);
        let state = if self.settings.delay_ms > 0 { State::DeleteInProgress } else { State::Deleted };
        Ok(ClusterDescription { state, ..self.describe(&cluster) })
    }
}
