//! ML-DSA signatures (FIPS 204) on AWS-LC, which signs and verifies the message representative: what comes before it,
//! SHAKE256 of the public key's hash, the context and the message, is computed here, part by part.
//!
//! Called by: mechanism. Signatures are hedged: AWS-LC offers no others.

use super::fault;
use super::lattice::{self, Set};
use super::pkey::{PrivateKey, PublicKey};
use crate::error::Error;
use openssl::error::ErrorStack;
use openssl::hash::{Hasher, MessageDigest};
use openssl::pkey::{PKey, Private, Public};
use openssl::pkey_ctx::PkeyCtx;

/// Bytes of the message representative, and of the public key's hash.
pub const MU_BYTES: usize = 64;
/// The longest context.
pub const MAX_CONTEXT_BYTES: usize = 255;

/// An output of SHAKE that is as long as its use has it.
pub struct Shake {
    hasher: Hasher,
    bytes: usize,
}

impl Shake {
    /// SHAKE128 with 32 bytes: what HashML-DSA makes of it.
    pub fn of_128() -> Result<Self, Error> {
        Ok(Self { hasher: Hasher::new(MessageDigest::shake_128()).map_err(fault)?, bytes: 32 })
    }

    /// SHAKE256 with 64 bytes.
    pub fn of_256() -> Result<Self, Error> {
        Ok(Self { hasher: Hasher::new(MessageDigest::shake_256()).map_err(fault)?, bytes: 64 })
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn update(&mut self, data: &[u8]) -> Result<(), Error> {
        self.hasher.update(data).map_err(fault)
    }

    /// Writes the output to `out`, which has as many bytes, and is as new.
    pub fn finish(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.hasher.finish_xof(out).map_err(fault)
    }
}

/// The public key as the message representative binds it (FIPS 204 sec. 6.2: tr).
#[derive(Clone, Copy)]
pub struct Bound([u8; MU_BYTES]);

impl Bound {
    fn new(public: &[u8]) -> Result<Self, Error> {
        let (mut shake, mut hash) = (Shake::of_256()?, [0; MU_BYTES]);
        shake.update(public)?;
        shake.finish(&mut hash)?;
        Ok(Self(hash))
    }

    /// Begins a message representative: what comes next is the message, or where it is hashed before (`prehashed`)
    /// the hash's identifier and the digest. The context has at most 255 bytes.
    pub fn begin(&self, shake: &mut Shake, prehashed: bool, context: &[u8]) -> Result<(), Error> {
        shake.update(&self.0)?;
        shake.update(&[u8::from(prehashed), context.len() as u8])?;
        shake.update(context)
    }
}

pub struct Signer {
    key: PKey<Private>,
    set: Set,
    bound: Bound,
}

pub struct Verifier {
    key: PKey<Public>,
    set: Set,
    bound: Bound,
}

impl Signer {
    /// `None`: not a key of ML-DSA.
    pub fn new(key: &PrivateKey) -> Result<Option<Self>, Error> {
        let Some((set, public)) = of_dsa(&key.public()?) else { return Ok(None) };
        Ok(Some(Self { key: key.0.clone(), set, bound: Bound::new(&public)? }))
    }

    pub fn signature_bytes(&self) -> usize {
        self.set.made_bytes()
    }

    pub fn bound(&self) -> Bound {
        self.bound
    }

    /// Writes a signature to `out`, which has `signature_bytes`.
    pub fn sign(&self, mu: &[u8; MU_BYTES], out: &mut [u8]) -> Result<(), Error> {
        let mut ctx = PkeyCtx::new(&self.key).map_err(fault)?;
        ctx.sign_init().map_err(fault)?;
        ctx.sign(mu, Some(out)).map(drop).map_err(fault)
    }
}

impl Verifier {
    /// `None`: not a key of ML-DSA.
    pub fn new(key: &PublicKey) -> Result<Option<Self>, Error> {
        let Some((set, public)) = of_dsa(key) else { return Ok(None) };
        Ok(Some(Self { key: key.0.clone(), set, bound: Bound::new(&public)? }))
    }

    pub fn signature_bytes(&self) -> usize {
        self.set.made_bytes()
    }

    pub fn bound(&self) -> Bound {
        self.bound
    }

    pub fn verify(&self, mu: &[u8; MU_BYTES], signature: &[u8]) -> bool {
        let verified = PkeyCtx::new(&self.key)
            .and_then(|mut ctx| ctx.verify_init().and_then(|()| ctx.verify(mu, signature)))
            .unwrap_or(false);
        if !verified {
            // What is left of AWS-LC's reasons in the thread's queue.
            drop(ErrorStack::get());
        }
        verified
    }
}

fn of_dsa(key: &PublicKey) -> Option<(Set, Vec<u8>)> {
    lattice::public_parts(key).filter(|(set, _)| !set.is_kem())
}
