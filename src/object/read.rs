//! What objects tell about themselves: attributes read, and templates of searches matched.

use super::attributes::{self, Form, Id, NO_CHECK_VALUE, id};
use super::rules::{Check, Initial, SECRET, Sizes};
use super::{Object, Secret, Template};
use crate::crypto::check_value;
use crate::error::ObjectError;
use cryptoki_sys::*;
use std::borrow::Cow;

const ALLOWED_MECHANISMS: Id = id(CKA_ALLOWED_MECHANISMS);

/// An attribute as C_GetAttributeValue may show it.
enum View<'a> {
    Flag(bool),
    Number(CK_ULONG),
    Bytes(&'a [u8]),
    Computed(Vec<u8>),
    CheckValue([u8; 3]),
    Sensitive,
    /// The object has no such attribute.
    Absent,
}

impl Object {
    pub fn class(&self) -> CK_OBJECT_CLASS {
        self.class.class
    }

    /// Whether it is a key: other objects have CKA_KEY_TYPE too.
    pub fn is_key(&self) -> bool {
        self.class.is_key()
    }

    /// CKA_KEY_TYPE
    pub fn key_type(&self) -> Option<CK_KEY_TYPE> {
        (self.class.subtype.0 == CKA_KEY_TYPE).then_some(self.class.subtype.1)
    }

    /// A boolean attribute; false where the object does not have it.
    pub fn flag(&self, kind: CK_ATTRIBUTE_TYPE) -> bool {
        match attributes::find(kind).map(|id| id.row().form) {
            Some(Form::Flag(number)) => self.flags & 1 << number != 0,
            _ => false,
        }
    }

    /// Attributes that are stored as bytes (CKA_LABEL, CKA_ID, ...), and CKA_VALUE of objects that are no keys.
    /// Empty where no template gave it; `None` where the class does not have it.
    pub fn bytes(&self, kind: CK_ATTRIBUTE_TYPE) -> Option<&[u8]> {
        let id = attributes::find(kind)?;
        if !matches!(id.row().form, Form::Bytes | Form::Date | Form::Mechanisms) {
            return None;
        }
        let rule = self.class.rule(id)?;
        match kind {
            CKA_VALUE if rule.notes & SECRET != 0 => None,
            CKA_VALUE => Some(self.value_bytes()),
            CKA_UNIQUE_ID => None,
            _ => Some(self.fields.find(id).unwrap_or_default()),
        }
    }

    /// The value of a secret key.
    pub fn secret(&self) -> Option<&Secret> {
        self.value.as_ref().filter(|_| self.class.class == CKO_SECRET_KEY)
    }

    /// The value of a data object.
    pub fn data(&self) -> Option<&Secret> {
        self.value.as_ref().filter(|_| self.class.class == CKO_DATA)
    }

    /// CKA_ALLOWED_MECHANISMS is empty or has the mechanism.
    pub fn allows(&self, mechanism: CK_MECHANISM_TYPE) -> bool {
        let Some(allowed) = self.fields.find(ALLOWED_MECHANISMS) else { return true };
        allowed.as_chunks::<8>().0.iter().any(|one| CK_MECHANISM_TYPE::from_le_bytes(*one) == mechanism)
    }

    /// C_GetAttributeValue of one attribute: `Sensitive`, `TypeInvalid`, or its bytes (numbers in the machine's
    /// order). CKA_UNIQUE_ID is the session layer's (here `TypeInvalid`).
    pub fn read(&self, kind: CK_ATTRIBUTE_TYPE) -> Result<Cow<'_, [u8]>, ObjectError> {
        match self.view(kind) {
            View::Flag(on) => Ok(Cow::Borrowed(if on { &[CK_TRUE] } else { &[CK_FALSE] })),
            View::Number(number) => Ok(Cow::Owned(number.to_ne_bytes().to_vec())),
            View::Bytes(bytes) => Ok(Cow::Borrowed(bytes)),
            View::Computed(bytes) => Ok(Cow::Owned(bytes)),
            View::CheckValue(bytes) => Ok(Cow::Owned(bytes.to_vec())),
            View::Sensitive => Err(ObjectError::Sensitive(kind)),
            View::Absent => Err(ObjectError::TypeInvalid(kind)),
        }
    }

    /// Every attribute of the template is there with exactly this value; one that `read` refuses never matches
    /// (so the session layer takes CKA_UNIQUE_ID out before).
    pub fn matches(&self, template: &Template) -> bool {
        template.attributes.iter().all(|attribute| match self.view(attribute.kind) {
            View::Flag(on) => attribute.value == [CK_BBOOL::from(on)],
            View::Number(number) => attribute.value == number.to_ne_bytes(),
            View::Bytes(bytes) => attribute.value == bytes,
            View::Computed(bytes) => attribute.value == bytes,
            View::CheckValue(bytes) => attribute.value == bytes,
            View::Sensitive | View::Absent => false,
        })
    }

    fn view(&self, kind: CK_ATTRIBUTE_TYPE) -> View<'_> {
        let Some(id) = attributes::find(kind) else { return View::Absent };
        let Some(rule) = self.class.rule(id) else { return View::Absent };
        if rule.notes & SECRET != 0 && self.keeps_secrets() {
            return View::Sensitive;
        }
        if let Form::Flag(number) = id.row().form {
            return View::Flag(self.flags & 1 << number != 0);
        }
        match kind {
            CKA_CLASS => View::Bytes(&self.class.class_bytes),
            CKA_UNIQUE_ID => View::Absent,
            CKA_PUBLIC_KEY_INFO if self.class.family.is_some() => {
                self.public_key_info().map_or(View::Bytes(&[]), View::Computed)
            }
            _ if self.class.sizes == Sizes::Parts && rule.notes & SECRET != 0 => View::Bytes(self.part(kind)),
            CKA_VALUE => View::Bytes(self.value_bytes()),
            CKA_VALUE_LEN => View::Number(self.value_bytes().len() as CK_ULONG),
            CKA_CHECK_VALUE if self.flags & NO_CHECK_VALUE != 0 => View::Absent,
            CKA_CHECK_VALUE => self.checksum().map_or(View::Absent, View::CheckValue),
            _ if kind == self.class.subtype.0 => View::Bytes(&self.class.subtype_bytes),
            _ => match (self.fields.find(id), rule.default) {
                (Some(bytes), _) => View::Bytes(bytes),
                // An empty list could be taken for one that allows nothing.
                (None, _) if id == ALLOWED_MECHANISMS => View::Absent,
                (None, Initial::Number(number)) => View::Number(number),
                (None, _) => View::Bytes(&[]),
            },
        }
    }

    /// Footnote 7 of the attribute tables: CKA_SENSITIVE is true or CKA_EXTRACTABLE false.
    fn keeps_secrets(&self) -> bool {
        self.flag(CKA_SENSITIVE) || !self.flag(CKA_EXTRACTABLE)
    }

    fn value_bytes(&self) -> &[u8] {
        self.value.as_ref().map_or(&[], Secret::expose)
    }

    /// CKA_CHECK_VALUE as it must be; computed when asked for, for most keys never are. `None`: there is none.
    pub(super) fn checksum(&self) -> Option<[u8; 3]> {
        match (self.class.check, self.value_bytes()) {
            (Check::None, _) | (_, []) => None,
            (Check::Aes, value) => check_value::aes(value).ok(),
            (Check::Des, value) => check_value::des(value).ok(),
            (Check::Sha1, value) => Some(check_value::sha1(value)),
        }
    }
}
