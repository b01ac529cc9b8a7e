//! `vhsm xks-check` against proxies that are right, and against proxies with one fault each: which makes exactly the checks
//! fail that it should.

#[path = "../../../../keystore/tests/it/support/proxy/mod.rs"]
pub mod proxy;

mod faults;
mod relay;

use super::text;
use faults::Fault;
use proxy::{ACCESS_KEY_ID, Key, PATH, Proxy, SECRET};
use relay::Relay;
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

/// A proxy with the keys that all checks need.
fn right() -> Proxy {
    let proxy = Proxy::start_http2();
    let usages =
        |usages: &[&str]| Key { usage: usages.iter().map(|&usage| usage.into()).collect(), ..Key::default() };
    proxy.keys().put("key", Key::default());
    proxy.keys().put("encrypt-only", usages(&["ENCRYPT"]));
    proxy.keys().put("decrypt-only", usages(&["DECRYPT"]));
    proxy.keys().put("no-use", usages(&[]));
    proxy
}

/// What the command is given, and its files.
#[derive(Clone)]
struct Check {
    _folder: Arc<TempDir>,
    arguments: Vec<String>,
}

impl Check {
    fn of(url: &str) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let secret = folder.path().join("secret");
        std::fs::write(&secret, SECRET).unwrap();
        let check = Self { _folder: folder, arguments: vec!["xks-check".into(), url.into()] };
        check
            .with(&[
                "--key",
                "key",
                "--encrypt-only-key",
                "encrypt-only",
                "--decrypt-only-key",
                "decrypt-only",
            ])
            .with(&["--no-use-key", "no-use", "--access-key-id", ACCESS_KEY_ID])
            .with(&["--secret-file", secret.to_str().unwrap()])
            // The time of answers has a test of its own; this machine may be busy.
            .with(&["--timeout-ms", "10000"])
    }

    /// With the proxy's own certificate.
    fn of_proxy(proxy: &Proxy) -> Self {
        let check = Self::of(&format!("{}{PATH}", proxy.endpoint()));
        check.with(&["--ca-file", proxy.ca_file().to_str().unwrap()])
    }

    fn with(mut self, more: &[&str]) -> Self {
        self.arguments.extend(more.iter().map(|&argument| argument.to_owned()));
        self
    }

    fn run(&self) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vhsm"));
        let command = command.args(&self.arguments).env_clear().stdin(Stdio::null());
        let output = command.output().unwrap();
        for stream in [&output.stdout, &output.stderr] {
            assert!(!text(stream).contains(SECRET), "the secret is shown");
        }
        output
    }

    fn json(&self) -> Report {
        let output = self.clone().with(&["--json"]).run();
        let json = serde_json::from_slice(&output.stdout);
        Report {
            status: output.status.code(),
            json: json.unwrap_or_else(|e| panic!("{e}: {}", text(&output.stderr))),
        }
    }
}

struct Report {
    status: Option<i32>,
    json: Value,
}

impl Report {
    fn ids(&self, result: &str) -> BTreeSet<&str> {
        let checks = self.json["checks"].as_array().unwrap().iter();
        checks.filter(|check| check["result"] == result).map(|check| check["id"].as_str().unwrap()).collect()
    }
}

/// What a run can skip, when it is given all keys and no more.
const NEEDS_MORE: [&str; 10] = [
    "load.answers",
    "load.in-time",
    "load.rate",
    "mtls.expired",
    "mtls.forged",
    "mtls.none",
    "mtls.other-name",
    "mtls.self-signed",
    "mtls.stolen",
    "sigv4.other-prefix",
];

#[test]
fn a_proxy_that_is_right_passes() {
    let report = Check::of_proxy(&right()).json();
    assert_eq!(report.ids("FAIL"), BTreeSet::new());
    assert_eq!(report.ids("WARN"), BTreeSet::new());
    assert_eq!(report.ids("SKIP"), BTreeSet::from(NEEDS_MORE));
    assert_eq!(report.status, Some(0));
}

/// Asserts that each fault is found by exactly the checks that it names.
fn each_is_found(faults: Vec<Fault>) {
    let proxy = right();
    let mut wrong = String::new();
    for Fault { what, ask, answer, found_by } in faults {
        let relay = Relay::before(&proxy, ask, answer);
        let report = Check::of(&relay.url()).with(&["--only"]).with(&PLAIN_GROUPS).json();
        let found: BTreeSet<_> = report.ids("FAIL").union(&report.ids("WARN")).copied().collect();
        if found != BTreeSet::from_iter(found_by.iter().copied()) {
            wrong += &format!("{what}: {found:?}\n");
        }
    }
    assert_eq!(wrong, "", "found by other checks than it should");
}

/// Those that the faults of requests and answers concern.
const PLAIN_GROUPS: [&str; 9] =
    ["transport", "sigv4", "metadata", "key-metadata", "encrypt", "decrypt", "usage", "health", "errors"];

#[test]
fn faults_of_transport_are_found() {
    each_is_found(faults::transport());
}

#[test]
fn faults_of_signatures_are_found() {
    each_is_found(faults::signatures());
}

#[test]
fn faults_of_metadata_are_found() {
    each_is_found(faults::metadata());
}

#[test]
fn faults_of_keys_are_found() {
    each_is_found(faults::keys());
}

#[test]
fn faults_of_encrypt_are_found() {
    each_is_found(faults::encrypting());
}

#[test]
fn faults_of_decrypt_are_found() {
    each_is_found(faults::decrypting());
}

#[test]
fn faults_of_health_are_found() {
    each_is_found(faults::health());
}

#[test]
fn faults_of_errors_are_found() {
    each_is_found(faults::errors());
}
