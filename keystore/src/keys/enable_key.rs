//! EnableKey, DisableKey.

use super::api::{DisableKeyRequest, EnableKeyRequest};
use super::states::Operation;
use crate::error::KmsError;
use crate::kms::{Caller, Kms};
use crate::records::Change;
use crate::records::key::{KeyRecord, StoredState};
use crate::validate::{Check, KEY_ID};

impl Kms {
    /// Of an Unavailable key it takes effect when the key is available again. Errors: `Validation`, `NotFound`,
    /// `InvalidArn`, `KmsInvalidState`.
    pub fn enable_key(&self, _caller: &Caller, request: &EnableKeyRequest) -> Result<(), KmsError> {
        self.switch(Operation::EnableKey, request.key_id.as_deref(), StoredState::Enabled)
    }

    /// As EnableKey.
    pub fn disable_key(&self, _caller: &Caller, request: &DisableKeyRequest) -> Result<(), KmsError> {
        self.switch(Operation::DisableKey, request.key_id.as_deref(), StoredState::Disabled)
    }

    fn switch(&self, operation: Operation, key_id: Option<&str>, state: StoredState) -> Result<(), KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", key_id, &KEY_ID);
        check.finish()?;
        self.transact(|view| {
            let key = self.locate_key(view, key_id)?;
            self.allow(operation, &key)?;
            if key.record.value.state == state {
                return Ok((Change::default(), ()));
            }
            let record = KeyRecord { state, ..key.record.value.clone() };
            Ok((Change::default().update(&key.record, &record)?, ()))
        })
    }
}
