//! What this layer asks of a cluster beside PKCS#11.

use zeroize::Zeroizing;

/// Knows clusters, their HSMs and users. `vhsm serve` implements it over its own clusters; [`crate::ForeignDirectory`]
/// is one for other modules, made of a module's slots.
pub trait ClusterDirectory: Send + Sync {
    /// The cluster with this ClusterId; `None`: there is none (reference sec. 2: CloudHsmClusterNotFoundException).
    fn cluster(&self, cluster_id: &str) -> Result<Option<ClusterFacts>, DirectoryError>;

    /// Whether both come from one cluster by backups, that is have one cluster certificate. A cluster that is gone
    /// may still be known.
    fn same_backup_history(&self, a: &str, b: &str) -> Result<bool, DirectoryError>;

    /// The crypto user of this name; `None`: there is none, or it is no crypto user.
    fn crypto_user(&self, cluster_id: &str, name: &str) -> Result<Option<UserFacts>, DirectoryError>;

    /// The PIN that C_Login takes for this user: vhsm's and CloudHSM's libraries want `name:password`, others the
    /// password alone.
    fn pin(&self, user: &str, password: &[u8]) -> Zeroizing<Vec<u8>>;

    /// The cluster of the default key store (Origin AWS_KMS), its crypto user and that user's password. Made on first
    /// use. `None`: there is no default key store here.
    fn default_cluster(&self) -> Result<Option<DefaultCluster>, DirectoryError>;
}

/// A cluster, as far as a key store cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterFacts {
    pub cluster_id: String,
    /// Cluster.State is ACTIVE.
    pub is_active: bool,
    /// Cluster.State, for messages.
    pub state: String,
    pub hsms: Vec<HsmFacts>,
    /// customerCA.crt, PEM. `None`: not known, and then no certificate is the right one.
    pub trust_anchor: Option<String>,
    /// The cluster certificate, PEM.
    pub certificate: Option<String>,
}

impl ClusterFacts {
    /// The slots of the HSMs that are active.
    pub fn active_slots(&self) -> Vec<u64> {
        self.hsms.iter().filter(|hsm| hsm.is_active).map(|hsm| hsm.slot_id).collect()
    }

    /// In how many availability zones active HSMs stand: below two, keys and key stores are not made.
    pub fn active_zones(&self) -> usize {
        let mut zones: Vec<_> =
            self.hsms.iter().filter(|hsm| hsm.is_active).map(|hsm| &hsm.availability_zone).collect();
        zones.sort_unstable();
        zones.dedup();
        zones.len()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HsmFacts {
    pub hsm_id: String,
    pub slot_id: u64,
    pub availability_zone: String,
    /// ACTIVE, and not failed.
    pub is_active: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserFacts {
    /// After too many wrong passwords.
    pub is_locked: bool,
    /// By whatever process, this one too.
    pub is_logged_in: bool,
}

/// Where keys of Origin AWS_KMS live.
pub struct DefaultCluster {
    pub facts: ClusterFacts,
    pub user: String,
    pub password: Zeroizing<Vec<u8>>,
}

/// The directory cannot say. For the log: callers get KMSInternalException.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct DirectoryError(pub String);
