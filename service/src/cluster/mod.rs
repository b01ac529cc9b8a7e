//! `vhsm cluster ...`
//!
//! The steps of the life cycle, one by one, stand in `steps`; here is what people do with whole clusters.

pub mod anchor;
mod info;
mod restore;
mod steps;
pub mod view;

use crate::App;
use crate::cli::{ClusterCommand, CreateArgs, DeleteClusterArgs};
use crate::failure::Failure;
use crate::output;
use crate::password::{self, SecretText};
use std::path::PathBuf;
use std::sync::Arc;
use vhsm_pkcs11::cluster::life::ControlPlane;
use vhsm_pkcs11::cluster::life::api::{ClusterDescription, WholeClusterRequest};
use vhsm_pkcs11::cluster::{Cluster, ClusterState, Clusters, Role};
use vhsm_pkcs11::error::Error;
use view::{ClusterList, ClusterView, DeletedCluster, Lost};

pub fn run(app: &App, command: ClusterCommand) -> Result<(), Failure> {
    match command {
        ClusterCommand::Create(arguments) => create(app, &arguments),
        ClusterCommand::List => list(app),
        ClusterCommand::Describe(name) => show_named(app, &named_or_only(&app.clusters, name.get())?.name),
        ClusterCommand::HsmInfo(name) => info::run(app, &*named_or_only(&app.clusters, name.get())?),
        ClusterCommand::Csr(name) => steps::csr(app, &name),
        ClusterCommand::CreateHsm(arguments) => steps::create_hsm(app, &arguments),
        ClusterCommand::DeleteHsm(arguments) => steps::delete_hsm(app, &arguments),
        ClusterCommand::Initialize(arguments) => steps::initialize(app, &arguments),
        ClusterCommand::Activate(arguments) => steps::activate(app, &arguments),
        ClusterCommand::Modify(arguments) => steps::modify(app, &arguments),
        ClusterCommand::Tag(arguments) => steps::tag(app, &arguments),
        ClusterCommand::Untag(arguments) => steps::untag(app, &arguments),
        ClusterCommand::Certify(arguments) => steps::certify(app, &arguments),
        ClusterCommand::Delete(arguments) => delete(app, &arguments),
    }
}

fn create(app: &App, arguments: &CreateArgs) -> Result<(), Failure> {
    if arguments.source_backup.is_some() {
        return restore::run(app, arguments);
    }
    if !arguments.admin_password.is_given() {
        return steps::create(app, arguments);
    }
    let label = arguments
        .label
        .as_deref()
        .ok_or_else(|| Failure::new("a cluster that is active at once needs its name: give it by --label"))?;
    let password = arguments.admin_password.source().read()?;
    let request = WholeClusterRequest {
        label,
        hsms: arguments.hsms.unwrap_or(2),
        admin_password: &password,
        hsm_type: arguments.hsm_type(),
        mode: arguments.mode(),
        places: arguments.places(),
        retention: arguments.retention()?,
        tags: arguments.tags(),
    };
    let made = create_whole(app, &request)?;
    keep_anchor(app, &made)?;
    show(app, &made)
}

/// A whole cluster; its trust anchor is not yet in its file.
pub fn create_whole(app: &App, request: &WholeClusterRequest) -> Result<ClusterDescription, Error> {
    let root_key = app.config.root_key()?;
    let plane = ControlPlane::new(&app.clusters, app.config.lifecycle()).with_root_key(&root_key);
    let made = plane.create_whole_cluster(request)?;
    warn(&plane);
    Ok(made)
}

/// Tells on standard error what went wrong beside what was done.
pub fn warn(plane: &ControlPlane) {
    for warning in plane.warnings() {
        eprintln!("vhsm: warning: {warning}");
    }
}

/// Puts the trust anchor into its file. Errors: it cannot be written; what made the cluster is done nevertheless.
pub fn keep_anchor(app: &App, cluster: &ClusterDescription) -> Result<PathBuf, Failure> {
    let id = &cluster.cluster_id;
    anchor::keep(&app.config, id, cluster.trust_anchor.as_deref().unwrap_or_default()).map_err(|error| {
        let path = anchor::path(&app.config, id);
        Failure::new(format!(
            "what was asked is done, but {} cannot be written: {error}; let this user write there, then \
             `vhsm cluster describe {id}` does it",
            path.display()
        ))
    })
}

