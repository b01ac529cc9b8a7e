//! The proxy's authority, the certificates that it signs, and those that nobody should trust.

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslContext, SslContextBuilder, SslMethod, SslVersion};
use openssl::x509::extension::{BasicConstraints, KeyUsage, SubjectAlternativeName};
use openssl::x509::{X509, X509Name, X509NameBuilder};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub struct Certificates {
    pub right: Arc<ServerConfig>,
    pub wrong_name: Arc<ServerConfig>,
    pub expired: Arc<ServerConfig>,
    pub unknown_ca: Arc<ServerConfig>,
    pub wants_client_certificate: Arc<ServerConfig>,
    /// TLS 1.1, which only OpenSSL's interface still speaks.
    pub old_version: SslContext,
    folder: TempDir,
}

struct Signed {
    certificate: X509,
    key: PKey<Private>,
}

impl Certificates {
    pub fn new(protocols: &[&[u8]]) -> Self {
        let (authority, stranger) = (authority("vhsm test CA"), authority("a stranger's CA"));
        let names = ["localhost", "*.example.com"];
        let right = authority.sign(&names, [-1, 50]);
        let client = authority.sign(&["cks.kms.us-east-1.amazonaws.com"], [-1, 30]);
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, pem: Vec<u8>| std::fs::write(folder.path().join(name), pem).unwrap();
        write("ca.crt", authority.certificate.to_pem().unwrap());
        write("client.crt", client.certificate.to_pem().unwrap());
        write("client.key", client.key.private_key_to_pem_pkcs8().unwrap());
        Self {
            wrong_name: server(&authority.sign(&["xks.example.org"], [-1, 50]), None, protocols),
            expired: server(&authority.sign(&names, [-30, -1]), None, protocols),
            unknown_ca: server(&stranger.sign(&names, [-1, 50]), None, protocols),
            wants_client_certificate: server(&right, Some(&authority), protocols),
            old_version: old_version(&right),
            right: server(&right, None, protocols),
            folder,
        }
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// TLS 1.2 and 1.3; with `clients`, for those only that have its certificate.
fn server(signed: &Signed, clients: Option<&Signed>, protocols: &[&[u8]]) -> Arc<ServerConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = match clients {
        None => config.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(der(&authority.certificate)).unwrap();
            let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            config.with_client_cert_verifier(clients.build().unwrap())
        }
    };
    let key = PrivatePkcs8KeyDer::from(signed.key.private_key_to_pkcs8().unwrap());
    let mut config =
        config.with_single_cert(vec![der(&signed.certificate)], PrivateKeyDer::Pkcs8(key)).unwrap();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Arc::new(config)
}

fn old_version(signed: &Signed) -> SslContext {
    let mut context = SslContextBuilder::new(SslMethod::tls_server()).unwrap();
    context.set_min_proto_version(Some(SslVersion::TLS1)).unwrap();
    context.set_max_proto_version(Some(SslVersion::TLS1_1)).unwrap();
    context.set_certificate(&signed.certificate).unwrap();
    context.set_private_key(&signed.key).unwrap();
    context.build()
}

fn der(certificate: &X509) -> CertificateDer<'static> {
    CertificateDer::from(certificate.to_der().unwrap())
}

fn authority(name: &str) -> Signed {
    let key = new_key();
    let mut builder = builder(&key, &subject(name), &subject(name), [-60, 60]);
    builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build().unwrap()).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    Signed { certificate: builder.build(), key }
}

impl Signed {
    /// For these hosts, valid from one day to another, counted from now.
    fn sign(&self, hosts: &[&str], days: [i64; 2]) -> Signed {
        let key = new_key();
        let mut builder = builder(&key, &subject(hosts[0]), self.certificate.subject_name(), days);
        let mut names = SubjectAlternativeName::new();
        for host in hosts {
            names.dns(host);
        }
        let names = names.build(&builder.x509v3_context(Some(&self.certificate), None)).unwrap();
        builder.append_extension(names).unwrap();
        builder.append_extension(BasicConstraints::new().critical().build().unwrap()).unwrap();
        builder.sign(&self.key, MessageDigest::sha256()).unwrap();
        Signed { certificate: builder.build(), key }
    }
}

fn builder(
    key: &PKey<Private>,
    subject: &openssl::x509::X509NameRef,
    issuer: &openssl::x509::X509NameRef,
    days: [i64; 2],
) -> openssl::x509::X509Builder {
    let mut serial = [0; 8];
    openssl::rand::rand_bytes(&mut serial).unwrap();
    let serial = BigNum::from_slice(&serial).unwrap().to_asn1_integer().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let [from, to] = days.map(|days| Asn1Time::from_unix(now + days * DAY.as_secs() as i64).unwrap());
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&serial).unwrap();
    builder.set_subject_name(subject).unwrap();
    builder.set_issuer_name(issuer).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.set_not_before(&from).unwrap();
    builder.set_not_after(&to).unwrap();
    builder
}

fn subject(name: &str) -> X509Name {
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_nid(Nid::COMMONNAME, name).unwrap();
    subject.build()
}

fn new_key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}
