//! A cluster whose HSMs fail and recover, and the process that lets them: an admin's, through the library's own layer, as
//! the `vhsm` command does it.
//!
//! It is this test binary once more, running only the ignored test `peer::operator`.

use super::peer::Peer;
use super::{KMS_PIN, LABEL, Module, READ_WRITE, Session, expect};
use cryptoki_sys::*;
use std::path::Path;
use std::sync::Arc;
use vhsm_pkcs11::cluster::{
    Authority, Cluster, Clusters, HsmState, Login, NewCluster, PasswordCosts, PasswordRules, Policy, Role,
};

const CHEAP: PasswordCosts = PasswordCosts { memory_kib: 8, passes: 1, lanes: 1 };
const ADMIN_PASSWORD: &[u8] = b"admin's own";

/// The library in one process, and an admin in another.
pub struct Drill {
    pub module: Module,
    pub operator: Operator,
}

impl Drill {
    /// With a cluster of so many HSMs, whose slots are 0 and so on, and its crypto user `kmsuser`.
    pub fn new(hsms: usize) -> Drill {
        Drill::configured(hsms, "")
    }

    /// The same with this configuration.
    pub fn configured(hsms: usize, text: &str) -> Drill {
        let module = Module::loaded();
        std::fs::write(module.home().join("vhsm.toml"), text).expect("a configuration");
        Drill::start(module, hsms, false)
    }

    /// In a home and with a profile that are there, initialized with a new cluster.
    pub fn start(module: Module, hsms: usize, key_availability: bool) -> Drill {
        let operator = Operator::start(module.home(), hsms, key_availability);
        expect("initialize", module.initialize(), CKR_OK);
        Drill { module, operator }
    }

    pub fn open(&self, slot: CK_SLOT_ID) -> Session<'_> {
        self.module.open(slot, READ_WRITE).expect("the slot takes sessions")
    }

    /// A session with `kmsuser` logged in.
    pub fn user(&self, slot: CK_SLOT_ID) -> Session<'_> {
        let session = self.open(slot);
        let rv = session.login(CKU_USER, KMS_PIN);
        assert!(matches!(rv, CKR_OK | CKR_USER_ALREADY_LOGGED_IN), "login: {rv:#x}");
        session
    }
}

/// The process of an admin.
pub struct Operator(Peer);

impl Operator {
    fn start(home: &Path, hsms: usize, key_availability: bool) -> Operator {
        let mut peer = Peer::start_as("peer::operator", home);
        assert_eq!(peer.ask(&format!("create {hsms} {key_availability}")), "ok");
        Operator(peer)
    }

    /// The admin of a cluster that is there.
    pub fn of(home: &Path, label: &str, password: &[u8]) -> Operator {
        let mut peer = Peer::start_as("peer::operator", home);
        let password = std::str::from_utf8(password).expect("text");
        assert_eq!(peer.ask(&format!("administer {label}|{password}")), "ok");
        Operator(peer)
    }

    /// HSMs by the places of their slots in the cluster, from 0.
    pub fn fail(&mut self, hsm: usize) {
        self.order(&format!("fail {hsm}"));
    }

    pub fn recover(&mut self, hsm: usize) {
        self.order(&format!("recover {hsm}"));
    }

    pub fn degrade(&mut self, hsm: usize) {
        self.order(&format!("degrade {hsm}"));
    }

    pub fn delete_cluster(&mut self) {
        self.order("delete-cluster");
    }

    pub fn order(&mut self, order: &str) {
        assert_eq!(self.0.ask(order), "ok", "{order}");
    }
}

/// What the admin's process works on.
struct Admin {
    clusters: Clusters,
    at_work: Option<(Arc<Cluster>, Login)>,
}

/// The operator's own life; `false` when this process is nobody's.
pub fn serve() -> bool {
    let Some(home) = super::peer::home() else { return false };
    let options = vhsm_store::LmdbOptions::new(home.join("store"));
    let store = vhsm_store::open(&vhsm_store::StoreSpec::Embedded(options)).expect("a store");
    let mut admin = Admin { clusters: Clusters::open(store, CHEAP).expect("clusters"), at_work: None };
    super::peer::answer_lines(|words| {
        admin.obey(words);
        "ok".into()
    });
    true
}

impl Admin {
    fn obey(&mut self, words: &[&str]) {
        match words {
            ["hello"] => {}
            ["create", hsms, key_availability] => {
                self.create(number(hsms), *key_availability == "true");
            }
            ["administer", ..] => self.administer(&words[1..].join(" ")),
            ["fail", hsm] => self.set(hsm, HsmState::Failed),
            ["recover", hsm] => self.set(hsm, HsmState::Active),
            ["degrade", hsm] => self.set(hsm, HsmState::Degraded),
            ["delete-cluster"] => {
                self.clusters.delete(&self.at_work().0).expect("deletes");
            }
            other => panic!("the operator does not know {other:?}"),
        }
    }

    fn create(&mut self, hsms: usize, key_availability: bool) {
        let policy = Policy { key_availability, refuse_public_keys: false, refuse_extractable: false };
        let new = NewCluster { label: LABEL, hsms, admin_password: ADMIN_PASSWORD, policy, root_key: None };
        let cluster = self.clusters.create(&new).expect("a cluster");
        let admin = self.clusters.login_as(&cluster, None, "admin", ADMIN_PASSWORD).expect("a login");
        let (role, rules) = (Role::CryptoUser, PasswordRules::Cluster);
        let made = self.clusters.create_user(&cluster, &admin, "kmsuser", role, b"kms secret", rules);
        made.expect("a user");
        self.at_work = Some((cluster, admin));
    }

    fn administer(&mut self, label_and_password: &str) {
        let (label, password) = label_and_password.split_once('|').expect("a label and a password");
        let cluster = self.clusters.find(label).expect("a cluster");
        let admin = self.clusters.login_as(&cluster, None, "admin", password.as_bytes()).expect("a login");
        self.at_work = Some((cluster, admin));
    }

    fn set(&self, hsm: &str, state: HsmState) {
        let (cluster, admin) = self.at_work();
        let hsm = &cluster.hsms[number(hsm)].name;
        self.clusters.set_hsm_state(cluster, Authority::Admin(admin), hsm, state).expect("the state is set");
    }

    fn at_work(&self) -> &(Arc<Cluster>, Login) {
        self.at_work.as_ref().expect("the cluster was made")
    }
}

fn number(word: &str) -> usize {
    word.parse().expect("a number")
}
