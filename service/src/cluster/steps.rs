//! The steps of a cluster's life, one command each: operations of the CloudHSM API, and `cluster activate` of its CLI.

use super::view::{DeletedHsm, HsmView, InitializedCluster};
use super::{anchor_file, keep_anchor, named_or_only, show, warn};
use crate::App;
use crate::cli::{
    ActivateArgs, ChangeArgs, CreateArgs, CreateHsmArgs, DeleteHsmArgs, InitializeArgs, LoginArgs,
    ModifyArgs, NameArg, TagArgs, UntagArgs,
};
use crate::failure::Failure;
use crate::{output, password};
use std::path::Path;
use vhsm_pkcs11::cluster::life::ControlPlane;
use vhsm_pkcs11::cluster::life::api::{
    ActivateRequest, CreateClusterRequest, CreateHsmRequest, DeleteHsmRequest, HsmName,
    InitializeClusterRequest, ModifyClusterRequest, Places,
};
use vhsm_pkcs11::cluster::{Cluster, ClusterState, Tag};
use vhsm_pkcs11::error::Error;

/// More than any certificate that the API takes; its own limit is the API's to tell.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Runs `operation` with the right of the login that is given, else with the service's. A cluster that is not active has
/// no users, so a login that is set for others is none of its.
fn change<T>(
    app: &App,
    name: Option<&str>,
    login: &LoginArgs,
    operation: impl FnOnce(&ControlPlane, &Cluster) -> Result<T, Error>,
) -> Result<T, Failure> {
    let cluster = named_or_only(&app.clusters, name)?;
    let settings = app.config.lifecycle();
    if let Some(pin) = login.given().filter(|_| cluster.state == ClusterState::Active) {
        let admin = password::login(&app.clusters, &cluster, Some(pin), "one of its admins")?;
        // For what the service gets to keep, where it has a key at all.
        let root_key = app.config.root_key().ok();
        let mut plane = ControlPlane::new(&app.clusters, settings).with_admin(&admin);
        if let Some(root_key) = &root_key {
            plane = plane.with_root_key(root_key);
        }
        let done = operation(&plane, &cluster)?;
        warn(&plane);
        return Ok(done);
    }
    let root_key = app.config.root_key().map_err(Error::from)?;
    let plane = ControlPlane::new(&app.clusters, settings).with_root_key(&root_key);
    let done = operation(&plane, &cluster)?;
    warn(&plane);
    Ok(done)
}

/// CreateCluster
pub fn create(app: &App, arguments: &CreateArgs) -> Result<(), Failure> {
    let request = CreateClusterRequest {
        label: arguments.label.clone(),
        hsm_type: arguments.hsm_type(),
        mode: Some(arguments.mode()),
        places: arguments.places().unwrap_or(Places::Zones(Vec::new())),
        network_type: arguments.network_type(),
        retention: arguments.retention()?,
        source_backup_id: None,
        tags: arguments.tags(),
    };
    let root_key = app.config.root_key().map_err(Error::from)?;
    let plane = ControlPlane::new(&app.clusters, app.config.lifecycle()).with_root_key(&root_key);
    show(app, &plane.create_cluster(&request)?)
}

/// CreateHsm
pub fn create_hsm(app: &App, arguments: &CreateHsmArgs) -> Result<(), Failure> {
    let hsm = change(app, arguments.name.get(), &arguments.login, |plane, cluster| {
        plane.create_hsm(&CreateHsmRequest {
            cluster_id: cluster.name.clone(),
            availability_zone: arguments
                .availability_zone
                .clone()
                .unwrap_or_else(|| plane.emptiest_zone(cluster)),
            ip_address: arguments.ip_address.clone(),
        })
    })?;
    output::json(&HsmView::from(&hsm))
}

/// DeleteHsm
pub fn delete_hsm(app: &App, arguments: &DeleteHsmArgs) -> Result<(), Failure> {
    let named = [
        arguments.hsm_id.clone().map(HsmName::HsmId),
        arguments.eni_id.clone().map(HsmName::EniId),
        arguments.eni_ip.clone().map(HsmName::EniIp),
    ];
    let hsm = named.into_iter().flatten().next();
    let hsm = hsm.ok_or_else(|| Failure::new("say which HSM: by --hsm-id, --eni-id or --eni-ip"))?;
    let hsm_id = change(app, arguments.name.get(), &arguments.login, |plane, cluster| {
        plane.delete_hsm(&DeleteHsmRequest { cluster_id: cluster.name.clone(), hsm })
    })?;
    output::json(&DeletedHsm { hsm_id: &hsm_id })
}

