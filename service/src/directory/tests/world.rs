//! A home of its own, with clusters in its embedded store.

use super::*;
use std::path::Path;
use vhsm_pkcs11::cluster::backup::BackupFolder;
use vhsm_pkcs11::cluster::life::api::WholeClusterRequest;
use vhsm_pkcs11::cluster::{Authority, HsmState, HsmType, Login, Mode, PasswordCosts, PasswordRules};
use vhsm_pkcs11::config::{Config, StoreChoice, StoreTable};
use vhsm_pkcs11::crypto::seal;
use vhsm_pkcs11::log::Level;
use vhsm_pkcs11::profile::{Profile, Settings};

const ADMIN_PASSWORD: &[u8] = b"admin-password";
pub const USER: &str = "kmsuser";
/// Of `USER`.
pub const PASSWORD: &str = "password1";
/// As cheap as Argon2id gets.
const COSTS: PasswordCosts = PasswordCosts { memory_kib: 8, passes: 1, lanes: 1 };

pub struct World {
    pub home: tempfile::TempDir,
    pub clusters: Clusters,
    pub root_key: Arc<RootKey>,
    pub directory: Arc<Directory>,
}

impl World {
    pub fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let root_key = Arc::new(RootKey::new(seal::random_key().unwrap()));
        let config = config(home.path());
        let directory = Directory::new(clusters(home.path()), config.lifecycle(), root_key.clone());
        Self { clusters: clusters(home.path()), home, root_key, directory: Arc::new(directory) }
    }

    pub fn plane(&self) -> ControlPlane<'_> {
        ControlPlane::new(&self.clusters, config(self.home.path()).lifecycle()).with_root_key(&self.root_key)
    }

    /// A cluster with two HSMs in two zones, and crypto user `USER`.
    pub fn cluster(&self, label: &str) -> Arc<Cluster> {
        let request = WholeClusterRequest {
            label,
            hsms: 2,
            admin_password: ADMIN_PASSWORD,
            hsm_type: HsmType::Hsm2mMedium,
            mode: Mode::NonFips,
            places: None,
            retention: None,
            tags: Vec::new(),
        };
        let made = self.plane().create_whole_cluster(&request).unwrap();
        let cluster = self.clusters.find(&made.cluster_id).unwrap();
        let (rules, role) = (PasswordRules::Cluster, Role::CryptoUser);
        let admin = self.admin(&cluster);
        self.clusters.create_user(&cluster, &admin, USER, role, PASSWORD.as_bytes(), rules).unwrap();
        cluster
    }

    pub fn admin(&self, cluster: &Cluster) -> Login {
        self.clusters.login_as(cluster, Some(Role::Admin), "admin", ADMIN_PASSWORD).unwrap()
    }

    /// Fails an HSM of a cluster, by its number, or has it recover.
    pub fn set(&self, cluster: &Cluster, hsm: usize, state: HsmState) {
        let by = Authority::Service(&self.root_key);
        self.clusters.set_hsm_state(cluster, by, &cluster.hsms[hsm].name, state).unwrap();
    }
}

/// The clusters in a home.
pub fn clusters(home: &Path) -> Clusters {
    let config = config(home);
    let clusters = Clusters::open(config.open_store().unwrap(), config.password_costs).unwrap();
    clusters.with_backups(config.backups)
}

/// As the file of whoever owns the home might be: the service's library does not follow all of it.
pub fn config(home: &Path) -> Config {
    Config {
        home: home.into(),
        store: StoreChoice::Embedded { path: home.join("store"), group: false },
        store_table: StoreTable::default(),
        profile: Profile::CloudHsm,
        settings: Settings { no_key_availability: true, ..Settings::default() },
        legacy: false,
        password_costs: COSTS,
        lifecycle_delay_ms: 0,
        region: "us-east-1".into(),
        backups: BackupFolder::new(home.join("backups"), false),
        root_key_file: None,
        faults: Default::default(),
        log_level: Level::Off,
        log_file: None,
        private: false,
        serve: Default::default(),
    }
}
