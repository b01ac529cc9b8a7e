//! Key encapsulation (PKCS#11 3.2 sec. 5.18.8 and 5.18.9).

use super::held::must_not_authenticate;
use super::{Output, Session};
use crate::error::{CallError, Error, MechanismError};
use crate::mechanism::{Encapsulation, Kem, Mechanism, Params};
use crate::object::{NewKey, Object, Origin, Template, completed};
use cryptoki_sys::*;

/// What C_EncapsulateKey answers.
pub enum Encapsulated {
    /// The caller asked how long the ciphertext is: no key was made.
    Size(usize),
    /// The ciphertext of so many bytes was written, and the key has this handle.
    Key { written: usize, handle: u64 },
}

impl Session {
    /// C_EncapsulateKey. A size query and a buffer that is too small make no key. Errors: `KeyHandleInvalid`, those
    /// of the template, the mechanism's.
    pub fn encapsulate_key(
        &self,
        mechanism: &'static Mechanism,
        params: &Params,
        key: u64,
        template: &Template,
        output: Output<'_>,
    ) -> Result<Encapsulated, Error> {
        let term = self.slot.term();
        let kem = kem_of(mechanism)?;
        let held = self.object(key)?.ok_or(CallError::KeyHandleInvalid(key))?;
        let opened = self.usable_key(&held, mechanism, CKA_ENCAPSULATE).map_err(|e| named(e, key))?;
        let lengths = (kem.lengths)(opened, params)?;
        let needed = lengths.ciphertext;
        let output = match output {
            Output::Query => return Ok(Encapsulated::Size(needed)),
            Output::Buffer(output) if output.len() < needed => {
                return Err(Error::BufferTooSmall { needed });
            }
            Output::Buffer(output) => output,
        };
        let new = self.plan_shared(template, lengths.secret)?;
        let Encapsulation { ciphertext, secret } = (kem.encapsulate)(opened, params)?;
        let object = new.finish(secret)?;
        if !held.object.accepts(&object, CKA_ENCAPSULATE_TEMPLATE) {
            return Err(CallError::KeyHandleInvalid(key).into());
        }
        let handle = self.keep(object, term)?;
        output[..ciphertext.len()].copy_from_slice(&ciphertext);
        Ok(Encapsulated::Key { written: ciphertext.len(), handle })
    }

    /// C_DecapsulateKey. Errors: `UnwrappingKeyHandleInvalid`, `UnwrappingKeyType`, `WrappedKeyLen`,
    /// `WrappedKeyInvalid`, those of the template.
    pub fn decapsulate_key(
        &self,
        mechanism: &'static Mechanism,
        params: &Params,
        key: u64,
        template: &Template,
        ciphertext: &[u8],
    ) -> Result<u64, Error> {
        let term = self.slot.term();
        let kem = kem_of(mechanism)?;
        let held = self.object(key)?.ok_or(CallError::UnwrappingKeyHandleInvalid(key))?;
        let opened = self.usable_key(&held, mechanism, CKA_DECAPSULATE).map_err(|e| match e {
            Error::Mechanism(MechanismError::KeyType) => MechanismError::UnwrappingKeyType.into(),
            Error::Call(CallError::KeyHandleInvalid(_)) => CallError::UnwrappingKeyHandleInvalid(key).into(),
            e => e,
        })?;
        must_not_authenticate(&held)?;
        let lengths = (kem.lengths)(opened, params)?;
        let template = &completed(template, [&held.object], CKA_DECAPSULATE_TEMPLATE);
        let new = self.plan_shared(template, lengths.secret)?;
        if ciphertext.len() != lengths.ciphertext {
            return Err(MechanismError::WrappedKeyLen { bytes: ciphertext.len() }.into());
        }
        let secret = (kem.decapsulate)(opened, params, ciphertext).map_err(|e| match e {
            Error::Mechanism(MechanismError::EncryptedDataInvalid) => {
                MechanismError::WrappedKeyInvalid.into()
            }
            e => e,
        })?;
        self.keep(new.finish(secret)?, term)
    }

    /// The template of the shared secret: a secret key of any type that takes so many bytes.
    fn plan_shared(&self, template: &Template, secret_bytes: usize) -> Result<NewKey, Error> {
        let new = Object::plan_key(template, None, Origin::Unwrapped, &self.slot.context())?;
        if new.class != CKO_SECRET_KEY || !new.fits(secret_bytes) {
            let reason = "the shared secret is not a key of that class, type and length";
            return Err(crate::error::ObjectError::Inconsistent(reason).into());
        }
        self.may_make(new.flag(CKA_TOKEN), new.flag(CKA_PRIVATE))?;
        Ok(new)
    }
}

fn kem_of(mechanism: &'static Mechanism) -> Result<&'static Kem, MechanismError> {
    mechanism.kem.ok_or(MechanismError::Invalid(mechanism.id))
}

/// With the handle that the caller gave.
fn named(error: Error, key: u64) -> Error {
    match error {
        Error::Call(CallError::KeyHandleInvalid(_)) => CallError::KeyHandleInvalid(key).into(),
        e => e,
    }
}
