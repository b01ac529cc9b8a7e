//! The port: connections, how long they may take, and how they end.
//!
//! HTTP/1.1; with TLS also HTTP/2, as the client likes. A connection ends when a request's head does not come in time, and when
//! nothing happens on it for that long.

use super::edge::Edge;
use super::tls::Tls;
use crate::failure::Failure;
use crate::serve::Endpoint;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

/// Of one HTTP/2 connection.
const MOST_STREAMS: u32 = 128;
const MOST_HEADER_BYTES: usize = 64 * 1024;
/// After the system had no more files, or the like.
const PAUSE: Duration = Duration::from_millis(50);
/// Calls that may run on threads of connections, each of which another thread stands in for; and those threads.
pub const INLINE_CALLS: usize = 6;
const THREADS: usize = INLINE_CALLS + 2;
/// Beside calls: for /health and /metrics.
const SPARE_THREADS: usize = 8;

/// A port that is served.
pub struct Server {
    runtime: Runtime,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<bool>,
    stop_timeout: Duration,
}

/// What connections need.
#[derive(Clone)]
struct Shared {
    edge: Arc<Edge>,
    tls: Option<Arc<Tls>>,
    /// For a head, and between two requests.
    patience: Duration,
}

/// Takes the port. Errors: it is taken, or may not be.
pub fn bind(addresses: &[SocketAddr], named: &str) -> Result<TcpListener, Failure> {
    let cannot = |error: &std::io::Error| match error.kind() {
        ErrorKind::AddrInUse => Failure::new(format!(
            "listen {named:?}: another program has this port, perhaps another `vhsm serve`; name another one by --listen \
             ADDRESS:PORT, or maintain the store only with --listen none"
        )),
        _ => {
            Failure::new(format!("listen {named:?}: {error}; name another address by --listen ADDRESS:PORT"))
        }
    };
    let listener = TcpListener::bind(addresses).map_err(|error| cannot(&error))?;
    listener.set_nonblocking(true).map_err(|error| cannot(&error))?;
    Ok(listener)
}

impl Server {
    /// Serves from now on.
    pub fn start(
        listener: TcpListener,
        edge: Arc<Edge>,
        tls: Option<Arc<Tls>>,
        endpoint: &Endpoint,
    ) -> Result<Self, Failure> {
        let cannot = |error: std::io::Error| Failure::new(format!("threads of the endpoints: {error}"));
        let runtime = Builder::new_multi_thread()
            .enable_all()
            .thread_name("http")
            .worker_threads(THREADS)
            .max_blocking_threads(endpoint.calls + INLINE_CALLS + SPARE_THREADS)
            .build()
            .map_err(cannot)?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(cannot)?
        };
        let (stop, stopped) = watch::channel(false);
        let shared = Shared { edge, tls, patience: endpoint.header_timeout };
        let (places, stop_timeout) = (endpoint.connections, endpoint.stop_timeout);
        let accepting = runtime.spawn(accept(listener, shared, places, stopped, stop_timeout));
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
async fn accept(
    listener: tokio::net::TcpListener,
    shared: Shared,
    places: usize,
    mut stopped: watch::Receiver<bool>,
    stop_timeout: Duration,
) -> bool {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(places));
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
        let (shared, watcher) = (shared.clone(), graceful.watcher());
        tokio::spawn(async move {
            let _place = place;
            shared.edge.metrics.connections.fetch_add(1, Relaxed);
            // A connection that ends badly is its client's.
            let _ = connection(&shared, stream, from, watcher).await;
            shared.edge.metrics.connections.fetch_sub(1, Relaxed);
        });
    }
    drop(listener);
    tokio::time::timeout(stop_timeout, graceful.shutdown()).await.is_ok()
}

async fn connection(
    shared: &Shared,
    stream: TcpStream,
    from: SocketAddr,
    watcher: Watcher,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let Some(tls) = &shared.tls else {
        converse(shared, stream, from, watcher, false).await;
        return Ok(());
    };
    let stream = tokio::time::timeout(shared.patience, tls.acceptor().accept(stream)).await??;
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    converse(shared, stream, from, watcher, is_http2).await;
    Ok(())
}

async fn converse<S>(shared: &Shared, stream: S, from: SocketAddr, watcher: Watcher, is_http2: bool)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = Arc::new(Activity::default());
    let (edge, active) = (Arc::clone(&shared.edge), Arc::clone(&activity));
    let service = service_fn(move |request| {
        let (edge, busy) = (Arc::clone(&edge), Busy::new(&active));
        async move {
            let _busy = busy;
            Ok::<_, Infallible>(edge.answer(from.ip(), request).await)
        }
    });
    let io = TokioIo::new(stream);
    if is_http2 {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new()).max_concurrent_streams(MOST_STREAMS);
        builder.max_header_list_size(MOST_HEADER_BYTES as u32);
        until_idle(watcher.watch(builder.serve_connection(io, service)), &activity, shared.patience).await;
    } else {
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(shared.patience).max_buf_size(MOST_HEADER_BYTES);
        until_idle(watcher.watch(builder.serve_connection(io, service)), &activity, shared.patience).await;
    }
}

/// Lets a connection go on as long as requests come in time.
async fn until_idle(connection: impl Future, activity: &Activity, patience: Duration) {
    let mut connection = pin!(connection);
    loop {
        let begun = activity.begun.load(Relaxed);
        tokio::select! {
            _ = &mut connection => return,
            () = tokio::time::sleep(patience) => {
                if activity.running.load(Relaxed) == 0 && activity.begun.load(Relaxed) == begun {
                    return;
                }
            }
        }
    }
}

/// A connection's requests, counted.
#[derive(Default)]
struct Activity {
    begun: AtomicU64,
    running: AtomicU64,
}

/// A request that is being answered.
struct Busy(Arc<Activity>);

impl Busy {
    fn new(activity: &Arc<Activity>) -> Self {
        activity.begun.fetch_add(1, Relaxed);
        activity.running.fetch_add(1, Relaxed);
        Self(Arc::clone(activity))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Relaxed);
    }
}
