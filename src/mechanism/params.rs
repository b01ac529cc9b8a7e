//! Mechanism parameters: their forms in the C interface, and their parsed values.
//!
//! Made by api (`params`), looked into by the mechanisms of this folder.

use crate::crypto::hash_name::HashName;
use smallvec::SmallVec;

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
}

impl Params {
    /// The handles of keys that the parameter names beside the base key, for a derivation.
    pub fn keys(&self) -> SmallVec<[u64; 2]> {
        SmallVec::new()
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
}
