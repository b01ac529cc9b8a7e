//! How objects come to be: templates of C_CreateObject, C_GenerateKey and C_UnwrapKey.

use super::attributes::{self, Form, Id, NO_CHECK_VALUE, Set, bit, id};
use super::fields::Fields;
use super::overlay::Overlay;
use super::rules::{Class, NOT_CREATE, NOT_GENERATE, NOT_UNWRAP, Notes, SECRET, SO, Sizes};
use super::{
    Attribute, Context, Heritage, MAX_OBJECT_BYTES, NewKey, Object, Origin, Secret, Template, values,
};
use crate::crypto::parity;
use crate::crypto::pkey::{PrivateKey, PublicKey};
use crate::error::{Error, ObjectError};
use cryptoki_sys::*;
use std::sync::OnceLock;

/// What a template says beside the attributes that are stored.
#[derive(Default)]
pub(super) struct Asides {
    pub value_len: Option<CK_ULONG>,
    pub check_value: Option<[u8; 3]>,
}

const UNSOUND: &str = "the parity is wrong, or the halves are equal";
const START_DATE: Id = id(CKA_START_DATE);
const END_DATE: Id = id(CKA_END_DATE);
const PRIVATE: Id = id(CKA_PRIVATE);

impl Object {
    /// C_CreateObject (PKCS#11 3.0 sec. 5.7.1). Errors: any but `Sensitive`, `Prohibited` and `Corrupt`.
    pub fn create(template: &Template, context: &Context) -> Result<Object, ObjectError> {
        let class = named_class(template)?;
        let (mut object, asides) = Object::from_template(class, template, Origin::Created, context)?;
        object.complete_imported()?;
        object.must_be_long_enough(context.legacy)?;
        let value_bytes = object.value.as_ref().map_or(0, |value| value.expose().len());
        if !class.fits(value_bytes) {
            return Err(ObjectError::ValueInvalid { attribute: CKA_VALUE, reason: "no such key length" });
        }
        if !class.is_sound(object.value.as_ref().map_or(&[], Secret::expose)) {
            return Err(ObjectError::ValueInvalid { attribute: CKA_VALUE, reason: UNSOUND });
        }
        object.check_checksum(asides.check_value)?;
        Ok(object)
    }

    /// First half of C_GenerateKey and C_UnwrapKey: checks the template. `defaults` is the class and key type
    /// that the mechanism implies; a template that says otherwise is inconsistent. C_UnwrapKey has no implied type:
    /// class and key type must be in the template. Errors: as `create`.
    pub fn plan_key(
        template: &Template,
        defaults: Option<(CK_OBJECT_CLASS, CK_KEY_TYPE)>,
        origin: Origin,
        context: &Context,
    ) -> Result<NewKey, ObjectError> {
        let class = match defaults {
            Some((class, key_type)) => Class::find(class, key_type)
                .ok_or(ObjectError::Inconsistent("keys of this type cannot be made"))?,
            None => named_class(template)?,
        };
        if !class.is_key() {
            return Err(ObjectError::Inconsistent("the template is not one of a key"));
        }
        Object::plan(class, template, origin, context)
    }

    /// As `plan_key`, of a data object.
    pub(super) fn plan_data(template: &Template, context: &Context) -> Result<NewKey, ObjectError> {
        let class = Class::find(CKO_DATA, CKO_DATA).ok_or(ObjectError::Inconsistent("no data objects"))?;
        Object::plan(class, template, Origin::Derived(Heritage::NONE), context)
    }

    fn plan(
        class: &'static Class,
        template: &Template,
        origin: Origin,
        context: &Context,
    ) -> Result<NewKey, ObjectError> {
        let (object, asides) = Object::from_template(class, template, origin, context)?;
        let value_bytes = asides.value_len.map(|bytes| key_bytes(class, bytes)).transpose()?;
        let value_bytes = value_bytes.or(class.only_length());
        let key_type = class.subtype.1;
        let check_value = asides.check_value;
        Ok(NewKey { class: class.class, key_type, value_bytes, legacy: context.legacy, object, check_value })
    }

