//! A store is moved to another place: whole or not at all, and never in use at both.

mod common;

use common::{Process, Random, all, folder, get, options, put, role, say};
use std::any::Any;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use vhsm_store::{
    Batch, Call, Fault, Faulty, MAX_BATCH_BYTES, MAX_KEY_BYTES, MAX_OPERATIONS, MigrateError, Place,
    Standing, Store, StoreError, StoreSpec, cancel, content, migrate, open, open_in_any_state, standing,
};

/// Two places of their own.
struct Places {
    from: StoreSpec,
    to: StoreSpec,
    /// What they lie in.
    _kept: Vec<Box<dyn Any>>,
}

impl Places {
    fn embedded() -> Self {
        let folders = [folder(), folder()];
        let [from, to] = [&folders[0], &folders[1]].map(|folder| StoreSpec::Embedded(options(folder.path())));
        Self { from, to, _kept: folders.map(|folder| Box::new(folder) as Box<dyn Any>).into() }
    }

    #[cfg(feature = "etcd")]
    fn in_etcd() -> Self {
        let etcd = common::etcd::Etcd::one();
        let [from, to] = ["from", "to"].map(|prefix| StoreSpec::Etcd(common::etcd_options(&etcd, prefix)));
        Self { from, to, _kept: vec![Box::new(etcd)] }
    }

    /// From an embedded store into etcd, or the other way.
    #[cfg(feature = "etcd")]
    fn mixed(into_etcd: bool) -> Self {
        let (mut one, other) = (Self::in_etcd(), Self::embedded());
        let (from, to) = if into_etcd { (other.from, one.to.clone()) } else { (one.from.clone(), other.to) };
        one._kept.extend(other._kept);
        Self { from, to, _kept: one._kept }
    }

    /// With these records in the first.
    fn filled(records: &[(Vec<u8>, Vec<u8>)]) -> Self {
        Self::embedded().with(records)
    }

    fn with(self, records: &[(Vec<u8>, Vec<u8>)]) -> Self {
        fill(&*open(&self.from).unwrap(), records);
        self
    }

    fn raw(&self) -> (Arc<dyn Store>, Arc<dyn Store>) {
        (open_in_any_state(&self.from).unwrap(), open_in_any_state(&self.to).unwrap())
    }
}

fn fill(store: &dyn Store, records: &[(Vec<u8>, Vec<u8>)]) {
    let (big, small): (Vec<_>, Vec<_>) = records.iter().cloned().partition(|(_, value)| value.len() > 1000);
    for some in small.chunks(MAX_OPERATIONS).chain(big.chunks(1)) {
        let batch = some.iter().fold(Batch::new(), |batch, (key, value)| batch.put(&key[..], &value[..]));
        store.commit(batch).unwrap();
    }
}

fn moved(from: &dyn Store, to: &dyn Store, again: bool) -> Result<u64, MigrateError> {
    migrate(place(from, "the source"), place(to, "the target"), again, &mut |_, _, _| {})
        .map(|moved| moved.records)
}

fn taken_back(from: &dyn Store, to: &dyn Store) -> Result<(), MigrateError> {
    cancel(place(from, "the source"), place(to, "the target"), &mut |_, _, _| {})
}

fn place<'a>(store: &'a dyn Store, name: &'a str) -> Place<'a> {
    Place { store, name }
}

/// So many records of different sizes, and some at the limits.
fn records(count: u64) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut random = Random(count);
    let mut records: Vec<_> = (0..count)
        .map(|number| {
            let length = random.below(400) as usize;
            (format!("key {number:08}").into_bytes(), vec![number as u8; length])
        })
        .collect();
    records.push((vec![0], vec![]));
    records.push((b"many".to_vec(), vec![1; MAX_BATCH_BYTES - 4]));
    records.push((b"many more".to_vec(), vec![2; MAX_BATCH_BYTES / 2]));
    records.push((vec![0xfe; MAX_KEY_BYTES], b"the last".to_vec()));
    records.sort();
    records
}

