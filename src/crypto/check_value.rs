//! CKA_CHECK_VALUE (PKCS#11 3.0 sec. 4.10.2): three bytes that tell a key without giving it away.

use super::block::{BlockCipher, DES_BLOCK_BYTES, Mode};
use crate::error::{Error, MechanismError};
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128Enc, Aes192Enc, Aes256Enc};

/// The first three bytes of a zero block encrypted under an AES key of 16, 24 or 32 bytes.
pub fn aes(key: &[u8]) -> Result<[u8; 3], Error> {
    let mut block = aes::Block::default();
    let invalid = || Error::from(MechanismError::KeySize { bytes: key.len() });
    match key.len() {
        16 => Aes128Enc::new_from_slice(key).map_err(|_| invalid())?.encrypt_block(&mut block),
        24 => Aes192Enc::new_from_slice(key).map_err(|_| invalid())?.encrypt_block(&mut block),
        32 => Aes256Enc::new_from_slice(key).map_err(|_| invalid())?.encrypt_block(&mut block),
        _ => return Err(invalid()),
    }
    Ok([block[0], block[1], block[2]])
}

/// As `aes`, under a DES key of 8 bytes, or a Triple DES key of 16 or 24.
pub fn des(key: &[u8]) -> Result<[u8; 3], Error> {
    let mut block = [0; DES_BLOCK_BYTES];
    BlockCipher::des(Mode::Ecb, key, None, true)?.blocks(&[0; DES_BLOCK_BYTES], &mut block)?;
    Ok([block[0], block[1], block[2]])
}

/// The first three bytes of the SHA-1 digest of a value (generic secrets, certificates).
pub fn sha1(value: &[u8]) -> [u8; 3] {
    let digest = openssl::sha::sha1(value);
    [digest[0], digest[1], digest[2]]
}
