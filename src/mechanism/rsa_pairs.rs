//! CKM_RSA_PKCS_KEY_PAIR_GEN (PKCS#11 3.0 sec. 2.1.4 of the mechanisms).

use super::Params;
use super::aes_blocks::no_iv;
use crate::crypto::pkey::PrivateKey;
use crate::crypto::rsa;
use crate::error::{Error, ObjectError};
use crate::object::NewKey;
use cryptoki_sys::{CKA_MODULUS_BITS, CKA_PUBLIC_EXPONENT};

/// F4, the exponent of a template that has none.
const DEFAULT_EXPONENT: &[u8] = &[1, 0, 1];
const MIN_BITS: u64 = 2048;

/// Errors: `ValueInvalid`.
pub fn generate(params: &Params, public: &NewKey) -> Result<PrivateKey, Error> {
    no_iv(params)?;
    let bits = public.number(CKA_MODULUS_BITS).unwrap_or_default();
    if !(MIN_BITS..=rsa::MAX_BITS as u64).contains(&bits) || !bits.is_multiple_of(8) {
        let reason = "RSA keys have 2048 to 8192 bits, in steps of 8";
        return Err(ObjectError::ValueInvalid { attribute: CKA_MODULUS_BITS, reason }.into());
    }
    let exponent = match public.bytes(CKA_PUBLIC_EXPONENT) {
        [] => DEFAULT_EXPONENT,
        given => given,
    };
    rsa::generate(bits as usize, exponent)
}
