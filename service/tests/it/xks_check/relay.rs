//! Stands before a proxy that is right and makes it one with a fault: changes what is asked and what is answered. Signs anew what
//! it changes, if it was signed right.

use super::proxy::{ACCESS_KEY_ID, PATH, Proxy, REGION, SECRET};
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1 as client;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// What was asked.
#[derive(Clone)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// From the end of its head to the end of its body.
    pub took: Duration,
    /// How many others there are at the same time.
    pub others: usize,
}

pub struct Answered {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// What is done to a request; an answer, where the proxy is not asked at all.
pub type Spoil = Box<dyn Fn(&mut Asked) -> Option<Answered> + Send + Sync>;
/// What is done to an answer.
pub type SpoilAnswer = Box<dyn Fn(&Asked, &mut Answered) + Send + Sync>;

pub struct Relay {
    pub address: SocketAddr,
    _runtime: Runtime,
}

struct Shared {
    proxy: SocketAddr,
    /// Held by the one request that is read and answered, where there may be no more.
    alone: Option<tokio::sync::Mutex<()>>,
    /// Whether a connection is closed that begins like this.
    closes: fn(&[u8]) -> bool,
    in_flight: Arc<()>,
    tls: TlsConnector,
    ask: Spoil,
    answer: SpoilAnswer,
}

impl Relay {
    /// Speaks HTTP/1.1, and HTTP/2 to who begins with it, without TLS.
    pub fn before(proxy: &Proxy, ask: Spoil, answer: SpoilAnswer) -> Self {
        Self::start(proxy, ask, answer, |_| false, false)
    }

    /// Takes one request after the other, whatever connection they come on.
    pub fn one_at_a_time(proxy: &Proxy) -> Self {
        Self::start(proxy, Box::new(|_| None), Box::new(|_, _| {}), |_| false, true)
    }

    /// Closes connections that begin in a way.
    pub fn closing(proxy: &Proxy, closes: fn(&[u8]) -> bool) -> Self {
        Self::start(proxy, Box::new(|_| None), Box::new(|_, _| {}), closes, false)
    }

    fn start(
        proxy: &Proxy,
        ask: Spoil,
        answer: SpoilAnswer,
        closes: fn(&[u8]) -> bool,
        is_alone: bool,
    ) -> Self {
        let runtime = Runtime::new().unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(proxy.ca_file()).unwrap()).unwrap();
        let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
        let config =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let tls = TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()));
        let shared = Arc::new(Shared {
            proxy: proxy.address(),
            alone: is_alone.then(Default::default),
            closes,
            in_flight: Arc::default(),
            tls,
            ask,
            answer,
        });
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(Arc::clone(&shared), stream));
            }
        });
        Self { address, _runtime: runtime }
    }

    pub fn url(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }
}

async fn serve(shared: Arc<Shared>, stream: TcpStream) {
    let mut start = [0; 1024];
    stream.set_nodelay(true).unwrap();
    let length = stream.peek(&mut start).await.unwrap_or(0);
    if (shared.closes)(&start[..length]) {
        return;
    }
    let is_http2 = start.starts_with(b"PRI");
    let upstream = Arc::new(tokio::sync::Mutex::new(None));
    let service = service_fn(move |request| exchange(Arc::clone(&shared), Arc::clone(&upstream), request));
    let stream = TokioIo::new(stream);
    // A client that goes away is none of its faults.
    let _ = match is_http2 {
        true => http2::Builder::new(TokioExecutor::new()).serve_connection(stream, service).await,
        false => http1::Builder::new().max_buf_size(2 << 20).serve_connection(stream, service).await,
    };
}

type Sender = client::SendRequest<Full<Bytes>>;

async fn exchange(
    shared: Arc<Shared>,
    upstream: Arc<tokio::sync::Mutex<Option<Sender>>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let _alone = match &shared.alone {
        Some(alone) => Some(alone.lock().await),
        None => None,
    };
    let started = Instant::now();
    // Nobody waits for the answer to half of a request.
    let Ok(body) = body.collect().await else { return Ok(Response::default()) };
    let body = body.to_bytes().to_vec();
    let _in_flight = Arc::clone(&shared.in_flight);
    let mut asked = Asked {
        took: started.elapsed(),
        // One more belongs to the relay itself, and one to this.
        others: Arc::strong_count(&shared.in_flight) - 2,
        method: head.method.to_string(),
        path: head.uri.path_and_query().unwrap().to_string(),
        headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body,
    };
    // HTTP/2 has no Host.
    asked.headers.extend(head.uri.authority().map(|host| ("host".to_owned(), host.to_string())));
    let mut answered = match (shared.ask)(&mut asked) {
        Some(answered) => answered,
        None => shared.forward(&mut *upstream.lock().await, &asked).await,
    };
    (shared.answer)(&asked, &mut answered);
    let mut response = Response::builder().status(answered.status);
    for (name, value) in &answered.headers {
        response = response.header(name, value);
    }
    Ok(response.body(Full::new(Bytes::from(answered.body))).unwrap())
}

