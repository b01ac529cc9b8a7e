//! `vhsm backup ...`, and clusters made of backups.

use super::*;
use std::os::unix::fs::PermissionsExt;

/// The newest backup of the home.
fn newest(home: &Home) -> Value {
    home.good(None, &["backup", "list"])["Backups"][0].clone()
}

fn count(home: &Home) -> usize {
    home.good(None, &["backup", "list"])["Backups"].as_array().unwrap().len()
}

#[test]
fn a_backup_is_taken_listed_checked_deleted_and_restored() {
    let home = Home::demo();
    let cluster = home.good(None, &["cluster", "describe"]);
    let made = home.good(Some(USER_PIN), &["backup", "create", "--cluster", "demo"]);
    let id = made["BackupId"].as_str().unwrap();
    assert!(id.starts_with("backup-") && made["BackupArn"].as_str().unwrap().ends_with(id));
    assert_eq!((&made["BackupState"], &made["ClusterId"]), (&"READY".into(), &cluster["ClusterId"]));
    assert_eq!(
        (&made["Users"], &made["Objects"], &made["Authenticated"]),
        (&2.into(), &0.into(), &true.into())
    );
    assert_eq!((&made["HsmType"], &made["Mode"]), (&cluster["HsmType"], &cluster["Mode"]));
    assert_eq!(newest(&home), made);
    assert_eq!(home.good(None, &["backup", "describe", id]), made);
    let listed = |arguments: &[&str]| {
        home.good(None, &[&["backup", "list"], arguments].concat())["Backups"].as_array().unwrap().len()
    };
    assert_eq!(listed(&["--cluster", "demo"]), count(&home));
    assert_eq!(listed(&["--state", "PENDING_DELETION"]), 0);

    for pin in [None, Some(ADMIN_PIN), Some(USER_PIN)] {
        let check = home.good(pin, &["backup", "verify", id]);
        let found = ["Whole", "RecordsAuthentic", "Authenticated"].map(|name| check[name].as_bool().unwrap());
        assert_eq!(found, [true; 3], "{check}");
    }
    home.fails(Some("kmsuser:Wrong-Pass-3"), &["backup", "verify", id], &["wrong password"]);

    let modified = home.good(None, &["backup", "modify", id, "--never-expires", "true"]);
    assert_eq!(modified["NeverExpires"], true);
    let deleted = home.good(None, &["backup", "delete", id]);
    assert_eq!(deleted["BackupState"], "PENDING_DELETION");
    assert!(deleted["DeleteTimestamp"].as_str().unwrap() > deleted["CreateTimestamp"].as_str().unwrap());
    home.fails(None, &["backup", "delete", id], &[id, "PENDING_DELETION", "READY"]);
    home.fails(None, &["cluster", "create", "--source-backup", id], &["PENDING_DELETION"]);
    assert_eq!(home.good(None, &["backup", "restore", id])["BackupState"], "READY");
    home.fails(
        None,
        &["backup", "describe", "backup-aaaaaaaaaaa"],
        &["backup-aaaaaaaaaaa", "vhsm backup list"],
    );
    home.fails(None, &["backup", "create", "--cluster", "other"], &["other", "cluster list"]);
}

#[test]
fn a_cluster_is_made_of_a_backup_without_being_initialized() {
    let home = Home::demo();
    let cluster = home.good(None, &["cluster", "describe"]);
    let id = home.good(None, &["backup", "create"])["BackupId"].as_str().unwrap().to_owned();
    let create = ["cluster", "create", "--source-backup", &id];
    home.fails(None, &[&create[..], &["--label", "demo"]].concat(), &["\"demo\" exists", "another label"]);
    home.fails(None, &[&create[..], &["--label", "x", "--mode", "FIPS"]].concat(), &["Mode", "NON_FIPS"]);
    home.fails(
        None,
        &[&create[..], &["--admin-password", ADMIN]].concat(),
        &["--admin-password", "--source-backup"],
    );
    let restored = home.good(None, &[&create[..], &["--label", "second"]].concat());
    assert_eq!((&restored["State"], &restored["SourceBackupId"]), (&"ACTIVE".into(), &id.as_str().into()));
    assert_eq!(restored["Hsms"].as_array().unwrap().len(), 0);
    let certificate =
        |cluster: &Value| cluster["Certificates"]["ClusterCertificate"].as_str().unwrap().to_owned();
    assert_eq!(certificate(&restored), certificate(&cluster));
    let anchor = |cluster: &Value| std::fs::read(cluster["TrustAnchorFile"].as_str().unwrap()).unwrap();
    assert_eq!(anchor(&restored), anchor(&cluster));
    assert_ne!(restored["ClusterId"], cluster["ClusterId"]);
    home.good(None, &["cluster", "create-hsm", "second"]);
    let list = home.good(None, &["user", "list", "--cluster", "second"]);
    assert_eq!(list, home.good(None, &["user", "list", "--cluster", "demo"]));
    home.good(Some(USER_PIN), &[&change_password()[..], &["--cluster", "second"]].concat());

    let third = home.good(Some(USER_PIN), &[&create[..], &["--label", "third", "--hsms", "3"]].concat());
    assert_eq!(third["Hsms"].as_array().unwrap().len(), 3);
    assert_eq!(third["Restored"]["Users"], 2);
}

