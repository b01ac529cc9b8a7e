//! CKM_SHAx_KEY_DERIVATION (PKCS#11 3.2 sec. 6.20.5 and its like): the digest of a key becomes a key.

use super::aes_blocks::no_iv;
use super::derivation::{Derivation, room};
use super::{Key, Params};
use crate::crypto::digest::Hash;
use crate::error::Error;
use crate::object::Secret;

pub fn derive<H: Hash>(key: Key<'_>, params: &Params, asked: &Derivation<'_>) -> Result<Secret, Error> {
    no_iv(params)?;
    let mut hash = H::new()?;
    hash.update(key.secret()?.expose())?;
    let mut digest = room(H::BYTES);
    digest.resize(H::BYTES, 0);
    hash.finish(&mut digest)?;
    asked.start_of(&digest)
}
