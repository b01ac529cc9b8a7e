//! Keys on Curve25519: CKK_EC_EDWARDS and CKK_EC_MONTGOMERY (PKCS#11 3.2, Elliptic Curve: Edwards and Montgomery key
//! objects).
//!
//! CKA_EC_POINT is the public key's bytes as they are, as PKCS#11 3.1 and later have it; one that is given may stand in
//! an OCTET STRING, as in 3.0.

use super::{Family, Object, invalid};
use crate::crypto::curve25519::{self, Form};
use crate::crypto::pkey::{PrivateKey, PublicKey};
use crate::error::ObjectError;
use cryptoki_sys::*;

pub(in crate::object) const EDWARDS: Family = Family {
    open_public: |object| open_public(object, Form::Edwards),
    open_private: |object| open_private(object, Form::Edwards),
    is_sound: |_| true,
    fill_public: |object, key| fill_public(object, key, Form::Edwards),
    fill_private: |object, key| fill_private(object, key, Form::Edwards),
};

pub(in crate::object) const MONTGOMERY: Family = Family {
    open_public: |object| open_public(object, Form::Montgomery),
    open_private: |object| open_private(object, Form::Montgomery),
    is_sound: |_| true,
    fill_public: |object, key| fill_public(object, key, Form::Montgomery),
    fill_private: |object, key| fill_private(object, key, Form::Montgomery),
};

fn open_public(object: &Object, form: Form) -> Result<PublicKey, ObjectError> {
    form.check_params(object.field(CKA_EC_PARAMS))?;
    let bytes = curve25519::octets_of_point(object.field(CKA_EC_POINT))
        .ok_or(invalid(CKA_EC_POINT, "a public key has 32 bytes"))?;
    curve25519::public(form, bytes).ok_or(ObjectError::PublicKey)
}

fn open_private(object: &Object, form: Form) -> Result<PrivateKey, ObjectError> {
    form.check_params(object.field(CKA_EC_PARAMS))?;
    curve25519::private(form, object.part(CKA_VALUE)).ok_or(invalid(CKA_VALUE, "a private key has 32 bytes"))
}

fn fill_public(object: &mut Object, key: &PublicKey, form: Form) -> Result<(), ObjectError> {
    let bytes = curve25519::public_bytes(form, key).ok_or(not_one())?;
    fill_params(object, form)?;
    object.set_field(CKA_EC_POINT, &bytes);
    Ok(())
}

fn fill_private(object: &mut Object, key: &PrivateKey, form: Form) -> Result<(), ObjectError> {
    let bytes = curve25519::private_bytes(form, key).ok_or(not_one())?;
    let public = key.public().ok().and_then(|key| curve25519::public_bytes(form, &key)).ok_or(not_one())?;
    fill_params(object, form)?;
    match object.field(CKA_EC_POINT) {
        [] => {}
        given if curve25519::octets_of_point(given) == Some(&public) => {}
        _ => return Err(invalid(CKA_EC_POINT, "not the public key of the private key")),
    }
    object.set_field(CKA_EC_POINT, &public);
    object.set_part(CKA_VALUE, &bytes);
    Ok(())
}

/// Parameters that were given stay as they are, if they name the curve.
fn fill_params(object: &mut Object, form: Form) -> Result<(), ObjectError> {
    match object.field(CKA_EC_PARAMS) {
        [] => object.set_field(CKA_EC_PARAMS, form.oid_der()),
        given => form.check_params(given)?,
    }
    Ok(())
}

fn not_one() -> ObjectError {
    ObjectError::Inconsistent("not a key on a curve of this type")
}