    fn from_template(
        class: &'static Class,
        template: &Template,
        origin: Origin,
        context: &Context,
    ) -> Result<(Object, Asides), ObjectError> {
        if class.legacy && !context.legacy {
            return Err(ObjectError::Inconsistent("keys of this type need the setting `legacy`"));
        }
        let mut object = Object {
            class,
            flags: class.default_flags,
            fields: Fields::default(),
            value: None,
            opened: OnceLock::new(),
        };
        let overlay = Overlay::of(&object, origin, context)?;
        if let Some(overlay) = &overlay {
            object.flags = overlay.default_flags(&object);
        }
        let default_flags = object.flags;
        let mut asides = Asides::default();
        let mut given = Set::EMPTY;
        let (forbidden, required) = step(class, origin);
        if let Origin::Derived(heritage) = origin {
            heritage.settle(&mut object.flags, template);
        }
        for attribute in &template.attributes {
            if let Some(overlay) = &overlay
                && attributes::find(attribute.kind).is_some()
            {
                overlay.admit(attribute, default_flags)?;
            }
            let Some((id, notes)) = admit(class, template, attribute, &mut given)? else { continue };
            if notes & forbidden != 0 {
                return Err(not_to_be_given(attribute.kind));
            }
            object.put(id, notes, attribute.value, context, &mut asides)?;
        }
        if overlay.is_none() && !given.contains(PRIVATE) && object.cannot_be_private(context) {
            object.flags &= !bit(CKA_PRIVATE);
        }
        if let Some(missing) = required.first_missing_in(given) {
            return Err(ObjectError::Incomplete(missing.kind()));
        }
        if let Some(overlay) = &overlay {
            overlay.check_whole(template)?;
            object.flags |= if overlay.is_local() { bit(CKA_LOCAL) } else { 0 };
        }
        object.record_origin(origin)?;
        object.check_whole(given, context)?;
        Ok((object, asides))
    }

    /// A session key of nobody: see the table of defaults in `rules`.
    fn cannot_be_private(&self, context: &Context) -> bool {
        !context.user && !context.refuse_public_keys && self.flags & bit(CKA_TOKEN) == 0
    }

    /// Takes one attribute in that the rules admit and that the object does not have yet.
    pub(super) fn put(
        &mut self,
        id: Id,
        notes: Notes,
        value: &[u8],
        context: &Context,
        asides: &mut Asides,
    ) -> Result<(), ObjectError> {
        let row = id.row();
        attributes::check_form(row, value)?;
        match (row.kind, row.form) {
            (_, Form::Flag(number)) => {
                let on = value == [CK_TRUE];
                if on && notes & SO != 0 && !context.security_officer {
                    return Err(ObjectError::ReadOnly(row.kind));
                }
                self.flags = self.flags & !(1 << number) | u64::from(on) << number;
            }
            (CKA_CLASS, _) if value != self.class.class_bytes => {
                return Err(ObjectError::Inconsistent("CKA_CLASS is not what this call makes"));
            }
            (kind, _) if kind == self.class.subtype.0 => {
                if value != self.class.subtype_bytes {
                    return Err(ObjectError::Inconsistent("the type is not what this call makes"));
                }
            }
            (CKA_CLASS, _) => {}
            (_, Form::CheckValue) => self.put_check_value(value, asides),
            (kind, _) if self.class.sizes == Sizes::Parts && notes & SECRET != 0 => {
                if value.len() > MAX_OBJECT_BYTES {
                    return Err(too_large(value.len()));
                }
                self.set_part(kind, value);
            }
            (CKA_VALUE, _) if value.len() > MAX_OBJECT_BYTES => return Err(too_large(value.len())),
            (CKA_VALUE, _) => self.value = Some(Secret::new(value)),
            (CKA_VALUE_LEN, _) => asides.value_len = values::number(value),
            _ if value.len() > MAX_OBJECT_BYTES => return Err(too_large(value.len())),
            _ => self.fields.push(id, value),
        }
        Ok(())
    }

