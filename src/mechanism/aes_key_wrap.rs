//! CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_KWP and CKM_AES_KEY_WRAP_PKCS7 (PKCS#11 3.1, AES Key Wrap): key wrapping, and
//! encryption in one part.
//!
//! CKM_AES_KEY_WRAP_PAD is left out: it is deprecated, and tokens disagree on which of the other two it means.
//! The key is expanded per call, which the wrapping (12 blocks one after the other, at the least) hides.

use super::buffer::exact;
use super::{Cipher, Direction, Key, Params, Wrap};
use crate::crypto::keywrap::{self, KW_INITIAL, KWP_INITIAL, SEMIBLOCK_BYTES};
use crate::crypto::padding::{pkcs7_data_bytes, pkcs7_fill};
use crate::error::{CallError, Error, MechanismError};
use crate::object::Secret;
use zeroize::Zeroizing;

/// A key is filled up with zeros to whole semiblocks; the length is not in the wrapped key. A key of 8 bytes or
/// fewer is refused, for KW needs two semiblocks: KWP takes it.
pub static WRAP_KW: Wrap = Wrap {
    zero_pads: Some(SEMIBLOCK_BYTES),
    wrapped_len: |_, params, bytes| key_wrapped_bytes(Form::Kw, params, bytes),
    wrap: |key, params, value| wrap(Form::Kw, key, params, value),
    unwrap: |key, params, wrapped| unwrap(Form::Kw, key, params, wrapped),
};

pub static WRAP_KWP: Wrap = Wrap {
    zero_pads: None,
    wrapped_len: |_, params, bytes| key_wrapped_bytes(Form::Kwp, params, bytes),
    wrap: |key, params, value| wrap(Form::Kwp, key, params, value),
    unwrap: |key, params, wrapped| unwrap(Form::Kwp, key, params, wrapped),
};

pub static WRAP_PKCS7: Wrap = Wrap {
    zero_pads: None,
    wrapped_len: |_, params, bytes| key_wrapped_bytes(Form::Pkcs7, params, bytes),
    wrap: |key, params, value| wrap(Form::Pkcs7, key, params, value),
    unwrap: |key, params, wrapped| unwrap(Form::Pkcs7, key, params, wrapped),
};

/// The crates under this count in C ints or 32 bits.
const MAX_BYTES: usize = i32::MAX as usize - 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// RFC 3394: whole semiblocks, at least two.
    Kw,
    /// RFC 5649: any length from 1 byte.
    Kwp,
    /// RFC 3394 over data padded by PKCS #7 to whole semiblocks; from 8 bytes, to have two of them.
    Pkcs7,
}

/// The initial value of the parameter, 8 bytes for RFC 3394 and 4 for RFC 5649.
#[derive(Clone, Copy)]
enum Initial {
    Kw([u8; 8]),
    Kwp([u8; 4]),
}

struct AesKeyWrap {
    form: Form,
    key: Secret,
    initial: Initial,
    direction: Direction,
}

pub fn kw(key: Key<'_>, params: &Params, direction: Direction) -> Result<Box<dyn Cipher>, Error> {
    cipher(Form::Kw, key, params, direction)
}

pub fn kwp(key: Key<'_>, params: &Params, direction: Direction) -> Result<Box<dyn Cipher>, Error> {
    cipher(Form::Kwp, key, params, direction)
}

pub fn pkcs7(key: Key<'_>, params: &Params, direction: Direction) -> Result<Box<dyn Cipher>, Error> {
    cipher(Form::Pkcs7, key, params, direction)
}

fn cipher(form: Form, key: Key<'_>, params: &Params, direction: Direction) -> Result<Box<dyn Cipher>, Error> {
    let initial = initial(form, params)?;
    let key = key.secret()?.expose();
    if !matches!(key.len(), 16 | 24 | 32) {
        return Err(MechanismError::KeySize { bytes: key.len() }.into());
    }
    Ok(Box::new(AesKeyWrap { form, key: Secret::new(key), initial, direction }))
}

impl Cipher for AesKeyWrap {
    fn restart(&mut self, params: &Params) -> Result<bool, Error> {
        self.initial = initial(self.form, params)?;
        Ok(true)
    }

    fn one_shot_len(&self, input_bytes: usize) -> Result<usize, Error> {
        match self.direction {
            Direction::Encrypt => sealed_bytes(self.form, input_bytes)
                .ok_or(MechanismError::DataLen { bytes: input_bytes }.into()),
            Direction::Decrypt => opened_bytes(self.form, input_bytes)
                .ok_or(MechanismError::EncryptedDataLen { bytes: input_bytes }.into()),
        }
    }

