//! Wrapping keys with a mechanism that encrypts data.
//!
//! Called by: the mechanisms of this folder, for their `Wrap`.

use super::{Direction, Key, NewCipher, Params};
use crate::error::{Error, MechanismError};
use crate::object::Secret;
use zeroize::Zeroizing;

pub(super) fn wrap(new: NewCipher, key: Key<'_>, params: &Params, value: &[u8]) -> Result<Vec<u8>, Error> {
    let mut cipher = new(key, params, Direction::Encrypt)?;
    let length = |error| match error {
        Error::Mechanism(MechanismError::DataLen { bytes }) => MechanismError::KeySize { bytes }.into(),
        other => other,
    };
    let mut wrapped = vec![0; cipher.one_shot_len(value.len()).map_err(length)?];
    let written = cipher.one_shot(value, &mut wrapped).map_err(length)?;
    wrapped.truncate(written);
    Ok(wrapped)
}

/// As `wrap`, of the value filled up with zeros to whole blocks of so many bytes.
pub(super) fn wrap_zero_padded(
    new: NewCipher,
    block_bytes: usize,
    key: Key<'_>,
    params: &Params,
    value: &[u8],
) -> Result<Vec<u8>, Error> {
    let mut padded = Zeroizing::new(vec![0; value.len().next_multiple_of(block_bytes)]);
    padded[..value.len()].copy_from_slice(value);
    wrap(new, key, params, &padded)
}

/// A wrapped key of no bytes is none, though some mechanisms could hold it.
pub(super) fn unwrap(new: NewCipher, key: Key<'_>, params: &Params, wrapped: &[u8]) -> Result<Secret, Error> {
    let mut cipher = new(key, params, Direction::Decrypt)?;
    let as_key = |error| match error {
        Error::Mechanism(MechanismError::EncryptedDataLen { bytes }) => {
            MechanismError::WrappedKeyLen { bytes }.into()
        }
        Error::Mechanism(MechanismError::EncryptedDataInvalid) => MechanismError::WrappedKeyInvalid.into(),
        other => other,
    };
    let mut value = Zeroizing::new(vec![0; cipher.one_shot_len(wrapped.len()).map_err(as_key)?]);
    let written = cipher.one_shot(wrapped, &mut value).map_err(as_key)?;
    if written == 0 {
        return Err(MechanismError::WrappedKeyLen { bytes: wrapped.len() }.into());
    }
    Ok(Secret::new(&value[..written]))
}
