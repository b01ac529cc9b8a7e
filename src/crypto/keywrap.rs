//! AES key wrap: KW (RFC 3394, NIST SP 800-38F sec. 6.2) and KWP (RFC 5649, sec. 6.3).
//!
//! Called by: mechanism. KW runs on AWS-LC, which takes any initial value; KWP on `aes-kw`, and with an initial
//! value that is not the default one, which no crate takes, as KW with the value that RFC 5649 builds for it.

use super::block::{BlockCipher, Mode};
use super::mac::equal;
use crate::error::{Error, MechanismError};
use aes_kw::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, consts::U16};
use aes_kw::{AesKwp, KeyInit};
use openssl::aes::{AesKey, unwrap_key, wrap_key};
use zeroize::Zeroizing;

/// The unit that key wrap works in.
pub const SEMIBLOCK_BYTES: usize = 8;
/// RFC 3394 sec. 2.2.3.1
pub const KW_INITIAL: [u8; 8] = [0xa6; 8];
/// RFC 5649 sec. 3
pub const KWP_INITIAL: [u8; 4] = [0xa6, 0x59, 0x59, 0xa6];

/// KW of two semiblocks or more (the caller's to check): gives one semiblock more. Errors: `KeySize` of the key.
pub fn wrap(key: &[u8], initial: [u8; 8], data: &[u8]) -> Result<Vec<u8>, Error> {
    let schedule = Schedule::new(key, AesKey::new_encrypt)?;
    let mut wrapped = vec![0; data.len() + SEMIBLOCK_BYTES];
    wrap_key(&schedule.0, Some(initial), &mut wrapped, data)
        .map_err(|_| Error::Internal("AWS-LC: key wrap".into()))?;
    Ok(wrapped)
}

/// The inverse of `wrap`, for three semiblocks or more; `None` if the initial value is not the one expected.
pub fn unwrap(key: &[u8], initial: [u8; 8], wrapped: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let schedule = Schedule::new(key, AesKey::new_decrypt)?;
    let mut data = Zeroizing::new(vec![0; wrapped.len() - SEMIBLOCK_BYTES]);
    let good = unwrap_key(&schedule.0, Some(initial), &mut data, wrapped).is_ok();
    Ok(good.then_some(data))
}

/// KWP of 1 to 2^31 - 16 bytes: gives whole semiblocks and one more. Errors: `KeySize` of the key.
pub fn wrap_padded(key: &[u8], initial: [u8; 4], data: &[u8]) -> Result<Vec<u8>, Error> {
    if initial != KWP_INITIAL {
        return wrap_composed(key, initial, data);
    }
    match key.len() {
        16 => kwp_wrap::<aes::Aes128Enc>(key, data),
        24 => kwp_wrap::<aes::Aes192Enc>(key, data),
        32 => kwp_wrap::<aes::Aes256Enc>(key, data),
        bytes => Err(MechanismError::KeySize { bytes }.into()),
    }
}

/// `wrap_padded` as RFC 5649 sec. 4.1 composes it from KW.
pub(crate) fn wrap_composed(key: &[u8], initial: [u8; 4], data: &[u8]) -> Result<Vec<u8>, Error> {
    let padded_bytes = data.len().next_multiple_of(SEMIBLOCK_BYTES);
    let mut padded = Zeroizing::new(vec![0; padded_bytes]);
    padded[..data.len()].copy_from_slice(data);
    let initial = kwp_initial(initial, data.len());
    if padded_bytes > SEMIBLOCK_BYTES {
        return wrap(key, initial, &padded);
    }
    // A single semiblock is one block with its initial value, plainly encrypted.
    let mut wrapped = vec![0; 2 * SEMIBLOCK_BYTES];
    let block = Zeroizing::new([&initial[..], &padded].concat());
    BlockCipher::new(Mode::Ecb, key, None, true)?.blocks(&block, &mut wrapped)?;
    Ok(wrapped)
}

/// The inverse of `wrap_padded`, for two semiblocks or more; `None` if it is not authentic.
pub fn unwrap_padded(
    key: &[u8],
    initial: [u8; 4],
    wrapped: &[u8],
) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    if initial != KWP_INITIAL {
        return unwrap_composed(key, initial, wrapped);
    }
    match key.len() {
        16 => kwp_unwrap::<aes::Aes128Dec>(key, wrapped),
        24 => kwp_unwrap::<aes::Aes192Dec>(key, wrapped),
        32 => kwp_unwrap::<aes::Aes256Dec>(key, wrapped),
        bytes => Err(MechanismError::KeySize { bytes }.into()),
    }
}

