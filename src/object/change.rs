//! Changes of objects: C_CopyObject and C_SetAttributeValue.

use super::attributes::{Form, Id, Set, check_form};
use super::make::{Asides, admit};
use super::rules::{CHANGE, COPY, Notes, STAYS_FALSE, STAYS_TRUE};
use super::{Context, Object, Secret, Template};
use crate::error::ObjectError;
use cryptoki_sys::*;
use std::sync::OnceLock;

impl Object {
    /// C_CopyObject (PKCS#11 3.0 sec. 5.7.2): the source with the template's changes. A private object's copy is
    /// private. Errors: `Prohibited` first, then as `create` and `ReadOnly` for what cannot be changed.
    pub fn copy(&self, template: &Template, context: &Context) -> Result<Object, ObjectError> {
        if !self.flag(CKA_COPYABLE) {
            return Err(ObjectError::Prohibited(CKA_COPYABLE));
        }
        self.changed(template, CHANGE | COPY, context)
    }

    /// C_SetAttributeValue (PKCS#11 3.0 sec. 5.7.7): the object as it will be. Errors: as `copy`.
    pub fn with_changes(&self, template: &Template, context: &Context) -> Result<Object, ObjectError> {
        if !self.flag(CKA_MODIFIABLE) {
            return Err(ObjectError::Prohibited(CKA_MODIFIABLE));
        }
        // Trusted certificates cannot be modified (PKCS#11 3.0 sec. 4.7.2).
        if self.class.class == CKO_CERTIFICATE && self.flag(CKA_TRUSTED) {
            return Err(ObjectError::Prohibited(CKA_TRUSTED));
        }
        // A change never makes a key less private or more extractable, so that the policy has nothing to say:
        // a key from before it can still be given a label.
        let context = Context { refuse_public_keys: false, refuse_extractable: false, ..*context };
        self.changed(template, CHANGE, &context)
    }

    fn changed(
        &self,
        template: &Template,
        allowing: Notes,
        context: &Context,
    ) -> Result<Object, ObjectError> {
        let mut object = self.duplicate();
        let mut asides = Asides::default();
        let mut given = Set::EMPTY;
        for attribute in &template.attributes {
            let Some((id, notes)) = admit(self.class, template, attribute, &mut given)? else { continue };
            if notes & allowing == 0 {
                return Err(ObjectError::ReadOnly(attribute.kind));
            }
            // A flag that is no flag is told as that, whatever the flag is now.
            check_form(id.row(), attribute.value)?;
            self.check_one_way(id, notes, attribute.value)?;
            object.fields.remove(id);
            object.put(id, notes, attribute.value, context, &mut asides)?;
        }
        object.check_checksum(asides.check_value)?;
        object.check_whole(given, context)?;
        Ok(object)
    }

    /// Flags that are read-only once they have a value. Setting them to what they are changes nothing.
    fn check_one_way(&self, id: Id, notes: Notes, value: &[u8]) -> Result<(), ObjectError> {
        let Form::Flag(number) = id.row().form else { return Ok(()) };
        let is_on = self.flags & 1 << number != 0;
        let stays = if is_on { STAYS_TRUE } else { STAYS_FALSE };
        if notes & stays == 0 || value == [CK_BBOOL::from(is_on)] {
            return Ok(());
        }
        match id.kind() {
            CKA_PRIVATE => Err(ObjectError::Inconsistent("a private object's copy is private")),
            kind => Err(ObjectError::ReadOnly(kind)),
        }
    }

    fn duplicate(&self) -> Object {
        Object {
            class: self.class,
            flags: self.flags,
            fields: self.fields.clone(),
            value: self.value.as_ref().map(|value| Secret::new(value.expose())),
            opened: OnceLock::new(),
        }
    }
}
