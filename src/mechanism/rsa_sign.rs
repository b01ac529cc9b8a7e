//! RSA signatures: CKM_RSA_PKCS, CKM_RSA_PKCS_PSS, and both with each hash (PKCS#11 3.2, RSA).
//!
//! A signature is as long as the modulus. Without a hash the mechanism takes its data in one part: a DigestInfo or
//! whatever else the caller wants signed, and for PSS the digest.

use super::aes_blocks::no_iv;
use super::buffer::exact;
use super::{Key, Params, Sign};
use crate::crypto::hash_name::{HashName, Named};
use crate::crypto::padding::PKCS1_BYTES;
use crate::crypto::rsa_sign::{Scheme, Signer, Verifier, most_salt_bytes};
use crate::error::{Error, MechanismError};

const MAX_DIGEST_BYTES: usize = 64;

/// What is signed, collected.
trait Source: Send + 'static {
    fn update(&mut self, data: &[u8]) -> Result<(), Error>;
    fn whole(&mut self, data: &[u8], scheme: Scheme, modulus_bytes: usize) -> Result<(), Error>;
    /// Gives what was collected, and is then as new.
    fn finish<R>(&mut self, body: impl FnOnce(&[u8]) -> R) -> Result<R, Error>;
    fn reset(&mut self) -> Result<(), Error>;
}

/// All the data in one part.
#[derive(Default)]
struct Given {
    data: Vec<u8>,
    is_there: bool,
}

struct Hashed<H> {
    hash: H,
    started: bool,
}

enum Half {
    Sign(Signer),
    Verify(Verifier),
}

struct RsaSign<S> {
    half: Half,
    /// Of the modulus.
    bits: usize,
    scheme: Scheme,
    /// The scheme of these parameters; errors: `Params`.
    parse: fn(&Params) -> Result<Scheme, Error>,
    source: S,
}

/// CKM_RSA_PKCS
pub fn pkcs1(key: Key<'_>, params: &Params) -> Result<Box<dyn Sign>, Error> {
    let parse = |params: &Params| no_iv(params).map(|()| Scheme::Pkcs1);
    engine(key, params, parse, Given::default())
}

/// CKM_SHAx_RSA_PKCS
pub fn pkcs1_of<H: Named>(key: Key<'_>, params: &Params) -> Result<Box<dyn Sign>, Error> {
    let parse = |params: &Params| no_iv(params).map(|()| Scheme::Pkcs1Of(H::NAME));
    engine(key, params, parse, Hashed { hash: H::new()?, started: false })
}

/// CKM_RSA_PKCS_PSS
pub fn pss(key: Key<'_>, params: &Params) -> Result<Box<dyn Sign>, Error> {
    engine(key, params, |params| pss_scheme(params, None), Given::default())
}

/// CKM_SHAx_RSA_PKCS_PSS
pub fn pss_of<H: Named>(key: Key<'_>, params: &Params) -> Result<Box<dyn Sign>, Error> {
    let parse = |params: &Params| pss_scheme(params, Some(H::NAME));
    engine(key, params, parse, Hashed { hash: H::new()?, started: false })
}

fn engine<S: Source>(
    key: Key<'_>,
    params: &Params,
    parse: fn(&Params) -> Result<Scheme, Error>,
    source: S,
) -> Result<Box<dyn Sign>, Error> {
    let scheme = parse(params)?;
    let bits = match key {
        Key::Private(key) => key.bits(),
        Key::Public(key) => key.bits(),
        Key::Secret(_) => return Err(MechanismError::KeyType.into()),
    };
    must_have_room(scheme, bits)?;
    let half = match key {
        Key::Private(key) => Signer::new(key, scheme)?.map(Half::Sign),
        Key::Public(key) => Verifier::new(key, scheme)?.map(Half::Verify),
        Key::Secret(_) => None,
    };
    let half = half.ok_or(MechanismError::KeyType)?;
    Ok(Box::new(RsaSign { half, bits, scheme, parse, source }))
}

/// A mechanism with a hash wants its own hash in the parameter.
fn pss_scheme(params: &Params, own: Option<HashName>) -> Result<Scheme, Error> {
    match *params {
        Params::Pss { hash, mgf, salt_bytes } if own.is_none_or(|own| own == hash) => {
            Ok(Scheme::Pss { hash, mgf, salt_bytes: usize::try_from(salt_bytes).unwrap_or(usize::MAX) })
        }
        Params::Pss { .. } => Err(MechanismError::Params("hashAlg is not the mechanism's hash").into()),
        _ => Err(MechanismError::Params("CK_RSA_PKCS_PSS_PARAMS are needed").into()),
    }
}

