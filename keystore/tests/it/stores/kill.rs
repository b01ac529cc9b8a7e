//! Connecting in a process that ends without a word: this test binary once more, running only the ignored test
//! `stores::kill::process`.

use super::*;
use crate::support::{Kind, TestSealer, library};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use vhsm_keystore::{
    ClusterDirectory, ClusterFacts, DefaultCluster, DirectoryError, HsmFacts, Module, Parts, Settings,
    SystemClock, UserFacts, xks,
};
use vhsm_store::{Call, Fault, Faulty, Lmdb, LmdbOptions, Store};
use zeroize::Zeroizing;

/// Tells the process what to do.
const TASK: &str = "VHSM_TEST_CONNECT";

#[derive(Serialize, Deserialize)]
struct Task {
    store: PathBuf,
    slots: Vec<u64>,
    end: End,
}

/// Where the process ends: before the nth of these, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum End {
    /// A commit of the records.
    Commit(u64),
    /// A use of kmsuser's password: the first logs in, the second is where the HSMs are given a new one.
    Pin(u64),
}

/// A cluster whose kmsuser nobody else uses.
struct Directory {
    slots: Vec<u64>,
    end: End,
    pins: AtomicU64,
}

impl ClusterDirectory for Directory {
    fn cluster(&self, cluster_id: &str) -> Result<Option<ClusterFacts>, DirectoryError> {
        let hsms = self.slots.iter().map(|&slot_id| HsmFacts {
            hsm_id: format!("hsm-{slot_id}"),
            slot_id,
            availability_zone: format!("zone-{slot_id}"),
            is_active: true,
        });
        Ok(Some(ClusterFacts {
            cluster_id: cluster_id.into(),
            is_active: true,
            state: "ACTIVE".into(),
            hsms: hsms.collect(),
            trust_anchor: None,
            certificate: None,
        }))
    }

    fn same_backup_history(&self, a: &str, b: &str) -> Result<bool, DirectoryError> {
        Ok(a == b)
    }

    fn crypto_user(&self, _cluster_id: &str, _name: &str) -> Result<Option<UserFacts>, DirectoryError> {
        Ok(Some(UserFacts { is_locked: false, is_logged_in: false }))
    }

    fn pin(&self, user: &str, password: &[u8]) -> Zeroizing<Vec<u8>> {
        if self.end == End::Pin(self.pins.fetch_add(1, Ordering::SeqCst) + 1) {
            std::process::abort();
        }
        Zeroizing::new([user.as_bytes(), b":", password].concat())
    }

    fn default_cluster(&self) -> Result<Option<DefaultCluster>, DirectoryError> {
        Ok(None)
    }
}

fn embedded(path: &Path) -> Arc<dyn Store> {
    Arc::new(Lmdb::open(&LmdbOptions::new(path)).unwrap())
}

#[test]
#[ignore = "the other side of a test, which starts it"]
fn process() {
    let Some(task) = std::env::var_os(TASK) else { return };
    let Task { store, slots, end } = serde_json::from_str(task.to_str().unwrap()).unwrap();
    let commits = move |occasion: &vhsm_store::Occasion| {
        if occasion.call == Call::Commit && end == End::Commit(occasion.number) {
            std::process::abort();
        }
        Fault::Pass
    };
    let parts = Parts {
        store: Arc::new(Faulty::new(embedded(&store), commits)),
        directory: Arc::new(Directory { slots, end, pins: AtomicU64::new(0) }),
        module: Arc::new(Module::load(&library()).unwrap()),
        sealer: Arc::new(TestSealer::default()),
        clock: Arc::new(SystemClock),
        xks: xks::Client::default(),
    };
    let kms = Kms::new(Settings::default(), parts);
    kms.resume();
    kms.run_tasks();
}

/// Whether the process came to its end before it was done.
fn ends(task: &Task) -> bool {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "stores::kill::process", "--ignored"]);
    let output = command.env(TASK, serde_json::to_string(task).unwrap()).output().unwrap();
    let is_done = String::from_utf8_lossy(&output.stdout).contains("1 passed");
    assert_eq!(output.status.success(), is_done, "{output:?}");
    !is_done
}

/// Ends a process at each of these until one is done; another process connects each time.
fn connecting_is_killed(at: fn(u64) -> End) -> u64 {
    for number in 1.. {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kms");
        let mut world = World::with(Kind::Vhsm, Settings::default(), embedded(&path));
        let id = store(&world);
        connect(&world.kms, &id).unwrap();
        let was_cut = ends(&Task { store: path, slots: world.hsms.slots.clone(), end: at(number) });
        let wanted = if was_cut { "CONNECTING" } else { "CONNECTED" };
        assert_eq!(state(&world.kms, &id), wanted, "{:?}", at(number));
        for _ in 0..2 {
            world.restart();
            world.kms.resume();
            world.kms.run_tasks();
            assert_eq!(state(&world.kms, &id), "CONNECTED", "{:?}", at(number));
            random(&world.kms, &id).unwrap();
        }
        if !was_cut {
            return number;
        }
    }
    unreachable!("the numbers end");
}

#[test]
fn connecting_is_killed_before_each_commit() {
    // That the records take writes; the pending password; the end, when the HSMs have it.
    assert_eq!(connecting_is_killed(End::Commit), 4);
}

#[test]
fn connecting_is_killed_before_each_use_of_the_password() {
    // The login; and the pending password is stored, but the HSMs do not have it.
    assert_eq!(connecting_is_killed(End::Pin), 3);
}
