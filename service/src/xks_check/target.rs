//! What is checked, as the command line says it.

use crate::cli::XksCheckArgs;
use crate::failure::Failure;
use crate::password::NewPassword;
use hyper::Uri;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use zeroize::Zeroizing;

/// What every path ends with before the API's own part.
pub const API_PATH: &str = "/kms/xks/v1";

pub struct Target {
    pub tls: bool,
    /// The URL's, without a port.
    pub host: String,
    pub port: u16,
    /// What stands before `/kms/xks/v1`.
    pub prefix: String,
    pub connect_to: Option<SocketAddr>,
    pub key: String,
    pub encrypt_only_key: Option<String>,
    pub decrypt_only_key: Option<String>,
    pub no_use_key: Option<String>,
    pub other_prefix: Option<String>,
    pub access_key_id: String,
    pub secret: Zeroizing<String>,
    pub region: String,
    pub principal_arn: String,
    pub kms_key_arn: String,
    pub ca_file: Option<PathBuf>,
    pub client: Option<Identity>,
    pub other_client: Option<Identity>,
    /// How long an answer may take.
    pub limit: Duration,
    pub load: Option<Duration>,
}

/// PEM files of a certificate and its key.
#[derive(Debug, Clone)]
pub struct Identity {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Target {
    /// Errors: an URL that is none of a proxy's, plain http to another machine, no secret in its file.
    pub fn of(arguments: &XksCheckArgs) -> Result<Self, Failure> {
        let (tls, host, port, prefix) = url(&needed(&arguments.url, "the proxy's URL")?)?;
        let file = needed(&arguments.secret_file, "--secret-file")?;
        let secret = NewPassword { text: None, file: Some(&file) }.read()?;
        let secret =
            std::str::from_utf8(&secret).map_err(|_| Failure::new("the secret access key is no text"))?;
        let target = Self {
            tls,
            host,
            port,
            prefix,
            connect_to: arguments.connect_to,
            key: needed(&arguments.key, "--key")?,
            encrypt_only_key: arguments.encrypt_only_key.clone(),
            decrypt_only_key: arguments.decrypt_only_key.clone(),
            no_use_key: arguments.no_use_key.clone(),
            other_prefix: arguments
                .other_prefix
                .as_ref()
                .map(|prefix| prefix.trim_end_matches('/').to_owned()),
            access_key_id: needed(&arguments.access_key_id, "--access-key-id")?,
            secret: Zeroizing::new(secret.to_owned()),
            region: arguments.region.clone(),
            principal_arn: arguments.principal_arn.clone(),
            kms_key_arn: arguments.kms_key_arn.clone().unwrap_or_else(|| key_arn(&arguments.region)),
            ca_file: arguments.ca_file.clone(),
            client: identity(&arguments.client_cert_file, &arguments.client_key_file),
            other_client: identity(&arguments.other_client_cert_file, &arguments.other_client_key_file),
            limit: Duration::from_millis(arguments.timeout_ms),
            load: arguments.load.map(Duration::from_secs),
        };
        target.check()?;
        Ok(target)
    }

    fn check(&self) -> Result<(), Failure> {
        if !self.tls && !self.is_loopback() {
            return Err(Failure::new("http is for proxies on loopback addresses only: write https"));
        }
        let keys = [Some(&self.key), self.encrypt_only_key.as_ref(), self.decrypt_only_key.as_ref()];
        for key in keys.into_iter().chain([self.no_use_key.as_ref()]).flatten() {
            let allowed = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
            if key.is_empty() || key.len() > 128 || !key.chars().all(allowed) {
                return Err(Failure::new(format!(
                    "{key:?} is no external key id: these have 1 to 128 of a-z, A-Z, 0-9, `-`, `.` and `_`"
                )));
            }
        }
        if self.access_key_id.is_empty() || !self.access_key_id.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(Failure::new("--access-key-id: letters and digits are expected"));
        }
        Ok(())
    }

    fn is_loopback(&self) -> bool {
        let address = self.host.trim_matches(['[', ']']).parse::<IpAddr>();
        match (self.connect_to, address) {
            (Some(address), _) => address.ip().is_loopback(),
            (None, Ok(address)) => address.is_loopback(),
            (None, Err(_)) => self.host == "localhost",
        }
    }

    /// As the header Host has it: with a port only where it is not the scheme's own.
    pub fn authority(&self) -> String {
        match (self.tls, self.port) {
            (true, 443) | (false, 80) => self.host.clone(),
            (_, port) => format!("{}:{port}", self.host),
        }
    }

    /// For people.
    pub fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}{}{API_PATH}", self.authority(), self.prefix)
    }
}

fn identity(certificate: &Option<PathBuf>, key: &Option<PathBuf>) -> Option<Identity> {
    Some(Identity { certificate: certificate.clone()?, key: key.clone()? })
}

fn needed<T: Clone>(given: &Option<T>, name: &str) -> Result<T, Failure> {
    given.clone().ok_or_else(|| Failure::new(format!("{name} is missing")))
}

fn key_arn(region: &str) -> String {
    format!("arn:aws:kms:{region}:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab")
}

/// Whether TLS, host, port, prefix.
fn url(text: &str) -> Result<(bool, String, u16, String), Failure> {
    let wrong =
        |what: &str| Failure::new(format!("{text:?}: {what}; write https://HOST[:PORT][/PREFIX]/kms/xks/v1"));
    let uri: Uri = text.trim_end_matches('/').parse().map_err(|error| wrong(&format!("no URL: {error}")))?;
    let tls = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(wrong("neither https nor http")),
    };
    let host = uri.host().ok_or_else(|| wrong("no host"))?;
    let prefix =
        uri.path().strip_suffix(API_PATH).ok_or_else(|| wrong("its path does not end with /kms/xks/v1"))?;
    if uri.query().is_some() || uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(wrong("a query or a user, which no proxy has"));
    }
    let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
    Ok((tls, host.to_owned(), port, prefix.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_url_has_what_a_proxys_has() {
        let of = |text: &str| url(text).ok();
        let parts = (true, "x.example".to_owned(), 443, "/a/b".to_owned());
        assert_eq!(of("https://x.example/a/b/kms/xks/v1"), Some(parts.clone()));
        assert_eq!(of("https://x.example/a/b/kms/xks/v1/"), Some(parts));
        assert_eq!(
            of("http://[::1]:8000/kms/xks/v1"),
            Some((false, "[::1]".to_owned(), 8000, String::new()))
        );
        for wrong in [
            "x.example",
            "ftp://x/kms/xks/v1",
            "https://x/kms",
            "https://u@x/kms/xks/v1",
            "https://x/kms/xks/v1?a",
        ] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
