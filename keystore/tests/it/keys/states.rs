//! What states do beyond the table of operations.

use super::*;
use crate::stores::{connect, disconnect};

#[test]
fn what_is_done_to_an_unavailable_key_shows_when_it_is_available_again() {
    let (world, store) = world(Kind::SoftHsm);
    let kms = &world.kms;
    let [disabled, enabled, kept, pending] = [(); 4].map(|()| key_in(kms, &store));
    ask!(kms, disable_key, { "KeyId": enabled }).unwrap();
    ask!(kms, schedule_key_deletion, { "KeyId": kept }).unwrap();
    disconnect(kms, &store).unwrap();
    kms.run_tasks();
    ask!(kms, disable_key, { "KeyId": disabled }).unwrap();
    ask!(kms, enable_key, { "KeyId": enabled }).unwrap();
    ask!(kms, cancel_key_deletion, { "KeyId": kept }).unwrap();
    ask!(kms, schedule_key_deletion, { "KeyId": pending }).unwrap();
    let states = |keys: [&String; 4]| keys.map(|key| key_state(kms, key));
    let keys = [&disabled, &enabled, &kept, &pending];
    assert_eq!(states(keys), ["Unavailable", "Unavailable", "Unavailable", "PendingDeletion"]);
    connect(kms, &store).unwrap();
    kms.run_tasks();
    assert_eq!(states(keys), ["Disabled", "Enabled", "Disabled", "PendingDeletion"]);
}

#[test]
fn an_alias_leaves_a_key_that_is_pending_deletion() {
    let world = default_world(Settings::default());
    let (old, new) = (default_key(&world.kms), default_key(&world.kms));
    ask!(world.kms, create_alias, { "AliasName": "alias/x", "TargetKeyId": old }).unwrap();
    ask!(world.kms, schedule_key_deletion, { "KeyId": old }).unwrap();
    ask!(world.kms, update_alias, { "AliasName": "alias/x", "TargetKeyId": new }).unwrap();
    assert_eq!(describe_key(&world.kms, "alias/x").unwrap().key_id, new);
}
