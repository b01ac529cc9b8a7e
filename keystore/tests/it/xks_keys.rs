//! Keys of Origin EXTERNAL_KEY_STORE, over real TLS to a proxy that is right, or wrong in one way.

mod cuts;
mod deletion;
mod failures;
mod making;
mod rates;
mod states;
mod using;

use crate::external::Bench;
use crate::keys::{ask, assert_refused, create_key, describe_key, key_state};
use crate::support::proxy::{Api, Fault, Key};
use crate::support::{bytes, call, caller};
use serde_json::{Value, json};
use vhsm_keystore::{Exception, KmsError};

/// The external key that is there from the start.
pub const EXTERNAL: &str = "an-external.key_1";

/// A bench with a connected key store, whose proxy has the external key.
pub fn bench() -> (Bench, String) {
    let bench = Bench::new();
    let store = bench.connected_store();
    bench.proxy.keys().put(EXTERNAL, Key::default());
    bench.proxy.forget_calls();
    (bench, store)
}

/// The same with a KMS key; answers its ID.
pub fn bench_with_key() -> (Bench, String, String) {
    let (bench, store) = bench();
    let key = key_in(&bench, &store, EXTERNAL);
    bench.proxy.forget_calls();
    (bench, store, key)
}

pub fn members(store: &str, external: &str) -> Value {
    json!({ "Origin": "EXTERNAL_KEY_STORE", "CustomKeyStoreId": store, "XksKeyId": external })
}

/// The ID of a new key, whose external key the proxy has.
pub fn key_in(bench: &Bench, store: &str, external: &str) -> String {
    create_key(&bench.world.kms, members(store, external)).unwrap().key_id
}

pub fn encrypt(bench: &Bench, key: &str, plaintext: &[u8], context: Value) -> Result<Vec<u8>, KmsError> {
    let request = json!({
        "KeyId": key, "Plaintext": crate::support::blob(plaintext), "EncryptionContext": context,
    });
    Ok(bytes(&call(&bench.world.kms, "Encrypt", request)?, "CiphertextBlob"))
}

pub fn decrypt(bench: &Bench, ciphertext: &[u8], context: Value) -> Result<Vec<u8>, KmsError> {
    let request = json!({ "CiphertextBlob": crate::support::blob(ciphertext), "EncryptionContext": context });
    Ok(bytes(&call(&bench.world.kms, "Decrypt", request)?, "Plaintext"))
}
