//! CreateCluster with SourceBackupId: the cluster is active at once, with its certificate; it has no HSM yet, but where
//! the caller, unlike the API, asks for some.

use super::api::{ClusterDescription, CreateClusterRequest, Places};
use super::events::{Occasion, occurred};
use super::{ControlPlane, check, create_cluster};
use crate::cluster::backup::{BackupPassword, Progress, RestoreCluster};
use crate::error::Error;

/// What a cluster made of a backup takes beside the API's request.
#[derive(Clone, Copy, Default)]
pub struct FromBackup<'a> {
    /// HSMs that it has at once.
    pub hsms: usize,
    /// Where the root key here does not open the backup.
    pub password: Option<BackupPassword<'a>>,
}

/// A cluster that was made of a backup.
pub struct ClusterFromBackup {
    pub cluster: ClusterDescription,
    pub users: u64,
    pub objects: u64,
    /// The backup carried a MAC, which was right.
    pub was_authentic: bool,
}

impl ControlPlane<'_> {
    /// Mode must be the backup's, where it is given; no places, and no retention: as in the backup. Errors: `Input`, `Tag`,
    /// and those of `Clusters::restore_cluster`.
    pub fn create_from_backup(
        &self,
        request: &CreateClusterRequest,
        more: &FromBackup,
        progress: Progress,
    ) -> Result<ClusterFromBackup, Error> {
        check::tags(&request.tags)?;
        let source = request.source_backup_id.as_deref().unwrap_or_default();
        let mode = match request.mode {
            Some(mode) => mode,
            None => self.clusters.backup(source)?.mode,
        };
        create_cluster::check_mode(request.hsm_type, mode)?;
        let subnets = match &request.places {
            Places::Zones(zones) if zones.is_empty() => None,
            places => Some(self.subnets(places)?),
        };
        let new = RestoreCluster {
            source_backup: source,
            label: request.label.as_deref(),
            hsms: more.hsms,
            password: more.password,
            root_key: self.root_key,
            hsm_type: Some(request.hsm_type),
            network_type: Some(request.network_type),
            mode: Some(mode),
            backup_retention_days: request.retention.map(|retention| retention.days),
            subnets,
            tags: request.tags.clone(),
        };
        let restored = self.clusters.restore_cluster(&new, progress)?;
        if more.hsms > 0 {
            occurred(self, &restored.cluster, Occasion::HsmCreated);
        }
        Ok(ClusterFromBackup {
            cluster: self.describe(&restored.cluster),
            users: restored.users,
            objects: restored.objects,
            was_authentic: restored.was_maced,
        })
    }
}
