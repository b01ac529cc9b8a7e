//! Message authentication codes: CKM_*_HMAC, CKM_*_HMAC_GENERAL (PKCS#11 3.0 sec. 2.20 to 2.31), CKM_AES_CMAC
//! and CKM_AES_CMAC_GENERAL (sec. 2.14).
//!
//! The general mechanisms truncate to the length of their parameter: 1 byte to the whole code. A short one is the
//! caller's choice, as the specification says. HMAC takes keys of any length from 1 byte on: the specification
//! lets a token ask for half the digest's length, and no known client depends on a refusal.

use super::aes_blocks::no_iv;
use super::buffer::exact;
use super::{Key, Params, Sign};
use crate::crypto::mac::{CmacAes128, CmacAes192, CmacAes256, Mac, equal};
use crate::error::{Error, MechanismError};

struct Code<M> {
    mac: M,
    general: bool,
    bytes: usize,
    /// Whether it was given data since it was new.
    started: bool,
}

pub fn hmac<M: Mac>(key: Key<'_>, params: &Params) -> Result<Box<dyn Sign>, Error> {
    code::<M>(key, params, false)
}

pub fn hmac_general<M: Mac>(key: Key<'_>, params: &Params) -> Result<Box<dyn Sign>, Error> {
    code::<M>(key, params, true)
}

pub fn aes_cmac(key: Key<'_>, params: &Params) -> Result<Box<dyn Sign>, Error> {
    aes_code(key, params, false)
}

pub fn aes_cmac_general(key: Key<'_>, params: &Params) -> Result<Box<dyn Sign>, Error> {
    aes_code(key, params, true)
}

fn aes_code(key: Key<'_>, params: &Params, general: bool) -> Result<Box<dyn Sign>, Error> {
    match key.secret()?.expose().len() {
        16 => code::<CmacAes128>(key, params, general),
        24 => code::<CmacAes192>(key, params, general),
        32 => code::<CmacAes256>(key, params, general),
        bytes => Err(MechanismError::KeySize { bytes }.into()),
    }
}

fn code<M: Mac>(key: Key<'_>, params: &Params, general: bool) -> Result<Box<dyn Sign>, Error> {
    let bytes = code_bytes(params, general, M::BYTES)?;
    let key = key.secret()?.expose();
    if key.is_empty() {
        return Err(MechanismError::KeySize { bytes: 0 }.into());
    }
    Ok(Box::new(Code { mac: M::with_key(key)?, general, bytes, started: false }))
}

fn code_bytes(params: &Params, general: bool, whole: usize) -> Result<usize, Error> {
    if !general {
        no_iv(params)?;
        return Ok(whole);
    }
    match params {
        Params::MacLength(bytes) if (1..=whole as u64).contains(bytes) => Ok(*bytes as usize),
        Params::MacLength(_) => Err(MechanismError::Params("the MAC has no such length").into()),
        _ => Err(MechanismError::Params("CK_MAC_GENERAL_PARAMS are needed").into()),
    }
}

impl<M: Mac> Sign for Code<M> {
    fn restart(&mut self, params: &Params) -> Result<bool, Error> {
        self.bytes = code_bytes(params, self.general, M::BYTES)?;
        if self.started {
            self.mac.reset();
            self.started = false;
        }
        Ok(true)
    }

    fn output_len(&self) -> usize {
        self.bytes
    }

    fn update(&mut self, data: &[u8]) -> Result<(), Error> {
        self.started = true;
        self.mac.update(data);
        Ok(())
    }

    fn sign(&mut self, output: &mut [u8]) -> Result<usize, Error> {
        let output = exact(output, self.bytes)?;
        output.copy_from_slice(&self.mac.finish()[..self.bytes]);
        self.started = false;
        Ok(self.bytes)
    }

    fn verify(&mut self, signature: &[u8]) -> Result<(), Error> {
        if signature.len() != self.bytes {
            return Err(MechanismError::SignatureLen { bytes: signature.len() }.into());
        }
        let code = self.mac.finish();
        self.started = false;
        if equal(&code[..self.bytes], signature) {
            return Ok(());
        }
        Err(MechanismError::SignatureInvalid.into())
    }
}
