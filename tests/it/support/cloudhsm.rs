//! The library in profile `cloudhsm`, over a cluster as `vhsm cluster create` makes it there.

use super::{LABEL, Module, READ_WRITE, Session, expect};
use cryptoki_sys::*;
use std::fs;
use vhsm_pkcs11::cluster::{Clusters, NewCluster, PasswordCosts, PasswordRules, Role};
use vhsm_pkcs11::config::Config;

pub const ADMIN_PIN: &[u8] = b"admin:admin's own";
pub const KMS_PIN: &[u8] = b"kmsuser:kms secret";

/// A run of the library in profile `cloudhsm`, and the one slot that it lists.
pub struct CloudHsm {
    pub module: Module,
    pub slot: CK_SLOT_ID,
}

impl CloudHsm {
    /// With a cluster of two HSMs that has the crypto user `kmsuser`, and no settings.
    pub fn new() -> CloudHsm {
        CloudHsm::with(2, "")
    }

    /// With so many HSMs, and with lines for `[cloudhsm]` of the configuration.
    pub fn with(hsms: usize, settings: &str) -> CloudHsm {
        let module = CloudHsm::loaded(settings);
        make_cluster(LABEL, hsms);
        expect("initialize", module.initialize(), CKR_OK);
        let slots = module.slots(true);
        assert_eq!(slots.len(), 1, "one slot for the cluster");
        CloudHsm { module, slot: slots[0] }
    }

    /// Configured, and not initialized.
    pub fn loaded(settings: &str) -> Module {
        // The functions of 3.0 are asked for before the profile says that there are none.
        let module = Module::loaded();
        // SAFETY: other threads of a test start after this; other tests wait for the lock.
        unsafe { std::env::set_var("VHSM_PROFILE", "cloudhsm") };
        fs::write(module.home().join("vhsm.toml"), format!("[cloudhsm]\n{settings}")).expect("a file");
        module
    }

    pub fn open(&self) -> Session<'_> {
        self.module.open(self.slot, READ_WRITE).expect("the token takes sessions")
    }

    /// A session with `kmsuser` logged in.
    pub fn user(&self) -> Session<'_> {
        let session = self.open();
        let rv = session.login(CKU_USER, KMS_PIN);
        assert!(matches!(rv, CKR_OK | CKR_USER_ALREADY_LOGGED_IN), "login: {rv:#x}");
        session
    }
}

/// Makes a cluster in the home of the configuration, with the crypto user `kmsuser`.
pub fn make_cluster(label: &str, hsms: usize) {
    let config = Config::load().expect("a configuration");
    // Closed before the library opens it: one copy of the store's code at a time.
    let clusters = Clusters::open(config.open_store().expect("a store"), PasswordCosts::default());
    let clusters = clusters.expect("clusters");
    let new =
        NewCluster { label, hsms, admin_password: b"admin's own", policy: config.policy(), root_key: None };
    let cluster = clusters.create(&new).expect("a cluster");
    let admin = clusters.login(&cluster, Role::Admin, ADMIN_PIN).expect("a login");
    let (role, rules) = (Role::CryptoUser, PasswordRules::Cluster);
    clusters.create_user(&cluster, &admin, "kmsuser", role, b"kms secret", rules).expect("a user");
}
