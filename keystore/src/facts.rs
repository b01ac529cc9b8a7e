//! What audit logs and metrics are told beside the answers of operations.

use crate::hsm::HsmStatus;
use crate::ids::{KeyId, StoreId};
use crate::kms::Kms;
use crate::records::key::KeyRecord;
use crate::records::store::StoreRecord;
use crate::records::{Read, View, keys};
use crate::stores::external::health::ProxyHealth;

const MS_PER_DAY: u64 = 24 * 60 * 60 * 1000;

/// Where a key of a custom key store lives. None of it ever changes, as long as there is the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFacts {
    pub custom_key_store_id: String,
    /// Of Origin AWS_CLOUDHSM: CKA_ID of its key material, in hexadecimal: CloudTrail's backingKeyId.
    pub backing_key_id: Option<String>,
    /// Of Origin EXTERNAL_KEY_STORE.
    pub xks_key_id: Option<String>,
}

/// What CloudTrail tells of a custom key store beside its ID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreFacts {
    pub name: String,
    /// AWS_CLOUDHSM
    pub cluster_id: Option<String>,
}

/// The proxy of an external key store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyFacts {
    pub custom_key_store_id: StoreId,
    pub health: ProxyHealth,
    /// Of the certificate that it showed last; 0 on its last day and from then on.
    pub certificate_days_to_expire: Option<u64>,
    /// Whole days since KMS was given its credential.
    pub credential_age_days: u64,
}

impl Kms {
    /// `None`: there is no such key, or it is of the default key store, or the records cannot be read now.
    pub fn key_facts(&self, key_arn: &str) -> Option<KeyFacts> {
        let id = KeyId::parse(key_arn.rsplit_once("key/")?.1)?;
        let read = |view: &View| {
            let key: Option<Read<KeyRecord>> = view.get(keys::key(&id))?;
            let Some(key) = key else { return Ok(None) };
            let external = view.external_key(&id, &key.value)?;
            Ok(Some((key.value, external)))
        };
        let (record, external) = self.view(read).ok()??;
        Some(KeyFacts {
            custom_key_store_id: record.custom_key_store?.0,
            backing_key_id: record.backing.last().map(|backing| backing.id.to_string()),
            xks_key_id: external.map(|external| external.value.xks_key_id),
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

    /// How the proxies of external key stores are, as far as this process knows. `None`: the records cannot be read now.
    pub fn proxy_facts(&self) -> Option<Vec<ProxyFacts>> {
        let certificates = self.xks.certificate_ends();
        let days = |ms: u64| ms / MS_PER_DAY;
        let mut health = self.health.all();
        let stores = self.stores().ok()?.into_iter();
        let facts = stores.filter_map(|(id, record)| {
            let store = record.as_external().ok()?;
            let end_ms = certificates.get(&store.endpoint);
            Some(ProxyFacts {
                health: health.remove(&id).unwrap_or_default(),
                certificate_days_to_expire: end_ms.map(|end_ms| days(end_ms.saturating_sub(self.now_ms()))),
                credential_age_days: days(self.now_ms().saturating_sub(store.credential_since_ms)),
                custom_key_store_id: id,
            })
        });
        Some(facts.collect())
    }

    /// How the HSMs are to which key stores are connected, by key store.
    pub fn hsm_status(&self) -> Vec<(StoreId, Vec<HsmStatus>)> {
        let connections = self.connections.all().into_iter();
        connections.map(|(store, connection)| (store, connection.status())).collect()
    }
}
