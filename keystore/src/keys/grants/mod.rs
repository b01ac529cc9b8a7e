//! Grants: stored, checked for form, returned, not evaluated.

mod create_grant;
mod form;
mod list_grants;
mod retire_grant;
mod token;

use super::api::GrantListEntry;
use crate::error::{Exception, KmsError};
use crate::ids::KeyId;
use crate::kms::Kms;
use crate::records::key::{GrantRecord, KeyCounts, Principal};
use crate::records::{Change, Read, View, keys};
use crate::wire::Timestamp;

/// Of a grant ID, which are hex digits.
const ID_DIGITS: usize = 64;

/// Errors: `InvalidGrantId`: not the form of a grant ID.
fn check_id(grant_id: &str) -> Result<(), KmsError> {
    let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    match grant_id.len() == ID_DIGITS && grant_id.bytes().all(is_digit) {
        true => Ok(()),
        false => {
            Err(KmsError::new(Exception::InvalidGrantId, format!("The grant ID {grant_id} is not valid.")))
        }
    }
}

/// Adds a grant's removal to a change. Its key may be gone, and its counts with it.
fn remove(view: &View, id: &KeyId, grant_id: &str, grant: &Read<GrantRecord>) -> Result<Change, KmsError> {
    let change = remove_uncounted(Change::default(), id, grant_id, grant);
    match view.get::<KeyCounts>(keys::key_counts(id))? {
        Some(read) => {
            let grants = read.value.grants.saturating_sub(1);
            change.update(&read, &KeyCounts { grants, ..read.value })
        }
        None => Ok(change),
    }
}

/// For the grants of a key that is gone.
pub(super) fn remove_uncounted(
    change: Change,
    id: &KeyId,
    grant_id: &str,
    grant: &Read<GrantRecord>,
) -> Change {
    let change = change.remove(grant);
    match &grant.value.retiring {
        Some(principal) => change.remove_index(keys::grant_retiring(principal.as_str(), id, grant_id)),
        None => change,
    }
}

impl Kms {
    fn grant_entry(
        &self,
        id: &KeyId,
        grant_id: &str,
        grant: GrantRecord,
    ) -> Result<GrantListEntry, KmsError> {
        let constraints = grant.constraints.as_deref().map(serde_json::from_str).transpose();
        let constraints = constraints
            .map_err(|error| KmsError::internal(format!("the constraints of a grant are broken: {error}")))?;
        let (grantee_principal, grantee_service_principal) = parts(Some(grant.grantee));
        let (retiring_principal, retiring_service_principal) = parts(grant.retiring);
        Ok(GrantListEntry {
            key_id: self.key_arn(id),
            grant_id: grant_id.into(),
            name: grant.name,
            creation_date: Timestamp(grant.created_ms),
            grantee_principal,
            retiring_principal,
            issuing_account: format!("arn:{}:iam::{}:root", self.settings.partition, grant.issuing_account),
            operations: grant.operations,
            constraints,
            grantee_service_principal,
            retiring_service_principal,
        })
    }
}

/// The members for an AWS principal and for a service.
fn parts(principal: Option<Principal>) -> (Option<String>, Option<String>) {
    match principal {
        Some(Principal::Aws(arn)) => (Some(arn), None),
        Some(Principal::Service(name)) => (None, Some(name)),
        None => (None, None),
    }
}
