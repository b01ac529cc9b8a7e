//! One connection, of HTTP/1.1 or HTTP/2.

use super::failure::ProxyFailure;
use super::stream::{Alarm, Stream};
use super::tls::HTTP_2;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{TrySendError, http1, http2};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::http::uri::{Authority, Scheme};
use hyper::{Request, Response, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::client::TlsStream;

/// The most that an answer may have: the longest of the API is a sixth of it.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// How long a connection may take to be ready again after its answer.
const READY_AGAIN: Duration = Duration::from_millis(20);

/// A signed POST.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// Host header, :authority.
    pub authority: String,
    pub path: String,
    /// X-Amz-Date
    pub date: String,
    pub authorization: String,
    pub body: Bytes,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub content_type: Option<String>,
    pub body: Bytes,
}

/// A request that got no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// The connection had ended before a byte of an answer came: where it had been kept, another one may do better.
    Stale(ProxyFailure),
    Failed(ProxyFailure),
}

/// A connection that requests go over. Dropping it, in the midst of a request too, closes it; of HTTP/2, when the last clone is dropped.
pub(super) enum Wire {
    One(http1::SendRequest<Full<Bytes>>, End),
    Many(http2::SendRequest<Full<Bytes>>, End),
}

/// Why a connection ended, once it has.
#[derive(Clone)]
pub(super) struct End {
    failure: watch::Receiver<Option<ProxyFailure>>,
    alarm: Alarm,
}

impl Wire {
    /// Errors: `Tls`, `Unreachable`, `Malformed`.
    pub async fn open(tls: TlsStream<TcpStream>) -> Result<Self, ProxyFailure> {
        let is_http_2 = tls.get_ref().1.alpn_protocol() == Some(HTTP_2);
        let (stream, alarm) = Stream::new(tls);
        let io = TokioIo::new(stream);
        if is_http_2 {
            let opened = http2::handshake(TokioExecutor::new(), io).await;
            let (sender, connection) = opened.map_err(|error| alarm.told(&error))?;
            Ok(Wire::Many(sender, watched(connection, alarm)))
        } else {
            let mut builder = http1::Builder::new();
            builder.max_buf_size(ANSWER_BYTES_MAX);
            let (sender, connection) = builder.handshake(io).await.map_err(|error| alarm.told(&error))?;
            Ok(Wire::One(sender, watched(connection, alarm)))
        }
    }

    /// Whether it takes many requests at a time.
    pub fn is_shared(&self) -> bool {
        matches!(self, Wire::Many(..))
    }

    /// For another request at the same time.
    pub fn shared(&self) -> Option<Self> {
        match self {
            Wire::One(..) => None,
            Wire::Many(sender, end) => Some(Wire::Many(sender.clone(), end.clone())),
        }
    }

    /// Whether it can take a request now.
    pub fn is_ready(&self) -> bool {
        match self {
            Wire::One(sender, _) => sender.is_ready(),
            Wire::Many(sender, _) => sender.is_ready(),
        }
    }

    /// Waits a little until it can take a request again. `false`: it cannot.
    pub async fn is_ready_again(&mut self) -> bool {
        match self {
            Wire::One(sender, _) => matches!(timeout(READY_AGAIN, sender.ready()).await, Ok(Ok(()))),
            Wire::Many(sender, _) => sender.is_ready(),
        }
    }

    /// Sends a request and reads its answer whole.
    pub async fn exchange(&mut self, request: &Outgoing, deadline: Instant) -> Result<Answer, Unanswered> {
        let exchange = async {
            let response = self.send(request).await?;
            read(response).await.map_err(Unanswered::Failed)
        };
        let done = timeout_at(deadline, exchange).await;
        done.unwrap_or(Err(Unanswered::Failed(ProxyFailure::TimedOut)))
    }

    async fn send(&mut self, request: &Outgoing) -> Result<Response<Incoming>, Unanswered> {
        let unfit = |error: hyper::http::Error| {
            Unanswered::Failed(ProxyFailure::Unreachable(format!("no address of a proxy: {error}")))
        };
        let (sent, end) = match self {
            Wire::One(sender, end) => {
                let request = request.http_1().map_err(unfit)?;
                (sender.try_send_request(request).await, end)
            }
            Wire::Many(sender, end) => {
                let request = request.http_2().map_err(unfit)?;
                (sender.try_send_request(request).await, end)
            }
        };
        match sent {
            Ok(response) => Ok(response),
            Err(error) => Err(unanswered(error, end).await),
        }
    }
}

impl Outgoing {
    fn http_1(&self) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        self.request(self.path.parse()?, Some(&self.authority))
    }

    /// The host stands in :authority.
    fn http_2(&self) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        let authority: Authority = self.authority.parse()?;
        let uri = Uri::builder().scheme(Scheme::HTTPS).authority(authority).path_and_query(&*self.path);
        self.request(uri.build()?, None)
    }

    fn request(&self, uri: Uri, host: Option<&str>) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        let request = Request::post(uri)
            .header(CONTENT_TYPE, "application/json")
            .header("x-amz-date", &self.date)
            .header(AUTHORIZATION, &self.authorization);
        let request = host.into_iter().fold(request, |request, host| request.header(HOST, host));
        request.body(Full::new(self.body.clone()))
    }
}

/// Drives a connection to its end.
fn watched(connection: impl Future<Output = hyper::Result<()>> + Send + 'static, alarm: Alarm) -> End {
    let (end, failure) = watch::channel(None);
    let watched = End { failure, alarm: alarm.clone() };
    tokio::spawn(async move {
        let failure = match connection.await {
            Ok(()) => ProxyFailure::Unreachable("the proxy closed the connection".into()),
            Err(error) => alarm.told(&error),
        };
        // Nobody may be left to hear it.
        let _ = end.send(Some(failure));
    });
    watched
}

/// The request's own error tells little where the connection ended under it: then the connection's tells why, in its time.
async fn unanswered(error: TrySendError<Request<Full<Bytes>>>, end: &mut End) -> Unanswered {
    let error = error.error();
    if error.is_canceled() || error.is_closed() || error.is_incomplete_message() {
        let ended = end.failure.wait_for(Option::is_some).await.ok().and_then(|end| end.clone());
        return Unanswered::Stale(ended.unwrap_or_else(|| broken(error)));
    }
    match end.alarm.told(error) {
        failure @ ProxyFailure::Malformed(_) => Unanswered::Failed(failure),
        failure => Unanswered::Stale(failure),
    }
}

async fn read(response: Response<Incoming>) -> Result<Answer, ProxyFailure> {
    let (head, body) = response.into_parts();
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.map(str::to_owned);
    match Limited::new(body, ANSWER_BYTES_MAX).collect().await {
        Ok(body) => Ok(Answer { status: head.status.as_u16(), content_type, body: body.to_bytes() }),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(ProxyFailure::Malformed(format!("an answer of over {ANSWER_BYTES_MAX} bytes")))
        }
        Err(error) => Err(ProxyFailure::Malformed(format!("an answer that breaks off: {error}"))),
    }
}

/// What went wrong on a connection, TLS apart.
fn broken(error: &hyper::Error) -> ProxyFailure {
    match error.is_parse() {
        true => ProxyFailure::Malformed(format!("no HTTP: {}", chain(error))),
        false => ProxyFailure::Unreachable(format!("the connection broke: {}", chain(error))),
    }
}

impl Alarm {
    /// What went wrong on the connection.
    fn told(&self, error: &hyper::Error) -> ProxyFailure {
        self.heard().map_or_else(|| broken(error), ProxyFailure::Tls)
    }
}

/// An error with all its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
