//! One HSM of a connection: its sessions, and whether it works.
//!
//! Sessions are opened as they are needed and then kept: the last one that closes would log the user out (PKCS#11 3.1
//! sec. 5.6.2). All are read-write, as CloudHSM knows no others.

use super::connection::HsmStatus;
use super::error::HsmError;
use super::fault::{Fault, code};
use super::handles::Handles;
use super::module::Claim;
use cryptoki::error::RvError;
use cryptoki::object::ObjectHandle;
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::types::RawAuthPin;
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;
use zeroize::Zeroizing;

/// How a connection's user logs in: the same on all its HSMs.
pub(super) struct Credentials {
    pub pin: Zeroizing<Vec<u8>>,
    /// What the PIN met with. It is not tried again: some more wrong ones would lock the user.
    pub refused: Option<HsmError>,
}

pub(super) struct Hsm {
    claim: Claim,
    /// The most sessions.
    limit: usize,
    credentials: Arc<Mutex<Credentials>>,
    pool: Mutex<Pool>,
    /// A session came back, or may be opened.
    freed: Condvar,
    is_working: AtomicBool,
    /// How often it was entered: what went wrong before says nothing about it now.
    entries: AtomicU64,
    /// Why it does not work. Held by who changes the two above.
    trouble: Mutex<String>,
    pub handles: Handles<ObjectHandle>,
    /// The HSM makes the IVs of AES-GCM itself, and refuses others.
    pub makes_ivs: AtomicBool,
    operations: AtomicU64,
    failures: AtomicU64,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Session>,
    /// Those that are idle and those in use.
    open: usize,
}

