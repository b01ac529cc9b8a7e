//! The life cycle of clusters and HSMs: the operations of the CloudHSM V2 API, and the CloudHSM CLI's `cluster activate`.
//!
//! Called by: the `vhsm` command, and whatever else speaks for the control plane. One file for each operation; typed
//! requests and answers in `api.rs`; which exception of the API an error is, in `exception.rs`. An operation looks at
//! state and request first and commits once, under the condition that nothing it looked at has changed: refused, it
//! changed nothing. None but `activate` needs or sees a password.
//!
//! | state | what leads on |
//! | --- | --- |
//! | UNINITIALIZED, no HSM | CreateHsm: makes the certificate signing request |
//! | UNINITIALIZED, one HSM | InitializeCluster; DeleteHsm leads back |
//! | INITIALIZED | activate: the admin gets its password, HSMs become slots |
//! | ACTIVE | CreateHsm, DeleteHsm; with no HSM left, DeleteCluster |
//!
//! Other states of the API pass at once, unless `Settings::delay_ms` has them shown for a while. What is shown so has
//! happened all the same: a new HSM is a slot while it is shown as CREATE_IN_PROGRESS.

mod activate;
pub mod api;
mod certify;
mod check;
mod create_cluster;
mod create_from_backup;
mod create_hsm;
mod delete_cluster;
mod delete_hsm;
mod departed;
mod describe;
mod events;
mod exception;
mod initialize;
mod modify;
mod names;
mod tags;
mod view;
mod whole;

#[cfg(test)]
mod tests;

pub use check::{is_region, tags as check_tags};
pub use create_from_backup::FromBackup;
pub use exception::Exception;

use crate::cluster::keys::Space;
use crate::cluster::records::{ClusterRecord, HsmRecord, Maced};
use crate::cluster::{Authority, Cluster, ClusterId, Clusters, Login, Policy, read};
use crate::crypto::seal::{Key, MacKey};
use crate::error::{ClusterError, Error, LifeError};
use crate::root_key::RootKey;
use api::State;
use std::cell::RefCell;
use std::sync::Arc;
use vhsm_store::Batch;

/// What decides how the control plane answers.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long states that pass are shown; 0: never.
    pub delay_ms: u64,
    /// Where availability zones lie that nobody names.
    pub region: String,
    /// Of new clusters.
    pub policy: Policy,
}

/// The control plane of a store's clusters.
pub struct ControlPlane<'a> {
    clusters: &'a Clusters,
    settings: Settings,
    root_key: Option<&'a RootKey>,
    admin: Option<&'a Login>,
    warnings: RefCell<Vec<String>>,
}

impl<'a> ControlPlane<'a> {
    /// Describes clusters; to change one takes one of the two that follow.
    pub fn new(clusters: &'a Clusters, settings: Settings) -> Self {
        Self { clusters, settings, root_key: None, admin: None, warnings: RefCell::default() }
    }

    /// The service's own right, by its root key.
    pub fn with_root_key(self, root_key: &'a RootKey) -> Self {
        Self { root_key: Some(root_key), ..self }
    }

    /// An admin's right, over its own cluster: used before the service's.
    pub fn with_admin(self, admin: &'a Login) -> Self {
        Self { admin: Some(admin), ..self }
    }

    /// What went wrong beside operations that were done: told once.
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.take()
    }

    fn warn(&self, warning: String) {
        self.warnings.borrow_mut().push(warning);
    }

    fn authority(&self) -> Result<Authority<'a>, Error> {
        match (self.admin, self.root_key) {
            (Some(login), _) => Ok(Authority::Admin(login)),
            (None, Some(root_key)) => Ok(Authority::Service(root_key)),
            (None, None) => Err(LifeError::NobodyAsks.into()),
        }
    }

    /// Errors: `NobodyAsks`.
    fn root_key(&self) -> Result<&'a RootKey, Error> {
        self.root_key.ok_or(LifeError::NobodyAsks.into())
    }

    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64 {
        (self.clusters.now)()
    }

    fn now_s(&self) -> i64 {
        i64::try_from(self.now_ms() / 1000).unwrap_or(i64::MAX)
    }

    /// A cluster by its ClusterId, open to be changed. Errors: `Input`, `NotFound`, those of `Authority`.
    fn open(&self, cluster_id: &str) -> Result<Open, Error> {
        check::cluster_id(cluster_id)?;
        let (id, cluster, hsms) = self.clusters.view(|snapshot| {
            let mut all = read::clusters(snapshot)?.into_iter();
            let is_it = |record: &ClusterRecord| {
                record.name == cluster_id && self.clusters.shows(record.private.is_some())
            };
            let found = all.find(|(_, cluster)| is_it(cluster.unverified()));
            let (id, cluster) = found.ok_or_else(|| ClusterError::NotFound(cluster_id.into()))?;
            Ok((id, cluster, read::hsms(snapshot, id)?))
        })?;
        let mac_key = self.authority()?.mac_key(id, &cluster)?;
        let mac = MacKey::new(&mac_key);
        read::verify(&cluster, &hsms, &mac)?;
        let shown = Arc::new(read::assemble(id, cluster.unverified(), &hsms));
        let state = view::state(&shown, self.settings.delay_ms, self.now_ms());
        Ok(Open { id, cluster, hsms, mac_key, mac, shown, state })
    }
}

/// A cluster whose records are right, with what it takes to change them.
struct Open {
    id: ClusterId,
    cluster: Maced<ClusterRecord>,
    hsms: Vec<Maced<HsmRecord>>,
    mac_key: Key,
    mac: MacKey,
    shown: Arc<Cluster>,
    /// As the API shows it now.
    state: State,
}

impl Open {
    fn record(&self) -> &ClusterRecord {
        // `open` verified it.
        self.cluster.unverified()
    }

    fn space(&self) -> Space {
        self.shown.space()
    }

    /// Errors: `State`.
    fn check(&self, operation: &'static str, wanted: &[State]) -> Result<(), Error> {
        if wanted.contains(&self.state) {
            return Ok(());
        }
        let names = match wanted {
            [State::Uninitialized] => "UNINITIALIZED",
            [State::Initialized] => "INITIALIZED",
            [State::Active] => "ACTIVE",
            _ => "at rest",
        };
        let (cluster, state) = (self.record().name.clone(), self.state.name());
        Err(LifeError::State { operation, cluster, state, wanted: names }.into())
    }

    /// Errors: `State` while a change is still shown.
    fn check_at_rest(&self, operation: &'static str) -> Result<(), Error> {
        self.check(operation, &[State::Uninitialized, State::Initialized, State::Active, State::Degraded])
    }

    /// A batch under the condition that the cluster's record is as it was read, with another in its place.
    fn change(&self, batch: Batch, record: &ClusterRecord) -> Result<Batch, Error> {
        let key = self.cluster.key.as_slice();
        let raw = Maced::encode(key, record, &self.mac)?;
        Ok(batch.expect(key, Some(&self.cluster.raw)).put(key, raw))
    }
}
