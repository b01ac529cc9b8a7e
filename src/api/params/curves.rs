//! The parameters of the elliptic curves' mechanisms.

use super::{borrowed, read};
use crate::error::Error;
use crate::mechanism::{EcdhParams, EcdhWrapParams, EddsaParams, Params};
use cryptoki_sys::*;

/// CK_ECDH1_DERIVE_PARAMS
///
/// # Safety
/// As `parse`.
pub unsafe fn ecdh(given: &[u8]) -> Result<Params, Error> {
    // SAFETY: read checks the length; the caller's promise about pSharedData and pPublicData.
    let (params, shared, public) = unsafe {
        let params: CK_ECDH1_DERIVE_PARAMS = read(given)?;
        let shared = borrowed(params.pSharedData, params.ulSharedDataLen)?;
        (params, shared, borrowed(params.pPublicData, params.ulPublicDataLen)?)
    };
    let params = EcdhParams { kdf: params.kdf, shared: shared.to_vec(), public: public.to_vec() };
    Ok(Params::Ecdh(Box::new(params)))
}

/// CK_ECDH_AES_KEY_WRAP_PARAMS
///
/// # Safety
/// As `parse`.
pub unsafe fn ecdh_wrap(given: &[u8]) -> Result<Params, Error> {
    // SAFETY: read checks the length; the caller's promise about pSharedData.
    let (params, shared) = unsafe {
        let params: CK_ECDH_AES_KEY_WRAP_PARAMS = read(given)?;
        (params, borrowed(params.pSharedData, params.ulSharedDataLen)?)
    };
    let (aes_bits, kdf) = (params.ulAESKeyBits, params.kdf);
    Ok(Params::EcdhWrap(Box::new(EcdhWrapParams { aes_bits, kdf, shared: shared.to_vec() })))
}

/// CK_EDDSA_PARAMS
///
/// # Safety
/// As `parse`.
pub unsafe fn eddsa(given: &[u8]) -> Result<Params, Error> {
    // SAFETY: read checks the length; the caller's promise about pContextData.
    let (params, context) = unsafe {
        let params: CK_EDDSA_PARAMS = read(given)?;
        (params, borrowed(params.pContextData, params.ulContextDataLen)?)
    };
    let prehash = params.phFlag != CK_FALSE;
    Ok(Params::Eddsa(Box::new(EddsaParams { prehash, context: context.to_vec() })))
}
