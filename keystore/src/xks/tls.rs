//! TLS towards proxies: what KMS offers, whom it trusts, and what it shows of itself.

use super::client::Settings;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::rustls::client::WantsClientCert;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::crypto::aws_lc_rs::{self, cipher_suite};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, ConfigBuilder, RootCertStore, SupportedCipherSuite};

/// By ALPN.
pub(super) const HTTP_2: &[u8] = b"h2";
const HTTP_1: &[u8] = b"http/1.1";

/// What a proxy must have one of (reference/xks-proxy.md sec. 1). KMS offers no other, so that a proxy which works here works there.
const CIPHER_SUITES: [SupportedCipherSuite; 4] = [
    cipher_suite::TLS13_AES_256_GCM_SHA384,
    cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
];

/// Files of settings, read.
#[derive(Default)]
pub(super) struct Files {
    authorities: Vec<CertificateDer<'static>>,
    client: Option<Identity>,
}

impl Files {
    /// Errors: a file that cannot be read or is not PEM, with the name of its setting.
    pub fn read(settings: &Settings) -> Result<Self, String> {
        let authorities = settings.ca_file.as_deref().map(|path| certificates(path, "ca_file"));
        let client = settings.client_certificate.as_ref().map(client).transpose()?;
        Ok(Self { authorities: authorities.transpose()?.unwrap_or_default(), client })
    }

    /// TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1. Trusts the system's authorities, which are read now, and the settings'.
    /// Errors: nobody is trusted, or the client's key is not its certificate's.
    pub fn config(&self) -> Result<Arc<ClientConfig>, String> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        for authority in &self.authorities {
            roots.add(authority.clone()).map_err(|error| format!("ca_file: {error}"))?;
        }
        if roots.is_empty() {
            return Err("the system has no certificate authorities; name some in ca_file".into());
        }
        let provider =
            CryptoProvider { cipher_suites: CIPHER_SUITES.to_vec(), ..aws_lc_rs::default_provider() };
        let builder = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots);
        let mut config = self.with_client(builder)?;
        config.alpn_protocols = vec![HTTP_2.to_vec(), HTTP_1.to_vec()];
        Ok(Arc::new(config))
    }

    fn with_client(
        &self,
        builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    ) -> Result<ClientConfig, String> {
        match &self.client {
            Some((chain, key)) => builder
                .with_client_auth_cert(chain.clone(), key.clone_key())
                .map_err(|error| format!("client_cert_file, client_key_file: {error}")),
            None => Ok(builder.with_no_client_auth()),
        }
    }
}

/// Milliseconds since 1970; `None`: not an X.509 certificate.
pub(super) fn end_of(certificate: &CertificateDer) -> Option<u64> {
    use openssl::{asn1::Asn1Time, x509::X509};
    let certificate = X509::from_der(certificate).ok()?;
    let since = Asn1Time::from_unix(0).ok()?.diff(certificate.not_after()).ok()?;
    let seconds = i64::from(since.days) * 86_400 + i64::from(since.secs);
    u64::try_from(seconds).ok()?.checked_mul(1000)
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn client((certificate, key): &(PathBuf, PathBuf)) -> Result<Identity, String> {
    let chain = certificates(certificate, "client_cert_file")?;
    let key = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| format!("client_key_file: {}: {error}", key.display()))?;
    Ok((chain, key))
}

fn certificates(path: &Path, setting: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    match all {
        Ok(all) if all.is_empty() => Err(format!("{setting}: {}: no certificate in it", path.display())),
        Ok(all) => Ok(all),
        Err(error) => Err(format!("{setting}: {}: {error}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openssl::asn1::Asn1Time;
    use openssl::ec::{EcGroup, EcKey};
    use openssl::hash::MessageDigest;
    use openssl::nid::Nid;
    use openssl::pkey::PKey;
    use openssl::x509::X509;

    #[test]
    fn the_end_of_a_certificate_is_told_to_the_second() {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        for end in [86_400, 1_767_225_599, 4_102_444_801] {
            let mut builder = X509::builder().unwrap();
            builder.set_pubkey(&key).unwrap();
            builder.set_not_before(&Asn1Time::from_unix(0).unwrap()).unwrap();
            builder.set_not_after(&Asn1Time::from_unix(end).unwrap()).unwrap();
            builder.sign(&key, MessageDigest::sha256()).unwrap();
            let der = CertificateDer::from(builder.build().to_der().unwrap());
            assert_eq!(end_of(&der), Some(end as u64 * 1000));
        }
        assert_eq!(end_of(&CertificateDer::from(vec![0x30, 0])), None);
    }
}
