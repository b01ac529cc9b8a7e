//! `vhsm hsm ...`

use crate::App;
use crate::cli::{HsmArgs, HsmCommand};
use crate::cluster::{named_or_only, show_named};
use crate::failure::Failure;
use crate::password;
use vhsm_pkcs11::cluster::{Authority, Cluster, HsmState};
use vhsm_pkcs11::error::{ClusterError, Error};

pub fn run(app: &App, command: HsmCommand) -> Result<(), Failure> {
    match command {
        HsmCommand::Fail(arguments) => set_state(app, &arguments, HsmState::Failed),
        HsmCommand::Recover(arguments) => set_state(app, &arguments, HsmState::Active),
        HsmCommand::Degrade(arguments) => set_state(app, &arguments, HsmState::Degraded),
    }
}

fn set_state(app: &App, arguments: &HsmArgs, state: HsmState) -> Result<(), Failure> {
    let clusters = &app.clusters;
    let mut cluster = named_or_only(clusters, arguments.cluster.cluster.as_deref())?;
    // All of them are there, or none is touched.
    let names = named(&cluster, arguments)?;
    let admin = password::login(clusters, &cluster, arguments.login.pin.as_ref(), "one of its admins")?;
    for name in names {
        cluster = clusters.set_hsm_state(&cluster, Authority::Admin(&admin), &name, state)?;
    }
    show_named(app, &cluster.name)
}

/// The HsmIds of those that are meant.
fn named(cluster: &Cluster, arguments: &HsmArgs) -> Result<Vec<String>, Failure> {
    if arguments.all {
        return Ok(cluster.hsms.iter().map(|hsm| hsm.name.clone()).collect());
    }
    arguments.hsms.iter().map(|hsm| hsm_id(cluster, hsm)).collect()
}

/// The HsmId of an HSM that is named by it, or by its slot's id.
pub fn hsm_id(cluster: &Cluster, name: &str) -> Result<String, Failure> {
    let slot: Option<u64> = name.parse().ok();
    let found = cluster.hsms.iter().find(|hsm| hsm.name == name || Some(hsm.slot_id) == slot);
    Ok(found.ok_or_else(|| Error::from(ClusterError::HsmNotFound(name.into())))?.name.clone())
}
