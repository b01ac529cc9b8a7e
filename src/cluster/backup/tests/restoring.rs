//! Clusters made of backups.

use super::*;
use crate::cluster::tests::cluster_error;
use crate::cluster::{HsmState, NewCluster, PasswordRules, keys};
use vhsm_store::Batch;

#[test]
fn a_restored_cluster_has_the_users_and_keys_of_that_time() {
    let vault = Vault::new();
    let cluster = vault.cluster();
    let id = vault.add_key(&cluster, b"old", 1);
    vault.clusters.create_object(&cluster, None, &aes_key(b"public", b"p", &[9; 32], false)).unwrap();
    let backup = vault.take();
    vault.add_key(&cluster, b"later", 2);

    let restored = vault.restore(&backup, "c2");
    assert_eq!(vault.key(&restored, b"old"), Some(vec![1; 32]));
    assert_eq!(vault.key(&restored, b"public"), Some(vec![9; 32]));
    assert_eq!(vault.key(&restored, b"later"), None);
    let login = vault.user(&restored);
    assert!(vault.clusters.object(&restored, Some(&login), id).unwrap().is_some(), "handles stay");
    vault.clusters.verify(&restored, &login).unwrap();
    let users: Vec<_> = vault.clusters.users(&restored).unwrap().into_iter().map(|user| user.name).collect();
    assert_eq!(users, ["admin", "kmsuser"]);
    vault.clusters.login(&restored, Role::Admin, ADMIN_PASSWORD).unwrap();

    assert_ne!(restored.name, cluster.name);
    assert_ne!(restored.id, cluster.id);
    assert_eq!(restored.backing.source_backup.as_deref(), Some(backup.id.as_str()));
    assert_eq!((restored.label.as_str(), restored.hsms.len()), ("c2", 1));
    assert!(vault.clusters.same_backup_history(&cluster, &restored));
}

/// Both have the same keys, so their IVs must not meet; and they change apart.
#[test]
fn two_clusters_of_one_lineage_go_their_own_ways() {
    let vault = Vault::new();
    let cluster = vault.cluster();
    vault.add_key(&cluster, b"both", 1);
    let restored = vault.restore(&vault.take(), "c2");
    assert_ne!(restored.iv_prefix, cluster.iv_prefix);
    assert_ne!(
        vault.clusters.next_iv(&restored).unwrap()[..3],
        vault.clusters.next_iv(&cluster).unwrap()[..3]
    );

    vault.add_key(&restored, b"second", 2);
    vault.add_key(&cluster, b"first", 3);
    assert_eq!((vault.key(&cluster, b"second"), vault.key(&restored, b"first")), (None, None));
    assert_eq!(vault.key(&restored, b"second"), Some(vec![2; 32]));
    let admin = vault.clusters.login(&restored, Role::Admin, ADMIN_PASSWORD).unwrap();
    let rules = PasswordRules::Cluster;
    vault.clusters.change_password(&restored, &admin, "kmsuser", b"another-password", rules).unwrap();
    vault.clusters.login_as(&restored, None, "kmsuser", b"another-password").unwrap();
    vault.user(&cluster);
    vault.clusters.delete(&cluster).unwrap();
    while vault.clusters.sweep().unwrap() {}
    let login = vault.clusters.login_as(&restored, None, "kmsuser", b"another-password").unwrap();
    let (found, _) = vault.clusters.candidates(&restored, Some(&login), &template(&[])).unwrap();
    assert_eq!(found.len(), 2);
}

