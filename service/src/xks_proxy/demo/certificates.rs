//! An authority of the demo's own, and the certificate for `localhost` that it issues.

use crate::failure::Failure;
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509Name, X509NameBuilder};
use zeroize::Zeroizing;

const AUTHORITY: &str = "vhsm xks-proxy demo";
pub const HOST: &str = "localhost";
const DAYS: u32 = 365;

/// All PEM.
pub struct Certificates {
    pub authority: Vec<u8>,
    pub server: Vec<u8>,
    pub key: Zeroizing<Vec<u8>>,
}

impl Certificates {
    /// The authority's key is kept nowhere.
    pub fn make() -> Result<Self, Failure> {
        make().map_err(|error| Failure::new(format!("the demo's certificates: {error}")))
    }
}

fn make() -> Result<Certificates, ErrorStack> {
    let (authority_key, key) = (new_key()?, new_key()?);
    let authority = authority(&authority_key)?;
    let server = server(&key, &authority, &authority_key)?;
    Ok(Certificates {
        authority: authority.to_pem()?,
        server: server.to_pem()?,
        key: Zeroizing::new(key.private_key_to_pem_pkcs8()?),
    })
}

fn new_key() -> Result<PKey<Private>, ErrorStack> {
    PKey::from_ec_key(EcKey::generate(EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?.as_ref())?)
}

fn authority(key: &PKey<Private>) -> Result<X509, ErrorStack> {
    let name = name(AUTHORITY)?;
    let mut builder = builder(&name, key)?;
    builder.set_issuer_name(&name)?;
    builder.append_extension(BasicConstraints::new().critical().ca().pathlen(0).build()?)?;
    builder.append_extension(KeyUsage::new().critical().key_cert_sign().build()?)?;
    builder.sign(key, MessageDigest::sha256())?;
    Ok(builder.build())
}

fn server(key: &PKey<Private>, authority: &X509, authority_key: &PKey<Private>) -> Result<X509, ErrorStack> {
    let mut builder = builder(&name(HOST)?, key)?;
    builder.set_issuer_name(authority.subject_name())?;
    let names = SubjectAlternativeName::new()
        .dns(HOST)
        .ip("127.0.0.1")
        .build(&builder.x509v3_context(Some(authority), None))?;
    builder.append_extension(names)?;
    builder.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?;
    builder.sign(authority_key, MessageDigest::sha256())?;
    Ok(builder.build())
}

/// Version 3, a random serial number, and valid from now on.
fn builder(subject: &X509Name, key: &PKey<Private>) -> Result<X509Builder, ErrorStack> {
    let mut builder = X509::builder()?;
    let mut serial = BigNum::new()?;
    serial.rand(126, MsbOption::ONE, false)?;
    let (begin, end) = (Asn1Time::days_from_now(0)?, Asn1Time::days_from_now(DAYS)?);
    let (begin, end): (&Asn1TimeRef, &Asn1TimeRef) = (&begin, &end);
    builder.set_version(2)?;
    builder.set_serial_number(serial.to_asn1_integer()?.as_ref())?;
    builder.set_subject_name(subject)?;
    builder.set_pubkey(key)?;
    builder.set_not_before(begin)?;
    builder.set_not_after(end)?;
    Ok(builder)
}

fn name(text: &str) -> Result<X509Name, ErrorStack> {
    let mut builder = X509NameBuilder::new()?;
    builder.append_entry_by_nid(Nid::COMMONNAME, text)?;
    Ok(builder.build())
}
