//! UpdateKeyDescription

use super::api::UpdateKeyDescriptionRequest;
use super::form::DESCRIPTION;
use super::states::Operation;
use crate::error::KmsError;
use crate::kms::{Caller, Kms};
use crate::validate::{Check, KEY_ID};

impl Kms {
    /// Errors: `Validation`, `NotFound`, `InvalidArn`, `KmsInvalidState`.
    pub fn update_key_description(
        &self,
        _caller: &Caller,
        request: &UpdateKeyDescriptionRequest,
    ) -> Result<(), KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        let description = check.required("description", request.description.as_deref(), &DESCRIPTION);
        check.finish()?;
        self.change_details(Operation::UpdateKeyDescription, key_id, |details| {
            details.description = description.into();
            Ok(())
        })
    }
}
