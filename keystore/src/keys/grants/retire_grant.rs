//! RetireGrant, RevokeGrant.

use super::form::GRANT_ID;
use crate::error::{Exception, KmsError};
use crate::ids::KeyId;
use crate::keys::api::{RetireGrantRequest, RevokeGrantRequest};
use crate::keys::states::Operation;
use crate::kms::{Caller, Kms};
use crate::records::key::GrantRecord;
use crate::records::{Read, View, keys};
use crate::validate::{Check, GRANT_TOKEN, KEY_ID, invalid};

/// How RetireGrant names a grant.
enum Name<'a> {
    Token(&'a str),
    Ids { key_arn: &'a str, grant_id: &'a str },
}

impl Kms {
    /// By token, or by key ARN and grant ID. Errors: `Validation`, `InvalidGrantToken`, `InvalidGrantId`, `InvalidArn`,
    /// `NotFound`, `DryRunOperation`.
    pub fn retire_grant(&self, _caller: &Caller, request: &RetireGrantRequest) -> Result<(), KmsError> {
        let name = retired(request)?;
        self.transact(|view| {
            let (id, grant_id, grant) = match name {
                Name::Token(token) => {
                    let (named, grant) = self.granted(view, token)?;
                    (KeyId::from_bytes(named.key), named.grant_id, grant)
                }
                Name::Ids { key_arn, grant_id } => {
                    let key = self.locate_key(view, key_arn)?;
                    self.allow(Operation::RetireGrant, &key)?;
                    (key.id, grant_id.to_owned(), self.grant_of(view, &key.id, grant_id)?)
                }
            };
            let change = super::remove(view, &id, &grant_id, &grant)?;
            self.unless_dry(request.dry_run, (change, ()))
        })
    }

    /// Errors: `Validation`, `InvalidGrantId`, `InvalidArn`, `NotFound`, `DryRunOperation`.
    pub fn revoke_grant(&self, _caller: &Caller, request: &RevokeGrantRequest) -> Result<(), KmsError> {
        let mut check = Check::default();
        let key_id = check.required("keyId", request.key_id.as_deref(), &KEY_ID);
        let grant_id = check.required("grantId", request.grant_id.as_deref(), &GRANT_ID);
        check.finish()?;
        super::check_id(grant_id)?;
        self.transact(|view| {
            let key = self.locate_key(view, key_id)?;
            self.allow(Operation::RevokeGrant, &key)?;
            let grant = self.grant_of(view, &key.id, grant_id)?;
            let change = super::remove(view, &key.id, grant_id, &grant)?;
            self.unless_dry(request.dry_run, (change, ()))
        })
    }

    fn grant_of(&self, view: &View, id: &KeyId, grant_id: &str) -> Result<Read<GrantRecord>, KmsError> {
        let grant = view.get(keys::grant(id, grant_id))?;
        grant.ok_or_else(|| {
            let arn = self.key_arn(id);
            KmsError::new(Exception::NotFound, format!("Grant ID {grant_id} not found on the KMS key {arn}"))
        })
    }
}

/// Errors: `Validation`, `InvalidArn`: a key ID that is no ARN; `InvalidGrantId`.
fn retired(request: &RetireGrantRequest) -> Result<Name<'_>, KmsError> {
    let mut check = Check::default();
    check.text("grantToken", request.grant_token.as_deref(), &GRANT_TOKEN);
    check.text("keyId", request.key_id.as_deref(), &KEY_ID);
    check.text("grantId", request.grant_id.as_deref(), &GRANT_ID);
    check.finish()?;
    match (&request.grant_token, &request.key_id, &request.grant_id) {
        (Some(token), None, None) => Ok(Name::Token(token)),
        (None, Some(key_arn), Some(grant_id)) => {
            if !key_arn.starts_with("arn:") {
                let message = format!("Invalid arn {key_arn}: RetireGrant takes the ARN of the key.");
                return Err(KmsError::new(Exception::InvalidArn, message));
            }
            super::check_id(grant_id)?;
            Ok(Name::Ids { key_arn, grant_id })
        }
        _ => Err(invalid("Specify either GrantToken, or both KeyId and GrantId.")),
    }
}
