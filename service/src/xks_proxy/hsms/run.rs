//! The course of one request through HSMs, until one of them has answered or there is no time left.

use super::fail::Fail;
use super::group::Group;
use super::hsm::{Hsm, Standing};
use super::line::Refusal;
use super::ticket::{ATTEMPTS, Job, Report, Ticket};
use super::{Done, HsmFailure};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::time::Sleep;

/// How often an HSM is tried whose sessions or calls fail, where there is no other: its sessions may just have been lost.
const ROUNDS: usize = 3;
/// Of HSMs that work, but fail with this request: then it is the request.
const DOUBTS: usize = 3;
/// After each such part of its time, work that is not done is given to another HSM too.
const PARTS: u32 = 3;
/// And after this, however much time it has.
const LONGEST_PART: Duration = Duration::from_millis(500);

pub(super) struct Course<'a> {
    groups: Vec<&'a Group>,
    ticket: Arc<Ticket>,
    begun: Instant,
    /// Where to begin among equal HSMs.
    turn: usize,
    attempts: Vec<Try>,
    /// How it failed that mattered most.
    failure: Option<HsmFailure>,
    doubts: usize,
    /// By an HSM that has too much to do.
    is_refused: bool,
    waited: Duration,
    worked: Duration,
}

struct Try {
    hsm: Arc<Hsm>,
    group: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In the queue, or begun.
    Open,
    Withdrawn,
    NoKey,
    /// It may be tried again.
    Failed,
}

/// The least is best.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// In this course.
    failures: usize,
    standing: Standing,
    group: usize,
    load: usize,
}

enum Event {
    Report(Report),
    Time,
}

impl<'a> Course<'a> {
    pub fn new(groups: Vec<&'a Group>, job: Job, deadline: Instant, turn: usize) -> Self {
        Self {
            groups,
            ticket: Ticket::new(job, deadline),
            begun: Instant::now(),
            turn,
            attempts: Vec::with_capacity(1),
            failure: None,
            doubts: 0,
            is_refused: false,
            waited: Duration::ZERO,
            worked: Duration::ZERO,
        }
    }

    pub async fn run(mut self) -> Done {
        let deadline = self.ticket.deadline;
        let part = (deadline.saturating_duration_since(self.begun) / PARTS).min(LONGEST_PART);
        let mut look = self.begun + part;
        // Without any time left no HSM is asked.
        self.is_refused = part.is_zero();
        if part.is_zero() || !self.advance(self.begun) {
            return self.end();
        }
        let mut timer = pin!(tokio::time::sleep_until(look.into()));
        loop {
            match self.event(timer.as_mut()).await {
                Event::Report(report) => {
                    let number = report.attempt;
                    (self.waited, self.worked) = (report.queued, report.worked);
                    let answer = match report.result {
                        Ok(outcome) => Ok(outcome),
                        Err(Fail::Settled(failure)) => Err(failure),
                        Err(fail) => {
                            self.failed(number, fail);
                            let now = Instant::now();
                            if now < deadline && (self.advance(now) || self.is_open()) {
                                continue;
                            }
                            return self.end();
                        }
                    };
                    let hsm = Some(Arc::clone(&self.attempts[number].hsm.id));
                    return Done { outcome: answer, hsm, queued: self.waited, worked: self.worked };
                }
                Event::Time if Instant::now() >= deadline => return self.end(),
                Event::Time => {
                    self.hedge(Instant::now());
                    look = (look + part).min(deadline);
                    timer.as_mut().reset(look.into());
                }
            }
        }
    }

    async fn event(&self, mut timer: Pin<&mut Sleep>) -> Event {
        poll_fn(|context| match self.ticket.poll_report(context) {
            Poll::Ready(report) => Poll::Ready(Event::Report(report)),
            Poll::Pending => timer.as_mut().poll(context).map(|()| Event::Time),
        })
        .await
    }

    /// Gives it to another HSM where those that have it may not do it in time.
    fn hedge(&mut self, now: Instant) {
        let Some(last) = self.attempts.iter().rposition(|attempt| attempt.state == State::Open) else {
            return;
        };
        if self.ticket.has_begun(last) {
            self.advance(now);
            return;
        }
        // It waits. Elsewhere it would wait too, unless a thread is free there, or hope is lost here.
        let is_stuck = self.attempts[last].hsm.is_stuck(now);
        let Some((group, hsm)) = self.best(now, |hsm| is_stuck || hsm.has_free_thread()) else { return };
        if self.push(group, &hsm, now).is_ok() && self.ticket.withdraw(last) {
            self.attempts[last].state = State::Withdrawn;
        }
    }

