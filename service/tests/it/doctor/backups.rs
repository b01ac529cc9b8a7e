//! What doctor says of backups.

use super::*;
use vhsm_pkcs11::cluster::backup::{BackupFolder, TakenBy};

/// A cluster that was made three days ago, by this process; `by`: who took a backup of it, so many hours ago.
fn three_days_old(home: &Home, backup: Option<(bool, u64)>) {
    let costs = PasswordCosts { memory_kib: 8, passes: 1, lanes: 1 };
    let now = Clusters::open(lmdb(home), costs).unwrap().now_ms();
    let at = |hours: u64| {
        let then = now - hours * 3_600_000;
        let folder = BackupFolder::new(home.path().join("backups"), false);
        Clusters::open(lmdb(home), costs).unwrap().with_backups(folder).with_clock(move || then)
    };
    let root_key = RootKey::load(None, home.path()).unwrap();
    let policy = Policy { key_availability: false, refuse_public_keys: false, refuse_extractable: false };
    let password = ADMIN.as_bytes();
    let new =
        NewCluster { label: "old", hsms: 2, admin_password: password, policy, root_key: Some(&root_key) };
    let cluster = at(72).create(&new).unwrap();
    if let Some((is_maced, hours)) = backup {
        let by = if is_maced { TakenBy::Service(&root_key) } else { TakenBy::Nobody };
        at(hours).create_backup(&cluster, by, &mut |_, _| {}).unwrap();
    }
}

#[test]
fn backups_that_are_missing_old_or_not_authenticated_are_told() {
    for (backup, what) in [
        (None, "has no backup"),
        (Some((true, 50)), "its newest backup is 50 hours old"),
        (Some((false, 1)), "was taken without the cluster's key"),
    ] {
        let home = sound();
        three_days_old(&home, backup);
        is_mended(&home, &[], ("warning", "cluster old", what));
    }
}

#[test]
fn a_backup_that_is_damaged_is_told() {
    let home = sound();
    let files = std::fs::read_dir(home.path().join("backups")).unwrap().map(|entry| entry.unwrap().path());
    let file = files.max_by_key(|file| file.metadata().unwrap().len()).unwrap();
    std::fs::write(&file, "no backup").unwrap();
    let mend =
        doctor(&home, &[]).finding("problem", &file.display().to_string(), "no backup that can be used");
    let told = after(&home, &mend, &[]);
    assert!(told.find(&file.display().to_string(), "no backup").is_none(), "{:#}", told.json);
}
