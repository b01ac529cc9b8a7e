//! The rest of ConnectCustomKeyStore: logs in as kmsuser on every HSM and gives it a password that nobody else knows.
//!
//! The record has kmsuser's `password`, and a `pending_password` while it is not known whether the cluster has taken it:
//!
//! 1. The new password is sealed and stored as pending.
//! 2. The HSMs are given it (C_SetPIN).
//! 3. Pending becomes `password`, and the key store CONNECTED: one commit. The former also where a Disconnect came between.
//!
//! Cut off before 1, the cluster has `password`; after 3 as well. Cut off between, it has the one or the other: the next connect
//! tries pending first. Where that is refused the HSMs were never given it, and it is forgotten before `password` is tried,
//! so that it costs one wrong try ever. The right password then clears the count of wrong ones.
//!
//! Five wrong tries lock kmsuser. So a password is tried only when the store has just shown that it takes writes, a refusal is
//! written down before anything else (and remembered here where even that fails), and what was refused is not tried again
//! until the owner asks for it.

use super::keep::Verdict;
use super::password::{self, Password, USER};
use crate::error::KmsError;
use crate::hsm::{Connection, HsmError};
use crate::ids::StoreId;
use crate::kms::Kms;
use crate::records::Change;
use crate::records::store::{CloudHsmStore, ConnectionErrorCode, ConnectionState, StoreKind, StoreRecord};
use std::sync::Arc;
use std::time::Duration;
use vhsm_store::ClaimKind;

/// How long one waits for another that connects or disconnects the same key store.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(60);

/// Why connecting ends before its end.
enum Stop {
    /// The key store is not, or no longer, waiting for this.
    NotDue,
    Failed(Verdict),
}

impl From<KmsError> for Stop {
    fn from(error: KmsError) -> Self {
        let detail = error.detail.unwrap_or(error.message);
        Stop::Failed(Verdict::new(ConnectionErrorCode::InternalError, detail))
    }
}

impl From<HsmError> for Stop {
    fn from(error: HsmError) -> Self {
        let code = match error {
            HsmError::NoHsm(_) => ConnectionErrorCode::NetworkErrors,
            HsmError::WrongPassword => ConnectionErrorCode::InvalidCredentials,
            HsmError::LockedOut => ConnectionErrorCode::UserLockedOut,
            HsmError::LoggedIn => ConnectionErrorCode::UserLoggedIn,
            HsmError::NoSession | HsmError::NoKey | HsmError::Mismatch | HsmError::Failed(_) => {
                ConnectionErrorCode::InternalError
            }
        };
        Stop::Failed(Verdict::new(code, error.to_string()))
    }
}

/// Logged in, as kmsuser, with this password.
struct Login {
    connection: Arc<Connection>,
    password: Password,
    /// It was the pending one, as it is sealed.
    pending: Option<Vec<u8>>,
}

impl Kms {
    /// Connects a key store that is CONNECTING; and one that is CONNECTED but has no connection, whose password stays.
    pub(crate) fn finish_connecting(&self, id: &StoreId, attempt: u64) {
        let ended = self.alone_with(id, || {
            let stop = match self.keeper.unwritten(id, attempt) {
                Some(verdict) => Stop::Failed(verdict),
                None => match self.connect(id, attempt) {
                    Ok(()) => return Ok(()),
                    Err(stop) => stop,
                },
            };
            match stop {
                Stop::NotDue => Ok(()),
                Stop::Failed(verdict) => self.write_down(id, attempt, verdict),
            }
        });
        if let Err(error) = ended {
            self.keeper.log_error(id, "connecting", &error);
        }
    }

    /// Runs `body` while nobody else, in whatever process, connects or disconnects this key store.
    pub(super) fn alone_with(
        &self,
        id: &StoreId,
        body: impl FnOnce() -> Result<(), KmsError>,
    ) -> Result<(), KmsError> {
        match self.store.claim_within(&claim_of(id), ClaimKind::Exclusive, CLAIM_TIMEOUT)? {
            Some(_claim) => body(),
            None => Err(KmsError::internal("the key store is still being connected or disconnected")),
        }
    }

