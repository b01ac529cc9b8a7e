//! DeleteHsm: a slot goes, and with it the sessions and session keys that live there. The keys of the cluster stay, even
//! with its last HSM.

use super::api::{DeleteHsmRequest, HsmDescription, HsmName, HsmStatus};
use super::{ControlPlane, Open, check, events};
use crate::cluster::{Cluster, ClusterState, DepartingHsm};
use crate::error::{ClusterError, Error};
use std::sync::Arc;
use vhsm_store::Batch;

impl ControlPlane<'_> {
    /// DeleteHsm; answers the HsmId. Errors: `Input`, `NotFound`, `HsmNotFound`, `State`, those of `Authority`.
    pub fn delete_hsm(&self, request: &DeleteHsmRequest) -> Result<String, Error> {
        match &request.hsm {
            HsmName::HsmId(id) => check::hsm_id(id)?,
            HsmName::EniId(id) => check::eni_id(id)?,
            HsmName::EniIp(ip) => check::ip_address("EniIp", ip)?,
        }
        let (name, cluster) = self.clusters.retry(|| self.remove_hsm(request))?;
        events::occurred(self, &cluster, events::Occasion::HsmDeleted);
        Ok(name)
    }

    fn remove_hsm(&self, request: &DeleteHsmRequest) -> Result<(String, Arc<Cluster>), Error> {
        let open = self.open(&request.cluster_id)?;
        open.check_at_rest("DeleteHsm")?;
        let hsm = self.named(&open, &request.hsm)?;
        let found = open.hsms.iter().find(|record| record.unverified().name == hsm.hsm_id);
        let found = found.ok_or_else(|| ClusterError::HsmNotFound(hsm.hsm_id.clone()))?;
        let mut record = self.with_hsms_changed(&open);
        if record.state == ClusterState::Uninitialized {
            // The request was this HSM's.
            record.backing.csr = None;
        }
        if self.settings.delay_ms > 0 {
            record.backing.departing.push(DepartingHsm {
                name: hsm.hsm_id.clone(),
                slot_id: hsm.slot_id,
                availability_zone: hsm.availability_zone,
                ip_address: found.unverified().ip_address.clone(),
                since_ms: self.now_ms(),
            });
        }
        let batch = open
            .change(Batch::new(), &record)?
            .expect(found.key.as_slice(), Some(&found.raw))
            .delete(found.key.as_slice());
        self.clusters.store.commit(batch)?;
        Ok((hsm.hsm_id, self.clusters.by_id(open.id)?))
    }

    /// Errors: `HsmNotFound`.
    fn named(&self, open: &Open, name: &HsmName) -> Result<HsmDescription, Error> {
        let is_it = |hsm: &HsmDescription| match name {
            HsmName::HsmId(id) => hsm.hsm_id == *id,
            HsmName::EniId(id) => hsm.eni_id == *id,
            HsmName::EniIp(ip) => hsm.eni_ip == *ip,
        };
        let (HsmName::HsmId(text) | HsmName::EniId(text) | HsmName::EniIp(text)) = name;
        let mut there = self
            .describe(&open.shown)
            .hsms
            .into_iter()
            .filter(|hsm| hsm.status != HsmStatus::DeleteInProgress);
        there.find(is_it).ok_or_else(|| ClusterError::HsmNotFound(text.clone()).into())
    }
}
