//! The companion key-store layer: AWS KMS custom key stores and their KMS keys, on any PKCS#11 library.
//!
//! Domain only, no HTTP but the calls of proxies: each KMS operation is a method of [`Kms`] that takes the [`Caller`] and the operation's request
//! and answers its response or a [`KmsError`] that bears the exception's documented name. Requests and responses have the
//! members of the KMS API (`kms/2014-11-01`) and know serde, so that an edge turns JSON or CBOR into them and back.
//!
//! | module | owns |
//! | --- | --- |
//! | `stores` | custom key stores: create, describe, update, delete, connect, disconnect |
//! | `keys` | KMS keys, aliases, tags, policies, grants, deletion |
//! | `crypto` | cryptographic operations and the ciphertext's format |
//! | `hsm` | PKCS#11: sessions per HSM, failover, key material |
//! | `xks` | calls of external key store proxies |
//! | `records` | what lies in the store, and under which keys |
//!
//! Imports go down: stores, keys and crypto know hsm, xks and records, never each other's insides. Key material and plaintext
//! pass through `hsm` and `xks` alone.

#![deny(unsafe_code)]

mod clock;
mod crypto;
mod directory;
mod error;
mod facts;
mod foreign;
mod hsm;
mod ids;
mod keys;
mod kms;
pub mod manual;
mod page;
mod records;
mod sealer;
mod stores;
mod tasks;
mod validate;
mod wire;
pub mod xks;

pub use clock::{Clock, ManualClock, SystemClock};
pub use directory::{ClusterDirectory, ClusterFacts, DefaultCluster, DirectoryError, HsmFacts, UserFacts};
pub use error::{Exception, KmsError};
pub use facts::{KeyFacts, ProxyFacts, StoreFacts};
pub use foreign::{ForeignCluster, ForeignClusters, ForeignDefault, ForeignDirectory, ForeignHsm, PinForm};
pub use hsm::{Connection, Connections, Fault, HsmError, HsmStatus, Module, TokenFacts};
pub use ids::{AliasName, Arn, BackingKeyId, KeyId, KeyName, StoreId};
pub use keys::Orphan;
pub use kms::{Caller, Kms, Limits, Parts, Settings};
pub use sealer::Sealer;
pub use stores::external::health::{ProxyCalls, ProxyHealth};
pub use tasks::Workers;
pub use wire::{Blob, EncryptionContext, SecretBlob, SecretText, Timestamp};

pub mod api {
    //! Requests and responses, by operation.
    pub use crate::crypto::api::*;
    pub use crate::keys::api::*;
    pub use crate::stores::api::*;
}
