//! Paths and methods, and what comes before what.

use super::client::exchange;
use super::*;
use std::io::{BufRead, Write};

const KEY: &str = "/one/kms/xks/v1/keys/a-Key_1.2";

#[test]
fn each_operation_of_each_key_store_is_reached() {
    let world = World::new();
    let mut client = world.client();
    for operation in ["metadata", "encrypt", "decrypt"] {
        client.post(&format!("{KEY}/{operation}"), "{}").reached();
    }
    client.post(HEALTH, "{}").reached();
    client.signer = Some(Signer::of(2));
    client.post("/two/deep/kms/xks/v1/health", "{}").reached();
}

/// Nobody has to be known for it.
#[test]
fn unknown_paths_are_told_before_anybody_is_known() {
    let world = World::new();
    let mut client = world.client();
    client.signer = None;
    for path in [
        "/",
        "/kms/xks/v1/health",
        "/on/kms/xks/v1/health",
        "/one/two/kms/xks/v1/health",
        "/two/kms/xks/v1/health",
        "/one/kms/xks/v2/health",
        "/one/kms/xks/v1/invalid",
        "/one/kms/xks/v1/health/",
        "/one/kms/xks/v1//health",
        "/one/kms/xks/v1",
        "/one/kms/xks/v1/keys/k/sign",
        "/one/kms/xks/v1/keys/k",
        "/one/kms/xks/v1/keys/a%41/encrypt",
        "/one/kms/xks/v1/keys/a:b/encrypt",
        "/one/kms/xks/v1/keys//encrypt",
        "/ping",
        "/metrics",
    ] {
        client.post(path, "{}").fails(404, "InvalidUriPathException");
    }
    let (most, more) = ("k".repeat(128), "k".repeat(129));
    let path = |key: &str| format!("/one/kms/xks/v1/keys/{key}/encrypt");
    client.post(&path(&most), "{}").fails(401, "AuthenticationFailedException");
    client.post(&path(&more), "{}").fails(404, "InvalidUriPathException");
}

#[test]
fn an_unknown_path_comes_before_a_wrong_method_and_both_before_the_signature() {
    let world = World::new();
    let client = world.client();
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let ask = |path: &str| client.send(&format!("{method} {path} HTTP/1.1\r\nhost: x\r\n\r\n"));
        let reply = ask(HEALTH);
        reply.fails(405, "MethodNotAllowedException");
        assert_eq!(reply.header("allow"), Some("POST"));
        ask(&format!("{KEY}/encrypt")).fails(405, "MethodNotAllowedException");
        ask(&format!("{KEY}/invalid")).fails(404, "InvalidUriPathException");
        ask("/metrics").fails(404, "InvalidUriPathException");
    }
    let mut stream = client.connect();
    stream.get_mut().write_all(format!("HEAD {HEALTH} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 405 "), "{line}");
}

#[test]
fn load_balancers_and_monitoring_have_paths_of_their_own() {
    let world = World::new();
    let (main, status) = (world.client(), world.at_status_port());
    // Without an HSM nothing works here.
    assert_eq!((main.get("/ping").status, status.get("/ping").status), (503, 503));
    main.post(HEALTH, "{}").reached();
    let metrics = status.get("/metrics");
    assert_eq!((metrics.status, metrics.header("content-type")), (200, Some("text/plain; version=0.0.4")));
    let counted = "xks_proxy_latency_seconds_count{api=\"GetHealthStatus\",key_store=\"one\"} 1";
    assert!(metrics.body.lines().any(|line| line == counted), "{}", metrics.body);
    assert!(metrics.body.lines().any(|line| line == "xks_proxy_requests_running 0"), "{}", metrics.body);
    main.get("/metrics").fails(404, "InvalidUriPathException");
    for path in [HEALTH, "/", "/metrics/"] {
        assert_eq!((status.get(path).status, status.post(path, "{}").status), (404, 404));
    }
    assert_eq!((status.post("/ping", "").status, status.post("/metrics", "").status), (405, 405));
}