    /// Gives it to the best HSM that takes it. `false`: there is none.
    fn advance(&mut self, now: Instant) -> bool {
        let mut refused: Vec<*const Hsm> = Vec::new();
        while let Some((group, hsm)) = self.best(now, |hsm| !refused.contains(&std::ptr::from_ref(hsm))) {
            match self.push(group, &hsm, now) {
                Ok(()) => return true,
                Err(refusal) => {
                    self.is_refused |= refusal == Refusal::Full;
                    refused.push(Arc::as_ptr(&hsm));
                }
            }
        }
        false
    }

    fn push(&mut self, group: usize, hsm: &Arc<Hsm>, now: Instant) -> Result<(), Refusal> {
        hsm.push(self.ticket.attempt(self.attempts.len(), now), now)?;
        self.attempts.push(Try { hsm: Arc::clone(hsm), group, state: State::Open });
        Ok(())
    }

    /// Of those HSMs that were not tried, or failed least often: of those that stand best, in the first group, the one with the
    /// least to do.
    fn best(&self, now: Instant, is_fit: impl Fn(&Hsm) -> bool) -> Option<(usize, Arc<Hsm>)> {
        if self.attempts.len() >= ATTEMPTS || self.doubts >= DOUBTS {
            return None;
        }
        let mut best: Option<(Rank, Arc<Hsm>)> = None;
        for (number, group) in self.groups.iter().enumerate() {
            let hsms = group.hsms();
            for place in 0..hsms.len() {
                let hsm = &hsms[self.turn.wrapping_add(place) % hsms.len()];
                let Some(failures) = self.failures(hsm) else { continue };
                let Some(standing) = hsm.standing(now).filter(|_| is_fit(hsm)) else { continue };
                let rank = Rank { failures, standing, group: number, load: hsm.line.load() };
                if best.as_ref().is_none_or(|(least, _)| rank < *least) {
                    best = Some((rank, Arc::clone(hsm)));
                }
            }
        }
        best.map(|(rank, hsm)| (rank.group, hsm))
    }

    /// How often it was tried in vain. `None`: it is not to be tried.
    fn failures(&self, hsm: &Arc<Hsm>) -> Option<usize> {
        let mut failures = 0;
        for attempt in self.attempts.iter().filter(|attempt| Arc::ptr_eq(&attempt.hsm, hsm)) {
            match attempt.state {
                State::Open | State::Withdrawn | State::NoKey => return None,
                State::Failed => failures += 1,
            }
        }
        (failures < ROUNDS).then_some(failures)
    }

    fn is_open(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.state == State::Open)
    }

    fn failed(&mut self, attempt: usize, fail: Fail) {
        let state = &mut self.attempts[attempt].state;
        *state = State::Failed;
        match fail {
            Fail::NoKey | Fail::NoObject => *state = State::NoKey,
            Fail::Doubtful(text) => {
                self.doubts += 1;
                self.failure = Some(HsmFailure::Failed(text));
            }
            Fail::Hsm(text) => {
                self.failure.get_or_insert(HsmFailure::Unavailable(text));
            }
            Fail::Settled(failure) => self.failure = Some(failure),
        }
    }

    /// Nothing more is tried.
    fn end(self) -> Done {
        let hsm = self.attempts.last().map(|attempt| Arc::clone(&attempt.hsm.id));
        let begun = (0..self.attempts.len())
            .rfind(|number| self.attempts[*number].state == State::Open && self.ticket.has_begun(*number));
        let failure = match begun {
            Some(number) => HsmFailure::TimedOut(self.attempts[number].hsm.id.to_string()),
            None if self.is_open() => HsmFailure::Busy,
            None if self.is_refused && !matches!(self.failure, Some(HsmFailure::Failed(_))) => {
                HsmFailure::Busy
            }
            None => self.failure.clone().unwrap_or_else(|| self.no_key()),
        };
        Done { outcome: Err(failure), hsm, queued: self.waited, worked: self.worked }
    }

    /// None failed: then none has the key, or works.
    fn no_key(&self) -> HsmFailure {
        let knows = |group: usize| {
            self.attempts.iter().any(|attempt| attempt.group == group && attempt.state == State::NoKey)
        };
        let unknown = self.groups.iter().enumerate().find(|(number, _)| !knows(*number));
        match unknown {
            None if self.groups.is_empty() => HsmFailure::Unavailable("the key store has no HSMs".into()),
            None => HsmFailure::NoKey,
            Some((_, group)) => {
                let status = group.status();
                let trouble = status.iter().find(|hsm| !hsm.trouble.is_empty());
                HsmFailure::Unavailable(trouble.map(|hsm| hsm.trouble.clone()).unwrap_or_default())
            }
        }
    }
}

impl Drop for Course<'_> {
    fn drop(&mut self) {
        self.ticket.close();
    }
}
