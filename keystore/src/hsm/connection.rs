//! One user's login on the HSMs of one cluster.

use super::error::HsmError;
use super::fault::Fault;
use super::module::Module;
use super::pool::{Credentials, Hsm};
use arc_swap::ArcSwap;
use cryptoki::session::Session;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How long an operation waits for a session where all are in use.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often an operation asks all HSMs that work. More than once only where some fail and others come back meanwhile.
const ROUNDS: usize = 4;

/// One user's sessions on the HSMs of one cluster. For any number of threads.
pub struct Connection {
    setup: Setup,
    pub(super) credentials: Arc<Mutex<Credentials>>,
    hsms: ArcSwap<Vec<Arc<Hsm>>>,
    /// Whose turn it is.
    next: AtomicUsize,
    /// How often it was begun to try failed ones.
    tries: AtomicU64,
    /// Held by who changes `hsms` or tries failed ones; whether it is closed.
    changes: Mutex<bool>,
}

pub(super) struct Setup {
    pub module: Arc<Module>,
    pub sessions_per_hsm: usize,
}

/// One HSM of a connection, for metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HsmStatus {
    pub slot_id: u64,
    pub is_working: bool,
    pub sessions: usize,
    pub idle_sessions: usize,
    /// That succeeded on it.
    pub operations: u64,
    /// How often it was found to work no more.
    pub failures: u64,
}

impl Connection {
    pub(super) fn open(setup: Setup, slots: &[u64], pin: &[u8]) -> Result<Self, HsmError> {
        let credentials = Credentials { pin: Zeroizing::new(pin.to_vec()), refused: None };
        let connection = Self {
            setup,
            credentials: Arc::new(Mutex::new(credentials)),
            hsms: ArcSwap::default(),
            next: AtomicUsize::new(0),
            tries: AtomicU64::new(0),
            changes: Mutex::default(),
        };
        let mut hsms = Vec::new();
        let (mut is_logged_in, mut last) = (false, None);
        for slot_id in distinct(slots) {
            let hsm = connection.hsm(slot_id);
            // Some modules know one login for all slots.
            match hsm.enter(is_logged_in) {
                Ok(()) => is_logged_in = true,
                Err(Fault::Refused(error)) => return Err(error),
                Err(fault) => {
                    hsm.still_failed(&fault);
                    last = Some(fault);
                }
            }
            hsms.push(hsm);
        }
        match (is_logged_in, last) {
            (true, _) => {
                connection.hsms.store(Arc::new(hsms));
                Ok(connection)
            }
            (false, Some(Fault::Full)) => Err(HsmError::NoSession),
            (false, Some(fault)) => Err(HsmError::NoHsm(fault.to_string())),
            (false, None) => Err(HsmError::NoHsm("the cluster has none that is active".into())),
        }
    }

    /// From now on these are the active HSMs: sessions on others are let go, new ones log in. A connection that is closed
    /// stays so.
    pub fn follow(&self, slots: &[u64]) {
        let is_closed = self.changes.lock();
        if *is_closed {
            return;
        }
        let slots = distinct(slots);
        let before = self.hsms.load();
        if before.iter().map(|hsm| hsm.slot_id()).eq(slots.iter().copied()) {
            return;
        }
        let kept = |slot_id| before.iter().find(|hsm| hsm.slot_id() == slot_id).map(Arc::clone);
        let entered = |slot_id| {
            let hsm = self.hsm(slot_id);
            if let Err(fault) = hsm.enter(true) {
                hsm.still_failed(&fault);
            }
            hsm
        };
        let now = slots.into_iter().map(|slot_id| kept(slot_id).unwrap_or_else(|| entered(slot_id)));
        self.hsms.store(Arc::new(now.collect()));
    }

    /// Tries failed HSMs again. `true`: all work.
    pub fn mend(&self) -> bool {
        let _changing = self.changes.lock();
        self.enter_failed(&self.hsms.load_full())
    }

    pub fn status(&self) -> Vec<HsmStatus> {
        self.hsms.load().iter().map(|hsm| hsm.status()).collect()
    }

    /// Lets all HSMs go: calls that are under way end, others find no HSM.
    pub(super) fn close(&self) {
        let mut is_closed = self.changes.lock();
        *is_closed = true;
        self.hsms.store(Arc::default());
    }

