//! What was seen of an HSM's work: how fast it is, what failed last, and how the probe went.

use parking_lot::Mutex;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Of how many pieces of work the pace is the mean, roughly.
const MEMORY: u64 = 16;

#[derive(Default)]
pub(super) struct Vitals {
    /// How long a piece of work takes.
    pace_ns: AtomicU64,
    operations: AtomicU64,
    failures: AtomicU64,
    has_worked: AtomicBool,
    /// 0: never, or something went well since.
    failed_ns: AtomicU64,
    /// Something went well since the last probe that did not, or at least then.
    worked_since_probe: AtomicBool,
    probe: Mutex<Probe>,
}

#[derive(Default)]
struct Probe {
    ended_well: Option<Instant>,
    trouble: Option<String>,
    /// Of other work, since then.
    failure: Option<String>,
}

impl Vitals {
    /// The HSM did what it was asked for, or said why not, as it should.
    pub fn worked(&self, took: Duration) {
        let (took, pace) = (took.as_nanos() as u64, self.pace_ns.load(Ordering::Relaxed));
        let pace = if pace == 0 { took } else { (pace * (MEMORY - 1) + took) / MEMORY };
        self.pace_ns.store(pace.max(1), Ordering::Relaxed);
        self.operations.fetch_add(1, Ordering::Relaxed);
        // Read first: it hardly ever changes, and threads of other processors read it too.
        if !self.worked_since_probe.load(Ordering::Relaxed) {
            self.worked_since_probe.store(true, Ordering::Relaxed);
        }
        if self.failed_ns.load(Ordering::Relaxed) != 0 {
            self.failed_ns.store(0, Ordering::Relaxed);
        }
    }

    /// It failed, or took longer than anybody waited.
    pub fn failed(&self, now: Instant, trouble: &str) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.failed_ns.store(ns(now), Ordering::Relaxed);
        self.probe.lock().failure = Some(trouble.to_owned());
    }

    /// It is logged in.
    pub fn entered(&self) {
        self.has_worked.store(true, Ordering::Relaxed);
    }

    pub fn probe_worked(&self, now: Instant) {
        *self.probe.lock() = Probe { ended_well: Some(now), trouble: None, failure: None };
    }

    /// `does_something`: it answered, though it could not be probed.
    pub fn probe_failed(&self, trouble: String, does_something: bool) {
        self.worked_since_probe.store(does_something, Ordering::Relaxed);
        self.probe.lock().trouble = Some(trouble);
    }

    pub fn pace(&self) -> Duration {
        Duration::from_nanos(self.pace_ns.load(Ordering::Relaxed))
    }

    pub fn operations(&self) -> u64 {
        self.operations.load(Ordering::Relaxed)
    }

    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    pub fn has_worked(&self) -> bool {
        self.has_worked.load(Ordering::Relaxed)
    }

    pub fn worked_since_probe(&self) -> bool {
        self.worked_since_probe.load(Ordering::Relaxed)
    }

    /// Nothing went well since a failure that is no older.
    pub fn failed_within(&self, now: Instant, time: Duration) -> bool {
        let failed = self.failed_ns.load(Ordering::Relaxed);
        failed != 0 && ns(now).saturating_sub(failed) < time.as_nanos() as u64
    }

    /// Since the last probe that ended well.
    pub fn probed(&self, now: Instant) -> Option<Duration> {
        let ended = self.probe.lock().ended_well?;
        Some(now.saturating_duration_since(ended))
    }

    /// Why the last probe did not end well, if it did not.
    pub fn probe_trouble(&self) -> Option<String> {
        self.probe.lock().trouble.clone()
    }

    pub fn trouble_since_probe(&self) -> Option<String> {
        self.probe.lock().failure.clone()
    }
}

/// Nanoseconds since this was first asked, and one: no time is 0.
pub(super) fn ns(time: Instant) -> u64 {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    let first = *FIRST.get_or_init(Instant::now);
    time.saturating_duration_since(first).as_nanos() as u64 + 1
}
