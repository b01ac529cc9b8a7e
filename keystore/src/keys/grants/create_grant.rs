//! CreateGrant

use super::form::GrantForm;
use super::token::Named;
use crate::error::{Exception, KmsError};
use crate::ids::{BackingKeyId, KeyId};
use crate::keys::api::{CreateGrantRequest, CreateGrantResponse};
use crate::keys::states::Operation;
use crate::kms::{Caller, Kms};
use crate::records::key::{GrantRecord, KeyCounts};
use crate::records::{Change, keys};
use sha2::{Digest, Sha256};

impl Kms {
    /// Errors: `Validation`, `InvalidArn`, `NotFound`, `Disabled`, `KmsInvalidState`, `InvalidGrantToken`, `LimitExceeded`,
    /// `DryRunOperation`.
    pub fn create_grant(
        &self,
        caller: &Caller,
        request: &CreateGrantRequest,
    ) -> Result<CreateGrantResponse, KmsError> {
        let form = GrantForm::of(request)?;
        let key_id = request.key_id.as_deref().unwrap_or_default();
        let now_ms = self.now_ms();
        let unnamed = BackingKeyId::random().to_string();
        let named = self.transact(|view| {
            let key = self.locate_key(view, key_id)?;
            self.allow(Operation::CreateGrant, &key)?;
            self.check_grant_tokens(view, request.grant_tokens.as_deref())?;
            form.check_fits(key.record.value.origin)?;
            let grant_id = named_id(&key.id, &form)?.unwrap_or_else(|| unnamed.clone());
            let place = keys::grant(&key.id, &grant_id);
            let there = view.get::<GrantRecord>(place.clone())?.map(|grant| grant.value.created_ms);
            let named = Named { key: *key.id.as_bytes(), grant_id, created_ms: there.unwrap_or(now_ms) };
            if there.is_some() {
                return self.unless_dry(request.dry_run, (Change::default(), named));
            }
            let change = self.new_grant(caller, &form, &key.id, &named)?;
            let change = view.count_anew(change.keep(&key.record), &key.id, |counts| {
                self.one_grant_more(&key.id, counts)
            })?;
            self.unless_dry(request.dry_run, (change, named))
        })?;
        Ok(CreateGrantResponse { grant_token: self.grant_token(&named)?, grant_id: named.grant_id })
    }

    fn new_grant(
        &self,
        caller: &Caller,
        form: &GrantForm,
        id: &KeyId,
        named: &Named,
    ) -> Result<Change, KmsError> {
        let record = GrantRecord {
            grantee: form.grantee.clone(),
            retiring: form.retiring.clone(),
            issuing_account: caller.account.clone(),
            operations: form.operations.clone(),
            name: form.name.clone(),
            constraints: form.constraints.clone(),
            created_ms: named.created_ms,
        };
        let change = Change::default().create(keys::grant(id, &named.grant_id), &record)?;
        Ok(match &record.retiring {
            Some(principal) => change.index(keys::grant_retiring(principal.as_str(), id, &named.grant_id)),
            None => change,
        })
    }

    /// Errors: `LimitExceeded`.
    fn one_grant_more(&self, id: &KeyId, counts: KeyCounts) -> Result<KeyCounts, KmsError> {
        let most = self.settings.limits.grants_per_key;
        match counts.grants as usize >= most {
            true => {
                let message =
                    format!("The KMS key {} has {most} grants, which is the most.", self.key_arn(id));
                Err(KmsError::new(Exception::LimitExceeded, message))
            }
            false => Ok(KeyCounts { grants: counts.grants + 1, ..counts }),
        }
    }

    /// Errors: `DryRunOperation`, with DryRun.
    pub(super) fn unless_dry<T>(&self, dry_run: Option<bool>, change: T) -> Result<T, KmsError> {
        match dry_run {
            Some(true) => Err(KmsError::new(
                Exception::DryRunOperation,
                "The request would have succeeded, but the DryRun option is set.",
            )),
            _ => Ok(change),
        }
    }
}

/// The ID of a grant with a name says all of its parameters: the same request finds the same grant.
fn named_id(id: &KeyId, form: &GrantForm) -> Result<Option<String>, KmsError> {
    if form.name.is_none() {
        return Ok(None);
    }
    let mut operations = form.operations.clone();
    operations.sort_unstable();
    let parameters =
        (id.as_bytes(), &form.grantee, &form.retiring, operations, &form.constraints, &form.name);
    let bytes = postcard::to_allocvec(&parameters)
        .map_err(|error| KmsError::internal(format!("a grant cannot be written: {error}")))?;
    Ok(Some(BackingKeyId(Sha256::digest(bytes).into()).to_string()))
}
