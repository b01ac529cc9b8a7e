//! `vhsm cluster ...`

use crate::App;
use crate::cli::{ClusterCommand, CreateArgs, DeleteClusterArgs, DescribeArgs};
use crate::failure::Failure;
use crate::output::{self, ClusterList, ClusterView, DeletedCluster, Lost};
use crate::password;
use std::sync::Arc;
use vhsm_pkcs11::cluster::{Cluster, Clusters, NewCluster, Role};
use vhsm_pkcs11::error::Error;

pub fn run(app: &App, command: ClusterCommand) -> Result<(), Failure> {
    let clusters = &app.clusters;
    match command {
        ClusterCommand::Create(arguments) => create(app, &arguments),
        ClusterCommand::List => list(clusters),
        ClusterCommand::Describe(arguments) => describe(clusters, &arguments),
        ClusterCommand::Delete(arguments) => delete(clusters, &arguments),
    }
}

fn create(app: &App, arguments: &CreateArgs) -> Result<(), Failure> {
    let password = arguments.admin_password.source().read()?;
    let root_key = app.config.root_key().map_err(Error::from)?;
    let new = NewCluster {
        label: &arguments.label,
        hsms: arguments.hsms,
        admin_password: &password,
        policy: app.config.policy(),
        root_key: Some(&root_key),
    };
    output::json(&ClusterView::from(&*app.clusters.create(&new)?))
}

fn list(clusters: &Clusters) -> Result<(), Failure> {
    let found = clusters.list()?;
    output::json(&ClusterList {
        clusters: found.iter().map(|cluster| ClusterView::from(&**cluster)).collect(),
    })
}

fn describe(clusters: &Clusters, arguments: &DescribeArgs) -> Result<(), Failure> {
    let cluster = named_or_only(clusters, arguments.name.as_deref().or(arguments.cluster.as_deref()))?;
    output::json(&ClusterView::from(&*cluster))
}

fn delete(clusters: &Clusters, arguments: &DeleteClusterArgs) -> Result<(), Failure> {
    let name = arguments.name.as_deref().or(arguments.cluster.as_deref());
    let cluster = named_or_only(clusters, name)?;
    let login = password::login(clusters, &cluster, arguments.login.pin.as_ref(), "one of its admins")?;
    if login.user.role != Role::Admin {
        return Err(Failure::new(format!(
            "user {:?} is not an admin: only an admin deletes a cluster",
            login.user.name
        )));
    }
    let lost = Lost {
        hsms: cluster.hsms.len(),
        users: clusters.users(&cluster)?.len(),
        token_objects: clusters.object_count(&cluster)?,
    };
    clusters.delete(&cluster)?;
    while clusters.sweep()? {}
    output::json(&DeletedCluster { cluster_id: &cluster.name, label: &cluster.label, state: "DELETED", lost })
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
