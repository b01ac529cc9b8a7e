//! Keeps what is CONNECTED connected, and goes on with what was cut off.

use super::connecting::claim_of;
use super::connection::default_store;
use crate::directory::{ClusterFacts, DirectoryError};
use crate::error::KmsError;
use crate::hsm::Connection;
use crate::ids::StoreId;
use crate::kms::Kms;
use crate::records::keys;
use crate::records::store::{ConnectionErrorCode, ConnectionState, StoreRecord};
use crate::tasks::Task;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use vhsm_store::ClaimKind;

/// What an operation that found no HSM sees when it looks again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Working,
    /// Some are said to be active.
    NoneWorking,
    /// The cluster has none now, or cannot be asked.
    NoneActive,
}

/// Why a connecting failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub code: ConnectionErrorCode,
    /// For the log.
    pub detail: String,
    /// A pending password, sealed, that the HSMs were certainly not given.
    pub never_given: Option<Vec<u8>>,
}

impl Verdict {
    pub fn new(code: ConnectionErrorCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), never_given: None }
    }

    /// The same password will be refused again, and a try may count against kmsuser.
    pub fn is_refusal(&self) -> bool {
        use ConnectionErrorCode::{InvalidCredentials, UserLockedOut};
        matches!(self.code, InvalidCredentials | UserLockedOut)
    }
}

/// What this process knows of connections beside the records.
#[derive(Default)]
pub(crate) struct Keeper {
    /// For the log, not yet fetched.
    lines: Mutex<Vec<String>>,
    /// The last that was told of each key store.
    seen: Mutex<BTreeMap<StoreId, String>>,
    /// By attempt: what could not be written down.
    unwritten: Mutex<BTreeMap<StoreId, (u64, Verdict)>>,
}

impl Keeper {
    /// Tells how a key store is, if it is otherwise than last told.
    pub(super) fn see(&self, id: &StoreId, what: &str) {
        let last = self.seen.lock().insert(id.clone(), what.into());
        if last.as_deref() != Some(what) {
            self.lines.lock().push(format!("key store {id}: {what}"));
        }
    }

    pub(super) fn log_error(&self, id: &StoreId, doing: &str, error: &KmsError) {
        let cause = error.detail.as_deref().unwrap_or(&error.message);
        self.see(id, &format!("{doing} is to be tried again: {cause}"));
    }

    pub(super) fn unwritten(&self, id: &StoreId, attempt: u64) -> Option<Verdict> {
        let unwritten = self.unwritten.lock();
        unwritten.get(id).filter(|(of, _)| *of == attempt).map(|(_, verdict)| verdict.clone())
    }

    pub(super) fn remember(&self, id: &StoreId, attempt: u64, verdict: &Verdict) {
        self.unwritten.lock().insert(id.clone(), (attempt, verdict.clone()));
    }

    pub(super) fn forget(&self, id: &StoreId) {
        self.unwritten.lock().remove(id);
    }
}

impl Kms {
    /// After a start: key stores that were connected connect again, and what was cut off goes on, as tasks. They stay CONNECTED
    /// meanwhile.
    pub fn resume(&self) {
        for (id, record) in self.stores().unwrap_or_else(|error| self.unreadable(&error)) {
            self.go_on(id, &record);
        }
    }

    /// To be called every second or so: follows the HSMs of each connected key store as they come and go, tries failed ones again,
    /// opens connections anew that are gone, and goes on with connecting and disconnecting that was cut off. Answers lines for
    /// the log where something has changed since the last call.
    pub fn keep_connections(&self) -> Vec<String> {
        let stores = self.stores().unwrap_or_else(|error| self.unreadable(&error));
        for (id, _) in stores {
            if let Err(error) = self.keep(id.clone()) {
                self.keeper.log_error(&id, "keeping the connection", &error);
            }
        }
        self.keep_default();
        std::mem::take(&mut self.keeper.lines.lock())
    }

    fn keep(&self, id: StoreId) -> Result<(), KmsError> {
        if self.store.is_claimed(&claim_of(&id))? {
            return Ok(());
        }
        let connection = self.connections.of(&id);
        let (_, read) = self.view(|view| self.custom_key_store(view, &id.0))?;
        let record = read.value;
        if record.hsm().is_none() {
            self.keep_external(id, &record);
            return Ok(());
        }
        match (record.state, connection) {
            (ConnectionState::Connected, Some(connection)) => self.tend_store(&id, &connection, &record),
            (ConnectionState::Connected, None) => match record.error_code {
                None => self.finish_connecting(&id, record.attempt),
                Some(code) => self.keeper.see(&id, &format!("no connection: {}", code.name())),
            },
            (ConnectionState::Connecting | ConnectionState::Disconnecting, _) => self.go_on(id, &record),
            (ConnectionState::Failed, None) => {}
            (ConnectionState::Disconnected, None) => drop(self.keeper.seen.lock().remove(&id)),
            (ConnectionState::Disconnected | ConnectionState::Failed, Some(_)) => self.close_leftover(&id)?,
        }
        Ok(())
    }

