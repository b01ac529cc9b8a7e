//! Commits: one transaction of etcd each, and finding out what became of those whose answer was lost.
//!
//! A transaction has the batch's conditions and the session's, the operations, and puts the key `revision` with the
//! commit's random id. Its other branch reads what the conditions are about, so that a conflict can be told with its
//! condition. When no answer comes (a timeout, another leader), the session's epoch is raised, which keeps the lost
//! transaction from being done later; the watch then shows by its id whether it was done before. If not, it is sent
//! again. So a commit that answers Ok was done exactly once, one that answers `Conflict` was not done, and only one
//! that cannot find out in time answers `OutcomeUnknown`.

use super::failure::Failure;
use super::inner::{Inner, kv};
use super::keys::{self, CommitId};
use super::session::Session;
use crate::{Batch, Condition, Operation, Revision, StoreError};
use etcd_client::{Compare, CompareOp, GetOptions, Txn, TxnOp, TxnOpResponse, TxnResponse};
use std::collections::HashSet;
use std::sync::Arc;
use tokio::time::Instant;

/// What became of a transaction.
enum Outcome {
    /// Done, at this revision.
    Done(u64),
    NotDone,
}

/// Why a transaction was not done though etcd answered.
enum Refusal {
    Conflict(usize),
    /// The session is another one by now.
    Session,
    /// The condition that did not hold holds again in what was read: not possible in one transaction.
    None,
}

impl Inner {
    /// Commits a batch that was checked. Returns when this process sees it.
    pub(super) async fn commit(self: Arc<Self>, batch: Batch) -> Result<Revision, StoreError> {
        let deadline = self.deadline();
        let revision = match batch.operations.is_empty() {
            true => self.judge_only(&batch, deadline).await?,
            false => self.commit_writes(&batch, deadline).await?,
        };
        if !self.until_seen(revision, deadline).await {
            // It is done all the same: readers wait until the watch has it.
            self.shared.owe(revision);
        }
        Ok(Revision(revision))
    }

    /// Judges the conditions of a batch without operations; answers the newest revision.
    async fn judge_only(&self, batch: &Batch, deadline: Instant) -> Result<u64, StoreError> {
        let request = |client: etcd_client::Client| {
            let newest = TxnOp::get(self.keys.revision(), None);
            let txn = Txn::new().when(self.compares(batch)).and_then([newest]).or_else(self.reads(batch));
            async move { kv(&client).txn(txn).await }
        };
        let answer = self.members.ask(deadline, request).await.map_err(|failure| self.told(&failure))?;
        let reads = answer.op_responses();
        if !answer.succeeded() {
            let condition = broken(&batch.conditions, &reads).unwrap_or(0);
            return Err(StoreError::Conflict { condition });
        }
        let revision = match reads.first() {
            Some(TxnOpResponse::Get(get)) => get.kvs().first().map(|record| record.mod_revision()),
            _ => None,
        };
        Ok(revision.unwrap_or(0).cast_unsigned())
    }

    async fn commit_writes(&self, batch: &Batch, deadline: Instant) -> Result<u64, StoreError> {
        let mut id = CommitId::default();
        getrandom::fill(&mut id).map_err(|error| self.told(&Failure::Refused(error.to_string())))?;
        loop {
            let session = self.session(deadline).await.map_err(|failure| self.told(&failure))?;
            let since = self.shared.known();
            let failure = match self.send(batch, &session, &id).await {
                Ok(answer) if answer.succeeded() => return Ok(revision_of(&answer)),
                Ok(answer) => match self.refusal(batch, &session, &answer).await {
                    Refusal::Conflict(condition) => return Err(StoreError::Conflict { condition }),
                    Refusal::Session | Refusal::None if Instant::now() < deadline => continue,
                    _ => Failure::Refused("the session of this process does not stand".into()),
                },
                Err(Failure::Unclear(cause)) => match self.find_out(&session, since, &id, deadline).await {
                    Ok(Outcome::Done(revision)) => return Ok(revision),
                    Ok(Outcome::NotDone) if Instant::now() < deadline => continue,
                    Ok(Outcome::NotDone) => Failure::Refused(cause),
                    Err(reason) => return Err(self.outcome_unknown(&cause, &reason)),
                },
                Err(failure) => failure,
            };
            return Err(self.told(&failure));
        }
    }

