//! TLS 1.2 and 1.3, HTTP/1.1 and HTTP/2, and another certificate while it runs.

use super::certificates::{HOST, Identity, TlsStream, Wanted, config, connect};
use super::client::{Reply, exchange, read};
use super::*;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Frame};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::{Request, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use tokio::sync::oneshot::{Receiver, channel};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, HandshakeKind, ProtocolVersion};

/// An edge with a certificate.
pub struct TlsWorld {
    pub world: World,
    pub authority: Identity,
    pub files: tempfile::TempDir,
}

impl TlsWorld {
    pub fn new() -> Self {
        Self::with(|_, _| {})
    }

    pub fn with(change: impl FnOnce(&std::path::Path, &mut TlsSettings)) -> Self {
        let (authority, files) = (Identity::authority("server authority"), tempfile::tempdir().unwrap());
        certify(&authority, &files);
        let (certificate, key) = (files.path().join("tls.crt"), files.path().join("tls.key"));
        let mut tls = TlsSettings { certificate, key, client_ca: None, client_names: Vec::new() };
        change(files.path(), &mut tls);
        Self { world: World::with(|settings| settings.tls = Some(tls)), authority, files }
    }

    pub fn reload(&self) -> Result<(), String> {
        let settings = self.world.current.load().settings.tls.clone();
        self.world.server.reload(settings.as_ref()).map_err(|failure| failure.to_string())
    }
}

/// Writes another certificate; answers it.
fn certify(authority: &Identity, files: &tempfile::TempDir) -> Vec<u8> {
    let identity = authority.issue(&Wanted::named("proxy", &[HOST]));
    identity.write(&files.path().join("tls.crt"), &files.path().join("tls.key"));
    identity.der()
}

pub fn ask(client: &Client, stream: &mut TlsStream) -> Reply {
    exchange(stream, &client.request(HEALTH, "{}"))
}

#[test]
fn both_versions_of_tls_are_spoken() {
    let tls = TlsWorld::new();
    let client = tls.world.client();
    for (version, named) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        for protocols in [&[b"http/1.1".as_slice()][..], &[]] {
            let config = config(&[&tls.authority], version, protocols, None);
            let mut stream = connect(client.address, &config);
            ask(&client, &mut stream).reached();
            ask(&client, &mut stream).reached();
            assert_eq!(stream.get_ref().conn.protocol_version(), Some(named));
            // The next one goes on with the session.
            let mut again = connect(client.address, &config);
            ask(&client, &mut again).reached();
            assert_eq!(again.get_ref().conn.handshake_kind(), Some(HandshakeKind::Resumed));
        }
    }
}

#[test]
fn nothing_is_answered_without_tls() {
    let tls = TlsWorld::new();
    let client = tls.world.client();
    let mut stream = client.connect();
    use std::io::Write;
    stream.get_mut().write_all(client.request(HEALTH, "{}").as_bytes()).unwrap();
    assert!(read(&mut stream).is_none());
    // But on the status port.
    assert_eq!(tls.world.at_status_port().get("/ping").status, 503);
}

#[test]
fn the_certificates_end_is_known() {
    let tls = TlsWorld::new();
    let metrics = tls.world.at_status_port().get("/metrics").body;
    let line = metrics.lines().find_map(|line| line.strip_prefix("xks_proxy_certificate_days_to_expire "));
    let days: f64 = line.unwrap().parse().unwrap();
    assert!((0.99..=1.0).contains(&days), "{days}");
}

#[test]
fn a_new_certificate_is_taken_under_traffic_and_a_spoiled_one_is_not() {
    let tls = TlsWorld::new();
    let client = tls.world.client();
    let config = config(&[&tls.authority], &TLS13, &[], None);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let lasting = scope.spawn(|| {
            let mut stream = connect(client.address, &config);
            while !stop.load(Relaxed) {
                ask(&client, &mut stream).reached();
            }
        });
        let short = scope.spawn(|| {
            while !stop.load(Relaxed) {
                ask(&client, &mut connect(client.address, &config)).reached();
            }
        });
        let mut shown = Vec::new();
        for _ in 0..10 {
            let der = certify(&tls.authority, &tls.files);
            tls.reload().unwrap();
            let mut stream = connect(client.address, &config);
            ask(&client, &mut stream).reached();
            shown.push(stream.get_ref().conn.peer_certificates().unwrap()[0].to_vec() == der);
        }
        stop.store(true, Relaxed);
        lasting.join().unwrap();
        short.join().unwrap();
        assert_eq!(shown, [true; 10]);
    });
    std::fs::write(tls.files.path().join("tls.key"), "spoiled").unwrap();
    let told = tls.reload().unwrap_err();
    assert!(told.contains("tls.key_file"), "{told}");
    ask(&client, &mut connect(client.address, &config)).reached();
    assert!(tls.world.server.reload(None).err().unwrap().to_string().contains("restart"));
}

