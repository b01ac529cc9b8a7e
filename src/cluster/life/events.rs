//! What else happens when a step of the life cycle is done: the one place that other parts hang on to.
//!
//! A backup is taken where CloudHSM takes one (reference/cloudhsm.md sec. 4): of an active cluster, when it became that,
//! and when an HSM came or went.

use super::ControlPlane;
use crate::cluster::backup::TakenBy;
use crate::cluster::{Cluster, ClusterState};

/// A step that is done: its commit was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    Activated,
    HsmCreated,
    HsmDeleted,
    ClusterDeleted,
}

/// Called once for each step, with the cluster as it then is (a deleted one: as it was). The step stands whatever
/// happens here: what goes wrong becomes a warning.
pub(super) fn occurred(plane: &ControlPlane, cluster: &Cluster, occasion: Occasion) {
    let keeps_backups = plane.clusters.backup_folder().is_ok();
    if occasion == Occasion::ClusterDeleted || cluster.state != ClusterState::Active || !keeps_backups {
        return;
    }
    let by = match (plane.admin, plane.root_key) {
        (Some(login), _) => TakenBy::Login(login),
        (None, Some(root_key)) => TakenBy::Service(root_key),
        (None, None) => TakenBy::Nobody,
    };
    if let Err(error) = plane.clusters.create_backup(cluster, by, &mut |_, _| {}) {
        plane.warn(format!(
            "what was asked is done, but no backup of cluster {} was taken: {error}; when that is mended, \
             `vhsm backup create --cluster {}` takes it",
            cluster.name, cluster.name
        ));
    }
}
