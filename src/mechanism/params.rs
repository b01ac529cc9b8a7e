//! Mechanism parameters: their forms in the C interface, and their parsed values.
//!
//! Made by api (`params`), looked into by the mechanisms of this folder.

use super::{EcdhParams, EcdhWrapParams, EddsaParams, HkdfParams, Pbkdf2Params, SignContext, Sp800108Params};
use crate::crypto::hash_name::HashName;
use crate::crypto::rsa_oaep::Oaep;
use smallvec::SmallVec;
use zeroize::Zeroizing;

/// The form of a mechanism's parameter as the C interface brings it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamShape {
    /// None may be given.
    None,
    /// Exactly so many bytes of IV.
    Iv(usize),
    /// So many bytes of IV, or none.
    OptionalIv(usize),
    /// CK_AES_CTR_PARAMS
    Ctr,
    /// CK_GCM_PARAMS
    Gcm,
    /// CK_RSA_PKCS_PSS_PARAMS
    Pss,
    /// CK_RSA_PKCS_OAEP_PARAMS
    Oaep,
    /// CK_RSA_AES_KEY_WRAP_PARAMS
    RsaAes,
    /// CK_MAC_GENERAL_PARAMS: the length of the MAC in bytes.
    MacLength,

    // Symmetric ciphers and their codes.
    /// CK_GCM_PARAMS, or an IV of 12 bytes.
    Gmac,
    /// CK_CCM_PARAMS
    Ccm,
    /// CK_CHACHA20_PARAMS
    ChaCha20,
    /// CK_SALSA20_CHACHA20_POLY1305_PARAMS
    ChaCha20Poly1305,

    // Derivations, and keys from passwords.
    /// CK_KEY_DERIVATION_STRING_DATA
    DerivationData,
    /// CK_AES_CBC_ENCRYPT_DATA_PARAMS and its like, with so many bytes of IV.
    DerivationDataIv(usize),
    /// CK_OBJECT_HANDLE of another key.
    KeyHandle,
    /// CK_EXTRACT_PARAMS
    FirstBit,
    /// CK_HKDF_PARAMS
    Hkdf,
    /// CK_SP800_108_KDF_PARAMS
    Sp800108,
    /// CK_SP800_108_FEEDBACK_KDF_PARAMS
    Sp800108Feedback,
    // CloudHSM: the structures of its vendor header.
    /// CK_SP800_108_KDF_PARAMS of AWS's header
    Sp800108CloudHsm,
    /// CK_PKCS5_PBKD2_PARAMS or CK_PKCS5_PBKD2_PARAMS2
    Pbkdf2,

    // Lattices
    /// CK_SIGN_ADDITIONAL_CONTEXT, or none.
    SignContext,
    /// CK_HASH_SIGN_ADDITIONAL_CONTEXT
    HashSignContext,

    // Elliptic curves
    /// CK_EDDSA_PARAMS, or none.
    Eddsa,
    /// CK_ECDH1_DERIVE_PARAMS
    Ecdh,
    /// CK_ECDH_AES_KEY_WRAP_PARAMS
    EcdhWrap,
}

impl Params {
    /// The handles of keys that the parameter names beside the base key, for a derivation.
    pub fn keys(&self) -> SmallVec<[u64; 2]> {
        match self {
            Params::KeyHandle(handle) => SmallVec::from_slice(&[*handle]),
            Params::Hkdf(params) => params.salt_key().into_iter().collect(),
            Params::Sp800108(params) => params.keys().collect(),
            _ => SmallVec::new(),
        }
    }
}

/// A mechanism's parameter, parsed and owned. Ranges that depend on the mechanism are checked by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Params {
    None,
    Iv(SmallVec<[u8; 16]>),
    Ctr { counter_bits: u64, block: [u8; 16] },
    Gcm { iv: SmallVec<[u8; 16]>, aad: Vec<u8>, tag_bits: u64 },
    MacLength(u64),

    // Symmetric ciphers and their codes.
    Ccm { data_bytes: u64, nonce: SmallVec<[u8; 16]>, aad: Vec<u8>, code_bytes: u64 },
    ChaCha20 { first_block: u64, nonce: SmallVec<[u8; 24]> },
    ChaCha20Poly1305 { nonce: SmallVec<[u8; 24]>, aad: Vec<u8> },

    // RSA
    Pss { hash: HashName, mgf: HashName, salt_bytes: u64 },
    Oaep(Oaep),
    RsaAes { key_bits: u64, oaep: Oaep },

    // Derivations, and keys from passwords.
    DerivationData(Hidden),
    DerivationDataIv { iv: SmallVec<[u8; 16]>, data: Hidden },
    KeyHandle(u64),
    FirstBit(u64),
    Hkdf(Box<HkdfParams>),
    Sp800108(Box<Sp800108Params>),
    Pbkdf2(Box<Pbkdf2Params>),

    // Lattices
    SignContext(SignContext),

    // Elliptic curves
    Eddsa(Box<EddsaParams>),
    Ecdh(Box<EcdhParams>),
    EcdhWrap(Box<EcdhWrapParams>),
}

/// Bytes of a parameter that may be secret: wiped when dropped, and Debug prints a length only.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(Zeroizing<Vec<u8>>);

impl Hidden {
    pub fn new(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hidden({} bytes)", self.0.len())
    }
}
