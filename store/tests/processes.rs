//! One store in several processes: what one does, the others see; what one held, goes with it.

mod common;

use common::{
    Process, changed, folder, get, increment, number_of, open, options, put, role, say, until_told,
};
use std::time::{Duration, Instant};
use vhsm_store::{Batch, ClaimKind, Lmdb, LmdbOptions, Store};

#[test]
fn changes_of_another_process_are_seen_at_once() {
    let folder = folder();
    let store = open(folder.path());
    let mut known = put(&store, "mine", "1");
    let mut other = Process::start("teller", folder.path());
    for number in 0..100 {
        let told = other.hear().unwrap();
        let (key, revision) = told.split_once(' ').unwrap();
        assert_eq!(store.revision().0.to_string(), revision);
        assert_eq!(changed(&store, known), [key]);
        assert_eq!(get(&store, key), Some(number.to_string().into_bytes()));
        known = put(&store, "mine", told.clone());
        use std::io::Write;
        writeln!(other.child.stdin.as_mut().unwrap(), "{}", known.0).unwrap();
    }
    other.end();
}

#[test]
#[ignore = "not a test of its own: another one starts it as a process"]
fn teller() {
    let folder = role("teller");
    let store = open(&folder);
    for number in 0..100 {
        let key = format!("key{number}");
        let revision = put(&store, &key, number.to_string());
        say(format_args!("{key} {}", revision.0));
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).unwrap();
        assert_eq!(store.revision().0.to_string(), line.trim());
        assert_eq!(changed(&store, revision), ["mine"]);
    }
}

#[test]
fn increments_of_processes_all_count() {
    let folder = folder();
    let processes: Vec<_> = (0..3).map(|_| Process::start("counter", folder.path())).collect();
    let store = open(folder.path());
    (0..100).for_each(|_| increment(&store, "count"));
    processes.into_iter().for_each(Process::end);
    assert_eq!(number_of(&get(&store, "count").unwrap()), 100 + 3 * 2 * 100);
}

#[test]
#[ignore = "not a test of its own: another one starts it as a process"]
fn counter() {
    let folder = role("counter");
    let store = open(&folder);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..100).for_each(|_| increment(&store, "count")));
        }
    });
}

#[test]
fn claims_go_with_their_process() {
    let folder = folder();
    let store = open(folder.path());
    let mut holder = Process::start("holder", folder.path());
    assert_eq!(holder.hear().as_deref(), Some("holds"));
    assert!(store.is_claimed(b"alone").unwrap() && store.is_claimed(b"shared").unwrap());
    assert!(store.claim(b"alone", ClaimKind::Shared).unwrap().is_none());
    assert!(store.claim(b"shared", ClaimKind::Exclusive).unwrap().is_none());
    assert!(store.claim(b"shared", ClaimKind::Shared).unwrap().is_some());
    let waiter = std::thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            store.claim_within(b"alone", ClaimKind::Exclusive, Duration::from_secs(60)).unwrap().is_some()
        });
        std::thread::sleep(Duration::from_millis(30));
        assert!(!waiter.is_finished());
        holder.kill();
        waiter.join().unwrap()
    });
    assert!(waiter);
    assert!(!store.is_claimed(b"alone").unwrap() && !store.is_claimed(b"shared").unwrap());
}

#[test]
#[ignore = "not a test of its own: another one starts it as a process"]
fn holder() {
    let folder = role("holder");
    let store = open(&folder);
    let _alone = store.claim(b"alone", ClaimKind::Exclusive).unwrap().unwrap();
    let _shared = store.claim(b"shared", ClaimKind::Shared).unwrap().unwrap();
    say("holds");
    until_told();
}

#[test]
fn a_reader_killed_in_the_middle_is_cleared() {
    let folder = folder();
    let store = open(folder.path());
    put(&store, "a", "1");
    let mut reader = Process::start("reader", folder.path());
    assert_eq!(reader.hear().as_deref(), Some("reads"));
    reader.kill();
    let mut opener = Process::start("opener", folder.path());
    assert_eq!(opener.hear().as_deref(), Some("cleared 1"));
    opener.end();
    put(&store, "a", "2");
}

