//! Encrypt

use super::api::{EncryptRequest, EncryptResponse};
use super::ciphertext::PLAINTEXT_MAX;
use super::common::{SYMMETRIC_DEFAULT, check_algorithm, unless_dry_run};
use super::context;
use crate::error::KmsError;
use crate::keys::states::Operation;
use crate::kms::{Caller, Kms};
use crate::validate::{Check, KEY_ID};
use crate::wire::EncryptionContext;

impl Kms {
    /// Encrypts up to 4096 bytes under a KMS key, in the HSMs that hold it, or by its proxy.
    pub fn encrypt(&self, caller: &Caller, request: &EncryptRequest) -> Result<EncryptResponse, KmsError> {
        let key_id = check(request)?;
        let key = self.key_for(Operation::Encrypt, key_id, request.grant_tokens.as_deref())?;
        self.algorithm_fits(&key, request.encryption_algorithm.as_deref())?;
        let none = EncryptionContext::new();
        let context = request.encryption_context.as_ref().unwrap_or(&none);
        let plaintext = request.plaintext.as_ref().map_or(&[][..], |plaintext| &plaintext.0);
        let ciphertext_blob =
            self.seal(&self.holder(caller, Operation::Encrypt, &key)?, &key, context, plaintext)?;
        unless_dry_run(request.dry_run, ())?;
        self.used(&key.id, Operation::Encrypt);
        Ok(EncryptResponse {
            ciphertext_blob,
            key_id: self.key_arn(&key.id),
            encryption_algorithm: SYMMETRIC_DEFAULT,
        })
    }
}

fn check(request: &EncryptRequest) -> Result<&str, KmsError> {
    let mut check = Check::default();
    let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
    let bytes = request.plaintext.as_ref().map(|plaintext| plaintext.0.len());
    check.required_bytes("plaintext", bytes, 1..=PLAINTEXT_MAX);
    check_algorithm(&mut check, "encryptionAlgorithm", request.encryption_algorithm.as_deref());
    check.grant_tokens(request.grant_tokens.as_deref());
    check.finish()?;
    context::check("encryptionContext", request.encryption_context.as_ref())?;
    Ok(key_id)
}
