//! When tasks are due, by a clock that is turned by hand.

use super::maintenance::Schedule;
use crate::App;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use vhsm_pkcs11::cluster::backup::BackupFolder;
use vhsm_pkcs11::cluster::{Clusters, NewCluster, PasswordCosts};
use vhsm_pkcs11::config::{Config, StoreChoice, StoreTable};
use vhsm_pkcs11::log::Level;
use vhsm_pkcs11::profile::{Profile, Settings};
use vhsm_store::Memory;

const START_MS: u64 = 1_700_000_000_000;
const COSTS: PasswordCosts = PasswordCosts { memory_kib: 8, passes: 1, lanes: 1 };

struct World {
    app: App,
    clock: Arc<AtomicU64>,
    schedule: Schedule,
    _home: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicU64::new(START_MS));
        let read = clock.clone();
        let clusters = Clusters::open(Arc::new(Memory::new()), COSTS).unwrap();
        let backups = BackupFolder::new(home.path().join("backups"), false);
        let clusters = clusters.with_clock(move || read.load(Ordering::SeqCst)).with_backups(backups.clone());
        let config = Config {
            home: home.path().into(),
            store: StoreChoice::Memory,
            store_table: StoreTable::default(),
            profile: Profile::Standard,
            settings: Settings::default(),
            legacy: false,
            password_costs: COSTS,
            backups,
            lifecycle_delay_ms: 0,
            region: "us-east-1".into(),
            faults: Default::default(),
            serve: Default::default(),
            root_key_file: None,
            log_level: Level::Off,
            log_file: None,
            private: false,
        };
        Self { app: App { config, clusters }, clock, schedule: Schedule::new(), _home: home }
    }

    /// A cluster that was deleted, and is not swept.
    fn leave_something(&self) {
        let new = NewCluster {
            label: "gone",
            hsms: 1,
            admin_password: b"admin-password",
            policy: self.app.config.policy(),
            root_key: None,
        };
        let cluster = self.app.clusters.create(&new).unwrap();
        self.app.clusters.delete(&cluster).unwrap();
        assert_eq!(self.app.clusters.unswept().unwrap(), 1);
    }

    fn run(&mut self) -> (Vec<String>, Duration) {
        let mut lines = Vec::new();
        let outcome = self.schedule.run_due(&self.app, &mut |line| lines.push(line.to_owned()));
        assert_eq!(outcome.failed, 0, "{lines:?}");
        (lines, outcome.next)
    }

    fn pass(&self, seconds: u64) {
        self.clock.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

#[test]
fn everything_is_due_at_the_start_and_then_in_its_time() {
    let mut world = World::new();
    world.leave_something();
    let (lines, next) = world.run();
    assert_eq!(lines, ["sweep: deleted what 1 deletions had left behind"]);
    assert!(next > Duration::ZERO && next <= Duration::from_secs(60), "{next:?}");
    world.leave_something();
    assert_eq!(world.run().0.len(), 0);
    world.pass(59);
    assert_eq!(world.run().0.len(), 0);
    world.pass(1);
    assert_eq!(world.run().0.len(), 1);
    assert_eq!(world.app.clusters.unswept().unwrap(), 0);
}

#[test]
fn a_clock_that_was_set_back_puts_nothing_off() {
    let mut world = World::new();
    world.run();
    world.leave_something();
    world.clock.store(START_MS - 86_400_000, Ordering::SeqCst);
    assert_eq!(world.run().0.len(), 1);
    assert_eq!(world.run().0.len(), 0);
}

#[test]
fn a_backup_a_day_is_taken() {
    let mut world = World::new();
    let policy = world.app.config.policy();
    let new =
        NewCluster { label: "daily", hsms: 1, admin_password: b"admin-password", policy, root_key: None };
    world.app.clusters.create(&new).unwrap();
    for taken in [1, 0, 0, 1] {
        let (lines, _) = world.run();
        assert_eq!(lines.iter().filter(|line| line.starts_with("backups: took backup-")).count(), taken);
        world.pass(8 * 60 * 60);
    }
}
