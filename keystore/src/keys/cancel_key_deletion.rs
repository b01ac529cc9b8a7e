//! CancelKeyDeletion

use super::api::{CancelKeyDeletionRequest, CancelKeyDeletionResponse};
use super::states::Operation;
use crate::error::KmsError;
use crate::kms::{Caller, Kms};
use crate::records::key::{KeyRecord, StoredState};
use crate::records::{Change, keys};
use crate::validate::{Check, KEY_ID};

impl Kms {
    /// The key is Disabled then. As long as the deletion itself has not begun, it is not too late. Errors: `Validation`,
    /// `NotFound`, `InvalidArn`, `KmsInvalidState`.
    pub fn cancel_key_deletion(
        &self,
        _caller: &Caller,
        request: &CancelKeyDeletionRequest,
    ) -> Result<CancelKeyDeletionResponse, KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        check.finish()?;
        let id = self.transact(|view| {
            let key = self.locate_key(view, key_id)?;
            self.allow(Operation::CancelKeyDeletion, &key)?;
            let record = KeyRecord { state: StoredState::Disabled, ..key.record.value.clone() };
            let change = Change::default().update(&key.record, &record)?;
            let change = match key.record.value.state {
                StoredState::PendingDeletion { deletion_ms } => {
                    change.remove_index(keys::key_deletion(deletion_ms, &key.id))
                }
                StoredState::Enabled | StoredState::Disabled => change,
            };
            Ok((change, key.id))
        })?;
        Ok(CancelKeyDeletionResponse { key_id: self.key_arn(&id) })
    }
}
