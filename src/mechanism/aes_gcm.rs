//! CKM_AES_GCM (PKCS#11 3.0 sec. 2.13): encryption, decryption and key wrapping.

use super::buffer::exact;
use super::{Cipher, Direction, Key, Params, Wrap, by_cipher};
use crate::crypto::aead::{GCM_MAX_BYTES, GCM_MAX_IV_BYTES, Gcm};
use crate::error::{Error, MechanismError};

/// The tag comes after the ciphertext, also where the ciphertext is a wrapped key.
pub static WRAP: Wrap = Wrap {
    zero_pads: None,
    wrapped_len: |_, params, key_bytes| {
        let tag_bytes = parse(params)?.tag_bytes;
        sealed_bytes(key_bytes, GCM_MAX_BYTES, tag_bytes)
            .map_err(|_| MechanismError::KeySize { bytes: key_bytes }.into())
    },
    wrap: |key, params, value| by_cipher::wrap(new, key, params, value),
    unwrap: |key, params, wrapped| by_cipher::unwrap(new, key, params, wrapped),
};

/// Buffers of more than this are given back at `restart`.
const KEPT_BYTES: usize = 1 << 16;

struct AesGcm {
    gcm: Gcm,
    direction: Direction,
    tag_bytes: usize,
    /// Decryption in parts: the ciphertext so far. Nothing may leave before the tag is verified, and the
    /// ciphertext is kept instead of the plaintext so that no secret lies in a buffer that moves as it grows.
    pending: Vec<u8>,
}

struct Parsed<'a> {
    iv: &'a [u8],
    aad: &'a [u8],
    tag_bytes: usize,
}

pub fn new(key: Key<'_>, params: &Params, direction: Direction) -> Result<Box<dyn Cipher>, Error> {
    let Parsed { iv, aad, tag_bytes } = parse(params)?;
    let mut gcm = Gcm::new(key.secret()?.expose(), direction == Direction::Encrypt)?;
    gcm.start(iv, aad)?;
    Ok(Box::new(AesGcm { gcm, direction, tag_bytes, pending: Vec::new() }))
}

impl Cipher for AesGcm {
    fn restart(&mut self, params: &Params) -> Result<bool, Error> {
        let Parsed { iv, aad, tag_bytes } = parse(params)?;
        self.gcm.start(iv, aad)?;
        self.tag_bytes = tag_bytes;
        self.pending.clear();
        if self.pending.capacity() > KEPT_BYTES {
            self.pending = Vec::new();
        }
        Ok(true)
    }

    fn one_shot_len(&self, input_bytes: usize) -> Result<usize, Error> {
        match self.direction {
            Direction::Encrypt => sealed_bytes(input_bytes, self.gcm.room(), self.tag_bytes),
            Direction::Decrypt => opened_bytes(input_bytes, self.tag_bytes),
        }
    }

    fn one_shot(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize, Error> {
        let output = exact(output, self.one_shot_len(input.len())?)?;
        match self.direction {
            Direction::Encrypt => {
                let (ciphertext, tag) = output.split_at_mut(input.len());
                self.gcm.process(input, ciphertext)?;
                self.gcm.tag(tag)?;
            }
            Direction::Decrypt => open(&mut self.gcm, input, output)?,
        }
        Ok(output.len())
    }

    fn update_len(&self, input_bytes: usize) -> Result<usize, Error> {
        match self.direction {
            Direction::Encrypt if input_bytes as u64 > self.gcm.room() => {
                Err(MechanismError::DataLen { bytes: input_bytes }.into())
            }
            Direction::Encrypt => Ok(input_bytes),
            Direction::Decrypt => Ok(0),
        }
    }

    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize, Error> {
        let output = exact(output, self.update_len(input.len())?)?;
        match self.direction {
            Direction::Encrypt => self.gcm.process(input, output)?,
            Direction::Decrypt => self.hold(input)?,
        }
        Ok(output.len())
    }

    fn finish_len(&self) -> Result<usize, Error> {
        match self.direction {
            Direction::Encrypt => Ok(self.tag_bytes),
            Direction::Decrypt => opened_bytes(self.pending.len(), self.tag_bytes),
        }
    }

    fn finish(&mut self, output: &mut [u8]) -> Result<usize, Error> {
        let output = exact(output, self.finish_len()?)?;
        match self.direction {
            Direction::Encrypt => self.gcm.tag(output)?,
            Direction::Decrypt => open(&mut self.gcm, &self.pending, output)?,
        }
        Ok(output.len())
    }
}

impl AesGcm {
    fn hold(&mut self, input: &[u8]) -> Result<(), Error> {
        let bytes = self.pending.len() + input.len();
        if bytes as u64 > GCM_MAX_BYTES + self.tag_bytes as u64 {
            return Err(MechanismError::EncryptedDataLen { bytes }.into());
        }
        let no_memory = |_| Error::Internal(format!("no memory for {bytes} bytes of ciphertext"));
        self.pending.try_reserve(input.len()).map_err(no_memory)?;
        self.pending.extend_from_slice(input);
        Ok(())
    }
}

/// Decrypts ciphertext with its tag into `output`, which has exactly the plaintext's length and is wiped
/// where the tag is wrong.
fn open(gcm: &mut Gcm, input: &[u8], output: &mut [u8]) -> Result<(), Error> {
    let (ciphertext, tag) = input.split_at(output.len());
    gcm.process(ciphertext, output)?;
    if gcm.verify(tag)? {
        return Ok(());
    }
    output.fill(0);
    Err(MechanismError::EncryptedDataInvalid.into())
}

fn parse(params: &Params) -> Result<Parsed<'_>, Error> {
    let Params::Gcm { iv, aad, tag_bits } = params else {
        return Err(MechanismError::Params("CK_GCM_PARAMS are needed").into());
    };
    if iv.is_empty() || iv.len() > GCM_MAX_IV_BYTES {
        return Err(MechanismError::Params("the IV of GCM has 1 to 2^31 - 1 bytes").into());
    }
    // NIST SP 800-38D sec. 5.2.1.2; its 32 and 64 bits are for special protocols that limit their use.
    if !matches!(tag_bits, 96 | 104 | 112 | 120 | 128) {
        return Err(MechanismError::Params("the tag of GCM has 96, 104, 112, 120 or 128 bits").into());
    }
    Ok(Parsed { iv, aad, tag_bytes: (tag_bits / 8) as usize })
}

fn sealed_bytes(data_bytes: usize, room: u64, tag_bytes: usize) -> Result<usize, Error> {
    let too_long = MechanismError::DataLen { bytes: data_bytes };
    if data_bytes as u64 > room {
        return Err(too_long.into());
    }
    data_bytes.checked_add(tag_bytes).ok_or(too_long.into())
}

fn opened_bytes(sealed_bytes: usize, tag_bytes: usize) -> Result<usize, Error> {
    let bad_length = MechanismError::EncryptedDataLen { bytes: sealed_bytes };
    match sealed_bytes.checked_sub(tag_bytes) {
        Some(bytes) if bytes as u64 <= GCM_MAX_BYTES => Ok(bytes),
        _ => Err(bad_length.into()),
    }
}
