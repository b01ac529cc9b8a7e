//! CKM_AES_ECB_ENCRYPT_DATA and CKM_AES_CBC_ENCRYPT_DATA (PKCS#11 3.0 sec. 2.15): the ciphertext of given data, as far
//! as it is needed, becomes a key.

use super::derivation::{Derivation, room};
use super::params::Hidden;
use super::{Key, Params};
use crate::crypto::block::{BLOCK_BYTES, BlockCipher, Mode};
use crate::error::{Error, MechanismError};
use crate::object::Secret;

pub fn aes_ecb(key: Key<'_>, params: &Params, asked: &Derivation<'_>) -> Result<Secret, Error> {
    match params {
        Params::DerivationData(data) => aes(Mode::Ecb, key, None, data, asked),
        _ => Err(MechanismError::Params("CK_KEY_DERIVATION_STRING_DATA are needed").into()),
    }
}

pub fn aes_cbc(key: Key<'_>, params: &Params, asked: &Derivation<'_>) -> Result<Secret, Error> {
    match params {
        Params::DerivationDataIv { iv, data } => {
            let iv = iv[..].try_into().map_err(|_| MechanismError::Params("the IV has the wrong length"))?;
            aes(Mode::Cbc, key, Some(iv), data, asked)
        }
        _ => Err(MechanismError::Params("CK_AES_CBC_ENCRYPT_DATA_PARAMS are needed").into()),
    }
}

fn aes(
    mode: Mode,
    key: Key<'_>,
    iv: Option<&[u8; BLOCK_BYTES]>,
    data: &Hidden,
    asked: &Derivation<'_>,
) -> Result<Secret, Error> {
    let data = data.expose();
    if data.is_empty() || !data.len().is_multiple_of(BLOCK_BYTES) {
        return Err(MechanismError::Params("the data are not whole blocks").into());
    }
    if asked.bytes.is_some_and(|bytes| bytes > data.len()) {
        return Err(MechanismError::DataLen { bytes: data.len() }.into());
    }
    let mut cipher = BlockCipher::new(mode, key.secret()?.expose(), iv, true)?;
    let mut result = room(data.len());
    result.resize(data.len(), 0);
    cipher.blocks(data, &mut result)?;
    asked.start_of(&result)
}