/// A body whose last byte comes when it is told.
struct Held(&'static [u8], Option<Receiver<()>>);

impl Body for Held {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(held) = &mut self.1 {
            let _ = ready!(Pin::new(held).poll(context));
            self.1 = None;
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(self.0)))));
        }
        Poll::Ready(None)
    }
}

type Bodies = http_body_util::Either<Full<Bytes>, Held>;

async fn http2(address: SocketAddr, config: &Arc<ClientConfig>) -> SendRequest<Bodies> {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let connector = TlsConnector::from(Arc::clone(config));
    let stream = connector.connect(ServerName::try_from(HOST).unwrap(), stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// The host stands in :authority alone.
fn signed(path: &str, text: &str, body: Bodies) -> Request<Bodies> {
    let mut builder = Request::post(format!("https://{HOST}{path}")).version(Version::HTTP_2);
    for (name, value) in Signer::of(0).sign(HOST, path, text) {
        if name != "host" {
            builder = builder.header(name, value);
        }
    }
    builder.body(body).unwrap()
}

fn whole(text: &'static str) -> Bodies {
    Bodies::Left(Full::new(Bytes::from_static(text.as_bytes())))
}

async fn answered(response: hyper::Response<hyper::body::Incoming>) -> (u16, String) {
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap();
    (status, body["errorName"].as_str().unwrap().to_owned())
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

#[test]
fn http2_is_spoken_by_who_can() {
    let tls = TlsWorld::new();
    let address = tls.world.server.address();
    runtime().block_on(async {
        for version in [&TLS12, &TLS13] {
            let config = config(&[&tls.authority], version, &[b"h2", b"http/1.1"], None);
            let mut sender = http2(address, &config).await;
            let reached = (400, "ValidationException".to_owned());
            let mut running = Vec::new();
            for _ in 0..20 {
                sender.ready().await.unwrap();
                running.push(sender.send_request(signed(HEALTH, "{}", whole("{}"))));
            }
            for one in running {
                assert_eq!(answered(one.await.unwrap()).await, reached);
            }
            let unknown = sender.send_request(signed("/x", "{}", whole("{}"))).await.unwrap();
            assert_eq!(answered(unknown).await, (404, "InvalidUriPathException".into()));
            let other = sender.send_request(signed(HEALTH, "{}", whole("{ }"))).await.unwrap();
            assert_eq!(answered(other).await, (401, "AuthenticationFailedException".into()));
            let last = sender.send_request(signed(HEALTH, "{}", whole("{}"))).await.unwrap();
            assert_eq!(answered(last).await, reached);
        }
    });
}

#[test]
fn a_stream_whose_body_is_late_leaves_the_others_alone() {
    let tls = TlsWorld::new();
    tls.world.change(|settings| settings.times.deadline = Duration::from_millis(300));
    let address = tls.world.server.address();
    runtime().block_on(async {
        let config = config(&[&tls.authority], &TLS13, &[b"h2"], None);
        let mut sender = http2(address, &config).await;
        let (_held, end) = channel();
        let late = sender.send_request(signed(HEALTH, "{}", Bodies::Right(Held(b"{}", Some(end)))));
        assert_eq!(answered(late.await.unwrap()).await, (408, "RequestTimeoutException".into()));
        tls.world.change(|settings| settings.times.deadline = LONG);
        let next = sender.send_request(signed(HEALTH, "{}", whole("{}"))).await.unwrap();
        assert_eq!(answered(next).await, (400, "ValidationException".into()));
    });
}

/// GOAWAY: what has begun is answered, and nothing else begins.
#[test]
fn streams_in_flight_are_answered_when_it_stops() {
    let tls = TlsWorld::new();
    let server = tls.world.server;
    let runtime = runtime();
    let stopping = runtime.block_on(async {
        let config = config(&[&tls.authority], &TLS13, &[b"h2"], None);
        let mut sender = http2(server.address(), &config).await;
        let (finish, end) = channel();
        let running = sender.send_request(signed(HEALTH, "{}", Bodies::Right(Held(b"{}", Some(end)))));
        let running = tokio::spawn(running);
        // This one was sent after the other one had begun.
        tokio::task::yield_now().await;
        let next = sender.send_request(signed(HEALTH, "{}", whole("{}"))).await.unwrap();
        assert_eq!(answered(next).await, (400, "ValidationException".into()));
        let stopping = std::thread::spawn(move || server.stop());
        while sender.send_request(signed(HEALTH, "{}", whole("{}"))).await.is_ok() {}
        assert!(!stopping.is_finished());
        finish.send(()).unwrap();
        let answer = running.await.unwrap().unwrap();
        assert_eq!(answered(answer).await, (400, "ValidationException".into()));
        stopping
    });
    assert!(stopping.join().unwrap());
}
