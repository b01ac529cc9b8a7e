//! Templates that are the value of an attribute (PKCS#11 3.2 sec. 4.7.3): CKA_WRAP_TEMPLATE and its kin.
//!
//! The caller's array of structures with pointers becomes one run of bytes, which is kept: each attribute is its type
//! and the length of its value, numbers of eight bytes, and the value. Called by: api (in and out), session (what a key
//! asks of keys that are wrapped, unwrapped, derived with it).

use super::attributes::{self, Form};
use super::{Attribute, Object, Template};
use crate::error::ObjectError;
use cryptoki_sys::*;

/// Whether the attribute's value is a template.
pub fn is_template(kind: CK_ATTRIBUTE_TYPE) -> bool {
    attributes::find(kind).is_some_and(|id| id.row().form == Form::Template)
}

/// A template as a value.
pub fn embed(template: &Template) -> Vec<u8> {
    let mut bytes = Vec::new();
    for attribute in &template.attributes {
        bytes.extend_from_slice(&attribute.kind.to_le_bytes());
        bytes.extend_from_slice(&(attribute.value.len() as u64).to_le_bytes());
        bytes.extend_from_slice(attribute.value);
    }
    bytes
}

/// The template that is a value; `None` if it is none.
pub fn embedded(mut bytes: &[u8]) -> Option<Template<'_>> {
    let mut template = Template::default();
    while !bytes.is_empty() {
        let (kind, rest) = bytes.split_first_chunk::<8>()?;
        let (length, rest) = rest.split_first_chunk::<8>()?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        let (value, rest) = rest.split_at_checked(length)?;
        template.attributes.push(Attribute { kind: u64::from_le_bytes(*kind), value });
        bytes = rest;
    }
    Some(template)
}

/// Whether the bytes are a template of attributes that keys can have, each once and with a value of its form. Key
/// material has no place in it, nor have further templates.
pub(super) fn check(kind: CK_ATTRIBUTE_TYPE, bytes: &[u8]) -> Result<(), ObjectError> {
    let none = ObjectError::ValueInvalid { attribute: kind, reason: "this is no template" };
    let template = embedded(bytes).ok_or(none)?;
    for (at, attribute) in template.attributes.iter().enumerate() {
        let id = attributes::find(attribute.kind).ok_or_else(|| attributes::unknown(attribute.kind))?;
        if id.row().form == Form::Template || attribute.kind == CKA_VALUE {
            return Err(ObjectError::Inconsistent("a template holds a template, or key material"));
        }
        attributes::check_form(id.row(), attribute.value)?;
        if template.attributes[..at].iter().any(|other| other.kind == attribute.kind) {
            return Err(ObjectError::Inconsistent("a template holds an attribute twice"));
        }
    }
    Ok(())
}

/// The caller's template with what the attribute `kind` of these keys adds to it. Where two of them differ, making the
/// object fails with `Inconsistent`.
pub fn completed<'t>(
    template: &'t Template<'_>,
    keys: impl IntoIterator<Item = &'t Object>,
    kind: CK_ATTRIBUTE_TYPE,
) -> Template<'t> {
    let given = template.attributes.iter().map(|given| Attribute { kind: given.kind, value: given.value });
    let added = keys.into_iter().filter_map(|key| key.template(kind)).flat_map(|own| own.attributes);
    Template { attributes: given.chain(added).collect() }
}

impl Object {
    /// The template that the object has as an attribute.
    pub fn template(&self, kind: CK_ATTRIBUTE_TYPE) -> Option<Template<'_>> {
        embedded(self.fields.find(attributes::find(kind)?)?)
    }

    /// Whether another key is one that this key's attribute `kind` lets through.
    pub fn accepts(&self, other: &Object, kind: CK_ATTRIBUTE_TYPE) -> bool {
        self.template(kind).is_none_or(|template| other.matches(&template))
    }
}
