//! GenerateDataKey and GenerateDataKeyWithoutPlaintext

use super::api::{
    GenerateDataKeyRequest, GenerateDataKeyResponse, GenerateDataKeyWithoutPlaintextRequest,
    GenerateDataKeyWithoutPlaintextResponse,
};
use super::common::{check_recipient, current_material_id, no_recipient, unless_dry_run};
use super::context;
use crate::crypto::api::RecipientInfo;
use crate::error::KmsError;
use crate::keys::states::Operation;
use crate::kms::{Caller, Kms};
use crate::validate::{Check, KEY_ID, invalid};
use crate::wire::{Blob, EncryptionContext, SecretBlob};

/// DataKeySpec
const AES_256: &str = "AES_256";
const AES_128: &str = "AES_128";

impl Kms {
    /// A data key of the HSMs' random numbers (for keys of external key stores: of KMS's own), and the same encrypted under the KMS key.
    pub fn generate_data_key(
        &self,
        caller: &Caller,
        request: &GenerateDataKeyRequest,
    ) -> Result<GenerateDataKeyResponse, KmsError> {
        let wanted = Wanted {
            key_id: request.key_id.as_deref(),
            context: request.encryption_context.as_ref(),
            number_of_bytes: request.number_of_bytes,
            key_spec: request.key_spec.as_deref(),
            grant_tokens: request.grant_tokens.as_deref(),
            recipient: request.recipient.as_ref(),
            dry_run: request.dry_run,
        };
        let made = self.make_data_key(caller, Operation::GenerateDataKey, &wanted)?;
        Ok(GenerateDataKeyResponse {
            ciphertext_blob: made.ciphertext_blob,
            plaintext: made.plaintext,
            key_id: made.key_arn,
            key_material_id: made.key_material_id,
        })
    }

    /// As GenerateDataKey, for those who shall not see the data key.
    pub fn generate_data_key_without_plaintext(
        &self,
        caller: &Caller,
        request: &GenerateDataKeyWithoutPlaintextRequest,
    ) -> Result<GenerateDataKeyWithoutPlaintextResponse, KmsError> {
        let wanted = Wanted {
            key_id: request.key_id.as_deref(),
            context: request.encryption_context.as_ref(),
            number_of_bytes: request.number_of_bytes,
            key_spec: request.key_spec.as_deref(),
            grant_tokens: request.grant_tokens.as_deref(),
            recipient: None,
            dry_run: request.dry_run,
        };
        let made = self.make_data_key(caller, Operation::GenerateDataKeyWithoutPlaintext, &wanted)?;
        Ok(GenerateDataKeyWithoutPlaintextResponse {
            ciphertext_blob: made.ciphertext_blob,
            key_id: made.key_arn,
            key_material_id: made.key_material_id,
        })
    }

    fn make_data_key(
        &self,
        caller: &Caller,
        operation: Operation,
        wanted: &Wanted,
    ) -> Result<Made, KmsError> {
        let (key_id, bytes) = wanted.check()?;
        no_recipient(wanted.recipient)?;
        let key = self.key_for(operation, key_id, wanted.grant_tokens)?;
        let none = EncryptionContext::new();
        let holder = self.holder(caller, operation, &key)?;
        let plaintext = holder.random(bytes)?;
        let ciphertext_blob = self.seal(&holder, &key, wanted.context.unwrap_or(&none), &plaintext)?;
        unless_dry_run(wanted.dry_run, ())?;
        self.used(&key.id, operation);
        Ok(Made {
            ciphertext_blob,
            plaintext: SecretBlob(plaintext),
            key_arn: self.key_arn(&key.id),
            key_material_id: current_material_id(&key),
        })
    }
}

struct Made {
    ciphertext_blob: Blob,
    plaintext: SecretBlob,
    key_arn: String,
    key_material_id: Option<String>,
}

/// What both requests say.
struct Wanted<'a> {
    key_id: Option<&'a str>,
    context: Option<&'a EncryptionContext>,
    number_of_bytes: Option<i64>,
    key_spec: Option<&'a str>,
    grant_tokens: Option<&'a [String]>,
    recipient: Option<&'a RecipientInfo>,
    dry_run: Option<bool>,
}

impl<'a> Wanted<'a> {
    /// KeyId, and how long the data key is.
    fn check(&self) -> Result<(&'a str, usize), KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", self.key_id, &KEY_ID);
        check.one_of("keySpec", self.key_spec, &[AES_256, AES_128]);
        check.number("numberOfBytes", self.number_of_bytes, 1..=1024);
        check.grant_tokens(self.grant_tokens);
        check_recipient(&mut check, self.recipient);
        check.finish()?;
        context::check("encryptionContext", self.context)?;
        let bytes = match (self.key_spec, self.number_of_bytes) {
            (Some(AES_128), None) => 16,
            (Some(_), None) => 32,
            // It was found in its range.
            (None, Some(bytes)) => usize::try_from(bytes).unwrap_or_default(),
            _ => return Err(invalid("Please specify either number of bytes or key spec.")),
        };
        Ok((key_id, bytes))
    }
}
