//! Forks: the child starts anew, the parent does not notice.

mod common;

use common::{Process, folder, fork, get, increment, join, number_of, open, put, role, say, until_told};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use vhsm_store::{Batch, ClaimKind, Lmdb, Memory, Store, StoreError};

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
fn a_child_opens_anew() {
    let folder = folder();
    let (store, memory) = (open(folder.path()), Memory::new());
    put(&store, "a", "parent");
    let before = store.revision();
    join(fork(&[&store, &memory], || {
        assert_forked(&store);
        assert_forked(&memory);
        let own = open(folder.path());
        assert_forked(&store);
        assert_eq!(get(&own, "a"), Some(b"parent".to_vec()));
        assert_eq!(put(&own, "a", "child").0, before.0 + 1);
        drop(store_again(&own, folder.path()));
        assert_eq!(put(&Memory::new(), "a", "1").0, 2);
    }));
    assert_eq!(store.revision().0, before.0 + 1);
    assert_eq!(get(&store, "a"), Some(b"child".to_vec()));
    put(&store, "a", "parent again");
}

/// A second value of the same place, and a read through both.
fn store_again(own: &Lmdb, folder: &std::path::Path) -> Lmdb {
    let again = open(folder);
    assert_eq!(get(own, "a"), get(&again, "a"));
    again
}

#[test]
fn a_child_may_drop_what_it_inherited() {
    let folder = folder();
    let mut store = Some(open(folder.path()));
    let mut claim = store.as_ref().unwrap().claim(b"mine", ClaimKind::Exclusive).unwrap();
    for dropped_first in [true, false] {
        let inherited: *const Lmdb = store.as_ref().unwrap();
        // SAFETY: the store lives until the end of this test in the parent; the child uses it for the handlers only.
        join(fork(&[unsafe { &*inherited }], || {
            if dropped_first {
                drop((claim.take(), store.take()));
            }
            let own = open(folder.path());
            let other = own.claim(b"its own", ClaimKind::Exclusive).unwrap();
            drop((claim.take(), store.take()));
            assert!(own.is_claimed(b"its own").unwrap() && own.is_claimed(b"mine").unwrap());
            put(&own, "a", "child");
            drop((own, other));
            put(&open(folder.path()), "a", "child again");
        }));
        let store = store.as_ref().unwrap();
        assert!(store.is_claimed(b"mine").unwrap() && !store.is_claimed(b"its own").unwrap());
        assert_eq!(get(store, "a"), Some(b"child again".to_vec()));
        put(store, "a", "parent");
    }
}

/// As a daemon does: it closes all descriptors it has, and its own get the numbers that LMDB's had.
#[test]
fn a_child_that_closed_everything_keeps_its_own_files() {
    use std::os::unix::fs::FileExt;
    let folder = folder();
    let store = open(folder.path());
    put(&store, "a", "parent");
    join(fork(&[&store], || {
        // SAFETY: a child that uses none of them any more.
        assert_eq!(unsafe { libc::close_range(3, u32::MAX, 0) }, 0);
        let files: Vec<_> = (0..64)
            .map(|number| {
                let path = folder.path().join(number.to_string());
                std::fs::File::create(path).unwrap()
            })
            .collect();
        let own = open(folder.path());
        for file in &files {
            file.write_all_at(b"own", 0).unwrap();
        }
        assert_eq!(get(&own, "a"), Some(b"parent".to_vec()));
        put(&own, "a", "child");
    }));
    let written = |number: u32| std::fs::read(folder.path().join(number.to_string())).unwrap();
    assert!((0..64).all(|number| written(number) == b"own"));
    assert_eq!(get(&store, "a"), Some(b"child".to_vec()));
}

#[test]
fn a_childs_child_opens_anew() {
    let folder = folder();
    let store = open(folder.path());
    join(fork(&[&store], || {
        let own = open(folder.path());
        increment(&own, "count");
        join(fork(&[&own, &store], || {
            assert_forked(&own);
            increment(&open(folder.path()), "count");
        }));
        increment(&own, "count");
    }));
    increment(&store, "count");
    assert_eq!(number_of(&get(&store, "count").unwrap()), 4);
}

#[test]
fn forks_beside_busy_threads() {
    const FORKS: u64 = 150;
    let folder = folder();
    let store = open(folder.path());
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
                let own = open(folder.path());
                increment(&own, "children");
                assert!(get(&own, "children").is_some());
            }));
            let started = Instant::now();
            while done.load(Ordering::Relaxed) < before + 8 {
                assert!(started.elapsed() < Duration::from_secs(20), "the parent's threads stand still");
                std::thread::yield_now();
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(number_of(&get(&store, "children").unwrap()), FORKS);
}

/// What one of the threads does once.
fn busy(store: &Lmdb, folder: &std::path::Path, thread: u64) {
    let key = format!("thread {thread}");
    match thread {
        0..3 => increment(store, &key),
        3 => drop(store.claim_within(b"busy", ClaimKind::Exclusive, Duration::from_millis(1)).unwrap()),
        4 => drop(open(folder)),
        _ => {
            get(store, &key);
            store.changes_since(store.revision()).unwrap();
        }
    }
}

/// A child that lives on does not keep what its parent claimed.
#[test]
fn a_child_does_not_keep_its_dead_parents_claims() {
    let folder = folder();
    let store = open(folder.path());
    let mut parent = Process::start("claiming_parent", folder.path());
    let child: libc::pid_t = parent.hear().unwrap().parse().unwrap();
    assert!(store.is_claimed(b"parent").unwrap());
    parent.child.kill().unwrap();
    parent.child.wait().unwrap();
    // SAFETY: asks whether the process is there.
    assert_eq!(unsafe { libc::kill(child, 0) }, 0);
    assert!(!store.is_claimed(b"parent").unwrap());
    // SAFETY: the child was made for this test.
    unsafe { libc::kill(child, libc::SIGKILL) };
}

#[test]
#[ignore = "not a test of its own: another one starts it as a process"]
fn claiming_parent() {
    let folder = role("claiming_parent");
    let store = open(&folder);
    let _claim = store.claim(b"parent", ClaimKind::Exclusive).unwrap().unwrap();
    // The child says who it is, so that it has let go of its parent's descriptors when the test kills the parent.
    fork(&[&store], || {
        say(std::process::id());
        std::thread::sleep(Duration::from_secs(60));
    });
    until_told();
}
