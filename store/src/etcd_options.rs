//! Which etcd, and how it is reached. Plain data, there without the feature `etcd` too, so that a configuration can
//! be read and its mistakes be told by every build.

use std::path::PathBuf;

/// What lies under it belongs to this store alone.
pub const DEFAULT_PREFIX: &str = "vhsm/";
pub const DEFAULT_MAX_STALE_MS: u64 = 1_000;
pub const DEFAULT_REQUEST_TIMEOUT_MS: u64 = 5_000;
const DEFAULT_PORT: u16 = 2379;
/// Beside it a key of the store must find room, and the whole should stay short: etcd keeps it with every key.
const MAX_PREFIX_BYTES: usize = 200;

/// Which etcd, and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdOptions {
    /// `host:port` of the members; some of them are enough, but only those are asked.
    pub endpoints: Vec<String>,
    pub tls: Option<EtcdTls>,
    pub user: Option<EtcdUser>,
    /// Before all keys. Two stores in one etcd have different ones, neither the beginning of the other.
    pub prefix: String,
    /// For so long what was last heard from etcd is taken for what is so.
    pub max_stale_ms: u64,
    /// For so long a call tries before it fails.
    pub request_timeout_ms: u64,
}

/// PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdTls {
    /// Who signs the members' certificates.
    pub ca_file: PathBuf,
    /// This client's certificate and its key, where the members ask for one.
    pub identity: Option<(PathBuf, PathBuf)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdUser {
    pub name: String,
    /// Its first line is the password. Read at each connection, so a changed one is taken up.
    pub password_file: PathBuf,
}

/// What a URL of an etcd store says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdUrl {
    pub endpoints: Vec<String>,
    /// `etcds://`
    pub tls: bool,
    /// What stands behind the endpoints.
    pub prefix: Option<String>,
}

impl EtcdUrl {
    /// Reads `etcd://host[:port],...[/prefix]` or `etcds://...`. `None`: it is no such URL at all. Errors: what is
    /// wrong with it, without the URL itself, which might hold a password.
    pub fn parse(url: &str) -> Option<Result<Self, String>> {
        let (tls, rest) = match (url.strip_prefix("etcd://"), url.strip_prefix("etcds://")) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => return None,
        };
        Some(Self::parse_rest(tls, rest))
    }

    fn parse_rest(tls: bool, rest: &str) -> Result<Self, String> {
        if rest.contains('@') {
            return Err("no user or password stands in the URL: use `user` and `password_file`".into());
        }
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let endpoints = hosts.split(',').map(endpoint).collect::<Result<Vec<_>, _>>()?;
        let prefix = (!path.is_empty()).then(|| format!("{}/", path.trim_end_matches('/')));
        Ok(Self { endpoints, tls, prefix })
    }
}

impl EtcdOptions {
    /// What a URL says, with defaults for the rest.
    pub fn new(url: EtcdUrl, tls: Option<EtcdTls>) -> Self {
        Self {
            endpoints: url.endpoints,
            tls,
            user: None,
            prefix: url.prefix.unwrap_or_else(|| DEFAULT_PREFIX.into()),
            max_stale_ms: DEFAULT_MAX_STALE_MS,
            request_timeout_ms: DEFAULT_REQUEST_TIMEOUT_MS,
        }
    }

    /// Errors: the setting that is out of its limits, and which they are.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if !(100..=60_000).contains(&self.max_stale_ms) {
            return Err(("max_stale_ms", format!("is {}: use 100 to 60000", self.max_stale_ms)));
        }
        if !(100..=600_000).contains(&self.request_timeout_ms) {
            return Err(("request_timeout_ms", format!("is {}: use 100 to 600000", self.request_timeout_ms)));
        }
        if self.prefix.is_empty() || self.prefix.len() > MAX_PREFIX_BYTES {
            return Err(("prefix", format!("has {} bytes: use 1 to {MAX_PREFIX_BYTES}", self.prefix.len())));
        }
        Ok(())
    }

    /// For messages: where the store is.
    pub fn place(&self) -> PathBuf {
        let scheme = if self.tls.is_some() { "etcds" } else { "etcd" };
        format!("{scheme}://{}/{}", self.endpoints.join(","), self.prefix).into()
    }
}

/// `host:port`
fn endpoint(text: &str) -> Result<String, String> {
    let (host, port) = match text.rsplit_once(':') {
        // An IPv6 address without a port ends in its bracket.
        Some((host, port)) if !port.ends_with(']') => {
            (host, port.parse().map_err(|_| format!("{port:?} is no port"))?)
        }
        _ => (text, DEFAULT_PORT),
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let is_host = match bare {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(allowed),
    };
    if is_host && port != 0 {
        Ok(format!("{host}:{port}"))
    } else {
        Err(format!("{text:?} is no host or host:port; several are parted by commas"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read() {
        let url = EtcdUrl::parse("etcd://one,two:1234,[::1]:5,[::2]").unwrap().unwrap();
        assert_eq!(url.endpoints, ["one:2379", "two:1234", "[::1]:5", "[::2]:2379"]);
        assert_eq!((url.tls, url.prefix), (false, None));
        let url = EtcdUrl::parse("etcds://one/a/b").unwrap().unwrap();
        assert_eq!((url.tls, url.prefix.as_deref()), (true, Some("a/b/")));
        assert_eq!(EtcdUrl::parse("etcd://one/").unwrap().unwrap().prefix, None);
        assert_eq!(EtcdUrl::parse("/etcd://one"), None);
    }

    #[test]
    fn wrong_urls_are_told_without_their_text() {
        for wrong in ["etcd://", "etcd://a,,b", "etcd://a:b", "etcd://a:0", "etcd://[::1", "etcd://a b"] {
            assert!(EtcdUrl::parse(wrong).unwrap().is_err(), "{wrong}");
        }
        let told = EtcdUrl::parse("etcd://root:secret@a").unwrap().unwrap_err();
        assert!(told.contains("password_file") && !told.contains("secret"), "{told}");
    }

    #[test]
    fn settings_have_limits() {
        let options = EtcdOptions::new(EtcdUrl::parse("etcd://a").unwrap().unwrap(), None);
        assert_eq!(options.check(), Ok(()));
        assert_eq!(options.place().to_str(), Some("etcd://a:2379/vhsm/"));
        let wrong = |options: EtcdOptions| options.check().unwrap_err().0;
        assert_eq!(wrong(EtcdOptions { max_stale_ms: 99, ..options.clone() }), "max_stale_ms");
        assert_eq!(wrong(EtcdOptions { request_timeout_ms: 0, ..options.clone() }), "request_timeout_ms");
        assert_eq!(wrong(EtcdOptions { prefix: "p".repeat(201), ..options }), "prefix");
    }
}
