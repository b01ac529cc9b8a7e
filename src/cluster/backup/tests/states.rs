//! States of backups, by a clock that the tests turn.

use super::*;
use crate::cluster::backup::catalog::{DAY_MS, GRACE_MS};
use std::os::unix::fs::PermissionsExt;

const DAY_S: u64 = DAY_MS / 1000;

fn ids(vault: &Vault, state: BackupState) -> Vec<String> {
    let filters = BackupFilters { states: vec![state], ..BackupFilters::default() };
    let request = DescribeBackups { filters, sort_ascending: true, ..DescribeBackups::default() };
    vault.clusters.describe_backups(&request).unwrap().backups.into_iter().map(|backup| backup.id).collect()
}

#[test]
fn a_deleted_backup_can_be_restored_for_seven_days() {
    let vault = Vault::new();
    let backup = vault.take();
    let at = vault.world.clock.load(std::sync::atomic::Ordering::SeqCst);
    let deleted = vault.clusters.delete_backup(&backup.id).unwrap();
    assert_eq!((deleted.state, deleted.delete_ms), (BackupState::PendingDeletion, Some(at + GRACE_MS)));
    let wanted = |error, wanted_state| match error {
        BackupError::State { state, wanted, .. } => assert_eq!((state, wanted), wanted_state),
        error => panic!("{error}"),
    };
    wanted(backup_error(vault.clusters.delete_backup(&backup.id)), ("PENDING_DELETION", "READY"));
    wanted(backup_error(vault.try_restore(&by_user(&backup.id, "c2"))), ("PENDING_DELETION", "READY"));
    vault.world.pass(7 * DAY_S - 1);
    let restored = vault.clusters.undelete_backup(&backup.id).unwrap();
    assert_eq!((restored.state, restored.delete_ms), (BackupState::Ready, None));
    wanted(backup_error(vault.clusters.undelete_backup(&backup.id)), ("READY", "PENDING_DELETION"));

    vault.clusters.delete_backup(&backup.id).unwrap();
    vault.world.pass(7 * DAY_S);
    assert_eq!(vault.clusters.backup(&backup.id).unwrap().state, BackupState::Deleted);
    wanted(backup_error(vault.clusters.undelete_backup(&backup.id)), ("DELETED", "PENDING_DELETION"));
    assert!(vault.path(&backup).exists());
    let done = vault.clusters.maintain_backups(None).unwrap();
    assert_eq!(done.purged, [backup.id.as_str()]);
    assert!(!vault.path(&backup).exists());
    assert_eq!(ids(&vault, BackupState::Deleted), [backup.id.as_str()], "told of for a while");
    vault.world.pass(8 * DAY_S);
    vault.clusters.maintain_backups(None).unwrap();
    assert!(matches!(backup_error(vault.clusters.backup(&backup.id)), BackupError::NotFound(_)));
}

#[test]
fn a_backup_a_day_is_taken_and_those_past_their_time_go_but_for_the_newest() {
    let vault = Vault::new();
    let first = vault.clusters.maintain_backups(None).unwrap().taken;
    assert_eq!(first.len(), 1);
    vault.world.pass(DAY_S - 1);
    assert!(vault.clusters.maintain_backups(None).unwrap().taken.is_empty());
    vault.world.pass(1);
    let second = vault.clusters.maintain_backups(None).unwrap().taken;
    assert_eq!(second.len(), 1);
    vault.clusters.modify_backup(&second[0].id, true).unwrap();

    // The store is gone, so no more are taken: the newest stays, whatever its age.
    vault.world.pass(DAY_S);
    let third = vault.clusters.maintain_backups(None).unwrap().taken;
    let elsewhere = vault.elsewhere();
    let later = elsewhere.clusters;
    let now = vault.world.clock.load(std::sync::atomic::Ordering::SeqCst) + 89 * DAY_MS;
    let later = later.with_clock(move || now);
    let done = later.maintain_backups(None).unwrap();
    assert_eq!((done.expired, done.failed.len()), (vec![first[0].id.clone()], 0));
    let now = now + 1000 * DAY_MS;
    let later = later.with_clock(move || now);
    let done = later.maintain_backups(None).unwrap();
    assert_eq!((done.expired.len(), done.purged), (0, vec![first[0].id.clone()]));
    for kept in [&second[0], &third[0]] {
        assert_eq!(later.backup(&kept.id).unwrap().state, BackupState::Ready);
    }
}

