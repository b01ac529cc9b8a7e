//! The mechanisms that profile `cloudhsm` has, and what each may do there (AWS CloudHSM User Guide, "Supported
//! mechanisms"): of the mechanism table, mechanism keeps for this profile what stands here.

use super::vendor::*;
use cryptoki_sys::*;
use std::ops::BitOr;

/// What a mechanism may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Uses(u8);

impl Uses {
    pub const NONE: Uses = Uses(0);
    /// C_EncryptInit, C_DecryptInit
    pub const CIPHER: Uses = Uses(1);
    pub const DIGEST: Uses = Uses(1 << 1);
    /// C_SignInit, C_VerifyInit
    pub const SIGN: Uses = Uses(1 << 2);
    pub const WRAP: Uses = Uses(1 << 3);
    pub const GENERATE: Uses = Uses(1 << 4);
    pub const GENERATE_PAIR: Uses = Uses(1 << 5);
    pub const DERIVE: Uses = Uses(1 << 6);

    pub const fn has(self, other: Uses) -> bool {
        self.0 & other.0 == other.0
    }

    const fn and(self, other: Uses) -> Uses {
        Uses(self.0 | other.0)
    }
}

impl BitOr for Uses {
    type Output = Uses;

    fn bitor(self, other: Uses) -> Uses {
        self.and(other)
    }
}

/// Where the IV of an encryption comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IvSource {
    #[default]
    Caller,
    /// The library makes it; it goes to where pIv leads, which must hold 12 zeros, once the data are encrypted.
    WrittenBack,
    /// The library makes it; it stands before the ciphertext. pIv is null.
    Prepended,
}

/// What is asked of a mechanism beside what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most data that one call may bring, in bytes.
    pub data_bytes: usize,
    /// No C_xxxUpdate: CKR_MECHANISM_INVALID.
    pub single_part: bool,
    pub iv: IvSource,
    /// OAEP: the hash is SHA-1 or one of SHA-2, and that of its MGF1 the same; else CKR_MECHANISM_PARAM_INVALID.
    pub one_hash: bool,
}

impl Limits {
    pub const NONE: Limits =
        Limits { data_bytes: usize::MAX, single_part: false, iv: IvSource::Caller, one_hash: false };
}

/// One mechanism of profile `cloudhsm`.
#[derive(Debug, Clone, Copy)]
pub struct MechanismRow {
    pub id: CK_MECHANISM_TYPE,
    pub name: &'static str,
    pub uses: Uses,
    /// What it may do only where the cluster is not in FIPS mode.
    pub non_fips: Uses,
    /// Where one of its uses wants whole data.
    pub limits: Limits,
    /// ulMinKeySize and ulMaxKeySize where they differ.
    pub key_sizes: Option<(usize, usize)>,
}

/// The row of a mechanism.
pub fn find_mechanism(id: CK_MECHANISM_TYPE) -> Option<&'static MechanismRow> {
    MECHANISMS.iter().find(|row| row.id == id)
}

const CIPHER: Uses = Uses::CIPHER;
const DIGEST: Uses = Uses::DIGEST;
const SIGN: Uses = Uses::SIGN;
const WRAP: Uses = Uses::WRAP;
const GENERATE: Uses = Uses::GENERATE;
const PAIR: Uses = Uses::GENERATE_PAIR;
const DERIVE: Uses = Uses::DERIVE;

const REST: MechanismRow = MechanismRow {
    id: 0,
    name: "",
    uses: Uses::NONE,
    non_fips: Uses::NONE,
    limits: Limits::NONE,
    key_sizes: None,
};

const SINGLE_PART: Limits = Limits { single_part: true, ..Limits::NONE };

/// Data of at most so many bytes in a call.
const fn up_to(data_bytes: usize) -> Limits {
    Limits { data_bytes, ..Limits::NONE }
}

const fn gcm(iv: IvSource) -> Limits {
    Limits { data_bytes: 16_224, single_part: true, iv, ..Limits::NONE }
}

macro_rules! row {
    ($id:ident, $uses:expr $(, $field:ident: $value:expr)*) => {
        MechanismRow { id: $id, name: stringify!($id), uses: $uses, $($field: $value,)* ..REST }
    };
}

/// The key derivation functions of CKM_ECDH1_DERIVE: name, number, and the standard's number of the same function.
pub const ECDH_KDFS: &[(&str, CK_EC_KDF_TYPE, CK_EC_KDF_TYPE)] = &[
    ("CKD_CLOUDHSM_X963_SHA1_KDF", CKD_CLOUDHSM_X963_SHA1_KDF, CKD_SHA1_KDF),
    ("CKD_CLOUDHSM_X963_SHA224_KDF", CKD_CLOUDHSM_X963_SHA224_KDF, CKD_SHA224_KDF),
    ("CKD_CLOUDHSM_X963_SHA256_KDF", CKD_CLOUDHSM_X963_SHA256_KDF, CKD_SHA256_KDF),
    ("CKD_CLOUDHSM_X963_SHA384_KDF", CKD_CLOUDHSM_X963_SHA384_KDF, CKD_SHA384_KDF),
    ("CKD_CLOUDHSM_X963_SHA512_KDF", CKD_CLOUDHSM_X963_SHA512_KDF, CKD_SHA512_KDF),
];

/// The pseudo-random functions of CKM_CLOUDHSM_SP800_108_COUNTER_KDF.
pub const KDF_PRFS: [CK_MECHANISM_TYPE; 6] =
    [CKM_SHA_1_HMAC, CKM_SHA224_HMAC, CKM_SHA256_HMAC, CKM_SHA384_HMAC, CKM_SHA512_HMAC, CKM_AES_CMAC];

