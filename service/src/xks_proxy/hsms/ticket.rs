//! One request to HSMs, as those see it who wait for it and those who work on it.
//!
//! A ticket may stand in the queues of several HSMs at once: each time is an [`Attempt`]. Whoever takes an attempt out of a queue
//! begins it, unless it was withdrawn or the ticket is closed, and reports how it went.

use super::fail::Fail;
use super::{Outcome, Work};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// Attempts of one ticket, at most.
pub(super) const ATTEMPTS: usize = 8;

const QUEUED: u8 = 0;
const BEGUN: u8 = 1;
const WITHDRAWN: u8 = 2;
const ENDED: u8 = 3;

pub(super) enum Job {
    Work {
        key_id: Box<str>,
        work: Work,
    },
    /// Encrypts and decrypts with the probe's key.
    Probe,
    /// Makes the probe's key, unless it is there.
    MakeProbeKey,
}

pub(super) struct Ticket {
    pub job: Job,
    pub deadline: Instant,
    attempts: [AtomicU8; ATTEMPTS],
    reports: Mutex<Reports>,
    is_closed: AtomicBool,
}

#[derive(Default)]
struct Reports {
    ready: VecDeque<Report>,
    waker: Option<Waker>,
}

/// How an attempt went.
pub(super) struct Report {
    /// Its number.
    pub attempt: usize,
    pub result: Result<Outcome, Fail>,
    pub queued: Duration,
    pub worked: Duration,
}

impl Ticket {
    pub fn new(job: Job, deadline: Instant) -> Arc<Self> {
        Arc::new(Self {
            job,
            deadline,
            attempts: Default::default(),
            reports: Mutex::default(),
            is_closed: AtomicBool::new(false),
        })
    }

    /// One more attempt, by its number, which is below `ATTEMPTS` and was not used before.
    pub fn attempt(self: &Arc<Self>, number: usize, now: Instant) -> Attempt {
        Attempt { ticket: Arc::clone(self), number, queued: now, is_told: false }
    }

    /// `false`: it has begun.
    pub fn withdraw(&self, attempt: usize) -> bool {
        self.moves(attempt, WITHDRAWN)
    }

    /// And has not ended.
    pub fn has_begun(&self, attempt: usize) -> bool {
        self.attempts[attempt].load(Ordering::Relaxed) == BEGUN
    }

    /// Nobody waits any more: what has not begun never will.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }

    pub fn poll_report(&self, context: &mut Context<'_>) -> Poll<Report> {
        let mut reports = self.reports.lock();
        match reports.ready.pop_front() {
            Some(report) => Poll::Ready(report),
            None => {
                if !reports.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
                    reports.waker = Some(context.waker().clone());
                }
                Poll::Pending
            }
        }
    }

    /// For threads that may block. `None`: there was none until then.
    pub fn wait_for_report(&self, until: Instant) -> Option<Report> {
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(report) = self.poll_report(&mut context) {
                return Some(report);
            }
            let left = until.checked_duration_since(Instant::now())?;
            std::thread::park_timeout(left);
        }
    }

    fn moves(&self, attempt: usize, to: u8) -> bool {
        let place = &self.attempts[attempt];
        place.compare_exchange(QUEUED, to, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    fn tell(&self, report: Report) {
        self.attempts[report.attempt].store(ENDED, Ordering::Release);
        let mut reports = self.reports.lock();
        reports.ready.push_back(report);
        let waker = reports.waker.take();
        drop(reports);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// A ticket in the queue of one HSM. One that ends without a report tells so.
pub(super) struct Attempt {
    pub ticket: Arc<Ticket>,
    number: usize,
    queued: Instant,
    is_told: bool,
}

impl Attempt {
    /// `false`: it is not to be done, and nobody waits for it.
    pub fn begin(&mut self, now: Instant) -> bool {
        let ticket = &self.ticket;
        let is_due = !ticket.is_closed.load(Ordering::Relaxed)
            && now < ticket.deadline
            && ticket.moves(self.number, BEGUN);
        self.is_told = !is_due;
        is_due
    }

    pub fn report(mut self, result: Result<Outcome, Fail>, begun: Instant, ended: Instant) {
        self.is_told = true;
        let (queued, worked) = (begun - self.queued, ended - begun);
        self.ticket.tell(Report { attempt: self.number, result, queued, worked });
    }

    /// No queue took it in: who tried knows.
    pub fn forget(mut self) {
        self.is_told = true;
    }

    /// It was not begun, and never will be.
    pub fn refuse(self, fail: Fail) {
        let now = Instant::now();
        self.report(Err(fail), now, now);
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.is_told {
            let result = Err(Fail::Hsm("its thread ended".into()));
            let (attempt, queued) = (self.number, self.queued.elapsed());
            self.ticket.tell(Report { attempt, result, queued, worked: Duration::ZERO });
        }
    }
}