fn must_have_room(scheme: Scheme, bits: usize) -> Result<(), Error> {
    match scheme {
        Scheme::Pss { hash, salt_bytes, .. } => match most_salt_bytes(bits, hash) {
            Some(most) if salt_bytes <= most => Ok(()),
            _ => Err(MechanismError::Params("the salt is too long for the key").into()),
        },
        Scheme::Pkcs1 | Scheme::Pkcs1Of(_) => Ok(()),
    }
}

impl<S: Source> Sign for RsaSign<S> {
    fn restart(&mut self, params: &Params) -> Result<bool, Error> {
        let scheme = (self.parse)(params)?;
        if scheme != self.scheme {
            must_have_room(scheme, self.bits)?;
            match &mut self.half {
                Half::Sign(signer) => signer.set_scheme(scheme)?,
                Half::Verify(verifier) => verifier.set_scheme(scheme)?,
            }
            self.scheme = scheme;
        }
        self.source.reset()?;
        Ok(true)
    }

    fn output_len(&self) -> usize {
        match &self.half {
            Half::Sign(signer) => signer.bytes(),
            Half::Verify(verifier) => verifier.bytes(),
        }
    }

    fn update(&mut self, data: &[u8]) -> Result<(), Error> {
        self.source.update(data)
    }

    fn whole(&mut self, data: &[u8]) -> Result<(), Error> {
        let modulus_bytes = self.output_len();
        self.source.whole(data, self.scheme, modulus_bytes)
    }

    fn sign(&mut self, output: &mut [u8]) -> Result<usize, Error> {
        let needed = self.output_len();
        let output = exact(output, needed)?;
        let Half::Sign(signer) = &mut self.half else { return Err(MechanismError::KeyType.into()) };
        self.source.finish(|data| signer.sign(data, output))??;
        Ok(needed)
    }

    fn verify(&mut self, signature: &[u8]) -> Result<(), Error> {
        if signature.len() != self.output_len() {
            return Err(MechanismError::SignatureLen { bytes: signature.len() }.into());
        }
        let Half::Verify(verifier) = &mut self.half else { return Err(MechanismError::KeyType.into()) };
        match self.source.finish(|data| verifier.verify(data, signature))? {
            true => Ok(()),
            false => Err(MechanismError::SignatureInvalid.into()),
        }
    }
}

impl Source for Given {
    fn update(&mut self, _data: &[u8]) -> Result<(), Error> {
        Err(MechanismError::SinglePart.into())
    }

    fn whole(&mut self, data: &[u8], scheme: Scheme, modulus_bytes: usize) -> Result<(), Error> {
        let fits = match scheme {
            Scheme::Pkcs1 => data.len() + PKCS1_BYTES <= modulus_bytes,
            Scheme::Pkcs1Of(hash) | Scheme::Pss { hash, .. } => data.len() == hash.bytes(),
        };
        if !fits {
            return Err(MechanismError::DataLen { bytes: data.len() }.into());
        }
        self.data.clear();
        self.data.extend_from_slice(data);
        self.is_there = true;
        Ok(())
    }

    fn finish<R>(&mut self, body: impl FnOnce(&[u8]) -> R) -> Result<R, Error> {
        match std::mem::take(&mut self.is_there) {
            true => Ok(body(&self.data)),
            false => Err(MechanismError::SinglePart.into()),
        }
    }

    fn reset(&mut self) -> Result<(), Error> {
        self.is_there = false;
        Ok(())
    }
}

impl<H: Named> Source for Hashed<H> {
    fn update(&mut self, data: &[u8]) -> Result<(), Error> {
        self.started = true;
        self.hash.update(data)
    }

    fn whole(&mut self, data: &[u8], _scheme: Scheme, _modulus_bytes: usize) -> Result<(), Error> {
        self.update(data)
    }

    fn finish<R>(&mut self, body: impl FnOnce(&[u8]) -> R) -> Result<R, Error> {
        const { assert!(H::BYTES <= MAX_DIGEST_BYTES) };
        let mut digest = [0; MAX_DIGEST_BYTES];
        self.hash.finish(&mut digest[..H::BYTES])?;
        self.started = false;
        Ok(body(&digest[..H::BYTES]))
    }

    fn reset(&mut self) -> Result<(), Error> {
        if self.started {
            self.hash.reset()?;
            self.started = false;
        }
        Ok(())
    }
}
