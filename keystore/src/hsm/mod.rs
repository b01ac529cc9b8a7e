//! PKCS#11: the module, and the sessions of each key store on its HSMs.
//!
//! A [`Connection`] is logged in as one user on the HSMs of one cluster. Its sessions are pooled per HSM; each operation takes
//! the next working HSM, and moves on to another where one fails, unnoticed by the caller. HSMs that fail are tried again by
//! [`Connection::mend`]; HSMs that come and go are told by [`Connection::follow`].

use crate::ids::{BackingKeyId, StoreId};
use std::sync::Arc;
use zeroize::Zeroizing;

/// A PKCS#11 module: this very program's library, or one from a file. Initialized once for a process.
pub struct Module {}

impl Module {
    /// The library that this program exports itself (C_GetFunctionList).
    pub fn of_this_program() -> Result<Self, HsmError> {
        todo!()
    }

    pub fn load(path: &std::path::Path) -> Result<Self, HsmError> {
        let _ = path;
        todo!()
    }
}

/// The open connections, by key store; and that of the default key store.
pub(crate) struct Connections {}

impl Connections {
    pub fn new(module: Arc<Module>, sessions_per_hsm: usize) -> Self {
        let _ = (module, sessions_per_hsm);
        todo!()
    }

    /// Logs in on each of these slots. Errors: those of the first HSM that refuses the login; `NoHsm` where none works. HSMs
    /// that fail for other reasons are left for `mend`, if one works. It is not yet to be had by `of`.
    pub fn open(&self, slots: &[u64], pin: &[u8]) -> Result<Arc<Connection>, HsmError> {
        let _ = (slots, pin);
        todo!()
    }

    /// The connection of a store; `None`: it has none now.
    pub fn of(&self, store: &StoreId) -> Option<Arc<Connection>> {
        let _ = store;
        todo!()
    }

    /// From now on `of` answers it; an earlier one is closed.
    pub fn put(&self, store: &StoreId, connection: Arc<Connection>) {
        let _ = (store, connection);
        todo!()
    }

    /// Takes it out and closes it: logged out, sessions closed when their calls are done.
    pub fn close(&self, store: &StoreId) {
        let _ = store;
        todo!()
    }
}

/// One user's sessions on the HSMs of one cluster.
pub struct Connection {}

impl Connection {
    /// Makes a 256-bit AES key that never leaves the HSMs (reference/cloudhsm.md sec. 3, "Key material KMS creates").
    pub fn generate_key(&self, label: &str, id: &BackingKeyId) -> Result<(), HsmError> {
        let _ = (label, id);
        todo!()
    }

    /// Destroys it. `false`: there was none.
    pub fn destroy_key(&self, id: &BackingKeyId) -> Result<bool, HsmError> {
        let _ = id;
        todo!()
    }

    /// AES-256-GCM with a new IV of 96 random bits from the HSM, which stands before the ciphertext; the tag of 128 bits behind it.
    /// Errors: `NoKey`.
    pub fn encrypt(&self, id: &BackingKeyId, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, HsmError> {
        let _ = (id, aad, plaintext);
        todo!()
    }

    /// What `encrypt` made. Errors: `Mismatch`, `NoKey`.
    pub fn decrypt(
        &self,
        id: &BackingKeyId,
        aad: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, HsmError> {
        let _ = (id, aad, sealed);
        todo!()
    }

    /// From the HSM's generator.
    pub fn random(&self, bytes: usize) -> Result<Zeroizing<Vec<u8>>, HsmError> {
        let _ = bytes;
        todo!()
    }

    /// C_SetPIN: another password for the user that is logged in. `old` and `new` as C_SetPIN takes them.
    pub fn set_pin(&self, old: &[u8], new: &[u8]) -> Result<(), HsmError> {
        let _ = (old, new);
        todo!()
    }

    /// From now on these are the active HSMs: sessions on others are let go, new ones log in.
    pub fn follow(&self, slots: &[u64]) {
        let _ = slots;
        todo!()
    }

    /// Tries failed HSMs again. `true`: all work.
    pub fn mend(&self) -> bool {
        todo!()
    }

    pub fn status(&self) -> Vec<HsmStatus> {
        todo!()
    }
}

/// One HSM of a connection, for metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HsmStatus {
    pub slot_id: u64,
    pub is_working: bool,
    pub sessions: usize,
    pub idle_sessions: usize,
}

/// What HSMs answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HsmError {
    /// None of the HSMs works now; why the last one did not.
    #[error("no HSM works: {0}")]
    NoHsm(String),
    /// The HSMs have no session left (CKR_SESSION_COUNT), and none came free in time.
    #[error("no PKCS#11 session left")]
    NoSession,
    #[error("the key material is not in the HSM")]
    NoKey,
    /// A ciphertext, its aad or its tag is not what was made.
    #[error("the ciphertext or what is authenticated with it was changed")]
    Mismatch,
    #[error("the password is wrong")]
    WrongPassword,
    #[error("the user is locked")]
    LockedOut,
    /// By another process.
    #[error("the user is logged in elsewhere")]
    LoggedIn,
    /// Anything else, by function and CKR code: no secret.
    #[error("{0}")]
    Failed(String),
}
