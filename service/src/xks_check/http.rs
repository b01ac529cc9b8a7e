//! Requests and replies on HTTP/1.1 and HTTP/2 connections.

use super::outcome::{Finding, Outcome, missed};
use super::wire::{Broken, HTTP_2, Secured, Stream};
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::header::HeaderMap;
use hyper::{Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use std::time::{Duration, Instant};

/// More than any answer of the API has.
const MOST_BYTES: usize = 4 << 20;
/// What is shown of an errorMessage.
const SHOWN_CHARS: usize = 100;

/// A request as it goes onto the wire.
#[derive(Clone)]
pub struct Request {
    pub method: &'static str,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Another value of a header that is there.
    pub fn replace(mut self, name: &str, value: &str) -> Self {
        for (_, old) in self.headers.iter_mut().filter(|(known, _)| known.eq_ignore_ascii_case(name)) {
            value.clone_into(old);
        }
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    pub fn value(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// As HTTP/1.1 writes it.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head(&format!("Content-Length: {}\r\n", self.body.len()));
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// All that stands before the body. `more`: lines of further headers.
    pub fn head(&self, more: &str) -> Vec<u8> {
        let lines: String = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("{} {} HTTP/1.1\r\n{lines}{more}\r\n", self.method, self.path).into_bytes()
    }

    fn hyper(&self, version: Version) -> Result<hyper::Request<Full<Bytes>>, String> {
        let mut builder = hyper::Request::builder().method(self.method);
        if version == Version::HTTP_2 {
            // Scheme and host become the pseudo-headers :scheme and :authority.
            builder = builder.uri(format!("https://{}{}", self.value("host"), self.path));
        } else {
            builder = builder.uri(&self.path);
        }
        for (name, value) in &self.headers {
            if version != Version::HTTP_2 || !name.eq_ignore_ascii_case("host") {
                builder = builder.header(name, value);
            }
        }
        builder.body(Full::new(Bytes::from(self.body.clone()))).map_err(|error| error.to_string())
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub version: Version,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// From the request's first byte to the answer's last.
    pub took: Duration,
}

impl Reply {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    pub fn error_name(&self) -> Option<String> {
        Some(self.json()?.get("errorName")?.as_str()?.to_owned())
    }

    /// For people: the status, and of an error its name and message; of other answers no more.
    pub fn told(&self) -> String {
        let Some(name) = self.error_name() else {
            return match self.status {
                200..300 => format!("HTTP {}", self.status),
                status => format!("HTTP {status} without an errorName"),
            };
        };
        let json = self.json();
        let message = json.as_ref().and_then(|json| json.get("errorMessage")?.as_str());
        let shown =
            |text: &str| text.chars().filter(|c| !c.is_control()).take(SHOWN_CHARS).collect::<String>();
        match message {
            Some(message) => format!("HTTP {} {} ({})", self.status, shown(&name), shown(message)),
            None => format!("HTTP {} {}", self.status, shown(&name)),
        }
    }

    /// The JSON object of an answer with status 200.
    pub fn ok(&self) -> Result<Value, Finding> {
        if self.status != 200 {
            return Err(missed(self.told()));
        }
        let json = self.json().filter(Value::is_object);
        json.ok_or_else(|| missed("HTTP 200 without a JSON object"))
    }

    /// Asserts an error of one of these names.
    pub fn refused(&self, names: &[&str]) -> Outcome {
        match self.error_name() {
            Some(name) if names.contains(&name.as_str()) => Ok(name),
            _ => Err(missed(self.told())),
        }
    }
}

/// Base64 with either alphabet, and with or without padding: that it is the right one has a check of its own.
pub fn lenient_base64(text: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let standard = text.replace('-', "+").replace('_', "/");
    GeneralPurpose::new(&alphabet::STANDARD, config).decode(standard).ok()
}

/// A connection that requests can be sent on, one after the other; of HTTP/2 also at once, on clones.
pub struct Connection {
    sender: Sender,
    pub secured: Option<Secured>,
}

enum Sender {
    One(http1::SendRequest<Full<Bytes>>),
    Two(http2::SendRequest<Full<Bytes>>),
}

impl Connection {
    /// HTTP/2 where ALPN chose it, or where it is told to; needs a Tokio runtime.
    pub async fn open(stream: Stream, prior_knowledge: bool) -> Result<Self, Broken> {
        let Stream { io, secured } = stream;
        let io = TokioIo::new(io);
        let chosen = secured.as_ref().and_then(|secured| secured.protocol.as_deref());
        let closed = |error: hyper::Error| Broken::Closed(told(&error));
        // What goes wrong on the connection later shows at the requests on it.
        let sender = if prior_knowledge || chosen == Some(HTTP_2) {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.map_err(closed)?;
            tokio::spawn(connection);
            Sender::Two(sender)
        } else {
            let (sender, connection) = http1::handshake(io).await.map_err(closed)?;
            tokio::spawn(connection);
            Sender::One(sender)
        };
        Ok(Self { sender, secured })
    }

    pub fn version(&self) -> Version {
        match self.sender {
            Sender::One(_) => Version::HTTP_11,
            Sender::Two(_) => Version::HTTP_2,
        }
    }

    /// `None`: HTTP/1.1, which has one request at a time.
    pub fn another(&self) -> Option<Self> {
        match &self.sender {
            Sender::One(_) => None,
            Sender::Two(sender) => {
                Some(Self { sender: Sender::Two(sender.clone()), secured: self.secured.clone() })
            }
        }
    }

    pub async fn send(&mut self, request: &Request, patience: Duration) -> Result<Reply, Broken> {
        let request = request.hyper(self.version()).map_err(Broken::Closed)?;
        let answered = tokio::time::timeout(patience, self.exchange(request)).await;
        answered.map_err(|_| Broken::Silent(patience))?
    }

    async fn exchange(&mut self, request: hyper::Request<Full<Bytes>>) -> Result<Reply, Broken> {
        let closed = |error: hyper::Error| Broken::Closed(told(&error));
        match &mut self.sender {
            Sender::One(sender) => sender.ready().await.map_err(closed)?,
            Sender::Two(sender) => sender.ready().await.map_err(closed)?,
        }
        let started = Instant::now();
        let response = match &mut self.sender {
            Sender::One(sender) => sender.send_request(request).await,
            Sender::Two(sender) => sender.send_request(request).await,
        };
        collect(response.map_err(closed)?, started).await
    }
}

async fn collect(response: Response<Incoming>, started: Instant) -> Result<Reply, Broken> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, MOST_BYTES).collect().await;
    let body = body.map_err(|error| Broken::Closed(format!("in the answer's body: {error}")))?.to_bytes();
    let took = started.elapsed();
    Ok(Reply { status: head.status.as_u16(), version: head.version, headers: head.headers, body, took })
}

/// hyper's own words, and those of what is under it.
fn told(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
