//! What all parts of an open store in etcd share, and the two tasks that keep it right: the watch and the asker.

use super::claims::Held;
use super::failure::Failure;
use super::freshness::{Shared, now_ns};
use super::keys::{self, Keys};
use super::members::{MAX_ANSWER_BYTES, Member, Members};
use super::mirror::{Commit, Mirror};
use super::session::Session;
use crate::StoreError;
use crate::etcd_options::EtcdOptions;
use etcd_client::{Client, Event, EventType, GetOptions, GetResponse, WatchOptions, WatchStream};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// After a failure of the watch or of the asker.
const PAUSE: Duration = Duration::from_millis(50);

pub(super) struct Inner {
    pub(super) place: PathBuf,
    pub(super) keys: Keys,
    pub(super) members: Members,
    pub(super) shared: Shared,
    pub(super) session: tokio::sync::Mutex<Option<Session>>,
    /// Told when a session was made.
    pub(super) new_session: Notify,
    /// The claims of this process, by their numbers.
    pub(super) held: Mutex<HashMap<u64, Held>>,
    pub(super) next_claim: AtomicU64,
    /// Told when somebody waits for a proof of freshness.
    hurry: Notify,
    request_time: Duration,
    ask_every: Duration,
}

/// What the key `revision` says, and as of which revision of etcd.
pub(super) struct Newest {
    /// `None`: there is no such key.
    pub revision: Option<u64>,
    pub through: u64,
    /// Its value.
    pub value: Vec<u8>,
}

impl Inner {
    /// Of a store whose newest revision was just read.
    pub(super) fn new(
        options: &EtcdOptions,
        members: Members,
        (revision, through): (u64, u64),
        began_ns: u64,
    ) -> Self {
        let max_stale_ms = options.max_stale_ms;
        Self {
            place: options.place(),
            keys: Keys::new(&options.prefix),
            members,
            shared: Shared::new(Mirror::new(revision, through), began_ns, max_stale_ms),
            session: tokio::sync::Mutex::new(None),
            new_session: Notify::new(),
            held: Mutex::default(),
            next_claim: AtomicU64::new(1),
            hurry: Notify::new(),
            request_time: Duration::from_millis(options.request_timeout_ms),
            ask_every: Duration::from_millis(max_stale_ms / 3),
        }
    }

