//! The proxy's port and its connections.

use super::fault::Fault;
use super::{Shared, request};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_rustls::TlsAcceptor;

/// Between two bytes of `Fault::SlowHead`.
const BETWEEN_BYTES: Duration = Duration::from_millis(20);
const OLD_TLS_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy)]
pub enum Order {
    /// And close connections.
    ClosePort,
    /// And close connections.
    OpenPort,
    CloseConnections,
}

pub struct Server {
    pub address: SocketAddr,
    orders: UnboundedSender<(Order, mpsc::Sender<()>)>,
    runtime: Option<Runtime>,
}

/// Bound as long as the server lives, so that no other process of this machine gets it.
enum Port {
    Open(TcpListener),
    /// Bound, and not listened at: connections are refused.
    Closed(TcpSocket),
    /// Between the two.
    Nothing,
}

impl Server {
    pub fn start(shared: Arc<Shared>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("threads");
        let (orders, ordered) = unbounded_channel();
        let (tell, told) = mpsc::channel();
        runtime.spawn(async move {
            let mut port = Port::Closed(bound(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))));
            port.open();
            tell.send(port.address()).expect("the starter waits");
            serve(shared, port, ordered).await;
        });
        Self { address: told.recv().expect("the port is bound"), orders, runtime: Some(runtime) }
    }

    /// Done when this returns.
    pub fn order(&self, order: Order) {
        let (tell, told) = mpsc::channel();
        self.orders.send((order, tell)).expect("the server lives");
        told.recv().expect("as above");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Waits for nothing: some connections hang on purpose, and the test may be in a runtime of its own.
        self.runtime.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

async fn serve(
    shared: Arc<Shared>,
    mut port: Port,
    mut orders: UnboundedReceiver<(Order, mpsc::Sender<()>)>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            order = orders.recv() => {
                let Some((order, done)) = order else { return };
                match order {
                    Order::ClosePort => port.close(),
                    Order::OpenPort => port.open(),
                    Order::CloseConnections => {}
                }
                connections.shutdown().await;
                // Who ordered may have ended.
                let _ = done.send(());
            }
            tcp = port.accept() => {
                let number = {
                    let mut state = shared.state();
                    state.connections += 1;
                    state.connections
                };
                connections.spawn(connection(Arc::clone(&shared), tcp, number));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

impl Port {
    fn address(&self) -> SocketAddr {
        match self {
            Self::Open(listener) => listener.local_addr().unwrap(),
            Self::Closed(socket) => socket.local_addr().unwrap(),
            Self::Nothing => unreachable!("only while it changes"),
        }
    }

    fn open(&mut self) {
        *self = match std::mem::replace(self, Self::Nothing) {
            Self::Closed(socket) => Self::Open(socket.listen(1024).unwrap()),
            open => open,
        };
    }

    fn close(&mut self) {
        let address = self.address();
        if let Self::Open(_) = self {
            *self = Self::Nothing;
            *self = Self::Closed(bound(address));
        }
    }

    async fn accept(&self) -> TcpStream {
        match self {
            Self::Open(listener) => listener.accept().await.expect("a connection").0,
            _ => std::future::pending().await,
        }
    }
}

fn bound(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    socket
}

/// From accept to end.
async fn connection(shared: Arc<Shared>, mut tcp: TcpStream, number: usize) {
    tcp.set_nodelay(true).unwrap();
    let (fault, certificates) = (shared.connection_fault(), &shared.certificates);
    let config = match fault {
        Some(Fault::HangAfterAccept) => return std::future::pending().await,
        Some(Fault::HangInTls) => {
            let mut hello = [0; 5];
            let _ = tcp.read_exact(&mut hello).await;
            return std::future::pending().await;
        }
        Some(Fault::CloseAfterAccept) => return,
        Some(Fault::PlainHttp) => return http(shared, tcp, number, false).await,
        Some(Fault::TlsOldVersion) => return old_tls(&shared, tcp).await,
        Some(Fault::TlsWrongName) => &certificates.wrong_name,
        Some(Fault::TlsExpired) => &certificates.expired,
        Some(Fault::TlsUnknownCa) => &certificates.unknown_ca,
        Some(Fault::WantsClientCertificate) => &certificates.wants_client_certificate,
        _ => &certificates.right,
    };
    let tls = TlsAcceptor::from(Arc::clone(config));
    // A client that refuses the certificate ends here.
    let Ok(tls) = tls.accept(tcp).await else { return };
    let is_http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
    match fault {
        Some(Fault::SlowHead) => http(shared, Slowly::new(tls), number, is_http2).await,
        _ => http(shared, tls, number, is_http2).await,
    }
}

async fn http<S>(shared: Arc<Shared>, stream: S, number: usize, is_http2: bool)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|asked| request::answer(Arc::clone(&shared), number, asked));
    let stream = TokioIo::new(stream);
    // What goes wrong here was wanted: it is a fault of the test, or the client that went away.
    let _ = match is_http2 {
        true => http2::Builder::new(TokioExecutor::new()).serve_connection(stream, service).await,
        false => http1::Builder::new().serve_connection(stream, service).await,
    };
}

/// Nobody should get beyond the handshake.
async fn old_tls(shared: &Shared, tcp: TcpStream) {
    let tcp = tcp.into_std().unwrap();
    tcp.set_nonblocking(false).unwrap();
    tcp.set_read_timeout(Some(OLD_TLS_TIMEOUT)).unwrap();
    let ssl = openssl::ssl::Ssl::new(&shared.certificates.old_version).unwrap();
    let accepted = tokio::task::spawn_blocking(move || drop(ssl.accept(tcp)));
    let _ = accepted.await;
}

/// Writes a byte at a time.
struct Slowly<S> {
    inner: S,
    pause: Pin<Box<Sleep>>,
}

impl<S> Slowly<S> {
    fn new(inner: S) -> Self {
        Self { inner, pause: Box::pin(sleep_until(Instant::now())) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Slowly<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Slowly<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        std::task::ready!(this.pause.as_mut().poll(context));
        // TLS gathers what is written until it is told to send.
        std::task::ready!(Pin::new(&mut this.inner).poll_flush(context))?;
        let written = std::task::ready!(Pin::new(&mut this.inner).poll_write(context, &bytes[..1]))?;
        this.pause.as_mut().reset(Instant::now() + BETWEEN_BYTES);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
