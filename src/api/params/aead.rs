//! Parameters of authenticated ciphers and of ChaCha20: structures that lead to a nonce and to associated data.

use super::{borrowed, invalid, read};
use crate::error::Error;
use crate::mechanism::Params;
use cryptoki_sys::*;
use smallvec::SmallVec;

/// CK_GCM_PARAMS as PKCS#11 2.40 printed it at first, without ulIvBits: some programs still have that header.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct GcmParamsWithoutIvBits {
    pub(super) iv: *mut CK_BYTE,
    pub(super) iv_bytes: CK_ULONG,
    aad: *mut CK_BYTE,
    aad_bytes: CK_ULONG,
    tag_bits: CK_ULONG,
}

/// # Safety
/// As `super::parse`.
pub(super) unsafe fn gcm(given: &[u8]) -> Result<Params, Error> {
    // SAFETY: the caller's promise.
    let params = unsafe { gcm_params(given) }?;
    // SAFETY: the caller's promise about pIv and pAAD.
    let (iv, aad) =
        unsafe { (borrowed(params.iv, params.iv_bytes)?, borrowed(params.aad, params.aad_bytes)?) };
    Ok(Params::Gcm { iv: SmallVec::from_slice(iv), aad: aad.to_vec(), tag_bits: params.tag_bits })
}

/// # Safety
/// As `super::parse`.
pub(super) unsafe fn gcm_params(given: &[u8]) -> Result<GcmParamsWithoutIvBits, Error> {
    let params = if given.len() == size_of::<GcmParamsWithoutIvBits>() {
        // SAFETY: read checks the length.
        unsafe { read::<GcmParamsWithoutIvBits>(given) }?
    } else {
        // SAFETY: read checks the length.
        let p: CK_GCM_PARAMS = unsafe { read(given) }?;
        GcmParamsWithoutIvBits {
            iv: p.pIv,
            iv_bytes: p.ulIvLen,
            aad: p.pAAD,
            aad_bytes: p.ulAADLen,
            tag_bits: p.ulTagBits,
        }
    };
    Ok(params)
}

/// CK_GCM_PARAMS, or 12 bytes of IV and no more: the tag is then whole.
///
/// # Safety
/// As `super::parse`.
pub(super) unsafe fn gmac(given: &[u8]) -> Result<Params, Error> {
    if given.len() == 12 {
        return Ok(Params::Gcm { iv: SmallVec::from_slice(given), aad: Vec::new(), tag_bits: 128 });
    }
    // SAFETY: the caller's promise.
    unsafe { gcm(given) }
}

/// # Safety
/// As `super::parse`.
pub(super) unsafe fn ccm(given: &[u8]) -> Result<Params, Error> {
    // SAFETY: read checks the length.
    let params: CK_CCM_PARAMS = unsafe { read(given) }?;
    // SAFETY: the caller's promise about pNonce and pAAD.
    let (nonce, aad) =
        unsafe { (borrowed(params.pNonce, params.ulNonceLen)?, borrowed(params.pAAD, params.ulAADLen)?) };
    Ok(Params::Ccm {
        data_bytes: params.ulDataLen,
        nonce: SmallVec::from_slice(nonce),
        aad: aad.to_vec(),
        code_bytes: params.ulMACLen,
    })
}

/// The block counter is little-endian, as in the cipher's state; the specification does not say.
///
/// # Safety
/// As `super::parse`.
pub(super) unsafe fn chacha20(given: &[u8]) -> Result<Params, Error> {
    // SAFETY: read checks the length.
    let params: CK_CHACHA20_PARAMS = unsafe { read(given) }?;
    let (counter_bytes, nonce_bytes) = match (params.blockCounterBits, params.ulNonceBits) {
        (counter @ (32 | 64), nonce @ (64 | 96 | 192)) => (counter / 8, nonce / 8),
        _ => return Err(invalid("the counter has 32 or 64 bits, the nonce 64, 96 or 192")),
    };
    // SAFETY: the caller's promise about pBlockCounter and pNonce.
    let (counter, nonce) =
        unsafe { (borrowed(params.pBlockCounter, counter_bytes)?, borrowed(params.pNonce, nonce_bytes)?) };
    let mut first_block = [0; 8];
    first_block[..counter.len()].copy_from_slice(counter);
    let first_block = u64::from_le_bytes(first_block);
    Ok(Params::ChaCha20 { first_block, nonce: SmallVec::from_slice(nonce) })
}

/// ulNonceLen counts bits, as the specification says, or bytes, as programs and other libraries understand it: no
/// length is good as both.
pub(super) fn chacha20_nonce_bytes(length: CK_ULONG) -> Result<CK_ULONG, Error> {
    match length {
        bits @ (96 | 192) => Ok(bits / 8),
        bytes @ (12 | 24) => Ok(bytes),
        _ => Err(invalid("the nonce has 96 or 192 bits")),
    }
}

/// # Safety
/// As `super::parse`.
pub(super) unsafe fn chacha20_poly1305(given: &[u8]) -> Result<Params, Error> {
    // SAFETY: read checks the length.
    let params: CK_SALSA20_CHACHA20_POLY1305_PARAMS = unsafe { read(given) }?;
    let nonce_bytes = chacha20_nonce_bytes(params.ulNonceLen)?;
    // SAFETY: the caller's promise about pNonce and pAAD.
    let (nonce, aad) =
        unsafe { (borrowed(params.pNonce, nonce_bytes)?, borrowed(params.pAAD, params.ulAADLen)?) };
    Ok(Params::ChaCha20Poly1305 { nonce: SmallVec::from_slice(nonce), aad: aad.to_vec() })
}
