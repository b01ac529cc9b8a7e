//! The parameters of RSA's mechanisms (PKCS#11 3.2, RSA).

use super::{borrowed, invalid, read};
use crate::crypto::hash_name::HashName;
use crate::crypto::rsa_oaep::Oaep;
use crate::error::Error;
use crate::mechanism::Params;
use cryptoki_sys::*;

/// CK_RSA_PKCS_PSS_PARAMS
pub fn pss(given: &[u8]) -> Result<Params, Error> {
    // SAFETY: read checks the length, and any numbers are a CK_RSA_PKCS_PSS_PARAMS.
    let params: CK_RSA_PKCS_PSS_PARAMS = unsafe { read(given) }?;
    Ok(Params::Pss { hash: hash(params.hashAlg)?, mgf: mgf(params.mgf)?, salt_bytes: params.sLen })
}

/// CK_RSA_PKCS_OAEP_PARAMS. A source of 0 with no data is taken for CKZ_DATA_SPECIFIED, as programs send it that want
/// no label.
///
/// # Safety
/// As `super::parse`.
pub unsafe fn oaep(given: &[u8]) -> Result<Params, Error> {
    // SAFETY: read checks the length; pSourceData by the caller's promise.
    unsafe { owned(read(given)?) }.map(Params::Oaep)
}

/// CK_RSA_AES_KEY_WRAP_PARAMS
///
/// # Safety
/// As `super::parse`.
pub unsafe fn aes_key_wrap(given: &[u8]) -> Result<Params, Error> {
    // SAFETY: read checks the length, and any numbers are a CK_RSA_AES_KEY_WRAP_PARAMS.
    let params: CK_RSA_AES_KEY_WRAP_PARAMS = unsafe { read(given) }?;
    if params.pOAEPParams.is_null() {
        return Err(invalid("pOAEPParams is null"));
    }
    // SAFETY: not null; leads to the structure by the caller's promise.
    let oaep = unsafe { owned(params.pOAEPParams.read_unaligned()) }?;
    Ok(Params::RsaAes { key_bits: params.ulAESKeyBits, oaep })
}

/// # Safety
/// pSourceData leads to ulSourceDataLen bytes.
unsafe fn owned(params: CK_RSA_PKCS_OAEP_PARAMS) -> Result<Oaep, Error> {
    // SAFETY: the caller's promise.
    let label = unsafe { borrowed(params.pSourceData.cast(), params.ulSourceDataLen) }?;
    match params.source {
        CKZ_DATA_SPECIFIED => {}
        0 if label.is_empty() => {}
        _ => return Err(invalid("the source is not CKZ_DATA_SPECIFIED")),
    }
    Ok(Oaep { hash: hash(params.hashAlg)?, mgf: mgf(params.mgf)?, label: label.to_vec() })
}

/// A hash by its own mechanism.
pub(super) fn hash(mechanism: CK_MECHANISM_TYPE) -> Result<HashName, Error> {
    match mechanism {
        CKM_SHA_1 => Ok(HashName::Sha1),
        CKM_SHA224 => Ok(HashName::Sha224),
        CKM_SHA256 => Ok(HashName::Sha256),
        CKM_SHA384 => Ok(HashName::Sha384),
        CKM_SHA512 => Ok(HashName::Sha512),
        CKM_SHA512_224 => Ok(HashName::Sha512_224),
        CKM_SHA512_256 => Ok(HashName::Sha512_256),
        CKM_SHA3_224 => Ok(HashName::Sha3_224),
        CKM_SHA3_256 => Ok(HashName::Sha3_256),
        CKM_SHA3_384 => Ok(HashName::Sha3_384),
        CKM_SHA3_512 => Ok(HashName::Sha3_512),
        _ => Err(invalid("no hash of SHA-1, SHA-2 or SHA-3")),
    }
}

fn mgf(number: CK_RSA_PKCS_MGF_TYPE) -> Result<HashName, Error> {
    match number {
        CKG_MGF1_SHA1 => Ok(HashName::Sha1),
        CKG_MGF1_SHA224 => Ok(HashName::Sha224),
        CKG_MGF1_SHA256 => Ok(HashName::Sha256),
        CKG_MGF1_SHA384 => Ok(HashName::Sha384),
        CKG_MGF1_SHA512 => Ok(HashName::Sha512),
        CKG_MGF1_SHA3_224 => Ok(HashName::Sha3_224),
        CKG_MGF1_SHA3_256 => Ok(HashName::Sha3_256),
        CKG_MGF1_SHA3_384 => Ok(HashName::Sha3_384),
        CKG_MGF1_SHA3_512 => Ok(HashName::Sha3_512),
        _ => Err(invalid("mgf is no mask generation function of SHA-1, SHA-2 or SHA-3")),
    }
}