/// The certificate signing request, as a file has it.
pub fn csr(app: &App, name: &NameArg) -> Result<(), Failure> {
    let cluster = named_or_only(&app.clusters, name.get())?;
    let plane = ControlPlane::new(&app.clusters, app.config.lifecycle());
    match plane.describe_cluster(&cluster.name)?.certificates.cluster_csr {
        Some(csr) => output::text(&csr),
        None if cluster.state == ClusterState::Uninitialized => {
            Err(Failure::new("the cluster's first HSM makes the request: `vhsm cluster create-hsm`"))
        }
        None => {
            Err(Failure::new("the cluster is initialized: its request is gone, and its certificate there"))
        }
    }
}

/// InitializeCluster
pub fn initialize(app: &App, arguments: &InitializeArgs) -> Result<(), Failure> {
    let (signed_cert, trust_anchor) = (pem(&arguments.signed_cert)?, pem(&arguments.trust_anchor)?);
    let login = LoginArgs::default();
    let (answer, cluster) = change(app, arguments.name.get(), &login, |plane, cluster| {
        let cluster_id = cluster.name.clone();
        let answer =
            plane.initialize_cluster(&InitializeClusterRequest { cluster_id, signed_cert, trust_anchor })?;
        Ok((answer, plane.describe_cluster(&cluster.name)?))
    })?;
    let file = keep_anchor(app, &cluster)?;
    output::json(&InitializedCluster {
        cluster_id: &cluster.cluster_id,
        state: answer.state.name(),
        trust_anchor_file: &file,
    })
}

/// `cluster activate`
pub fn activate(app: &App, arguments: &ActivateArgs) -> Result<(), Failure> {
    let password = arguments.admin_password.source().read()?;
    let login = LoginArgs::default();
    let cluster = change(app, arguments.name.get(), &login, |plane, cluster| {
        let label = arguments.label.as_deref();
        plane.activate(&ActivateRequest { cluster_id: &cluster.name, admin_password: &password, label })
    })?;
    show(app, &cluster)
}

/// ModifyCluster
pub fn modify(app: &App, arguments: &ModifyArgs) -> Result<(), Failure> {
    let retention = arguments.retention()?;
    let cluster = change(app, arguments.name.get(), &arguments.login, |plane, cluster| {
        let (cluster_id, hsm_type) = (cluster.name.clone(), arguments.hsm_type());
        plane.modify_cluster(&ModifyClusterRequest { cluster_id, hsm_type, retention })
    })?;
    show(app, &cluster)
}

/// TagResource
pub fn tag(app: &App, arguments: &TagArgs) -> Result<(), Failure> {
    let tags: Vec<Tag> = arguments.tags.iter().map(|tag| tag.0.clone()).collect();
    let cluster = change(app, arguments.cluster.cluster.as_deref(), &arguments.login, |plane, cluster| {
        plane.tag_resource(&cluster.name, &tags)?;
        plane.describe_cluster(&cluster.name)
    })?;
    show(app, &cluster)
}

/// UntagResource
pub fn untag(app: &App, arguments: &UntagArgs) -> Result<(), Failure> {
    let cluster = change(app, arguments.cluster.cluster.as_deref(), &arguments.login, |plane, cluster| {
        plane.untag_resource(&cluster.name, &arguments.keys)?;
        plane.describe_cluster(&cluster.name)
    })?;
    show(app, &cluster)
}

/// A certificate for a cluster without one.
pub fn certify(app: &App, arguments: &ChangeArgs) -> Result<(), Failure> {
    let cluster =
        change(app, arguments.name.get(), &arguments.login, |plane, cluster| plane.certify(&cluster.name))?;
    anchor_file(app, &cluster);
    show(app, &cluster)
}

fn pem(path: &Path) -> Result<String, Failure> {
    let problem = |cause: String| Failure::new(format!("{}: {cause}", path.display()));
    let length = std::fs::metadata(path).map_err(|error| problem(error.to_string()))?.len();
    if length > MAX_FILE_BYTES {
        return Err(problem("it is too long for a certificate in PEM".into()));
    }
    let bytes = std::fs::read(path).map_err(|error| problem(error.to_string()))?;
    String::from_utf8(bytes).map_err(|_| problem("it is no text; give the certificate in PEM".into()))
}
