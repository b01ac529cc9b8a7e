//! Authenticated encryption on AWS-LC: AES-GCM (NIST SP 800-38D) and ChaCha20-Poly1305 (RFC 8439), which work in
//! parts, and AES-CCM (NIST SP 800-38C), which takes a message at once.
//!
//! Each keeps one context with its expanded key, which only takes a new nonce. Called by: mechanism. The contexts are
//! wiped by AWS-LC when dropped (EVP_CIPHER_CTX_free cleanses them).

use super::{PIECE_BYTES, aes_by_key_size, chacha, fault};
use crate::error::{Error, MechanismError};
use openssl::cipher::Cipher;
use openssl::cipher_ctx::CipherCtx;
use zeroize::Zeroizing;

/// NIST SP 800-38D sec. 5.2.1.1: at most 2^39 - 256 bits of plaintext under one IV.
pub const GCM_MAX_BYTES: u64 = (1 << 36) - 32;
/// AWS-LC takes the length of an IV as a C int.
pub const GCM_MAX_IV_BYTES: usize = i32::MAX as usize;
/// RFC 8439 sec. 2.8: 2^32 blocks of key stream, of which the first makes the key of the code.
pub const CHACHA20_POLY1305_MAX_BYTES: u64 = ((1 << 32) - 1) * 64;
/// AWS-LC takes a message and its associated data as C ints.
pub const CCM_MAX_BYTES: usize = i32::MAX as usize;

/// One direction of authenticated encryption under one key, in parts.
///
/// `start` begins a message, `process` follows any number of times, `tag` or `verify` ends it. AWS-LC refuses
/// more data after the end until the next `start`, so no IV is used twice by accident.
pub trait Aead: Send + 'static {
    /// Begins a message. The caller checks that the nonce has a length that the cipher takes.
    fn start(&mut self, nonce: &[u8], aad: &[u8]) -> Result<(), Error>;
    /// Bytes that this message may still take.
    fn room(&self) -> u64;
    /// Encrypts or decrypts the next bytes into an `output` of the same length. What decryption gives is not
    /// authentic before `verify` says so.
    fn process(&mut self, input: &[u8], output: &mut [u8]) -> Result<(), Error>;
    /// Ends an encryption: the first `tag.len()` (1 to 16) bytes of its tag.
    fn tag(&mut self, tag: &mut [u8]) -> Result<(), Error>;
    /// Ends a decryption: whether the tag of 1 to 16 bytes is right, in constant time.
    fn verify(&mut self, tag: &[u8]) -> Result<bool, Error>;
}

/// AES-GCM. A nonce has 1 to `GCM_MAX_IV_BYTES` bytes.
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
        init(&mut ctx, encrypting, Some(cipher), Some(key), None)?;
        Ok(Self { ctx, encrypting, iv_bytes: cipher.iv_length(), processed: 0 })
    }

    /// After `start` and before `process`: more associated data.
    pub fn authenticate(&mut self, aad: &[u8]) -> Result<(), Error> {
        authenticate(&mut self.ctx, aad)
    }
}

impl Aead for Gcm {
    fn start(&mut self, iv: &[u8], aad: &[u8]) -> Result<(), Error> {
        if iv.len() != self.iv_bytes {
            self.ctx.set_iv_length(iv.len()).map_err(fault)?;
            self.iv_bytes = iv.len();
        }
        init(&mut self.ctx, self.encrypting, None, None, Some(iv))?;
        self.processed = 0;
        authenticate(&mut self.ctx, aad)
    }

    fn room(&self) -> u64 {
        GCM_MAX_BYTES - self.processed
    }

    fn process(&mut self, input: &[u8], output: &mut [u8]) -> Result<(), Error> {
        process(&mut self.ctx, input, output)?;
        self.processed += input.len() as u64;
        Ok(())
    }

    fn tag(&mut self, tag: &mut [u8]) -> Result<(), Error> {
        finish(&mut self.ctx, tag)
    }

    fn verify(&mut self, tag: &[u8]) -> Result<bool, Error> {
        is_authentic(&mut self.ctx, tag)
    }
}

/// ChaCha20-Poly1305 with a nonce of 12 bytes, XChaCha20-Poly1305 with one of 24; a tag has 16 bytes.
pub struct ChaCha20Poly1305 {
    ctx: CipherCtx,
    encrypting: bool,
    key: Zeroizing<[u8; 32]>,
    /// Whether the context has a key that was made for a nonce of 24 bytes.
    has_subkey: bool,
    processed: u64,
}

impl ChaCha20Poly1305 {
    /// Errors: `KeySize`.
    pub fn new(key: &[u8], encrypting: bool) -> Result<Self, Error> {
        let size = |_| Error::from(MechanismError::KeySize { bytes: key.len() });
        let key: Zeroizing<[u8; 32]> = Zeroizing::new(key.try_into().map_err(size)?);
        let mut ctx = CipherCtx::new().map_err(fault)?;
        init(&mut ctx, encrypting, Some(Cipher::chacha20_poly1305()), Some(key.as_slice()), None)?;
        Ok(Self { ctx, encrypting, key, has_subkey: false, processed: 0 })
    }

    /// draft-irtf-cfrg-xchacha-03 sec. 2.3: the first 16 bytes of the nonce make a key for the rest.
    fn start_extended(&mut self, nonce: &[u8; 24]) -> Result<(), Error> {
        let (for_key, rest) = chacha::split_nonce(nonce);
        let subkey = chacha::subkey(&self.key, for_key);
        let mut short = [0; 12];
        short[4..].copy_from_slice(rest);
        self.has_subkey = true;
        init(&mut self.ctx, self.encrypting, None, Some(subkey.as_slice()), Some(&short))
    }
}

