//! Claims: keys under the lease of their process, so that they go when it does.
//!
//! An exclusive claim is a key that stands for its name; each shared claim has one of its own. Whether one may be
//! taken is judged in the transaction that makes it. A killed process's claims stay until its lease runs out
//! (`session::LEASE_S`); one that ends or drops a claim lets go at once.
//!
//! A process that cannot reach etcd for as long as the lease lasts loses its claims, and others may take them. When it
//! is back it takes them again, where nobody has. It is not told of the loss; but it commits only under its new
//! session, and the conditions of a batch are judged as always.

use super::background::Background;
use super::failure::Failure;
use super::inner::{Inner, kv};
use super::session::Session;
use crate::{Claim, ClaimKind, StoreError, gate};
use etcd_client::{Compare, CompareOp, GetOptions, Txn, TxnOp, TxnOpResponse, TxnResponse};
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

/// Between two tries for a name that is held, growing.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LAST_PAUSE: Duration = Duration::from_millis(50);

/// A claim of this process.
pub(super) struct Held {
    name: Vec<u8>,
    kind: ClaimKind,
    /// Where it stands in etcd; `None`: it was lost.
    place: Option<Place>,
}

/// A claim's key, and the value that tells it from others'.
#[derive(Clone)]
struct Place {
    key: Vec<u8>,
    token: Vec<u8>,
}

/// A claim that is held until dropped.
pub(super) struct EtcdClaim {
    inner: Arc<Inner>,
    handle: Handle,
    number: u64,
    generation: u64,
}

impl Claim for EtcdClaim {}

impl EtcdClaim {
    pub(super) fn new(inner: Arc<Inner>, handle: Handle, number: u64) -> Self {
        Self { inner, handle, number, generation: gate::generation() }
    }
}

impl Drop for EtcdClaim {
    fn drop(&mut self) {
        let (inner, number) = (Arc::clone(&self.inner), self.number);
        if self.generation != gate::generation() {
            // A child's: what it has of the parent is left alone.
            std::mem::forget((inner, self.handle.clone()));
            return;
        }
        // Where the store is closed already, its claims went with it.
        let _ = Background::run(&self.handle, async move { inner.release(number).await });
    }
}

