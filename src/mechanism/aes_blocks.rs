//! CKM_AES_ECB and CKM_AES_CBC (PKCS#11 3.0 sec. 2.10.4 and 2.10.5): whole blocks only.
//!
//! Data may come in parts of any length; only their sum must be a multiple of the block size. DES works the same way
//! with smaller blocks (`des`).

use super::buffer::{Blocks, exact};
use super::{Cipher, Direction, Key, Params, Wrap, by_cipher};
use crate::crypto::block::{BLOCK_BYTES, BlockCipher, Mode};
use crate::error::{Error, MechanismError};

/// A key is filled up with zeros to whole blocks; the length is not in the wrapped key.
pub static WRAP_ECB: Wrap = Wrap {
    zero_pads: Some(BLOCK_BYTES),
    wrapped_len: |_, params, key_bytes| {
        no_iv(params)?;
        wrapped_bytes(key_bytes, BLOCK_BYTES)
    },
    wrap: |key, params, value| by_cipher::wrap_zero_padded(ecb, BLOCK_BYTES, key, params, value),
    unwrap: |key, params, wrapped| by_cipher::unwrap(ecb, key, params, wrapped),
};

/// As `WRAP_ECB`.
pub static WRAP_CBC: Wrap = Wrap {
    zero_pads: Some(BLOCK_BYTES),
    wrapped_len: |_, params, key_bytes| {
        iv_of(params, BLOCK_BYTES)?;
        wrapped_bytes(key_bytes, BLOCK_BYTES)
    },
    wrap: |key, params, value| by_cipher::wrap_zero_padded(cbc, BLOCK_BYTES, key, params, value),
    unwrap: |key, params, wrapped| by_cipher::unwrap(cbc, key, params, wrapped),
};

struct WholeBlocks {
    cipher: BlockCipher,
    mode: Mode,
    direction: Direction,
    blocks: Blocks,
}

pub fn ecb(key: Key<'_>, params: &Params, direction: Direction) -> Result<Box<dyn Cipher>, Error> {
    no_iv(params)?;
    let cipher = BlockCipher::new(Mode::Ecb, key.secret()?.expose(), None, direction == Direction::Encrypt)?;
    Ok(whole_blocks(cipher, Mode::Ecb, direction))
}

pub fn cbc(key: Key<'_>, params: &Params, direction: Direction) -> Result<Box<dyn Cipher>, Error> {
    let iv = block_iv(params)?;
    let cipher =
        BlockCipher::new(Mode::Cbc, key.secret()?.expose(), Some(iv), direction == Direction::Encrypt)?;
    Ok(whole_blocks(cipher, Mode::Cbc, direction))
}

pub(super) fn whole_blocks(cipher: BlockCipher, mode: Mode, direction: Direction) -> Box<dyn Cipher> {
    let blocks = Blocks::new(cipher.block_bytes(), false);
    Box::new(WholeBlocks { cipher, mode, direction, blocks })
}

/// The IV of a parameter that is exactly one block, of `N` bytes.
pub(super) fn block_iv<const N: usize>(params: &Params) -> Result<&[u8; N], Error> {
    match params {
        Params::Iv(iv) => iv.as_slice().try_into().ok(),
        _ => None,
    }
    .ok_or_else(|| MechanismError::Params("an IV of one block is needed").into())
}

/// As `block_iv`, of a cipher whose blocks have so many bytes.
pub(super) fn iv_of(params: &Params, block_bytes: usize) -> Result<&[u8], Error> {
    match params {
        Params::Iv(iv) if iv.len() == block_bytes => Ok(iv),
        _ => Err(MechanismError::Params("an IV of one block is needed").into()),
    }
}

pub(super) fn no_iv(params: &Params) -> Result<(), Error> {
    match params {
        Params::None => Ok(()),
        _ => Err(MechanismError::Params("this mechanism takes none").into()),
    }
}

/// The error for data of a length that the direction does not allow.
pub(super) fn bad_length(direction: Direction, bytes: usize) -> Error {
    match direction {
        Direction::Encrypt => MechanismError::DataLen { bytes }.into(),
        Direction::Decrypt => MechanismError::EncryptedDataLen { bytes }.into(),
    }
}

/// What a key has, filled up to whole blocks.
pub(super) fn wrapped_bytes(key_bytes: usize, block_bytes: usize) -> Result<usize, Error> {
    let too_long = MechanismError::KeySize { bytes: key_bytes };
    key_bytes.checked_next_multiple_of(block_bytes).ok_or(too_long.into())
}

impl Cipher for WholeBlocks {
    fn restart(&mut self, params: &Params) -> Result<bool, Error> {
        match self.mode {
            Mode::Cbc => self.cipher.restart(iv_of(params, self.cipher.block_bytes())?)?,
            // ECB keeps nothing from block to block.
            _ => no_iv(params)?,
        }
        self.blocks.clear();
        Ok(true)
    }

    fn one_shot_len(&self, input_bytes: usize) -> Result<usize, Error> {
        if !input_bytes.is_multiple_of(self.cipher.block_bytes()) {
            return Err(bad_length(self.direction, input_bytes));
        }
        Ok(input_bytes)
    }

    fn one_shot(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize, Error> {
        let output = exact(output, self.one_shot_len(input.len())?)?;
        self.cipher.blocks(input, output)?;
        Ok(output.len())
    }

    fn update_len(&self, input_bytes: usize) -> Result<usize, Error> {
        Ok(self.blocks.ready_bytes(input_bytes))
    }

    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize, Error> {
        self.blocks.update(&mut self.cipher, input, output)
    }

    fn finish_len(&self) -> Result<usize, Error> {
        match self.blocks.held().len() {
            0 => Ok(0),
            bytes => Err(bad_length(self.direction, bytes)),
        }
    }

    fn finish(&mut self, _output: &mut [u8]) -> Result<usize, Error> {
        self.finish_len()
    }
}
