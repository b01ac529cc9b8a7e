//! Public and private keys.
//!
//! Attributes with the note `SECRET` are parts of the key's value (see `parts`). CKA_PUBLIC_KEY_INFO is computed; one that is
//! given must be the right one.

use super::Initial::{Empty, No, Number, Yes};
use super::storage::{KEY, STORAGE};
use super::*;

/// PKCS#11 3.0 sec. 4.9. CKA_TRUSTED may be set later, as of secret keys.
const PUBLIC: &[Rule] = &[
    rule(CKA_SUBJECT, CHANGE, Empty),
    rule(CKA_ENCRYPT, CHANGE, No),
    rule(CKA_VERIFY, CHANGE, No),
    rule(CKA_VERIFY_RECOVER, CHANGE, No),
    rule(CKA_WRAP, CHANGE, No),
    rule(CKA_ENCAPSULATE, CHANGE, No),
    rule(CKA_TRUSTED, CHANGE | SO, No),
    rule(CKA_WRAP_TEMPLATE, 0, Empty),
    rule(CKA_ENCAPSULATE_TEMPLATE, 0, Empty),
    rule(CKA_PUBLIC_KEY_INFO, 0, Empty),
];

/// PKCS#11 3.0 sec. 4.10.
const PRIVATE: &[Rule] = &[
    rule(CKA_PRIVATE, COPY | STAYS_TRUE, Yes),
    rule(CKA_SUBJECT, CHANGE, Empty),
    rule(CKA_SENSITIVE, CHANGE | STAYS_TRUE, Yes),
    rule(CKA_DECRYPT, CHANGE, No),
    rule(CKA_SIGN, CHANGE, No),
    rule(CKA_SIGN_RECOVER, CHANGE, No),
    rule(CKA_UNWRAP, CHANGE, No),
    rule(CKA_DECAPSULATE, CHANGE, No),
    rule(CKA_EXTRACTABLE, CHANGE | STAYS_FALSE, No),
    rule(CKA_ALWAYS_SENSITIVE, NEVER_GIVEN, No),
    rule(CKA_NEVER_EXTRACTABLE, NEVER_GIVEN, No),
    rule(CKA_WRAP_WITH_TRUSTED, CHANGE | STAYS_TRUE, No),
    rule(CKA_ALWAYS_AUTHENTICATE, COPY, No),
    rule(CKA_UNWRAP_TEMPLATE, 0, Empty),
    rule(CKA_DERIVE_TEMPLATE, 0, Empty),
    rule(CKA_DECAPSULATE_TEMPLATE, 0, Empty),
    rule(CKA_PUBLIC_KEY_INFO, 0, Empty),
];

/// Given only when the key is imported.
const IMPORTED: Notes = NOT_GENERATE | NOT_UNWRAP;
/// The same of a part that nobody is shown.
const IMPORTED_SECRET: Notes = IMPORTED | SECRET;

const VERIFIES: &[Rule] = &[rule(CKA_VERIFY, CHANGE, Yes)];
const SIGNS: &[Rule] = &[rule(CKA_SIGN, CHANGE, Yes)];

/// PKCS#11 3.0 sec. 2.1.2 (mechanisms).
const RSA_PUBLIC_PARTS: &[Rule] = &[
    rule(CKA_ENCRYPT, CHANGE, Yes),
    rule(CKA_VERIFY, CHANGE, Yes),
    rule(CKA_VERIFY_RECOVER, CHANGE, Yes),
    rule(CKA_WRAP, CHANGE, Yes),
    rule(CKA_MODULUS, CREATE | NOT_GENERATE, Empty),
    rule(CKA_MODULUS_BITS, NOT_CREATE | GENERATE, Number(0)),
    rule(CKA_PUBLIC_EXPONENT, CREATE, Empty),
];
pub(super) const RSA_PUBLIC: &[&[Rule]] = &[STORAGE, KEY, PUBLIC, RSA_PUBLIC_PARTS];

