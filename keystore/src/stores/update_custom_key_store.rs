//! UpdateCustomKeyStore: the name, and path and credential of a proxy, also of a connected key store, all else of a disconnected
//! one.

use super::api::UpdateCustomKeyStoreRequest;
use super::external::members::Given;
use super::find::{check_zones, cluster_not_active, cluster_not_found, invalid_state, name_in_use};
use super::members::{self, CLUSTER_ID, NAME, PASSWORD};
use super::register::{named, put_register, register};
use crate::error::{Exception, KmsError};
use crate::ids::StoreId;
use crate::kms::{Caller, Kms};
use crate::records::store::{CloudHsmStore, ConnectionState, StoreKind, StoreName, StoreRecord};
use crate::records::{Change, Read, View, keys};
use crate::validate::{CUSTOM_KEY_STORE_ID, Check};

impl Kms {
    pub fn update_custom_key_store(
        &self,
        caller: &Caller,
        request: &UpdateCustomKeyStoreRequest,
    ) -> Result<(), KmsError> {
        let wanted = Wanted::of(request, self.xks.settings().allow_private)?;
        let (id, read) = self.view(|view| self.custom_key_store(view, wanted.id))?;
        match read.value.hsm() {
            Some(hsm) => self.update_in_cluster(&id, &wanted, hsm),
            None => self.update_external(caller, &id, &wanted),
        }
    }

    /// `hsm`: as it was when it was looked up.
    fn update_in_cluster(&self, id: &StoreId, wanted: &Wanted, hsm: &CloudHsmStore) -> Result<(), KmsError> {
        self.view(|view| wanted.check(view, id, &self.custom_key_store(view, &id.0)?.1.value))?;
        if let Some(cluster_id) = wanted.cluster_id {
            self.check_other_cluster(&hsm.cluster_id, cluster_id)?;
        }
        let password = wanted.password.map(|password| self.seal_password(id, password)).transpose()?;
        self.transact(|view| {
            let (_, read) = self.custom_key_store(view, &id.0)?;
            wanted.check(view, id, &read.value)?;
            Ok((wanted.change_in_cluster(view, id, &read, password.as_deref())?, ()))
        })
    }

    fn check_other_cluster(&self, old: &str, new: &str) -> Result<(), KmsError> {
        let cluster = self.directory.cluster(new)?.ok_or_else(|| cluster_not_found(new))?;
        if old != new && !self.directory.same_backup_history(old, new)? {
            let message = format!(
                "The CloudHSM cluster {new} does not share a backup history with {old}: their cluster certificates differ."
            );
            return Err(KmsError::new(Exception::CloudHsmClusterNotRelated, message));
        }
        if !cluster.is_active {
            return Err(cluster_not_active(new, &cluster.state));
        }
        check_zones(&cluster)
    }
}

/// What a request asks for, in due form.
pub(super) struct Wanted<'a> {
    id: &'a str,
    name: Option<&'a str>,
    password: Option<&'a [u8]>,
    cluster_id: Option<&'a str>,
    /// Of external key stores.
    pub given: Given<'a>,
}

impl<'a> Wanted<'a> {
    /// `allow_private`: see [`Settings`](crate::xks::Settings).
    fn of(request: &'a UpdateCustomKeyStoreRequest, allow_private: bool) -> Result<Self, KmsError> {
        let mut check = Check::default();
        let id =
            check.required("customKeyStoreId", request.custom_key_store_id.as_deref(), &CUSTOM_KEY_STORE_ID);
        let name = request.new_custom_key_store_name.as_deref();
        check.text("newCustomKeyStoreName", name, &NAME);
        let password = request.key_store_password.as_ref().map(|password| password.0.as_str());
        check.text("keyStorePassword", password, &PASSWORD);
        let cluster_id = request.cloud_hsm_cluster_id.as_deref();
        check.text("cloudHsmClusterId", cluster_id, &CLUSTER_ID);
        let given = Given::from(request);
        given.check_form(&mut check, allow_private);
        check.finish()?;
        given.check_meaning(allow_private)?;
        Ok(Self { id, name, password: password.map(str::as_bytes), cluster_id, given })
    }

    /// Whether it can be done to this key store. Errors: `Validation`: members of the other type; `CustomKeyStoreInvalidState`,
    /// `CustomKeyStoreNameInUse`.
    pub fn check(&self, view: &View, id: &StoreId, record: &StoreRecord) -> Result<(), KmsError> {
        let of_cluster =
            [("KeyStorePassword", self.password.is_some()), ("CloudHsmClusterId", self.cluster_id.is_some())];
        match record.kind {
            StoreKind::CloudHsm(_) => members::forbid(&self.given.names(), record.kind.name())?,
            StoreKind::External(_) => members::forbid(&of_cluster, record.kind.name())?,
        }
        self.check_state(id, record.state)?;
        self.check_name(view, id)
    }

    /// Errors: `CustomKeyStoreInvalidState`.
    fn check_state(&self, id: &StoreId, state: ConnectionState) -> Result<(), KmsError> {
        let may_be_connected =
            self.password.is_none() && self.cluster_id.is_none() && self.given.may_change_connected();
        match state {
            ConnectionState::Disconnected => Ok(()),
            ConnectionState::Connected if may_be_connected => Ok(()),
            state if may_be_connected => Err(invalid_state(id, state, "CONNECTED or DISCONNECTED")),
            state => Err(invalid_state(id, state, "DISCONNECTED")),
        }
    }

    /// Errors: `CustomKeyStoreNameInUse`: by another.
    fn check_name(&self, view: &View, id: &StoreId) -> Result<(), KmsError> {
        let Some(name) = self.name else { return Ok(()) };
        match named(view, name)? {
            Some((owner, _)) if owner != *id => Err(name_in_use(name)),
            _ => Ok(()),
        }
    }

    /// Gives `record` its new name, if there is one.
    pub fn rename(&self, view: &View, id: &StoreId, record: &mut StoreRecord) -> Result<Change, KmsError> {
        let Some(name) = self.name.filter(|name| *name != record.name) else { return Ok(Change::default()) };
        let mut change = Change::default();
        if let Some(old) = view.get::<StoreName>(keys::store_name(&record.name))? {
            change = change.remove(&old);
        }
        record.name = name.into();
        change.create(keys::store_name(name), &StoreName { id: id.clone() })
    }

    fn change_in_cluster(
        &self,
        view: &View,
        id: &StoreId,
        read: &Read<StoreRecord>,
        password: Option<&[u8]>,
    ) -> Result<Change, KmsError> {
        let mut record = read.value.clone();
        let mut change = self.rename(view, id, &mut record)?;
        if let Some(password) = password {
            // The owner knows what the cluster has: what KMS was about to set counts no more.
            let hsm = record.as_cluster_mut()?;
            (hsm.password, hsm.pending_password) = (password.into(), None);
        }
        if let Some(cluster_id) = self.cluster_id {
            record.as_cluster_mut()?.cluster_id = cluster_id.into();
            let mut register = register(view)?;
            register.set(id, &record.kind.behind());
            change = put_register(change, view, &register)?;
        }
        change.update(read, &record)
    }
}
