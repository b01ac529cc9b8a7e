//! Public and private keys: how their attributes make a key, and a key their attributes.
//!
//! Each key type has a `Family`. A key is opened from its attributes once, when it is first used, and stays with
//! the object; what AWS-LC holds of it is wiped with the object.

mod curve25519;
mod ec;
mod lattice;
mod rsa;

pub use lattice::{ml_dsa_parameter_set, ml_kem_parameter_set};

use super::rules::Class;
use super::{Object, parts};
use crate::crypto::pkey::{PrivateKey, PublicKey};
use crate::crypto::rsa::MIN_BITS;
use crate::error::{Error, ObjectError};
use cryptoki_sys::*;
use zeroize::Zeroizing;

/// What a key type does to go from attributes to keys and back.
pub(super) struct Family {
    /// Errors: `ValueInvalid`, `Inconsistent`.
    pub open_public: fn(&Object) -> Result<PublicKey, ObjectError>,
    /// Errors: `ValueInvalid`, `Inconsistent`.
    pub open_private: fn(&Object) -> Result<PrivateKey, ObjectError>,
    /// Whether the parts of a private key that comes from outside belong together.
    pub is_sound: fn(&PrivateKey) -> bool,
    /// Writes the attributes of a public key that are not there yet, and puts others into their usual form.
    pub fill_public: fn(&mut Object, &PublicKey) -> Result<(), ObjectError>,
    /// The same of a private key.
    pub fill_private: fn(&mut Object, &PrivateKey) -> Result<(), ObjectError>,
}

/// The families, by key type.
pub(super) mod families {
    pub(in crate::object) use super::curve25519::{EDWARDS, MONTGOMERY};
    pub(in crate::object) use super::ec::EC;
    pub(in crate::object) use super::lattice::{ML_DSA, ML_KEM};
    pub(in crate::object) use super::rsa::RSA;
}

/// An opened key.
pub(super) enum Opened {
    Public(PublicKey),
    Private(PrivateKey),
}

impl Object {
    /// The key of a CKO_PUBLIC_KEY; `None` for other classes. Errors: `Corrupt`, if its attributes make none.
    pub fn public_key(&self) -> Result<Option<&PublicKey>, ObjectError> {
        match self.opened()? {
            Some(Opened::Public(key)) => Ok(Some(key)),
            _ => Ok(None),
        }
    }

    /// The key of a CKO_PRIVATE_KEY; `None` for other classes. Errors: `Corrupt`, if its attributes make none.
    pub fn private_key(&self) -> Result<Option<&PrivateKey>, ObjectError> {
        match self.opened()? {
            Some(Opened::Private(key)) => Ok(Some(key)),
            _ => Ok(None),
        }
    }

