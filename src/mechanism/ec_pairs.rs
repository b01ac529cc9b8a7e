//! CKM_EC_KEY_PAIR_GEN, CKM_EC_EDWARDS_KEY_PAIR_GEN and CKM_EC_MONTGOMERY_KEY_PAIR_GEN (PKCS#11 3.2, Elliptic Curve).

use super::Params;
use super::aes_blocks::no_iv;
use crate::crypto::curve25519::{self, Form};
use crate::crypto::ec::{self, Curve};
use crate::crypto::pkey::PrivateKey;
use crate::error::Error;
use crate::object::NewKey;
use cryptoki_sys::CKA_EC_PARAMS;

/// Errors: `Curve`, `DomainParams`.
pub fn generate(params: &Params, public: &NewKey) -> Result<PrivateKey, Error> {
    no_iv(params)?;
    ec::generate(Curve::from_params(public.bytes(CKA_EC_PARAMS))?)
}

/// Errors: `Curve`, `DomainParams`.
pub fn edwards(params: &Params, public: &NewKey) -> Result<PrivateKey, Error> {
    on_curve25519(Form::Edwards, params, public)
}

/// Errors: `Curve`, `DomainParams`.
pub fn montgomery(params: &Params, public: &NewKey) -> Result<PrivateKey, Error> {
    on_curve25519(Form::Montgomery, params, public)
}

fn on_curve25519(form: Form, params: &Params, public: &NewKey) -> Result<PrivateKey, Error> {
    no_iv(params)?;
    form.check_params(public.bytes(CKA_EC_PARAMS))?;
    curve25519::generate(form)
}
