//! CKM_AES_ECB_ENCRYPT_DATA, CKM_AES_CBC_ENCRYPT_DATA and their DES and Triple DES kin (PKCS#11 3.0 sec. 2.15): the
//! ciphertext of given data, as far as it is needed, becomes a key.

use super::derivation::{Derivation, room};
use super::{Key, Params};
use crate::crypto::block::{BLOCK_BYTES, BlockCipher, DES_BLOCK_BYTES, Mode};
use crate::error::{Error, MechanismError};
use crate::object::Secret;

pub fn aes_ecb(key: Key<'_>, params: &Params, asked: &Derivation<'_>) -> Result<Secret, Error> {
    let cipher = BlockCipher::new(Mode::Ecb, key.secret()?.expose(), None, true)?;
    encrypted(cipher, BLOCK_BYTES, data(params)?, asked)
}

pub fn aes_cbc(key: Key<'_>, params: &Params, asked: &Derivation<'_>) -> Result<Secret, Error> {
    let (iv, data) = iv_and_data(params)?;
    encrypted(BlockCipher::new(Mode::Cbc, key.secret()?.expose(), Some(iv), true)?, BLOCK_BYTES, data, asked)
}

pub fn des_ecb(key: Key<'_>, params: &Params, asked: &Derivation<'_>) -> Result<Secret, Error> {
    let cipher = BlockCipher::des(Mode::Ecb, key.secret()?.expose(), None, true)?;
    encrypted(cipher, DES_BLOCK_BYTES, data(params)?, asked)
}

pub fn des_cbc(key: Key<'_>, params: &Params, asked: &Derivation<'_>) -> Result<Secret, Error> {
    let (iv, data) = iv_and_data(params)?;
    let cipher = BlockCipher::des(Mode::Cbc, key.secret()?.expose(), Some(iv), true)?;
    encrypted(cipher, DES_BLOCK_BYTES, data, asked)
}

fn data(params: &Params) -> Result<&[u8], Error> {
    match params {
        Params::DerivationData(data) => Ok(data.expose()),
        _ => Err(MechanismError::Params("CK_KEY_DERIVATION_STRING_DATA are needed").into()),
    }
}

fn iv_and_data<const N: usize>(params: &Params) -> Result<(&[u8; N], &[u8]), Error> {
    match params {
        Params::DerivationDataIv { iv, data } => match iv[..].try_into() {
            Ok(iv) => Ok((iv, data.expose())),
            Err(_) => Err(MechanismError::Params("the IV has the wrong length").into()),
        },
        _ => Err(MechanismError::Params("an IV and data are needed").into()),
    }
}

fn encrypted(
    mut cipher: BlockCipher,
    block_bytes: usize,
    data: &[u8],
    asked: &Derivation<'_>,
) -> Result<Secret, Error> {
    if data.is_empty() || !data.len().is_multiple_of(block_bytes) {
        return Err(MechanismError::Params("the data are not whole blocks").into());
    }
    if asked.bytes.is_some_and(|bytes| bytes > data.len()) {
        return Err(MechanismError::DataLen { bytes: data.len() }.into());
    }
    let mut result = room(data.len());
    result.resize(data.len(), 0);
    cipher.blocks(data, &mut result)?;
    asked.start_of(&result)
}
