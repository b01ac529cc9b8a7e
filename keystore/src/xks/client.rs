//! Calls of proxies.

use super::api::{HealthStatus, KeyMetadata, RequestMetadata, Sealed, TIMEOUT_MS};
use super::failure::ProxyFailure;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use zeroize::Zeroizing;

/// How proxies are reached.
#[derive(Debug, Clone)]
pub struct Settings {
    /// KMS's own, in the scope of signatures.
    pub region: String,
    /// For a whole call.
    pub timeout: Duration,
    /// For development and tests: endpoints may name a port, and may lie on loopback and in private networks.
    pub allow_private: bool,
    /// PEM: authorities that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// PEM: what KMS shows to proxies that ask for mTLS.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
    /// Where hosts are, in place of what DNS says: as /etc/hosts, but with a port.
    pub hosts: BTreeMap<String, SocketAddr>,
}

impl Default for Settings {
    /// As AWS does it: the system's authorities, no exceptions.
    fn default() -> Self {
        Self {
            region: "us-east-1".into(),
            timeout: Duration::from_millis(TIMEOUT_MS),
            allow_private: false,
            ca_file: None,
            client_certificate: None,
            hosts: BTreeMap::new(),
        }
    }
}

/// Where a proxy is, and what opens it.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// `https://<host>`, with a port only where settings allow that.
    pub endpoint: String,
    /// Up to `/kms/xks/v1`.
    pub path: String,
    pub credential: ProxyCredential,
}

#[derive(Clone)]
pub struct ProxyCredential {
    pub access_key_id: String,
    pub secret: Zeroizing<String>,
}

impl std::fmt::Debug for ProxyCredential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProxyCredential").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// Calls proxies, from any number of threads, and keeps connections for the next call. Its calls block.
pub struct Client {
    _settings: Settings,
}

impl Default for Client {
    /// As AWS does it. Nothing is read or opened before the first call.
    fn default() -> Self {
        Self { _settings: Settings::default() }
    }
}

impl Client {
    /// Errors: a file that cannot be read, told with the name of its setting.
    pub fn new(settings: Settings) -> Result<Self, String> {
        Ok(Self { _settings: settings })
    }

    pub fn key_metadata(
        &self,
        _proxy: &Proxy,
        _key_id: &str,
        _metadata: &RequestMetadata,
    ) -> Result<KeyMetadata, ProxyFailure> {
        unimplemented!()
    }

    /// Asks for the ciphertext's integrity value and checks it, and all lengths.
    pub fn encrypt(
        &self,
        _proxy: &Proxy,
        _key_id: &str,
        _metadata: &RequestMetadata,
        _plaintext: &[u8],
        _aad: &[u8],
    ) -> Result<Sealed, ProxyFailure> {
        unimplemented!()
    }

    pub fn decrypt(
        &self,
        _proxy: &Proxy,
        _key_id: &str,
        _metadata: &RequestMetadata,
        _sealed: &Sealed,
        _aad: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, ProxyFailure> {
        unimplemented!()
    }

    /// Errors: also `NoKeyManager`.
    pub fn health(&self, _proxy: &Proxy, _metadata: &RequestMetadata) -> Result<HealthStatus, ProxyFailure> {
        unimplemented!()
    }

    /// When the certificate that a proxy showed last ends (milliseconds since 1970), by endpoint.
    pub fn certificate_ends(&self) -> BTreeMap<String, u64> {
        unimplemented!()
    }
}
