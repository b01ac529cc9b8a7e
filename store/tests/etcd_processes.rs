//! One store in etcd in several processes, and over forks: as `processes.rs` and `fork.rs` show it of the embedded one.
#![cfg(feature = "etcd")]

mod common;

use common::etcd::{Etcd, wait_for};
use common::{
    Process, changed, folder, fork, get, increment, join, name_etcd, number_of, open_etcd, put, role, say,
    until_told,
};
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use vhsm_store::{Batch, ClaimKind, Revision, Store, StoreError};

/// An etcd, and a folder that tells other processes of it.
fn etcd() -> (Etcd, tempfile::TempDir) {
    let (etcd, folder) = (Etcd::one(), folder());
    name_etcd(folder.path(), &etcd);
    (etcd, folder)
}

/// Every call of the child's inherited store turns away.
fn assert_forked(store: &dyn Store) {
    let forked =
        |outcome: Result<(), StoreError>| assert!(matches!(outcome, Err(StoreError::Forked)), "{outcome:?}");
    forked(store.read(&mut |_| Ok(())));
    forked(store.commit(Batch::new().put("a", "child")).map(drop));
    forked(store.changes_since(store.revision()).map(drop));
    forked(store.claim(b"a", ClaimKind::Shared).map(drop));
    forked(store.claim_within(b"a", ClaimKind::Shared, Duration::from_millis(1)).map(drop));
    forked(store.is_claimed(b"a").map(drop));
}

#[test]
fn changes_of_another_process_are_seen() {
    let (_etcd, folder) = etcd();
    let store = open_etcd(folder.path());
    let mut known = put(&store, "mine", "1");
    let mut other = Process::start("teller", folder.path());
    for number in 0..50 {
        let told = other.hear().unwrap();
        let (key, revision) = told.split_once(' ').unwrap();
        wait_for("the other's commit", || (store.revision().0.to_string() == revision).then_some(()));
        assert_eq!(changed(&store, known), [key]);
        assert_eq!(get(&store, key), Some(number.to_string().into_bytes()));
        known = put(&store, "mine", told.clone());
        writeln!(other.child.stdin.as_mut().unwrap(), "{}", known.0).unwrap();
    }
    other.end();
}

#[test]
#[ignore = "not a test of its own: another one starts it as a process"]
fn teller() {
    let store = open_etcd(&role("teller"));
    for number in 0..50 {
        let key = format!("key{number}");
        let revision = put(&store, &key, number.to_string());
        say(format_args!("{key} {}", revision.0));
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).unwrap();
        wait_for("the other's commit", || (store.revision().0.to_string() == line.trim()).then_some(()));
        assert_eq!(changed(&store, revision), ["mine"]);
    }
}

#[test]
fn increments_of_processes_all_count() {
    let (_etcd, folder) = etcd();
    let processes: Vec<_> = (0..3).map(|_| Process::start("counter", folder.path())).collect();
    let store = open_etcd(folder.path());
    (0..50).for_each(|_| increment(&store, "count"));
    processes.into_iter().for_each(Process::end);
    wait_for("all", || (number_of(&get(&store, "count").unwrap()) == 50 + 3 * 2 * 50).then_some(()));
}

#[test]
#[ignore = "not a test of its own: another one starts it as a process"]
fn counter() {
    let store = open_etcd(&role("counter"));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..50).for_each(|_| increment(&store, "count")));
        }
    });
}

#[test]
fn claims_go_with_their_process() {
    let (_etcd, folder) = etcd();
    let store = open_etcd(folder.path());
    let mut holder = Process::start("holder", folder.path());
    assert_eq!(holder.hear().as_deref(), Some("holds"));
    assert!(store.is_claimed(b"alone").unwrap() && store.is_claimed(b"shared").unwrap());
    assert!(store.claim(b"alone", ClaimKind::Shared).unwrap().is_none());
    assert!(store.claim(b"shared", ClaimKind::Exclusive).unwrap().is_none());
    assert!(store.claim(b"shared", ClaimKind::Shared).unwrap().is_some());
    holder.kill();
    assert!(store.claim_within(b"alone", ClaimKind::Exclusive, Duration::from_secs(60)).unwrap().is_some());
    wait_for("the shared claim to go", || (!store.is_claimed(b"shared").unwrap()).then_some(()));
}

#[test]
#[ignore = "not a test of its own: another one starts it as a process"]
fn holder() {
    let store = open_etcd(&role("holder"));
    let _alone = store.claim(b"alone", ClaimKind::Exclusive).unwrap().unwrap();
    let _shared = store.claim(b"shared", ClaimKind::Shared).unwrap().unwrap();
    say("holds");
    until_told();
}

