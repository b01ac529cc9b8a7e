//! What `[serve.xks]` of the configuration says: how external key store proxies are called.

use crate::failure::Failure;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use vhsm_keystore::xks;
use vhsm_pkcs11::config::ServeXks;

const DEFAULT_HEALTH_INTERVAL_MS: u64 = 60_000;
/// A proxy is no place to hammer at.
const LEAST_HEALTH_INTERVAL_MS: u64 = 100;
/// Whoever waits longer holds a call that others need.
const MOST_TIMEOUT_MS: u64 = 60_000;

/// Errors: a setting that is wrong, with its mend.
pub fn settings(table: &ServeXks, region: &str) -> Result<xks::Settings, Failure> {
    let default = xks::Settings::default();
    Ok(xks::Settings {
        region: region.into(),
        timeout: timeout(table)?.unwrap_or(default.timeout),
        allow_private: table.allow_private_endpoints,
        ca_file: table.ca_file.as_deref().map(|path| whole("ca_file", path)).transpose()?,
        client_certificate: client_certificate(table)?,
        hosts: hosts(table)?,
    })
}

/// Errors: as above.
pub fn health_interval(table: &ServeXks) -> Result<Duration, Failure> {
    match table.health_interval_ms.unwrap_or(DEFAULT_HEALTH_INTERVAL_MS) {
        few @ ..LEAST_HEALTH_INTERVAL_MS => Err(wrong(
            &format!("health_interval_ms = {few} is too short"),
            &format!("write {LEAST_HEALTH_INTERVAL_MS} at least, or remove it: {DEFAULT_HEALTH_INTERVAL_MS}"),
        )),
        milliseconds => Ok(Duration::from_millis(milliseconds)),
    }
}

/// Errors: a file that cannot be read.
pub fn client(settings: &xks::Settings) -> Result<xks::Client, Failure> {
    xks::Client::new(settings.clone())
        .map_err(|cause| wrong(&cause, "name PEM files that this user can read, or remove the setting"))
}

fn timeout(table: &ServeXks) -> Result<Option<Duration>, Failure> {
    match table.timeout_ms {
        Some(milliseconds) if !(1..=MOST_TIMEOUT_MS).contains(&milliseconds) => Err(wrong(
            &format!("timeout_ms = {milliseconds}"),
            &format!("write 1 to {MOST_TIMEOUT_MS}, or remove it: KMS waits {} ms", xks::api::TIMEOUT_MS),
        )),
        milliseconds => Ok(milliseconds.map(Duration::from_millis)),
    }
}

fn client_certificate(table: &ServeXks) -> Result<Option<(PathBuf, PathBuf)>, Failure> {
    match (&table.client_cert_file, &table.client_key_file) {
        (Some(certificate), Some(key)) => {
            Ok(Some((whole("client_cert_file", certificate)?, whole("client_key_file", key)?)))
        }
        (None, None) => Ok(None),
        _ => Err(wrong("of client_cert_file and client_key_file one is missing", "set both, or none")),
    }
}

fn hosts(table: &ServeXks) -> Result<BTreeMap<String, SocketAddr>, Failure> {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    let mut hosts = BTreeMap::new();
    for (host, address) in &table.hosts {
        if host.is_empty() || !host.bytes().all(is_letter) {
            let cause = format!("hosts: {host:?} is no host name");
            return Err(wrong(&cause, "write it in small letters, without https:// and port"));
        }
        let address = address.parse().map_err(|_| {
            let cause = format!("hosts: {host:?} is at {address:?}, which is no address with a port");
            wrong(&cause, "write it as in \"10.1.2.3:8443\"")
        })?;
        hosts.insert(host.clone(), address);
    }
    Ok(hosts)
}

/// What a path means must not depend on where `vhsm serve` was started.
fn whole(key: &str, path: &Path) -> Result<PathBuf, Failure> {
    match path.is_absolute() {
        true => Ok(path.into()),
        false => {
            Err(wrong(&format!("{key}: {} is not an absolute path", path.display()), "write the whole path"))
        }
    }
}

fn wrong(cause: &str, mend: &str) -> Failure {
    Failure::new(format!("[serve.xks] of the configuration: {cause}; {mend}"))
}