#[test]
fn all_records_come_over_and_the_source_is_refused_for_good() {
    let records = records(1000);
    let places = Places::filled(&records);
    let (from, to) = places.raw();
    let before = content(&*from, &mut |_| {}).unwrap();
    let mut steps = Vec::new();
    let mut told = |step, done, of| steps.push((step, done, of));
    let after = migrate(place(&*from, "a"), place(&*to, "etcd://b"), false, &mut told).unwrap();
    assert_eq!((after.records, after.bytes, after.digest), (before.records, before.bytes, before.digest));
    assert_eq!(after.records, records.len() as u64);
    assert_eq!(steps.last(), Some(&(vhsm_store::Step::Check, after.records, after.records)));
    assert_eq!(all(&*open(&places.to).unwrap()), records);
    assert_eq!(standing(&*from).unwrap(), Standing::Moved { to: "etcd://b".to_owned() });
    assert!(matches!(open(&places.from), Err(StoreError::Moved { to }) if to == "etcd://b"));
    assert!(matches!(moved(&*from, &*to, true), Err(MigrateError::Moved { .. })));
    assert!(matches!(taken_back(&*from, &*to), Err(MigrateError::Moved { .. })));
    put(&*open(&places.to).unwrap(), "goes", "on");
}

#[test]
fn a_store_in_memory_takes_part() {
    let (places, memory) = (Places::filled(&records(300)), open_in_any_state(&StoreSpec::Memory).unwrap());
    let (from, to) = places.raw();
    moved(&*from, &*memory, false).unwrap();
    assert_eq!(standing(&*memory).unwrap(), Standing::InUse);
    moved(&*memory, &*to, false).unwrap();
    assert_eq!(all(&*open(&places.to).unwrap()), records(300));
}

#[test]
fn who_has_the_source_open_is_turned_away() {
    let places = Places::filled(&records(10));
    let (user, (from, to)) = (open(&places.from).unwrap(), places.raw());
    let known = user.changes_since(user.revision()).unwrap().upto;
    moved(&*from, &*to, false).unwrap();
    assert_ne!(user.revision(), known);
    let commit = user.commit(Batch::new().put("late", "1"));
    assert!(matches!(commit, Err(StoreError::Moved { .. })), "{commit:?}");
    assert!(matches!(user.changes_since(known), Err(StoreError::Moved { .. })));
    let commit = user.commit(Batch::new().expect("late", Some(b"no")).put("late", "1"));
    assert!(matches!(commit, Err(StoreError::Moved { .. })), "not a conflict: {commit:?}");
}

/// Threads write to the source all the while: what was acknowledged is in the target.
#[test]
fn no_acknowledged_write_is_lost() {
    loses_no_acknowledged_write(Places::filled(&records(500)));
}

#[test]
#[cfg(feature = "etcd")]
fn no_acknowledged_write_in_etcd_is_lost() {
    loses_no_acknowledged_write(Places::mixed(false).with(&records(500)));
    loses_no_acknowledged_write(Places::in_etcd().with(&records(500)));
}

/// Either way: what is in one is what comes out of the other.
#[test]
#[cfg(feature = "etcd")]
fn embedded_and_etcd_hold_the_same() {
    let wanted = records(5000);
    for places in [Places::mixed(true), Places::mixed(false), Places::in_etcd()] {
        let places = places.with(&wanted);
        let (from, to) = places.raw();
        let before = content(&*from, &mut |_| {}).unwrap();
        assert_eq!(moved(&*from, &*to, false).unwrap(), wanted.len() as u64);
        let after = content(&*to, &mut |_| {}).unwrap();
        assert_eq!((before.records, before.bytes, before.digest), (after.records, after.bytes, after.digest));
        assert!(all(&*open(&places.to).unwrap()) == wanted);
        assert!(matches!(open(&places.from), Err(StoreError::Moved { .. })));
        put(&*open(&places.to).unwrap(), "goes", "on");
    }
}

/// A failure of any call on the way into etcd.
#[test]
#[cfg(feature = "etcd")]
fn a_failure_on_the_way_to_etcd_is_mended() {
    let wanted = records(250);
    let etcd = common::etcd::Etcd::one();
    for (number, fault) in [(1, Fault::LoseAnswer), (2, Fault::Fail), (4, Fault::Cut), (5, Fault::LoseAnswer)]
    {
        let (folder, prefix) = (folder(), format!("to{number}"));
        let from = StoreSpec::Embedded(options(folder.path()));
        let to = StoreSpec::Etcd(common::etcd_options(&etcd, &prefix));
        let places = Places { from, to, _kept: vec![Box::new(folder)] }.with(&wanted);
        let (from, to) = places.raw();
        let what = format!("{fault:?} at commit {number}");
        moved(&*from, &Faulty::at_call(to, Call::Commit, number, fault), false).unwrap_err();
        check(&places, &wanted, &what);
        mend(&places, &wanted, number % 2 == 0, &what);
    }
}

