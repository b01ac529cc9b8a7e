//! Certificates.

use super::Initial::{Empty, No, Number};
use super::*;

/// PKCS#11 3.0 sec. 4.7.2
pub(super) const CERTIFICATE: &[Rule] = &[
    rule(CKA_CERTIFICATE_TYPE, CREATE, Empty),
    rule(CKA_TRUSTED, CHANGE | SO, No),
    rule(CKA_CERTIFICATE_CATEGORY, 0, Number(CK_CERTIFICATE_CATEGORY_UNSPECIFIED)),
    rule(CKA_CHECK_VALUE, 0, Empty),
    rule(CKA_START_DATE, 0, Empty),
    rule(CKA_END_DATE, 0, Empty),
    rule(CKA_PUBLIC_KEY_INFO, 0, Empty),
    rule(CKA_VALUE, CREATE, Empty),
];

/// What X.509 and WTLS certificates share (PKCS#11 3.0 sec. 4.7.3 and 4.7.4).
pub(super) const PUBLIC_KEY_CERTIFICATE: &[Rule] = &[
    rule(CKA_SUBJECT, CREATE, Empty),
    rule(CKA_ISSUER, CHANGE, Empty),
    rule(CKA_URL, 0, Empty),
    rule(CKA_HASH_OF_SUBJECT_PUBLIC_KEY, 0, Empty),
    rule(CKA_HASH_OF_ISSUER_PUBLIC_KEY, 0, Empty),
    rule(CKA_NAME_HASH_ALGORITHM, 0, Number(CKM_SHA_1)),
];

/// PKCS#11 3.0 sec. 4.7.3
pub(super) const X509: &[Rule] = &[
    rule(CKA_ID, CHANGE, Empty),
    rule(CKA_SERIAL_NUMBER, CHANGE, Empty),
    rule(CKA_JAVA_MIDP_SECURITY_DOMAIN, 0, Number(CK_SECURITY_DOMAIN_UNSPECIFIED)),
];

/// PKCS#11 3.0 sec. 4.7.5
pub(super) const ATTRIBUTE_CERTIFICATE: &[Rule] = &[
    rule(CKA_OWNER, CREATE, Empty),
    rule(CKA_AC_ISSUER, CHANGE, Empty),
    rule(CKA_SERIAL_NUMBER, CHANGE, Empty),
    rule(CKA_ATTR_TYPES, CHANGE, Empty),
];
