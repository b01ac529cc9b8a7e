//! Custom key stores.

mod connect;
mod create;
mod cuts;
mod delete;
mod describe;
mod failures;
mod keep;
mod kill;
mod states;
mod update;

use crate::support::{CLUSTER, Hsms, PASSWORD, World, caller};
use cryptoki::session::UserType;
use cryptoki::types::RawAuthPin;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use vhsm_keystore::api::CustomKeyStoresListEntry;
use vhsm_keystore::{Exception, Kms, KmsError};

/// A request with these members.
pub fn request<T: DeserializeOwned>(members: Value) -> T {
    serde_json::from_value(members).unwrap()
}

/// The members that a key store in `CLUSTER` is made with.
pub fn members(world: &World) -> Value {
    json!({
        "CustomKeyStoreName": "one",
        "CloudHsmClusterId": CLUSTER,
        "TrustAnchorCertificate": world.trust_anchor(),
        "KeyStorePassword": PASSWORD,
    })
}

pub fn create(kms: &Kms, members: Value) -> Result<String, KmsError> {
    let answer = kms.create_custom_key_store(&caller(), &request(members))?;
    Ok(answer.custom_key_store_id)
}

/// A key store in `CLUSTER`.
pub fn store(world: &World) -> String {
    create(&world.kms, members(world)).unwrap()
}

/// A connected key store in `CLUSTER`.
pub fn connected_store(world: &World) -> String {
    let id = store(world);
    connect(&world.kms, &id).unwrap();
    world.kms.run_tasks();
    assert_eq!(state(&world.kms, &id), "CONNECTED");
    id
}

pub fn connect(kms: &Kms, id: &str) -> Result<(), KmsError> {
    kms.connect_custom_key_store(&caller(), &request(json!({ "CustomKeyStoreId": id })))
}

pub fn disconnect(kms: &Kms, id: &str) -> Result<(), KmsError> {
    kms.disconnect_custom_key_store(&caller(), &request(json!({ "CustomKeyStoreId": id })))
}

pub fn delete(kms: &Kms, id: &str) -> Result<(), KmsError> {
    kms.delete_custom_key_store(&caller(), &request(json!({ "CustomKeyStoreId": id })))
}

/// Updates one member.
pub fn update(kms: &Kms, id: &str, member: &str, value: &str) -> Result<(), KmsError> {
    kms.update_custom_key_store(&caller(), &request(json!({ "CustomKeyStoreId": id, member: value })))
}

pub fn describe(kms: &Kms, id: &str) -> CustomKeyStoresListEntry {
    let answer =
        kms.describe_custom_key_stores(&caller(), &request(json!({ "CustomKeyStoreId": id }))).unwrap();
    answer.custom_key_stores.into_iter().next().unwrap()
}

/// ConnectionState, and ConnectionErrorCode if there is one.
pub fn state(kms: &Kms, id: &str) -> String {
    let entry = describe(kms, id);
    match entry.connection_error_code {
        Some(code) => format!("{} {code}", entry.connection_state),
        None => entry.connection_state,
    }
}

/// A KMS key in a key store: its ID.
pub fn create_key(kms: &Kms, id: &str) -> Result<String, KmsError> {
    let members = json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": id });
    let answer = kms.create_key(&caller(), &request(members))?;
    Ok(answer.key_metadata.key_id)
}

/// Uses the HSMs of a key store.
pub fn random(kms: &Kms, id: &str) -> Result<(), KmsError> {
    let members = json!({ "NumberOfBytes": 8, "CustomKeyStoreId": id });
    let answer = kms.generate_random(&caller(), &request(members))?;
    assert_eq!(answer.plaintext.0.len(), 8);
    Ok(())
}

#[track_caller]
pub fn assert_exception<T: std::fmt::Debug>(answer: Result<T, KmsError>, exception: Exception) {
    let error = answer.unwrap_err();
    assert_eq!(error.exception, exception, "{error} {:?}", error.detail);
}

/// Whether kmsuser can log in with this password, as its owner does. A wrong one counts.
pub fn opens(hsms: &Hsms, password: &str) -> bool {
    let session = hsms.pkcs11().open_rw_session(hsms.slot(0)).unwrap();
    let pin = RawAuthPin::new(Box::new(hsms.pin(password)));
    let is_right = session.login_with_raw(UserType::User, &pin).is_ok();
    if is_right {
        session.logout().unwrap();
    }
    is_right
}