/// Index entries keep the tags of the numbers they were made for, through changes and a second restore.
#[test]
fn index_entries_lead_to_their_objects_after_changes_and_another_restore() {
    let vault = Vault::new();
    let id = vault.add_key(&vault.cluster(), b"first label", 1);
    let restored = vault.restore(&vault.take(), "c2");
    let login = vault.user(&restored);
    let mut relabel = |object: &crate::object::Object| {
        let template = template(&[(CKA_LABEL, b"second label")]);
        Ok(object.with_changes(&template, &crate::object::Context::default())?)
    };
    vault.clusters.update_object(&restored, Some(&login), id, &mut relabel).unwrap().unwrap();
    vault.add_key(&restored, b"made there", 2);
    let by = TakenBy::Login(&login);
    let again = vault.clusters.create_backup(&restored, by, &mut quiet).unwrap();
    let third = vault.restore(&again, "c3");
    for cluster in [&restored, &third] {
        assert_eq!(vault.key(cluster, b"first label"), None);
        assert_eq!(vault.key(cluster, b"second label"), Some(vec![1; 32]));
        assert_eq!(vault.key(cluster, b"made there"), Some(vec![2; 32]));
        let login = vault.user(cluster);
        assert!(vault.clusters.destroy_object(cluster, Some(&login), id).unwrap());
        assert_eq!(vault.key(cluster, b"second label"), None);
    }
    assert_eq!(again.cluster, restored.name);
    assert!(vault.clusters.same_backup_history(&vault.cluster(), &third));
}

/// In a store that gave few ids so far, and to a process that took its ids before.
#[test]
fn objects_of_a_backup_keep_their_ids_and_new_ones_get_greater() {
    let vault = Vault::new();
    for label in 0..40_u8 {
        vault.add_key(&vault.cluster(), &[label, 1], label);
    }
    let backup = vault.take();
    let other = vault.elsewhere();
    let make = |label| NewCluster {
        label,
        hsms: 1,
        admin_password: ADMIN_PASSWORD,
        policy: NO_POLICY,
        root_key: None,
    };
    let own = other.clusters.create(&make("own")).unwrap();
    let admin = other.clusters.login(&own, Role::Admin, ADMIN_PASSWORD).unwrap();
    other.world.create_user(&own, &admin, "kmsuser", Role::CryptoUser);
    let before = other.add_key(&own, b"takes a block of ids", 1);
    let restored = other.restore(&backup, "restored");
    let new = other.add_key(&restored, b"new", 77);
    let login = other.user(&restored);
    let (all, _) = other.clusters.candidates(&restored, Some(&login), &template(&[])).unwrap();
    assert_eq!(all.len(), 41);
    assert!(all.iter().all(|id| *id <= new) && before < new);
    assert_eq!(other.key(&restored, &[7, 1]), Some(vec![7; 32]));
    assert_eq!(other.key(&restored, b"new"), Some(vec![77; 32]));
}

#[test]
fn a_backup_is_only_opened_by_a_password_of_that_time_or_the_root_key() {
    let root = root();
    let world = World::empty();
    let new = NewCluster {
        label: "c1",
        hsms: 2,
        admin_password: ADMIN_PASSWORD,
        policy: NO_POLICY,
        root_key: Some(&root),
    };
    let cluster = world.clusters.create(&new).unwrap();
    let admin = world.admin(&cluster);
    world.create_user(&cluster, &admin, "kmsuser", Role::CryptoUser);
    let vault = Vault::of(world);
    let backup = vault.take();
    let rules = PasswordRules::Cluster;
    vault.clusters.change_password(&cluster, &admin, "kmsuser", b"new-password", rules).unwrap();

    let with = |user, password| RestoreCluster {
        password: Some(BackupPassword { user, password }),
        ..by_user(&backup.id, "c2")
    };
    let wrong = vault.try_restore(&with("kmsuser", b"new-password"));
    assert!(matches!(cluster_error(wrong), ClusterError::PinIncorrect));
    assert!(matches!(cluster_error(vault.try_restore(&with("nobody", b"x"))), ClusterError::UserNotFound(_)));
    let none = RestoreCluster { password: None, ..by_user(&backup.id, "c2") };
    assert!(matches!(backup_error(vault.try_restore(&none)), BackupError::NoAuthority(_)));
    let other = super::root();
    let foreign = RestoreCluster { root_key: Some(&other), ..none.clone() };
    assert!(matches!(backup_error(vault.try_restore(&foreign)), BackupError::NoAuthority(_)));
    assert_eq!(vault.clusters.list().unwrap().len(), 1);

    vault.try_restore(&with("admin", ADMIN_PASSWORD)).unwrap();
    let by_root = RestoreCluster { label: Some("c3"), root_key: Some(&root), ..none };
    let restored = vault.try_restore(&by_root).unwrap();
    assert!(restored.was_maced);
    // The control plane goes on with it under the root key here.
    let (by, hsm) = (crate::cluster::Authority::Service(&root), &restored.cluster.hsms[0].name);
    vault.clusters.set_hsm_state(&restored.cluster, by, hsm, HsmState::Failed).unwrap();
    vault.user(&restored.cluster);
    let old = vault.clusters.login_as(&restored.cluster, None, "kmsuser", b"new-password");
    assert!(matches!(cluster_error(old), ClusterError::PinIncorrect));
}

