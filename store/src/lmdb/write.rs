//! Commits: batches judged and applied in order, in one transaction with their change log entry.

use super::environment::Environment;
use super::failure::Failure;
use super::group::{Answer, Lead, Role, Ticket};
use super::library::Error;
use super::log::Entry;
use super::snapshot::StoredKey;
use super::txn::WriteTxn;
use crate::{Batch, Operation, Revision, StoreError, gate};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What deleting may enlarge a full map by.
const ROOM_TO_DELETE_BYTES: usize = 1 << 20;

/// What became of a transaction.
struct Outcome {
    revision: Revision,
    /// Whether anything was written.
    written: bool,
    /// By batch: `None` if it was applied, else its first condition that does not hold.
    verdicts: Vec<Option<usize>>,
}

impl Environment {
    /// Commits the batch, together with what other threads commit at this time.
    pub(super) fn commit(&self, batch: Batch) -> Answer {
        // Before the queue: in a child those who lead it are gone.
        self.unless_foreign()?;
        let ticket = Ticket::new(batch);
        if let Role::Follower = self.queue.join(&ticket)
            && let Some(answer) = ticket.wait()
        {
            return answer;
        }
        self.lead();
        // The leader's own batch is first in its group, and `Lead` leaves none unanswered.
        ticket.wait().unwrap_or(Err(StoreError::Forked))
    }

    fn lead(&self) {
        let mut lead = Lead::new(&self.queue);
        let outcome = self.write(|txn| {
            let mut writing = Writing::new(txn);
            let mut done = 0;
            // Who comes while the others are applied comes along.
            while lead.take() {
                for ticket in &lead.group[done..] {
                    writing.add(&ticket.batch)?;
                }
                done = lead.group.len();
            }
            writing.commit()
        });
        if lead.group.is_empty() {
            lead.take();
        }
        lead.pass_on();
        match outcome {
            Ok(outcome) => self.answer_all(&lead.group, &outcome),
            Err(Failure::Full(_)) => lead.group.iter().for_each(|ticket| {
                ticket.answer(self.commit_when_full(&ticket.batch));
            }),
            Err(failure) => {
                // One failure, many who wait for it.
                lead.group
                    .iter()
                    .for_each(|ticket| ticket.answer(Err(copy_of(&failure).into_error(&self.path))));
            }
        }
    }

    fn answer_all(&self, group: &[Arc<Ticket>], outcome: &Outcome) {
        self.count(outcome);
        for (ticket, verdict) in group.iter().zip(&outcome.verdicts) {
            ticket.answer(answer_of(outcome.revision, *verdict));
        }
    }

    fn count(&self, outcome: &Outcome) {
        let applied = outcome.verdicts.iter().filter(|verdict| verdict.is_none()).count();
        self.counters.batches.fetch_add(applied as u64, Ordering::Relaxed);
        self.counters.transactions.fetch_add(u64::from(outcome.written), Ordering::Relaxed);
    }

    /// Commits one batch alone after a group found no room: the others may have been what needed it, vanished
    /// readers may hold pages, and a batch that only deletes gets room to do so.
    fn commit_when_full(&self, batch: &Batch) -> Answer {
        self.clear_stale_readers(&gate::enter())?;
        let only_deletes =
            batch.operations.iter().all(|operation| matches!(operation, Operation::Delete { .. }));
        let mut outcome = self.commit_alone(batch);
        if matches!(outcome, Err(Failure::Full(_))) && only_deletes {
            self.enlarge_map(ROOM_TO_DELETE_BYTES)?;
            outcome = self.commit_alone(batch);
        }
        let outcome = outcome.map_err(|failure| failure.into_error(&self.path))?;
        self.count(&outcome);
        answer_of(outcome.revision, outcome.verdicts[0])
    }

    fn commit_alone(&self, batch: &Batch) -> Result<Outcome, Failure> {
        self.write(|txn| {
            let mut writing = Writing::new(txn);
            writing.add(batch)?;
            writing.commit()
        })
    }
}

/// A transaction that takes up batches one by one, each whole or (where a condition does not hold) not at all.
/// After an error nothing of it is left.
struct Writing<'a> {
    txn: WriteTxn<'a>,
    entry: Entry,
    verdicts: Vec<Option<usize>>,
}

impl<'a> Writing<'a> {
    fn new(txn: WriteTxn<'a>) -> Self {
        Self { txn, entry: Entry::new(), verdicts: Vec::new() }
    }

    fn add(&mut self, batch: &Batch) -> Result<(), Error> {
        let failed = self.failing_condition(batch)?;
        if failed.is_none() {
            for operation in &batch.operations {
                self.apply(operation)?;
            }
        }
        self.verdicts.push(failed);
        Ok(())
    }

    fn commit(mut self) -> Result<Outcome, Error> {
        let revision = self.txn.id();
        let written = !self.entry.is_empty();
        if written {
            self.entry.append(&mut self.txn)?;
            self.txn.commit()?;
        }
        // Where nothing was written, what was judged is the revision before.
        let revision = Revision(revision - u64::from(!written));
        Ok(Outcome { revision, written, verdicts: self.verdicts })
    }

    fn failing_condition(&self, batch: &Batch) -> Result<Option<usize>, Error> {
        for (index, condition) in batch.conditions.iter().enumerate() {
            let found = self.txn.get(StoredKey::new(&condition.key).as_bytes())?;
            if found != condition.value.as_deref() {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    fn apply(&mut self, operation: &Operation) -> Result<(), Error> {
        let key = StoredKey::new(operation.key());
        match operation {
            Operation::Put { value, .. } => self.txn.put(key.as_bytes(), value)?,
            Operation::Delete { .. } => self.txn.delete(key.as_bytes())?,
        }
        self.entry.push(operation.key());
        Ok(())
    }
}

fn answer_of(revision: Revision, verdict: Option<usize>) -> Answer {
    match verdict {
        None => Ok(revision),
        Some(condition) => Err(StoreError::Conflict { condition }),
    }
}

fn copy_of(failure: &Failure) -> Failure {
    match failure {
        Failure::Full(cause) => Failure::Full(cause.clone()),
        Failure::Failed(cause) => Failure::Failed(cause.clone()),
        Failure::Doubt(cause) => Failure::Doubt(cause.clone()),
        Failure::Unusable(StoreError::Refused { path, cause }) => {
            Failure::Unusable(StoreError::Refused { path: path.clone(), cause: cause.clone() })
        }
        Failure::Unusable(StoreError::Io { cause, .. }) => Failure::Failed(cause.clone()),
        Failure::Unusable(_) => Failure::Unusable(StoreError::Forked),
    }
}