    /// One try.
    async fn send(&self, batch: &Batch, session: &Session, id: &CommitId) -> Result<TxnResponse, Failure> {
        let member = self.members.member().await?;
        let mut compares = self.compares(batch);
        compares.push(session.stands());
        let mut operations = self.operations(batch);
        operations.push(TxnOp::put(self.keys.revision(), keys::revision_value(id), None));
        let mut reads = self.reads(batch);
        reads.push(session.read());
        let txn = Txn::new().when(compares).and_then(operations).or_else(reads);
        let mut client = kv(&member.client);
        self.members.try_once(&member, client.txn(txn)).await
    }

    async fn refusal(&self, batch: &Batch, session: &Session, answer: &TxnResponse) -> Refusal {
        let reads = answer.op_responses();
        if let Some(TxnOpResponse::Get(epoch)) = reads.last() {
            let stands =
                epoch.kvs().first().is_some_and(|record| record.value() == session.epoch.to_be_bytes());
            if !stands {
                self.learn(session, epoch).await;
                return Refusal::Session;
            }
        }
        broken(&batch.conditions, &reads).map_or(Refusal::None, Refusal::Conflict)
    }

    /// What became of a transaction that was sent after `since`. Errors: why it stays unknown.
    async fn find_out(
        &self,
        session: &Session,
        since: u64,
        id: &CommitId,
        deadline: Instant,
    ) -> Result<Outcome, String> {
        let newest = self.raise_epoch(session, deadline).await.map_err(|failure| failure.cause())?;
        if !self.until_seen(newest, deadline).await {
            return Err("the watch did not deliver in time what is there".into());
        }
        match self.shared.mirror().find_commit(since, id) {
            Ok(Some(revision)) => Ok(Outcome::Done(revision)),
            Ok(None) => Ok(Outcome::NotDone),
            Err(()) => Err("the history of that time is not kept".into()),
        }
    }

    fn outcome_unknown(&self, lost: &str, reason: &str) -> StoreError {
        let cause = format!("{lost}; finding out failed: {reason}");
        StoreError::OutcomeUnknown { path: self.place.clone(), cause }
    }

    fn compares(&self, batch: &Batch) -> Vec<Compare> {
        let compare = |condition: &Condition| {
            let key = self.keys.record(&condition.key);
            match &condition.value {
                Some(value) => Compare::value(key, CompareOp::Equal, &value[..]),
                None => Compare::create_revision(key, CompareOp::Equal, 0),
            }
        };
        batch.conditions.iter().map(compare).collect()
    }

    /// Reads what the conditions are about.
    fn reads(&self, batch: &Batch) -> Vec<TxnOp> {
        let read = |condition: &Condition| {
            let options = condition.value.is_none().then(|| GetOptions::new().with_keys_only());
            TxnOp::get(self.keys.record(&condition.key), options)
        };
        batch.conditions.iter().map(read).collect()
    }

    /// The last operation on each key: etcd takes no two in one transaction.
    fn operations(&self, batch: &Batch) -> Vec<TxnOp> {
        let mut seen = HashSet::new();
        let last = batch.operations.iter().rev().filter(|operation| seen.insert(operation.key()));
        let mut operations: Vec<TxnOp> = last
            .map(|operation| match operation {
                Operation::Put { key, value } => TxnOp::put(self.keys.record(key), &value[..], None),
                Operation::Delete { key } => TxnOp::delete(self.keys.record(key), None),
            })
            .collect();
        operations.reverse();
        operations
    }
}

fn revision_of(answer: &TxnResponse) -> u64 {
    answer.header().map_or(0, |header| header.revision().cast_unsigned())
}

/// The first condition that does not hold of what was read.
fn broken(conditions: &[Condition], reads: &[TxnOpResponse]) -> Option<usize> {
    let holds = |(condition, read): (&Condition, &TxnOpResponse)| {
        let TxnOpResponse::Get(get) = read else { return false };
        match (&condition.value, get.kvs().first()) {
            (None, None) => true,
            (Some(wanted), Some(record)) => record.value() == wanted,
            _ => false,
        }
    };
    conditions.iter().zip(reads).position(|pair| !holds(pair))
}
