//! Message authentication codes: CKM_*_HMAC, CKM_*_HMAC_GENERAL (PKCS#11 3.0 sec. 2.20 to 2.31), CKM_AES_CMAC
//! and CKM_AES_CMAC_GENERAL (sec. 2.14), CKM_DES3_CMAC and CKM_DES3_CMAC_GENERAL (sec. 2.19), CKM_AES_MAC and
//! CKM_AES_MAC_GENERAL (sec. 2.10.9 and 2.10.10).
//!
//! The general mechanisms truncate to the length of their parameter: 1 byte to the whole code. A short one is the
//! caller's choice, as the specification says. HMAC takes keys of any length from 1 byte on: the specification
//! lets a token ask for half the digest's length, and no known client depends on a refusal.

use super::aes_blocks::no_iv;
use super::buffer::exact;
use super::{Key, Params, Sign};
use crate::crypto::mac::{
    CbcMacAes128, CbcMacAes192, CbcMacAes256, CmacAes128, CmacAes192, CmacAes256, CmacDes2, CmacDes3, Mac,
    equal,
};
use crate::error::{Error, MechanismError};

struct Code<M> {
    mac: M,
    length: Length,
    bytes: usize,
    /// Whether it was given data since it was new.
    started: bool,
}

/// How much of the code is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Whole,
    /// Half a block, as CKM_AES_MAC has it.
    Half,
    /// What the parameter says.
    General,
}

pub fn hmac<M: Mac>(key: Key<'_>, params: &Params) -> Result<Box<dyn Sign>, Error> {
    code::<M>(key, params, Length::Whole)
}

pub fn hmac_general<M: Mac>(key: Key<'_>, params: &Params) -> Result<Box<dyn Sign>, Error> {
    code::<M>(key, params, Length::General)
}

pub fn aes_cmac(key: Key<'_>, params: &Params) -> Result<Box<dyn Sign>, Error> {
    of_aes::<CmacAes128, CmacAes192, CmacAes256>(key, params, Length::Whole)
}

pub fn aes_cmac_general(key: Key<'_>, params: &Params) -> Result<Box<dyn Sign>, Error> {
    of_aes::<CmacAes128, CmacAes192, CmacAes256>(key, params, Length::General)
}

pub fn aes_mac(key: Key<'_>, params: &Params) -> Result<Box<dyn Sign>, Error> {
    of_aes::<CbcMacAes128, CbcMacAes192, CbcMacAes256>(key, params, Length::Half)
}

pub fn aes_mac_general(key: Key<'_>, params: &Params) -> Result<Box<dyn Sign>, Error> {
    of_aes::<CbcMacAes128, CbcMacAes192, CbcMacAes256>(key, params, Length::General)
}

pub fn des3_cmac(key: Key<'_>, params: &Params) -> Result<Box<dyn Sign>, Error> {
    of_des3(key, params, Length::Whole)
}

pub fn des3_cmac_general(key: Key<'_>, params: &Params) -> Result<Box<dyn Sign>, Error> {
    of_des3(key, params, Length::General)
}

fn of_aes<A: Mac, B: Mac, C: Mac>(
    key: Key<'_>,
    params: &Params,
    length: Length,
) -> Result<Box<dyn Sign>, Error> {
    match key.secret()?.expose().len() {
        16 => code::<A>(key, params, length),
        24 => code::<B>(key, params, length),
        32 => code::<C>(key, params, length),
        bytes => Err(MechanismError::KeySize { bytes }.into()),
    }
}

fn of_des3(key: Key<'_>, params: &Params, length: Length) -> Result<Box<dyn Sign>, Error> {
    match key.secret()?.expose().len() {
        16 => code::<CmacDes2>(key, params, length),
        24 => code::<CmacDes3>(key, params, length),
        bytes => Err(MechanismError::KeySize { bytes }.into()),
    }
}

fn code<M: Mac>(key: Key<'_>, params: &Params, length: Length) -> Result<Box<dyn Sign>, Error> {
    let bytes = code_bytes(params, length, M::BYTES)?;
    let key = key.secret()?.expose();
    if key.is_empty() {
        return Err(MechanismError::KeySize { bytes: 0 }.into());
    }
    Ok(Box::new(Code { mac: M::with_key(key)?, length, bytes, started: false }))
}

fn code_bytes(params: &Params, length: Length, whole: usize) -> Result<usize, Error> {
    match (length, params) {
        (Length::Whole, _) => no_iv(params).map(|()| whole),
        (Length::Half, _) => no_iv(params).map(|()| whole / 2),
        (_, Params::MacLength(bytes)) if (1..=whole as u64).contains(bytes) => Ok(*bytes as usize),
        (_, Params::MacLength(_)) => Err(MechanismError::Params("the MAC has no such length").into()),
        _ => Err(MechanismError::Params("CK_MAC_GENERAL_PARAMS are needed").into()),
    }
}

impl<M: Mac> Sign for Code<M> {
    fn restart(&mut self, params: &Params) -> Result<bool, Error> {
        self.bytes = code_bytes(params, self.length, M::BYTES)?;
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
