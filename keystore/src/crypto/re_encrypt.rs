//! ReEncrypt

use super::api::{ReEncryptRequest, ReEncryptResponse};
use super::common::{
    SYMMETRIC_DEFAULT, check_algorithm, current_material_id, key_material_id, unless_dry_run, would_succeed,
};
use super::context;
use super::decrypt::{Source, is_ignored};
use crate::error::KmsError;
use crate::keys::states::Operation;
use crate::kms::{Caller, Kms};
use crate::validate::{Check, KEY_ID};
use crate::wire::EncryptionContext;

impl Kms {
    /// Decrypts under one key and encrypts under another, where the material of each is: they may be of different key stores.
    pub fn re_encrypt(
        &self,
        caller: &Caller,
        request: &ReEncryptRequest,
    ) -> Result<ReEncryptResponse, KmsError> {
        let source = request.source();
        let destination_id = check(request, &source)?;
        let (from, ciphertext) = self.source_key(Operation::ReEncrypt, &source)?;
        let to = self.key_for(Operation::ReEncrypt, destination_id, None)?;
        self.algorithm_fits(&to, request.destination_encryption_algorithm.as_deref())?;
        let Some(ciphertext) = ciphertext else { return Err(would_succeed()) };
        let holder = self.holder(caller, Operation::ReEncrypt, &from)?;
        let plaintext = self.open(&holder, &from, &ciphertext, &source.context())?;
        let none = EncryptionContext::new();
        let context = request.destination_encryption_context.as_ref().unwrap_or(&none);
        let ciphertext_blob =
            self.seal(&self.holder(caller, Operation::ReEncrypt, &to)?, &to, context, &plaintext.0)?;
        unless_dry_run(request.dry_run, ())?;
        [from.id, to.id].iter().for_each(|key| self.used(key, Operation::ReEncrypt));
        Ok(ReEncryptResponse {
            ciphertext_blob,
            source_key_id: self.key_arn(&from.id),
            key_id: self.key_arn(&to.id),
            source_encryption_algorithm: SYMMETRIC_DEFAULT,
            destination_encryption_algorithm: SYMMETRIC_DEFAULT,
            source_key_material_id: key_material_id(&from, ciphertext.backing()),
            destination_key_material_id: current_material_id(&to),
        })
    }
}

impl ReEncryptRequest {
    fn source(&self) -> Source<'_> {
        Source {
            blob: self.ciphertext_blob.as_ref(),
            key_id: self.source_key_id.as_deref(),
            context: self.source_encryption_context.as_ref(),
            algorithm: self.source_encryption_algorithm.as_deref(),
            grant_tokens: self.grant_tokens.as_deref(),
            is_ignored: is_ignored(self.dry_run, self.dry_run_modifiers.as_deref()),
        }
    }
}

/// Answers DestinationKeyId.
fn check<'a>(request: &'a ReEncryptRequest, source: &Source) -> Result<&'a str, KmsError> {
    let mut check = Check::default();
    source.check(&mut check, "sourceKeyId", request.dry_run_modifiers.as_deref());
    let key_id = check.required("destinationKeyId", request.destination_key_id.as_deref(), &KEY_ID);
    check_algorithm(&mut check, "sourceEncryptionAlgorithm", source.algorithm);
    let algorithm = request.destination_encryption_algorithm.as_deref();
    check_algorithm(&mut check, "destinationEncryptionAlgorithm", algorithm);
    check.finish()?;
    context::check("sourceEncryptionContext", source.context)?;
    context::check("destinationEncryptionContext", request.destination_encryption_context.as_ref())?;
    Ok(key_id)
}