    fn keep_external(&self, id: StoreId, record: &StoreRecord) {
        match record.state {
            ConnectionState::Connected => self.watch(&id, record.attempt),
            ConnectionState::Connecting | ConnectionState::Disconnecting => self.go_on(id, record),
            ConnectionState::Failed => {}
            ConnectionState::Disconnected => {
                self.forget_proxy(&id);
                self.keeper.seen.lock().remove(&id);
            }
        }
    }

    fn tend_store(&self, id: &StoreId, connection: &Arc<Connection>, record: &StoreRecord) {
        if let Some(cluster) = self.cluster_of(id, connection, record) {
            self.tend(id, connection, cluster.ok());
        }
    }

    /// What the directory says of the connection's cluster. `None`: one cannot know that this record, and its cluster, are of
    /// this connection.
    fn cluster_of(
        &self,
        id: &StoreId,
        connection: &Arc<Connection>,
        record: &StoreRecord,
    ) -> Option<Result<Option<ClusterFacts>, DirectoryError>> {
        let now = self.connections.of(id)?;
        let hsm = record.hsm().filter(|_| Arc::ptr_eq(&now, connection))?;
        Some(self.directory.cluster(&hsm.cluster_id))
    }

    /// Closes the connection of a key store that another process has disconnected.
    fn close_leftover(&self, id: &StoreId) -> Result<(), KmsError> {
        let Some(_claim) = self.store.claim(&claim_of(id), ClaimKind::Exclusive)? else { return Ok(()) };
        let (_, read) = self.view(|view| self.custom_key_store(view, &id.0))?;
        if matches!(read.value.state, ConnectionState::Disconnected | ConnectionState::Failed) {
            self.connections.close(id);
        }
        Ok(())
    }

    fn go_on(&self, id: StoreId, record: &StoreRecord) {
        let attempt = record.attempt;
        match record.state {
            ConnectionState::Connecting | ConnectionState::Connected => {
                self.tasks.push(Task::Connect { id, attempt });
            }
            ConnectionState::Disconnecting => self.tasks.push(Task::Disconnect { id, attempt }),
            ConnectionState::Disconnected | ConnectionState::Failed => {}
        }
    }

    fn keep_default(&self) {
        let id = default_store();
        let Some(connection) = self.connections.of(&id) else { return };
        self.tend(&id, &connection, self.default_facts().ok());
    }

    /// For an operation that found no HSM: follows those that are active now, as `keep_connections` will, and tries them.
    pub(super) fn look_again(&self, id: Option<&StoreId>, connection: &Arc<Connection>) -> Look {
        let cluster = match id {
            Some(id) => self
                .view(|view| self.custom_key_store(view, &id.0))
                .ok()
                .filter(|(_, read)| read.value.state == ConnectionState::Connected)
                .and_then(|(_, read)| self.cluster_of(id, connection, &read.value)),
            None => Some(self.default_facts()),
        };
        let Some(Ok(Some(cluster))) = cluster else { return Look::NoneActive };
        let slots = cluster.active_slots();
        if !cluster.is_active || slots.is_empty() {
            return Look::NoneActive;
        }
        connection.follow(&slots);
        connection.mend();
        match connection.status().iter().any(|hsm| hsm.is_working) {
            true => Look::Working,
            false => Look::NoneWorking,
        }
    }

    fn default_facts(&self) -> Result<Option<ClusterFacts>, DirectoryError> {
        Ok(self.directory.default_cluster()?.map(|cluster| cluster.facts))
    }

    /// `cluster`: what the directory says, if it can say anything; `Some(None)`: it is gone.
    fn tend(&self, id: &StoreId, connection: &Connection, cluster: Option<Option<ClusterFacts>>) {
        if let Some(cluster) = cluster {
            let active = cluster.filter(|cluster| cluster.is_active);
            connection.follow(&active.map(|cluster| cluster.active_slots()).unwrap_or_default());
        }
        connection.mend();
        let hsms = connection.status();
        let working = hsms.iter().filter(|hsm| hsm.is_working).count();
        self.keeper.see(id, &format!("{working} of {} HSMs work", hsms.len()));
    }

    fn unreadable<T>(&self, error: &KmsError) -> Vec<T> {
        self.keeper.log_error(&default_store(), "reading the records", error);
        Vec::new()
    }

    pub(crate) fn stores(&self) -> Result<Vec<(StoreId, StoreRecord)>, KmsError> {
        let (from, to) = keys::stores();
        self.view(|view| {
            let mut stores = Vec::new();
            view.range(&from, &to, |key, record: StoreRecord| {
                let id = StoreId(String::from_utf8_lossy(&key[from.len()..]).into_owned());
                stores.push((id, record));
                Ok(ControlFlow::Continue(()))
            })?;
            Ok(stores)
        })
    }
}
