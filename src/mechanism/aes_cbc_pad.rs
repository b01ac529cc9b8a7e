//! CKM_AES_CBC_PAD (PKCS#11 3.0 sec. 2.10.6): CBC with PKCS #7 padding. DES works the same way (`des`).

use super::aes_blocks::{bad_length, block_iv, iv_of};
use super::buffer::{Blocks, exact};
use super::{Cipher, Direction, Key, Params, Wrap, by_cipher};
use crate::crypto::block::{BLOCK_BYTES, BlockCipher, Mode};
use crate::crypto::padding::{pkcs7_data_bytes, pkcs7_fill};
use crate::error::{Error, MechanismError};
use zeroize::Zeroizing;

pub static WRAP: Wrap = Wrap {
    zero_pads: None,
    wrapped_len: |_, params, key_bytes| wrapped_bytes(params, key_bytes, BLOCK_BYTES),
    wrap: |key, params, value| by_cipher::wrap(new, key, params, value),
    unwrap: |key, params, wrapped| by_cipher::unwrap(new, key, params, wrapped),
};

struct CbcPad {
    cipher: BlockCipher,
    iv: [u8; BLOCK_BYTES],
    direction: Direction,
    blocks: Blocks,
    /// What the last block of a decryption in parts holds, once it was decrypted: the caller's buffer may have
    /// been too small for it, and the chaining has moved on.
    last: Option<LastBlock>,
}

struct LastBlock {
    block: Zeroizing<[u8; BLOCK_BYTES]>,
    data_bytes: usize,
}

pub fn new(key: Key<'_>, params: &Params, direction: Direction) -> Result<Box<dyn Cipher>, Error> {
    let iv = block_iv(params)?;
    let cipher =
        BlockCipher::new(Mode::Cbc, key.secret()?.expose(), Some(iv), direction == Direction::Encrypt)?;
    cbc_pad(cipher, params, direction)
}

/// With a cipher in CBC mode that has its key and the parameter's IV.
pub(super) fn cbc_pad(
    cipher: BlockCipher,
    params: &Params,
    direction: Direction,
) -> Result<Box<dyn Cipher>, Error> {
    let blocks = Blocks::new(cipher.block_bytes(), direction == Direction::Decrypt);
    let mut made = CbcPad { cipher, iv: [0; BLOCK_BYTES], direction, blocks, last: None };
    made.keep_iv(params)?;
    Ok(Box::new(made))
}

pub(super) fn wrapped_bytes(params: &Params, key_bytes: usize, block_bytes: usize) -> Result<usize, Error> {
    iv_of(params, block_bytes)?;
    padded_bytes(key_bytes, block_bytes).ok_or(MechanismError::KeySize { bytes: key_bytes }.into())
}

impl Cipher for CbcPad {
    fn restart(&mut self, params: &Params) -> Result<bool, Error> {
        self.keep_iv(params)?;
        self.cipher.restart(&self.iv[..self.cipher.block_bytes()])?;
        self.blocks.clear();
        self.last = None;
        Ok(true)
    }

    fn one_shot_len(&self, input_bytes: usize) -> Result<usize, Error> {
        let bytes = match self.direction {
            Direction::Encrypt => padded_bytes(input_bytes, self.cipher.block_bytes()),
            Direction::Decrypt if input_bytes.is_multiple_of(self.cipher.block_bytes()) => {
                input_bytes.checked_sub(1)
            }
            Direction::Decrypt => None,
        };
        bytes.ok_or(bad_length(self.direction, input_bytes))
    }

