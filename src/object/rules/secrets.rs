//! Secret keys.

use super::Initial::{Empty, No, Yes};
use super::storage::{KEY, STORAGE};
use super::*;

/// PKCS#11 3.0 sec. 4.11. CKA_TRUSTED may be set later: a user makes the key, and the SO says so then.
/// CKA_CHECK_VALUE may be destroyed later, by setting it to no value.
pub(super) const SECRET_KEY: &[Rule] = &[
    rule(CKA_PRIVATE, COPY | STAYS_TRUE, Yes),
    rule(CKA_SENSITIVE, CHANGE | STAYS_TRUE, Yes),
    rule(CKA_ENCRYPT, CHANGE, Yes),
    rule(CKA_DECRYPT, CHANGE, Yes),
    rule(CKA_SIGN, CHANGE, Yes),
    rule(CKA_VERIFY, CHANGE, Yes),
    rule(CKA_WRAP, CHANGE, Yes),
    rule(CKA_UNWRAP, CHANGE, Yes),
    rule(CKA_EXTRACTABLE, CHANGE | STAYS_FALSE, No),
    rule(CKA_ALWAYS_SENSITIVE, NEVER_GIVEN, No),
    rule(CKA_NEVER_EXTRACTABLE, NEVER_GIVEN, No),
    rule(CKA_CHECK_VALUE, CHANGE, Empty),
    rule(CKA_WRAP_WITH_TRUSTED, CHANGE | STAYS_TRUE, No),
    rule(CKA_TRUSTED, CHANGE | SO, No),
    rule(CKA_WRAP_TEMPLATE, 0, Empty),
    rule(CKA_UNWRAP_TEMPLATE, 0, Empty),
    rule(CKA_DERIVE_TEMPLATE, 0, Empty),
    rule(CKA_VALUE, CREATE | NOT_GENERATE | NOT_UNWRAP | SECRET, Empty),
    rule(CKA_VALUE_LEN, NOT_CREATE | GENERATE, Empty),
];

pub(super) const SECRET_KEY_TABLES: &[&[Rule]] = &[STORAGE, KEY, SECRET_KEY];

/// Keys whose type has one length: nobody needs to say it. The specification gives DES keys no CKA_VALUE_LEN, and makes
/// it a must for ChaCha20 keys; programs give it to both or to none.
const ONE_LENGTH: &[Rule] = &[rule(CKA_VALUE_LEN, NOT_CREATE, Empty)];

pub(super) const ONE_LENGTH_TABLES: &[&[Rule]] = &[STORAGE, KEY, SECRET_KEY, ONE_LENGTH];
