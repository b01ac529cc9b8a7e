//! Client certificates that no proxy may take, made on the fly.

use super::wire;
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{ExtendedKeyUsage, SubjectAlternativeName};
use openssl::x509::{X509, X509Name, X509NameBuilder, X509NameRef};
use std::sync::Arc;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;

const DAY: i64 = 24 * 60 * 60;

/// A certificate to make.
pub struct Wanted<'a> {
    /// Subject's common name, and a dNSName.
    pub name: &'a str,
    /// `None`: self-signed. It is signed by a key of ours in any case.
    pub issuer: Option<&'a X509NameRef>,
    /// Whether it ended yesterday.
    pub expired: bool,
}

/// As KMS's own client certificate is named (XKS Proxy API 1.0.3, "mTLS").
pub fn kms_name(region: &str) -> String {
    format!("cks.kms.{region}.amazonaws.com")
}

pub fn make(wanted: &Wanted<'_>) -> Result<Arc<CertifiedKey>, String> {
    let key = new_key().map_err(|error| error.to_string())?;
    let certificate = build(wanted, &key).and_then(|certificate| certificate.to_der());
    certified(certificate.map_err(|error| error.to_string())?, &key)
}

/// Somebody else's certificate with a key that is not its own.
pub fn stolen(certificate: &CertificateDer<'static>) -> Result<Arc<CertifiedKey>, String> {
    let key = new_key().map_err(|error| error.to_string())?;
    certified(certificate.to_vec(), &key)
}

fn certified(certificate: Vec<u8>, key: &PKey<Private>) -> Result<Arc<CertifiedKey>, String> {
    let key = key.private_key_to_pkcs8().map_err(|error| error.to_string())?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
    wire::certified(vec![CertificateDer::from(certificate)], key).map_err(|error| error.to_string())
}

fn new_key() -> Result<PKey<Private>, ErrorStack> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    PKey::from_ec_key(EcKey::generate(&group)?)
}

fn build(wanted: &Wanted<'_>, key: &PKey<Private>) -> Result<X509, ErrorStack> {
    let subject = common_name(wanted.name)?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(now.as_secs()).unwrap_or_default();
    let (from, to) = if wanted.expired { (now - 30 * DAY, now - DAY) } else { (now - DAY, now + 30 * DAY) };
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    let mut serial = BigNum::new()?;
    serial.rand(127, openssl::bn::MsbOption::MAYBE_ZERO, false)?;
    let serial = serial.to_asn1_integer()?;
    builder.set_serial_number(&serial)?;
    builder.set_subject_name(&subject)?;
    builder.set_issuer_name(wanted.issuer.unwrap_or(&subject))?;
    builder.set_pubkey(key)?;
    let (from, to) = (Asn1Time::from_unix(from)?, Asn1Time::from_unix(to)?);
    builder.set_not_before(&from)?;
    builder.set_not_after(&to)?;
    let name = SubjectAlternativeName::new().dns(wanted.name).build(&builder.x509v3_context(None, None))?;
    builder.append_extension(name)?;
    builder.append_extension(ExtendedKeyUsage::new().client_auth().build()?)?;
    builder.sign(key, MessageDigest::sha256())?;
    Ok(builder.build())
}

fn common_name(name: &str) -> Result<X509Name, ErrorStack> {
    let mut builder = X509NameBuilder::new()?;
    builder.append_entry_by_nid(Nid::COMMONNAME, name)?;
    Ok(builder.build())
}
