//! CKM_AES_XTS (PKCS#11 3.0 sec. 2.15): one data unit of 16 bytes to 16 MiB.
//!
//! The parameter is the data unit's number, 16 bytes. The specification has the mechanism in parts and without a final
//! one, but how the last two blocks are encrypted depends on where the data unit ends. So parts are held, and the final
//! call gives the whole data unit.

use super::aes_blocks::{bad_length, block_iv};
use super::buffer::{Held, exact};
use super::{Cipher, Direction, Key, Params};
use crate::crypto::xts::{MAX_BYTES, MIN_BYTES, Xts};
use crate::error::Error;

struct AesXts {
    xts: Xts,
    direction: Direction,
    number: [u8; 16],
    /// The parts so far.
    pending: Held,
}

pub fn new(key: Key<'_>, params: &Params, direction: Direction) -> Result<Box<dyn Cipher>, Error> {
    let number = *block_iv(params)?;
    let xts = Xts::new(key.secret()?.expose(), direction == Direction::Encrypt)?;
    Ok(Box::new(AesXts { xts, direction, number, pending: Held::default() }))
}

impl Cipher for AesXts {
    fn restart(&mut self, params: &Params) -> Result<bool, Error> {
        self.number = *block_iv(params)?;
        self.pending.clear();
        Ok(true)
    }

    fn one_shot_len(&self, input_bytes: usize) -> Result<usize, Error> {
        match input_bytes {
            MIN_BYTES..=MAX_BYTES => Ok(input_bytes),
            _ => Err(bad_length(self.direction, input_bytes)),
        }
    }

    fn one_shot(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize, Error> {
        let output = exact(output, self.one_shot_len(input.len())?)?;
        self.xts.unit(&self.number, input, output)?;
        Ok(output.len())
    }

    fn update_len(&self, input_bytes: usize) -> Result<usize, Error> {
        match self.pending.bytes().len().saturating_add(input_bytes) {
            bytes if bytes > MAX_BYTES => Err(bad_length(self.direction, bytes)),
            _ => Ok(0),
        }
    }

    fn update(&mut self, input: &[u8], _output: &mut [u8]) -> Result<usize, Error> {
        self.update_len(input.len())?;
        self.pending.push(input)?;
        Ok(0)
    }

    fn finish_len(&self) -> Result<usize, Error> {
        self.one_shot_len(self.pending.bytes().len())
    }

    fn finish(&mut self, output: &mut [u8]) -> Result<usize, Error> {
        let output = exact(output, self.finish_len()?)?;
        self.xts.unit(&self.number, self.pending.bytes(), output)?;
        Ok(output.len())
    }
}
