//! C_DeriveKey (PKCS#11 3.0 sec. 5.18.5).

use super::held::must_not_authenticate;
use super::{Held, Session};
use crate::error::{CallError, Error, MechanismError, ObjectError};
use crate::mechanism::{Ancestor, Derivation, Key, Lengths, Mechanism, Params};
use crate::object::{Heritage, NewKey, Object, Secret, Template, completed};
use cryptoki_sys::*;
use smallvec::SmallVec;
use std::sync::Arc;

/// Why nothing was derived.
pub struct NotDerived {
    pub error: Error,
    /// The further key, counted from 0, whose template it was.
    pub further: Option<usize>,
}

impl<E: Into<Error>> From<E> for NotDerived {
    fn from(error: E) -> Self {
        NotDerived { error: error.into(), further: None }
    }
}

impl Session {
    /// C_DeriveKey: the handles of the key and of the further ones that the mechanism's parameter asks for. All of
    /// them are there, or none. Errors: `KeyHandleInvalid`, `KeyType`, `KeyFunction`, those of the templates, the
    /// mechanism's.
    pub fn derive_key(
        &self,
        mechanism: &'static Mechanism,
        params: &Params,
        base: u64,
        template: &Template,
        further: &[Template],
    ) -> Result<SmallVec<[u64; 1]>, NotDerived> {
        let term = self.slot.term();
        let derive = mechanism.derive.ok_or(MechanismError::Invalid(mechanism.id))?;
        let held = self.object(base)?.ok_or(CallError::KeyHandleInvalid(base))?;
        let (key, base_type) = self.base_key(&held, base, mechanism)?;
        must_not_authenticate(&held)?;
        let others = params.keys().into_iter().map(|handle| self.named_key(handle));
        let others = others.collect::<Result<Vec<_>, Error>>()?;
        let opened = others.iter().map(|held| self.usable_key(held, mechanism, CKA_DERIVE));
        let opened = opened.collect::<Result<Vec<_>, Error>>()?;
        let ancestors: Vec<_> = others.iter().map(|held| ancestor(&held.object)).collect();
        let heritage = mechanism.derived.lineage.heritage(ancestor(&held.object), &ancestors);
        let bases = || others.iter().chain([&held]).map(|base| &base.object);
        let template = &completed(template, bases(), CKA_DERIVE_TEMPLATE);
        let first = self.plan_derived(mechanism, heritage, template)?;
        let mut plans: SmallVec<[NewKey; 1]> = SmallVec::from_iter([first]);
        for (number, template) in further.iter().enumerate() {
            let template = &completed(template, bases(), CKA_DERIVE_TEMPLATE);
            let plan = self.plan_derived(mechanism, heritage, template);
            plans.push(plan.map_err(|error| NotDerived { error, further: Some(number) })?);
        }
        let lengths: SmallVec<[usize; 4]> = plans[1..].iter().filter_map(|new| new.value_bytes).collect();
        let asked = Derivation { base_type, bytes: plans[0].value_bytes, further: &lengths, others: &opened };
        let values = derive(key, params, &asked)?;
        let objects = finished(plans, values)?;
        let mut kept = SmallVec::new();
        for object in objects {
            match self.keep(object, term) {
                Ok(handle) => kept.push(handle),
                Err(error) => {
                    kept.into_iter().try_for_each(|handle| self.forget(handle))?;
                    return Err(error.into());
                }
            }
        }
        Ok(kept)
    }

    /// The base key, opened, and its type; no type, if it is a data object and the mechanism takes one.
    fn base_key<'h>(
        &self,
        held: &'h Held,
        handle: u64,
        mechanism: &Mechanism,
    ) -> Result<(Key<'h>, Option<CK_KEY_TYPE>), Error> {
        match held.object.data() {
            Some(data) if mechanism.derived.from_data => Ok((Key::Secret(data), None)),
            _ => {
                let key = self.usable_key(held, mechanism, CKA_DERIVE).map_err(|e| named(e, handle))?;
                Ok((key, held.object.key_type()))
            }
        }
    }

    fn named_key(&self, handle: u64) -> Result<Arc<Held>, Error> {
        let held = self.object(handle)?.ok_or(CallError::KeyHandleInvalid(handle))?;
        match held.object.is_key() {
            true => Ok(held),
            false => Err(CallError::KeyHandleInvalid(handle).into()),
        }
    }

    /// Checks the template of one key to be derived.
    fn plan_derived(
        &self,
        mechanism: &Mechanism,
        heritage: Heritage,
        template: &Template,
    ) -> Result<NewKey, Error> {
        let context = self.slot.context();
        let new = match mechanism.derived.data {
            true => Object::plan_derived_data(template, &context)?,
            false => Object::plan_derived(template, heritage, &context)?,
        };
        self.may_make(new.flag(CKA_TOKEN), new.flag(CKA_PRIVATE))?;
        let needed = match mechanism.derived.lengths {
            Lengths::Optional => false,
            Lengths::OfTyped => template.get(CKA_KEY_TYPE).is_some(),
            Lengths::Needed => true,
        };
        match new.value_bytes {
            None if needed => Err(ObjectError::Incomplete(CKA_VALUE_LEN).into()),
            _ => Ok(new),
        }
    }
}

/// The objects, each with its part of what was derived.
fn finished(plans: SmallVec<[NewKey; 1]>, values: Secret) -> Result<SmallVec<[Object; 1]>, NotDerived> {
    let mut rest = values.expose();
    let last = plans.len() - 1;
    let mut objects = SmallVec::new();
    for (number, new) in plans.into_iter().enumerate() {
        let bytes = if number == last { rest.len() } else { new.value_bytes.unwrap_or(rest.len()) };
        let Some((value, others)) = rest.split_at_checked(bytes) else {
            return Err(Error::Internal("a derivation gave too little".into()).into());
        };
        rest = others;
        let value = new.adjusted(Secret::new(value));
        let object = new.finish(value);
        objects.push(object.map_err(|error| NotDerived { error, further: number.checked_sub(1) })?);
    }
    Ok(objects)
}

fn ancestor(object: &Object) -> Ancestor {
    Ancestor {
        sensitive: object.flag(CKA_SENSITIVE),
        extractable: object.flag(CKA_EXTRACTABLE),
        always_sensitive: object.flag(CKA_ALWAYS_SENSITIVE),
        never_extractable: object.flag(CKA_NEVER_EXTRACTABLE),
    }
}

/// With the handle that the caller gave.
fn named(error: Error, handle: u64) -> Error {
    match error {
        Error::Call(CallError::KeyHandleInvalid(_)) => CallError::KeyHandleInvalid(handle).into(),
        e => e,
    }
}
