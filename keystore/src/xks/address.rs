//! Where a proxy is: its endpoint taken apart, and which addresses KMS goes to.
//!
//! AWS's KMS reaches proxies over the internet, at port 443. Held to here too: so a key store is no means to reach into the
//! network that this program stands in.

use super::client::Settings;
use super::failure::ProxyFailure;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const HTTPS: u16 = 443;
/// What to do about an address that is refused.
const ALLOW: &str = "allow_private lets KMS go there";

/// `https://<host>[:<port>]`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Endpoint {
    /// As it was given.
    pub text: String,
    /// A DNS name, or an IP address without brackets.
    pub host: String,
    pub port: u16,
}

impl Endpoint {
    /// Errors: `Unreachable`: no such endpoint, or a port or an IP address that settings do not allow.
    pub fn parse(text: &str, settings: &Settings) -> Result<Self, ProxyFailure> {
        let wrong = |why: &str| Err(ProxyFailure::Unreachable(format!("{text}: {why}")));
        let Some(authority) = text.strip_prefix("https://") else { return wrong("not https://<host>") };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => match port.parse() {
                Ok(port) => (host, port),
                Err(_) => return wrong("not a port"),
            },
            _ => (authority, HTTPS),
        };
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let is_address = bare.parse::<IpAddr>().is_ok();
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
        if bare.is_empty() || !is_address && !bare.bytes().all(is_name) {
            return wrong("not the name of a host");
        }
        if !settings.allow_private && port != HTTPS {
            return wrong(&format!("only port 443 is reached; {ALLOW}"));
        }
        if !settings.allow_private && is_address {
            return wrong(&format!("a host is wanted by its name, not by its address; {ALLOW}"));
        }
        Ok(Self { text: text.into(), host: bare.into(), port })
    }

    /// The Host header, and HTTP/2's :authority.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == HTTPS { host } else { format!("{host}:{}", self.port) }
    }
}

/// Those of a host's addresses that KMS may go to. Errors: `Unreachable`: none.
pub(super) fn allowed(
    host: &str,
    addresses: Vec<SocketAddr>,
    settings: &Settings,
) -> Result<Vec<SocketAddr>, ProxyFailure> {
    if addresses.is_empty() {
        return Err(ProxyFailure::Unreachable(format!("{host} has no address")));
    }
    let is_allowed = |address: &SocketAddr| settings.allow_private || is_public(address.ip());
    let (allowed, refused): (Vec<_>, Vec<_>) = addresses.into_iter().partition(is_allowed);
    match refused.first() {
        Some(refused) if allowed.is_empty() => {
            let address = refused.ip();
            let text = format!("{host} is at {address}, which is no address of the internet; {ALLOW}");
            Err(ProxyFailure::Unreachable(text))
        }
        _ => Ok(allowed),
    }
}

/// Whether this is an address of the public internet (IANA's special-purpose registries; RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = match (a, b, c) {
        // This network, multicast and what is reserved, broadcast too.
        (0, ..) | (224.., ..) => true,
        // Between providers and their customers; for protocols; for benchmarks.
        (100, 64..=127, _) | (192, 0, 0) | (198, 18..=19, _) => true,
        // 6to4 relays.
        (192, 88, 99) => true,
        _ => {
            address.is_loopback()
                || address.is_private()
                || address.is_link_local()
                || address.is_documentation()
        }
    };
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    let [a, b, c, d, e, f, g, h] = address.segments();
    if [a, b, c, d, e, f] == [0x64, 0xff9b, 0, 0, 0, 0] {
        // A network that reaches IPv4 by NAT64.
        let [[a, b], [c, d]] = [g.to_be_bytes(), h.to_be_bytes()];
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    let is_special = match (a, b) {
        // For protocols (Teredo), documentation, 6to4.
        (0x2001, 0..=0x1ff) | (0x2001, 0xdb8) | (0x2002, _) | (0x3fff, 0..=0xfff) => true,
        // All else that is given out is 2000::/3.
        _ => a & 0xe000 != 0x2000,
    };
    !is_special
}

#[cfg(test)]
mod tests {
    use super::*;

    fn private() -> Settings {
        Settings { allow_private: true, ..Settings::default() }
    }

    #[test]
    fn endpoints_are_hosts_at_port_443() {
        let endpoint = Endpoint::parse("https://xks.example.com", &Settings::default()).unwrap();
        assert_eq!((endpoint.host.as_str(), endpoint.port), ("xks.example.com", 443));
        assert_eq!(endpoint.authority(), "xks.example.com");
        for wrong in [
            "http://xks.example.com",
            "https://",
            "https://a b",
            "https://a/b",
            "https://xks.example.com:8443",
            "https://192.0.2.1",
            "https://[2001:db8::1]",
            "https://a:b",
            "https://user@host",
        ] {
            let failure = Endpoint::parse(wrong, &Settings::default()).unwrap_err();
            assert!(matches!(failure, ProxyFailure::Unreachable(_)), "{wrong}");
        }
    }

    #[test]
    fn a_setting_allows_ports_and_addresses() {
        let parsed = |text: &str| {
            let endpoint = Endpoint::parse(text, &private()).unwrap();
            let authority = endpoint.authority();
            (endpoint.host, endpoint.port, authority)
        };
        assert_eq!(parsed("https://127.0.0.1:8443"), ("127.0.0.1".into(), 8443, "127.0.0.1:8443".into()));
        assert_eq!(parsed("https://[::1]:8443"), ("::1".into(), 8443, "[::1]:8443".into()));
        assert_eq!(parsed("https://[::1]"), ("::1".into(), 443, "[::1]".into()));
        assert_eq!(parsed("https://localhost:443"), ("localhost".into(), 443, "localhost".into()));
        assert!(Endpoint::parse("https://localhost:65536", &private()).is_err());
    }

    #[test]
    fn only_the_internet_is_reached() {
        let addresses = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 443)).collect()
        };
        let inside = [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "198.18.0.1",
            "192.0.2.1",
            "::1",
            "::",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::1",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
        ];
        for one in inside {
            let failure = allowed("h", addresses(&[one]), &Settings::default()).unwrap_err();
            let ProxyFailure::Unreachable(text) = failure else { panic!("{failure}") };
            assert!(text.contains("allow_private"), "{text}");
            assert_eq!(allowed("h", addresses(&[one]), &private()).unwrap().len(), 1);
        }
        let outside = [
            "8.8.8.8",
            "52.94.5.1",
            "172.32.0.1",
            "100.63.255.255",
            "2600:1f00::1",
            "2a05:d000::1",
            "64:ff9b::808:808",
        ];
        for one in outside {
            assert!(allowed("h", addresses(&[one]), &Settings::default()).is_ok(), "{one}");
        }
        let mixed = allowed("h", addresses(&["10.0.0.1", "8.8.8.8"]), &Settings::default()).unwrap();
        assert_eq!(mixed, addresses(&["8.8.8.8"]));
        assert!(allowed("h", Vec::new(), &private()).is_err());
    }
}
