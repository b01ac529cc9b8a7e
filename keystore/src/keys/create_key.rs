//! CreateKey: the material is made in the HSMs first, then the key is committed. Keys of external key stores are made in `create_external_key`.

use super::api::{CreateKeyRequest, CreateKeyResponse};
use super::describe_key::cluster_of;
use super::form::KeyForm;
use super::policy::{Policy, default_policy};
use super::tags::tags_of;
use crate::error::{Exception, KmsError};
use crate::ids::{BackingKeyId, KeyId, StoreId};
use crate::kms::{Caller, Kms};
use crate::records::key::{BackingKey, KeyDetails, KeyRecord, Origin, OrphanRecord, StoredState};
use crate::records::store::StoreRecord;
use crate::records::{Change, NotDone, Read, View, keys};
use crate::stores::connection::Purpose;
use crate::validate::invalid;

/// A key store as CreateKey found it.
pub(super) type FoundStore = (StoreId, Read<StoreRecord>);

impl Kms {
    /// Errors: `Validation`, `UnsupportedOperation`, `MalformedPolicyDocument`, `LimitExceeded`, `Tag`,
    /// `CustomKeyStoreNotFound`, `CustomKeyStoreInvalidState`, `CloudHsmClusterInvalidConfiguration`, `DependencyTimeout`,
    /// `XksKeyAlreadyInUse`, `XksKeyInvalidConfiguration`, `XksKeyNotFound`.
    pub fn create_key(
        &self,
        caller: &Caller,
        request: &CreateKeyRequest,
    ) -> Result<CreateKeyResponse, KmsError> {
        let form = KeyForm::of(request)?;
        let id = KeyId::random();
        let details = self.new_details(caller, &id, request)?;
        let store = self.store_for_new_key(&form)?;
        if let (Some(xks_key_id), Some(store)) = (form.xks_key, &store) {
            return self.create_external_key(caller, &id, details, store, xks_key_id);
        }
        let now_ms = self.now_ms();
        let backing = BackingKey { id: BackingKeyId::random(), created_ms: now_ms, on_demand: false };
        let record = KeyRecord {
            origin: form.origin,
            state: StoredState::Enabled,
            custom_key_store: store.as_ref().map(|(id, _)| id.clone()),
            backing: vec![backing],
            created_ms: now_ms,
            rotation: None,
        };
        let link = self.connection_of(record.custom_key_store.as_ref(), Purpose::Management)?;
        link.run(|hsms| hsms.generate_key(&self.key_arn(&id), &backing.id))?;
        self.commit_key(&id, &record, &details, store.as_ref())?;
        let store = store.as_ref().map(|(_, store)| &store.value);
        Ok(CreateKeyResponse {
            key_metadata: self.key_metadata(&id, &record, store, None, details.description),
        })
    }

    fn new_details(
        &self,
        caller: &Caller,
        id: &KeyId,
        request: &CreateKeyRequest,
    ) -> Result<KeyDetails, KmsError> {
        let tags = tags_of(request.tags.as_deref().unwrap_or_default())?;
        self.check_tag_count(&tags)?;
        let policy = match &request.policy {
            Some(policy) => {
                let parsed = Policy::parse(policy, self.settings.limits.policy_bytes)?;
                if request.bypass_policy_lockout_safety_check != Some(true) {
                    parsed.check_lockout(caller, &self.key_arn(id))?;
                }
                policy.clone()
            }
            None => default_policy(&self.settings),
        };
        Ok(KeyDetails { description: request.description.clone().unwrap_or_default(), policy, tags })
    }

