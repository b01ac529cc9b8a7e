//! Group commit: batches that wait at the same time go into one transaction with one sync.
//!
//! There is no thread for it. The first caller leads: it takes what waits, commits it, and hands the lead to the
//! first of those that came meanwhile. Nobody waits for others to come. The queue's lock is held for a few
//! instructions only.

use crate::{Batch, Revision, StoreError};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The most batches of one transaction, so that the first of them does not wait long.
const MAX_GROUP: usize = 64;

pub(super) type Answer = Result<Revision, StoreError>;

/// A batch that waits for its commit.
pub(super) struct Ticket {
    pub(super) batch: Batch,
    state: Mutex<State>,
    changed: Condvar,
}

enum State {
    Waiting,
    /// This caller is to lead now.
    Leading,
    Answered(Answer),
}

/// What a caller of `Queue::join` has to do.
pub(super) enum Role {
    Leader,
    Follower,
}

impl Ticket {
    pub(super) fn new(batch: Batch) -> Arc<Self> {
        Arc::new(Self { batch, state: Mutex::new(State::Waiting), changed: Condvar::new() })
    }

    /// The first answer counts.
    pub(super) fn answer(&self, answer: Answer) {
        let mut state = hold(&self.state);
        if matches!(*state, State::Waiting | State::Leading) {
            *state = State::Answered(answer);
            self.changed.notify_one();
        }
    }

    /// Waits for the answer; `None`: this caller leads now.
    pub(super) fn wait(&self) -> Option<Answer> {
        let mut state = hold(&self.state);
        loop {
            match std::mem::replace(&mut *state, State::Waiting) {
                State::Answered(answer) => return Some(answer),
                State::Leading => return None,
                State::Waiting => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    fn lead(&self) {
        let mut state = hold(&self.state);
        if matches!(*state, State::Waiting) {
            *state = State::Leading;
            self.changed.notify_one();
        }
    }
}

/// Batches in the order of their coming.
#[derive(Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    waiting: VecDeque<Arc<Ticket>>,
    led: bool,
}

impl Queue {
    pub(super) fn join(&self, ticket: &Arc<Ticket>) -> Role {
        let mut inner = hold(&self.inner);
        inner.waiting.push_back(Arc::clone(ticket));
        match std::mem::replace(&mut inner.led, true) {
            true => Role::Follower,
            false => Role::Leader,
        }
    }
}

/// The lead of a queue and the group that was taken. However it ends, the next one leads and every batch of the
/// group has an answer.
pub(super) struct Lead<'a> {
    queue: &'a Queue,
    pub(super) group: Vec<Arc<Ticket>>,
    passed_on: bool,
}

impl<'a> Lead<'a> {
    /// For the caller that `join` or `wait` made the leader.
    pub(super) fn new(queue: &'a Queue) -> Self {
        Self { queue, group: Vec::new(), passed_on: false }
    }

    /// Takes what waits (the leader's own batch first), as far as the group has room; `false` if it took nothing.
    pub(super) fn take(&mut self) -> bool {
        let mut inner = hold(&self.queue.inner);
        let count = inner.waiting.len().min(MAX_GROUP - self.group.len());
        self.group.extend(inner.waiting.drain(..count));
        count > 0
    }

    /// Lets the first of those who wait lead.
    pub(super) fn pass_on(&mut self) {
        let mut inner = hold(&self.queue.inner);
        self.passed_on = true;
        match inner.waiting.front() {
            Some(next) => next.lead(),
            None => inner.led = false,
        }
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        if !self.passed_on {
            if self.group.is_empty() {
                self.take();
            }
            self.pass_on();
        }
        for ticket in &self.group {
            // Only where the leader panicked is there one without an answer.
            let cause = "the commit was given up".to_owned();
            ticket.answer(Err(StoreError::Io { path: Default::default(), cause }));
        }
    }
}

/// Nothing is left half done under these locks, so a poisoned one is as good.
fn hold<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