fn change_password() -> [&'static str; 6] {
    ["user", "change-password", "--username", "kmsuser", "--password", "Other-Pass-4"]
}

/// CloudHSM: on activation, and when an HSM comes or goes.
#[test]
fn backups_are_taken_when_a_cluster_is_active_and_when_its_hsms_change() {
    let home = Home::demo();
    assert_eq!(count(&home), 1);
    assert_eq!(newest(&home)["Authenticated"], true);
    let hsm = home.good(None, &["cluster", "create-hsm", "demo"]);
    assert_eq!(count(&home), 2);
    home.good(None, &["cluster", "delete-hsm", "demo", "--hsm-id", hsm["HsmId"].as_str().unwrap()]);
    assert_eq!(count(&home), 3);
    home.good(None, &["cluster", "create", "--label", "empty", "--availability-zone", "us-east-1a"]);
    home.good(None, &["cluster", "create-hsm", "empty"]);
    home.fails(None, &["backup", "create", "--cluster", "empty"], &["ACTIVE"]);
    assert_eq!(count(&home), 3);
}

#[test]
fn what_triggers_a_backup_is_done_even_where_that_fails() {
    let home = Home::demo();
    let folder = home.path().join("elsewhere");
    std::fs::write(&folder, "no folder").unwrap();
    home.write(
        "vhsm.toml",
        &format!(
            "[password]\nmemory_kib = 8\npasses = 1\n[backups]\nfolder = {:?}\n",
            folder.display().to_string()
        ),
    );
    let output = home.command(None, &["cluster", "create-hsm", "demo"]).output().unwrap();
    assert!(output.status.success());
    let warning = text(&output.stderr);
    assert!(warning.starts_with("vhsm: warning: what was asked is done"), "{warning}");
    assert!(warning.contains("vhsm backup create") && warning.lines().count() == 1, "{warning}");
    let described = home.good(None, &["cluster", "describe"]);
    assert_eq!(described["Hsms"].as_array().unwrap().len(), 3);
    home.fails(None, &["backup", "create"], &["elsewhere"]);
}

#[test]
fn a_backup_goes_to_another_machine_as_a_file() {
    let home = Home::demo();
    let made = home.good(None, &["backup", "create"]);
    let id = made["BackupId"].as_str().unwrap();
    let file = home.path().join("demo.vhsm-backup").display().to_string();
    let copied = home.good(None, &["backup", "copy", id, "--to", &file]);
    assert_eq!((&copied["BackupId"], &copied["CopiedTo"]), (&id.into(), &file.as_str().into()));
    home.fails(None, &["backup", "copy", id, "--to", &file], &[&file, "exists"]);

    let other = Home::empty();
    assert_eq!(other.good(None, &["backup", "verify", "--file", &file])["RecordsAuthentic"], false);
    assert_eq!(other.good(Some(USER_PIN), &["backup", "verify", "--file", &file])["Authenticated"], true);
    let imported = other.good(None, &["backup", "import", &file]);
    assert_eq!((&imported["SourceBackup"], &imported["SourceCluster"]), (&id.into(), &made["ClusterId"]));
    assert!(imported["CopyTimestamp"].is_string());
    let new = imported["BackupId"].as_str().unwrap();
    assert_ne!(new, id);
    let create = ["cluster", "create", "--source-backup", new, "--hsms", "2"];
    other.fails(None, &create, &["root key", "password of that time", "--pin"]);
    other.fails(Some("admin:Wrong-Pass-3"), &create, &["wrong password"]);
    assert_eq!(other.good(None, &["cluster", "list"])["Clusters"].as_array().unwrap().len(), 0);
    let restored = other.good(Some(USER_PIN), &create);
    assert_eq!((&restored["Label"], &restored["Restored"]["Authenticated"]), (&"demo".into(), &true.into()));
    // From then on the control plane there needs no login.
    other.good(None, &["cluster", "create-hsm", "demo"]);
    other.good(None, &["backup", "create"]);

    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    other.fails(None, &["backup", "import", &file], &[&file, "another copy"]);
    other.fails(None, &["backup", "verify", "--file", &file], &[&file]);
    std::fs::write(&file, "no backup").unwrap();
    other.fails(None, &["backup", "import", &file], &[&file]);
}

#[test]
fn the_folder_is_its_owners_alone() {
    let home = Home::demo();
    let folder = home.path().join("backups");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() >= 2);
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

