//! `vhsm xks-check` against proxies that are right, and against proxies with one fault each: which makes exactly the checks
//! fail that it should.

#[path = "../../../../keystore/tests/it/support/proxy/mod.rs"]
pub mod proxy;

mod faults;
mod front;
mod live;
mod relay;
mod tls;

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

    /// An option that was given before gets another value.
    fn with(mut self, more: &[&str]) -> Self {
        let given = more.first().and_then(|option| self.arguments.iter().position(|old| old == option));
        if let Some(place) = given {
            self.arguments.drain(place..place + 2);
        }
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

    /// Asserts exit status 2, and one line that says this.
    fn cannot_run(&self, says: &str) {
        let output = self.run();
        let (told, printed) = (text(&output.stderr), text(&output.stdout));
        assert_eq!((output.status.code(), printed.as_str()), (Some(2), ""), "{told}");
        assert!(told.starts_with("vhsm: ") && told.lines().count() == 1 && told.contains(says), "{told}");
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

/// What was found.
struct Report {
    status: Option<i32>,
    json: Value,
}

impl Report {
    /// What failed, and what was warned of.
    fn found(&self) -> BTreeSet<&str> {
        self.ids("FAIL").union(&self.ids("WARN")).copied().collect()
    }

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

/// Those that the faults of requests and answers concern.
const PLAIN_GROUPS: [&str; 10] = [
    "--only",
    "transport",
    "sigv4",
    "metadata",
    "key-metadata",
    "encrypt",
    "decrypt",
    "usage",
    "health",
    "errors",
];

fn each_is_found(faults: Vec<Fault>) {
    each_is_found_by(faults, &PLAIN_GROUPS);
}

/// Asserts that each fault is found by exactly the checks that it names.
fn each_is_found_by(faults: Vec<Fault>, arguments: &[&str]) {
    let proxy = right();
    let mut wrong = String::new();
    for Fault { what, ask, answer, found_by } in faults {
        let relay = Relay::before(&proxy, ask, answer);
        let report = Check::of(&relay.url()).with(arguments).json();
        let found = report.found();
        if found != BTreeSet::from_iter(found_by.iter().copied()) {
            wrong += &format!("{what}: {found:?}\n");
        }
    }
    assert_eq!(wrong, "", "found by other checks than it should");
}

/// A check that no fault makes fail could as well be left out.
#[test]
fn every_check_can_fail() {
    let list = Command::new(env!("CARGO_BIN_EXE_vhsm")).args(["xks-check", "--list"]).output().unwrap();
    let list = text(&list.stdout);
    let all: BTreeSet<_> = list.lines().map(|line| line.split_whitespace().nth(1).unwrap()).collect();
    let groups = [
        faults::transport(),
        faults::signatures(),
        faults::metadata(),
        faults::keys(),
        faults::encrypting(),
        faults::decrypting(),
        faults::health(),
        faults::errors(),
    ];
    let found = groups.iter().flatten().flat_map(|fault| fault.found_by.iter().copied());
    let found: BTreeSet<_> = found.chain(tls::found_here()).chain(live::found_here()).collect();
    assert_eq!(found, all);
}

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