impl Shared {
    async fn forward(&self, sender: &mut Option<Sender>, asked: &Asked) -> Answered {
        if sender.as_ref().is_none_or(client::SendRequest::is_closed) {
            let stream = TcpStream::connect(self.proxy).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let stream = self.tls.connect("localhost".try_into().unwrap(), stream).await.unwrap();
            let (new, connection) = client::handshake(TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            *sender = Some(new);
        }
        let sender = sender.as_mut().unwrap();
        sender.ready().await.unwrap();
        let mut request = Request::builder().method(asked.method.as_str()).uri(&asked.path);
        let hop_by_hop = ["content-length", "transfer-encoding", "connection"];
        for (name, value) in asked.headers.iter().filter(|(name, _)| !hop_by_hop.contains(&name.as_str())) {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::from(asked.body.clone()))).unwrap();
        // A proxy that refuses closes its end before all is sent.
        let Ok(response) = sender.send_request(request).await else {
            return Answered::error(431, "ValidationException").unwrap();
        };
        let (head, body) = response.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes().to_vec()).unwrap_or_default();
        let content_type = head.headers.get("content-type").map_or("", |value| value.to_str().unwrap());
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Answered { status: head.status.as_u16(), headers, body }
    }
}

impl Asked {
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A member that is text; empty where there is none.
    pub fn text(&self, member: &str) -> String {
        self.json()[member].as_str().unwrap_or_default().to_owned()
    }

    pub fn metadata(&self, member: &str) -> String {
        self.json()["requestMetadata"][member].as_str().unwrap_or_default().to_owned()
    }

    pub fn is(&self, operation: &str) -> bool {
        self.path.ends_with(operation)
    }

    /// Changes the body of a request that is signed right.
    pub fn change(&mut self, change: impl FnOnce(&mut Value)) {
        let mut body = self.json();
        if self.is_right(SECRET) && body.is_object() {
            let before = body.clone();
            change(&mut body);
            if body != before {
                self.body = body.to_string().into_bytes();
                self.sign();
            }
        }
    }

    /// Changes the path of a request that is signed right.
    pub fn redirect(&mut self, from: &str, to: &str) {
        if self.is_right(SECRET) && self.path.contains(from) {
            self.path = self.path.replace(from, to);
            self.sign();
        }
    }

    /// As KMS does it.
    pub fn sign(&mut self) {
        self.headers.retain(|(name, _)| name != "authorization" && name != "x-amz-date");
        let (now, signed) = (date_in(0), "host;x-amz-date");
        self.headers.push(("x-amz-date".into(), now.clone()));
        let credential = credential(&now);
        let (_, scope) = credential.split_once('/').unwrap();
        let signature = self.signature(SECRET, &now, scope, signed);
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={signed}, Signature={signature}"
        );
        self.headers.push(("authorization".into(), authorization));
    }

    pub fn part(&self, name: &str) -> String {
        let parts = self.header("authorization").split([',', ' ']);
        let found = parts.filter_map(|part| part.strip_prefix(name)?.strip_prefix('=')).next();
        found.unwrap_or_default().to_owned()
    }

    /// As KMS signs, with this secret.
    pub fn is_right(&self, secret: &str) -> bool {
        let date = self.header("x-amz-date");
        let near = [-300, 300].map(date_in);
        self.header("authorization").starts_with("AWS4-HMAC-SHA256 ")
            && self.part("Credential") == credential(date)
            && ["host", "x-amz-date"]
                .iter()
                .all(|name| self.part("SignedHeaders").split(';').any(|one| one == *name))
            && (near[0].as_str()..=near[1].as_str()).contains(&date)
            && self.is_consistent(secret)
    }

    /// Signed with this secret, whatever for.
    pub fn is_consistent(&self, secret: &str) -> bool {
        self.part("Signature") == self.expected(secret)
    }

    /// What the signature should be, for this secret.
    pub fn expected(&self, secret: &str) -> String {
        let credential = self.part("Credential");
        let scope = credential.split_once('/').map(|(_, scope)| scope).unwrap_or_default();
        self.signature(secret, self.header("x-amz-date"), scope, &self.part("SignedHeaders"))
    }

    fn signature(&self, secret: &str, date: &str, scope: &str, signed: &str) -> String {
        let lines: String = signed.split(';').map(|name| format!("{name}:{}\n", self.header(name))).collect();
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let hash = hex(&Sha256::digest(&self.body));
        let canonical = format!("{}\n{path}\n{query}\n{lines}\n{signed}\n{hash}", self.method);
        let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
        let first = format!("AWS4{secret}").into_bytes();
        hex(&hmac(&scope.split('/').fold(first, |key, part| hmac(&key, part)), &text))
    }
}

impl Answered {
    pub fn new(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type".into(), "application/json".into())];
        Self { status, headers, body: body.to_string().into_bytes() }
    }

    pub fn error(status: u16, name: &str) -> Option<Self> {
        Some(Self::new(status, &json!({ "errorName": name })))
    }

    pub fn is(&self, error: &str) -> bool {
        self.json()["errorName"] == error
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub fn change(&mut self, change: impl FnOnce(&mut Value)) {
        let mut body = self.json();
        change(&mut body);
        self.body = body.to_string().into_bytes();
    }
}

/// `YYYYMMDDTHHMMSSZ`
pub fn date_in(seconds: i64) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let then = Duration::from_secs(now.as_secs().checked_add_signed(seconds).unwrap());
    humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + then).to_string().replace(['-', ':'], "")
}

fn credential(date: &str) -> String {
    format!("{ACCESS_KEY_ID}/{}/{REGION}/kms-xks-proxy/aws4_request", date.get(..8).unwrap_or_default())
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
