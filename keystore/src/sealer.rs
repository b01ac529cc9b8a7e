//! How this layer's own secrets are kept at rest.

use zeroize::Zeroizing;

/// Seals what must not lie in the store as it is: kmsuser's password. The service implements it with its root key.
pub trait Sealer: Send + Sync {
    /// Authenticated encryption of `plain` for `purpose`, bound to `aad`. Errors: a text for the log.
    fn seal(&self, purpose: &str, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, String>;

    /// What `seal` sealed; `None` where key, purpose or `aad` is another, or a byte was changed.
    fn open(&self, purpose: &str, aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>>;
}
