//! Certificates for servers and clients, and TLS clients that show them.

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509NameBuilder};
use std::io::BufReader;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};

/// What the servers of these tests are called.
pub const HOST: &str = "proxy.test";

/// A certificate and its key.
pub struct Identity {
    certificate: X509,
    key: PKey<Private>,
}

/// What a certificate is to say.
pub struct Wanted<'a> {
    pub common_name: &'a str,
    pub dns_names: &'a [&'a str],
    /// From and until when it is good, in seconds from now.
    pub seconds: (i64, i64),
    pub is_authority: bool,
}

impl Wanted<'_> {
    pub fn named<'a>(common_name: &'a str, dns_names: &'a [&'a str]) -> Wanted<'a> {
        Wanted { common_name, dns_names, seconds: (-60, 86_400), is_authority: false }
    }
}

impl Identity {
    pub fn authority(name: &str) -> Self {
        Self::made(&Wanted { is_authority: true, ..Wanted::named(name, &[]) }, None)
    }

    pub fn self_signed(wanted: &Wanted<'_>) -> Self {
        Self::made(wanted, None)
    }

    /// Signed by this authority.
    pub fn issue(&self, wanted: &Wanted<'_>) -> Self {
        Self::made(wanted, Some(self))
    }

    fn made(wanted: &Wanted<'_>, issuer: Option<&Identity>) -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        let mut name = X509NameBuilder::new().unwrap();
        name.append_entry_by_nid(Nid::COMMONNAME, wanted.common_name).unwrap();
        let name = name.build();
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder.set_serial_number(&serial()).unwrap();
        builder.set_subject_name(&name).unwrap();
        builder.set_issuer_name(issuer.map_or(&name, |issuer| issuer.certificate.subject_name())).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.set_not_before(&moment(wanted.seconds.0)).unwrap();
        builder.set_not_after(&moment(wanted.seconds.1)).unwrap();
        extend(&mut builder, wanted);
        builder.sign(issuer.map_or(&key, |issuer| &issuer.key), MessageDigest::sha256()).unwrap();
        Self { certificate: builder.build(), key }
    }

    pub fn der(&self) -> Vec<u8> {
        self.certificate.to_der().unwrap()
    }

    pub fn write(&self, certificate: &Path, key: &Path) {
        std::fs::write(certificate, self.certificate.to_pem().unwrap()).unwrap();
        std::fs::write(key, self.key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    }
}

fn extend(builder: &mut X509Builder, wanted: &Wanted<'_>) {
    if wanted.is_authority {
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    }
    if !wanted.dns_names.is_empty() {
        let mut names = SubjectAlternativeName::new();
        for name in wanted.dns_names {
            names.dns(name);
        }
        let names = names.build(&builder.x509v3_context(None, None)).unwrap();
        builder.append_extension(names).unwrap();
    }
}

fn serial() -> openssl::asn1::Asn1Integer {
    let mut number = BigNum::new().unwrap();
    number.rand(120, openssl::bn::MsbOption::ONE, false).unwrap();
    number.to_asn1_integer().unwrap()
}

fn moment(seconds_from_now: i64) -> Asn1Time {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    Asn1Time::from_unix(i64::try_from(now).unwrap() + seconds_from_now).unwrap()
}

/// A client that trusts some authorities, speaks one version of TLS, offers these protocols and may show a certificate.
pub fn config(
    trusted: &[&Identity],
    version: &'static SupportedProtocolVersion,
    protocols: &[&[u8]],
    shown: Option<&Identity>,
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for authority in trusted {
        roots.add(CertificateDer::from(authority.der())).unwrap();
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let config = config.with_protocol_versions(&[version]).unwrap().with_root_certificates(roots);
    let mut config = match shown {
        None => config.with_no_client_auth(),
        Some(Identity { certificate, key }) => {
            let chain = vec![CertificateDer::from(certificate.to_der().unwrap())];
            let key = PrivateKeyDer::try_from(key.private_key_to_pkcs8().unwrap()).unwrap();
            config.with_client_auth_cert(chain, key).unwrap()
        }
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Arc::new(config)
}

pub type TlsStream = BufReader<StreamOwned<ClientConnection, TcpStream>>;

/// The handshake comes with the first byte.
pub fn connect(address: SocketAddr, config: &Arc<ClientConfig>) -> TlsStream {
    let name = ServerName::try_from(HOST).unwrap();
    let client = ClientConnection::new(Arc::clone(config), name).unwrap();
    BufReader::new(StreamOwned::new(client, TcpStream::connect(address).unwrap()))
}
