//! CKM_EC_KEY_PAIR_GEN (PKCS#11 3.0 sec. 2.3.9 of the mechanisms).

use super::Params;
use super::aes_blocks::no_iv;
use crate::crypto::ec::{self, Curve};
use crate::crypto::pkey::PrivateKey;
use crate::error::{Error, MechanismError};
use crate::object::NewKey;
use cryptoki_sys::CKA_EC_PARAMS;

/// Errors: `CurveNotSupported`.
pub fn generate(params: &Params, public: &NewKey) -> Result<PrivateKey, Error> {
    no_iv(params)?;
    let curve = Curve::from_params(public.bytes(CKA_EC_PARAMS)).ok_or(MechanismError::Curve)?;
    ec::generate(curve)
}
