//! The table: one row per mechanism, and nothing but rows.
//!
//! Called by: session (dispatch, C_GetMechanismList, C_GetMechanismInfo). A mechanism that has no row does not exist.

use super::*;
use crate::crypto::digest;
use crate::crypto::mac;
use crate::crypto::rsa;
use crate::profile::vendor::*;
use cryptoki_sys::*;

/// The row of a mechanism.
pub fn find(id: CK_MECHANISM_TYPE) -> Option<&'static Mechanism> {
    TABLE.get(place(id)?)
}

/// Where in `TABLE` a mechanism's row stands. One array access, for every C_*Init asks.
#[inline]
pub(super) fn place(id: CK_MECHANISM_TYPE) -> Option<usize> {
    match *INDEX.get(index_place(id)?)? {
        NO_ROW => None,
        row => Some(usize::from(row)),
    }
}

/// Mechanism ids below this have a place in the index. All standard ones of these families do; an id beyond it
/// does not compile until the index learns of it.
const STANDARD_IDS: usize = 0x4100;
/// As `STANDARD_IDS`, of ids with CKM_VENDOR_DEFINED: their places come after the standard ones'.
const VENDOR_IDS: usize = 0x2200;
const NO_ROW: u8 = u8::MAX;

/// Where in `INDEX` an id has its place.
const fn index_place(id: CK_MECHANISM_TYPE) -> Option<usize> {
    let number = (id & !CKM_VENDOR_DEFINED) as usize;
    match id & CKM_VENDOR_DEFINED != 0 {
        false if number < STANDARD_IDS => Some(number),
        true if number < VENDOR_IDS => Some(STANDARD_IDS + number),
        _ => None,
    }
}

/// Where in `TABLE` a mechanism's row stands, by the place of its id.
static INDEX: [u8; STANDARD_IDS + VENDOR_IDS] = {
    let mut index = [NO_ROW; STANDARD_IDS + VENDOR_IDS];
    let mut row = 0;
    while row < TABLE.len() {
        index[index_place(TABLE[row].id).expect("the index has a place for it")] = row as u8;
        row += 1;
    }
    assert!(TABLE.len() < NO_ROW as usize, "the index has one byte a row");
    index
};

const AES: &[CK_KEY_TYPE] = &[CKK_AES];
const AES_SIZES: KeySizes = KeySizes { min: 16, max: 32, bits: false };
const XTS_SIZES: KeySizes = KeySizes { min: 32, max: 64, bits: false };
const CHACHA20_SIZES: KeySizes = KeySizes { min: 32, max: 32, bits: false };
const DES: (&[CK_KEY_TYPE], KeySizes) = (&[CKK_DES], KeySizes { min: 8, max: 8, bits: false });
const DES2: (&[CK_KEY_TYPE], KeySizes) = (&[CKK_DES2], KeySizes { min: 16, max: 16, bits: false });
const DES3: (&[CK_KEY_TYPE], KeySizes) = (&[CKK_DES3], KeySizes { min: 24, max: 24, bits: false });
/// Triple DES.
const TDES: (&[CK_KEY_TYPE], KeySizes) = (&[CKK_DES3, CKK_DES2], KeySizes { min: 16, max: 24, bits: false });
const MD5_HMAC: &[CK_KEY_TYPE] = &[CKK_GENERIC_SECRET, CKK_MD5_HMAC];
/// In bits: the specification says so for this one, and for that of its key generation in bytes.
const CHACHA20_BITS: KeySizes = KeySizes { min: 256, max: 256, bits: true };
const HMAC_SIZES: KeySizes = KeySizes { min: 1, max: generate::MAX_SECRET_BYTES, bits: false };
/// In bits: the specification says so for this one.
const GENERIC_SIZES: KeySizes = KeySizes { min: 8, max: 8 * generate::MAX_SECRET_BYTES, bits: true };

const RSA: &[CK_KEY_TYPE] = &[CKK_RSA];
const RSA_VECTORS: &str = "wycheproof rsa_signature; RFC 8017 sec. 9.2";
const PSS_VECTORS: &str = "wycheproof rsa_pss; RFC 8017 sec. 9.1.2";
/// PKCS#11 3.2 sec. 6.62.3
const HKDF: &[CK_KEY_TYPE] = &[CKK_HKDF, CKK_GENERIC_SECRET];
const RSA_SIZES: KeySizes = KeySizes { min: rsa::MIN_BITS, max: rsa::MAX_BITS, bits: true };
/// Bytes of public keys: the specification says so for these.
const ML_DSA_SIZES: KeySizes = KeySizes { min: 1312, max: 2592, bits: false };
const ML_KEM_SIZES: KeySizes = KeySizes { min: 800, max: 1568, bits: false };
const CURVE25519_SIZES: KeySizes = KeySizes { min: 255, max: 255, bits: true };
const EC_SIZES: KeySizes = KeySizes { min: 224, max: 521, bits: true };

