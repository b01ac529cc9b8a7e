//! Making, wrapping and unwrapping keys (PKCS#11 3.0 sec. 5.18).

use super::held::{Held, must_not_authenticate};
use super::ivs::{LateIv, check_iv};
use super::objects::open;
use super::slot::Term;
use super::{Output, Session, WriteIv};
use crate::error::{CallError, Error, MechanismError, ObjectError};
use crate::mechanism::{Key, Mechanism, Params, Wrap};
use crate::object::{NewKey, Object, Origin, Secret, Template, completed};
use cryptoki_sys::*;
use std::sync::Arc;
use zeroize::Zeroizing;

impl Session {
    /// C_GenerateKey
    pub fn generate_key(
        &self,
        mechanism: &'static Mechanism,
        params: &Params,
        template: &Template,
    ) -> Result<u64, Error> {
        let term = self.slot.term();
        let make = mechanism.generate.ok_or(MechanismError::Invalid(mechanism.id))?;
        let key_type = generated_type(mechanism, template)?;
        let origin = Origin::Generated(mechanism.id);
        let new = Object::plan_key(template, Some((CKO_SECRET_KEY, key_type)), origin, &self.slot.context())?;
        self.may_make(new.flag(CKA_TOKEN), new.flag(CKA_PRIVATE))?;
        let bytes = new.value_bytes.ok_or(ObjectError::Incomplete(CKA_VALUE_LEN))?;
        let value = new.adjusted(make(params, bytes).map_err(not_generated)?);
        self.keep(new.finish(value)?, term)
    }

