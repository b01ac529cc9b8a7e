//! An external key store proxy for tests (XKS Proxy API 1.0.3): real TCP, TLS and HTTP, keys in memory, and faults when a test
//! wants them. Without a fault it is right in all that it does.
//!
//! Owns its port, its threads, its certificates and the folder that they lie in; all end with it. Used by the tests of several
//! packages: `#[path = ".../keystore/tests/it/support/proxy/mod.rs"]`. Shares no code with the clients and proxies that are tested.
//!
//! | module | owns |
//! | --- | --- |
//! | `fault` | what can be wrong |
//! | `server` | the port, and its connections |
//! | `certificates` | the authority, and what it signs |
//! | `request` | one request: path, signature, API, fault |
//! | `signature` | SigV4, from the other end |
//! | `keys`, `operations` | keys, and what the four APIs do with them |
//! | `answer` | answers as they go out: whole, slow, torn |
//! | `control` | the same for programs in other languages |
#![allow(dead_code, unused_imports, reason = "each test program uses a part of it")]

mod answer;
mod certificates;
mod control;
mod fault;
mod keys;
mod operations;
mod request;
mod server;
mod signature;

pub use control::serve as serve_control;
pub use fault::{Api, Fault};
pub use keys::{Key, Keys};
pub use request::Call;

use certificates::Certificates;
use server::{Order, Server};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A name for the proxy that no DNS knows, for settings that map hosts to addresses. Its certificate is for every host of
/// example.com, and for localhost.
pub const HOST: &str = "xks.example.com";
/// The region in the scope of signatures.
pub const REGION: &str = "us-east-1";
pub const ACCESS_KEY_ID: &str = "PROXYTESTACCESSKEY234567";
pub const SECRET: &str = "Proxy/Test+Secret/0123456789abcdefghijklmnopqrstuv=";
/// XksProxyUriPath of the key store that is there from the start.
pub const PATH: &str = "/example/prefix/kms/xks/v1";

pub struct Proxy {
    shared: Arc<Shared>,
    server: Server,
}

/// What requests are answered from.
pub(crate) struct Shared {
    keys: Keys,
    certificates: Certificates,
    state: Mutex<State>,
}

#[derive(Default)]
pub(crate) struct State {
    /// For every API that is not in the map below.
    fault: Option<Fault>,
    faults: BTreeMap<Api, Fault>,
    /// Secrets by access key ID.
    credentials: BTreeMap<String, String>,
    paths: BTreeSet<String>,
    calls: Vec<Call>,
    connections: usize,
}

impl Proxy {
    /// Speaks HTTP/1.1. Has a credential, a path and no key.
    pub fn start() -> Self {
        Self::speaking(&[b"http/1.1"])
    }

    /// Offers HTTP/2 as well.
    pub fn start_http2() -> Self {
        Self::speaking(&[b"h2", b"http/1.1"])
    }

    fn speaking(protocols: &[&[u8]]) -> Self {
        let state = State {
            credentials: BTreeMap::from([(ACCESS_KEY_ID.into(), SECRET.into())]),
            paths: BTreeSet::from([PATH.into()]),
            ..State::default()
        };
        let shared = Arc::new(Shared {
            keys: Keys::default(),
            certificates: Certificates::new(protocols),
            state: Mutex::new(state),
        });
        Self { server: Server::start(Arc::clone(&shared)), shared }
    }

    /// `https://localhost:PORT`.
    pub fn endpoint(&self) -> String {
        format!("https://localhost:{}", self.address().port())
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// PEM: the authority of its certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.shared.certificates.file("ca.crt")
    }

    /// PEM, certificate and key: what satisfies `Fault::WantsClientCertificate`.
    pub fn client_certificate(&self) -> (PathBuf, PathBuf) {
        (self.shared.certificates.file("client.crt"), self.shared.certificates.file("client.key"))
    }

    pub fn keys(&self) -> &Keys {
        &self.shared.keys
    }

    /// Every API has this fault and no other, from the next request on. Where faults of connections come or go, those that are
    /// open are closed.
    pub fn set(&self, fault: Fault) {
        self.change(|state| {
            state.fault = Some(fault);
            state.faults.clear();
        });
    }

    /// One API has this fault; the others stay as they are. For faults that are not of connections.
    pub fn only(&self, api: Api, fault: Fault) {
        assert!(!fault.is_of_connections(), "{fault:?} is a fault of all APIs");
        self.change(|state| drop(state.faults.insert(api, fault)));
    }

    /// No fault.
    pub fn heal(&self) {
        self.change(|state| {
            state.fault = None;
            state.faults.clear();
        });
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let of_connections = |state: &State| state.fault.clone().filter(Fault::is_of_connections);
        let (before, after) = {
            let mut state = self.shared.state();
            let before = of_connections(&state);
            change(&mut state);
            (before, of_connections(&state))
        };
        if after == Some(Fault::RefuseTcp) {
            self.server.order(Order::ClosePort);
        } else if before != after {
            self.server.order(Order::OpenPort);
        }
    }

    /// What was asked, in the order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.state().calls.clone()
    }

    pub fn forget_calls(&self) {
        self.shared.state().calls.clear();
    }

    /// How many TCP connections were accepted since the start.
    pub fn connections(&self) -> usize {
        self.shared.state().connections
    }

    /// As a proxy or a load balancer does it with connections that are idle.
    pub fn close_connections(&self) {
        self.server.order(Order::CloseConnections);
    }

    /// Beside those that there are.
    pub fn add_credential(&self, access_key_id: &str, secret: &str) {
        self.shared.state().credentials.insert(access_key_id.into(), secret.into());
    }

    pub fn remove_credential(&self, access_key_id: &str) {
        self.shared.state().credentials.remove(access_key_id);
    }

    /// One more XksProxyUriPath, for the same keys and credentials.
    pub fn add_path(&self, path: &str) {
        self.shared.state().paths.insert(path.into());
    }

    pub fn remove_path(&self, path: &str) {
        self.shared.state().paths.remove(path);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is wrong with connections.
    fn connection_fault(&self) -> Option<Fault> {
        self.state().fault.clone().filter(Fault::is_of_connections)
    }

    /// What is wrong with this API.
    fn fault(&self, api: Api) -> Option<Fault> {
        let state = self.state();
        state.faults.get(&api).or(state.fault.as_ref()).cloned()
    }
}