/// Every type of secret key: the base keys of derivations that do not ask.
const SECRETS: &[CK_KEY_TYPE] = &[
    CKK_GENERIC_SECRET,
    CKK_AES,
    CKK_AES_XTS,
    CKK_CHACHA20,
    CKK_HKDF,
    CKK_DES,
    CKK_DES2,
    CKK_DES3,
    CKK_MD5_HMAC,
    CKK_SHA_1_HMAC,
    CKK_SHA224_HMAC,
    CKK_SHA256_HMAC,
    CKK_SHA384_HMAC,
    CKK_SHA512_HMAC,
    CKK_SHA512_224_HMAC,
    CKK_SHA512_256_HMAC,
    CKK_SHA3_224_HMAC,
    CKK_SHA3_256_HMAC,
    CKK_SHA3_384_HMAC,
    CKK_SHA3_512_HMAC,
];
/// Of keys that are generic secrets or of another type; in bits for the derivations of SP 800-108.
const SECRET_SIZES: KeySizes = KeySizes { min: 1, max: crate::object::MAX_OBJECT_BYTES, bits: false };
const SECRET_BITS: KeySizes = KeySizes { min: 8, max: 8 * crate::object::MAX_OBJECT_BYTES, bits: true };

/// What the simple derivations make, and with a length that the template must say.
const BOUND: Derived = Derived { lineage: Lineage::Bound, lengths: Lengths::OfTyped, ..Derived::PLAIN };
const BOUND_SIZED: Derived = Derived { lengths: Lengths::Needed, ..BOUND };
const DIGESTED: Derived = Derived { lengths: Lengths::OfTyped, ..Derived::PLAIN };
const OF_HKDF: Derived = Derived { from_data: true, ..Derived::PLAIN };
const DATA_OF_HKDF: Derived = Derived { data: true, ..OF_HKDF };
const OF_SP800_108: Derived =
    Derived { lineage: Lineage::AsBase, lengths: Lengths::Needed, ..Derived::PLAIN };

/// A row's fields that are not written out.
const REST: Mechanism = Mechanism {
    id: 0,
    name: "",
    params: ParamShape::None,
    key_types: &[],
    key_sizes: KeySizes { min: 0, max: 0, bits: false },
    vectors: "",
    cipher: None,
    message: None,
    digest: None,
    sign: None,
    recover: None,
    wrap: None,
    kem: None,
    generate: None,
    generate_pair: None,
    derive: None,
    derived: Derived::PLAIN,
    unwraps_tail: false,
    legacy: false,
    cloudhsm: false,
    limits: Limits::NONE,
};

macro_rules! row {
    ($id:ident, vectors: $vectors:expr $(, $field:ident: $value:expr)* $(,)?) => {
        Mechanism { id: $id, name: stringify!($id), vectors: $vectors, $($field: $value,)* ..REST }
    };
}

macro_rules! aes {
    ($id:ident, vectors: $vectors:expr $(, $field:ident: $value:expr)* $(,)?) => {
        row!($id, vectors: $vectors, key_types: AES, key_sizes: AES_SIZES $(, $field: $value)*)
    };
}

macro_rules! des {
    ($id:ident, $keys:ident, vectors: $vectors:expr $(, $field:ident: $value:expr)* $(,)?) => {
        row!($id, vectors: $vectors, key_types: $keys.0, key_sizes: $keys.1, legacy: true $(, $field: $value)*)
    };
}

macro_rules! sha {
    ($id:ident, $hash:ident, $vectors:expr) => {
        row!($id, vectors: $vectors, digest: Some(sha::new::<digest::$hash>))
    };
}

macro_rules! hmac_key_gen {
    ($id:ident, $key_type:ident) => {
        row!($id, vectors: "none: random", key_types: &[$key_type], key_sizes: HMAC_SIZES,
            generate: Some(generate::generic_secret))
    };
}

macro_rules! hmac {
    ($id:ident, $key_type:ident, $mac:ident, $vectors:expr) => {
        row!($id, vectors: $vectors, key_types: &[CKK_GENERIC_SECRET, $key_type], key_sizes: HMAC_SIZES,
            sign: Some(macs::hmac::<mac::$mac>))
    };
}

macro_rules! hmac_general {
    ($id:ident, $key_type:ident, $mac:ident, $vectors:expr) => {
        row!($id, vectors: $vectors, key_types: &[CKK_GENERIC_SECRET, $key_type], key_sizes: HMAC_SIZES,
            params: ParamShape::MacLength, sign: Some(macs::hmac_general::<mac::$mac>))
    };
}

macro_rules! ml_dsa {
    ($id:ident, $new:expr, $vectors:expr) => {
        row!($id, vectors: $vectors, key_types: &[CKK_ML_DSA], key_sizes: ML_DSA_SIZES,
            params: ParamShape::SignContext, sign: Some($new))
    };
}

macro_rules! ecdsa {
    ($id:ident, $new:expr, $vectors:expr) => {
        row!($id, vectors: $vectors, key_types: &[CKK_EC], key_sizes: EC_SIZES, sign: Some($new))
    };
}

macro_rules! rsa {
    ($id:ident, vectors: $vectors:expr $(, $field:ident: $value:expr)* $(,)?) => {
        row!($id, vectors: $vectors, key_types: RSA, key_sizes: RSA_SIZES $(, $field: $value)*)
    };
}

macro_rules! rsa_of {
    ($id:ident, $hash:ident, $vectors:expr) => {
        rsa!($id, vectors: $vectors, sign: Some(rsa_sign::pkcs1_of::<digest::$hash>))
    };
}

macro_rules! rsa_pss_of {
    ($id:ident, $hash:ident, $vectors:expr) => {
        rsa!($id, vectors: $vectors, params: ParamShape::Pss, sign: Some(rsa_sign::pss_of::<digest::$hash>))
    };
}

