//! Keys and data that C_DeriveKey makes: what their templates may say, and what they take over from the keys that
//! they come from.
//!
//! Called by: session. Never runs a derivation.

use super::attributes::bit;
use super::make::unsupported;
use super::rules::Class;
use super::{NewKey, Object, Origin, Template};
use crate::error::ObjectError;
use cryptoki_sys::*;

/// What a derived key takes over (PKCS#11 3.0 sec. 5.18.5, and the section of each mechanism).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heritage {
    pub sensitive: Inherited,
    pub extractable: Inherited,
    /// The new key has CKA_ALWAYS_SENSITIVE if it has CKA_SENSITIVE.
    pub always_sensitive: bool,
    /// The new key has CKA_NEVER_EXTRACTABLE if it has not CKA_EXTRACTABLE.
    pub never_extractable: bool,
}

/// Where a derived key has CKA_SENSITIVE or CKA_EXTRACTABLE from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inherited {
    /// From the template or the token's default, as any key.
    Nothing,
    /// From the template, else this.
    Default(bool),
    /// It is this; a template that says otherwise is inconsistent.
    Fixed(bool),
}

/// The uses that a template can name.
const USES: [CK_ATTRIBUTE_TYPE; 7] =
    [CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN, CKA_VERIFY, CKA_WRAP, CKA_UNWRAP, CKA_DERIVE];
/// Those that keys have by default.
const USE_BITS: u64 =
    bit(CKA_ENCRYPT) | bit(CKA_DECRYPT) | bit(CKA_SIGN) | bit(CKA_VERIFY) | bit(CKA_WRAP) | bit(CKA_UNWRAP);

impl Heritage {
    /// Of what takes nothing over.
    pub const NONE: Heritage = Heritage {
        sensitive: Inherited::Nothing,
        extractable: Inherited::Nothing,
        always_sensitive: false,
        never_extractable: false,
    };

    /// Sets what a key of this template begins with. A template that names uses means those: an AES key that is
    /// derived to encrypt does not sign as well.
    pub(super) fn settle(&self, flags: &mut u64, template: &Template) {
        if template.attributes.iter().any(|named| USES.contains(&named.kind) && named.value == [CK_TRUE]) {
            *flags &= !USE_BITS;
        }
        for (kind, inherited) in self.flags() {
            match inherited {
                Inherited::Nothing => {}
                Inherited::Default(on) | Inherited::Fixed(on) => {
                    *flags = *flags & !bit_of(kind) | if on { bit_of(kind) } else { 0 };
                }
            }
        }
    }

    /// Errors: `Inconsistent`, where a template changed what is fixed.
    pub(super) fn check(&self, flags: u64) -> Result<(), ObjectError> {
        let kept = |(kind, inherited)| match inherited {
            Inherited::Fixed(on) => on == (flags & bit_of(kind) != 0),
            _ => true,
        };
        match self.flags().into_iter().all(kept) {
            true => Ok(()),
            false => Err(ObjectError::Inconsistent("the key would be less secret than what it comes from")),
        }
    }

    fn flags(&self) -> [(CK_ATTRIBUTE_TYPE, Inherited); 2] {
        [(CKA_SENSITIVE, self.sensitive), (CKA_EXTRACTABLE, self.extractable)]
    }
}

fn bit_of(kind: CK_ATTRIBUTE_TYPE) -> u64 {
    const SENSITIVE: u64 = bit(CKA_SENSITIVE);
    const EXTRACTABLE: u64 = bit(CKA_EXTRACTABLE);
    if kind == CKA_SENSITIVE { SENSITIVE } else { EXTRACTABLE }
}

impl Object {
    /// First half of C_DeriveKey: checks the template of a secret key, a generic one if it does not say. Errors: as
    /// `create`.
    pub fn plan_derived(
        template: &Template,
        heritage: Heritage,
        context: &super::Context,
    ) -> Result<NewKey, ObjectError> {
        match template.number(CKA_CLASS)? {
            None | Some(CKO_SECRET_KEY) => {}
            Some(class) if Class::subtype_attribute(class).is_some() => {
                return Err(ObjectError::Inconsistent("what is derived is a secret key"));
            }
            Some(class) => return Err(unsupported(CKA_CLASS, class, CKO_TRUST)),
        }
        let key_type = template.number(CKA_KEY_TYPE)?.unwrap_or(CKK_GENERIC_SECRET);
        if Class::find(CKO_SECRET_KEY, key_type).is_none() {
            return Err(unsupported(CKA_KEY_TYPE, key_type, CKK_SLH_DSA));
        }
        let defaults = Some((CKO_SECRET_KEY, key_type));
        Object::plan_key(template, defaults, Origin::Derived(heritage), context).map_err(|error| {
            match (error, template.number(CKA_VALUE_LEN)) {
                // There are keys of such a length, but not of this type.
                (ObjectError::ValueInvalid { attribute: CKA_VALUE_LEN, .. }, Ok(Some(bytes)))
                    if (1..=super::MAX_OBJECT_BYTES as u64).contains(&bytes) =>
                {
                    ObjectError::Inconsistent("CKA_VALUE_LEN is no length of this type of key")
                }
                (error, _) => error,
            }
        })
    }

    /// As `plan_derived`, of a data object (CKM_HKDF_DATA). CKA_VALUE_LEN says how long it shall be, though data
    /// objects have no such attribute.
    pub fn plan_derived_data(template: &Template, context: &super::Context) -> Result<NewKey, ObjectError> {
        let value_bytes = match template.number(CKA_VALUE_LEN)? {
            Some(bytes) if !(1..=super::MAX_OBJECT_BYTES as u64).contains(&bytes) => {
                let reason = "no such length";
                return Err(ObjectError::ValueInvalid { attribute: CKA_VALUE_LEN, reason });
            }
            bytes => bytes.map(|bytes| bytes as usize),
        };
        if template.get(CKA_VALUE).is_some() {
            return Err(ObjectError::ReadOnly(CKA_VALUE));
        }
        let kept = template.attributes.iter().filter(|attribute| attribute.kind != CKA_VALUE_LEN);
        let mut new = Object::plan_data(&Template { attributes: kept.copied().collect() }, context)?;
        new.value_bytes = value_bytes;
        Ok(new)
    }
}
