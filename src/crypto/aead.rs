//! AES-GCM (NIST SP 800-38D) on AWS-LC: one context that keeps the expanded key and only takes a new IV.
//!
//! Called by: mechanism. The context is wiped by AWS-LC when dropped (EVP_CIPHER_CTX_free cleanses it).

use super::{PIECE_BYTES, aes_by_key_size, fault};
use crate::error::Error;
use openssl::cipher::Cipher;
use openssl::cipher_ctx::CipherCtx;

/// NIST SP 800-38D sec. 5.2.1.1: at most 2^39 - 256 bits of plaintext under one IV.
pub const GCM_MAX_BYTES: u64 = (1 << 36) - 32;
/// AWS-LC takes the length of an IV as a C int.
pub const GCM_MAX_IV_BYTES: usize = i32::MAX as usize;

/// One direction of AES-GCM under one key.
///
/// `start` begins a message, `process` follows any number of times, `tag` or `verify` ends it. AWS-LC refuses
/// more data after the end until the next `start`, so no IV is used twice by accident.
pub struct Gcm {
    ctx: CipherCtx,
    encrypting: bool,
    iv_bytes: usize,
    processed: u64,
}

impl Gcm {
    /// Expands the key. Errors: `KeySize`.
    pub fn new(key: &[u8], encrypting: bool) -> Result<Self, Error> {
        let cipher = aes_by_key_size(key, [Cipher::aes_128_gcm, Cipher::aes_192_gcm, Cipher::aes_256_gcm])?;
        let mut ctx = CipherCtx::new().map_err(fault)?;
        if encrypting {
            ctx.encrypt_init(Some(cipher), Some(key), None).map_err(fault)?;
        } else {
            ctx.decrypt_init(Some(cipher), Some(key), None).map_err(fault)?;
        }
        Ok(Self { ctx, encrypting, iv_bytes: cipher.iv_length(), processed: 0 })
    }

    /// Begins a message. `iv` has 1 to `GCM_MAX_IV_BYTES` bytes: the caller's to check.
    pub fn start(&mut self, iv: &[u8], aad: &[u8]) -> Result<(), Error> {
        if iv.len() != self.iv_bytes {
            self.ctx.set_iv_length(iv.len()).map_err(fault)?;
            self.iv_bytes = iv.len();
        }
        if self.encrypting {
            self.ctx.encrypt_init(None, None, Some(iv)).map_err(fault)?;
        } else {
            self.ctx.decrypt_init(None, None, Some(iv)).map_err(fault)?;
        }
        self.processed = 0;
        for piece in aad.chunks(PIECE_BYTES) {
            self.ctx.cipher_update(piece, None).map_err(fault)?;
        }
        Ok(())
    }

    /// Bytes that this message may still take.
    pub fn room(&self) -> u64 {
        GCM_MAX_BYTES - self.processed
    }

    /// Encrypts or decrypts the next bytes into an `output` of the same length. What decryption gives is not
    /// authentic before `verify` says so.
    pub fn process(&mut self, input: &[u8], output: &mut [u8]) -> Result<(), Error> {
        for (from, to) in input.chunks(PIECE_BYTES).zip(output.chunks_mut(PIECE_BYTES)) {
            self.ctx.cipher_update(from, Some(to)).map_err(fault)?;
        }
        self.processed += input.len() as u64;
        Ok(())
    }

    /// Ends an encryption: the first `tag.len()` (1 to 16) bytes of its tag.
    pub fn tag(&mut self, tag: &mut [u8]) -> Result<(), Error> {
        self.ctx.cipher_final(&mut []).map_err(fault)?;
        self.ctx.tag(tag).map_err(fault)
    }

    /// Ends a decryption: whether the tag of 1 to 16 bytes is right, in constant time.
    pub fn verify(&mut self, tag: &[u8]) -> Result<bool, Error> {
        self.ctx.set_tag(tag).map_err(fault)?;
        Ok(self.ctx.cipher_final(&mut []).is_ok())
    }
}
