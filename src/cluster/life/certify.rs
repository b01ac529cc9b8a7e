//! A certificate for a cluster that has none: one that C_InitToken made, or that was made before clusters had them.

use super::ControlPlane;
use super::api::{ClusterDescription, State};
use crate::cluster::authority;
use crate::error::{Error, LifeError};
use vhsm_store::Batch;

impl ControlPlane<'_> {
    /// Gives an active cluster a certificate of a CA of its own; and with an admin's login, the service the right to act
    /// without one from then on. Not in the API. Errors: `Input`, `NotFound`, `State`, `Certified`, those of `Authority`.
    pub fn certify(&self, cluster_id: &str) -> Result<ClusterDescription, Error> {
        let cluster = self.clusters.retry(|| {
            let open = self.open(cluster_id)?;
            open.check("certify", &[State::Active])?;
            if open.record().backing.certificate.is_some() {
                return Err(LifeError::Certified(cluster_id.into()).into());
            }
            let mut record = open.record().clone();
            self.certified(&mut record.backing, cluster_id)?;
            if let Some(root_key) = self.root_key {
                record.by_service = Some(authority::seal_by_service(root_key, cluster_id, &open.mac_key)?);
            }
            self.clusters.store.commit(open.change(Batch::new(), &record)?)?;
            self.clusters.by_id(open.id)
        })?;
        Ok(self.describe(&cluster))
    }
}
