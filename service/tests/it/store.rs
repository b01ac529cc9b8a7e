//! `vhsm store ...`

use super::*;
use std::ops::ControlFlow;
use std::time::Duration;
use vhsm_pkcs11::cluster::{Clusters, PasswordCosts, Role};
use vhsm_store::{Batch, LmdbOptions, MAX_OPERATIONS, StoreSpec};

/// A folder for another store, beside that of a home.
fn elsewhere(home: &Home) -> String {
    home.path().join("elsewhere").display().to_string()
}

fn migrate<'a>(from: &'a str, to: &'a str) -> [&'a str; 6] {
    ["store", "migrate", "--from", from, "--to", to]
}

/// The store of a home, opened by this process.
fn open(home: &Home) -> std::sync::Arc<dyn vhsm_store::Store> {
    vhsm_store::open(&StoreSpec::Embedded(LmdbOptions::new(home.path().join("store")))).unwrap()
}

/// Configures what the answer says.
fn configure(home: &Home, answer: &Value) {
    let next = answer["Next"].as_str().unwrap();
    let (_, rest) = next.split_once("store = \"").unwrap();
    let (store, _) = rest.split_once('"').unwrap();
    let old = std::fs::read_to_string(home.path().join("vhsm.toml")).unwrap();
    home.write("vhsm.toml", &format!("store = {store:?}\n{old}"));
    assert!(next.contains(home.path().join("vhsm.toml").to_str().unwrap()), "{next}");
}

#[test]
fn a_store_is_moved_with_all_that_is_in_it() {
    let home = Home::demo();
    let before = home.good(None, &["store", "info"]);
    assert_eq!((&before["Kind"], &before["State"]), (&"embedded".into(), &"IN_USE".into()));
    let to = elsewhere(&home);
    let answer = home.good(None, &migrate("embedded", &to));
    for what in ["Records", "Bytes", "Digest"] {
        assert_eq!(answer[what], before[what], "{what}");
    }
    assert!(before["Records"].as_u64().unwrap() > 5);
    let store = home.path().join("store").display().to_string();
    assert_eq!((&answer["From"], &answer["To"]), (&store.clone().into(), &to.clone().into()));
    let old = home.good(None, &["store", "info"]);
    assert_eq!((&old["State"], &old["Other"], &old["Place"]), (&"MOVED".into(), &to.into(), &store.into()));
    home.fails(None, &["cluster", "list"], &["was moved to", "elsewhere", "VHSM_STORE"]);
    configure(&home, &answer);
    assert_eq!(home.good(None, &["cluster", "list"])["Clusters"][0]["Label"], "demo");
    home.good(Some(ADMIN_PIN), &create_user("second", "crypto-user", "Other-Pass-4"));
    assert_eq!(home.good(None, &["store", "info"])["State"], "IN_USE");
}

#[cfg(feature = "etcd")]
#[path = "../../../store/tests/common/etcd/mod.rs"]
pub mod etcd;

/// Into an etcd, where another machine's configuration finds it, and back.
#[test]
#[cfg(feature = "etcd")]
fn a_store_moves_into_etcd_and_out_of_it() {
    let (etcd, home) = (etcd::Etcd::one(), Home::demo());
    let before = home.good(None, &["store", "info"]);
    let answer = mended(&home, &migrate("embedded", &etcd.url()));
    assert_eq!((&answer["Digest"], &answer["Records"]), (&before["Digest"], &before["Records"]));
    configure(&home, &answer);
    let info = home.good(None, &["store", "info"]);
    assert_eq!((&info["Kind"], &info["State"]), (&"etcd".into(), &"IN_USE".into()));
    let elsewhere = Home::empty();
    elsewhere.write("vhsm.toml", &std::fs::read_to_string(home.path().join("vhsm.toml")).unwrap());
    elsewhere.good(Some(ADMIN_PIN), &create_user("second", "crypto-user", "Other-Pass-4"));
    assert!(!home.locked("second"), "the other machine's user is there");
    home.fails(None, &migrate("embedded", &etcd.url()), &["was moved to etcd://"]);
    let to = home.path().join("back").display().to_string();
    mended(&home, &migrate(&etcd.url(), &to));
    elsewhere.fails(None, &["user", "list"], &["was moved to", "back"]);
    let list = home.command(None, &["user", "list"]).env("VHSM_STORE", &to).output().unwrap();
    assert!(text(&checked(list).stdout).contains("\"second\""));
}

