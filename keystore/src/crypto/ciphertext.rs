//! The ciphertext of KMS keys: opaque to callers, and it says which key made it.
//!
//! Of keys in HSMs (those of external key stores have version 2: see `external`):
//!
//! | bytes | what |
//! | --- | --- |
//! | 1 | version of the format, 1 |
//! | 16 | the KMS key's id |
//! | 32 | the id of the key material in the HSMs |
//! | 4 | check: the first bytes of SHA-256 over all before |
//! | 12 | IV, random |
//! | 1..4096 | AES-256-GCM of the plaintext |
//! | 16 | tag |
//!
//! All that stands before the IV is authenticated, with the encryption context behind it. So a ciphertext never opens under another
//! KMS key, even if its header is rewritten and both keys had the same key material. The check is no protection: it tells a
//! ciphertext that was damaged from one whose KMS key is gone, without asking an HSM.

pub(crate) mod external;

use super::context;
use crate::error::{Exception, KmsError};
use crate::ids::{BackingKeyId, KeyId};
use crate::wire::{Blob, EncryptionContext};
use sha2::{Digest, Sha256};

const VERSION: u8 = 1;
const KEY: std::ops::Range<usize> = 1..17;
const BACKING: std::ops::Range<usize> = 17..49;
const CHECK: std::ops::Range<usize> = 49..HEADER_BYTES;
const HEADER_BYTES: usize = 53;
/// IV and tag.
const SEAL_BYTES: usize = 12 + 16;

/// The longest plaintext (PlaintextType).
pub(crate) const PLAINTEXT_MAX: usize = 4096;
/// The longest CiphertextBlob that is taken (CiphertextType).
pub(crate) const BLOB_MAX: usize = 6144;
const _: () = assert!(HEADER_BYTES + SEAL_BYTES + PLAINTEXT_MAX <= BLOB_MAX);

/// What made a ciphertext.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header([u8; HEADER_BYTES]);

impl Header {
    pub fn new(key: &KeyId, backing: &BackingKeyId) -> Self {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0] = VERSION;
        bytes[KEY].copy_from_slice(key.as_bytes());
        bytes[BACKING].copy_from_slice(&backing.0);
        let check = check(&bytes[..CHECK.start]);
        bytes[CHECK].copy_from_slice(&check);
        Self(bytes)
    }

    pub fn key(&self) -> KeyId {
        let mut id = [0; 16];
        id.copy_from_slice(&self.0[KEY]);
        KeyId::from_bytes(id)
    }

    pub fn backing(&self) -> BackingKeyId {
        let mut id = [0; 32];
        id.copy_from_slice(&self.0[BACKING]);
        BackingKeyId(id)
    }

    /// What the HSM authenticates beside the plaintext.
    pub fn aad(&self, context: &EncryptionContext) -> Vec<u8> {
        let mut aad = Vec::with_capacity(HEADER_BYTES + context::encoded_bytes(context));
        aad.extend_from_slice(&self.0);
        context::encode(context, &mut aad);
        aad
    }

    /// The CiphertextBlob of what the HSM sealed.
    pub fn blob(&self, sealed: &[u8]) -> Blob {
        Blob([&self.0, sealed].concat())
    }
}

/// A CiphertextBlob that has the form of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ciphertext<'a> {
    OfHsms(OfHsms<'a>),
    External(external::External),
}

/// Version 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OfHsms<'a> {
    pub header: Header,
    /// IV, ciphertext and tag.
    pub sealed: &'a [u8],
}

impl<'a> Ciphertext<'a> {
    /// Errors: InvalidCiphertextException for all else.
    pub fn parse(blob: &'a [u8]) -> Result<Self, KmsError> {
        match blob.first() {
            Some(&external::VERSION) => external::External::parse(blob).map(Ciphertext::External),
            _ => OfHsms::parse(blob).map(Ciphertext::OfHsms),
        }
    }

    /// The KMS key that made it.
    pub fn key(&self) -> KeyId {
        match self {
            Ciphertext::OfHsms(ciphertext) => ciphertext.header.key(),
            Ciphertext::External(ciphertext) => ciphertext.header.key(),
        }
    }

