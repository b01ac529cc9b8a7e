//! Domain parameters (PKCS#11 3.2, Domain parameter objects): kept, and given to C_GenerateKeyPair by the caller.
//!
//! Those of elliptic curves are not in the specification: CKA_EC_PARAMS alone, as public keys have it.

use super::Initial::{Empty, No, Number};
use super::storage::STORAGE;
use super::*;

const DOMAIN: &[Rule] = &[
    rule(CKA_KEY_TYPE, CREATE | UNWRAP, Empty),
    rule(CKA_LOCAL, NOT_CREATE | NOT_GENERATE | NOT_UNWRAP, No),
];

/// Given with the object.
const GIVEN: Notes = CREATE | NOT_GENERATE;
/// Computed of an object that is created.
const COMPUTED: Notes = NOT_CREATE | GENERATE;

const PRIME_AND_BASE: &[Rule] =
    &[rule(CKA_PRIME, GIVEN, Empty), rule(CKA_BASE, GIVEN, Empty), rule(CKA_PRIME_BITS, COMPUTED, Number(0))];
const SUBPRIME: &[Rule] = &[rule(CKA_SUBPRIME, GIVEN, Empty), rule(CKA_SUBPRIME_BITS, NOT_CREATE, Number(0))];

pub(super) const CURVE: &[&[Rule]] = &[STORAGE, DOMAIN, &[rule(CKA_EC_PARAMS, GIVEN, Empty)]];
pub(super) const DH: &[&[Rule]] = &[STORAGE, DOMAIN, PRIME_AND_BASE];
pub(super) const DSA: &[&[Rule]] = &[STORAGE, DOMAIN, PRIME_AND_BASE, SUBPRIME];
