//! The ciphertext of keys in external key stores: version 2.
//!
//! | bytes | what |
//! | --- | --- |
//! | 1 | version of the format, 2 |
//! | 16 | the KMS key's id |
//! | 4 | check: the first bytes of SHA-256 over all before |
//! | 1 | the length of the IV: 12 or 16 |
//! | 12 or 16 | the external key manager's IV |
//! | 16 | its tag |
//! | 1 | the length of ciphertextMetadata: 0 to 20 |
//! | 0..20 | ciphertextMetadata |
//! | 29..4124 | what it encrypted, encrypted: IV (12, random), AES-256-GCM of the plaintext under KMS's own key material, tag (16) |
//!
//! So it takes the external key, KMS's own key material and the encryption context to open one (reference/xks-proxy.md sec. 10). The
//! inner encryption authenticates the first 21 bytes with the whole encryption context behind them. The outer one does as well, but for
//! what a proxy may not take: an AAD has 8192 bytes at most.
//!
//! | bytes | what, in the AAD that proxies are given |
//! | --- | --- |
//! | 21 | the first ones of the ciphertext |
//! | 1 | 0: the encryption context follows as it is; 1: its SHA-256 does, for it is too long |
//! | 0..8170 or 32 | the encryption context, in the form of `context` |

use super::{PLAINTEXT_MAX, check, invalid_ciphertext};
use crate::crypto::context;
use crate::error::KmsError;
use crate::ids::KeyId;
use crate::wire::{Blob, EncryptionContext};
use crate::xks::api::Sealed;
use sha2::{Digest, Sha256};

pub(super) const VERSION: u8 = 2;
const KEY: std::ops::Range<usize> = 1..17;
const HEADER_BYTES: usize = 21;
const TAG_BYTES: usize = 16;
const METADATA_BYTES_MAX: usize = 20;
/// IV and tag of the inner encryption.
const INNER_BYTES: usize = 12 + 16;
/// What every proxy takes (reference/xks-proxy.md sec. 5).
const AAD_BYTES_MAX: usize = 8192;
const PROXY_PLAINTEXT_MAX: usize = 4300;
const _: () = assert!(PLAINTEXT_MAX + INNER_BYTES <= PROXY_PLAINTEXT_MAX);
const _: () =
    assert!(HEADER_BYTES + 34 + METADATA_BYTES_MAX + INNER_BYTES + PLAINTEXT_MAX <= super::BLOB_MAX);

/// How the encryption context stands in the AAD.
const AS_IT_IS: u8 = 0;
const DIGEST: u8 = 1;

/// What made a ciphertext.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header([u8; HEADER_BYTES]);

impl Header {
    pub fn new(key: &KeyId) -> Self {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0] = VERSION;
        bytes[KEY].copy_from_slice(key.as_bytes());
        let check = check(&bytes[..KEY.end]);
        bytes[KEY.end..].copy_from_slice(&check);
        Self(bytes)
    }

    pub fn key(&self) -> KeyId {
        let mut id = [0; 16];
        id.copy_from_slice(&self.0[KEY]);
        KeyId::from_bytes(id)
    }

    /// What KMS's own encryption authenticates beside the plaintext.
    pub fn inner_aad(&self, context: &EncryptionContext) -> Vec<u8> {
        let mut aad = Vec::with_capacity(HEADER_BYTES + context::encoded_bytes(context));
        aad.extend_from_slice(&self.0);
        context::encode(context, &mut aad);
        aad
    }

    /// What the proxy is given to authenticate.
    pub fn outer_aad(&self, context: &EncryptionContext) -> Vec<u8> {
        let mut encoded = Vec::with_capacity(context::encoded_bytes(context));
        context::encode(context, &mut encoded);
        match HEADER_BYTES + 1 + encoded.len() <= AAD_BYTES_MAX {
            true => [&self.0[..], &[AS_IT_IS], &encoded].concat(),
            false => [&self.0[..], &[DIGEST], &Sha256::digest(&encoded)].concat(),
        }
    }

    /// The CiphertextBlob of what the proxy sealed, whose lengths were checked.
    pub fn blob(&self, sealed: &Sealed) -> Blob {
        let Sealed { ciphertext, iv, tag, ciphertext_metadata: metadata } = sealed;
        // Of at most 20 bytes each.
        let [iv_bytes, metadata_bytes] = [iv.len() as u8, metadata.len() as u8];
        let parts: [&[u8]; 7] = [&self.0, &[iv_bytes], iv, tag, &[metadata_bytes], metadata, ciphertext];
        Blob(parts.concat())
    }
}

/// Taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct External {
    pub header: Header,
    /// As the proxy gave it.
    pub sealed: Sealed,
}

impl External {
    /// Errors: InvalidCiphertextException.
    pub(super) fn parse(blob: &[u8]) -> Result<Self, KmsError> {
        Self::parts(blob).ok_or_else(invalid_ciphertext)
    }

    fn parts(blob: &[u8]) -> Option<Self> {
        let (header, rest) = blob.split_first_chunk::<HEADER_BYTES>()?;
        let is_header = header[0] == VERSION && header[KEY.end..] == check(&header[..KEY.end]);
        let (&iv_bytes, rest) = rest.split_first()?;
        let (iv, rest) = rest.split_at_checked(usize::from(iv_bytes))?;
        let (tag, rest) = rest.split_at_checked(TAG_BYTES)?;
        let (&metadata_bytes, rest) = rest.split_first()?;
        let (metadata, ciphertext) = rest.split_at_checked(usize::from(metadata_bytes))?;
        let is_whole = is_header
            && matches!(iv.len(), 12 | 16)
            && metadata.len() <= METADATA_BYTES_MAX
            && (INNER_BYTES + 1..=INNER_BYTES + PLAINTEXT_MAX).contains(&ciphertext.len());
        let sealed = Sealed {
            ciphertext: ciphertext.into(),
            iv: iv.into(),
            tag: tag.into(),
            ciphertext_metadata: metadata.into(),
        };
        is_whole.then_some(Self { header: Header(*header), sealed })
    }
}

#[cfg(test)]
mod tests;
