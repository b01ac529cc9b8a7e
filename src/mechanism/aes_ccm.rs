//! CKM_AES_CCM (PKCS#11 3.0 sec. 2.13.3): encryption, decryption and key wrapping.
//!
//! CCM begins with the length of the message, so that the parameter says it, and data of another length is refused.
//! AWS-LC takes a message at once: parts are held until the last one, also those of an encryption.

use super::aes_blocks::bad_length;
use super::buffer::{Held, exact};
use super::{Cipher, Direction, Key, Params, Wrap, by_cipher};
use crate::crypto::aead::{CCM_MAX_BYTES, Ccm};
use crate::error::{Error, MechanismError};
use smallvec::SmallVec;

/// The code comes after the ciphertext. ulDataLen is the wrapped key's length, without the code.
pub static WRAP: Wrap = Wrap {
    zero_pads: None,
    wrapped_len: |_, params, key_bytes| match Message::parse(params)? {
        message if message.data_bytes == key_bytes => Ok(key_bytes + message.code_bytes),
        _ => Err(MechanismError::KeySize { bytes: key_bytes }.into()),
    },
    wrap: |key, params, value| by_cipher::wrap(new, key, params, value),
    unwrap: |key, params, wrapped| by_cipher::unwrap(new, key, params, wrapped),
};

struct AesCcm {
    ccm: Ccm,
    direction: Direction,
    nonce: SmallVec<[u8; 16]>,
    aad: Vec<u8>,
    data_bytes: usize,
    code_bytes: usize,
    /// The parts so far.
    pending: Held,
}

/// What the parameter says of the message.
struct Message<'a> {
    nonce: &'a [u8],
    aad: &'a [u8],
    data_bytes: usize,
    code_bytes: usize,
}

pub fn new(key: Key<'_>, params: &Params, direction: Direction) -> Result<Box<dyn Cipher>, Error> {
    let Message { nonce, aad, data_bytes, code_bytes } = Message::parse(params)?;
    Ok(Box::new(AesCcm {
        ccm: Ccm::new(key.secret()?.expose(), direction == Direction::Encrypt)?,
        direction,
        nonce: SmallVec::from_slice(nonce),
        aad: aad.to_vec(),
        data_bytes,
        code_bytes,
        pending: Held::default(),
    }))
}

impl<'a> Message<'a> {
    fn parse(params: &'a Params) -> Result<Self, Error> {
        let Params::Ccm { data_bytes, nonce, aad, code_bytes } = params else {
            return Err(MechanismError::Params("CK_CCM_PARAMS are needed").into());
        };
        if !(7..=13).contains(&nonce.len()) {
            return Err(MechanismError::Params("the nonce of CCM has 7 to 13 bytes").into());
        }
        if !matches!(code_bytes, 4 | 6 | 8 | 10 | 12 | 14 | 16) {
            return Err(MechanismError::Params("the MAC of CCM has 4, 6, 8, 10, 12, 14 or 16 bytes").into());
        }
        // What the nonce leaves of 15 bytes counts the bytes of the message.
        let countable = (1u128 << (8 * (15 - nonce.len()))) - 1;
        let most = countable.min(CCM_MAX_BYTES as u128);
        if u128::from(*data_bytes) > most || aad.len() > CCM_MAX_BYTES {
            return Err(MechanismError::Params("CCM takes no message or data of this length").into());
        }
        Ok(Self { nonce, aad, data_bytes: *data_bytes as usize, code_bytes: *code_bytes as usize })
    }
}

impl Cipher for AesCcm {
    fn restart(&mut self, params: &Params) -> Result<bool, Error> {
        let Message { nonce, aad, data_bytes, code_bytes } = Message::parse(params)?;
        self.nonce.clear();
        self.nonce.extend_from_slice(nonce);
        self.aad.clear();
        self.aad.extend_from_slice(aad);
        self.data_bytes = data_bytes;
        self.code_bytes = code_bytes;
        self.pending.clear();
        Ok(true)
    }

    fn one_shot_len(&self, input_bytes: usize) -> Result<usize, Error> {
        let sealed_bytes = self.data_bytes + self.code_bytes;
        match self.direction {
            Direction::Encrypt if input_bytes == self.data_bytes => Ok(sealed_bytes),
            Direction::Decrypt if input_bytes == sealed_bytes => Ok(self.data_bytes),
            direction => Err(bad_length(direction, input_bytes)),
        }
    }

    fn one_shot(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize, Error> {
        let output = exact(output, self.one_shot_len(input.len())?)?;
        let (nonce, aad) = (&self.nonce, &self.aad);
        match self.direction {
            Direction::Encrypt => {
                let (ciphertext, code) = output.split_at_mut(input.len());
                self.ccm.seal(nonce, aad, input, ciphertext, code)?;
            }
            Direction::Decrypt => {
                let (ciphertext, code) = input.split_at(output.len());
                if !self.ccm.open(nonce, aad, ciphertext, output, code)? {
                    return Err(MechanismError::EncryptedDataInvalid.into());
                }
            }
        }
        Ok(output.len())
    }

    fn update_len(&self, input_bytes: usize) -> Result<usize, Error> {
        let whole = match self.direction {
            Direction::Encrypt => self.data_bytes,
            Direction::Decrypt => self.data_bytes + self.code_bytes,
        };
        match self.pending.bytes().len().saturating_add(input_bytes) {
            bytes if bytes > whole => Err(bad_length(self.direction, bytes)),
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
        let parts = std::mem::take(&mut self.pending);
        let finished = self.one_shot(parts.bytes(), output);
        self.pending = parts;
        finished
    }
}