/// Many requests on one connection, and none of those that are refused spoils it.
#[test]
fn a_connection_goes_on_after_refusals() {
    let world = World::new();
    let client = world.client();
    let mut unsigned = world.client();
    unsigned.signer = None;
    let mut stream = client.connect();
    for _ in 0..3 {
        exchange(&mut stream, &client.request(HEALTH, "{}")).reached();
        exchange(&mut stream, &unsigned.request("/x", "{}")).fails(404, "InvalidUriPathException");
        exchange(&mut stream, &unsigned.request(HEALTH, "{}")).fails(401, "AuthenticationFailedException");
        let large = "x".repeat(100_000);
        exchange(&mut stream, &unsigned.request(HEALTH, &large)).fails(401, "AuthenticationFailedException");
        let get = format!("GET {HEALTH} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{{}}");
        exchange(&mut stream, &get).fails(405, "MethodNotAllowedException");
    }
}

#[test]
fn what_is_larger_than_a_request_can_be_is_unsupported() {
    let world = World::new();
    let client = world.client();
    // 4300 and 8192 bytes as base64, and 16 KiB.
    let most = 5736 + 10924 + 16384;
    let mut stream = client.connect();
    exchange(&mut stream, &client.request(HEALTH, &" ".repeat(most))).reached();
    let message = exchange(&mut stream, &client.request(HEALTH, &" ".repeat(most + 1)))
        .fails(501, "UnsupportedOperationException");
    assert!(message.contains(&most.to_string()), "{message}");
    // It is still of use; and whoever does not sign learns no limit.
    exchange(&mut stream, &client.request(HEALTH, "{}")).reached();
    let spoiled = client.request(HEALTH, &" ".repeat(most + 1)).replace("Signature=", "Signature=0");
    exchange(&mut stream, &spoiled).fails(401, "AuthenticationFailedException");
    exchange(&mut stream, &client.request(HEALTH, "{}")).reached();
    // A mebibyte more than that is not read to its end.
    let reply = client.send(&client.request(HEALTH, &" ".repeat((1 << 20) + 1)));
    reply.fails(501, "UnsupportedOperationException");
    assert_eq!(reply.header("connection"), Some("close"));
}

#[test]
fn more_requests_than_may_run_are_throttled_at_once() {
    let world = World::with(|settings| settings.limits.requests = 0);
    let client = world.client();
    let mut stream = client.connect();
    exchange(&mut stream, &client.request(HEALTH, "{}")).fails(429, "ThrottlingException");
    // Whoever does not sign takes no place.
    let spoiled = client.request(HEALTH, "{}").replace("Signature=", "Signature=0");
    exchange(&mut stream, &spoiled).fails(401, "AuthenticationFailedException");
    world.change(|settings| settings.limits.requests = 1);
    for _ in 0..3 {
        exchange(&mut stream, &client.request(HEALTH, "{}")).reached();
    }
}

#[test]
fn every_request_is_logged_once_with_what_is_known_of_it() {
    let world = World::new();
    let mut client = world.client();
    client.post(&format!("{KEY}/encrypt"), "{}").reached();
    client.signer = None;
    client.post("/nowhere", "{\"secret\":1}").fails(404, "InvalidUriPathException");
    client.post(HEALTH, "{}").fails(401, "AuthenticationFailedException");
    let mut spoiled = Signer::of(2);
    spoiled.access_key_id = "Unknown".into();
    client.signer = Some(spoiled);
    client.post(HEALTH, "{}").fails(401, "AuthenticationFailedException");
    let lines = world.lines();
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            let text = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
            (
                text("keyStore"),
                text("api"),
                text("externalKeyId"),
                text("accessKeyId"),
                line["status"].as_u64(),
            )
        })
        .collect();
    let row = |store: &str, api: &str, key: &str, access: &str, status| {
        (store.to_owned(), api.to_owned(), key.to_owned(), access.to_owned(), Some(status))
    };
    let wanted = [
        row("one", "Encrypt", "a-Key_1.2", KEYS[0].0, 400),
        row("-", "-", "-", "-", 404),
        row("one", "GetHealthStatus", "-", "-", 401),
        row("one", "GetHealthStatus", "-", "Unknown", 401),
    ];
    assert_eq!(told, wanted);
    assert_eq!((&lines[0]["bytesIn"], &lines[1]["bytesIn"]), (&2.into(), &12.into()));
    let text = lines.iter().map(Value::to_string).collect::<String>();
    assert!(!text.contains("secret") && !text.contains("Signature="), "{text}");
}
