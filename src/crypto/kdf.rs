//! Key derivation functions: HKDF (RFC 5869) on the `hkdf` crate, for the safe interface to AWS-LC lacks it, and PBKDF2
//! (RFC 8018) on AWS-LC.
//!
//! Called by: mechanism.

use super::fault;
use super::hash_name::HashName;
use crate::error::{Error, MechanismError};
use hkdf::{GenericHkdf, HmacImpl};
use openssl::hash::MessageDigest;
use zeroize::Zeroize;

/// HKDF gives so many digests at most (RFC 5869 sec. 2.3).
pub const MAX_HKDF_BLOCKS: usize = 255;

/// What is done of HKDF.
#[derive(Clone, Copy)]
pub enum HkdfStep<'a> {
    /// Gives as many bytes as the digest has.
    Extract {
        salt: &'a [u8],
    },
    /// From a key that is at least as long as the digest.
    Expand {
        info: &'a [u8],
    },
    Both {
        salt: &'a [u8],
        info: &'a [u8],
    },
}

/// Fills `output`, which is no longer than the step gives. An empty salt is as many zeros as the digest has bytes.
pub fn hkdf(hash: HashName, step: HkdfStep<'_>, key: &[u8], output: &mut [u8]) -> Result<(), Error> {
    macro_rules! run {
        ($($hash:ident: $digest:ty,)*) => {
            match hash {
                $(HashName::$hash => run_hkdf::<hmac::Hmac<$digest>>(step, key, output),)*
            }
        };
    }
    run!(
        Sha1: sha1::Sha1,
        Sha224: sha2::Sha224,
        Sha256: sha2::Sha256,
        Sha384: sha2::Sha384,
        Sha512: sha2::Sha512,
        Sha512_224: sha2::Sha512_224,
        Sha512_256: sha2::Sha512_256,
        Sha3_224: sha3::Sha3_224,
        Sha3_256: sha3::Sha3_256,
        Sha3_384: sha3::Sha3_384,
        Sha3_512: sha3::Sha3_512,
    )
}

fn run_hkdf<H: HmacImpl>(step: HkdfStep<'_>, key: &[u8], output: &mut [u8]) -> Result<(), Error> {
    let (expanding, info) = match step {
        HkdfStep::Extract { salt } => {
            let (mut made, _) = GenericHkdf::<H>::extract(Some(salt), key);
            output.copy_from_slice(&made);
            made.zeroize();
            return Ok(());
        }
        HkdfStep::Expand { info } => {
            (GenericHkdf::<H>::from_prk(key).map_err(|_| MechanismError::KeySize { bytes: key.len() })?, info)
        }
        HkdfStep::Both { salt, info } => (GenericHkdf::<H>::new(Some(salt), key), info),
    };
    expanding.expand(info, output).map_err(|_| Error::Internal("HKDF gives no such length".into()))
}

/// PBKDF2 with HMAC. The lengths and the number of iterations fit an `i32`, as the caller checked.
pub fn pbkdf2(
    hash: HashName,
    password: &[u8],
    salt: &[u8],
    iterations: u32,
    output: &mut [u8],
) -> Result<(), Error> {
    let digest = MessageDigest::from_nid(hash.md()?.type_());
    let digest = digest.ok_or_else(|| Error::Internal(format!("AWS-LC has no {hash:?}")))?;
    openssl::pkcs5::pbkdf2_hmac(password, salt, iterations as usize, digest, output).map_err(fault)
}
