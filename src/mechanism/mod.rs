//! Mechanisms: what can be done with keys and data, one row each.
//!
//! Owns the table and the operations of every family. Called by: session. Never knows sessions, handles,
//! clusters or the C interface; works on parsed, owned parameters and slices.

use crate::crypto::pkey::PrivateKey;
use crate::crypto::rsa;
use crate::error::{Error, MechanismError};
use crate::object::{NewKey, Secret};
use crate::profile::Limits;
use cryptoki_sys::{CK_KEY_TYPE, CK_MECHANISM_TYPE, CKK_RSA};
use zeroize::Zeroizing;

mod aead;
mod aes_blocks;
mod aes_cbc_pad;
mod aes_ccm;
mod aes_ctr;
mod aes_feedback;
mod aes_gcm;
mod aes_key_wrap;
mod aes_xts;
mod buffer;
mod by_cipher;
mod catalog;
mod chacha20;
mod cloudhsm_derive;
mod cloudhsm_gcm;
mod cloudhsm_wrap;
mod derivation;
mod des;
mod digested;
mod ec_pairs;
mod ecdh;
mod ecdh_wrap;
mod ecdsa;
mod eddsa;
mod encrypted_data;
mod flags;
mod generate;
mod hkdf;
mod joined;
mod key;
mod macs;
mod message;
mod ml_dsa;
mod ml_kem;
mod params;
mod pbkdf2;
mod rsa_cipher;
mod rsa_pairs;
mod rsa_raw;
mod rsa_sign;
mod rsa_wrap;
mod sha;
mod sp800_108;
pub mod table;
#[cfg(test)]
mod tests;

pub use catalog::Catalog;
pub use derivation::{Ancestor, Derivation, Derived, Lengths, Lineage};
pub use ecdh::EcdhParams;
pub use ecdh_wrap::EcdhWrapParams;
pub use eddsa::EddsaParams;
pub use hkdf::{HkdfParams, Salt};
pub use key::Key;
pub use message::{Generator, MessageParams, MessageShape};
pub use ml_dsa::SignContext;
pub use params::{Hidden, ParamShape, Params};
pub use pbkdf2::Pbkdf2Params;
pub use sp800_108::{PrfInput, Sp800108Params, Width};

/// A row of the table: everything that is known about one mechanism. CKF_ flags are computed from the
/// functions that are there, so that information and dispatch cannot differ.
#[derive(Clone, Copy)]
pub struct Mechanism {
    pub id: CK_MECHANISM_TYPE,
    /// The specification's name, `CKM_AES_GCM`.
    pub name: &'static str,
    pub params: ParamShape,
    /// The types of key that it takes or makes; empty for digests.
    pub key_types: &'static [CK_KEY_TYPE],
    pub key_sizes: KeySizes,
    /// Where the vectors stand that its tests run ("wycheproof aes_gcm", "NIST SP 800-38A F.2").
    pub vectors: &'static str,
    pub cipher: Option<NewCipher>,
    /// Messages with nonces and tags of their own, on the engines of `cipher`.
    pub message: Option<MessageShape>,
    pub digest: Option<NewDigest>,
    pub sign: Option<NewSign>,
    pub recover: Option<NewRecover>,
    pub wrap: Option<&'static Wrap>,
    pub kem: Option<&'static Kem>,
    /// Makes a key of so many bytes.
    pub generate: Option<Generate>,
    /// Makes a pair as the template of its public key asks.
    pub generate_pair: Option<GeneratePair>,
    pub derive: Option<Derive>,
    /// What its section says of the keys that it derives.
    pub derived: Derived,
    /// C_UnwrapKey takes the key from the end of what `wrap` gives, as long as the template says.
    pub unwraps_tail: bool,
    /// Only with `legacy = true`, and never in profile `cloudhsm`.
    pub legacy: bool,
    /// Only in profile `cloudhsm`.
    pub cloudhsm: bool,
    /// Those of the profile.
    pub limits: Limits,
}

