//! CreateKey that is cut off at its commit: the key is wholly there, or nothing of it is.

use super::*;
use crate::keys::content;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use vhsm_keystore::Settings;
use vhsm_store::{Call, Fault as StoreFault, Faulty, Memory, Store};

/// A bench whose store does as `fault` says at its next commit once it is armed.
fn faulty(fault: StoreFault) -> (Bench, String, Arc<AtomicBool>, Arc<dyn Store>) {
    let is_armed = Arc::new(AtomicBool::new(false));
    let armed = Arc::clone(&is_armed);
    let memory: Arc<dyn Store> = Arc::new(Memory::new());
    let store = Faulty::new(Arc::clone(&memory), move |occasion| {
        match occasion.call == Call::Commit && armed.swap(false, Ordering::SeqCst) {
            true => fault,
            false => StoreFault::Pass,
        }
    });
    let bench = Bench::on(Arc::new(store), Settings::default(), Duration::from_secs(20));
    let store = bench.connected_store();
    bench.proxy.keys().put(EXTERNAL, Key::default());
    (bench, store, is_armed, memory)
}

#[test]
fn a_commit_that_fails_leaves_nothing() {
    let (bench, store, is_armed, memory) = faulty(StoreFault::Fail);
    let before = content(&*memory);
    is_armed.store(true, Ordering::SeqCst);
    assert_refused(create_key(&bench.world.kms, members(&store, EXTERNAL)), Exception::KmsInternal, "");
    assert_eq!(content(&*memory), before);
    let key = key_in(&bench, &store, EXTERNAL);
    encrypt(&bench, &key, b"x", json!({})).unwrap();
}

#[test]
fn a_commit_whose_answer_is_lost_makes_the_key() {
    let (bench, store, is_armed, _) = faulty(StoreFault::LoseAnswer);
    is_armed.store(true, Ordering::SeqCst);
    let key = key_in(&bench, &store, EXTERNAL);
    encrypt(&bench, &key, b"x", json!({})).unwrap();
    let answer = create_key(&bench.world.kms, members(&store, EXTERNAL));
    assert_refused(answer, Exception::XksKeyAlreadyInUse, &key);
}

/// The key store is disconnected by another process just before the key is committed.
#[test]
fn a_store_that_is_disconnected_meanwhile_gets_no_key() {
    type Other = Arc<std::sync::Mutex<Option<Box<dyn FnOnce() + Send>>>>;
    let other: Other = Arc::default();
    let taken = Arc::clone(&other);
    let memory: Arc<dyn Store> = Arc::new(Memory::new());
    let store = Faulty::new(Arc::clone(&memory), move |occasion| {
        if occasion.call == Call::Commit {
            let other = taken.lock().unwrap().take();
            other.into_iter().for_each(|other| other());
        }
        StoreFault::Pass
    });
    let bench = Bench::on(Arc::new(store), Settings::default(), Duration::from_secs(20));
    let store = bench.connected_store();
    bench.proxy.keys().put(EXTERNAL, Key::default());
    let kms = Arc::clone(&bench.world.kms);
    let id = store.clone();
    *other.lock().unwrap() = Some(Box::new(move || crate::stores::disconnect(&kms, &id).unwrap()));
    let answer = create_key(&bench.world.kms, members(&store, EXTERNAL));
    assert_refused(answer, Exception::CustomKeyStoreInvalidState, "DISCONNECT");
    assert!(other.lock().unwrap().is_none());
    assert_eq!(ask!(bench.world.kms, list_keys, {}).unwrap().keys.len(), 0);
}
