//! Files that are not what was written: each is told, by name and reason, and nothing of it is used.

use super::*;
use crate::cluster::backup::verify_file;
use std::path::Path;

fn verify(path: &Path) -> Result<BackupCheck, Error> {
    let password = BackupPassword { user: "kmsuser", password: USER_PASSWORD };
    verify_file(path, Some(password), None, &mut quiet)
}

/// A backup with a few keys, and its bytes.
fn small() -> (Vault, Backup, Vec<u8>) {
    let vault = Vault::new();
    vault.add_key(&vault.cluster(), b"one", 1);
    let backup = vault.take();
    let bytes = std::fs::read(vault.path(&backup)).unwrap();
    (vault, backup, bytes)
}

#[test]
fn a_whole_backup_is_found_whole_with_and_without_a_password() {
    let (vault, backup, bytes) = small();
    let check = verify(&vault.path(&backup)).unwrap();
    assert!(check.is_maced && check.is_checked);
    assert_eq!((check.users, check.objects, check.bytes), (2, 1, bytes.len() as u64));
    assert_eq!((check.backup, check.cluster), (backup.id.clone(), vault.cluster().name.clone()));
    let check = vault.clusters.verify_backup(&backup.id, None, None, &mut quiet).unwrap();
    assert!(check.is_maced && !check.is_checked);
}

/// Every byte (with SLOW_TESTS=1 every bit), every length, more at the end: without any password.
#[test]
fn every_change_of_a_byte_and_every_length_is_told() {
    let (vault, _, bytes) = small();
    let path = vault.folder.path().join("changed");
    let refused = |bytes: &[u8], what: &dyn Fn() -> String| {
        std::fs::write(&path, bytes).unwrap();
        match verify_file(&path, None, None, &mut quiet) {
            Err(Error::Backup(BackupError::Damaged { file, .. })) => {
                assert_eq!(file, path.display().to_string())
            }
            Err(Error::Backup(BackupError::NewerFormat { found, .. })) => assert!(found > 1),
            // Records are decoded on the way, before the end tells that they were changed.
            Err(Error::Cluster(ClusterError::Corrupt(_) | ClusterError::NewerFormat { .. })) => {}
            Err(error) => panic!("{}: {error}", what()),
            Ok(_) => panic!("{}: accepted", what()),
        }
    };
    let slow = std::env::var_os("SLOW_TESTS").is_some();
    let mut changed = bytes.clone();
    for i in 0..bytes.len() {
        for bit in (0..8).filter(|bit| slow || *bit == i % 8) {
            changed[i] = bytes[i] ^ (1 << bit);
            refused(&changed, &|| format!("bit {bit} of byte {i}"));
        }
        changed[i] = bytes[i];
        refused(&bytes[..i], &|| format!("cut at {i}"));
    }
    for more in [&b"\0"[..], b"more", &bytes] {
        refused(&[&bytes, more].concat(), &|| "longer".into());
    }
    refused(b"", &|| "empty".into());
}

#[test]
fn a_newer_format_is_not_guessed_at() {
    let (vault, backup, mut bytes) = small();
    bytes[13] = 2;
    std::fs::write(vault.path(&backup), &bytes).unwrap();
    assert!(matches!(
        backup_error(verify(&vault.path(&backup))),
        BackupError::NewerFormat { found: 2, known: 1, .. }
    ));
    let list = vault.clusters.describe_backups(&DescribeBackups::default()).unwrap();
    assert!(list.backups.is_empty());
    assert!(list.damaged[0].problem.contains("newer"), "{}", list.damaged[0].problem);
}

/// Whoever can write the file can make its digests anew: then the MAC tells, and where he leaves that out, the check says
/// that there is none.
#[test]
fn a_forged_backup_is_told_by_its_macs() {
    use crate::cluster::backup::format::Writer;
    use crate::cluster::backup::read::Reader;
    let (vault, backup, bytes) = small();
    let forged = vault.folder.path().join("forged");
    let forge = |mac: Option<&crate::crypto::seal::MacKey>, change: &dyn Fn(&[u8], &mut Vec<u8>) -> bool| {
        let mut reader = Reader::begin(bytes.as_slice()).ok().unwrap();
        let head = reader.head().clone();
        let mut writer = Writer::begin(Vec::new(), &head).ok().unwrap();
        while let Some((key, value)) = reader.next().ok().unwrap() {
            let mut value = value.to_vec();
            if change(key, &mut value) {
                writer.record(key, &value).ok().unwrap();
            }
        }
        std::fs::write(&forged, writer.finish(1, mac).ok().unwrap().0).unwrap();
        verify(&forged)
    };
    let other = crate::crypto::seal::MacKey::new(&[5; 32]);
    assert!(matches!(backup_error(forge(Some(&other), &|_, _| true)), BackupError::Damaged { .. }));
    let check = forge(None, &|key, _| key[0] != 5).unwrap();
    assert!(
        !check.is_maced && check.is_checked && check.objects == 0,
        "left out, and said to be without a MAC"
    );
    let user = |key: &[u8], value: &mut Vec<u8>| {
        if key[0] == 3 {
            value[2] ^= 1;
        }
        true
    };
    assert!(forge(None, &user).is_err());
    let foreign = |key: &[u8], _: &mut Vec<u8>| key[0] != 1;
    assert!(matches!(backup_error(forge(None, &foreign)), BackupError::Damaged { .. }));
    drop(backup);
}

#[test]
fn a_file_under_another_backups_name_is_told() {
    let vault = Vault::new();
    let (first, second) = (vault.take(), vault.take());
    std::fs::copy(vault.path(&first), vault.path(&second)).unwrap();
    let BackupError::Damaged { what, .. } = backup_error(vault.clusters.backup(&second.id)) else { panic!() };
    assert!(what.contains("another backup"));
    let refused = vault.try_restore(&by_user(&second.id, "c2"));
    assert!(matches!(backup_error(refused), BackupError::Damaged { .. }));
    let list = vault.clusters.describe_backups(&DescribeBackups::default()).unwrap();
    assert_eq!((list.backups.len(), list.damaged.len()), (1, 1));
    assert_eq!(list.backups[0].id, first.id);
}

/// A damaged store must not push good backups out.
#[test]
fn a_damaged_store_is_not_backed_up_where_that_can_be_told() {
    let vault = Vault::new();
    let cluster = vault.cluster();
    let admin = vault.world.admin(&cluster);
    let key = crate::cluster::Space { cluster: cluster.id, generation: cluster.generation };
    let key = key.user(crate::cluster::UserId(2));
    let mut raw = vault.world.contents()[key.as_slice()].clone();
    let last = raw.len() - 1;
    raw[last] ^= 1;
    vault.world.put(&key, &raw);
    let taken = vault.clusters.create_backup(&cluster, TakenBy::Login(&admin), &mut quiet);
    assert!(matches!(cluster_error(taken), ClusterError::Corrupt("user record")));
    let found = vault.clusters.backup_folder().unwrap().found().unwrap();
    assert!(found.backups.is_empty() && found.drafts.is_empty() && found.notes.is_empty());
}
