//! ChaCha20 without authentication, and the keys that long nonces make, on RustCrypto's `chacha20`: the safe interface
//! to AWS-LC has ChaCha20 only together with Poly1305.
//!
//! Called by: mechanism, and `aead`.

use crate::error::{Error, MechanismError};
use chacha20::cipher::{KeyIvInit, StreamCipher, StreamCipherCoreWrapper};
use chacha20::variants::Legacy;
use chacha20::{ChaCha20Legacy, ChaChaCore, R20, hchacha};
use zeroize::Zeroizing;

/// Bytes of key stream that one count of the block counter is good for.
pub const BLOCK_BYTES: usize = 64;

/// The key stream from some block on.
///
/// The variants of the cipher differ only in which of the last four words of its state count blocks: two of them here,
/// as in the original. The first of the three words of RFC 8439's nonce is then the upper half of the first block's
/// number, and the caller takes care that the lower half does not overflow.
pub struct KeyStream(ChaCha20Legacy);

impl KeyStream {
    pub fn new(key: &[u8; 32], first_block: u64, nonce: &[u8; 8]) -> Self {
        let mut core = ChaChaCore::<R20, Legacy>::new(key.into(), nonce.into());
        core.set_block_pos(first_block);
        Self(StreamCipherCoreWrapper::from_core(core))
    }

    /// Encrypts or decrypts into an `output` of the same length. Errors: `DataLen`, if the counter would wrap.
    pub fn apply(&mut self, input: &[u8], output: &mut [u8]) -> Result<(), Error> {
        let wraps = |_| MechanismError::DataLen { bytes: input.len() }.into();
        self.0.try_apply_keystream_b2b(input, output).map_err(wraps)
    }
}

/// A nonce of 24 bytes as the part that makes a key, and the rest.
pub fn split_nonce(nonce: &[u8; 24]) -> (&[u8; 16], &[u8; 8]) {
    let (for_key, rest) = nonce.split_at(16);
    match (for_key.try_into(), rest.try_into()) {
        (Ok(for_key), Ok(rest)) => (for_key, rest),
        _ => unreachable!("16 and 8 are 24"),
    }
}

/// HChaCha20 (draft-irtf-cfrg-xchacha-03 sec. 2.2).
pub fn subkey(key: &[u8; 32], nonce: &[u8; 16]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(hchacha::<R20>(key.into(), nonce.into()).into())
}
