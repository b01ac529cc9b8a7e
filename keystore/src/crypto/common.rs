//! What cryptographic operations share: finding a key and asking its HSMs.

use super::ciphertext::{Ciphertext, Header, OfHsms, invalid_ciphertext};
use super::external::Outside;
use crate::crypto::api::RecipientInfo;
use crate::error::{Exception, KmsError};
use crate::ids::{BackingKeyId, KeyId, no_key};
use crate::keys::external;
use crate::keys::locate::KeyState;
use crate::keys::states::Operation;
use crate::kms::{Caller, Kms};
use crate::records::key::{BackingKey, KeyRecord, Origin};
use crate::records::store::StoreRecord;
use crate::records::{Record, View, keys};
use crate::stores::connection::{Link, Purpose};
use crate::validate::Check;
use crate::wire::{Blob, EncryptionContext, SecretBlob};
use zeroize::Zeroizing;

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

/// Who has the material of a key, for one request.
pub(super) enum Holder<'a> {
    Hsms(Link<'a>),
    Proxy(Outside<'a>),
}

impl Holder<'_> {
    /// Random bytes for a data key: the HSMs', or KMS's own, for proxies make none.
    pub fn random(&self, bytes: usize) -> Result<Zeroizing<Vec<u8>>, KmsError> {
        match self {
            Holder::Hsms(link) => link.run(|connection| connection.random(bytes)),
            Holder::Proxy(_) => {
                let mut random = Zeroizing::new(vec![0; bytes]);
                external::fill(&mut random)?;
                Ok(random)
            }
        }
    }
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

    /// Encrypts where the key's material is, under its current one.
    pub(super) fn seal(
        &self,
        holder: &Holder,
        key: &Usable,
        context: &EncryptionContext,
        plaintext: &[u8],
    ) -> Result<Blob, KmsError> {
        let link = match holder {
            Holder::Hsms(link) => link,
            Holder::Proxy(outside) => return outside.encrypt(context, plaintext),
        };
        let backing = current(key)?.id;
        let header = Header::new(&key.id, &backing);
        let aad = header.aad(context);
        let sealed = link.run(|connection| connection.encrypt(&backing, &aad, plaintext))?;
        Ok(header.blob(&sealed))
    }

    /// Decrypts where the key's material is. Errors: InvalidCiphertext where `key` never had the key material; where
    /// anything was changed too, but what a proxy finds changed is KmsInvalidState.
    pub(super) fn open(
        &self,
        holder: &Holder,
        key: &Usable,
        ciphertext: &Ciphertext,
        context: &EncryptionContext,
    ) -> Result<SecretBlob, KmsError> {
        match (holder, ciphertext) {
            (Holder::Hsms(link), Ciphertext::OfHsms(ciphertext)) => {
                open_in_hsms(link, key, ciphertext, context)
            }
            (Holder::Proxy(outside), Ciphertext::External(ciphertext)) => {
                outside.decrypt(ciphertext, context)
            }
            _ => Err(invalid_ciphertext()),
        }
    }

    /// The way to the key's material, unless its key store is over its rate.
    pub(super) fn holder<'a>(
        &'a self,
        caller: &Caller,
        operation: Operation,
        key: &'a Usable,
    ) -> Result<Holder<'a>, KmsError> {
        let store = key.record.custom_key_store.as_ref();
        self.within_rate(store)?;
        match (key.record.origin, store) {
            (Origin::ExternalKeyStore, Some(store)) => {
                self.outside(caller, operation, key, store).map(Holder::Proxy)
            }
            _ => self.connection_of(store, Purpose::Cryptography).map(Holder::Hsms),
        }
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

fn open_in_hsms(
    link: &Link,
    key: &Usable,
    ciphertext: &OfHsms,
    context: &EncryptionContext,
) -> Result<SecretBlob, KmsError> {
    let backing = ciphertext.header.backing();
    if !key.record.backing.iter().any(|one| one.id == backing) {
        return Err(invalid_ciphertext());
    }
    let aad = ciphertext.header.aad(context);
    link.run(|connection| connection.decrypt(&backing, &aad, ciphertext.sealed)).map(SecretBlob)
}

/// What encrypts now, in HSMs.
fn current(key: &Usable) -> Result<&BackingKey, KmsError> {
    let no_material = || KmsError::internal(format!("key {} has no key material", key.id));
    key.record.backing.last().ok_or_else(no_material)
}

/// KeyMaterialId: keys of custom key stores show none.
pub(super) fn key_material_id(key: &Usable, backing: Option<BackingKeyId>) -> Option<String> {
    backing.filter(|_| key.record.origin == Origin::AwsKms).map(|backing| backing.to_string())
}

/// As `key_material_id`, of what encrypts now.
pub(super) fn current_material_id(key: &Usable) -> Option<String> {
    key_material_id(key, key.record.backing.last().map(|backing| backing.id))
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