/// It was stopped for longer than its knowledge is good: the first thing it does shows that it knows so.
#[test]
fn a_process_that_was_stopped_goes_on_with_nothing_old() {
    let (_etcd, folder) = etcd();
    let store = open_etcd(folder.path());
    put(&store, "a", "old");
    for _ in 0..3 {
        let mut sleeper = Process::start("sleeper", folder.path());
        let known = sleeper.hear().unwrap();
        let process = sleeper.child.id() as libc::pid_t;
        let signal = |signal| {
            // SAFETY: a child of this test.
            assert_eq!(unsafe { libc::kill(process, signal) }, 0);
        };
        signal(libc::SIGSTOP);
        put(&store, "a", "new");
        std::thread::sleep(Duration::from_millis(1_100));
        writeln!(sleeper.child.stdin.as_mut().unwrap()).unwrap();
        signal(libc::SIGCONT);
        assert_ne!(sleeper.hear().unwrap(), known);
        assert_eq!(sleeper.hear().unwrap(), "new");
        sleeper.end();
    }
}

#[test]
#[ignore = "not a test of its own: another one starts it as a process"]
fn sleeper() {
    let store = open_etcd(&role("sleeper"));
    let fresh = || Some(store.revision().0).filter(|revision| *revision != u64::MAX);
    say(wait_for("the store to be fresh", fresh));
    until_told();
    say(store.revision().0);
    say(String::from_utf8(get(&store, "a").unwrap()).unwrap());
}

#[test]
fn a_child_opens_anew() {
    let (_etcd, folder) = etcd();
    let store = open_etcd(folder.path());
    let before = put(&store, "a", "parent");
    join(fork(&[&store], || {
        assert_forked(&store);
        let own = open_etcd(folder.path());
        assert_forked(&store);
        assert_eq!(get(&own, "a"), Some(b"parent".to_vec()));
        assert!(put(&own, "a", "child") > before);
        join(fork(&[&own, &store], || {
            assert_forked(&own);
            put(&open_etcd(folder.path()), "b", "child's child");
        }));
        put(&own, "a", "child again");
    }));
    wait_for("the child's commit", || (get(&store, "a")? == b"child again").then_some(()));
    assert_eq!(get(&store, "b"), Some(b"child's child".to_vec()));
    put(&store, "a", "parent again");
}

#[test]
fn a_child_may_drop_what_it_inherited() {
    let (_etcd, folder) = etcd();
    let mut store = Some(open_etcd(folder.path()));
    let mut claim = store.as_ref().unwrap().claim(b"mine", ClaimKind::Exclusive).unwrap();
    for dropped_first in [true, false] {
        let inherited: *const vhsm_store::Etcd = store.as_ref().unwrap();
        // SAFETY: the store lives until the end of this test in the parent; the child uses it for the handlers only.
        join(fork(&[unsafe { &*inherited }], || {
            if dropped_first {
                drop((claim.take(), store.take()));
            }
            let own = open_etcd(folder.path());
            let other = own.claim(b"its own", ClaimKind::Exclusive).unwrap();
            drop((claim.take(), store.take()));
            assert!(own.is_claimed(b"its own").unwrap() && own.is_claimed(b"mine").unwrap());
            put(&own, "a", "child");
            drop((own, other));
            put(&open_etcd(folder.path()), "a", "child again");
        }));
        let store = store.as_ref().unwrap();
        assert!(store.is_claimed(b"mine").unwrap() && !store.is_claimed(b"its own").unwrap());
        wait_for("the child's commit", || (get(store, "a")? == b"child again").then_some(()));
        put(store, "a", "parent");
    }
}

/// As a daemon does: it closes all descriptors it has, and its own get the numbers that the connections had.
#[test]
fn a_child_that_closed_everything_keeps_its_own_files() {
    use std::os::unix::fs::FileExt;
    let (_etcd, folder) = etcd();
    let store = open_etcd(folder.path());
    put(&store, "a", "parent");
    join(fork(&[&store], || {
        // SAFETY: a child that uses none of them any more.
        assert_eq!(unsafe { libc::close_range(3, u32::MAX, 0) }, 0);
        let file = |number: u32| std::fs::File::create(folder.path().join(number.to_string())).unwrap();
        let files: Vec<_> = (0..64).map(file).collect();
        let own = open_etcd(folder.path());
        for file in &files {
            file.write_all_at(b"own", 0).unwrap();
        }
        assert_eq!(get(&own, "a"), Some(b"parent".to_vec()));
        put(&own, "a", "child");
    }));
    let written = |number: u32| std::fs::read(folder.path().join(number.to_string())).unwrap();
    assert!((0..64).all(|number| written(number) == b"own"));
    wait_for("the child's commit", || (get(&store, "a")? == b"child").then_some(()));
}

