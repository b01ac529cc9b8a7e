//! GenerateDataKeyPair and GenerateDataKeyPairWithoutPlaintext: refused for every key. Keys of custom key stores never can
//! (reference sec. 6), and the default key store leaves it out.

use super::api::{GenerateDataKeyPairRequest, GenerateDataKeyPairWithoutPlaintextRequest, NoResponse};
use super::common::check_recipient;
use super::context;
use crate::error::KmsError;
use crate::keys::states::Operation;
use crate::kms::{Caller, Kms};
use crate::validate::{Check, KEY_ID};

/// DataKeyPairSpec
#[rustfmt::skip]
const KEY_PAIR_SPECS: &[&str] = &[
    "RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1", "SM2",
    "ECC_NIST_EDWARDS25519", "ML_KEM_512", "ML_KEM_768", "ML_KEM_1024",
];

impl Kms {
    pub fn generate_data_key_pair(
        &self,
        _caller: &Caller,
        request: &GenerateDataKeyPairRequest,
    ) -> Result<NoResponse, KmsError> {
        context::check("encryptionContext", request.encryption_context.as_ref())?;
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        check.required_one_of("keyPairSpec", request.key_pair_spec.as_deref(), KEY_PAIR_SPECS);
        check_recipient(&mut check, request.recipient.as_ref());
        self.refuse(check, Operation::GenerateDataKeyPair, key_id, request.grant_tokens.as_deref())
    }

    pub fn generate_data_key_pair_without_plaintext(
        &self,
        _caller: &Caller,
        request: &GenerateDataKeyPairWithoutPlaintextRequest,
    ) -> Result<NoResponse, KmsError> {
        context::check("encryptionContext", request.encryption_context.as_ref())?;
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        check.required_one_of("keyPairSpec", request.key_pair_spec.as_deref(), KEY_PAIR_SPECS);
        self.refuse(
            check,
            Operation::GenerateDataKeyPairWithoutPlaintext,
            key_id,
            request.grant_tokens.as_deref(),
        )
    }
}
