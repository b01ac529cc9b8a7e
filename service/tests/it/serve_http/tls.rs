//! TLS on the port: HTTP/1.1 over it, HTTP/2 for those who can, and another certificate while it runs.

use super::client::read;
use super::*;
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::{X509, X509NameBuilder};
use std::io::BufReader;
use std::net::TcpStream;
use std::sync::Arc;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

const TARGET: &str = "TrentService.DescribeCustomKeyStores";

/// Makes a certificate for 127.0.0.1 and its key in the home; answers what a client is to trust.
fn certify(home: &Home) -> Vec<u8> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_nid(Nid::COMMONNAME, "vhsm test").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&BigNum::from_u32(1).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(2).unwrap()).unwrap();
    let names =
        SubjectAlternativeName::new().ip("127.0.0.1").build(&builder.x509v3_context(None, None)).unwrap();
    builder.append_extension(names).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    let certificate = builder.build();
    home.write("tls.crt", &text(&certificate.to_pem().unwrap()));
    home.write("tls.key", &text(&key.private_key_to_pem_pkcs8().unwrap()));
    certificate.to_der().unwrap()
}

fn tls_home() -> (Home, Vec<u8>) {
    let home = home("");
    let trusted = certify(&home);
    let config = std::fs::read_to_string(home.path().join("vhsm.toml")).unwrap();
    let place = home.path().display();
    home.write(
        "vhsm.toml",
        &format!("{config}tls_cert_file = \"{place}/tls.crt\"\ntls_key_file = \"{place}/tls.key\"\n"),
    );
    (home, trusted)
}

/// A connection that trusts one certificate, and offers these protocols.
fn connect(server: &Server, trusted: &[u8], protocols: &[&[u8]]) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(trusted.to_vec())).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let client = ClientConnection::new(Arc::new(config), name).unwrap();
    StreamOwned::new(client, TcpStream::connect(&server.address).unwrap())
}

/// Asks over HTTP/1.1.
fn ask(home: &Home, server: &Server, trusted: &[u8]) -> Option<u16> {
    let mut stream = BufReader::new(connect(server, trusted, &[b"http/1.1"]));
    stream.get_mut().write_all(&server.client(home).request(TARGET, "{}")).ok()?;
    Some(read(&mut stream)?.status)
}

#[test]
fn requests_come_over_tls_and_nothing_else_does() {
    let (home, trusted) = tls_home();
    let server = Server::start(&home);
    assert_eq!(ask(&home, &server, &trusted), Some(200));
    // Plain HTTP is no TLS.
    let mut plain = server.client(&home).connect();
    plain.write_all(&server.client(&home).request(TARGET, "{}")).unwrap();
    assert!(read(&mut BufReader::new(plain)).is_none());
}

/// The client's preface, and SETTINGS: the server answers with its own SETTINGS frame (RFC 9113 sec. 3.4).
#[test]
fn who_can_http2_gets_it() {
    use std::io::Read;
    let (home, trusted) = tls_home();
    let server = Server::start(&home);
    let mut stream = connect(&server, &trusted, &[b"h2", b"http/1.1"]);
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    assert_eq!(stream.conn.alpn_protocol(), Some(&b"h2"[..]));
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).unwrap();
    assert_eq!((frame[3], &frame[5..]), (4, &[0, 0, 0, 0][..]));
}

#[test]
fn a_new_certificate_is_taken_while_it_runs_and_a_spoiled_one_is_not() {
    let (home, first) = tls_home();
    let server = Server::start(&home);
    let second = certify(&home);
    server.serve.signal("-HUP");
    server.serve.says("read certificate and key anew");
    assert_eq!((ask(&home, &server, &second), ask(&home, &server, &first)), (Some(200), None));
    home.write("tls.key", "spoiled");
    server.serve.signal("-HUP");
    server.serve.says("certificate and key stay as they were");
    assert_eq!(ask(&home, &server, &second), Some(200));
}
