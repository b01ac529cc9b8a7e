//! What CloudTrail has as additionalEventData (reference: AWS KMS developer guide, "Logging AWS KMS API calls").

use super::members;
use super::table::Operation;
use parking_lot::RwLock;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use vhsm_keystore::{KeyFacts, Kms, StoreFacts};

/// Where keys live never changes, so each is looked up once; beyond these many it is begun anew.
const MOST_KNOWN: usize = 100_000;

/// Those of custom key stores, by ARN.
#[derive(Default)]
pub struct KnownKeys(RwLock<HashMap<String, Arc<KeyFacts>>>);

impl KnownKeys {
    /// The key that a response is about, and what is told of it.
    pub fn of_key(
        &self,
        kms: &Kms,
        operation: &Operation,
        response: &[u8],
        recorded: &Value,
    ) -> (Option<String>, Value) {
        let is_new = operation.name == "CreateKey";
        let arn = match is_new {
            true => recorded["keyMetadata"]["arn"].as_str().map(str::to_owned),
            false => named(response),
        };
        let Some(arn) = arn else { return (None, Value::Null) };
        let told = match self.find(kms, &arn) {
            None => Value::Null,
            Some(facts) => told_of(&facts, is_new),
        };
        (Some(arn), told)
    }

    fn find(&self, kms: &Kms, arn: &str) -> Option<Arc<KeyFacts>> {
        if let Some(known) = self.0.read().get(arn) {
            return Some(Arc::clone(known));
        }
        let facts = Arc::new(kms.key_facts(arn)?);
        let mut known = self.0.write();
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(arn.into(), Arc::clone(&facts));
        Some(facts)
    }
}

fn told_of(facts: &KeyFacts, is_new: bool) -> Value {
    let store = &facts.custom_key_store_id;
    match (&facts.xks_key_id, &facts.backing_key_id) {
        (Some(xks_key), _) => json!({"customKeyStoreId": store, "xksKeyId": xks_key}),
        (None, backing) if is_new => {
            json!({"customKeyStoreId": store, "backingKey": json!({"backingKeyId": backing}).to_string()})
        }
        (None, backing) => json!({"customKeyStoreId": store, "backingKeyId": backing}),
    }
}

/// KeyId, where it is an ARN.
fn named(response: &[u8]) -> Option<String> {
    match members::kept(response, &["KeyId"])["keyId"].take() {
        Value::String(id) if id.starts_with("arn:") => Some(id),
        _ => None,
    }
}

/// The key store that a request names.
pub fn of_store(kms: &Kms, request: &Value) -> Value {
    let facts = request["customKeyStoreId"].as_str().and_then(|id| kms.store_facts(id));
    match facts {
        Some(StoreFacts { name, cluster_id: Some(cluster_id) }) => {
            json!({"customKeyStoreName": name, "clusterId": cluster_id})
        }
        Some(StoreFacts { name, cluster_id: None }) => json!({"customKeyStoreName": name}),
        None => Value::Null,
    }
}
