//! ECDSA (FIPS 186-5 sec. 6) on AWS-LC: from a digest to `r` and `s` and back.
//!
//! Called by: mechanism. A signer keeps the key in AWS-LC's form; one signature takes what AWS-LC takes for it and no
//! key is built again.

use super::ec::Curve;
use super::fault;
use super::pkey::{PrivateKey, PublicKey};
use crate::error::Error;
use openssl::bn::{BigNum, BigNumRef};
use openssl::ec::EcKey;
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::pkey::{Private, Public};

/// The longest order of a group in bytes: P-521's.
pub const MAX_HALF_BYTES: usize = 66;

pub struct Signer {
    key: EcKey<Private>,
    half_bytes: usize,
}

pub struct Verifier {
    key: EcKey<Public>,
    half_bytes: usize,
}

impl Signer {
    /// `None`: not a key of these curves.
    pub fn new(key: &PrivateKey) -> Option<Self> {
        let key = key.0.ec_key().ok()?;
        let half_bytes = Curve::of(key.group())?.bytes();
        Some(Self { key, half_bytes })
    }

    /// Bytes of `r`, and of `s`.
    pub fn half_bytes(&self) -> usize {
        self.half_bytes
    }

    /// Signs the leftmost bits of a digest, as many as the order has. Writes `r` and `s`, each `half_bytes` long, to
    /// `out`, which has room for exactly them.
    pub fn sign(&self, digest: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let signature = EcdsaSig::sign(leftmost(digest, self.half_bytes), &self.key).map_err(fault)?;
        let (r, s) = out.split_at_mut(self.half_bytes);
        put(signature.r(), r)?;
        put(signature.s(), s)
    }
}

impl Verifier {
    /// `None`: not a key of these curves.
    pub fn new(key: &PublicKey) -> Option<Self> {
        let key = key.0.ec_key().ok()?;
        let half_bytes = Curve::of(key.group())?.bytes();
        Some(Self { key, half_bytes })
    }

    /// Bytes of `r`, and of `s`.
    pub fn half_bytes(&self) -> usize {
        self.half_bytes
    }

    /// Whether `r` and `s`, big-endian and of any length, are a signature of the digest's leftmost bits.
    pub fn verify(&self, digest: &[u8], r: &[u8], s: &[u8]) -> bool {
        let digest = leftmost(digest, self.half_bytes);
        let verified = BigNum::from_slice(r)
            .and_then(|r| EcdsaSig::from_private_components(r, BigNum::from_slice(s)?))
            .and_then(|signature| signature.verify(digest, &self.key))
            .unwrap_or(false);
        if !verified {
            // AWS-LC leaves its reason in the thread's queue of errors.
            drop(ErrorStack::get());
        }
        verified
    }
}

/// AWS-LC cuts the digest to the order's bits: it needs no more than the order's bytes to do so.
fn leftmost(digest: &[u8], bytes: usize) -> &[u8] {
    &digest[..digest.len().min(bytes)]
}

/// Writes a number with leading zeros.
fn put(number: &BigNumRef, out: &mut [u8]) -> Result<(), Error> {
    out.copy_from_slice(&number.to_vec_padded(out.len() as i32).map_err(fault)?);
    Ok(())
}
