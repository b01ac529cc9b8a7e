//! Mechanism parameters: the caller's structures become owned `Params`.

mod aead;
mod curves;
mod derive;
mod lattice;
pub mod message;
mod rsa;
mod sp800_108;

pub use derive::further_keys;

use super::raw;
use crate::error::{Error, MechanismError};
use crate::mechanism::{Direction, Mechanism, ParamShape, Params};
use crate::profile::IvSource;
use crate::session::WriteIv;
use cryptoki_sys::*;
use smallvec::SmallVec;

/// Errors: CKR_MECHANISM_PARAM_INVALID.
///
/// # Safety
/// The parameter, if not null, leads to `ulParameterLen` readable bytes, and pointers in it to what they say.
pub unsafe fn parse(shape: ParamShape, mechanism: &CK_MECHANISM) -> Result<Params, Error> {
    let pointer = mechanism.pParameter.cast::<CK_BYTE>();
    // SAFETY: the caller's promise.
    let given = unsafe { borrowed(pointer, mechanism.ulParameterLen) }?;
    match shape {
        ParamShape::None if given.is_empty() => Ok(Params::None),
        ParamShape::None => Err(invalid("this mechanism takes no parameter")),
        ParamShape::OptionalIv(_) if given.is_empty() => Ok(Params::None),
        ParamShape::Iv(bytes) | ParamShape::OptionalIv(bytes) if given.len() == bytes => {
            Ok(Params::Iv(SmallVec::from_slice(given)))
        }
        ParamShape::Iv(_) | ParamShape::OptionalIv(_) => Err(invalid("the IV has the wrong length")),
        ParamShape::MacLength => {
            // SAFETY: read checks the length.
            let bytes: CK_MAC_GENERAL_PARAMS = unsafe { read(given) }?;
            Ok(Params::MacLength(bytes))
        }
        ParamShape::Ctr => {
            // SAFETY: read checks the length.
            let params: CK_AES_CTR_PARAMS = unsafe { read(given) }?;
            Ok(Params::Ctr { counter_bits: params.ulCounterBits, block: params.cb })
        }
        ParamShape::Eddsa | ParamShape::SignContext if given.is_empty() => Ok(Params::None),
        ParamShape::Pss => rsa::pss(given),
        // SAFETY: the caller's promise.
        ParamShape::Oaep => unsafe { rsa::oaep(given) },
        // SAFETY: the caller's promise.
        ParamShape::RsaAes => unsafe { rsa::aes_key_wrap(given) },
        // SAFETY: the caller's promise, for all of these.
        ParamShape::Gcm => unsafe { aead::gcm(given) },
        ParamShape::Gmac => unsafe { aead::gmac(given) },
        ParamShape::Ccm => unsafe { aead::ccm(given) },
        ParamShape::ChaCha20 => unsafe { aead::chacha20(given) },
        ParamShape::ChaCha20Poly1305 => unsafe { aead::chacha20_poly1305(given) },
        // SAFETY: the same.
        ParamShape::Eddsa => unsafe { curves::eddsa(given) },
        ParamShape::Ecdh => unsafe { curves::ecdh(given) },
        ParamShape::SignContext => unsafe { lattice::sign_context(given) },
        ParamShape::HashSignContext => unsafe { lattice::hash_sign_context(given) },
        ParamShape::EcdhWrap => unsafe { curves::ecdh_wrap(given) },
        shape => unsafe { derive::parse(shape, given) },
    }
}

/// Where the IV of an encryption is to be written, if the library makes it and the profile wants it told so.
///
/// # Safety
/// As `parse`; and pIv stays writable until the operation has ended.
#[inline]
pub unsafe fn iv_place(
    row: &Mechanism,
    direction: Direction,
    mechanism: &CK_MECHANISM,
) -> Result<Option<WriteIv>, Error> {
    if row.limits.iv != IvSource::WrittenBack || direction != Direction::Encrypt {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    let params =
        unsafe { aead::gcm_params(borrowed(mechanism.pParameter.cast(), mechanism.ulParameterLen)?) }?;
    // SAFETY: as above.
    let place = unsafe { raw::Later::new(params.iv, params.iv_bytes) };
    Ok(place.map(|place| Box::new(move |iv: &[u8]| place.write(iv)) as WriteIv))
}

/// # Safety
/// As `raw::bytes`.
unsafe fn borrowed<'a>(pointer: *const CK_BYTE, length: CK_ULONG) -> Result<&'a [u8], Error> {
    // SAFETY: the caller's promise.
    unsafe { raw::bytes(pointer, length, "") }
        .map_err(|_| invalid("a pointer is null, or a length is not one"))
}

/// A structure copied out of bytes that need not be aligned.
///
/// # Safety
/// Every pattern of bytes is a `T`.
unsafe fn read<T: Copy>(given: &[u8]) -> Result<T, Error> {
    if given.len() != size_of::<T>() {
        return Err(invalid("the parameter has the wrong length"));
    }
    // SAFETY: so many bytes are there, and any of them are a T.
    Ok(unsafe { given.as_ptr().cast::<T>().read_unaligned() })
}

fn invalid(reason: &'static str) -> Error {
    MechanismError::Params(reason).into()
}
