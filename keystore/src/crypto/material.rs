//! Import of key material, and multi-Region keys: refused for every key, since none was made for either (reference sec. 5 and
//! 6). These manage keys, and so take no alias.

use super::api::{
    DeleteImportedKeyMaterialRequest, GetParametersForImportRequest, ImportKeyMaterialRequest, NoResponse,
    ReplicateKeyRequest, UpdatePrimaryRegionRequest,
};
use super::ciphertext::BLOB_MAX;
use crate::error::KmsError;
use crate::keys::states::Operation;
use crate::kms::{Caller, Kms};
use crate::validate::{Check, KEY_ID, Text};

/// AlgorithmSpec
#[rustfmt::skip]
const WRAPPING_ALGORITHMS: &[&str] = &[
    "RSAES_PKCS1_V1_5", "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "RSA_AES_KEY_WRAP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256",
    "SM2PKE",
];
/// WrappingKeySpec
const WRAPPING_KEY_SPECS: &[&str] = &["RSA_2048", "RSA_3072", "RSA_4096", "SM2"];
/// ExpirationModelType
const EXPIRATION_MODELS: &[&str] = &["KEY_MATERIAL_EXPIRES", "KEY_MATERIAL_DOES_NOT_EXPIRE"];
/// ImportType
const IMPORT_TYPES: &[&str] = &["NEW_KEY_MATERIAL", "EXISTING_KEY_MATERIAL"];
/// BackingKeyIdType
const KEY_MATERIAL_ID: Text = Text::new(64, 64).pattern("^[a-f0-9]+$", |text| {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
});
/// KeyMaterialDescriptionType
const DESCRIPTION: Text = Text::new(0, 256).pattern(r"^[a-zA-Z0-9:/_\s.-]+$", |text| {
    !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || ":/_.-".contains(c) || c.is_whitespace())
});
/// RegionType
const REGION: Text = Text::new(1, 32).pattern(r"^([a-z]+-){2,3}\d+$", is_region);

impl Kms {
    pub fn get_parameters_for_import(
        &self,
        _caller: &Caller,
        request: &GetParametersForImportRequest,
    ) -> Result<NoResponse, KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        let algorithm = request.wrapping_algorithm.as_deref();
        check.required_one_of("wrappingAlgorithm", algorithm, WRAPPING_ALGORITHMS);
        check.required_one_of("wrappingKeySpec", request.wrapping_key_spec.as_deref(), WRAPPING_KEY_SPECS);
        self.refuse_managing(check, Operation::GetParametersForImport, key_id)
    }

    pub fn import_key_material(
        &self,
        _caller: &Caller,
        request: &ImportKeyMaterialRequest,
    ) -> Result<NoResponse, KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        let token = request.import_token.as_ref().map(|token| token.0.len());
        check.required_bytes("importToken", token, 1..=BLOB_MAX);
        let material = request.encrypted_key_material.as_ref().map(|material| material.0.len());
        check.required_bytes("encryptedKeyMaterial", material, 1..=BLOB_MAX);
        check.one_of("expirationModel", request.expiration_model.as_deref(), EXPIRATION_MODELS);
        check.one_of("importType", request.import_type.as_deref(), IMPORT_TYPES);
        check.text("keyMaterialDescription", request.key_material_description.as_deref(), &DESCRIPTION);
        check.text("keyMaterialId", request.key_material_id.as_deref(), &KEY_MATERIAL_ID);
        self.refuse_managing(check, Operation::ImportKeyMaterial, key_id)
    }

    pub fn delete_imported_key_material(
        &self,
        _caller: &Caller,
        request: &DeleteImportedKeyMaterialRequest,
    ) -> Result<NoResponse, KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        check.text("keyMaterialId", request.key_material_id.as_deref(), &KEY_MATERIAL_ID);
        self.refuse_managing(check, Operation::DeleteImportedKeyMaterial, key_id)
    }

    pub fn replicate_key(
        &self,
        _caller: &Caller,
        request: &ReplicateKeyRequest,
    ) -> Result<NoResponse, KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        check.required("replicaRegion", request.replica_region.as_deref(), &REGION);
        check.text("policy", request.policy.as_deref(), &Text::new(1, 131_072));
        check.text("description", request.description.as_deref(), &Text::new(0, 8192));
        self.refuse_managing(check, Operation::ReplicateKey, key_id)
    }

    pub fn update_primary_region(
        &self,
        _caller: &Caller,
        request: &UpdatePrimaryRegionRequest,
    ) -> Result<NoResponse, KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        check.required("primaryRegion", request.primary_region.as_deref(), &REGION);
        self.refuse_managing(check, Operation::UpdatePrimaryRegion, key_id)
    }

    /// As `refuse`, for operations that take a key ID or key ARN.
    fn refuse_managing(
        &self,
        check: Check,
        operation: Operation,
        key_id: &str,
    ) -> Result<NoResponse, KmsError> {
        check.finish()?;
        let key = self.view(|view| self.locate_key(view, key_id))?;
        self.allow(operation, &key)?;
        Err(KmsError::internal(format!("{} is allowed by the table of states", operation.name())))
    }
}

fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let Some((number, words)) = parts.split_last() else { return false };
    (2..=3).contains(&words.len())
        && words.iter().all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()))
        && !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_have_their_form() {
        for right in ["us-east-1", "us-gov-west-1", "ap-southeast-12"] {
            assert!(is_region(right), "{right}");
        }
        for wrong in ["", "us", "us-1", "us-east-", "us--1", "US-east-1", "a-b-c-d-1", "us-east-1a"] {
            assert!(!is_region(wrong), "{wrong}");
        }
    }
}
