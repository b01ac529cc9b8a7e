//! The queue of one HSM, and which of its threads wait, work, or look after its sessions.
//!
//! A thread has work only while its session is of the present epoch. Whoever finds that a session is gone begins another epoch: then
//! every thread looks whether its own session still is what it was, one before the others where none is known to be.
//! Few threads are woken: of those that wait the last one that worked, and the next one by it, if there is more to do.

use super::ticket::Attempt;
use super::vitals::ns;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// How long the thread that is to find out whether the HSM works may take, before another one tries it too.
const MENDING: Duration = Duration::from_secs(15);
/// How often one tries to get a session before the HSM is said to have failed, and the pause before each further try.
const TRIES: u32 = 3;
const SHORT_PAUSE: Duration = Duration::from_millis(10);
/// After that.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// When a thread that got no session tries again, where others have theirs.
const ALONE_PAUSE: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Not yet known to work, or not any more.
    Mending,
    Working,
    Failed,
}

pub(super) struct Line {
    state: Mutex<State>,
    mode: AtomicU8,
    /// Since when it is not known whether it works.
    mending_ns: AtomicU64,
    /// Attempts that wait and that are worked on.
    load: AtomicUsize,
    threads: Box<[OnceLock<Thread>]>,
}

#[derive(Default)]
struct State {
    attempts: VecDeque<Attempt>,
    /// Threads that wait for work, the last one to come first to go.
    idle: Vec<usize>,
    /// One that was woken is on its way.
    is_waking: bool,
    epoch: u64,
    /// Threads with a session of this epoch.
    ready: usize,
    mender: Option<(usize, Instant)>,
    /// When the next try may be, after one that failed.
    retry: Option<Instant>,
    /// How many failed.
    tries: u32,
    trouble: String,
    /// What the log was told last: whether it works.
    told: Option<bool>,
    is_stopping: bool,
}

/// What a thread does next.
pub(super) enum Next {
    Attempt(Attempt),
    /// Sees to its session, and tells by [`Line::ready`] or [`Line::not_ready`] of this epoch.
    Renew(u64),
    Stop,
}

/// Why an attempt is not taken in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Full,
    Failed,
}

impl Line {
    pub fn new(threads: usize) -> Self {
        let state = State { epoch: 1, trouble: "it has not logged in yet".into(), ..State::default() };
        Self {
            state: Mutex::new(state),
            mode: AtomicU8::new(Mode::Mending as u8),
            mending_ns: AtomicU64::new(ns(Instant::now())),
            load: AtomicUsize::new(0),
            threads: (0..threads).map(|_| OnceLock::new()).collect(),
        }
    }

    pub fn mode(&self) -> Mode {
        match self.mode.load(Ordering::Acquire) {
            mode if mode == Mode::Working as u8 => Mode::Working,
            mode if mode == Mode::Failed as u8 => Mode::Failed,
            _ => Mode::Mending,
        }
    }

    /// Nobody found out for so long whether it works: whoever tries hangs.
    pub fn mends_for(&self, time: Duration, now: Instant) -> bool {
        let since = self.mending_ns.load(Ordering::Relaxed);
        self.mode() == Mode::Mending && ns(now).saturating_sub(since) > time.as_nanos() as u64
    }

    pub fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    pub fn queued(&self) -> usize {
        self.state.lock().attempts.len()
    }

    pub fn trouble(&self) -> String {
        self.state.lock().trouble.clone()
    }

    /// Takes an attempt in if fewer than `most` wait. `is_late`: of the number that wait before it, where no thread is free,
    /// whether it would be begun too late.
    pub fn push(
        &self,
        attempt: Attempt,
        most: usize,
        is_late: impl FnOnce(usize) -> bool,
    ) -> Result<(), Refusal> {
        let mut state = self.state.lock();
        if state.is_stopping || self.mode() == Mode::Failed {
            attempt.forget();
            return Err(Refusal::Failed);
        }
        let waiting = state.attempts.len();
        if waiting >= most || (state.idle.is_empty() && is_late(waiting)) {
            attempt.forget();
            return Err(Refusal::Full);
        }
        state.attempts.push_back(attempt);
        self.load.fetch_add(1, Ordering::Relaxed);
        let woken = state.wakes();
        drop(state);
        self.wake(woken);
        Ok(())
    }

    /// An attempt that `next` gave is done.
    pub fn done(&self) {
        self.load.fetch_sub(1, Ordering::Relaxed);
    }

    /// Blocks until there is something to do. `epoch`: that of the thread's session, if it has one; `not_before`: when it shall
    /// try again to get one where others have theirs.
    pub fn next(&self, thread: usize, epoch: Option<u64>, not_before: Option<Instant>) -> Next {
        // It stands there from the thread's first call on.
        let _ = self.threads[thread].set(std::thread::current());
        let mut state = self.state.lock();
        loop {
            if state.is_stopping && state.attempts.is_empty() {
                return Next::Stop;
            }
            let pause = if epoch == Some(state.epoch) {
                if let Some(attempt) = state.attempts.pop_front() {
                    let (woken, is_last) = (state.wakes(), state.is_stopping && state.attempts.is_empty());
                    drop(state);
                    match is_last {
                        true => self.wake_all(),
                        false => self.wake(woken),
                    }
                    return Next::Attempt(attempt);
                }
                state.idle.push(thread);
                None
            } else {
                match state.renews(thread, not_before) {
                    Ok(epoch) => return Next::Renew(epoch),
                    Err(pause) => Some(pause),
                }
            };
            drop(state);
            match pause {
                Some(pause) => std::thread::park_timeout(pause),
                None => std::thread::park(),
            }
            state = self.state.lock();
            if pause.is_none() {
                state.comes_back(thread);
            }
        }
    }