#[test]
fn users_that_were_locked_are_locked() {
    let vault = Vault::new();
    let cluster = vault.cluster();
    for _ in 0..5 {
        assert!(vault.clusters.login_as(&cluster, None, "kmsuser", b"wrong-password").is_err());
    }
    let backup = vault.take();
    let refused = vault.try_restore(&by_user(&backup.id, "c2"));
    assert!(matches!(cluster_error(refused), ClusterError::PinLocked(_)));
    let admin = Some(BackupPassword { user: "ADMIN", password: ADMIN_PASSWORD });
    let restored =
        vault.try_restore(&RestoreCluster { password: admin, ..by_user(&backup.id, "c2") }).unwrap().cluster;
    let login = vault.clusters.login_as(&restored, None, "kmsuser", USER_PASSWORD);
    assert!(matches!(cluster_error(login), ClusterError::PinLocked(_)));
}

#[test]
fn what_cannot_be_restored_is_said_and_changes_nothing() {
    let vault = Vault::new();
    let backup = vault.take();
    let before = vault.world.contents();
    let new = |label| RestoreCluster { label, ..by_user(&backup.id, "") };
    let taken = |new: &RestoreCluster| cluster_error(vault.try_restore(new));
    assert!(matches!(taken(&new(Some("c1"))), ClusterError::LabelTaken(_)));
    assert!(matches!(taken(&new(Some(""))), ClusterError::BadInput { field: "label", .. }));
    let long = "x".repeat(33);
    assert!(matches!(taken(&new(Some(&long))), ClusterError::BadInput { .. }));
    let mode = RestoreCluster { mode: Some(Mode::Fips), ..new(Some("c2")) };
    assert!(matches!(taken(&mode), ClusterError::BadInput { field: "Mode", .. }));
    let hsms = RestoreCluster { hsms: 29, ..new(Some("c2")) };
    assert!(matches!(taken(&hsms), ClusterError::BadInput { field: "hsms", .. }));
    let days = RestoreCluster { backup_retention_days: Some(6), ..new(Some("c2")) };
    assert!(matches!(taken(&days), ClusterError::BadInput { .. }));
    for name in ["backup-aaaaaaaaaaa", "../../etc/passwd", ""] {
        let unknown = RestoreCluster { source_backup: name, ..new(Some("c2")) };
        assert!(matches!(backup_error(vault.try_restore(&unknown)), BackupError::NotFound(_)), "{name}");
    }
    assert_eq!(vault.world.contents(), before);
    let arn = format!("arn:aws:cloudhsm:us-east-1:111122223333:backup/{}", backup.id);
    // Its own label is taken while its cluster is there.
    let restored = vault.try_restore(&RestoreCluster { source_backup: &arn, hsms: 0, ..new(None) }).unwrap();
    assert_eq!((&restored.cluster.label, restored.cluster.hsms.len()), (&restored.cluster.name, 0));
    vault.clusters.delete(&vault.cluster()).unwrap();
    let restored = vault.try_restore(&RestoreCluster { source_backup: &arn, ..new(None) }).unwrap();
    assert_eq!(restored.cluster.label, "c1");
}

