//! A cluster whose HSMs fail and recover, and the process that lets them: an admin's, through the library's own layer, as
//! the `vhsm` command does it.
//!
//! It is this test binary once more, running only the ignored test `peer::operator`.

use super::peer::Peer;
use super::{KMS_PIN, LABEL, Module, READ_WRITE, Session, expect};
use cryptoki_sys::*;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use vhsm_pkcs11::cluster::faults::FaultPlan;
use vhsm_pkcs11::cluster::life::api::{
    ActivateRequest, CreateClusterRequest, CreateHsmRequest, DeleteHsmRequest, HsmName,
    InitializeClusterRequest, Places,
};
use vhsm_pkcs11::cluster::life::{ControlPlane, Settings};
use vhsm_pkcs11::cluster::{
    Authority, Cluster, Clusters, HsmState, HsmType, Login, NetworkType, NewCluster, PasswordCosts,
    PasswordRules, Policy, Role,
};
use vhsm_pkcs11::crypto::{seal, x509};
use vhsm_pkcs11::root_key::RootKey;

const CHEAP: PasswordCosts = PasswordCosts { memory_kib: 8, passes: 1, lanes: 1 };
/// Stands for the end of a line in an order, which is one line.
const LINE_END: &str = "|";
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

    /// Puts a fault plan in the place of the cluster's; an empty one takes it away.
    pub fn plan(&mut self, text: &str) {
        self.order(&format!("plan {}", text.replace('\n', LINE_END)));
    }

    pub fn delete_hsm(&mut self, hsm: usize) {
        self.order(&format!("remove-hsm {hsm}"));
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
    /// A cluster that is made step by step, and the right to do so.
    begun: Option<(String, RootKey)>,
}

/// The operator's own life; `false` when this process is nobody's.
pub fn serve() -> bool {
    let Some(home) = super::peer::home() else { return false };
    let options = vhsm_store::LmdbOptions::new(home.join("store"));
    let store = vhsm_store::open(&vhsm_store::StoreSpec::Embedded(options)).expect("a store");
    let mut admin =
        Admin { clusters: Clusters::open(store, CHEAP).expect("clusters"), at_work: None, begun: None };
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
            ["plan", ..] => self.plan(&words[1..].join(" ").replace(LINE_END, "\n")),
            ["delete-cluster"] => {
                self.clusters.delete(&self.at_work().0).expect("deletes");
            }
            ["add-hsm"] => self.add_hsm(),
            ["remove-hsm", hsm] => self.remove_hsm(number(hsm)),
            ["begin", label] => self.begin(label),
            ["activate"] => self.activate(),
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

    fn add_hsm(&self) {
        let (cluster, admin) = self.at_work();
        let availability_zone = "us-east-1a".into();
        let request =
            CreateHsmRequest { cluster_id: cluster.name.clone(), availability_zone, ip_address: None };
        self.plane().with_admin(admin).create_hsm(&request).expect("an HSM");
    }

    fn remove_hsm(&self, hsm: usize) {
        let (cluster, admin) = self.at_work();
        let now = self.plane().describe_cluster(&cluster.name).expect("the cluster");
        let hsm = HsmName::HsmId(now.hsms[hsm].hsm_id.clone());
        let request = DeleteHsmRequest { cluster_id: cluster.name.clone(), hsm };
        self.plane().with_admin(admin).delete_hsm(&request).expect("it goes");
    }

    /// All steps but the last.
    fn begin(&mut self, label: &str) {
        let root_key = RootKey::new(seal::random_key().expect("random bytes"));
        let zone = "us-east-1a".to_owned();
        let plane = self.plane().with_root_key(&root_key);
        let request = CreateClusterRequest {
            label: Some(label.into()),
            hsm_type: HsmType::Hsm2mMedium,
            mode: None,
            places: Places::Zones(vec![zone.clone()]),
            network_type: NetworkType::Ipv4,
            retention: None,
            source_backup_id: None,
            tags: Vec::new(),
        };
        let cluster_id = plane.create_cluster(&request).expect("a cluster").cluster_id;
        let hsm =
            CreateHsmRequest { cluster_id: cluster_id.clone(), availability_zone: zone, ip_address: None };
        plane.create_hsm(&hsm).expect("an HSM");
        let csr =
            plane.describe_cluster(&cluster_id).expect("it").certificates.cluster_csr.expect("a request");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
        let issued = x509::issue(&csr, "customer", "CA", now.as_secs() as i64).expect("a certificate");
        let request = InitializeClusterRequest {
            cluster_id: cluster_id.clone(),
            signed_cert: issued.certificate,
            trust_anchor: issued.trust_anchor,
        };
        plane.initialize_cluster(&request).expect("initialized");
        drop(plane);
        self.begun = Some((cluster_id, root_key));
    }

    fn activate(&self) {
        let (cluster_id, root_key) = self.begun.as_ref().expect("it has begun");
        let request = ActivateRequest { cluster_id, admin_password: ADMIN_PASSWORD, label: None };
        self.plane().with_root_key(root_key).activate(&request).expect("active");
    }

    fn plane(&self) -> ControlPlane<'_> {
        let policy = Policy { key_availability: false, refuse_public_keys: false, refuse_extractable: false };
        ControlPlane::new(&self.clusters, Settings { delay_ms: 0, region: "us-east-1".into(), policy })
    }

    fn plan(&self, text: &str) {
        let (cluster, admin) = self.at_work();
        let plan = FaultPlan::parse(text).expect("a plan");
        self.clusters.set_fault_plan(cluster, Authority::Admin(admin), &plan).expect("the plan is set");
    }

    fn at_work(&self) -> &(Arc<Cluster>, Login) {
        self.at_work.as_ref().expect("the cluster was made")
    }
}

fn number(word: &str) -> usize {
    word.parse().expect("a number")
}