#[test]
fn forks_beside_busy_threads() {
    const FORKS: u64 = 40;
    let (_etcd, folder) = etcd();
    let store = open_etcd(folder.path());
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (store, stop, done, folder) = (&store, &stop, &done, folder.path());
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    busy(store, folder, thread);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..FORKS {
            let before = done.load(Ordering::Relaxed);
            join(fork(&[&store], || {
                assert_forked(&store);
                let own = open_etcd(folder.path());
                increment(&own, "children");
                assert!(get(&own, "children").is_some());
            }));
            let started = Instant::now();
            while done.load(Ordering::Relaxed) < before + 8 {
                assert!(started.elapsed() < Duration::from_secs(60), "the parent's threads stand still");
                std::thread::yield_now();
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    wait_for("all", || (number_of(&get(&store, "children").unwrap()) == FORKS).then_some(()));
}

/// What one of the threads does once.
fn busy(store: &vhsm_store::Etcd, folder: &std::path::Path, thread: u64) {
    let key = format!("thread {thread}");
    match thread {
        0..3 => increment(store, &key),
        3 => drop(store.claim_within(b"busy", ClaimKind::Exclusive, Duration::from_millis(1)).unwrap()),
        4 => drop(open_etcd(folder)),
        _ => {
            get(store, &key);
            store.changes_since(store.revision()).unwrap();
        }
    }
}

#[test]
fn a_read_that_forks_goes_on_in_the_parent_only() {
    let (_etcd, folder) = etcd();
    let store = open_etcd(folder.path());
    put(&store, "a", "1");
    store
        .read(&mut |at| {
            join(fork(&[&store], || {
                assert!(matches!(at.get(b"a"), Err(StoreError::Forked)));
                let mut nothing = |_: &[u8], _: &[u8]| panic!("shown to a child");
                assert!(matches!(at.range(b"a", b"b", &mut nothing), Err(StoreError::Forked)));
                assert_eq!(get(&open_etcd(folder.path()), "a"), Some(b"1".to_vec()));
            }));
            assert_eq!(at.get(b"a")?, Some(&b"1"[..]));
            Ok(())
        })
        .unwrap();
    put(&store, "a", "2");
}

/// Calls that wait for etcd do not hold up a fork, and wait on in the parent.
#[test]
fn a_fork_waits_for_no_call() {
    let (etcd, folder) = etcd();
    let store = open_etcd(folder.path());
    put(&store, "a", "1");
    etcd.pause(0);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| store.commit(Batch::new().put("a", "2")));
        std::thread::sleep(Duration::from_millis(200));
        join(fork(&[&store], || assert_forked(&store)));
        assert!(!waiting.is_finished());
        etcd.resume(0);
        assert!(waiting.join().unwrap().unwrap() > Revision(0));
    });
    assert_eq!(get(&store, "a"), Some(b"2".to_vec()));
}

/// A child that lives on does not keep what its parent claimed.
#[test]
fn a_child_does_not_keep_its_dead_parents_claims() {
    let (_etcd, folder) = etcd();
    let store = open_etcd(folder.path());
    let mut parent = Process::start("claiming_parent", folder.path());
    let child: libc::pid_t = parent.hear().unwrap().parse().unwrap();
    assert!(store.is_claimed(b"parent").unwrap());
    parent.child.kill().unwrap();
    parent.child.wait().unwrap();
    // SAFETY: asks whether the process is there.
    assert_eq!(unsafe { libc::kill(child, 0) }, 0);
    wait_for("the claim to go", || (!store.is_claimed(b"parent").unwrap()).then_some(()));
    // SAFETY: the child was made for this test.
    unsafe { libc::kill(child, libc::SIGKILL) };
}

#[test]
#[ignore = "not a test of its own: another one starts it as a process"]
fn claiming_parent() {
    let store = open_etcd(&role("claiming_parent"));
    let _claim = store.claim(b"parent", ClaimKind::Exclusive).unwrap().unwrap();
    fork(&[&store], || {
        say(std::process::id());
        std::thread::sleep(Duration::from_secs(60));
    });
    until_told();
}
