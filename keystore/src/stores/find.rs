//! Custom key stores as requests name them, and whether they and their clusters are fit for what is asked.

use crate::directory::ClusterFacts;
use crate::error::{Exception, KmsError};
use crate::ids::StoreId;
use crate::kms::Kms;
use crate::records::store::{CloudHsmStore, ConnectionState, StoreRecord};
use crate::records::{Change, Read, View, keys};

/// Key stores and keys are made in clusters with active HSMs in at least so many zones.
const ZONES: usize = 2;

impl Kms {
    /// Errors: `CustomKeyStoreNotFound`.
    pub(crate) fn custom_key_store(
        &self,
        view: &View,
        id: &str,
    ) -> Result<(StoreId, Read<StoreRecord>), KmsError> {
        let id = StoreId(id.into());
        match view.get(keys::store(&id))? {
            Some(record) => Ok((id, record)),
            None => Err(not_found(&format!("with the ID {id}"))),
        }
    }

    /// Changes a key store's record; nothing is written where `body` leaves it as it was. `body` may run more than once.
    /// Errors: `CustomKeyStoreNotFound`, and what `body` answers.
    pub(super) fn change_store<R>(
        &self,
        id: &StoreId,
        mut body: impl FnMut(&mut StoreRecord) -> Result<R, KmsError>,
    ) -> Result<R, KmsError> {
        self.transact(|view| {
            let (_, read) = self.custom_key_store(view, &id.0)?;
            let mut record = read.value.clone();
            let answer = body(&mut record)?;
            match record == read.value {
                true => Ok((Change::default(), answer)),
                false => Ok((Change::default().update(&read, &record)?, answer)),
            }
        })
    }

    /// For CreateKey and GenerateRandom. A change that needs the key store to be still there and connected keeps the record
    /// as it was read (`Change::keep`). Errors: `CustomKeyStoreNotFound`, `CustomKeyStoreInvalidState`: not CONNECTED.
    pub(crate) fn connected_store(
        &self,
        view: &View,
        id: &str,
    ) -> Result<(StoreId, Read<StoreRecord>), KmsError> {
        let (id, record) = self.custom_key_store(view, id)?;
        match record.value.state {
            ConnectionState::Connected => Ok((id, record)),
            state => Err(invalid_state(&id, state, "CONNECTED")),
        }
    }

    /// For GenerateRandom: external key stores have no generator. Errors: `CustomKeyStoreNotFound`, `UnsupportedOperation`,
    /// `CustomKeyStoreInvalidState`: not CONNECTED.
    pub(crate) fn connected_hsms(&self, view: &View, id: &str) -> Result<StoreId, KmsError> {
        let (_, record) = self.custom_key_store(view, id)?;
        if record.value.hsm().is_none() {
            let message =
                "GenerateRandom is not supported for a custom key store of type EXTERNAL_KEY_STORE.";
            return Err(KmsError::new(Exception::UnsupportedOperation, message));
        }
        Ok(self.connected_store(view, id)?.0)
    }

    /// For CreateKey: whether a connected store's cluster, if it is in one, may get new keys now. Asks the directory: not inside a
    /// view.
    /// Errors: `CloudHsmClusterInvalidConfiguration`: the cluster is away, not active, or has no two active HSMs in
    /// different zones.
    pub(crate) fn check_takes_keys(&self, store: &StoreRecord) -> Result<(), KmsError> {
        let Some(CloudHsmStore { cluster_id, .. }) = store.hsm() else { return Ok(()) };
        match self.directory.cluster(cluster_id)? {
            Some(cluster) if cluster.is_active => check_zones(&cluster),
            _ => Err(few_hsms(cluster_id)),
        }
    }
}

/// Errors: `CloudHsmClusterInvalidConfiguration`.
pub(super) fn check_zones(cluster: &ClusterFacts) -> Result<(), KmsError> {
    match cluster.active_zones() >= ZONES {
        true => Ok(()),
        false => Err(few_hsms(&cluster.cluster_id)),
    }
}

fn few_hsms(cluster_id: &str) -> KmsError {
    let message = format!(
        "The CloudHSM cluster {cluster_id} must have at least two active HSMs, each in a different Availability Zone. \
         Add HSMs by CreateHsm of CloudHSM."
    );
    KmsError::new(Exception::CloudHsmClusterInvalidConfiguration, message)
}

/// `which`: "with the ID x", "named x".
pub(super) fn not_found(which: &str) -> KmsError {
    KmsError::new(Exception::CustomKeyStoreNotFound, format!("There is no custom key store {which}."))
}

/// CustomKeyStoreInvalidStateException
pub(super) fn invalid_state(id: &StoreId, state: ConnectionState, wanted: &str) -> KmsError {
    let state = state.name();
    let message =
        format!("The custom key store {id} has the connection state {state}; the request needs {wanted}.");
    KmsError::new(Exception::CustomKeyStoreInvalidState, message)
}

pub(super) fn name_in_use(name: &str) -> KmsError {
    let message = format!("The name {name} is that of another custom key store of this account.");
    KmsError::new(Exception::CustomKeyStoreNameInUse, message)
}

pub(super) fn cluster_not_found(id: &str) -> KmsError {
    KmsError::new(Exception::CloudHsmClusterNotFound, format!("There is no CloudHSM cluster {id}."))
}

pub(super) fn cluster_not_active(id: &str, state: &str) -> KmsError {
    let message = format!("The CloudHSM cluster {id} has the state {state}, and must be ACTIVE.");
    KmsError::new(Exception::CloudHsmClusterNotActive, message)
}
