//! Sessions: login state, operations in progress, find.
//!
//! Called by: api, through library. Calls: mechanism, cluster, object. Never sees a pointer of the caller, and
//! holds no lock but the session's own over cryptography.

mod cache;
mod cipher;
mod derive;
mod digest;
mod dual;
mod find;
mod held;
mod ivs;
mod kem;
mod keys;
mod login;
mod message_nonces;
mod message_sign;
mod messages;
mod objects;
mod operation;
mod operation_state;
mod profiles;
mod recover;
mod session_objects;
mod sign;
mod slot;
mod wrap_messages;

pub use derive::NotDerived;
pub use dual::Dual;
pub use held::Held;
pub use ivs::WriteIv;
pub use kem::Encapsulated;
pub use login::{Pin, UserType};
pub use message_sign::Signing;
pub use messages::{Given, Made};
pub use objects::ObjectView;
pub use operation::{Outcome, Step};
pub use session_objects::is_session_handle;
pub use slot::{LoginState, Oddity, SessionCounts, Slot};

use crate::error::{CallError, Error};
use crate::mechanism::{Cipher, Digest, Direction, Mechanism, Recover, Sign};
use crate::sync::{Mutex, MutexGuard};
use find::{Find, Query};
use ivs::LateIv;
use message_sign::SignProcess;
use messages::Process;
use operation::Place;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where a call's result goes.
pub enum Output<'a> {
    /// Null was given: the caller asks for the size.
    Query,
    Buffer(&'a mut [u8]),
}

impl Output<'_> {
    fn asks(&self) -> bool {
        matches!(self, Output::Query)
    }
}

/// A session with the token of one slot.
pub struct Session {
    pub handle: u64,
    /// The id that the session was opened by: its slot's, or that of the cluster's one slot in profile `cloudhsm`.
    pub slot_id: u64,
    pub slot: Arc<Slot>,
    pub read_write: bool,
    /// Set once, before the session's objects go: what a call inside it makes after that goes too.
    closed: AtomicBool,
    state: Mutex<State>,
}

/// What the session works on. Whoever adds a kind of operation adds it to `Operations`, `cancel`, `works_beside_digest`
/// and `drop_stale_keys`.
#[derive(Default)]
struct State {
    encrypt: Place<dyn Cipher>,
    /// Of the encryption in progress.
    late_iv: Option<LateIv>,
    decrypt: Place<dyn Cipher>,
    digest: Place<dyn Digest>,
    sign: Place<dyn Sign>,
    verify: Place<dyn Sign>,
    /// The operation of C_VerifySignatureInit, and the signature that it was given.
    verify_signature: Place<dyn Sign>,
    signature: Vec<u8>,
    sign_recover: Place<dyn Recover>,
    verify_recover: Place<dyn Recover>,
    message_encrypt: Option<Process>,
    message_decrypt: Option<Process>,
    message_sign: Option<SignProcess>,
    message_verify: Option<SignProcess>,
    find: Option<Find>,
    /// Of the last C_xxxInit, for the log.
    last_mechanism: Option<&'static Mechanism>,
}

/// The states of a session (PKCS#11 3.0 sec. 5.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    ReadOnlyPublic,
    ReadOnlyUser,
    ReadWritePublic,
    ReadWriteUser,
    ReadWriteSecurityOfficer,
}

/// The operations that C_SessionCancel names.
#[derive(Debug, Clone, Copy, Default)]
pub struct Operations {
    pub encrypt: bool,
    pub decrypt: bool,
    pub digest: bool,
    pub sign: bool,
    pub verify: bool,
    pub verify_signature: bool,
    pub sign_recover: bool,
    pub verify_recover: bool,
    pub message_encrypt: bool,
    pub message_decrypt: bool,
    pub message_sign: bool,
    pub message_verify: bool,
    pub find: bool,
}

impl Session {
    pub fn new(handle: u64, slot_id: u64, slot: Arc<Slot>, read_write: bool) -> Self {
        Self { handle, slot_id, slot, read_write, closed: AtomicBool::new(false), state: Mutex::default() }
    }

    pub fn session_state(&self) -> SessionState {
        match (self.slot.login_state(), self.read_write) {
            (LoginState::Public, false) => SessionState::ReadOnlyPublic,
            (LoginState::Public, true) => SessionState::ReadWritePublic,
            (LoginState::User(_), false) => SessionState::ReadOnlyUser,
            (LoginState::User(_), true) => SessionState::ReadWriteUser,
            (LoginState::SecurityOfficer(_), _) => SessionState::ReadWriteSecurityOfficer,
        }
    }

