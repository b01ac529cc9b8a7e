//! CKM_AES_CTR (PKCS#11 3.0 sec. 2.11).
//!
//! AWS-LC counts in all 128 bits of the counter block. A mechanism whose counter has fewer refuses the data with
//! which it would wrap, so a carry never reaches the nonce and no key stream is used twice.

use super::buffer::exact;
use super::{Cipher, Direction, Key, Params};
use crate::crypto::block::{BLOCK_BYTES, BlockCipher, Mode};
use crate::error::{Error, MechanismError};

struct AesCtr {
    cipher: BlockCipher,
    /// Bytes that the counter still has blocks for.
    room: u128,
}

pub fn new(key: Key<'_>, params: &Params, _direction: Direction) -> Result<Box<dyn Cipher>, Error> {
    let (block, room) = parse(params)?;
    // Both directions encrypt the counter.
    let cipher = BlockCipher::new(Mode::Ctr, key.secret()?.expose(), Some(block), true)?;
    Ok(Box::new(AesCtr { cipher, room }))
}

impl Cipher for AesCtr {
    fn restart(&mut self, params: &Params) -> Result<bool, Error> {
        let (block, room) = parse(params)?;
        self.cipher.restart(block)?;
        self.room = room;
        Ok(true)
    }

    fn one_shot_len(&self, input_bytes: usize) -> Result<usize, Error> {
        if input_bytes as u128 <= self.room {
            return Ok(input_bytes);
        }
        // The specification names this one for both directions.
        Err(MechanismError::DataLen { bytes: input_bytes }.into())
    }

    fn one_shot(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize, Error> {
        let output = exact(output, self.one_shot_len(input.len())?)?;
        self.cipher.stream(input, output)?;
        self.room -= input.len() as u128;
        Ok(output.len())
    }

    fn update_len(&self, input_bytes: usize) -> Result<usize, Error> {
        self.one_shot_len(input_bytes)
    }

    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize, Error> {
        self.one_shot(input, output)
    }

    fn finish_len(&self) -> Result<usize, Error> {
        Ok(0)
    }

    fn finish(&mut self, _output: &mut [u8]) -> Result<usize, Error> {
        Ok(0)
    }
}

/// The first counter block and the bytes until its counter, its lowest bits, would wrap.
fn parse(params: &Params) -> Result<(&[u8; BLOCK_BYTES], u128), Error> {
    let Params::Ctr { counter_bits, block } = params else {
        return Err(MechanismError::Params("CK_AES_CTR_PARAMS are needed").into());
    };
    let mask = match counter_bits {
        1..=127 => (1u128 << counter_bits) - 1,
        128 => u128::MAX,
        _ => return Err(MechanismError::Params("the counter has 1 to 128 bits").into()),
    };
    let blocks = (mask - (u128::from_be_bytes(*block) & mask)).saturating_add(1);
    Ok((block, blocks.saturating_mul(BLOCK_BYTES as u128)))
}
