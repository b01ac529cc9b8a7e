//! Objects through a session: who sees them, who may make, change and destroy them (PKCS#11 3.0 sec. 5.7).

use super::Session;
use super::held::Held;
use super::profiles::{PROFILE_BYTES, Profile};
use super::session_objects::is_session_handle;
use super::slot::Term;
use crate::cluster::ObjectId;
use crate::crypto::rsa;
use crate::error::{CallError, Error, MechanismError, ObjectError};
use crate::mechanism::{Key, Mechanism};
use crate::object::{Object, Template};
use crate::profile::Active;
use cryptoki_sys::*;
use std::borrow::Cow;
use std::sync::Arc;

/// An object with its place: what C_GetAttributeValue reads.
pub struct ObjectView {
    shown: Shown,
    unique_id: String,
    active: Active,
}

enum Shown {
    Object(Arc<Held>),
    Profile(Profile),
}

impl ObjectView {
    /// As `Object::read`, CKA_UNIQUE_ID too.
    pub fn read(&self, kind: CK_ATTRIBUTE_TYPE) -> Result<Cow<'_, [u8]>, ObjectError> {
        match kind {
            CKA_UNIQUE_ID if !self.active.rules.few_attributes => {
                Ok(Cow::Borrowed(self.unique_id.as_bytes()))
            }
            _ => match &self.shown {
                Shown::Object(held) => held.object.read_under(&self.active, kind),
                Shown::Profile(profile) => profile.read(kind),
            },
        }
    }
}

impl Session {
    /// C_CreateObject
    pub fn create_object(&self, template: &Template) -> Result<u64, Error> {
        let term = self.slot.term();
        let object = Object::create(template, &self.slot.context())?;
        self.keep(object, term)
    }

    /// C_CopyObject
    pub fn copy_object(&self, handle: u64, template: &Template) -> Result<u64, Error> {
        self.must_not_be_profile(handle, CKA_COPYABLE)?;
        let term = self.slot.term();
        let held = self.existing(handle)?;
        let object = held.object.copy(template, &self.slot.context())?;
        self.keep_held(Held::of_same_key(object, &held), term)
    }

    /// C_DestroyObject
    pub fn destroy_object(&self, handle: u64) -> Result<(), Error> {
        self.must_not_be_profile(handle, CKA_DESTROYABLE)?;
        let held = self.existing(handle)?;
        self.may_touch(&held.object)?;
        if !held.object.flag(CKA_DESTROYABLE) {
            return Err(ObjectError::Prohibited(CKA_DESTROYABLE).into());
        }
        let gone = if is_session_handle(handle) {
            self.slot.session_objects.destroy(self.handle, handle).is_some()
        } else {
            let (id, access) = (ObjectId(handle), self.slot.access()?);
            let destroyed = self.slot.clusters.destroy_object(access.cluster(), access.user(), id)?;
            if let Some(held) = self.slot.cache.evict(ObjectId(handle)) {
                held.mark_gone();
            }
            destroyed
        };
        if !gone {
            return Err(CallError::ObjectHandleInvalid(handle).into());
        }
        drop(held);
        self.drop_stale_keys();
        Ok(())
    }

    /// C_GetAttributeValue
    pub fn view_object(&self, handle: u64) -> Result<ObjectView, Error> {
        let shown = match self.profile(handle) {
            Some(profile) => Shown::Profile(profile),
            None => Shown::Object(self.existing(handle)?),
        };
        Ok(ObjectView { shown, unique_id: self.unique_id(handle)?, active: self.slot.active })
    }

    /// C_GetObjectSize
    pub fn object_size(&self, handle: u64) -> Result<usize, Error> {
        match self.profile(handle) {
            Some(_) => Ok(PROFILE_BYTES),
            None => Ok(self.existing(handle)?.object.size_bytes()),
        }
    }

    /// C_SetAttributeValue
    pub fn set_attributes(&self, handle: u64, template: &Template) -> Result<(), Error> {
        self.must_not_be_profile(handle, CKA_MODIFIABLE)?;
        if is_session_handle(handle) {
            return self.set_session_attributes(handle, template);
        }
        self.slot.must_have_room()?;
        if self.slot.lacks_some() {
            self.existing(handle)?;
        }
        // By the object as the store has it: a change by another process in this moment is built upon.
        let mut change = |object: &Object| self.changed(object, template);
        let (id, access) = (ObjectId(handle), self.slot.access()?);
        let changed = self.slot.clusters.update_object(access.cluster(), access.user(), id, &mut change)?;
        if let Some(held) = self.slot.cache.evict(id) {
            held.mark_replaced();
        }
        changed.map(drop).ok_or_else(|| CallError::ObjectHandleInvalid(handle).into())
    }

