//! Commits: batches judged and applied in order, in one transaction with their change log entry.

use super::environment::Environment;
use super::failure::Failure;
use super::group::{Answer, Lead, Role, Ticket};
use super::log::Entry;
use super::snapshot::{Records, StoredKey};
use crate::{Batch, Operation, Revision, StoreError, gate};
use heed::RwTxn;
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
        let outcome = self.write(|records, txn| {
            lead.take();
            commit_all(records, txn, lead.group.iter().map(|ticket| &ticket.batch))
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
        self.write(|records, txn| commit_all(records, txn, std::iter::once(batch)))
    }
}

/// Applies the batches one by one, each whole or (where a condition does not hold) not at all, and commits.
/// An error leaves nothing applied.
fn commit_all<'a>(
    records: Records,
    mut txn: RwTxn,
    batches: impl Iterator<Item = &'a Batch>,
) -> heed::Result<Outcome> {
    let revision = txn.id() as u64;
    let mut entry = Entry::new();
    let mut verdicts = Vec::new();
    for batch in batches {
        let failed = failing_condition(records, &txn, batch)?;
        if failed.is_none() {
            apply(records, &mut txn, batch, &mut entry)?;
        }
        verdicts.push(failed);
    }
    if entry.is_empty() {
        txn.abort();
        return Ok(Outcome { revision: Revision(revision - 1), written: false, verdicts });
    }
    entry.append(records, &mut txn)?;
    txn.commit()?;
    Ok(Outcome { revision: Revision(revision), written: true, verdicts })
}

fn failing_condition(records: Records, txn: &RwTxn, batch: &Batch) -> heed::Result<Option<usize>> {
    for (index, condition) in batch.conditions.iter().enumerate() {
        let found = records.get(txn, StoredKey::new(&condition.key).as_bytes())?;
        if found != condition.value.as_deref() {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

fn apply(records: Records, txn: &mut RwTxn, batch: &Batch, entry: &mut Entry) -> heed::Result<()> {
    for operation in &batch.operations {
        let key = StoredKey::new(operation.key());
        match operation {
            Operation::Put { value, .. } => records.put(txn, key.as_bytes(), value)?,
            Operation::Delete { .. } => {
                records.delete(txn, key.as_bytes())?;
            }
        }
        entry.push(operation.key());
    }
    Ok(())
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
