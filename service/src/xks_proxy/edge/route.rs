//! Which key store, operation and key a request names (XKS Proxy API 1.0.3, "URI path").

use crate::xks_proxy::api::{Api, ErrorName, ProxyError};
use crate::xks_proxy::current::{Current, KeyStore};
use hyper::Method;
use hyper::http::request::Parts;
use std::sync::Arc;

const LONGEST_KEY_ID: usize = 128;

#[derive(Clone, Copy)]
pub struct Route<'a> {
    pub store: &'a Arc<KeyStore>,
    pub api: Api,
    /// None of GetHealthStatus.
    pub key_id: Option<&'a str>,
}

impl<'a> Route<'a> {
    /// Errors: InvalidUriPathException; where the path is right, and the method is not POST, 405.
    pub fn of(current: &'a Current, parts: &'a Parts) -> Result<Self, ProxyError> {
        let unknown = |why| ProxyError::new(ErrorName::InvalidUriPath, why);
        let (store, rest) = current
            .key_store(parts.uri.path())
            .ok_or_else(|| unknown("No external key store has this URI path prefix."))?;
        let (api, key_id) = operation(rest)
            .ok_or_else(|| unknown("The URI path names no operation of the XKS Proxy API."))?;
        match parts.method {
            Method::POST => Ok(Self { store, api, key_id }),
            _ => Err(ProxyError::new(ErrorName::MethodNotAllowed, "This URI path takes POST only.")),
        }
    }
}

/// Of what stands behind `/kms/xks/v1`.
fn operation(path: &str) -> Option<(Api, Option<&str>)> {
    if path == "/health" {
        return Some((Api::GetHealthStatus, None));
    }
    let (key_id, operation) = path.strip_prefix("/keys/")?.split_once('/')?;
    let api = match operation {
        "metadata" => Api::GetKeyMetadata,
        "encrypt" => Api::Encrypt,
        "decrypt" => Api::Decrypt,
        _ => return None,
    };
    is_key_id(key_id).then_some((api, Some(key_id)))
}

/// `[A-Za-z0-9._-]{1,128}`
fn is_key_id(text: &str) -> bool {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=LONGEST_KEY_ID).contains(&text.len()) && text.bytes().all(is_known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_an_operation_and_a_key() {
        let longest = "k".repeat(128);
        for (path, found) in [
            ("/health", Some((Api::GetHealthStatus, None))),
            ("/keys/k/metadata", Some((Api::GetKeyMetadata, Some("k")))),
            ("/keys/A-z.0_9/encrypt", Some((Api::Encrypt, Some("A-z.0_9")))),
            (&format!("/keys/{longest}/decrypt"), Some((Api::Decrypt, Some(&longest[..])))),
            (&format!("/keys/{longest}k/decrypt"), None),
            ("/keys/metadata/metadata", Some((Api::GetKeyMetadata, Some("metadata")))),
            ("/keys//metadata", None),
            ("/keys/k/", None),
            ("/keys/k", None),
            ("/keys/k/Encrypt", None),
            ("/keys/k/encrypt/", None),
            ("/keys/k/l/encrypt", None),
            ("/keys/k%20/encrypt", None),
            ("/keys/k:l/encrypt", None),
            ("/keys/\u{e9}/encrypt", None),
            ("/health/", None),
            ("/healthy", None),
            ("//health", None),
            ("/invalid", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(operation(path), found, "{path}");
        }
    }
}
