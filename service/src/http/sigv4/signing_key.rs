//! Keys derived from a secret access key, kept for as long as their day lasts.

use super::authorization::Scope;
use super::hmac;
use hmac::{Hmac, Mac};
use parking_lot::Mutex;
use sha2::Sha256;
use zeroize::Zeroizing;

/// A credential is used for two services, over midnight on two days.
const KEPT: usize = 4;

/// The newest signing keys of one credential, by their scope. What is kept is HMAC's state under the key.
#[derive(Default)]
pub struct SigningKeys(Mutex<Vec<(String, Hmac<Sha256>)>>);

impl SigningKeys {
    /// HMAC under the key of this scope; derived where it is not yet known.
    pub fn key(&self, secret: &str, scope: &Scope<'_>) -> Hmac<Sha256> {
        let mut kept = self.0.lock();
        if let Some((_, key)) = kept.iter().find(|(known, _)| known == scope.text) {
            return key.clone();
        }
        let key = hmac(&derived(secret, scope)[..]);
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push((scope.text.into(), key.clone()));
        key
    }
}

fn derived(secret: &str, scope: &Scope<'_>) -> Zeroizing<[u8; 32]> {
    let first = Zeroizing::new(format!("AWS4{secret}"));
    let day = step(first.as_bytes(), scope.date);
    let region = step(&day[..], scope.region);
    let service = step(&region[..], scope.service);
    step(&service[..], scope.terminator)
}

fn step(key: &[u8], text: &str) -> Zeroizing<[u8; 32]> {
    let mut mac = hmac(key);
    mac.update(text.as_bytes());
    Zeroizing::new(mac.finalize().into_bytes().into())
}
