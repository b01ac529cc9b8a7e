//! X.509 certificates of clusters (RFC 5280): requests for them, a CA that signs one, and the check of what a customer's
//! CA signed.
//!
//! Called by: cluster (its life cycle). No private key leaves this file: each signs once and is wiped.

use super::fault;
use crate::error::{CertificateError, Error};
use openssl::asn1::{Asn1Integer, Asn1Time, Asn1TimeRef};
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{Asn1Flag, EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::stack::Stack;
use openssl::x509::extension::{AuthorityKeyIdentifier, BasicConstraints, KeyUsage, SubjectKeyIdentifier};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{
    X509, X509Builder, X509Name, X509NameRef, X509Ref, X509Req, X509StoreContext, X509VerifyResult,
};
use std::cmp::Ordering;

/// How long what our own CA signs is valid.
const VALID_DAYS: i64 = 3652;
const SECONDS_PER_DAY: i64 = 86_400;
/// X.509 counts versions from 0.
const VERSION_3: i32 = 2;
const SERIAL_BITS: i32 = 127;

#[cfg(test)]
pub mod tests;

/// A certificate signing request (PKCS #10) for a new key on P-256, in PEM. Its private key signs it and is wiped.
pub fn request(organization: &str, unit: &str, name: &str) -> Result<String, Error> {
    let make = || {
        let key = new_key()?;
        let mut request = X509Req::builder()?;
        request.set_version(0)?;
        request.set_subject_name(&*subject(organization, unit, name)?)?;
        request.set_pubkey(&key)?;
        request.sign(&key, MessageDigest::sha256())?;
        request.build().to_pem()
    };
    pem(make().map_err(fault)?)
}

/// What a CA of its own made for a request, in PEM.
pub struct Issued {
    pub certificate: String,
    pub trust_anchor: String,
}

/// Makes a root CA on P-256, and has it sign the request. The CA's private key is wiped.
pub fn issue(request: &str, organization: &str, ca_name: &str, now_s: i64) -> Result<Issued, Error> {
    let make = || {
        let request = X509Req::from_pem(request.as_bytes())?;
        let key = new_key()?;
        let anchor = root(&*subject(organization, "CA", ca_name)?, &key, now_s)?;
        let signed = leaf(&request, &anchor, &key, now_s)?;
        Ok((signed.to_pem()?, anchor.to_pem()?))
    };
    let (certificate, trust_anchor) = make().map_err(fault)?;
    Ok(Issued { certificate: pem(certificate)?, trust_anchor: pem(trust_anchor)? })
}

/// The extensions are those that RFC 5280 sec. 4.2.1 asks of a CA.
fn root(name: &X509NameRef, key: &PKey<Private>, now_s: i64) -> Result<X509, ErrorStack> {
    let mut root = certificate(name, name, now_s)?;
    root.set_pubkey(key)?;
    root.append_extension2(&*BasicConstraints::new().critical().ca().build()?)?;
    root.append_extension2(&*KeyUsage::new().critical().key_cert_sign().crl_sign().build()?)?;
    let identifier = SubjectKeyIdentifier::new().build(&root.x509v3_context(None, None))?;
    root.append_extension2(&identifier)?;
    root.sign(key, MessageDigest::sha256())?;
    Ok(root.build())
}

fn leaf(request: &X509Req, issuer: &X509, by: &PKey<Private>, now_s: i64) -> Result<X509, ErrorStack> {
    let mut leaf = certificate(request.subject_name(), issuer.subject_name(), now_s)?;
    leaf.set_pubkey(&*request.public_key()?)?;
    leaf.append_extension2(&*BasicConstraints::new().critical().build()?)?;
    let identifiers = {
        let context = leaf.x509v3_context(Some(issuer), None);
        let authority = AuthorityKeyIdentifier::new().keyid(true).build(&context)?;
        [authority, SubjectKeyIdentifier::new().build(&context)?]
    };
    identifiers.iter().try_for_each(|identifier| leaf.append_extension2(identifier))?;
    leaf.sign(by, MessageDigest::sha256())?;
    Ok(leaf.build())
}

/// Whether `certificate` is for the request's key, and issued by `trust_anchor` directly, a self-signed root; all in PEM.
/// Errors: `CertificateError`, one for each thing that can be wrong.
pub fn check(request: &str, certificate: &str, trust_anchor: &str, now_s: i64) -> Result<(), Error> {
    let signed = read("SignedCert", certificate)?;
    let anchor = read("TrustAnchor", trust_anchor)?;
    let request = X509Req::from_pem(request.as_bytes()).and_then(|request| request.public_key());
    let request = request.map_err(fault)?;
    if !signed.public_key().is_ok_and(|key| key.public_eq(&request)) {
        return Err(CertificateError::OtherKey.into());
    }
    check_issuer(&signed, &anchor)?;
    check_dates("SignedCert", &signed, now_s)?;
    check_dates("TrustAnchor", &anchor, now_s)?;
    check_path(&signed, anchor)
}

fn check_issuer(signed: &X509Ref, anchor: &X509Ref) -> Result<(), Error> {
    let anchor_key = anchor.public_key().map_err(|_| CertificateError::NotPem("TrustAnchor"))?;
    let same =
        |one: &X509NameRef, other: &X509NameRef| one.try_cmp(other).is_ok_and(|o| o == Ordering::Equal);
    let own = same(anchor.subject_name(), anchor.issuer_name());
    if !own || !anchor.verify(&anchor_key).unwrap_or(false) {
        return Err(CertificateError::NotSelfSigned.into());
    }
    if !same(signed.issuer_name(), anchor.subject_name()) {
        let (issuer, anchor) = (shown(signed.issuer_name()), shown(anchor.subject_name()));
        return Err(CertificateError::NotIssuer { issuer, anchor }.into());
    }
    if !signed.verify(&anchor_key).unwrap_or(false) {
        return Err(CertificateError::WrongSignature.into());
    }
    Ok(())
}

fn check_dates(what: &'static str, certificate: &X509Ref, now_s: i64) -> Result<(), Error> {
    let now = Asn1Time::from_unix(now_s).map_err(fault)?;
    let after = |one: &Asn1TimeRef, other: &Asn1TimeRef| one.compare(other).map_err(fault);
    if after(certificate.not_before(), &now)? == Ordering::Greater {
        let from = certificate.not_before().to_string();
        return Err(CertificateError::NotYetValid { what, from }.into());
    }
    if after(certificate.not_after(), &now)? == Ordering::Less {
        return Err(CertificateError::Expired { what, on: certificate.not_after().to_string() }.into());
    }
    Ok(())
}

/// RFC 5280 sec. 6, with this one anchor: what is left after the checks with messages of their own.
fn check_path(signed: &X509Ref, anchor: X509) -> Result<(), Error> {
    let run = || {
        let mut store = X509StoreBuilder::new()?;
        store.add_cert(anchor)?;
        let mut param = X509VerifyParam::new()?;
        // Looked at before, in words of our own.
        param.set_flags(X509VerifyFlags::NO_CHECK_TIME)?;
        store.set_param(&param)?;
        let (store, none) = (store.build(), Stack::new()?);
        let mut context = X509StoreContext::new()?;
        context.init(&store, signed, &none, |context| {
            context.verify_cert()?;
            Ok(context.error())
        })
    };
    match run().map_err(fault)? {
        X509VerifyResult::OK => Ok(()),
        result if NOT_CA.contains(&result.as_raw()) => Err(CertificateError::NotCa.into()),
        result => Err(CertificateError::Refused(result.error_string().into()).into()),
    }
}

/// X509_V_ERR_INVALID_CA; X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY: the verifier takes no issuer whose Key Usage does
/// not let it sign certificates, and name and signature were checked before.
const NOT_CA: [i32; 2] = [24, 20];

fn read(what: &'static str, pem: &str) -> Result<X509, Error> {
    let several = X509::stack_from_pem(pem.as_bytes()).map_err(|_| CertificateError::NotPem(what))?;
    match <[X509; 1]>::try_from(several) {
        Ok([certificate]) => Ok(certificate),
        Err(none) if none.is_empty() => Err(CertificateError::NotPem(what).into()),
        Err(_) => Err(CertificateError::Several(what).into()),
    }
}

fn new_key() -> Result<PKey<Private>, ErrorStack> {
    let mut group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    group.set_asn1_flag(Asn1Flag::NAMED_CURVE);
    PKey::from_ec_key(EcKey::generate(&group)?)
}

fn subject(organization: &str, unit: &str, name: &str) -> Result<X509Name, ErrorStack> {
    let mut subject = X509Name::builder()?;
    subject.append_entry_by_nid(Nid::ORGANIZATIONNAME, organization)?;
    subject.append_entry_by_nid(Nid::ORGANIZATIONALUNITNAME, unit)?;
    subject.append_entry_by_nid(Nid::COMMONNAME, name)?;
    Ok(subject.build())
}

fn certificate(subject: &X509NameRef, issuer: &X509NameRef, now_s: i64) -> Result<X509Builder, ErrorStack> {
    let mut serial = BigNum::new()?;
    serial.rand(SERIAL_BITS, MsbOption::MAYBE_ZERO, false)?;
    let mut certificate = X509::builder()?;
    certificate.set_version(VERSION_3)?;
    certificate.set_serial_number(&*Asn1Integer::from_bn(&serial)?)?;
    certificate.set_subject_name(subject)?;
    certificate.set_issuer_name(issuer)?;
    certificate.set_not_before(&*Asn1Time::from_unix(now_s)?)?;
    certificate.set_not_after(&*Asn1Time::from_unix(now_s + VALID_DAYS * SECONDS_PER_DAY)?)?;
    Ok(certificate)
}

/// As `openssl -nameopt oneline` has it, more or less: for people.
fn shown(name: &X509NameRef) -> String {
    let entries = name.entries().map(|entry| {
        let field = entry.object().nid().short_name().unwrap_or("?");
        let value = entry.data().to_string().unwrap_or_else(|_| "?".into());
        format!("{field}={value}")
    });
    entries.collect::<Vec<_>>().join(", ")
}

fn pem(bytes: Vec<u8>) -> Result<String, Error> {
    String::from_utf8(bytes).map_err(|_| Error::Internal("PEM is not text".into()))
}
