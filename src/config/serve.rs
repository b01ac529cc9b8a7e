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

use serde::Deserialize;
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
