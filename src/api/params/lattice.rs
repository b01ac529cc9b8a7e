//! The parameters of ML-DSA's mechanisms.

use super::{borrowed, read};
use crate::error::Error;
use crate::mechanism::{Params, SignContext};
use cryptoki_sys::*;

/// CK_SIGN_ADDITIONAL_CONTEXT
///
/// # Safety
/// As `parse`.
pub unsafe fn sign_context(given: &[u8]) -> Result<Params, Error> {
    // SAFETY: read checks the length; the caller's promise about pContext.
    let (params, context) = unsafe {
        let params: CK_SIGN_ADDITIONAL_CONTEXT = read(given)?;
        (params, borrowed(params.pContext, params.ulContextLen)?)
    };
    let (hedge, context) = (params.hedgeVariant, context.to_vec());
    Ok(Params::SignContext(SignContext { hedge, context, hash: None }))
}

/// CK_HASH_SIGN_ADDITIONAL_CONTEXT
///
/// # Safety
/// As `parse`.
pub unsafe fn hash_sign_context(given: &[u8]) -> Result<Params, Error> {
    // SAFETY: read checks the length; the caller's promise about pContext.
    let (params, context) = unsafe {
        let params: CK_HASH_SIGN_ADDITIONAL_CONTEXT = read(given)?;
        (params, borrowed(params.pContext, params.ulContextLen)?)
    };
    let (hedge, context) = (params.hedgeVariant, context.to_vec());
    Ok(Params::SignContext(SignContext { hedge, context, hash: Some(params.hash) }))
}
