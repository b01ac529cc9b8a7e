//! Backups: a cluster's sealed records in a file, taken while writers run, and clusters made of them.
//!
//! Owns: the folder of backups, the format of their files, what is kept of each. Called by: the life cycle (backups that
//! an operation takes along), the `vhsm` command, what serves the CloudHSM API. Never opens a user's keys or an object:
//! records lie in a backup as they lie in the store, so nothing in it is readable without a password of that time.
//!
//! | file | holds |
//! | --- | --- |
//! | `format.rs`, `read.rs` | a backup file: its parts, writing and reading it |
//! | `folder.rs` | where backups lie, and how a file comes to be there whole |
//! | `take.rs` | taking one |
//! | `source.rs`, `restore.rs` | opening one, and making a cluster of it |
//! | `note.rs`, `catalog.rs` | what is kept of a backup beside its file: states, deletion, tags |
//! | `copy.rs` | copies: to another machine's folder, and from it |
//! | `retention.rs` | daily backups, and those that have had their time |
//!
//! What changes of a backup lies in a small file beside it, its note, not in the store: a folder that survives its store
//! is still whole, and one that several machines share (with one store, whose claims put their changes in a row) has one
//! truth. Nothing in a note is trusted to be right, and none is needed: a backup whose note is lost or unreadable is
//! READY and never expires.

mod catalog;
mod copy;
mod folder;
mod format;
mod note;
mod read;
mod restore;
mod retention;
mod source;
mod take;

#[cfg(test)]
mod tests;

pub use catalog::{BackupFilters, BackupList, DamagedBackup, DescribeBackups};
pub use copy::CopiedBackup;
pub use folder::BackupFolder;
pub use restore::{RestoreCluster, Restored};
pub use retention::Maintained;
pub use source::{BackupCheck, BackupPassword, verify_file};
pub use take::TakenBy;

use crate::cluster::{Cluster, Clusters, HsmType, Mode, Tag};
use crate::error::{BackupError, Error};
use std::path::PathBuf;

/// BackupState of the CloudHSM API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupState {
    CreateInProgress,
    Ready,
    /// Its file is there for another seven days: it can be restored.
    PendingDeletion,
    Deleted,
}

impl BackupState {
    pub fn name(self) -> &'static str {
        match self {
            Self::CreateInProgress => "CREATE_IN_PROGRESS",
            Self::Ready => "READY",
            Self::PendingDeletion => "PENDING_DELETION",
            Self::Deleted => "DELETED",
        }
    }
}

/// Backup of the CloudHSM API, with what helps people. Times in milliseconds since 1970.
#[derive(Debug, Clone)]
pub struct Backup {
    /// `backup-` and 11 characters of base32
    pub id: String,
    pub state: BackupState,
    /// ClusterId of the cluster that was backed up.
    pub cluster: String,
    pub label: String,
    pub hsm_type: HsmType,
    pub mode: Mode,
    pub created_ms: u64,
    pub copied_ms: Option<u64>,
    pub source_region: Option<String>,
    pub source_backup: Option<String>,
    pub never_expires: bool,
    /// When it is gone for good.
    pub delete_ms: Option<u64>,
    pub tags: Vec<Tag>,
    /// The resource policy, as PutResourcePolicy was given it: kept, and not evaluated.
    pub policy: Option<String>,
    /// What only a file that is there tells.
    pub content: Option<Content>,
    /// Days that backups of its cluster were kept when it was taken.
    retention_days: u16,
    /// Something unreadable stands in the place of its note, or nothing: it never expires.
    has_note: bool,
}

/// What a backup's file tells at a glance; `Clusters::verify_backup` reads all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    pub file: PathBuf,
    pub bytes: u64,
    pub users: u64,
    pub objects: u64,
    /// A process with the key of the cluster's MACs took it.
    pub is_maced: bool,
    /// The cluster certificate, PEM, as far as the file is right.
    pub certificate: Option<String>,
}

impl Backup {
    /// SourceCluster of the CloudHSM API: the same cluster.
    pub fn source_cluster(&self) -> Option<&str> {
        self.source_backup.is_some().then_some(self.cluster.as_str())
    }
}

/// Is told now and then how far a long operation is: done, and of how many where that is known.
pub type Progress<'a> = &'a mut dyn FnMut(u64, Option<u64>);

impl Clusters {
    /// Where this process keeps backups. Without it operations take none.
    pub fn with_backups(mut self, folder: BackupFolder) -> Self {
        self.backups = Some(folder);
        self
    }

    /// Whether two clusters share a backup history: of one lineage, and with the same cluster certificate, which is what
    /// KMS compares.
    pub fn same_backup_history(&self, a: &Cluster, b: &Cluster) -> bool {
        a.lineage == b.lineage && a.backing.certificate == b.backing.certificate
    }

    /// Errors: `NoFolder`.
    pub fn backup_folder(&self) -> Result<&BackupFolder, Error> {
        self.backups.as_ref().ok_or(BackupError::NoFolder.into())
    }
}

/// AWS's names: `backup-` and 11 characters of base32; up to 16 are accepted.
const PREFIX: &str = "backup-";

/// Whether a text can be a BackupId, and so a file's name.
fn is_backup_id(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(PREFIX) else { return false };
    (11..=16).contains(&rest.len())
        && rest.bytes().all(|b| b.is_ascii_alphabetic() || (b'2'..=b'7').contains(&b))
}

/// The BackupId that an identifier or an ARN names. Errors: `NotFound`.
fn id_of(name: &str) -> Result<&str, Error> {
    let id = match name.rsplit_once(":backup/") {
        Some((arn, id)) if arn.starts_with("arn:aws") => id,
        _ => name,
    };
    if is_backup_id(id) { Ok(id) } else { Err(BackupError::NotFound(name.into()).into()) }
}

/// The name of the claim under which a backup is made or its note changed.
fn claim_name(id: &str) -> Vec<u8> {
    format!("backup/{id}").into_bytes()
}
