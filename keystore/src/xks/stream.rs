//! A TLS connection that remembers what TLS found wrong: from HTTP's errors it is no longer to be had.

use parking_lot::Mutex;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::rustls;

pub(super) struct Stream<S> {
    inner: S,
    alarm: Alarm,
    /// A write that failed, while what the proxy said last is still to be read.
    failed: Option<io::Error>,
}

/// How much of what the proxy said before it closed is looked through for the reason.
const LAST_READS: usize = 16;

/// What TLS found wrong after its handshake: in TLS 1.3 so the proxy tells that it wants another certificate of its client.
#[derive(Debug, Clone, Default)]
pub(super) struct Alarm(Arc<Mutex<Option<String>>>);

impl Alarm {
    pub fn heard(&self) -> Option<String> {
        self.0.lock().clone()
    }
}

impl<S> Stream<S> {
    pub fn new(inner: S) -> (Self, Alarm) {
        let alarm = Alarm::default();
        (Self { inner, alarm: alarm.clone(), failed: None }, alarm)
    }

    fn heed<T>(&self, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &done
            && let Some(error) = tls_error(error)
        {
            *self.alarm.0.lock() = Some(error.to_string());
        }
        done
    }
}

/// What TLS says, if that is what was wrong.
pub(super) fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|wrapped| wrapped.downcast_ref())
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream<S> {
    /// What a write answers. One that failed is told when the reason was looked for: a proxy that closes says why before that, and
    /// whoever only writes never reads it.
    fn written<T>(&mut self, context: &mut Context<'_>, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let Poll::Ready(Err(error)) = done else { return done };
        for _ in 0..LAST_READS {
            let mut last = [0; 1024];
            let mut last = ReadBuf::new(&mut last);
            let read = Pin::new(&mut self.inner).poll_read(context, &mut last);
            match self.heed(read) {
                // A connection that takes nothing more ends to read, too.
                Poll::Pending => {
                    self.failed = Some(error);
                    return Poll::Pending;
                }
                Poll::Ready(Ok(())) if !last.filled().is_empty() => {}
                Poll::Ready(_) => break,
            }
        }
        Poll::Ready(Err(error))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.inner).poll_read(context, buffer);
        self.heed(done)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let done = match self.failed.take() {
            Some(error) => Poll::Ready(Err(error)),
            None => Pin::new(&mut self.inner).poll_write(context, bytes),
        };
        self.written(context, done)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = match self.failed.take() {
            Some(error) => Poll::Ready(Err(error)),
            None => Pin::new(&mut self.inner).poll_flush(context),
        };
        self.written(context, done)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