pub type NewCipher = fn(Key<'_>, &Params, Direction) -> Result<Box<dyn Cipher>, Error>;
pub type NewDigest = fn(&Params) -> Result<Box<dyn Digest>, Error>;
pub type NewSign = fn(Key<'_>, &Params) -> Result<Box<dyn Sign>, Error>;
pub type NewRecover = fn(Key<'_>, &Params, Recovery) -> Result<Box<dyn Recover>, Error>;
pub type Generate = fn(&Params, usize) -> Result<Secret, Error>;
/// Errors: what the template of the public key asks for is none of this mechanism's pairs.
pub type GeneratePair = fn(&Params, &NewKey) -> Result<PrivateKey, Error>;
/// Makes the value of the derived key, and after it those of the further keys (`Derivation::further`). Errors:
/// `ObjectError::Inconsistent`, where no key of such a length can be made of what there is.
pub type Derive = fn(Key<'_>, &Params, &Derivation<'_>) -> Result<Secret, Error>;
pub type WrapKey = fn(Key<'_>, &Params, &[u8]) -> Result<Vec<u8>, Error>;

/// ulMinKeySize and ulMaxKeySize of CK_MECHANISM_INFO, in the unit the specification names for the mechanism
/// (AES and generic secrets: bytes; HMAC: bytes), and what they are in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySizes {
    pub min: usize,
    pub max: usize,
    pub bits: bool,
}

impl Mechanism {
    /// Whether the profile has the hashes of OAEP. Errors: `Params`.
    #[inline]
    pub fn check_hashes(&self, params: &Params) -> Result<(), MechanismError> {
        match params {
            Params::Oaep(oaep) | Params::RsaAes { oaep, .. }
                if self.limits.one_hash && (oaep.hash != oaep.mgf || !oaep.hash.is_of_fips_180()) =>
            {
                Err(MechanismError::Params("this profile has OAEP with one hash, SHA-1 to SHA-512"))
            }
            _ => Ok(()),
        }
    }

    /// The sizes of key that it takes or makes; with `legacy` RSA keys are shorter too.
    pub fn key_sizes(&self, legacy: bool) -> KeySizes {
        match self.key_types.contains(&CKK_RSA) && legacy {
            true => KeySizes { min: rsa::LEAST_BITS, ..self.key_sizes },
            false => self.key_sizes,
        }
    }
}

impl KeySizes {
    /// Whether a key of so many bytes is in the range.
    pub fn holds(&self, key_bytes: usize) -> bool {
        let size = if self.bits { key_bytes.saturating_mul(8) } else { key_bytes };
        (self.min..=self.max).contains(&size)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Encrypt,
    Decrypt,
}

/// Which half of signing with recovery an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    Sign,
    Verify,
}

/// Encryption or decryption in progress with one key.
///
/// Every function that writes answers `Error::BufferTooSmall` with the exact or upper-bound need *before* it
/// changes any state (or restores it), so that the call can be repeated with a larger buffer. Where the real
/// result is shorter than the upper bound (padding), a buffer that holds the real result is enough.
/// Any other error ends the operation.
pub trait Cipher: Send {
    /// Starts anew with the same key, mechanism and direction; `false`: this one cannot, make a new one.
    /// The expanded key is kept, no memory allocated: the hot path.
    fn restart(&mut self, params: &Params) -> Result<bool, Error>;
    /// Bytes that `one_shot` writes at most for so much input. Runs no cryptography.
    fn one_shot_len(&self, input_bytes: usize) -> Result<usize, Error>;
    fn one_shot(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize, Error>;
    /// Bytes that `update` writes at most (exactly, where the mechanism allows) for so much input now.
    fn update_len(&self, input_bytes: usize) -> Result<usize, Error>;
    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize, Error>;
    /// Bytes that `finish` writes at most now.
    fn finish_len(&self) -> Result<usize, Error>;
    fn finish(&mut self, output: &mut [u8]) -> Result<usize, Error>;
}

/// A digest in progress. `restart` makes it as new.
pub trait Digest: Send {
    fn restart(&mut self) -> Result<(), Error>;
    fn output_len(&self) -> usize;
    fn update(&mut self, data: &[u8]) -> Result<(), Error>;
    /// Writes `output_len` bytes; `output` has at least so many.
    fn finish(&mut self, output: &mut [u8]) -> Result<usize, Error>;
    /// Bytes of the state that `save` gives; `None`: this digest cannot tell it.
    fn state_len(&self) -> Option<usize> {
        None
    }
    /// All that it was given so far, condensed: as secret as that was.
    fn save(&self) -> Option<Zeroizing<Vec<u8>>> {
        None
    }
    /// Goes on from what `save` gave of the same mechanism; `false`: it is no such thing, and nothing changed.
    fn restore(&mut self, _state: &[u8]) -> bool {
        false
    }
}

/// A signature or MAC in progress, for signing and for verifying.
pub trait Sign: Send {
    /// As `Cipher::restart`.
    fn restart(&mut self, params: &Params) -> Result<bool, Error>;
    fn output_len(&self) -> usize;
    /// Takes a part of the data. Errors: `SinglePart`.
    fn update(&mut self, data: &[u8]) -> Result<(), Error>;
    /// Takes all the data: `sign` or `verify` comes next. Errors: `DataLen`.
    fn whole(&mut self, data: &[u8]) -> Result<(), Error> {
        self.update(data)
    }
    /// Writes `output_len` bytes; `output` has at least so many. Errors: `SinglePart`, if it has no parts and was not
    /// given all the data at once.
    fn sign(&mut self, output: &mut [u8]) -> Result<usize, Error>;
    /// In constant time. A wrong length is `SignatureLen`, a wrong value `SignatureInvalid`.
    fn verify(&mut self, signature: &[u8]) -> Result<(), Error>;
}

/// A signature that the data can be recovered from: one half of it, under one key. There are no parts.
pub trait Recover: Send {
    /// As `Cipher::restart`.
    fn restart(&mut self, params: &Params) -> Result<bool, Error>;
    /// Bytes that `one_shot` writes at most for so much input. Runs no cryptography. Errors: `DataLen` when signing,
    /// `SignatureLen` when verifying.
    fn one_shot_len(&self, input_bytes: usize) -> Result<usize, Error>;
    /// Data to a signature, or a signature to its data. As `Cipher` about `BufferTooSmall`: data that is shorter than
    /// `one_shot_len` says needs no more room than it has. Errors: `SignatureInvalid` when verifying.
    fn one_shot(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize, Error>;
}

/// Key encapsulation (PKCS#11 3.2 sec. 5.18.8 and 5.18.9). The public key encapsulates, the private key decapsulates.
pub struct Kem {
    /// Bytes of the ciphertext, and of the secret, for this key (either half). Runs no cryptography.
    pub lengths: fn(Key<'_>, &Params) -> Result<KemLengths, Error>,
    pub encapsulate: fn(Key<'_>, &Params) -> Result<Encapsulation, Error>,
    /// `ciphertext` has the length that `lengths` says. Errors: `EncryptedDataInvalid`.
    pub decapsulate: fn(Key<'_>, &Params, &[u8]) -> Result<Secret, Error>,
}

/// A new shared secret, and the ciphertext that the private key gets it from.
pub struct Encapsulation {
    pub ciphertext: Vec<u8>,
    pub secret: Secret,
}

/// What `Kem::lengths` tells, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KemLengths {
    pub ciphertext: usize,
    pub secret: usize,
}

/// Key wrapping: of a secret key's value, or of a private key as PKCS #8.
pub struct Wrap {
    /// The wrapped key does not tell the key's length: `unwrap` gives it with the zeros that filled it up to
    /// whole units of so many bytes, and the caller cuts it to what the key type or CKA_VALUE_LEN says.
    pub zero_pads: Option<usize>,
    /// The length that `wrap` gives for a key of so many bytes; errors as `wrap`. Runs no cryptography.
    pub wrapped_len: fn(Key<'_>, &Params, usize) -> Result<usize, Error>,
    pub wrap: WrapKey,
    /// Errors: `WrappedKeyLen`, `WrappedKeyInvalid`.
    pub unwrap: fn(Key<'_>, &Params, &[u8]) -> Result<Secret, Error>,
}
