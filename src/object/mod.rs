//! Objects: attributes, and per class the rules: what must be given, what may, defaults, who may change what.
//!
//! Called by: session (templates of calls), cluster (stored records). Never knows handles, sessions, users or
//! the store. Templates borrow the caller's memory: nothing is copied until an object is built.
//!
//! `attributes` has a row per attribute, `rules` a table per class; `make`, `derive`, `change` and `read` apply them.

mod adopt;
mod attributes;
mod change;
mod codec;
mod derive;
mod domain;
mod embedded;
mod fields;
mod make;
mod overlay;
mod pair;
mod parts;
mod read;
mod rules;
mod shared;
#[cfg(test)]
mod tests;
mod values;

pub use adopt::Adopted;
pub use embedded::{completed, embed, embedded, is_template};

use crate::error::ObjectError;
use crate::profile::Active;
use cryptoki_sys::*;
pub use derive::{Heritage, Inherited};
use fields::Fields;
use pair::Opened;
pub use pair::{ml_dsa_parameter_set, ml_kem_parameter_set};
use rules::Class;
use smallvec::SmallVec;
use std::sync::OnceLock;
use zeroize::Zeroizing;

/// The most that an encoded object may take: half of what a commit of the store may.
pub const MAX_OBJECT_BYTES: usize = 512 << 10;

/// One attribute as a template brings it.
#[derive(Clone, Copy)]
pub struct Attribute<'a> {
    pub kind: CK_ATTRIBUTE_TYPE,
    pub value: &'a [u8],
}

/// A template: attributes in the caller's order.
#[derive(Clone, Default)]
pub struct Template<'a> {
    pub attributes: SmallVec<[Attribute<'a>; 16]>,
}

/// Bytes that must not be shown, and are wiped when dropped. Debug prints a length only.
pub struct Secret(Zeroizing<Box<[u8]>>);

/// How an object comes to be: it decides CKA_LOCAL, CKA_KEY_GEN_MECHANISM and the history flags.
#[derive(Debug, Clone, Copy)]
pub enum Origin {
    /// C_CreateObject
    Created,
    /// C_GenerateKey or C_GenerateKeyPair by this mechanism
    Generated(CK_MECHANISM_TYPE),
    /// C_UnwrapKey
    Unwrapped,
    /// C_DeriveKey from keys that leave it this
    Derived(Heritage),
}

/// What decides beside the template whether an object may be made or changed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context {
    /// A user is logged in, who can own private objects.
    pub user: bool,
    /// The SO is logged in (may set CKA_TRUSTED).
    pub security_officer: bool,
    /// Cluster policy: secret and private keys must have CKA_PRIVATE true.
    pub refuse_public_keys: bool,
    /// Cluster policy: secret and private keys must have CKA_EXTRACTABLE false.
    pub refuse_extractable: bool,
    /// The configuration's `legacy`: keys of old types and sizes may be made.
    pub legacy: bool,
    /// The profile whose rules apply.
    pub active: Active,
}

/// An object with its attributes: class, key type, booleans as bits, the key value apart, the rest as bytes.
/// Attributes that are computed (CKA_VALUE_LEN, CKA_CHECK_VALUE) or that belong to its place
/// (CKA_UNIQUE_ID: answered by session) are not stored.
pub struct Object {
    class: &'static Class,
    /// Every boolean attribute at the bit of its row; and `NO_CHECK_VALUE`.
    flags: u64,
    fields: Fields,
    /// CKA_VALUE; of a private key, all its secret parts.
    value: Option<Secret>,
    /// The key of a public or private key, once it was used.
    opened: OnceLock<Opened>,
}

/// What a key-making call asks for, checked before any key is made: the mechanism then makes `value_bytes`
/// bytes and `finish` gives the object. So no failure leaves key material behind, and nothing is made in vain.
pub struct NewKey {
    pub class: CK_OBJECT_CLASS,
    pub key_type: CK_KEY_TYPE,
    /// CKA_VALUE_LEN of the template, where it was given.
    pub value_bytes: Option<usize>,
    /// As `Context::legacy`.
    pub legacy: bool,
    object: Object,
    /// CKA_CHECK_VALUE of the template: the key that is made must have it.
    check_value: Option<[u8; 3]>,
}

/// Every attribute that some class of object has.
pub fn known_attributes() -> impl Iterator<Item = CK_ATTRIBUTE_TYPE> {
    attributes::ROWS.iter().map(|row| row.kind)
}

/// Every class of object, with the attribute that tells its kinds apart (CKA_CLASS, where it has none) and its value.
pub fn known_classes() -> impl Iterator<Item = (CK_OBJECT_CLASS, (CK_ATTRIBUTE_TYPE, CK_ULONG))> {
    rules::CLASSES.iter().map(|class| (class.class, class.subtype))
}

impl<'a> Template<'a> {
    pub fn get(&self, kind: CK_ATTRIBUTE_TYPE) -> Option<&'a [u8]> {
        self.attributes.iter().find(|a| a.kind == kind).map(|a| a.value)
    }
    /// A CK_BBOOL; `ValueInvalid` if it is not 0 or 1 in one byte.
    pub fn flag(&self, kind: CK_ATTRIBUTE_TYPE) -> Result<Option<bool>, ObjectError> {
        match self.get(kind) {
            None => Ok(None),
            Some([CK_FALSE]) => Ok(Some(false)),
            Some([CK_TRUE]) => Ok(Some(true)),
            Some(_) => Err(ObjectError::ValueInvalid { attribute: kind, reason: "a CK_BBOOL is 0 or 1" }),
        }
    }
    /// A CK_ULONG; `ValueInvalid` if it has another size.
    pub fn number(&self, kind: CK_ATTRIBUTE_TYPE) -> Result<Option<u64>, ObjectError> {
        let Some(value) = self.get(kind) else { return Ok(None) };
        let invalid = ObjectError::ValueInvalid { attribute: kind, reason: "a CK_ULONG has 8 bytes" };
        values::number(value).map(Some).ok_or(invalid)
    }
}

impl Secret {
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

impl std::fmt::Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Object(class {:#x}, type {:#x})", self.class.class, self.class.subtype.1)
    }
}
