//! `vhsm hsm ...`

use crate::cli::{HsmArgs, HsmCommand};
use crate::cluster::named_or_only;
use crate::failure::Failure;
use crate::output::{self, ClusterView};
use crate::password;
use vhsm_pkcs11::cluster::{Authority, Cluster, Clusters, HsmState};
use vhsm_pkcs11::error::{ClusterError, Error};

pub fn run(clusters: &Clusters, command: HsmCommand) -> Result<(), Failure> {
    match command {
        HsmCommand::Fail(arguments) => set_state(clusters, &arguments, HsmState::Failed),
        HsmCommand::Recover(arguments) => set_state(clusters, &arguments, HsmState::Active),
        HsmCommand::Degrade(arguments) => set_state(clusters, &arguments, HsmState::Degraded),
    }
}

fn set_state(clusters: &Clusters, arguments: &HsmArgs, state: HsmState) -> Result<(), Failure> {
    let mut cluster = named_or_only(clusters, arguments.cluster.cluster.as_deref())?;
    // All of them are there, or none is touched.
    let names = named(&cluster, arguments)?;
    let admin = password::login(clusters, &cluster, arguments.login.pin.as_ref(), "one of its admins")?;
    for name in names {
        cluster = clusters.set_hsm_state(&cluster, Authority::Admin(&admin), &name, state)?;
    }
    output::json(&ClusterView::from(&*cluster))
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
