//! What DescribeClusters shows: records, and the states that pass, by the clock.

use super::api::{Certificates, ClusterDescription, HsmDescription, HsmStatus, Retention, State};
use super::{ControlPlane, check, names};
use crate::cluster::{Backing, Cluster, ClusterState, Hsm, HsmState};

/// AWS: how long a change of HsmType can be taken back.
pub(super) const ROLLBACK_MS: u64 = 24 * 60 * 60 * 1000;

/// What is shown of a cluster that is there or was.
pub(super) struct Shown<'a> {
    pub name: &'a str,
    pub label: &'a str,
    pub state: State,
    pub message: Option<String>,
    pub hsms: Vec<HsmDescription>,
    pub backing: &'a Backing,
}

impl ControlPlane<'_> {
    pub(super) fn describe(&self, cluster: &Cluster) -> ClusterDescription {
        self.assemble(Shown {
            name: &cluster.name,
            label: &cluster.label,
            state: state(cluster, self.settings.delay_ms, self.now_ms()),
            message: message(cluster),
            hsms: self.hsms(cluster),
            backing: &cluster.backing,
        })
    }

    pub(super) fn assemble(&self, shown: Shown) -> ClusterDescription {
        let backing = shown.backing;
        let settled = shown.hsms.iter().any(|hsm| !matches!(hsm.status, HsmStatus::CreateInProgress));
        let certificates = Certificates {
            cluster_csr: backing.csr.clone().filter(|_| settled),
            cluster_certificate: backing.certificate.clone(),
        };
        ClusterDescription {
            cluster_id: shown.name.into(),
            label: shown.label.into(),
            state: shown.state,
            state_message: shown.message,
            hsms: shown.hsms,
            certificates,
            trust_anchor: backing.trust_anchor.clone(),
            retention: Retention { days: backing.backup_retention_days },
            created_ms: Some(backing.created_ms).filter(|ms| *ms > 0),
            hsm_type: backing.hsm_type,
            rollback_until_ms: rollback_until(backing, self.now_ms()),
            mode: backing.mode,
            network_type: backing.network_type,
            security_group: names::security_group(shown.name),
            vpc_id: names::vpc_id(self.region(backing)),
            subnets: backing.subnets.clone(),
            source_backup_id: backing.source_backup.clone(),
            tags: backing.tags.clone(),
        }
    }

    /// Its HSMs, and those that are still shown as being deleted.
    fn hsms(&self, cluster: &Cluster) -> Vec<HsmDescription> {
        let (delay, now) = (self.settings.delay_ms, self.now_ms());
        let mut shown: Vec<_> = cluster.hsms.iter().map(|hsm| self.describe_hsm(cluster, hsm)).collect();
        for hsm in cluster.backing.departing.iter().filter(|hsm| passes(hsm.since_ms, delay, now)) {
            shown.push(HsmDescription {
                hsm_id: hsm.name.clone(),
                cluster_id: cluster.name.clone(),
                slot_id: hsm.slot_id,
                availability_zone: hsm.availability_zone.clone(),
                subnet_id: names::subnet_in(cluster, &hsm.availability_zone),
                eni_id: names::eni_id(&hsm.name),
                eni_ip: eni_ip(hsm.ip_address.as_ref(), &hsm.availability_zone, hsm.slot_id),
                hsm_type: cluster.backing.hsm_type,
                status: HsmStatus::DeleteInProgress,
            });
        }
        shown
    }

    pub(super) fn describe_hsm(&self, cluster: &Cluster, hsm: &Hsm) -> HsmDescription {
        let status = match hsm.state {
            _ if passes(hsm.created_ms, self.settings.delay_ms, self.now_ms()) => HsmStatus::CreateInProgress,
            HsmState::Active => HsmStatus::Active,
            HsmState::Degraded => HsmStatus::Degraded,
            HsmState::Failed => HsmStatus::Failed,
        };
        HsmDescription {
            hsm_id: hsm.name.clone(),
            cluster_id: cluster.name.clone(),
            slot_id: hsm.slot_id,
            availability_zone: hsm.availability_zone.clone(),
            subnet_id: names::subnet_in(cluster, &hsm.availability_zone),
            eni_id: names::eni_id(&hsm.name),
            eni_ip: eni_ip(hsm.ip_address.as_ref(), &hsm.availability_zone, hsm.slot_id),
            hsm_type: cluster.backing.hsm_type,
            status,
        }
    }

    fn region<'c>(&'c self, backing: &'c Backing) -> &'c str {
        let first = backing.subnets.first();
        first.and_then(|subnet| check::region_of(&subnet.availability_zone)).unwrap_or(&self.settings.region)
    }
}

/// Cluster.State now.
pub(super) fn state(cluster: &Cluster, delay_ms: u64, now_ms: u64) -> State {
    let backing = &cluster.backing;
    let passes = |since_ms| passes(since_ms, delay_ms, now_ms);
    match (cluster.state, backing.type_change) {
        (_, Some(change)) if passes(change.at_ms) && change.is_rollback => State::RollbackInProgress,
        (_, Some(change)) if passes(change.at_ms) => State::ModifyInProgress,
        (ClusterState::Initialized, _) if passes(backing.state_since_ms) => State::InitializeInProgress,
        _ if passes(backing.created_ms) => State::CreateInProgress,
        (ClusterState::Uninitialized, _) => State::Uninitialized,
        (ClusterState::Initialized, _) => State::Initialized,
        (ClusterState::Active, _) => State::Active,
    }
}

/// What a cluster lacks that others have.
fn message(cluster: &Cluster) -> Option<String> {
    let text = "no certificate, for C_InitToken or an older version made the cluster; `vhsm cluster certify` gives it one";
    (cluster.state == ClusterState::Active && cluster.backing.certificate.is_none()).then(|| text.into())
}

/// When a change of HsmType can no longer be taken back, where it still can.
pub(super) fn rollback_until(backing: &Backing, now_ms: u64) -> Option<u64> {
    let change = backing.type_change.filter(|change| !change.is_rollback)?;
    Some(change.at_ms + ROLLBACK_MS).filter(|until| now_ms < *until)
}

/// Whether what happened then is still shown as happening.
pub(super) fn passes(since_ms: u64, delay_ms: u64, now_ms: u64) -> bool {
    // A clock that was set back does not hold a state for longer than the delay.
    (since_ms..since_ms.saturating_add(delay_ms)).contains(&now_ms)
}

pub(super) fn eni_ip(pinned: Option<&String>, zone: &str, slot_id: u64) -> String {
    pinned.cloned().unwrap_or_else(|| names::eni_ip(zone, slot_id))
}