macro_rules! derived {
    ($id:ident, vectors: $vectors:expr, $params:expr, $derive:expr, $derived:expr $(, $field:ident: $value:expr)*) => {
        row!($id, vectors: $vectors, key_types: SECRETS, params: $params, derive: Some($derive), derived: $derived
            $(, $field: $value)*)
    };
}

macro_rules! digested {
    ($id:ident, $hash:ident) => {
        derived!($id, vectors: "definition", ParamShape::None, digested::derive::<digest::$hash>, DIGESTED,
            key_sizes: SECRET_SIZES)
    };
}

#[rustfmt::skip]
pub static TABLE: &[Mechanism] = &[
    aes!(CKM_AES_KEY_GEN, vectors: "none: random", generate: Some(generate::aes)),
    row!(CKM_GENERIC_SECRET_KEY_GEN, vectors: "none: random", key_types: &[CKK_GENERIC_SECRET],
        key_sizes: GENERIC_SIZES, generate: Some(generate::generic_secret)),
    hmac_key_gen!(CKM_SHA_1_KEY_GEN, CKK_SHA_1_HMAC),
    hmac_key_gen!(CKM_SHA224_KEY_GEN, CKK_SHA224_HMAC),
    hmac_key_gen!(CKM_SHA256_KEY_GEN, CKK_SHA256_HMAC),
    hmac_key_gen!(CKM_SHA384_KEY_GEN, CKK_SHA384_HMAC),
    hmac_key_gen!(CKM_SHA512_KEY_GEN, CKK_SHA512_HMAC),
    hmac_key_gen!(CKM_SHA512_224_KEY_GEN, CKK_SHA512_224_HMAC),
    hmac_key_gen!(CKM_SHA512_256_KEY_GEN, CKK_SHA512_256_HMAC),
    hmac_key_gen!(CKM_SHA3_224_KEY_GEN, CKK_SHA3_224_HMAC),
    hmac_key_gen!(CKM_SHA3_256_KEY_GEN, CKK_SHA3_256_HMAC),
    hmac_key_gen!(CKM_SHA3_384_KEY_GEN, CKK_SHA3_384_HMAC),
    hmac_key_gen!(CKM_SHA3_512_KEY_GEN, CKK_SHA3_512_HMAC),

    aes!(CKM_AES_ECB, vectors: "NIST SP 800-38A F.1",
        cipher: Some(aes_blocks::ecb), wrap: Some(&aes_blocks::WRAP_ECB)),
    aes!(CKM_AES_CBC, vectors: "NIST SP 800-38A F.2", params: ParamShape::Iv(16),
        cipher: Some(aes_blocks::cbc), wrap: Some(&aes_blocks::WRAP_CBC)),
    aes!(CKM_AES_CBC_PAD, vectors: "wycheproof aes_cbc_pkcs5", params: ParamShape::Iv(16),
        cipher: Some(aes_cbc_pad::new), wrap: Some(&aes_cbc_pad::WRAP)),
    aes!(CKM_AES_CTR, vectors: "NIST SP 800-38A F.5", params: ParamShape::Ctr, cipher: Some(aes_ctr::new)),
    aes!(CKM_AES_GCM, vectors: "wycheproof aes_gcm", params: ParamShape::Gcm,
        cipher: Some(aes_gcm::new), message: Some(MessageShape::Gcm), wrap: Some(&aes_gcm::WRAP)),
    aes!(CKM_AES_CMAC, vectors: "wycheproof aes_cmac", sign: Some(macs::aes_cmac)),
    aes!(CKM_AES_CMAC_GENERAL, vectors: "wycheproof aes_cmac", params: ParamShape::MacLength,
        sign: Some(macs::aes_cmac_general)),
    aes!(CKM_AES_KEY_WRAP, vectors: "wycheproof aes_wrap; RFC 3394 sec. 4", params: ParamShape::OptionalIv(8),
        cipher: Some(aes_key_wrap::kw), wrap: Some(&aes_key_wrap::WRAP_KW)),
    aes!(CKM_AES_KEY_WRAP_KWP, vectors: "wycheproof aes_kwp; RFC 5649 sec. 6", params: ParamShape::OptionalIv(4),
        cipher: Some(aes_key_wrap::kwp), wrap: Some(&aes_key_wrap::WRAP_KWP)),
    aes!(CKM_AES_KEY_WRAP_PKCS7, vectors: "aes-kw over PKCS #7", params: ParamShape::OptionalIv(8),
        cipher: Some(aes_key_wrap::pkcs7), wrap: Some(&aes_key_wrap::WRAP_PKCS7)),

    // More symmetric ciphers.
    row!(CKM_AES_XTS_KEY_GEN, vectors: "none: random", key_types: &[CKK_AES_XTS], key_sizes: XTS_SIZES,
        generate: Some(generate::aes_xts)),
    row!(CKM_CHACHA20_KEY_GEN, vectors: "none: random", key_types: &[CKK_CHACHA20], key_sizes: CHACHA20_SIZES,
        generate: Some(generate::chacha20)),
    aes!(CKM_AES_OFB, vectors: "NIST SP 800-38A F.4", params: ParamShape::Iv(16), cipher: Some(aes_feedback::ofb)),
    aes!(CKM_AES_CFB8, vectors: "NIST SP 800-38A F.3", params: ParamShape::Iv(16), cipher: Some(aes_feedback::cfb8)),
    aes!(CKM_AES_CFB128, vectors: "NIST SP 800-38A F.3", params: ParamShape::Iv(16),
        cipher: Some(aes_feedback::cfb128)),
    aes!(CKM_AES_CCM, vectors: "wycheproof aes_ccm", params: ParamShape::Ccm,
        cipher: Some(aes_ccm::new), message: Some(MessageShape::Ccm), wrap: Some(&aes_ccm::WRAP)),
    aes!(CKM_AES_GMAC, vectors: "wycheproof aes_gmac", params: ParamShape::Gmac, sign: Some(aes_gcm::gmac)),
    row!(CKM_AES_XTS, vectors: "wycheproof aes_xts", key_types: &[CKK_AES_XTS], key_sizes: XTS_SIZES,
        params: ParamShape::Iv(16), cipher: Some(aes_xts::new)),
    row!(CKM_CHACHA20, vectors: "RFC 8439 sec. 2.4.2; draft-irtf-cfrg-xchacha-03 A.3.2", key_types: &[CKK_CHACHA20],
        key_sizes: CHACHA20_BITS, params: ParamShape::ChaCha20, cipher: Some(chacha20::plain)),
    row!(CKM_CHACHA20_POLY1305, vectors: "wycheproof chacha20_poly1305; wycheproof xchacha20_poly1305",
        key_types: &[CKK_CHACHA20], key_sizes: CHACHA20_SIZES, params: ParamShape::ChaCha20Poly1305,
        cipher: Some(chacha20::poly1305), message: Some(MessageShape::ChaCha20Poly1305)),
    aes!(CKM_AES_MAC, vectors: "NIST SP 800-38A F.1", sign: Some(macs::aes_mac)),
    aes!(CKM_AES_MAC_GENERAL, vectors: "NIST SP 800-38A F.1", params: ParamShape::MacLength,
        sign: Some(macs::aes_mac_general)),

    // What is there only with the configuration's `legacy`.
    des!(CKM_DES_KEY_GEN, DES, vectors: "none: random", generate: Some(generate::des)),
    des!(CKM_DES_ECB, DES, vectors: "FIPS 81 table B1", cipher: Some(des::ecb), wrap: Some(&des::WRAP_ECB)),
    des!(CKM_DES_CBC, DES, vectors: "FIPS 81 table C1", params: ParamShape::Iv(8),
        cipher: Some(des::cbc), wrap: Some(&des::WRAP_CBC)),
    des!(CKM_DES_CBC_PAD, DES, vectors: "FIPS 81 table C1", params: ParamShape::Iv(8),
        cipher: Some(des::cbc_pad), wrap: Some(&des::WRAP_CBC_PAD)),
    des!(CKM_DES2_KEY_GEN, DES2, vectors: "none: random", generate: Some(generate::des)),
    des!(CKM_DES3_KEY_GEN, DES3, vectors: "none: random", generate: Some(generate::des)),
    des!(CKM_DES3_ECB, TDES, vectors: "NIST SP 800-67 B.1",
        cipher: Some(des::ecb), wrap: Some(&des::WRAP_ECB)),
    des!(CKM_DES3_CBC, TDES, vectors: "FIPS 81 table C1", params: ParamShape::Iv(8),
        cipher: Some(des::cbc), wrap: Some(&des::WRAP_CBC)),
    des!(CKM_DES3_CBC_PAD, TDES, vectors: "FIPS 81 table C1", params: ParamShape::Iv(8),
        cipher: Some(des::cbc_pad), wrap: Some(&des::WRAP_CBC_PAD)),
    des!(CKM_DES3_CMAC, TDES, vectors: "NIST SP 800-38B D.4 to D.5", sign: Some(macs::des3_cmac)),
    des!(CKM_DES3_CMAC_GENERAL, TDES, vectors: "NIST SP 800-38B D.4 to D.5", params: ParamShape::MacLength,
        sign: Some(macs::des3_cmac_general)),
    des!(CKM_DES_ECB_ENCRYPT_DATA, DES, vectors: "FIPS 81 table B1", params: ParamShape::DerivationData,
        derive: Some(encrypted_data::des_ecb), derived: DIGESTED),
    des!(CKM_DES_CBC_ENCRYPT_DATA, DES, vectors: "FIPS 81 table C1", params: ParamShape::DerivationDataIv(8),
        derive: Some(encrypted_data::des_cbc), derived: DIGESTED),
    des!(CKM_DES3_ECB_ENCRYPT_DATA, TDES, vectors: "NIST SP 800-67 B.1", params: ParamShape::DerivationData,
        derive: Some(encrypted_data::des_ecb), derived: DIGESTED),
    des!(CKM_DES3_CBC_ENCRYPT_DATA, TDES, vectors: "FIPS 81 table C1", params: ParamShape::DerivationDataIv(8),
        derive: Some(encrypted_data::des_cbc), derived: DIGESTED),
    row!(CKM_MD5, vectors: "RFC 1321 A.5", digest: Some(sha::new::<digest::Md5>), legacy: true),
    row!(CKM_MD5_HMAC, vectors: "RFC 2202 sec. 2", key_types: MD5_HMAC, key_sizes: HMAC_SIZES,
        sign: Some(macs::hmac::<mac::HmacMd5>), legacy: true),
    row!(CKM_MD5_HMAC_GENERAL, vectors: "RFC 2202 sec. 2", key_types: MD5_HMAC, key_sizes: HMAC_SIZES,
        params: ParamShape::MacLength, sign: Some(macs::hmac_general::<mac::HmacMd5>), legacy: true),

    // Of profile `cloudhsm` alone
    aes!(CKM_CLOUDHSM_AES_GCM, vectors: "wycheproof aes_gcm", cloudhsm: true, params: ParamShape::Gcm,
        cipher: Some(cloudhsm_gcm::new), wrap: Some(&cloudhsm_gcm::WRAP)),
    aes!(CKM_CLOUDHSM_AES_KEY_WRAP_NO_PAD, vectors: "RFC 3394 sec. 4", cloudhsm: true,
        params: ParamShape::OptionalIv(8), wrap: Some(&cloudhsm_wrap::NO_PAD)),
    aes!(CKM_CLOUDHSM_AES_KEY_WRAP_PKCS5_PAD, vectors: "aes-kw over PKCS #7", cloudhsm: true,
        params: ParamShape::OptionalIv(8), wrap: Some(&cloudhsm_wrap::PKCS5_PAD)),
    aes!(CKM_CLOUDHSM_AES_KEY_WRAP_ZERO_PAD, vectors: "RFC 5649 sec. 6", cloudhsm: true,
        wrap: Some(&cloudhsm_wrap::ZERO_PAD)),
    derived!(CKM_CLOUDHSM_SP800_108_COUNTER_KDF, vectors: "NIST CAVS KBKDF", ParamShape::Sp800108CloudHsm,
        cloudhsm_derive::counter, OF_SP800_108, key_sizes: SECRET_BITS, cloudhsm: true),

    sha!(CKM_SHA_1, Sha1, "FIPS 180-4 examples"),
    sha!(CKM_SHA224, Sha224, "FIPS 180-4 examples"),
    sha!(CKM_SHA256, Sha256, "FIPS 180-4 examples"),
    sha!(CKM_SHA384, Sha384, "FIPS 180-4 examples"),
    sha!(CKM_SHA512, Sha512, "FIPS 180-4 examples"),
    sha!(CKM_SHA512_224, Sha512_224, "FIPS 180-4 examples"),
    sha!(CKM_SHA512_256, Sha512_256, "FIPS 180-4 examples"),
    sha!(CKM_SHA3_224, Sha3_224, "FIPS 202 examples"),
    sha!(CKM_SHA3_256, Sha3_256, "FIPS 202 examples"),
    sha!(CKM_SHA3_384, Sha3_384, "FIPS 202 examples"),
    sha!(CKM_SHA3_512, Sha3_512, "FIPS 202 examples"),

    hmac!(CKM_SHA_1_HMAC, CKK_SHA_1_HMAC, HmacSha1, "wycheproof hmac_sha1"),
    hmac!(CKM_SHA224_HMAC, CKK_SHA224_HMAC, HmacSha224, "wycheproof hmac_sha224"),
    hmac!(CKM_SHA256_HMAC, CKK_SHA256_HMAC, HmacSha256, "wycheproof hmac_sha256"),
    hmac!(CKM_SHA384_HMAC, CKK_SHA384_HMAC, HmacSha384, "wycheproof hmac_sha384"),
    hmac!(CKM_SHA512_HMAC, CKK_SHA512_HMAC, HmacSha512, "wycheproof hmac_sha512"),
    hmac!(CKM_SHA512_224_HMAC, CKK_SHA512_224_HMAC, HmacSha512_224, "wycheproof hmac_sha512_224"),
    hmac!(CKM_SHA512_256_HMAC, CKK_SHA512_256_HMAC, HmacSha512_256, "wycheproof hmac_sha512_256"),
    hmac!(CKM_SHA3_224_HMAC, CKK_SHA3_224_HMAC, HmacSha3_224, "wycheproof hmac_sha3_224"),
    hmac!(CKM_SHA3_256_HMAC, CKK_SHA3_256_HMAC, HmacSha3_256, "wycheproof hmac_sha3_256"),
    hmac!(CKM_SHA3_384_HMAC, CKK_SHA3_384_HMAC, HmacSha3_384, "wycheproof hmac_sha3_384"),
    hmac!(CKM_SHA3_512_HMAC, CKK_SHA3_512_HMAC, HmacSha3_512, "wycheproof hmac_sha3_512"),

    hmac_general!(CKM_SHA_1_HMAC_GENERAL, CKK_SHA_1_HMAC, HmacSha1, "wycheproof hmac_sha1"),
    hmac_general!(CKM_SHA224_HMAC_GENERAL, CKK_SHA224_HMAC, HmacSha224, "wycheproof hmac_sha224"),
    hmac_general!(CKM_SHA256_HMAC_GENERAL, CKK_SHA256_HMAC, HmacSha256, "wycheproof hmac_sha256"),
    hmac_general!(CKM_SHA384_HMAC_GENERAL, CKK_SHA384_HMAC, HmacSha384, "wycheproof hmac_sha384"),
    hmac_general!(CKM_SHA512_HMAC_GENERAL, CKK_SHA512_HMAC, HmacSha512, "wycheproof hmac_sha512"),
    hmac_general!(CKM_SHA512_224_HMAC_GENERAL, CKK_SHA512_224_HMAC, HmacSha512_224, "wycheproof hmac_sha512_224"),
    hmac_general!(CKM_SHA512_256_HMAC_GENERAL, CKK_SHA512_256_HMAC, HmacSha512_256, "wycheproof hmac_sha512_256"),
    hmac_general!(CKM_SHA3_224_HMAC_GENERAL, CKK_SHA3_224_HMAC, HmacSha3_224, "wycheproof hmac_sha3_224"),
    hmac_general!(CKM_SHA3_256_HMAC_GENERAL, CKK_SHA3_256_HMAC, HmacSha3_256, "wycheproof hmac_sha3_256"),
    hmac_general!(CKM_SHA3_384_HMAC_GENERAL, CKK_SHA3_384_HMAC, HmacSha3_384, "wycheproof hmac_sha3_384"),
    hmac_general!(CKM_SHA3_512_HMAC_GENERAL, CKK_SHA3_512_HMAC, HmacSha3_512, "wycheproof hmac_sha3_512"),

    // RSA
    rsa!(CKM_RSA_PKCS_KEY_PAIR_GEN, vectors: "none: random", generate_pair: Some(rsa_pairs::generate)),
    rsa!(CKM_RSA_X9_31_KEY_PAIR_GEN, vectors: "none: random", generate_pair: Some(rsa_pairs::generate_strong)),
    rsa!(CKM_RSA_PKCS, vectors: "wycheproof rsa_signature; wycheproof rsa_pkcs1", sign: Some(rsa_sign::pkcs1),
        recover: Some(rsa_raw::recover_pkcs1), cipher: Some(rsa_cipher::pkcs1), wrap: Some(&rsa_wrap::WRAP_PKCS1)),
    rsa!(CKM_RSA_X_509, vectors: "wycheproof rsa_signature; wycheproof rsa_pkcs1", sign: Some(rsa_raw::sign),
        recover: Some(rsa_raw::recover), cipher: Some(rsa_cipher::raw), wrap: Some(&rsa_wrap::WRAP_RAW),
        unwraps_tail: true),
    rsa!(CKM_RSA_PKCS_OAEP, vectors: "wycheproof rsa_oaep; RFC 8017 sec. 7.1", params: ParamShape::Oaep,
        cipher: Some(rsa_cipher::oaep), wrap: Some(&rsa_wrap::WRAP_OAEP)),
    rsa!(CKM_RSA_AES_KEY_WRAP, vectors: "OAEP and KWP together", params: ParamShape::RsaAes,
        wrap: Some(&rsa_wrap::WRAP_AES)),
    rsa_of!(CKM_SHA1_RSA_PKCS, Sha1, "RFC 8017 sec. 9.2"),
    rsa_of!(CKM_SHA224_RSA_PKCS, Sha224, RSA_VECTORS),
    rsa_of!(CKM_SHA256_RSA_PKCS, Sha256, RSA_VECTORS),
    rsa_of!(CKM_SHA384_RSA_PKCS, Sha384, RSA_VECTORS),
    rsa_of!(CKM_SHA512_RSA_PKCS, Sha512, RSA_VECTORS),
    rsa_of!(CKM_SHA3_224_RSA_PKCS, Sha3_224, RSA_VECTORS),
    rsa_of!(CKM_SHA3_256_RSA_PKCS, Sha3_256, RSA_VECTORS),
    rsa_of!(CKM_SHA3_384_RSA_PKCS, Sha3_384, RSA_VECTORS),
    rsa_of!(CKM_SHA3_512_RSA_PKCS, Sha3_512, RSA_VECTORS),
    rsa!(CKM_RSA_PKCS_PSS, vectors: PSS_VECTORS, params: ParamShape::Pss, sign: Some(rsa_sign::pss)),
    rsa_pss_of!(CKM_SHA1_RSA_PKCS_PSS, Sha1, PSS_VECTORS),
    rsa_pss_of!(CKM_SHA224_RSA_PKCS_PSS, Sha224, PSS_VECTORS),
    rsa_pss_of!(CKM_SHA256_RSA_PKCS_PSS, Sha256, PSS_VECTORS),
    rsa_pss_of!(CKM_SHA384_RSA_PKCS_PSS, Sha384, PSS_VECTORS),
    rsa_pss_of!(CKM_SHA512_RSA_PKCS_PSS, Sha512, PSS_VECTORS),
    rsa_pss_of!(CKM_SHA3_224_RSA_PKCS_PSS, Sha3_224, "RFC 8017 sec. 9.1.2"),
    rsa_pss_of!(CKM_SHA3_256_RSA_PKCS_PSS, Sha3_256, "RFC 8017 sec. 9.1.2"),
    rsa_pss_of!(CKM_SHA3_384_RSA_PKCS_PSS, Sha3_384, "RFC 8017 sec. 9.1.2"),
    rsa_pss_of!(CKM_SHA3_512_RSA_PKCS_PSS, Sha3_512, "RFC 8017 sec. 9.1.2"),

    // Elliptic curves
    row!(CKM_EC_KEY_PAIR_GEN, vectors: "none: random", key_types: &[CKK_EC], key_sizes: EC_SIZES,
        generate_pair: Some(ec_pairs::generate)),
    ecdsa!(CKM_ECDSA, ecdsa::raw, "wycheproof ecdsa"),
    ecdsa!(CKM_ECDSA_SHA1, ecdsa::hashing::<digest::Sha1>, "RFC 6979 A.2"),
    ecdsa!(CKM_ECDSA_SHA224, ecdsa::hashing::<digest::Sha224>, "wycheproof ecdsa"),
    ecdsa!(CKM_ECDSA_SHA256, ecdsa::hashing::<digest::Sha256>, "wycheproof ecdsa"),
    ecdsa!(CKM_ECDSA_SHA384, ecdsa::hashing::<digest::Sha384>, "wycheproof ecdsa"),
    ecdsa!(CKM_ECDSA_SHA512, ecdsa::hashing::<digest::Sha512>, "wycheproof ecdsa"),
    ecdsa!(CKM_ECDSA_SHA3_224, ecdsa::hashing::<digest::Sha3_224>, "wycheproof ecdsa"),
    ecdsa!(CKM_ECDSA_SHA3_256, ecdsa::hashing::<digest::Sha3_256>, "wycheproof ecdsa"),
    ecdsa!(CKM_ECDSA_SHA3_384, ecdsa::hashing::<digest::Sha3_384>, "wycheproof ecdsa"),
    ecdsa!(CKM_ECDSA_SHA3_512, ecdsa::hashing::<digest::Sha3_512>, "wycheproof ecdsa"),

    row!(CKM_EC_EDWARDS_KEY_PAIR_GEN, vectors: "none: random", key_types: &[CKK_EC_EDWARDS],
        key_sizes: CURVE25519_SIZES, generate_pair: Some(ec_pairs::edwards)),
    row!(CKM_EDDSA, vectors: "wycheproof ed25519; RFC 8032 sec. 7", key_types: &[CKK_EC_EDWARDS],
        key_sizes: CURVE25519_SIZES, params: ParamShape::Eddsa, sign: Some(eddsa::new)),
    row!(CKM_EC_MONTGOMERY_KEY_PAIR_GEN, vectors: "none: random", key_types: &[CKK_EC_MONTGOMERY],
        key_sizes: CURVE25519_SIZES, generate_pair: Some(ec_pairs::montgomery)),
    row!(CKM_ECDH1_DERIVE, vectors: "wycheproof ecdh; wycheproof x25519; ANSI X9.63 KDF; RFC 7518 C",
        key_types: &[CKK_EC, CKK_EC_MONTGOMERY], key_sizes: EC_SIZES, params: ParamShape::Ecdh,
        derive: Some(ecdh::derive)),
    row!(CKM_ECDH1_COFACTOR_DERIVE, vectors: "wycheproof ecdh", key_types: &[CKK_EC], key_sizes: EC_SIZES,
        params: ParamShape::Ecdh, derive: Some(ecdh::derive)),
    row!(CKM_ECDH_AES_KEY_WRAP, vectors: "aes-kw over ECDH", key_types: &[CKK_EC, CKK_EC_MONTGOMERY],
        key_sizes: EC_SIZES, params: ParamShape::EcdhWrap, wrap: Some(&ecdh_wrap::WRAP)),
    row!(CKM_ECDH_COF_AES_KEY_WRAP, vectors: "aes-kw over ECDH", key_types: &[CKK_EC], key_sizes: EC_SIZES,
        params: ParamShape::EcdhWrap, wrap: Some(&ecdh_wrap::WRAP_DER)),
    row!(CKM_ECDH_X_AES_KEY_WRAP, vectors: "aes-kw over ECDH", key_types: &[CKK_EC_MONTGOMERY],
        key_sizes: CURVE25519_SIZES, params: ParamShape::EcdhWrap, wrap: Some(&ecdh_wrap::WRAP)),

    // Lattices
    row!(CKM_ML_DSA_KEY_PAIR_GEN, vectors: "wycheproof mldsa", key_types: &[CKK_ML_DSA], key_sizes: ML_DSA_SIZES,
        generate_pair: Some(ml_dsa::generate)),
    ml_dsa!(CKM_ML_DSA, ml_dsa::pure, "wycheproof mldsa"),
    row!(CKM_HASH_ML_DSA, vectors: "FIPS 204 alg. 4", key_types: &[CKK_ML_DSA], key_sizes: ML_DSA_SIZES,
        params: ParamShape::HashSignContext, sign: Some(ml_dsa::prehashed)),
    ml_dsa!(CKM_HASH_ML_DSA_SHA256, ml_dsa::hashing::<0>, "FIPS 204 alg. 4"),
    ml_dsa!(CKM_HASH_ML_DSA_SHA384, ml_dsa::hashing::<1>, "FIPS 204 alg. 4"),
    ml_dsa!(CKM_HASH_ML_DSA_SHA512, ml_dsa::hashing::<2>, "FIPS 204 alg. 4"),
    ml_dsa!(CKM_HASH_ML_DSA_SHA224, ml_dsa::hashing::<3>, "FIPS 204 alg. 4"),
    ml_dsa!(CKM_HASH_ML_DSA_SHA3_224, ml_dsa::hashing::<4>, "FIPS 204 alg. 4"),
    ml_dsa!(CKM_HASH_ML_DSA_SHA3_256, ml_dsa::hashing::<5>, "FIPS 204 alg. 4"),
    ml_dsa!(CKM_HASH_ML_DSA_SHA3_384, ml_dsa::hashing::<6>, "FIPS 204 alg. 4"),
    ml_dsa!(CKM_HASH_ML_DSA_SHA3_512, ml_dsa::hashing::<7>, "FIPS 204 alg. 4"),
    ml_dsa!(CKM_HASH_ML_DSA_SHAKE128, ml_dsa::hashing::<8>, "FIPS 204 alg. 4"),
    ml_dsa!(CKM_HASH_ML_DSA_SHAKE256, ml_dsa::hashing::<9>, "FIPS 204 alg. 4"),
    row!(CKM_ML_KEM_KEY_PAIR_GEN, vectors: "wycheproof mlkem", key_types: &[CKK_ML_KEM], key_sizes: ML_KEM_SIZES,
        generate_pair: Some(ml_kem::generate)),
    row!(CKM_ML_KEM, vectors: "wycheproof mlkem", key_types: &[CKK_ML_KEM], key_sizes: ML_KEM_SIZES,
        kem: Some(&ml_kem::KEM)),

    // Key derivation
    derived!(CKM_SP800_108_COUNTER_KDF, vectors: "NIST CAVS KBKDF", ParamShape::Sp800108,
        sp800_108::counter, OF_SP800_108, key_sizes: SECRET_BITS),
    derived!(CKM_SP800_108_FEEDBACK_KDF, vectors: "NIST CAVS KBKDF", ParamShape::Sp800108Feedback,
        sp800_108::feedback, OF_SP800_108, key_sizes: SECRET_BITS),
    derived!(CKM_SP800_108_DOUBLE_PIPELINE_KDF, vectors: "NIST CAVS KBKDF", ParamShape::Sp800108,
        sp800_108::double_pipeline, OF_SP800_108, key_sizes: SECRET_BITS),
    row!(CKM_HKDF_DERIVE, vectors: "wycheproof hkdf; RFC 5869 A", key_types: HKDF, key_sizes: SECRET_SIZES,
        params: ParamShape::Hkdf, derive: Some(hkdf::derive), derived: OF_HKDF),
    row!(CKM_HKDF_DATA, vectors: "wycheproof hkdf; RFC 5869 A", key_types: HKDF, key_sizes: SECRET_SIZES,
        params: ParamShape::Hkdf, derive: Some(hkdf::derive), derived: DATA_OF_HKDF),
    hmac_key_gen!(CKM_HKDF_KEY_GEN, CKK_HKDF),
    derived!(CKM_CONCATENATE_BASE_AND_KEY, vectors: "PKCS#11 sec. 6.43", ParamShape::KeyHandle,
        joined::base_and_key, BOUND, key_sizes: SECRET_SIZES),
    derived!(CKM_CONCATENATE_BASE_AND_DATA, vectors: "PKCS#11 sec. 6.43", ParamShape::DerivationData,
        joined::base_and_data, BOUND, key_sizes: SECRET_SIZES),
    derived!(CKM_CONCATENATE_DATA_AND_BASE, vectors: "PKCS#11 sec. 6.43", ParamShape::DerivationData,
        joined::data_and_base, BOUND, key_sizes: SECRET_SIZES),
    derived!(CKM_XOR_BASE_AND_DATA, vectors: "PKCS#11 sec. 6.43", ParamShape::DerivationData,
        joined::xor, BOUND, key_sizes: SECRET_SIZES),
    derived!(CKM_EXTRACT_KEY_FROM_KEY, vectors: "PKCS#11 sec. 6.43", ParamShape::FirstBit,
        joined::extract, BOUND_SIZED, key_sizes: SECRET_SIZES),
    aes!(CKM_AES_ECB_ENCRYPT_DATA, vectors: "NIST SP 800-38A F.1", params: ParamShape::DerivationData,
        derive: Some(encrypted_data::aes_ecb), derived: DIGESTED),
    aes!(CKM_AES_CBC_ENCRYPT_DATA, vectors: "NIST SP 800-38A F.2", params: ParamShape::DerivationDataIv(16),
        derive: Some(encrypted_data::aes_cbc), derived: DIGESTED),
    digested!(CKM_SHA1_KEY_DERIVATION, Sha1),
    digested!(CKM_SHA224_KEY_DERIVATION, Sha224),
    digested!(CKM_SHA256_KEY_DERIVATION, Sha256),
    digested!(CKM_SHA384_KEY_DERIVATION, Sha384),
    digested!(CKM_SHA512_KEY_DERIVATION, Sha512),
    digested!(CKM_SHA512_224_KEY_DERIVATION, Sha512_224),
    digested!(CKM_SHA512_256_KEY_DERIVATION, Sha512_256),
    digested!(CKM_SHA3_224_KEY_DERIVATION, Sha3_224),
    digested!(CKM_SHA3_256_KEY_DERIVATION, Sha3_256),
    digested!(CKM_SHA3_384_KEY_DERIVATION, Sha3_384),
    digested!(CKM_SHA3_512_KEY_DERIVATION, Sha3_512),
    row!(CKM_PKCS5_PBKD2, vectors: "wycheproof pbkdf2; RFC 6070 sec. 2; RFC 7914 sec. 11", key_types: SECRETS,
        key_sizes: HMAC_SIZES, params: ParamShape::Pbkdf2, generate: Some(pbkdf2::generate)),
];
