//! Another process that is logged in to a cluster: this test program, started again.

use super::world::clusters;
use super::*;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const HOME: &str = "PEER_HOME";
const CLUSTER: &str = "PEER_CLUSTER";
/// What it says when it is logged in.
const READY: &str = "logged in";

/// Logged in as long as it lives.
pub struct Peer(Child);

impl Peer {
    pub fn logged_in(home: &Path, cluster: &Cluster) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "directory::tests::peer::process", "--ignored", "--nocapture"])
            .env(HOME, home)
            .env(CLUSTER, &cluster.name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains(READY)), "the other process did not log in");
        Self(child)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Its standard input ends, and so it does.
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "not a test of its own: tests with two processes start it"]
fn process() {
    let home = PathBuf::from(std::env::var_os(HOME).expect("started by no test"));
    let clusters = clusters(&home);
    let cluster = clusters.find(&std::env::var(CLUSTER).unwrap()).unwrap();
    let login = clusters.login_as(&cluster, None, USER, PASSWORD.as_bytes()).unwrap();
    println!("{READY}");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    assert!(clusters.login_stands(&login).unwrap());
}