    fn connect(&self, id: &StoreId, attempt: u64) -> Result<(), Stop> {
        let (_, read) = self.view(|view| self.custom_key_store(view, &id.0))?;
        let record = read.value;
        match (&record.kind, record.state) {
            _ if record.attempt != attempt => Err(Stop::NotDue),
            (StoreKind::CloudHsm(hsm), ConnectionState::Connecting) => {
                self.log_out(id);
                self.connect_to_hsms(id, attempt, hsm)
            }
            (StoreKind::CloudHsm(hsm), ConnectionState::Connected)
                if record.error_code.is_none() && self.connections.of(id).is_none() =>
            {
                self.connect_to_hsms(id, attempt, hsm)
            }
            (StoreKind::External(store), ConnectionState::Connecting) => {
                self.reach_proxy(id, store)?.map_err(Stop::Failed)?;
                self.enter_connected(id, attempt, None)
            }
            _ => Err(Stop::NotDue),
        }
    }

    fn connect_to_hsms(&self, id: &StoreId, attempt: u64, hsm: &CloudHsmStore) -> Result<(), Stop> {
        let slots = self.slots_for(hsm)?;
        let record = self.writable_record(id, attempt)?;
        let login = self.log_in(id, record.as_cluster()?, &slots)?;
        self.connections.put(id, Arc::clone(&login.connection));
        let entered = match (record.state, &login.pending) {
            (ConnectionState::Connecting, None) => self.rotate_password(id, attempt, &login),
            _ => self.enter_connected(id, attempt, login.pending.as_deref()),
        };
        entered.inspect_err(|_| self.connections.close(id))
    }

    /// The slots of the cluster's active HSMs. Asks no HSM, and so costs no try of the password.
    fn slots_for(&self, hsm: &CloudHsmStore) -> Result<Vec<u64>, Stop> {
        let failed = |code, detail: &str| Err(Stop::Failed(Verdict::new(code, detail)));
        let cluster = self.directory.cluster(&hsm.cluster_id).map_err(KmsError::from)?;
        let Some(cluster) = cluster else {
            return failed(ConnectionErrorCode::ClusterNotFound, &hsm.cluster_id);
        };
        let slots = cluster.active_slots();
        if !cluster.is_active || slots.is_empty() {
            return failed(ConnectionErrorCode::InsufficientCloudHsmHsms, &cluster.state);
        }
        match self.directory.crypto_user(&hsm.cluster_id, USER).map_err(KmsError::from)? {
            None => failed(ConnectionErrorCode::UserNotFound, USER),
            Some(user) if user.is_locked => failed(ConnectionErrorCode::UserLockedOut, USER),
            Some(user) if user.is_logged_in => failed(ConnectionErrorCode::UserLoggedIn, USER),
            Some(_) => Ok(slots),
        }
    }

    /// The record, after a write of it: where that fails no password may be tried, for the outcome could not be kept.
    fn writable_record(&self, id: &StoreId, attempt: u64) -> Result<StoreRecord, Stop> {
        let record = self.transact(|view| {
            let (_, read) = self.custom_key_store(view, &id.0)?;
            Ok((Change::default().update(&read, &read.value)?, read.value))
        })?;
        match record.attempt == attempt {
            true => Ok(record),
            false => Err(Stop::NotDue),
        }
    }

    fn log_in(&self, id: &StoreId, hsm: &CloudHsmStore, slots: &[u64]) -> Result<Login, Stop> {
        if let Some(pending) = &hsm.pending_password {
            let password = self.open_password(id, pending)?;
            match self.connections.open(slots, &self.pin_of(&password)) {
                Ok(connection) => return Ok(Login { connection, password, pending: Some(pending.clone()) }),
                Err(HsmError::WrongPassword) => self.forget_pending(id, pending)?,
                Err(error) => return Err(error.into()),
            }
        }
        let password = self.open_password(id, &hsm.password)?;
        let connection = self.connections.open(slots, &self.pin_of(&password))?;
        Ok(Login { connection, password, pending: None })
    }

