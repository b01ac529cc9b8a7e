//! CKM_DES_ECB, CKM_DES_CBC, CKM_DES_CBC_PAD and their CKM_DES3_ kin (PKCS#11 3.0 sec. 2.18; PKCS#11 2.40 historical
//! mechanisms for single DES): as the AES mechanisms of those names, with blocks of 8 bytes.
//!
//! The rows are legacy ones. Triple DES takes keys of two parts and of three.

use super::aes_blocks::{block_iv, iv_of, no_iv, whole_blocks, wrapped_bytes};
use super::{Cipher, Direction, Key, Params, Wrap, aes_cbc_pad, by_cipher};
use crate::crypto::block::{BlockCipher, DES_BLOCK_BYTES, Mode};
use crate::error::Error;

/// As `aes_blocks::WRAP_ECB`.
pub static WRAP_ECB: Wrap = Wrap {
    zero_pads: Some(DES_BLOCK_BYTES),
    wrapped_len: |_, params, key_bytes| {
        no_iv(params)?;
        wrapped_bytes(key_bytes, DES_BLOCK_BYTES)
    },
    wrap: |key, params, value| by_cipher::wrap_zero_padded(ecb, DES_BLOCK_BYTES, key, params, value),
    unwrap: |key, params, wrapped| by_cipher::unwrap(ecb, key, params, wrapped),
};

/// As `WRAP_ECB`.
pub static WRAP_CBC: Wrap = Wrap {
    zero_pads: Some(DES_BLOCK_BYTES),
    wrapped_len: |_, params, key_bytes| {
        iv_of(params, DES_BLOCK_BYTES)?;
        wrapped_bytes(key_bytes, DES_BLOCK_BYTES)
    },
    wrap: |key, params, value| by_cipher::wrap_zero_padded(cbc, DES_BLOCK_BYTES, key, params, value),
    unwrap: |key, params, wrapped| by_cipher::unwrap(cbc, key, params, wrapped),
};

pub static WRAP_CBC_PAD: Wrap = Wrap {
    zero_pads: None,
    wrapped_len: |_, params, key_bytes| aes_cbc_pad::wrapped_bytes(params, key_bytes, DES_BLOCK_BYTES),
    wrap: |key, params, value| by_cipher::wrap(cbc_pad, key, params, value),
    unwrap: |key, params, wrapped| by_cipher::unwrap(cbc_pad, key, params, wrapped),
};

pub fn ecb(key: Key<'_>, params: &Params, direction: Direction) -> Result<Box<dyn Cipher>, Error> {
    no_iv(params)?;
    let cipher = BlockCipher::des(Mode::Ecb, key.secret()?.expose(), None, direction == Direction::Encrypt)?;
    Ok(whole_blocks(cipher, Mode::Ecb, direction))
}

pub fn cbc(key: Key<'_>, params: &Params, direction: Direction) -> Result<Box<dyn Cipher>, Error> {
    Ok(whole_blocks(in_cbc(key, params, direction)?, Mode::Cbc, direction))
}

pub fn cbc_pad(key: Key<'_>, params: &Params, direction: Direction) -> Result<Box<dyn Cipher>, Error> {
    aes_cbc_pad::cbc_pad(in_cbc(key, params, direction)?, params, direction)
}

fn in_cbc(key: Key<'_>, params: &Params, direction: Direction) -> Result<BlockCipher, Error> {
    let (key, iv) = (key.secret()?.expose(), block_iv(params)?);
    BlockCipher::des(Mode::Cbc, key, Some(iv), direction == Direction::Encrypt)
}
