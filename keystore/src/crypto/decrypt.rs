//! Decrypt, and the decrypting half of ReEncrypt.

use super::api::{DecryptRequest, DecryptResponse};
use super::ciphertext::{BLOB_MAX, Ciphertext};
use super::common::{
    SYMMETRIC_DEFAULT, Usable, check_algorithm, check_recipient, key_material_id, no_recipient,
    unless_dry_run, would_succeed,
};
use super::context;
use crate::error::{Exception, KmsError};
use crate::keys::states::Operation;
use crate::kms::{Caller, Kms};
use crate::validate::{Check, KEY_ID};
use crate::wire::{Blob, EncryptionContext};

/// DryRunModifiers: whether the caller may is tried, not whether the ciphertext is one.
const IGNORE_CIPHERTEXT: &str = "IGNORE_CIPHERTEXT";

impl Kms {
    /// Decrypts what Encrypt, ReEncrypt and the GenerateDataKey operations made. The ciphertext says its key; where the request names
    /// one too, they must be the same.
    pub fn decrypt(&self, caller: &Caller, request: &DecryptRequest) -> Result<DecryptResponse, KmsError> {
        let source = request.source();
        check(request, &source)?;
        no_recipient(request.recipient.as_ref())?;
        let (key, ciphertext) = self.source_key(Operation::Decrypt, &source)?;
        let Some(ciphertext) = ciphertext else { return Err(would_succeed()) };
        let plaintext =
            self.open(&self.holder(caller, Operation::Decrypt, &key)?, &key, &ciphertext, &source.context())?;
        unless_dry_run(request.dry_run, ())?;
        self.used(&key.id, Operation::Decrypt);
        Ok(DecryptResponse {
            key_id: self.key_arn(&key.id),
            plaintext,
            encryption_algorithm: SYMMETRIC_DEFAULT,
            key_material_id: key_material_id(&key, ciphertext.backing()),
        })
    }

    /// The key of a ciphertext, and the ciphertext unless it is to be ignored. Errors: `NotFound`, `InvalidGrantToken`, the state's, `InvalidKeyUsage`,
    /// `InvalidCiphertext`, `IncorrectKey`, `AccessDenied`: its key is not there.
    pub(super) fn source_key<'a>(
        &self,
        operation: Operation,
        source: &Source<'a>,
    ) -> Result<(Usable, Option<Ciphertext<'a>>), KmsError> {
        let blob = source.blob.map_or(&[][..], |blob| &blob.0);
        let Some(key_id) = source.key_id else {
            let ciphertext = Ciphertext::parse(blob)?;
            let id = ciphertext.key();
            let key = self.view(|view| {
                let key = self.usable(view, id).map_err(unknown)?;
                self.check_grant_tokens(view, source.grant_tokens)?;
                Ok(key)
            })?;
            self.allow_in(operation, &key.id, key.record.origin, key.state)?;
            self.algorithm_fits(&key, source.algorithm)?;
            return Ok((key, Some(ciphertext)));
        };
        let key = self.key_for(operation, key_id, source.grant_tokens)?;
        self.algorithm_fits(&key, source.algorithm)?;
        if source.is_ignored {
            return Ok((key, None));
        }
        let ciphertext = Ciphertext::parse(blob)?;
        if ciphertext.key() != key.id {
            let message =
                "The key ID in the request does not identify a CMK that can perform this operation.";
            return Err(KmsError::new(Exception::IncorrectKey, message));
        }
        Ok((key, Some(ciphertext)))
    }
}

/// What is to be decrypted, by Decrypt or by ReEncrypt.
pub(super) struct Source<'a> {
    pub blob: Option<&'a Blob>,
    pub key_id: Option<&'a str>,
    pub context: Option<&'a EncryptionContext>,
    pub algorithm: Option<&'a str>,
    pub grant_tokens: Option<&'a [String]>,
    /// A dry run with IGNORE_CIPHERTEXT.
    pub is_ignored: bool,
}

impl Source<'_> {
    pub fn context(&self) -> std::borrow::Cow<'_, EncryptionContext> {
        self.context.map(std::borrow::Cow::Borrowed).unwrap_or_default()
    }

    /// `key_member`: KeyId's name in the request.
    pub fn check(&self, check: &mut Check, key_member: &str, modifiers: Option<&[String]>) {
        let bytes = self.blob.map(|blob| blob.0.len());
        match self.is_ignored {
            true => {
                check.present(key_member, self.key_id.is_some());
                check.bytes("ciphertextBlob", bytes, 1..=BLOB_MAX);
            }
            false => check.required_bytes("ciphertextBlob", bytes, 1..=BLOB_MAX),
        }
        check.text(key_member, self.key_id, &KEY_ID);
        check.grant_tokens(self.grant_tokens);
        check.each_of("dryRunModifiers", modifiers.unwrap_or_default(), &[IGNORE_CIPHERTEXT]);
    }
}

/// Whether it is a dry run that leaves the ciphertext out. Modifiers without DryRun mean nothing.
pub(super) fn is_ignored(dry_run: Option<bool>, modifiers: Option<&[String]>) -> bool {
    dry_run == Some(true) && modifiers.unwrap_or_default().iter().any(|one| one == IGNORE_CIPHERTEXT)
}

impl DecryptRequest {
    fn source(&self) -> Source<'_> {
        Source {
            blob: self.ciphertext_blob.as_ref(),
            key_id: self.key_id.as_deref(),
            context: self.encryption_context.as_ref(),
            algorithm: self.encryption_algorithm.as_deref(),
            grant_tokens: self.grant_tokens.as_deref(),
            is_ignored: is_ignored(self.dry_run, self.dry_run_modifiers.as_deref()),
        }
    }
}

fn check(request: &DecryptRequest, source: &Source) -> Result<(), KmsError> {
    let mut check = Check::default();
    source.check(&mut check, "keyId", request.dry_run_modifiers.as_deref());
    check_algorithm(&mut check, "encryptionAlgorithm", source.algorithm);
    check_recipient(&mut check, request.recipient.as_ref());
    check.finish()?;
    context::check("encryptionContext", source.context)
}

/// A whole ciphertext whose key is not there, in the words of AWS: it may be another account's.
fn unknown(error: KmsError) -> KmsError {
    match error.exception {
        Exception::NotFound => {
            let message = "The ciphertext refers to a customer master key that does not exist, does not exist in this \
                           region, or you are not allowed to access.";
            KmsError::new(Exception::AccessDenied, message)
        }
        _ => error,
    }
}
