//! The end of a key: KMS's half goes for good, the external key stays.

use super::*;
use crate::keys::content;
use std::time::Duration;

const WINDOW: Duration = Duration::from_secs(7 * 24 * 60 * 60);

fn delete(bench: &Bench, key: &str) {
    let kms = &bench.world.kms;
    ask!(kms, schedule_key_deletion, { "KeyId": key, "PendingWindowInDays": 7 }).unwrap();
    bench.world.clock.advance(WINDOW);
    assert_eq!(kms.delete_due_keys().len(), 1);
}

#[test]
fn nothing_is_left_of_a_deleted_key() {
    let (bench, store) = bench();
    let before = content(&*bench.world.store);
    let key = key_in(&bench, &store, EXTERNAL);
    let ciphertext = encrypt(&bench, &key, b"x", json!({})).unwrap();
    bench.proxy.forget_calls();
    delete(&bench, &key);
    let after = content(&*bench.world.store);
    assert_eq!(after, before);
    assert_eq!(bench.world.kms.orphans().unwrap(), []);
    assert_eq!(bench.proxy.calls().len(), 0);
    assert_refused(decrypt(&bench, &ciphertext, json!({})), Exception::AccessDenied, "");
}

#[test]
fn the_external_key_is_free_for_another_kms_key_that_opens_nothing_of_the_first() {
    let (bench, store, key) = bench_with_key();
    ask!(bench.world.kms, schedule_key_deletion, { "KeyId": key, "PendingWindowInDays": 7 }).unwrap();
    let answer = create_key(&bench.world.kms, members(&store, EXTERNAL));
    assert_refused(answer, Exception::XksKeyAlreadyInUse, &key);
    ask!(bench.world.kms, cancel_key_deletion, { "KeyId": key }).unwrap();
    ask!(bench.world.kms, enable_key, { "KeyId": key }).unwrap();
    let ciphertext = encrypt(&bench, &key, b"x", json!({})).unwrap();
    delete(&bench, &key);
    let next = key_in(&bench, &store, EXTERNAL);
    let request = json!({ "CiphertextBlob": crate::support::blob(&ciphertext), "KeyId": next });
    assert_refused(call(&bench.world.kms, "Decrypt", request), Exception::IncorrectKey, "");
}

#[test]
fn a_store_with_a_key_is_not_deleted() {
    let (bench, store, key) = bench_with_key();
    bench.disconnect(&store);
    let remove = || ask!(bench.world.kms, delete_custom_key_store, { "CustomKeyStoreId": store });
    assert_refused(remove(), Exception::CustomKeyStoreHasCmks, "");
    // Deletion needs no proxy.
    delete(&bench, &key);
    remove().unwrap();
}

#[test]
fn a_deletion_by_another_process_counts_at_once() {
    let (mut bench, _, key) = bench_with_key();
    let ciphertext = encrypt(&bench, &key, b"x", json!({})).unwrap();
    let here = std::sync::Arc::clone(&bench.world.kms);
    bench.world.restart();
    bench.world.kms.resume();
    bench.world.kms.run_tasks();
    delete(&bench, &key);
    let request = json!({ "CiphertextBlob": crate::support::blob(&ciphertext) });
    assert_refused(call(&here, "Decrypt", request), Exception::AccessDenied, "");
    assert_eq!(here.delete_due_keys(), [""; 0]);
}
