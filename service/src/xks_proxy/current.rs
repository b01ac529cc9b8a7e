//! What one reading of the configuration made. Requests hold it as long as they run; a reload makes another.

use super::hsms::Hsms;
use super::settings::{KeyStoreSettings, Settings};
use crate::http::sigv4::SigningKeys;
use std::sync::Arc;
use zeroize::Zeroizing;

pub struct Current {
    pub settings: Settings,
    pub key_stores: Vec<Arc<KeyStore>>,
    pub hsms: Arc<Hsms>,
}

/// A logical key store.
pub struct KeyStore {
    pub settings: KeyStoreSettings,
    pub credentials: Vec<Credential>,
    /// Places of its groups of HSMs.
    pub groups: Vec<usize>,
    pub hsms: Arc<Hsms>,
}

/// What KMS signs with.
pub struct Credential {
    pub access_key_id: String,
    pub secret: Zeroizing<String>,
    pub signing_keys: SigningKeys,
}

impl Current {
    /// The key store whose prefix a path bears, and what stands behind `/kms/xks/v1`. `None`: there is none.
    pub fn key_store<'p>(&self, path: &'p str) -> Option<(&Arc<KeyStore>, &'p str)> {
        self.key_stores.iter().find_map(|store| {
            let rest = path.strip_prefix(store.settings.path_prefix.as_str())?.strip_prefix("/kms/xks/v1")?;
            Some((store, rest))
        })
    }
}
