//! From the KeyId of a request to a key and the state it is in.

use crate::error::{Exception, KmsError};
use crate::ids::{KeyId, KeyName, no_key, unknown_alias};
use crate::kms::Kms;
use crate::records::key::{AliasRecord, KeyRecord, StoredState};
use crate::records::store::{ConnectionState, StoreRecord};
use crate::records::{Read, View, keys};

/// A key, as a request finds it.
pub(crate) struct Located {
    pub id: KeyId,
    pub record: Read<KeyRecord>,
    /// Of a custom key store.
    pub store: Option<Read<StoreRecord>>,
    pub state: KeyState,
}

/// KeyState, as far as keys of this layer have one (reference sec. 5): none is imported or multi-Region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyState {
    Enabled,
    Disabled,
    PendingDeletion,
    Unavailable,
}

impl KeyState {
    pub fn name(self) -> &'static str {
        match self {
            KeyState::Enabled => "Enabled",
            KeyState::Disabled => "Disabled",
            KeyState::PendingDeletion => "PendingDeletion",
            KeyState::Unavailable => "Unavailable",
        }
    }

    /// PendingDeletion wins over Unavailable, which wins over the rest.
    pub fn of(stored: StoredState, store: Option<&StoreRecord>) -> Self {
        KeyState::behind(stored, store.map(|store| store.state))
    }

    /// `store`: the state of its custom key store.
    pub fn behind(stored: StoredState, store: Option<ConnectionState>) -> Self {
        let is_connected = store.is_none_or(|state| state == ConnectionState::Connected);
        match stored {
            StoredState::PendingDeletion { .. } => KeyState::PendingDeletion,
            _ if !is_connected => KeyState::Unavailable,
            StoredState::Enabled => KeyState::Enabled,
            StoredState::Disabled => KeyState::Disabled,
        }
    }
}

impl Kms {
    /// By key ID, key ARN, alias name or alias ARN: cryptographic operations, DescribeKey and GetPublicKey.
    pub(crate) fn locate(&self, view: &View, key_id: &str) -> Result<Located, KmsError> {
        self.locate_id(view, self.named_key(view, key_id)?)
    }

    /// The key that an ID, ARN or alias names. It need not be there.
    pub(crate) fn named_key(&self, view: &View, key_id: &str) -> Result<KeyId, KmsError> {
        match KeyName::parse(key_id, &self.settings)? {
            KeyName::Key(id) => Ok(id),
            KeyName::Alias(name) => {
                let alias: Option<Read<AliasRecord>> = view.get(keys::alias(&name))?;
                let alias = alias.ok_or_else(|| unknown_alias(name.as_str(), &self.settings))?;
                Ok(alias.value.target())
            }
        }
    }

    /// By key ID or key ARN: operations that manage keys.
    pub(crate) fn locate_key(&self, view: &View, key_id: &str) -> Result<Located, KmsError> {
        self.locate_id(view, KeyName::parse_key(key_id, &self.settings)?)
    }

    pub(crate) fn locate_id(&self, view: &View, id: KeyId) -> Result<Located, KmsError> {
        let record: Read<KeyRecord> = view.get(keys::key(&id))?.ok_or_else(|| no_key(id, &self.settings))?;
        let store: Option<Read<StoreRecord>> = match &record.value.custom_key_store {
            Some(store) => view.get(keys::store(store))?,
            None => None,
        };
        let state = KeyState::of(record.value.state, store.as_ref().map(|store| &store.value));
        Ok(Located { id, record, store, state })
    }

    /// DisabledException (reference sec. 5, footnote 1).
    pub(crate) fn is_disabled(&self, id: &KeyId) -> KmsError {
        KmsError::new(Exception::Disabled, format!("{} is disabled.", self.key_arn(id)))
    }

    /// KMSInvalidStateException: footnotes 3, 4, 11.
    pub(crate) fn invalid_state(&self, id: &KeyId, what: &str) -> KmsError {
        KmsError::new(Exception::KmsInvalidState, format!("{} {what}", self.key_arn(id)))
    }
}
