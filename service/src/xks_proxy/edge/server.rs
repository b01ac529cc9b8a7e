//! The proxy's ports, from their start to their stop.

use super::Edge;
use super::status::StatusPort;
use crate::failure::Failure;
use crate::http::{self, ClientFiles, PemFile, Server, Terms, Tls, TlsFiles};
use crate::xks_proxy::access_log::AccessLog;
use crate::xks_proxy::current::Current;
use crate::xks_proxy::metrics::Metrics;
use crate::xks_proxy::settings::{Settings, TlsSettings};
use arc_swap::ArcSwap;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// Of TLS: KMS itself waits for a quarter of a second.
const HANDSHAKE: Duration = Duration::from_secs(5);
const STATUS_CONNECTIONS: usize = 64;

/// Ports that are served. Dropped without `stop`, they end at once.
pub struct EdgeServer {
    main: Port,
    status: Option<Port>,
    tls: Option<Arc<Tls>>,
}

struct Port {
    server: Server,
    address: SocketAddr,
}

impl EdgeServer {
    /// Takes the ports that `current` names, and serves. Requests get what is in `current` when they come; ports, the number of
    /// connections and their times stay what they are now. Errors: a port or a PEM file that cannot be used.
    pub fn start(
        current: Arc<ArcSwap<Current>>,
        access_log: Arc<AccessLog>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, Failure> {
        let settings = current.load().settings.clone();
        let tls = settings.tls.as_ref().map(load_tls).transpose()?.map(Arc::new);
        let listener = bind(&settings.addresses, "listen")?;
        let status = match &settings.status_addresses[..] {
            [] => None,
            addresses => Some(bind(addresses, "status_listen")?),
        };
        let edge = Arc::new(Edge { current, access_log, metrics, tls: tls.clone() });
        let main = Port::start(listener, |listener| {
            Server::start(listener, Arc::clone(&edge), tls.clone(), terms(&settings))
        })?;
        let status = status.map(|listener| {
            let port = Arc::new(StatusPort { edge, connections: AtomicU64::new(0) });
            Port::start(listener, |listener| Server::start(listener, port, None, status_terms(&settings)))
        });
        Ok(Self { main, status: status.transpose()?, tls })
    }

    pub fn address(&self) -> SocketAddr {
        self.main.address
    }

    pub fn status_address(&self) -> Option<SocketAddr> {
        self.status.as_ref().map(|port| port.address)
    }

    /// Reads certificate, key and client authorities anew, for connections from now on. Errors: what is wrong with them, or TLS is
    /// to begin or to end, which takes a restart; then all stays as it was.
    pub fn reload(&self, settings: Option<&TlsSettings>) -> Result<(), Failure> {
        match (&self.tls, settings) {
            (None, None) => Ok(()),
            (Some(tls), Some(settings)) => tls.replace(&files(settings)),
            _ => Err(Failure::new(
                "whether there is a table [tls] is looked at by a start only: restart the proxy",
            )),
        }
    }

    /// Takes no more connections, tells those there are (HTTP/2: GOAWAY), and waits for the requests in flight. `false`: some took
    /// longer than `times.stop`, and are cut off.
    pub fn stop(self) -> bool {
        let finished = self.main.server.stop();
        if let Some(status) = self.status {
            status.server.stop();
        }
        finished
    }
}

impl Port {
    fn start(
        listener: TcpListener,
        start: impl FnOnce(TcpListener) -> Result<Server, Failure>,
    ) -> Result<Self, Failure> {
        let address = listener.local_addr();
        let address = address.map_err(|error| Failure::new(format!("the address of a port: {error}")))?;
        Ok(Self { server: start(listener)?, address })
    }
}

/// Errors: a PEM file that cannot be used.
pub fn load_tls(settings: &TlsSettings) -> Result<Tls, Failure> {
    Tls::load(&files(settings))
}

fn bind(addresses: &[SocketAddr], setting: &str) -> Result<TcpListener, Failure> {
    http::bind(addresses).map_err(|error| {
        let named: Vec<_> = addresses.iter().map(SocketAddr::to_string).collect();
        let mend = format!("end the program that has it, or name another address in `{setting}`");
        Failure::new(format!("{setting} {}: {error}; {mend}", named.join(", ")))
    })
}

fn terms(settings: &Settings) -> Terms {
    Terms {
        name: "xks-edge",
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        // Nothing here blocks.
        blocking_threads: 1,
        connections: settings.limits.connections,
        handshake: HANDSHAKE.min(settings.times.idle),
        head: settings.times.deadline,
        idle: settings.times.idle,
        stop: settings.times.stop,
    }
}

fn status_terms(settings: &Settings) -> Terms {
    Terms { name: "xks-status", threads: 1, connections: STATUS_CONNECTIONS, ..terms(settings) }
}

fn files(settings: &TlsSettings) -> TlsFiles {
    let file = |path: &Path, setting| PemFile { path: path.into(), setting };
    let clients = settings.client_ca.as_ref().map(|authorities| ClientFiles {
        authorities: file(authorities, "tls.client_ca_file"),
        names: settings.client_names.clone(),
    });
    TlsFiles {
        certificate: file(&settings.certificate, "tls.cert_file"),
        key: file(&settings.key, "tls.key_file"),
        clients,
    }
}
