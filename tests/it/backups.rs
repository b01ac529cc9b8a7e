//! Backups through the library: other processes write while one is taken, and what is restored works.

use crate::support::*;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use vhsm_pkcs11::cluster::backup::{Backup, BackupFolder, BackupPassword, RestoreCluster, TakenBy};
use vhsm_pkcs11::cluster::{Cluster, Clusters, NewCluster, PasswordCosts, PasswordRules, Policy, Role};
use vhsm_store::{LmdbOptions, StoreSpec};

fn clusters(home: &Path) -> Clusters {
    let spec = StoreSpec::Embedded(LmdbOptions::new(home.join("store")));
    let costs = PasswordCosts { memory_kib: 64, passes: 1, lanes: 1 };
    let folder = BackupFolder::new(home.join("backups"), false);
    Clusters::open(vhsm_store::open(&spec).unwrap(), costs).unwrap().with_backups(folder)
}

/// The cluster `first` with the crypto user `kmsuser`.
fn first(clusters: &Clusters) -> Arc<Cluster> {
    let policy = Policy { key_availability: false, refuse_public_keys: false, refuse_extractable: false };
    let new = NewCluster { label: "first", hsms: 1, admin_password: USER_PIN, policy, root_key: None };
    let cluster = clusters.create(&new).unwrap();
    let admin = clusters.login(&cluster, Role::Admin, USER_PIN).unwrap();
    let (role, rules) = (Role::CryptoUser, PasswordRules::Cluster);
    clusters.create_user(&cluster, &admin, "kmsuser", role, USER_PIN, rules).unwrap();
    cluster
}

fn take(clusters: &Clusters, cluster: &Cluster) -> Backup {
    clusters.create_backup(cluster, TakenBy::Nobody, &mut |_, _| {}).unwrap()
}

fn restore(clusters: &Clusters, backup: &Backup, label: &str) -> Arc<Cluster> {
    let new = RestoreCluster {
        source_backup: &backup.id,
        label: Some(label),
        hsms: 1,
        password: Some(BackupPassword { user: "kmsuser", password: USER_PIN }),
        ..RestoreCluster::default()
    };
    clusters.restore_cluster(&new, &mut |_, _| {}).unwrap().cluster
}

/// A process that is logged in to the cluster's first HSM.
fn peer(home: &Path, cluster: &Cluster) -> Peer {
    let mut peer = Peer::start(home);
    assert_eq!(peer.ask(&format!("open {}", cluster.hsms[0].slot_id)), "ok");
    assert_eq!(peer.ask("login"), "ok");
    peer
}

/// What the first encrypted the second decrypts, and the other way round; their objects change apart.
#[test]
fn restored_keys_are_the_keys_of_that_time() {
    let home = tempfile::tempdir().unwrap();
    let clusters = clusters(home.path());
    let cluster = first(&clusters);
    let mut old = peer(home.path(), &cluster);
    let key = old.ask("generate kept");
    let encrypted = old.ask(&format!("encrypt {key}"));
    let backup = take(&clusters, &cluster);
    assert_eq!(old.ask(&format!("destroy {key}")), "ok");
    let restored = restore(&clusters, &backup, "second");
    let mut new = peer(home.path(), &restored);
    assert_eq!(new.ask("find kept"), key, "its handle is the same");
    assert_eq!(new.ask(&format!("encrypt {key}")), encrypted);
    assert_eq!(new.ask(&format!("relabel {key} renamed")), "ok");
    assert_eq!((new.ask("find kept"), new.ask("find renamed")), (String::new(), key));
    let more = new.ask("generate more");
    assert_eq!((new.ask("find more"), old.ask("find more")), (more, String::new()));
    assert_eq!(old.ask("find-all"), "");
}

/// Writers make `a-N` before `b-N`, and destroy them the other way round: so at every moment, and in every backup, each
/// `b-N` has its `a-N`.
#[test]
fn a_backup_is_of_one_moment_while_processes_write() {
    let home = tempfile::tempdir().unwrap();
    let clusters = clusters(home.path());
    let cluster = first(&clusters);
    let stop = AtomicBool::new(false);
    let backups: Vec<Backup> = std::thread::scope(|scope| {
        for writer in 0..2 {
            let (stop, home, cluster) = (&stop, home.path(), &cluster);
            scope.spawn(move || {
                let mut peer = peer(home, cluster);
                let mut round = 0;
                while !stop.load(Ordering::Relaxed) {
                    let keys = ["a", "b"].map(|kind| peer.ask(&format!("generate {kind}-{writer}-{round}")));
                    if round % 2 == 0 {
                        assert_eq!(peer.ask(&format!("destroy {}", keys[1])), "ok");
                        assert_eq!(peer.ask(&format!("destroy {}", keys[0])), "ok");
                    }
                    round += 1;
                }
            });
        }
        let mut backups = Vec::new();
        // Until they have written something, and then amid it.
        for _ in 0..2000 {
            let backup = take(&clusters, &cluster);
            if backups.len() == 6 {
                break;
            }
            if backup.content.as_ref().unwrap().objects > 4 * backups.len() as u64 {
                backups.push(backup);
            }
        }
        stop.store(true, Ordering::Relaxed);
        backups
    });
    assert_eq!(backups.len(), 6);
    for (number, backup) in backups.iter().enumerate() {
        let restored = restore(&clusters, backup, &format!("restored-{number}"));
        let mut peer = peer(home.path(), &restored);
        let handles = peer.ask("find-all");
        let labels: Vec<String> = handles.split(' ').map(|key| peer.ask(&format!("label {key}"))).collect();
        assert_eq!(labels.len() as u64, backup.content.as_ref().unwrap().objects);
        for label in labels.iter().filter(|label| label.starts_with('b')) {
            assert!(labels.contains(&label.replacen('b', "a", 1)), "{label} alone in {labels:?}");
        }
        for (label, key) in labels.iter().zip(handles.split(' ')) {
            assert_eq!(peer.ask(&format!("find {label}")), key);
        }
    }
}

/// Nothing of a key or its label stands in a backup's files.
#[test]
fn a_backup_shows_no_label_and_no_password() {
    let home = tempfile::tempdir().unwrap();
    let clusters = clusters(home.path());
    let cluster = first(&clusters);
    let mut writer = peer(home.path(), &cluster);
    let label = "A-label-for-nobody";
    let key = writer.ask(&format!("generate {label}"));
    take(&clusters, &cluster);
    assert_eq!(writer.ask(&format!("destroy {key}")), "ok");
    let mut files = 0;
    for path in disk::tree(&home.path().join("backups")).into_iter().filter(|path| path.is_file()) {
        let bytes = std::fs::read(&path).unwrap();
        files += 1;
        for needle in [label.as_bytes(), USER_PIN] {
            assert!(!bytes.windows(needle.len()).any(|part| part == needle), "{}", path.display());
        }
    }
    assert_eq!(files, 2);
}
