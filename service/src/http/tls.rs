//! Certificate and key of the port, read anew on demand.

use crate::failure::Failure;
use crate::serve::TlsFiles;
use parking_lot::RwLock;
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

pub struct Tls {
    files: TlsFiles,
    config: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Errors: a file that cannot be read or is no PEM, or a key that is not the certificate's.
    pub fn load(files: &TlsFiles) -> Result<Self, Failure> {
        Ok(Self { files: files.clone(), config: RwLock::new(Arc::new(config(files)?)) })
    }

    /// New connections get what the files hold now. Errors: as `load`; then all stays as it is.
    pub fn reload(&self) -> Result<(), Failure> {
        *self.config.write() = Arc::new(config(&self.files)?);
        Ok(())
    }

    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config.read()))
    }
}

/// TLS 1.2 and 1.3; HTTP/2 where the client can.
fn config(files: &TlsFiles) -> Result<ServerConfig, Failure> {
    let TlsFiles { certificate, key } = files;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
    let chain = chain.map_err(|error| wrong(certificate, &error, "tls_cert_file"))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, &error, "tls_key_file"))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
    let mut config = config.map_err(|error| wrong(certificate, &error, "tls_cert_file"))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn wrong(path: &Path, error: &dyn std::fmt::Display, setting: &str) -> Failure {
    Failure::new(format!(
        "{}: {error}; name a PEM file that this user can read in serve.{setting}, and the key that belongs to the \
         certificate",
        path.display()
    ))
}
