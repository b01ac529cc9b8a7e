//! CKM_CHACHA20 and CKM_CHACHA20_POLY1305 (PKCS#11 3.0, ChaCha20 and ChaCha20/Poly1305).
//!
//! The length of the nonce says which variant is meant: 8 bytes the original, 12 bytes RFC 8439, 24 bytes XChaCha20.
//! With Poly1305 the original has no agreed form, and is refused.

use super::aead::{self, Parsed};
use super::buffer::exact;
use super::{Cipher, Direction, Key, Params};
use crate::crypto::aead::ChaCha20Poly1305;
use crate::crypto::chacha::{self, BLOCK_BYTES, KeyStream};
use crate::error::{Error, MechanismError};
use zeroize::Zeroizing;

const TAG_BYTES: usize = 16;

struct ChaCha20 {
    key: Zeroizing<[u8; 32]>,
    stream: KeyStream,
    /// Bytes that the counter still has blocks for.
    room: u128,
}

pub fn plain(key: Key<'_>, params: &Params, _direction: Direction) -> Result<Box<dyn Cipher>, Error> {
    let key = key.secret()?.expose();
    let size = |_| MechanismError::KeySize { bytes: key.len() };
    let key = Zeroizing::new(<[u8; 32]>::try_from(key).map_err(size)?);
    let (stream, room) = key_stream(&key, params)?;
    Ok(Box::new(ChaCha20 { key, stream, room }))
}

pub fn poly1305(key: Key<'_>, params: &Params, direction: Direction) -> Result<Box<dyn Cipher>, Error> {
    let cipher = ChaCha20Poly1305::new(key.secret()?.expose(), direction == Direction::Encrypt)?;
    aead::new(cipher, parse, params, direction)
}

fn parse(params: &Params) -> Result<Parsed<'_>, Error> {
    let Params::ChaCha20Poly1305 { nonce, aad } = params else {
        return Err(MechanismError::Params("CK_SALSA20_CHACHA20_POLY1305_PARAMS are needed").into());
    };
    if !matches!(nonce.len(), 12 | 24) {
        return Err(MechanismError::Params("the nonce has 96 or 192 bits").into());
    }
    Ok(Parsed { nonce, aad, tag_bytes: TAG_BYTES })
}

/// The key stream that the parameter says, and the bytes until its counter would wrap.
fn key_stream(key: &[u8; 32], params: &Params) -> Result<(KeyStream, u128), Error> {
    let Params::ChaCha20 { first_block, nonce } = params else {
        return Err(MechanismError::Params("CK_CHACHA20_PARAMS are needed").into());
    };
    let room = |counter_bits: u32| ((1 << counter_bits) - u128::from(*first_block)) * BLOCK_BYTES as u128;
    if let Ok(nonce) = nonce.as_slice().try_into() {
        return Ok((KeyStream::new(key, *first_block, nonce), room(64)));
    }
    if let Ok(nonce) = nonce.as_slice().try_into() {
        let (for_key, rest) = chacha::split_nonce(nonce);
        let subkey = chacha::subkey(key, for_key);
        return Ok((KeyStream::new(&subkey, *first_block, rest), room(64)));
    }
    match nonce.split_first_chunk() {
        Some((first_word, rest)) if *first_block <= u64::from(u32::MAX) => {
            let rest = rest.try_into().map_err(|_| MechanismError::Params(NONCE_BITS))?;
            let above = u64::from(u32::from_le_bytes(*first_word)) << 32;
            Ok((KeyStream::new(key, above | *first_block, rest), room(32)))
        }
        Some(_) => Err(MechanismError::Params("a nonce of 96 bits leaves a counter of 32").into()),
        None => Err(MechanismError::Params(NONCE_BITS).into()),
    }
}

const NONCE_BITS: &str = "the nonce has 64, 96 or 192 bits";

impl Cipher for ChaCha20 {
    fn restart(&mut self, params: &Params) -> Result<bool, Error> {
        (self.stream, self.room) = key_stream(&self.key, params)?;
        Ok(true)
    }

    fn one_shot_len(&self, input_bytes: usize) -> Result<usize, Error> {
        match input_bytes as u128 <= self.room {
            true => Ok(input_bytes),
            // As with CKM_AES_CTR, for both directions.
            false => Err(MechanismError::DataLen { bytes: input_bytes }.into()),
        }
    }

    fn one_shot(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize, Error> {
        let output = exact(output, self.one_shot_len(input.len())?)?;
        self.stream.apply(input, output)?;
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
