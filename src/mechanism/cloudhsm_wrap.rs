//! CKM_CLOUDHSM_AES_KEY_WRAP_NO_PAD, _PKCS5_PAD and _ZERO_PAD (AWS CloudHSM User Guide, "AES key wrapping"): RFC 3394
//! of keys of whole semiblocks, the same over PKCS #5 padding, and RFC 5649. Wrapping only.
//!
//! An initial value may be given with the first two, and is the default then; with the last none may.

use super::aes_key_wrap::{Form, key_wrapped_bytes, unwrap, wrap};
use super::{Params, Wrap};
use crate::crypto::keywrap::{KW_INITIAL, SEMIBLOCK_BYTES};
use crate::error::{Error, MechanismError};

pub static NO_PAD: Wrap = Wrap {
    zero_pads: None,
    wrapped_len: |_, params, bytes| {
        default_initial(params)?;
        whole(bytes)?;
        key_wrapped_bytes(Form::Kw, params, bytes)
    },
    wrap: |key, params, value| {
        default_initial(params)?;
        whole(value.len())?;
        wrap(Form::Kw, key, params, value)
    },
    unwrap: |key, params, wrapped| {
        default_initial(params)?;
        unwrap(Form::Kw, key, params, wrapped)
    },
};

pub static PKCS5_PAD: Wrap = Wrap {
    zero_pads: None,
    wrapped_len: |_, params, bytes| {
        default_initial(params)?;
        key_wrapped_bytes(Form::Pkcs7, params, bytes)
    },
    wrap: |key, params, value| {
        default_initial(params)?;
        wrap(Form::Pkcs7, key, params, value)
    },
    unwrap: |key, params, wrapped| {
        default_initial(params)?;
        unwrap(Form::Pkcs7, key, params, wrapped)
    },
};

pub static ZERO_PAD: Wrap = Wrap {
    zero_pads: None,
    wrapped_len: |_, params, bytes| key_wrapped_bytes(Form::Kwp, params, bytes),
    wrap: |key, params, value| wrap(Form::Kwp, key, params, value),
    unwrap: |key, params, wrapped| unwrap(Form::Kwp, key, params, wrapped),
};

fn default_initial(params: &Params) -> Result<(), Error> {
    match params {
        Params::None => Ok(()),
        Params::Iv(iv) if iv.as_slice() == KW_INITIAL => Ok(()),
        _ => Err(MechanismError::Params("no initial value, or the default of RFC 3394").into()),
    }
}

fn whole(bytes: usize) -> Result<(), Error> {
    match bytes.is_multiple_of(SEMIBLOCK_BYTES) {
        true => Ok(()),
        false => Err(MechanismError::KeySize { bytes }.into()),
    }
}
