//! The proxy under check: how it is reached, and what was seen of it.

use super::groups::load::Measured;
use super::http::{Connection, Reply, Request};
use super::outcome::{Finding, missed};
use super::sign::Signing;
use super::target::Target;
use super::wire::{self, BOTH_VERSIONS, Broken, HTTP_1, Offer, Secured, Stream};
use crate::failure::Failure;
use hyper::Version;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio_rustls::rustls::sign::CertifiedKey;

/// An answer that is late is told as late: it is waited for longer than it may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// More different errors than are remembered tell nothing more.
const MOST_ERRORS: usize = 1000;

pub struct Proxy {
    pub target: Target,
    runtime: Runtime,
    address: SocketAddr,
    client: Option<Arc<CertifiedKey>>,
    kept: Mutex<Option<Connection>>,
    seen: Mutex<Seen>,
    /// Made once, for several rows.
    pub load: OnceLock<Result<Measured, String>>,
}

/// What the checks saw, by the way.
#[derive(Default)]
pub struct Seen {
    /// Status, content type and body of every different answer that was none of 200.
    pub errors: BTreeSet<(u16, String, Vec<u8>)>,
    pub answers: usize,
    pub slowest: Option<(Duration, String)>,
}

impl Proxy {
    /// Finds its address. Errors: there is none, or a file that cannot be read.
    pub fn new(target: Target) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(|error| Failure::new(format!("no threads: {error}")))?;
        let address = match target.connect_to {
            Some(address) => address,
            None => runtime.block_on(look_up(&target))?,
        };
        let client = target.client.as_ref().map(wire::read_identity).transpose()?;
        Ok(Self {
            target,
            runtime,
            address,
            client,
            kept: Mutex::default(),
            seen: Mutex::default(),
            load: OnceLock::new(),
        })
    }

    /// What KMS would offer, but for HTTP/2.
    pub fn offer(&self) -> Offer {
        Offer { versions: BOTH_VERSIONS, suites: &[], protocols: &[HTTP_1], client: self.client.clone() }
    }

    /// What the command says that the proxy takes.
    pub fn client(&self) -> Option<&Arc<CertifiedKey>> {
        self.client.as_ref()
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How long an answer is waited for.
    pub fn patience(&self) -> Duration {
        PATIENCE.max(4 * self.target.limit)
    }

    pub fn signing(&self) -> Signing {
        Signing::new(&self.target.access_key_id, &self.target.secret, &self.target.region)
    }

    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// A connection on which nothing was sent yet, but for TLS.
    pub async fn stream(&self, offer: &Offer) -> Result<Stream, Broken> {
        let opening = async {
            let stream = wire::tcp(self.address).await?;
            match self.target.tls {
                true => wire::secure(stream, &self.target.host, offer).await,
                false => Ok(Stream { io: Box::new(stream), secured: None }),
            }
        };
        let opened = tokio::time::timeout(self.patience(), opening).await;
        opened.map_err(|_| Broken::Silent(self.patience()))?
    }

    pub async fn open(&self, offer: &Offer) -> Result<Connection, Broken> {
        Connection::open(self.stream(offer).await?, false).await
    }

    /// What a handshake with this offer comes to.
    pub fn handshake(&self, offer: &Offer) -> Result<Secured, Broken> {
        let stream = self.block_on(self.stream(offer))?;
        stream.secured.ok_or_else(|| Broken::Tls("http has none".to_owned()))
    }

    /// One request on a connection of its own.
    pub fn once(&self, offer: &Offer, request: &Request) -> Result<Reply, Broken> {
        self.block_on(async {
            let mut connection = self.open(offer).await?;
            self.send_on(&mut connection, request).await
        })
    }

    pub async fn send_on(&self, connection: &mut Connection, request: &Request) -> Result<Reply, Broken> {
        let reply = connection.send(request, self.patience()).await?;
        self.note(request, &reply);
        Ok(reply)
    }

    /// One request on the connection that is kept, or on a new one where the proxy closed that.
    pub fn send(&self, request: &Request) -> Result<Reply, Broken> {
        self.block_on(async {
            let kept = self.kept.lock().take();
            if let Some(mut connection) = kept {
                match self.send_on(&mut connection, request).await {
                    Ok(reply) => return Ok(self.keep(connection, reply)),
                    Err(silent @ Broken::Silent(_)) => return Err(silent),
                    Err(_) => {}
                }
            }
            let mut connection = self.open(&self.offer()).await?;
            let reply = self.send_on(&mut connection, request).await?;
            Ok(self.keep(connection, reply))
        })
    }

    fn keep(&self, connection: Connection, reply: Reply) -> Reply {
        *self.kept.lock() = Some(connection);
        reply
    }

    /// As `send`; no answer is a finding.
    pub fn answer(&self, request: &Request) -> Result<Reply, Finding> {
        self.send(request).map_err(|broken| missed(broken.to_string()))
    }

    /// A connection of a check's own.
    pub fn connect(&self) -> Result<Connection, Finding> {
        self.block_on(self.open(&self.offer())).map_err(|broken| missed(broken.to_string()))
    }

    /// One request on a check's own connection, which is opened anew where the proxy closed it.
    pub fn answer_on(&self, connection: &mut Connection, request: &Request) -> Result<Reply, Finding> {
        let replied = self.block_on(async {
            match self.send_on(connection, request).await {
                Err(Broken::Closed(_)) if connection.version() == Version::HTTP_11 => {
                    *connection = self.open(&self.offer()).await?;
                    self.send_on(connection, request).await
                }
                replied => replied,
            }
        });
        replied.map_err(|broken| missed(broken.to_string()))
    }

    fn note(&self, request: &Request, reply: &Reply) {
        let mut seen = self.seen.lock();
        seen.answers += 1;
        if seen.slowest.as_ref().is_none_or(|(slowest, _)| *slowest < reply.took) {
            seen.slowest = Some((reply.took, format!("{} {}", request.method, request.path)));
        }
        if reply.status != 200 && seen.errors.len() < MOST_ERRORS {
            let content_type = reply.header("content-type").to_owned();
            seen.errors.insert((reply.status, content_type, reply.body.to_vec()));
        }
    }

    pub fn seen<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.seen.lock())
    }
}

async fn look_up(target: &Target) -> Result<SocketAddr, Failure> {
    let host = target.host.trim_matches(['[', ']']);
    let found = tokio::net::lookup_host((host, target.port)).await;
    let found =
        found.map_err(|error| Failure::new(format!("{host}: {error}; --connect-to names its address")))?;
    // Proxies often listen on one family alone: the first that takes a connection.
    let addresses: Vec<_> = found.collect();
    for &address in &addresses {
        if wire::tcp(address).await.is_ok() {
            return Ok(address);
        }
    }
    let tried: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    Err(Failure::new(format!("{host}: no connection to {}", tried.join(" or "))))
}