/// A damaged file is named by every command that comes across it, and hides no other.
#[test]
fn a_damaged_backup_is_listed_as_that() {
    let home = Home::demo();
    let good = home.good(None, &["backup", "create"]);
    let bad = home.good(None, &["backup", "create"]);
    let file = bad["File"].as_str().unwrap();
    let bytes = std::fs::read(file).unwrap();
    std::fs::write(file, &bytes[..bytes.len() - 1]).unwrap();
    let list = home.good(None, &["backup", "list"]);
    assert_eq!(list["Damaged"][0]["File"], bad["File"]);
    assert!(list["Backups"].as_array().unwrap().contains(&good));
    let id = bad["BackupId"].as_str().unwrap();
    home.fails(None, &["backup", "verify", id], &[file, "cut short"]);
    home.fails(None, &["cluster", "create", "--source-backup", id, "--label", "x"], &[file]);
}

/// Keys of the home's `kmsuser`, made by the library's own layer.
fn add_keys(home: &Home, count: u8) {
    use cryptoki_sys::*;
    use vhsm_pkcs11::cluster::{Clusters, PasswordCosts, Role};
    use vhsm_pkcs11::object::{Attribute, Context, Object, Template};
    let spec = vhsm_store::StoreSpec::Embedded(vhsm_store::LmdbOptions::new(home.path().join("store")));
    let costs = PasswordCosts { memory_kib: 8, passes: 1, lanes: 1 };
    let clusters = Clusters::open(vhsm_store::open(&spec).unwrap(), costs).unwrap();
    let cluster = clusters.find("demo").unwrap();
    let login = clusters.login(&cluster, Role::CryptoUser, USER_PIN.as_bytes()).unwrap();
    let (class, kind) = (CKO_SECRET_KEY.to_ne_bytes(), CKK_AES.to_ne_bytes());
    for number in 0..count {
        let (label, value) = ([number, 1], [number; 32]);
        let attributes: [(CK_ATTRIBUTE_TYPE, &[u8]); 6] = [
            (CKA_CLASS, &class),
            (CKA_KEY_TYPE, &kind),
            (CKA_TOKEN, &[1]),
            (CKA_PRIVATE, &[1]),
            (CKA_LABEL, &label),
            (CKA_VALUE, &value),
        ];
        let attributes =
            attributes.map(|(kind, value)| Attribute { kind, value }).to_vec().into_iter().collect();
        let key = Object::create(&Template { attributes }, &Context::default()).unwrap();
        clusters.create_object(&cluster, Some(&login), &key).unwrap();
    }
}

/// Killed at some moment of it, another one each time.
fn killed(home: &Home, round: u64, arguments: &[&str]) {
    let mut child = home.spawn(None, arguments);
    std::thread::sleep(std::time::Duration::from_millis(3 + 7 * round));
    let _ = child.kill();
    child.wait().unwrap();
}

#[test]
fn a_backup_that_is_killed_leaves_nothing_that_looks_whole() {
    let home = Home::demo();
    add_keys(&home, 60);
    for round in 0..12 {
        killed(&home, round, &["backup", "create"]);
        let list = home.good(None, &["backup", "list"]);
        assert!(list["Damaged"].is_null(), "{list}");
        for backup in list["Backups"].as_array().unwrap() {
            assert_eq!(backup["BackupState"], "READY");
            let check = home.good(None, &["backup", "verify", backup["BackupId"].as_str().unwrap()]);
            assert_eq!((&check["Whole"], &check["Authenticated"]), (&true.into(), &true.into()));
        }
    }
}

#[test]
fn a_restore_that_is_killed_leaves_no_cluster_that_looks_whole() {
    let home = Home::demo();
    add_keys(&home, 60);
    let made = home.good(None, &["backup", "create"]);
    let id = made["BackupId"].as_str().unwrap();
    let before = home.good(None, &["store", "info"])["Records"].as_u64().unwrap();
    for round in 0..12 {
        killed(
            &home,
            round,
            &["cluster", "create", "--source-backup", id, "--label", "second", "--hsms", "1"],
        );
        let list = home.good(None, &["cluster", "list"]);
        for cluster in list["Clusters"].as_array().unwrap() {
            let name = cluster["ClusterId"].as_str().unwrap();
            let check = home.good(Some(USER_PIN), &["backup", "create", "--cluster", name]);
            assert_eq!((&check["Users"], &check["Objects"]), (&2.into(), &60.into()), "whole");
        }
        if list["Clusters"].as_array().unwrap().len() == 2 {
            home.good(Some(ADMIN_PIN), &["cluster", "delete", "second"]);
        }
    }
    // A deletion sweeps, and takes away what was left.
    home.good(None, &["cluster", "create", "--label", "x", "--admin-password", ADMIN]);
    home.good(Some(ADMIN_PIN), &["cluster", "delete", "x"]);
    assert_eq!(home.good(None, &["store", "info"])["Records"].as_u64().unwrap(), before);
}
