//! Key pairs: those that are made are new, and those that cannot be are refused.

use super::*;
use crate::crypto::curve25519::Form;
use crate::error::ObjectError;
use crate::object::{Attribute, Context, Object, Origin, Template};
use cryptoki_sys::*;

const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

#[test]
fn new_pairs_are_new() {
    fresh_pairs(&mut Ran::default());
}

pub fn fresh_pairs(ran: &mut Ran) {
    let bits = 2048u64.to_le_bytes();
    for (id, attribute, value) in [
        (CKM_EC_KEY_PAIR_GEN, CKA_EC_PARAMS, P256),
        (CKM_RSA_PKCS_KEY_PAIR_GEN, CKA_MODULUS_BITS, &bits),
        (CKM_EC_EDWARDS_KEY_PAIR_GEN, CKA_EC_PARAMS, Form::Edwards.oid_der()),
        (CKM_EC_MONTGOMERY_KEY_PAIR_GEN, CKA_EC_PARAMS, Form::Montgomery.oid_der()),
        (CKM_RSA_X9_31_KEY_PAIR_GEN, CKA_MODULUS_BITS, &bits),
    ] {
        let (one, other) = (pair(id, attribute, value).unwrap(), pair(id, attribute, value).unwrap());
        assert_ne!(one.to_spki().unwrap(), other.to_spki().unwrap(), "{id:#x}");
        assert_ne!(*one.to_pkcs8().unwrap(), *other.to_pkcs8().unwrap(), "{id:#x}");
        ran.note("none: random", id);
    }
}

#[test]
fn what_is_no_pair_of_the_mechanism_is_refused() {
    for params in [&[0x06, 0x01, 0x2a][..], &[0x13, 0x01, b'P'], &[0x06, 0x03, 0x2b, 0x65, 0x70]] {
        let error = pair(CKM_EC_KEY_PAIR_GEN, CKA_EC_PARAMS, params).unwrap_err();
        assert!(matches!(error, Error::Object(ObjectError::Curve)), "{params:?}: {error}");
    }
    let explicit = [&[0x30, 0x03, 0x02, 0x01, 0x01][..], &[0x05, 0x00]];
    for params in [&[][..], b"P-256", &[0x13, 0x02, b'P'], &P256[..9]].into_iter().chain(explicit) {
        let error = pair(CKM_EC_KEY_PAIR_GEN, CKA_EC_PARAMS, params).unwrap_err();
        assert!(matches!(error, Error::Object(ObjectError::DomainParams)), "{params:?}: {error}");
    }
    for bits in [0u64, 1, 512, 1024, 2047, 2052, 8200, u64::MAX] {
        let error = pair(CKM_RSA_PKCS_KEY_PAIR_GEN, CKA_MODULUS_BITS, &bits.to_le_bytes()).unwrap_err();
        let attribute = match error {
            Error::Object(ObjectError::ValueInvalid { attribute, .. }) => attribute,
            other => panic!("{bits}: {other}"),
        };
        assert_eq!(attribute, CKA_MODULUS_BITS, "{bits}");
    }
}

fn pair(id: CK_MECHANISM_TYPE, kind: CK_ATTRIBUTE_TYPE, value: &[u8]) -> Result<PrivateKey, Error> {
    let template = Template { attributes: [Attribute { kind, value }].into_iter().collect() };
    let of = (CKO_PUBLIC_KEY, row(id).key_types[0]);
    let new = Object::plan_key(&template, Some(of), Origin::Generated(id), &Context::default())?;
    row(id).generate_pair.expect("makes pairs")(&Params::None, &new)
}
