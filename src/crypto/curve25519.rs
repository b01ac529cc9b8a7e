//! Keys on Curve25519: in Edwards form, which sign (RFC 8032), and in Montgomery form, which agree (RFC 7748).
//!
//! Called by: object (keys from attributes and back), mechanism.

use super::ec::{CurveName, octets_of};
use super::fault;
use super::ffi::{self, Ed25519};
use super::pkey::{PrivateKey, PublicKey};
use crate::error::{Error, ObjectError};
use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::error::ErrorStack;
use openssl::pkey::{Id, PKey};
use zeroize::Zeroizing;

/// Bytes of a public and of a private key.
pub const KEY_BYTES: usize = 32;
/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 64;
/// The longest context of Ed25519ctx and Ed25519ph.
pub const MAX_CONTEXT_BYTES: usize = 255;

/// The two forms of the curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Edwards,
    Montgomery,
}

/// What is signed, and by which scheme.
#[derive(Clone, Copy)]
pub enum Signed<'a> {
    Message(&'a [u8]),
    /// With a context of 1 to 255 bytes.
    WithContext {
        message: &'a [u8],
        context: &'a [u8],
    },
    /// SHA-512 of the message, with a context of 0 to 255 bytes.
    Prehashed {
        digest: &'a [u8; 64],
        context: &'a [u8],
    },
}

impl Form {
    fn id(self) -> Id {
        match self {
            Form::Edwards => Id::ED25519,
            Form::Montgomery => Id::X25519,
        }
    }

    /// The algorithm's object identifier (RFC 8410 sec. 3), in DER.
    pub fn oid_der(self) -> &'static [u8] {
        match self {
            Form::Edwards => &[0x06, 0x03, 0x2b, 0x65, 0x70],
            Form::Montgomery => &[0x06, 0x03, 0x2b, 0x65, 0x6e],
        }
    }

    /// An older identifier of the curve, of GnuPG's, which some programs still write.
    fn old_oid_der(self) -> &'static [u8] {
        match self {
            Form::Edwards => &[0x06, 0x09, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01],
            Form::Montgomery => &[0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x97, 0x55, 0x01, 0x05, 0x01],
        }
    }

    fn names(self) -> &'static [&'static str] {
        match self {
            Form::Edwards => &["edwards25519", "Ed25519", "id-Ed25519"],
            Form::Montgomery => &["curve25519", "X25519", "id-X25519"],
        }
    }

    /// Whether CKA_EC_PARAMS names the curve in this form. Errors: `Curve`, `DomainParams`.
    pub fn check_params(self, der: &[u8]) -> Result<(), ObjectError> {
        // The pkcs11-tool of OpenSC 0.23 counts one letter too many.
        if self == Form::Montgomery && der == b"\x13\x0bcurve25519" {
            return Ok(());
        }
        match CurveName::of(der)?.is(&[self.oid_der(), self.old_oid_der()], self.names()) {
            true => Ok(()),
            false => Err(ObjectError::Curve),
        }
    }
}

/// A new pair.
pub fn generate(form: Form) -> Result<PrivateKey, Error> {
    let key = match form {
        Form::Edwards => PKey::generate_ed25519(),
        Form::Montgomery => PKey::generate_x25519(),
    };
    key.map(PrivateKey).map_err(fault)
}

/// The 32 bytes of a public key, out of the OCTET STRING that some programs wrap them in. `None`: neither.
pub fn octets_of_point(given: &[u8]) -> Option<&[u8]> {
    octets_of(given, &[KEY_BYTES])
}

/// `None` if the bytes are no public key: not 32, or no point in Edwards form. In Montgomery form all are one.
pub fn public(form: Form, bytes: &[u8]) -> Option<PublicKey> {
    let bytes: &[u8; KEY_BYTES] = bytes.try_into().ok()?;
    if form == Form::Edwards && !is_edwards_point(bytes).unwrap_or(false) {
        return None;
    }
    PKey::public_key_from_raw_bytes(bytes, form.id()).ok().map(PublicKey)
}

/// `None` if the bytes are not 32.
pub fn private(form: Form, bytes: &[u8]) -> Option<PrivateKey> {
    let bytes: &[u8; KEY_BYTES] = bytes.try_into().ok()?;
    PKey::private_key_from_raw_bytes(bytes, form.id()).ok().map(PrivateKey)
}

/// `None`: not a key of this form.
pub fn public_bytes(form: Form, key: &PublicKey) -> Option<[u8; KEY_BYTES]> {
    let key = Some(&key.0).filter(|key| key.id() == form.id())?;
    key.raw_public_key().ok()?.try_into().ok()
}

