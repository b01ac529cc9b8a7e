//! AES in the modes of NIST SP 800-38A (ECB, CBC, CTR, OFB, CFB), and DES and Triple DES in two of them, on AWS-LC,
//! without padding.
//!
//! Called by: mechanism. The context is wiped by AWS-LC when dropped (EVP_CIPHER_CTX_free cleanses it).

use super::{PIECE_BYTES, aes_by_key_size, fault};
use crate::error::{Error, MechanismError};
use openssl::cipher::{Cipher, CipherRef};
use openssl::cipher_ctx::CipherCtx;
use zeroize::Zeroizing;

/// Bytes of an AES block.
pub const BLOCK_BYTES: usize = 16;
/// Bytes of a DES block.
pub const DES_BLOCK_BYTES: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Ecb,
    Cbc,
    Ctr,
    Ofb,
    Cfb8,
    Cfb128,
}

/// One direction of a block cipher in one mode under one key; chaining goes on from call to call until `restart`.
pub struct BlockCipher {
    ctx: CipherCtx,
    encrypting: bool,
    block_bytes: usize,
}

impl BlockCipher {
    /// AES: expands the key. `iv`: none for ECB, the first counter block for CTR. Errors: `KeySize`.
    pub fn new(mode: Mode, key: &[u8], iv: Option<&[u8; 16]>, encrypting: bool) -> Result<Self, Error> {
        let cipher = aes_by_key_size(
            key,
            match mode {
                Mode::Ecb => [Cipher::aes_128_ecb, Cipher::aes_192_ecb, Cipher::aes_256_ecb],
                Mode::Cbc => [Cipher::aes_128_cbc, Cipher::aes_192_cbc, Cipher::aes_256_cbc],
                Mode::Ctr => [Cipher::aes_128_ctr, Cipher::aes_192_ctr, Cipher::aes_256_ctr],
                Mode::Ofb => [Cipher::aes_128_ofb, Cipher::aes_192_ofb, Cipher::aes_256_ofb],
                Mode::Cfb8 => [Cipher::aes_128_cfb8, Cipher::aes_192_cfb8, Cipher::aes_256_cfb8],
                Mode::Cfb128 => [Cipher::aes_128_cfb128, Cipher::aes_192_cfb128, Cipher::aes_256_cfb128],
            },
        )?;
        Self::of(cipher, key, iv.map(|iv| iv.as_slice()), encrypting, BLOCK_BYTES)
    }

    /// DES with a key of 8 bytes, Triple DES with one of 16 or 24, in ECB or CBC. Parity is not looked at.
    /// Errors: `KeySize`.
    pub fn des(mode: Mode, key: &[u8], iv: Option<&[u8; 8]>, encrypting: bool) -> Result<Self, Error> {
        let [single, triple] = match mode {
            Mode::Ecb => [Cipher::des_ecb(), Cipher::des_ede3_ecb()],
            Mode::Cbc => [Cipher::des_cbc(), Cipher::des_ede3_cbc()],
            mode => return Err(Error::Internal(format!("DES is not used in mode {mode:?}"))),
        };
        let iv = iv.map(|iv| iv.as_slice());
        match key.len() {
            8 => Self::of(single, key, iv, encrypting, DES_BLOCK_BYTES),
            // Two keys: the first is also the third (NIST SP 800-67 sec. 3.2, keying option 2).
            16 => {
                let whole = Zeroizing::new([key, &key[..8]].concat());
                Self::of(triple, &whole, iv, encrypting, DES_BLOCK_BYTES)
            }
            24 => Self::of(triple, key, iv, encrypting, DES_BLOCK_BYTES),
            bytes => Err(MechanismError::KeySize { bytes }.into()),
        }
    }

    fn of(
        cipher: &CipherRef,
        key: &[u8],
        iv: Option<&[u8]>,
        encrypting: bool,
        block_bytes: usize,
    ) -> Result<Self, Error> {
        let mut ctx = CipherCtx::new().map_err(fault)?;
        if encrypting {
            ctx.encrypt_init(Some(cipher), Some(key), iv).map_err(fault)?;
        } else {
            ctx.decrypt_init(Some(cipher), Some(key), iv).map_err(fault)?;
        }
        ctx.set_padding(false);
        Ok(Self { ctx, encrypting, block_bytes })
    }

    /// Bytes of a block.
    pub fn block_bytes(&self) -> usize {
        self.block_bytes
    }

    /// Starts anew with another IV of one block under the same key; allocates nothing.
    pub fn restart(&mut self, iv: &[u8]) -> Result<(), Error> {
        if self.encrypting {
            self.ctx.encrypt_init(None, None, Some(iv)).map_err(fault)
        } else {
            self.ctx.decrypt_init(None, None, Some(iv)).map_err(fault)
        }
    }

    /// ECB and CBC: processes whole blocks into an `output` of the same length.
    pub fn blocks(&mut self, input: &[u8], output: &mut [u8]) -> Result<(), Error> {
        debug_assert!(input.len().is_multiple_of(self.block_bytes) && input.len() == output.len());
        // The safe interface wants one block of output more than there is input, for paddings that are not used
        // here. So all but the last block goes straight to the output, and the last one through a scratch block.
        for (from, to) in input.chunks(PIECE_BYTES).zip(output.chunks_mut(PIECE_BYTES)) {
            let direct = from.len() - self.block_bytes;
            if direct > 0 {
                self.ctx.cipher_update(&from[..direct], Some(to)).map_err(fault)?;
            }
            let mut scratch = Zeroizing::new([0; 2 * BLOCK_BYTES]);
            self.ctx.cipher_update(&from[direct..], Some(&mut *scratch)).map_err(fault)?;
            to[direct..].copy_from_slice(&scratch[..self.block_bytes]);
        }
        Ok(())
    }

    /// CTR, OFB and CFB: processes any number of bytes into an `output` of the same length.
    pub fn stream(&mut self, input: &[u8], output: &mut [u8]) -> Result<(), Error> {
        for (from, to) in input.chunks(PIECE_BYTES).zip(output.chunks_mut(PIECE_BYTES)) {
            self.ctx.cipher_update(from, Some(to)).map_err(fault)?;
        }
        Ok(())
    }
}
