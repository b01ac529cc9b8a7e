//! The only place that names a crypto crate.
//!
//! `random` and the operations on users' data run on AWS-LC; `seal` (records at rest) on the `aes-gcm` crate;
//! what the safe interface to AWS-LC lacks (CMAC, HMAC with a kept key, KWP, ChaCha20 alone, XTS-AES-128) on the
//! RustCrypto crates, or in `ffi`.
//! Called by: mechanism, object, cluster. Knows no PKCS#11 types beyond error variants.

use crate::error::{Error, MechanismError};
use openssl::cipher::CipherRef;
use openssl::error::ErrorStack;

pub mod aead;
pub mod agreement;
pub mod block;
pub mod chacha;
pub mod check_value;
pub mod curve25519;
pub mod digest;
pub mod ec;
pub mod ecdsa;
#[allow(unsafe_code)]
mod ffi;
pub mod hash_name;
pub mod hpke;
pub mod kdf;
pub mod keywrap;
pub mod lattice;
pub mod mac;
pub mod ml_dsa;
pub mod padding;
pub mod parity;
pub mod pkey;
pub mod random;
pub mod rsa;
mod rsa_numbers;
pub mod rsa_oaep;
pub mod rsa_raw;
pub mod rsa_sign;
pub mod rsa_strong;
pub mod seal;
pub mod x509;
pub mod xts;

/// AWS-LC counts bytes in C ints: more goes to it in pieces of this size, a multiple of every block size.
const PIECE_BYTES: usize = 1 << 30;

/// AWS-LC's name and version.
pub fn version() -> &'static str {
    openssl::version::version()
}

/// What AWS-LC refuses though its caller checked every argument.
fn fault(errors: ErrorStack) -> Error {
    Error::Internal(format!("AWS-LC: {errors}"))
}

/// The cipher of a mode for an AES key of 16, 24 or 32 bytes. Errors: `KeySize`.
fn aes_by_key_size(
    key: &[u8],
    ciphers: [fn() -> &'static CipherRef; 3],
) -> Result<&'static CipherRef, Error> {
    match key.len() {
        16 => Ok(ciphers[0]()),
        24 => Ok(ciphers[1]()),
        32 => Ok(ciphers[2]()),
        bytes => Err(MechanismError::KeySize { bytes }.into()),
    }
}
