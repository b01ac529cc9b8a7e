//! `vhsm backup ...`

use crate::App;
use crate::cli::{
    BackupCommand, CopyBackupArgs, CreateBackupArgs, ImportBackupArgs, ListBackupsArgs, LoginArgs,
    VerifyBackupArgs,
};
use crate::cluster::{named_or_only, view};
use crate::failure::Failure;
use crate::output;
use crate::password::{self, Given};
use crate::progress::Told;
use serde::Serialize;
use std::path::Path;
use vhsm_pkcs11::cluster::backup::{
    Backup, BackupCheck, BackupFilters, BackupPassword, DescribeBackups, TakenBy, verify_file,
};
use vhsm_pkcs11::error::{ClusterError, Error};

/// Nothing here has an account.
const ACCOUNT: &str = "000000000000";

pub fn run(app: &App, command: BackupCommand) -> Result<(), Failure> {
    let clusters = &app.clusters;
    match command {
        BackupCommand::Create(arguments) => create(app, &arguments),
        BackupCommand::List(arguments) => list(app, &arguments),
        BackupCommand::Describe(named) => show(app, &clusters.backup(&named.backup)?),
        BackupCommand::Delete(named) => show(app, &clusters.delete_backup(&named.backup)?),
        BackupCommand::Restore(named) => show(app, &clusters.undelete_backup(&named.backup)?),
        BackupCommand::Copy(arguments) => copy(app, &arguments),
        BackupCommand::Import(arguments) => import(app, &arguments),
        BackupCommand::Verify(arguments) => verify(app, &arguments),
        BackupCommand::Modify(arguments) => {
            show(app, &clusters.modify_backup(&arguments.backup.backup, arguments.never_expires)?)
        }
    }
}

/// Backup of the CloudHSM API, with what helps people.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct BackupView<'a> {
    backup_id: &'a str,
    backup_arn: String,
    backup_state: &'static str,
    cluster_id: &'a str,
    label: &'a str,
    create_timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    copy_timestamp: Option<String>,
    never_expires: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_region: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_backup: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_cluster: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delete_timestamp: Option<String>,
    hsm_type: &'static str,
    mode: &'static str,
    tag_list: Vec<view::TagView<'a>>,
    #[serde(flatten)]
    content: Option<ContentView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ContentView<'a> {
    users: u64,
    objects: u64,
    bytes: u64,
    file: &'a Path,
    /// It carries a MAC: `verify` checks it.
    authenticated: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct BackupListView<'a> {
    backups: Vec<BackupView<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    damaged: Vec<DamagedView<'a>>,
}

/// A file that cannot be used.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DamagedView<'a> {
    file: &'a Path,
    problem: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CopyView<'a> {
    #[serde(flatten)]
    backup: BackupView<'a>,
    copied_to: &'a Path,
}

/// What reading all of it found: any change would have been an error.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CheckView<'a> {
    backup_id: &'a str,
    cluster_id: &'a str,
    create_timestamp: String,
    users: u64,
    objects: u64,
    bytes: u64,
    whole: bool,
    /// Its records were checked under the key of the cluster's MACs.
    records_authentic: bool,
    /// So was the file as a whole.
    authenticated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

impl<'a> BackupView<'a> {
    fn new(app: &App, backup: &'a Backup) -> Self {
        let content = backup.content.as_ref().map(|content| ContentView {
            users: content.users,
            objects: content.objects,
            bytes: content.bytes,
            file: &content.file,
            authenticated: content.is_maced,
        });
        Self {
            backup_id: &backup.id,
            backup_arn: format!("arn:aws:cloudhsm:{}:{ACCOUNT}:backup/{}", app.config.region, backup.id),
            backup_state: backup.state.name(),
            cluster_id: &backup.cluster,
            label: &backup.label,
            create_timestamp: view::timestamp(backup.created_ms),
            copy_timestamp: backup.copied_ms.map(view::timestamp),
            never_expires: backup.never_expires,
            source_region: backup.source_region.as_deref(),
            source_backup: backup.source_backup.as_deref(),
            source_cluster: backup.source_cluster(),
            delete_timestamp: backup.delete_ms.map(view::timestamp),
            hsm_type: backup.hsm_type.name(),
            mode: backup.mode.name(),
            tag_list: backup.tags.iter().map(view::TagView::from).collect(),
            content,
        }
    }
}

fn show(app: &App, backup: &Backup) -> Result<(), Failure> {
    output::json(&BackupView::new(app, backup))
}

