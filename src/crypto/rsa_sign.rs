//! RSA signatures (RFC 8017 sec. 8) on AWS-LC: of a digest that the caller made, or of what stands for it.
//!
//! Called by: mechanism. Contexts are kept with their key: one signature is one private operation, blinded and checked
//! against faults by AWS-LC.

use super::fault;
use super::hash_name::HashName;
use super::pkey::{PrivateKey, PublicKey};
use crate::error::Error;
use openssl::pkey::{HasPublic, Id, PKey, Private, Public};
use openssl::pkey_ctx::{PkeyCtx, PkeyCtxRef};
use openssl::rsa::Padding;
use openssl::sign::RsaPssSaltlen;

/// How a signature is padded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// PKCS #1 v1.5 around the data as they are.
    Pkcs1,
    /// RSASSA-PKCS1-v1_5: around the DigestInfo of a digest.
    Pkcs1Of(HashName),
    /// RSASSA-PSS of a digest.
    Pss { hash: HashName, mgf: HashName, salt_bytes: usize },
}

/// Signs with one key.
pub struct Signer {
    context: PkeyCtx<Private>,
    bytes: usize,
}

/// Verifies with one key.
pub struct Verifier {
    context: PkeyCtx<Public>,
    bytes: usize,
}

impl Signer {
    /// `None`: not an RSA key.
    pub fn new(key: &PrivateKey, scheme: Scheme) -> Result<Option<Self>, Error> {
        let Some(bytes) = modulus_bytes(&key.0) else { return Ok(None) };
        let mut context = PkeyCtx::new(&key.0).map_err(fault)?;
        context.sign_init().map_err(fault)?;
        configure(&mut context, scheme)?;
        Ok(Some(Self { context, bytes }))
    }

    /// The length of a signature.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What follows is signed by this scheme.
    pub fn set_scheme(&mut self, scheme: Scheme) -> Result<(), Error> {
        configure(&mut self.context, scheme)
    }

    /// Signs what fits the scheme. `signature` has `bytes` bytes.
    pub fn sign(&mut self, data: &[u8], signature: &mut [u8]) -> Result<(), Error> {
        self.context.sign(data, Some(signature)).map(drop).map_err(fault)
    }
}

impl Verifier {
    /// `None`: not an RSA key.
    pub fn new(key: &PublicKey, scheme: Scheme) -> Result<Option<Self>, Error> {
        let Some(bytes) = modulus_bytes(&key.0) else { return Ok(None) };
        let mut context = PkeyCtx::new(&key.0).map_err(fault)?;
        context.verify_init().map_err(fault)?;
        configure(&mut context, scheme)?;
        Ok(Some(Self { context, bytes }))
    }

    /// The length of a signature.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// As `Signer::set_scheme`.
    pub fn set_scheme(&mut self, scheme: Scheme) -> Result<(), Error> {
        configure(&mut self.context, scheme)
    }

    /// Whether the signature is the data's. Whatever AWS-LC finds fault with is a wrong signature.
    pub fn verify(&mut self, data: &[u8], signature: &[u8]) -> bool {
        self.context.verify(data, signature).unwrap_or(false)
    }
}

/// The longest salt that a key of so many bits has room for (RFC 8017 sec. 9.1.1); `None`: not even for an empty one.
pub fn most_salt_bytes(modulus_bits: usize, hash: HashName) -> Option<usize> {
    modulus_bits.saturating_sub(1).div_ceil(8).checked_sub(hash.bytes() + 2)
}

fn modulus_bytes<T: HasPublic>(key: &PKey<T>) -> Option<usize> {
    (key.id() == Id::RSA).then(|| key.size())
}

fn configure<T>(context: &mut PkeyCtxRef<T>, scheme: Scheme) -> Result<(), Error> {
    let padding = match scheme {
        Scheme::Pss { .. } => Padding::PKCS1_PSS,
        Scheme::Pkcs1 | Scheme::Pkcs1Of(_) => Padding::PKCS1,
    };
    context.set_rsa_padding(padding).map_err(fault)?;
    match scheme {
        Scheme::Pkcs1 => Ok(()),
        Scheme::Pkcs1Of(hash) => context.set_signature_md(hash.md()?).map_err(fault),
        Scheme::Pss { hash, mgf, salt_bytes } => {
            let salt = i32::try_from(salt_bytes).map_err(|_| Error::Internal("a salt of 2 GiB".into()))?;
            context.set_signature_md(hash.md()?).map_err(fault)?;
            context.set_rsa_mgf1_md(mgf.md()?).map_err(fault)?;
            context.set_rsa_pss_saltlen(RsaPssSaltlen::custom(salt)).map_err(fault)
        }
    }
}
