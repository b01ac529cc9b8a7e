//! DescribeKey, and KeyMetadata.

use super::api::{DescribeKeyRequest, DescribeKeyResponse, KeyMetadata, XksKeyConfiguration};
use super::form::{ENCRYPT_DECRYPT, SYMMETRIC};
use super::locate::KeyState;
use super::states::Operation;
use crate::error::KmsError;
use crate::ids::KeyId;
use crate::kms::{Caller, Kms};
use crate::records::key::{ExternalKey, KeyDetails, KeyRecord, Origin, StoredState};
use crate::records::store::StoreRecord;
use crate::records::{Read, View, keys};
use crate::validate::{Check, KEY_ID};
use crate::wire::Timestamp;

impl Kms {
    /// Errors: `Validation`, `NotFound`, `InvalidArn`, `InvalidGrantToken`.
    pub fn describe_key(
        &self,
        _caller: &Caller,
        request: &DescribeKeyRequest,
    ) -> Result<DescribeKeyResponse, KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        check.grant_tokens(request.grant_tokens.as_deref());
        check.finish()?;
        self.view(|view| {
            let key = self.locate(view, key_id)?;
            self.allow(Operation::DescribeKey, &key)?;
            self.check_grant_tokens(view, request.grant_tokens.as_deref())?;
            let description = view.key_details(&key.id)?.value.description;
            let store = key.store.as_ref().map(|store| &store.value);
            let xks_key_id = view.external_key(&key.id, &key.record.value)?.map(|read| read.value.xks_key_id);
            let key_metadata = self.key_metadata(&key.id, &key.record.value, store, xks_key_id, description);
            Ok(DescribeKeyResponse { key_metadata })
        })
    }

    pub(super) fn key_metadata(
        &self,
        id: &KeyId,
        record: &KeyRecord,
        store: Option<&StoreRecord>,
        xks_key_id: Option<String>,
        description: String,
    ) -> KeyMetadata {
        let state = KeyState::of(record.state, store);
        let deletion_date = match record.state {
            StoredState::PendingDeletion { deletion_ms } => Some(Timestamp(deletion_ms)),
            _ => None,
        };
        let material = match record.origin {
            Origin::AwsKms => record.backing.last().map(|backing| backing.id.to_string()),
            Origin::AwsCloudHsm | Origin::ExternalKeyStore => None,
        };
        KeyMetadata {
            aws_account_id: self.settings.account.clone(),
            key_id: id.to_string(),
            arn: self.key_arn(id),
            creation_date: Timestamp(record.created_ms),
            enabled: state == KeyState::Enabled,
            description,
            key_usage: ENCRYPT_DECRYPT.into(),
            key_state: state.name().into(),
            deletion_date,
            origin: record.origin.name().into(),
            custom_key_store_id: record.custom_key_store.as_ref().map(ToString::to_string),
            cloud_hsm_cluster_id: store.and_then(cluster_of).map(str::to_owned),
            key_manager: "CUSTOMER".into(),
            customer_master_key_spec: SYMMETRIC.into(),
            key_spec: SYMMETRIC.into(),
            encryption_algorithms: vec![SYMMETRIC.into()],
            multi_region: false,
            current_key_material_id: material,
            xks_key_configuration: xks_key_id.map(|id| XksKeyConfiguration { id }),
        }
    }
}

/// CloudHsmClusterId
pub(super) fn cluster_of(store: &StoreRecord) -> Option<&str> {
    store.hsm().map(|hsm| &*hsm.cluster_id)
}

impl View<'_> {
    /// What is kept of a key of Origin EXTERNAL_KEY_STORE; `None`: it has another origin.
    pub(crate) fn external_key(
        &self,
        id: &KeyId,
        record: &KeyRecord,
    ) -> Result<Option<Read<ExternalKey>>, KmsError> {
        match record.origin {
            Origin::ExternalKeyStore => self.get(keys::external_key(id)),
            Origin::AwsKms | Origin::AwsCloudHsm => Ok(None),
        }
    }

    /// The details of a key that is there.
    pub(super) fn key_details(&self, id: &KeyId) -> Result<Read<KeyDetails>, KmsError> {
        let details = self.get(keys::key_details(id))?;
        details.ok_or_else(|| KmsError::internal(format!("the key {id} has no details")))
    }
}
