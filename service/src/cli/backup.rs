//! `vhsm backup ...`: what can be asked.

use super::{ClusterArg, LoginArgs};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;
use vhsm_pkcs11::cluster::backup::BackupState;

pub const HELP: &str = "\
Examples:
  vhsm backup create --cluster demo
  vhsm backup list
  vhsm backup verify backup-abcdefghijk --pin admin:PASSWORD
  vhsm cluster create --source-backup backup-abcdefghijk --label restored --hsms 2

On to another machine:
  vhsm backup copy backup-abcdefghijk --to demo.vhsm-backup
  vhsm backup import demo.vhsm-backup
  vhsm cluster create --source-backup backup-NEW --hsms 2 --pin admin:PASSWORD

A backup holds the cluster's sealed records: whoever has the file needs a password of that time to use it.";

#[derive(Subcommand)]
pub enum BackupCommand {
    /// Take a backup of a cluster; programs go on meanwhile
    ///
    /// Needs no login where the service's root key is that of the cluster. By a user's login, or the root key, the
    /// backup carries a MAC that shows later that the cluster's own process wrote it.
    Create(CreateBackupArgs),
    /// List backups, the newest first
    List(ListBackupsArgs),
    /// Show one backup
    Describe(BackupArg),
    /// Delete a backup: for seven days it can be restored
    Delete(BackupArg),
    /// Take a deletion back
    Restore(BackupArg),
    /// Copy a backup to a file, for another machine to import
    Copy(CopyBackupArgs),
    /// Make a backup of a file that `copy` made
    Import(ImportBackupArgs),
    /// Read all of a backup, and tell any change since it was taken
    ///
    /// With the login of a user of that time, or where the root key here is the cluster's, it also tells whether the
    /// cluster's own process wrote it.
    Verify(VerifyBackupArgs),
    /// Exempt a backup from its cluster's retention policy, or not
    Modify(ModifyBackupArgs),
}

#[derive(Args)]
pub struct CreateBackupArgs {
    #[command(flatten)]
    pub cluster: ClusterArg,
    #[command(flatten)]
    pub login: LoginArgs,
}

#[derive(Args)]
pub struct BackupArg {
    /// BackupId or ARN
    #[arg(value_name = "BACKUP")]
    pub backup: String,
}

/// BackupState of the CloudHSM API.
#[derive(Clone, Copy, ValueEnum)]
pub enum StateName {
    #[value(name = "CREATE_IN_PROGRESS")]
    CreateInProgress,
    #[value(name = "READY")]
    Ready,
    #[value(name = "PENDING_DELETION")]
    PendingDeletion,
    #[value(name = "DELETED")]
    Deleted,
}

impl From<StateName> for BackupState {
    fn from(name: StateName) -> Self {
        match name {
            StateName::CreateInProgress => Self::CreateInProgress,
            StateName::Ready => Self::Ready,
            StateName::PendingDeletion => Self::PendingDeletion,
            StateName::Deleted => Self::Deleted,
        }
    }
}

#[derive(Args)]
pub struct ListBackupsArgs {
    /// Only those of this cluster: its ClusterId, or the label of one that there is
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
    /// Only those in this state
    #[arg(long)]
    pub state: Option<StateName>,
}

#[derive(Args)]
pub struct CopyBackupArgs {
    #[command(flatten)]
    pub backup: BackupArg,
    /// The file to be made
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
}

#[derive(Args)]
pub struct ImportBackupArgs {
    /// What `vhsm backup copy` made
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

#[derive(Args)]
pub struct VerifyBackupArgs {
    /// BackupId or ARN
    #[arg(value_name = "BACKUP", required_unless_present = "file", conflicts_with = "file")]
    pub backup: Option<String>,
    /// A file that is not among the backups
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub login: LoginArgs,
}

#[derive(Args)]
pub struct ModifyBackupArgs {
    #[command(flatten)]
    pub backup: BackupArg,
    /// `true`: it is kept until it is deleted
    #[arg(long, value_name = "BOOL", action = clap::ArgAction::Set)]
    pub never_expires: bool,
}
