//! KMS on a world.

use super::world::config;
use super::*;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::ops::Deref;
use vhsm_keystore::api::CustomKeyStoresListEntry;
use vhsm_keystore::{Caller, Exception, Kms, KmsError, ManualClock, Module, Parts, Settings, xks};
use vhsm_store::{Lmdb, LmdbOptions};

/// 2026-01-01
const START_MS: u64 = 1_767_225_600_000;

/// `kms` goes before what it stands on.
pub struct KmsWorld {
    pub kms: Arc<Kms>,
    world: World,
}

impl Deref for KmsWorld {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl KmsWorld {
    pub fn new() -> Self {
        let world = World::new();
        let module: Arc<Module> =
            module(&config(world.home.path())).unwrap_or_else(|error| panic!("{error}"));
        let store = Lmdb::open(&LmdbOptions::new(world.home.path().join("kms"))).unwrap();
        let parts = Parts {
            store: Arc::new(store),
            directory: world.directory.clone(),
            module,
            sealer: Arc::new(RootSealer(world.root_key.clone())),
            clock: Arc::new(ManualClock::at_ms(START_MS)),
            xks: xks::Client::default(),
        };
        Self { kms: Arc::new(Kms::new(Settings::default(), parts)), world }
    }

    /// A key store in this cluster: its id.
    pub fn store(&self, cluster: &Cluster) -> String {
        let members = json!({
            "CustomKeyStoreName": cluster.label,
            "CloudHsmClusterId": cluster.name,
            "TrustAnchorCertificate": cluster.backing.trust_anchor,
            "KeyStorePassword": PASSWORD,
        });
        self.kms.create_custom_key_store(&caller(), &request(members)).unwrap().custom_key_store_id
    }

    pub fn connect(&self, store: &str) -> Result<(), KmsError> {
        self.kms.connect_custom_key_store(&caller(), &request(json!({ "CustomKeyStoreId": store })))
    }

    pub fn disconnect(&self, store: &str) {
        let members = json!({ "CustomKeyStoreId": store });
        self.kms.disconnect_custom_key_store(&caller(), &request(members)).unwrap();
        self.kms.run_tasks();
        assert_eq!(self.state(store), "DISCONNECTED");
    }

    pub fn update(&self, store: &str, member: &str, value: &str) -> Result<(), KmsError> {
        let members = json!({ "CustomKeyStoreId": store, member: value });
        self.kms.update_custom_key_store(&caller(), &request(members))
    }

    pub fn connected_store(&self, cluster: &Cluster) -> String {
        let store = self.store(cluster);
        assert_eq!(self.state_after_connect(&store), "CONNECTED");
        store
    }

    pub fn state_after_connect(&self, store: &str) -> String {
        self.connect(store).unwrap();
        self.kms.run_tasks();
        self.state(store)
    }

    /// ConnectionState, and ConnectionErrorCode if there is one.
    pub fn state(&self, store: &str) -> String {
        let request = request(json!({ "CustomKeyStoreId": store }));
        let answer = self.kms.describe_custom_key_stores(&caller(), &request).unwrap();
        let entry: &CustomKeyStoresListEntry = &answer.custom_key_stores[0];
        match &entry.connection_error_code {
            Some(code) => format!("{} {code}", entry.connection_state),
            None => entry.connection_state.clone(),
        }
    }

    /// A new key: its ARN. Without a key store: in the default one.
    pub fn key(&self, store: Option<&str>) -> Result<String, KmsError> {
        let members = match store {
            Some(store) => json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store }),
            None => json!({}),
        };
        Ok(self.kms.create_key(&caller(), &request(members))?.key_metadata.arn)
    }

    pub fn encrypt(&self, key: &str, plaintext: &[u8]) -> Result<Vec<u8>, KmsError> {
        encrypt(&self.kms, key, plaintext)
    }

    pub fn decrypt(&self, key: &str, ciphertext: &[u8]) -> Result<Vec<u8>, KmsError> {
        decrypt(&self.kms, key, ciphertext)
    }
}

pub fn encrypt(kms: &Kms, key: &str, plaintext: &[u8]) -> Result<Vec<u8>, KmsError> {
    let request = request(json!({ "KeyId": key, "Plaintext": base64(plaintext) }));
    Ok(kms.encrypt(&caller(), &request)?.ciphertext_blob.0)
}

pub fn decrypt(kms: &Kms, key: &str, ciphertext: &[u8]) -> Result<Vec<u8>, KmsError> {
    let request = request(json!({ "KeyId": key, "CiphertextBlob": base64(ciphertext) }));
    Ok(kms.decrypt(&caller(), &request)?.plaintext.0.to_vec())
}

/// A request with these members.
pub fn request<T: DeserializeOwned>(members: Value) -> T {
    serde_json::from_value(members).unwrap()
}

pub fn caller() -> Caller {
    Caller {
        account: "000000000000".into(),
        principal: "arn:aws:iam::000000000000:user/test".into(),
        request_id: None,
    }
}

#[track_caller]
pub fn assert_exception<T: std::fmt::Debug>(answer: Result<T, KmsError>, exception: Exception) {
    let error = answer.unwrap_err();
    assert_eq!(error.exception, exception, "{error} {:?}", error.detail);
}

/// RFC 4648 sec. 4
fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let padded = [chunk[0], *chunk.get(1).unwrap_or(&0), *chunk.get(2).unwrap_or(&0)];
        let bits = padded.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
        for sign in 0..4 {
            match sign <= chunk.len() {
                true => text.push(char::from(SIGNS[(bits >> (18 - 6 * sign) & 63) as usize])),
                false => text.push('='),
            }
        }
    }
    text
}