    /// When a call that begins now gives up.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.request_time
    }

    pub(super) fn told(&self, failure: &Failure) -> StoreError {
        failure.told(&self.place)
    }

    /// Waits until it is known again what is newest. Errors: `Stale`; at once where requests have failed for as long
    /// as a call may take, so that while etcd is down not every call waits that long.
    pub(super) async fn until_fresh(&self) -> Result<(), StoreError> {
        let since = self.shared.failing_since().unwrap_or_else(Instant::now);
        self.hurry.notify_one();
        let fresh = |shared: &Shared| shared.newest() != super::freshness::UNKNOWN;
        match self.shared.wait(since + self.request_time, fresh).await {
            true => Ok(()),
            false => Err(self.shared.stale(&self.place)),
        }
    }

    /// Waits until the watch has delivered this revision.
    pub(super) async fn until_seen(&self, revision: u64, deadline: Instant) -> bool {
        self.shared.wait(deadline, |shared| shared.known() >= revision).await
    }

    /// Proves, again and again, that the mirror is whole.
    pub(super) async fn keep_fresh(self: Arc<Self>) {
        loop {
            match self.prove_fresh().await {
                Ok(()) => {
                    tokio::select! {
                        () = sleep(self.ask_every) => {}
                        () = self.hurry.notified() => {}
                    }
                }
                Err(failure) => {
                    self.shared.fail(&failure);
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// One question for the newest revision, and the watch's delivering it.
    pub(super) async fn prove_fresh(&self) -> Result<(), Failure> {
        let (known, began_ns) = (self.shared.known(), now_ns());
        let member = self.members.member().await?;
        let limit = self.members.try_time();
        let answer = self.members.attempt(&member, limit, newest(member.client.clone(), &self.keys)).await?;
        let Some(revision) = answer.revision else {
            self.start_again(0, answer.through);
            return Err(Failure::Refused(
                "the store's records are gone: somebody deleted them in etcd".into(),
            ));
        };
        keys::commit_of(&answer.value).map_err(unknown_layout)?;
        if revision < known {
            // Not the same history any more: etcd was put back to an earlier state.
            self.start_again(revision, answer.through);
        }
        if !self.until_seen(revision, Instant::now() + limit).await {
            let cause = "the watch does not deliver what is there";
            self.members.drop_member(&member, cause);
            return Err(Failure::Unclear(cause.into()));
        }
        self.shared.update(|mirror| mirror.confirm(revision, answer.through));
        self.shared.prove(began_ns);
        Ok(())
    }

    /// Forgets all that was known, for it is not known what came in between.
    fn start_again(&self, revision: u64, through: u64) {
        self.shared.forget_own();
        self.shared.update(|mirror| *mirror = Mirror::new(revision, through));
    }

    /// Follows all commits, whatever happens to members and connections.
    pub(super) async fn follow(self: Arc<Self>) {
        loop {
            let failure = match self.members.member().await {
                Ok(member) => self.follow_at(&member).await,
                Err(failure) => failure,
            };
            match failure {
                Failure::Compacted => self.skip_compacted().await,
                _ => sleep(PAUSE).await,
            }
        }
    }

    /// Follows commits at one member, until that fails.
    async fn follow_at(&self, member: &Member) -> Failure {
        let from = self.shared.mirror().through() + 1;
        let options = WatchOptions::new()
            .with_range(self.keys.behind_revision())
            .with_start_revision(from.cast_signed())
            .with_fragment();
        let mut client = member.client.watch_client().max_decoding_message_size(MAX_ANSWER_BYTES);
        let begun = client.watch(self.keys.record(b""), Some(options));
        let mut stream = match self.members.attempt(member, self.members.try_time(), begun).await {
            Ok(stream) => stream,
            Err(failure) => return failure,
        };
        tokio::select! {
            failure = self.take_events(&mut stream) => {
                if failure.is_unclear() {
                    self.members.drop_member(member, &failure.cause());
                }
                failure
            }
            () = self.members.given_up(member) => Failure::Unclear("the member was given up".into()),
        }
    }

    async fn take_events(&self, stream: &mut WatchStream) -> Failure {
        let mut changes = Vec::new();
        loop {
            let told = match stream.message().await {
                Ok(Some(told)) => told,
                Ok(None) => return Failure::Unclear("the watch ended".into()),
                Err(error) => return Failure::of(&error),
            };
            if told.compact_revision() > 0 {
                return Failure::Compacted;
            }
            if told.canceled() {
                return Failure::Unclear(format!("the watch was ended: {}", told.cancel_reason()));
            }
            for event in told.events() {
                if let Err(failure) = self.take_event(event, &mut changes) {
                    return failure;
                }
            }
        }
    }

    /// The key `revision`, put last in each commit, ends its changes.
    fn take_event(
        &self,
        event: &Event,
        changes: &mut Vec<(Vec<u8>, Option<Vec<u8>>)>,
    ) -> Result<(), Failure> {
        let Some(record) = event.kv() else { return Ok(()) };
        let put = event.event_type() == EventType::Put;
        if let Some(key) = self.keys.of_record(record.key()) {
            changes.push((key.to_vec(), put.then(|| record.value().to_vec())));
            return Ok(());
        }
        if record.key() != self.keys.revision() {
            return Ok(());
        }
        let revision = record.mod_revision().cast_unsigned();
        if !put {
            self.start_again(revision, revision);
            changes.clear();
            return Ok(());
        }
        let id = keys::commit_of(record.value()).map_err(unknown_layout)?;
        let commit = Commit { revision, id, changes: std::mem::take(changes) };
        self.shared.update(|mirror| {
            // What a new watch repeats is known.
            if revision > mirror.revision() {
                mirror.apply(commit);
            }
        });
        Ok(())
    }

    /// The watch cannot go on where it stood: what came in between is not kept.
    async fn skip_compacted(&self) {
        let request = |client| newest(client, &self.keys);
        match self.members.ask(self.deadline(), request).await {
            Ok(Newest { revision, through, .. }) => self.start_again(revision.unwrap_or(0), through),
            Err(failure) => self.shared.fail(&failure),
        }
    }

    /// One page of `from..to` as of a revision of etcd, and whether there is more. Any member may answer, for what
    /// was at a revision is the same everywhere; only one that has not come so far is passed over.
    pub(super) async fn page(
        &self,
        from: Vec<u8>,
        to: Option<Vec<u8>>,
        at: u64,
        limit: i64,
    ) -> Result<GetResponse, Failure> {
        let options = || {
            let options = GetOptions::new().with_revision(at.cast_signed()).with_limit(limit);
            match &to {
                Some(to) => options.with_range(to.clone()),
                None => options,
            }
        };
        let get = |client: Client, options: GetOptions| {
            let from = from.clone();
            async move { kv(&client).get(from, Some(options)).await }
        };
        let asked = self.members.ask(self.deadline(), |client| get(client, options().with_serializable()));
        match asked.await {
            Err(Failure::FutureRevision) => {
                self.members.ask(self.deadline(), |client| get(client, options())).await
            }
            answer => answer,
        }
    }
}

/// The client for keys, taking long answers.
pub(super) fn kv(client: &Client) -> etcd_client::KvClient {
    client.kv_client().max_decoding_message_size(MAX_ANSWER_BYTES)
}

/// Asks what is newest, in the order of all of etcd's work.
pub(super) fn newest(
    client: Client,
    keys: &Keys,
) -> impl Future<Output = Result<Newest, etcd_client::Error>> + use<> {
    let key = keys.revision();
    async move {
        let mut answer = kv(&client).get(key, None).await?;
        let through = answer.header().map_or(0, |header| header.revision().cast_unsigned());
        let record = answer.take_kvs().pop();
        let revision = record.as_ref().map(|record| record.mod_revision().cast_unsigned());
        let value = record.map(|record| record.into_key_value().1).unwrap_or_default();
        Ok(Newest { revision, through, value })
    }
}

pub(super) fn unknown_layout(found: u8) -> Failure {
    let known = keys::LAYOUT;
    Failure::Refused(format!(
        "the store has layout {found}, and this program knows {known}: use a newer vhsm"
    ))
}
