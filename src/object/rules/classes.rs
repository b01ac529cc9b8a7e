//! The classes, each a stack of tables.

use super::certificates::{ATTRIBUTE_CERTIFICATE, CERTIFICATE, PUBLIC_KEY_CERTIFICATE, X509};
use super::secrets::{ONE_LENGTH_TABLES, SECRET_KEY_TABLES};
use super::storage::{DATA, STORAGE};
use super::*;
use crate::object::pair::families;

/// All classes with their subtypes. The first is the one that `find` meets first: AES keys.
pub(in crate::object) static CLASSES: &[Class] = &[
    secret_key(CKK_AES, Sizes::Aes, Check::Aes),
    secret_key(CKK_GENERIC_SECRET, Sizes::NotEmpty, Check::Sha1),
    secret_key(CKK_HKDF, Sizes::NotEmpty, Check::Sha1),
    secret_key(CKK_SHA_1_HMAC, Sizes::NotEmpty, Check::Sha1),
    secret_key(CKK_SHA224_HMAC, Sizes::NotEmpty, Check::Sha1),
    secret_key(CKK_SHA256_HMAC, Sizes::NotEmpty, Check::Sha1),
    secret_key(CKK_SHA384_HMAC, Sizes::NotEmpty, Check::Sha1),
    secret_key(CKK_SHA512_HMAC, Sizes::NotEmpty, Check::Sha1),
    secret_key(CKK_SHA512_224_HMAC, Sizes::NotEmpty, Check::Sha1),
    secret_key(CKK_SHA512_256_HMAC, Sizes::NotEmpty, Check::Sha1),
    secret_key(CKK_SHA3_224_HMAC, Sizes::NotEmpty, Check::Sha1),
    secret_key(CKK_SHA3_256_HMAC, Sizes::NotEmpty, Check::Sha1),
    secret_key(CKK_SHA3_384_HMAC, Sizes::NotEmpty, Check::Sha1),
    secret_key(CKK_SHA3_512_HMAC, Sizes::NotEmpty, Check::Sha1),
    secret_key(CKK_AES_XTS, Sizes::AesXts, Check::Sha1),
    one_length(CKK_CHACHA20, Sizes::Just(32), Check::Sha1),
    legacy(one_length(CKK_DES, Sizes::Des(8), Check::Des)),
    legacy(one_length(CKK_DES2, Sizes::Des(16), Check::Des)),
    legacy(one_length(CKK_DES3, Sizes::Des(24), Check::Des)),
    legacy(secret_key(CKK_MD5_HMAC, Sizes::NotEmpty, Check::Sha1)),
    public_key(CKK_RSA, pairs::RSA_PUBLIC, &families::RSA),
    private_key(CKK_RSA, pairs::RSA_PRIVATE, &families::RSA),
    public_key(CKK_EC, pairs::EC_PUBLIC, &families::EC),
    private_key(CKK_EC, pairs::EC_PRIVATE, &families::EC),
    public_key(CKK_EC_EDWARDS, pairs::EDWARDS_PUBLIC, &families::EDWARDS),
    private_key(CKK_EC_EDWARDS, pairs::EDWARDS_PRIVATE, &families::EDWARDS),
    public_key(CKK_EC_MONTGOMERY, pairs::MONTGOMERY_PUBLIC, &families::MONTGOMERY),
    private_key(CKK_EC_MONTGOMERY, pairs::MONTGOMERY_PRIVATE, &families::MONTGOMERY),
    public_key(CKK_ML_DSA, pairs::ML_DSA_PUBLIC, &families::ML_DSA),
    private_key(CKK_ML_DSA, pairs::ML_DSA_PRIVATE, &families::ML_DSA),
    public_key(CKK_ML_KEM, pairs::ML_KEM_PUBLIC, &families::ML_KEM),
    private_key(CKK_ML_KEM, pairs::ML_KEM_PRIVATE, &families::ML_KEM),
    domain(CKK_EC, domains::CURVE),
    domain(CKK_EC_EDWARDS, domains::CURVE),
    domain(CKK_EC_MONTGOMERY, domains::CURVE),
    domain(CKK_DH, domains::DH),
    domain(CKK_DSA, domains::DSA),
    domain(CKK_X9_42_DH, domains::DSA),
    class(CKO_DATA, (CKA_CLASS, CKO_DATA), &[STORAGE, DATA], Sizes::Any, Check::None),
    certificate(CKC_X_509, &[STORAGE, CERTIFICATE, PUBLIC_KEY_CERTIFICATE, X509]),
    certificate(CKC_WTLS, &[STORAGE, CERTIFICATE, PUBLIC_KEY_CERTIFICATE]),
    certificate(CKC_X_509_ATTR_CERT, &[STORAGE, CERTIFICATE, ATTRIBUTE_CERTIFICATE]),
];

const fn secret_key(key_type: CK_KEY_TYPE, sizes: Sizes, check: Check) -> Class {
    class(CKO_SECRET_KEY, (CKA_KEY_TYPE, key_type), SECRET_KEY_TABLES, sizes, check)
}

const fn one_length(key_type: CK_KEY_TYPE, sizes: Sizes, check: Check) -> Class {
    class(CKO_SECRET_KEY, (CKA_KEY_TYPE, key_type), ONE_LENGTH_TABLES, sizes, check)
}

const fn legacy(mut class: Class) -> Class {
    class.legacy = true;
    class
}

const fn public_key(key_type: CK_KEY_TYPE, tables: &[&[Rule]], family: &'static Family) -> Class {
    let mut made = class(CKO_PUBLIC_KEY, (CKA_KEY_TYPE, key_type), tables, Sizes::Any, Check::None);
    made.family = Some(family);
    made
}

const fn private_key(key_type: CK_KEY_TYPE, tables: &[&[Rule]], family: &'static Family) -> Class {
    let mut made = class(CKO_PRIVATE_KEY, (CKA_KEY_TYPE, key_type), tables, Sizes::Parts, Check::None);
    made.family = Some(family);
    made
}

const fn domain(key_type: CK_KEY_TYPE, tables: &[&[Rule]]) -> Class {
    class(CKO_DOMAIN_PARAMETERS, (CKA_KEY_TYPE, key_type), tables, Sizes::Any, Check::None)
}

const fn certificate(certificate_type: CK_CERTIFICATE_TYPE, tables: &[&[Rule]]) -> Class {
    class(CKO_CERTIFICATE, (CKA_CERTIFICATE_TYPE, certificate_type), tables, Sizes::Any, Check::Sha1)
}