fn loses_no_acknowledged_write(places: Places) {
    let (user, (from, to)) = (open(&places.from).unwrap(), places.raw());
    let moving = AtomicBool::new(false);
    let acknowledged: Vec<Vec<String>> = std::thread::scope(|scope| {
        let write = |thread: usize| {
            let (user, moving) = (&user, &moving);
            move || {
                let mut acknowledged = Vec::new();
                loop {
                    let key = format!("by {thread} {}", acknowledged.len());
                    match user.commit(Batch::new().put(&*key, "1")) {
                        Ok(_) => acknowledged.push(key),
                        Err(StoreError::Moving { .. } | StoreError::Moved { .. }) => return acknowledged,
                        Err(error) => panic!("{error}"),
                    }
                    moving.fetch_or(acknowledged.len() > 100, Ordering::SeqCst);
                }
            }
        };
        let writers: Vec<_> = (0..4).map(|thread| scope.spawn(write(thread))).collect();
        while !moving.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        moved(&*from, &*to, false).unwrap();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    let target = open(&places.to).unwrap();
    for key in acknowledged.iter().flatten() {
        assert_eq!(get(&*target, key), Some(b"1".to_vec()), "{key}");
    }
    let written: usize = acknowledged.iter().map(Vec::len).sum();
    assert_eq!(all(&*target).len(), written + records(500).len());
}

#[test]
fn wrong_places_are_refused_and_nothing_changes() {
    let places = Places::filled(&records(3));
    let (from, to) = places.raw();
    assert!(matches!(moved(&*from, &*from, false), Err(MigrateError::OneStore { .. })));
    assert!(matches!(moved(&*to, &*from, false), Err(MigrateError::Empty { .. })));
    assert!(matches!(taken_back(&*from, &*to), Err(MigrateError::NotMoving { .. })));
    put(&*open(&places.to).unwrap(), "a", "1");
    for again in [false, true] {
        assert!(matches!(moved(&*from, &*to, again), Err(MigrateError::NotEmpty { .. })));
    }
    assert_eq!(all(&*open(&places.from).unwrap()), records(3));
    assert_eq!(all(&*open(&places.to).unwrap()), [(b"a".to_vec(), b"1".to_vec())]);
}

#[test]
fn a_store_that_was_moved_takes_nothing() {
    let places = Places::filled(&records(3));
    let (from, to) = places.raw();
    moved(&*from, &*to, false).unwrap();
    assert!(matches!(moved(&*to, &*from, true), Err(MigrateError::NotEmpty { .. })));
    assert_eq!(all(&*open(&places.to).unwrap()), records(3));
}

/// What every interruption leaves: the records are in use at one place at most, and whole there.
fn check(places: &Places, wanted: &[(Vec<u8>, Vec<u8>)], what: &str) {
    let seen = |spec: &StoreSpec| match open(spec) {
        Ok(store) => Some(all(&*store)),
        Err(StoreError::Moving { .. } | StoreError::Moved { .. } | StoreError::HalfFilled { .. }) => None,
        Err(error) => panic!("{what}: {error}"),
    };
    let (from, to) = (seen(&places.from), seen(&places.to));
    if let Some(from) = &from {
        assert_eq!(from, wanted, "{what}");
        assert!(to.is_none_or(|to| to.is_empty()), "{what}: both are in use");
    } else if let Some(to) = to.filter(|to| !to.is_empty()) {
        assert_eq!(to, wanted, "{what}");
    }
}

/// Begins anew what was interrupted, or takes it back; the end is as if it had not been.
fn mend(places: &Places, wanted: &[(Vec<u8>, Vec<u8>)], back: bool, what: &str) {
    let (from, to) = places.raw();
    if back {
        let ended = matches!(standing(&*to).unwrap(), Standing::InUse) && !all(&*to).is_empty();
        match taken_back(&*from, &*to) {
            Ok(()) | Err(MigrateError::NotMoving { .. }) => assert!(!ended, "{what}"),
            Err(MigrateError::Moved { .. }) => return assert!(ended, "{what}"),
            Err(error) => panic!("{what}: {error}"),
        }
        check(places, wanted, what);
        assert_eq!(all(&*open(&places.from).unwrap()), wanted, "{what}");
    }
    match moved(&*from, &*to, true) {
        Ok(_) | Err(MigrateError::Moved { .. }) => {}
        Err(error) => panic!("{what}: {error}"),
    }
    assert_eq!(all(&*open(&places.to).unwrap()), wanted, "{what}");
    assert!(matches!(open(&places.from), Err(StoreError::Moved { .. })), "{what}");
}

#[test]
fn a_failure_at_any_call_of_either_store_is_mended() {
    let wanted = records(250);
    let (mut failed, mut call_number) = (true, 0);
    while failed {
        (failed, call_number) = (false, call_number + 1);
        for call in [Call::Commit, Call::Read] {
            for fault in [Fault::Fail, Fault::LoseAnswer, Fault::Cut] {
                for at_source in [true, false] {
                    let what = format!("{fault:?} at {call:?} {call_number}, of the source: {at_source}");
                    let places = Places::filled(&wanted);
                    let (from, to) = places.raw();
                    let faulty = |store, here: bool| {
                        let fault = if here { fault } else { Fault::Pass };
                        Faulty::at_call(store, call, call_number, fault)
                    };
                    let outcome = moved(&faulty(from, at_source), &faulty(to, !at_source), false);
                    failed |= outcome.is_err();
                    check(&places, &wanted, &what);
                    mend(&places, &wanted, call_number % 2 == 0, &what);
                }
            }
        }
    }
    assert!(call_number > 7, "{call_number}");
}

#[test]
fn killed_at_any_moment_it_is_mended() {
    let wanted = records(3000);
    let mut random = Random(5);
    for round in 0..20 {
        let folders = [folder(), folder()];
        let paths: Vec<_> = folders.iter().map(|folder| folder.path().to_str().unwrap()).collect();
        let [from, to] = [&folders[0], &folders[1]].map(|folder| StoreSpec::Embedded(options(folder.path())));
        let places = Places { from, to, _kept: Vec::new() }.with(&wanted);
        let mut mover = Process::start("mover", Path::new(&paths.join(":")));
        assert_eq!(mover.hear().as_deref(), Some("moves"));
        for _ in 0..random.below(60) {
            mover.hear();
        }
        mover.kill();
        let what = format!("round {round}");
        check(&places, &wanted, &what);
        mend(&places, &wanted, round % 2 == 0, &what);
    }
}

#[test]
#[ignore = "not a test of its own: another one starts it as a process"]
fn mover() {
    let folders = role("mover");
    let (from, to) = folders.to_str().unwrap().split_once(':').unwrap();
    let [from, to] = [from, to].map(|path| StoreSpec::Embedded(options(Path::new(path))));
    let [from, to] = [from, to].map(|spec| open_in_any_state(&spec).unwrap());
    say("moves");
    let mut told = |step, done, _| say(format_args!("{step:?} {done}"));
    migrate(place(&*from, "a"), place(&*to, "b"), false, &mut told).unwrap();
}

/// Two runs at once: one of them at most comes to an end, and what it made is whole.
#[test]
fn of_two_runs_one_gives_way() {
    let wanted = records(400);
    for round in 0..10 {
        let places = Places::filled(&wanted);
        let (from, to) = places.raw();
        let done: Vec<_> = std::thread::scope(|scope| {
            let run = |again| {
                scope.spawn({
                    let (from, to) = (&from, &to);
                    move || moved(&**from, &**to, again)
                })
            };
            [run(false), run(true)].map(|run| run.join().unwrap()).into_iter().collect()
        });
        let what = format!("round {round}: {done:?}");
        assert!(done.iter().filter(|outcome| outcome.is_ok()).count() <= 1, "{what}");
        check(&places, &wanted, &what);
        mend(&places, &wanted, false, &what);
    }
}

#[test]
fn a_large_store_is_moved_in_pages() {
    let count = 100_000;
    let places = Places::filled(&records(count));
    let (from, to) = places.raw();
    let before = resident_kib();
    let moved = moved(&*from, &*to, false).unwrap();
    assert_eq!(moved, records(count).len() as u64);
    // LMDB's pages count as resident too; anonymous memory does not grow with the store.
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < 16 << 10, "{grown} KiB");
}

/// Memory that is no file's.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