    /// An empty check value means that none is wanted (PKCS#11 3.0 sec. 4.11).
    fn put_check_value(&mut self, value: &[u8], asides: &mut Asides) {
        asides.check_value = value.try_into().ok();
        match value.is_empty() {
            true => self.flags |= NO_CHECK_VALUE,
            false => self.flags &= !NO_CHECK_VALUE,
        }
    }

    /// CKA_LOCAL, CKA_KEY_GEN_MECHANISM and the history of the flags: only a key that was generated here has one, or
    /// that was derived from such a key. Errors: `Inconsistent`, for a derived key that denies its heritage.
    fn record_origin(&mut self, origin: Origin) -> Result<(), ObjectError> {
        let (always_sensitive, never_extractable) = match origin {
            Origin::Created | Origin::Unwrapped => return Ok(()),
            Origin::Generated(mechanism) => {
                self.flags |= bit(CKA_LOCAL);
                self.fields.push(id(CKA_KEY_GEN_MECHANISM), &mechanism.to_le_bytes());
                (true, true)
            }
            Origin::Derived(heritage) => {
                heritage.check(self.flags)?;
                (heritage.always_sensitive, heritage.never_extractable)
            }
        };
        if always_sensitive && self.flags & bit(CKA_SENSITIVE) != 0 {
            self.flags |= bit(CKA_ALWAYS_SENSITIVE) & self.class.flags;
        }
        if never_extractable && self.flags & bit(CKA_EXTRACTABLE) == 0 {
            self.flags |= bit(CKA_NEVER_EXTRACTABLE) & self.class.flags;
        }
        Ok(())
    }

    /// The rules that look at more than one attribute, and the cluster's policy.
    pub(super) fn check_whole(&self, given: Set, context: &Context) -> Result<(), ObjectError> {
        if given.contains(START_DATE) || given.contains(END_DATE) {
            self.check_dates()?;
        }
        if self.class.class == CKO_CERTIFICATE {
            self.check_certificate()?;
        }
        if self.class.keeps_its_value() {
            self.check_policy(context)?;
        }
        if self.flags & bit(CKA_ALWAYS_AUTHENTICATE) != 0 && self.flags & bit(CKA_PRIVATE) == 0 {
            return Err(ObjectError::Inconsistent("CKA_ALWAYS_AUTHENTICATE needs CKA_PRIVATE"));
        }
        match self.size_bytes() {
            bytes if bytes > MAX_OBJECT_BYTES => Err(too_large(bytes)),
            _ => Ok(()),
        }
    }

    fn check_dates(&self) -> Result<(), ObjectError> {
        match (self.fields.find(START_DATE), self.fields.find(END_DATE)) {
            // Digits in the order year, month, day compare as the dates do.
            (Some(start), Some(end)) if end < start => {
                Err(ObjectError::Inconsistent("CKA_END_DATE is before CKA_START_DATE"))
            }
            _ => Ok(()),
        }
    }

    /// PKCS#11 3.0 sec. 4.7.3 and 4.7.4: a certificate is there or its URL is, with the hashes of the keys.
    fn check_certificate(&self) -> Result<(), ObjectError> {
        if self.class.subtype.1 == CKC_X_509_ATTR_CERT {
            return Ok(());
        }
        let has_value = self.value.as_ref().is_some_and(|value| !value.expose().is_empty());
        let has = |kind: Id| self.fields.find(kind).is_some();
        if !has(id(CKA_URL)) {
            return match has_value {
                true => Ok(()),
                false => Err(ObjectError::Inconsistent("CKA_VALUE and CKA_URL are both empty")),
            };
        }
        if has(id(CKA_HASH_OF_SUBJECT_PUBLIC_KEY)) && has(id(CKA_HASH_OF_ISSUER_PUBLIC_KEY)) {
            return Ok(());
        }
        Err(ObjectError::Inconsistent("CKA_URL needs the hashes of the subject's and the issuer's keys"))
    }