/// Killed after each of its commits, done or not: never a cluster, and the next sweep leaves nothing.
#[test]
fn a_restore_that_dies_leaves_nothing() {
    let vault = Vault::new();
    for label in 0..60_u8 {
        vault.add_key(&vault.cluster(), &[label, 1], label);
    }
    let backup = vault.take();
    let clean = vault.world.contents();
    let keys_of =
        |contents: &Contents| contents.keys().filter(|key| key[0] != 0).cloned().collect::<Vec<_>>();
    let mut finished = 0;
    for good in 0..12 {
        for done in [false, true] {
            let dying =
                vault.world.killed_after(good, done).with_backups(vault.clusters.backups.clone().unwrap());
            let restored = dying.restore_cluster(&by_user(&backup.id, "c2"), &mut quiet);
            drop(dying);
            let list = vault.clusters.list().unwrap();
            if let Some(cluster) = list.get(1) {
                // Its last commit was done, whether it knew or not.
                assert!(restored.is_ok() || done);
                assert_eq!(vault.key(cluster, &[59, 1]), Some(vec![59; 32]));
                vault.clusters.delete(cluster).unwrap();
                finished += 1;
            }
            while vault.clusters.sweep().unwrap() {}
            assert_eq!(keys_of(&vault.world.contents()), keys_of(&clean), "{good} {done}");
        }
    }
    assert!(finished > 2, "the rounds reach the end");
}

/// The sweep of another process does not take away what is being restored, and one that was taken for dead is told.
#[test]
fn a_restore_under_way_is_left_alone() {
    let vault = Vault::new();
    for label in 0..120_u8 {
        vault.add_key(&vault.cluster(), &[label, 1], label);
    }
    let backup = vault.take();
    let sweeper = vault.world.again();
    let mut sweeps = |_done, _of| while sweeper.sweep().unwrap() {};
    let restored = vault.clusters.restore_cluster(&by_user(&backup.id, "c2"), &mut sweeps).unwrap().cluster;
    assert_eq!(vault.key(&restored, &[119, 1]), Some(vec![119; 32]));

    let mark = keys::restore(crate::cluster::ClusterId(restored.id.0 + 1));
    let store = vault.world.store.clone();
    let mut steal = |_done, _of| drop(store.commit(Batch::new().delete(mark.as_slice())));
    let refused = vault.clusters.restore_cluster(&by_user(&backup.id, "c3"), &mut steal);
    assert!(matches!(refused, Err(Error::Backup(BackupError::GivenUp))));
    assert_eq!(vault.clusters.list().unwrap().len(), 2);
}

/// Whether the other user has come across the key before the backup or not; and what an admin said of it.
#[test]
fn what_was_shared_is_shared_and_what_was_trusted_is_trusted() {
    let vault = Vault::new();
    let cluster = vault.cluster();
    let admin = vault.world.admin(&cluster);
    for name in ["early", "late", "stranger"] {
        vault.world.create_user(&cluster, &admin, name, Role::CryptoUser);
    }
    let login =
        |cluster: &Cluster, name| vault.clusters.login_as(cluster, None, name, USER_PASSWORD).unwrap();
    let find = |cluster: &Cluster, name| {
        let login = login(cluster, name);
        let (found, _) =
            vault.clusters.candidates(cluster, Some(&login), &template(&[(CKA_LABEL, b"shared")])).unwrap();
        let opened = |id: &ObjectId| vault.clusters.object(cluster, Some(&login), *id).unwrap().unwrap();
        found.iter().map(opened).map(|object| object.secret().unwrap().expose().to_vec()).collect::<Vec<_>>()
    };
    let id = vault.add_key(&cluster, b"shared", 7);
    let names = ["early", "late"];
    vault.clusters.share_object(&cluster, &vault.user(&cluster), id, &names).unwrap().unwrap();
    assert_eq!(find(&cluster, "early"), [[7; 32]]);
    assert!(vault.clusters.set_trusted(&cluster, &admin, id, true).unwrap());

    let restored = vault.restore(&vault.take(), "c2");
    let again = vault.clusters.create_backup(&restored, TakenBy::Nobody, &mut quiet).unwrap();
    for cluster in [&restored, &vault.restore(&again, "c3")] {
        for (name, count) in [("kmsuser", 1), ("early", 1), ("late", 1), ("stranger", 0)] {
            assert_eq!(find(cluster, name), vec![vec![7; 32]; count], "{name}");
        }
        let object = vault.clusters.object(cluster, Some(&vault.user(cluster)), id).unwrap().unwrap();
        assert!(object.flag(CKA_TRUSTED));
        vault.clusters.unshare_object(cluster, &vault.user(cluster), id, &["early"]).unwrap().unwrap();
        assert_eq!((find(cluster, "early").len(), find(cluster, "late").len()), (0, 1));
    }
    assert_eq!(find(&cluster, "early").len(), 1, "the first cluster's are its own");
}