    fn one_shot(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize, Error> {
        let most = self.one_shot_len(input.len())?;
        let block_bytes = self.cipher.block_bytes();
        match self.direction {
            Direction::Encrypt => {
                let output = exact(output, most)?;
                let whole = input.len() - input.len() % block_bytes;
                let (first, last) = output.split_at_mut(whole);
                self.cipher.blocks(&input[..whole], first)?;
                self.cipher.blocks(&padded(&input[whole..], block_bytes)[..block_bytes], last)?;
                Ok(most)
            }
            Direction::Decrypt if output.len() < input.len() - block_bytes => {
                Err(Error::BufferTooSmall { needed: most })
            }
            Direction::Decrypt => self.open(input, output),
        }
    }

    fn update_len(&self, input_bytes: usize) -> Result<usize, Error> {
        Ok(self.blocks.ready_bytes(input_bytes))
    }

    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize, Error> {
        self.blocks.update(&mut self.cipher, input, output)
    }

    fn finish_len(&self) -> Result<usize, Error> {
        let block_bytes = self.cipher.block_bytes();
        match (self.direction, &self.last, self.blocks.held().len()) {
            (Direction::Encrypt, ..) => Ok(block_bytes),
            (_, Some(last), _) => Ok(last.data_bytes),
            (_, None, bytes) if bytes == block_bytes => Ok(block_bytes - 1),
            (_, None, bytes) => Err(bad_length(self.direction, bytes)),
        }
    }

    fn finish(&mut self, output: &mut [u8]) -> Result<usize, Error> {
        let most = self.finish_len()?;
        if self.direction == Direction::Encrypt {
            self.cipher.blocks(&padded(self.blocks.held(), most)[..most], exact(output, most)?)?;
            return Ok(most);
        }
        let last = match self.last.take() {
            Some(last) => last,
            None => unpadded(&mut self.cipher, self.blocks.held())?,
        };
        let last = self.last.insert(last);
        exact(output, last.data_bytes)?.copy_from_slice(&last.block[..last.data_bytes]);
        Ok(last.data_bytes)
    }
}

impl CbcPad {
    /// Decrypts whole blocks at once, the last one first: so the length is known before anything is written.
    /// CBC allows it, for a block needs nothing but the one before it. A wrong padding takes as long as a right one.
    fn open(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize, Error> {
        let (first, last) = input.split_at(input.len() - self.cipher.block_bytes());
        if let Some(before) = first.len().checked_sub(last.len()) {
            self.cipher.restart(&first[before..])?;
        }
        let last = unpadded(&mut self.cipher, last);
        self.cipher.restart(&self.iv[..self.cipher.block_bytes()])?;
        if let Ok(last) = &last {
            exact(output, first.len() + last.data_bytes)?;
        }
        let (start, end) = output.split_at_mut(first.len());
        self.cipher.blocks(first, start)?;
        let last = last.inspect_err(|_| start.fill(0))?;
        end[..last.data_bytes].copy_from_slice(&last.block[..last.data_bytes]);
        Ok(first.len() + last.data_bytes)
    }

    fn keep_iv(&mut self, params: &Params) -> Result<(), Error> {
        let iv = iv_of(params, self.cipher.block_bytes())?;
        self.iv[..iv.len()].copy_from_slice(iv);
        Ok(())
    }
}

fn padded_bytes(data_bytes: usize, block_bytes: usize) -> Option<usize> {
    data_bytes.checked_add(usize::from(pkcs7_fill(data_bytes, block_bytes as u8)))
}

/// Less than a block of data, filled up, in the first bytes.
fn padded(data: &[u8], block_bytes: usize) -> Zeroizing<[u8; BLOCK_BYTES]> {
    let mut block = Zeroizing::new([pkcs7_fill(data.len(), block_bytes as u8); BLOCK_BYTES]);
    block[..data.len()].copy_from_slice(data);
    block
}

fn unpadded(cipher: &mut BlockCipher, encrypted: &[u8]) -> Result<LastBlock, Error> {
    let mut block = Zeroizing::new([0; BLOCK_BYTES]);
    let last = &mut block[..encrypted.len()];
    cipher.blocks(encrypted, last)?;
    let data_bytes = pkcs7_data_bytes(last).ok_or(MechanismError::EncryptedDataInvalid)?;
    Ok(LastBlock { block, data_bytes })
}
