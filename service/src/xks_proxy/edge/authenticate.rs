//! Whether a request is signed by a credential of the key store that its path names, and of no other (XKS Proxy API 1.0.3,
//! "Authentication").

use crate::http::service::Refusal;
use crate::http::sigv4::{AccessKey, Pending, SigningKeys, Verifier};
use crate::xks_proxy::api::{ErrorName, ProxyError};
use crate::xks_proxy::current::{Credential, Current, KeyStore};
use hyper::http::request::Parts;
use std::time::SystemTime;

const SERVICE: &str = "kms-xks-proxy";
/// errorMessage has fewer than 512 characters.
const LONGEST_MESSAGE: usize = 511;

impl AccessKey for &Credential {
    fn secret(&self) -> &str {
        &self.secret
    }

    fn signing_keys(&self) -> &SigningKeys {
        &self.signing_keys
    }
}

/// A signature whose head is in order.
pub struct Signature<'a>(Pending<'a, &'a Credential>);

impl<'a> Signature<'a> {
    pub fn head(current: &'a Current, store: &'a KeyStore, parts: &'a Parts) -> Result<Self, ProxyError> {
        // SigV4 takes Date in its place, XKS does not.
        if !parts.headers.contains_key("x-amz-date") {
            return Err(refused("The header X-Amz-Date is missing."));
        }
        let verifier = Verifier { region: current.settings.region.as_deref(), service: SERVICE };
        // An access key id is no secret.
        let find = |id: &str| store.credentials.iter().find(|credential| credential.access_key_id == id);
        verifier.head(parts, SystemTime::now(), find).map(Self).map_err(translated)
    }

    /// `body_hash`: SHA-256.
    pub fn check(&self, body_hash: &[u8]) -> Result<(), ProxyError> {
        self.0.check(body_hash).map_err(translated)
    }
}

/// All that is wrong with a signature has one name here.
fn translated(refusal: Refusal) -> ProxyError {
    match refusal.exception {
        "UnrecognizedClientException" => {
            refused("The access key ID is none of the external key store's at this URI path prefix.")
        }
        _ => refused(&refusal.message),
    }
}

/// The message may have text of the client's, of any length.
fn refused(message: &str) -> ProxyError {
    let message: String = message.chars().take(LONGEST_MESSAGE).collect();
    ProxyError::new(ErrorName::AuthenticationFailed, message)
}