    /// This thread has a session that is logged in, as of this epoch. `true`: that the HSM works is news.
    pub fn ready(&self, thread: usize, epoch: u64) -> bool {
        let mut state = self.state.lock();
        state.mends_no_more(thread);
        if state.epoch != epoch {
            return false;
        }
        state.ready += 1;
        state.retry = None;
        state.tries = 0;
        state.trouble.clear();
        let is_news = state.told.replace(true) != Some(true);
        let was = self.mode.swap(Mode::Working as u8, Ordering::AcqRel);
        drop(state);
        if was != Mode::Working as u8 {
            self.wake_all();
        }
        is_news
    }

    /// This thread got no session. Answers when it may try again where others work on; else the HSM works no more, and what
    /// waited for it goes back.
    pub fn not_ready(&self, thread: usize, epoch: u64, trouble: &str) -> NotReady {
        let mut state = self.state.lock();
        state.mends_no_more(thread);
        if state.epoch == epoch && state.ready > 0 {
            return NotReady::Alone(Instant::now() + ALONE_PAUSE);
        }
        state.tries += 1;
        trouble.clone_into(&mut state.trouble);
        if state.tries < TRIES && self.mode() == Mode::Mending {
            state.retry = Some(Instant::now() + SHORT_PAUSE * (state.tries - 1));
            return NotReady::Again;
        }
        let pause = FIRST_PAUSE * 2u32.pow(state.tries.saturating_sub(TRIES).min(8));
        state.retry = Some(Instant::now() + pause.min(LONGEST_PAUSE));
        let is_news = state.told.replace(false) != Some(false);
        self.mode.store(Mode::Failed as u8, Ordering::Release);
        let attempts = std::mem::take(&mut state.attempts);
        self.load.fetch_sub(attempts.len(), Ordering::Relaxed);
        NotReady::Failed { attempts: attempts.into(), is_news }
    }

    /// A session of this epoch (of the present one, if `None`) is gone: perhaps all are.
    pub fn doubt(&self, epoch: Option<u64>, trouble: &str) {
        let mut state = self.state.lock();
        if epoch.is_some_and(|epoch| epoch != state.epoch) {
            return;
        }
        state.epoch += 1;
        state.ready = 0;
        state.retry = None;
        state.tries = 0;
        trouble.clone_into(&mut state.trouble);
        self.begins_to_mend();
        drop(state);
        self.wake_all();
    }

    fn begins_to_mend(&self) {
        if self.mode() == Mode::Working {
            self.mending_ns.store(ns(Instant::now()), Ordering::Relaxed);
            self.mode.store(Mode::Mending as u8, Ordering::Release);
        }
    }

    /// A thread closed its session of this epoch, though others may be as they were.
    pub fn closed(&self, epoch: u64) {
        let mut state = self.state.lock();
        if state.epoch == epoch {
            state.ready -= 1;
            if state.ready == 0 {
                self.begins_to_mend();
            }
        }
    }

    /// Nothing more is taken in; threads end when all is done.
    pub fn stop(&self) {
        self.state.lock().is_stopping = true;
        self.wake_all();
    }

    fn wake(&self, thread: Option<usize>) {
        if let Some(thread) = thread.and_then(|thread| self.threads[thread].get()) {
            thread.unpark();
        }
    }

    fn wake_all(&self) {
        self.threads.iter().filter_map(OnceLock::get).for_each(Thread::unpark);
    }
}

/// What follows where a thread got no session.
pub(super) enum NotReady {
    /// It, or another, tries again soon.
    Again,
    /// It may try again then; others work.
    Alone(Instant),
    Failed {
        attempts: Vec<Attempt>,
        /// That the HSM does not work.
        is_news: bool,
    },
}

impl State {
    /// The thread to be woken, if there is work and none is on its way to it.
    fn wakes(&mut self) -> Option<usize> {
        if self.is_waking || self.attempts.is_empty() {
            return None;
        }
        let thread = self.idle.pop()?;
        self.is_waking = true;
        Some(thread)
    }

    fn comes_back(&mut self, thread: usize) {
        match self.idle.iter().position(|idle| *idle == thread) {
            // Not by `wakes`.
            Some(place) => {
                self.idle.remove(place);
            }
            None => self.is_waking = false,
        }
    }

    fn mends_no_more(&mut self, thread: usize) {
        if self.mender.is_some_and(|(mender, _)| mender == thread) {
            self.mender = None;
        }
    }

    /// The epoch for which this thread sees to its session now, or how long it waits.
    fn renews(&mut self, thread: usize, not_before: Option<Instant>) -> Result<u64, Duration> {
        let now = Instant::now();
        if self.ready > 0 {
            return match not_before.and_then(|time| time.checked_duration_since(now)) {
                Some(pause) => Err(pause),
                None => Ok(self.epoch),
            };
        }
        if let Some((mender, since)) = self.mender
            && mender != thread
            && now < since + MENDING
        {
            return Err(since + MENDING - now);
        }
        match self.retry {
            Some(retry) if now < retry && !self.is_stopping => Err(retry - now),
            _ => {
                self.mender = Some((thread, now));
                Ok(self.epoch)
            }
        }
    }
}
