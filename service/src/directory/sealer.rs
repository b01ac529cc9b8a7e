//! The key-store layer's secrets at rest, under the service's root key.

use std::sync::Arc;
use vhsm_keystore::Sealer;
use vhsm_pkcs11::crypto::seal::NONCE_BYTES;
use vhsm_pkcs11::root_key::RootKey;
use zeroize::Zeroizing;

/// Seals under the root key: what is sealed is the nonce, and the rest.
pub struct RootSealer(pub Arc<RootKey>);

impl RootSealer {
    /// Keeps the layer's purposes apart from those of clusters.
    fn purpose(purpose: &str) -> String {
        format!("vhsm key stores 1: {purpose}")
    }
}

impl Sealer for RootSealer {
    fn seal(&self, purpose: &str, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, String> {
        let sealed = self.0.seal(&Self::purpose(purpose), aad, plain);
        let (nonce, bytes) = sealed.map_err(|error| error.to_string())?;
        Ok([&nonce[..], &bytes].concat())
    }

    fn open(&self, purpose: &str, aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, bytes) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        self.0.open(&Self::purpose(purpose), aad, nonce, bytes)
    }
}