    /// Ends the session: its objects and operations go. Waits for a call that is inside it.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.slot.session_objects.close_session(self.handle);
        *self.state() = State::default();
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Forgets every operation and engine, after a panic left them in any state.
    pub fn abandon(&self) {
        *self.state() = State::default();
    }

    /// C_SessionCancel (PKCS#11 3.0 sec. 5.6.8): ends the named operations, those that are not active too.
    pub fn cancel(&self, operations: Operations) {
        let mut state = self.state();
        let State { encrypt, decrypt, digest, sign, verify, .. } = &mut *state;
        let _ = operations.encrypt && encrypt.cancel();
        let _ = operations.decrypt && decrypt.cancel();
        let _ = operations.digest && digest.cancel();
        let _ = operations.sign && sign.cancel();
        let _ = operations.verify && verify.cancel();
        let State { verify_signature, sign_recover, verify_recover, find, .. } = &mut *state;
        let _ = operations.verify_signature && verify_signature.cancel();
        let _ = operations.sign_recover && sign_recover.cancel();
        let _ = operations.verify_recover && verify_recover.cancel();
        if operations.find {
            *find = None;
        }
        let State { message_encrypt, message_decrypt, message_sign, message_verify, .. } = &mut *state;
        message_encrypt.take_if(|_| operations.message_encrypt);
        message_decrypt.take_if(|_| operations.message_decrypt);
        message_sign.take_if(|_| operations.message_sign);
        message_verify.take_if(|_| operations.message_verify);
    }

    /// Forgets engines whose keys were destroyed, changed or logged out.
    pub fn drop_stale_keys(&self) {
        let mut state = self.state();
        let State { encrypt, decrypt, sign, verify, verify_signature, sign_recover, verify_recover, .. } =
            &mut *state;
        encrypt.drop_stale();
        decrypt.drop_stale();
        sign.drop_stale();
        verify.drop_stale();
        verify_signature.drop_stale();
        sign_recover.drop_stale();
        verify_recover.drop_stale();
        let State { message_encrypt, message_decrypt, message_sign, message_verify, .. } = &mut *state;
        message_encrypt.take_if(|process| process.is_stale());
        message_decrypt.take_if(|process| process.is_stale());
        message_sign.take_if(|process| process.is_stale());
        message_verify.take_if(|process| process.is_stale());
    }

    /// The mechanism of the last operation that was begun, for the log; `None` while a call is inside.
    pub fn last_mechanism(&self) -> Option<&'static Mechanism> {
        self.state.try_lock().and_then(|s| s.last_mechanism)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Errors: `SessionReadOnly`.
    fn must_write(&self) -> Result<(), Error> {
        if self.read_write { Ok(()) } else { Err(CallError::SessionReadOnly.into()) }
    }
}

impl Operations {
    /// Every kind there is.
    pub fn all() -> Self {
        Self {
            encrypt: true,
            decrypt: true,
            digest: true,
            sign: true,
            verify: true,
            verify_signature: true,
            sign_recover: true,
            verify_recover: true,
            message_encrypt: true,
            message_decrypt: true,
            message_sign: true,
            message_verify: true,
            find: true,
        }
    }
}

impl State {
    /// Whether an operation waits for C_Login with CKU_CONTEXT_SPECIFIC: only private keys make one wait.
    fn waits_for_login(&self) -> bool {
        let places = self.decrypt.waits_for_login() || self.sign.waits_for_login();
        let messages = self.message_sign.as_ref().is_some_and(SignProcess::waits_for_login);
        places || self.sign_recover.waits_for_login() || messages
    }

    /// The user logged in for the operations that wait.
    fn authenticate(&mut self) {
        self.decrypt.authenticate();
        self.sign.authenticate();
        self.sign_recover.authenticate();
        if let Some(process) = &mut self.message_sign {
            process.authenticate();
        }
    }

    /// Whether a cryptographic operation other than a digest is active.
    fn works_beside_digest(&self) -> bool {
        let ciphers = self.encrypt.is_active() || self.decrypt.is_active();
        let signs = self.sign.is_active() || self.verify.is_active() || self.verify_signature.is_active();
        let messages = [self.message_encrypt.is_some(), self.message_decrypt.is_some()].contains(&true)
            || [self.message_sign.is_some(), self.message_verify.is_some()].contains(&true);
        ciphers || signs || messages || self.sign_recover.is_active() || self.verify_recover.is_active()
    }

    fn cipher(&mut self, direction: Direction) -> &mut Place<dyn Cipher> {
        match direction {
            Direction::Encrypt => &mut self.encrypt,
            Direction::Decrypt => &mut self.decrypt,
        }
    }
}
