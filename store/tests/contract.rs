//! What every store promises, run on each of them.

mod common;

use common::{Random, all, changed, get, increment, number_of, put};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use vhsm_store::{
    Batch, ChangedKeys, ClaimKind, Faulty, LOG_REVISIONS, MAX_BATCH_BYTES, MAX_KEY_BYTES, MAX_OPERATIONS,
    Memory, Revision, Store, StoreError, StoreSpec,
};

/// Each function is a test of each store.
macro_rules! contract {
    ($($name:ident,)*) => {
        mod memory {
            $(#[test] fn $name() { super::$name(vhsm_store::open(&super::StoreSpec::Memory).unwrap()); })*
        }
        mod embedded {
            $(#[test] fn $name() {
                let folder = super::common::folder();
                let spec = super::StoreSpec::Embedded(super::common::options(folder.path()));
                super::$name(vhsm_store::open(&spec).unwrap());
            })*
        }
        #[cfg(feature = "etcd")]
        mod etcd {
            $(#[test] fn $name() {
                let etcd = super::common::etcd::Etcd::one();
                let options = super::common::etcd_options(&etcd, stringify!($name));
                // Nobody else writes: what is known stays right, however long etcd takes to say so.
                let options = vhsm_store::EtcdOptions { max_stale_ms: 60_000, ..options };
                let spec = super::StoreSpec::Etcd(options);
                super::$name(vhsm_store::open(&spec).unwrap());
            })*
        }
        mod without_faults {
            use super::*;
            $(#[test] fn $name() { super::$name(Arc::new(Faulty::none(Arc::new(Memory::new())))); })*
        }
    };
}

contract! {
    a_new_store_is_empty,
    a_commit_is_read,
    operations_apply_in_order,
    conditions_are_judged,
    a_conflict_changes_nothing,
    limits_are_kept,
    keys_have_limits,
    big_values_come_back,
    ranges_are_ordered_and_half_open,
    a_range_stops_when_told,
    a_snapshot_stands_still,
    a_read_inside_a_read_works,
    a_commit_inside_a_read_is_refused,
    a_reads_error_comes_out,
    revisions_grow,
    changes_are_told,
    trimmed_changes_are_everything,
    increments_of_threads_all_count,
    readers_see_whole_commits,
    random_work_matches_a_model,
    claims_stand_against_each_other,
    claims_are_waited_for,
    many_names_are_claimed_apart,
}

fn a_new_store_is_empty(store: Arc<dyn Store>) {
    assert_ne!(store.revision(), Revision(0));
    assert_eq!(all(&*store), []);
    assert_eq!(get(&*store, "missing"), None);
    let changes = store.changes_since(store.revision()).unwrap();
    assert_eq!((changes.upto, changes.keys), (store.revision(), ChangedKeys::These(vec![])));
}

fn a_commit_is_read(store: Arc<dyn Store>) {
    store.commit(Batch::new().put("a", "1").put("b", "").put([0, 255, 0], [0; 3])).unwrap();
    assert_eq!(get(&*store, "a"), Some(b"1".to_vec()));
    assert_eq!(get(&*store, "b"), Some(vec![]));
    assert_eq!(get(&*store, [0, 255, 0]), Some(vec![0; 3]));
    store.commit(Batch::new().put("a", "2").delete("b").delete("never there")).unwrap();
    assert_eq!(all(&*store), [(vec![0, 255, 0], vec![0; 3]), (b"a".to_vec(), b"2".to_vec())]);
}

fn operations_apply_in_order(store: Arc<dyn Store>) {
    store.commit(Batch::new().put("a", "1").put("a", "2").put("b", "1").delete("b")).unwrap();
    assert_eq!(all(&*store), [(b"a".to_vec(), b"2".to_vec())]);
    store.commit(Batch::new().delete("a").put("a", "3")).unwrap();
    assert_eq!(get(&*store, "a"), Some(b"3".to_vec()));
}

fn conditions_are_judged(store: Arc<dyn Store>) {
    // On what was there before the batch.
    store.commit(Batch::new().expect("a", None).put("a", "1")).unwrap();
    store.commit(Batch::new().expect("a", Some(b"1")).expect("b", None).put("a", "")).unwrap();
    store.commit(Batch::new().expect("a", Some(b"")).delete("a")).unwrap();
    store.commit(Batch::new().expect("a", None)).unwrap();
    for wrong in [Some(&b""[..]), Some(b"1")] {
        assert_conflict(&*store, Batch::new().expect("a", wrong).put("a", "2"), 0);
    }
    put(&*store, "a", "long");
    for wrong in [None, Some(&b""[..]), Some(b"lon"), Some(b"longer")] {
        assert_conflict(&*store, Batch::new().expect("b", None).expect("a", wrong).put("b", "2"), 1);
    }
}

