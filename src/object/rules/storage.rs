//! What all objects, data objects and all keys have.

use super::Initial::{Empty, No, Number, Yes};
use super::*;

/// PKCS#11 3.0 sec. 4.3 and 4.5: all objects, storage objects. CKA_COPYABLE can only become false.
pub(super) const STORAGE: &[Rule] = &[
    rule(CKA_CLASS, CREATE | UNWRAP, Empty),
    rule(CKA_UNIQUE_ID, NEVER_GIVEN, Empty),
    rule(CKA_TOKEN, COPY, No),
    rule(CKA_PRIVATE, COPY | STAYS_TRUE, No),
    rule(CKA_MODIFIABLE, COPY, Yes),
    rule(CKA_LABEL, CHANGE, Empty),
    rule(CKA_COPYABLE, CHANGE | STAYS_FALSE, Yes),
    rule(CKA_DESTROYABLE, COPY, Yes),
];

/// PKCS#11 3.0 sec. 4.6
pub(super) const DATA: &[Rule] =
    &[rule(CKA_APPLICATION, 0, Empty), rule(CKA_OBJECT_ID, 0, Empty), rule(CKA_VALUE, 0, Empty)];

/// PKCS#11 3.0 sec. 4.8.2
pub(super) const KEY: &[Rule] = &[
    rule(CKA_KEY_TYPE, CREATE | UNWRAP, Empty),
    rule(CKA_ID, CHANGE, Empty),
    rule(CKA_START_DATE, CHANGE, Empty),
    rule(CKA_END_DATE, CHANGE, Empty),
    rule(CKA_DERIVE, CHANGE, No),
    rule(CKA_LOCAL, NEVER_GIVEN, No),
    rule(CKA_KEY_GEN_MECHANISM, NEVER_GIVEN, Number(CK_UNAVAILABLE_INFORMATION)),
    rule(CKA_ALLOWED_MECHANISMS, 0, Empty),
];
