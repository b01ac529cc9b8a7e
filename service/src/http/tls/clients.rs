//! mTLS: whether a client is one of those that may connect.

use openssl::nid::Nid;
use openssl::x509::X509;
use std::sync::Arc;
use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

/// Certificates whose chain and time are in order, and that bear one of these names: as a dNSName of subjectAltName, or, where
/// there is none, as the subject's common name (RFC 6125 sec. 6.4.4). Names are compared whole: a `*` is a `*`.
#[derive(Debug)]
pub struct ClientNames {
    pub chains: Arc<dyn ClientCertVerifier>,
    pub names: Vec<String>,
}

impl ClientNames {
    fn is_named(&self, certificate: &[u8]) -> bool {
        let Ok(certificate) = X509::from_der(certificate) else { return false };
        let known = |name: &str| self.names.iter().any(|known| known.eq_ignore_ascii_case(name));
        let alternatives = certificate.subject_alt_names();
        let mut dns_names =
            alternatives.iter().flatten().filter_map(|alternative| alternative.dnsname()).peekable();
        if dns_names.peek().is_some() {
            return dns_names.any(known);
        }
        let mut common_names = certificate.subject_name().entries_by_nid(Nid::COMMONNAME);
        common_names.any(|entry| entry.data().to_string().is_ok_and(|name| known(&name)))
    }
}

/// The client gets the alert handshake_failure, whatever is wrong with its certificate: AWS's conformance client waits for that
/// one.
fn refused(why: &str) -> Error {
    Error::General(format!("client certificate: {why}"))
}

impl ClientCertVerifier for ClientNames {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chains.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.chains.verify_client_cert(certificate, intermediates, now);
        let verified = verified.map_err(|error| refused(&error.to_string()))?;
        match self.is_named(certificate) {
            true => Ok(verified),
            false => Err(refused("the certificate has another name")),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}
