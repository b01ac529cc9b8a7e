//! Keys of ML-DSA and ML-KEM (PKCS#11 3.2, ML-DSA and ML-KEM key objects).
//!
//! A private key is its seed, its expanded form in CKA_VALUE, or both: what is missing of the expanded form is computed,
//! while nobody finds a seed to an expanded key.

use super::super::Secret;
use super::super::values;
use super::{Family, Object, invalid};
use crate::crypto::lattice::{self, Set};
use crate::crypto::pkey::{PrivateKey, PublicKey};
use crate::error::ObjectError;
use cryptoki_sys::*;

pub(in crate::object) const ML_DSA: Family = Family {
    open_public: |object| open_public(object, ml_dsa_set(object)?),
    open_private: |object| open_private(object, ml_dsa_set(object)?),
    is_sound: |_| true,
    fill_public: |object, key| fill_public(object, key, &ML_DSA_SETS),
    fill_private: |object, key| fill_private(object, key, &ML_DSA_SETS),
};

pub(in crate::object) const ML_KEM: Family = Family {
    open_public: |object| open_public(object, ml_kem_set(object)?),
    open_private: |object| open_private(object, ml_kem_set(object)?),
    is_sound: |_| true,
    fill_public: |object, key| fill_public(object, key, &ML_KEM_SETS),
    fill_private: |object, key| fill_private(object, key, &ML_KEM_SETS),
};

/// The values of CKA_PARAMETER_SET.
type Numbered = [(CK_ULONG, Set); 3];

const ML_DSA_SETS: Numbered =
    [(CKP_ML_DSA_44, Set::MlDsa44), (CKP_ML_DSA_65, Set::MlDsa65), (CKP_ML_DSA_87, Set::MlDsa87)];
const ML_KEM_SETS: Numbered =
    [(CKP_ML_KEM_512, Set::MlKem512), (CKP_ML_KEM_768, Set::MlKem768), (CKP_ML_KEM_1024, Set::MlKem1024)];

/// The set that a template of an ML-DSA key names. Errors: `ParameterSet`.
pub fn ml_dsa_parameter_set(number: Option<CK_ULONG>) -> Result<Set, ObjectError> {
    numbered(&ML_DSA_SETS, number)
}

/// The set that a template of an ML-KEM key names. Errors: `ParameterSet`.
pub fn ml_kem_parameter_set(number: Option<CK_ULONG>) -> Result<Set, ObjectError> {
    numbered(&ML_KEM_SETS, number)
}

fn ml_dsa_set(object: &Object) -> Result<Set, ObjectError> {
    ml_dsa_parameter_set(values::number(object.field(CKA_PARAMETER_SET)))
}

fn ml_kem_set(object: &Object) -> Result<Set, ObjectError> {
    ml_kem_parameter_set(values::number(object.field(CKA_PARAMETER_SET)))
}

fn numbered(sets: &Numbered, number: Option<CK_ULONG>) -> Result<Set, ObjectError> {
    let named = sets.iter().find(|(own, _)| Some(*own) == number);
    named.map(|(_, set)| *set).ok_or(ObjectError::ParameterSet)
}

fn open_public(object: &Object, set: Set) -> Result<PublicKey, ObjectError> {
    let value = object.value.as_ref().map_or(&[][..], Secret::expose);
    if value.len() != set.public_bytes() {
        return Err(invalid(CKA_VALUE, "not as long as a public key of the parameter set"));
    }
    lattice::public(set, value).ok_or(ObjectError::PublicKey)
}

fn open_private(object: &Object, set: Set) -> Result<PrivateKey, ObjectError> {
    let wrong = invalid(CKA_VALUE, "not a private key of the parameter set");
    match (object.part(CKA_SEED), object.part(CKA_VALUE)) {
        ([], []) => Err(ObjectError::Incomplete(CKA_VALUE)),
        ([], expanded) => lattice::from_expanded(set, expanded).ok_or(wrong),
        (seed, []) => lattice::from_seed(set, seed).ok_or(invalid(CKA_SEED, "a seed of the wrong length")),
        (seed, expanded) => lattice::from_both(set, seed, expanded)
            .ok_or(ObjectError::Inconsistent("CKA_SEED and CKA_VALUE are not of one key")),
    }
}

fn fill_public(object: &mut Object, key: &PublicKey, sets: &Numbered) -> Result<(), ObjectError> {
    let (set, value) = lattice::public_parts(key).ok_or(not_one())?;
    fill_set(object, set, sets)?;
    object.value = Some(Secret::new(value));
    Ok(())
}

fn fill_private(object: &mut Object, key: &PrivateKey, sets: &Numbered) -> Result<(), ObjectError> {
    let parts = lattice::private_parts(key).ok_or(not_one())?;
    fill_set(object, parts.set, sets)?;
    if let Some(seed) = &parts.seed {
        object.set_part(CKA_SEED, seed);
    }
    object.set_part(CKA_VALUE, &parts.expanded);
    Ok(())
}

fn fill_set(object: &mut Object, set: Set, sets: &Numbered) -> Result<(), ObjectError> {
    let (number, _) = sets.iter().find(|(_, own)| *own == set).ok_or(not_one())?;
    match values::number(object.field(CKA_PARAMETER_SET)) {
        Some(given) if given != *number => {
            return Err(invalid(CKA_PARAMETER_SET, "not the parameter set of the key"));
        }
        Some(_) => {}
        None => object.set_field(CKA_PARAMETER_SET, &number.to_le_bytes()),
    }
    Ok(())
}

fn not_one() -> ObjectError {
    ObjectError::Inconsistent("not a key of this type")
}