    fn set_session_attributes(&self, handle: u64, template: &Template) -> Result<(), Error> {
        // Another thread may change the object between the read and the write: then it is read again.
        loop {
            let held = self.existing(handle)?;
            let changed = self.changed(&held.object, template)?;
            if self.slot.session_objects.replace(handle, &held, changed) {
                return Ok(());
            }
        }
    }

    /// The object as the template changes it, if this session may touch it before and after.
    fn changed(&self, object: &Object, template: &Template) -> Result<Object, Error> {
        self.may_touch(object)?;
        // CloudHSM: certificates can be changed, keys by its command line only.
        if self.slot.active.rules.few_functions && object.class() != CKO_CERTIFICATE {
            return Err(CallError::NotSupported.into());
        }
        let changed = object.with_changes(template, &self.slot.context())?;
        self.may_touch(&changed)?;
        Ok(changed)
    }

    /// The object behind a handle, if this session sees it.
    pub(super) fn object(&self, handle: u64) -> Result<Option<Arc<Held>>, Error> {
        if is_session_handle(handle) {
            let held = self.slot.session_objects.lookup(handle);
            return Ok(held.filter(|h| !h.object.flag(CKA_PRIVATE) || self.slot.user_is_in()));
        }
        let id = ObjectId(handle);
        if let Some(held) = self.slot.cache.lookup(id) {
            return Ok(Some(held));
        }
        loop {
            let began = self.slot.cache.epoch();
            let Some(object) = self.read_token_object(id)? else { return Ok(None) };
            if let Some(held) = self.slot.cache.insert(id, Arc::new(Held::new(object)), began) {
                return Ok(Some(held));
            }
        }
    }

    /// A token object that is looked at once: from the cache, or past it.
    pub(super) fn glance(&self, id: ObjectId) -> Result<Option<Arc<Held>>, Error> {
        match self.slot.cache.lookup(id) {
            Some(held) => Ok(Some(held)),
            None => Ok(self.read_token_object(id)?.map(|o| Arc::new(Held::new(o)))),
        }
    }

    fn read_token_object(&self, id: ObjectId) -> Result<Option<Object>, Error> {
        let access = self.slot.access()?;
        let object = self.slot.clusters.object(access.cluster(), access.user(), id)?;
        Ok(object.filter(|object| !self.slot.lacks(object)))
    }

