//! A PKCS#11 library in this process.

use super::error::HsmError;
use super::fault::{code, told};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::session::Session;
use cryptoki::slot::Slot;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// A PKCS#11 module: this very program's library, or one from a file. Initialized once for a process.
pub struct Module {
    pkcs11: Pkcs11,
    /// How many connections use a slot: its login is theirs together.
    users: Mutex<HashMap<u64, usize>>,
}

/// What C_GetTokenInfo tells of a slot's token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenFacts {
    /// CKF_USER_PIN_INITIALIZED
    pub has_user: bool,
    /// CKF_USER_PIN_LOCKED
    pub user_is_locked: bool,
}

impl Module {
    /// The library that this program exports itself (C_GetFunctionList).
    pub fn of_this_program() -> Result<Self, HsmError> {
        Self::initialized("this program's own PKCS#11 library", Pkcs11::new_from_self())
    }

    pub fn load(path: &Path) -> Result<Self, HsmError> {
        Self::initialized(&path.display().to_string(), Pkcs11::new(path))
    }

    fn initialized(name: &str, loaded: Result<Pkcs11, Error>) -> Result<Self, HsmError> {
        let unusable = |error: Error| match error {
            Error::Pkcs11(code, function) => HsmError::Failed(format!("{name}: {}", told(code, function))),
            other => HsmError::Failed(format!("{name} cannot be loaded: {other}")),
        };
        let pkcs11 = loaded.map_err(unusable)?;
        match pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) => {}
            Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(unusable(error)),
        }
        Ok(Self { pkcs11, users: Mutex::default() })
    }

    /// For whoever calls it beside key stores.
    pub fn pkcs11(&self) -> &Pkcs11 {
        &self.pkcs11
    }

    /// The token in a slot; `None`: there is none now, or it does not answer.
    pub fn token(&self, slot_id: u64) -> Option<TokenFacts> {
        let slot = Slot::try_from(slot_id).ok()?;
        match self.pkcs11.get_token_info(slot) {
            Ok(info) => Some(TokenFacts {
                has_user: info.user_pin_initialized(),
                user_is_locked: info.user_pin_locked(),
            }),
            Err(error) if code(&error).is_some() => None,
            // It answered something that the PKCS#11 crate does not take, a time of day say.
            Err(_) => Some(TokenFacts { has_user: true, user_is_locked: false }),
        }
    }

    pub(super) fn open_session(&self, slot_id: u64) -> Result<Session, Error> {
        self.pkcs11.open_rw_session(Slot::try_from(slot_id)?)
    }

    /// Counts a connection's use of a slot in. The claim ends by [`Claim::end`].
    pub(super) fn claim(self: &Arc<Self>, slot_id: u64) -> Claim {
        let mut users = self.users.lock();
        let count = users.entry(slot_id).or_default();
        *count += 1;
        Claim { module: Arc::clone(self), slot_id, was_free: *count == 1 }
    }
}

/// A connection's share in a slot's login.
pub(super) struct Claim {
    pub module: Arc<Module>,
    pub slot_id: u64,
    /// No other connection of this process used the slot before.
    pub was_free: bool,
}

impl Claim {
    /// Closes the sessions; logs out before, if no other connection uses the slot.
    pub fn end(&self, sessions: Vec<Session>) {
        // Held over the calls: who claims the slot next must find it logged out.
        let mut users = self.module.users.lock();
        let is_last = match users.get_mut(&self.slot_id) {
            Some(count) if *count > 1 => {
                *count -= 1;
                false
            }
            _ => users.remove(&self.slot_id).is_some(),
        };
        if let (true, Some(session)) = (is_last, sessions.first()) {
            // An HSM that is gone has logged out by itself.
            let _ = session.logout();
        }
        drop(sessions);
    }
}
