//! Sealing of records at rest: AES-256-GCM, HMAC-SHA256, Argon2id and X25519 key pairs.
//!
//! Called by: cluster (which decides what is sealed under what). Runs on the RustCrypto crates, but for the
//! key pair; never on users' data. Nonces are the caller's: it must never give one twice under the same key.

use crate::crypto::random;
use crate::error::Error;
use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use hmac::{Hmac, Mac};
use openssl::pkey::{Id, PKey};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a nonce (NIST SP 800-38D sec. 5.2.1.1: 96 bits).
pub const NONCE_BYTES: usize = 12;
/// Bytes that sealing adds.
pub const TAG_BYTES: usize = 16;
/// Bytes of every symmetric key here.
pub const KEY_BYTES: usize = 32;
/// Bytes of a password's salt (RFC 9106 sec. 3.1).
pub const SALT_BYTES: usize = 16;

/// A key at rest, wiped when dropped.
pub type Key = Zeroizing<[u8; KEY_BYTES]>;

/// A new random key.
pub fn random_key() -> Result<Key, Error> {
    let mut key = Key::default();
    random::fill(&mut key[..])?;
    Ok(key)
}

/// AES-256-GCM with its key schedule and GHASH table expanded; wiped when dropped.
pub struct SealKey(Box<Aes256Gcm>);

impl SealKey {
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self(Box::new(Aes256Gcm::new(key.into())))
    }

    /// Appends the sealed `plain` and its tag to `out`. Errors: `Internal` over 64 GiB.
    pub fn seal(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        plain: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        out.reserve(plain.len() + TAG_BYTES);
        let start = out.len();
        out.extend_from_slice(plain);
        let tag = self
            .0
            .encrypt_inout_detached(nonce.into(), aad, (&mut out[start..]).into())
            .map_err(|_| Error::Internal("a record is too long to seal".into()))?;
        out.extend_from_slice(&tag);
        Ok(())
    }

    /// What `seal` sealed; `None` if key, nonce, aad or a byte of it is another.
    pub fn open(&self, nonce: &[u8; NONCE_BYTES], aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (body, tag) = sealed.split_at_checked(sealed.len().checked_sub(TAG_BYTES)?)?;
        let mut plain = Zeroizing::new(body.to_vec());
        self.decrypt(nonce, aad, &mut plain, tag)?;
        Some(plain)
    }

    /// Opens a sealed key, without an allocation.
    pub fn open_key(&self, nonce: &[u8; NONCE_BYTES], aad: &[u8], sealed: &[u8]) -> Option<Key> {
        let (body, tag) = sealed.split_at_checked(KEY_BYTES)?;
        let mut key = Key::default();
        key.copy_from_slice(body);
        self.decrypt(nonce, aad, &mut key[..], tag)?;
        Some(key)
    }

    fn decrypt(&self, nonce: &[u8; NONCE_BYTES], aad: &[u8], body: &mut [u8], tag: &[u8]) -> Option<()> {
        let tag: &[u8; TAG_BYTES] = tag.try_into().ok()?;
        self.0.decrypt_inout_detached(nonce.into(), aad, body.into(), tag.into()).ok()
    }
}

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealKey")
    }
}

/// HMAC-SHA256 (RFC 2104) with the key's two blocks hashed already; wiped when dropped.
pub struct MacKey(Box<Hmac<Sha256>>);

impl MacKey {
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        // RFC 2104 sec. 2: a key shorter than SHA-256's block is filled up with zeros.
        let mut block = Zeroizing::new([0; 64]);
        block[..KEY_BYTES].copy_from_slice(key);
        let block: &[u8; 64] = &block;
        Self(Box::new(<Hmac<Sha256> as KeyInit>::new(block.into())))
    }

    /// The MAC of the parts, one after the other: the caller sees to it that they cannot be cut differently.
    pub fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.run(parts).finalize().into_bytes().into()
    }

    /// Whether `tag` is the (perhaps truncated, never empty) MAC of the parts; in constant time.
    pub fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        self.run(parts).verify_truncated_left(tag).is_ok()
    }

    fn run(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = (*self.0).clone();
        for part in parts {
            mac.update(part);
        }
        mac
    }
}

impl std::fmt::Debug for MacKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MacKey")
    }
}

/// A key for one purpose out of a key for many: HMAC-SHA256 as a pseudorandom function (NIST SP 800-108r1
/// sec. 4, with one block of output). Different purposes give keys that tell nothing of each other.
pub fn derive(key: &[u8; KEY_BYTES], purpose: &str) -> Key {
    Zeroizing::new(MacKey::new(key).tag(&[purpose.as_bytes()]))
}

/// A key out of a password by Argon2id (RFC 9106). Errors: `Internal` where the costs are out of its range or
/// the memory cannot be had.
pub fn password_key(
    password: &[u8],
    salt: &[u8],
    memory_kib: u32,
    passes: u32,
    lanes: u32,
) -> Result<Key, Error> {
    let failed = |e: argon2::Error| Error::Internal(format!("Argon2id: {e}"));
    let params = Params::new(memory_kib, passes, lanes, Some(KEY_BYTES)).map_err(failed)?;
    let mut memory: Vec<Block> = Vec::new();
    memory
        .try_reserve_exact(params.block_count())
        .map_err(|e| Error::Internal(format!("Argon2id with {memory_kib} KiB: {e}")))?;
    memory.resize(params.block_count(), Block::new());
    let mut key = Key::default();
    let done = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password, salt, &mut key[..], &mut memory[..])
        .map_err(failed);
    memory.iter_mut().for_each(Zeroize::zeroize);
    done.map(|()| key)
}

