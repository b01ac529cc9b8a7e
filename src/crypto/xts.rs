//! XTS-AES (IEEE 1619-2018, NIST SP 800-38E): whole data units.
//!
//! Called by: mechanism. AES-256 on AWS-LC, which does not have it with AES-128: that is on `xts-mode`, at the speed
//! of single blocks.

use super::fault;
use super::mac::equal;
use crate::error::{Error, MechanismError};
use aes::Aes128;
use aes::cipher::KeyInit;
use openssl::cipher::Cipher;
use openssl::cipher_ctx::CipherCtx;
use xts_mode::Xts128;

/// The least that a data unit has: one block.
pub const MIN_BYTES: usize = 16;
/// The most that a data unit has: 2^20 blocks (IEEE 1619-2018 sec. 5.1).
pub const MAX_BYTES: usize = 16 << 20;

/// One direction of XTS-AES under one key.
pub struct Xts {
    engine: Engine,
    encrypting: bool,
}

enum Engine {
    Aes128(Box<Xts128<Aes128>>),
    Aes256(CipherCtx),
}

/// Whether a key of 32 or 64 bytes may be used: not if its halves are equal (NIST's FIPS 140 guidance, C.I).
pub fn is_sound(key: &[u8]) -> bool {
    let (first, second) = key.split_at(key.len() / 2);
    !equal(first, second)
}

impl Xts {
    /// Expands the key, which has two halves for the data and the tweak. Errors: `KeySize`; a key that is not sound is
    /// the caller's to refuse, AWS-LC takes none.
    pub fn new(key: &[u8], encrypting: bool) -> Result<Self, Error> {
        let (first, second) = key.split_at(key.len() / 2);
        let engine = match key.len() {
            32 => {
                let half = |half: &[u8]| Aes128::new_from_slice(half);
                let (Ok(data), Ok(tweak)) = (half(first), half(second)) else { return Err(size(key)) };
                Engine::Aes128(Box::new(Xts128::new(data, tweak)))
            }
            64 => {
                let mut ctx = CipherCtx::new().map_err(fault)?;
                let cipher = Some(Cipher::aes_256_xts());
                if encrypting {
                    ctx.encrypt_init(cipher, Some(key), None).map_err(fault)?;
                } else {
                    ctx.decrypt_init(cipher, Some(key), None).map_err(fault)?;
                }
                Engine::Aes256(ctx)
            }
            _ => return Err(size(key)),
        };
        Ok(Self { engine, encrypting })
    }

    /// Processes a data unit of `MIN_BYTES` to `MAX_BYTES` into an `output` of the same length.
    pub fn unit(&mut self, number: &[u8; 16], input: &[u8], output: &mut [u8]) -> Result<(), Error> {
        match &mut self.engine {
            Engine::Aes128(xts) => {
                output.copy_from_slice(input);
                match self.encrypting {
                    true => xts.encrypt_sector(output, (*number).into()),
                    false => xts.decrypt_sector(output, (*number).into()),
                }
                Ok(())
            }
            Engine::Aes256(ctx) => {
                if self.encrypting {
                    ctx.encrypt_init(None, None, Some(number)).map_err(fault)?;
                } else {
                    ctx.decrypt_init(None, None, Some(number)).map_err(fault)?;
                }
                ctx.cipher_update(input, Some(output)).map(drop).map_err(fault)
            }
        }
    }
}

fn size(key: &[u8]) -> Error {
    MechanismError::KeySize { bytes: key.len() }.into()
}
