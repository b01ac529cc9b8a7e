//! Where the secrets come from that signatures are made with.

use super::SigningKeys;
use std::sync::Arc;

/// An access key that may sign.
pub trait AccessKey {
    fn secret(&self) -> &str;

    /// One that has a token is used with it.
    fn session_token(&self) -> Option<&str> {
        None
    }

    /// What was derived of the secret.
    fn signing_keys(&self) -> &SigningKeys;
}

impl<K: AccessKey> AccessKey for Arc<K> {
    fn secret(&self) -> &str {
        (**self).secret()
    }

    fn session_token(&self) -> Option<&str> {
        (**self).session_token()
    }

    fn signing_keys(&self) -> &SigningKeys {
        (**self).signing_keys()
    }
}
