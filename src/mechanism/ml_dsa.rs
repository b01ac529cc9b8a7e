//! CKM_ML_DSA_KEY_PAIR_GEN, CKM_ML_DSA, CKM_HASH_ML_DSA and CKM_HASH_ML_DSA_x (PKCS#11 3.2, ML-DSA; FIPS 204).
//!
//! Signatures are hedged. Who asks for deterministic ones is refused, for AWS-LC makes none; who verifies may ask.

use super::aes_blocks::no_iv;
use super::buffer::exact;
use super::{Digest, Key, Params, Sign, sha};
use crate::crypto::digest;
use crate::crypto::lattice;
use crate::crypto::ml_dsa::{Bound, MAX_CONTEXT_BYTES, MU_BYTES, Shake, Signer, Verifier};
use crate::crypto::pkey::PrivateKey;
use crate::error::{Error, MechanismError};
use crate::object::{NewKey, ml_dsa_parameter_set};
use cryptoki_sys::*;

/// CK_SIGN_ADDITIONAL_CONTEXT or CK_HASH_SIGN_ADDITIONAL_CONTEXT
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignContext {
    /// CK_HEDGE_TYPE
    pub hedge: CK_ULONG,
    pub context: Vec<u8>,
    pub hash: Option<CK_MECHANISM_TYPE>,
}

/// Errors: `ParameterSet`.
pub fn generate(params: &Params, public: &NewKey) -> Result<PrivateKey, Error> {
    no_iv(params)?;
    lattice::generate(ml_dsa_parameter_set(public.number(CKA_PARAMETER_SET))?)
}

/// The hashes of HashML-DSA, by the mechanism of the hash: the last number of their object identifiers in NIST's arc
/// hashAlgs, and how they are made.
struct Prehash {
    mechanism: CK_MECHANISM_TYPE,
    arc: u8,
    new: fn(&Params) -> Result<Box<dyn Digest>, Error>,
}

/// SHAKE has no number as a digest: the mechanisms that name it stand for it.
const PREHASHES: [Prehash; 10] = [
    Prehash { mechanism: CKM_SHA256, arc: 1, new: sha::new::<digest::Sha256> },
    Prehash { mechanism: CKM_SHA384, arc: 2, new: sha::new::<digest::Sha384> },
    Prehash { mechanism: CKM_SHA512, arc: 3, new: sha::new::<digest::Sha512> },
    Prehash { mechanism: CKM_SHA224, arc: 4, new: sha::new::<digest::Sha224> },
    Prehash { mechanism: CKM_SHA3_224, arc: 7, new: sha::new::<digest::Sha3_224> },
    Prehash { mechanism: CKM_SHA3_256, arc: 8, new: sha::new::<digest::Sha3_256> },
    Prehash { mechanism: CKM_SHA3_384, arc: 9, new: sha::new::<digest::Sha3_384> },
    Prehash { mechanism: CKM_SHA3_512, arc: 10, new: sha::new::<digest::Sha3_512> },
    Prehash { mechanism: CKM_HASH_ML_DSA_SHAKE128, arc: 11, new: |_| Ok(Box::new(Shake::of_128()?)) },
    Prehash { mechanism: CKM_HASH_ML_DSA_SHAKE256, arc: 12, new: |_| Ok(Box::new(Shake::of_256()?)) },
];

/// What is signed, collected.
enum Message {
    /// The message goes into the representative as it comes.
    Pure,
    Hashing(Box<dyn Digest>),
    /// A digest of so many bytes, which comes at once.
    Given {
        bytes: usize,
        digest: Option<Vec<u8>>,
    },
}

enum Half {
    Sign(Signer),
    Verify(Verifier),
}

struct MlDsa {
    half: Half,
    mu: Shake,
    message: Message,
    prehash: Option<&'static Prehash>,
    context: Vec<u8>,
    /// The hash is the parameter's to name.
    named: bool,
}

pub fn pure(key: Key<'_>, params: &Params) -> Result<Box<dyn Sign>, Error> {
    engine(key, params, Message::Pure, None, false)
}

/// CKM_HASH_ML_DSA: the parameter names the hash that the caller used.
pub fn prehashed(key: Key<'_>, params: &Params) -> Result<Box<dyn Sign>, Error> {
    let (prehash, bytes) = named_prehash(params)?;
    engine(key, params, Message::Given { bytes, digest: None }, Some(prehash), true)
}

/// CKM_HASH_ML_DSA_x, of the hash at this place in `PREHASHES`.
pub fn hashing<const AT: usize>(key: Key<'_>, params: &Params) -> Result<Box<dyn Sign>, Error> {
    let prehash = &PREHASHES[AT];
    engine(key, params, Message::Hashing((prehash.new)(&Params::None)?), Some(prehash), false)
}

fn named_prehash(params: &Params) -> Result<(&'static Prehash, usize), Error> {
    let Params::SignContext(SignContext { hash: Some(hash), .. }) = params else {
        return Err(MechanismError::Params("CK_HASH_SIGN_ADDITIONAL_CONTEXT are needed").into());
    };
    let prehash = PREHASHES.iter().find(|prehash| prehash.mechanism == *hash);
    let prehash = prehash.ok_or(MechanismError::Params("HashML-DSA has no such hash"))?;
    Ok((prehash, (prehash.new)(&Params::None)?.output_len()))
}

