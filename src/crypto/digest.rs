//! Digests: SHA-1 and SHA-2 (FIPS 180-4) and SHA-3 (FIPS 202).
//!
//! Called by: mechanism. On AWS-LC, without its EVP layer where the digest has a plain interface (a quarter
//! of the time of a short message); SHA-512/224 and SHA-512/256, which it does not offer safely, on `sha2`.

use super::fault;
use crate::error::Error;
use openssl::hash::{Hasher, MessageDigest};
use sha2::Digest;

/// A digest in progress.
pub trait Hash: Send + Sized + 'static {
    const BYTES: usize;
    fn new() -> Result<Self, Error>;
    fn update(&mut self, data: &[u8]) -> Result<(), Error>;
    /// Writes the digest to `out`, which has exactly `BYTES` bytes, and is as new.
    fn finish(&mut self, out: &mut [u8]) -> Result<(), Error>;
    /// Forgets what it was given.
    fn reset(&mut self) -> Result<(), Error> {
        *self = Self::new()?;
        Ok(())
    }
}

macro_rules! plain {
    ($name:ident, $bytes:literal) => {
        pub struct $name(openssl::sha::$name);

        impl Drop for $name {
            /// C_DigestKey digests keys. black_box keeps the last write from being optimized away.
            fn drop(&mut self) {
                self.0 = openssl::sha::$name::new();
                std::hint::black_box(&self.0);
            }
        }

        impl Hash for $name {
            const BYTES: usize = $bytes;
            fn new() -> Result<Self, Error> {
                Ok(Self(openssl::sha::$name::new()))
            }
            fn update(&mut self, data: &[u8]) -> Result<(), Error> {
                self.0.update(data);
                Ok(())
            }
            fn finish(&mut self, out: &mut [u8]) -> Result<(), Error> {
                let done = std::mem::replace(&mut self.0, openssl::sha::$name::new());
                out.copy_from_slice(&done.finish());
                Ok(())
            }
        }
    };
}

plain!(Sha1, 20);
plain!(Sha224, 28);
plain!(Sha256, 32);
plain!(Sha384, 48);
plain!(Sha512, 64);

macro_rules! truncated {
    ($name:ident, $bytes:literal) => {
        pub struct $name(sha2::$name);

        impl Hash for $name {
            const BYTES: usize = $bytes;
            fn new() -> Result<Self, Error> {
                Ok(Self(sha2::$name::new()))
            }
            fn update(&mut self, data: &[u8]) -> Result<(), Error> {
                Digest::update(&mut self.0, data);
                Ok(())
            }
            fn finish(&mut self, out: &mut [u8]) -> Result<(), Error> {
                out.copy_from_slice(&self.0.finalize_reset());
                Ok(())
            }
        }
    };
}

truncated!(Sha512_224, 28);
truncated!(Sha512_256, 32);

macro_rules! evp {
    ($name:ident, $digest:ident, $bytes:literal) => {
        pub struct $name(Hasher);

        impl Hash for $name {
            const BYTES: usize = $bytes;
            fn new() -> Result<Self, Error> {
                Hasher::new(MessageDigest::$digest()).map(Self).map_err(fault)
            }
            fn update(&mut self, data: &[u8]) -> Result<(), Error> {
                self.0.update(data).map_err(fault)
            }
            fn finish(&mut self, out: &mut [u8]) -> Result<(), Error> {
                // The context stays: Hasher sets it up again at its next update.
                out.copy_from_slice(&self.0.finish().map_err(fault)?);
                Ok(())
            }
            fn reset(&mut self) -> Result<(), Error> {
                self.0.finish().map(drop).map_err(fault)
            }
        }
    };
}

evp!(Sha3_224, sha3_224, 28);
evp!(Sha3_256, sha3_256, 32);
evp!(Sha3_384, sha3_384, 48);
evp!(Sha3_512, sha3_512, 64);
