//! DescribeBackups, CopyBackupToRegion, DeleteBackup, RestoreBackup, ModifyBackupAttributes.

use super::Operations;
use super::check::Check;
use super::refused::Refused;
use super::shapes::{BackupShape, Filters, TagShape, tags};
use super::wire::Timestamp;
use serde::{Deserialize, Serialize};
use vhsm_pkcs11::cluster::backup::{Backup, BackupFilters, BackupState, DescribeBackups};
use vhsm_pkcs11::cluster::life::{check_tags, is_region};

/// BackupsMaxSize
const MAX_RESULTS: usize = 50;
const STATES: [BackupState; 4] =
    [BackupState::CreateInProgress, BackupState::Ready, BackupState::Deleted, BackupState::PendingDeletion];
/// The model's pattern of Region.
const REGION: &str = r"[a-z]{2}(-(gov))?-(east|west|north|south|central){1,2}-\d";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeBackupsRequest {
    next_token: Option<String>,
    max_results: Option<i64>,
    filters: Option<Filters>,
    shared: Option<bool>,
    sort_ascending: Option<bool>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeBackupsResponse {
    backups: Vec<BackupShape>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// DeleteBackup, RestoreBackup
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BackupRequest {
    backup_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ModifyBackupAttributesRequest {
    backup_id: Option<String>,
    never_expires: Option<bool>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BackupResponse {
    backup: BackupShape,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CopyBackupToRegionRequest {
    destination_region: Option<String>,
    backup_id: Option<String>,
    tag_list: Option<Vec<TagShape>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CopyBackupToRegionResponse {
    destination_backup: DestinationBackup,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DestinationBackup {
    create_timestamp: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_region: Option<String>,
    source_backup: String,
    source_cluster: String,
}

impl Operations<'_> {
    pub(super) fn describe_backups(
        &self,
        request: DescribeBackupsRequest,
    ) -> Result<DescribeBackupsResponse, Refused> {
        let mut check = Check::default();
        check.token(request.next_token.as_deref());
        let max_results = check.page(request.max_results, MAX_RESULTS).unwrap_or(MAX_RESULTS);
        let filters = filters(&mut check, request.filters.unwrap_or_default());
        check.finish()?;
        // Other accounts have no backups here that they could share.
        if request.shared == Some(true) {
            return Ok(DescribeBackupsResponse { backups: Vec::new(), next_token: None });
        }
        let list = self.clusters().describe_backups(&DescribeBackups {
            filters,
            sort_ascending: request.sort_ascending.unwrap_or_default(),
            max_results: Some(max_results),
            next_token: request.next_token,
        })?;
        let backups = list.backups.into_iter().map(|backup| self.shape(backup)).collect();
        Ok(DescribeBackupsResponse { backups, next_token: list.next_token })
    }

    pub(super) fn delete_backup(&self, request: BackupRequest) -> Result<BackupResponse, Refused> {
        let id = request.check()?;
        Ok(BackupResponse { backup: self.shape(self.clusters().delete_backup(id)?) })
    }

    pub(super) fn restore_backup(&self, request: BackupRequest) -> Result<BackupResponse, Refused> {
        let id = request.check()?;
        Ok(BackupResponse { backup: self.shape(self.clusters().undelete_backup(id)?) })
    }

    pub(super) fn modify_backup_attributes(
        &self,
        request: ModifyBackupAttributesRequest,
    ) -> Result<BackupResponse, Refused> {
        let mut check = Check::default();
        let id = backup_id(&mut check, request.backup_id.as_deref());
        check.present("neverExpires", request.never_expires.is_some());
        check.finish()?;
        let backup = self.clusters().modify_backup(id, request.never_expires.unwrap_or_default())?;
        Ok(BackupResponse { backup: self.shape(backup) })
    }

    /// Regions are one here: the copy lies beside its source.
    pub(super) fn copy_backup_to_region(
        &self,
        request: CopyBackupToRegionRequest,
    ) -> Result<CopyBackupToRegionResponse, Refused> {
        let mut check = Check::default();
        let region = check.required("destinationRegion", request.destination_region.as_deref());
        if request.destination_region.is_some() {
            check.matches("destinationRegion", region, REGION, is_region(region));
        }
        let id = backup_id(&mut check, request.backup_id.as_deref());
        check.finish()?;
        let tags = tags(request.tag_list)?;
        check_tags(&tags)?;
        let copied = self.clusters().copy_backup(id, self.region(), &tags, &mut |_, _| {})?;
        let destination_backup = DestinationBackup {
            create_timestamp: Timestamp(copied.backup.created_ms),
            source_region: copied.source_region,
            source_backup: copied.source_backup,
            source_cluster: copied.source_cluster,
        };
        Ok(CopyBackupToRegionResponse { destination_backup })
    }

    fn shape(&self, backup: Backup) -> BackupShape {
        let arn = self.backup_arn(&backup.id);
        BackupShape::new(backup, arn)
    }
}

impl BackupRequest {
    fn check(&self) -> Result<&str, Refused> {
        let mut check = Check::default();
        let id = backup_id(&mut check, self.backup_id.as_deref());
        check.finish()?;
        Ok(id)
    }
}

fn backup_id<'a>(check: &mut Check, id: Option<&'a str>) -> &'a str {
    check.id("backupId", id, &["backup"]);
    check.required("backupId", id)
}

fn filters(check: &mut Check, mut given: Filters) -> BackupFilters {
    let known = ["backupIds", "sourceBackupIds", "clusterIds", "states", "neverExpires"];
    check.filters(given.keys(), &known);
    let mut values = |name: &str| given.remove(name).unwrap_or_default();
    let mut states = Vec::new();
    for name in values("states") {
        let state = STATES.into_iter().find(|state| state.name() == name);
        check.matches("filters.states", &name, &STATES.map(BackupState::name).join("|"), state.is_some());
        states.extend(state);
    }
    let wanted = values("neverExpires");
    for value in &wanted {
        check.matches(
            "filters.neverExpires",
            value,
            "true|false",
            ["true", "false"].contains(&value.as_str()),
        );
    }
    // Both, or none, fit every backup.
    let never_expires = match wanted.first() {
        Some(first) if wanted.iter().all(|value| value == first) => Some(first == "true"),
        _ => None,
    };
    BackupFilters {
        backup_ids: values("backupIds"),
        source_backup_ids: values("sourceBackupIds"),
        cluster_ids: values("clusterIds"),
        states,
        never_expires,
    }
}
