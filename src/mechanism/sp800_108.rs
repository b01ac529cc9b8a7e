//! CKM_SP800_108_COUNTER_KDF, _FEEDBACK_KDF and _DOUBLE_PIPELINE_KDF (PKCS#11 3.2 sec. 6.42, NIST SP 800-108), and
//! AWS CloudHSM's CKM_CLOUDHSM_SP800_108_COUNTER_KDF.
//!
//! The parameter says what the pseudo-random function is given, piece by piece, and the order decides. Each key begins
//! with a new block of its output.

use super::derivation::{Derivation, room};
use super::params::Hidden;
use super::{Key, Params};
use crate::crypto::mac::{self, CmacAes128, CmacAes192, CmacAes256, MAX_BYTES, Mac};
use crate::error::{Error, MechanismError, ObjectError};
use crate::object::Secret;
use cryptoki_sys::*;
use zeroize::Zeroizing;

/// The parsed CK_SP800_108_KDF_PARAMS and CK_SP800_108_FEEDBACK_KDF_PARAMS, but for the further keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sp800108Params {
    /// CKM_SHA256_HMAC and so on, CKM_AES_CMAC or CKM_DES3_CMAC.
    pub prf: CK_MECHANISM_TYPE,
    pub inputs: Vec<PrfInput>,
    /// Of the feedback mode; empty in the others.
    pub iv: Vec<u8>,
}

/// A piece of what the pseudo-random function is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrfInput {
    /// The counter in counter mode; what the last step gave in the others, without a format.
    Iteration(Option<Width>),
    Counter(Width),
    /// The length of all derived keys in bits.
    Length {
        of_segments: bool,
        width: Width,
    },
    Bytes(Hidden),
    /// The value of another key.
    Key(u64),
}

/// How a number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Width {
    pub little_endian: bool,
    pub bits: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Counter,
    Feedback,
    DoublePipeline,
}

impl Sp800108Params {
    pub fn keys(&self) -> impl Iterator<Item = u64> + '_ {
        self.inputs.iter().filter_map(|input| match input {
            PrfInput::Key(handle) => Some(*handle),
            _ => None,
        })
    }
}

pub fn counter(key: Key<'_>, params: &Params, asked: &Derivation<'_>) -> Result<Secret, Error> {
    derive(Mode::Counter, key, params, asked)
}

pub fn feedback(key: Key<'_>, params: &Params, asked: &Derivation<'_>) -> Result<Secret, Error> {
    derive(Mode::Feedback, key, params, asked)
}

pub fn double_pipeline(key: Key<'_>, params: &Params, asked: &Derivation<'_>) -> Result<Secret, Error> {
    derive(Mode::DoublePipeline, key, params, asked)
}

fn derive(mode: Mode, key: Key<'_>, params: &Params, asked: &Derivation<'_>) -> Result<Secret, Error> {
    let Params::Sp800108(params) = params else {
        return Err(MechanismError::Params("CK_SP800_108_KDF_PARAMS are needed").into());
    };
    check(mode, &params.inputs)?;
    let key = key.secret()?.expose();
    let job = Job { mode, params, asked };
    match params.prf {
        CKM_SHA_1_HMAC => job.run::<mac::HmacSha1>(key),
        CKM_SHA224_HMAC => job.run::<mac::HmacSha224>(key),
        CKM_SHA256_HMAC => job.run::<mac::HmacSha256>(key),
        CKM_SHA384_HMAC => job.run::<mac::HmacSha384>(key),
        CKM_SHA512_HMAC => job.run::<mac::HmacSha512>(key),
        CKM_SHA512_224_HMAC => job.run::<mac::HmacSha512_224>(key),
        CKM_SHA512_256_HMAC => job.run::<mac::HmacSha512_256>(key),
        CKM_SHA3_224_HMAC => job.run::<mac::HmacSha3_224>(key),
        CKM_SHA3_256_HMAC => job.run::<mac::HmacSha3_256>(key),
        CKM_SHA3_384_HMAC => job.run::<mac::HmacSha3_384>(key),
        CKM_SHA3_512_HMAC => job.run::<mac::HmacSha3_512>(key),
        CKM_AES_CMAC if asked.base_type != Some(CKK_AES) => Err(MechanismError::KeyType.into()),
        CKM_AES_CMAC => match key.len() {
            16 => job.run::<CmacAes128>(key),
            24 => job.run::<CmacAes192>(key),
            _ => job.run::<CmacAes256>(key),
        },
        CKM_DES3_CMAC => match asked.base_type {
            Some(CKK_DES2) => job.run::<mac::CmacDes2>(key),
            Some(CKK_DES3) => job.run::<mac::CmacDes3>(key),
            _ => Err(MechanismError::KeyType.into()),
        },
        _ => Err(MechanismError::Params("no such pseudo-random function").into()),
    }
}

