//! The simple derivations (PKCS#11 3.0 sec. 2.43): CKM_CONCATENATE_BASE_AND_KEY, _BASE_AND_DATA and _DATA_AND_BASE,
//! CKM_XOR_BASE_AND_DATA, CKM_EXTRACT_KEY_FROM_KEY.
//!
//! They do not hide the base key: so what is derived from a sensitive key is sensitive (`Lineage::Bound`).

use super::derivation::{Derivation, room, too_short};
use super::{Key, Params};
use crate::error::{Error, MechanismError, ObjectError};
use crate::object::{MAX_OBJECT_BYTES, Secret};
use cryptoki_sys::CKA_VALUE_LEN;

pub fn base_and_key(key: Key<'_>, _: &Params, asked: &Derivation<'_>) -> Result<Secret, Error> {
    let other = asked.others.first().ok_or(MechanismError::Params("the handle of a key is needed"))?;
    joined(key.secret()?.expose(), other.secret()?.expose(), asked)
}

pub fn base_and_data(key: Key<'_>, params: &Params, asked: &Derivation<'_>) -> Result<Secret, Error> {
    joined(key.secret()?.expose(), data(params)?, asked)
}

pub fn data_and_base(key: Key<'_>, params: &Params, asked: &Derivation<'_>) -> Result<Secret, Error> {
    joined(data(params)?, key.secret()?.expose(), asked)
}

pub fn xor(key: Key<'_>, params: &Params, asked: &Derivation<'_>) -> Result<Secret, Error> {
    let (key, data) = (key.secret()?.expose(), data(params)?);
    if data.is_empty() {
        return Err(MechanismError::Params("there are no data").into());
    }
    let mut result = room(key.len().min(data.len()));
    result.extend(key.iter().zip(data).map(|(one, other)| one ^ other));
    asked.start_of(&result)
}

pub fn extract(key: Key<'_>, params: &Params, asked: &Derivation<'_>) -> Result<Secret, Error> {
    let key = key.secret()?.expose();
    let bytes = asked.bytes.ok_or(ObjectError::Incomplete(CKA_VALUE_LEN))?;
    if bytes > key.len() {
        return Err(too_short());
    }
    let Params::FirstBit(first) = params else {
        return Err(MechanismError::Params("CK_EXTRACT_PARAMS are needed").into());
    };
    let first = usize::try_from(*first).ok().filter(|first| *first < 8 * key.len());
    let first = first.ok_or(MechanismError::Params("the key has no such bit"))?;
    let (skipped, shift) = (first / 8, first % 8);
    // The bits go round: after the last one comes the first.
    let byte = |at: usize| u16::from(key[at % key.len()]);
    let mut result = room(bytes);
    result.extend((skipped..skipped + bytes).map(|at| ((byte(at) << 8 | byte(at + 1)) >> (8 - shift)) as u8));
    asked.start_of(&result)
}

fn joined(one: &[u8], other: &[u8], asked: &Derivation<'_>) -> Result<Secret, Error> {
    let bytes = one.len() + other.len();
    if asked.bytes.unwrap_or(bytes) > MAX_OBJECT_BYTES {
        return Err(ObjectError::TooLarge { bytes, limit: MAX_OBJECT_BYTES }.into());
    }
    let mut result = room(bytes);
    result.extend_from_slice(one);
    result.extend_from_slice(other);
    asked.start_of(&result)
}

fn data(params: &Params) -> Result<&[u8], Error> {
    match params {
        Params::DerivationData(data) => Ok(data.expose()),
        _ => Err(MechanismError::Params("CK_KEY_DERIVATION_STRING_DATA are needed").into()),
    }
}
