//! What `[serve]` of the configuration and the command line say together.

use super::proxies;
use crate::failure::Failure;
use crate::http::{self, PemFile, TlsFiles};
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;
use vhsm_keystore::{Limits, xks};
use vhsm_pkcs11::config::{Config, ServeTable};

const DEFAULT_LISTEN: &str = "127.0.0.1:4566";
const DEFAULT_ACCOUNT: &str = "000000000000";

/// How AWS clients are served.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// `None`: not at all.
    pub listen: Option<String>,
    pub auth: Auth,
    pub region: String,
    /// 12 digits.
    pub account: String,
    pub tls: Option<TlsFiles>,
    pub credentials_file: PathBuf,
    /// `None`: nothing is recorded.
    pub audit_file: Option<PathBuf>,
    /// At once; more wait to be accepted.
    pub connections: usize,
    /// At once; more wait a while.
    pub calls: usize,
    /// For a request's head, and for how long a connection may be idle.
    pub header_timeout: Duration,
    pub body_timeout: Duration,
    /// For requests in flight when the server stops.
    pub stop_timeout: Duration,
    /// KMS's.
    pub limits: Limits,
    /// How external key store proxies are called.
    pub xks: xks::Settings,
    /// Between two KmsHealthChecks of a proxy.
    pub health_interval: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    SigV4,
    /// Everybody is the account's root.
    Off,
}

impl Endpoint {
    /// Errors: a setting that is wrong, with its mend.
    pub fn of(config: &Config) -> Result<Self, Failure> {
        let table = &config.serve;
        let limits = &table.limits;
        let milliseconds =
            |given: Option<u64>, default| Duration::from_millis(given.unwrap_or(default).max(1));
        Ok(Self {
            listen: listen(table.listen.as_deref()),
            auth: auth(table)?,
            region: config.region.clone(),
            account: account(table)?,
            tls: tls(table)?,
            credentials_file: place(table.credentials_file.as_deref(), &config.home, "credentials")?,
            audit_file: match table.audit_file.as_deref() {
                Some(none) if none == Path::new("none") => None,
                named => Some(place(named, &config.home, "audit.log")?),
            },
            connections: limits.connections.unwrap_or(1024).max(1),
            calls: limits.calls.unwrap_or(512).max(1),
            header_timeout: milliseconds(limits.header_timeout_ms, 60_000),
            body_timeout: milliseconds(limits.body_timeout_ms, 30_000),
            stop_timeout: milliseconds(limits.stop_timeout_ms, 30_000),
            limits: kms_limits(table),
            xks: proxies::settings(&table.xks, &config.region)?,
            health_interval: proxies::health_interval(&table.xks)?,
        })
    }

    /// With what the command line says.
    pub fn with_listen(self, named: Option<&str>) -> Self {
        match named {
            Some(named) => Self { listen: listen(Some(named)), ..self },
            None => self,
        }
    }

    /// The addresses to listen on; none where nothing listens. Errors: no such address; others could reach it, and nobody would
    /// have to sign.
    pub fn addresses(&self) -> Result<Vec<SocketAddr>, Failure> {
        let Some(named) = &self.listen else { return Ok(Vec::new()) };
        let found = named.to_socket_addrs().map_err(|error| {
            Failure::new(format!(
                "listen {named:?}: {error}; write ADDRESS:PORT, as in {DEFAULT_LISTEN}, or none"
            ))
        })?;
        let found: Vec<_> = found.collect();
        if self.auth == Auth::Off && !found.iter().all(|address| address.ip().is_loopback()) {
            return Err(Failure::new(format!(
                "listen {named:?}: with `auth = \"off\"` whoever reaches it may do everything, so it takes loopback \
                 addresses only; remove `auth` from [serve], or listen on {DEFAULT_LISTEN}"
            )));
        }
        Ok(found)
    }
}

/// Takes the port. Errors: it is taken, or may not be.
pub fn bind(endpoint: &Endpoint) -> Result<TcpListener, Failure> {
    let named = endpoint.listen.as_deref().unwrap_or_default();
    http::bind(&endpoint.addresses()?).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => Failure::new(format!(
            "listen {named:?}: another program has this port, perhaps another `vhsm serve`; name another one by --listen \
             ADDRESS:PORT, or maintain the store only with --listen none"
        )),
        _ => {
            Failure::new(format!("listen {named:?}: {error}; name another address by --listen ADDRESS:PORT"))
        }
    })
}

fn listen(named: Option<&str>) -> Option<String> {
    match named {
        Some("none") => None,
        named => Some(named.unwrap_or(DEFAULT_LISTEN).into()),
    }
}

fn auth(table: &ServeTable) -> Result<Auth, Failure> {
    match table.auth.as_deref() {
        None | Some("sigv4") => Ok(Auth::SigV4),
        Some("off") => Ok(Auth::Off),
        Some(other) => Err(wrong(&format!("auth {other:?}"), "use \"sigv4\" or \"off\"")),
    }
}

fn account(table: &ServeTable) -> Result<String, Failure> {
    let account = table.account.as_deref().unwrap_or(DEFAULT_ACCOUNT);
    match account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(account.into()),
        false => Err(wrong(&format!("account {account:?}"), "write 12 digits")),
    }
}

fn tls(table: &ServeTable) -> Result<Option<TlsFiles>, Failure> {
    match (&table.tls_cert_file, &table.tls_key_file) {
        (Some(certificate), Some(key)) => {
            let file = |path: &PathBuf, setting| PemFile { path: path.clone(), setting };
            let certificate = file(certificate, "serve.tls_cert_file");
            Ok(Some(TlsFiles { certificate, key: file(key, "serve.tls_key_file"), clients: None }))
        }
        (None, None) => Ok(None),
        _ => Err(wrong("of tls_cert_file and tls_key_file one is missing", "set both, or none")),
    }
}

fn place(named: Option<&Path>, home: &Path, default: &str) -> Result<PathBuf, Failure> {
    match named {
        None => Ok(home.join(default)),
        Some(path) if path.is_absolute() => Ok(path.into()),
        Some(path) => {
            Err(wrong(&format!("{} is not an absolute path", path.display()), "write the whole path"))
        }
    }
}

fn kms_limits(table: &ServeTable) -> Limits {
    let (limits, default) = (&table.limits, Limits::default());
    Limits {
        custom_key_stores: limits.custom_key_stores.unwrap_or(default.custom_key_stores),
        keys: limits.keys.or(default.keys),
        requests_per_second: limits.requests_per_second.or(default.requests_per_second),
        ..default
    }
}

fn wrong(cause: &str, mend: &str) -> Failure {
    Failure::new(format!("[serve] of the configuration: {cause}; {mend}"))
}
