//! `vhsm doctor`: each finding is provoked for real, and goes away when its mend is run.

mod backups;
mod faults;
#[cfg(feature = "etcd")]
mod over_etcd;

use super::*;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::Arc;
use vhsm_pkcs11::cluster::life::api::{CreateClusterRequest, CreateHsmRequest, Places};
use vhsm_pkcs11::cluster::life::{ControlPlane, Settings};
use vhsm_pkcs11::cluster::{Clusters, HsmType, Mode, NetworkType, NewCluster, PasswordCosts, Policy};
use vhsm_pkcs11::root_key::RootKey;
use vhsm_store::{Batch, Lmdb, LmdbOptions, Store};

/// A home whose passwords cost what they should, for else that is a finding.
fn sound() -> Home {
    let defaults = PasswordCosts::default();
    let home = Home::with_costs(defaults.memory_kib, defaults.passes);
    home.make_demo();
    home
}

/// What doctor said.
struct Told {
    status: i32,
    json: Value,
}

impl Told {
    fn of(output: &Output) -> Self {
        let status = output.status.code().unwrap();
        assert_eq!(text(&output.stderr), "");
        Self { status, json: serde_json::from_slice(&output.stdout).unwrap() }
    }

    fn find(&self, place: &str, what: &str) -> Option<&Value> {
        let has = |one: &Value, key: &str, part: &str| one[key].as_str().unwrap().contains(part);
        let all = self.json["findings"].as_array().unwrap();
        all.iter().find(|one| has(one, "where", place) && has(one, "what", what))
    }

    /// The finding that says so, with its severity and its mend.
    #[track_caller]
    fn finding(&self, severity: &str, place: &str, what: &str) -> String {
        let found = self.find(place, what).unwrap_or_else(|| panic!("{place}: {what}: {:#}", self.json));
        assert_eq!(found["severity"], severity, "{found}");
        let bad = matches!(severity, "warning" | "problem");
        assert!(!bad || self.status == 1, "{found}");
        found["mend"].as_str().unwrap_or_default().to_owned()
    }

    #[track_caller]
    fn is_well(&self) {
        assert_eq!(self.status, 0, "{:#}", self.json);
        assert_eq!((&self.json["problems"], &self.json["warnings"]), (&0.into(), &0.into()));
    }
}

fn doctor(home: &Home, environment: &[(&str, &str)]) -> Told {
    Told::of(&home.command(None, &["doctor"]).envs(environment.iter().copied()).output().unwrap())
}

/// Runs a mend as it stands in a shell that then asks doctor again. People put their password in the place of a word.
fn after(home: &Home, mend: &str, environment: &[(&str, &str)]) -> Told {
    let new = home.write("new.txt", USER);
    let mend = mend
        .replace("PASSWORD ", &format!("{ADMIN} "))
        .replace("--password-file NEW", &format!("--password-file {new}"));
    let script = format!("{{ {mend}; }} >&2 || exit 77\nexec '{}' doctor", env!("CARGO_BIN_EXE_vhsm"));
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).env_clear().env("VHSM_HOME", home.path()).envs(environment.iter().copied());
    shell.env("PATH", std::env::var_os("PATH").unwrap());
    let output = shell.output().unwrap();
    let status = output.status.code().unwrap();
    assert_ne!(status, 77, "{script}: {}", text(&output.stderr));
    Told { status, json: serde_json::from_slice(&output.stdout).unwrap() }
}

/// The finding is there, and its mend takes it away and leaves nothing to mend.
#[track_caller]
fn is_mended(home: &Home, environment: &[(&str, &str)], (severity, place, what): (&str, &str, &str)) {
    let mend = doctor(home, environment).finding(severity, place, what);
    let told = after(home, &mend, environment);
    assert!(told.find(place, what).is_none(), "{mend}: {:#}", told.json);
    told.is_well();
}

fn lmdb(home: &Home) -> Arc<Lmdb> {
    Arc::new(Lmdb::open(&LmdbOptions::new(home.path().join("store"))).unwrap())
}

fn hsm(home: &Home, at: usize) -> String {
    home.good(None, &["cluster", "describe"])["Hsms"][at]["HsmId"].as_str().unwrap().to_owned()
}

