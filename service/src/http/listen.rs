//! A port: who may connect, and how it ends. What a connection's requests are answered is a `Handler`'s.

use super::connection::{Peer, converse};
use super::tls::Tls;
use crate::failure::Failure;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustix::net::sockopt;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

/// After the system had no more files, or the like.
const PAUSE: Duration = Duration::from_millis(50);
/// Peers that are gone without a word are found out: first after so long, then so often, so many times.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(1);
const KEEPALIVE_PROBES: u32 = 3;

/// What answers the requests of a port; one for all of its connections.
pub trait Handler: Send + Sync + 'static {
    /// Runs on the threads of connections: it must not block.
    fn answer(
        self: Arc<Self>,
        arrival: Arrival,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Full<Bytes>>> + Send;

    /// How many are open, counted here.
    fn connections(&self) -> &AtomicU64;
}

/// Where a request comes from, and since when.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    pub from: SocketAddr,
    /// In HTTP/1.1 when its first byte came, in HTTP/2 when its head was whole.
    pub begun: Instant,
}

/// What a port bears.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Of its threads.
    pub name: &'static str,
    pub threads: usize,
    /// Beside them, for what blocks.
    pub blocking_threads: usize,
    /// At once; more wait to be accepted.
    pub connections: usize,
    /// For TLS's handshake.
    pub handshake: Duration,
    /// From a request's first byte to the end of its head (HTTP/1.1).
    pub head: Duration,
    /// How long a connection may be without a request.
    pub idle: Duration,
    /// For requests in flight when the server stops.
    pub stop: Duration,
}

/// A port that is served.
pub struct Server {
    runtime: Runtime,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<bool>,
    stop_timeout: Duration,
}

/// What connections need.
struct Shared<H> {
    handler: Arc<H>,
    tls: Option<Arc<Tls>>,
    terms: Terms,
}

/// Takes the first of these ports that is free. Errors: none may be taken.
pub fn bind(addresses: &[SocketAddr]) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(addresses)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

impl Server {
    /// Serves from now on. Errors: the system gives no threads.
    pub fn start<H: Handler>(
        listener: TcpListener,
        handler: Arc<H>,
        tls: Option<Arc<Tls>>,
        terms: Terms,
    ) -> Result<Self, Failure> {
        let cannot = |error: std::io::Error| Failure::new(format!("threads of the endpoints: {error}"));
        let runtime = Builder::new_multi_thread()
            .enable_all()
            .thread_name(terms.name)
            .worker_threads(terms.threads)
            .max_blocking_threads(terms.blocking_threads)
            .build()
            .map_err(cannot)?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(cannot)?
        };
        let (stop, stopped) = watch::channel(false);
        let stop_timeout = terms.stop;
        let shared = Arc::new(Shared { handler, tls, terms });
        let accepting = runtime.spawn(accept(listener, shared, stopped));
        Ok(Self { runtime, stop, accepting, stop_timeout })
    }

    /// Takes no more connections, and waits for the requests in flight. `false`: some took too long, and are cut off.
    pub fn stop(self) -> bool {
        // The task listens until it has ended.
        let _ = self.stop.send(true);
        let finished = self.runtime.block_on(self.accepting).unwrap_or(false);
        self.runtime.shutdown_timeout(if finished { self.stop_timeout } else { Duration::ZERO });
        finished
    }
}

/// Until it is stopped; `true` when every connection ended in time.
async fn accept<H: Handler>(
    listener: tokio::net::TcpListener,
    shared: Arc<Shared<H>>,
    mut stopped: watch::Receiver<bool>,
) -> bool {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(shared.terms.connections));
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            _ = stopped.changed() => break,
        };
        let Ok((stream, from)) = accepted else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let (shared, watcher) = (Arc::clone(&shared), graceful.watcher());
        tokio::spawn(async move {
            let _place = place;
            let _counted = Counted::new(&shared.handler);
            // A connection that ends badly is its client's.
            let _ = connection(&shared, stream, from, watcher).await;
        });
    }
    drop(listener);
    tokio::time::timeout(shared.terms.stop, graceful.shutdown()).await.is_ok()
}

async fn connection<H: Handler>(
    shared: &Shared<H>,
    stream: TcpStream,
    from: SocketAddr,
    watcher: Watcher,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    keep_alive(&stream)?;
    let Shared { handler, tls, terms } = shared;
    let peer = |is_http2| Peer { handler: Arc::clone(handler), address: from, is_http2 };
    let Some(tls) = tls else {
        converse(terms, stream, peer(false), watcher).await;
        return Ok(());
    };
    let stream = tokio::time::timeout(terms.handshake, tls.accept(stream)).await??;
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    converse(terms, stream, peer(is_http2), watcher).await;
    Ok(())
}

fn keep_alive(stream: &TcpStream) -> std::io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(stream, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(stream, KEEPALIVE_PROBES)?;
    Ok(())
}

/// An open connection, as long as it lives.
struct Counted<H: Handler>(Arc<H>);

impl<H: Handler> Counted<H> {
    fn new(handler: &Arc<H>) -> Self {
        handler.connections().fetch_add(1, Relaxed);
        Self(Arc::clone(handler))
    }
}

impl<H: Handler> Drop for Counted<H> {
    fn drop(&mut self) {
        self.0.connections().fetch_sub(1, Relaxed);
    }
}