    /// The custom key store, fit for a new key; and whether there may be one more key at all.
    fn store_for_new_key(&self, form: &KeyForm) -> Result<Option<FoundStore>, KmsError> {
        let found = self.view(|view| {
            if let Some(most) = self.settings.limits.keys {
                let (from, to) = keys::between(&[keys::KEY]);
                if view.count(&from, &to, most.saturating_add(1))? >= most {
                    let message = format!("The quota of {most} KMS keys is used up.");
                    return Err(KmsError::new(Exception::LimitExceeded, message));
                }
            }
            form.store
                .map(|store| {
                    check_type(form.origin, &self.custom_key_store(view, store)?)?;
                    self.connected_store(view, store)
                })
                .transpose()
        })?;
        if let Some((_, store)) = &found {
            self.check_takes_keys(&store.value)?;
        }
        Ok(found)
    }

    /// Makes the key that stands for material which is already there; without it, the material goes again.
    fn commit_key(
        &self,
        id: &KeyId,
        record: &KeyRecord,
        details: &KeyDetails,
        store: Option<&FoundStore>,
    ) -> Result<(), KmsError> {
        let done = self.try_transact(|view| Ok((self.with_new_key(view, id, record, details)?, ())));
        let is_there =
            || self.view(|view| view.get::<KeyRecord>(keys::key(id))).is_ok_and(|key| key.is_some());
        match done {
            Ok(()) => Ok(()),
            Err(NotDone::Perhaps(_)) if is_there() => Ok(()),
            Err(NotDone::Perhaps(error)) => {
                // The key may yet appear: its material is looked after as an orphan's, which a key's is never.
                self.leave_behind(id, record, store, "it is not known whether its key was made");
                Err(error)
            }
            Err(NotDone::Surely(error)) => {
                self.take_back(id, record, store);
                Err(error)
            }
        }
    }

    /// What makes a key, in a custom key store that is still connected.
    pub(super) fn with_new_key(
        &self,
        view: &View,
        id: &KeyId,
        record: &KeyRecord,
        details: &KeyDetails,
    ) -> Result<Change, KmsError> {
        let change =
            Change::default().create(keys::key(id), record)?.create(keys::key_details(id), details)?;
        let Some(store) = &record.custom_key_store else { return Ok(change) };
        let (store, read) = self.connected_store(view, &store.0)?;
        Ok(change.keep(&read).index(keys::key_of_store(&store, id)))
    }

    /// Destroys the material of a key that was not made.
    fn take_back(&self, id: &KeyId, record: &KeyRecord, store: Option<&FoundStore>) {
        let link = self.connection_of(record.custom_key_store.as_ref(), Purpose::Management);
        let destroyed = link.and_then(|link| {
            record
                .backing
                .iter()
                .try_for_each(|backing| link.run(|hsms| hsms.destroy_key(&backing.id)).map(drop))
        });
        if let Err(error) = destroyed {
            self.leave_behind(id, record, store, &error.detail.unwrap_or(error.message));
        }
    }

    /// Notes material without a key, for a later attempt to destroy it.
    fn leave_behind(&self, id: &KeyId, record: &KeyRecord, store: Option<&FoundStore>, cause: &str) {
        let orphan = OrphanRecord {
            key_arn: self.key_arn(id),
            custom_key_store: record.custom_key_store.clone(),
            cluster_id: store.and_then(|(_, store)| cluster_of(&store.value)).map(str::to_owned),
            since_ms: self.now_ms(),
            cause: cause.into(),
            aliases: Vec::new(),
        };
        // Where the store takes nothing any more, the caller is told so by the error that led here.
        let _ = self.transact(|_| {
            let change = record.backing.iter().try_fold(Change::default(), |change, backing| {
                change.create(keys::orphan(&backing.id), &orphan)
            })?;
            Ok((change, ()))
        });
    }
}

/// Errors: `Validation`: keys of this origin live in the other type of key stores.
fn check_type(origin: Origin, (id, store): &FoundStore) -> Result<(), KmsError> {
    match (origin == Origin::AwsCloudHsm) == store.value.hsm().is_some() {
        true => Ok(()),
        false => {
            let (origin, kind) = (origin.name(), store.value.kind.name());
            let message = format!(
                "The custom key store {id} has the type {kind}, which has no KMS keys with the Origin {origin}."
            );
            Err(invalid(message))
        }
    }
}
