//! The deletion itself.

use super::*;
use crate::stores::{connect, disconnect};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use vhsm_keystore::{AliasName, Limits};
use vhsm_store::{Call, Fault, Faulty, Memory};

const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const ROLE: &str = "arn:aws:iam::000000000000:role/r";

fn schedule(world: &World, key: &str) {
    ask!(world.kms, schedule_key_deletion, { "KeyId": key, "PendingWindowInDays": 7 }).unwrap();
}

/// A key with more aliases and grants than a commit can delete.
fn burdened_key(kms: &Kms, store: &str) -> String {
    let key = key_in(kms, store);
    for number in 0..45 {
        ask!(kms, create_alias, { "AliasName": format!("alias/a{number}"), "TargetKeyId": key }).unwrap();
    }
    for _ in 0..90 {
        let members = json!({
            "KeyId": key, "GranteePrincipal": ROLE, "RetiringPrincipal": ROLE, "Operations": ["Encrypt"]
        });
        ask!(kms, create_grant, members).unwrap();
    }
    ask!(kms, tag_resource, { "KeyId": key, "Tags": [{ "TagKey": "a", "TagValue": "b" }] }).unwrap();
    key
}

#[test]
fn nothing_is_left_of_a_deleted_key() {
    let (world, store) = world(Kind::SoftHsm);
    let before = content(&*world.store);
    let (custom, default) = (burdened_key(&world.kms, &store), default_key(&world.kms));
    ask!(world.kms, enable_key_rotation, { "KeyId": default }).unwrap();
    ask!(world.kms, encrypt, { "KeyId": default, "Plaintext": "c2VjcmV0" }).unwrap();
    world.kms.write_last_uses().unwrap();
    schedule(&world, &custom);
    schedule(&world, &default);
    world.clock.advance(WEEK);
    assert_eq!(world.kms.delete_due_keys().len(), 2);
    assert_eq!(content(&*world.store), before);
}

#[test]
fn keys_go_when_their_time_has_come_and_not_before() {
    let world = default_world(Settings::default());
    let [first, cancelled, later, kept] = [(); 4].map(|()| default_key(&world.kms));
    schedule(&world, &first);
    schedule(&world, &cancelled);
    world.clock.advance(WEEK / 2);
    schedule(&world, &later);
    ask!(world.kms, cancel_key_deletion, { "KeyId": cancelled }).unwrap();
    world.clock.advance(WEEK / 2 - Duration::from_millis(1));
    assert_eq!(world.kms.delete_due_keys(), [""; 0]);
    world.clock.advance(Duration::from_millis(1));
    let deleted = world.kms.delete_due_keys();
    assert!(deleted.len() == 1 && deleted[0].ends_with(&first), "{deleted:?}");
    assert_eq!(key_state(&world.kms, &later), "PendingDeletion");
    assert_eq!(key_state(&world.kms, &cancelled), "Disabled");
    assert_eq!(key_state(&world.kms, &kept), "Enabled");
    // Put off, the earlier time no longer counts.
    ask!(world.kms, cancel_key_deletion, { "KeyId": later }).unwrap();
    ask!(world.kms, schedule_key_deletion, { "KeyId": later, "PendingWindowInDays": 30 }).unwrap();
    world.clock.advance(WEEK);
    assert_eq!(world.kms.delete_due_keys(), [""; 0]);
}

#[test]
fn keys_with_more_material_than_a_commit_takes_are_deleted() {
    let limits = Limits { on_demand_rotations: 100, ..Limits::default() };
    let world = default_world(Settings { limits, ..Settings::default() });
    let before = content(&*world.store);
    let key = describe_key(&world.kms, &default_key(&world.kms)).unwrap();
    for _ in 0..100 {
        ask!(world.kms, rotate_key_on_demand, { "KeyId": key.key_id }).unwrap();
    }
    assert_eq!(material(&world, CLUSTERS[2], &key.arn), 101);
    schedule(&world, &key.key_id);
    world.clock.advance(WEEK);
    assert_eq!(world.kms.delete_due_keys().len(), 1);
    assert_eq!(content(&*world.store), before);
    assert_eq!(material(&world, CLUSTERS[2], &key.arn), 0);
}