#[test]
fn a_sound_home_has_nothing_to_mend_and_stays_as_it_is() {
    let home = sound();
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let contents = || {
        let mut files: Vec<PathBuf> = vec![home.path().join("store")];
        files.extend(std::fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().path()));
        files
            .extend(std::fs::read_dir(home.path().join("store")).unwrap().map(|entry| entry.unwrap().path()));
        files.retain(|file| !file.ends_with("lock.mdb"));
        files.sort();
        let about = |file: PathBuf| (std::fs::read(&file).ok(), file.metadata().unwrap().mode(), file);
        files.into_iter().map(about).collect::<Vec<_>>()
    };
    let before = contents();
    doctor(&home, &[]).is_well();
    assert!(contents() == before);
    let told = doctor(&home, &[]);
    for (place, what) in [
        ("versions", "AWS-LC"),
        ("libvhsm_pkcs11.so", "as this command"),
        ("environment", "every VHSM_ variable"),
        ("vhsm.toml", "settings fit"),
        ("", "their owner's alone"),
        ("store", "are free on its disk"),
        ("service.key", "root key"),
        ("cluster demo", "2 HSMs"),
    ] {
        told.finding("ok", place, what);
    }
    assert!(told.finding("info", "store", "no `vhsm serve`").ends_with("vhsm serve"));
}

#[test]
fn where_there_is_nothing_nothing_is_made() {
    let home = Home::with_costs(19_456, 2);
    let nowhere = home.path().join("nowhere").display().to_string();
    let told = Told::of(&home.command(None, &["doctor"]).env("VHSM_HOME", &nowhere).output().unwrap());
    told.is_well();
    told.finding("info", "nowhere", "not there yet");
    assert!(!home.path().join("nowhere").exists());
    let told = doctor(&home, &[]);
    told.finding("info", "store", "not there yet");
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
    // Its mend makes a first cluster.
    after(&home, &told.finding("info", "store", "not there yet"), &[]).finding(
        "ok",
        "cluster vhsm",
        "2 HSMs",
    );
}

#[test]
fn variables_that_nobody_reads_are_told() {
    is_mended(&sound(), &[("VHSM_STROE", "/x")], ("warning", "VHSM_STROE", "VHSM_STORE was meant"));
    doctor(&sound(), &[("VHSM_MODULE", "/x"), ("VHSM_COMMAND", "/x")]).is_well();
}

#[test]
fn a_configuration_that_cannot_be_read_is_told() {
    let home = sound();
    let good = std::fs::read_to_string(home.path().join("vhsm.toml")).unwrap();
    home.write("vhsm.toml", &format!("stoer = 1\n{good}"));
    let mend = doctor(&home, &[]).finding("problem", "configuration", "stoer");
    assert!(mend.contains("correct"), "{mend}");
    home.write("vhsm.toml", &good);
    doctor(&home, &[]).is_well();
    doctor(&home, &[("VHSM_PROFILE", "cloud")]).finding("problem", "configuration", "\"cloud\"");
}

#[test]
fn settings_without_effect_are_told() {
    let home = sound();
    let file = home.path().join("vhsm.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    home.write("vhsm.toml", &format!("profile = \"standard\"\n{settings}[cloudhsm]\nfips = false\n"));
    is_mended(&home, &[], ("warning", "vhsm.toml", "[cloudhsm]"));
    doctor(&home, &[("VHSM_PROFILE", "cloudhsm")]).finding("info", "VHSM_PROFILE", "says nothing");
}

#[test]
fn passwords_that_cost_too_little_are_told() {
    let home = Home::demo();
    let mend = doctor(&home, &[]).finding("warning", "vhsm.toml", "OWASP");
    assert!(mend.contains("[password]"), "{mend}");
    home.write("vhsm.toml", "");
    doctor(&home, &[]).is_well();
}