impl Inner {
    /// Tries for the name, at most for `timeout`; the claim's number.
    pub(super) async fn claim_within(
        self: Arc<Self>,
        name: Vec<u8>,
        kind: ClaimKind,
        timeout: Duration,
    ) -> Result<Option<u64>, StoreError> {
        let until = Instant::now() + timeout;
        let mut pause = FIRST_PAUSE;
        loop {
            if let Some(number) = self.try_claim(&name, kind).await? {
                return Ok(Some(number));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            sleep(pause.min(left)).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    pub(super) async fn is_claimed(self: Arc<Self>, name: Vec<u8>) -> Result<bool, StoreError> {
        let request = |client: etcd_client::Client| {
            let (from, to) = (self.keys.claims(&name), self.keys.claims_end(&name));
            let options = GetOptions::new().with_range(to).with_count_only();
            async move { kv(&client).get(from, Some(options)).await }
        };
        let answer =
            self.members.ask(self.deadline(), request).await.map_err(|failure| self.told(&failure))?;
        Ok(answer.count() > 0)
    }

    async fn try_claim(self: &Arc<Self>, name: &[u8], kind: ClaimKind) -> Result<Option<u64>, StoreError> {
        let number = self.next_claim.fetch_add(1, Ordering::Relaxed);
        let place = self.take(name, kind, number).await.map_err(|failure| self.told(&failure))?;
        let Some(place) = place else { return Ok(None) };
        self.held().insert(number, Held { name: name.to_vec(), kind, place: Some(place) });
        Ok(Some(number))
    }

    /// Makes the claim's key, if the rules allow it.
    async fn take(
        self: &Arc<Self>,
        name: &[u8],
        kind: ClaimKind,
        number: u64,
    ) -> Result<Option<Place>, Failure> {
        let deadline = self.deadline();
        loop {
            let session = self.session(deadline).await?;
            let token = [session.lease.to_be_bytes(), number.to_be_bytes()].concat();
            let place = Place { key: self.keys.claim(name, kind, &token), token };
            let request = |client: etcd_client::Client| {
                let txn = self.claim_txn(name, kind, &session, &place);
                async move { kv(&client).txn(txn).await }
            };
            let answer = match self.members.ask(deadline, request).await {
                Ok(answer) => answer,
                Err(Failure::LeaseGone) => {
                    self.lose(&session).await;
                    continue;
                }
                Err(failure) => {
                    // It may be made yet.
                    let inner = Arc::clone(self);
                    tokio::spawn(async move { inner.unmake(&session, &place).await });
                    return Err(failure);
                }
            };
            if answer.succeeded() || is_own(&answer, &place) {
                return Ok(Some(place));
            }
            if self.session_stands(&session, &answer).await {
                return Ok(None);
            }
            if Instant::now() > deadline {
                return Err(Failure::Refused("the session of this process does not stand".into()));
            }
        }
    }

    fn claim_txn(&self, name: &[u8], kind: ClaimKind, session: &Session, place: &Place) -> Txn {
        let free = match kind {
            ClaimKind::Exclusive => Compare::create_revision(self.keys.claims(name), CompareOp::Equal, 0)
                .with_range(self.keys.claims_end(name)),
            ClaimKind::Shared => {
                Compare::create_revision(self.keys.exclusive_claim(name), CompareOp::Equal, 0)
            }
        };
        // A try whose answer was lost finds its own claim there.
        let own = TxnOp::get(place.key.clone(), None);
        Txn::new()
            .when([free, session.stands()])
            .and_then([session.put(place.key.clone(), place.token.clone())])
            .or_else([own, session.read()])
    }

    async fn session_stands(&self, session: &Session, answer: &TxnResponse) -> bool {
        let reads = answer.op_responses();
        let Some(TxnOpResponse::Get(epoch)) = reads.last() else { return true };
        let stands = epoch.kvs().first().is_some_and(|record| record.value() == session.epoch.to_be_bytes());
        if !stands {
            self.learn(session, epoch).await;
        }
        stands
    }

    /// Sees to it that a claim whose making got no answer does not stay.
    async fn unmake(&self, session: &Session, place: &Place) {
        while self.raise_epoch(session, self.deadline()).await.is_err() {
            sleep(LAST_PAUSE).await;
        }
        self.delete_claim(place).await;
    }

    /// Lets go of a claim; when etcd does not answer, it does so later, or the lease runs out.
    pub(super) async fn release(self: Arc<Self>, number: u64) {
        let Some(Held { place: Some(place), .. }) = self.held().remove(&number) else { return };
        let inner = Arc::clone(&self);
        let deleted = tokio::spawn(async move { inner.delete_claim(&place).await });
        let _ = tokio::time::timeout(self.members.try_time(), deleted).await;
    }

    async fn delete_claim(&self, place: &Place) {
        loop {
            let request = |client: etcd_client::Client| {
                let own = Compare::value(place.key.clone(), CompareOp::Equal, place.token.clone());
                let txn = Txn::new().when([own]).and_then([TxnOp::delete(place.key.clone(), None)]);
                async move { kv(&client).txn(txn).await }
            };
            match self.members.ask(self.deadline(), request).await {
                Err(failure) if failure.is_unclear() => sleep(LAST_PAUSE).await,
                _ => return,
            }
        }
    }

    pub(super) fn has_claims(&self) -> bool {
        !self.held().is_empty()
    }

    /// Takes what was lost with an earlier session again, where nobody else has it by now.
    pub(super) async fn take_claims_again(self: &Arc<Self>, session: &Session) {
        let lease = session.lease.to_be_bytes();
        let lost = |held: &Held| held.place.as_ref().is_none_or(|place| !place.token.starts_with(&lease));
        let lost: Vec<_> = {
            let held = self.held();
            let lost = held.iter().filter(|(_, held)| lost(held));
            lost.map(|(number, held)| (*number, held.name.clone(), held.kind)).collect()
        };
        for (number, name, kind) in lost {
            let place = self.take(&name, kind, number).await.unwrap_or(None);
            let dropped = match self.held().get_mut(&number) {
                Some(held) => {
                    held.place = place;
                    None
                }
                None => place,
            };
            if let Some(place) = dropped {
                self.delete_claim(&place).await;
            }
        }
    }

    /// It is whole after each statement.
    fn held(&self) -> MutexGuard<'_, HashMap<u64, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the claim that stands is the one that was to be made.
fn is_own(answer: &TxnResponse, place: &Place) -> bool {
    match answer.op_responses().first() {
        Some(TxnOpResponse::Get(get)) => {
            get.kvs().first().is_some_and(|record| record.value() == place.token)
        }
        _ => false,
    }
}
