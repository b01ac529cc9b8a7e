//! CKM_PKCS5_PBKD2 (PKCS#11 3.0 sec. 2.38, RFC 8018 sec. 5.2): a key of any type made from a password.

use super::Params;
use super::generate::MAX_SECRET_BYTES;
use super::params::Hidden;
use crate::crypto::hash_name::HashName;
use crate::crypto::kdf;
use crate::error::{Error, MechanismError};
use crate::object::Secret;

/// The parsed CK_PKCS5_PBKD2_PARAMS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pbkdf2Params {
    pub hash: HashName,
    pub password: Hidden,
    pub salt: Hidden,
    pub iterations: u64,
}

/// A few seconds' work, and the most that RFC 6070 has; programs that store passwords ask for a tenth of it.
const MAX_ITERATIONS: u64 = 1 << 24;
/// The same for all blocks of a long key together.
const MAX_ITERATIONS_OF_ALL_BLOCKS: u64 = 4 * MAX_ITERATIONS;

pub fn generate(params: &Params, bytes: usize) -> Result<Secret, Error> {
    let Params::Pbkdf2(params) = params else {
        return Err(MechanismError::Params("CK_PKCS5_PBKD2_PARAMS2 are needed").into());
    };
    if !(1..=MAX_SECRET_BYTES).contains(&bytes) {
        return Err(MechanismError::KeySize { bytes }.into());
    }
    let blocks = bytes.div_ceil(params.hash.bytes()) as u64;
    let iterations = match u32::try_from(params.iterations) {
        Ok(count @ 1..)
            if u64::from(count) <= (MAX_ITERATIONS_OF_ALL_BLOCKS / blocks).min(MAX_ITERATIONS) =>
        {
            count
        }
        _ => return Err(MechanismError::Params("no such number of iterations, or too many").into()),
    };
    let mut key = vec![0; bytes].into_boxed_slice();
    kdf::pbkdf2(params.hash, params.password.expose(), params.salt.expose(), iterations, &mut key)?;
    Ok(Secret::new(key))
}