/// Bits of RSA keys, in steps of 256 (see `attributes`).
const RSA_BITS: Option<(usize, usize)> = Some((2048, 4096));
/// Bits of generic secrets: 1 to 800 bytes.
const GENERIC_BITS: Option<(usize, usize)> = Some((8, 6400));
const HMAC_BYTES: Option<(usize, usize)> = Some((1, 800));

/// The rows, in the order of the guide. One of them says every field.
#[allow(clippy::needless_update)]
#[rustfmt::skip]
pub const MECHANISMS: &[MechanismRow] = &[
    row!(CKM_AES_KEY_GEN, GENERATE),
    row!(CKM_AES_ECB, CIPHER),
    row!(CKM_AES_CBC, CIPHER, limits: up_to(16_272)),
    row!(CKM_AES_CBC_PAD, CIPHER),
    row!(CKM_AES_CTR, CIPHER),
    row!(CKM_AES_GCM, CIPHER.and(WRAP), limits: gcm(IvSource::WrittenBack)),
    row!(CKM_CLOUDHSM_AES_GCM, CIPHER.and(WRAP), limits: gcm(IvSource::Prepended)),
    row!(CKM_AES_CMAC, SIGN),
    row!(CKM_CLOUDHSM_AES_KEY_WRAP_NO_PAD, WRAP),
    row!(CKM_CLOUDHSM_AES_KEY_WRAP_PKCS5_PAD, WRAP),
    row!(CKM_CLOUDHSM_AES_KEY_WRAP_ZERO_PAD, WRAP),
    row!(CKM_CLOUDHSM_SP800_108_COUNTER_KDF, DERIVE),
    row!(CKM_ECDH1_DERIVE, DERIVE),
    row!(CKM_GENERIC_SECRET_KEY_GEN, GENERATE, key_sizes: GENERIC_BITS),
    row!(CKM_SHA_1_HMAC, SIGN, limits: up_to(16_288), key_sizes: HMAC_BYTES),
    row!(CKM_SHA224_HMAC, SIGN, limits: up_to(16_256), key_sizes: HMAC_BYTES),
    row!(CKM_SHA256_HMAC, SIGN, limits: up_to(16_288), key_sizes: HMAC_BYTES),
    row!(CKM_SHA384_HMAC, SIGN, limits: up_to(16_224), key_sizes: HMAC_BYTES),
    row!(CKM_SHA512_HMAC, SIGN, limits: up_to(16_224), key_sizes: HMAC_BYTES),
    row!(CKM_DES3_KEY_GEN, Uses::NONE, non_fips: GENERATE),
    row!(CKM_DES3_ECB, Uses::NONE, non_fips: CIPHER),
    row!(CKM_DES3_CBC, Uses::NONE, non_fips: CIPHER, limits: up_to(16_280)),
    row!(CKM_DES3_CBC_PAD, Uses::NONE, non_fips: CIPHER),
    row!(CKM_SHA_1, DIGEST),
    row!(CKM_SHA224, DIGEST),
    row!(CKM_SHA256, DIGEST),
    row!(CKM_SHA384, DIGEST),
    row!(CKM_SHA512, DIGEST),
    row!(CKM_RSA_PKCS_KEY_PAIR_GEN, PAIR, key_sizes: RSA_BITS),
    row!(CKM_RSA_X9_31_KEY_PAIR_GEN, PAIR, key_sizes: RSA_BITS),
    row!(CKM_RSA_PKCS, SIGN, non_fips: CIPHER.and(WRAP), limits: SINGLE_PART, key_sizes: RSA_BITS),
    row!(CKM_RSA_X_509, CIPHER.and(SIGN), key_sizes: RSA_BITS),
    row!(CKM_RSA_PKCS_OAEP, CIPHER.and(WRAP), limits: Limits { one_hash: true, ..SINGLE_PART }, key_sizes: RSA_BITS),
    row!(CKM_RSA_AES_KEY_WRAP, WRAP, limits: Limits { one_hash: true, ..Limits::NONE }, key_sizes: RSA_BITS),
    row!(CKM_RSA_PKCS_PSS, SIGN, limits: SINGLE_PART, key_sizes: RSA_BITS),
    row!(CKM_SHA1_RSA_PKCS, SIGN, key_sizes: RSA_BITS),
    row!(CKM_SHA224_RSA_PKCS, SIGN, key_sizes: RSA_BITS),
    row!(CKM_SHA256_RSA_PKCS, SIGN, key_sizes: RSA_BITS),
    row!(CKM_SHA384_RSA_PKCS, SIGN, key_sizes: RSA_BITS),
    row!(CKM_SHA512_RSA_PKCS, SIGN, key_sizes: RSA_BITS),
    row!(CKM_SHA1_RSA_PKCS_PSS, SIGN, key_sizes: RSA_BITS),
    row!(CKM_SHA224_RSA_PKCS_PSS, SIGN, key_sizes: RSA_BITS),
    row!(CKM_SHA256_RSA_PKCS_PSS, SIGN, key_sizes: RSA_BITS),
    row!(CKM_SHA384_RSA_PKCS_PSS, SIGN, key_sizes: RSA_BITS),
    row!(CKM_SHA512_RSA_PKCS_PSS, SIGN, key_sizes: RSA_BITS),
    row!(CKM_EC_KEY_PAIR_GEN, PAIR),
    row!(CKM_ECDSA, SIGN, limits: SINGLE_PART),
    row!(CKM_ECDSA_SHA1, SIGN),
    row!(CKM_ECDSA_SHA224, SIGN),
    row!(CKM_ECDSA_SHA256, SIGN),
    row!(CKM_ECDSA_SHA384, SIGN),
    row!(CKM_ECDSA_SHA512, SIGN),
];
