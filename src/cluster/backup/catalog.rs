//! What backups there are, and what the CloudHSM API does with one: DescribeBackups, DeleteBackup, RestoreBackup,
//! ModifyBackupAttributes, tags.

use super::format::ReadError;
use super::read::{Glance, glance};
use super::{Backup, BackupState, Content, claim_name, id_of};
use crate::cluster::records::{ClusterRecord, Maced};
use crate::cluster::{Clusters, Tag};
use crate::error::{BackupError, ClusterError, Error};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// DeleteBackup: for so long a backup can be restored.
pub(super) const GRACE_MS: u64 = 7 * DAY_MS;
pub(super) const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// TagList of the CloudHSM API.
const MAX_TAGS: usize = 50;
/// MaxResults of DescribeBackups.
const MAX_RESULTS: usize = 50;

/// DescribeBackups.
#[derive(Debug, Clone, Default)]
pub struct DescribeBackups {
    pub filters: BackupFilters,
    /// The newest first unless this says so.
    pub sort_ascending: bool,
    /// 1 to 50; `None`: all.
    pub max_results: Option<usize>,
    pub next_token: Option<String>,
}

/// Those that fit all of them; an empty one fits every backup.
#[derive(Debug, Clone, Default)]
pub struct BackupFilters {
    pub backup_ids: Vec<String>,
    pub source_backup_ids: Vec<String>,
    pub cluster_ids: Vec<String>,
    pub states: Vec<BackupState>,
    pub never_expires: Option<bool>,
}

#[derive(Debug, Clone, Default)]
pub struct BackupList {
    pub backups: Vec<Backup>,
    pub next_token: Option<String>,
    /// What lies among the backups and is none that can be used.
    pub damaged: Vec<DamagedBackup>,
}

/// A file that cannot be used.
#[derive(Debug, Clone)]
pub struct DamagedBackup {
    pub file: PathBuf,
    pub problem: String,
}

impl BackupFilters {
    fn fits(&self, backup: &Backup) -> bool {
        let fits = |wanted: &[String], found: &str| {
            wanted.is_empty() || wanted.iter().any(|wanted| id_of(wanted).unwrap_or(wanted) == found)
        };
        fits(&self.backup_ids, &backup.id)
            && fits(&self.source_backup_ids, backup.source_backup.as_deref().unwrap_or_default())
            && fits(&self.cluster_ids, &backup.cluster)
            && (self.states.is_empty() || self.states.contains(&backup.state))
            && self.never_expires.is_none_or(|wanted| wanted == backup.never_expires)
    }
}

impl Clusters {
    /// The backups there are, at a glance at each file: a change within is only seen by `verify_backup`.
    /// Errors: `BadInput` for MaxResults or a NextToken that is none.
    pub fn describe_backups(&self, request: &DescribeBackups) -> Result<BackupList, Error> {
        if let Some(max) = request.max_results.filter(|max| !(1..=MAX_RESULTS).contains(max)) {
            let reason = format!("{max} is not 1 to {MAX_RESULTS}");
            return Err(ClusterError::BadInput { field: "MaxResults", reason }.into());
        }
        let mut list = self.all_backups()?;
        list.backups.retain(|backup| request.filters.fits(backup));
        list.backups.sort_by(|a, b| (a.created_ms, &a.id).cmp(&(b.created_ms, &b.id)));
        if !request.sort_ascending {
            list.backups.reverse();
        }
        if let Some(token) = &request.next_token {
            let last = list.backups.iter().position(|backup| backup.id == *token).ok_or_else(|| {
                let reason = "it is not one that DescribeBackups gave for this request".into();
                ClusterError::BadInput { field: "NextToken", reason }
            })?;
            list.backups.drain(..=last);
        }
        if let Some(max) = request.max_results.filter(|max| *max < list.backups.len()) {
            list.backups.truncate(max);
            list.next_token = list.backups.last().map(|backup| backup.id.clone());
        }
        Ok(list)
    }

