//! What audit logs and metrics are told beside the answers of operations.

use crate::hsm::HsmStatus;
use crate::ids::{KeyId, StoreId};
use crate::kms::Kms;
use crate::records::key::KeyRecord;
use crate::records::store::StoreRecord;
use crate::records::{Read, keys};

/// Where a key of a custom key store lives. None of it ever changes, as long as there is the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFacts {
    pub custom_key_store_id: String,
    /// CKA_ID of its key material, in hexadecimal: CloudTrail's backingKeyId.
    pub backing_key_id: String,
}

/// What CloudTrail tells of a custom key store beside its ID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreFacts {
    pub name: String,
    /// AWS_CLOUDHSM
    pub cluster_id: Option<String>,
}

impl Kms {
    /// `None`: there is no such key, or it is of the default key store, or the records cannot be read now.
    pub fn key_facts(&self, key_arn: &str) -> Option<KeyFacts> {
        let id = KeyId::parse(key_arn.rsplit_once("key/")?.1)?;
        let read: Option<Read<KeyRecord>> = self.view(|view| view.get(keys::key(&id))).ok()?;
        let record = read?.value;
        Some(KeyFacts {
            custom_key_store_id: record.custom_key_store?.0,
            backing_key_id: record.backing.last()?.id.to_string(),
        })
    }

    /// `None`: there is no such key store, or the records cannot be read now.
    pub fn store_facts(&self, custom_key_store_id: &str) -> Option<StoreFacts> {
        let id = StoreId(custom_key_store_id.into());
        let read: Option<Read<StoreRecord>> = self.view(|view| view.get(keys::store(&id))).ok()?;
        let record = read?.value;
        let cluster_id = record.hsm().map(|hsm| hsm.cluster_id.clone());
        Some(StoreFacts { name: record.name, cluster_id })
    }

    /// How the HSMs are to which key stores are connected, by key store.
    pub fn hsm_status(&self) -> Vec<(StoreId, Vec<HsmStatus>)> {
        let connections = self.connections.all().into_iter();
        connections.map(|(store, connection)| (store, connection.status())).collect()
    }
}
