//! KMS's side of a call, right or wrong.

use super::certificates::Identity;
use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
pub use serve_http::client::Reply;
use serve_http::client::{Signer, raw, read};
use std::io::{BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

#[derive(Clone)]
pub struct Client {
    pub address: SocketAddr,
    /// What stands before `/kms/xks/v1`.
    pub prefix: String,
    pub signer: Signer,
    /// `None`: without TLS.
    pub tls: Option<Proof>,
}

/// Whom a client trusts, and what it shows.
#[derive(Clone)]
pub struct Proof {
    pub authority: Vec<u8>,
    pub identity: Option<Identity>,
}

/// TCP, with or without TLS.
trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// A connection that stays.
pub struct Connection<'c> {
    client: &'c Client,
    stream: BufReader<Box<dyn Stream>>,
}

impl Client {
    pub fn new(world: &World, proxy: &Proxy) -> Self {
        let authority = world.certificates.authority.clone();
        let identity = world.tables.contains("client_ca_file").then(|| world.certificates.kms.clone());
        Self {
            address: proxy.address,
            prefix: "/payments".into(),
            signer: Signer {
                access_key: world::ACCESS_KEY_ID.into(),
                secret: world::SECRET.into(),
                session_token: None,
                region: world::REGION.into(),
                service: "kms-xks-proxy".into(),
                ahead: 0,
            },
            tls: world.tables.contains("cert_file").then_some(Proof { authority, identity }),
        }
    }

    /// A call with requestMetadata, on a connection of its own.
    pub fn call(&self, path: &str, body: Value) -> Reply {
        self.connect().call(path, body)
    }

    pub fn connect(&self) -> Connection<'_> {
        self.try_connect().unwrap()
    }

    fn try_connect(&self) -> std::io::Result<Connection<'_>> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(LONG))?;
        stream.set_nodelay(true)?;
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(stream),
            Some(proof) => Box::new(StreamOwned::new(proof.connection(), stream)),
        };
        Ok(Connection { client: self, stream: BufReader::new(stream) })
    }

    /// Whether the proxy takes this client's certificate.
    pub fn is_taken(&self) -> bool {
        let Ok(mut connection) = self.try_connect() else { return false };
        connection.try_send(&self.request("/health", &health())).is_some_and(|reply| reply.status == 200)
    }

    /// As it goes over the wire; to a path behind `/kms/xks/v1`.
    pub fn request(&self, path: &str, body: &Value) -> Vec<u8> {
        let (path, body) = (format!("{}/kms/xks/v1{path}", self.prefix), body.to_string());
        let mut headers = vec![
            ("Host".to_owned(), "localhost".to_owned()),
            ("Content-Type".to_owned(), "application/json".to_owned()),
        ];
        self.signer.sign_for(&path, &mut headers, &body);
        raw(&format!("POST {path} HTTP/1.1"), &headers, &body)
    }

    pub fn encrypt(&self, key: &str, plaintext: &[u8], aad: Option<&[u8]>) -> Reply {
        self.connect().encrypt(key, plaintext, aad)
    }

    /// What an Encrypt answered, decrypted.
    pub fn decrypt(&self, key: &str, sealed: &Value, aad: Option<&[u8]>) -> Reply {
        self.connect().decrypt(key, sealed, aad)
    }

    /// Encrypts and decrypts.
    pub fn round_trip(&self, key: &str) {
        let sealed = self.encrypt(key, b"plain", Some(b"aad")).good_xks();
        let opened = self.decrypt(key, &sealed, Some(b"aad")).good_xks();
        assert_eq!(opened["plaintext"], STANDARD.encode(b"plain"));
    }
}

impl Connection<'_> {
    pub fn call(&mut self, path: &str, mut body: Value) -> Reply {
        body["requestMetadata"] = metadata(path);
        self.send(&self.client.request(path, &body))
    }

    pub fn send(&mut self, request: &[u8]) -> Reply {
        self.try_send(request).expect("an answer")
    }

    fn try_send(&mut self, request: &[u8]) -> Option<Reply> {
        self.stream.get_mut().write_all(request).ok()?;
        self.stream.get_mut().flush().ok()?;
        read(&mut self.stream)
    }

    pub fn encrypt(&mut self, key: &str, plaintext: &[u8], aad: Option<&[u8]>) -> Reply {
        let mut body = json!({"plaintext": STANDARD.encode(plaintext), "encryptionAlgorithm": "AES_GCM"});
        if let Some(aad) = aad {
            body["additionalAuthenticatedData"] = STANDARD.encode(aad).into();
        }
        self.call(&format!("/keys/{key}/encrypt"), body)
    }

    pub fn decrypt(&mut self, key: &str, sealed: &Value, aad: Option<&[u8]>) -> Reply {
        let mut body = json!({"encryptionAlgorithm": "AES_GCM"});
        for name in ["ciphertext", "initializationVector", "authenticationTag", "ciphertextMetadata"] {
            if !sealed[name].is_null() {
                body[name] = sealed[name].clone();
            }
        }
        if let Some(aad) = aad {
            body["additionalAuthenticatedData"] = STANDARD.encode(aad).into();
        }
        self.call(&format!("/keys/{key}/decrypt"), body)
    }
}

impl Proof {
    fn connection(&self) -> ClientConnection {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(self.authority.clone())).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
        let config = match &self.identity {
            None => config.with_no_client_auth(),
            Some(identity) => {
                let chain = vec![CertificateDer::from(identity.certificate())];
                let key = PrivatePkcs8KeyDer::from(identity.key());
                config.with_client_auth_cert(chain, key.into()).unwrap()
            }
        };
        ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap()
    }
}

/// What KMS says of itself in a call to this path.
pub fn metadata(path: &str) -> Value {
    let operation = match path.rsplit('/').next() {
        Some("metadata") => "CreateKey",
        Some("encrypt") => "Encrypt",
        Some("decrypt") => "Decrypt",
        _ => return health()["requestMetadata"].clone(),
    };
    json!({
        "awsPrincipalArn": "arn:aws:iam::123456789012:user/Alice",
        "kmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "kmsOperation": operation,
        "kmsRequestId": "4112f4d6-db54-4af4-ae30-c55a22a8dfae",
    })
}

/// The body of GetHealthStatus.
pub fn health() -> Value {
    json!({"requestMetadata": {"kmsOperation": "KmsHealthCheck", "kmsRequestId": "b1f6d2c0"}})
}

impl Reply {
    /// Asserts a success, and answers its body.
    pub fn good_xks(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        self.json()
    }

    /// Asserts an error's form.
    pub fn fails_xks(&self, status: u16, name: &str) {
        let body = self.json();
        assert_eq!((self.status, body["errorName"].as_str()), (status, Some(name)), "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        let message = body["errorMessage"].as_str().unwrap_or_default();
        assert!(message.len() < 512 && message.bytes().all(|b| (0x20..=0x7e).contains(&b)), "{self:?}");
    }
}
