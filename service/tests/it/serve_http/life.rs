//! Starts, stops and neighbours.

use super::client::read;
use super::*;
use serde_json::json;
use std::io::BufReader;
use std::os::unix::fs::PermissionsExt;

const TARGET: &str = "TrentService.DescribeCustomKeyStores";

#[test]
fn a_request_in_flight_is_answered_when_the_server_stops() {
    let home = home("");
    let mut server = Server::start(&home);
    let client = server.client(&home);
    let request = client.request(TARGET, "{}");
    let mut stream = client.connect();
    // The head is there: the request has begun.
    stream.write_all(&request[..request.len() - 2]).unwrap();
    let idle = client.connect();
    while !client.get("/metrics").body.contains("vhsm_connections 3") {}
    server.serve.signal("-TERM");
    server.serve.says("ends, for it was sent SIGTERM");
    // It is idle, and closed; nobody new gets in.
    assert!(read(&mut BufReader::new(idle)).is_none());
    assert!(std::net::TcpStream::connect(&server.address).is_err());
    stream.write_all(&request[request.len() - 2..]).unwrap();
    assert_eq!(read(&mut BufReader::new(stream)).unwrap().status, 200);
    server.serve.says("ended");
    assert_eq!(server.serve.ends().code(), Some(0));
    // What was answered is recorded.
    assert_eq!(audit(&home).len(), 1);
}

#[test]
fn a_request_that_never_ends_is_cut_off_when_the_server_stops() {
    let home = home("[serve.limits]\nstop_timeout_ms = 300");
    let mut server = Server::start(&home);
    let client = server.client(&home);
    let request = client.request(TARGET, "{}");
    let mut stream = client.connect();
    stream.write_all(&request[..request.len() - 1]).unwrap();
    while !client.get("/metrics").body.contains("vhsm_connections 2") {}
    server.serve.signal("-INT");
    server.serve.says("some requests took too long");
    assert_eq!(server.serve.ends().code(), Some(0));
}

#[test]
fn after_a_kill_everything_is_as_before() {
    let home = home("");
    let mut server = Server::start(&home);
    let client = server.client(&home);
    client.kms("DescribeCustomKeyStores", &json!({})).good();
    let before = std::fs::read(home.path().join("credentials")).unwrap();
    server.serve.signal("-KILL");
    server.serve.ends();
    let server = Server::start(&home);
    assert_eq!(std::fs::read(home.path().join("credentials")).unwrap(), before);
    server.client(&home).kms("DescribeCustomKeyStores", &json!({})).good();
    for (name, mode) in [("credentials", 0o600), ("audit.log", 0o600), ("service.key", 0o600), ("kms", 0o700)]
    {
        let found = std::fs::metadata(home.path().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{name}: {found:o}");
    }
}

#[test]
fn a_port_that_is_taken_is_told_with_the_way_out() {
    let home = home("");
    let server = Server::start(&home);
    let other = self::home("");
    let output = other.command(None, &["serve", "--listen", &server.address]).output().unwrap();
    let told = text(&output.stderr);
    assert!(!output.status.success() && told.contains("--listen ADDRESS:PORT"), "{told}");
    assert!(told.contains(&server.address), "{told}");
    for wrong in ["nowhere", "127.0.0.1", "127.0.0.1:99999"] {
        let output = other.command(None, &["serve", "--listen", wrong]).output().unwrap();
        assert!(!output.status.success() && text(&output.stderr).contains(wrong), "{output:?}");
    }
}

#[test]
fn of_two_one_serves_kms_and_the_other_takes_over() {
    let home = home("");
    let mut first = Server::start(&home);
    let second = Serve::listening(&home, "127.0.0.1:0", &[]);
    second.says("waits with KMS");
    let line = second.says("listens on ");
    let second = Server { address: line.split_once("://").unwrap().1.to_owned(), serve: second };
    let client = second.client(&home);
    let ask = || client.kms("DescribeCustomKeyStores", &json!({}));
    ask().fails(503, "ServiceUnavailableException", "Another process");
    assert_eq!(client.get("/health").json()["kms"], "STANDBY");
    first.serve.signal("-KILL");
    first.serve.ends();
    second.serve.says("serves KMS");
    ask().good();
}

#[test]
fn the_log_is_opened_anew_when_asked() {
    let home = home("");
    let mut server = Server::start(&home);
    let client = server.client(&home);
    client.kms("DescribeCustomKeyStores", &json!({})).good();
    let (path, old) = (home.path().join("audit.log"), home.path().join("audit.log.1"));
    std::fs::rename(&path, &old).unwrap();
    server.serve.signal("-HUP");
    while !path.exists() {
        std::thread::yield_now();
    }
    client.kms("DescribeCustomKeyStores", &json!({})).good();
    server.serve.signal("-TERM");
    assert_eq!(server.serve.ends().code(), Some(0));
    assert_eq!(std::fs::read_to_string(&old).unwrap().lines().count(), 1);
    assert_eq!(audit(&home).len(), 1);
}

#[test]
fn wrong_settings_are_named() {
    for (text_of, says) in [
        ("account = \"12\"", "12 digits"),
        ("auth = \"basic\"", "sigv4"),
        ("tls_cert_file = \"/x\"", "tls_key_file"),
        ("tls_cert_file = \"/nowhere\"\ntls_key_file = \"/nowhere\"", "/nowhere"),
        ("audit_file = \"relative\"", "absolute"),
        ("audit_file = \"/nowhere/audit.log\"", "/nowhere/audit.log"),
    ] {
        let home = home(text_of);
        let output = home.command(None, &["serve", "--listen", "127.0.0.1:0"]).output().unwrap();
        let told = text(&output.stderr);
        assert!(!output.status.success() && told.contains(says), "{text_of}: {told}");
    }
}
