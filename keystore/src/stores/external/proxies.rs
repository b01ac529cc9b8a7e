//! Proxies of external key stores, with the secrets that open them: sealed in the records, plain only in memory.

use crate::error::KmsError;
use crate::ids::StoreId;
use crate::kms::Kms;
use crate::records::store::ExternalStore;
use crate::xks::{Proxy, ProxyCredential};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What a secret access key is sealed for.
const PURPOSE: &str = "secret access key of an external key store proxy";

/// Proxies whose secrets were opened, by key store.
#[derive(Default)]
pub(crate) struct Proxies(RwLock<HashMap<StoreId, Opened>>);

struct Opened {
    /// What it was made of.
    of: ExternalStore,
    proxy: Arc<Proxy>,
}

impl Proxies {
    fn of(&self, id: &StoreId, store: &ExternalStore) -> Option<Arc<Proxy>> {
        let all = self.0.read();
        all.get(id).filter(|opened| opened.of == *store).map(|opened| Arc::clone(&opened.proxy))
    }

    /// Wipes the secret, once nobody uses it any more.
    pub fn forget(&self, id: &StoreId) {
        if self.0.read().contains_key(id) {
            self.0.write().remove(id);
        }
    }
}

impl Kms {
    /// The proxy of an external key store, to be called: each use of a key asks for it, so the opened secret is kept.
    pub(crate) fn proxy_of(&self, id: &StoreId, store: &ExternalStore) -> Result<Arc<Proxy>, KmsError> {
        if let Some(proxy) = self.proxies.of(id, store) {
            return Ok(proxy);
        }
        let proxy = Arc::new(self.open_proxy(id, store)?);
        let opened = Opened { of: store.clone(), proxy: Arc::clone(&proxy) };
        self.proxies.0.write().insert(id.clone(), opened);
        Ok(proxy)
    }

    /// As `proxy_of`, for one that is not called again.
    pub(super) fn open_proxy(&self, id: &StoreId, store: &ExternalStore) -> Result<Proxy, KmsError> {
        let secret = self.open_secret(id, &store.secret)?;
        let credential = ProxyCredential { access_key_id: store.access_key_id.clone(), secret };
        Ok(Proxy { endpoint: store.endpoint.clone(), path: store.path.clone(), credential })
    }

    /// For the record of this key store, and no other.
    pub(super) fn seal_secret(&self, id: &StoreId, secret: &str) -> Result<Vec<u8>, KmsError> {
        let sealed = self.sealer.seal(PURPOSE, id.0.as_bytes(), secret.as_bytes());
        sealed.map_err(|error| KmsError::internal(format!("a secret access key cannot be sealed: {error}")))
    }

    pub(super) fn open_secret(&self, id: &StoreId, sealed: &[u8]) -> Result<Zeroizing<String>, KmsError> {
        let broken = || KmsError::internal(format!("the sealed secret access key of {id} does not open"));
        let secret = self.sealer.open(PURPOSE, id.0.as_bytes(), sealed).ok_or_else(broken)?;
        std::str::from_utf8(&secret).map(|secret| Zeroizing::new(secret.to_owned())).map_err(|_| broken())
    }
}
