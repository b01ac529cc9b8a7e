//! CreateCluster: a cluster without HSMs, users and certificate, or one made from a backup.

use super::api::{ClusterDescription, CreateClusterRequest, Places};
use super::{ControlPlane, FromBackup, check, names};
use crate::cluster::keys;
use crate::cluster::records::Head;
use crate::cluster::slots::{Plan, head_change, new_name};
use crate::cluster::{Backing, ClusterId, ClusterState, HsmType, Mode, Subnet, pin};
use crate::error::Error;

impl ControlPlane<'_> {
    /// CreateCluster. Errors: `Input`, `Tag`, `LabelTaken`, `NobodyAsks` without a root key; with SourceBackupId those of
    /// `create_from_backup`.
    pub fn create_cluster(&self, request: &CreateClusterRequest) -> Result<ClusterDescription, Error> {
        if request.source_backup_id.is_some() {
            return Ok(self.create_from_backup(request, &FromBackup::default(), &mut |_, _| {})?.cluster);
        }
        let root_key = self.root_key()?;
        let (name, backing) = (new_name("cluster-")?, self.backing(request)?);
        let label = request.label.as_deref().unwrap_or(&name);
        check_label(label)?;
        let cluster = self.clusters.retry(|| {
            let (head, raw) = self.clusters.head()?;
            self.clusters.check_label_free(label)?;
            let id = ClusterId(head.next_cluster);
            let next = Head { next_cluster: id.0 + 1, ..head };
            let batch = head_change(&raw, &next)?.expect(keys::cluster(id).as_slice(), None);
            let plan = Plan {
                id,
                name: name.clone(),
                label,
                policy: self.settings.policy,
                by_init_token: false,
                generation: 1,
                state: ClusterState::Uninitialized,
                backing: backing.clone(),
                admin: None,
                root_key: Some(root_key),
                private: None,
            };
            self.clusters.store.commit(self.clusters.put_new(batch, &plan, Vec::new())?)?;
            self.clusters.by_id(id)
        })?;
        Ok(self.describe(&cluster))
    }

    fn backing(&self, request: &CreateClusterRequest) -> Result<Backing, Error> {
        let mode = request.mode.unwrap_or(Mode::Fips);
        check_mode(request.hsm_type, mode)?;
        check::tags(&request.tags)?;
        let mut backing = Backing::new(request.hsm_type, mode, self.now_ms());
        backing.subnets = self.subnets(&request.places)?;
        backing.network_type = request.network_type;
        backing.tags = request.tags.clone();
        if let Some(retention) = request.retention {
            backing.backup_retention_days = retention.days;
        }
        Ok(backing)
    }

    /// The subnets that are asked for, each with its availability zone. Errors: `Input`.
    pub(super) fn subnets(&self, places: &Places) -> Result<Vec<Subnet>, Error> {
        match places {
            Places::Zones(zones) => {
                check::places("AvailabilityZone", zones)?;
                zones.iter().try_for_each(|zone| check::availability_zone(zone))?;
                let regions: Vec<_> = zones.iter().filter_map(|zone| check::region_of(zone)).collect();
                if regions.iter().any(|region| *region != regions[0]) {
                    return check::bad("AvailabilityZone", "all of them must be of one region");
                }
                Ok(names::subnets(zones))
            }
            Places::Subnets(ids) => {
                check::places("SubnetIds", ids)?;
                ids.iter().try_for_each(|id| check::subnet_id(id))?;
                // Which zone a subnet lies in nobody knows here: they get one after the other.
                let zones = (b'a'..).map(|letter| format!("{}{}", self.settings.region, char::from(letter)));
                let subnet =
                    |(id, availability_zone): (&String, _)| Subnet { availability_zone, id: id.clone() };
                Ok(ids.iter().zip(zones).map(subnet).collect())
            }
        }
    }
}

/// hsm1.medium is there in FIPS mode only (reference/cloudhsm.md sec. 2).
pub(super) fn check_mode(hsm_type: HsmType, mode: Mode) -> Result<(), Error> {
    match (hsm_type, mode) {
        (HsmType::Hsm1Medium, Mode::NonFips) => check::bad("Mode", "hsm1.medium has FIPS only"),
        _ => Ok(()),
    }
}

pub(super) fn check_label(label: &str) -> Result<(), Error> {
    if label.is_empty() {
        return check::bad("label", "it is empty; give the cluster a name");
    }
    pin::check_label(label)
}
