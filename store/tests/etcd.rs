//! What a store in etcd promises beyond the contract, on real members: freshness, and what becomes of it and of commits
//! when members, connections and history are lost.
#![cfg(feature = "etcd")]

mod common;

use common::etcd::{Etcd, Options, Relay, wait_for};
use common::{all, changed, etcd_options, get, increment, number_of, put};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use vhsm_store::{
    Batch, ChangedKeys, ClaimKind, EtcdOptions, EtcdTls, EtcdUser, Revision, Store, StoreError,
};

/// What `Store::revision` answers while nobody knows.
const UNKNOWN: Revision = Revision(u64::MAX);

fn open(options: &EtcdOptions) -> vhsm_store::Etcd {
    vhsm_store::Etcd::open(options).expect("the store opens")
}

/// Calls give up soon.
fn hasty(options: EtcdOptions) -> EtcdOptions {
    EtcdOptions { max_stale_ms: 300, request_timeout_ms: 3_000, ..options }
}

/// Reached over a wire that can be cut.
fn over(relay: &Relay, options: EtcdOptions) -> EtcdOptions {
    EtcdOptions { endpoints: vec![relay.address().to_string()], ..options }
}

fn read_error(store: &dyn Store) -> StoreError {
    wait_for("a read to fail", || store.read(&mut |_| Ok(())).err())
}

fn wait_fresh(store: &dyn Store) {
    wait_for("the store to be fresh", || (store.revision() != UNKNOWN).then_some(()));
}

#[test]
fn what_is_known_is_read_without_a_request() {
    let etcd = Etcd::one();
    let store = open(&etcd_options(&etcd, "p"));
    store.commit(Batch::new().put("a", "1").put("b1", "1").put("b2", "2")).unwrap();
    let read = || {
        let before = store.requests();
        let mut found = Vec::new();
        store
            .read(&mut |at| {
                assert_eq!(at.get(b"a")?, Some(&b"1"[..]));
                assert_eq!(at.get(b"missing")?, None);
                at.range(b"b", b"c", &mut |key, _| {
                    found.push(key.to_vec());
                    std::ops::ControlFlow::Continue(())
                })
            })
            .unwrap();
        (store.requests() - before, found.len())
    };
    assert_eq!(read(), (3, 2));
    assert_eq!(read(), (0, 2));
    // Others' commits and own ones do not take that away.
    put(&open(&etcd_options(&etcd, "p")), "b3", "3");
    wait_for("the other's commit", || (get(&store, "b3").is_some()).then_some(()));
    put(&store, "c", "1");
    assert_eq!(read(), (0, 3));
}

#[test]
fn a_commit_is_one_request() {
    let etcd = Etcd::one();
    let store = open(&etcd_options(&etcd, "p"));
    put(&store, "a", "1");
    let before = store.requests();
    store.commit(Batch::new().expect("a", Some(b"1")).put("a", "2").put("b", "1")).unwrap();
    assert_eq!(store.requests() - before, 1);
    assert!(matches!(
        store.commit(Batch::new().expect("a", Some(b"1")).put("a", "3")),
        Err(StoreError::Conflict { condition: 0 })
    ));
    assert_eq!(store.requests() - before, 2);
}

#[test]
fn without_etcd_nothing_is_answered_and_with_it_all_goes_on() {
    let etcd = Etcd::one();
    let store = open(&hasty(etcd_options(&etcd, "p")));
    let known = put(&store, "a", "1");
    etcd.pause(0);
    wait_for("the revision to be unknown", || (store.revision() == UNKNOWN).then_some(()));
    let StoreError::Stale { since_ms, cause, .. } = read_error(&store) else { panic!() };
    assert!(since_ms >= 300 && cause.contains(&etcd.hosts()), "{since_ms}: {cause}");
    assert!(matches!(store.changes_since(known), Err(StoreError::Stale { .. })));
    assert!(matches!(store.commit(Batch::new().put("a", "2")), Err(StoreError::OutcomeUnknown { .. })));
    assert!(matches!(store.is_claimed(b"name"), Err(StoreError::Io { .. })));
    etcd.resume(0);
    wait_fresh(&store);
    wait_for("a commit", || store.commit(Batch::new().put("a", "3")).ok());
    assert_eq!(get(&store, "a"), Some(b"3".to_vec()));
}

