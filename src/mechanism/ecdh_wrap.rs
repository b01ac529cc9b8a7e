//! CKM_ECDH_AES_KEY_WRAP, CKM_ECDH_COF_AES_KEY_WRAP and CKM_ECDH_X_AES_KEY_WRAP (PKCS#11 3.2, Elliptic Curve): a new
//! key pair agrees with the wrapping key on an AES key, under which the key is wrapped by RFC 5649. The new pair's
//! public key stands before the wrapped key: as DER OCTET STRING in CKM_ECDH_COF_AES_KEY_WRAP, bare (points
//! uncompressed) in the others.

use super::ecdh::{Kdf, shared_secret};
use super::{Key, Params, Wrap};
use crate::crypto::agreement;
use crate::crypto::curve25519::{self, Form};
use crate::crypto::ec;
use crate::crypto::keywrap::{self, KWP_INITIAL, SEMIBLOCK_BYTES};
use crate::crypto::pkey::{PrivateKey, PublicKey};
use crate::error::{Error, MechanismError};
use crate::object::Secret;
use cryptoki_sys::CK_EC_KDF_TYPE;
use zeroize::Zeroizing;

/// CK_ECDH_AES_KEY_WRAP_PARAMS
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EcdhWrapParams {
    pub aes_bits: u64,
    pub kdf: CK_EC_KDF_TYPE,
    pub shared: Vec<u8>,
}

pub static WRAP: Wrap = Wrap {
    zero_pads: None,
    wrapped_len: |key, params, bytes| wrapped_len(key, params, bytes, false),
    wrap: |key, params, value| wrap(key, params, value, false),
    unwrap: |key, params, wrapped| unwrap(key, params, wrapped, false),
};

/// With the point in an OCTET STRING.
pub static WRAP_DER: Wrap = Wrap {
    zero_pads: None,
    wrapped_len: |key, params, bytes| wrapped_len(key, params, bytes, true),
    wrap: |key, params, value| wrap(key, params, value, true),
    unwrap: |key, params, wrapped| unwrap(key, params, wrapped, true),
};

fn wrapped_len(key: Key<'_>, params: &Params, bytes: usize, der: bool) -> Result<usize, Error> {
    checked(params)?;
    Ok(public_form(key.public()?, der)?.len() + bytes.next_multiple_of(SEMIBLOCK_BYTES) + SEMIBLOCK_BYTES)
}

fn wrap(key: Key<'_>, params: &Params, value: &[u8], der: bool) -> Result<Vec<u8>, Error> {
    let (params, kdf) = checked(params)?;
    let key = key.public()?;
    let transport = transport_key(key)?;
    let secret = agreement::shared_secret(&transport, key).ok_or(MechanismError::PublicKey)?;
    let aes_key = aes_key(params, kdf, &secret)?;
    let mut wrapped = public_form(&transport.public()?, der)?;
    wrapped.extend(keywrap::wrap_padded(&aes_key, KWP_INITIAL, value)?);
    Ok(wrapped)
}

fn unwrap(key: Key<'_>, params: &Params, wrapped: &[u8], der: bool) -> Result<Secret, Error> {
    let (params, kdf) = checked(params)?;
    let key = key.private()?;
    let public_bytes = public_form(&key.public()?, der)?.len();
    let bytes = wrapped.len();
    let (public, wrapped) =
        wrapped.split_at_checked(public_bytes).ok_or(MechanismError::WrappedKeyLen { bytes })?;
    if wrapped.len() < 2 * SEMIBLOCK_BYTES || !wrapped.len().is_multiple_of(SEMIBLOCK_BYTES) {
        return Err(MechanismError::WrappedKeyLen { bytes }.into());
    }
    let secret = shared_secret(key, public).map_err(|_| MechanismError::WrappedKeyInvalid)?;
    let aes_key = aes_key(params, kdf, &secret)?;
    let value = keywrap::unwrap_padded(&aes_key, KWP_INITIAL, wrapped)?;
    Ok(Secret::new(&value.ok_or(MechanismError::WrappedKeyInvalid)?[..]))
}

/// Errors: `Params`.
fn checked(params: &Params) -> Result<(&EcdhWrapParams, Kdf), Error> {
    match params {
        Params::EcdhWrap(params) if matches!(params.aes_bits, 128 | 192 | 256) => {
            Ok((params, Kdf::find(params.kdf, &params.shared)?))
        }
        Params::EcdhWrap(_) => Err(MechanismError::Params("an AES key has 128, 192 or 256 bits").into()),
        _ => Err(MechanismError::Params("CK_ECDH_AES_KEY_WRAP_PARAMS are needed").into()),
    }
}

/// "Gets the first ulAESKeyBits bits of the derived key." Errors: `Params`, if there are not so many.
fn aes_key(params: &EcdhWrapParams, kdf: Kdf, secret: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let bytes = params.aes_bits as usize / 8;
    let mut key = Zeroizing::new(vec![0; bytes]);
    match kdf {
        Kdf::Hashes(counter, make) => make(counter, secret, &params.shared, &mut key)?,
        Kdf::Null => {
            let start = secret
                .get(..bytes)
                .ok_or(MechanismError::Params("the shared secret is shorter than the AES key"))?;
            key.copy_from_slice(start);
        }
    }
    Ok(key)
}

/// A new pair on the curve of this key.
fn transport_key(key: &PublicKey) -> Result<PrivateKey, Error> {
    match ec::public_point(key) {
        Some((curve, _)) => ec::generate(curve),
        None => curve25519::generate(Form::Montgomery),
    }
}

fn public_form(key: &PublicKey, der: bool) -> Result<Vec<u8>, Error> {
    let bare = ec::public_point(key)
        .map(|(_, point)| point)
        .or_else(|| curve25519::public_bytes(Form::Montgomery, key).map(|bytes| bytes.to_vec()))
        .ok_or(MechanismError::KeyType)?;
    Ok(if der { ec::point_as_der(&bare) } else { bare })
}
