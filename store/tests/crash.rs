//! What is left after a process was killed, or after a write failed.

mod common;

use common::{Process, Random, all, folder, get, number_of, open, put, role, say};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use vhsm_store::{Batch, Call, ClaimKind, Fault, Faulty, Memory, Store, StoreError};

const ROUNDS: u64 = 100;

/// Every commit of the killed process writes one number in three places, and a counter.
#[test]
fn killed_at_random_moments() {
    let folder = folder();
    let mut random = Random(7);
    let mut acknowledged = BTreeMap::new();
    for round in 0..ROUNDS {
        let mut writer = Process::start("killed_writer", folder.path());
        assert_eq!(writer.hear().as_deref(), Some("ready"));
        std::thread::sleep(Duration::from_micros(random.below(20_000)));
        writer.kill();
        while let Some(said) = writer.hear() {
            let (thread, number) = said.split_once(' ').unwrap();
            acknowledged.insert(thread.to_owned(), number.parse::<u64>().unwrap());
        }
        check_written(folder.path(), &mut acknowledged, round);
    }
    assert!(acknowledged.values().sum::<u64>() > ROUNDS, "{acknowledged:?}");
}

/// A store that was only half made is made whole by the next who opens it.
#[test]
fn killed_while_it_is_made() {
    let mut random = Random(11);
    for _ in 0..60 {
        let folder = folder();
        let mut maker = Process::start("maker", folder.path());
        assert_eq!(maker.hear().as_deref(), Some("opens"));
        std::thread::sleep(Duration::from_micros(random.below(800)));
        maker.kill();
        let store = open(folder.path());
        assert_eq!(all(&store), []);
        put(&store, "a", "1");
    }
}

/// The first two pages of a file come in one call of LMDB's, and a kill can leave only the first.
#[test]
fn a_file_cut_short_while_it_was_made_is_made_anew() {
    let (whole, cut) = (folder(), folder());
    drop(open(whole.path()));
    let data = Path::new("store/data.mdb");
    let bytes = std::fs::read(whole.path().join(data)).unwrap();
    std::fs::create_dir(cut.path().join("store")).unwrap();
    for length in [0, 4096, 8191] {
        std::fs::write(cut.path().join(data), &bytes[..length]).unwrap();
        let store = open(cut.path());
        assert_eq!(all(&store), [], "{length} bytes");
        put(&store, "a", "1");
    }
}

#[test]
#[ignore = "not a test of its own: another one starts it as a process"]
fn maker() {
    let folder = role("maker");
    say("opens");
    let _store = open(&folder);
    common::until_told();
}

#[test]
#[ignore = "not a test of its own: another one starts it as a process"]
fn killed_writer() {
    let folder = role("killed_writer");
    let store = open(&folder);
    say("ready");
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let store = &store;
            scope.spawn(move || {
                let first = get(store, format!("last {thread}")).map_or(1, |last| number_of(&last) + 1);
                for number in first.. {
                    store.commit(three_places(thread, number)).unwrap();
                    say(format_args!("{thread} {number}"));
                }
            });
        }
    });
}

fn three_places(thread: u64, number: u64) -> Batch {
    let value = number.to_be_bytes();
    let batch = Batch::new().put(format!("last {thread}"), value).put(format!("a {thread} {number}"), value);
    // Old ones go, so that pages become free and are used again.
    let batch = batch.delete(format!("a {thread} {}", number.saturating_sub(50)));
    batch
        .put(format!("z {thread} {number}"), vec![number as u8; 1500])
        .delete(format!("z {thread} {}", number.saturating_sub(50)))
}

/// All that was acknowledged is there, and what is there is whole. From now on it counts as acknowledged.
fn check_written(folder: &Path, acknowledged: &mut BTreeMap<String, u64>, round: u64) {
    let store = open(folder);
    let records: BTreeMap<_, _> = all(&store).into_iter().collect();
    for thread in 0..3 {
        let told = acknowledged.get(&thread.to_string()).copied();
        let Some(last) = records.get(format!("last {thread}").as_bytes()).map(|last| number_of(last)) else {
            assert_eq!(told, None, "round {round}");
            continue;
        };
        let told = told.unwrap_or(0);
        assert!(last == told || last == told + 1, "round {round}: {told} was acknowledged, {last} is there");
        for place in ["a", "z"] {
            let here = |number: u64| records.contains_key(format!("{place} {thread} {number}").as_bytes());
            assert!((last.saturating_sub(49).max(1)..=last).all(here), "round {round}");
            assert!(!here(last + 1) && !here(last.saturating_sub(50)), "round {round}");
        }
        acknowledged.insert(thread.to_string(), last);
    }
    let before = store.revision();
    assert_eq!(put(&store, "after", "").0, before.0 + 1);
}

