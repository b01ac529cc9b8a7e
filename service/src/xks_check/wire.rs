//! TCP and TLS to the proxy, with what a check wants to offer.
//!
//! The proxy's certificate is recorded and not judged here: the checks of group tls do that, and the others go on.

use super::target::Identity;
use crate::failure::Failure;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::ResolvesClientCert;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{
    CipherSuite, ClientConfig, DigitallySignedStruct, Error, ProtocolVersion, SignatureScheme,
    SupportedProtocolVersion,
};

pub const HTTP_1: &[u8] = b"http/1.1";
pub const HTTP_2: &[u8] = b"h2";
pub const BOTH_VERSIONS: &[&SupportedProtocolVersion] = &[&TLS12, &TLS13];
pub const NEWEST_VERSION: &[&SupportedProtocolVersion] = &[&TLS13];

/// How a connection did not come to an answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Broken {
    #[error("no connection: {0}")]
    Connect(String),
    #[error("no TLS: {0}")]
    Tls(String),
    #[error("the connection ended without an answer: {0}")]
    Closed(String),
    #[error("no answer within {} ms", .0.as_millis())]
    Silent(Duration),
}

/// What is offered in a TLS handshake.
#[derive(Clone)]
pub struct Offer {
    pub versions: &'static [&'static SupportedProtocolVersion],
    /// Empty: all that rustls has.
    pub suites: &'static [CipherSuite],
    /// ALPN; empty: none is named.
    pub protocols: &'static [&'static [u8]],
    /// The certificate that is shown when the proxy asks for one.
    pub client: Option<Arc<CertifiedKey>>,
}

/// What came of a handshake.
#[derive(Debug, Clone)]
pub struct Secured {
    pub version: Option<ProtocolVersion>,
    pub suite: Option<CipherSuite>,
    pub protocol: Option<Vec<u8>>,
    pub chain: Vec<CertificateDer<'static>>,
}

pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// An open connection; `secured` where there is TLS.
pub struct Stream {
    pub io: Box<dyn Io>,
    pub secured: Option<Secured>,
}

pub async fn tcp(address: std::net::SocketAddr) -> Result<TcpStream, Broken> {
    let stream = TcpStream::connect(address).await;
    let stream = stream.map_err(|error| Broken::Connect(format!("{address}: {error}")))?;
    stream.set_nodelay(true).map_err(|error| Broken::Connect(error.to_string()))?;
    Ok(stream)
}

pub async fn secure(stream: TcpStream, host: &str, offer: &Offer) -> Result<Stream, Broken> {
    let name = server_name(host).map_err(Broken::Tls)?;
    let config = config(offer).map_err(|error| Broken::Tls(error.to_string()))?;
    let connected = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    let stream = connected.map_err(|error| Broken::Tls(told(&error)))?;
    let (_, session) = stream.get_ref();
    let secured = Secured {
        version: session.protocol_version(),
        suite: session.negotiated_cipher_suite().map(|suite| suite.suite()),
        protocol: session.alpn_protocol().map(<[u8]>::to_vec),
        chain: session
            .peer_certificates()
            .unwrap_or_default()
            .iter()
            .map(|one| one.clone().into_owned())
            .collect(),
    };
    Ok(Stream { io: Box::new(stream), secured: Some(secured) })
}

/// An address has brackets in an URL and none in a certificate.
pub fn server_name(host: &str) -> Result<ServerName<'static>, String> {
    let bare = host.trim_matches(['[', ']']).to_owned();
    ServerName::try_from(bare).map_err(|error| format!("{host}: {error}"))
}

fn told(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the proxy closed the connection in the handshake".to_owned(),
        _ => error.to_string(),
    }
}

pub fn provider(suites: &[CipherSuite]) -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    if !suites.is_empty() {
        provider.cipher_suites.retain(|known| suites.contains(&known.suite()));
    }
    provider
}

fn config(offer: &Offer) -> Result<ClientConfig, Error> {
    let provider = Arc::new(provider(offer.suites));
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_protocol_versions(offer.versions)?.dangerous();
    let builder = builder.with_custom_certificate_verifier(Arc::new(Recorder(provider)));
    let mut config = match &offer.client {
        Some(client) => builder.with_client_cert_resolver(Arc::new(Shown(Arc::clone(client)))),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = offer.protocols.iter().map(|protocol| protocol.to_vec()).collect();
    // So that each handshake shows certificates, and none resumes another's session.
    config.resumption = tokio_rustls::rustls::client::Resumption::disabled();
    Ok(config)
}

/// Takes every certificate; that the proxy has its key is still asked.
#[derive(Debug)]
struct Recorder(Arc<CryptoProvider>);

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Shows its certificate whatever authorities the proxy names.
#[derive(Debug)]
struct Shown(Arc<CertifiedKey>);

impl ResolvesClientCert for Shown {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Reads PEM files. Errors: with the name of the file.
pub fn read_identity(identity: &Identity) -> Result<Arc<CertifiedKey>, Failure> {
    let Identity { certificate, key } = identity;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, &error))?;
    certified(read_certificates(certificate)?, key).map_err(|error| wrong(certificate, &error))
}

pub fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    match chain {
        Ok(chain) if chain.is_empty() => Err(wrong(path, &"no certificate in it")),
        Ok(chain) => Ok(chain),
        Err(error) => Err(wrong(path, &error)),
    }
}

/// Whether the key is the certificate's is not asked.
pub fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<CertifiedKey>, Error> {
    Ok(Arc::new(CertifiedKey::new(chain, aws_lc_rs::sign::any_supported_type(&key)?)))
}

fn wrong(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(format!("{}: {error}; name a PEM file that this user can read", path.display()))
}
