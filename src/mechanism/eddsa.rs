//! CKM_EDDSA with Ed25519, Ed25519ctx and Ed25519ph (PKCS#11 3.2, Elliptic Curve: EdDSA; RFC 8032).
//!
//! Which of them, the parameter says: none of it is Ed25519; phFlag is Ed25519ph; else it is Ed25519ctx, which has a
//! context. Ed25519 and Ed25519ctx take the message twice: what comes in parts is kept until the end. AWS-LC has no
//! Ed448.

use super::buffer::exact;
use super::{Key, Params, Sign};
use crate::crypto::curve25519::{MAX_CONTEXT_BYTES, SIGNATURE_BYTES, Signed, Signer, Verifier};
use crate::crypto::digest::{Hash, Sha512};
use crate::error::{Error, MechanismError};

/// CK_EDDSA_PARAMS
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EddsaParams {
    pub prehash: bool,
    pub context: Vec<u8>,
}

enum Half {
    Sign(Signer),
    Verify(Verifier),
}

enum Message {
    Kept(Vec<u8>),
    Hashed(Sha512),
}

struct Eddsa {
    half: Half,
    message: Message,
    context: Vec<u8>,
}

pub fn new(key: Key<'_>, params: &Params) -> Result<Box<dyn Sign>, Error> {
    let (message, context) = begin(params)?;
    let half = match key {
        Key::Private(key) => Signer::new(key).map(Half::Sign),
        Key::Public(key) => Verifier::new(key).map(Half::Verify),
        Key::Secret(_) => None,
    };
    Ok(Box::new(Eddsa { half: half.ok_or(MechanismError::KeyType)?, message, context }))
}

/// Errors: `Params`.
fn begin(params: &Params) -> Result<(Message, Vec<u8>), Error> {
    let kept = || Message::Kept(Vec::new());
    match params {
        Params::None => Ok((kept(), Vec::new())),
        Params::Eddsa(params) if params.context.len() > MAX_CONTEXT_BYTES => {
            Err(MechanismError::Params("a context has 255 bytes at most").into())
        }
        Params::Eddsa(params) if params.prehash => {
            Ok((Message::Hashed(Sha512::new()?), params.context.clone()))
        }
        Params::Eddsa(params) if params.context.is_empty() => {
            Err(MechanismError::Params("Ed25519ctx has a context; Ed25519 takes no parameter").into())
        }
        Params::Eddsa(params) => Ok((kept(), params.context.clone())),
        _ => Err(MechanismError::Params("CK_EDDSA_PARAMS or nothing is needed").into()),
    }
}

impl Eddsa {
    /// Works on the message, which is then forgotten.
    fn finish<T>(&mut self, work: impl FnOnce(&Half, Signed<'_>) -> T) -> Result<T, Error> {
        let context = &self.context;
        let mut digest = [0; 64];
        let done = match &mut self.message {
            Message::Hashed(hash) => {
                hash.finish(&mut digest)?;
                work(&self.half, Signed::Prehashed { digest: &digest, context })
            }
            Message::Kept(message) => {
                let done = match context.is_empty() {
                    true => work(&self.half, Signed::Message(message)),
                    false => work(&self.half, Signed::WithContext { message, context }),
                };
                message.clear();
                done
            }
        };
        Ok(done)
    }
}

impl Sign for Eddsa {
    fn restart(&mut self, params: &Params) -> Result<bool, Error> {
        match (&mut self.message, params) {
            (Message::Kept(message), Params::None) if self.context.is_empty() => message.clear(),
            _ => (self.message, self.context) = begin(params)?,
        }
        Ok(true)
    }

    fn output_len(&self) -> usize {
        SIGNATURE_BYTES
    }

    fn update(&mut self, data: &[u8]) -> Result<(), Error> {
        match &mut self.message {
            Message::Hashed(hash) => hash.update(data),
            Message::Kept(message) => {
                let bytes = message.len().saturating_add(data.len());
                message.try_reserve(data.len()).map_err(|_| MechanismError::DataLen { bytes })?;
                message.extend_from_slice(data);
                Ok(())
            }
        }
    }

    fn sign(&mut self, output: &mut [u8]) -> Result<usize, Error> {
        let output = exact(output, SIGNATURE_BYTES)?;
        let signature = self.finish(|half, what| match half {
            Half::Sign(signer) => signer.sign(what),
            Half::Verify(_) => Err(MechanismError::KeyType.into()),
        })??;
        output.copy_from_slice(&signature);
        Ok(SIGNATURE_BYTES)
    }

    fn verify(&mut self, signature: &[u8]) -> Result<(), Error> {
        let bytes = signature.len();
        let signature = signature.try_into().map_err(|_| MechanismError::SignatureLen { bytes })?;
        let verified = self.finish(|half, what| match half {
            Half::Verify(verifier) => verifier.verify(what, signature),
            Half::Sign(_) => false,
        })?;
        if verified { Ok(()) } else { Err(MechanismError::SignatureInvalid.into()) }
    }
}
