//! DisconnectCustomKeyStore: also of a key store that is connecting, which ends that.

use super::api::DisconnectCustomKeyStoreRequest;
use super::find::invalid_state;
use super::members;
use crate::error::KmsError;
use crate::ids::StoreId;
use crate::kms::{Caller, Kms};
use crate::records::store::ConnectionState;
use crate::tasks::Task;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long one waits for calls that are under way, and how often one looks.
const CALLS_TIMEOUT: Duration = Duration::from_secs(10);
const CALLS_PAUSE: Duration = Duration::from_millis(1);

impl Kms {
    /// A key store whose connecting failed has nothing to end, and is DISCONNECTED at once.
    pub fn disconnect_custom_key_store(
        &self,
        _caller: &Caller,
        request: &DisconnectCustomKeyStoreRequest,
    ) -> Result<(), KmsError> {
        let id = members::store_id(request.custom_key_store_id.as_deref())?;
        let attempt = self.change_store(&id, |record| match record.state {
            ConnectionState::Connecting | ConnectionState::Connected => {
                record.turn(ConnectionState::Disconnecting);
                Ok(Some(record.attempt))
            }
            ConnectionState::Failed => {
                record.turn(ConnectionState::Disconnected);
                Ok(None)
            }
            state @ (ConnectionState::Disconnected | ConnectionState::Disconnecting) => {
                Err(invalid_state(&id, state, "CONNECTED, CONNECTING or FAILED"))
            }
        })?;
        if let Some(attempt) = attempt {
            self.tasks.push(Task::Disconnect { id, attempt });
        }
        Ok(())
    }

    /// The rest: logs out. Where that cannot be written down, the key store is DISCONNECTING until the next try.
    pub(crate) fn finish_disconnecting(&self, id: &StoreId, attempt: u64) {
        let ended = self.alone_with(id, || {
            let is_due = |state, own| state == ConnectionState::Disconnecting && own == attempt;
            let (_, read) = self.view(|view| self.custom_key_store(view, &id.0))?;
            if !is_due(read.value.state, read.value.attempt) {
                return Ok(());
            }
            self.log_out(id);
            self.forget_proxy(id);
            self.change_store(id, |record| {
                if is_due(record.state, record.attempt) {
                    record.enter(ConnectionState::Disconnected, None);
                }
                Ok(())
            })
        });
        if let Err(error) = ended {
            self.keeper.log_error(id, "disconnecting", &error);
        }
    }

    /// Closes the connection, if there is one, and waits for the calls that are under way: only then is kmsuser logged out, whose
    /// password may then be changed, and who may log in again.
    pub(super) fn log_out(&self, id: &StoreId) {
        let Some(connection) = self.connections.of(id) else { return };
        self.connections.close(id);
        let deadline = Instant::now() + CALLS_TIMEOUT;
        // Whoever calls has the connection.
        while Arc::strong_count(&connection) > 1 && Instant::now() < deadline {
            std::thread::sleep(CALLS_PAUSE);
        }
    }
}