    fn check_policy(&self, context: &Context) -> Result<(), ObjectError> {
        if context.refuse_public_keys && self.flags & bit(CKA_PRIVATE) == 0 {
            return Err(ObjectError::Inconsistent(
                "the cluster's policy refuses keys with CKA_PRIVATE false",
            ));
        }
        if context.refuse_extractable && self.flags & bit(CKA_EXTRACTABLE) != 0 {
            return Err(ObjectError::Inconsistent(
                "the cluster's policy refuses keys with CKA_EXTRACTABLE true",
            ));
        }
        Ok(())
    }

    /// A CKA_CHECK_VALUE that a template gives must be the right one.
    pub(super) fn check_checksum(&self, given: Option<[u8; 3]>) -> Result<(), ObjectError> {
        match given {
            Some(given) if self.checksum() != Some(given) => Err(ObjectError::ValueInvalid {
                attribute: CKA_CHECK_VALUE,
                reason: "not the check value of this value",
            }),
            _ => Ok(()),
        }
    }
}

impl NewKey {
    /// The object, with the key that was made. Checks the length against the key type (`Error::Mechanism(WrappedKey...)`
    /// is the caller's to say; here `ObjectError::Inconsistent`).
    pub fn finish(self, value: Secret) -> Result<Object, Error> {
        let bytes = value.expose().len();
        if !self.fits(bytes) {
            return Err(ObjectError::Inconsistent("the key's length is not that of its type").into());
        }
        if !self.is_sound(&value) {
            return Err(ObjectError::Inconsistent(UNSOUND).into());
        }
        let mut object = self.object;
        object.value = Some(value);
        object.check_checksum(self.check_value)?;
        match object.size_bytes() {
            bytes if bytes > MAX_OBJECT_BYTES => Err(too_large(bytes).into()),
            _ => Ok(object),
        }
    }

    /// The object, with the public half of the pair that was made.
    pub fn finish_public(mut self, key: PublicKey) -> Result<Object, Error> {
        self.object.complete_public(key)?;
        Ok(self.object)
    }

    /// The object, with the private key that was made.
    pub fn finish_private(mut self, key: PrivateKey) -> Result<Object, Error> {
        self.object.complete_private(key)?;
        Ok(self.object)
    }

    /// The object, with the private key of a PKCS #8 structure. Errors: `Inconsistent`, if it is not one of this
    /// type, or its parts do not fit.
    pub fn finish_pkcs8(mut self, pkcs8: &Secret) -> Result<Object, ObjectError> {
        self.object.adopt_pkcs8(pkcs8.expose())?;
        self.object.must_be_long_enough(self.legacy)?;
        Ok(self.object)
    }

    /// An attribute of the template that is kept as bytes (CKA_EC_PARAMS, CKA_PUBLIC_EXPONENT); empty without it.
    pub fn bytes(&self, kind: CK_ATTRIBUTE_TYPE) -> &[u8] {
        self.object.field(kind)
    }

    /// A number of the template (CKA_MODULUS_BITS).
    pub fn number(&self, kind: CK_ATTRIBUTE_TYPE) -> Option<u64> {
        values::number(self.object.field(kind))
    }

    /// Whether a value whose length fits is a good key of the type.
    pub fn is_sound(&self, value: &Secret) -> bool {
        self.object.class.is_sound(value.expose())
    }

    /// Derived bytes as a key of the type: DES keys get the right parity (PKCS#11 3.0 sec. 2.43).
    pub fn adjusted(&self, value: Secret) -> Secret {
        match self.object.class.sizes {
            Sizes::Des(_) => Secret::new(parity::made_odd(value.expose())),
            _ => value,
        }
    }

    /// Whether a key of so many bytes is what the template and the key type want.
    pub fn fits(&self, bytes: usize) -> bool {
        self.value_bytes.is_none_or(|wanted| wanted == bytes) && self.object.class.fits(bytes)
    }

    /// CKA_TOKEN and so on of the object to be, for checks before the key is made.
    pub fn flag(&self, kind: CK_ATTRIBUTE_TYPE) -> bool {
        self.object.flag(kind)
    }
}

