//! CKM_AES_OFB, CKM_AES_CFB8 and CKM_AES_CFB128 (PKCS#11 3.0 sec. 2.10.7 and 2.10.8): data of any length.
//!
//! No key is wrapped by them, nor by the other stream ciphers: without a code and without blocks a wrapped key could be
//! cut to its first byte, and whoever may use the key that comes of it finds a key byte by byte.

use super::aes_blocks::{block_iv, iv_of};
use super::buffer::exact;
use super::{Cipher, Direction, Key, Params};
use crate::crypto::block::{BLOCK_BYTES, BlockCipher, Mode};
use crate::error::Error;

struct AesFeedback(BlockCipher);

pub fn ofb(key: Key<'_>, params: &Params, direction: Direction) -> Result<Box<dyn Cipher>, Error> {
    new(Mode::Ofb, key, params, direction)
}

pub fn cfb8(key: Key<'_>, params: &Params, direction: Direction) -> Result<Box<dyn Cipher>, Error> {
    new(Mode::Cfb8, key, params, direction)
}

pub fn cfb128(key: Key<'_>, params: &Params, direction: Direction) -> Result<Box<dyn Cipher>, Error> {
    new(Mode::Cfb128, key, params, direction)
}

fn new(mode: Mode, key: Key<'_>, params: &Params, way: Direction) -> Result<Box<dyn Cipher>, Error> {
    let iv = block_iv(params)?;
    let cipher = BlockCipher::new(mode, key.secret()?.expose(), Some(iv), way == Direction::Encrypt)?;
    Ok(Box::new(AesFeedback(cipher)))
}

impl Cipher for AesFeedback {
    fn restart(&mut self, params: &Params) -> Result<bool, Error> {
        self.0.restart(iv_of(params, BLOCK_BYTES)?)?;
        Ok(true)
    }

    fn one_shot_len(&self, input_bytes: usize) -> Result<usize, Error> {
        Ok(input_bytes)
    }

    fn one_shot(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize, Error> {
        self.0.stream(input, exact(output, input.len())?)?;
        Ok(input.len())
    }

    fn update_len(&self, input_bytes: usize) -> Result<usize, Error> {
        Ok(input_bytes)
    }

    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize, Error> {
        self.one_shot(input, output)
    }

    fn finish_len(&self) -> Result<usize, Error> {
        Ok(0)
    }

    fn finish(&mut self, _output: &mut [u8]) -> Result<usize, Error> {
        Ok(0)
    }
}
