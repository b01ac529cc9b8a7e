//! Calls of proxies.

use super::address::Endpoint;
use super::answer;
use super::api::{AES_GCM, HealthStatus, KeyMetadata, RequestMetadata, SHA_256, Sealed, TIMEOUT_MS};
use super::failure::ProxyFailure;
use super::signature::{Signature, sign};
use super::tls::Files;
use super::transport::Transport;
use super::wire::{Answer, Outgoing};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};
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

/// Calls proxies, from any number of threads, and keeps connections for the next call. Its calls block, and may be made from
/// threads of a tokio runtime that may block.
pub struct Client {
    settings: Settings,
    transport: Transport,
}

impl Default for Client {
    /// As AWS does it. Nothing is read or opened before the first call.
    fn default() -> Self {
        let settings = Settings::default();
        Self { settings: settings.clone(), transport: Transport::new(settings, Files::default()) }
    }
}

/// Members of Encrypt and Decrypt that are more than requestMetadata.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a, T> {
    request_metadata: &'a RequestMetadata,
    #[serde(flatten)]
    members: T,
}

/// Of GetKeyMetadata and GetHealthStatus.
#[derive(Serialize)]
struct NoMembers {}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EncryptMembers {
    plaintext: String,
    encryption_algorithm: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_authenticated_data: Option<String>,
    ciphertext_data_integrity_value_algorithm: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DecryptMembers {
    ciphertext: String,
    encryption_algorithm: &'static str,
    initialization_vector: String,
    authentication_tag: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_authenticated_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ciphertext_metadata: Option<String>,
}

impl Client {
    /// Errors: a file that cannot be read, told with the name of its setting.
    pub fn new(settings: Settings) -> Result<Self, String> {
        let files = Files::read(&settings)?;
        Ok(Self { settings: settings.clone(), transport: Transport::new(settings, files) })
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub fn key_metadata(
        &self,
        proxy: &Proxy,
        key_id: &str,
        metadata: &RequestMetadata,
    ) -> Result<KeyMetadata, ProxyFailure> {
        let answer = self.call(proxy, &format!("/keys/{key_id}/metadata"), metadata, NoMembers {})?;
        answer::key_metadata(&answer)
    }

    /// Asks for the ciphertext's integrity value and checks it, and all lengths.
    pub fn encrypt(
        &self,
        proxy: &Proxy,
        key_id: &str,
        metadata: &RequestMetadata,
        plaintext: &[u8],
        aad: &[u8],
    ) -> Result<Sealed, ProxyFailure> {
        let members = EncryptMembers {
            plaintext: STANDARD.encode(plaintext),
            encryption_algorithm: AES_GCM,
            additional_authenticated_data: some_base64(aad),
            ciphertext_data_integrity_value_algorithm: SHA_256,
        };
        let answer = self.call(proxy, &format!("/keys/{key_id}/encrypt"), metadata, members)?;
        answer::encrypt(&answer, plaintext.len(), aad)
    }

    /// Checks that the plaintext is as long as the ciphertext.
    pub fn decrypt(
        &self,
        proxy: &Proxy,
        key_id: &str,
        metadata: &RequestMetadata,
        sealed: &Sealed,
        aad: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, ProxyFailure> {
        let members = DecryptMembers {
            ciphertext: STANDARD.encode(&sealed.ciphertext),
            encryption_algorithm: AES_GCM,
            initialization_vector: STANDARD.encode(&sealed.iv),
            authentication_tag: STANDARD.encode(&sealed.tag),
            additional_authenticated_data: some_base64(aad),
            ciphertext_metadata: some_base64(&sealed.ciphertext_metadata),
        };
        let answer = self.call(proxy, &format!("/keys/{key_id}/decrypt"), metadata, members)?;
        answer::decrypt(&answer, sealed.ciphertext.len())
    }

    /// Errors: also `NoKeyManager`.
    pub fn health(&self, proxy: &Proxy, metadata: &RequestMetadata) -> Result<HealthStatus, ProxyFailure> {
        answer::health(&self.call(proxy, "/health", metadata, NoMembers {})?)
    }

    /// When the certificate that a proxy showed last ends (milliseconds since 1970), by endpoint.
    pub fn certificate_ends(&self) -> BTreeMap<String, u64> {
        self.transport.certificate_ends()
    }

    fn call(
        &self,
        proxy: &Proxy,
        operation: &str,
        metadata: &RequestMetadata,
        members: impl Serialize,
    ) -> Result<Answer, ProxyFailure> {
        let endpoint = Endpoint::parse(&proxy.endpoint, &self.settings)?;
        let authority = endpoint.authority();
        let path = format!("{}{operation}", proxy.path);
        let request = Request { request_metadata: metadata, members };
        // Maps with keys of another type than text would be the only ones that JSON cannot have.
        let body = serde_json::to_vec(&request)
            .map_err(|error| ProxyFailure::Malformed(format!("a request: {error}")))?;
        let Settings { region, .. } = &self.settings;
        let Signature { date, authorization } =
            sign(&proxy.credential, region, &authority, &path, &body, SystemTime::now());
        let request = Outgoing { authority, path, date, authorization, body: body.into() };
        self.transport.call(endpoint, request)
    }
}

/// Empty members are left out.
fn some_base64(bytes: &[u8]) -> Option<String> {
    (!bytes.is_empty()).then(|| STANDARD.encode(bytes))
}
