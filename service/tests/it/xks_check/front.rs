//! A TLS server of any kind, good and bad, that answers every request as a proxy answers GetKeyMetadata: for checks of no more
//! than the handshake.

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::ssl::{AlpnError, Ssl, SslContext, SslContextBuilder, SslMethod, SslVersion, select_next_proto};
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::{X509, X509NameBuilder};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use tempfile::TempDir;

/// What kind of server.
#[derive(Clone, Copy)]
pub struct Kind {
    pub versions: [SslVersion; 2],
    /// As OpenSSL writes it, for TLS 1.2 and before.
    pub suites: &'static str,
    /// How long the certificate lasts.
    pub days: u32,
    /// As ALPN has them, each with its length before it.
    pub protocols: &'static [u8],
    pub needs_alpn: bool,
    /// Whether HTTP without TLS is answered too.
    pub plain: bool,
}

pub const GOOD: Kind = Kind {
    versions: [SslVersion::TLS1_2, SslVersion::TLS1_3],
    suites: "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256",
    days: 90,
    protocols: b"\x08http/1.1",
    needs_alpn: false,
    plain: false,
};

pub struct Front {
    pub address: SocketAddr,
    folder: TempDir,
}

impl Front {
    /// Runs as long as the test's process.
    pub fn start(kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (context, certificate) = context(kind);
        std::fs::write(folder.path().join("ca.pem"), certificate.to_pem().unwrap()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let context = Arc::new(context);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (context, stream) = (Arc::clone(&context), stream.unwrap());
                // A client that goes away, or does not get in, ends its thread.
                std::thread::spawn(move || serve(kind, &context, stream));
            }
        });
        Self { address, folder }
    }

    pub fn url(&self) -> String {
        format!("https://localhost:{}/kms/xks/v1", self.address.port())
    }

    pub fn ca_file(&self) -> String {
        self.folder.path().join("ca.pem").display().to_string()
    }
}

fn serve(kind: Kind, context: &SslContext, stream: TcpStream) -> Option<()> {
    let mut first = [0; 1];
    stream.peek(&mut first).ok()?;
    // TLS begins with a record of type 22.
    if first[0] != 22 {
        return if kind.plain { answer(stream) } else { None };
    }
    let stream = Ssl::new(context).unwrap().accept(stream).ok()?;
    if kind.needs_alpn && stream.ssl().selected_alpn_protocol().is_none() {
        return None;
    }
    answer(stream)
}

fn answer(mut stream: impl Read + Write) -> Option<()> {
    let body = r#"{"keySpec": "AES_256", "keyUsage": ["ENCRYPT", "DECRYPT"], "keyStatus": "ENABLED"}"#;
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    // The requests of this test fit in one record.
    while stream.read(&mut [0; 16_384]).ok()? > 0 {
        stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).ok()?;
    }
    Some(())
}

fn context(kind: Kind) -> (SslContext, X509) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_nid(Nid::COMMONNAME, "localhost").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&BigNum::from_u32(1).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(kind.days).unwrap()).unwrap();
    let names = SubjectAlternativeName::new().dns("localhost").build(&builder.x509v3_context(None, None));
    builder.append_extension(names.unwrap()).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    let certificate = builder.build();
    let mut context = SslContextBuilder::new(SslMethod::tls_server()).unwrap();
    context.set_min_proto_version(Some(kind.versions[0])).unwrap();
    context.set_max_proto_version(Some(kind.versions[1])).unwrap();
    context.set_cipher_list(kind.suites).unwrap();
    context.set_certificate(&certificate).unwrap();
    context.set_private_key(&key).unwrap();
    context.set_alpn_select_callback(move |_, offered| {
        select_next_proto(kind.protocols, offered).ok_or(AlpnError::NOACK)
    });
    (context.build(), certificate)
}
