//! CreateAlias, UpdateAlias, DeleteAlias.

use super::api::{CreateAliasRequest, DeleteAliasRequest, UpdateAliasRequest};
use super::locate::Located;
use super::states::Operation;
use crate::error::{Exception, KmsError};
use crate::ids::{AliasName, KeyId, KeyName, unknown_alias};
use crate::kms::{Caller, Kms};
use crate::records::key::{AliasRecord, KeyCounts, KeyRecord};
use crate::records::{Change, Read, View, keys};
use crate::validate::{ALIAS_NAME, Check, KEY_ID, invalid};

impl Kms {
    /// Errors: `Validation`, `InvalidAliasName`, `NotAuthorized`: alias/aws/; `AlreadyExists`, `NotFound`,
    /// `KmsInvalidState`, `LimitExceeded`.
    pub fn create_alias(&self, _caller: &Caller, request: &CreateAliasRequest) -> Result<(), KmsError> {
        let (text, target) = check_members(request.alias_name.as_deref(), request.target_key_id.as_deref())?;
        let name = own_name(AliasName::parse(text)?)?;
        let now_ms = self.now_ms();
        self.transact(|view| {
            let key = self.locate_target(view, target)?;
            self.allow(Operation::CreateAlias, &key)?;
            if view.get::<AliasRecord>(keys::alias(&name))?.is_some() {
                let message = format!("An alias with the name {} already exists", self.alias_arn(&name));
                return Err(KmsError::new(Exception::AlreadyExists, message));
            }
            let record = AliasRecord { target: *key.id.as_bytes(), created_ms: now_ms, updated_ms: now_ms };
            let change = Change::default().keep(&key.record).create(keys::alias(&name), &record)?;
            Ok((self.one_alias_more(view, change, &key.id, &name)?, ()))
        })
    }

    /// Errors: `Validation`, `NotAuthorized`: alias/aws/; `NotFound`, `KmsInvalidState`, `LimitExceeded`.
    pub fn update_alias(&self, _caller: &Caller, request: &UpdateAliasRequest) -> Result<(), KmsError> {
        let (text, target) = check_members(request.alias_name.as_deref(), request.target_key_id.as_deref())?;
        let name = own_name(known_name(text)?)?;
        let now_ms = self.now_ms();
        self.transact(|view| {
            let read = self.alias_record(view, &name)?;
            let key = self.locate_target(view, target)?;
            // All keys of this layer are of one type and usage: any may take the place of any.
            self.allow(Operation::UpdateAlias, &key)?;
            let before = read.value.target();
            let record = AliasRecord { target: *key.id.as_bytes(), updated_ms: now_ms, ..read.value.clone() };
            let change = Change::default().keep(&key.record).update(&read, &record)?;
            if before == key.id {
                return Ok((change, ()));
            }
            let change = one_alias_less(view, change, &before, &name)?;
            Ok((self.one_alias_more(view, change, &key.id, &name)?, ()))
        })
    }

    /// Errors: `Validation`, `NotAuthorized`: alias/aws/; `NotFound`.
    pub fn delete_alias(&self, _caller: &Caller, request: &DeleteAliasRequest) -> Result<(), KmsError> {
        let mut check = Check::default();
        let text = check.required("aliasName", request.alias_name.as_deref(), &ALIAS_NAME);
        check.finish()?;
        let name = own_name(known_name(text)?)?;
        self.transact(|view| {
            let read = self.alias_record(view, &name)?;
            let target = read.value.target();
            // The key itself may just have been deleted.
            if view.get::<KeyRecord>(keys::key(&target))?.is_some() {
                self.allow(Operation::DeleteAlias, &self.locate_id(view, target)?)?;
            }
            let change = Change::default().remove(&read);
            Ok((one_alias_less(view, change, &target, &name)?, ()))
        })
    }

    fn alias_record(&self, view: &View, name: &AliasName) -> Result<Read<AliasRecord>, KmsError> {
        view.get(keys::alias(name))?.ok_or_else(|| unknown_alias(name.as_str(), &self.settings))
    }

    /// TargetKeyId: a key ID or key ARN.
    fn locate_target(&self, view: &View, target: &str) -> Result<Located, KmsError> {
        match KeyName::parse(target, &self.settings)? {
            KeyName::Key(id) => self.locate_id(view, id),
            KeyName::Alias(_) => Err(invalid("Aliases must refer to keys. Not aliases")),
        }
    }

    /// Errors: `LimitExceeded`.
    fn one_alias_more(
        &self,
        view: &View,
        change: Change,
        id: &KeyId,
        name: &AliasName,
    ) -> Result<Change, KmsError> {
        let most = self.settings.limits.aliases_per_key;
        let change = change.index(keys::alias_of_key(id, name));
        view.count_anew(change, id, |counts| {
            if counts.aliases as usize >= most {
                let message =
                    format!("The KMS key {} has {most} aliases, which is the most.", self.key_arn(id));
                return Err(KmsError::new(Exception::LimitExceeded, message));
            }
            Ok(KeyCounts { aliases: counts.aliases + 1, ..counts })
        })
    }
}

impl View<'_> {
    /// Adds to a change what a key's counts become.
    pub(super) fn count_anew(
        &self,
        change: Change,
        id: &KeyId,
        count: impl FnOnce(KeyCounts) -> Result<KeyCounts, KmsError>,
    ) -> Result<Change, KmsError> {
        match self.get::<KeyCounts>(keys::key_counts(id))? {
            Some(read) => change.update(&read, &count(read.value)?),
            None => change.create(keys::key_counts(id), &count(KeyCounts::default())?),
        }
    }
}

/// The key itself may be gone, and its counts with it: then there is nothing to count.
fn one_alias_less(view: &View, change: Change, id: &KeyId, name: &AliasName) -> Result<Change, KmsError> {
    let change = change.remove_index(keys::alias_of_key(id, name));
    match view.get::<KeyCounts>(keys::key_counts(id))? {
        Some(read) => {
            let aliases = read.value.aliases.saturating_sub(1);
            change.update(&read, &KeyCounts { aliases, ..read.value })
        }
        None => Ok(change),
    }
}

/// AliasName and TargetKeyId.
fn check_members<'a>(name: Option<&'a str>, target: Option<&'a str>) -> Result<(&'a str, &'a str), KmsError> {
    let mut check = Check::default();
    let name = check.required("aliasName", name, &ALIAS_NAME);
    let target = check.required("targetKeyId", target, &KEY_ID);
    check.finish()?;
    Ok((name, target))
}

/// A name that some alias may have. InvalidAliasNameException is CreateAlias's alone.
fn known_name(text: &str) -> Result<AliasName, KmsError> {
    AliasName::parse(text).map_err(|error| invalid(error.message))
}

/// A name that is not AWS's.
fn own_name(name: AliasName) -> Result<AliasName, KmsError> {
    match name.is_reserved() {
        true => Err(KmsError::new(
            Exception::NotAuthorized,
            "Aliases that begin with alias/aws/ are reserved for AWS managed keys.",
        )),
        false => Ok(name),
    }
}