/// The number of writes of `three_commits`.
const WRITES: u64 = 6;

/// A little work of three commits that depend on each other.
fn three_commits(store: &dyn Store) -> Result<(), StoreError> {
    store.commit(Batch::new().expect("a", None).put("a", "1").put("b", "1"))?;
    store.commit(Batch::new().expect("a", Some(b"1")).put("a", "2").delete("b").put("c", "2"))?;
    store.commit(Batch::new().expect("a", Some(b"2")).put("a", "3"))?;
    Ok(())
}

/// The states that the work may leave behind, by the number of commits done.
fn state_after(commits: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    let states: [&[(&str, &str)]; 4] =
        [&[], &[("a", "1"), ("b", "1")], &[("a", "2"), ("c", "2")], &[("a", "3"), ("c", "2")]];
    states[commits].iter().map(|(key, value)| (key.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
}

/// The commit that the write with this number (from 1) belongs to, from 0.
fn commit_of(write: u64) -> usize {
    [0, 0, 1, 1, 1, 2][write as usize - 1]
}

#[test]
fn a_failure_at_any_write_leaves_whole_commits() {
    for write in 1..=WRITES {
        for (fault, done) in [
            (Fault::Fail, 0),
            (Fault::Cut, 0),
            (Fault::LoseAnswer, 1),
            (Fault::Delay(Duration::from_millis(1)), 3),
        ] {
            let folder = folder();
            let faulty = Faulty::at_write(Arc::new(open(folder.path())), write, fault);
            let outcome = three_commits(&faulty);
            assert_eq!(outcome.is_ok(), done == 3, "{fault:?} at {write}: {outcome:?}");
            drop(faulty);
            let commits = if done == 3 { 3 } else { commit_of(write) + done };
            assert_eq!(all(&open(folder.path())), state_after(commits), "{fault:?} at {write}");
        }
    }
}

#[test]
fn a_failure_at_any_call_is_told() {
    let inner: Arc<dyn Store> = Arc::new(Memory::new());
    for number in 1..=3 {
        for call in [Call::Read, Call::Commit, Call::Changes, Call::Claim] {
            let faulty = Faulty::at_call(Arc::clone(&inner), call, number, Fault::Fail);
            for at in 1..=4 {
                let injected = |outcome: Result<(), StoreError>, of: Call| {
                    let failed = matches!(outcome, Err(StoreError::Injected(_)));
                    assert_eq!(failed, of == call && at == number, "{of:?} {at}: {outcome:?}");
                };
                injected(faulty.read(&mut |_| Ok(())), Call::Read);
                injected(faulty.commit(Batch::new().put("a", "")).map(drop), Call::Commit);
                injected(faulty.changes_since(faulty.revision()).map(drop), Call::Changes);
                injected(faulty.claim(b"a", ClaimKind::Shared).map(drop), Call::Claim);
            }
        }
    }
}

#[test]
fn a_cut_lasts_until_mended() {
    let inner: Arc<dyn Store> = Arc::new(Memory::new());
    let faulty = Faulty::at_call(Arc::clone(&inner), Call::Commit, 2, Fault::Cut);
    put(&faulty, "a", "1");
    let revision = faulty.revision();
    assert!(faulty.commit(Batch::new().put("a", "2")).is_err());
    put(&*inner, "a", "elsewhere");
    assert!(faulty.read(&mut |_| Ok(())).is_err() && faulty.is_claimed(b"a").is_err());
    assert_eq!(faulty.revision(), revision);
    faulty.mend();
    assert_eq!(get(&faulty, "a"), Some(b"elsewhere".to_vec()));
    assert!(faulty.revision() > revision);
    assert_eq!(faulty.writes(), 2);
}
