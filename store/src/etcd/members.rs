//! The members of etcd: which of them is asked, and going on to the next when it does not answer.
//!
//! One member is asked by everybody until a request to it stays without an answer: then all turn to the next one,
//! over a new connection, and requests that still wait at the old one end as unclear. So a dead connection is never
//! used again, and the watch stays with the requests.

use super::failure::Failure;
use crate::etcd_options::{EtcdOptions, EtcdTls, EtcdUser};
use etcd_client::{Certificate, Client, ConnectOptions, Identity, TlsOptions};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(25);
/// Answers may be long: a hundred values of a mebibyte.
pub(super) const MAX_ANSWER_BYTES: usize = 256 << 20;

pub(super) struct Members {
    options: EtcdOptions,
    current: Mutex<Current>,
    /// Of the current one; grows with each change.
    generation: watch::Sender<u64>,
    /// Those that callers waited for.
    requests: AtomicU64,
}

struct Current {
    endpoint: usize,
    client: Option<Client>,
    /// Why the one before was given up.
    reason: String,
}

/// The member that is asked just now.
#[derive(Clone)]
pub(super) struct Member {
    pub client: Client,
    endpoint: String,
    generation: u64,
}

impl Members {
    pub(super) fn new(options: EtcdOptions, first: usize) -> Self {
        let endpoint = first % options.endpoints.len();
        let current = Mutex::new(Current { endpoint, client: None, reason: String::new() });
        Self { options, current, generation: watch::Sender::new(0), requests: AtomicU64::new(0) }
    }

    /// How long one try may take.
    pub(super) fn try_time(&self) -> Duration {
        try_time(&self.options)
    }

    /// The member to ask. Errors: no connection to it, or not with these credentials.
    pub(super) async fn member(&self) -> Result<Member, Failure> {
        let (endpoint, generation) = {
            let current = self.current();
            let generation = *self.generation.borrow();
            let endpoint = self.options.endpoints[current.endpoint].clone();
            if let Some(client) = &current.client {
                return Ok(Member { client: client.clone(), endpoint, generation });
            }
            (endpoint, generation)
        };
        let connected = connect(&endpoint, &self.options, Leaderless::Refuses);
        let connected = timeout(self.try_time(), connected).await;
        let failure = match connected {
            Ok(Ok(client)) => {
                let mut current = self.current();
                if *self.generation.borrow() == generation {
                    current.client = Some(client.clone());
                }
                return Ok(Member { client, endpoint, generation });
            }
            Ok(Err(failure)) => failure,
            Err(_) => Failure::Unclear("no connection in time".into()),
        };
        let failure = at(&endpoint, failure);
        self.give_up(generation, failure.cause());
        Err(failure)
    }

    /// How many requests callers waited for.
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// One try that a caller waits for.
    pub(super) async fn try_once<T>(
        &self,
        member: &Member,
        answer: impl Future<Output = Result<T, etcd_client::Error>>,
    ) -> Result<T, Failure> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.attempt(member, self.try_time(), answer).await
    }

    /// One try. Where no answer comes, the member is given up.
    pub(super) async fn attempt<T>(
        &self,
        member: &Member,
        limit: Duration,
        answer: impl Future<Output = Result<T, etcd_client::Error>>,
    ) -> Result<T, Failure> {
        let failure = tokio::select! {
            answered = timeout(limit, answer) => match answered {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => Failure::of(&error),
                Err(_) => Failure::Unclear(format!("no answer within {} ms", limit.as_millis())),
            },
            () = self.given_up(member) => return Err(Failure::Unclear(self.current().reason.clone())),
        };
        let failure = at(&member.endpoint, failure);
        if failure.is_unclear() {
            self.give_up(member.generation, failure.cause());
        }
        Err(failure)
    }

    /// Tries what may be done more than once until it has an answer, at most until `deadline`.
    pub(super) async fn ask<T, F>(
        &self,
        deadline: Instant,
        request: impl Fn(Client) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, etcd_client::Error>>,
    {
        loop {
            let asked = match self.member().await {
                Ok(member) => self.try_once(&member, request(member.client.clone())).await,
                Err(failure) => Err(failure),
            };
            match asked {
                Err(failure) if failure.is_unclear() && Instant::now() < deadline => sleep(PAUSE).await,
                answer => return answer,
            }
        }
    }

    /// Turns to the next member, if this one is still the one that is asked.
    pub(super) fn drop_member(&self, member: &Member, reason: &str) {
        self.give_up(member.generation, format!("{}: {reason}", member.endpoint));
    }

    /// Waits until the member is not the one that is asked any more.
    pub(super) async fn given_up(&self, member: &Member) {
        let mut generation = self.generation.subscribe();
        // The sender lives as long as `self`.
        let _ = generation.wait_for(|current| *current != member.generation).await;
    }

    fn give_up(&self, generation: u64, reason: String) {
        let mut current = self.current();
        self.generation.send_if_modified(|newest| {
            if *newest != generation {
                return false;
            }
            *newest += 1;
            current.endpoint = (current.endpoint + 1) % self.options.endpoints.len();
            current.client = None;
            current.reason = reason;
            true
        });
    }

    /// It is whole after each statement.
    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A part of what a call may take, so that it can try several members; long enough for one on a busy machine.
fn try_time(options: &EtcdOptions) -> Duration {
    Duration::from_millis((options.request_timeout_ms / 4).clamp(50, 1_500))
}

/// The failure with the member's name before it.
fn at(endpoint: &str, failure: Failure) -> Failure {
    match failure {
        Failure::Unclear(cause) => Failure::Unclear(format!("{endpoint}: {cause}")),
        Failure::Denied(cause) => Failure::Denied(format!("{endpoint}: {cause}")),
        other => other,
    }
}

/// Whether a member that knows no leader answers what it can by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaderless {
    Answers,
    Refuses,
}

/// A connection to one member.
pub(super) async fn connect(
    endpoint: &str,
    options: &EtcdOptions,
    leaderless: Leaderless,
) -> Result<Client, Failure> {
    let mut settings = ConnectOptions::new()
        .with_connect_timeout(try_time(options))
        .with_require_leader(leaderless == Leaderless::Refuses)
        .with_auto_token_refresh(true);
    if let Some(tls) = &options.tls {
        settings = settings.with_tls(tls_options(tls)?);
    }
    if let Some(user) = &options.user {
        settings = settings.with_user(&user.name, password(user)?);
    }
    let scheme = if options.tls.is_some() { "https" } else { "http" };
    Client::connect([format!("{scheme}://{endpoint}")], Some(settings)).await.map_err(|e| Failure::of(&e))
}

fn tls_options(tls: &EtcdTls) -> Result<TlsOptions, Failure> {
    let mut options = TlsOptions::new().ca_certificate(Certificate::from_pem(read("ca_file", &tls.ca_file)?));
    if let Some((certificate, key)) = &tls.identity {
        let (certificate, key) = (read("cert_file", certificate)?, read("key_file", key)?);
        options = options.identity(Identity::from_pem(certificate, key));
    }
    Ok(options)
}

fn password(user: &EtcdUser) -> Result<String, Failure> {
    let text = read("password_file", &user.password_file)?;
    let first = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let first = first.strip_suffix(b"\r").unwrap_or(first);
    String::from_utf8(first.to_vec()).map_err(|_| Failure::Denied("password_file is not UTF-8".into()))
}

fn read(setting: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::Denied(format!("{setting} {}: {error}", path.display())))
}
