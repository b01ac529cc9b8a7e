//! The session of a process: a lease that it keeps alive, and an epoch.
//!
//! Made with the first commit or claim. Claims are keys under the lease, so they go when the process does. Each
//! commit has the condition that the session's key holds the process's epoch: after a raise of the epoch, a commit
//! that was sent before and is still under way somewhere cannot be done any more, so it can be found out whether it
//! was.

use super::failure::Failure;
use super::inner::{Inner, kv};
use etcd_client::{Compare, CompareOp, GetResponse, PutOptions, Txn, TxnOp, TxnOpResponse};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A process that does not reach etcd for so long loses its session; a killed one's claims last so long.
pub(super) const LEASE_S: i64 = 5;
/// How often the lease is renewed.
const RENEW_EVERY: Duration = Duration::from_millis(1_500);
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, Clone)]
pub(super) struct Session {
    pub lease: i64,
    pub key: Vec<u8>,
    pub epoch: u64,
}

impl Session {
    /// Holds while the session does, in this epoch.
    pub(super) fn stands(&self) -> Compare {
        Compare::value(self.key.clone(), CompareOp::Equal, self.epoch.to_be_bytes())
    }

    /// Reads the epoch that etcd has.
    pub(super) fn read(&self) -> TxnOp {
        TxnOp::get(self.key.clone(), None)
    }

    /// Puts a key under the lease.
    pub(super) fn put(&self, key: Vec<u8>, value: Vec<u8>) -> TxnOp {
        TxnOp::put(key, value, Some(PutOptions::new().with_lease(self.lease)))
    }
}

impl Inner {
    /// This process's session; made where there is none.
    pub(super) async fn session(&self, deadline: Instant) -> Result<Session, Failure> {
        let mut session = self.session.lock().await;
        if let Some(session) = &*session {
            return Ok(session.clone());
        }
        let made = self.make_session(deadline).await?;
        *session = Some(made.clone());
        self.new_session.notify_one();
        Ok(made)
    }

    async fn make_session(&self, deadline: Instant) -> Result<Session, Failure> {
        let grant = |client: etcd_client::Client| async move {
            client.lease_client().grant(LEASE_S, None).await.map(|granted| granted.id())
        };
        // Where an answer is lost, a lease without keys runs out by itself.
        let lease = self.members.ask(deadline, grant).await?;
        let session = Session { lease, key: self.keys.session(lease), epoch: 1 };
        let put = |client: etcd_client::Client| {
            let txn = Txn::new().and_then([session.put(session.key.clone(), 1_u64.to_be_bytes().to_vec())]);
            async move { kv(&client).txn(txn).await }
        };
        self.members.ask(deadline, put).await?;
        Ok(session)
    }

    /// Takes over what etcd answered to `Session::read`: another epoch, or that the session is gone.
    pub(super) async fn learn(&self, session: &Session, answer: &GetResponse) {
        let mut current = self.session.lock().await;
        let Some(current_session) = current.as_mut().filter(|current| current.lease == session.lease) else {
            return;
        };
        let epoch = answer.kvs().first().and_then(|record| record.value().try_into().ok());
        match epoch.map(u64::from_be_bytes) {
            Some(epoch) if epoch >= session.epoch => {
                current_session.epoch = current_session.epoch.max(epoch);
            }
            // Gone; or etcd was put back to an earlier state, and this session's epochs came later.
            _ => *current = None,
        }
    }

    /// The session's lease is gone.
    pub(super) async fn lose(&self, session: &Session) {
        let mut current = self.session.lock().await;
        if current.as_ref().is_some_and(|current| current.lease == session.lease) {
            *current = None;
        }
    }

    /// After this nothing that was sent in the session's epoch is done any more. Answers the newest revision of that
    /// moment.
    pub(super) async fn raise_epoch(&self, session: &Session, deadline: Instant) -> Result<u64, Failure> {
        let raised = (session.epoch + 1).to_be_bytes().to_vec();
        let newest = || TxnOp::get(self.keys.revision(), None);
        let request = |client: etcd_client::Client| {
            // Where the answer of a first try is lost, the second finds the epoch raised.
            let txn = Txn::new()
                .when([session.stands()])
                .and_then([session.put(session.key.clone(), raised.clone()), session.read(), newest()])
                .or_else([session.read(), newest()]);
            async move { kv(&client).txn(txn).await }
        };
        let answers = match self.members.ask(deadline, request).await {
            Ok(answer) => answer.op_responses(),
            Err(Failure::LeaseGone) => {
                self.lose(session).await;
                let newest =
                    self.members.ask(deadline, |client| super::inner::newest(client, &self.keys)).await?;
                return Ok(newest.revision.unwrap_or(0));
            }
            Err(failure) => return Err(failure),
        };
        let mut reads = answers.iter().filter_map(|answer| match answer {
            TxnOpResponse::Get(get) => Some(get),
            _ => None,
        });
        if let Some(epoch) = reads.next() {
            self.learn(session, epoch).await;
        }
        let newest = reads.next().and_then(|get| get.kvs().first());
        Ok(newest.map_or(0, |record| record.mod_revision().cast_unsigned()))
    }

    /// Keeps the lease alive, and makes another for claims where it was lost.
    pub(super) async fn keep_session(self: Arc<Self>) {
        loop {
            let session = self.session.lock().await.clone();
            let Some(session) = session else {
                if self.has_claims() {
                    if let Err(failure) = self.session(self.deadline()).await {
                        self.shared.fail(&failure);
                        sleep(PAUSE).await;
                    }
                } else {
                    self.new_session.notified().await;
                }
                continue;
            };
            match self.renew(&session).await {
                Ok(()) => sleep(RENEW_EVERY).await,
                Err(Failure::LeaseGone) => self.lose(&session).await,
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    /// Takes lost claims again. Beside `keep_session`, for it may take long.
    pub(super) async fn keep_claims(self: Arc<Self>) {
        loop {
            sleep(RENEW_EVERY).await;
            let session = self.session.lock().await.clone();
            if let Some(session) = session {
                self.take_claims_again(&session).await;
            }
        }
    }

    async fn renew(&self, session: &Session) -> Result<(), Failure> {
        let member = self.members.member().await?;
        let mut client = member.client.lease_client();
        // The lease must not run out while a member that hangs is waited for.
        let limit = self.members.try_time().min(RENEW_EVERY);
        self.members.attempt(&member, limit, client.keep_alive(session.lease)).await.map(drop)
    }

    /// Lets the session and its claims go at once: the last thing that a store does.
    pub(super) async fn end_session(&self) {
        let Some(session) = self.session.lock().await.take() else { return };
        if let Ok(member) = self.members.member().await {
            let mut client = member.client.lease_client();
            // If it fails, the lease runs out.
            let _ =
                self.members.attempt(&member, self.members.try_time(), client.revoke(session.lease)).await;
        }
    }
}
