//! Objects that another token kept, with all the attributes it kept of them.
//!
//! Called by: the importers of the `vhsm` command. An object that comes this way is one that was created
//! (`Origin::Created`), whatever it was there: its value has been outside.

use super::attributes;
use super::make::named_class;
use super::rules::{Class, NOT_CREATE, SO};
use super::{Attribute, Context, Object, Secret, Template};
use crate::crypto::digest::{Hash, Sha256};
use crate::error::{Error, ObjectError};
use cryptoki_sys::*;

/// An object as it can stand here.
#[derive(Debug)]
pub struct Adopted {
    pub object: Object,
    /// Attributes that said something and that the object does not have here.
    pub left_out: Vec<CK_ATTRIBUTE_TYPE>,
}

/// What becomes of an attribute.
enum Fate {
    Kept,
    /// The token computes it, or it says nothing.
    Dropped,
    LeftOut,
}

/// The attributes beside label, id and value that tell two objects of a class apart.
const IDENTITY: [CK_ATTRIBUTE_TYPE; 12] = [
    CKA_LABEL,
    CKA_ID,
    CKA_APPLICATION,
    CKA_OBJECT_ID,
    CKA_MODULUS,
    CKA_PUBLIC_EXPONENT,
    CKA_EC_PARAMS,
    CKA_EC_POINT,
    CKA_PARAMETER_SET,
    CKA_PRIME,
    CKA_SUBPRIME,
    CKA_BASE,
];

impl Object {
    /// Makes the object of all attributes that another token kept of it. CKA_LOCAL, CKA_ALWAYS_SENSITIVE,
    /// CKA_NEVER_EXTRACTABLE and CKA_KEY_GEN_MECHANISM are as C_CreateObject sets them (PKCS#11 3.0 sec. 4.9,
    /// 4.10). Errors: as `create`.
    pub fn adopt(template: &Template, context: &Context) -> Result<Adopted, ObjectError> {
        let class = named_class(template)?;
        let mut kept = Template::default();
        let mut left_out = Vec::new();
        for attribute in &template.attributes {
            match fate(class, attribute, context) {
                Fate::Kept => kept.attributes.push(*attribute),
                Fate::Dropped => {}
                Fate::LeftOut => left_out.push(attribute.kind),
            }
        }
        Ok(Adopted { object: Object::create(&kept, context)?, left_out })
    }

    /// Equal for two objects that are the same thing: of one class and type, with the same label, id and value.
    /// A digest that stays in memory: it is made of the value too.
    pub fn identity(&self) -> Result<[u8; 32], Error> {
        let mut hash = Sha256::new()?;
        for number in [self.class.class, self.class.subtype.1] {
            hash.update(&number.to_le_bytes())?;
        }
        let value = self.value.as_ref().map_or(&[][..], Secret::expose);
        for part in IDENTITY.iter().map(|kind| self.field(*kind)).chain([value]) {
            hash.update(&(part.len() as u64).to_le_bytes())?;
            hash.update(part)?;
        }
        let mut digest = [0; 32];
        hash.finish(&mut digest)?;
        Ok(digest)
    }
}

fn fate(class: &Class, attribute: &Attribute, context: &Context) -> Fate {
    let known = attributes::find(attribute.kind).and_then(|id| Some((id, class.rule(id)?.notes)));
    match (known, attribute.value) {
        (None, [] | [CK_FALSE]) => Fate::Dropped,
        (None, _) => Fate::LeftOut,
        (Some((_, notes)), _) if notes & NOT_CREATE != 0 => Fate::Dropped,
        (Some((_, notes)), [CK_TRUE]) if notes & SO != 0 && !context.security_officer => Fate::LeftOut,
        (Some((id, _)), []) if !class.must_create.contains(id) => Fate::Dropped,
        _ => Fate::Kept,
    }
}
