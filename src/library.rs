//! One run of the library, from C_Initialize to C_Finalize: its slots, its sessions, and how both follow the store.
//!
//! Called by: api, which finds the current one with each call. A call holds its own reference, so calls in
//! flight during C_Finalize finish; the last one closes the store.

mod events;
mod faults;
mod sessions;
mod slots;
#[cfg(test)]
mod tests;

use crate::cluster::faults::FaultPlan;
use crate::cluster::{Change, Changed, Clusters, Holds, SlotRecord};
use crate::config::Config;
use crate::crypto::random::Seed;
use crate::error::{CallError, ClusterError, Error};
use crate::log::Logger;
use crate::mechanism::Catalog;
use crate::profile::Active;
use crate::session::{LoginState, Pin, Session, SessionCounts, Slot, UserType};
use crate::sync::Mutex;
use cryptoki_sys::CKR_DEVICE_REMOVED;
use events::Events;
use faults::{At, Faults, Setting, Verdict};
use sessions::Sessions;
use slots::Slots;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often a waiting C_WaitForSlotEvent looks whether another process changed the store.
const EVENT_POLL: Duration = Duration::from_millis(50);

/// How long C_InitToken sweeps before it answers: some ten thousand objects.
const SWEEP_AT_MOST: Duration = Duration::from_millis(500);
/// And how long C_Finalize goes on with what is left.
const SWEEP_AT_END: Duration = Duration::from_millis(100);

pub struct Library {
    pub config: Config,
    pub active: Active,
    /// The mechanisms that this library, as it is configured, has.
    pub mechanisms: Catalog,
    pub log: Logger,
    pub clusters: Arc<Clusters>,
    slots: Slots,
    sessions: Sessions,
    faults: Faults,
    /// The revision that caches and slots follow.
    seen: AtomicU64,
    /// Held while a newer revision is taken over.
    follow: Mutex<()>,
    events: Events,
    finalized: AtomicBool,
    /// What C_SeedRandom gave.
    pub seed: Seed,
}

/// What a call is about: as far as it is known before it is looked at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Concerns {
    pub session: Option<u64>,
    pub slot: Option<u64>,
    /// Of data that it is given to work on.
    pub bytes: u64,
}

impl Library {
    /// Opens the store that the configuration names. Reads its head and its slots, no object.
    pub fn start(config: Config, log: Logger) -> Result<Self, Error> {
        let store = config.open_store()?;
        let clusters = Clusters::open(store, config.password_costs)?;
        let clusters = Arc::new(if config.private { clusters.with_private() } else { clusters });
        let active = config.active();
        let faults = Faults::new(&config.faults)?;
        let library = Self {
            faults,
            config,
            active,
            mechanisms: Catalog::new(&active),
            log,
            clusters,
            slots: Slots::new(active),
            sessions: Sessions::new(),
            seen: AtomicU64::new(0),
            follow: Mutex::new(()),
            events: Events::default(),
            finalized: AtomicBool::new(false),
            seed: Seed::default(),
        };
        library.faults.follow(library.plans()?)?;
        let (revision, records) = library.clusters.slots()?;
        library.take_over(records);
        library.seen.store(revision.0, Ordering::Release);
        Ok(library)
    }

    /// C_Finalize: sessions end, waiters wake. Calls in flight finish.
    pub fn finish(&self) {
        self.finalized.store(true, Ordering::SeqCst);
        self.events.wake();
        for session in self.sessions.matching(|_| true) {
            self.sessions.remove(session.handle);
            session.close();
        }
        self.slots.mark_all_gone();
        self.sweep(SWEEP_AT_END);
    }

    /// Follows the store: after this, caches and slots are what the newest revision says. A few nanoseconds
    /// when nothing changed.
    #[inline]
    pub fn refresh(&self) -> Result<(), Error> {
        if self.clusters.revision().0 == self.seen.load(Ordering::Acquire) {
            return Ok(());
        }
        self.catch_up()
    }