fn assert_conflict(store: &dyn Store, batch: Batch, wanted: usize) {
    match store.commit(batch) {
        Err(StoreError::Conflict { condition }) => assert_eq!(condition, wanted),
        other => panic!("{other:?}"),
    }
}

fn a_conflict_changes_nothing(store: Arc<dyn Store>) {
    put(&*store, "a", "1");
    let (revision, before) = (store.revision(), all(&*store));
    assert_conflict(&*store, Batch::new().expect("a", Some(b"2")).put("b", "1").delete("a"), 0);
    assert_eq!((store.revision(), all(&*store)), (revision, before));
    assert_eq!(changed(&*store, revision), [""; 0]);
}

fn limits_are_kept(store: Arc<dyn Store>) {
    let puts =
        |count: usize| (0..count).fold(Batch::new(), |batch, number| batch.put(format!("{number}"), "v"));
    store.commit(puts(MAX_OPERATIONS)).unwrap();
    assert!(matches!(
        store.commit(puts(MAX_OPERATIONS + 1)),
        Err(StoreError::TooLarge { operations, .. }) if operations == MAX_OPERATIONS + 1
    ));
    let conditions = |count| (0..count).fold(Batch::new(), |batch, _| batch.expect("none", None));
    store.commit(conditions(MAX_OPERATIONS)).unwrap();
    assert!(matches!(store.commit(conditions(MAX_OPERATIONS + 1)), Err(StoreError::TooLarge { .. })));
    store.commit(Batch::new().put("k", vec![0; MAX_BATCH_BYTES - 1])).unwrap();
    let revision = store.revision();
    assert!(matches!(
        store.commit(Batch::new().put("k", vec![0; MAX_BATCH_BYTES])),
        Err(StoreError::TooLarge { bytes, .. }) if bytes == MAX_BATCH_BYTES + 1
    ));
    assert_eq!(store.revision(), revision);
}

fn keys_have_limits(store: Arc<dyn Store>) {
    let (longest, too_long) = (vec![7; MAX_KEY_BYTES], vec![7; MAX_KEY_BYTES + 1]);
    store.commit(Batch::new().put(longest.clone(), "v")).unwrap();
    assert_eq!(get(&*store, &longest), Some(b"v".to_vec()));
    for key in [&b""[..], &too_long] {
        for batch in [Batch::new().put(key, "v"), Batch::new().delete(key), Batch::new().expect(key, None)] {
            assert!(matches!(
                store.commit(batch),
                Err(StoreError::InvalidKey { bytes, max_bytes: MAX_KEY_BYTES }) if bytes == key.len()
            ));
        }
        assert_eq!(get(&*store, key), None);
    }
    assert_eq!(all(&*store).len(), 1);
}

fn big_values_come_back(store: Arc<dyn Store>) {
    let value: Vec<u8> = (0..1_000_000_u32).map(|number| (number * 7 % 251) as u8).collect();
    for round in 0..20 {
        store.commit(Batch::new().put("big", &value[round..]).put(format!("small {round}"), "v")).unwrap();
        assert_eq!(get(&*store, "big").unwrap(), value[round..]);
    }
    store.commit(Batch::new().delete("big")).unwrap();
    assert_eq!(all(&*store).len(), 20);
}

fn ranges_are_ordered_and_half_open(store: Arc<dyn Store>) {
    let keys: [&[u8]; 8] = [b"\0", b"a", b"a\0", b"aa", b"ab", b"b", b"b\xff", b"\xff\xff"];
    let batch = keys.iter().rev().fold(Batch::new(), |batch, key| batch.put(*key, *key));
    store.commit(batch).unwrap();
    let long = [0xff; 1000];
    let mut bounds: Vec<&[u8]> = keys.to_vec();
    bounds.extend_from_slice(&[b"", b"\0\0", b"a\0\0", b"ac", &long]);
    for from in &bounds {
        for to in &bounds {
            let wanted: Vec<&[u8]> = keys.iter().copied().filter(|key| from <= key && key < to).collect();
            let mut found = Vec::new();
            let mut visit = |key: &[u8], value: &[u8]| {
                assert_eq!(key, value);
                found.push(key.to_vec());
                ControlFlow::Continue(())
            };
            store.read(&mut |at| at.range(from, to, &mut visit)).unwrap();
            assert_eq!(found, wanted, "{from:?}..{to:?}");
        }
    }
}

