//! What time does to backups: one a day of each cluster, and those that have had their time go.
//!
//! A backup past its cluster's BackupRetentionPolicy is deleted as DeleteBackup does it, so that it can be restored for
//! seven more days. The newest READY backup of a cluster stays, whatever its age.

use super::DescribeBackups;
use super::catalog::DAY_MS;
use super::note::Note;
use super::{Backup, BackupState, TakenBy, claim_name};
use crate::cluster::{Cluster, ClusterState, Clusters};
use crate::error::Error;
use crate::root_key::RootKey;
use std::collections::BTreeMap;
use vhsm_store::ClaimKind;

/// How long a DELETED backup is told of.
const REMEMBERED_MS: u64 = 7 * DAY_MS;

/// What maintenance did. What failed is tried again by the next one.
#[derive(Debug, Default)]
pub struct Maintained {
    pub taken: Vec<Backup>,
    /// Past their retention: PENDING_DELETION from here on.
    pub expired: Vec<String>,
    /// Their files are gone.
    pub purged: Vec<String>,
    /// What failed, and of which cluster or backup.
    pub failed: Vec<(String, Error)>,
}

impl Clusters {
    /// Takes the backups that are due, and deletes those that have had their time; removes what killed processes left.
    /// Call it every few minutes from a process that lives. Several may, on one or more machines.
    pub fn maintain_backups(&self, root_key: Option<&RootKey>) -> Result<Maintained, Error> {
        self.give_up_dead_restores()?;
        let mut done = Maintained::default();
        self.daily_backups(root_key, &mut done)?;
        self.expire(&mut done)?;
        self.purge(&mut done)?;
        Ok(done)
    }

    /// CloudHSM: at least every 24 hours. A cluster without HSMs cannot have changed.
    fn daily_backups(&self, root_key: Option<&RootKey>, done: &mut Maintained) -> Result<(), Error> {
        for cluster in self.list()? {
            if cluster.state != ClusterState::Active || cluster.hsms.is_empty() {
                continue;
            }
            match self.backup_if_due(&cluster, root_key) {
                Ok(taken) => done.taken.extend(taken),
                Err(error) => done.failed.push((cluster.name.clone(), error)),
            }
        }
        Ok(())
    }

    fn backup_if_due(&self, cluster: &Cluster, root_key: Option<&RootKey>) -> Result<Option<Backup>, Error> {
        // Of several that would take it, one does.
        let name = format!("daily-backup/{}", cluster.id.0);
        let Some(_claim) = self.store.claim(name.as_bytes(), ClaimKind::Exclusive)? else { return Ok(None) };
        let (backups, now) = (self.describe_backups(&DescribeBackups::default())?.backups, (self.now)());
        let own =
            backups.iter().filter(|backup| backup.cluster == cluster.name && backup.source_backup.is_none());
        let is_fresh = |backup: &Backup| backup.created_ms <= now && now - backup.created_ms < DAY_MS;
        if own.into_iter().any(|backup| backup.state == BackupState::Ready && is_fresh(backup)) {
            return Ok(None);
        }
        let by = root_key.map_or(TakenBy::Nobody, TakenBy::Service);
        self.create_backup(cluster, by, &mut |_, _| {}).map(Some)
    }

    fn expire(&self, done: &mut Maintained) -> Result<(), Error> {
        let policies: BTreeMap<String, u16> = self
            .list()?
            .iter()
            .map(|cluster| (cluster.name.clone(), cluster.backing.backup_retention_days))
            .collect();
        for backup in self.expired(&policies)? {
            match self.delete_backup(&backup) {
                Ok(_) => done.expired.push(backup),
                Err(error) => done.failed.push((backup, error)),
            }
        }
        Ok(())
    }

    /// READY backups past their time, but for the newest of each cluster.
    fn expired(&self, policies: &BTreeMap<String, u16>) -> Result<Vec<String>, Error> {
        let now = (self.now)();
        let mut ready = self.describe_backups(&DescribeBackups::default())?.backups;
        ready.retain(|backup| backup.state == BackupState::Ready);
        let mut seen: Vec<&str> = Vec::new();
        let mut expired = Vec::new();
        // The newest come first.
        for backup in &ready {
            if !seen.contains(&backup.cluster.as_str()) {
                seen.push(&backup.cluster);
                continue;
            }
            let days = policies.get(&backup.cluster).copied().unwrap_or(backup.retention_days);
            let age = now.saturating_sub(backup.copied_ms.unwrap_or(backup.created_ms));
            if backup.has_note && !backup.never_expires && age >= u64::from(days) * DAY_MS {
                expired.push(backup.id.clone());
            }
        }
        Ok(expired)
    }

    /// Removes the files of those whose seven days are over, and what is left of killed processes.
    fn purge(&self, done: &mut Maintained) -> Result<(), Error> {
        for backup in self.all_backups()?.backups {
            if backup.state != BackupState::Deleted {
                continue;
            }
            match self.purge_one(&backup) {
                Ok(true) => done.purged.push(backup.id),
                Ok(false) => {}
                Err(error) => done.failed.push((backup.id, error)),
            }
        }
        self.remove_left_behind()
    }

    /// Whether the file was there.
    fn purge_one(&self, backup: &Backup) -> Result<bool, Error> {
        let folder = self.backup_folder()?;
        let Some(_claim) = self.store.claim(&claim_name(&backup.id), ClaimKind::Exclusive)? else {
            return Ok(false);
        };
        // It may have been restored just before.
        let backup = self.backup(&backup.id)?;
        if backup.state != BackupState::Deleted {
            return Ok(false);
        }
        if backup.content.is_some() {
            let note = Note { is_gone: true, ..Note::of(&backup) };
            folder.remove(&folder.backup(&backup.id))?;
            folder.replace(&folder.note(&backup.id), &note.encode()?)?;
            return Ok(true);
        }
        if (self.now)() >= backup.delete_ms.unwrap_or(0).saturating_add(REMEMBERED_MS) {
            folder.remove(&folder.note(&backup.id))?;
        }
        Ok(false)
    }

    /// Drafts that nobody writes, and notes without a backup.
    fn remove_left_behind(&self) -> Result<(), Error> {
        let folder = self.backup_folder()?;
        let found = folder.found()?;
        for id in found.drafts.union(&found.notes) {
            let is_left =
                |found: &super::folder::Found| found.drafts.contains(id) || !found.backups.contains(id);
            if !is_left(&found) {
                continue;
            }
            let Some(_claim) = self.store.claim(&claim_name(id), ClaimKind::Exclusive)? else { continue };
            // Looked at again under the claim: it may have been completed just before.
            folder.remove(&folder.draft(id))?;
            let is_gone = self.note(id)?.is_some_and(|note| note.is_gone);
            if !folder.backup(id).exists() && !is_gone {
                folder.remove(&folder.note(id))?;
            }
        }
        Ok(())
    }
}