impl Aead for ChaCha20Poly1305 {
    fn start(&mut self, nonce: &[u8], aad: &[u8]) -> Result<(), Error> {
        if let Ok(nonce) = nonce.try_into() {
            self.start_extended(nonce)?;
        } else {
            let key = self.has_subkey.then_some(self.key.as_slice());
            init(&mut self.ctx, self.encrypting, None, key, Some(nonce))?;
            self.has_subkey = false;
        }
        self.processed = 0;
        authenticate(&mut self.ctx, aad)
    }

    fn room(&self) -> u64 {
        CHACHA20_POLY1305_MAX_BYTES - self.processed
    }

    fn process(&mut self, input: &[u8], output: &mut [u8]) -> Result<(), Error> {
        process(&mut self.ctx, input, output)?;
        self.processed += input.len() as u64;
        Ok(())
    }

    fn tag(&mut self, tag: &mut [u8]) -> Result<(), Error> {
        finish(&mut self.ctx, tag)
    }

    fn verify(&mut self, tag: &[u8]) -> Result<bool, Error> {
        is_authentic(&mut self.ctx, tag)
    }
}

/// AES-CCM: a nonce of 7 to 13 bytes, a code of 4, 6, ... 16 bytes; message and associated data of up to
/// `CCM_MAX_BYTES`, the message also of no more than the nonce leaves room to count: the caller's to check.
pub struct Ccm {
    ctx: CipherCtx,
    encrypting: bool,
}

impl Ccm {
    /// Expands the key. Errors: `KeySize`.
    pub fn new(key: &[u8], encrypting: bool) -> Result<Self, Error> {
        let cipher = aes_by_key_size(key, [Cipher::aes_128_ccm, Cipher::aes_192_ccm, Cipher::aes_256_ccm])?;
        let mut ctx = CipherCtx::new().map_err(fault)?;
        init(&mut ctx, encrypting, Some(cipher), Some(key), None)?;
        Ok(Self { ctx, encrypting })
    }

    /// Encrypts a message into an `output` of the same length, and makes its code.
    pub fn seal(
        &mut self,
        nonce: &[u8],
        aad: &[u8],
        input: &[u8],
        output: &mut [u8],
        code: &mut [u8],
    ) -> Result<(), Error> {
        self.ctx.set_iv_length(nonce.len()).map_err(fault)?;
        self.ctx.set_tag_length(code.len()).map_err(fault)?;
        self.prepare(nonce, aad, input.len())?;
        self.ctx.cipher_update(input, Some(output)).map_err(fault)?;
        self.ctx.tag(code).map_err(fault)
    }

    /// Decrypts into an `output` of the same length, and tells whether the code is right, in constant time. If it is
    /// not, the output is wiped.
    pub fn open(
        &mut self,
        nonce: &[u8],
        aad: &[u8],
        input: &[u8],
        output: &mut [u8],
        code: &[u8],
    ) -> Result<bool, Error> {
        self.ctx.set_iv_length(nonce.len()).map_err(fault)?;
        self.ctx.set_tag(code).map_err(fault)?;
        self.prepare(nonce, aad, input.len())?;
        let good = self.ctx.cipher_update(input, Some(&mut *output)).is_ok();
        if !good {
            output.fill(0);
        }
        Ok(good)
    }

    fn prepare(&mut self, nonce: &[u8], aad: &[u8], message_bytes: usize) -> Result<(), Error> {
        init(&mut self.ctx, self.encrypting, None, None, Some(nonce))?;
        self.ctx.set_data_len(message_bytes).map_err(fault)?;
        // Also where there is none: it makes AWS-LC begin anew, whatever was done before.
        self.ctx.cipher_update(aad, None).map(drop).map_err(fault)
    }
}

fn init(
    ctx: &mut CipherCtx,
    encrypting: bool,
    cipher: Option<&openssl::cipher::CipherRef>,
    key: Option<&[u8]>,
    iv: Option<&[u8]>,
) -> Result<(), Error> {
    if encrypting {
        ctx.encrypt_init(cipher, key, iv).map_err(fault)
    } else {
        ctx.decrypt_init(cipher, key, iv).map_err(fault)
    }
}

fn authenticate(ctx: &mut CipherCtx, aad: &[u8]) -> Result<(), Error> {
    for piece in aad.chunks(PIECE_BYTES) {
        ctx.cipher_update(piece, None).map_err(fault)?;
    }
    Ok(())
}

fn process(ctx: &mut CipherCtx, input: &[u8], output: &mut [u8]) -> Result<(), Error> {
    for (from, to) in input.chunks(PIECE_BYTES).zip(output.chunks_mut(PIECE_BYTES)) {
        ctx.cipher_update(from, Some(to)).map_err(fault)?;
    }
    Ok(())
}

/// Ends an encryption with its tag.
fn finish(ctx: &mut CipherCtx, tag: &mut [u8]) -> Result<(), Error> {
    ctx.cipher_final(&mut []).map_err(fault)?;
    ctx.tag(tag).map_err(fault)
}

/// Ends a decryption: whether the tag is right, in constant time.
fn is_authentic(ctx: &mut CipherCtx, tag: &[u8]) -> Result<bool, Error> {
    ctx.set_tag(tag).map_err(fault)?;
    Ok(ctx.cipher_final(&mut []).is_ok())
}