fn a_range_stops_when_told(store: Arc<dyn Store>) {
    store.commit(Batch::new().put("a", "1").put("b", "2").put("c", "3")).unwrap();
    let mut visits = 0;
    let mut visit = |_: &[u8], _: &[u8]| {
        visits += 1;
        if visits == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    store.read(&mut |at| at.range(b"a", b"d", &mut visit)).unwrap();
    assert_eq!(visits, 2);
}

fn a_snapshot_stands_still(store: Arc<dyn Store>) {
    let before = put(&*store, "a", "old");
    let (begin, begun) = mpsc::channel();
    let writer = {
        let store = Arc::clone(&store);
        std::thread::spawn(move || {
            begun.recv().unwrap();
            put(&*store, "a", "new")
        })
    };
    store
        .read(&mut |at| {
            begin.send(()).unwrap();
            std::thread::sleep(Duration::from_millis(50));
            assert_eq!(at.get(b"a")?, Some(&b"old"[..]));
            assert_eq!(at.revision(), before);
            Ok(())
        })
        .unwrap();
    let after = writer.join().unwrap();
    assert!(after > before);
    assert_eq!(get(&*store, "a"), Some(b"new".to_vec()));
}

fn a_read_inside_a_read_works(store: Arc<dyn Store>) {
    put(&*store, "a", "1");
    let other = Memory::new();
    store
        .read(&mut |outer| {
            other.read(&mut |_| Ok(()))?;
            store.read(&mut |inner| {
                assert_eq!(inner.revision(), outer.revision());
                assert_eq!(inner.get(b"a")?, outer.get(b"a")?);
                assert_eq!(store.changes_since(inner.revision())?.keys, ChangedKeys::These(vec![]));
                Ok(())
            })?;
            assert_eq!(outer.get(b"a")?, Some(&b"1"[..]));
            Ok(())
        })
        .unwrap();
}

fn a_commit_inside_a_read_is_refused(store: Arc<dyn Store>) {
    store
        .read(&mut |_| {
            let refused = store.commit(Batch::new().put("a", "1"));
            assert!(matches!(refused, Err(StoreError::CommitInRead)));
            Ok(())
        })
        .unwrap();
    put(&*store, "a", "1");
}

fn a_reads_error_comes_out(store: Arc<dyn Store>) {
    let injected = store.read(&mut |_| Err(StoreError::Injected("mine".to_owned())));
    assert!(matches!(injected, Err(StoreError::Injected(what)) if what == "mine"));
    let panicked =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| store.read(&mut |_| panic!("in the body"))));
    assert!(panicked.is_err());
    put(&*store, "a", "1");
    assert_eq!(get(&*store, "a"), Some(b"1".to_vec()));
}

fn revisions_grow(store: Arc<dyn Store>) {
    let mut last = store.revision();
    for number in 0..20 {
        let revision = put(&*store, "a", format!("{number}"));
        assert!(revision > last);
        assert_eq!(store.revision(), revision);
        store
            .read(&mut |at| {
                assert_eq!(at.revision(), revision);
                Ok(())
            })
            .unwrap();
        last = revision;
    }
    // Nothing to do: nothing happens.
    assert_eq!(store.commit(Batch::new()).unwrap(), last);
    assert_eq!(store.commit(Batch::new().expect("b", None)).unwrap(), last);
    assert_eq!(store.revision(), last);
}

fn changes_are_told(store: Arc<dyn Store>) {
    let start = store.revision();
    let first = store.commit(Batch::new().put("a", "1").put("b", "1")).unwrap();
    let second = store.commit(Batch::new().expect("c", None).delete("a").put("b", "2")).unwrap();
    assert_eq!(changed(&*store, start), ["a", "b", "a", "b"]);
    assert_eq!(changed(&*store, first), ["a", "b"]);
    assert_eq!(changed(&*store, second), [""; 0]);
    assert_eq!(store.changes_since(start).unwrap().upto, second);
    // Not a revision of this store: nobody knows what its holder knows.
    assert_eq!(changed(&*store, Revision(second.0 + 1)), ["everything"]);
}

fn trimmed_changes_are_everything(store: Arc<dyn Store>) {
    let start = store.revision();
    put(&*store, "first", "");
    let kept = store.revision();
    let mut last = kept;
    // As far as the log must reach back, it does.
    for _ in 1..LOG_REVISIONS {
        last = put(&*store, "k", "");
    }
    let told = store.changes_since(kept).unwrap();
    assert_eq!(told.keys, ChangedKeys::These(vec![b"k".to_vec(); LOG_REVISIONS as usize - 1]));
    for _ in 0..1000 {
        put(&*store, "k", "");
    }
    assert_eq!(changed(&*store, start), ["everything"]);
    assert_eq!(changed(&*store, last).len(), 1000);
}