#[test]
fn losing_a_note_loses_no_backup() {
    let vault = Vault::new();
    let (old, new) = (vault.take(), vault.take());
    vault.clusters.delete_backup(&old.id).unwrap();
    let folder = vault.clusters.backup_folder().unwrap();
    for damage in [None, Some(&b""[..]), Some(b"\x01nonsense"), Some(b"\x09")] {
        match damage {
            None => std::fs::remove_file(folder.note(&old.id)).unwrap(),
            Some(bytes) => std::fs::write(folder.note(&old.id), bytes).unwrap(),
        }
        vault.world.pass(400 * DAY_S);
        vault.clusters.maintain_backups(None).unwrap();
        assert_eq!(vault.clusters.backup(&old.id).unwrap().state, BackupState::Ready, "{damage:?}");
    }
    // Somebody says again what shall be: it gets a note.
    vault.clusters.modify_backup(&old.id, false).unwrap();
    vault.clusters.maintain_backups(None).unwrap();
    assert_eq!(vault.clusters.backup(&old.id).unwrap().state, BackupState::PendingDeletion);
    drop(new);
}

#[test]
fn backups_are_filtered_sorted_and_paged() {
    let vault = Vault::new();
    let mut made: Vec<String> = Vec::new();
    for _ in 0..5 {
        made.push(vault.take().id);
        vault.world.pass(1);
    }
    vault.clusters.modify_backup(&made[1], true).unwrap();
    vault.clusters.delete_backup(&made[2]).unwrap();
    let copy = vault.clusters.copy_backup(&made[3], "us-east-1", &[], &mut quiet).unwrap();
    let ask = |filters: BackupFilters| -> Vec<String> {
        let request = DescribeBackups { filters, sort_ascending: true, ..DescribeBackups::default() };
        let list = vault.clusters.describe_backups(&request).unwrap();
        list.backups.into_iter().map(|backup| backup.id).collect()
    };
    let any = BackupFilters::default;
    assert_eq!(ask(any()).len(), 6);
    assert_eq!(ask(BackupFilters { backup_ids: vec![made[4].clone()], ..any() }), [made[4].clone()]);
    assert_eq!(ask(BackupFilters { never_expires: Some(true), ..any() }), [made[1].clone()]);
    let pending = BackupFilters { states: vec![BackupState::PendingDeletion], ..any() };
    assert_eq!(ask(pending), [made[2].clone()]);
    let of = BackupFilters { source_backup_ids: vec![made[3].clone()], ..any() };
    assert_eq!(ask(of), [copy.backup.id.as_str()]);
    assert_eq!(ask(BackupFilters { cluster_ids: vec![vault.cluster().name.clone()], ..any() }).len(), 6);
    assert!(ask(BackupFilters { cluster_ids: vec!["cluster-aaaaaaaaaaa".into()], ..any() }).is_empty());

    let mut request = DescribeBackups { max_results: Some(4), ..DescribeBackups::default() };
    let first = vault.clusters.describe_backups(&request).unwrap();
    assert_eq!(first.backups[0].id, made[4], "the newest first");
    request.next_token = first.next_token;
    let second = vault.clusters.describe_backups(&request).unwrap();
    assert_eq!((first.backups.len(), second.backups.len(), second.next_token), (4, 2, None));
    assert_eq!(second.backups[1].id, made[0]);
    request.next_token = Some("none".into());
    assert!(matches!(
        cluster_error(vault.clusters.describe_backups(&request)),
        ClusterError::BadInput { .. }
    ));
    request.max_results = Some(51);
    assert!(matches!(
        cluster_error(vault.clusters.describe_backups(&request)),
        ClusterError::BadInput { .. }
    ));
}

