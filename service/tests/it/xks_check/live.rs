//! Connections, time and load.

use super::faults::{Fault, answer, ask, refuse};
use super::relay::{Answered, Asked, Relay};
use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const IN_FLIGHT: &[&str] = &["connections.concurrent", "connections.streams"];

fn connections() -> Vec<Fault> {
    vec![
        answer(
            "closes each connection",
            |_, answered| answered.headers.push(("connection".into(), "close".into())),
            &["connections.pipelined"],
        ),
        refuse("two at once are too many", |asked| asked.others > 0, (500, "InternalException"), IN_FLIGHT),
        refuse(
            "bodies come at once",
            |asked| asked.took > Duration::from_millis(20),
            (503, "DependencyTimeoutException"),
            &["connections.slow-sender"],
        ),
        refuse(
            "headers have 1 KiB",
            |asked| asked.header("x-padding").len() > 1024,
            (400, "ValidationException"),
            &["connections.big-header"],
        ),
        ask(
            "headers have no limit",
            |asked| {
                asked.headers.retain(|(name, _)| name != "x-padding");
                None
            },
            &["connections.huge-header"],
        ),
        ask(
            "bodies have no limit",
            |asked| (asked.body.len() > 1 << 20).then(|| Answered::new(200, &serde_json::json!({}))),
            &["connections.huge-body"],
        ),
    ]
}

#[test]
fn faults_of_connections_are_found() {
    each_is_found_by(connections(), &["--only", "connections"]);
}

const STALLED: &str = "connections.stalled";
const HEADER_CASE: &str = "transport.header-case";

#[test]
fn who_waits_for_stalled_requests_is_found() {
    let proxy = right();
    let relay = Relay::one_at_a_time(&proxy);
    let report =
        Check::of(&relay.url()).with(&["--timeout-ms", "500", "--only", "connections.stalled"]).json();
    assert_eq!(report.ids("FAIL"), BTreeSet::from([STALLED]));
}

#[test]
fn who_wants_headers_in_one_case_is_found() {
    let proxy = right();
    let relay = Relay::closing(&proxy, |start| start.windows(6).any(|part| part == b"\nHOST:"));
    let report = Check::of(&relay.url()).with(&["--only", "transport"]).json();
    assert_eq!(report.ids("FAIL"), BTreeSet::from([HEADER_CASE]));
}

/// One call, counted from 1, of those that `of` names takes longer than the checks below allow.
fn slow(
    what: &'static str,
    place: usize,
    of: fn(&Asked) -> bool,
    found_by: &'static [&'static str],
) -> Fault {
    let count = AtomicUsize::new(0);
    let spoil = move |asked: &mut Asked| {
        if of(asked) && count.fetch_add(1, Ordering::SeqCst) + 1 == place {
            std::thread::sleep(Duration::from_millis(1600));
        }
        None
    };
    ask(what, spoil, found_by)
}

fn slow_calls() -> Vec<Fault> {
    let small = |asked: &Asked| asked.is("/encrypt") && asked.body.len() < 4000;
    let large = |asked: &Asked| asked.is("/encrypt") && asked.body.len() >= 4000;
    vec![
        slow(
            "Decrypt on a new connection",
            2,
            |asked| asked.is("/decrypt"),
            &["timing.all", "timing.new-connection"],
        ),
        slow("GetKeyMetadata", 50, |asked| asked.is("/metadata"), &["timing.all", "timing.get-key-metadata"]),
        slow("Encrypt", 50, small, &["timing.all", "timing.encrypt"]),
        slow("Decrypt", 100, |asked| asked.is("/decrypt"), &["timing.all", "timing.decrypt"]),
        slow("GetHealthStatus", 50, |asked| asked.is("/health"), &["timing.all", "timing.get-health-status"]),
        slow("a large Encrypt", 50, large, &["timing.all", "timing.largest"]),
    ]
}

#[test]
fn late_answers_are_found() {
    each_is_found_by(slow_calls(), &["--timeout-ms", "1500", "--only", "timing"]);
}

fn loads() -> Vec<Fault> {
    let count = AtomicUsize::new(0);
    let some = move |asked: &Asked| asked.is("/encrypt") && count.fetch_add(1, Ordering::SeqCst) % 20 == 19;
    vec![
        refuse("breaks under load", some, (500, "InternalException"), &["load.answers"]),
        slow("late under load", 20, |asked| asked.is("/encrypt"), &["load.in-time"]),
        refuse("throttles all", |asked| asked.is("/encrypt"), (429, "ThrottlingException"), &["load.rate"]),
    ]
}

#[test]
fn faults_under_load_are_found() {
    let proxy = right();
    for Fault { what, ask, answer, found_by } in loads() {
        let relay = Relay::before(&proxy, ask, answer);
        let load = ["--timeout-ms", "1500", "--load", "1", "--only", "load"];
        let report = Check::of(&relay.url()).with(&load).json();
        let found = report.found().into_iter();
        // How many calls there are in a second is this machine's affair, but where none is answered.
        let found: BTreeSet<_> = found.filter(|id| *id != "load.rate" || found_by.contains(id)).collect();
        assert_eq!(found, BTreeSet::from_iter(found_by.iter().copied()), "{what}");
    }
}

const OTHER_PREFIX: &str = "sigv4.other-prefix";

#[test]
fn a_credential_that_opens_another_key_store_is_found() {
    let proxy = right();
    proxy.add_path("/other/kms/xks/v1");
    let only = ["--other-prefix", "/other", "--only", OTHER_PREFIX];
    assert_eq!(Check::of_proxy(&proxy).with(&only).json().ids("FAIL"), BTreeSet::from([OTHER_PREFIX]));
    let strict: fn(&Asked) -> bool = |asked| asked.path.starts_with("/other/");
    let strict = refuse("strict", strict, (401, "AuthenticationFailedException"), &[]);
    let relay = Relay::before(&proxy, strict.ask, strict.answer);
    assert_eq!(Check::of(&relay.url()).with(&only).json().ids("PASS"), BTreeSet::from([OTHER_PREFIX]));
}

/// Those that are proven to fail here.
pub fn found_here() -> impl Iterator<Item = &'static str> {
    let faults = connections().into_iter().chain(slow_calls()).chain(loads());
    let found_by = faults.flat_map(|fault| fault.found_by.iter().copied());
    found_by.chain([STALLED, HEADER_CASE, OTHER_PREFIX])
}