    /// Every backup there is, in no order.
    pub(super) fn all_backups(&self) -> Result<BackupList, Error> {
        let found = self.backup_folder()?.found()?;
        let mut list = BackupList::default();
        for id in found.backups.union(&found.notes) {
            match self.backup(id) {
                Ok(backup) => list.backups.push(backup),
                // What a killed process left, or was removed just now.
                Err(Error::Backup(BackupError::NotFound(_))) => {}
                Err(error @ (Error::Backup(_) | Error::Cluster(_))) => {
                    let file = self.backup_folder()?.backup(id);
                    list.damaged.push(DamagedBackup { file, problem: error.to_string() });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(list)
    }

    /// One backup, by BackupId or ARN. Errors: `NotFound`, `Damaged`, `NewerFormat`.
    pub fn backup(&self, name: &str) -> Result<Backup, Error> {
        let id = id_of(name)?;
        let folder = self.backups.as_ref().ok_or_else(|| BackupError::NotFound(name.into()))?;
        let (note, path) = (self.note(id)?, folder.backup(id));
        let now = (self.now)();
        let Some(seen) = look(&path)? else {
            let note = note.ok_or_else(|| BackupError::NotFound(name.into()))?;
            if note.is_gone {
                return Ok(note.backup(id, BackupState::Deleted));
            }
            // While it is made its draft is there, and its maker's claim.
            if folder.draft(id).exists() && self.store.is_claimed(&claim_name(id))? {
                return Ok(note.backup(id, BackupState::CreateInProgress));
            }
            return Err(BackupError::NotFound(name.into()).into());
        };
        let mut backup = seen.backup(id, path)?;
        if let Some(note) = note {
            backup.never_expires = note.never_expires;
            backup.delete_ms = note.delete_ms;
            backup.tags = note.tags;
            backup.policy = note.policy;
            backup.has_note = true;
        }
        backup.state = match backup.delete_ms {
            None => BackupState::Ready,
            Some(at) if now < at => BackupState::PendingDeletion,
            Some(_) => BackupState::Deleted,
        };
        Ok(backup)
    }

    /// DeleteBackup: PENDING_DELETION for seven days. Errors: `NotFound`, `State`.
    pub fn delete_backup(&self, name: &str) -> Result<Backup, Error> {
        let at = (self.now)().saturating_add(GRACE_MS);
        self.change_note(id_of(name)?, &[BackupState::Ready], "deleted", &mut |note| {
            note.delete_ms = Some(at)
        })
    }

    /// RestoreBackup: READY again. Errors: `NotFound`, `State`.
    pub fn undelete_backup(&self, name: &str) -> Result<Backup, Error> {
        let states = [BackupState::PendingDeletion];
        self.change_note(id_of(name)?, &states, "restored", &mut |note| note.delete_ms = None)
    }

    /// ModifyBackupAttributes: whether the retention policy passes it by. Errors: `NotFound`, `State`.
    pub fn modify_backup(&self, name: &str, never_expires: bool) -> Result<Backup, Error> {
        let states = [BackupState::Ready, BackupState::PendingDeletion];
        self.change_note(id_of(name)?, &states, "modified", &mut |note| note.never_expires = never_expires)
    }

    /// PutResourcePolicy and, without one, DeleteResourcePolicy. Errors: `NotFound`, `State`.
    pub fn set_backup_policy(&self, name: &str, policy: Option<&str>) -> Result<Backup, Error> {
        self.change_note(id_of(name)?, &[BackupState::Ready], "shared", &mut |note| {
            note.policy = policy.map(str::to_owned);
        })
    }

    /// TagResource and UntagResource: adds or replaces tags, then removes those with the keys. Errors: `NotFound`,
    /// `State`, `BadInput` over 50.
    pub fn tag_backup(&self, name: &str, add: &[Tag], remove: &[String]) -> Result<Backup, Error> {
        let id = id_of(name)?;
        let mut kept = self.backup(id)?.tags;
        kept.retain(|tag| !remove.contains(&tag.key) && add.iter().all(|new| new.key != tag.key));
        if kept.len() + add.len() > MAX_TAGS {
            let reason = format!("a backup has at most {MAX_TAGS}");
            return Err(ClusterError::BadInput { field: "TagList", reason }.into());
        }
        let states = [BackupState::Ready, BackupState::PendingDeletion];
        self.change_note(id, &states, "tagged", &mut |note| {
            note.tags.retain(|tag| !remove.contains(&tag.key) && add.iter().all(|new| new.key != tag.key));
            note.tags.extend(add.iter().filter(|tag| !remove.contains(&tag.key)).cloned());
        })
    }
}

/// What a file shows at a glance; `None`: there is none. Errors: `Damaged`, `NewerFormat`, `Io`.
pub(super) fn look(path: &Path) -> Result<Option<Glance>, Error> {
    let file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(ReadError::from),
    };
    let seen = file.and_then(|file| glance(BufReader::new(file)));
    seen.map(Some).map_err(|error| error.of(&path.display().to_string()))
}

impl Glance {
    /// BackupId: a copy's own.
    pub(super) fn id(&self) -> &str {
        self.copy.as_ref().map_or(&self.head.backup, |copy| &copy.backup)
    }

    /// Errors: `Damaged` where the file has another's name, or its cluster's record cannot be read.
    fn backup(self, id: &str, path: PathBuf) -> Result<Backup, Error> {
        if self.id() != id {
            let what = "it is another backup under this one's name; give it its own name back";
            return Err(BackupError::Damaged { file: path.display().to_string(), what }.into());
        }
        let record = Maced::<ClusterRecord>::decode(&self.cluster_key, &self.cluster)?;
        let record = record.unverified();
        Ok(Backup {
            id: id.into(),
            state: BackupState::Ready,
            cluster: record.name.clone(),
            label: record.label.clone(),
            hsm_type: record.backing.hsm_type,
            mode: record.backing.mode,
            created_ms: self.head.created_ms,
            copied_ms: self.copy.as_ref().map(|copy| copy.copied_ms),
            source_region: self.copy.as_ref().and_then(|copy| copy.source_region.clone()),
            source_backup: self.copy.as_ref().map(|copy| copy.source.clone()),
            never_expires: false,
            delete_ms: None,
            tags: Vec::new(),
            policy: None,
            content: Some(Content {
                file: path,
                bytes: self.bytes,
                users: self.manifest.counts.users,
                objects: self.manifest.counts.objects,
                is_maced: self.manifest.is_maced(),
                certificate: record.backing.certificate.clone(),
            }),
            retention_days: record.backing.backup_retention_days,
            has_note: false,
        })
    }
}