fn increments_of_threads_all_count(store: Arc<dyn Store>) {
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..50).for_each(|_| increment(&*store, "count")));
        }
    });
    assert_eq!(number_of(&get(&*store, "count").unwrap()), 400);
}

fn readers_see_whole_commits(store: Arc<dyn Store>) {
    let writing = std::sync::atomic::AtomicUsize::new(2);
    std::thread::scope(|scope| {
        for writer in 0..2 {
            let (store, writing) = (&store, &writing);
            scope.spawn(move || {
                for number in 0..500 {
                    let text = format!("{writer} {number}");
                    store.commit(Batch::new().put("a", &*text).put("b", "x").put("z", text)).unwrap();
                }
                writing.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                let mut last = Revision(0);
                while writing.load(std::sync::atomic::Ordering::SeqCst) > 0 {
                    store
                        .read(&mut |at| {
                            assert_eq!(at.get(b"a")?, at.get(b"z")?);
                            assert!(at.revision() >= last);
                            last = at.revision();
                            Ok(())
                        })
                        .unwrap();
                }
            });
        }
    });
}

fn random_work_matches_a_model(store: Arc<dyn Store>) {
    let mut random = Random(42);
    let mut model = BTreeMap::new();
    for round in 0..400 {
        let (mut batch, old_model) = (Batch::new(), model.clone());
        for _ in 0..random.below(8) {
            let key = vec![b'k'; 1 + random.below(30) as usize];
            if random.below(3) == 0 {
                model.remove(&key);
                batch = batch.delete(key);
            } else {
                let value = vec![round as u8; random.below(6000) as usize];
                model.insert(key.clone(), value.clone());
                batch = batch.put(key, value);
            }
        }
        let before = store.revision();
        let named: BTreeSet<Vec<u8>> = batch.operations.iter().map(|write| write.key().clone()).collect();
        let after = store.commit(batch).unwrap();
        assert_eq!(after == before, named.is_empty());
        let ChangedKeys::These(told) = store.changes_since(before).unwrap().keys else { panic!() };
        let told = BTreeSet::from_iter(told);
        let really = named.iter().filter(|key| old_model.get(*key) != model.get(*key)).cloned().collect();
        assert!(told.is_subset(&named) && told.is_superset(&really), "round {round}");
        assert!(all(&*store).into_iter().eq(model.clone()), "round {round}");
    }
}

fn claims_stand_against_each_other(store: Arc<dyn Store>) {
    use ClaimKind::{Exclusive, Shared};
    let claim = |kind| store.claim(b"name", kind).unwrap();
    assert!(!store.is_claimed(b"name").unwrap());
    let alone = claim(Exclusive).unwrap();
    assert!(store.is_claimed(b"name").unwrap());
    assert!(claim(Exclusive).is_none() && claim(Shared).is_none());
    drop(alone);
    let (first, second) = (claim(Shared).unwrap(), claim(Shared).unwrap());
    assert!(claim(Exclusive).is_none());
    drop(first);
    assert!(claim(Exclusive).is_none() && store.is_claimed(b"name").unwrap());
    drop(second);
    assert!(!store.is_claimed(b"name").unwrap());
    assert!(claim(Exclusive).is_some());
}

fn claims_are_waited_for(store: Arc<dyn Store>) {
    let held = store.claim(b"name", ClaimKind::Exclusive).unwrap().unwrap();
    let started = Instant::now();
    let wait = Duration::from_millis(100);
    assert!(store.claim_within(b"name", ClaimKind::Shared, wait).unwrap().is_none());
    assert!(started.elapsed() >= wait);
    let waiter = {
        let store = Arc::clone(&store);
        std::thread::spawn(move || {
            store.claim_within(b"name", ClaimKind::Shared, Duration::from_secs(60)).unwrap()
        })
    };
    std::thread::sleep(Duration::from_millis(50));
    assert!(!waiter.is_finished());
    drop(held);
    assert!(waiter.join().unwrap().is_some());
}

fn many_names_are_claimed_apart(store: Arc<dyn Store>) {
    let names: Vec<String> = (0..200).map(|number| format!("user {number}")).chain([String::new()]).collect();
    let claims: Vec<_> =
        names.iter().map(|name| store.claim(name.as_bytes(), ClaimKind::Exclusive).unwrap()).collect();
    assert!(claims.iter().all(Option::is_some));
    assert!(names.iter().all(|name| store.is_claimed(name.as_bytes()).unwrap()));
    drop(claims);
    assert!(!names.iter().any(|name| store.is_claimed(name.as_bytes()).unwrap()));
}
