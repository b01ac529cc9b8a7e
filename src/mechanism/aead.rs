//! What every authenticated cipher does that works in parts: the tag comes after the ciphertext, and nothing leaves a
//! decryption before the tag is verified.
//!
//! Called by: the mechanisms of this folder.

use super::buffer::{Held, exact};
use super::{Cipher, Direction, Params};
use crate::crypto::aead::Aead;
use crate::error::{Error, MechanismError};

/// A mechanism's parameter, looked into.
pub(super) struct Parsed<'a> {
    pub nonce: &'a [u8],
    pub aad: &'a [u8],
    pub tag_bytes: usize,
}

pub(super) type Parse = fn(&Params) -> Result<Parsed<'_>, Error>;

struct InParts<A> {
    aead: A,
    parse: Parse,
    direction: Direction,
    tag_bytes: usize,
    /// Decryption in parts: the ciphertext so far.
    pending: Held,
}

/// Begins an operation with a cipher that has its key.
pub(super) fn new<A: Aead>(
    mut aead: A,
    parse: Parse,
    params: &Params,
    direction: Direction,
) -> Result<Box<dyn Cipher>, Error> {
    let Parsed { nonce, aad, tag_bytes } = parse(params)?;
    aead.start(nonce, aad)?;
    Ok(Box::new(InParts { aead, parse, direction, tag_bytes, pending: Held::default() }))
}

impl<A: Aead> Cipher for InParts<A> {
    fn restart(&mut self, params: &Params) -> Result<bool, Error> {
        let Parsed { nonce, aad, tag_bytes } = (self.parse)(params)?;
        self.aead.start(nonce, aad)?;
        self.tag_bytes = tag_bytes;
        self.pending.clear();
        Ok(true)
    }

    fn one_shot_len(&self, input_bytes: usize) -> Result<usize, Error> {
        match self.direction {
            Direction::Encrypt => sealed_bytes(input_bytes, self.aead.room(), self.tag_bytes),
            Direction::Decrypt => self.opened_bytes(input_bytes),
        }
    }

    fn one_shot(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize, Error> {
        let output = exact(output, self.one_shot_len(input.len())?)?;
        match self.direction {
            Direction::Encrypt => {
                let (ciphertext, tag) = output.split_at_mut(input.len());
                self.aead.process(input, ciphertext)?;
                self.aead.tag(tag)?;
            }
            Direction::Decrypt => open(&mut self.aead, input, output)?,
        }
        Ok(output.len())
    }

    fn update_len(&self, input_bytes: usize) -> Result<usize, Error> {
        match self.direction {
            Direction::Encrypt if input_bytes as u64 > self.aead.room() => {
                Err(MechanismError::DataLen { bytes: input_bytes }.into())
            }
            Direction::Encrypt => Ok(input_bytes),
            Direction::Decrypt => Ok(0),
        }
    }

    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize, Error> {
        let output = exact(output, self.update_len(input.len())?)?;
        match self.direction {
            Direction::Encrypt => self.aead.process(input, output)?,
            Direction::Decrypt => self.hold(input)?,
        }
        Ok(output.len())
    }

    fn finish_len(&self) -> Result<usize, Error> {
        match self.direction {
            Direction::Encrypt => Ok(self.tag_bytes),
            Direction::Decrypt => self.opened_bytes(self.pending.bytes().len()),
        }
    }

    fn finish(&mut self, output: &mut [u8]) -> Result<usize, Error> {
        let output = exact(output, self.finish_len()?)?;
        match self.direction {
            Direction::Encrypt => self.aead.tag(output)?,
            Direction::Decrypt => open(&mut self.aead, self.pending.bytes(), output)?,
        }
        Ok(output.len())
    }
}

impl<A: Aead> InParts<A> {
    fn hold(&mut self, input: &[u8]) -> Result<(), Error> {
        let bytes = self.pending.bytes().len() + input.len();
        if bytes as u64 > self.aead.room() + self.tag_bytes as u64 {
            return Err(MechanismError::EncryptedDataLen { bytes }.into());
        }
        self.pending.push(input)
    }

    /// A decryption has processed nothing before it opens the whole, so that its room is still that of a message.
    fn opened_bytes(&self, sealed_bytes: usize) -> Result<usize, Error> {
        let bad_length = MechanismError::EncryptedDataLen { bytes: sealed_bytes };
        match sealed_bytes.checked_sub(self.tag_bytes) {
            Some(bytes) if bytes as u64 <= self.aead.room() => Ok(bytes),
            _ => Err(bad_length.into()),
        }
    }
}

/// Decrypts ciphertext with its tag into `output`, which has exactly the plaintext's length and is wiped
/// where the tag is wrong.
fn open(aead: &mut impl Aead, input: &[u8], output: &mut [u8]) -> Result<(), Error> {
    let (ciphertext, tag) = input.split_at(output.len());
    aead.process(ciphertext, output)?;
    if aead.verify(tag)? {
        return Ok(());
    }
    output.fill(0);
    Err(MechanismError::EncryptedDataInvalid.into())
}

/// Bytes of so much data with its tag, if a message has room for it.
pub(super) fn sealed_bytes(data_bytes: usize, room: u64, tag_bytes: usize) -> Result<usize, Error> {
    let too_long = MechanismError::DataLen { bytes: data_bytes };
    if data_bytes as u64 > room {
        return Err(too_long.into());
    }
    data_bytes.checked_add(tag_bytes).ok_or(too_long.into())
}
