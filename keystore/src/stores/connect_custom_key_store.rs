//! ConnectCustomKeyStore: what can be told at once is told; the rest is done after the answer (see `connecting`).

use super::api::ConnectCustomKeyStoreRequest;
use super::find::{cluster_not_active, invalid_state};
use super::members;
use crate::error::{Exception, KmsError};
use crate::kms::{Caller, Kms};
use crate::records::store::{CloudHsmStore, ConnectionState, StoreRecord};
use crate::tasks::Task;

impl Kms {
    /// On a key store that is CONNECTING or CONNECTED it does nothing; where the HSMs refused a connected key store's login,
    /// the login is tried anew.
    pub fn connect_custom_key_store(
        &self,
        _caller: &Caller,
        request: &ConnectCustomKeyStoreRequest,
    ) -> Result<(), KmsError> {
        let id = members::store_id(request.custom_key_store_id.as_deref())?;
        let (_, read) = self.view(|view| self.custom_key_store(view, &id.0))?;
        if read.value.state == ConnectionState::Disconnected {
            self.check_at_once(&read.value)?;
        }
        let attempt = self.change_store(&id, |record| match record.state {
            ConnectionState::Disconnected => {
                record.turn(ConnectionState::Connecting);
                Ok(Some(record.attempt))
            }
            ConnectionState::Connected if record.error_code.is_some() => {
                record.turn(ConnectionState::Connected);
                Ok(Some(record.attempt))
            }
            ConnectionState::Connecting | ConnectionState::Connected => Ok(None),
            state @ (ConnectionState::Failed | ConnectionState::Disconnecting) => {
                Err(invalid_state(&id, state, "DISCONNECTED"))
            }
        })?;
        if let Some(attempt) = attempt {
            self.tasks.push(Task::Connect { id, attempt });
        }
        Ok(())
    }

    /// Errors: `CloudHsmClusterNotActive`, `CloudHsmClusterInvalidConfiguration`: no active HSM. That the cluster is
    /// gone is told by ConnectionErrorCode, and so is all that is wrong with a proxy: the operation has no exceptions for it.
    fn check_at_once(&self, record: &StoreRecord) -> Result<(), KmsError> {
        let Some(CloudHsmStore { cluster_id: id, .. }) = record.hsm() else { return Ok(()) };
        let Some(cluster) = self.directory.cluster(id)? else { return Ok(()) };
        if !cluster.is_active {
            return Err(cluster_not_active(id, &cluster.state));
        }
        match cluster.active_slots().is_empty() {
            false => Ok(()),
            true => Err(KmsError::new(
                Exception::CloudHsmClusterInvalidConfiguration,
                format!(
                    "The CloudHSM cluster {id} must have at least one active HSM. Add one by CreateHsm of CloudHSM."
                ),
            )),
        }
    }
}
