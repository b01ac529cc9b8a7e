//! What the configuration file says, checked: nothing below has to doubt it.
//!
//! | module | owns |
//! | --- | --- |
//! | `keys` | the table of all keys, their forms, defaults and meaning |
//! | `section` | reading values as that table says |
//! | `file` | the rules of the file as a whole |
//! | `key_store` | the rules of key stores and their credentials |
//! | `secret` | files of secrets |

mod file;
mod key_store;
pub mod keys;
mod secret;
mod section;
#[cfg(test)]
mod tests;

pub use key_store::{PATH, path_prefix_fault};
#[cfg(test)]
pub use key_store::{is_access_key_id, is_secret};

use crate::failure::Failure;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use zeroize::Zeroizing;

/// Everything. Made of one reading of the file, and of the files of secrets that it names.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where KMS reaches the proxy, as it was written.
    pub listen: String,
    pub addresses: Vec<SocketAddr>,
    /// A second address, without TLS, which answers GET /ping and /metrics alone: for load balancers and monitoring.
    pub status_addresses: Vec<SocketAddr>,
    /// `None`: without TLS, which only loopback addresses may be.
    pub tls: Option<TlsSettings>,
    /// The region in the scope of signatures. `None`: any.
    pub region: Option<String>,
    pub times: Times,
    pub limits: Limits,
    pub hsms: Vec<HsmGroupSettings>,
    pub key_stores: Vec<KeyStoreSettings>,
    /// `None`: nothing is logged of requests. `-` in the file: standard output.
    pub access_log: Option<AccessLogPlace>,
    /// How often each HSM is probed, at most a minute.
    pub probe_interval: Duration,
    /// xksProxyFleetSize: how many proxies stand behind the endpoint, this one included.
    pub fleet_size: u32,
    /// What is not wrong, but not well either.
    pub hints: Vec<String>,
}

impl Settings {
    /// Reads a file, and the files of secrets that it names. Errors name file and key, what is wrong, and how to mend it.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        file::read(path)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessLogPlace {
    StandardOutput,
    File(PathBuf),
}

/// PEM files, and whom a client has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// mTLS: clients show a certificate of one of these authorities. `None`: they need not.
    pub client_ca: Option<PathBuf>,
    /// mTLS: and it bears one of these names (a dNSName of subjectAltName; the subject's common name where there is none).
    pub client_names: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Times {
    /// From a request's first byte to the last of its answer.
    pub deadline: Duration,
    /// How much of it is kept for the way back: what is not done when only this is left is given up.
    pub reserve: Duration,
    /// How long a connection may be idle.
    pub idle: Duration,
    /// For requests in flight when the proxy stops.
    pub stop: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    pub connections: usize,
    /// At once; what comes beyond is answered ThrottlingException.
    pub requests: usize,
    /// At least 4300. More is UnsupportedOperationException.
    pub plaintext_bytes: usize,
    /// 8192 to 65535.
    pub aad_bytes: usize,
}

/// The tokens of one module that bear one label (or one serial number, or that are in the named slots): each is an HSM, and
/// all of them have the same keys and the same user.
#[derive(Clone, PartialEq, Eq)]
pub struct HsmGroupSettings {
    /// As key stores refer to it.
    pub name: String,
    pub module: ModuleChoice,
    pub tokens: TokenChoice,
    /// What C_Login takes.
    pub pin: Zeroizing<Vec<u8>>,
    /// Sessions, and threads that work on them, per HSM.
    pub workers: usize,
    /// Requests that may wait for one HSM.
    pub queue: usize,
    pub iv: IvSource,
    /// What an external key id is in this module.
    pub named_by: KeyName,
    /// An AES key of this label, never one of a KMS key, that the probe encrypts with. Made (as a token key) where there is
    /// none, if `make_probe_key`.
    pub probe_label: String,
    pub make_probe_key: bool,
}

impl fmt::Debug for HsmGroupSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, module, tokens, workers, queue, .. } = self;
        write!(f, "HsmGroupSettings({name}, {module:?}, {tokens:?}, {workers} workers, queue {queue})")
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ModuleChoice {
    /// This program's own library.
    Own,
    File(PathBuf),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TokenChoice {
    Label(String),
    Serial(String),
    Slots(Vec<u64>),
}

/// Who makes the IV of AES-GCM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IvSource {
    /// The proxy, of 12 bytes from C_GenerateRandom.
    Proxy,
    /// The HSM, which writes it where 12 zero bytes stand in the parameters (CloudHSM).
    ModuleWrites,
    /// The HSM, which appends it to the tag (Luna).
    ModuleAppends,
}

/// Which attribute an external key id is the value of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyName {
    /// CKA_LABEL
    Label,
    /// CKA_ID, written in lower-case hexadecimal digits.
    Id,
}

/// A logical key store: an URI path prefix and what lies behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStoreSettings {
    /// For logs and metrics. Unique.
    pub name: String,
    /// What stands before `/kms/xks/v1`: empty, or `/` and more, without a `/` at its end. Unique.
    pub path_prefix: String,
    /// `false`: every request is answered InvalidStateException.
    pub enabled: bool,
    /// One, or two while one is being replaced by the other.
    pub credentials: Vec<CredentialSettings>,
    pub keys: KeySetSettings,
    /// Names of groups of HSMs, in the order in which they are preferred.
    pub hsms: Vec<String>,
    /// Requests a second; `None`: any number.
    pub requests_per_second: Option<u32>,
    /// A file of Cedar policies; `None`: whoever signs may do everything.
    pub policy_file: Option<PathBuf>,
    /// Whether ciphertexts that the reference proxy made under the digest of the aad are decrypted too.
    pub decrypts_reference_aad: bool,
    /// What is answered as ciphertextMetadata and bound, at most 20 bytes; empty: nothing.
    pub ciphertext_metadata: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq)]
pub struct CredentialSettings {
    /// 20 to 30 of A-Z and 2-7.
    pub access_key_id: String,
    /// 43 to 64 of a-z, A-Z, 0-9, / + =
    pub secret: Zeroizing<String>,
    /// When the file of the secret was written: its age is told by the metrics.
    pub since: SystemTime,
}

impl fmt::Debug for CredentialSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CredentialSettings({}, secret of {} characters)", self.access_key_id, self.secret.len())
    }
}

/// Which keys of the HSMs belong to a key store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeySetSettings {
    /// Patterns of external key ids (`*`: any characters); empty: all AES-256 keys but the probe's.
    pub allowed: Vec<String>,
    /// Those that are DISABLED.
    pub disabled: Vec<String>,
}
