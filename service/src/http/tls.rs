//! Certificate and key of a port, and whom its clients have to be: read anew on demand.
//!
//! TLS 1.2 and 1.3; HTTP/2 where the client can. Sessions are resumed; those of another reading of the files are not.

mod clients;

use crate::failure::Failure;
use clients::ClientNames;
use openssl::asn1::Asn1Time;
use openssl::x509::X509;
use parking_lot::RwLock;
use std::io::{Error, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{ServerSessionMemoryCache, WebPkiClientVerifier};
use tokio_rustls::rustls::{HandshakeKind, RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

/// Kept for clients that come again; each of them takes a few.
const SESSIONS: usize = 4096;
/// For a client that was refused, to hear why.
const LINGERING: Duration = Duration::from_secs(1);

/// A file, and the setting that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PemFile {
    pub path: PathBuf,
    pub setting: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    pub certificate: PemFile,
    pub key: PemFile,
    /// `None`: clients need no certificate.
    pub clients: Option<ClientFiles>,
}

/// mTLS: what a client's certificate must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFiles {
    /// Authorities that it is to be traced to.
    pub authorities: PemFile,
    /// It bears one of these.
    pub names: Vec<String>,
}

pub struct Tls(RwLock<Arc<Loaded>>);

/// What one reading of the files made.
struct Loaded {
    files: TlsFiles,
    config: Arc<ServerConfig>,
    clients: Option<Arc<dyn ClientCertVerifier>>,
    expires: SystemTime,
}

impl Tls {
    /// Errors: a file that cannot be read or is no PEM, or a key that is not the certificate's.
    pub fn load(files: &TlsFiles) -> Result<Self, Failure> {
        Ok(Self(RwLock::new(Arc::new(Loaded::of(files)?))))
    }

    /// New connections get what the files hold now. Errors: as `load`; then all stays as it is.
    pub fn reload(&self) -> Result<(), Failure> {
        let files = self.0.read().files.clone();
        self.replace(&files)
    }

    /// As `reload`, with other files.
    pub fn replace(&self, files: &TlsFiles) -> Result<(), Failure> {
        let loaded = Loaded::of(files)?;
        *self.0.write() = Arc::new(loaded);
        Ok(())
    }

    /// When the server's certificate does.
    pub fn expires(&self) -> SystemTime {
        self.0.read().expires
    }

    /// The handshake. Errors: the client's, who has got an alert.
    pub async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let loaded = Arc::clone(&self.0.read());
        let acceptor = TlsAcceptor::from(Arc::clone(&loaded.config));
        let stream = match acceptor.accept(stream).into_fallible().await {
            Ok(stream) => stream,
            Err((error, stream)) => {
                let_alert_arrive(stream).await;
                return Err(error);
            }
        };
        loaded.check_resumed(&stream)?;
        Ok(stream)
    }
}

/// A client of TLS 1.3 may have sent its request already. Where the socket were closed over that, TCP's reset would overtake the
/// alert.
async fn let_alert_arrive(mut stream: TcpStream) {
    // Who is gone needs no alert.
    let _ = stream.shutdown().await;
    let mut scrap = [0; 1024];
    let rest = async { while matches!(stream.read(&mut scrap).await, Ok(1..)) {} };
    let _ = tokio::time::timeout(LINGERING, rest).await;
}

impl Loaded {
    fn of(files: &TlsFiles) -> Result<Self, Failure> {
        let TlsFiles { certificate, key: key_file, clients } = files;
        let chain = certificate.certificates()?;
        let key = PrivateKeyDer::from_pem_file(&key_file.path).map_err(|error| key_file.wrong(&error))?;
        let expires = chain.first().and_then(|leaf| expires(leaf));
        let expires = expires.ok_or_else(|| certificate.wrong(&"it holds no certificate"))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let clients = clients.as_ref().map(|clients| clients.verifier(&provider)).transpose()?;
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map(|builder| match &clients {
            Some(verifier) => builder.with_client_cert_verifier(Arc::clone(verifier)),
            None => builder.with_no_client_auth(),
        });
        let config = builder.and_then(|builder| builder.with_single_cert(chain, key));
        let mut config = config.map_err(|error| certificate.wrong(&error))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
        Ok(Self { files: files.clone(), config: Arc::new(config), clients, expires })
    }

    /// A session that is resumed has its client's certificate from the first handshake: it may have expired since.
    fn check_resumed(&self, stream: &TlsStream<TcpStream>) -> std::io::Result<()> {
        let (_, connection) = stream.get_ref();
        let Some(verifier) = &self.clients else { return Ok(()) };
        if connection.handshake_kind() != Some(HandshakeKind::Resumed) {
            return Ok(());
        }
        let refused = |why: &str| Error::new(ErrorKind::PermissionDenied, why);
        let chain = connection.peer_certificates().unwrap_or_default();
        let (leaf, rest) = chain.split_first().ok_or_else(|| refused("a session without a certificate"))?;
        let checked = verifier.verify_client_cert(leaf, rest, UnixTime::now());
        checked.map(drop).map_err(|error| refused(&error.to_string()))
    }
}

impl ClientFiles {
    fn verifier(&self, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, Failure> {
        let mut roots = RootCertStore::empty();
        for authority in self.authorities.certificates()? {
            roots.add(authority).map_err(|error| self.authorities.wrong(&error))?;
        }
        let chains = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        let chains = chains.build().map_err(|error| self.authorities.wrong(&error))?;
        Ok(Arc::new(ClientNames { chains, names: self.names.clone() }))
    }
}

impl PemFile {
    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, Failure> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(&self.path).and_then(Iterator::collect);
        found.map_err(|error| self.wrong(&error))
    }

    fn wrong(&self, error: &dyn std::fmt::Display) -> Failure {
        Failure::new(format!(
            "{}: {error}; name a PEM file that this user can read in {}, and the key that belongs to the certificate",
            self.path.display(),
            self.setting
        ))
    }
}

/// `None`: it is no certificate, or ended before 1970.
fn expires(certificate: &[u8]) -> Option<SystemTime> {
    let certificate = X509::from_der(certificate).ok()?;
    let left = Asn1Time::from_unix(0).ok()?.diff(certificate.not_after()).ok()?;
    let seconds = i64::from(left.days) * 86_400 + i64::from(left.secs);
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).ok()?))
}
