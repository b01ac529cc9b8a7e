//! Objects: attributes, and per class the rules: what must be given, what may, defaults, who may change what.
//!
//! Called by: session (templates of calls), cluster (stored records). Never knows handles, sessions, users or
//! the store. Templates borrow the caller's memory: nothing is copied until an object is built.

use crate::error::{Error, ObjectError};
use cryptoki_sys::*;
use smallvec::SmallVec;
use std::borrow::Cow;
use zeroize::Zeroizing;

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
    /// C_GenerateKey by this mechanism
    Generated(CK_MECHANISM_TYPE),
    /// C_UnwrapKey
    Unwrapped,
}

/// What decides beside the template whether an object may be made or changed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context {
    /// The SO is logged in (may set CKA_TRUSTED).
    pub security_officer: bool,
    /// Cluster policy: secret and private keys must have CKA_PRIVATE true.
    pub refuse_public_keys: bool,
    /// Cluster policy: secret and private keys must have CKA_EXTRACTABLE false.
    pub refuse_extractable: bool,
}

/// An object with its attributes: class, key type, booleans as bits, the key value apart, the rest as bytes.
/// Attributes that are computed (CKA_VALUE_LEN, CKA_CHECK_VALUE) or that belong to its place
/// (CKA_UNIQUE_ID: answered by session) are not stored.
pub struct Object {
    _fields: (),
}

/// What a key-making call asks for, checked before any key is made: the mechanism then makes `value_bytes`
/// bytes and `finish` gives the object. So no failure leaves key material behind, and nothing is made in vain.
pub struct NewKey {
    pub class: CK_OBJECT_CLASS,
    pub key_type: CK_KEY_TYPE,
    /// CKA_VALUE_LEN of the template, where it was given.
    pub value_bytes: Option<usize>,
    _object: Object,
}

impl<'a> Template<'a> {
    pub fn get(&self, kind: CK_ATTRIBUTE_TYPE) -> Option<&'a [u8]> {
        self.attributes.iter().find(|a| a.kind == kind).map(|a| a.value)
    }
    /// A CK_BBOOL; `ValueInvalid` if it is not 0 or 1 in one byte.
    pub fn flag(&self, _kind: CK_ATTRIBUTE_TYPE) -> Result<Option<bool>, ObjectError> {
        todo!()
    }
    /// A CK_ULONG; `ValueInvalid` if it has another size.
    pub fn number(&self, _kind: CK_ATTRIBUTE_TYPE) -> Result<Option<u64>, ObjectError> {
        todo!()
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

impl Object {
    /// C_CreateObject (PKCS#11 3.0 sec. 5.7.1).
    pub fn create(_template: &Template, _context: &Context) -> Result<Object, ObjectError> {
        todo!()
    }

    /// First half of C_GenerateKey and C_UnwrapKey: checks the template. `defaults` is the class and key type
    /// that the mechanism implies; a template that says otherwise is inconsistent. C_UnwrapKey has no implied type:
    /// class and key type must be in the template.
    pub fn plan_key(
        _template: &Template,
        _defaults: Option<(CK_OBJECT_CLASS, CK_KEY_TYPE)>,
        _origin: Origin,
        _context: &Context,
    ) -> Result<NewKey, ObjectError> {
        todo!()
    }

    /// C_CopyObject: the source with the template's changes.
    pub fn copy(&self, _template: &Template, _context: &Context) -> Result<Object, ObjectError> {
        todo!()
    }

    /// C_SetAttributeValue: the object as it will be.
    pub fn with_changes(&self, _template: &Template, _context: &Context) -> Result<Object, ObjectError> {
        todo!()
    }

    pub fn class(&self) -> CK_OBJECT_CLASS {
        todo!()
    }
    pub fn key_type(&self) -> Option<CK_KEY_TYPE> {
        todo!()
    }
    /// A boolean attribute; false where the object does not have it.
    pub fn flag(&self, _kind: CK_ATTRIBUTE_TYPE) -> bool {
        todo!()
    }
    /// Attributes that are stored as bytes (CKA_LABEL, CKA_ID, ...), whatever their sensitivity.
    pub fn bytes(&self, _kind: CK_ATTRIBUTE_TYPE) -> Option<&[u8]> {
        todo!()
    }
    /// The value of a secret key.
    pub fn secret(&self) -> Option<&Secret> {
        todo!()
    }
    /// CKA_ALLOWED_MECHANISMS is empty or has the mechanism.
    pub fn allows(&self, _mechanism: CK_MECHANISM_TYPE) -> bool {
        todo!()
    }
    /// C_GetAttributeValue of one attribute: `Sensitive`, `TypeInvalid`, or its bytes (numbers in the machine's
    /// order). CKA_UNIQUE_ID is the session layer's.
    pub fn read(&self, _kind: CK_ATTRIBUTE_TYPE) -> Result<Cow<'_, [u8]>, ObjectError> {
        todo!()
    }
    /// Every attribute of the template is there with exactly this value; one that `read` refuses never matches.
    pub fn matches(&self, _template: &Template) -> bool {
        todo!()
    }
    /// C_GetObjectSize: the bytes the encoded object takes.
    pub fn size_bytes(&self) -> usize {
        todo!()
    }
    /// For the store: version byte first.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        todo!()
    }
    pub fn decode(_bytes: &[u8]) -> Result<Object, ObjectError> {
        todo!()
    }
}

impl NewKey {
    /// The object, with the key that was made. Checks the length against the key type (`Error::Mechanism(WrappedKey...)`
    /// is the caller's to say; here `ObjectError::Inconsistent`).
    pub fn finish(self, _value: Secret) -> Result<Object, Error> {
        todo!()
    }
    /// CKA_TOKEN and so on of the object to be, for checks before the key is made.
    pub fn flag(&self, _kind: CK_ATTRIBUTE_TYPE) -> bool {
        todo!()
    }
}
