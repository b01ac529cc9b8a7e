//! What the key-store layer asks of the clusters here, beside PKCS#11.
//!
//! Called by: the key-store layer. Calls: the library's clusters and control plane. Changes nothing but for the private
//! cluster of the default key store, which it makes on first use; no rule of KMS stands here.

mod library;
mod sealer;
#[cfg(test)]
pub mod tests;

pub use library::module;
pub use sealer::RootSealer;

use std::sync::Arc;
use vhsm_keystore::{ClusterDirectory, ClusterFacts, DefaultCluster, DirectoryError, HsmFacts, UserFacts};
use vhsm_pkcs11::cluster::backup::{BackupFilters, DescribeBackups};
use vhsm_pkcs11::cluster::life::api::{ClusterDescription, DescribeClustersRequest, HsmStatus, State};
use vhsm_pkcs11::cluster::life::{self, ControlPlane};
use vhsm_pkcs11::cluster::{Cluster, Clusters, Role};
use vhsm_pkcs11::error::{ClusterError, Error};
use vhsm_pkcs11::root_key::RootKey;
use zeroize::Zeroizing;

/// The clusters of one store, by the service's own right.
pub struct Directory {
    clusters: Clusters,
    settings: life::Settings,
    root_key: Arc<RootKey>,
}

impl Directory {
    /// `clusters`: from here on they show the service's own cluster too.
    pub fn new(clusters: Clusters, settings: life::Settings, root_key: Arc<RootKey>) -> Self {
        Self { clusters: clusters.with_private(), settings, root_key }
    }

    fn described(&self, cluster_id: &str) -> Result<Option<ClusterDescription>, Error> {
        let plane = ControlPlane::new(&self.clusters, self.settings.clone());
        let request = DescribeClustersRequest {
            cluster_ids: vec![cluster_id.into()],
            ..DescribeClustersRequest::default()
        };
        match plane.describe_clusters(&request) {
            Ok(answer) => Ok(answer.clusters.into_iter().next()),
            // No ClusterId at all.
            Err(Error::Life(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// By its ClusterId, and not by its label.
    fn found(&self, cluster_id: &str) -> Result<Option<Arc<Cluster>>, Error> {
        Ok(self.clusters.list()?.into_iter().find(|cluster| cluster.name == cluster_id))
    }

    /// Of a cluster that is there, or that a backup knows.
    fn certificate(&self, cluster_id: &str) -> Result<Option<String>, Error> {
        if let Some(cluster) = self.found(cluster_id)? {
            return Ok(cluster.backing.certificate.clone());
        }
        if self.clusters.backup_folder().is_err() {
            return Ok(None);
        }
        let filters = BackupFilters { cluster_ids: vec![cluster_id.into()], ..BackupFilters::default() };
        let backups =
            self.clusters.describe_backups(&DescribeBackups { filters, ..DescribeBackups::default() })?;
        let mut contents = backups.backups.into_iter().filter_map(|backup| backup.content);
        Ok(contents.find_map(|content| content.certificate))
    }

    fn user(&self, cluster_id: &str, name: &str) -> Result<Option<UserFacts>, Error> {
        let Some(cluster) = self.found(cluster_id)? else { return Ok(None) };
        let users = self.clusters.users(&cluster)?;
        let Some(user) = users.into_iter().find(|user| user.name == name && user.role == Role::CryptoUser)
        else {
            return Ok(None);
        };
        match self.clusters.is_logged_in(&cluster, name) {
            Ok(is_logged_in) => Ok(Some(UserFacts { is_locked: user.locked, is_logged_in })),
            // Deleted just now.
            Err(Error::Cluster(ClusterError::UserNotFound(_))) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn default_store(&self) -> Result<Option<DefaultCluster>, Error> {
        let own = self.clusters.private_cluster(&self.root_key, &self.settings.region)?;
        let Some(described) = self.described(&own.cluster.name)? else { return Ok(None) };
        Ok(Some(DefaultCluster { facts: facts(described), user: own.user.into(), password: own.password }))
    }
}

impl ClusterDirectory for Directory {
    fn cluster(&self, cluster_id: &str) -> Result<Option<ClusterFacts>, DirectoryError> {
        let described = self.described(cluster_id).map_err(unclear)?;
        Ok(described.filter(|cluster| cluster.state != State::Deleted).map(facts))
    }

    fn same_backup_history(&self, a: &str, b: &str) -> Result<bool, DirectoryError> {
        if a == b {
            return Ok(true);
        }
        let certificate = self.certificate(a).map_err(unclear)?;
        Ok(certificate.is_some() && certificate == self.certificate(b).map_err(unclear)?)
    }

    fn crypto_user(&self, cluster_id: &str, name: &str) -> Result<Option<UserFacts>, DirectoryError> {
        self.user(cluster_id, name).map_err(unclear)
    }

    fn pin(&self, user: &str, password: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut pin = Zeroizing::new(Vec::with_capacity(user.len() + 1 + password.len()));
        pin.extend_from_slice(user.as_bytes());
        pin.push(b':');
        pin.extend_from_slice(password);
        pin
    }

    fn default_cluster(&self) -> Result<Option<DefaultCluster>, DirectoryError> {
        self.default_store().map_err(unclear)
    }
}

fn facts(described: ClusterDescription) -> ClusterFacts {
    let hsms = described.hsms.into_iter();
    ClusterFacts {
        cluster_id: described.cluster_id,
        is_active: described.state == State::Active,
        state: described.state.name().into(),
        hsms: hsms
            .filter(|hsm| hsm.status != HsmStatus::DeleteInProgress)
            .map(|hsm| HsmFacts {
                hsm_id: hsm.hsm_id,
                slot_id: hsm.slot_id,
                availability_zone: hsm.availability_zone,
                is_active: hsm.status == HsmStatus::Active,
            })
            .collect(),
        trust_anchor: described.trust_anchor,
        certificate: described.certificates.cluster_certificate,
    }
}

fn unclear(error: Error) -> DirectoryError {
    DirectoryError(error.to_string())
}
