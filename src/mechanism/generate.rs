//! Making secret keys: CKM_AES_KEY_GEN (PKCS#11 3.0 sec. 2.10.3), CKM_AES_XTS_KEY_GEN (sec. 2.15),
//! CKM_DES_KEY_GEN, CKM_DES2_KEY_GEN and CKM_DES3_KEY_GEN (sec. 2.18), CKM_CHACHA20_KEY_GEN (ChaCha20), CKM_GENERIC_SECRET_KEY_GEN (sec. 2.8.3) and CKM_SHAx_KEY_GEN (sec. 2.20 and
//! 2.21), which makes a key for one HMAC.

use super::Params;
use super::aes_blocks::no_iv;
use crate::crypto::{parity, random};
use crate::error::{Error, MechanismError};
use crate::object::Secret;

/// The longest generic secret that is made, in bytes: far beyond what any HMAC gains from.
pub(super) const MAX_SECRET_BYTES: usize = 4096;

pub fn aes(params: &Params, bytes: usize) -> Result<Secret, Error> {
    of_size(params, bytes, &[16, 24, 32])
}

/// Two AES keys, for the data and for the tweak. That they are equal is less likely than anything.
pub fn aes_xts(params: &Params, bytes: usize) -> Result<Secret, Error> {
    of_size(params, bytes, &[32, 64])
}

pub fn chacha20(params: &Params, bytes: usize) -> Result<Secret, Error> {
    of_size(params, bytes, &[32])
}

/// A DES key, or the two or three of Triple DES, each byte with odd parity.
pub fn des(params: &Params, bytes: usize) -> Result<Secret, Error> {
    let key = of_size(params, bytes, &[8, 16, 24])?;
    Ok(Secret::new(parity::made_odd(key.expose())))
}

fn of_size(params: &Params, bytes: usize, sizes: &[usize]) -> Result<Secret, Error> {
    no_iv(params)?;
    if !sizes.contains(&bytes) {
        return Err(MechanismError::KeySize { bytes }.into());
    }
    fresh(bytes)
}

pub fn generic_secret(params: &Params, bytes: usize) -> Result<Secret, Error> {
    no_iv(params)?;
    if !(1..=MAX_SECRET_BYTES).contains(&bytes) {
        return Err(MechanismError::KeySize { bytes }.into());
    }
    fresh(bytes)
}

fn fresh(bytes: usize) -> Result<Secret, Error> {
    // Filled before it becomes a Secret, but never moved or copied: the box stays where it is.
    let mut value = vec![0; bytes].into_boxed_slice();
    random::fill(&mut value)?;
    Ok(Secret::new(value))
}