#[test]
#[ignore = "not a test of its own: another one starts it as a process"]
fn opener() {
    let folder = role("opener");
    say(format_args!("cleared {}", open(&folder).stats().stale_readers));
}

#[test]
#[ignore = "not a test of its own: another one starts it as a process"]
fn reader() {
    let folder = role("reader");
    let read = open(&folder).read(&mut |_| {
        say("reads");
        until_told();
        Ok(())
    });
    read.unwrap();
}

/// Killed while it has the lock of all writers.
#[test]
fn a_writer_killed_in_the_middle_stops_nobody() {
    let folder = folder();
    let store = open(folder.path());
    for _ in 0..20 {
        let mut writer = Process::start("endless_writer", folder.path());
        assert_eq!(writer.hear().as_deref(), Some("writes"));
        let started = Instant::now();
        while started.elapsed() < Duration::from_millis(5) {
            increment(&store, "mine");
        }
        writer.kill();
        let revision = put(&store, "a", "1");
        assert_eq!(store.revision(), revision);
    }
}

#[test]
#[ignore = "not a test of its own: another one starts it as a process"]
fn endless_writer() {
    let folder = role("endless_writer");
    let store = open(&folder);
    say("writes");
    for number in 0.. {
        put(&store, "other", vec![0; number % 9000]);
    }
}

/// Killed at the very end of its commit: the file's header has the commit, the snapshots do not show it yet. Whoever
/// asks for changes gets there by asking, without a commit.
#[test]
fn a_commit_that_was_killed_at_its_end_is_settled() {
    let folder = folder();
    let store = open(folder.path());
    put(&store, "a", "1");
    let settled = |_| {
        let mut writer = Process::start("endless_writer", folder.path());
        assert_eq!(writer.hear().as_deref(), Some("writes"));
        writer.kill();
        let known = store.changes_since(store.revision()).unwrap().upto;
        copy_header(&folder.path().join("store/data.mdb"), known.0);
        assert_eq!(store.revision().0, known.0 + 1);
        let settled = (0..1100).any(|_| store.changes_since(known).unwrap().upto > known);
        put(&store, "a", "2");
        settled
    };
    // Where the writer did not die with the writers' lock in its hands it could not have died so late.
    assert!((0..30).any(settled));
}

/// Makes the older of the two header pages say what the newer does, as the next commit.
fn copy_header(data: &std::path::Path, newest: u64) {
    use std::os::unix::fs::FileExt;
    let file = std::fs::File::options().read(true).write(true).open(data).unwrap();
    let mut page = [0; 152];
    file.read_exact_at(&mut page, (newest & 1) * 4096).unwrap();
    assert_eq!(page[144..], newest.to_ne_bytes());
    page[144..].copy_from_slice(&(newest + 1).to_ne_bytes());
    file.write_all_at(&page[16..], ((newest + 1) & 1) * 4096 + 16).unwrap();
}

#[test]
fn a_process_with_a_smaller_map_follows() {
    let folder = folder();
    let small = LmdbOptions { map_bytes: 1 << 20, ..options(folder.path()) };
    let store = Lmdb::open(&small).unwrap();
    put(&store, "a", "1");
    let mut other = Process::start("filler", folder.path());
    assert_eq!(other.hear().as_deref(), Some("filled"));
    assert_eq!(get(&store, "big"), Some(vec![9; 500_000]));
    put(&store, "a", "2");
    other.end();
}

#[test]
#[ignore = "not a test of its own: another one starts it as a process"]
fn filler() {
    let folder = role("filler");
    let store = open(&folder);
    for number in 0..20 {
        store.commit(Batch::new().put(format!("big{number}"), vec![9; 500_000])).unwrap();
    }
    put(&store, "big", vec![9; 500_000]);
    say("filled");
    until_told();
}
