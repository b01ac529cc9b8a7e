//! `vhsm cluster create --source-backup`: a cluster made of a backup.

use super::view::ClusterView;
use super::{anchor_file, warn};
use crate::App;
use crate::backup::{backup_password, given};
use crate::cli::CreateArgs;
use crate::failure::Failure;
use crate::output;
use crate::progress::Told;
use serde::Serialize;
use vhsm_pkcs11::cluster::life::api::{CreateClusterRequest, Places};
use vhsm_pkcs11::cluster::life::{ControlPlane, FromBackup};
use vhsm_pkcs11::error::Error;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RestoredView<'a> {
    #[serde(flatten)]
    cluster: ClusterView<'a>,
    restored: CountsView,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CountsView {
    users: u64,
    objects: u64,
    /// The backup carried a MAC, which was right.
    authenticated: bool,
}

pub fn run(app: &App, arguments: &CreateArgs) -> Result<(), Failure> {
    let source = arguments.source_backup.as_deref().unwrap_or_default();
    let backup = app.clusters.backup(source)?;
    let request = CreateClusterRequest {
        label: arguments.label.clone(),
        hsm_type: arguments.hsm_type_or(backup.hsm_type),
        mode: Some(arguments.mode_or(backup.mode)),
        places: arguments.places().unwrap_or(Places::Zones(Vec::new())),
        network_type: arguments.network_type(),
        retention: arguments.retention()?,
        source_backup_id: Some(source.to_owned()),
        tags: arguments.tags(),
    };
    let given = given(&arguments.login)?;
    let password = given.as_ref().map(backup_password);
    let more = FromBackup { hsms: arguments.hsms.unwrap_or(0), password };
    let root_key = app.config.root_key().map_err(Error::from)?;
    let plane = ControlPlane::new(&app.clusters, app.config.lifecycle()).with_root_key(&root_key);
    let mut told = Told::new("read or restored:");
    let made = plane.create_from_backup(&request, &more, &mut |done, of| told.progress(done, of))?;
    warn(&plane);
    let anchor = anchor_file(app, &made.cluster);
    output::json(&RestoredView {
        cluster: ClusterView::new(&made.cluster, anchor.as_deref()),
        restored: CountsView { users: made.users, objects: made.objects, authenticated: made.was_authentic },
    })
}