    /// The key, opened, if its attributes permit `usage` by this mechanism.
    pub(super) fn usable_key<'h>(
        &self,
        held: &'h Held,
        mechanism: &Mechanism,
        usage: CK_ATTRIBUTE_TYPE,
    ) -> Result<Key<'h>, Error> {
        let object = &held.object;
        let Some(key_type) = object.key_type().filter(|_| object.is_key()) else {
            return Err(CallError::KeyHandleInvalid(0).into());
        };
        if !mechanism.key_types.contains(&key_type) || object.class() != class_for(key_type, usage) {
            return Err(MechanismError::KeyType.into());
        }
        if !object.flag(usage) && !self.is_checked_late(usage) {
            return Err(MechanismError::KeyFunction.into());
        }
        if object.flag(CKA_TOKEN) {
            self.slot.access()?.cluster().check_key_availability()?;
        }
        if !object.allows(mechanism.id) {
            return Err(MechanismError::Invalid(mechanism.id).into());
        }
        let key = open(object)?;
        if !self.slot.context().legacy {
            must_be_long_enough(key_type, key, usage)?;
        }
        Ok(key)
    }

    /// Whether a key without this usage is refused when it is used, not before.
    fn is_checked_late(&self, usage: CK_ATTRIBUTE_TYPE) -> bool {
        let is_of_operation = matches!(usage, CKA_ENCRYPT | CKA_DECRYPT | CKA_SIGN | CKA_VERIFY);
        is_of_operation && self.slot.active.settings.late_key_check
    }

    /// Stores a new object where its CKA_TOKEN says, and gives its handle. A private one is of the user who was logged
    /// in when the call began, in `term`: never of another who logged in meanwhile.
    pub(super) fn keep(&self, object: Object, term: Term) -> Result<u64, Error> {
        self.keep_held(Held::new(object), term)
    }

    fn keep_held(&self, held: Held, term: Term) -> Result<u64, Error> {
        let object = &held.object;
        self.may_touch(object)?;
        object.check_size_under(&self.slot.active)?;
        if !object.flag(CKA_TOKEN) {
            return self.keep_in_session(held, term);
        }
        self.slot.must_have_room()?;
        let access = self.slot.access()?;
        if object.flag(CKA_PRIVATE) && self.slot.term() != term {
            return Err(CallError::NotLoggedIn.into());
        }
        Ok(self.slot.clusters.create_object(access.cluster(), access.user(), object)?.0)
    }

    /// Destroys an object that was just kept, whose companion could not be.
    pub(super) fn forget(&self, handle: u64) -> Result<(), Error> {
        if is_session_handle(handle) {
            self.slot.session_objects.destroy(self.handle, handle);
            return Ok(());
        }
        let access = self.slot.access()?;
        self.slot.clusters.destroy_object(access.cluster(), access.user(), ObjectId(handle)).map(drop)
    }

    fn keep_in_session(&self, held: Held, term: Term) -> Result<u64, Error> {
        let private = held.object.flag(CKA_PRIVATE);
        let handle = self.slot.session_objects.insert(self.handle, held);
        // A logout or the session's end that ran meanwhile may have come before the insertion.
        if private && self.slot.term() != term {
            self.slot.session_objects.destroy(self.handle, handle);
            return Err(CallError::NotLoggedIn.into());
        }
        if self.is_closed() {
            self.slot.session_objects.close_session(self.handle);
            return Err(CallError::SessionHandleInvalid(self.handle).into());
        }
        Ok(handle)
    }

    /// Whether this session may make, change or destroy such an object: token objects want a read-write
    /// session, private ones the user. Errors: `SessionReadOnly`, `NotLoggedIn`.
    pub(super) fn may_touch(&self, object: &Object) -> Result<(), Error> {
        self.may_make(object.flag(CKA_TOKEN), object.flag(CKA_PRIVATE))
    }

    pub(super) fn may_make(&self, token: bool, private: bool) -> Result<(), Error> {
        if token {
            self.must_write()?;
        }
        if private && !self.slot.user_is_in() {
            return Err(CallError::NotLoggedIn.into());
        }
        Ok(())
    }

    /// CKA_UNIQUE_ID: the cluster's name and the object's number; for session objects the HSM's, for they are
    /// no other HSM's.
    pub(super) fn unique_id(&self, handle: u64) -> Result<String, Error> {
        let place = match self.slot.hsm() {
            Some(hsm) if is_session_handle(handle) => {
                format!("{}-{}", hsm.name, std::process::id())
            }
            _ => self.slot.cluster()?.name.clone(),
        };
        Ok(format!("{place}-{handle:016x}"))
    }

    fn existing(&self, handle: u64) -> Result<Arc<Held>, Error> {
        self.object(handle)?.ok_or_else(|| CallError::ObjectHandleInvalid(handle).into())
    }
}

/// The class of key that a use takes: of a pair, the public key is for what everybody may do.
fn class_for(key_type: CK_KEY_TYPE, usage: CK_ATTRIBUTE_TYPE) -> CK_OBJECT_CLASS {
    if !is_of_pair(key_type) {
        return CKO_SECRET_KEY;
    }
    match usage {
        CKA_ENCRYPT | CKA_VERIFY | CKA_VERIFY_RECOVER | CKA_WRAP | CKA_ENCAPSULATE => CKO_PUBLIC_KEY,
        _ => CKO_PRIVATE_KEY,
    }
}

fn is_of_pair(key_type: CK_KEY_TYPE) -> bool {
    matches!(key_type, CKK_RSA | CKK_EC | CKK_EC_EDWARDS | CKK_EC_MONTGOMERY | CKK_ML_DSA | CKK_ML_KEM)
}

/// RSA keys of fewer than 2048 bits do nothing but verify what was signed when they were good enough. Errors: `KeySize`.
fn must_be_long_enough(
    key_type: CK_KEY_TYPE,
    key: Key<'_>,
    usage: CK_ATTRIBUTE_TYPE,
) -> Result<(), MechanismError> {
    let bits = match key {
        Key::Public(key) => key.bits(),
        Key::Private(key) => key.bits(),
        Key::Secret(_) => return Ok(()),
    };
    match key_type == CKK_RSA && bits < rsa::MIN_BITS && !matches!(usage, CKA_VERIFY | CKA_VERIFY_RECOVER) {
        true => Err(MechanismError::KeySize { bytes: bits.div_ceil(8) }),
        false => Ok(()),
    }
}

/// The key in an object. Errors: `KeyType`, where there is none; `Corrupt`.
pub(super) fn open(object: &Object) -> Result<Key<'_>, Error> {
    if let Some(secret) = object.secret() {
        return Ok(Key::Secret(secret));
    }
    if let Some(key) = object.public_key()? {
        return Ok(Key::Public(key));
    }
    Ok(Key::Private(object.private_key()?.ok_or(MechanismError::KeyType)?))
}
