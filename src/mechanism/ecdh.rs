//! CKM_ECDH1_DERIVE and CKM_ECDH1_COFACTOR_DERIVE (PKCS#11 3.2, Elliptic Curve: Elliptic Curve Diffie-Hellman key
//! derivation). All curves here have the cofactor 1 but for Curve25519, whose keys have it built in: both mechanisms
//! do the same.

use super::{Derivation, Key, Params};
use crate::crypto::agreement::{self, Counter, NoPeer};
use crate::crypto::digest;
use crate::crypto::pkey::PrivateKey;
use crate::error::{Error, MechanismError, ObjectError};
use crate::object::Secret;
use cryptoki_sys::*;
use zeroize::Zeroizing;

/// CK_ECDH1_DERIVE_PARAMS
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EcdhParams {
    /// The number of a key derivation function.
    pub kdf: CK_EC_KDF_TYPE,
    pub shared: Vec<u8>,
    /// The other party's public key, bare or in an OCTET STRING.
    pub public: Vec<u8>,
}

/// A key derivation function with its hash.
type Make = fn(Counter, &[u8], &[u8], &mut [u8]) -> Result<(), Error>;

/// What becomes of the shared secret.
#[derive(Clone, Copy)]
pub(super) enum Kdf {
    Null,
    Hashes(Counter, Make),
}

impl Kdf {
    /// The function with this number, which takes such shared data. Errors: `Params`.
    pub(super) fn find(number: CK_EC_KDF_TYPE, shared: &[u8]) -> Result<Kdf, Error> {
        let hashes = |counter, make| Ok(Kdf::Hashes(counter, make));
        match number {
            CKD_NULL if !shared.is_empty() => {
                Err(MechanismError::Params("CKD_NULL takes no shared data").into())
            }
            CKD_NULL => Ok(Kdf::Null),
            CKD_SHA1_KDF => hashes(Counter::Behind, agreement::derive::<digest::Sha1>),
            CKD_SHA224_KDF => hashes(Counter::Behind, agreement::derive::<digest::Sha224>),
            CKD_SHA256_KDF => hashes(Counter::Behind, agreement::derive::<digest::Sha256>),
            CKD_SHA384_KDF => hashes(Counter::Behind, agreement::derive::<digest::Sha384>),
            CKD_SHA512_KDF => hashes(Counter::Behind, agreement::derive::<digest::Sha512>),
            CKD_SHA3_224_KDF => hashes(Counter::Behind, agreement::derive::<digest::Sha3_224>),
            CKD_SHA3_256_KDF => hashes(Counter::Behind, agreement::derive::<digest::Sha3_256>),
            CKD_SHA3_384_KDF => hashes(Counter::Behind, agreement::derive::<digest::Sha3_384>),
            CKD_SHA3_512_KDF => hashes(Counter::Behind, agreement::derive::<digest::Sha3_512>),
            CKD_SHA1_KDF_SP800 => hashes(Counter::Before, agreement::derive::<digest::Sha1>),
            CKD_SHA224_KDF_SP800 => hashes(Counter::Before, agreement::derive::<digest::Sha224>),
            CKD_SHA256_KDF_SP800 => hashes(Counter::Before, agreement::derive::<digest::Sha256>),
            CKD_SHA384_KDF_SP800 => hashes(Counter::Before, agreement::derive::<digest::Sha384>),
            CKD_SHA512_KDF_SP800 => hashes(Counter::Before, agreement::derive::<digest::Sha512>),
            CKD_SHA3_224_KDF_SP800 => hashes(Counter::Before, agreement::derive::<digest::Sha3_224>),
            CKD_SHA3_256_KDF_SP800 => hashes(Counter::Before, agreement::derive::<digest::Sha3_256>),
            CKD_SHA3_384_KDF_SP800 => hashes(Counter::Before, agreement::derive::<digest::Sha3_384>),
            CKD_SHA3_512_KDF_SP800 => hashes(Counter::Before, agreement::derive::<digest::Sha3_512>),
            _ => Err(MechanismError::Params("no such key derivation function here").into()),
        }
    }
}

/// Errors: `Params`, `PublicKey`, `Incomplete`, `Inconsistent`.
pub fn derive(key: Key<'_>, params: &Params, asked: &Derivation<'_>) -> Result<Secret, Error> {
    let Params::Ecdh(params) = params else {
        return Err(MechanismError::Params("CK_ECDH1_DERIVE_PARAMS are needed").into());
    };
    let kdf = Kdf::find(params.kdf, &params.shared)?;
    let secret = shared_secret(key.private()?, &params.public)?;
    let Kdf::Hashes(counter, make) = kdf else { return end_of(&secret, asked.bytes) };
    // Such a function gives as much as one likes: without CKA_VALUE_LEN nobody has said how much.
    let mut value = vec![0; asked.bytes.ok_or(ObjectError::Incomplete(CKA_VALUE_LEN))?].into_boxed_slice();
    make(counter, &secret, &params.shared, &mut value)?;
    Ok(Secret::new(value))
}

/// Errors: `Params`, `PublicKey`.
pub(super) fn shared_secret(own: &PrivateKey, public: &[u8]) -> Result<Zeroizing<Vec<u8>>, MechanismError> {
    let peer = agreement::peer(own, public).map_err(|error| match error {
        NoPeer::Form => MechanismError::Params("the other party's public key has no form of this curve's"),
        NoPeer::Invalid => MechanismError::PublicKey,
    })?;
    agreement::shared_secret(own, &peer).ok_or(MechanismError::PublicKey)
}

/// "The truncation removes bytes from the leading end of the secret value." Errors: `Inconsistent`.
fn end_of(secret: &[u8], bytes: Option<usize>) -> Result<Secret, Error> {
    let too_short = ObjectError::Inconsistent("the shared secret is shorter than the key");
    let cut = secret.len().checked_sub(bytes.unwrap_or(secret.len())).ok_or(too_short)?;
    Ok(Secret::new(&secret[cut..]))
}
