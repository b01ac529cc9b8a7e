//! CKM_ECDSA and CKM_ECDSA_SHAx (PKCS#11 3.2, Elliptic Curve: ECDSA with and without hashing).
//!
//! A signature is `r` and `s`, each as long as the group's order. One that is verified may be shorter, if both halves
//! are of the same length. CKM_ECDSA signs a digest of any length that the caller made, in one part.

use super::aes_blocks::no_iv;
use super::buffer::exact;
use super::{Key, Params, Sign};
use crate::crypto::digest::Hash;
use crate::crypto::ecdsa::{MAX_HALF_BYTES, Signer, Verifier};
use crate::error::{Error, MechanismError};

const MAX_DIGEST_BYTES: usize = 64;

/// What is signed, collected.
trait Source: Send + 'static {
    fn update(&mut self, data: &[u8]) -> Result<(), Error>;
    fn whole(&mut self, data: &[u8]) -> Result<(), Error>;
    /// The digest; is then as new.
    fn finish(&mut self) -> Result<([u8; MAX_HALF_BYTES], usize), Error>;
    fn reset(&mut self) -> Result<(), Error>;
}

/// The digest that the caller made, or its leftmost bytes: more than the longest order is never looked at.
struct Given {
    digest: [u8; MAX_HALF_BYTES],
    bytes: Option<usize>,
}

struct Hashed<H> {
    hash: H,
    started: bool,
}

enum Half {
    Sign(Signer),
    Verify(Verifier),
}

struct Ecdsa<S> {
    half: Half,
    source: S,
}

pub fn raw(key: Key<'_>, params: &Params) -> Result<Box<dyn Sign>, Error> {
    engine(key, params, Given { digest: [0; MAX_HALF_BYTES], bytes: None })
}

pub fn hashing<H: Hash>(key: Key<'_>, params: &Params) -> Result<Box<dyn Sign>, Error> {
    engine(key, params, Hashed { hash: H::new()?, started: false })
}

fn engine<S: Source>(key: Key<'_>, params: &Params, source: S) -> Result<Box<dyn Sign>, Error> {
    no_iv(params)?;
    let half = match key {
        Key::Private(key) => Signer::new(key).map(Half::Sign),
        Key::Public(key) => Verifier::new(key).map(Half::Verify),
        Key::Secret(_) => None,
    };
    Ok(Box::new(Ecdsa { half: half.ok_or(MechanismError::KeyType)?, source }))
}

impl<S: Source> Sign for Ecdsa<S> {
    fn restart(&mut self, params: &Params) -> Result<bool, Error> {
        no_iv(params)?;
        self.source.reset()?;
        Ok(true)
    }

    fn output_len(&self) -> usize {
        2 * match &self.half {
            Half::Sign(signer) => signer.half_bytes(),
            Half::Verify(verifier) => verifier.half_bytes(),
        }
    }

    fn update(&mut self, data: &[u8]) -> Result<(), Error> {
        self.source.update(data)
    }

    fn whole(&mut self, data: &[u8]) -> Result<(), Error> {
        self.source.whole(data)
    }

    fn sign(&mut self, output: &mut [u8]) -> Result<usize, Error> {
        let needed = self.output_len();
        let output = exact(output, needed)?;
        let Half::Sign(signer) = &self.half else { return Err(MechanismError::KeyType.into()) };
        let (digest, bytes) = self.source.finish()?;
        signer.sign(&digest[..bytes], output)?;
        Ok(needed)
    }

    fn verify(&mut self, signature: &[u8]) -> Result<(), Error> {
        let bytes = signature.len();
        if bytes == 0 || bytes > self.output_len() || !bytes.is_multiple_of(2) {
            return Err(MechanismError::SignatureLen { bytes }.into());
        }
        let Half::Verify(verifier) = &self.half else { return Err(MechanismError::KeyType.into()) };
        let (digest, digest_bytes) = self.source.finish()?;
        let (r, s) = signature.split_at(bytes / 2);
        match verifier.verify(&digest[..digest_bytes], r, s) {
            true => Ok(()),
            false => Err(MechanismError::SignatureInvalid.into()),
        }
    }
}

impl Source for Given {
    fn update(&mut self, _data: &[u8]) -> Result<(), Error> {
        Err(MechanismError::SinglePart.into())
    }

    fn whole(&mut self, data: &[u8]) -> Result<(), Error> {
        let bytes = data.len().min(MAX_HALF_BYTES);
        self.digest[..bytes].copy_from_slice(&data[..bytes]);
        self.bytes = Some(bytes);
        Ok(())
    }

    fn finish(&mut self) -> Result<([u8; MAX_HALF_BYTES], usize), Error> {
        Ok((self.digest, self.bytes.take().ok_or(MechanismError::SinglePart)?))
    }

    fn reset(&mut self) -> Result<(), Error> {
        self.bytes = None;
        Ok(())
    }
}

impl<H: Hash> Source for Hashed<H> {
    fn update(&mut self, data: &[u8]) -> Result<(), Error> {
        self.started = true;
        self.hash.update(data)
    }

    fn whole(&mut self, data: &[u8]) -> Result<(), Error> {
        self.update(data)
    }

    fn finish(&mut self) -> Result<([u8; MAX_HALF_BYTES], usize), Error> {
        const { assert!(H::BYTES <= MAX_DIGEST_BYTES && MAX_DIGEST_BYTES <= MAX_HALF_BYTES) };
        let mut digest = [0; MAX_HALF_BYTES];
        self.hash.finish(&mut digest[..H::BYTES])?;
        self.started = false;
        Ok((digest, H::BYTES))
    }

    fn reset(&mut self) -> Result<(), Error> {
        if self.started {
            self.hash.reset()?;
            self.started = false;
        }
        Ok(())
    }
}
