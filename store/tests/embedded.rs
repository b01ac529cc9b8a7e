//! The embedded store's place: opening, sharing, rights, damage, lack of room, speed that must not be lost.

mod common;

use common::{Process, all, folder, get, increment, open, options, put, role, say, until_told};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use vhsm_store::{Batch, ClaimKind, Lmdb, LmdbOptions, Revision, Store, StoreError};

const FILES: [&str; 3] = ["claims", "data.mdb", "lock.mdb"];

#[test]
fn a_place_opens_again_and_again() {
    let folder = folder();
    for round in 0..50_u32 {
        let store = open(folder.path());
        assert_eq!(get(&store, "round"), round.checked_sub(1).map(|last| last.to_string().into_bytes()));
        put(&store, "round", round.to_string());
    }
}

#[test]
fn one_place_is_shared_in_a_process() {
    let folder = folder();
    let (first, second) = (open(folder.path()), open(&folder.path().join("store/../.")));
    let revision = put(&first, "a", "1");
    assert_eq!(second.revision(), revision);
    let claim = first.claim(b"name", ClaimKind::Exclusive).unwrap();
    assert!(second.claim(b"name", ClaimKind::Shared).unwrap().is_none());
    assert_eq!(first.stats(), second.stats());
    drop(first);
    assert!(second.is_claimed(b"name").unwrap());
    assert_eq!(get(&second, "a"), Some(b"1".to_vec()));
    put(&second, "a", "2");
    drop((second, claim));
    assert_eq!(get(&open(folder.path()), "a"), Some(b"2".to_vec()));
}