/// `unwrap_padded` as RFC 5649 sec. 4.2 composes it from KW.
pub(crate) fn unwrap_composed(
    key: &[u8],
    initial: [u8; 4],
    wrapped: &[u8],
) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let padded_bytes = wrapped.len() - SEMIBLOCK_BYTES;
    // The initial value holds the length, which has eight possible values. Trying them is as hard to forge as
    // looking at the value, which the same eight would pass.
    for data_bytes in padded_bytes - SEMIBLOCK_BYTES + 1..=padded_bytes {
        let expected = kwp_initial(initial, data_bytes);
        let padded = if padded_bytes > SEMIBLOCK_BYTES {
            unwrap(key, expected, wrapped)?
        } else {
            unwrap_block(key, expected, wrapped)?
        };
        if let Some(mut data) = padded {
            let zeros = data[data_bytes..].iter().fold(0, |all, byte| all | byte) == 0;
            data.truncate(data_bytes);
            return Ok(zeros.then_some(data));
        }
    }
    Ok(None)
}

/// RFC 5649 sec. 3: the constant or the caller's value, and the length of the data.
fn kwp_initial(initial: [u8; 4], data_bytes: usize) -> [u8; 8] {
    let mut whole = [0; 8];
    whole[..4].copy_from_slice(&initial);
    whole[4..].copy_from_slice(&(data_bytes as u32).to_be_bytes());
    whole
}

fn kwp_wrap<C>(key: &[u8], data: &[u8]) -> Result<Vec<u8>, Error>
where
    C: BlockCipherEncrypt<BlockSize = U16> + KeyInit,
{
    let size = |_| Error::from(MechanismError::KeySize { bytes: key.len() });
    let kwp = AesKwp::<C>::new_from_slice(key).map_err(size)?;
    let mut wrapped = vec![0; data.len().next_multiple_of(SEMIBLOCK_BYTES) + SEMIBLOCK_BYTES];
    kwp.wrap_key(data, &mut wrapped).map_err(|e| Error::Internal(format!("aes-kw: {e}")))?;
    Ok(wrapped)
}

fn kwp_unwrap<C>(key: &[u8], wrapped: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Error>
where
    C: BlockCipherDecrypt<BlockSize = U16> + KeyInit,
{
    let size = |_| Error::from(MechanismError::KeySize { bytes: key.len() });
    let kwp = AesKwp::<C>::new_from_slice(key).map_err(size)?;
    let mut data = Zeroizing::new(vec![0; wrapped.len() - SEMIBLOCK_BYTES]);
    match kwp.unwrap_key(wrapped, &mut data).map(<[u8]>::len) {
        Ok(bytes) => {
            data.truncate(bytes);
            Ok(Some(data))
        }
        Err(aes_kw::Error::IntegrityCheckFailed) => Ok(None),
        Err(e) => Err(Error::Internal(format!("aes-kw: {e}"))),
    }
}

fn unwrap_block(key: &[u8], initial: [u8; 8], wrapped: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let mut block = Zeroizing::new([0; 2 * SEMIBLOCK_BYTES]);
    BlockCipher::new(Mode::Ecb, key, None, false)?.blocks(wrapped, &mut *block)?;
    let (found, data) = block.split_at(SEMIBLOCK_BYTES);
    Ok(equal(found, &initial).then(|| Zeroizing::new(data.to_vec())))
}

/// An expanded key that is overwritten when dropped, which `AesKey` does not do itself.
struct Schedule(Box<AesKey>);

impl Schedule {
    fn new(key: &[u8], expand: fn(&[u8]) -> Result<AesKey, openssl::aes::KeyError>) -> Result<Self, Error> {
        let size = |_| Error::from(MechanismError::KeySize { bytes: key.len() });
        // AES_set_*_key takes no other size, but its wrapper may panic on absurd ones.
        if !matches!(key.len(), 16 | 24 | 32) {
            return Err(MechanismError::KeySize { bytes: key.len() }.into());
        }
        expand(key).map(|schedule| Self(Box::new(schedule))).map_err(size)
    }
}

impl Drop for Schedule {
    fn drop(&mut self) {
        // A 256-bit key fills the whole schedule. black_box keeps the last write from being optimized away.
        if let Ok(blank) = AesKey::new_encrypt(&[0; 32]) {
            *self.0 = blank;
        }
        std::hint::black_box(&*self.0);
    }
}
