//! CKM_RSA_PKCS_KEY_PAIR_GEN and CKM_RSA_X9_31_KEY_PAIR_GEN (PKCS#11 3.2, RSA).

use super::Params;
use super::aes_blocks::no_iv;
use crate::crypto::pkey::PrivateKey;
use crate::crypto::{rsa, rsa_strong};
use crate::error::{Error, ObjectError};
use crate::object::NewKey;
use cryptoki_sys::{CKA_MODULUS_BITS, CKA_PUBLIC_EXPONENT};

/// F4, the exponent of a template that has none.
const DEFAULT_EXPONENT: &[u8] = &[1, 0, 1];

/// CKM_RSA_PKCS_KEY_PAIR_GEN. Errors: `ValueInvalid`, `Inconsistent`.
pub fn generate(params: &Params, public: &NewKey) -> Result<PrivateKey, Error> {
    let (bits, exponent) = wanted(params, public)?;
    rsa::generate(bits, exponent)
}

/// CKM_RSA_X9_31_KEY_PAIR_GEN. Errors: as `generate`.
pub fn generate_strong(params: &Params, public: &NewKey) -> Result<PrivateKey, Error> {
    let (bits, exponent) = wanted(params, public)?;
    rsa_strong::generate(bits, exponent)
}

fn wanted<'a>(params: &Params, public: &'a NewKey) -> Result<(usize, &'a [u8]), Error> {
    no_iv(params)?;
    let least = if public.legacy { rsa::LEAST_BITS } else { rsa::MIN_BITS };
    let bits =
        public.number(CKA_MODULUS_BITS).and_then(|bits| usize::try_from(bits).ok()).unwrap_or_default();
    if !(least..=rsa::MAX_BITS).contains(&bits) || !bits.is_multiple_of(rsa::STEP_BITS) {
        let reason = "RSA keys have 2048 (with `legacy` 1024) to 8192 bits, in steps of 128";
        return Err(ObjectError::ValueInvalid { attribute: CKA_MODULUS_BITS, reason }.into());
    }
    let exponent = match public.bytes(CKA_PUBLIC_EXPONENT) {
        [] => DEFAULT_EXPONENT,
        given => given,
    };
    // The code is the specification's: "CKR_TEMPLATE_INCONSISTENT shall be returned if the implementation cannot use
    // the supplied exponent value".
    match rsa::is_exponent(exponent) {
        true => Ok((bits, exponent)),
        false => Err(ObjectError::Inconsistent("a public exponent is odd, from 3 to 2^32").into()),
    }
}