/// An X25519 key pair (RFC 7748), as raw bytes.
pub struct KeyPair {
    pub public: [u8; KEY_BYTES],
    pub private: Key,
}

/// A new X25519 key pair.
pub fn x25519_pair() -> Result<KeyPair, Error> {
    let failed = |e: openssl::error::ErrorStack| Error::Internal(format!("X25519: {e}"));
    let pair = PKey::generate_x25519().map_err(failed)?;
    let raw = Zeroizing::new(pair.raw_private_key().map_err(failed)?);
    let public = pair.raw_public_key().map_err(failed)?;
    let length = |_| Error::Internal("X25519: a key is not 32 bytes".into());
    let mut private = Key::default();
    private.copy_from_slice(raw.get(..KEY_BYTES).ok_or_else(|| length(()))?);
    Ok(KeyPair { public: public.try_into().map_err(|_| length(()))?, private })
}

/// The public key to a private one.
pub fn x25519_public(private: &Key) -> Result<[u8; KEY_BYTES], Error> {
    let failed = |e: openssl::error::ErrorStack| Error::Internal(format!("X25519: {e}"));
    let pair = PKey::private_key_from_raw_bytes(&private[..], Id::X25519).map_err(failed)?;
    let public = pair.raw_public_key().map_err(failed)?;
    public.try_into().map_err(|_| Error::Internal("X25519: a key is not 32 bytes".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NIST CAVP gcmEncryptExtIV256: empty input, zero key and nonce (GCM specification, test case 13 and
    /// 14).
    #[test]
    fn gcm_known_answers() {
        let key = SealKey::new(&[0; 32]);
        let mut out = Vec::new();
        key.seal(&[0; 12], &[], &[], &mut out).unwrap();
        assert_eq!(out, hex("530f8afbc74536b9a963b4f1c4cb738b"));
        out.clear();
        key.seal(&[0; 12], &[], &[0; 16], &mut out).unwrap();
        assert_eq!(out, hex("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"));
        assert_eq!(key.open(&[0; 12], &[], &out).unwrap().as_slice(), [0; 16]);
    }

    /// HMAC under a zero-padded key is HMAC under the key; RFC 4231 has no 32-byte key, so AWS-LC is the
    /// second opinion.
    #[test]
    fn mac_agrees_with_aws_lc() {
        let key = [7; 32];
        let pkey = PKey::hmac(&key).unwrap();
        let mut signer = openssl::sign::Signer::new(openssl::hash::MessageDigest::sha256(), &pkey).unwrap();
        let theirs = signer.sign_oneshot_to_vec(b"ab").unwrap();
        let mac = MacKey::new(&key);
        assert_eq!(mac.tag(&[b"a", b"b"]).to_vec(), theirs);
        assert!(mac.verify(&[b"ab"], &theirs[..8]));
        assert!(!mac.verify(&[b"ac"], &theirs[..8]));
        assert!(!mac.verify(&[b"ab"], &[]));
    }

    #[test]
    fn another_byte_anywhere_does_not_open() {
        let key = SealKey::new(&[1; 32]);
        let mut sealed = Vec::new();
        key.seal(&[2; 12], b"aad", &[3; 32], &mut sealed).unwrap();
        assert_eq!(*key.open_key(&[2; 12], b"aad", &sealed).unwrap(), [3; 32]);
        for i in 0..sealed.len() {
            sealed[i] ^= 1;
            assert!(key.open_key(&[2; 12], b"aad", &sealed).is_none());
            assert!(key.open(&[2; 12], b"aad", &sealed).is_none());
            sealed[i] ^= 1;
        }
        assert!(key.open(&[2; 12], b"aae", &sealed).is_none());
        assert!(key.open(&[1; 12], b"aad", &sealed).is_none());
        assert!(key.open(&[2; 12], b"aad", &sealed[..15]).is_none());
    }

    /// src/test.c of the reference implementation of Argon2 (RFC 9106), "Argon2id", version 0x13.
    #[test]
    fn password_key_known_answer() {
        let key = password_key(b"password", b"somesalt", 65_536, 2, 1).unwrap();
        assert_eq!(key.to_vec(), hex("09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"));
    }

    #[test]
    fn password_key_depends_on_all_it_is_given() {
        let base = password_key(b"password", &[1; 16], 64, 2, 1).unwrap();
        assert_eq!(base, password_key(b"password", &[1; 16], 64, 2, 1).unwrap());
        for other in [
            password_key(b"passwore", &[1; 16], 64, 2, 1),
            password_key(b"password", &[2; 16], 64, 2, 1),
            password_key(b"password", &[1; 16], 65, 2, 1),
            password_key(b"password", &[1; 16], 64, 3, 1),
        ] {
            assert_ne!(base, other.unwrap());
        }
        assert!(password_key(b"password", &[1; 16], 1, 1, 1).is_err());
    }

    #[test]
    fn pairs_differ_and_debug_shows_nothing() {
        let pair = x25519_pair().unwrap();
        assert_ne!(*pair.private, *x25519_pair().unwrap().private);
        assert_eq!(x25519_public(&pair.private).unwrap(), pair.public);
        assert_eq!(format!("{:?} {:?}", SealKey::new(&[9; 32]), MacKey::new(&[9; 32])), "SealKey MacKey");
        assert_ne!(derive(&[1; 32], "seal"), derive(&[1; 32], "index"));
    }

    #[test]
    fn expanded_keys_are_wiped_when_dropped() {
        fn wiped<T: zeroize::ZeroizeOnDrop>() {}
        wiped::<Aes256Gcm>();
        // Hmac does not say so itself: it is made of these.
        wiped::<Sha256>();
        wiped::<Key>();
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
    }
}
