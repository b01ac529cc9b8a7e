//! What else happens when a step of the life cycle is done: the one place that other parts hang on to.

use super::ControlPlane;
use crate::cluster::Cluster;

/// A step that is done: its commit was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    Activated,
    HsmCreated,
    HsmDeleted,
    ClusterDeleted,
}

/// Called once for each step, with the cluster as it then is (a deleted one: as it was). The step stands whatever
/// happens here.
pub(super) fn occurred(_plane: &ControlPlane, _cluster: &Cluster, _occasion: Occasion) {}