    /// C_GenerateKeyPair: the handles of the public and the private key. Both are there, or none.
    pub fn generate_key_pair(
        &self,
        mechanism: &'static Mechanism,
        params: &Params,
        public: &Template,
        private: &Template,
    ) -> Result<(u64, u64), Error> {
        let term = self.slot.term();
        let make = mechanism.generate_pair.ok_or(MechanismError::Invalid(mechanism.id))?;
        let key_type = *mechanism.key_types.first().ok_or(MechanismError::Invalid(mechanism.id))?;
        let origin = Origin::Generated(mechanism.id);
        let plan = |template: &Template<'_>, class| {
            let new = Object::plan_key(template, Some((class, key_type)), origin, &self.slot.context())?;
            self.may_make(new.flag(CKA_TOKEN), new.flag(CKA_PRIVATE))?;
            Ok::<_, Error>(new)
        };
        let (public, private) = (plan(public, CKO_PUBLIC_KEY)?, plan(private, CKO_PRIVATE_KEY)?);
        let key = make(params, &public)?;
        let public = public.finish_public(key.public()?)?;
        let private = private.finish_private(key)?;
        let public = self.keep(public, term)?;
        match self.keep(private, term) {
            Ok(private) => Ok((public, private)),
            Err(error) => {
                self.forget(public)?;
                Err(error)
            }
        }
    }

    /// C_WrapKey. `wrapping` and `key` are handles. Errors: `WrappingKeyHandleInvalid`, `KeyHandleInvalid`,
    /// `KeyUnextractable`, `KeyNotWrappable`, the mechanism's. `write_iv`: where an IV goes that the library makes.
    pub fn wrap_key(
        &self,
        mechanism: &'static Mechanism,
        params: &Params,
        (wrapping, key): (u64, u64),
        output: Output<'_>,
        write_iv: Option<WriteIv>,
    ) -> Result<usize, Error> {
        let wrap = wrap_of(mechanism)?;
        let wrapping_key = self.wrapping_key(wrapping, mechanism)?;
        let opened = open(&wrapping_key.object)?;
        let held = self.object(key)?.ok_or(CallError::KeyHandleInvalid(key))?;
        let value = wrappable(&held.object, &wrapping_key.object, key)?;
        check_iv(mechanism, params)?;
        mechanism.check_hashes(params)?;
        if mechanism.unwraps_tail && held.object.class() == CKO_PRIVATE_KEY {
            // PKCS #8 at the end of a number would not be found again.
            return Err(MechanismError::KeyNotWrappable.into());
        }
        let needed = (wrap.wrapped_len)(opened, params, value.len()).map_err(not_wrappable)?;
        match output {
            Output::Query => Ok(needed),
            Output::Buffer(output) if output.len() < needed => Err(Error::BufferTooSmall { needed }),
            Output::Buffer(output) => {
                let params = self.with_own_iv(mechanism, params.clone())?;
                let wrapped = (wrap.wrap)(opened, &params, &value).map_err(not_wrappable)?;
                output[..wrapped.len()].copy_from_slice(&wrapped);
                if let Some(iv) = LateIv::new(&params, write_iv) {
                    iv.tell();
                }
                Ok(wrapped.len())
            }
        }
    }

    /// C_UnwrapKey
    pub fn unwrap_key(
        &self,
        mechanism: &'static Mechanism,
        params: &Params,
        unwrapping: u64,
        wrapped: &[u8],
        template: &Template,
    ) -> Result<u64, Error> {
        let term = self.slot.term();
        let wrap = wrap_of(mechanism)?;
        let held = self.unwrapping_key(unwrapping, mechanism)?;
        let opened = open(&held.object)?;
        mechanism.check_hashes(params)?;
        let new = self.plan_unwrapped(template, &held)?;
        let value = match (mechanism.unwraps_tail, wrap.zero_pads, new.value_bytes) {
            (true, _, None) => return Err(ObjectError::Incomplete(CKA_VALUE_LEN).into()),
            (true, _, Some(bytes)) => tail((wrap.unwrap)(opened, params, wrapped)?, bytes)?,
            (_, Some(unit), Some(bytes)) => cut((wrap.unwrap)(opened, params, wrapped)?, unit, bytes)?,
            _ => (wrap.unwrap)(opened, params, wrapped)?,
        };
        self.keep_unwrapped(new, opened, value, term)
    }

    /// The key behind a handle, if it may wrap by this mechanism.
    pub(super) fn wrapping_key(&self, handle: u64, mechanism: &Mechanism) -> Result<Arc<Held>, Error> {
        let held = self.object(handle)?.ok_or(CallError::WrappingKeyHandleInvalid(handle))?;
        self.usable_key(&held, mechanism, CKA_WRAP).map_err(|e| match e {
            Error::Mechanism(MechanismError::KeyType) => MechanismError::WrappingKeyType.into(),
            Error::Mechanism(MechanismError::KeySize { bytes }) => {
                MechanismError::WrappingKeySize { bytes }.into()
            }
            Error::Call(CallError::KeyHandleInvalid(_)) => CallError::WrappingKeyHandleInvalid(handle).into(),
            e => e,
        })?;
        Ok(held)
    }

    /// The key behind a handle, if it may unwrap by this mechanism.
    pub(super) fn unwrapping_key(&self, handle: u64, mechanism: &Mechanism) -> Result<Arc<Held>, Error> {
        let held = self.object(handle)?.ok_or(CallError::UnwrappingKeyHandleInvalid(handle))?;
        self.usable_key(&held, mechanism, CKA_UNWRAP).map_err(|e| match e {
            Error::Mechanism(MechanismError::KeyType) => MechanismError::UnwrappingKeyType.into(),
            Error::Mechanism(MechanismError::KeySize { bytes }) => {
                MechanismError::UnwrappingKeySize { bytes }.into()
            }
            Error::Call(CallError::KeyHandleInvalid(_)) => {
                CallError::UnwrappingKeyHandleInvalid(handle).into()
            }
            e => e,
        })?;
        must_not_authenticate(&held)?;
        Ok(held)
    }

    /// Checks the template of a key to be unwrapped.
    pub(super) fn plan_unwrapped(&self, template: &Template, unwrapping: &Held) -> Result<NewKey, Error> {
        let template = &completed(template, [&unwrapping.object], CKA_UNWRAP_TEMPLATE);
        let new = Object::plan_key(template, None, Origin::Unwrapped, &self.slot.context())?;
        self.may_make(new.flag(CKA_TOKEN), new.flag(CKA_PRIVATE))?;
        Ok(new)
    }

    pub(super) fn keep_unwrapped(
        &self,
        new: NewKey,
        unwrapping: Key<'_>,
        value: Secret,
        term: Term,
    ) -> Result<u64, Error> {
        if new.class == CKO_PRIVATE_KEY {
            let object = new.finish_pkcs8(&value).map_err(|_| MechanismError::WrappedKeyInvalid)?;
            return self.keep(object, term);
        }
        let bytes = value.expose().len();
        if !new.fits(bytes) {
            return Err(misfit(unwrapping, bytes).into());
        }
        if !new.is_sound(&value) {
            return Err(MechanismError::WrappedKeyInvalid.into());
        }
        self.keep(new.finish(value)?, term)
    }
}

