//! What doctor says of stores in etcd: real members that are killed, full, and locked.

use super::*;
use crate::store::etcd::{Etcd, Options};
use std::io::Write;

/// A home whose store lies in this etcd, with the cluster `demo`.
fn home_over(etcd: &Etcd) -> Home {
    let home = empty_over(etcd);
    home.make_demo();
    home
}

fn empty_over(etcd: &Etcd) -> Home {
    let defaults = PasswordCosts::default();
    let home = Home::with_costs(defaults.memory_kib, defaults.passes);
    add_store(&home, etcd, "");
    home
}

/// How long etcd takes on a busy machine is no finding here.
fn add_store(home: &Home, etcd: &Etcd, more: &str) {
    let settings = std::fs::read_to_string(home.path().join("vhsm.toml")).unwrap();
    let patience = "max_stale_ms = 60000\nrequest_timeout_ms = 15000";
    let store = format!("[store]\nurl = \"{}\"\n{patience}\n{more}", etcd.url());
    home.write("vhsm.toml", &format!("{settings}{store}"));
}

#[test]
fn members_that_do_not_answer_are_told() {
    let mut etcd = Etcd::three();
    let home = home_over(&etcd);
    let told = doctor(&home, &[]);
    told.is_well();
    for member in 0..3 {
        told.finding("ok", &etcd.address(member).to_string(), "etcd 3.");
    }
    etcd.kill(1);
    let gone = etcd.address(1).to_string();
    let mend = doctor(&home, &[]).finding("warning", &gone, "does not answer, others do");
    assert!(mend.contains("systemctl start etcd"), "{mend}");
    etcd.kill(2);
    let told = doctor(&home, &[]);
    assert_eq!(told.status, 1);
    assert!(told.json["problems"].as_u64().unwrap() > 0, "{:#}", told.json);
    etcd.start(1);
    etcd.start(2);
    etcd.wait_healthy();
    doctor(&home, &[]).is_well();
}

#[test]
fn an_etcd_without_a_store_stays_without_one() {
    let etcd = Etcd::one();
    let home = empty_over(&etcd);
    let told = doctor(&home, &[]);
    told.is_well();
    told.finding("info", "etcd://", "one member");
    let mend = told.finding("info", "etcd://", "has no store yet");
    assert_eq!(etcd.etcdctl(&["get", "", "--from-key", "--keys-only"]).trim(), "");
    after(&home, &mend, &[]).finding("ok", "cluster vhsm", "2 HSMs");
}

#[test]
fn an_etcd_whose_space_is_used_up_is_told_and_gets_room_again() {
    let arguments = vec!["--quota-backend-bytes=16777216".to_owned()];
    let etcd = Etcd::with(Options { arguments, ..Options::default() });
    let home = home_over(&etcd);
    let value = vec![b'x'; 1 << 20];
    let is_full = (0..40).any(|_| {
        let mut put = etcd.etcdctl_command(&["put", "other"]);
        let mut put = put.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // It may end before it has read all.
        let _ = put.stdin.take().unwrap().write_all(&value);
        !put.wait().unwrap().success()
    });
    assert!(is_full);
    is_mended(&home, &[], ("problem", "etcd://", "alarm NOSPACE"));
}

#[test]
fn an_etcd_that_lets_nobody_in_is_told() {
    let user = Some(("vhsm".to_owned(), "etcd-password".to_owned()));
    let etcd = Etcd::with(Options { user, ..Options::default() });
    let home = Home::with_costs(19_456, 2);
    let password = home.write("etcd.txt", "etcd-password");
    add_store(&home, &etcd, &format!("user = \"vhsm\"\npassword_file = \"{password}\"\n"));
    is_mended(&home, &[], ("problem", "etcd.txt", "others may read it"));
    home.make_demo();
    doctor(&home, &[]).finding("ok", "cluster demo", "2 HSMs");
    std::fs::write(&password, "another").unwrap();
    let told = doctor(&home, &[]);
    assert!(told.json["problems"].as_u64().unwrap() > 0, "{:#}", told.json);
    let shown = told.json.to_string();
    assert!(!shown.contains("another\"") && !shown.contains("etcd-password"), "{shown}");
}

#[test]
fn of_two_machines_one_maintains_the_store() {
    let etcd = Etcd::one();
    let (one, two) = (home_over(&etcd), empty_over(&etcd));
    // The second machine has the service's root key of the first.
    std::fs::copy(one.path().join("service.key"), two.path().join("service.key")).unwrap();
    let mut first = serve::Serve::start(&one, &[]);
    first.says("maintains the store");
    let second = serve::Serve::start(&two, &[]);
    second.says("waits: another process");
    doctor(&two, &[]).finding("ok", "etcd://", "maintained by a running `vhsm serve`");
    first.signal("-TERM");
    assert_eq!(first.ends().code(), Some(0));
    second.says("maintains the store");
}
