//! Parameters of single messages: what the caller gives, and where what was made for it goes.

use super::{aead, invalid, read};
use crate::api::raw;
use crate::error::Error;
use crate::mechanism::{Direction, Generator, MessageParams, MessageShape};
use crate::session::{Given, Made};
use cryptoki_sys::*;
use smallvec::SmallVec;

/// Which call of a message the parameter comes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Begin, and Next that is not the last: the tag is not looked at.
    NotLast,
    /// The only call, or the last one.
    Last,
}

/// Where in the caller's memory the nonce and the tag of a message lie.
pub struct Places {
    nonce: *mut CK_BYTE,
    nonce_bytes: usize,
    tag: *mut CK_BYTE,
    tag_bytes: usize,
}

impl Places {
    pub fn none() -> Self {
        Self { nonce: std::ptr::null_mut(), nonce_bytes: 0, tag: std::ptr::null_mut(), tag_bytes: 0 }
    }

    /// # Safety
    /// Both places are writable, for as many bytes as they say.
    pub unsafe fn write(&self, made: &Made) {
        let places = [(&self.nonce, self.nonce_bytes), (&self.tag, self.tag_bytes)];
        for ((place, room), bytes) in places.into_iter().zip([made.nonce.as_deref(), made.tag.as_deref()]) {
            let Some(bytes) = bytes.filter(|bytes| bytes.len() <= room && !place.is_null()) else { continue };
            // SAFETY: not null, with so much room, by the caller's promise; what was made is not the caller's memory.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), *place, bytes.len()) };
        }
    }
}

/// The length of the structure that a message's parameter is.
pub fn bytes(shape: MessageShape) -> usize {
    match shape {
        MessageShape::Gcm => size_of::<CK_GCM_MESSAGE_PARAMS>(),
        MessageShape::Ccm => size_of::<CK_CCM_MESSAGE_PARAMS>(),
        MessageShape::ChaCha20Poly1305 => size_of::<CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS>(),
    }
}

/// Reads a message's parameter. Errors: CKR_MECHANISM_PARAM_INVALID.
///
/// # Safety
/// The parameter, if not null, leads to so many readable bytes, and pointers in it to what they say.
pub unsafe fn parse(
    shape: MessageShape,
    direction: Direction,
    part: Part,
    (pointer, length): (CK_VOID_PTR, CK_ULONG),
    places: &mut Places,
) -> Result<Given, Error> {
    // SAFETY: the caller's promise.
    let given = unsafe { raw::bytes(pointer.cast(), length, "") }
        .map_err(|_| invalid("the message's parameter is null"))?;
    let (generator, fixed_bits);
    let mut data_bytes = 0;
    match shape {
        MessageShape::Gcm => {
            // SAFETY: read checks the length.
            let params: CK_GCM_MESSAGE_PARAMS = unsafe { read(given) }?;
            *places = Places {
                nonce: params.pIv,
                nonce_bytes: bytes_of(params.ulIvLen)?,
                tag: params.pTag,
                tag_bytes: tag_bytes(params.ulTagBits)?,
            };
            (generator, fixed_bits) = (params.ivGenerator, params.ulIvFixedBits);
        }
        MessageShape::Ccm => {
            // SAFETY: read checks the length.
            let params: CK_CCM_MESSAGE_PARAMS = unsafe { read(given) }?;
            *places = Places {
                nonce: params.pNonce,
                nonce_bytes: bytes_of(params.ulNonceLen)?,
                tag: params.pMAC,
                tag_bytes: tag_bytes(params.ulMACLen.saturating_mul(8))?,
            };
            (generator, fixed_bits) = (params.nonceGenerator, params.ulNonceFixedBits);
            data_bytes = params.ulDataLen;
        }
        MessageShape::ChaCha20Poly1305 => {
            // SAFETY: read checks the length.
            let params: CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS = unsafe { read(given) }?;
            let nonce_bytes = aead::chacha20_nonce_bytes(params.ulNonceLen)? as usize;
            *places = Places { nonce: params.pNonce, nonce_bytes, tag: params.pTag, tag_bytes: 16 };
            (generator, fixed_bits) = (CKG_NO_GENERATE, 0);
        }
    }
    // A decryption takes the nonce as it is: "fields are ignored" (sec. 2.13.1).
    let (generator, fixed_bits) = match direction {
        Direction::Encrypt => (self::generator(generator)?, bytes_of(fixed_bits)?),
        Direction::Decrypt => (Generator::Caller, 0),
    };
    if part == Part::Last && places.tag.is_null() {
        return Err(invalid("there is no place for the tag"));
    }
    // SAFETY: the caller's promise about its nonce and its tag.
    let (nonce, tag) = unsafe {
        let wants_tag = part == Part::Last && direction == Direction::Decrypt;
        let tag_bytes = if wants_tag { places.tag_bytes } else { 0 };
        (slice(places.nonce, places.nonce_bytes)?, slice(places.tag, tag_bytes)?)
    };
    let nonce = SmallVec::from_slice(nonce);
    let params = MessageParams { nonce, fixed_bits, generator, tag_bytes: places.tag_bytes, data_bytes };
    Ok(Given { params, tag: tag.to_vec() })
}

/// # Safety
/// A pointer that is not null leads to so many readable bytes.
unsafe fn slice<'a>(pointer: *const CK_BYTE, bytes: usize) -> Result<&'a [u8], Error> {
    // SAFETY: the caller's promise.
    unsafe { raw::bytes(pointer, bytes as CK_ULONG, "") }.map_err(|_| invalid("a pointer is null"))
}

/// The longest nonce that a message may have: far beyond what anybody uses, and short enough to be kept twice.
const MAX_NONCE_BYTES: CK_ULONG = 4096;

fn bytes_of(length: CK_ULONG) -> Result<usize, Error> {
    if length > 8 * MAX_NONCE_BYTES {
        return Err(invalid("the nonce is too long"));
    }
    Ok(length as usize)
}

fn tag_bytes(bits: CK_ULONG) -> Result<usize, Error> {
    match bits {
        8..=128 if bits.is_multiple_of(8) => Ok(bits as usize / 8),
        _ => Err(invalid("the tag has no such length")),
    }
}

fn generator(function: CK_GENERATOR_FUNCTION) -> Result<Generator, Error> {
    match function {
        CKG_NO_GENERATE => Ok(Generator::Caller),
        CKG_GENERATE => Ok(Generator::Unique),
        CKG_GENERATE_COUNTER => Ok(Generator::Counter),
        CKG_GENERATE_RANDOM => Ok(Generator::Random),
        CKG_GENERATE_COUNTER_XOR => Ok(Generator::CounterXor),
        _ => Err(invalid("there is no such generator")),
    }
}
