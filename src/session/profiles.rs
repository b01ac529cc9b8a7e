//! Profile objects (PKCS#11 3.2 sec. 4.13): which profiles of the PKCS #11 Profiles document the token fulfils.
//!
//! They are built in: every token has them, with the same handles, for everybody, and they stay as they are. Only a
//! search that asks for profiles finds them, so that programs that walk over all objects meet none that they do not know.

use super::{Query, Session};
use crate::error::{Error, ObjectError};
use crate::object::Template;
use cryptoki_sys::*;
use std::borrow::Cow;

/// Set in every handle of a profile object; no other object's handle has this bit.
const PROFILE_BIT: u64 = 1 << 61;

/// A profile that every token fulfils.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Profile {
    id: CK_PROFILE_ID,
    label: &'static str,
}

static PROFILES: &[Profile] = &[
    Profile { id: CKP_BASELINE_PROVIDER, label: "Baseline Provider" },
    Profile { id: CKP_EXTENDED_PROVIDER, label: "Extended Provider" },
    Profile { id: CKP_AUTHENTICATION_TOKEN, label: "Authentication Token" },
];

/// Bytes that a profile object takes: its id.
pub(super) const PROFILE_BYTES: usize = size_of::<CK_PROFILE_ID>();

impl Profile {
    fn handle(&self) -> u64 {
        PROFILE_BIT | self.id
    }

    /// As `Object::read`.
    pub(super) fn read(&self, kind: CK_ATTRIBUTE_TYPE) -> Result<Cow<'_, [u8]>, ObjectError> {
        const ON: &[u8] = &[CK_TRUE];
        const OFF: &[u8] = &[CK_FALSE];
        match kind {
            CKA_CLASS => Ok(Cow::Owned(CKO_PROFILE.to_ne_bytes().to_vec())),
            CKA_PROFILE_ID => Ok(Cow::Owned(self.id.to_ne_bytes().to_vec())),
            CKA_LABEL => Ok(Cow::Borrowed(self.label.as_bytes())),
            CKA_TOKEN => Ok(Cow::Borrowed(ON)),
            CKA_PRIVATE | CKA_MODIFIABLE | CKA_COPYABLE | CKA_DESTROYABLE => Ok(Cow::Borrowed(OFF)),
            _ => Err(ObjectError::TypeInvalid(kind)),
        }
    }

    fn matches(&self, template: &Template) -> bool {
        let is_so = |kind, value: &[u8]| self.read(kind).is_ok_and(|own| *own == *value);
        template.attributes.iter().all(|attribute| is_so(attribute.kind, attribute.value))
    }
}

impl Session {
    /// The profile behind a handle.
    pub(super) fn profile(&self, handle: u64) -> Option<Profile> {
        let has_profiles = self.slot.active.rules.new_interfaces;
        PROFILES.iter().find(|profile| has_profiles && profile.handle() == handle).copied()
    }

    /// Profiles are neither copied, changed nor destroyed. Errors: `Prohibited` by that attribute.
    pub(super) fn must_not_be_profile(&self, handle: u64, why: CK_ATTRIBUTE_TYPE) -> Result<(), Error> {
        match self.profile(handle) {
            Some(_) => Err(ObjectError::Prohibited(why).into()),
            None => Ok(()),
        }
    }

    /// The handles of the profiles that a search asks for; `None` if it asks for other objects.
    pub(super) fn matching_profiles(&self, query: &Query<'_>) -> Result<Option<Vec<u64>>, Error> {
        let class = CKO_PROFILE.to_ne_bytes();
        let asks = |kind, value: &[u8]| kind == CKA_PROFILE_ID || (kind == CKA_CLASS && *value == class);
        if !query.attributes.attributes.iter().any(|attribute| asks(attribute.kind, attribute.value)) {
            return Ok(None);
        }
        let mut handles = Vec::new();
        for profile in PROFILES {
            let handle = profile.handle();
            let is_here = self.profile(handle).is_some() && query.token != Some(false);
            if is_here && profile.matches(&query.attributes) && self.is_unique(query, handle)? {
                handles.push(handle);
            }
        }
        Ok(Some(handles))
    }

    fn is_unique(&self, query: &Query<'_>, handle: u64) -> Result<bool, Error> {
        match query.unique_id {
            Some(unique_id) => Ok(self.unique_id(handle)?.as_bytes() == unique_id),
            None => Ok(true),
        }
    }
}