#[test]
fn a_copy_is_a_backup_of_its_own_here_and_elsewhere() {
    let vault = Vault::new();
    vault.add_key(&vault.cluster(), b"one", 1);
    let backup = vault.take();
    let tag = |key: &str| Tag { key: key.into(), value: "v".into() };
    vault.clusters.tag_backup(&backup.id, &[tag("a"), tag("b")], &["a".into()]).unwrap();
    let copy = vault.clusters.copy_backup(&backup.id, "us-east-1", &[], &mut quiet).unwrap();
    assert_eq!((&copy.source_backup, &copy.source_cluster), (&backup.id, &vault.cluster().name));
    assert_eq!(copy.backup.tags, [tag("b")]);
    assert_eq!(copy.backup.source_region.as_deref(), Some("us-east-1"));
    assert_eq!(copy.backup.source_cluster(), Some(vault.cluster().name.as_str()));
    assert!(copy.backup.copied_ms.is_some() && copy.backup.content.as_ref().unwrap().is_maced);
    assert_eq!(copy.backup.created_ms, backup.created_ms);

    let file = vault.folder.path().join("for-another-machine");
    vault.clusters.export_backup(&copy.backup.id, &file, &mut quiet).unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(
        backup_error(vault.clusters.export_backup(&copy.backup.id, &file, &mut quiet)),
        BackupError::Io { .. }
    ));
    let other = Vault::of(World::empty());
    let imported = other.clusters.import_backup(&file, &[], &mut quiet).unwrap();
    assert_eq!((imported.source_backup, imported.source_region), (copy.backup.id.clone(), None));
    assert_ne!(imported.backup.id, copy.backup.id);
    assert_eq!(other.clusters.backup(&imported.backup.id).unwrap().state, BackupState::Ready);
    let restored = other.restore(&imported.backup, "far away");
    assert_eq!(other.key(&restored, b"one"), Some(vec![1; 32]));
    assert!(vault.clusters.same_backup_history(&vault.cluster(), &restored));

    let mut bytes = std::fs::read(&file).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    assert!(other.clusters.import_backup(&file, &[], &mut quiet).is_err());
    let found = other.clusters.backup_folder().unwrap().found().unwrap();
    assert_eq!((found.backups.len(), found.drafts.len(), found.notes.len()), (1, 0, 1));
}

#[test]
fn what_a_killed_process_left_is_no_backup_and_is_removed() {
    let vault = Vault::new();
    let backup = vault.take();
    let folder = vault.clusters.backup_folder().unwrap();
    let dead = "backup-aaaaaaaaaaa";
    std::fs::copy(folder.backup(&backup.id), folder.draft(dead)).unwrap();
    std::fs::copy(folder.note(&backup.id), folder.note(dead)).unwrap();
    assert!(matches!(backup_error(vault.clusters.backup(dead)), BackupError::NotFound(_)));
    assert_eq!(ids(&vault, BackupState::CreateInProgress).len(), 0);
    // While its maker holds its claim it is one that comes.
    let claim = vault.world.store.claim(&claim_name(dead), vhsm_store::ClaimKind::Exclusive).unwrap();
    assert_eq!(ids(&vault, BackupState::CreateInProgress), [dead]);
    vault.clusters.maintain_backups(None).unwrap();
    assert!(folder.draft(dead).exists());
    drop(claim);
    vault.clusters.maintain_backups(None).unwrap();
    assert!(!folder.draft(dead).exists() && !folder.note(dead).exists());
    assert_eq!(ids(&vault, BackupState::Ready), [backup.id]);
}

#[test]
fn files_are_their_owners_alone_or_their_groups() {
    for (group, file, folder) in [(false, 0o600, 0o700), (true, 0o660, 0o2770)] {
        let vault = Vault::new();
        let path = vault.folder.path().join("some/where");
        let clusters = vault.world.again().with_backups(BackupFolder::new(&path, group));
        clusters.create_backup(&vault.cluster(), TakenBy::Nobody, &mut quiet).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, folder);
        let entries: Vec<_> = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap()).collect();
        assert_eq!(entries.len(), 2);
        for entry in entries {
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, file, "{entry:?}");
        }
    }
}

#[test]
fn without_the_macs_key_a_backup_says_that_it_has_no_mac() {
    let vault = Vault::new();
    let cluster = vault.cluster();
    for by in [TakenBy::Nobody, TakenBy::Service(&root())] {
        let backup = vault.clusters.create_backup(&cluster, by, &mut quiet).unwrap();
        assert!(!backup.content.unwrap().is_maced);
        let password = BackupPassword { user: "admin", password: ADMIN_PASSWORD };
        let check = vault.clusters.verify_backup(&backup.id, Some(password), None, &mut quiet).unwrap();
        assert!(check.is_checked && !check.is_maced);
    }
    let login = vault.user(&cluster);
    let backup = vault.clusters.create_backup(&cluster, TakenBy::Login(&login), &mut quiet).unwrap();
    assert!(backup.content.unwrap().is_maced, "any user's login will do");
    let bare = vault.world.again();
    assert!(matches!(
        backup_error(bare.create_backup(&cluster, TakenBy::Nobody, &mut quiet)),
        BackupError::NoFolder
    ));
}