impl Hsm {
    /// Not yet working: see `enter`.
    pub fn new(claim: Claim, limit: usize, credentials: Arc<Mutex<Credentials>>) -> Self {
        Self {
            claim,
            limit,
            credentials,
            pool: Mutex::default(),
            freed: Condvar::new(),
            is_working: AtomicBool::new(false),
            entries: AtomicU64::new(0),
            trouble: Mutex::default(),
            handles: Handles::new(),
            makes_ivs: AtomicBool::new(false),
            operations: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }

    pub fn slot_id(&self) -> u64 {
        self.claim.slot_id
    }

    pub fn is_working(&self) -> bool {
        self.is_working.load(Ordering::Relaxed)
    }

    pub fn trouble(&self) -> String {
        self.trouble.lock().clone()
    }

    /// Opens a session and logs in: from then on it works. Errors: `Refused(LoggedIn)`: somebody else in this process is
    /// logged in, where `may_be_logged_in` does not allow it: then the PIN could not be tried.
    pub fn enter(&self, may_be_logged_in: bool) -> Result<(), Fault> {
        let session = self.claim.module.open_session(self.slot_id())?;
        if !is_user(&session)? {
            self.log_in(&session)?;
        } else if self.claim.was_free && !may_be_logged_in {
            return Err(Fault::Refused(HsmError::LoggedIn));
        }
        // The new session keeps the login while earlier ones, whose HSM may have been away, are closed.
        self.close_idle();
        self.handles.forget_all();
        let mut pool = self.pool.lock();
        pool.idle.push(session);
        pool.open += 1;
        drop(pool);
        let changing = self.trouble.lock();
        self.entries.fetch_add(1, Ordering::AcqRel);
        self.is_working.store(true, Ordering::Relaxed);
        drop(changing);
        self.freed.notify_one();
        Ok(())
    }

    /// It could not be entered: operations pass it by.
    pub fn still_failed(&self, fault: &Fault) {
        *self.trouble.lock() = fault.to_string();
    }

    /// From now on operations pass it by, until it is entered again; if it was not since it was entered so often.
    fn fail(&self, fault: &Fault, entries: u64) {
        let mut trouble = self.trouble.lock();
        if self.entries.load(Ordering::Acquire) != entries {
            return;
        }
        *trouble = fault.to_string();
        // Of several threads that find it so, one counts.
        if self.is_working.swap(false, Ordering::Relaxed) {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
        drop(trouble);
        self.close_idle();
    }

    /// Runs a call on one of its sessions, and where that is gone on a new one; then the HSM has failed. `until`: how long to
    /// wait for a session. Errors: `Full` at that time; `Doubtful`: the HSM works, but does not do this; with `Gone` and `Broken`
    /// another HSM may do better.
    pub fn run<R>(
        &self,
        until: Option<Instant>,
        call: &mut impl FnMut(&Hsm, &Session) -> Result<R, Fault>,
    ) -> Result<R, Fault> {
        let entries = self.entries.load(Ordering::Acquire);
        loop {
            let lease = match self.lease(until) {
                Ok(lease) => lease,
                Err(Fault::Full) => return Err(Fault::Full),
                Err(fault) => return Err(self.failed(fault, entries)),
            };
            let fault = match call(self, lease.session()) {
                Ok(answer) => {
                    self.operations.fetch_add(1, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(fault) => fault,
            };
            match fault {
                Fault::Refused(HsmError::Mismatch | HsmError::NoKey) | Fault::NoObject => return Err(fault),
                Fault::Refused(_) | Fault::Full => {
                    lease.discard();
                    return Err(fault);
                }
                // Only a new session tells: others that end like this one may still come back to the pool.
                Fault::Gone(_) | Fault::Broken(_) | Fault::Doubtful(_) if !lease.is_new => {
                    lease.discard();
                    self.close_idle();
                }
                Fault::Doubtful(_) if answers(lease.session()) => {
                    lease.discard();
                    return Err(fault);
                }
                Fault::Gone(_) | Fault::Broken(_) | Fault::Doubtful(_) => {
                    lease.discard();
                    return Err(self.failed(fault, entries));
                }
            }
        }
    }

    /// It has failed: the request is not at fault.
    fn failed(&self, fault: Fault, entries: u64) -> Fault {
        self.fail(&fault, entries);
        match fault {
            Fault::Gone(text) | Fault::Doubtful(text) => Fault::Broken(text),
            fault => fault,
        }
    }

    fn lease(&self, until: Option<Instant>) -> Result<Lease<'_>, Fault> {
        let mut may_open = true;
        let mut pool = self.pool.lock();
        loop {
            if let Some(session) = pool.idle.pop() {
                return Ok(Lease { hsm: self, session: Some(session), is_new: false });
            }
            if may_open && pool.open < self.limit {
                pool.open += 1;
                drop(pool);
                match self.opened() {
                    Ok(session) => return Ok(Lease { hsm: self, session: Some(session), is_new: true }),
                    Err(fault) => {
                        self.one_less();
                        match fault {
                            // The module's own limit is lower: one that comes back will do.
                            Fault::Full if until.is_some() => may_open = false,
                            fault => return Err(fault),
                        }
                    }
                }
                pool = self.pool.lock();
                continue;
            }
            let Some(until) = until else { return Err(Fault::Full) };
            if self.freed.wait_until(&mut pool, until).timed_out() {
                return pool.idle.pop().map_or(Err(Fault::Full), |session| {
                    Ok(Lease { hsm: self, session: Some(session), is_new: false })
                });
            }
        }
    }

    /// A new session, logged in.
    fn opened(&self) -> Result<Session, Fault> {
        let session = self.claim.module.open_session(self.slot_id())?;
        if !is_user(&session)? {
            self.log_in(&session)?;
        }
        Ok(session)
    }

    /// One at a time over all HSMs of the connection: many threads with a wrong PIN must not lock the user.
    fn log_in(&self, session: &Session) -> Result<(), Fault> {
        let mut credentials = self.credentials.lock();
        if let Some(refused) = &credentials.refused {
            return Err(Fault::Refused(refused.clone()));
        }
        let pin = RawAuthPin::new(Box::new(credentials.pin.to_vec()));
        match session.login_with_raw(UserType::User, &pin) {
            Ok(()) => {
                self.handles.forget_all();
                Ok(())
            }
            Err(error) if code(&error) == Some(RvError::UserAlreadyLoggedIn) => Ok(()),
            Err(error) => {
                let fault = Fault::of_login(&error);
                if let Fault::Refused(refused @ (HsmError::WrongPassword | HsmError::LockedOut)) = &fault {
                    credentials.refused = Some(refused.clone());
                }
                Err(fault)
            }
        }
    }

    fn close_idle(&self) {
        let mut pool = self.pool.lock();
        let idle = std::mem::take(&mut pool.idle);
        pool.open -= idle.len();
        drop(pool);
        drop(idle);
        self.freed.notify_all();
    }

    fn one_less(&self) {
        self.pool.lock().open -= 1;
        self.freed.notify_one();
    }

    pub fn status(&self) -> HsmStatus {
        let pool = self.pool.lock();
        HsmStatus {
            slot_id: self.slot_id(),
            is_working: self.is_working(),
            sessions: pool.open,
            idle_sessions: pool.idle.len(),
            operations: self.operations.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Hsm {
    fn drop(&mut self) {
        self.claim.end(std::mem::take(&mut self.pool.get_mut().idle));
    }
}

/// A session in use by one thread.
struct Lease<'a> {
    hsm: &'a Hsm,
    session: Option<Session>,
    is_new: bool,
}

impl Lease<'_> {
    fn session(&self) -> &Session {
        // It is taken out by `discard` and `drop` alone, which end the lease.
        self.session.as_ref().expect("a lease has its session")
    }

    /// Closes the session.
    fn discard(mut self) {
        drop(self.session.take());
        self.hsm.one_less();
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            self.hsm.pool.lock().idle.push(session);
            self.hsm.freed.notify_one();
        }
    }
}

pub(super) fn is_user(session: &Session) -> Result<bool, Fault> {
    let state = session.get_session_info()?.session_state();
    Ok(matches!(state, SessionState::RwUser | SessionState::RoUser))
}

/// Whether an HSM does anything at all.
fn answers(session: &Session) -> bool {
    session.generate_random_slice(&mut [0; 8]).is_ok()
}