/// The type of key that a mechanism makes; one that makes keys of several types leaves it to the template.
fn generated_type(mechanism: &Mechanism, template: &Template) -> Result<CK_KEY_TYPE, Error> {
    let &[key_type] = mechanism.key_types else {
        let key_type = template.number(CKA_KEY_TYPE)?.ok_or(ObjectError::Incomplete(CKA_KEY_TYPE))?;
        return match mechanism.key_types.contains(&key_type) {
            true => Ok(key_type),
            false => Err(ObjectError::Inconsistent("the mechanism makes no keys of this type").into()),
        };
    };
    Ok(key_type)
}

/// A mechanism that fills up with zeros does not know where the key ends: CKA_VALUE_LEN of the template says
/// (PKCS#11 3.0 sec. 2.10.5: "truncates the result"). Only zeros go, and less than a unit of them: whoever could
/// cut a key short would find it piece by piece.
fn cut(value: Secret, unit: usize, bytes: usize) -> Result<Secret, MechanismError> {
    match value.expose().split_at_checked(bytes) {
        Some((key, filling)) if filling.len() < unit && filling.iter().all(|byte| *byte == 0) => {
            Ok(Secret::new(key))
        }
        _ => Err(MechanismError::WrappedKeyLen { bytes: value.expose().len() }),
    }
}

/// The key at the end of a number, after zeros alone (PKCS#11 3.2, X.509 (raw) RSA: "taken from the end"). Other bytes
/// before it are refused, as `cut` refuses them.
fn tail(number: Secret, bytes: usize) -> Result<Secret, MechanismError> {
    let start = number.expose().len().checked_sub(bytes).ok_or(MechanismError::WrappedKeyInvalid)?;
    let (filling, key) = number.expose().split_at(start);
    match filling.iter().fold(0, |all, byte| all | byte) {
        0 => Ok(Secret::new(key)),
        _ => Err(MechanismError::WrappedKeyInvalid),
    }
}

/// A key of a wrong length. Everybody can make what a private key unwraps, and would learn from two answers whether
/// it was padded well.
fn misfit(unwrapping: Key<'_>, bytes: usize) -> MechanismError {
    match unwrapping {
        Key::Secret(_) => MechanismError::WrappedKeyLen { bytes },
        Key::Public(_) | Key::Private(_) => MechanismError::WrappedKeyInvalid,
    }
}

/// A length that the mechanism does not make is a wrong value of the template: there is no key yet that could
/// have the wrong size.
fn not_generated(error: Error) -> Error {
    match error {
        Error::Mechanism(MechanismError::KeySize { .. }) => {
            ObjectError::ValueInvalid { attribute: CKA_VALUE_LEN, reason: "no such key length" }.into()
        }
        e => e,
    }
}

fn wrap_of(mechanism: &'static Mechanism) -> Result<&'static Wrap, MechanismError> {
    mechanism.wrap.ok_or(MechanismError::Invalid(mechanism.id))
}

/// What is wrapped of a key that may leave under this wrapping key. Errors: `KeyHandleInvalid`, `KeyUnextractable`,
/// `KeyNotWrappable`.
pub(super) fn wrappable(
    key: &Object,
    wrapping_key: &Object,
    handle: u64,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    if !matches!(key.class(), CKO_SECRET_KEY | CKO_PRIVATE_KEY) {
        return Err(CallError::KeyHandleInvalid(handle).into());
    }
    if !key.flag(CKA_EXTRACTABLE) {
        return Err(MechanismError::KeyUnextractable.into());
    }
    if key.flag(CKA_WRAP_WITH_TRUSTED) && !wrapping_key.flag(CKA_TRUSTED) {
        return Err(MechanismError::KeyNotWrappable.into());
    }
    if !wrapping_key.accepts(key, CKA_WRAP_TEMPLATE) {
        return Err(CallError::KeyHandleInvalid(handle).into());
    }
    Ok(key.wrapping_form()?.ok_or(CallError::KeyHandleInvalid(handle))?)
}

/// A key whose length the mechanism does not take is the key's fault, not the data's.
fn not_wrappable(error: Error) -> Error {
    match error {
        Error::Mechanism(MechanismError::DataLen { .. }) => MechanismError::KeyNotWrappable.into(),
        e => e,
    }
}