/// An attribute that a call may not give is read-only; CKA_UNIQUE_ID is no attribute of any template, as the
/// libraries that know it answer and programs expect.
fn not_to_be_given(kind: CK_ATTRIBUTE_TYPE) -> ObjectError {
    match kind {
        CKA_UNIQUE_ID => ObjectError::TypeInvalid(kind),
        _ => ObjectError::ReadOnly(kind),
    }
}

/// Finds the attribute's rule; `None` for one that stands in the template again with the same value, which
/// counts once (PKCS#11 3.0 sec. 4.1.1, 6). Errors: no attribute, not one of the class, or there with another value.
pub(super) fn admit(
    class: &Class,
    template: &Template,
    attribute: &Attribute,
    given: &mut Set,
) -> Result<Option<(Id, Notes)>, ObjectError> {
    let Some(id) = attributes::find(attribute.kind) else {
        return Err(attributes::unknown(attribute.kind));
    };
    let Some(rule) = class.rule(id) else {
        return Err(ObjectError::Inconsistent("an attribute does not belong to this class of object"));
    };
    if given.insert(id) {
        return Ok(Some((id, rule.notes)));
    }
    match template.get(attribute.kind) == Some(attribute.value) {
        true => Ok(None),
        false => Err(ObjectError::Inconsistent("an attribute stands in the template with two values")),
    }
}

/// The footnote that forbids an attribute, and the attributes that must be given.
fn step(class: &Class, origin: Origin) -> (Notes, Set) {
    match origin {
        Origin::Created => (NOT_CREATE, class.must_create),
        Origin::Generated(_) => (NOT_GENERATE, class.must_generate),
        // A derivation gives the value as unwrapping does; what the template must have is the mechanism's to say.
        Origin::Derived(_) => (NOT_UNWRAP, Set::EMPTY),
        Origin::Unwrapped => (NOT_UNWRAP, class.must_unwrap),
    }
}

/// The class and subtype that a template names. A value that PKCS#11 does not have is invalid; one that it has,
/// but of which this token has no objects, makes the template inconsistent with the token.
pub(super) fn named_class(template: &Template) -> Result<&'static Class, ObjectError> {
    let class = template.number(CKA_CLASS)?.ok_or(ObjectError::Incomplete(CKA_CLASS))?;
    let Some(attribute) = Class::subtype_attribute(class) else {
        return Err(unsupported(CKA_CLASS, class, CKO_TRUST));
    };
    if attribute == CKA_CLASS {
        return Class::find(class, class).ok_or(ObjectError::Inconsistent("no such class"));
    }
    let subtype = template.number(attribute)?.ok_or(ObjectError::Incomplete(attribute))?;
    let last = if attribute == CKA_KEY_TYPE { CKK_SLH_DSA } else { CKC_WTLS };
    Class::find(class, subtype).ok_or_else(|| unsupported(attribute, subtype, last))
}

pub(super) fn unsupported(
    attribute: CK_ATTRIBUTE_TYPE,
    value: CK_ULONG,
    last_standard: CK_ULONG,
) -> ObjectError {
    match value <= last_standard {
        true => ObjectError::Inconsistent("this token has no objects of this class or type"),
        false => ObjectError::ValueInvalid { attribute, reason: "no such class or type" },
    }
}

/// CKA_VALUE_LEN as a length of this key type.
fn key_bytes(class: &Class, value_len: CK_ULONG) -> Result<usize, ObjectError> {
    match usize::try_from(value_len) {
        Ok(bytes) if bytes <= MAX_OBJECT_BYTES && class.fits(bytes) => Ok(bytes),
        _ => Err(ObjectError::ValueInvalid { attribute: CKA_VALUE_LEN, reason: "no such key length" }),
    }
}

pub(super) fn too_large(bytes: usize) -> ObjectError {
    ObjectError::TooLarge { bytes, limit: MAX_OBJECT_BYTES }
}
