//! UpdateCustomKeyStore of an external key store: its proxy is asked, by the address and the credential that it will have, before
//! anything is changed.

use super::address::check_free;
use super::members::Given;
use crate::error::KmsError;
use crate::ids::StoreId;
use crate::kms::{Caller, Kms};
use crate::records::store::{ExternalStore, StoreKind, StoreRecord};
use crate::records::{Change, Read, View};
use crate::stores::register::{put_register, register};
use crate::stores::update_custom_key_store::Wanted;

/// How often an update begins anew because the key store was changed meanwhile.
const TRIES: usize = 100;

impl Kms {
    /// Errors: `CustomKeyStoreNotFound`, those of `Wanted::check`, of `check_free` and of the proxy; `Validation`: members that do
    /// not go together.
    pub(in crate::stores) fn update_external(
        &self,
        caller: &Caller,
        id: &StoreId,
        wanted: &Wanted,
    ) -> Result<(), KmsError> {
        let secret = wanted.given.credential().map(|(_, secret)| self.seal_secret(id, secret)).transpose()?;
        for _ in 0..TRIES {
            let (old, new) = self.view(|view| {
                let (_, read) = self.custom_key_store(view, &id.0)?;
                wanted.check(view, id, &read.value)?;
                let old = read.value.as_external()?;
                let new = self.updated(old, &wanted.given, secret.as_deref())?;
                check_free(&register(view)?, id, &new.address())?;
                Ok((old.clone(), new))
            })?;
            if !wanted.given.is_empty() {
                self.check_service(&new)?;
                self.try_proxy(caller, id, &new, "UpdateCustomKeyStore")?;
            }
            let is_done = self.transact(|view| {
                let (_, read) = self.custom_key_store(view, &id.0)?;
                wanted.check(view, id, &read.value)?;
                match *read.value.as_external()? == old {
                    true => Ok((change(view, id, wanted, &read, &new)?, true)),
                    false => Ok((Change::default(), false)),
                }
            })?;
            if is_done {
                return Ok(());
            }
        }
        Err(KmsError::internal("others kept changing the custom key store"))
    }

    fn updated(
        &self,
        old: &ExternalStore,
        given: &Given,
        secret: Option<&[u8]>,
    ) -> Result<ExternalStore, KmsError> {
        let mut new = ExternalStore { connectivity: given.connectivity(Some(old))?, ..old.clone() };
        if let Some(endpoint) = given.endpoint {
            new.endpoint = endpoint.into();
        }
        if let Some(path) = given.path {
            new.path = path.into();
        }
        if let (Some((access_key_id, _)), Some(secret)) = (given.credential(), secret) {
            (new.access_key_id, new.secret) = (access_key_id.into(), secret.into());
            new.credential_since_ms = self.now_ms();
        }
        Ok(new)
    }
}

fn change(
    view: &View,
    id: &StoreId,
    wanted: &Wanted,
    read: &Read<StoreRecord>,
    new: &ExternalStore,
) -> Result<Change, KmsError> {
    let mut record = StoreRecord { kind: StoreKind::External(new.clone()), ..read.value.clone() };
    let mut change = wanted.rename(view, id, &mut record)?;
    let behind = record.kind.behind();
    if behind != read.value.kind.behind() {
        let mut register = register(view)?;
        check_free(&register, id, &new.address())?;
        register.set(id, &behind);
        change = put_register(change, view, &register)?;
    }
    change.update(read, &record)
}