    /// Runs a call on the HSM whose turn it is; again, on another session or HSM, as long as it fails for a reason that
    /// is not its own.
    pub(super) fn run<R>(
        &self,
        mut call: impl FnMut(&Hsm, &Session) -> Result<R, Fault>,
    ) -> Result<R, HsmError> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let mut last = None;
        for _ in 0..ROUNDS {
            let hsms = self.hsms.load();
            match round(&hsms, first, &mut call) {
                Round::Settled(answer) => return answer,
                Round::Full(hsm) => match hsm.run(Some(Instant::now() + PATIENCE), &mut call) {
                    Err(fault) if fault.is_the_hsms() => last = Some(fault),
                    settled => return settled.map_err(ending),
                },
                Round::Failed(fault @ Fault::Doubtful(_)) => return Err(ending(fault)),
                Round::Failed(fault) => last = Some(fault),
                Round::NoneWorks => {}
            }
            // One may have come back while others were tried, or since it was tried last.
            if !self.any_works(&hsms) {
                break;
            }
        }
        Err(last.map_or_else(|| self.no_hsm(), ending))
    }

    /// Whether any works, once those that do not were tried again, here or by another thread.
    fn any_works(&self, hsms: &[Arc<Hsm>]) -> bool {
        let any = || hsms.iter().any(|hsm| hsm.is_working());
        if any() {
            return true;
        }
        let begun = self.tries.load(Ordering::Acquire);
        let is_closed = self.changes.lock();
        // What began after this operation met its last failure speaks for this one, too.
        if !*is_closed && self.tries.load(Ordering::Acquire) == begun {
            self.enter_failed(hsms);
        }
        any()
    }

    /// By who holds `changes`. `true`: all work.
    fn enter_failed(&self, hsms: &[Arc<Hsm>]) -> bool {
        self.tries.fetch_add(1, Ordering::AcqRel);
        hsms.iter().filter(|hsm| !hsm.is_working()).fold(true, |all, hsm| match hsm.enter(true) {
            Ok(()) => all,
            Err(fault) => {
                hsm.still_failed(&fault);
                false
            }
        })
    }

    /// Why none works.
    fn no_hsm(&self) -> HsmError {
        if let Some(refused) = &self.credentials.lock().refused {
            return refused.clone();
        }
        let trouble = self.hsms.load().last().map(|hsm| hsm.trouble());
        HsmError::NoHsm(trouble.unwrap_or_else(|| "the cluster has none that is active".into()))
    }

    fn hsm(&self, slot_id: u64) -> Arc<Hsm> {
        let claim = self.setup.module.claim(slot_id);
        Arc::new(Hsm::new(claim, self.setup.sessions_per_hsm, Arc::clone(&self.credentials)))
    }
}

/// How an operation fared with all HSMs that work.
enum Round<'a, R> {
    Settled(Result<R, HsmError>),
    /// All sessions are in use; this one's turn it was.
    Full(&'a Hsm),
    Failed(Fault),
    NoneWorks,
}

fn round<'a, R>(
    hsms: &'a [Arc<Hsm>],
    first: usize,
    call: &mut impl FnMut(&Hsm, &Session) -> Result<R, Fault>,
) -> Round<'a, R> {
    let mut outcome = Round::NoneWorks;
    for offset in 0..hsms.len() {
        let hsm = &hsms[first.wrapping_add(offset) % hsms.len()];
        if !hsm.is_working() {
            continue;
        }
        match hsm.run(None, call) {
            Err(Fault::Full) if matches!(outcome, Round::Full(_)) => {}
            Err(Fault::Full) => outcome = Round::Full(hsm),
            Err(fault) if fault.is_the_hsms() => {
                if !matches!(outcome, Round::Full(_)) {
                    outcome = Round::Failed(fault);
                }
            }
            settled => return Round::Settled(settled.map_err(ending)),
        }
    }
    outcome
}

fn ending(fault: Fault) -> HsmError {
    match fault {
        Fault::Refused(error) => error,
        Fault::NoObject => HsmError::NoKey,
        Fault::Full => HsmError::NoSession,
        Fault::Gone(text) | Fault::Broken(text) => HsmError::NoHsm(text),
        // The HSM works, this request does not.
        Fault::Doubtful(text) => HsmError::Failed(text),
    }
}

/// An HSM that stands for several may be named several times.
fn distinct(slots: &[u64]) -> Vec<u64> {
    let mut distinct: Vec<u64> = Vec::with_capacity(slots.len());
    for slot in slots {
        if !distinct.contains(slot) {
            distinct.push(*slot);
        }
    }
    distinct
}
