//! The admin of a cluster, in a process of its own: this test binary once more, running only the ignored test
//! `support::operator::process`. It is told what to do line by line, and ends with its input.

use super::{PASSWORD, USER};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use vhsm_pkcs11::cluster::faults::FaultPlan;
use vhsm_pkcs11::cluster::{
    Authority, Cluster, Clusters, HsmState, Login, NewCluster, PasswordCosts, PasswordRules, Policy, Role,
};

/// Names the home of the cluster.
const HOME: &str = "VHSM_TEST_OPERATOR_HOME";
/// What answers begin with, for the test runner prints lines of its own.
const MARK: &str = "operator: ok";
/// Stands for the end of a line in an order, which is one line.
const LINE_END: &str = "|";
const ADMIN_PASSWORD: &[u8] = b"admin's own";
const CHEAP: PasswordCosts = PasswordCosts { memory_kib: 8, passes: 1, lanes: 1 };

pub struct Operator {
    child: Child,
    /// `None`: it shall end.
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl Operator {
    /// Makes clusters of two HSMs each with the crypto user `kmsuser`, and works at the first.
    pub fn start(home: &Path, labels: &[String]) -> Operator {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "support::operator::process", "--ignored", "--nocapture"]).env(HOME, home);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let to = child.stdin.take();
        let from = BufReader::new(child.stdout.take().unwrap());
        let mut operator = Operator { child, to, from };
        labels.iter().for_each(|label| operator.order(&format!("create {label}")));
        operator
    }

    /// HSMs by their places in the cluster, from 0.
    pub fn fail(&mut self, hsm: usize) {
        self.order(&format!("fail {hsm}"));
    }

    pub fn recover(&mut self, hsm: usize) {
        self.order(&format!("recover {hsm}"));
    }

    /// Puts a fault plan in the place of the cluster's; an empty one takes it away.
    pub fn plan(&mut self, text: &str) {
        self.order(&format!("plan {}", text.replace('\n', LINE_END)));
    }

    pub fn order(&mut self, order: &str) {
        writeln!(self.to.as_mut().unwrap(), "{order}").unwrap();
        let mut line = String::new();
        while !line.contains(MARK) {
            line.clear();
            assert_ne!(self.from.read_line(&mut line).unwrap(), 0, "the operator ended at {order:?}");
        }
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        drop(self.to.take());
        // The runner prints its summary: somebody must take it.
        while self.from.read_line(&mut String::new()).is_ok_and(|read| read > 0) {}
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "the other side of a test, which starts it"]
fn process() {
    let Some(home) = std::env::var_os(HOME) else { return };
    let options = vhsm_store::LmdbOptions::new(Path::new(&home).join("store"));
    let store = vhsm_store::open(&vhsm_store::StoreSpec::Embedded(options)).unwrap();
    let clusters = Clusters::open(store, CHEAP).unwrap();
    let mut at_work = None;
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        match (line.strip_prefix("create "), &at_work) {
            (Some(label), None) => at_work = Some(create(&clusters, label)),
            (Some(label), Some(_)) => drop(create(&clusters, label)),
            (None, Some((cluster, admin))) => obey(&clusters, cluster, admin, &line),
            (None, None) => panic!("no cluster for {line:?}"),
        }
        println!("{MARK}");
    }
}

fn create(clusters: &Clusters, label: &str) -> (Arc<Cluster>, Login) {
    let policy = Policy { key_availability: false, refuse_public_keys: false, refuse_extractable: false };
    let new = NewCluster { label, hsms: 2, admin_password: ADMIN_PASSWORD, policy, root_key: None };
    let cluster = clusters.create(&new).unwrap();
    let admin = clusters.login_as(&cluster, None, "admin", ADMIN_PASSWORD).unwrap();
    let (role, rules) = (Role::CryptoUser, PasswordRules::Cluster);
    clusters.create_user(&cluster, &admin, USER, role, PASSWORD.as_bytes(), rules).unwrap();
    (cluster, admin)
}

fn obey(clusters: &Clusters, cluster: &Arc<Cluster>, admin: &Login, order: &str) {
    let (verb, what) = order.split_once(' ').unwrap();
    let authority = Authority::Admin(admin);
    let hsm = || &cluster.hsms[what.parse::<usize>().unwrap()].name;
    match verb {
        "fail" | "recover" => {
            let state = if verb == "fail" { HsmState::Failed } else { HsmState::Active };
            clusters.set_hsm_state(cluster, authority, hsm(), state).unwrap();
        }
        "plan" => {
            let plan = FaultPlan::parse(&what.replace(LINE_END, "\n")).unwrap();
            clusters.set_fault_plan(cluster, authority, &plan).unwrap();
        }
        "password" => {
            let rules = PasswordRules::Cluster;
            clusters.change_password(cluster, admin, USER, what.as_bytes(), rules).unwrap();
        }
        other => panic!("the operator does not know {other:?}"),
    }
}
