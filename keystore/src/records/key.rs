//! Records of KMS keys.

use super::Record;
use crate::ids::{AliasName, BackingKeyId, KeyId, StoreId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What every use of a key reads: small.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyRecord {
    pub origin: Origin,
    pub state: StoredState,
    /// Where it lives; `None`: in the default key store.
    pub custom_key_store: Option<StoreId>,
    /// Key material in HSMs, oldest first; the last one encrypts. One, but for rotated keys of the default key store, and for keys
    /// of external key stores, which have none there: see `ExternalKey`.
    pub backing: Vec<BackingKey>,
    pub created_ms: u64,
    /// Automatic rotation, in the default key store.
    pub rotation: Option<Rotation>,
}

impl Record for KeyRecord {
    const VERSION: u8 = 1;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Origin {
    AwsKms,
    AwsCloudHsm,
    ExternalKeyStore,
}

impl Origin {
    pub fn name(self) -> &'static str {
        match self {
            Origin::AwsKms => "AWS_KMS",
            Origin::AwsCloudHsm => "AWS_CLOUDHSM",
            Origin::ExternalKeyStore => "EXTERNAL_KEY_STORE",
        }
    }
}

/// What is kept of a key's state. That it is Unavailable follows from its key store's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum StoredState {
    Enabled,
    Disabled,
    /// Until this time (milliseconds since 1970).
    PendingDeletion {
        deletion_ms: u64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BackingKey {
    pub id: BackingKeyId,
    pub created_ms: u64,
    /// Made by RotateKeyOnDemand.
    pub on_demand: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rotation {
    pub period_days: u16,
    pub next_ms: u64,
}

/// What KMS keeps of a key of Origin EXTERNAL_KEY_STORE: all but the external key itself. Never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExternalKey {
    /// The external key behind it, in the key store's proxy.
    pub xks_key_id: String,
    /// KMS's own key material, sealed.
    pub material: Vec<u8>,
}

impl Record for ExternalKey {
    const VERSION: u8 = 1;
}

/// Whose external key one is, in its key store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct XksKeyOwner {
    pub key: [u8; 16],
}

impl Record for XksKeyOwner {
    const VERSION: u8 = 1;
}

/// What no cryptographic operation reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyDetails {
    pub description: String,
    /// JSON
    pub policy: String,
    pub tags: BTreeMap<String, String>,
}

impl Record for KeyDetails {
    const VERSION: u8 = 1;
}

/// The last successful cryptographic operation with a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastUse {
    pub at_ms: u64,
    /// As the API names it.
    pub operation: String,
}

impl Record for LastUse {
    const VERSION: u8 = 1;
}

/// How many aliases and grants a key has: quotas are held to without counting them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct KeyCounts {
    pub aliases: u32,
    pub grants: u32,
}

impl Record for KeyCounts {
    const VERSION: u8 = 1;
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AliasRecord {
    pub target: [u8; 16],
    pub created_ms: u64,
    pub updated_ms: u64,
}

impl AliasRecord {
    pub fn target(&self) -> KeyId {
        KeyId::from_bytes(self.target)
    }
}

impl Record for AliasRecord {
    const VERSION: u8 = 1;
}

/// A grant: stored and returned, not evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GrantRecord {
    pub grantee: Principal,
    pub retiring: Option<Principal>,
    pub issuing_account: String,
    pub operations: Vec<String>,
    pub name: Option<String>,
    /// Constraints, as the API's JSON.
    pub constraints: Option<String>,
    pub created_ms: u64,
}

impl Record for GrantRecord {
    const VERSION: u8 = 1;
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Principal {
    /// An ARN of IAM or STS.
    Aws(String),
    /// `<service>.amazonaws.com`
    Service(String),
}

impl Principal {
    pub fn as_str(&self) -> &str {
        let (Principal::Aws(name) | Principal::Service(name)) = self;
        name
    }
}

/// Key material that outlived its KMS key: it could not be destroyed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OrphanRecord {
    pub key_arn: String,
    pub custom_key_store: Option<StoreId>,
    pub cluster_id: Option<String>,
    pub since_ms: u64,
    /// Why it could not be destroyed.
    pub cause: String,
    pub aliases: Vec<AliasName>,
}

impl Record for OrphanRecord {
    const VERSION: u8 = 1;
}