    /// The key material in HSMs.
    pub fn backing(&self) -> Option<BackingKeyId> {
        match self {
            Ciphertext::OfHsms(ciphertext) => Some(ciphertext.header.backing()),
            Ciphertext::External(_) => None,
        }
    }
}

impl<'a> OfHsms<'a> {
    fn parse(blob: &'a [u8]) -> Result<Self, KmsError> {
        let (header, sealed) = blob.split_first_chunk::<HEADER_BYTES>().ok_or_else(invalid_ciphertext)?;
        let plaintext_bytes = sealed.len().checked_sub(SEAL_BYTES).ok_or_else(invalid_ciphertext)?;
        let is_whole = header[0] == VERSION
            && header[CHECK] == check(&header[..CHECK.start])
            && (1..=PLAINTEXT_MAX).contains(&plaintext_bytes);
        if !is_whole {
            return Err(invalid_ciphertext());
        }
        Ok(Self { header: Header(*header), sealed })
    }
}

/// InvalidCiphertextException
pub(crate) fn invalid_ciphertext() -> KmsError {
    let message =
        "The ciphertext, or the encryption context that is authenticated with it, is not what was encrypted.";
    KmsError::new(Exception::InvalidCiphertext, message)
}

/// Of all that stands before it.
fn check(before: &[u8]) -> [u8; 4] {
    let digest = Sha256::digest(before);
    [digest[0], digest[1], digest[2], digest[3]]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Version 1: the key 1234abcd-12ab-34cd-56ef-1234567890ab, key material 00 01 .. 1f, sealed 13 bytes of aa, 16 of bb.
    const VERSION_1: &str = "011234abcd12ab34cd56ef1234567890ab000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c\
                             1d1e1f0824b36aaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn header() -> Header {
        let key = KeyId::parse("1234abcd-12ab-34cd-56ef-1234567890ab").unwrap();
        Header::new(&key, &BackingKeyId(std::array::from_fn(|i| i as u8)))
    }

    fn sealed() -> Vec<u8> {
        [[0xaa; 13].as_slice(), &[0xbb; 16]].concat()
    }

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn version_1_stays_as_it_is() {
        let old = bytes(VERSION_1);
        assert_eq!(OfHsms::parse(&old).unwrap(), OfHsms { header: header(), sealed: &sealed() });
        assert_eq!(header().blob(&sealed()).0, old);
        let parsed = OfHsms::parse(&old).unwrap().header;
        assert_eq!(parsed.key().to_string(), "1234abcd-12ab-34cd-56ef-1234567890ab");
        assert_eq!(parsed.backing().0[31], 0x1f);
        let context = EncryptionContext::from([("a".into(), "bc".into())]);
        let aad = [&old[..HEADER_BYTES], &bytes("0000000161000000026263")].concat();
        assert_eq!(parsed.aad(&context), aad);
    }

    #[test]
    fn a_changed_header_is_no_ciphertext() {
        let blob = header().blob(&sealed()).0;
        for at in 0..HEADER_BYTES {
            for bit in 0..8 {
                let mut changed = blob.clone();
                changed[at] ^= 1 << bit;
                let error = Ciphertext::parse(&changed).unwrap_err();
                assert_eq!(error.exception, Exception::InvalidCiphertext, "bit {bit} of byte {at}");
            }
        }
    }

    #[test]
    fn lengths_that_no_plaintext_has_are_refused() {
        let parses = |bytes: usize| Ciphertext::parse(&header().blob(&vec![0; bytes]).0).is_ok();
        let lengths = [0, 1, SEAL_BYTES, SEAL_BYTES + 1, SEAL_BYTES + 4096, SEAL_BYTES + 4097];
        assert_eq!(lengths.map(parses), [false, false, false, true, true, false]);
        for bytes in 0..HEADER_BYTES {
            assert!(Ciphertext::parse(&header().0[..bytes]).is_err(), "{bytes}");
        }
    }
}
