//! Operations of asymmetric and HMAC keys. All keys of this layer are symmetric: they refuse, but what is wrong with the request
//! or with the key's state is told first.

use super::api::{
    DecapsulateRequest, DeriveSharedSecretRequest, EncapsulateRequest, GenerateMacRequest,
    GetPublicKeyRequest, NoResponse, SignRequest, VerifyMacRequest, VerifyRequest,
};
use super::ciphertext::{BLOB_MAX, PLAINTEXT_MAX};
use super::common::check_recipient;
use crate::error::KmsError;
use crate::keys::states::Operation;
use crate::kms::{Caller, Kms};
use crate::validate::{Check, KEY_ID};
use crate::wire::{Blob, SecretBlob};

/// MessageType
const MESSAGE_TYPES: &[&str] = &["RAW", "DIGEST", "EXTERNAL_MU"];
/// SigningAlgorithmSpec
#[rustfmt::skip]
const SIGNING_ALGORITHMS: &[&str] = &[
    "RSASSA_PSS_SHA_256", "RSASSA_PSS_SHA_384", "RSASSA_PSS_SHA_512", "RSASSA_PKCS1_V1_5_SHA_256",
    "RSASSA_PKCS1_V1_5_SHA_384", "RSASSA_PKCS1_V1_5_SHA_512", "ECDSA_SHA_256", "ECDSA_SHA_384", "ECDSA_SHA_512",
    "SM2DSA", "ML_DSA_SHAKE_256", "ED25519_SHA_512", "ED25519_PH_SHA_512",
];
/// MacAlgorithmSpec
const MAC_ALGORITHMS: &[&str] = &["HMAC_SHA_224", "HMAC_SHA_256", "HMAC_SHA_384", "HMAC_SHA_512"];

impl Kms {
    pub fn sign(&self, _caller: &Caller, request: &SignRequest) -> Result<NoResponse, KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        check_message(&mut check, request.message.as_ref());
        check.one_of("messageType", request.message_type.as_deref(), MESSAGE_TYPES);
        check.required_one_of("signingAlgorithm", request.signing_algorithm.as_deref(), SIGNING_ALGORITHMS);
        self.refuse(check, Operation::Sign, key_id, request.grant_tokens.as_deref())
    }

    pub fn verify(&self, _caller: &Caller, request: &VerifyRequest) -> Result<NoResponse, KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        check_message(&mut check, request.message.as_ref());
        check.one_of("messageType", request.message_type.as_deref(), MESSAGE_TYPES);
        check_blob(&mut check, "signature", request.signature.as_ref());
        check.required_one_of("signingAlgorithm", request.signing_algorithm.as_deref(), SIGNING_ALGORITHMS);
        self.refuse(check, Operation::Verify, key_id, request.grant_tokens.as_deref())
    }

    pub fn get_public_key(
        &self,
        _caller: &Caller,
        request: &GetPublicKeyRequest,
    ) -> Result<NoResponse, KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        self.refuse(check, Operation::GetPublicKey, key_id, request.grant_tokens.as_deref())
    }

    pub fn generate_mac(
        &self,
        _caller: &Caller,
        request: &GenerateMacRequest,
    ) -> Result<NoResponse, KmsError> {
        let mut check = Check::default();
        check_message(&mut check, request.message.as_ref());
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        check.required_one_of("macAlgorithm", request.mac_algorithm.as_deref(), MAC_ALGORITHMS);
        self.refuse(check, Operation::GenerateMac, key_id, request.grant_tokens.as_deref())
    }

    pub fn verify_mac(&self, _caller: &Caller, request: &VerifyMacRequest) -> Result<NoResponse, KmsError> {
        let mut check = Check::default();
        check_message(&mut check, request.message.as_ref());
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        check.required_one_of("macAlgorithm", request.mac_algorithm.as_deref(), MAC_ALGORITHMS);
        check_blob(&mut check, "mac", request.mac.as_ref());
        self.refuse(check, Operation::VerifyMac, key_id, request.grant_tokens.as_deref())
    }

    pub fn derive_shared_secret(
        &self,
        _caller: &Caller,
        request: &DeriveSharedSecretRequest,
    ) -> Result<NoResponse, KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        check.required_one_of("keyAgreementAlgorithm", request.key_agreement_algorithm.as_deref(), &["ECDH"]);
        let bytes = request.public_key.as_ref().map(|key| key.0.len());
        check.required_bytes("publicKey", bytes, 1..=8192);
        check_recipient(&mut check, request.recipient.as_ref());
        self.refuse(check, Operation::DeriveSharedSecret, key_id, request.grant_tokens.as_deref())
    }

    pub fn encapsulate(
        &self,
        _caller: &Caller,
        request: &EncapsulateRequest,
    ) -> Result<NoResponse, KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        check_encapsulation(&mut check, request.encapsulation_algorithm.as_deref());
        self.refuse(check, Operation::Encapsulate, key_id, request.grant_tokens.as_deref())
    }

    pub fn decapsulate(
        &self,
        _caller: &Caller,
        request: &DecapsulateRequest,
    ) -> Result<NoResponse, KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        check_blob(&mut check, "sharedSecretCiphertextBlob", request.shared_secret_ciphertext_blob.as_ref());
        check_encapsulation(&mut check, request.encapsulation_algorithm.as_deref());
        self.refuse(check, Operation::Decapsulate, key_id, request.grant_tokens.as_deref())
    }

    /// What the table of states answers for an operation that no key of this layer allows, once the request's form was
    /// found right. `key_id`: any of the four names of a key.
    pub(super) fn refuse(
        &self,
        mut check: Check,
        operation: Operation,
        key_id: &str,
        grant_tokens: Option<&[String]>,
    ) -> Result<NoResponse, KmsError> {
        check.grant_tokens(grant_tokens);
        check.finish()?;
        self.key_for(operation, key_id, grant_tokens)?;
        Err(KmsError::internal(format!("{} is allowed by the table of states", operation.name())))
    }
}

fn check_message(check: &mut Check, message: Option<&SecretBlob>) {
    check.required_bytes("message", message.map(|message| message.0.len()), 1..=PLAINTEXT_MAX);
}

fn check_blob(check: &mut Check, member: &str, blob: Option<&Blob>) {
    check.required_bytes(member, blob.map(|blob| blob.0.len()), 1..=BLOB_MAX);
}

fn check_encapsulation(check: &mut Check, algorithm: Option<&str>) {
    check.required_one_of("encapsulationAlgorithm", algorithm, &["ML_KEM"]);
}