fn list(app: &App) -> Result<(), Failure> {
    let plane = ControlPlane::new(&app.clusters, app.config.lifecycle());
    let described: Vec<_> = plane.describe_all()?;
    let files: Vec<_> = described.iter().map(|cluster| anchor_file(app, cluster)).collect();
    let views =
        described.iter().zip(&files).map(|(cluster, file)| ClusterView::new(cluster, file.as_deref()));
    output::json(&ClusterList { clusters: views.collect() })
}

/// Prints a cluster.
pub fn show(app: &App, cluster: &ClusterDescription) -> Result<(), Failure> {
    output::json(&ClusterView::new(cluster, anchor_file(app, cluster).as_deref()))
}

/// Prints the cluster of that ClusterId.
pub fn show_named(app: &App, cluster_id: &str) -> Result<(), Failure> {
    let plane = ControlPlane::new(&app.clusters, app.config.lifecycle());
    show(app, &plane.describe_cluster(cluster_id)?)
}

/// Where the trust anchor lies, put there if it was not. `None`: there is none, or it cannot be written.
fn anchor_file(app: &App, cluster: &ClusterDescription) -> Option<PathBuf> {
    let pem = cluster.trust_anchor.as_deref()?;
    anchor::keep(&app.config, &cluster.cluster_id, pem).ok()
}

fn delete(app: &App, arguments: &DeleteClusterArgs) -> Result<(), Failure> {
    let clusters = &app.clusters;
    let cluster = named_or_only(clusters, arguments.name.as_deref().or(arguments.cluster.as_deref()))?;
    let lost = Lost {
        hsms: cluster.hsms.len(),
        users: clusters.users(&cluster)?.len(),
        token_objects: clusters.object_count(&cluster)?,
    };
    let pin = arguments.login.given();
    match cluster.state {
        ClusterState::Active if pin.is_some() || !cluster.hsms.is_empty() => {
            delete_with_all(clusters, &cluster, pin)?;
        }
        ClusterState::Uninitialized | ClusterState::Initialized if arguments.force => {
            clusters.delete(&cluster)?
        }
        _ => {
            let root_key = app.config.root_key().map_err(Error::from)?;
            let plane = ControlPlane::new(clusters, app.config.lifecycle()).with_root_key(&root_key);
            plane.delete_cluster(&cluster.name)?;
        }
    }
    while clusters.sweep()? {}
    anchor::remove(&app.config, &cluster.name);
    output::json(&DeletedCluster { cluster_id: &cluster.name, label: &cluster.label, state: "DELETED", lost })
}

/// A short cut that AWS does not have: with its HSMs, by one of its admins.
fn delete_with_all(clusters: &Clusters, cluster: &Cluster, pin: Option<&SecretText>) -> Result<(), Failure> {
    let login = password::login(clusters, cluster, pin, "one of its admins")?;
    if login.user.role != Role::Admin {
        return Err(Failure::new(format!(
            "user {:?} is not an admin: only an admin deletes a cluster",
            login.user.name
        )));
    }
    Ok(clusters.delete(cluster)?)
}

/// The cluster of that label or ClusterId; without a name the only one there is.
pub fn named_or_only(clusters: &Clusters, name: Option<&str>) -> Result<Arc<Cluster>, Failure> {
    if let Some(name) = name {
        return Ok(clusters.find(name)?);
    }
    let mut all = clusters.list()?;
    match (all.pop(), all.len()) {
        (Some(cluster), 0) => Ok(cluster),
        (None, _) => {
            Err(Failure::new("there is no cluster yet: `vhsm quickstart` or `vhsm cluster create` makes one"))
        }
        (Some(_), others) => Err(Failure::new(format!(
            "there are {} clusters: say which by --cluster; `vhsm cluster list` shows them",
            others + 1
        ))),
    }
}
