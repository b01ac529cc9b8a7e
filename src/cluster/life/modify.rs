//! ModifyCluster: how long backups are kept, and the type of the HSMs.

use super::api::{ClusterDescription, ModifyClusterRequest, State};
use super::{ControlPlane, check, view};
use crate::cluster::{Backing, HsmType, TypeChange};
use crate::error::Error;
use vhsm_store::Batch;

impl ControlPlane<'_> {
    /// ModifyCluster: hsm1.medium becomes hsm2m.medium, and can be taken back for a day. The type is told and decides
    /// nothing here. Errors: `Input`, `NotFound`, `State`, those of `Authority`.
    pub fn modify_cluster(&self, request: &ModifyClusterRequest) -> Result<ClusterDescription, Error> {
        if request.hsm_type.is_none() && request.retention.is_none() {
            return check::bad("HsmType", "neither it nor BackupRetentionPolicy is given: nothing to modify");
        }
        let cluster = self.clusters.retry(|| {
            let open = self.open(&request.cluster_id)?;
            open.check_at_rest("ModifyCluster")?;
            let mut record = open.record().clone();
            if let Some(hsm_type) = request.hsm_type {
                open.check("a change of HsmType", &[State::Active])?;
                self.change_type(&mut record.backing, hsm_type)?;
            }
            if let Some(retention) = request.retention {
                record.backing.backup_retention_days = retention.days;
            }
            self.clusters.store.commit(open.change(Batch::new(), &record)?)?;
            self.clusters.by_id(open.id)
        })?;
        Ok(self.describe(&cluster))
    }

    fn change_type(&self, backing: &mut Backing, to: HsmType) -> Result<(), Error> {
        let (from, at_ms) = (backing.hsm_type, self.now_ms());
        let is_rollback = match (from, to) {
            (HsmType::Hsm1Medium, HsmType::Hsm2mMedium) => false,
            (HsmType::Hsm2mMedium, HsmType::Hsm1Medium) if view::rollback_until(backing, at_ms).is_some() => {
                true
            }
            (HsmType::Hsm2mMedium, HsmType::Hsm1Medium) => {
                return check::bad("HsmType", "a cluster of hsm2m.medium does not become one of hsm1.medium");
            }
            (same, _) => return check::bad("HsmType", format!("the cluster is of {} already", same.name())),
        };
        backing.type_change = Some(TypeChange { from, at_ms, is_rollback });
        backing.hsm_type = to;
        Ok(())
    }
}
