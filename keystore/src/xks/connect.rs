//! A new connection: name, TCP, TLS, HTTP.

use super::address::{Endpoint, allowed};
use super::client::Settings;
use super::failure::ProxyFailure;
use super::stream::tls_error;
use super::tls;
use super::wire::Wire;
use parking_lot::Mutex;
use socket2::{SockRef, TcpKeepalive};
use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

/// How many of a host's addresses are tried.
const ADDRESSES_MAX: usize = 4;
/// After what time the next address is tried beside the ones before (as RFC 8305 sec. 5 does, but within 250 ms).
const NEXT_ADDRESS: Duration = Duration::from_millis(40);
/// How many names are looked up at a time: a lookup cannot be ended, and takes a thread.
const LOOKUPS_MAX: usize = 16;
/// As the reference proxy's.
const KEEPALIVE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(1);
const KEEPALIVE_RETRIES: u32 = 3;
/// How long what was sent may stay unacknowledged, until the system gives the connection up.
const UNACKNOWLEDGED: Duration = Duration::from_secs(5);

pub(super) struct Connector {
    settings: Settings,
    tls: TlsConnector,
    lookups: Arc<Semaphore>,
    /// By endpoint, milliseconds since 1970.
    certificate_ends: Mutex<BTreeMap<String, u64>>,
}

impl Connector {
    pub fn new(settings: Settings, config: Arc<ClientConfig>) -> Self {
        let lookups = Arc::new(Semaphore::new(LOOKUPS_MAX));
        Self {
            settings,
            tls: TlsConnector::from(config),
            lookups,
            certificate_ends: Mutex::new(BTreeMap::new()),
        }
    }

    pub fn certificate_ends(&self) -> BTreeMap<String, u64> {
        self.certificate_ends.lock().clone()
    }

    /// Errors: `Unreachable`, up to TCP; then `Tls`, and `TimedOut`, for who took the connection did not go on in time.
    pub async fn connect(&self, endpoint: &Endpoint, deadline: Instant) -> Result<Wire, ProxyFailure> {
        let tcp = async { self.tcp(endpoint).await };
        let late = |_| ProxyFailure::Unreachable(format!("{}: no connection in time", endpoint.text));
        let tcp = timeout_at(deadline, tcp).await.map_err(late)??;
        let rest = async {
            let tls = self.tls(endpoint, tcp).await?;
            Wire::open(tls).await
        };
        timeout_at(deadline, rest).await.map_err(|_| ProxyFailure::TimedOut)?
    }

    async fn tcp(&self, endpoint: &Endpoint) -> Result<TcpStream, ProxyFailure> {
        let addresses = match self.settings.hosts.get(&endpoint.host) {
            // Whoever wrote the settings may send KMS wherever he likes.
            Some(address) => vec![*address],
            None => allowed(&endpoint.host, self.look_up(endpoint).await?, &self.settings)?,
        };
        let failed = |error: io::Error| ProxyFailure::Unreachable(format!("{}: {error}", endpoint.text));
        let tcp = first_of(addresses).await.map_err(failed)?;
        tune(&tcp).map_err(failed)?;
        Ok(tcp)
    }

    async fn look_up(&self, endpoint: &Endpoint) -> Result<Vec<SocketAddr>, ProxyFailure> {
        let failed = |error: String| ProxyFailure::Unreachable(format!("{}: {error}", endpoint.text));
        let permit = Arc::clone(&self.lookups).acquire_owned().await;
        let permit = permit.map_err(|error| failed(error.to_string()))?;
        let name = (endpoint.host.clone(), endpoint.port);
        let lookup = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            name.to_socket_addrs().map(Iterator::collect)
        });
        let found: io::Result<Vec<_>> = lookup.await.map_err(|error| failed(error.to_string()))?;
        found.map_err(|error| failed(error.to_string()))
    }

    async fn tls(&self, endpoint: &Endpoint, tcp: TcpStream) -> Result<TlsStream<TcpStream>, ProxyFailure> {
        let told = |what: String| ProxyFailure::Tls(format!("{}: {what}", endpoint.text));
        let name = ServerName::try_from(endpoint.host.clone()).map_err(|error| told(error.to_string()))?;
        let stream = self.tls.connect(name, tcp).await.map_err(|error| match tls_error(&error) {
            Some(error) => told(error.to_string()),
            None => told(format!("the connection broke in the handshake: {error}")),
        })?;
        let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        if let Some(end) = shown.and_then(tls::end_of) {
            self.certificate_ends.lock().insert(endpoint.text.clone(), end);
        }
        Ok(stream)
    }
}

/// The first address that takes a connection; each has a little time before the next one is tried too.
async fn first_of(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut tries = JoinSet::new();
    for (before, address) in (0..).zip(addresses.into_iter().take(ADDRESSES_MAX)) {
        tries.spawn(async move {
            sleep(NEXT_ADDRESS * before).await;
            TcpStream::connect(address).await
        });
    }
    let mut last = io::Error::other("no address");
    while let Some(tried) = tries.join_next().await {
        match tried {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(error) => last = error.into(),
        }
    }
    Err(last)
}

fn tune(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_RETRIES);
    let socket = SockRef::from(tcp);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))
}