#[test]
fn while_etcd_has_been_down_for_long_calls_fail_at_once() {
    let etcd = Etcd::one();
    let store =
        open(&EtcdOptions { max_stale_ms: 100, request_timeout_ms: 4_000, ..etcd_options(&etcd, "p") });
    etcd.pause(0);
    let waited = || {
        let began = Instant::now();
        assert!(matches!(read_error(&store), StoreError::Stale { .. }));
        began.elapsed()
    };
    // Until it is stale, reads work.
    assert!(waited() > Duration::from_secs(2));
    let all: Duration = (0..50).map(|_| waited()).sum();
    assert!(all < Duration::from_secs(4), "{all:?}");
}

#[test]
fn without_quorum_nothing_is_answered_and_with_it_all_goes_on() {
    let mut etcd = Etcd::three();
    let store = open(&hasty(etcd_options(&etcd, "p")));
    put(&store, "a", "1");
    etcd.kill(0);
    etcd.kill(1);
    assert!(matches!(read_error(&store), StoreError::Stale { .. }));
    assert_eq!(store.revision(), UNKNOWN);
    etcd.start(0);
    wait_fresh(&store);
    wait_for("a commit", || store.commit(Batch::new().put("a", "2")).ok());
    assert_eq!(get(&store, "a"), Some(b"2".to_vec()));
}

#[test]
fn a_member_that_hangs_or_is_cut_off_is_passed_over() {
    let etcd = Etcd::three();
    let store = open(&etcd_options(&etcd, "p"));
    for member in 0..3 {
        etcd.pause(member);
        increment(&store, "count");
        etcd.resume(member);
        etcd.wait_healthy();
        etcd.isolate(member);
        increment(&store, "count");
        etcd.heal();
        etcd.wait_healthy();
    }
    assert_eq!(number_of(&get(&store, "count").unwrap()), 6);
}

#[test]
fn no_acknowledged_commit_is_lost_when_leaders_are_killed() {
    let mut etcd = Etcd::three();
    let options = etcd_options(&etcd, "p");
    let stop = AtomicBool::new(false);
    let acknowledged: u64 = std::thread::scope(|scope| {
        let writer = |_| {
            let (options, stop) = (&options, &stop);
            scope.spawn(move || {
                let (store, mut done) = (open(options), 0);
                while !stop.load(Ordering::Relaxed) {
                    increment(&store, "count");
                    done += 1;
                }
                done
            })
        };
        let writers: Vec<_> = (0..4).map(writer).collect();
        for _ in 0..2 {
            std::thread::sleep(Duration::from_millis(500));
            let leader = etcd.leader();
            etcd.kill(leader);
            let others: Vec<usize> = (0..3).filter(|member| *member != leader).collect();
            etcd.leader_of(&others);
            std::thread::sleep(Duration::from_millis(500));
            etcd.start(leader);
            etcd.wait_healthy();
        }
        stop.store(true, Ordering::Relaxed);
        writers.into_iter().map(|writer| writer.join().unwrap()).sum()
    });
    assert_eq!(number_of(&get(&open(&options), "count").unwrap()), acknowledged);
}