/// What each mode needs and forbids (PKCS#11 3.2 sec. 6.42.4 to 6.42.6).
fn check(mode: Mode, inputs: &[PrfInput]) -> Result<(), MechanismError> {
    let count = |wanted: fn(&PrfInput) -> bool| inputs.iter().filter(|input| wanted(input)).count();
    if count(|input| matches!(input, PrfInput::Iteration(_))) != 1 {
        return Err(MechanismError::Params("the iteration variable is needed once"));
    }
    if count(|input| matches!(input, PrfInput::Length { .. })) > 1 {
        return Err(MechanismError::Params("the length stands there twice"));
    }
    if count(|input| matches!(input, PrfInput::Counter(_))) > usize::from(mode != Mode::Counter) {
        return Err(MechanismError::Params("the counter has no place there, or two"));
    }
    let is_sound = |input: &PrfInput| match input {
        PrfInput::Iteration(format) => format.is_some() == (mode == Mode::Counter),
        _ => true,
    };
    if !inputs.iter().all(is_sound) {
        return Err(MechanismError::Params(
            "the iteration variable has a format in counter mode, and only there",
        ));
    }
    let widths = inputs.iter().filter_map(|input| match input {
        PrfInput::Iteration(Some(width)) | PrfInput::Counter(width) => Some((width, 32)),
        PrfInput::Length { width, .. } => Some((width, 64)),
        _ => None,
    });
    for (width, most) in widths {
        if width.bits == 0 || width.bits > most || !width.bits.is_multiple_of(8) {
            return Err(MechanismError::Params("a number has no such width"));
        }
    }
    Ok(())
}

impl Width {
    /// Errors: `Params`, if the number is wider.
    fn write(self, number: u64, mac: &mut impl Mac) -> Result<(), MechanismError> {
        if number > self.most() {
            return Err(MechanismError::Params("a number does not fit its width"));
        }
        let bytes = (self.bits / 8) as usize;
        match self.little_endian {
            true => mac.update(&number.to_le_bytes()[..bytes]),
            false => mac.update(&number.to_be_bytes()[size_of::<u64>() - bytes..]),
        }
        Ok(())
    }

    fn most(self) -> u64 {
        u64::MAX >> (u64::BITS as u64 - self.bits)
    }
}

/// One derivation.
struct Job<'a> {
    mode: Mode,
    params: &'a Sp800108Params,
    asked: &'a Derivation<'a>,
}

impl Job<'_> {
    fn run<M: Mac>(&self, key: &[u8]) -> Result<Secret, Error> {
        let first = self.asked.bytes.ok_or(ObjectError::Incomplete(CKA_VALUE_LEN))?;
        let keys = || std::iter::once(first).chain(self.asked.further.iter().copied());
        let (bytes, blocks) = (keys().sum(), keys().map(|bytes| bytes.div_ceil(M::BYTES)).sum::<usize>());
        if blocks as u64 > self.most_blocks() {
            return Err(MechanismError::KeySize { bytes }.into());
        }
        let lengths = Lengths { of_keys: 8 * bytes as u64, of_segments: 8 * (blocks * M::BYTES) as u64 };
        let mut steps = Steps { job: self, mac: M::with_key(key)?, lengths, number: 0, last: None };
        let mut output = room(bytes);
        for key_bytes in keys() {
            let end = output.len() + key_bytes;
            while output.len() < end {
                let block = steps.block()?;
                let taken = M::BYTES.min(end - output.len());
                output.extend_from_slice(&block[..taken]);
            }
        }
        Ok(Secret::new(std::mem::take(&mut *output)))
    }

    /// The counter ends there.
    fn most_blocks(&self) -> u64 {
        let widths = self.params.inputs.iter().filter_map(|input| match input {
            PrfInput::Iteration(Some(width)) | PrfInput::Counter(width) => Some(width.most()),
            _ => None,
        });
        widths.min().unwrap_or(u64::MAX).min(u64::from(u32::MAX))
    }
}

/// What is derived, in bits.
struct Lengths {
    of_keys: u64,
    of_segments: u64,
}

/// What the pseudo-random function gives, in its first bytes.
type Block = Zeroizing<[u8; MAX_BYTES]>;

struct Steps<'a, M> {
    job: &'a Job<'a>,
    mac: M,
    lengths: Lengths,
    /// i of SP 800-108.
    number: u64,
    /// K(i), A(i) of the double pipeline; none before the first step.
    last: Option<Block>,
}

impl<M: Mac> Steps<'_, M> {
    /// The next K(i).
    fn block(&mut self) -> Result<Block, Error> {
        self.number += 1;
        let last = self.last.take();
        if self.job.mode != Mode::DoublePipeline {
            let block =
                self.of_inputs(last.as_ref().map_or(&self.job.params.iv, |last| &last[..M::BYTES]))?;
            self.last = Some(block.clone());
            return Ok(block);
        }
        match last {
            None => self.give(None)?,
            Some(last) => self.mac.update(&last[..M::BYTES]),
        }
        let last = self.mac.finish();
        let block = self.of_inputs(&last[..M::BYTES])?;
        self.last = Some(last);
        Ok(block)
    }

    fn of_inputs(&mut self, last: &[u8]) -> Result<Block, Error> {
        self.give(Some(last))?;
        Ok(self.mac.finish())
    }

    /// Gives the inputs; with `last` those too that change from step to step.
    fn give(&mut self, last: Option<&[u8]>) -> Result<(), Error> {
        let mut others = self.job.asked.others.iter();
        for input in &self.job.params.inputs {
            match (input, last) {
                (PrfInput::Iteration(None), Some(last)) => self.mac.update(last),
                (PrfInput::Iteration(Some(width)) | PrfInput::Counter(width), Some(_)) => {
                    width.write(self.number, &mut self.mac)?;
                }
                (PrfInput::Iteration(_) | PrfInput::Counter(_), None) => {}
                (PrfInput::Length { of_segments, width }, _) => {
                    let Lengths { of_keys, of_segments: all } = self.lengths;
                    width.write(if *of_segments { all } else { of_keys }, &mut self.mac)?;
                }
                (PrfInput::Bytes(bytes), _) => self.mac.update(bytes.expose()),
                (PrfInput::Key(_), _) => {
                    let other = others.next().ok_or(MechanismError::KeyType)?;
                    self.mac.update(other.secret()?.expose());
                }
            }
        }
        Ok(())
    }
}
