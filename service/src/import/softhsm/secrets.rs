//! What the user's PIN opens in a SoftHSM token.
//!
//! A token has one AES-256 key. It lies in `token.object`, encrypted under the PIN: a salt of 8 bytes, an IV, and three
//! letters with the key behind them, in AES-CBC with padding. The key that the PIN gives is the SHA-256 of salt and
//! PIN, hashed again 1499 times and as often as the salt's last byte says. Under the token's key each byte string of a
//! private object is encrypted by itself, but for dates: an IV, and the bytes in AES-CBC with padding. Nothing is authenticated.

use super::file::Stored;
use vhsm_pkcs11::crypto::block::{BLOCK_BYTES, BlockCipher, Mode};
use vhsm_pkcs11::crypto::digest::{Hash, Sha256};
use vhsm_pkcs11::crypto::padding::pkcs7_data_bytes;
use vhsm_pkcs11::error::Error;
use zeroize::Zeroizing;

const SALT_BYTES: usize = 8;
const KEY_BYTES: usize = 32;
const LEAST_ROUNDS: u32 = 1500;
const MAGIC: &[u8] = b"RJR";

/// The key of a token's private objects.
pub struct TokenKey(Zeroizing<[u8; KEY_BYTES]>);

impl TokenKey {
    /// Opens what `token.object` has for the user. `None`: the PIN is wrong, or the blob is damaged; nothing tells
    /// these apart.
    pub fn open(blob: &[u8], pin: &[u8]) -> Result<Option<Self>, Error> {
        let Some((salt, sealed)) = blob.split_first_chunk::<SALT_BYTES>() else { return Ok(None) };
        let Some(plain) = decrypt(&*key_of(pin, salt)?, sealed)? else { return Ok(None) };
        let key = plain.expose().strip_prefix(MAGIC).and_then(|key| key.try_into().ok());
        Ok(key.map(|key| Self(Zeroizing::new(key))))
    }

    /// The bytes of a private object. `None`: they are damaged.
    pub fn decrypt(&self, sealed: &[u8]) -> Result<Option<Stored>, Error> {
        match sealed {
            // SoftHSM leaves empty strings as they are.
            [] => Ok(Some(sealed.into())),
            _ => decrypt(&self.0, sealed),
        }
    }
}

fn key_of(pin: &[u8], salt: &[u8; SALT_BYTES]) -> Result<Zeroizing<[u8; KEY_BYTES]>, Error> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    let mut hash = Sha256::new()?;
    hash.update(salt)?;
    hash.update(pin)?;
    hash.finish(&mut *key)?;
    for _ in 1..LEAST_ROUNDS + u32::from(salt[SALT_BYTES - 1]) {
        hash.update(&*key)?;
        hash.finish(&mut *key)?;
    }
    Ok(key)
}

/// AES-256-CBC with PKCS #7 padding, the IV before it.
fn decrypt(key: &[u8; KEY_BYTES], sealed: &[u8]) -> Result<Option<Stored>, Error> {
    let Some((iv, sealed)) = sealed.split_first_chunk::<BLOCK_BYTES>() else { return Ok(None) };
    if sealed.is_empty() || !sealed.len().is_multiple_of(BLOCK_BYTES) {
        return Ok(None);
    }
    let mut plain = Zeroizing::new(vec![0; sealed.len()]);
    BlockCipher::new(Mode::Cbc, key, Some(iv), false)?.blocks(sealed, &mut plain)?;
    let (whole, last) = plain.split_at(plain.len() - BLOCK_BYTES);
    let data_bytes = pkcs7_data_bytes(last).map(|bytes| whole.len() + bytes);
    Ok(data_bytes.map(|bytes| plain[..bytes].into()))
}
