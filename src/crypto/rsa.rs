//! RSA keys (RFC 8017) on AWS-LC.
//!
//! Called by: object (keys from attributes and back), mechanism.

use super::fault;
use super::pkey::{PrivateKey, PublicKey};
use crate::error::Error;
use openssl::bn::{BigNum, BigNumRef};
use openssl::pkey::PKey;
use openssl::rsa::{Rsa, RsaPrivateKeyBuilder};
use zeroize::Zeroizing;

/// The sizes of modulus that keys may have.
pub const MIN_BITS: usize = 1024;
pub const MAX_BITS: usize = 8192;

/// The numbers of a private key, big-endian; those of the Chinese remainder theorem may be empty.
pub struct Parts<'a> {
    pub modulus: &'a [u8],
    pub public_exponent: &'a [u8],
    pub private_exponent: &'a [u8],
    pub primes: [&'a [u8]; 2],
    pub exponents: [&'a [u8]; 2],
    pub coefficient: &'a [u8],
}

/// The numbers of a private key, big-endian.
pub struct Numbers {
    pub modulus: Vec<u8>,
    pub public_exponent: Vec<u8>,
    pub private_exponent: Zeroizing<Vec<u8>>,
    /// Both primes, both exponents, the coefficient; empty where the key has none.
    pub crt: [Zeroizing<Vec<u8>>; 5],
}

/// A new pair. `public_exponent`: odd, from 3.
pub fn generate(bits: usize, public_exponent: &[u8]) -> Result<PrivateKey, Error> {
    let exponent = BigNum::from_slice(public_exponent).map_err(fault)?;
    let key = Rsa::generate_with_e(bits as u32, &exponent).map_err(fault)?;
    PKey::from_rsa(key).map(PrivateKey).map_err(fault)
}

/// `None` if the numbers are no key.
pub fn public(modulus: &[u8], public_exponent: &[u8]) -> Option<PublicKey> {
    let (modulus, exponent) = (number(modulus)?, number(public_exponent)?);
    if !(MIN_BITS..=MAX_BITS).contains(&(modulus.num_bits() as usize)) {
        return None;
    }
    let key = Rsa::from_public_components(modulus, exponent).ok()?;
    PKey::from_rsa(key).ok().map(PublicKey)
}

/// `None` if the numbers are no key; whether they belong together `is_sound` says.
pub fn private(parts: &Parts<'_>) -> Option<PrivateKey> {
    let modulus = number(parts.modulus)?;
    if !(MIN_BITS..=MAX_BITS).contains(&(modulus.num_bits() as usize)) {
        return None;
    }
    let (public, private) = (number(parts.public_exponent)?, number(parts.private_exponent)?);
    let mut builder = RsaPrivateKeyBuilder::new(modulus, public, private).ok()?;
    if let [Some(p), Some(q)] = parts.primes.map(number) {
        builder = builder.set_factors(p, q).ok()?;
        if let ([Some(p), Some(q)], Some(coefficient)) =
            (parts.exponents.map(number), number(parts.coefficient))
        {
            builder = builder.set_crt_params(p, q, coefficient).ok()?;
        }
    }
    PKey::from_rsa(builder.build()).ok().map(PrivateKey)
}

/// Whether the numbers of a key from outside belong together.
pub fn is_sound(key: &PrivateKey) -> bool {
    key.0.rsa().is_ok_and(|rsa| rsa.check_key().unwrap_or(false))
}

/// Modulus and public exponent. `None`: not an RSA key.
pub fn public_numbers(key: &PublicKey) -> Option<(Vec<u8>, Vec<u8>)> {
    let key = key.0.rsa().ok()?;
    Some((key.n().to_vec(), key.e().to_vec()))
}

/// `None`: not an RSA key.
pub fn private_numbers(key: &PrivateKey) -> Option<Numbers> {
    let key = key.0.rsa().ok()?;
    let secret =
        |number: Option<&BigNumRef>| Zeroizing::new(number.map(BigNumRef::to_vec).unwrap_or_default());
    Some(Numbers {
        modulus: key.n().to_vec(),
        public_exponent: key.e().to_vec(),
        private_exponent: secret(Some(key.d())),
        crt: [key.p(), key.q(), key.dmp1(), key.dmq1(), key.iqmp()].map(secret),
    })
}

/// The bits of a big-endian number without leading zeros.
pub fn bits(number: &[u8]) -> usize {
    number.first().map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

/// `None` if it is zero.
fn number(bytes: &[u8]) -> Option<BigNum> {
    BigNum::from_slice(bytes).ok().filter(|number| number.num_bits() > 0)
}
