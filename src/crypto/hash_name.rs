//! Digests by name, for schemes that are told which one to use: RSA's PSS and OAEP, and their mask generation.
//!
//! Called by: mechanism (parameters), crypto::rsa_sign, crypto::rsa_cipher.

use super::digest::{self, Hash};
use crate::error::Error;
use openssl::md::{Md, MdRef};
use openssl::nid::Nid;

/// A digest of FIPS 180-4 or FIPS 202.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashName {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha512_224,
    Sha512_256,
    Sha3_224,
    Sha3_256,
    Sha3_384,
    Sha3_512,
}

/// A digest engine whose name is known.
pub trait Named: Hash {
    const NAME: HashName;
}

macro_rules! named {
    ($($name:ident),*) => {
        $(impl Named for digest::$name {
            const NAME: HashName = HashName::$name;
        })*

        impl HashName {
    /// SHA-1 and the hashes of SHA-2 that are not cut.
    pub fn is_of_fips_180(self) -> bool {
        use HashName::*;
        matches!(self, Sha1 | Sha224 | Sha256 | Sha384 | Sha512)
    }

            /// The length of the digest.
            pub fn bytes(self) -> usize {
                match self {
                    $(HashName::$name => digest::$name::BYTES,)*
                }
            }
        }
    };
}

named!(Sha1, Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256, Sha3_224, Sha3_256, Sha3_384, Sha3_512);

impl HashName {
    /// AWS-LC's method.
    pub(super) fn md(self) -> Result<&'static MdRef, Error> {
        let nid = match self {
            HashName::Sha1 => Nid::SHA1,
            HashName::Sha224 => Nid::SHA224,
            HashName::Sha256 => Nid::SHA256,
            HashName::Sha384 => Nid::SHA384,
            HashName::Sha512 => Nid::SHA512,
            HashName::Sha512_224 => Nid::from_raw(openssl_sys::NID_sha512_224),
            HashName::Sha512_256 => Nid::from_raw(openssl_sys::NID_sha512_256),
            HashName::Sha3_224 => Nid::from_raw(openssl_sys::NID_sha3_224),
            HashName::Sha3_256 => Nid::from_raw(openssl_sys::NID_sha3_256),
            HashName::Sha3_384 => Nid::from_raw(openssl_sys::NID_sha3_384),
            HashName::Sha3_512 => Nid::from_raw(openssl_sys::NID_sha3_512),
        };
        Md::from_nid(nid).ok_or_else(|| Error::Internal(format!("AWS-LC has no {self:?}")))
    }
}