#[test]
fn rights_of_others_are_told_and_taken_away() {
    let home = sound();
    std::fs::create_dir_all(home.path().join("backups")).unwrap();
    std::fs::write(home.path().join("backups/b.backup"), "").unwrap();
    let spoil = |name: &str, mode: u32| {
        let path = home.path().join(name);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    spoil("backups", 0o700);
    spoil("backups/b.backup", 0o600);
    for (name, mode, what) in [
        ("", 0o775, "others may change it (mode 775)"),
        ("service.key", 0o644, "others may read it (mode 644)"),
        ("store", 0o777, "others may change it (mode 777)"),
        ("store/data.mdb", 0o640, "others may read it (mode 640)"),
        ("store/claims", 0o606, "others may change it (mode 606)"),
        ("vhsm.toml", 0o666, "others may change it (mode 666)"),
        ("backups", 0o750, "others may read it"),
        ("backups/b.backup", 0o604, "others may read it"),
    ] {
        spoil(name, mode);
        is_mended(&home, &[], ("problem", name, what));
    }
    spoil("vhsm.toml", 0o644);
    // A home that others may list shows them names, and nothing that is secret.
    spoil("", 0o755);
    let told = doctor(&home, &[]);
    told.is_well();
    assert!(told.finding("info", "", "others may read it (mode 755)").starts_with("chmod 700 "));
}

#[test]
fn a_file_of_another_user_is_told() {
    let home = sound();
    let key = home.path().join("service.key");
    if std::os::unix::fs::chown(&key, Some(4242), None).is_err() {
        // Only root can give a file away.
        return;
    }
    is_mended(&home, &[], ("problem", "service.key", "belongs to user 4242"));
    for path in [home.path().to_owned(), home.path().join("store"), home.path().join("store/data.mdb")] {
        std::os::unix::fs::chown(path, Some(4242), None).unwrap();
    }
    let told = doctor(&home, &[]);
    assert!(told.finding("problem", "", "this is user 0").contains("sudo -u '#4242'"));
    told.finding("info", "store", "another user's: it was not opened");
}

#[test]
fn hsms_that_are_down_are_told() {
    let home = sound();
    let (first, second) = (hsm(&home, 0), hsm(&home, 1));
    home.good(Some(ADMIN_PIN), &["hsm", "fail", "--cluster", "demo", &first]);
    is_mended(&home, &[], ("problem", &first, "failed: slot 0 has no token"));
    home.good(Some(ADMIN_PIN), &["hsm", "degrade", "--cluster", "demo", &second]);
    is_mended(&home, &[], ("warning", &second, "degraded"));
}

#[test]
fn keys_on_fewer_hsms_than_wanted_are_told() {
    let home = Home::with_costs(19_456, 2);
    let settings = std::fs::read_to_string(home.path().join("vhsm.toml")).unwrap();
    home.write("vhsm.toml", &format!("profile = \"cloudhsm\"\n{settings}"));
    home.make_demo();
    doctor(&home, &[]).is_well();
    home.good(Some(ADMIN_PIN), &["hsm", "fail", "--cluster", "demo", &hsm(&home, 1)]);
    is_mended(&home, &[], ("problem", "cluster demo", "wants token keys on 2 HSMs, and 1 are active"));
    home.good(None, &["cluster", "create", "--label", "one", "--hsms", "1", "--admin-password", ADMIN]);
    is_mended(&home, &[], ("problem", "cluster one", "wants token keys on 2 HSMs, and 1 are active"));
}

#[test]
fn a_cluster_that_was_left_half_made_is_told() {
    let home = sound();
    let clusters = Clusters::open(lmdb(&home), PasswordCosts { memory_kib: 8, passes: 1, lanes: 1 }).unwrap();
    let past = clusters.now_ms() - 3 * 86_400_000;
    let clusters = clusters.with_clock(move || past);
    let root_key = RootKey::load(None, home.path()).unwrap();
    let policy = Policy { key_availability: false, refuse_public_keys: false, refuse_extractable: false };
    let settings = Settings { delay_ms: 0, region: "us-east-1".into(), policy };
    let plane = ControlPlane::new(&clusters, settings).with_root_key(&root_key);
    let request = CreateClusterRequest {
        label: Some("half".into()),
        hsm_type: HsmType::Hsm2mMedium,
        mode: Some(Mode::Fips),
        places: Places::Zones(vec!["us-east-1a".into()]),
        network_type: NetworkType::Ipv4,
        retention: None,
        source_backup_id: None,
        tags: Vec::new(),
    };
    let cluster_id = plane.create_cluster(&request).unwrap().cluster_id;
    plane
        .create_hsm(&CreateHsmRequest {
            cluster_id,
            availability_zone: "us-east-1a".into(),
            ip_address: None,
        })
        .unwrap();
    drop(clusters);
    is_mended(&home, &[], ("warning", "cluster half", "for 3 days"));
}

#[test]
fn a_trust_anchor_that_is_another_is_told() {
    let home = sound();
    let file = home.good(None, &["cluster", "describe"])["TrustAnchorFile"].as_str().unwrap().to_owned();
    std::fs::remove_file(&file).unwrap();
    let told = doctor(&home, &[]);
    told.is_well();
    let mend = told.finding("info", &file, "not on this machine");
    assert!(after(&home, &mend, &[]).find(&file, "").is_none(), "{mend}");
    std::fs::write(&file, "another").unwrap();
    is_mended(&home, &[], ("problem", &file, "is not the trust anchor"));
}

#[test]
fn a_cluster_of_one_hsm_is_worth_knowing() {
    let home = Home::with_costs(19_456, 2);
    home.good(None, &["cluster", "create", "--label", "a b", "--hsms", "1", "--admin-password", ADMIN]);
    let told = doctor(&home, &[]);
    told.is_well();
    let mend = told.finding("info", "cluster 'a b'", "one HSM");
    assert!(after(&home, &mend, &[]).find("cluster 'a b'", "one HSM").is_none(), "{mend}");
}

#[test]
fn locked_users_are_told() {
    let home = sound();
    for _ in 0..5 {
        home.bad(
            Some("kmsuser:Wrong-Pass-3"),
            &["user", "change-password", "--username", "kmsuser", "--password", USER],
        );
    }
    assert!(home.locked("kmsuser"));
    is_mended(&home, &[], ("warning", "user kmsuser", "locked"));
    assert!(!home.locked("kmsuser"));
}

#[test]
fn a_cluster_that_no_admin_can_unlock_is_told() {
    let home = sound();
    home.good(Some(ADMIN_PIN), &create_user("second", "admin", "Other-Pass-4"));
    for _ in 0..5 {
        home.bad(
            Some("second:Wrong-Pass-3"),
            &["user", "change-password", "--username", "second", "--password", USER],
        );
    }
    doctor(&home, &[]).finding("warning", "user second", "locked");
    // The last admin is never locked: only who writes the store can do that. Wrong tries of user 3 become user 1's.
    let attempts = |user: u8| [&[4][..], &[0, 0, 0, 1], &[0, 0, 0, 1], &[0, 0, 0, user]].concat();
    let store = lmdb(&home);
    let mut record = None;
    store
        .read(&mut |snapshot| {
            record = snapshot.get(&attempts(3))?.map(<[u8]>::to_vec);
            Ok(())
        })
        .unwrap();
    store.commit(Batch::new().put(attempts(1), record.unwrap())).unwrap();
    drop(store);
    let told = doctor(&home, &[]);
    told.finding("problem", "cluster demo", "no admin can log in");
    assert!(told.finding("warning", "user admin", "locked").contains("backup"));
}

#[test]
fn a_root_key_that_is_gone_or_another_is_told() {
    let home = sound();
    let key = home.path().join("service.key");
    let own = std::fs::read(&key).unwrap();
    let put = |bytes: &[u8]| {
        std::fs::write(&key, bytes).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    std::fs::remove_file(&key).unwrap();
    doctor(&home, &[]).finding("problem", "service.key", "root key is gone");
    assert!(!key.exists());
    put(&[9; 32]);
    doctor(&home, &[]).finding("problem", "cluster demo", "root key does not open it");
    put(b"short");
    doctor(&home, &[]).finding("problem", "service.key", "not a root key");
    put(&own);
    doctor(&home, &[]).is_well();
}

#[test]
fn a_store_that_was_moved_is_told() {
    let home = sound();
    let to = home.path().join("elsewhere").display().to_string();
    home.good(None, &["store", "migrate", "--from", "embedded", "--to", &to]);
    is_mended(&home, &[], ("problem", "store", "was moved to"));
}

#[test]
fn what_deletions_left_behind_is_told() {
    let home = sound();
    serve::leave_unswept(&home);
    is_mended(&home, &[], ("warning", "store", "1 deletions left records behind"));
}

#[test]
fn a_clock_before_the_stores_records_is_told() {
    let home = sound();
    let clusters = Clusters::open(lmdb(&home), PasswordCosts { memory_kib: 8, passes: 1, lanes: 1 }).unwrap();
    let ahead = clusters.now_ms() + 3_600_000;
    let clusters = clusters.with_clock(move || ahead);
    let policy = Policy { key_availability: false, refuse_public_keys: false, refuse_extractable: false };
    let new =
        NewCluster { label: "later", hsms: 2, admin_password: ADMIN.as_bytes(), policy, root_key: None };
    let cluster = clusters.create(&new).unwrap();
    assert!(doctor(&home, &[]).finding("problem", "clock", "seconds behind").contains("timedatectl"));
    clusters.delete(&cluster).unwrap();
    while clusters.sweep().unwrap() {}
    drop(clusters);
    doctor(&home, &[]).is_well();
}

#[test]
fn damaged_records_are_told() {
    let home = sound();
    // The record of the cluster's second user.
    let key = [&[3][..], &[0, 0, 0, 1], &[0, 0, 0, 1], &[0, 0, 0, 2]].concat();
    let store = lmdb(&home);
    let mut record = None;
    store
        .read(&mut |snapshot| {
            record = snapshot.get(&key)?.map(<[u8]>::to_vec);
            Ok(())
        })
        .unwrap();
    let record = record.unwrap();
    let mut spoilt = record.clone();
    *spoilt.last_mut().unwrap() ^= 1;
    store.commit(Batch::new().put(key.as_slice(), spoilt)).unwrap();
    doctor(&home, &[]).finding("problem", "cluster demo", "damaged or was changed");
    store.commit(Batch::new().put(key.as_slice(), record)).unwrap();
    drop(store);
    doctor(&home, &[]).is_well();
}

#[test]
fn a_store_that_is_none_is_told() {
    let home = sound();
    let data = home.path().join("store/data.mdb");
    let good = std::fs::read(&data).unwrap();
    std::fs::write(&data, vec![7; good.len()]).unwrap();
    doctor(&home, &[]).finding("problem", "store", "cannot be opened");
    std::fs::write(&data, good).unwrap();
    doctor(&home, &[]).is_well();
}

#[test]
fn a_library_of_another_version_is_told() {
    let home = sound();
    let folder = tempfile::tempdir().unwrap();
    let command = folder.path().join("vhsm");
    std::fs::copy(env!("CARGO_BIN_EXE_vhsm"), &command).unwrap();
    let examine = || {
        let output =
            Command::new(&command).arg("doctor").env_clear().env("VHSM_HOME", home.path()).output().unwrap();
        Told::of(&output)
    };
    examine().finding("info", "library", "not beside this command");
    let library = folder.path().join("libvhsm_pkcs11.so");
    std::fs::write(&library, "...vhsm PKCS#11 library, version 0.0.9;...").unwrap();
    examine().finding("problem", "libvhsm_pkcs11.so", "version 0.0.9, and this command is version");
    std::fs::write(&library, "another library").unwrap();
    examine().finding("problem", "libvhsm_pkcs11.so", "no version of vhsm");
    let own = std::env::current_exe().unwrap().with_file_name("libvhsm_pkcs11.so");
    std::fs::copy(own, &library).unwrap();
    examine().is_well();
}

#[test]
fn one_cluster_can_be_looked_at_alone() {
    let home = sound();
    home.good(None, &["cluster", "create", "--label", "other", "--admin-password", ADMIN]);
    let other =
        home.good(None, &["cluster", "describe", "other"])["Hsms"][0]["HsmId"].as_str().unwrap().to_owned();
    home.good(Some(ADMIN_PIN), &["hsm", "fail", "--cluster", "other", &other]);
    let of = |name| Told::of(&home.command(None, &["doctor", "--cluster", name]).output().unwrap());
    of("demo").is_well();
    of("other").finding("problem", &other, "failed");
}

#[test]
fn its_own_failures_have_another_exit_status() {
    let home = sound();
    for (arguments, says) in
        [(&["doctor", "--cluster", "nobody"][..], "\"nobody\""), (&["doctor", "--fast"], "--fast")]
    {
        let output = home.command(None, arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(says), "{output:?}");
    }
}

#[test]
fn people_read_text() {
    let home = sound();
    home.good(Some(ADMIN_PIN), &["hsm", "fail", "--cluster", "demo", &hsm(&home, 0)]);
    let output = home.command(None, &["doctor", "--output", "text"]).output().unwrap();
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.ends_with("1 problems, 0 warnings\n"), "{said}");
    assert!(said.contains("mend: VHSM_PIN=admin:PASSWORD "), "{said}");
}
