//! Requests of any thread, over connections that are kept for the next one.
//!
//! A runtime of its own drives them, from the first call on: a caller's thread waits for its answer and does nothing else, so it may belong
//! to another runtime. What a caller no longer waits for ends at its deadline.
//!
//! A connection is kept where it has given its answer whole: of HTTP/1.1 as many as were used at a time, of HTTP/2 one. Nothing is
//! sent twice but over a kept connection that had ended meanwhile, and then once more, over a new one: all calls of the API may be
//! repeated. One of HTTP/2 on which nothing came back during a call that waited in vain is taken for dead.

use super::address::Endpoint;
use super::client::Settings;
use super::connect::Connector;
use super::failure::ProxyFailure;
use super::tls::Files;
use super::wire::{Answer, Outgoing, Unanswered, Wire};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::{Arc, Weak, mpsc};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, sleep};

/// Threads of the runtime: they but move bytes.
const THREADS: usize = 2;
/// How many idle connections of HTTP/1.1 are kept for an endpoint.
const IDLE_MAX: usize = 64;
/// How long an idle connection is kept: less than proxies and load balancers do.
const IDLE: Duration = Duration::from_secs(50);
const BETWEEN_SWEEPS: Duration = Duration::from_secs(10);

pub(super) struct Transport {
    settings: Settings,
    files: Files,
    started: Mutex<Option<Arc<Started>>>,
}

struct Started {
    runtime: Option<Runtime>,
    pool: Arc<Pool>,
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Dropping it would wait, which a thread of another runtime must not.
            runtime.shutdown_background();
        }
    }
}

impl Transport {
    pub fn new(settings: Settings, files: Files) -> Self {
        Self { settings, files, started: Mutex::new(None) }
    }

    /// Sends a request and waits for its answer, until the timeout of settings.
    pub fn call(&self, endpoint: Endpoint, request: Outgoing) -> Result<Answer, ProxyFailure> {
        let started = self.started()?;
        let deadline = Instant::now() + self.settings.timeout;
        let (answer, answered) = mpsc::sync_channel(1);
        let pool = Arc::clone(&started.pool);
        let runtime = started.runtime.as_ref();
        runtime.map(|runtime| {
            runtime.spawn(async move {
                // A caller waits until this is sent or dropped.
                let _ = answer.send(pool.call(&endpoint, &request, deadline).await);
            })
        });
        let stopped = |_| Err(ProxyFailure::Unreachable("the client of proxies has stopped".into()));
        answered.recv().unwrap_or_else(stopped)
    }

    pub fn certificate_ends(&self) -> std::collections::BTreeMap<String, u64> {
        let started = self.started.lock();
        started.as_ref().map(|started| started.pool.connector.certificate_ends()).unwrap_or_default()
    }

    /// Errors: `Tls`, for want of authorities; `Unreachable`, for want of threads.
    fn started(&self) -> Result<Arc<Started>, ProxyFailure> {
        let mut started = self.started.lock();
        if let Some(started) = &*started {
            return Ok(Arc::clone(started));
        }
        let config = self.files.config().map_err(ProxyFailure::Tls)?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("xks")
            .enable_all()
            .build()
            .map_err(|error| {
                ProxyFailure::Unreachable(format!("no threads for calls of proxies: {error}"))
            })?;
        let connector = Connector::new(self.settings.clone(), config);
        let pool = Arc::new(Pool { connector, kept: Mutex::new(HashMap::new()) });
        runtime.spawn(sweep(Arc::downgrade(&pool)));
        Ok(Arc::clone(started.insert(Arc::new(Started { runtime: Some(runtime), pool }))))
    }
}

/// Closes what has long been idle, as long as there is a pool.
async fn sweep(pool: Weak<Pool>) {
    loop {
        sleep(BETWEEN_SWEEPS).await;
        match pool.upgrade() {
            Some(pool) => pool.sweep(Instant::now()),
            None => return,
        }
    }
}

struct Pool {
    connector: Connector,
    kept: Mutex<HashMap<Endpoint, Vec<Kept>>>,
}

/// A connection without a request, or one of HTTP/2.
struct Kept {
    wire: Wire,
    /// When its last answer came.
    answered: Instant,
}

impl Pool {
    async fn call(
        &self,
        endpoint: &Endpoint,
        request: &Outgoing,
        deadline: Instant,
    ) -> Result<Answer, ProxyFailure> {
        if let Some(kept) = self.take(endpoint) {
            match self.exchange(endpoint, kept, request, deadline).await {
                Ok(answer) => return Ok(answer),
                Err(Unanswered::Failed(failure)) => return Err(failure),
                // Those that were kept beside it are as old.
                Err(Unanswered::Stale(_)) => drop(self.kept.lock().remove(endpoint)),
            }
        }
        let wire = self.connector.connect(endpoint, deadline).await?;
        self.exchange(endpoint, wire, request, deadline).await.map_err(|unanswered| match unanswered {
            Unanswered::Stale(failure) | Unanswered::Failed(failure) => failure,
        })
    }

    async fn exchange(
        &self,
        endpoint: &Endpoint,
        mut wire: Wire,
        request: &Outgoing,
        deadline: Instant,
    ) -> Result<Answer, Unanswered> {
        let began = Instant::now();
        let answer = wire.exchange(request, deadline).await;
        match &answer {
            Ok(_) if wire.is_ready_again().await => self.keep(endpoint, wire),
            Err(Unanswered::Failed(ProxyFailure::TimedOut)) => self.doubt(endpoint, began),
            _ => {}
        }
        answer
    }

    /// A connection that can take a request; the one that was used last.
    fn take(&self, endpoint: &Endpoint) -> Option<Wire> {
        let mut kept = self.kept.lock();
        let kept = kept.get_mut(endpoint)?;
        while let Some(last) = kept.last() {
            let is_ready = last.wire.is_ready();
            if let Some(shared) = last.wire.shared().filter(|_| is_ready) {
                return Some(shared);
            }
            let last = kept.pop();
            if is_ready {
                return last.map(|last| last.wire);
            }
        }
        None
    }

    fn keep(&self, endpoint: &Endpoint, wire: Wire) {
        let mut kept = self.kept.lock();
        let kept = kept.entry(endpoint.clone()).or_default();
        let answered = Instant::now();
        if wire.is_shared() {
            // Many requests share one: all others of HTTP/2 end with their last one.
            match kept.iter_mut().find(|kept| kept.wire.is_shared() && kept.wire.is_ready()) {
                Some(shared) => shared.answered = answered,
                None => kept.push(Kept { wire, answered }),
            }
        } else if kept.len() < IDLE_MAX {
            kept.push(Kept { wire, answered });
        }
    }

    /// After a request that began then and got no answer in time.
    fn doubt(&self, endpoint: &Endpoint, began: Instant) {
        if let Some(kept) = self.kept.lock().get_mut(endpoint) {
            kept.retain(|kept| !kept.wire.is_shared() || kept.answered > began);
        }
    }

    fn sweep(&self, now: Instant) {
        self.kept.lock().retain(|_, kept| {
            kept.retain(|kept| kept.wire.is_ready() && now.duration_since(kept.answered) < IDLE);
            !kept.is_empty()
        });
    }
}
