//! The file's `[serve]`, as it is written: `vhsm serve` judges it, and nothing else reads it.
//!
//! | key in the file | default |
//! | --- | --- |
//! | `serve.listen` | `127.0.0.1:4566`; `none`: nothing listens |
//! | `serve.auth` | `sigv4`; `off`: anybody is the account's root, on loopback addresses only |
//! | `serve.account` | `000000000000`: the AWS account, 12 digits |
//! | `serve.tls_cert_file`, `.tls_key_file` | none: PEM files; both or neither |
//! | `serve.credentials_file` | `$VHSM_HOME/credentials`: who may sign |
//! | `serve.audit_file` | `$VHSM_HOME/audit.log`; `none`: no audit log |
//! | `serve.limits.connections` | 1024 at once |
//! | `serve.limits.calls` | 512 at once; what comes on top waits, and is ThrottlingException in the end |
//! | `serve.limits.header_timeout_ms`, `.body_timeout_ms`, `.stop_timeout_ms` | 60000 (idle connections too), 30000, 30000 |
//! | `serve.limits.requests_per_second` | none: symmetric operations a second and key store |
//! | `serve.limits.keys` | none: KMS keys of the account |
//! | `serve.limits.custom_key_stores` | 10 |
//! | `serve.xks.allow_private_endpoints` | `false`; `true`: external key store proxies may have a port, and lie in private networks |
//! | `serve.xks.ca_file` | none: PEM file of authorities that proxies are trusted by, beside the system's |
//! | `serve.xks.client_cert_file`, `.client_key_file` | none: PEM files, what proxies are shown that ask for a certificate; both or neither |
//! | `serve.xks.hosts` | none: where hosts are, in place of what DNS says: `{ "xks.example.com" = "10.1.2.3:8443" }` |
//! | `serve.xks.timeout_ms` | 250, as KMS waits for a proxy's answer |
//! | `serve.xks.health_interval_ms` | 60000: between two KmsHealthChecks of a proxy |

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// `None`: the default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServeTable {
    pub listen: Option<String>,
    pub auth: Option<String>,
    pub account: Option<String>,
    pub tls_cert_file: Option<PathBuf>,
    pub tls_key_file: Option<PathBuf>,
    pub credentials_file: Option<PathBuf>,
    pub audit_file: Option<PathBuf>,
    pub limits: ServeLimits,
    pub xks: ServeXks,
}

/// The file's `[serve.limits]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServeLimits {
    pub connections: Option<usize>,
    pub calls: Option<usize>,
    pub header_timeout_ms: Option<u64>,
    pub body_timeout_ms: Option<u64>,
    pub stop_timeout_ms: Option<u64>,
    pub requests_per_second: Option<u32>,
    pub keys: Option<usize>,
    pub custom_key_stores: Option<usize>,
}

/// The file's `[serve.xks]`: how external key store proxies are called.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServeXks {
    pub allow_private_endpoints: bool,
    pub ca_file: Option<PathBuf>,
    pub client_cert_file: Option<PathBuf>,
    pub client_key_file: Option<PathBuf>,
    /// Addresses with ports, by host.
    pub hosts: BTreeMap<String, String>,
    pub timeout_ms: Option<u64>,
    pub health_interval_ms: Option<u64>,
}
