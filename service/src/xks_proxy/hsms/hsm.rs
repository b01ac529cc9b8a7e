//! One HSM of a group: its queue and threads, what is known of its keys, and how well it works.

use super::access::Access;
use super::keys::Keys;
use super::line::{Line, Mode, Refusal};
use super::ticket::{Attempt, Ticket};
use super::vitals::{Vitals, ns};
use super::{HealthStatus, HsmStatus};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long opening a session and C_Login may take before the thread is said to hang.
pub(super) const ENTRY: Duration = Duration::from_secs(5);
/// A thread that hangs for longer than this says no more about what new work meets.
const OLD_NEWS: Duration = Duration::from_secs(10);
/// For how long other HSMs are preferred to one that failed.
const FRESH_FAILURE: Duration = Duration::from_secs(1);
/// A probe that ended well longer ago says nothing: they come each minute at least.
const LATE_PROBE: Duration = Duration::from_secs(90);

pub(super) struct Hsm {
    pub id: Arc<str>,
    pub serial: String,
    manufacturer: String,
    model: String,
    slot_id: AtomicU64,
    pub access: Arc<Access>,
    pub line: Line,
    pub keys: Keys,
    pub vitals: Vitals,
    pub sessions: AtomicUsize,
    /// Held by who probes.
    pub last_probe: Mutex<Option<Arc<Ticket>>>,
    benches: Box<[Bench]>,
}

/// What C_GetTokenInfo tells of an HSM.
#[derive(Default)]
pub(super) struct Token {
    pub slot_id: u64,
    pub serial: String,
    pub manufacturer: String,
    pub model: String,
}

/// What a thread is at, in nanoseconds since the process began.
#[derive(Default)]
struct Bench {
    /// 0: at nothing.
    begun: AtomicU64,
    /// When whoever waits for it gives up.
    until: AtomicU64,
}

/// How well an HSM would serve new work: the least is best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    Well,
    /// It works, but just now a call failed, or takes long.
    Troubled,
    /// It is being seen to whether it works.
    Mending,
}

impl Hsm {
    pub fn new(access: &Arc<Access>, token: &Token) -> Self {
        let workers = access.settings.workers.max(1);
        Self {
            id: format!("{}/{}", access.settings.name, token.serial).into(),
            serial: token.serial.clone(),
            manufacturer: token.manufacturer.clone(),
            model: token.model.clone(),
            slot_id: AtomicU64::new(token.slot_id),
            access: Arc::clone(access),
            line: Line::new(workers),
            keys: Keys::default(),
            vitals: Vitals::default(),
            sessions: AtomicUsize::new(0),
            last_probe: Mutex::default(),
            benches: (0..workers).map(|_| Bench::default()).collect(),
        }
    }

    pub fn threads(&self) -> usize {
        self.benches.len()
    }

    pub fn slot_id(&self) -> u64 {
        self.slot_id.load(Ordering::Relaxed)
    }

    /// Its token is in this slot now.
    pub fn moved_to(&self, slot_id: u64) {
        if self.slot_id.swap(slot_id, Ordering::Relaxed) != slot_id {
            self.line.doubt(None, "its token came back in another slot");
        }
    }

    /// A thread begins a call, or several, that somebody waits for until then.
    pub fn begins(&self, thread: usize, now: Instant, until: Instant) {
        let bench = &self.benches[thread];
        bench.until.store(ns(until), Ordering::Relaxed);
        bench.begun.store(ns(now), Ordering::Release);
    }

    pub fn ends(&self, thread: usize) {
        self.benches[thread].begun.store(0, Ordering::Release);
    }

    /// Threads whose call takes longer than anybody waits for it.
    pub fn hanging(&self, now: Instant) -> usize {
        let now = ns(now);
        self.benches.iter().filter(|bench| bench.call().is_some_and(|(_, until)| now > until)).count()
    }

