//! What the HSMs of a group have in common: the module, and the login.

use super::{keys, modules};
use crate::failure::Failure;
use crate::xks_proxy::settings::{HsmGroupSettings, KeyName};
use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::RawAuthPin;
use parking_lot::Mutex;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use vhsm_keystore::{Fault, HsmError, Module};

/// How long one HSM's login waits for another's: a wrong PIN shall be tried once and not on each HSM, yet an HSM whose
/// C_Login hangs must not keep the others from working.
const TURN: Duration = Duration::from_secs(2);

pub(super) struct Access {
    pub settings: HsmGroupSettings,
    module: OnceLock<Arc<Module>>,
    /// What the PIN met with. It is not tried again: some more wrong ones would lock the user. Held by who logs in.
    refused: Mutex<Option<String>>,
    /// CKA_ID of the probe's keys.
    probe_ids: Mutex<Vec<Vec<u8>>>,
}

impl Access {
    pub fn new(settings: HsmGroupSettings) -> Self {
        Self { settings, module: OnceLock::new(), refused: Mutex::default(), probe_ids: Mutex::default() }
    }

    /// Loads the module, which may block. Errors: it cannot be.
    pub fn load(&self) -> Result<(), Failure> {
        let module = modules::load(&self.settings.module)?;
        let _ = self.module.set(module);
        Ok(())
    }

    /// `None`: it is not loaded yet.
    pub fn module(&self) -> Option<&Module> {
        self.module.get().map(|module| &**module)
    }

    /// A new session, logged in.
    pub fn session(&self, slot_id: u64) -> Result<Session, Fault> {
        let module = self.module().ok_or_else(|| Fault::Gone("the module is not loaded yet".into()))?;
        let (pkcs11, slot) = (module.pkcs11(), Slot::try_from(slot_id)?);
        // CloudHSM knows read-write sessions alone, and the probe's key takes one to be made.
        let session = match pkcs11.open_rw_session(slot) {
            Err(Error::Pkcs11(RvError::TokenWriteProtected, _)) => pkcs11.open_ro_session(slot)?,
            opened => opened?,
        };
        if !is_user(&session)? {
            self.log_in(&session)?;
        }
        Ok(session)
    }

    pub fn probe_has_id(&self, id: &[u8]) {
        let mut ids = self.probe_ids.lock();
        if !id.is_empty() && !ids.iter().any(|known| known == id) {
            ids.push(id.to_vec());
        }
    }

    /// Whether an external key id names a key of the probe.
    pub fn is_probe(&self, key_id: &str) -> bool {
        match self.settings.named_by {
            KeyName::Label => key_id == self.settings.probe_label,
            KeyName::Id => {
                let is_it = |id: &Vec<u8>| keys::bytes(key_id).is_some_and(|bytes| bytes == *id);
                self.probe_ids.lock().iter().any(is_it)
            }
        }
    }

    /// The PIN may be tried once more.
    pub fn forgive(&self) {
        if let Some(mut refused) = self.refused.try_lock() {
            *refused = None;
        }
    }

    fn log_in(&self, session: &Session) -> Result<(), Fault> {
        let turn = self.refused.try_lock_for(TURN);
        if let Some(Some(refused)) = turn.as_deref() {
            return Err(Fault::Refused(HsmError::Failed(refused.clone())));
        }
        let pin = RawAuthPin::new(Box::new(self.settings.pin.to_vec()));
        match session.login_with_raw(UserType::User, &pin) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
            Err(error) => {
                let fault = Fault::of_login(&error);
                if let (Fault::Refused(HsmError::WrongPassword | HsmError::LockedOut), Some(mut refused)) =
                    (&fault, turn)
                {
                    *refused = Some(format!("C_Login: {fault}; it is not tried again before a reload"));
                }
                Err(fault)
            }
        }
    }
}

/// Whether the session is logged in as the user; every session of the token is, or none.
pub(super) fn is_user(session: &Session) -> Result<bool, Error> {
    let state = session.get_session_info()?.session_state();
    Ok(matches!(state, SessionState::RwUser | SessionState::RoUser))
}
