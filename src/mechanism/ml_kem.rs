//! CKM_ML_KEM_KEY_PAIR_GEN and CKM_ML_KEM (PKCS#11 3.2, ML-KEM; FIPS 203).
//!
//! A ciphertext that was not made for the key gives another secret and no error: that is ML-KEM's implicit rejection.

use super::aes_blocks::no_iv;
use super::{Encapsulation, Kem, KemLengths, Key, Params};
use crate::crypto::lattice::{self, SHARED_BYTES, Set};
use crate::crypto::pkey::{PrivateKey, PublicKey};
use crate::error::{Error, MechanismError};
use crate::object::{NewKey, Secret, ml_kem_parameter_set};
use cryptoki_sys::CKA_PARAMETER_SET;

pub static KEM: Kem = Kem { lengths, encapsulate, decapsulate };

/// Errors: `ParameterSet`.
pub fn generate(params: &Params, public: &NewKey) -> Result<PrivateKey, Error> {
    no_iv(params)?;
    lattice::generate(ml_kem_parameter_set(public.number(CKA_PARAMETER_SET))?)
}

fn lengths(key: Key<'_>, params: &Params) -> Result<KemLengths, Error> {
    no_iv(params)?;
    let set = match key {
        Key::Public(key) => set_of(key)?,
        _ => set_of(&key.private()?.public()?)?,
    };
    Ok(KemLengths { ciphertext: set.made_bytes(), secret: SHARED_BYTES })
}

fn encapsulate(key: Key<'_>, params: &Params) -> Result<Encapsulation, Error> {
    no_iv(params)?;
    let key = key.public()?;
    let (ciphertext, secret) = lattice::encapsulate(set_of(key)?, key).ok_or(MechanismError::PublicKey)?;
    Ok(Encapsulation { ciphertext, secret: Secret::new(&secret[..]) })
}

fn decapsulate(key: Key<'_>, params: &Params, ciphertext: &[u8]) -> Result<Secret, Error> {
    no_iv(params)?;
    let secret = lattice::decapsulate(key.private()?, ciphertext);
    Ok(Secret::new(&secret.ok_or(MechanismError::EncryptedDataInvalid)?[..]))
}

fn set_of(key: &PublicKey) -> Result<Set, MechanismError> {
    let parts = lattice::public_parts(key).filter(|(set, _)| set.is_kem());
    parts.map(|(set, _)| set).ok_or(MechanismError::KeyType)
}