    #[cold]
    fn catch_up(&self) -> Result<(), Error> {
        let _alone = self.follow.lock();
        let seen = self.seen.load(Ordering::Acquire);
        if self.clusters.revision().0 == seen {
            return Ok(());
        }
        let (upto, changed) = self.clusters.changes_since(vhsm_store::Revision(seen))?;
        let slots = self.slots.all();
        match changed {
            Changed::These(changes) => {
                if changes.contains(&Change::Faults) {
                    self.faults.follow(self.plans()?)?;
                }
                if changes.contains(&Change::Slots) || changes.contains(&Change::Faults) {
                    self.read_slots()?;
                }
                for change in &changes {
                    slots.iter().try_for_each(|slot| slot.apply(change))?;
                }
            }
            Changed::Everything => {
                self.faults.follow(self.plans()?)?;
                self.read_slots()?;
                slots.iter().try_for_each(|slot| slot.apply_everything())?;
            }
        }
        self.seen.store(upto.0, Ordering::Release);
        Ok(())
    }

    fn read_slots(&self) -> Result<(), Error> {
        let (_, records) = self.clusters.slots()?;
        self.verify(&records)?;
        self.events.tell(self.take_over(records));
        Ok(())
    }

    /// The slots as the store has them, and as the fault plans do. Gives those with an event.
    fn take_over(&self, mut records: Vec<SlotRecord>) -> Vec<u64> {
        for record in &mut records {
            if let Holds::Token(token) = &record.holds
                && self.faults.lost(record.slot_id)
            {
                record.holds = Holds::Failed(token.clone());
            }
        }
        let events = self.slots.update(&self.clusters, records);
        for slot in self.slots.all().iter() {
            if let (Ok(cluster), Some(hsm)) = (slot.cluster(), slot.hsm()) {
                let at = At { cluster: cluster.id, hsm: &hsm.name, slot_id: slot.id };
                slot.set_oddity(self.faults.oddity(&at));
            }
        }
        events
    }

    /// The clusters' fault plans. Errors: `Corrupt`, of a plan that somebody wrote past the library where somebody is
    /// logged in, and of one that cannot be read.
    fn plans(&self) -> Result<Vec<(Setting, FaultPlan)>, Error> {
        let (mut plans, slots) = (Vec::new(), self.slots.all());
        for stored in self.clusters.fault_plans()? {
            let logins = slots.iter().filter_map(|slot| slot.login());
            logins
                .filter(|login| login.cluster == stored.cluster)
                .try_for_each(|login| stored.verify(&login))?;
            let plan = stored.unverified().map_err(|_| ClusterError::Corrupt("fault plan"))?;
            plans.push((Setting { cluster: stored.cluster, id: stored.id() }, plan));
        }
        Ok(plans)
    }

    /// Before a call: follows the store, and lets the call meet what the fault plans have for it. An error ends the
    /// operation that the call is about, as one from within the call does. Errors: `Injected`, those of the store.
    #[inline]
    pub fn enter(&self, function: &str, call: &Concerns) -> Result<(), Error> {
        if let Err(error) = self.refresh() {
            self.end_operation(function, call);
            return Err(error);
        }
        if self.faults.are_on() { self.meet_faults(function, call) } else { Ok(()) }
    }

    #[cold]
    fn end_operation(&self, function: &str, call: &Concerns) {
        if let Some(session) = call.session.and_then(|handle| self.sessions.lookup(handle)) {
            session.cancel(faults::ended_by(function));
        }
    }

    #[cold]
    fn meet_faults(&self, function: &str, call: &Concerns) -> Result<(), Error> {
        let session = call.session.and_then(|handle| self.sessions.lookup(handle));
        let slot = match (&session, call.slot) {
            (Some(session), _) => session.slot.clone(),
            (None, Some(id)) => self.slots.lookup(id)?,
            (None, None) => return Ok(()),
        };
        let (Ok(cluster), Some(hsm), false) = (slot.cluster(), slot.hsm(), slot.is_gone()) else {
            return Ok(());
        };
        let at = At { cluster: cluster.id, hsm: &hsm.name, slot_id: slot.id };
        match self.faults.judge(function, &at, call.bytes) {
            // What happened while the call waited comes before it.
            Verdict::Pass => self.refresh().inspect_err(|_| self.end_operation(function, call)),
            Verdict::Answer(rv) => {
                self.end_operation(function, call);
                Err(CallError::Injected(rv).into())
            }
            Verdict::Lost => {
                let following = self.follow.lock();
                self.read_slots()?;
                drop(following);
                if let Some(session) = session {
                    self.end_removed(&session);
                }
                Err(CallError::Injected(CKR_DEVICE_REMOVED).into())
            }
        }
    }