#[test]
fn wrong_stores_are_refused() {
    let (home, other) = (Home::demo(), Home::demo());
    let (to, full) = (elsewhere(&home), other.path().join("store").display().to_string());
    home.fails(None, &migrate("embedded", &full), &["not empty", "empty target"]);
    home.fails(None, &migrate("embedded", "embedded"), &["one store", "another target"]);
    home.fails(None, &migrate(&to, "embedded"), &["no store in", "elsewhere"]);
    home.fails(None, &migrate("embedded", "memory"), &["memory", "gone"]);
    home.fails(None, &migrate("embedded", "redis://x"), &["redis://x", "embedded"]);
    home.fails(None, &[&migrate("embedded", &to)[..], &["--cancel"]].concat(), &["nothing to cancel"]);
    home.fails(None, &["store", "info", "--store", "/nowhere/at/all"], &["no store in /nowhere"]);
    for home in [&home, &other] {
        assert_eq!(home.good(None, &["cluster", "list"])["Clusters"][0]["Label"], "demo");
    }
}

#[test]
fn a_store_is_not_taken_from_under_those_who_are_logged_in() {
    let home = Home::demo();
    let to = elsewhere(&home);
    let clusters = Clusters::open(open(&home), PasswordCosts { memory_kib: 8, passes: 1, lanes: 1 }).unwrap();
    let cluster = clusters.find("demo").unwrap();
    let login = clusters.login(&cluster, Role::CryptoUser, USER_PIN.as_bytes()).unwrap();
    home.fails(None, &migrate("embedded", &to), &["\"kmsuser\"", "\"demo\"", "logged in", "--force"]);
    assert_eq!(clusters.users(&cluster).unwrap().len(), 2);
    home.good(None, &[&migrate("embedded", &to)[..], &["--force"]].concat());
    let refused = clusters.next_iv(&cluster).unwrap_err().to_string();
    assert!(refused.contains("was moved to"), "{refused}");
    drop(login);
}

/// Both are refused and say how to mend it.
#[test]
fn an_interrupted_move_is_begun_anew_or_taken_back() {
    for (mend, moved) in [("--cancel", false), ("--restart", true)] {
        let home = std::iter::repeat_with(interrupted).flatten().next().unwrap();
        let to = elsewhere(&home);
        home.fails(None, &["cluster", "list"], &["vhsm store migrate", "--restart", "--cancel"]);
        home.fails(None, &migrate("embedded", &to), &["begun and not ended", "--restart", "--cancel"]);
        let info = home.good(None, &["store", "info"]);
        assert_eq!((&info["State"], info["Other"].as_str()), (&"MOVING".into(), Some(&*to)));
        assert_eq!(home.good(None, &["store", "info", "--store", &to])["State"], "FILLING");
        let answer = mended(&home, &[&migrate("embedded", &to)[..], &[mend]].concat());
        if moved {
            configure(&home, &answer);
        }
        assert_eq!(home.good(None, &["cluster", "list"])["Clusters"][0]["Label"], "demo");
        assert_eq!(home.good(None, &["store", "info", "--store", &to])["State"], "IN_USE");
    }
}

/// The answer of a command that may take so long that it says how far it is.
fn mended(home: &Home, arguments: &[&str]) -> Value {
    let output = home.command(None, arguments).output().unwrap();
    for line in text(&output.stderr).lines() {
        assert!(line.starts_with("vhsm: ") && line.ends_with(" records"), "{line}");
    }
    json(&output)
}

/// A home whose move was killed in the middle; `None`: it had come to its end before.
fn interrupted() -> Option<Home> {
    let home = Home::demo();
    fill(&home);
    let to = elsewhere(&home);
    let mut running = home.spawn(None, &migrate("embedded", &to));
    let target = vhsm_store::open_in_any_state(&StoreSpec::Embedded(LmdbOptions::new(&to))).unwrap();
    let has_records = || {
        let mut found = false;
        let mut visit = |_: &[u8], _: &[u8]| {
            found = true;
            ControlFlow::Break(())
        };
        target.read(&mut |snapshot| snapshot.range(&[5], &[6], &mut visit)).unwrap();
        found
    };
    while !has_records() {
        std::thread::sleep(Duration::from_millis(1));
    }
    running.kill().unwrap();
    let ended = running.wait().unwrap().success();
    (!ended).then_some(home)
}

/// Adds many records, as objects of somebody would be.
fn fill(home: &Home) {
    let store = open(home);
    for block in 0..100u32 {
        let keys = (0..MAX_OPERATIONS as u32).map(|number| {
            let number = block * MAX_OPERATIONS as u32 + number;
            [&[5, 0, 0, 0, 99][..], &number.to_be_bytes()].concat()
        });
        store.commit(keys.fold(Batch::new(), |batch, key| batch.put(key, vec![7; 300]))).unwrap();
    }
}
