//! One connection: its requests, and how long they may take to arrive.
//!
//! HTTP/1.1; with TLS also HTTP/2, as the client likes. A connection ends when a request's head does not come in time, and when
//! no request comes for long.

use super::listen::{Arrival, Handler, Terms};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::Watcher;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io::{IoSlice, Result};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep, sleep_until};

/// Of one HTTP/2 connection.
const MOST_STREAMS: u32 = 128;
const MOST_HEADER_BYTES: usize = 64 * 1024;

/// Who is at the other end, and who answers.
pub struct Peer<H> {
    pub handler: Arc<H>,
    pub address: SocketAddr,
    pub is_http2: bool,
}

/// Until the connection ends.
pub async fn converse<S, H>(terms: &Terms, stream: S, peer: Peer<H>, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    let Peer { handler, address: from, is_http2 } = peer;
    let activity = Arc::new(Activity::new());
    let active = Arc::clone(&activity);
    let service = service_fn(move |request| {
        let (handler, busy) = (Arc::clone(&handler), Busy::new(&active));
        async move {
            let arrival = Arrival { from, begun: busy.since };
            let response = handler.answer(arrival, request).await;
            drop(busy);
            Ok::<_, Infallible>(response)
        }
    });
    if is_http2 {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new()).max_concurrent_streams(MOST_STREAMS);
        builder.max_header_list_size(MOST_HEADER_BYTES as u32);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        while_active(watcher.watch(connection), &activity, terms).await;
    } else {
        let io = TokioIo::new(Timed { stream, activity: Arc::clone(&activity) });
        let mut builder = http1::Builder::new();
        // Both times are kept here: hyper's own timer is one for both, and costs each request an allocation.
        builder.header_read_timeout(None).max_buf_size(MOST_HEADER_BYTES);
        while_active(watcher.watch(builder.serve_connection(io, service)), &activity, terms).await;
    }
}

/// Lets a connection go on as long as requests come in time.
async fn while_active(connection: impl Future, activity: &Activity, terms: &Terms) {
    let mut connection = pin!(connection);
    let mut begun = activity.begun.load(Relaxed);
    let mut idle = pin!(sleep(terms.idle));
    let mut head = None;
    loop {
        tokio::select! {
            biased;
            _ = &mut connection => return,
            () = poll_fn(|context| activity.poll_late(&mut head, terms.head, context)) => return,
            () = &mut idle => {
                let now = activity.begun.load(Relaxed);
                if activity.running.load(Relaxed) == 0 && now == begun {
                    return;
                }
                begun = now;
                idle.as_mut().reset(tokio::time::Instant::now() + terms.idle);
            }
        }
    }
}

/// A connection's requests.
struct Activity {
    opened: Instant,
    begun: AtomicU64,
    running: AtomicU64,
    /// When the first byte came that no request was made of yet, in nanoseconds since the connection was opened; 0: none came.
    first_byte_ns: AtomicU64,
}

impl Activity {
    fn new() -> Self {
        let (begun, running, first_byte_ns) = Default::default();
        Self { opened: Instant::now(), begun, running, first_byte_ns }
    }

    fn bytes_came(&self) {
        if self.first_byte_ns.load(Relaxed) == 0 {
            let since = u64::try_from(self.opened.elapsed().as_nanos()).unwrap_or(u64::MAX);
            self.first_byte_ns.store(since.max(1), Relaxed);
        }
    }

    /// When the request began whose head is whole now.
    fn take_first_byte(&self) -> Instant {
        match self.first_byte_ns.swap(0, Relaxed) {
            0 => Instant::now(),
            since => self.opened + Duration::from_nanos(since),
        }
    }

    /// Ready when a head that has begun is not whole after so long. `timer` is made where it is needed, which is seldom: most
    /// heads come whole.
    fn poll_late(
        &self,
        timer: &mut Option<Pin<Box<Sleep>>>,
        patience: Duration,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        let first = self.first_byte_ns.load(Relaxed);
        if first == 0 || self.running.load(Relaxed) > 0 {
            *timer = None;
            return Poll::Pending;
        }
        let until = self.opened + Duration::from_nanos(first) + patience;
        timer.get_or_insert_with(|| Box::pin(sleep_until(until.into()))).as_mut().poll(context)
    }
}

/// A request that is being answered.
struct Busy {
    activity: Arc<Activity>,
    since: Instant,
}

impl Busy {
    fn new(activity: &Arc<Activity>) -> Self {
        activity.begun.fetch_add(1, Relaxed);
        activity.running.fetch_add(1, Relaxed);
        Self { since: activity.take_first_byte(), activity: Arc::clone(activity) }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        // What came meanwhile was this request's body.
        self.activity.first_byte_ns.store(0, Relaxed);
        self.activity.running.fetch_sub(1, Relaxed);
    }
}

/// Notes when bytes come.
struct Timed<S> {
    stream: S,
    activity: Arc<Activity>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Timed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.bytes_came();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