/// `None`: not a key of this form.
pub fn private_bytes(form: Form, key: &PrivateKey) -> Option<Zeroizing<Vec<u8>>> {
    let key = Some(&key.0).filter(|key| key.id() == form.id())?;
    let bytes = Zeroizing::new(key.raw_private_key().ok()?);
    (bytes.len() == KEY_BYTES).then_some(bytes)
}

pub struct Signer(Zeroizing<[u8; 2 * KEY_BYTES]>);

pub struct Verifier([u8; KEY_BYTES]);

impl Signer {
    /// `None`: not a key in Edwards form.
    pub fn new(key: &PrivateKey) -> Option<Self> {
        let seed = private_bytes(Form::Edwards, key)?;
        let public = public_bytes(Form::Edwards, &key.public().ok()?)?;
        let mut both = Zeroizing::new([0; 2 * KEY_BYTES]);
        both[..KEY_BYTES].copy_from_slice(&seed);
        both[KEY_BYTES..].copy_from_slice(&public);
        Some(Self(both))
    }

    pub fn sign(&self, what: Signed<'_>) -> Result<[u8; SIGNATURE_BYTES], Error> {
        ffi::ed25519_sign(what.into(), &self.0).ok_or_else(|| fault(ErrorStack::get()))
    }
}

impl Verifier {
    /// `None`: not a key in Edwards form.
    pub fn new(key: &PublicKey) -> Option<Self> {
        public_bytes(Form::Edwards, key).map(Self)
    }

    pub fn verify(&self, what: Signed<'_>, signature: &[u8; SIGNATURE_BYTES]) -> bool {
        let verified = ffi::ed25519_verify(what.into(), &self.0, signature);
        if !verified {
            // AWS-LC leaves its reason in the thread's queue of errors.
            drop(ErrorStack::get());
        }
        verified
    }
}

impl<'a> From<Signed<'a>> for Ed25519<'a> {
    fn from(what: Signed<'a>) -> Self {
        match what {
            Signed::Message(message) => Ed25519::Pure(message),
            Signed::WithContext { message, context } => Ed25519::Context(message, context),
            Signed::Prehashed { digest, context } => Ed25519::Prehashed(digest, context),
        }
    }
}

/// RFC 8032 sec. 5.1.3: whether decoding succeeds. AWS-LC decodes a key no sooner than when it verifies.
fn is_edwards_point(bytes: &[u8; KEY_BYTES]) -> Result<bool, ErrorStack> {
    let mut big_endian = *bytes;
    big_endian.reverse();
    let is_negative = big_endian[0] & 0x80 != 0;
    big_endian[0] &= 0x7f;
    let (y, p) = (BigNum::from_slice(&big_endian)?, prime()?);
    if y >= p {
        return Ok(false);
    }
    let mut ctx = BigNumContext::new()?;
    let Some(square) = square_of_x(&y, &p, &mut ctx)? else { return Ok(false) };
    if square.num_bits() == 0 {
        return Ok(!is_negative);
    }
    // Euler's criterion: it is the square of something.
    let (mut exponent, mut power) = (BigNum::new()?, BigNum::new()?);
    exponent.rshift1(&p)?;
    power.mod_exp(&square, &exponent, &p, &mut ctx)?;
    Ok(power == BigNum::from_u32(1)?)
}

/// (y^2 - 1) / (d y^2 + 1) modulo p. `None`: there is no such number.
fn square_of_x(y: &BigNumRef, p: &BigNumRef, ctx: &mut BigNumContext) -> Result<Option<BigNum>, ErrorStack> {
    const D: &str = "37095705934669439343138083508754565189542113879843219016388785533085940283555";
    let (one, d) = (BigNum::from_u32(1)?, BigNum::from_dec_str(D)?);
    let (mut yy, mut above, mut below) = (BigNum::new()?, BigNum::new()?, BigNum::new()?);
    yy.mod_sqr(y, p, ctx)?;
    above.mod_sub(&yy, &one, p, ctx)?;
    let mut product = BigNum::new()?;
    product.mod_mul(&d, &yy, p, ctx)?;
    below.mod_add(&product, &one, p, ctx)?;
    if below.num_bits() == 0 {
        return Ok(None);
    }
    let (mut inverse, mut square) = (BigNum::new()?, BigNum::new()?);
    inverse.mod_inverse(&below, p, ctx)?;
    square.mod_mul(&above, &inverse, p, ctx)?;
    Ok(Some(square))
}

/// 2^255 - 19
fn prime() -> Result<BigNum, ErrorStack> {
    let mut p = BigNum::new()?;
    p.set_bit(255)?;
    p.sub_word(19)?;
    Ok(p)
}
