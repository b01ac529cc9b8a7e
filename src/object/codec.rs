//! Objects as bytes, for the store (which seals them).
//!
//! Version, class, subtype, flags, length of the value and the value; then each attribute that is kept as
//! bytes: type, length, value. Numbers of the frame are LEB128. What is read is checked: what is no object's
//! encoding is `Corrupt`, never a panic, and every object has one encoding only.

use super::attributes::{self, Form, NO_CHECK_VALUE, Set};
use super::fields::Fields;
use super::parts;
use super::rules::{Class, Sizes};
use super::{MAX_OBJECT_BYTES, Object, Secret};
use crate::error::ObjectError;
use cryptoki_sys::*;
use std::sync::OnceLock;
use zeroize::Zeroizing;

const VERSION: u8 = 1;

impl Object {
    /// C_GetObjectSize: the bytes the encoded object takes.
    pub fn size_bytes(&self) -> usize {
        let value_bytes = self.value.as_ref().map_or(0, |value| value.expose().len());
        let head = [self.class.class, self.class.subtype.1, self.flags, value_bytes as u64];
        let fields = self
            .fields
            .iter()
            .map(|(id, value)| number_bytes(id.kind()) + number_bytes(value.len() as u64) + value.len());
        1 + head.into_iter().map(number_bytes).sum::<usize>() + value_bytes + fields.sum::<usize>()
    }

    /// For the store: version byte first.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let value = self.value.as_ref().map_or(&[][..], Secret::expose);
        // The exact size at once: a vector that grows would leave the value behind unwiped.
        let mut out = Zeroizing::new(Vec::with_capacity(self.size_bytes()));
        out.push(VERSION);
        for number in [self.class.class, self.class.subtype.1, self.flags, value.len() as u64] {
            put_number(&mut out, number);
        }
        out.extend_from_slice(value);
        for (id, value) in self.fields.iter() {
            put_number(&mut out, id.kind());
            put_number(&mut out, value.len() as u64);
            out.extend_from_slice(value);
        }
        out
    }

    /// Errors: `Corrupt`.
    pub fn decode(bytes: &[u8]) -> Result<Object, ObjectError> {
        if bytes.len() > MAX_OBJECT_BYTES {
            return Err(ObjectError::Corrupt("too long"));
        }
        let Some((&VERSION, mut rest)) = bytes.split_first() else {
            return Err(ObjectError::Corrupt("unknown version"));
        };
        let rest = &mut rest;
        let class = Class::find(take_number(rest)?, take_number(rest)?)
            .ok_or(ObjectError::Corrupt("unknown class or type"))?;
        let flags = take_number(rest)?;
        if flags & !(class.flags | NO_CHECK_VALUE) != 0 {
            return Err(ObjectError::Corrupt("flags that the class does not have"));
        }
        let value = take_bytes(rest)?;
        if class.sizes == Sizes::Parts && !parts::are_sound(value, |kind| class.is_part(kind)) {
            return Err(ObjectError::Corrupt("the parts of a private key"));
        }
        if !class.fits(value.len()) {
            return Err(ObjectError::Corrupt("a value of the wrong length"));
        }
        let value = (!value.is_empty()).then(|| Secret::new(value));
        Ok(Object { class, flags, fields: take_fields(class, rest)?, value, opened: OnceLock::new() })
    }
}

fn take_fields(class: &Class, rest: &mut &[u8]) -> Result<Fields, ObjectError> {
    let mut fields = Fields::default();
    let mut seen = Set::EMPTY;
    while !rest.is_empty() {
        let kind = take_number(rest)?;
        let id = attributes::find(kind)
            .filter(|id| class.rule(*id).is_some() && is_kept_as_bytes(class, kind, id.row().form))
            .ok_or(ObjectError::Corrupt("an attribute that the class does not keep"))?;
        let value = take_bytes(rest)?;
        attributes::check_form(id.row(), value).map_err(|_| ObjectError::Corrupt("an attribute's value"))?;
        if value.is_empty() || !seen.insert(id) {
            return Err(ObjectError::Corrupt("an empty or repeated attribute"));
        }
        fields.push(id, value);
    }
    Ok(fields)
}

fn is_kept_as_bytes(class: &Class, kind: CK_ATTRIBUTE_TYPE, form: Form) -> bool {
    let has_own_place = matches!(kind, CKA_CLASS | CKA_VALUE | CKA_VALUE_LEN | CKA_UNIQUE_ID);
    let is_computed = matches!(form, Form::Flag(_) | Form::CheckValue);
    let is_part = class.sizes == Sizes::Parts && class.is_part(kind);
    let is_info = class.family.is_some() && kind == CKA_PUBLIC_KEY_INFO;
    !has_own_place && !is_computed && !is_part && !is_info && kind != class.subtype.0
}

fn number_bytes(number: u64) -> usize {
    (64 - (number | 1).leading_zeros()).div_ceil(7) as usize
}

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// LEB128 of up to 64 bits, in its shortest form only.
fn take_number(rest: &mut &[u8]) -> Result<u64, ObjectError> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, tail) = rest.split_first().ok_or(ObjectError::Corrupt("cut short"))?;
        *rest = tail;
        let part = u64::from(byte & 0x7f);
        if (part << shift) >> shift != part || (byte == 0 && shift > 0) {
            return Err(ObjectError::Corrupt("a number"));
        }
        number |= part << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(ObjectError::Corrupt("a number"))
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], ObjectError> {
    let length = usize::try_from(take_number(rest)?).map_err(|_| ObjectError::Corrupt("a length"))?;
    let (value, tail) = rest.split_at_checked(length).ok_or(ObjectError::Corrupt("cut short"))?;
    *rest = tail;
    Ok(value)
}
