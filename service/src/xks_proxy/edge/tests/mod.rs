//! The edge as clients meet it: real ports, real TLS, signatures made here. What an operation answers is tested elsewhere: here it is
//! enough that it was reached, and a request without metadata is refused by it (ValidationException).

mod certificates;
mod client;
mod life;
mod mtls;
mod routes;
mod signatures;
mod times;
mod tls;

use super::EdgeServer;
use crate::xks_proxy::access_log::{AccessLog, Writer};
use crate::xks_proxy::current::Current;
use crate::xks_proxy::metrics::Metrics;
use crate::xks_proxy::settings::{
    AccessLogPlace, CredentialSettings, KeySetSettings, KeyStoreSettings, Limits, Settings, Times,
    TlsSettings,
};
use arc_swap::ArcSwap;
use client::{Client, Signer};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use zeroize::Zeroizing;

/// Of key store `one`, its second one, and of key store `two`.
const KEYS: [(&str, &str); 3] = [
    ("AAAAAAAAAAAAAAAAAAAA", "one/one+one/one+one/one+one/one+one/one+one/one+"),
    ("BBBBBBBBBBBBBBBBBBBB", "new/new+new/new+new/new+new/new+new/new+new/new+"),
    ("CCCCCCCCCCCCCCCCCCCC", "two/two+two/two+two/two+two/two+two/two+two/two+"),
];
const HEALTH: &str = "/one/kms/xks/v1/health";
/// Nobody waits so long.
const LONG: Duration = Duration::from_secs(60);

/// A running edge before no HSMs.
struct World {
    server: EdgeServer,
    current: Arc<ArcSwap<Current>>,
    log: Arc<AccessLog>,
    writer: Writer,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings();
        settings.access_log = Some(AccessLogPlace::File(folder.path().join("access.log")));
        change(&mut settings);
        let (log, writer) = AccessLog::start(settings.access_log.as_ref(), |line| panic!("{line}"))
            .unwrap_or_else(|failure| panic!("{failure}"));
        let log = Arc::new(log);
        let current = Arc::new(ArcSwap::from_pointee(built(settings)));
        let server = EdgeServer::start(Arc::clone(&current), Arc::clone(&log), Arc::new(Metrics::default()));
        let server = server.unwrap_or_else(|failure| panic!("{failure}"));
        Self { server, current, log, writer, folder }
    }

    fn client(&self) -> Client {
        Client { address: self.server.address(), signer: Some(Signer::of(0)) }
    }

    fn at_status_port(&self) -> Client {
        Client { address: self.server.status_address().unwrap(), signer: None }
    }

    /// What a reload does.
    fn change(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.current.load().settings.clone();
        change(&mut settings);
        self.current.store(Arc::new(built(settings)));
    }

    /// Ends it; the access log's lines.
    fn lines(self) -> Vec<Value> {
        self.server.stop();
        self.writer.finish(&self.log);
        let text = std::fs::read_to_string(self.folder.path().join("access.log")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn built(settings: Settings) -> Current {
    Current::build(settings, None).unwrap_or_else(|failure| panic!("{failure}"))
}

fn settings() -> Settings {
    let loopback = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
    Settings {
        listen: "127.0.0.1:0".into(),
        addresses: loopback.clone(),
        status_addresses: loopback,
        tls: None,
        region: None,
        times: Times { deadline: LONG, reserve: Duration::from_millis(20), idle: LONG, stop: LONG },
        limits: Limits { connections: 64, requests: 64, plaintext_bytes: 4300, aad_bytes: 8192 },
        hsms: Vec::new(),
        key_stores: vec![key_store("one", "/one", &[0, 1]), key_store("two", "/two/deep", &[2])],
        access_log: None,
        probe_interval: LONG,
        fleet_size: 1,
        hints: Vec::new(),
    }
}

fn key_store(name: &str, path_prefix: &str, keys: &[usize]) -> KeyStoreSettings {
    let credential = |key: &usize| CredentialSettings {
        access_key_id: KEYS[*key].0.into(),
        secret: Zeroizing::new(KEYS[*key].1.into()),
        since: SystemTime::UNIX_EPOCH,
    };
    KeyStoreSettings {
        name: name.into(),
        path_prefix: path_prefix.into(),
        enabled: true,
        credentials: keys.iter().map(credential).collect(),
        keys: KeySetSettings::default(),
        hsms: Vec::new(),
        requests_per_second: None,
        policy_file: None,
        decrypts_reference_aad: false,
        ciphertext_metadata: Vec::new(),
    }
}
