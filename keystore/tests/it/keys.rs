//! KMS keys and what belongs to them.

mod aliases;
mod deletion;
mod exceptions;
mod grants;
mod life;
mod lists;
mod making;
mod policies;
mod races;
mod reads;
mod states;
mod tags;

use crate::stores::{connected_store, request};
use crate::support::{CLUSTERS, Kind, World, caller};
use cryptoki::object::Attribute;
use cryptoki::slot::Slot;
use serde_json::{Value, json};
use std::ops::ControlFlow;
use vhsm_keystore::api::KeyMetadata;
use vhsm_keystore::{Exception, Kms, KmsError, Settings};
use vhsm_store::Store;

/// Asks for an operation: `ask!(kms, enable_key, { "KeyId": id })`.
macro_rules! ask {
    ($kms:expr, $operation:ident, $members:tt) => {
        $kms.$operation(&crate::support::caller(), &crate::stores::request(serde_json::json!($members)))
    };
}
pub(crate) use ask;

/// Three clusters, the first with a connected key store; answers its ID too.
pub fn world(kind: Kind) -> (World, String) {
    world_with(kind, Settings::default())
}

pub fn world_with(kind: Kind, settings: Settings) -> (World, String) {
    let world = World::of_three(kind, settings);
    let store = connected_store(&world);
    (world, store)
}

/// With the default key store alone.
pub fn default_world(settings: Settings) -> World {
    World::of_three(Kind::SoftHsm, settings)
}

pub fn create_key(kms: &Kms, members: Value) -> Result<KeyMetadata, KmsError> {
    Ok(kms.create_key(&caller(), &request(members))?.key_metadata)
}

/// The ID of a new key in a custom key store.
pub fn key_in(kms: &Kms, store: &str) -> String {
    let members = json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store });
    create_key(kms, members).unwrap().key_id
}

/// The ID of a new key in the default key store.
pub fn default_key(kms: &Kms) -> String {
    create_key(kms, json!({})).unwrap().key_id
}

pub fn describe_key(kms: &Kms, key_id: &str) -> Result<KeyMetadata, KmsError> {
    Ok(ask!(kms, describe_key, { "KeyId": key_id })?.key_metadata)
}

pub fn key_state(kms: &Kms, key_id: &str) -> String {
    describe_key(kms, key_id).unwrap().key_state
}

#[track_caller]
pub fn assert_refused<T>(answer: Result<T, KmsError>, exception: Exception, says: &str) {
    match answer {
        Ok(_) => panic!("no {exception:?} ({says})"),
        Err(error) => {
            assert_eq!(error.exception, exception, "{error} {:?} ({says})", error.detail);
            assert!(error.message.contains(says), "{error} does not say {says:?}");
        }
    }
}

/// How many objects with this label the HSMs of a cluster have, as kmsuser sees them who is logged in.
pub fn material(world: &World, cluster: &str, label: &str) -> usize {
    let number = CLUSTERS.iter().position(|id| *id == cluster).unwrap();
    let slots = if number == 0 { &world.hsms.slots } else { &world.hsms.others[number - 1] };
    let session = world.hsms.pkcs11().open_rw_session(Slot::try_from(slots[0]).unwrap()).unwrap();
    session.find_objects(&[Attribute::Label(label.into())]).unwrap().len()
}

/// All that lies in a store.
pub fn content(store: &dyn Store) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut all = Vec::new();
    store
        .read(&mut |snapshot| {
            all.clear();
            snapshot.range(&[0], &[0xff; 511], &mut |key, value| {
                all.push((key.to_vec(), value.to_vec()));
                ControlFlow::Continue(())
            })
        })
        .unwrap();
    all
}