/// As a host may finalize and initialize again while an old call is still under way.
#[test]
fn a_place_opens_and_closes_under_work() {
    let folder = folder();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    increment(&open(folder.path()), "count");
                }
            });
        }
        for _ in 0..300 {
            get(&open(folder.path()), "count");
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn files_are_the_owners_alone() {
    let folder = folder();
    let path = folder.path().join("new/deep/store");
    drop(Lmdb::open(&LmdbOptions::new(&path)).unwrap());
    assert_eq!(rights(&path), 0o700);
    assert_eq!(rights(path.parent().unwrap()), 0o700);
    assert_eq!(names(&path), FILES);
    assert!(FILES.iter().all(|name| rights(&path.join(name)) == 0o600));
}

#[test]
fn files_are_a_groups_if_told() {
    let folder = folder();
    let of_group = LmdbOptions { group: true, ..options(folder.path()) };
    drop(Lmdb::open(&of_group).unwrap());
    assert_eq!(rights(&of_group.path), 0o2770);
    assert!(FILES.iter().all(|name| rights(&of_group.path.join(name)) == 0o660));
    drop(open(folder.path()));
    assert!(FILES.iter().all(|name| rights(&of_group.path.join(name)) == 0o660));
}

fn rights(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The cause and the mend that opening tells.
fn refusal(path: &Path) -> (String, String) {
    match Lmdb::open(&LmdbOptions { map_bytes: 1 << 30, ..LmdbOptions::new(path) }).map(drop) {
        Err(StoreError::Open { path: told, cause, mend }) => {
            assert!(
                told.starts_with(path.canonicalize().as_deref().unwrap_or(path)) || told == path,
                "{told:?}"
            );
            (cause, mend)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_store_is_refused() {
    let folder = folder();
    let file = folder.path().join("file");
    fs::write(&file, "text").unwrap();
    assert_eq!(refusal(&file).1, "name a folder");
    let foreign = folder.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("data.mdb"), vec![b'x'; 20_000]).unwrap();
    assert!(refusal(&foreign).0.contains("not a store's, or damaged"));
    assert!(refusal(Path::new("/proc/none")).1.contains("look at the folder"));
}

#[test]
fn a_damaged_file_is_refused() {
    let folder = folder();
    let store = open(folder.path());
    for number in 0..200 {
        put(&store, &format!("{number}"), vec![1; 500]);
    }
    drop(store);
    let (place, data) = (folder.path().join("store"), folder.path().join("store/data.mdb"));
    let whole = fs::read(&data).unwrap();
    // Cut: after the header pages, and in the middle of them.
    for (length, wanted) in [(8192, "damaged"), (5000, "damaged"), (100, "damaged")] {
        fs::write(&data, &whole[..length]).unwrap();
        let (cause, mend) = refusal(&place);
        assert!(cause.contains(wanted), "{length}: {cause}");
        assert_eq!(mend, "restore the folder from a backup");
    }
    // Everything but the header is gone.
    let mut emptied = whole.clone();
    emptied[8192..].fill(0);
    fs::write(&data, emptied).unwrap();
    assert!(refusal(&place).0.contains("damaged"));
    fs::write(&data, &whole).unwrap();
    assert_eq!(all(&open(folder.path())).len(), 200);
}

#[test]
fn another_format_is_refused() {
    for (change, wanted) in [(0, "its format is 9"), (3, "its format record is damaged")] {
        let folder = folder();
        drop(open(folder.path()));
        let data = folder.path().join("store/data.mdb");
        let mut bytes = fs::read(&data).unwrap();
        let text = b"\x01vhsm store";
        let places: Vec<_> =
            (0..=bytes.len() - text.len()).filter(|at| bytes[*at..].starts_with(text)).collect();
        assert!(!places.is_empty());
        places.iter().for_each(|at| bytes[at + change] = 9);
        fs::write(&data, bytes).unwrap();
        let (cause, mend) = refusal(&folder.path().join("store"));
        assert!(cause.starts_with(wanted), "{cause}");
        assert!(mend == "use a newer version" || change > 0);
    }
}

#[test]
fn a_full_map_refuses_puts_and_goes_on_after_deletes() {
    let folder = folder();
    let store = Lmdb::open(&LmdbOptions { map_bytes: 1 << 20, ..options(folder.path()) }).unwrap();
    let mut count = 0;
    let full = loop {
        match store.commit(Batch::new().put(format!("{count:05}"), vec![7; 3000])) {
            Ok(_) => count += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(full, StoreError::Full { .. }), "{full}");
    assert!((100..400).contains(&count), "{count}");
    let (revision, before) = (store.revision(), all(&store));
    assert_eq!(before.len(), count);
    for _ in 0..3 {
        let again = store.commit(Batch::new().put("more", vec![7; 3000]).delete("00000"));
        assert!(matches!(again, Err(StoreError::Full { .. })), "{again:?}");
    }
    assert_eq!((store.revision(), all(&store)), (revision, before));
    for number in 0..count {
        store.commit(Batch::new().delete(format!("{number:05}"))).unwrap();
    }
    assert_eq!(all(&store), []);
    for number in 0..100 {
        put(&store, &format!("{number:05}"), vec![8; 3000]);
    }
}

/// Among those who commit together only those without room fail.
#[test]
fn a_full_map_fails_only_what_has_no_room() {
    let folder = folder();
    let store = Lmdb::open(&LmdbOptions { map_bytes: 1 << 20, ..options(folder.path()) }).unwrap();
    put(&store, "small", "0");
    let big = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..50 {
                let full = store.commit(Batch::new().put("big", vec![1; 1_040_000]));
                assert!(matches!(full, Err(StoreError::Full { .. })), "{full:?}");
            }
            big.store(true, Ordering::Relaxed);
        });
        for _ in 0..2 {
            scope.spawn(|| {
                // Not without end: the change log of very many would fill so small a map by right.
                for _ in 0..500 {
                    if !big.load(Ordering::Relaxed) {
                        increment(&store, "count");
                    }
                }
            });
        }
    });
    assert_eq!(get(&store, "big"), None);
}

#[test]
fn a_full_disk_fails_only_the_commit() {
    let folder = folder();
    Process::start("limited", folder.path()).end();
    let store = open(folder.path());
    assert_eq!(get(&store, "after"), Some(b"room".to_vec()));
}

/// A write that fails may be there or not: from then on nothing is written, until the store is opened anew.
#[test]
fn after_a_failed_write_the_store_refuses_writes() {
    for which in [Broken::Pages, Broken::Header] {
        let folder = folder();
        let store = open(folder.path());
        let revision = put(&store, "a", "1");
        break_data_file(&folder.path().join("store/data.mdb"), which);
        let failed = store.commit(Batch::new().put("a", "2"));
        assert!(matches!(failed, Err(StoreError::Io { .. })), "{which:?}: {failed:?}");
        for _ in 0..2 {
            let refused = store.commit(Batch::new().put("a", "3"));
            assert!(matches!(refused, Err(StoreError::Refused { .. })), "{which:?}: {refused:?}");
        }
        assert_eq!(store.revision(), revision);
        let second = open(folder.path());
        assert!(matches!(second.commit(Batch::new().put("a", "3")), Err(StoreError::Refused { .. })));
        drop((store, second));
        let store = open(folder.path());
        assert_eq!(get(&store, "a"), Some(b"1".to_vec()));
        put(&store, "a", "4");
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Broken {
    Pages,
    Header,
}

/// Lets the process's descriptors for pages or for the header of this file fail every write.
fn break_data_file(data: &Path, which: Broken) {
    use std::os::fd::AsRawFd;
    let readable = fs::File::open(data).unwrap();
    for entry in fs::read_dir("/proc/self/fd").unwrap().flatten() {
        let number: i32 = entry.file_name().to_str().unwrap().parse().unwrap();
        if number == readable.as_raw_fd() || fs::read_link(entry.path()).is_ok_and(|file| file != data) {
            continue;
        }
        // SAFETY: asks how the descriptor was opened. LMDB writes headers through one that can only write.
        let flags = unsafe { libc::fcntl(number, libc::F_GETFL) };
        let found = if flags & libc::O_ACCMODE == libc::O_WRONLY { Broken::Header } else { Broken::Pages };
        if flags >= 0 && found == which {
            // SAFETY: the store's own descriptor, which becomes one that cannot write.
            assert_eq!(unsafe { libc::dup2(readable.as_raw_fd(), number) }, number);
        }
    }
}

/// A limit on the length of its files is to a process what a full disk is.
#[test]
#[ignore = "not a test of its own: another one starts it as a process"]
fn limited() {
    let folder = role("limited");
    let store = open(&folder);
    put(&store, "a", "1");
    limit_file_bytes(256 << 10);
    let mut count = 0;
    let full = loop {
        match store.commit(Batch::new().put(format!("{count:05}"), vec![7; 3000])) {
            Ok(_) => count += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(full, StoreError::Full { .. }), "{full}");
    let big = store.commit(Batch::new().put("big", vec![7; 1_000_000]));
    assert!(matches!(big, Err(StoreError::Full { .. })), "{big:?}");
    assert_eq!(get(&store, "a"), Some(b"1".to_vec()));
    assert_eq!(all(&store).len(), count + 1);
    limit_file_bytes(libc::RLIM_INFINITY);
    put(&store, "after", "room");
}

fn limit_file_bytes(bytes: u64) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: changes this process's own limit; without the signal a write beyond it fails.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
        assert_eq!(libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit), 0);
    }
}

#[test]
fn commits_that_wait_together_share_a_sync() {
    const THREADS: usize = 8;
    const EACH: usize = 100;
    // On a disk, if this is one: where a sync takes no time nobody waits.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store = open(folder.path());
    let before = store.stats();
    let start = Barrier::new(THREADS);
    let mut revisions: Vec<Revision> = std::thread::scope(|scope| {
        let work = |thread: usize| {
            let (store, start) = (&store, &start);
            scope.spawn(move || {
                start.wait();
                (0..EACH).map(|number| put(store, &format!("{thread} {number}"), "")).collect::<Vec<_>>()
            })
        };
        let threads: Vec<_> = (0..THREADS).map(work).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let after = store.stats();
    let (batches, syncs) = (after.batches - before.batches, after.transactions - before.transactions);
    assert_eq!(batches, (THREADS * EACH) as u64);
    assert!(syncs * 2 <= batches, "{syncs} syncs for {batches} batches");
    revisions.sort_unstable();
    revisions.dedup();
    assert_eq!(revisions.len() as u64, syncs);
}

/// A batch whose condition fails fails alone, whoever it shares a transaction with.
#[test]
fn of_those_who_want_the_same_one_wins() {
    let folder = folder();
    let store = open(folder.path());
    for round in 0..50 {
        let key = format!("{round}");
        let start = Barrier::new(8);
        let winners: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|thread| {
                    let (store, start, key) = (&store, &start, &key);
                    scope.spawn(move || {
                        start.wait();
                        let batch = Batch::new().expect(&**key, None).put(&**key, [thread]);
                        let own = Batch::new().put(format!("own {thread}"), "");
                        store.commit(own).unwrap();
                        usize::from(store.commit(batch).is_ok())
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(winners, 1);
    }
}

/// What every call of a token asks must cost next to nothing; the limit is far above what is measured. The best of some
/// rounds counts, for the machine may have other work.
#[test]
fn asking_for_the_revision_is_cheap() {
    const CALLS: u32 = 200_000;
    let folder = folder();
    let store = open(folder.path());
    let round = || {
        let started = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    (0..CALLS).for_each(|_| assert_ne!(std::hint::black_box(store.revision()), Revision(0)))
                });
            }
        });
        started.elapsed()
    };
    let limit = Duration::from_nanos(200) * CALLS;
    assert!((0..50).any(|_| round() < limit), "more than {limit:?} each time");
}

#[test]
fn many_threads_read() {
    let folder = folder();
    let store = open(folder.path());
    put(&store, "a", "1");
    // More threads than reader slots would be free, were they not given back.
    for _ in 0..50 {
        std::thread::scope(|scope| {
            for _ in 0..100 {
                scope.spawn(|| assert_eq!(get(&store, "a"), Some(b"1".to_vec())));
            }
        });
    }
}

/// A program that the host starts gets none of the store's files.
#[test]
fn nothing_is_left_open_over_exec() {
    let folder = folder();
    let store = open(folder.path());
    let _claim = store.claim(b"name", ClaimKind::Shared).unwrap();
    let listing = std::process::Command::new("ls").args(["-l", "/proc/self/fd"]).output().unwrap();
    let listing = String::from_utf8(listing.stdout).unwrap();
    assert!(listing.contains("/proc"), "{listing}");
    assert!(!listing.contains(folder.path().to_str().unwrap()), "{listing}");
}

/// The file of format 1. After a change of format it stays here, beside the new one's.
#[test]
fn a_file_of_format_1_opens() {
    let folder = folder();
    fs::create_dir(folder.path().join("store")).unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/format-1.mdb");
    fs::copy(fixture, folder.path().join("store/data.mdb")).unwrap();
    let store = open(folder.path());
    assert_eq!(store.revision(), Revision(22));
    assert_eq!(get(&store, "key 7"), Some(vec![7; 70]));
    assert_eq!(all(&store).len(), 19);
    assert_eq!(common::changed(&store, Revision(20)), ["key 19", "key 3"]);
    put(&store, "key 7", "new");
}

/// Makes the file for `a_file_of_format_1_opens`: `cargo test -p vhsm-store --test embedded -- --ignored fixture`.
#[test]
#[ignore = "writes a fixture"]
fn fixture() {
    let folder = folder();
    let store = open(folder.path());
    for number in 0..20_u8 {
        put(&store, &format!("key {number}"), vec![number; usize::from(number) * 10]);
    }
    store.commit(Batch::new().delete("key 3")).unwrap();
    drop(store);
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/format-1.mdb");
    fs::copy(folder.path().join("store/data.mdb"), fixture).unwrap();
}

/// Two copies of this library in one process, or two processes that are told to have the same id: LMDB's own locks
/// would not hold. The mark of the first is a lock, so the second is refused.
#[test]
fn a_second_copy_in_a_process_is_refused() {
    let folder = folder();
    let mut first = Process::start("keeper", folder.path());
    let process: u64 = first.hear().unwrap().parse().unwrap();
    let claims = fs::File::options().read(true).write(true).open(folder.path().join("store/claims")).unwrap();
    let mark = |process: u64| {
        let offset = ((1_u64 << 62) + process).cast_signed();
        let mut lock = libc::flock {
            l_type: libc::F_WRLCK as _,
            l_whence: libc::SEEK_SET as _,
            l_start: offset,
            l_len: 1,
            l_pid: 0,
        };
        use std::os::fd::AsRawFd;
        // SAFETY: an open file and a whole `flock`.
        unsafe { libc::fcntl(claims.as_raw_fd(), libc::F_OFD_SETLK, &raw mut lock) }
    };
    assert_eq!(mark(process), -1);
    assert_eq!(mark(std::process::id().into()), 0);
    assert!(refusal(&folder.path().join("store")).0.contains("another copy of this library"));
    first.end();
    assert_eq!(mark(process), 0);
}

#[test]
#[ignore = "not a test of its own: another one starts it as a process"]
fn keeper() {
    let folder = role("keeper");
    let _store = open(&folder);
    say(std::process::id());
    until_told();
}