    /// Where somebody is logged in, no cluster's record is taken over whose MAC is wrong. Errors: `Corrupt`.
    fn verify(&self, records: &[SlotRecord]) -> Result<(), Error> {
        for slot in self.slots.all().iter() {
            let record = records.iter().find(|record| record.slot_id == slot.id);
            let Some((login, token)) = slot.login().zip(record.and_then(|record| record.holds.hsm())) else {
                continue;
            };
            match self.clusters.verify(&token.cluster, &login) {
                // Wiped: the slot is about to be marked gone.
                Ok(()) | Err(Error::Call(CallError::NotLoggedIn)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    // ---- slots

    /// The slots, as the store has them.
    pub fn slots(&self) -> Result<Arc<Vec<Arc<Slot>>>, Error> {
        self.refresh()?;
        Ok(self.slots.all())
    }

    /// The ids that C_GetSlotList tells: all, or those of slots with a token.
    pub fn listed_slots(&self, with_token: bool) -> Vec<u64> {
        self.slots.listed(with_token)
    }

    /// The slot behind an id; in profile `cloudhsm` that of the HSM which serves the cluster's one slot. Errors:
    /// `SlotIdInvalid`.
    pub fn slot(&self, id: u64) -> Result<Arc<Slot>, Error> {
        Ok(self.slots.lookup(id)?)
    }

    /// C_InitToken. Errors: `TokenNotPresent`, `SessionExists`, those of `Clusters::init_token`.
    pub fn init_token(&self, slot_id: u64, so_pin: &[u8], label: &str) -> Result<(), Error> {
        let slot = self.slot(slot_id)?;
        slot.must_be_present()?;
        let counts = slot.counts.lock();
        if slot.is_gone() {
            // Somebody else wiped it while this call waited: sessions are counted elsewhere now.
            return Err(CallError::DeviceRemoved.into());
        }
        if counts.read_only + counts.read_write > 0 {
            return Err(CallError::SessionExists.into());
        }
        self.clusters.init_token(slot_id, so_pin, label, self.config.policy())?;
        drop(counts);
        self.sweep(SWEEP_AT_MOST);
        self.refresh()
    }

    /// Deletes what wiped tokens left behind, users' sealed keys first; what is left, after a failure too, is the
    /// next one's to delete: C_InitToken's, C_Finalize's or a `vhsm` command's.
    fn sweep(&self, at_most: Duration) {
        let began = Instant::now();
        while matches!(self.clusters.sweep(), Ok(true)) && began.elapsed() < at_most {}
    }

    /// C_WaitForSlotEvent. Errors: `NoEvent` (when not to block), `NotInitialized` (finalized meanwhile).
    pub fn wait_for_slot_event(&self, block: bool) -> Result<u64, Error> {
        loop {
            if self.finalized.load(Ordering::SeqCst) {
                return Err(CallError::NotInitialized.into());
            }
            self.refresh()?;
            if let Some(slot) = self.events.take() {
                return Ok(slot);
            }
            if !block {
                return Err(CallError::NoEvent.into());
            }
            self.events.wait(EVENT_POLL);
        }
    }

    // ---- sessions

    /// C_OpenSession. Errors: `SlotIdInvalid`, `TokenNotPresent`, `TokenNotInitialized`, `SoSessionExists`.
    pub fn open_session(&self, slot_id: u64, read_write: bool) -> Result<u64, Error> {
        let slot = self.slot(slot_id)?;
        slot.cluster()?;
        let mut counts = slot.counts.lock();
        if !read_write && matches!(slot.login_state(), LoginState::SecurityOfficer(_)) {
            return Err(CallError::SoSessionExists.into());
        }
        let count = if read_write { &mut counts.read_write } else { &mut counts.read_only };
        *count += 1;
        drop(counts);
        let handle = self.sessions.new_handle();
        self.sessions.insert(Session::new(handle, slot_id, slot, read_write));
        if self.finalized.load(Ordering::SeqCst) {
            self.close_session(handle)?;
            return Err(CallError::NotInitialized.into());
        }
        Ok(handle)
    }

    /// The session behind a handle. Errors: `SessionHandleInvalid`, `DeviceRemoved`
    /// (once; the handle is invalid from then on).
    #[inline]
    pub fn session(&self, handle: u64) -> Result<Arc<Session>, Error> {
        let session = self.sessions.lookup(handle).ok_or(CallError::SessionHandleInvalid(handle))?;
        if session.slot.is_gone() {
            return Err(self.end_removed(&session));
        }
        Ok(session)
    }

    #[cold]
    fn end_removed(&self, session: &Session) -> Error {
        match self.sessions.remove(session.handle) {
            Some(session) => {
                session.close();
                CallError::DeviceRemoved.into()
            }
            None => CallError::SessionHandleInvalid(session.handle).into(),
        }
    }

    /// Why a call in a session failed: where its HSM was lost while it ran, logged-out keys and ended operations are
    /// only what follows.
    #[cold]
    pub fn cause(&self, session: Option<u64>, error: Error) -> Error {
        let Some(handle) = session else { return error };
        match self.sessions.lookup(handle) {
            Some(session) if session.slot.is_gone() && !error.is_internal() && !is_of_no_session(&error) => {
                self.end_removed(&session)
            }
            None if follows_from_the_end(&error) => CallError::SessionHandleInvalid(handle).into(),
            _ => error,
        }
    }

    /// After a panic: the session's operations are dropped, whatever state they are in.
    pub fn abandon(&self, handle: u64) {
        if let Some(session) = self.sessions.lookup(handle) {
            session.abandon();
        }
    }

    /// C_CloseSession. The last session of a token takes its login along (sec. 5.6.3).
    pub fn close_session(&self, handle: u64) -> Result<(), Error> {
        let session = self.sessions.remove(handle).ok_or(CallError::SessionHandleInvalid(handle))?;
        session.close();
        let mut counts = session.slot.counts.lock();
        let count = if session.read_write { &mut counts.read_write } else { &mut counts.read_only };
        *count = count.saturating_sub(1);
        if counts.read_only + counts.read_write == 0 {
            let _ = session.slot.log_out();
        }
        if session.slot.is_gone() {
            return Err(CallError::DeviceRemoved.into());
        }
        Ok(())
    }

    /// C_CloseAllSessions: those too whose token was wiped or removed since they were opened. Errors: `SlotIdInvalid`;
    /// `TokenNotPresent`, and they are closed.
    pub fn close_all_sessions(&self, slot_id: u64) -> Result<(), Error> {
        let slot = self.slot(slot_id)?;
        for session in self.sessions.matching(|s| s.slot_id == slot_id) {
            match self.close_session(session.handle) {
                Ok(()) | Err(Error::Call(CallError::SessionHandleInvalid(_) | CallError::DeviceRemoved)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(slot.must_be_present()?)
    }

    /// C_Login, C_LoginUser. Wrong PINs of a login for an operation, so many that the user is locked, log the user out
    /// (PKCS#11 3.0 sec. 4.10).
    pub fn log_in(&self, session: &Session, user_type: UserType, pin: Pin<'_>) -> Result<(), Error> {
        let done = session.log_in(user_type, pin);
        if let Err(Error::Cluster(ClusterError::PinLocked(_))) = done
            && user_type == UserType::ContextSpecific
        {
            self.log_out(session)?;
        }
        done
    }

    /// C_Logout: no session of the slot keeps an engine with a key that is now closed.
    pub fn log_out(&self, session: &Session) -> Result<(), Error> {
        session.log_out()?;
        for other in self.sessions.matching(|s| Arc::ptr_eq(&s.slot, &session.slot)) {
            other.drop_stale_keys();
        }
        Ok(())
    }

    /// The open sessions of a slot in this process.
    pub fn session_counts(&self, slot: &Slot) -> SessionCounts {
        *slot.counts.lock()
    }

    /// Slot and last mechanism of a session, for the log.
    pub fn describe_session(&self, handle: u64) -> (Option<u64>, Option<&'static str>) {
        match self.sessions.lookup(handle) {
            Some(session) => (Some(session.slot.id), session.last_mechanism().map(|m| m.name)),
            None => (None, None),
        }
    }
}

/// Answers of calls that do not look at the session they are given.
fn is_of_no_session(error: &Error) -> bool {
    matches!(error, Error::Call(CallError::NotParallel))
}

/// What a call may meet whose session was ended by another thread while it ran: it had found the session.
fn follows_from_the_end(error: &Error) -> bool {
    use CallError::*;
    matches!(
        error,
        Error::Call(
            NotLoggedIn
                | OperationNotInitialized
                | ObjectHandleInvalid(_)
                | KeyHandleInvalid(_)
                | WrappingKeyHandleInvalid(_)
                | UnwrappingKeyHandleInvalid(_)
        )
    )
}
