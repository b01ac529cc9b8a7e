//! Tests of a run of the library over a store in memory, into which they look past it.

use super::*;
use crate::cluster::PasswordCosts;
use crate::config::{StoreChoice, StoreTable};
use crate::log::Level;
use crate::profile::{Profile, Settings};
use crate::session::{Pin, UserType};
use std::ops::ControlFlow;
use vhsm_store::Batch;

fn library() -> Library {
    let config = Config {
        home: "/nowhere".into(),
        store: StoreChoice::Memory,
        store_table: StoreTable::default(),
        profile: Profile::Standard,
        settings: Settings::default(),
        legacy: false,
        backups: crate::cluster::backup::BackupFolder::new("/nowhere", false),
        password_costs: PasswordCosts { memory_kib: 8, passes: 1, lanes: 1 },
        lifecycle_delay_ms: 0,
        region: "us-east-1".into(),
        root_key_file: None,
        faults: FaultPlan::default(),
        serve: Default::default(),
        log_level: Level::Off,
        log_file: None,
        private: false,
    };
    Library::start(config, Logger::to_stderr(Level::Off)).unwrap()
}

/// The record of the only cluster.
fn cluster_record(library: &Library) -> (Vec<u8>, Vec<u8>) {
    let mut found = None;
    let mut keep = |key: &[u8], value: &[u8]| {
        found = Some((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    };
    library.clusters.store().read(&mut |snapshot| snapshot.range(&[1], &[2], &mut keep)).unwrap();
    found.unwrap()
}

#[test]
fn settings_changed_past_the_library_are_not_taken_over_under_a_login() {
    let library = library();
    let slot = library.listed_slots(true)[0];
    library.init_token(slot, b"so-pin", "token").unwrap();
    let session = library.open_session(slot, true).unwrap();
    let log_in = |user, pin| library.session(session).unwrap().log_in(user, Pin::Text(pin)).unwrap();
    log_in(UserType::SecurityOfficer, b"so-pin");
    library.session(session).unwrap().init_pin(b"user-pin").unwrap();
    library.log_out(&library.session(session).unwrap()).unwrap();
    log_in(UserType::User, b"user-pin");
    assert!(!library.slot(slot).unwrap().context().refuse_extractable);

    let (key, value) = cluster_record(&library);
    let put = |value: &[u8]| {
        library.clusters.store().commit(Batch::new().put(key.as_slice(), value)).unwrap();
    };
    // The last of three settings, behind version, name, label, lineage and the part for IVs.
    let mut changed = value.clone();
    let setting = 1 + (1 + 19) + (1 + "token".len()) + 16 + 3 + 2;
    assert_eq!(changed[setting], 0);
    changed[setting] = 1;
    put(&changed);
    for _ in 0..2 {
        let refused = library.refresh();
        assert!(matches!(
            refused,
            Err(Error::Cluster(crate::error::ClusterError::Corrupt("cluster record")))
        ));
    }
    put(&value);
    library.refresh().unwrap();
    assert!(!library.slot(slot).unwrap().context().refuse_extractable);
}
