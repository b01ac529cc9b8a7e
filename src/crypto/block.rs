//! AES in the modes of NIST SP 800-38A (ECB, CBC, CTR) on AWS-LC, without padding.
//!
//! Called by: mechanism. The context is wiped by AWS-LC when dropped (EVP_CIPHER_CTX_free cleanses it).

use super::{PIECE_BYTES, aes_by_key_size, fault};
use crate::error::Error;
use openssl::cipher::Cipher;
use openssl::cipher_ctx::CipherCtx;
use zeroize::Zeroizing;

/// Bytes of an AES block.
pub const BLOCK_BYTES: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Ecb,
    Cbc,
    Ctr,
}

/// One direction of AES in one mode under one key; chaining goes on from call to call until `restart`.
pub struct BlockCipher {
    ctx: CipherCtx,
    encrypting: bool,
}

impl BlockCipher {
    /// Expands the key. `iv`: none for ECB, the first counter block for CTR. Errors: `KeySize`.
    pub fn new(mode: Mode, key: &[u8], iv: Option<&[u8; 16]>, encrypting: bool) -> Result<Self, Error> {
        let cipher = aes_by_key_size(
            key,
            match mode {
                Mode::Ecb => [Cipher::aes_128_ecb, Cipher::aes_192_ecb, Cipher::aes_256_ecb],
                Mode::Cbc => [Cipher::aes_128_cbc, Cipher::aes_192_cbc, Cipher::aes_256_cbc],
                Mode::Ctr => [Cipher::aes_128_ctr, Cipher::aes_192_ctr, Cipher::aes_256_ctr],
            },
        )?;
        let iv = iv.map(|iv| iv.as_slice());
        let mut ctx = CipherCtx::new().map_err(fault)?;
        if encrypting {
            ctx.encrypt_init(Some(cipher), Some(key), iv).map_err(fault)?;
        } else {
            ctx.decrypt_init(Some(cipher), Some(key), iv).map_err(fault)?;
        }
        ctx.set_padding(false);
        Ok(Self { ctx, encrypting })
    }

    /// Starts anew with another IV under the same key; allocates nothing.
    pub fn restart(&mut self, iv: &[u8; 16]) -> Result<(), Error> {
        if self.encrypting {
            self.ctx.encrypt_init(None, None, Some(iv)).map_err(fault)
        } else {
            self.ctx.decrypt_init(None, None, Some(iv)).map_err(fault)
        }
    }

    /// ECB and CBC: processes whole blocks into an `output` of the same length.
    pub fn blocks(&mut self, input: &[u8], output: &mut [u8]) -> Result<(), Error> {
        debug_assert!(input.len().is_multiple_of(BLOCK_BYTES) && input.len() == output.len());
        // The safe interface wants one block of output more than there is input, for paddings that are not used
        // here. So all but the last block goes straight to the output, and the last one through a scratch block.
        for (from, to) in input.chunks(PIECE_BYTES).zip(output.chunks_mut(PIECE_BYTES)) {
            let direct = from.len() - BLOCK_BYTES;
            if direct > 0 {
                self.ctx.cipher_update(&from[..direct], Some(to)).map_err(fault)?;
            }
            let mut scratch = Zeroizing::new([0; 2 * BLOCK_BYTES]);
            self.ctx.cipher_update(&from[direct..], Some(&mut *scratch)).map_err(fault)?;
            to[direct..].copy_from_slice(&scratch[..BLOCK_BYTES]);
        }
        Ok(())
    }

    /// CTR: processes any number of bytes into an `output` of the same length.
    pub fn stream(&mut self, input: &[u8], output: &mut [u8]) -> Result<(), Error> {
        for (from, to) in input.chunks(PIECE_BYTES).zip(output.chunks_mut(PIECE_BYTES)) {
            self.ctx.cipher_update(from, Some(to)).map_err(fault)?;
        }
        Ok(())
    }
}
