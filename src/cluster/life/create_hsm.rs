//! CreateHsm: a new slot with all keys; the first one of a cluster makes its certificate signing request.

use super::api::{CreateHsmRequest, HsmDescription, HsmStatus, State};
use super::{ControlPlane, Open, check, events, view};
use crate::cluster::keys;
use crate::cluster::records::{ClusterRecord, HsmRecord, Maced};
use crate::cluster::slots::{MAX_HSMS, head_change, new_name, take_slots};
use crate::cluster::{Cluster, ClusterState};
use crate::crypto::x509;
use crate::error::{Error, LifeError};
use std::sync::Arc;

/// Who the request says it is from; its common name is the ClusterId.
pub(super) const ORGANIZATION: &str = "vhsm";
pub(super) const UNIT: &str = "virtual HSM";

impl ControlPlane<'_> {
    /// CreateHsm. Errors: `Input`, `NotFound`, `State`, `OneHsm`, `TooManyHsms`, those of `Authority`.
    pub fn create_hsm(&self, request: &CreateHsmRequest) -> Result<HsmDescription, Error> {
        check::availability_zone(&request.availability_zone)?;
        if let Some(ip_address) = &request.ip_address {
            check::ip_address("IpAddress", ip_address)?;
        }
        let name = new_name("hsm-")?;
        let cluster = self.clusters.retry(|| self.add_hsm(request, &name))?;
        let hsm = cluster.hsms.iter().find(|hsm| hsm.name == name);
        let hsm = hsm.ok_or_else(|| Error::Internal("the new HSM is gone already".into()))?;
        events::occurred(self, &cluster, events::Occasion::HsmCreated);
        Ok(self.describe_hsm(&cluster, hsm))
    }

    fn add_hsm(&self, request: &CreateHsmRequest, name: &str) -> Result<Arc<Cluster>, Error> {
        let (head, raw_head) = self.clusters.head()?;
        let open = self.open(&request.cluster_id)?;
        self.check_room(&open, request)?;
        let (slots, next) = take_slots(&head, 1);
        let hsm = HsmRecord {
            ip_address: request.ip_address.clone(),
            ..HsmRecord::new(name.into(), slots[0], request.availability_zone.clone(), self.now_ms())
        };
        let mut record = self.with_hsms_changed(&open);
        if record.state == ClusterState::Uninitialized {
            record.backing.csr = Some(x509::request(ORGANIZATION, UNIT, &record.name)?);
        }
        let key = keys::hsm(open.id, hsm.slot_id);
        let batch = open
            .change(head_change(&raw_head, &next)?, &record)?
            .expect(key.as_slice(), None)
            .put(key.as_slice(), Maced::encode(&key, &hsm, &open.mac)?);
        self.clusters.store.commit(batch)?;
        self.clusters.by_id(open.id)
    }

    fn check_room(&self, open: &Open, request: &CreateHsmRequest) -> Result<(), Error> {
        open.check_at_rest("CreateHsm")?;
        let cluster = &open.shown;
        if open.state == State::Uninitialized && !cluster.hsms.is_empty() {
            return Err(LifeError::OneHsm(cluster.name.clone()).into());
        }
        if cluster.hsms.len() >= MAX_HSMS {
            return Err(LifeError::TooManyHsms { cluster: cluster.name.clone(), limit: MAX_HSMS }.into());
        }
        let zones: Vec<&str> =
            cluster.backing.subnets.iter().map(|subnet| subnet.availability_zone.as_str()).collect();
        if !zones.is_empty() && !zones.contains(&request.availability_zone.as_str()) {
            let zone = &request.availability_zone;
            let reason =
                format!("the cluster has no subnet in {zone:?}; it has them in {}", zones.join(", "));
            return check::bad("AvailabilityZone", reason);
        }
        let Some(ip_address) = &request.ip_address else { return Ok(()) };
        let taken = self.describe(cluster).hsms.into_iter().find(|hsm| hsm.eni_ip == *ip_address);
        match taken {
            Some(hsm) if hsm.status != HsmStatus::DeleteInProgress => {
                check::bad("IpAddress", format!("{ip_address} is that of {}", hsm.hsm_id))
            }
            _ => Ok(()),
        }
    }

    /// The cluster's zone with the fewest HSMs: not in the API.
    pub fn emptiest_zone(&self, cluster: &Cluster) -> String {
        let there = |zone: &str| cluster.hsms.iter().filter(|hsm| hsm.availability_zone == zone).count();
        let zones = cluster.backing.subnets.iter().map(|subnet| &subnet.availability_zone);
        let emptiest = zones.min_by_key(|zone| there(zone));
        emptiest.cloned().unwrap_or_else(|| format!("{}a", self.settings.region))
    }

    /// The cluster's record for an HSM that comes or goes; HSMs that are no longer shown are dropped from it.
    pub(super) fn with_hsms_changed(&self, open: &Open) -> ClusterRecord {
        let mut record = open.record().clone();
        record.hsm_roster = record.hsm_roster.wrapping_add(1);
        let (delay, now) = (self.settings.delay_ms, self.now_ms());
        record.backing.departing.retain(|hsm| view::passes(hsm.since_ms, delay, now));
        record
    }
}