    fn one_shot(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize, Error> {
        let most = self.one_shot_len(input.len())?;
        if self.direction == Direction::Encrypt {
            let output = exact(output, most)?;
            output.copy_from_slice(&seal(self.form, &self.key, self.initial, input)?);
            return Ok(most);
        }
        let data =
            open(self.form, &self.key, self.initial, input)?.ok_or(MechanismError::EncryptedDataInvalid)?;
        exact(output, data.len())?.copy_from_slice(&data);
        Ok(data.len())
    }

    /// PKCS#11 3.1, AES Key Wrap: "The mechanisms support only single-part operations".
    fn update_len(&self, _input_bytes: usize) -> Result<usize, Error> {
        Err(CallError::NotSupported.into())
    }

    fn update(&mut self, _input: &[u8], _output: &mut [u8]) -> Result<usize, Error> {
        Err(CallError::NotSupported.into())
    }

    fn finish_len(&self) -> Result<usize, Error> {
        Err(CallError::NotSupported.into())
    }

    fn finish(&mut self, _output: &mut [u8]) -> Result<usize, Error> {
        Err(CallError::NotSupported.into())
    }
}

fn initial(form: Form, params: &Params) -> Result<Initial, Error> {
    let found = match (form, params) {
        (Form::Kw | Form::Pkcs7, Params::None) => Some(Initial::Kw(KW_INITIAL)),
        (Form::Kwp, Params::None) => Some(Initial::Kwp(KWP_INITIAL)),
        (Form::Kw | Form::Pkcs7, Params::Iv(iv)) => iv.as_slice().try_into().ok().map(Initial::Kw),
        (Form::Kwp, Params::Iv(iv)) => iv.as_slice().try_into().ok().map(Initial::Kwp),
        _ => None,
    };
    found.ok_or_else(|| MechanismError::Params("no initial value, or one of 8 (KWP: 4) bytes").into())
}

/// The length of so much data when sealed; `None` if the form does not take it.
fn sealed_bytes(form: Form, data_bytes: usize) -> Option<usize> {
    if data_bytes > MAX_BYTES {
        return None;
    }
    let fits = match form {
        Form::Kw => data_bytes >= 2 * SEMIBLOCK_BYTES && data_bytes.is_multiple_of(SEMIBLOCK_BYTES),
        Form::Kwp => data_bytes >= 1,
        Form::Pkcs7 => data_bytes >= SEMIBLOCK_BYTES,
    };
    let padded = match form {
        Form::Pkcs7 => data_bytes / SEMIBLOCK_BYTES * SEMIBLOCK_BYTES + SEMIBLOCK_BYTES,
        _ => data_bytes.div_ceil(SEMIBLOCK_BYTES) * SEMIBLOCK_BYTES,
    };
    fits.then(|| padded + SEMIBLOCK_BYTES)
}

/// The length of sealed data when opened, at most; `None` if the form never gives such a length.
fn opened_bytes(form: Form, sealed_bytes: usize) -> Option<usize> {
    let (least, most) = match form {
        Form::Kw => (3 * SEMIBLOCK_BYTES, sealed_bytes.checked_sub(SEMIBLOCK_BYTES)?),
        Form::Kwp => (2 * SEMIBLOCK_BYTES, sealed_bytes.checked_sub(SEMIBLOCK_BYTES)?),
        Form::Pkcs7 => (3 * SEMIBLOCK_BYTES, sealed_bytes.checked_sub(SEMIBLOCK_BYTES + 1)?),
    };
    let fits = sealed_bytes >= least && sealed_bytes.is_multiple_of(SEMIBLOCK_BYTES);
    (fits && sealed_bytes <= MAX_BYTES).then_some(most)
}

/// Seals data of a length that `sealed_bytes` takes.
fn seal(form: Form, key: &Secret, initial: Initial, data: &[u8]) -> Result<Vec<u8>, Error> {
    match initial {
        Initial::Kwp(initial) => keywrap::wrap_padded(key.expose(), initial, data),
        Initial::Kw(initial) if form == Form::Kw => keywrap::wrap(key.expose(), initial, data),
        Initial::Kw(initial) => {
            let fill = pkcs7_fill(data.len(), SEMIBLOCK_BYTES as u8);
            let mut padded = Zeroizing::new(vec![fill; data.len() + usize::from(fill)]);
            padded[..data.len()].copy_from_slice(data);
            keywrap::wrap(key.expose(), initial, &padded)
        }
    }
}

/// Opens data of a length that `opened_bytes` takes; `None` if it is not authentic.
fn open(
    form: Form,
    key: &Secret,
    initial: Initial,
    sealed: &[u8],
) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let mut data = match initial {
        Initial::Kwp(initial) => return keywrap::unwrap_padded(key.expose(), initial, sealed),
        Initial::Kw(initial) => keywrap::unwrap(key.expose(), initial, sealed)?,
    };
    if form == Form::Pkcs7
        && let Some(padded) = &mut data
    {
        let start = padded.len() - SEMIBLOCK_BYTES;
        let Some(last) = pkcs7_data_bytes(&padded[start..]) else { return Ok(None) };
        padded.truncate(start + last);
    }
    Ok(data)
}

pub(super) fn key_wrapped_bytes(form: Form, params: &Params, key_bytes: usize) -> Result<usize, Error> {
    initial(form, params)?;
    let bytes = if form == Form::Kw { zero_padded_bytes(key_bytes) } else { key_bytes };
    sealed_bytes(form, bytes).ok_or(MechanismError::KeySize { bytes: key_bytes }.into())
}

pub(super) fn wrap(form: Form, key: Key<'_>, params: &Params, value: &[u8]) -> Result<Vec<u8>, Error> {
    key_wrapped_bytes(form, params, value.len())?;
    let key = key.secret()?;
    let initial = initial(form, params)?;
    if form != Form::Kw {
        return seal(form, key, initial, value);
    }
    let mut padded = Zeroizing::new(vec![0; zero_padded_bytes(value.len())]);
    padded[..value.len()].copy_from_slice(value);
    seal(form, key, initial, &padded)
}

pub(super) fn unwrap(form: Form, key: Key<'_>, params: &Params, wrapped: &[u8]) -> Result<Secret, Error> {
    let initial = initial(form, params)?;
    opened_bytes(form, wrapped.len()).ok_or(MechanismError::WrappedKeyLen { bytes: wrapped.len() })?;
    let value = open(form, key.secret()?, initial, wrapped)?.ok_or(MechanismError::WrappedKeyInvalid)?;
    Ok(Secret::new(&value[..]))
}

fn zero_padded_bytes(key_bytes: usize) -> usize {
    key_bytes.div_ceil(SEMIBLOCK_BYTES).saturating_mul(SEMIBLOCK_BYTES)
}