/// A deletion whose `number`th commit fails, and the run after it.
fn cut_at(number: u64) -> bool {
    let until = Arc::new(AtomicU64::new(u64::MAX));
    let left = Arc::clone(&until);
    let store = Faulty::new(Arc::new(Memory::new()), move |occasion| {
        let is_cut = occasion.call == Call::Commit && left.fetch_sub(1, Ordering::SeqCst) == 1;
        if is_cut { Fault::Cut } else { Fault::Pass }
    });
    let store = Arc::new(store);
    let mut world = World::with(Kind::SoftHsm, Settings::default(), store.clone());
    world.give_default_key_store();
    let before = content(&*world.store);
    let key = default_key(&world.kms);
    for name in 0..45 {
        ask!(world.kms, create_alias, { "AliasName": format!("alias/a{name}"), "TargetKeyId": key }).unwrap();
    }
    let members = json!({ "KeyId": key, "GranteePrincipal": ROLE, "RetiringPrincipal": ROLE, "Operations": ["Encrypt"] });
    ask!(world.kms, create_grant, members).unwrap();
    schedule(&world, &key);
    world.clock.advance(WEEK);
    until.store(number, Ordering::SeqCst);
    let deleted = world.kms.delete_due_keys();
    let was_cut = until.swap(u64::MAX, Ordering::SeqCst) == 0;
    store.mend();
    world.restart();
    let rest = world.kms.delete_due_keys();
    assert_eq!(deleted.len() + rest.len(), 1, "cut at {number}: {deleted:?}, then {rest:?}");
    assert_eq!(content(&*world.store), before, "cut at {number}");
    was_cut
}

#[test]
fn a_deletion_that_was_cut_is_finished_by_the_next_run() {
    let cuts = (1..).take_while(|&number| cut_at(number)).count();
    // The key, twice aliases, grants, the entry of the deletion, the orphan.
    assert_eq!(cuts, 6);
}

#[test]
fn material_that_cannot_be_reached_is_an_orphan_until_it_can() {
    let (world, store) = world(Kind::Vhsm);
    let key = create_key(&world.kms, json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store })).unwrap();
    ask!(world.kms, create_alias, { "AliasName": "alias/late", "TargetKeyId": key.key_id }).unwrap();
    schedule(&world, &key.key_id);
    disconnect(&world.kms, &store).unwrap();
    world.kms.run_tasks();
    assert_eq!(key_state(&world.kms, &key.key_id), "PendingDeletion");
    world.clock.advance(WEEK);
    assert_eq!(world.kms.delete_due_keys(), std::slice::from_ref(&key.arn));
    for _ in 0..2 {
        let orphans = world.kms.orphans().unwrap();
        let [orphan] = &orphans[..] else { panic!("{orphans:?}") };
        assert_eq!(orphan.key_arn, key.arn);
        assert_eq!(orphan.aliases, [AliasName::parse("alias/late").unwrap()]);
        assert_eq!(orphan.cluster_id.as_deref(), Some(CLUSTERS[0]));
        assert!(orphan.cause.contains("no connection"), "{}", orphan.cause);
        assert_eq!(world.kms.delete_due_keys(), [""; 0]);
    }
    connect(&world.kms, &store).unwrap();
    world.kms.run_tasks();
    assert_eq!(material(&world, CLUSTERS[0], &key.arn), 1);
    assert_eq!(world.kms.delete_due_keys(), [""; 0]);
    assert_eq!(world.kms.orphans().unwrap(), []);
    assert_eq!(material(&world, CLUSTERS[0], &key.arn), 0);
}

#[test]
fn a_key_store_is_empty_when_its_last_key_is_deleted() {
    let (world, store) = world(Kind::SoftHsm);
    let key = key_in(&world.kms, &store);
    schedule(&world, &key);
    disconnect(&world.kms, &store).unwrap();
    world.kms.run_tasks();
    assert_refused(crate::stores::delete(&world.kms, &store), Exception::CustomKeyStoreHasCmks, "");
    world.clock.advance(WEEK);
    world.kms.delete_due_keys();
    crate::stores::delete(&world.kms, &store).unwrap();
    assert_eq!(world.kms.orphans().unwrap().len(), 1);
}
