//! The faulty external key store proxy, for programs whose names begin with `xks`.

use crate::external_proxy as proxy;
use crate::server::Home;
use std::net::SocketAddr;
use std::sync::Arc;

/// More than the 250 ms of KMS: where a test is no test of time, a busy machine shall not make it one.
const TIMEOUT_MS: u64 = 1000;
/// Longer than the tests: each check comes when a test wants it.
const HEALTH_INTERVAL_MS: u64 = 3_600_000;

/// Starts one, and writes into the home's configuration where it is: as `https://xks.example.com`, and as every other host of
/// the names below. Answers where its controls are.
pub fn start(home: &Home) -> SocketAddr {
    let proxy = proxy::Proxy::start();
    let names = [proxy::HOST, "second.example.com", "third.example.com", "unmatched.example.org"];
    let hosts = names.map(|name| format!("\"{name}\" = \"{}\"", proxy.address())).join(", ");
    let (certificate, key) = proxy.client_certificate();
    let settings = format!(
        "\n[serve.xks]\nallow_private_endpoints = true\nca_file = {:?}\nhosts = {{ {hosts} }}\ntimeout_ms = {TIMEOUT_MS}\n\
         health_interval_ms = {HEALTH_INTERVAL_MS}\n# client_cert_file = {certificate:?}\n# client_key_file = {key:?}\n",
        proxy.ca_file(),
    );
    let path = home.path().join("vhsm.toml");
    let before = std::fs::read_to_string(&path).expect("a home has one");
    std::fs::write(&path, before + &settings).expect("a file");
    proxy::serve_control(Arc::new(proxy))
}