/// Every answer says what happened, though many are lost on their way.
#[test]
fn commits_whose_answers_are_lost_are_done_once() {
    let etcd = Etcd::one();
    let relay = Relay::to(etcd.address(0));
    let options = etcd_options(&etcd, "p");
    let store = open(&over(&relay, options.clone()));
    let done = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (store, done) = (&store, &done);
            scope.spawn(move || {
                for number in 0..40 {
                    // A second doing would meet its own key, and say Conflict.
                    let key = format!("{thread} {number}");
                    store.commit(Batch::new().expect(&*key, None).put(key, "v")).unwrap();
                    increment(store, "count");
                    done.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let (mut wait_ms, mut before) = (0, 0);
        while before < 160 {
            wait_ms = (wait_ms + 7) % 40;
            std::thread::sleep(Duration::from_millis(30 + wait_ms));
            // A slow machine may get nothing done in that time.
            before = wait_for("a commit", || Some(done.load(Ordering::SeqCst)).filter(|now| *now > before));
            relay.drop_connections();
        }
    });
    assert_eq!(number_of(&get(&store, "count").unwrap()), 160);
    assert_eq!(all(&open(&options)).len(), 161);
}

#[test]
fn a_lost_watch_misses_nothing() {
    let etcd = Etcd::one();
    let relay = Relay::to(etcd.address(0));
    let (other, store) = (open(&etcd_options(&etcd, "p")), open(&over(&relay, etcd_options(&etcd, "p"))));
    let known = put(&store, "a", "1");
    relay.cut();
    put(&other, "b", "1");
    let last = put(&other, "c", "1");
    relay.open();
    wait_for("the last commit", || (store.revision() == last).then_some(()));
    assert_eq!(changed(&store, known), ["b", "c"]);
}

#[test]
fn a_watch_that_compaction_overtook_says_everything() {
    let etcd = Etcd::one();
    let relay = Relay::to(etcd.address(0));
    let other = open(&etcd_options(&etcd, "p"));
    let store = open(&over(&relay, etcd_options(&etcd, "p")));
    let known = put(&store, "a", "1");
    assert_eq!(get(&store, "a"), Some(b"1".to_vec()));
    relay.cut();
    put(&other, "b", "1");
    let last = other.commit(Batch::new().delete("a")).unwrap();
    etcd.compact();
    relay.open();
    wait_for("the last commit", || (store.revision() == last).then_some(()));
    let changes = store.changes_since(known).unwrap();
    assert_eq!((changes.upto, changes.keys), (last, ChangedKeys::Everything));
    assert_eq!((get(&store, "a"), get(&store, "b")), (None, Some(b"1".to_vec())));
}

/// Others use the same etcd: its history is compacted far beyond the store's newest commit.
#[test]
fn compaction_takes_nothing_from_a_quiet_store() {
    let etcd = Etcd::one();
    let options = EtcdOptions { max_stale_ms: 300, ..etcd_options(&etcd, "p") };
    let store = open(&options);
    let known = put(&store, "a", "1");
    (0..5).for_each(|_| drop(etcd.etcdctl(&["put", "others", "x"])));
    etcd.compact();
    let mut runs = 0;
    store
        .read(&mut |at| {
            runs += 1;
            assert_eq!((at.revision(), at.get(b"a")?), (known, Some(&b"1"[..])));
            Ok(())
        })
        .unwrap();
    // Once more where the first run's revision was gone.
    assert!((1..=2).contains(&runs));
    assert_eq!(get(&open(&options), "a"), Some(b"1".to_vec()));
    assert_eq!(changed(&store, known), [""; 0]);
}

#[test]
fn a_store_that_somebody_deleted_is_not_used_on() {
    let etcd = Etcd::one();
    let store = open(&hasty(etcd_options(&etcd, "p")));
    put(&store, "a", "1");
    assert_eq!(get(&store, "a"), Some(b"1".to_vec()));
    etcd.etcdctl(&["del", "--prefix", "p/"]);
    wait_for("the reason", || match read_error(&store) {
        StoreError::Stale { cause, .. } => cause.contains("deleted").then_some(()),
        error => panic!("{error}"),
    });
}

#[test]
fn a_full_etcd_fails_commits_only() {
    let etcd = Etcd::with(Options {
        arguments: vec!["--quota-backend-bytes=16777216".into()],
        ..Options::default()
    });
    let store = open(&etcd_options(&etcd, "p"));
    put(&store, "a", "1");
    let full = (0..100).find_map(|_| store.commit(Batch::new().put("big", vec![7; 1_000_000])).err());
    assert!(matches!(full, Some(StoreError::Full { .. })), "{full:?}");
    assert_eq!(get(&store, "a"), Some(b"1".to_vec()));
    wait_fresh(&store);
    etcd.compact();
    etcd.etcdctl(&["defrag"]);
    etcd.etcdctl(&["alarm", "disarm"]);
    wait_for("a commit", || store.commit(Batch::new().put("a", "2")).ok());
}

#[test]
fn a_session_that_ran_out_is_made_anew_and_its_claims_are_taken_again() {
    let etcd = Etcd::one();
    let relay = Relay::to(etcd.address(0));
    let other = open(&etcd_options(&etcd, "p"));
    let store = open(&over(&relay, etcd_options(&etcd, "p")));
    let kept = store.claim(b"kept", ClaimKind::Exclusive).unwrap().unwrap();
    let lost = store.claim(b"lost", ClaimKind::Exclusive).unwrap().unwrap();
    assert!(other.claim(b"kept", ClaimKind::Shared).unwrap().is_none());
    relay.cut();
    let taken = other.claim_within(b"lost", ClaimKind::Shared, Duration::from_secs(60)).unwrap();
    assert!(taken.is_some());
    wait_for("the other claim to go", || (!other.is_claimed(b"kept").unwrap()).then_some(()));
    relay.open();
    wait_for("the claim to be back", || other.is_claimed(b"kept").unwrap().then_some(()));
    assert!(other.claim(b"kept", ClaimKind::Shared).unwrap().is_none());
    put(&store, "a", "1");
    // The other's claim stands until it is dropped, and this one is taken again then.
    drop(taken);
    wait_for("the lost one to be back", || {
        other.claim(b"lost", ClaimKind::Shared).unwrap().is_none().then_some(())
    });
    drop((kept, lost));
    assert!(!other.is_claimed(b"kept").unwrap() && !other.is_claimed(b"lost").unwrap());
}

#[test]
fn a_store_that_ends_lets_go_at_once() {
    let etcd = Etcd::one();
    let other = open(&etcd_options(&etcd, "p"));
    let store = open(&etcd_options(&etcd, "p"));
    let claim = store.claim(b"name", ClaimKind::Exclusive).unwrap();
    drop(store);
    assert!(!other.is_claimed(b"name").unwrap());
    drop(claim);
}

#[test]
fn tls_and_a_users_password() {
    let etcd = Etcd::with(Options {
        tls: true,
        client_certificates: true,
        user: Some(("keys".into(), "its password".into())),
        ..Options::default()
    });
    let certificates = etcd.certificates();
    let folder = tempfile::tempdir().unwrap();
    let password_file = folder.path().join("password");
    std::fs::write(&password_file, "its password\n").unwrap();
    let identity = Some((certificates.client.clone(), certificates.client_key.clone()));
    let right = hasty(EtcdOptions {
        tls: Some(EtcdTls { ca_file: certificates.ca.clone(), identity: identity.clone() }),
        user: Some(EtcdUser { name: "keys".into(), password_file: password_file.clone() }),
        ..etcd_options(&etcd, "p")
    });
    let store = open(&right);
    increment(&store, "count");
    assert!(store.claim(b"name", ClaimKind::Exclusive).unwrap().is_some());
    assert_eq!(number_of(&get(&open(&right), "count").unwrap()), 1);
    let refused = |options: &EtcdOptions| match vhsm_store::Etcd::open(options) {
        Err(StoreError::Open { cause, mend, .. }) => {
            let told = format!("{cause}; {mend}");
            assert!(!told.contains("its password"), "{told}");
            println!("{told}");
            told
        }
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it opened"),
    };
    let tls = |ca_file: &std::path::Path, identity| Some(EtcdTls { ca_file: ca_file.into(), identity });
    let told = refused(&EtcdOptions { tls: tls(&certificates.other_ca, identity), ..right.clone() });
    assert!(told.contains("ca_file"), "{told}");
    refused(&EtcdOptions { tls: tls(&certificates.ca, None), ..right.clone() });
    refused(&EtcdOptions { tls: None, ..right.clone() });
    let told = refused(&EtcdOptions { user: None, ..right.clone() });
    assert!(told.contains("`user`"), "{told}");
    std::fs::write(&password_file, "secret but wrong").unwrap();
    let told = refused(&right);
    assert!(told.contains("`password_file`") && !told.contains("secret but wrong"), "{told}");
}

#[test]
fn a_user_of_etcd_needs_the_prefix_and_no_more() {
    let user = ("keys".to_owned(), "its password".to_owned());
    let etcd = Etcd::with(Options { user: Some(user), ..Options::default() });
    etcd.etcdctl(&["role", "add", "p"]);
    etcd.etcdctl(&["role", "grant-permission", "p", "--prefix=true", "readwrite", "p/"]);
    etcd.etcdctl(&["user", "add", "limited:a password"]);
    etcd.etcdctl(&["user", "grant-role", "limited", "p"]);
    let folder = tempfile::tempdir().unwrap();
    let password_file = folder.path().join("password");
    std::fs::write(&password_file, "a password").unwrap();
    let user = Some(EtcdUser { name: "limited".into(), password_file });
    let options = EtcdOptions { user, ..etcd_options(&etcd, "p") };
    let store = open(&options);
    increment(&store, "count");
    assert_eq!(all(&store).len(), 1);
    let claim = store.claim(b"name", ClaimKind::Exclusive).unwrap();
    assert!(store.is_claimed(b"name").unwrap());
    drop((claim, store));
    let other = EtcdOptions { prefix: "other/".into(), ..options };
    assert!(matches!(vhsm_store::Etcd::open(&other), Err(StoreError::Open { .. })));
}

/// Its data were replaced by an older copy of them, under the hands of those who use it.
#[test]
fn an_etcd_that_was_put_back_is_followed() {
    let mut etcd = Etcd::one();
    let store = open(&etcd_options(&etcd, "p"));
    let old = put(&store, "a", "old");
    let (data, copy) = (etcd.data_folder(0), etcd.data_folder(0).with_extension("copy"));
    let copy_folder = |from: &std::path::Path, to: &std::path::Path| {
        let copied = std::process::Command::new("cp").arg("-a").args([from, to]).status();
        assert!(copied.unwrap().success());
    };
    etcd.kill(0);
    copy_folder(&data, &copy);
    etcd.start(0);
    (0..20).for_each(|_| increment(&store, "b"));
    let known = put(&store, "a", "lost");
    assert_eq!(get(&store, "a"), Some(b"lost".to_vec()));
    etcd.kill(0);
    std::fs::remove_dir_all(&data).unwrap();
    copy_folder(&copy, &data);
    etcd.start(0);
    wait_for("the old state", || (store.revision() == old).then_some(()));
    assert_eq!(store.changes_since(known).unwrap().keys, ChangedKeys::Everything);
    assert_eq!((get(&store, "a"), get(&store, "b")), (Some(b"old".to_vec()), None));
    put(&store, "a", "new");
    assert_eq!(get(&store, "a"), Some(b"new".to_vec()));
}

/// A member that was started again does not know who logged in before.
#[test]
fn a_login_to_etcd_outlives_its_members() {
    let user = ("keys".to_owned(), "its password".to_owned());
    let mut etcd = Etcd::with(Options { user: Some(user), ..Options::default() });
    let folder = tempfile::tempdir().unwrap();
    let password_file = folder.path().join("password");
    std::fs::write(&password_file, "its password").unwrap();
    let user = Some(EtcdUser { name: "keys".into(), password_file });
    let store = open(&EtcdOptions { user, ..etcd_options(&etcd, "p") });
    let claim = store.claim(b"name", ClaimKind::Exclusive).unwrap();
    for _ in 0..2 {
        increment(&store, "count");
        etcd.kill(0);
        etcd.start(0);
    }
    increment(&store, "count");
    assert_eq!(number_of(&get(&store, "count").unwrap()), 3);
    wait_for("the claim", || store.is_claimed(b"name").unwrap().then_some(()));
    drop(claim);
    assert!(!store.is_claimed(b"name").unwrap());
}

#[test]
fn an_etcd_that_is_not_there_is_told_with_the_mend() {
    let etcd = Etcd::one();
    let mut options = hasty(etcd_options(&etcd, "p"));
    options.endpoints = vec!["127.0.0.1:1".into()];
    let Err(StoreError::Open { path, cause, mend }) = vhsm_store::Etcd::open(&options) else { panic!() };
    assert_eq!(path.to_str(), Some("etcd://127.0.0.1:1/p/"));
    assert!(cause.contains("refused") && mend.contains("members run"), "{cause}; {mend}");
    // One that is there is enough.
    options.endpoints.push(etcd.hosts());
    put(&open(&EtcdOptions { request_timeout_ms: 60_000, ..options }), "a", "1");
}
