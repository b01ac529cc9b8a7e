//! CreateKey, and what it leaves where it fails.

use super::*;
use crate::stores::{disconnect, state};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use vhsm_keystore::Limits;
use vhsm_store::{Call, Fault, Faulty, Memory};

fn custom(store: &str) -> Value {
    json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store })
}

#[test]
fn a_key_store_must_be_there_connected_and_in_two_zones() {
    let (world, store) = world(Kind::SoftHsm);
    let kms = &world.kms;
    let refused =
        |store: &str, exception, says| assert_refused(create_key(kms, custom(store)), exception, says);
    refused("cks-0", Exception::CustomKeyStoreNotFound, "cks-0");
    let before = content(&*world.store);
    world.directory.change_cluster(CLUSTERS[0], |cluster| cluster.hsms[1].is_active = false);
    refused(&store, Exception::CloudHsmClusterInvalidConfiguration, "two active HSMs");
    world.directory.change_cluster(CLUSTERS[0], |cluster| {
        cluster.hsms[1].is_active = true;
        cluster.hsms[1].availability_zone = cluster.hsms[0].availability_zone.clone();
    });
    refused(&store, Exception::CloudHsmClusterInvalidConfiguration, "two active HSMs");
    world.directory.change(|facts| drop(facts.clusters.remove(CLUSTERS[0])));
    refused(&store, Exception::CloudHsmClusterInvalidConfiguration, "two active HSMs");
    assert_eq!(content(&*world.store), before);
    disconnect(kms, &store).unwrap();
    refused(&store, Exception::CustomKeyStoreInvalidState, "DISCONNECTING");
    kms.run_tasks();
    refused(&store, Exception::CustomKeyStoreInvalidState, "DISCONNECTED");
}

#[test]
fn there_may_be_no_default_key_store() {
    let world = World::new(Kind::SoftHsm);
    assert_refused(create_key(&world.kms, json!({})), Exception::UnsupportedOperation, "AWS_KMS");
}

#[test]
fn keys_have_a_quota_where_it_is_set() {
    let limits = Limits { keys: Some(2), ..Limits::default() };
    let world = default_world(Settings { limits, ..Settings::default() });
    let first = default_key(&world.kms);
    default_key(&world.kms);
    assert_refused(create_key(&world.kms, json!({})), Exception::LimitExceeded, "2 KMS keys");
    ask!(world.kms, schedule_key_deletion, { "KeyId": first, "PendingWindowInDays": 7 }).unwrap();
    world.clock.advance(std::time::Duration::from_secs(7 * 24 * 60 * 60));
    assert_eq!(world.kms.delete_due_keys().len(), 1);
    default_key(&world.kms);
}

/// A world whose store does as `fault` says at its next commit once `is_armed`.
fn faulty_world(fault: Fault) -> (World, Arc<AtomicBool>) {
    let is_armed = Arc::new(AtomicBool::new(false));
    let armed = Arc::clone(&is_armed);
    let store = Faulty::new(Arc::new(Memory::new()), move |occasion| {
        match occasion.call == Call::Commit && armed.swap(false, Ordering::SeqCst) {
            true => fault,
            false => Fault::Pass,
        }
    });
    let world = World::with(Kind::Vhsm, Settings::default(), Arc::new(store));
    (world, is_armed)
}

#[test]
fn material_whose_key_may_have_failed_is_an_orphan_until_it_is_destroyed() {
    let (world, is_armed) = faulty_world(Fault::Fail);
    let store = connected_store(&world);
    is_armed.store(true, Ordering::SeqCst);
    assert_refused(create_key(&world.kms, custom(&store)), Exception::KmsInternal, "");
    let orphans = world.kms.orphans().unwrap();
    let [orphan] = &orphans[..] else { panic!("{orphans:?}") };
    assert_eq!(orphan.custom_key_store_id.as_ref().map(ToString::to_string), Some(store));
    assert_eq!(orphan.cluster_id.as_deref(), Some(CLUSTERS[0]));
    assert_eq!(material(&world, CLUSTERS[0], &orphan.key_arn), 1);
    assert_eq!(world.kms.delete_due_keys(), [""; 0]);
    assert_eq!(world.kms.orphans().unwrap(), []);
    assert_eq!(material(&world, CLUSTERS[0], &orphan.key_arn), 0);
}

#[test]
fn a_key_that_was_made_though_the_answer_was_lost_is_a_key() {
    let (world, is_armed) = faulty_world(Fault::LoseAnswer);
    let store = connected_store(&world);
    is_armed.store(true, Ordering::SeqCst);
    let key = create_key(&world.kms, custom(&store)).unwrap();
    assert_eq!(world.kms.orphans().unwrap(), []);
    assert_eq!(material(&world, CLUSTERS[0], &key.arn), 1);
    ask!(world.kms, encrypt, { "KeyId": key.key_id, "Plaintext": "c2VjcmV0" }).unwrap();
}

/// The key store is disconnected by another process just before the key is committed.
#[test]
fn material_whose_key_cannot_be_made_is_destroyed_at_once() {
    type Other = Arc<Mutex<Option<(Arc<Kms>, String)>>>;
    let other: Other = Arc::default();
    let taken = Arc::clone(&other);
    let memory: Arc<dyn Store> = Arc::new(Memory::new());
    let store = Faulty::new(Arc::clone(&memory), move |occasion| {
        if occasion.call == Call::Commit && occasion.writes.is_some() {
            let other = taken.lock().unwrap().take();
            if let Some((kms, store)) = other {
                disconnect(&kms, &store).unwrap();
            }
        }
        Fault::Pass
    });
    let mut world = World::with(Kind::Vhsm, Settings::default(), Arc::new(store));
    let store = connected_store(&world);
    let kms = Arc::clone(&world.kms);
    world.restart();
    *other.lock().unwrap() = Some((Arc::clone(&world.kms), store.clone()));
    let keys = || {
        let session = world.hsms.pkcs11().open_rw_session(world.hsms.slot(0)).unwrap();
        session.find_objects(&[Attribute::Class(cryptoki::object::ObjectClass::SECRET_KEY)]).unwrap().len()
    };
    assert_refused(create_key(&kms, custom(&store)), Exception::CustomKeyStoreInvalidState, "DISCONNECTING");
    assert!(other.lock().unwrap().is_none());
    assert_eq!(state(&kms, &store), "DISCONNECTING");
    assert_eq!((keys(), kms.orphans().unwrap()), (0, Vec::new()));
}

#[test]
fn where_no_hsm_works_no_key_is_made() {
    let (mut world, store) = world(Kind::Vhsm);
    let before = content(&*world.store);
    world.hsms.operator().fail(0);
    world.hsms.operator().fail(1);
    let answer = create_key(&world.kms, custom(&store));
    assert_refused(
        answer,
        Exception::CustomKeyStoreInvalidState,
        "cannot communicate with the CloudHSM cluster",
    );
    assert_eq!(content(&*world.store), before);
}