fn create(app: &App, arguments: &CreateBackupArgs) -> Result<(), Failure> {
    let clusters = &app.clusters;
    let cluster = named_or_only(clusters, arguments.cluster.cluster.as_deref())?;
    let mut told = Told::new("records written:");
    let mut progress = |done, of| told.progress(done, of);
    let backup = if let Some(pin) = arguments.login.given() {
        let login = password::login(clusters, &cluster, Some(pin), "one of its users")?;
        clusters.create_backup(&cluster, TakenBy::Login(&login), &mut progress)?
    } else {
        let root_key = app.config.root_key().map_err(Error::from)?;
        clusters.create_backup(&cluster, TakenBy::Service(&root_key), &mut progress)?
    };
    show(app, &backup)
}

fn list(app: &App, arguments: &ListBackupsArgs) -> Result<(), Failure> {
    let cluster_ids = arguments.cluster.as_deref().map(|name| cluster_id(app, name)).transpose()?;
    let filters = BackupFilters {
        cluster_ids: cluster_ids.into_iter().collect(),
        states: arguments.state.map(Into::into).into_iter().collect(),
        ..BackupFilters::default()
    };
    let found = app.clusters.describe_backups(&DescribeBackups { filters, ..DescribeBackups::default() })?;
    output::json(&BackupListView {
        backups: found.backups.iter().map(|backup| BackupView::new(app, backup)).collect(),
        damaged: found
            .damaged
            .iter()
            .map(|damaged| DamagedView { file: &damaged.file, problem: &damaged.problem })
            .collect(),
    })
}

/// A ClusterId may be that of a cluster that is gone, but for its backups.
fn cluster_id(app: &App, name: &str) -> Result<String, Failure> {
    match app.clusters.find(name) {
        Ok(cluster) => Ok(cluster.name.clone()),
        Err(Error::Cluster(ClusterError::NotFound(_))) if name.starts_with("cluster-") => Ok(name.to_owned()),
        Err(error) => Err(error.into()),
    }
}

fn copy(app: &App, arguments: &CopyBackupArgs) -> Result<(), Failure> {
    let mut told = Told::new("bytes read:");
    let backup = app
        .clusters
        .export_backup(&arguments.backup.backup, &arguments.to, &mut |done, of| told.progress(done, of))?;
    output::json(&CopyView { backup: BackupView::new(app, &backup), copied_to: &arguments.to })
}

fn import(app: &App, arguments: &ImportBackupArgs) -> Result<(), Failure> {
    let mut told = Told::new("bytes read:");
    let made = app.clusters.import_backup(&arguments.file, &[], &mut |done, of| told.progress(done, of))?;
    show(app, &made.backup)
}

fn verify(app: &App, arguments: &VerifyBackupArgs) -> Result<(), Failure> {
    let given = given(&arguments.login)?;
    let password = given.as_ref().map(backup_password);
    // Without a password it may tell; where there is no root key, it need not.
    let root_key = app.config.root_key().ok();
    let mut told = Told::new("bytes read:");
    let mut progress = |done, of| told.progress(done, of);
    let check = match (&arguments.backup, &arguments.file) {
        (_, Some(file)) => verify_file(file, password, root_key.as_ref(), &mut progress)?,
        (backup, None) => {
            let name = backup.as_deref().unwrap_or_default();
            app.clusters.verify_backup(name, password, root_key.as_ref(), &mut progress)?
        }
    };
    output::json(&CheckView::from(&check))
}

impl<'a> From<&'a BackupCheck> for CheckView<'a> {
    fn from(check: &'a BackupCheck) -> Self {
        let note = match (check.is_checked, check.is_maced) {
            (true, true) => None,
            (false, _) => Some("who wrote it was not checked: give a user of it and its password by --pin"),
            (true, false) => Some(
                "it was taken without a login or the cluster's root key, so it has no MAC: its records are the cluster's \
                 own, but some may be missing or older",
            ),
        };
        Self {
            backup_id: &check.backup,
            cluster_id: &check.cluster,
            create_timestamp: view::timestamp(check.created_ms),
            users: check.users,
            objects: check.objects,
            bytes: check.bytes,
            whole: true,
            records_authentic: check.is_checked,
            authenticated: check.is_checked && check.is_maced,
            note,
        }
    }
}

/// The login that was given: of a user of the backup, with its password of that time.
pub fn given(login: &LoginArgs) -> Result<Option<Given>, Failure> {
    login.given().map(|pin| password::given(Some(pin), "a user of the backup")).transpose()
}

pub fn backup_password(given: &Given) -> BackupPassword<'_> {
    BackupPassword { user: &given.name, password: &given.password }
}
