//! CKM_CLOUDHSM_AES_GCM (AWS CloudHSM User Guide, "Supported mechanisms"): AES-GCM whose IV stands before the
//! ciphertext. The library makes the IV, so that no caller gives one twice: session puts it into the parameters of an
//! encryption; those of a decryption have none. Single part only.

use super::aes_gcm;
use super::{Cipher, Direction, Key, Params, Wrap, by_cipher};
use crate::error::{CallError, Error, MechanismError};
use smallvec::SmallVec;

/// NIST SP 800-38D sec. 8.2.1
pub const IV_BYTES: usize = 12;

pub static WRAP: Wrap = Wrap {
    zero_pads: None,
    wrapped_len: |key, params, key_bytes| {
        let sealed = (aes_gcm::WRAP.wrapped_len)(key, &with_iv(params, &[0; IV_BYTES])?, key_bytes)?;
        sealed.checked_add(IV_BYTES).ok_or(MechanismError::KeySize { bytes: key_bytes }.into())
    },
    wrap: |key, params, value| by_cipher::wrap(new, key, params, value),
    unwrap: |key, params, wrapped| by_cipher::unwrap(new, key, params, wrapped),
};

struct Prepended {
    gcm: Box<dyn Cipher>,
    direction: Direction,
    /// Of an encryption: with the IV. Of a decryption: the IV comes with the data.
    params: Params,
}

pub fn new(key: Key<'_>, params: &Params, direction: Direction) -> Result<Box<dyn Cipher>, Error> {
    let params = own_params(params, direction)?;
    Ok(Box::new(Prepended { gcm: aes_gcm::new(key, &params, direction)?, direction, params }))
}

impl Cipher for Prepended {
    fn restart(&mut self, params: &Params) -> Result<bool, Error> {
        self.params = own_params(params, self.direction)?;
        self.gcm.restart(&self.params)
    }

    fn one_shot_len(&self, input_bytes: usize) -> Result<usize, Error> {
        match self.direction {
            Direction::Encrypt => {
                let too_long = MechanismError::DataLen { bytes: input_bytes };
                self.gcm.one_shot_len(input_bytes)?.checked_add(IV_BYTES).ok_or(too_long.into())
            }
            Direction::Decrypt => {
                let too_short = MechanismError::EncryptedDataLen { bytes: input_bytes };
                self.gcm.one_shot_len(input_bytes.checked_sub(IV_BYTES).ok_or(too_short)?)
            }
        }
    }

    fn one_shot(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize, Error> {
        let needed = self.one_shot_len(input.len())?;
        if output.len() < needed {
            return Err(Error::BufferTooSmall { needed });
        }
        if self.direction == Direction::Encrypt {
            let (start, rest) = output.split_at_mut(IV_BYTES);
            start.copy_from_slice(iv_of(&self.params)?);
            return Ok(IV_BYTES + self.gcm.one_shot(input, rest)?);
        }
        let (iv, sealed) = input.split_at(IV_BYTES);
        self.gcm.restart(&with_iv(&self.params, iv)?)?;
        self.gcm.one_shot(sealed, output)
    }

    fn update_len(&self, _input_bytes: usize) -> Result<usize, Error> {
        Err(CallError::NotSupported.into())
    }

    fn update(&mut self, _input: &[u8], _output: &mut [u8]) -> Result<usize, Error> {
        Err(CallError::NotSupported.into())
    }

    fn finish_len(&self) -> Result<usize, Error> {
        Err(CallError::NotSupported.into())
    }

    fn finish(&mut self, _output: &mut [u8]) -> Result<usize, Error> {
        Err(CallError::NotSupported.into())
    }
}

/// Those of an encryption have the IV; a decryption starts with any, and is started again with that of its data.
fn own_params(params: &Params, direction: Direction) -> Result<Params, Error> {
    match direction {
        Direction::Encrypt => iv_of(params).and_then(|iv| with_iv(params, iv)),
        Direction::Decrypt => with_iv(params, &[0; IV_BYTES]),
    }
}

fn iv_of(params: &Params) -> Result<&[u8], Error> {
    match params {
        Params::Gcm { iv, .. } if iv.len() == IV_BYTES => Ok(iv),
        _ => Err(MechanismError::Params("CK_GCM_PARAMS are needed").into()),
    }
}

fn with_iv(params: &Params, iv: &[u8]) -> Result<Params, Error> {
    match params {
        Params::Gcm { aad, tag_bits, .. } => {
            Ok(Params::Gcm { iv: SmallVec::from_slice(iv), aad: aad.clone(), tag_bits: *tag_bits })
        }
        _ => Err(MechanismError::Params("CK_GCM_PARAMS are needed").into()),
    }
}
