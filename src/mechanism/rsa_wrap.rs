//! Wrapping keys with RSA: CKM_RSA_PKCS, CKM_RSA_PKCS_OAEP, CKM_RSA_X_509 and CKM_RSA_AES_KEY_WRAP (PKCS#11 3.2, RSA).
//!
//! Everybody can make what a private key unwraps: so whatever is wrong with a wrapped key of the right length is one
//! error, that a key of a wrong length came out too (session sees to that).

use super::rsa_cipher::{oaep, pkcs1, raw};
use super::{Cipher, Direction, Key, NewCipher, Params, Wrap};
use crate::crypto::keywrap::{KWP_INITIAL, unwrap_padded, wrap_padded};
use crate::crypto::random;
use crate::crypto::rsa_oaep::Oaep;
use crate::error::{Error, MechanismError};
use crate::object::Secret;
use zeroize::Zeroizing;

pub static WRAP_PKCS1: Wrap = Wrap {
    zero_pads: None,
    wrapped_len: |key, params, bytes| wrapped_len(pkcs1, key, params, bytes),
    wrap: |key, params, value| wrap(pkcs1, key, params, value),
    unwrap: |key, params, wrapped| unwrap(pkcs1, key, params, wrapped),
};

pub static WRAP_OAEP: Wrap = Wrap {
    zero_pads: None,
    wrapped_len: |key, params, bytes| wrapped_len(oaep, key, params, bytes),
    wrap: |key, params, value| wrap(oaep, key, params, value),
    unwrap: |key, params, wrapped| unwrap(oaep, key, params, wrapped),
};

/// The wrapped key is a number: where the key begins in it, the row's `unwraps_tail` and the template say.
pub static WRAP_RAW: Wrap = Wrap {
    zero_pads: None,
    wrapped_len: |key, params, bytes| wrapped_len(raw, key, params, bytes),
    wrap: |key, params, value| wrap(raw, key, params, value),
    unwrap: |key, params, wrapped| unwrap(raw, key, params, wrapped),
};

/// An AES key of its own wraps each key, and is wrapped by OAEP before it.
pub static WRAP_AES: Wrap = Wrap {
    zero_pads: None,
    wrapped_len: |key, params, bytes| {
        let aes = aes_params(params)?;
        let head = wrapped_len(oaep, key, &Params::Oaep(aes.oaep.clone()), aes.key_bytes)?;
        Ok(head + kwp_bytes(bytes).ok_or(MechanismError::KeySize { bytes })?)
    },
    wrap: wrap_aes,
    unwrap: unwrap_aes,
};

const SEMIBLOCK_BYTES: usize = 8;

struct AesParams<'a> {
    key_bytes: usize,
    oaep: &'a Oaep,
}

fn wrapped_len(new: NewCipher, key: Key<'_>, params: &Params, bytes: usize) -> Result<usize, Error> {
    new(key, params, Direction::Encrypt)?.one_shot_len(bytes).map_err(|error| key_size(error, bytes))
}

fn wrap(new: NewCipher, key: Key<'_>, params: &Params, value: &[u8]) -> Result<Vec<u8>, Error> {
    let mut cipher = new(key, params, Direction::Encrypt)?;
    let size = |error| key_size(error, value.len());
    let mut wrapped = vec![0; cipher.one_shot_len(value.len()).map_err(size)?];
    cipher.one_shot(value, &mut wrapped).map_err(size)?;
    Ok(wrapped)
}

/// A key that has no room, or that is as long as the modulus and above it.
fn key_size(error: Error, bytes: usize) -> Error {
    match error {
        Error::Mechanism(MechanismError::DataLen { .. } | MechanismError::DataInvalid) => {
            MechanismError::KeySize { bytes }.into()
        }
        other => other,
    }
}

fn unwrap(new: NewCipher, key: Key<'_>, params: &Params, wrapped: &[u8]) -> Result<Secret, Error> {
    let mut cipher = new(key, params, Direction::Decrypt)?;
    let value = open(&mut *cipher, wrapped)?;
    match value.is_empty() {
        true => Err(MechanismError::WrappedKeyInvalid.into()),
        false => Ok(Secret::new(&value[..])),
    }
}

fn open(cipher: &mut dyn Cipher, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let as_key = |error| match error {
        Error::Mechanism(MechanismError::EncryptedDataLen { bytes }) => {
            MechanismError::WrappedKeyLen { bytes }.into()
        }
        Error::Mechanism(MechanismError::EncryptedDataInvalid) => MechanismError::WrappedKeyInvalid.into(),
        other => other,
    };
    let mut value = Zeroizing::new(vec![0; cipher.one_shot_len(wrapped.len()).map_err(as_key)?]);
    let bytes = cipher.one_shot(wrapped, &mut value).map_err(as_key)?;
    value.truncate(bytes);
    Ok(value)
}

fn aes_params(params: &Params) -> Result<AesParams<'_>, Error> {
    match params {
        Params::RsaAes { key_bits, oaep } if matches!(key_bits, 128 | 192 | 256) => {
            Ok(AesParams { key_bytes: *key_bits as usize / 8, oaep })
        }
        Params::RsaAes { .. } => Err(MechanismError::Params("ulAESKeyBits is not 128, 192 or 256").into()),
        _ => Err(MechanismError::Params("CK_RSA_AES_KEY_WRAP_PARAMS are needed").into()),
    }
}

/// The length of a key wrapped by RFC 5649. `None`: no key, or longer than the form can say.
fn kwp_bytes(key_bytes: usize) -> Option<usize> {
    let fits = key_bytes >= 1 && key_bytes <= i32::MAX as usize - 2 * SEMIBLOCK_BYTES;
    fits.then(|| key_bytes.next_multiple_of(SEMIBLOCK_BYTES) + SEMIBLOCK_BYTES)
}

fn wrap_aes(key: Key<'_>, params: &Params, value: &[u8]) -> Result<Vec<u8>, Error> {
    let aes = aes_params(params)?;
    kwp_bytes(value.len()).ok_or(MechanismError::KeySize { bytes: value.len() })?;
    let mut ephemeral = Zeroizing::new(vec![0; aes.key_bytes]);
    random::fill(&mut ephemeral)?;
    let mut wrapped = wrap(oaep, key, &Params::Oaep(aes.oaep.clone()), &ephemeral)?;
    wrapped.extend_from_slice(&wrap_padded(&ephemeral, KWP_INITIAL, value)?);
    Ok(wrapped)
}

fn unwrap_aes(key: Key<'_>, params: &Params, wrapped: &[u8]) -> Result<Secret, Error> {
    let aes = aes_params(params)?;
    let mut cipher = oaep(key, &Params::Oaep(aes.oaep.clone()), Direction::Decrypt)?;
    let modulus_bytes = key.private()?.bits().div_ceil(8);
    let length = || MechanismError::WrappedKeyLen { bytes: wrapped.len() };
    let (head, tail) = wrapped.split_at_checked(modulus_bytes).ok_or_else(length)?;
    if tail.len() < 2 * SEMIBLOCK_BYTES || !tail.len().is_multiple_of(SEMIBLOCK_BYTES) {
        return Err(length().into());
    }
    let ephemeral = open(&mut *cipher, head)?;
    if ephemeral.len() != aes.key_bytes {
        return Err(MechanismError::WrappedKeyInvalid.into());
    }
    let value = unwrap_padded(&ephemeral, KWP_INITIAL, tail)?.ok_or(MechanismError::WrappedKeyInvalid)?;
    Ok(Secret::new(&value[..]))
}
