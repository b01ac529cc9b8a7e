//! Keys on the short Weierstrass curves (PKCS#11 3.0 sec. 2.3.3 and 2.3.4 of the mechanisms).

use super::{Family, Object, invalid};
use crate::crypto::ec::{self, Curve};
use crate::crypto::pkey::{PrivateKey, PublicKey};
use crate::error::ObjectError;
use cryptoki_sys::*;

pub(in crate::object) const EC: Family = Family {
    open_public: |object| {
        let curve = Curve::from_params(object.field(CKA_EC_PARAMS))?;
        let point = ec::octets_of_point(curve, object.field(CKA_EC_POINT))
            .ok_or(invalid(CKA_EC_POINT, "not a point of the curve, compressed or not"))?;
        ec::public(curve, point).ok_or(ObjectError::PublicKey)
    },
    open_private: |object| {
        let curve = Curve::from_params(object.field(CKA_EC_PARAMS))?;
        ec::private(curve, object.part(CKA_VALUE))
            .ok_or(invalid(CKA_VALUE, "not a private key of the curve: 1 to the group's order - 1"))
    },
    is_sound: ec::is_sound,
    fill_public,
    fill_private,
};

fn fill_public(object: &mut Object, key: &PublicKey) -> Result<(), ObjectError> {
    let (curve, point) = ec::public_point(key).ok_or(not_ec())?;
    fill_params(object, curve)?;
    object.set_field(CKA_EC_POINT, &ec::point_as_der(&point));
    Ok(())
}

fn fill_private(object: &mut Object, key: &PrivateKey) -> Result<(), ObjectError> {
    let (curve, scalar) = ec::private_scalar(key).ok_or(not_ec())?;
    let public = key.public().map_err(|_| not_ec())?;
    let (_, point) = ec::public_point(&public).ok_or(not_ec())?;
    fill_params(object, curve)?;
    match object.field(CKA_EC_POINT) {
        [] => {}
        given if ec::is_point_of(given, &public) => {}
        _ => return Err(invalid(CKA_EC_POINT, "not the point of the private key")),
    }
    object.set_field(CKA_EC_POINT, &ec::point_as_der(&point));
    object.set_part(CKA_VALUE, &scalar);
    Ok(())
}

/// Parameters that were given stay as they are, if they name the key's curve.
fn fill_params(object: &mut Object, curve: Curve) -> Result<(), ObjectError> {
    match object.field(CKA_EC_PARAMS) {
        [] => object.set_field(CKA_EC_PARAMS, curve.oid_der()),
        given if Curve::from_params(given).ok() == Some(curve) => {}
        _ => return Err(invalid(CKA_EC_PARAMS, "not the curve of the key")),
    }
    Ok(())
}

fn not_ec() -> ObjectError {
    ObjectError::Inconsistent("not a key on a curve of this type")
}
