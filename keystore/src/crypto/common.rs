//! What cryptographic operations share: finding a key and asking its HSMs.

use super::ciphertext::{Ciphertext, Header, invalid_ciphertext};
use crate::crypto::api::RecipientInfo;
use crate::error::{Exception, KmsError};
use crate::ids::{BackingKeyId, KeyId, no_key};
use crate::keys::locate::KeyState;
use crate::keys::states::Operation;
use crate::kms::Kms;
use crate::records::key::{BackingKey, KeyRecord, Origin};
use crate::records::store::StoreRecord;
use crate::records::{Record, View, keys};
use crate::stores::connection::{Link, Purpose};
use crate::validate::Check;
use crate::wire::{Blob, EncryptionContext, SecretBlob};

/// The algorithm of all keys of this layer.
pub(super) const SYMMETRIC_DEFAULT: &str = "SYMMETRIC_DEFAULT";
/// EncryptionAlgorithmSpec
const ENCRYPTION_ALGORITHMS: &[&str] =
    &[SYMMETRIC_DEFAULT, "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "SM2PKE"];

/// A key, as far as its use needs it.
pub(super) struct Usable {
    pub id: KeyId,
    pub record: KeyRecord,
    pub state: KeyState,
}

impl Kms {
    /// The key that `key_id` names, if it allows `operation`: at most three reads.
    /// Errors: `NotFound`, `InvalidGrantToken`, the state's.
    pub(super) fn key_for(
        &self,
        operation: Operation,
        key_id: &str,
        grant_tokens: Option<&[String]>,
    ) -> Result<Usable, KmsError> {
        let key = self.view(|view| {
            let key = self.usable(view, self.named_key(view, key_id)?)?;
            self.check_grant_tokens(view, grant_tokens)?;
            Ok(key)
        })?;
        self.allow_in(operation, &key.id, key.record.origin, key.state)?;
        Ok(key)
    }

    /// Errors: `NotFound`.
    pub(super) fn usable(&self, view: &View, id: KeyId) -> Result<Usable, KmsError> {
        let record =
            view.peek(&keys::key(&id), KeyRecord::decode)?.ok_or_else(|| no_key(id, &self.settings))?;
        let store = match &record.custom_key_store {
            Some(store) => view.peek(&keys::store(store), StoreRecord::state_of)?,
            None => None,
        };
        let state = KeyState::behind(record.state, store);
        Ok(Usable { id, record, state })
    }

    /// Encrypts in the HSMs of the key's store, under its current key material.
    pub(super) fn seal(
        &self,
        link: &Link,
        key: &Usable,
        context: &EncryptionContext,
        plaintext: &[u8],
    ) -> Result<Blob, KmsError> {
        let backing = current(key)?.id;
        let header = Header::new(&key.id, &backing);
        let aad = header.aad(context);
        let sealed = link.run(|connection| connection.encrypt(&backing, &aad, plaintext))?;
        Ok(header.blob(&sealed))
    }

    /// Decrypts in the HSMs of the key's store. Errors: InvalidCiphertext where `key` never had the key material, or
    /// anything was changed.
    pub(super) fn open(
        &self,
        link: &Link,
        key: &Usable,
        ciphertext: &Ciphertext,
        context: &EncryptionContext,
    ) -> Result<SecretBlob, KmsError> {
        let backing = ciphertext.header.backing();
        if !key.record.backing.iter().any(|one| one.id == backing) {
            return Err(invalid_ciphertext());
        }
        let aad = ciphertext.header.aad(context);
        link.run(|connection| connection.decrypt(&backing, &aad, ciphertext.sealed)).map(SecretBlob)
    }

    /// The way to the key's HSMs, unless its key store is over its rate.
    pub(super) fn link<'a>(&'a self, key: &'a Usable) -> Result<Link<'a>, KmsError> {
        let store = key.record.custom_key_store.as_ref();
        self.within_rate(store)?;
        self.connection_of(store, Purpose::Cryptography)
    }

    /// InvalidKeyUsageException: keys of this layer know one algorithm.
    pub(super) fn algorithm_fits(&self, key: &Usable, algorithm: Option<&str>) -> Result<(), KmsError> {
        match algorithm {
            None | Some(SYMMETRIC_DEFAULT) => Ok(()),
            Some(other) => {
                let arn = self.key_arn(&key.id);
                let message = format!(
                    "{arn} key spec is SYMMETRIC_DEFAULT which is not valid for encryption algorithm {other}."
                );
                Err(KmsError::new(Exception::InvalidKeyUsage, message))
            }
        }
    }
}

/// What encrypts now.
pub(super) fn current(key: &Usable) -> Result<&BackingKey, KmsError> {
    let no_material = || KmsError::internal(format!("key {} has no key material", key.id));
    key.record.backing.last().ok_or_else(no_material)
}

/// KeyMaterialId: keys of custom key stores show none.
pub(super) fn key_material_id(key: &Usable, backing: &BackingKeyId) -> Option<String> {
    (key.record.origin == Origin::AwsKms).then(|| backing.to_string())
}

/// The answer; for a dry run that came to here DryRunOperationException.
pub(super) fn unless_dry_run<T>(dry_run: Option<bool>, answer: T) -> Result<T, KmsError> {
    match dry_run {
        Some(true) => Err(would_succeed()),
        _ => Ok(answer),
    }
}

pub(super) fn would_succeed() -> KmsError {
    let message = "The request would have succeeded, but the DryRun option is set.";
    KmsError::new(Exception::DryRunOperation, message)
}

pub(super) fn check_algorithm(check: &mut Check, member: &str, algorithm: Option<&str>) {
    check.one_of(member, algorithm, ENCRYPTION_ALGORITHMS);
}

pub(super) fn check_recipient(check: &mut Check, recipient: Option<&RecipientInfo>) {
    let Some(recipient) = recipient else { return };
    let algorithm = recipient.key_encryption_algorithm.as_deref();
    check.one_of("recipient.keyEncryptionAlgorithm", algorithm, &["RSAES_OAEP_SHA_256"]);
    let document = recipient.attestation_document.as_ref().map(|document| document.0.len());
    check.bytes("recipient.attestationDocument", document, 1..=262_144);
}

/// UnsupportedOperationException: no attestation document can be trusted here, since there is no Nitro enclave whose
/// vendor's certificate would say so.
pub(super) fn no_recipient(recipient: Option<&RecipientInfo>) -> Result<(), KmsError> {
    match recipient {
        None => Ok(()),
        Some(_) => {
            let message =
                "The Recipient parameter is not supported: attestation documents are not verified here.";
            Err(KmsError::new(Exception::UnsupportedOperation, message))
        }
    }
}
