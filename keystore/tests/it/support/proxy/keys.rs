//! External keys, in memory.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Key {
    pub spec: String,
    pub usage: Vec<String>,
    pub enabled: bool,
    /// One after each rotation; the last encrypts.
    #[serde(skip)]
    pub material: Vec<[u8; 32]>,
}

/// By id, which is in the URI.
#[derive(Default)]
pub struct Keys(Mutex<BTreeMap<String, Key>>);

impl Default for Key {
    /// What a KMS key can be made of: AES_256, for ENCRYPT and DECRYPT, enabled.
    fn default() -> Self {
        let usage = ["ENCRYPT", "DECRYPT", "WRAP", "UNWRAP"];
        Self {
            spec: "AES_256".into(),
            usage: usage.map(String::from).to_vec(),
            enabled: true,
            material: vec![new_material()],
        }
    }
}

fn new_material() -> [u8; 32] {
    let mut material = [0; 32];
    openssl::rand::rand_bytes(&mut material).unwrap();
    material
}

impl Keys {
    pub fn put(&self, id: &str, key: Key) {
        self.with(|keys| drop(keys.insert(id.into(), key)));
    }

    pub fn remove(&self, id: &str) {
        self.with(|keys| drop(keys.remove(id)));
    }

    /// Changes what the key is, and keeps its material.
    pub fn change(&self, id: &str, change: impl FnOnce(&mut Key)) {
        self.with(|keys| change(keys.get_mut(id).expect("the test has put it")));
    }

    /// New material encrypts; ciphertexts say which one they need (ciphertextMetadata).
    pub fn rotate(&self, id: &str) {
        self.change(id, |key| key.material.push(new_material()));
    }

    pub(super) fn find(&self, id: &str) -> Option<Key> {
        self.with(|keys| keys.get(id).cloned())
    }

    fn with<T>(&self, run: impl FnOnce(&mut BTreeMap<String, Key>) -> T) -> T {
        run(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