    /// Steps 1 to 3 above.
    fn rotate_password(&self, id: &StoreId, attempt: u64, login: &Login) -> Result<(), Stop> {
        let new = password::generate(&login.connection)?;
        let sealed = self.seal_password(id, &new)?;
        self.store_pending(id, attempt, &sealed)?;
        // The old one as C_Login takes it, the new one alone.
        match login.connection.set_pin(&self.pin_of(&login.password), &new) {
            Ok(()) => self.enter_connected(id, attempt, Some(&sealed)),
            Err(error @ HsmError::Failed(_)) => Err(error.into()),
            // All else says that nothing was done.
            Err(error) => Err(Stop::from(error).without_pending(sealed)),
        }
    }

    fn store_pending(&self, id: &StoreId, attempt: u64, sealed: &[u8]) -> Result<(), Stop> {
        let stored = self.change_store(id, |record| {
            let is_due = record.state == ConnectionState::Connecting && record.attempt == attempt;
            if is_due {
                record.as_cluster_mut()?.pending_password = Some(sealed.into());
            }
            Ok(is_due)
        });
        match stored {
            Ok(true) => Ok(()),
            Ok(false) => Err(Stop::NotDue),
            // A commit that failed may yet be there; but the HSMs have not been given the password.
            Err(error) => Err(Stop::from(error).without_pending(sealed.into())),
        }
    }

    /// `taken`: the pending password that the HSMs have, which is to be kept whatever became of the attempt.
    fn enter_connected(&self, id: &StoreId, attempt: u64, taken: Option<&[u8]>) -> Result<(), Stop> {
        let is_connected = self.change_store(id, |record| {
            if taken.is_some() {
                let hsm = record.as_cluster_mut()?;
                if hsm.pending_password.as_deref() == taken {
                    hsm.password = hsm.pending_password.take().unwrap_or_default();
                }
            }
            let is_due = record.attempt == attempt;
            if is_due {
                record.enter(ConnectionState::Connected, None);
            }
            Ok(is_due)
        })?;
        if is_connected { Ok(()) } else { Err(Stop::NotDue) }
    }

    fn forget_pending(&self, id: &StoreId, sealed: &[u8]) -> Result<(), KmsError> {
        self.change_store(id, |record| {
            let pending = &mut record.as_cluster_mut()?.pending_password;
            if pending.as_deref() == Some(sealed) {
                *pending = None;
            }
            Ok(())
        })
    }

    /// FAILED, for a key store that was CONNECTING. One that is CONNECTED stays so (reference sec. 2, "Behaviour details"), and
    /// has a refusal of its password noted.
    fn write_down(&self, id: &StoreId, attempt: u64, verdict: Verdict) -> Result<(), KmsError> {
        self.keeper.remember(id, attempt, &verdict);
        let state = self.change_store(id, |record| {
            if verdict.never_given.is_some() {
                let hsm = record.as_cluster_mut()?;
                hsm.pending_password.take_if(|pending| Some(&*pending) == verdict.never_given.as_ref());
            }
            if record.attempt == attempt {
                match record.state {
                    ConnectionState::Connecting => {
                        record.enter(ConnectionState::Failed, Some(verdict.code));
                    }
                    ConnectionState::Connected if verdict.is_refusal() => {
                        record.error_code = Some(verdict.code);
                    }
                    _ => {}
                }
            }
            Ok(record.state)
        })?;
        self.keeper.forget(id);
        self.keeper.see(id, &format!("{}, {}: {}", state.name(), verdict.code.name(), verdict.detail));
        Ok(())
    }
}

impl Stop {
    /// With a pending password that the HSMs were never given.
    fn without_pending(self, sealed: Vec<u8>) -> Self {
        match self {
            Stop::Failed(verdict) => Stop::Failed(Verdict { never_given: Some(sealed), ..verdict }),
            Stop::NotDue => Stop::NotDue,
        }
    }
}

/// Whose holder connects or disconnects this key store.
pub(super) fn claim_of(id: &StoreId) -> Vec<u8> {
    format!("kms: {id}").into_bytes()
}