    /// `None`: it takes no work.
    pub fn standing(&self, now: Instant) -> Option<Standing> {
        let (mode, time) = (self.line.mode(), ns(now));
        let (mut hanging, mut is_late) = (0, false);
        for (begun, until) in self.benches.iter().filter_map(Bench::call) {
            hanging += usize::from(time > until);
            is_late |=
                time > begun + until.saturating_sub(begun) / 3 && time < begun + OLD_NEWS.as_nanos() as u64;
        }
        if mode == Mode::Failed || hanging == self.benches.len() || self.line.mends_for(ENTRY, now) {
            return None;
        }
        if mode == Mode::Mending {
            return Some(Standing::Mending);
        }
        match is_late || self.vitals.failed_within(now, FRESH_FAILURE) {
            true => Some(Standing::Troubled),
            false => Some(Standing::Well),
        }
    }

    /// Whether all its threads are late: what waits for them has little hope.
    pub fn is_stuck(&self, now: Instant) -> bool {
        let now = ns(now);
        let is_late = |(begun, until): (u64, u64)| now > begun + until.saturating_sub(begun) / 3;
        self.benches.iter().all(|bench| bench.call().is_some_and(is_late))
    }

    pub fn has_free_thread(&self) -> bool {
        self.line.load() < self.benches.len()
    }

    pub fn push(&self, attempt: Attempt, now: Instant) -> Result<(), Refusal> {
        let left = attempt.ticket.deadline.saturating_duration_since(now);
        let is_late = |waiting: usize| {
            let threads = self.benches.len().saturating_sub(self.hanging(now)).max(1);
            let rounds = (waiting / threads + 1) as u32;
            self.vitals.pace() * rounds > left
        };
        self.line.push(attempt, self.access.settings.queue, is_late)
    }

    pub fn status(&self) -> HsmStatus {
        let now = Instant::now();
        let (health, trouble) = self.health(now);
        HsmStatus {
            id: Arc::clone(&self.id),
            group: self.access.settings.name.clone(),
            manufacturer: self.manufacturer.clone(),
            model: self.model.clone(),
            health,
            trouble,
            hanging: self.hanging(now),
            sessions: self.sessions.load(Ordering::Relaxed),
            queued: self.line.queued(),
            operations: self.vitals.operations(),
            failures: self.vitals.failures(),
            probed: self.vitals.probed(now),
        }
    }

    fn health(&self, now: Instant) -> (HealthStatus, String) {
        use HealthStatus::{Active, Degraded, Unavailable};
        let hanging = self.hanging(now);
        let probe = self.vitals.probe_trouble();
        let seconds = LATE_PROBE.as_secs();
        match (self.line.mode(), probe) {
            (Mode::Failed, _) => (Unavailable, self.line.trouble()),
            _ if hanging == self.threads() => {
                (Unavailable, format!("all its {hanging} threads hang in calls"))
            }
            (Mode::Mending, _) if !self.vitals.has_worked() => (Unavailable, self.line.trouble()),
            (Mode::Mending, _) if self.line.mends_for(ENTRY, now) => (Unavailable, self.line.trouble()),
            (_, Some(trouble)) if !self.vitals.worked_since_probe() => (Unavailable, trouble),
            (Mode::Mending, _) => (Degraded, self.line.trouble()),
            _ if hanging > 0 => {
                (Degraded, format!("{hanging} of its {} threads hang in calls", self.threads()))
            }
            (_, Some(trouble)) => (Degraded, trouble),
            _ => match (self.vitals.trouble_since_probe(), self.vitals.probed(now)) {
                (Some(trouble), _) => (Degraded, trouble),
                (None, Some(ago)) if ago > LATE_PROBE => {
                    (Degraded, format!("no probe ended well for more than {seconds} s"))
                }
                (None, None) => (Degraded, "it was not probed yet".into()),
                (None, Some(_)) => (Active, String::new()),
            },
        }
    }
}

impl Bench {
    /// Since when, and until when somebody waits.
    fn call(&self) -> Option<(u64, u64)> {
        match self.begun.load(Ordering::Acquire) {
            0 => None,
            begun => Some((begun, self.until.load(Ordering::Relaxed))),
        }
    }
}
