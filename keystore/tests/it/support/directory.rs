//! A directory whose facts a test changes at will.

use std::collections::BTreeMap;
use std::sync::Mutex;
use vhsm_keystore::{ClusterDirectory, ClusterFacts, DefaultCluster, DirectoryError, UserFacts};
use zeroize::Zeroizing;

/// Facts as the test says them; what HSMs do is real, and not told here.
pub struct TestDirectory {
    pub facts: Mutex<Facts>,
    /// What stands before the password in a PIN.
    pub pin_prefix: &'static str,
}

#[derive(Default)]
pub struct Facts {
    /// By ClusterId. Those that share a certificate have one backup history.
    pub clusters: BTreeMap<String, ClusterFacts>,
    /// By ClusterId and name.
    pub users: BTreeMap<(String, String), UserFacts>,
    /// ClusterId, user and password of the default key store's cluster.
    pub default_cluster: Option<(String, String, String)>,
    /// All answers are this error.
    pub error: Option<String>,
}

impl TestDirectory {
    /// Changes the facts.
    pub fn change(&self, change: impl FnOnce(&mut Facts)) {
        change(&mut self.facts.lock().unwrap());
    }

    /// Changes one cluster.
    pub fn change_cluster(&self, cluster_id: &str, change: impl FnOnce(&mut ClusterFacts)) {
        self.change(|facts| change(facts.clusters.get_mut(cluster_id).expect("a cluster")));
    }

    fn read<R>(&self, read: impl FnOnce(&Facts) -> R) -> Result<R, DirectoryError> {
        let facts = self.facts.lock().unwrap();
        match &facts.error {
            Some(error) => Err(DirectoryError(error.clone())),
            None => Ok(read(&facts)),
        }
    }
}

impl ClusterDirectory for TestDirectory {
    fn cluster(&self, cluster_id: &str) -> Result<Option<ClusterFacts>, DirectoryError> {
        self.read(|facts| facts.clusters.get(cluster_id).cloned())
    }

    fn same_backup_history(&self, a: &str, b: &str) -> Result<bool, DirectoryError> {
        let certificate = |facts: &Facts, id| facts.clusters.get(id)?.certificate.clone();
        self.read(|facts| certificate(facts, a).is_some_and(|of_a| Some(of_a) == certificate(facts, b)))
    }

    fn crypto_user(&self, cluster_id: &str, name: &str) -> Result<Option<UserFacts>, DirectoryError> {
        self.read(|facts| facts.users.get(&(cluster_id.into(), name.into())).copied())
    }

    fn pin(&self, _user: &str, password: &[u8]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([self.pin_prefix.as_bytes(), password].concat())
    }

    fn default_cluster(&self) -> Result<Option<DefaultCluster>, DirectoryError> {
        self.read(|facts| {
            let (cluster_id, user, password) = facts.default_cluster.as_ref()?;
            let facts = facts.clusters.get(cluster_id)?.clone();
            let password = Zeroizing::new(password.clone().into_bytes());
            Some(DefaultCluster { facts, user: user.clone(), password })
        })
    }
}