/// PKCS#11 3.0 sec. 2.1.3 (mechanisms).
const RSA_PRIVATE_PARTS: &[Rule] = &[
    rule(CKA_DECRYPT, CHANGE, Yes),
    rule(CKA_SIGN, CHANGE, Yes),
    rule(CKA_SIGN_RECOVER, CHANGE, Yes),
    rule(CKA_UNWRAP, CHANGE, Yes),
    rule(CKA_MODULUS, CREATE | IMPORTED, Empty),
    rule(CKA_PUBLIC_EXPONENT, IMPORTED, Empty),
    rule(CKA_PRIVATE_EXPONENT, CREATE | IMPORTED_SECRET, Empty),
    rule(CKA_PRIME_1, IMPORTED_SECRET, Empty),
    rule(CKA_PRIME_2, IMPORTED_SECRET, Empty),
    rule(CKA_EXPONENT_1, IMPORTED_SECRET, Empty),
    rule(CKA_EXPONENT_2, IMPORTED_SECRET, Empty),
    rule(CKA_COEFFICIENT, IMPORTED_SECRET, Empty),
];
pub(super) const RSA_PRIVATE: &[&[Rule]] = &[STORAGE, KEY, PRIVATE, RSA_PRIVATE_PARTS];

/// PKCS#11 3.0 sec. 2.3.3 (mechanisms); Edwards and Montgomery keys have the same attributes (sec. 2.3.5 to 2.3.8).
const CURVE_PUBLIC_PARTS: &[Rule] =
    &[rule(CKA_EC_PARAMS, CREATE | GENERATE, Empty), rule(CKA_EC_POINT, CREATE | NOT_GENERATE, Empty)];
/// PKCS#11 3.0 sec. 2.3.4 (mechanisms). CKA_EC_POINT is not the specification's: some programs import private keys with
/// it, others look for it where they find no public key. One that is given must be the right one.
const CURVE_PRIVATE_PARTS: &[Rule] = &[
    rule(CKA_EC_PARAMS, CREATE | IMPORTED, Empty),
    rule(CKA_VALUE, CREATE | IMPORTED_SECRET, Empty),
    rule(CKA_EC_POINT, IMPORTED, Empty),
];
pub(super) const EC_PUBLIC: &[&[Rule]] = &[STORAGE, KEY, PUBLIC, VERIFIES, CURVE_PUBLIC_PARTS];
pub(super) const EC_PRIVATE: &[&[Rule]] = &[STORAGE, KEY, PRIVATE, SIGNS, CURVE_PRIVATE_PARTS];
pub(super) const EDWARDS_PUBLIC: &[&[Rule]] = EC_PUBLIC;
pub(super) const EDWARDS_PRIVATE: &[&[Rule]] = EC_PRIVATE;

const AGREES: &[Rule] = &[rule(CKA_DERIVE, CHANGE, Yes)];
pub(super) const MONTGOMERY_PUBLIC: &[&[Rule]] = &[STORAGE, KEY, PUBLIC, AGREES, CURVE_PUBLIC_PARTS];
pub(super) const MONTGOMERY_PRIVATE: &[&[Rule]] = &[STORAGE, KEY, PRIVATE, AGREES, CURVE_PRIVATE_PARTS];

/// PKCS#11 3.2, ML-DSA and ML-KEM: public key objects.
const LATTICE_PUBLIC_PARTS: &[Rule] =
    &[rule(CKA_PARAMETER_SET, CREATE | GENERATE, Empty), rule(CKA_VALUE, CREATE | NOT_GENERATE, Empty)];
/// PKCS#11 3.2, ML-DSA and ML-KEM: private key objects. One of CKA_SEED and CKA_VALUE is enough, the family sees to it.
const LATTICE_PRIVATE_PARTS: &[Rule] = &[
    rule(CKA_PARAMETER_SET, CREATE | IMPORTED, Empty),
    rule(CKA_SEED, IMPORTED_SECRET, Empty),
    rule(CKA_VALUE, IMPORTED_SECRET, Empty),
];
const ENCAPSULATES: &[Rule] = &[rule(CKA_ENCAPSULATE, CHANGE, Yes)];
const DECAPSULATES: &[Rule] = &[rule(CKA_DECAPSULATE, CHANGE, Yes)];

pub(super) const ML_DSA_PUBLIC: &[&[Rule]] = &[STORAGE, KEY, PUBLIC, VERIFIES, LATTICE_PUBLIC_PARTS];
pub(super) const ML_DSA_PRIVATE: &[&[Rule]] = &[STORAGE, KEY, PRIVATE, SIGNS, LATTICE_PRIVATE_PARTS];
pub(super) const ML_KEM_PUBLIC: &[&[Rule]] = &[STORAGE, KEY, PUBLIC, ENCAPSULATES, LATTICE_PUBLIC_PARTS];
pub(super) const ML_KEM_PRIVATE: &[&[Rule]] = &[STORAGE, KEY, PRIVATE, DECAPSULATES, LATTICE_PRIVATE_PARTS];