fn engine(
    key: Key<'_>,
    params: &Params,
    message: Message,
    prehash: Option<&'static Prehash>,
    named: bool,
) -> Result<Box<dyn Sign>, Error> {
    let half = match key {
        Key::Private(key) => Signer::new(key)?.map(Half::Sign),
        Key::Public(key) => Verifier::new(key)?.map(Half::Verify),
        Key::Secret(_) => None,
    };
    let half = half.ok_or(MechanismError::KeyType)?;
    let context = checked(params, matches!(half, Half::Sign(_)))?;
    let mut made = MlDsa { half, mu: Shake::of_256()?, message, prehash, context, named };
    made.begin()?;
    Ok(Box::new(made))
}

/// The context. Errors: `Params`.
fn checked(params: &Params, signs: bool) -> Result<Vec<u8>, Error> {
    match params {
        Params::None => Ok(Vec::new()),
        Params::SignContext(given) if given.context.len() > MAX_CONTEXT_BYTES => {
            Err(MechanismError::Params("a context has 255 bytes at most").into())
        }
        Params::SignContext(SignContext { hedge, context, .. }) => match *hedge {
            CKH_HEDGE_PREFERRED | CKH_HEDGE_REQUIRED => Ok(context.clone()),
            CKH_DETERMINISTIC_REQUIRED if !signs => Ok(context.clone()),
            CKH_DETERMINISTIC_REQUIRED => {
                Err(MechanismError::Params("signatures are hedged: none are deterministic").into())
            }
            _ => Err(MechanismError::Params("no such CK_HEDGE_TYPE").into()),
        },
        _ => Err(MechanismError::Params("CK_SIGN_ADDITIONAL_CONTEXT or nothing is needed").into()),
    }
}

impl MlDsa {
    fn bound(&self) -> Bound {
        match &self.half {
            Half::Sign(signer) => signer.bound(),
            Half::Verify(verifier) => verifier.bound(),
        }
    }

    /// Starts a message representative.
    fn begin(&mut self) -> Result<(), Error> {
        self.bound().begin(&mut self.mu, self.prehash.is_some(), &self.context)?;
        let Some(prehash) = self.prehash else { return Ok(()) };
        self.mu.update(&[0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, prehash.arc])
    }

    /// The representative of what was collected; the next one is begun.
    fn finish(&mut self) -> Result<[u8; MU_BYTES], Error> {
        match &mut self.message {
            Message::Pure => {}
            Message::Hashing(hash) => {
                let mut digest = vec![0; hash.output_len()];
                hash.finish(&mut digest)?;
                self.mu.update(&digest)?;
            }
            Message::Given { digest, .. } => {
                self.mu.update(&digest.take().ok_or(MechanismError::SinglePart)?)?;
            }
        }
        let mut mu = [0; MU_BYTES];
        self.mu.finish(&mut mu)?;
        self.begin()?;
        Ok(mu)
    }
}

impl Sign for MlDsa {
    fn restart(&mut self, params: &Params) -> Result<bool, Error> {
        if self.named && !std::ptr::eq(named_prehash(params)?.0, self.prehash.unwrap_or(&PREHASHES[0])) {
            return Ok(false);
        }
        self.context = checked(params, matches!(self.half, Half::Sign(_)))?;
        match &mut self.message {
            Message::Pure => {}
            Message::Hashing(hash) => hash.restart()?,
            Message::Given { digest, .. } => *digest = None,
        }
        self.mu.finish(&mut [0; MU_BYTES])?;
        self.begin()?;
        Ok(true)
    }

    fn output_len(&self) -> usize {
        match &self.half {
            Half::Sign(signer) => signer.signature_bytes(),
            Half::Verify(verifier) => verifier.signature_bytes(),
        }
    }

    fn update(&mut self, data: &[u8]) -> Result<(), Error> {
        match &mut self.message {
            Message::Pure => self.mu.update(data),
            Message::Hashing(hash) => hash.update(data),
            Message::Given { .. } => Err(MechanismError::SinglePart.into()),
        }
    }

    fn whole(&mut self, data: &[u8]) -> Result<(), Error> {
        match &mut self.message {
            Message::Given { bytes, digest } if data.len() == *bytes => {
                *digest = Some(data.to_vec());
                Ok(())
            }
            Message::Given { .. } => Err(MechanismError::DataLen { bytes: data.len() }.into()),
            _ => self.update(data),
        }
    }

    fn sign(&mut self, output: &mut [u8]) -> Result<usize, Error> {
        let needed = self.output_len();
        let output = exact(output, needed)?;
        let mu = self.finish()?;
        let Half::Sign(signer) = &self.half else { return Err(MechanismError::KeyType.into()) };
        signer.sign(&mu, output)?;
        Ok(needed)
    }

    fn verify(&mut self, signature: &[u8]) -> Result<(), Error> {
        if signature.len() != self.output_len() {
            return Err(MechanismError::SignatureLen { bytes: signature.len() }.into());
        }
        let mu = self.finish()?;
        let Half::Verify(verifier) = &self.half else { return Err(MechanismError::KeyType.into()) };
        match verifier.verify(&mu, signature) {
            true => Ok(()),
            false => Err(MechanismError::SignatureInvalid.into()),
        }
    }
}

impl Digest for Shake {
    fn restart(&mut self) -> Result<(), Error> {
        let mut forgotten = [0; 64];
        Shake::finish(self, &mut forgotten)
    }

    fn output_len(&self) -> usize {
        self.bytes()
    }

    fn update(&mut self, data: &[u8]) -> Result<(), Error> {
        Shake::update(self, data)
    }

    fn finish(&mut self, output: &mut [u8]) -> Result<usize, Error> {
        let bytes = self.bytes();
        Shake::finish(self, exact(output, bytes)?)?;
        Ok(bytes)
    }
}
