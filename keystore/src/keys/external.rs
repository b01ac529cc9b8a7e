//! KMS's own half of keys in external key stores: 256 random bits for each, sealed in the records, open only in memory.
//!
//! A key record says that there is a key, and is read at each use; what is here of it never changes. So opened material is kept, and
//! wiped when its key is deleted, by whatever process.

use crate::error::KmsError;
use crate::ids::KeyId;
use crate::kms::Kms;
use crate::records::key::{ExternalKey, KeyRecord};
use crate::records::keys;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use openssl::rand::rand_bytes;
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What key material is sealed for.
const PURPOSE: &str = "KMS's key material of a key in an external key store";
const MATERIAL_BYTES: usize = 32;
const IV_BYTES: usize = 12;
/// How many are kept open.
const KEPT_MAX: usize = 4096;

/// Opened key material, by key.
#[derive(Default)]
pub(crate) struct Materials(RwLock<HashMap<KeyId, Arc<Material>>>);

/// What a key of an external key store is used with.
pub(crate) struct Material {
    pub xks_key_id: String,
    /// Wipes its key when dropped.
    cipher: Aes256Gcm,
}

impl Material {
    fn new(xks_key_id: &str, key: &[u8; MATERIAL_BYTES]) -> Self {
        let cipher = Aes256Gcm::new(<&Key<Aes256Gcm>>::from(key));
        Self { xks_key_id: xks_key_id.into(), cipher }
    }

    /// IV, ciphertext, tag. A random IV is drawn twice too likely after 2^32 ciphertexts of one key.
    pub fn seal(&self, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, KmsError> {
        let mut iv = [0; IV_BYTES];
        fill(&mut iv)?;
        let sealed = self.cipher.encrypt(&Nonce::from(iv), Payload { msg: plaintext, aad });
        let sealed = sealed.map_err(|error| KmsError::internal(format!("AES-GCM: {error}")))?;
        Ok([&iv[..], &sealed].concat())
    }

    /// `None`: it is not what `seal` made with this AAD.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (iv, sealed) = sealed.split_first_chunk::<IV_BYTES>()?;
        let opened = self.cipher.decrypt(&Nonce::from(*iv), Payload { msg: sealed, aad });
        opened.ok().map(Zeroizing::new)
    }
}

impl Materials {
    fn keep(&self, id: &KeyId, material: Arc<Material>) {
        let mut kept = self.0.write();
        if kept.len() >= KEPT_MAX
            && let Some(other) = kept.keys().next().copied()
        {
            kept.remove(&other);
        }
        kept.insert(*id, material);
    }
}

impl Kms {
    /// The record of a new key, with key material of its own.
    pub(super) fn new_external_key(&self, id: &KeyId, xks_key_id: &str) -> Result<ExternalKey, KmsError> {
        let mut key = Zeroizing::new([0; MATERIAL_BYTES]);
        fill(&mut *key)?;
        let sealed = self.sealer.seal(PURPOSE, id.as_bytes(), &*key);
        let material = sealed
            .map_err(|error| KmsError::internal(format!("KMS's key material cannot be sealed: {error}")))?;
        Ok(ExternalKey { xks_key_id: xks_key_id.into(), material })
    }

    /// Of a key that is there.
    pub(crate) fn material_of(&self, id: &KeyId) -> Result<Arc<Material>, KmsError> {
        if let Some(material) = self.materials.0.read().get(id) {
            return Ok(Arc::clone(material));
        }
        let broken = |what: &str| KmsError::internal(format!("KMS's key material of the key {id} {what}"));
        let record = self.view(|view| view.get::<ExternalKey>(keys::external_key(id)))?;
        let record = record.ok_or_else(|| broken("is not there"))?.value;
        let opened = self.sealer.open(PURPOSE, id.as_bytes(), &record.material);
        let opened = opened.ok_or_else(|| broken("does not open"))?;
        let key = opened.first_chunk().filter(|_| opened.len() == MATERIAL_BYTES);
        let key = key.ok_or_else(|| broken("has another length"))?;
        let material = Arc::new(Material::new(&record.xks_key_id, key));
        self.materials.keep(id, Arc::clone(&material));
        Ok(material)
    }

    /// Wipes what is still open of keys that were deleted, here or by others.
    pub(super) fn forget_deleted_materials(&self) -> Result<(), KmsError> {
        let kept: Vec<KeyId> = self.materials.0.read().keys().copied().collect();
        for id in kept {
            if self.view(|view| view.get::<KeyRecord>(keys::key(&id)))?.is_none() {
                self.materials.0.write().remove(&id);
            }
        }
        Ok(())
    }
}

/// Random bytes of AWS-LC's generator, which the system's seeds.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), KmsError> {
    rand_bytes(bytes).map_err(|error| KmsError::internal(format!("no random numbers: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_its_aad_alone() {
        let material = Material::new("external", &[1; 32]);
        let sealed = material.seal(b"aad", b"plain").unwrap();
        assert_eq!(sealed.len(), 12 + 5 + 16);
        assert_eq!(material.open(b"aad", &sealed).unwrap().as_slice(), b"plain");
        assert!(material.open(b"other", &sealed).is_none());
        assert!(Material::new("external", &[2; 32]).open(b"aad", &sealed).is_none());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(material.open(b"aad", &changed).is_none(), "{at}");
            assert!(material.open(b"aad", &sealed[..at]).is_none(), "{at}");
        }
    }

    #[test]
    fn no_two_seals_are_the_same() {
        let material = Material::new("external", &[1; 32]);
        assert_ne!(material.seal(b"", b"plain").unwrap(), material.seal(b"", b"plain").unwrap());
    }

    #[test]
    fn so_many_are_kept_and_no_more() {
        let materials = Materials::default();
        for number in 0..=KEPT_MAX {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&number.to_be_bytes());
            materials.keep(&KeyId::from_bytes(id), Arc::new(Material::new("k", &[3; 32])));
        }
        assert_eq!(materials.0.read().len(), KEPT_MAX);
    }
}