    /// What C_WrapKey wraps: a secret key's value, or a private key as PKCS #8 (RFC 5208). `None`: no key to wrap.
    pub fn wrapping_form(&self) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        if let Some(secret) = self.secret() {
            return Ok(Some(Zeroizing::new(secret.expose().to_vec())));
        }
        self.private_key()?.map(PrivateKey::to_pkcs8).transpose()
    }

    fn opened(&self) -> Result<Option<&Opened>, ObjectError> {
        let Some(family) = self.class.family else { return Ok(None) };
        if self.opened.get().is_none() {
            let damaged = |_| ObjectError::Corrupt("the attributes make no key");
            let opened = self.open(family).map_err(damaged)?;
            // Another thread may have been first: its key is as good.
            let _ = self.opened.set(opened);
        }
        Ok(self.opened.get())
    }

    fn open(&self, family: &Family) -> Result<Opened, ObjectError> {
        match self.class.class {
            CKO_PUBLIC_KEY => (family.open_public)(self).map(Opened::Public),
            _ => (family.open_private)(self).map(Opened::Private),
        }
    }

    /// Checks a key or domain parameters that C_CreateObject imports, and completes its attributes. Other objects stay as they are.
    pub(super) fn complete_imported(&mut self) -> Result<(), ObjectError> {
        if self.class.class == CKO_DOMAIN_PARAMETERS {
            return self.complete_domain();
        }
        let Some(family) = self.class.family else { return Ok(()) };
        match self.open(family)? {
            Opened::Public(key) => self.complete_public(key),
            Opened::Private(key) if (family.is_sound)(&key) => self.complete_private(key),
            Opened::Private(_) => Err(ObjectError::Inconsistent("the parts of the private key do not fit")),
        }
    }

    pub(super) fn complete_public(&mut self, key: PublicKey) -> Result<(), ObjectError> {
        self.check_info(key.to_spki())?;
        if let Some(family) = self.class.family {
            (family.fill_public)(self, &key)?;
        }
        self.opened = Opened::Public(key).into();
        Ok(())
    }

    pub(super) fn complete_private(&mut self, key: PrivateKey) -> Result<(), ObjectError> {
        self.check_info(key.to_spki())?;
        if let Some(family) = self.class.family {
            (family.fill_private)(self, &key)?;
        }
        self.opened = Opened::Private(key).into();
        Ok(())
    }

    /// Takes a private key in that came out of C_UnwrapKey. Errors: `WrappedKey`-like `Inconsistent`.
    pub(super) fn adopt_pkcs8(&mut self, pkcs8: &[u8]) -> Result<(), ObjectError> {
        let not_one = ObjectError::Inconsistent("not the PKCS #8 form of a key of this type");
        let (Some(key), Some(family)) = (PrivateKey::from_pkcs8(pkcs8), self.class.family) else {
            return Err(not_one);
        };
        if !(family.is_sound)(&key) {
            return Err(not_one);
        }
        self.complete_private(key)
    }

    /// Private RSA keys of fewer than 2048 bits are there only with `legacy`. Errors: `ValueInvalid`.
    pub(super) fn must_be_long_enough(&self, legacy: bool) -> Result<(), ObjectError> {
        match self.opened.get() {
            Some(Opened::Private(key))
                if self.class.subtype.1 == CKK_RSA && key.bits() < MIN_BITS && !legacy =>
            {
                Err(invalid(
                    CKA_MODULUS,
                    "a private RSA key of fewer than 2048 bits needs the setting `legacy`",
                ))
            }
            _ => Ok(()),
        }
    }

    /// CKA_PUBLIC_KEY_INFO is computed: one that was given must be it, and is not kept.
    fn check_info(&mut self, info: Result<Vec<u8>, Error>) -> Result<(), ObjectError> {
        const INFO: super::attributes::Id = super::attributes::id(CKA_PUBLIC_KEY_INFO);
        let Some(given) = self.fields.find(INFO) else { return Ok(()) };
        if info.ok().as_deref() != Some(given) {
            return Err(invalid(CKA_PUBLIC_KEY_INFO, "not the public key's"));
        }
        self.fields.remove(INFO);
        Ok(())
    }

    /// CKA_PUBLIC_KEY_INFO of a public or private key (RFC 5280 sec. 4.1).
    pub(super) fn public_key_info(&self) -> Option<Vec<u8>> {
        match self.opened().ok()?? {
            Opened::Public(key) => key.to_spki().ok(),
            Opened::Private(key) => key.to_spki().ok(),
        }
    }

    /// A secret part of a private key; empty where it is not there.
    pub(super) fn part(&self, kind: CK_ATTRIBUTE_TYPE) -> &[u8] {
        self.value.as_ref().and_then(|value| parts::find(value.expose(), kind)).unwrap_or_default()
    }

    /// Sets a secret part of a private key.
    pub(super) fn set_part(&mut self, kind: CK_ATTRIBUTE_TYPE, value: &[u8]) {
        self.value = parts::with(self.value.as_ref(), kind, value);
    }

    /// An attribute that is kept as bytes; empty where it is not there.
    pub(super) fn field(&self, kind: CK_ATTRIBUTE_TYPE) -> &[u8] {
        super::attributes::find(kind).and_then(|id| self.fields.find(id)).unwrap_or_default()
    }

    /// Sets an attribute that is kept as bytes.
    pub(super) fn set_field(&mut self, kind: CK_ATTRIBUTE_TYPE, value: &[u8]) {
        if let Some(id) = super::attributes::find(kind) {
            self.fields.remove(id);
            self.fields.push(id, value);
        }
    }
}

impl Class {
    /// Whether an attribute of private keys is a secret part.
    pub(super) fn is_part(&self, kind: CK_ATTRIBUTE_TYPE) -> bool {
        super::attributes::find(kind)
            .and_then(|id| self.rule(id))
            .is_some_and(|rule| rule.notes & super::rules::SECRET != 0)
    }
}

fn invalid(attribute: CK_ATTRIBUTE_TYPE, reason: &'static str) -> ObjectError {
    ObjectError::ValueInvalid { attribute, reason }
}
