//! An external key store over HTTP: what the audit log, /health and /metrics have of it.

use super::*;
use crate::xks_check::proxy::{ACCESS_KEY_ID, Fault, HOST, PATH, Proxy, SECRET};
use serde_json::json;
use std::time::{Duration, Instant};

/// How long metrics may take to tell what is so.
const SOON: Duration = Duration::from_secs(60);

struct World {
    home: Home,
    server: Server,
    proxy: Proxy,
}

impl World {
    fn new() -> Self {
        let proxy = Proxy::start();
        let home = home(&format!(
            "[serve.xks]\ntimeout_ms = 20000\nhealth_interval_ms = 100\nca_file = {:?}\nhosts = {{ \"{HOST}\" = \"{}\" }}",
            proxy.ca_file(),
            proxy.address()
        ));
        let server = Server::start(&home);
        Self { home, server, proxy }
    }

    fn ask(&self, operation: &str, body: Value) -> Value {
        self.server.client(&self.home).kms(operation, &body).good()
    }

    /// Waits until the metrics have this line.
    fn told(&self, line: &str) {
        let deadline = Instant::now() + SOON;
        loop {
            let metrics = self.server.client(&self.home).get("/metrics").body;
            if metrics.lines().any(|found| found == line) {
                return;
            }
            assert!(Instant::now() < deadline, "{line} in {metrics}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The value of the metric that begins so.
    fn metric(&self, name: &str) -> u64 {
        let metrics = self.server.client(&self.home).get("/metrics").body;
        let line = metrics.lines().find(|line| line.starts_with(name));
        let line = line.unwrap_or_else(|| panic!("{name} in {metrics}"));
        line.rsplit_once(' ').unwrap().1.parse().unwrap()
    }
}

#[test]
fn an_external_key_store_is_recorded_and_measured() {
    let mut world = World::new();
    let made = world.ask(
        "CreateCustomKeyStore",
        json!({
            "CustomKeyStoreName": "one",
            "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
            "XksProxyConnectivity": "PUBLIC_ENDPOINT",
            "XksProxyUriEndpoint": format!("https://{HOST}"),
            "XksProxyUriPath": PATH,
            "XksProxyAuthenticationCredential": {"AccessKeyId": ACCESS_KEY_ID, "RawSecretAccessKey": SECRET},
        }),
    );
    let store = made["CustomKeyStoreId"].as_str().unwrap().to_owned();
    let id = json!({"CustomKeyStoreId": store});
    let shown = world.ask("DescribeCustomKeyStores", id.clone())["CustomKeyStores"][0].clone();
    assert_eq!(shown["XksProxyConfiguration"]["AccessKeyId"], ACCESS_KEY_ID);
    assert!(!shown.to_string().contains(SECRET));
    world.ask("ConnectCustomKeyStore", id.clone());
    world.told(&format!("vhsm_store_connection_state{{store=\"{store}\",state=\"CONNECTED\"}} 1"));
    world.told(&format!("vhsm_xks_proxy_serving{{store=\"{store}\"}} 1"));
    world.told(&format!("vhsm_xks_proxy_credential_age_days{{store=\"{store}\"}} 0"));
    world.told(&format!("vhsm_xks_external_key_manager_states{{store=\"{store}\",state=\"UNAVAILABLE\"}} 0"));
    let of_health = format!("store=\"{store}\",operation=\"GetHealthStatus\"");
    let calls = world.metric(&format!("vhsm_xks_proxy_calls_total{{{of_health}}}"));
    assert!(
        calls > 0 && world.metric(&format!("vhsm_xks_proxy_latency_microseconds_total{{{of_health}}}")) > 0
    );
    world.metric(&format!("vhsm_xks_proxy_certificate_days_to_expire{{store=\"{store}\"}}"));

    // It stays connected without its proxy.
    world.proxy.set(Fault::Throttling);
    world.told(&format!("vhsm_xks_proxy_serving{{store=\"{store}\"}} 0"));
    assert!(
        world
            .metric(&format!("vhsm_xks_proxy_errors_total{{{of_health},exception=\"ThrottlingException\"}}"))
            > 0
    );
    let health = world.server.client(&world.home).get("/health").json();
    assert_eq!(health["customKeyStores"][&store], "CONNECTED");
    world.proxy.heal();
    world.told(&format!("vhsm_xks_proxy_serving{{store=\"{store}\"}} 1"));
    let credential = json!({"AccessKeyId": ACCESS_KEY_ID, "RawSecretAccessKey": SECRET});
    let update = json!({"CustomKeyStoreId": store, "XksProxyAuthenticationCredential": credential});
    assert_eq!(world.ask("UpdateCustomKeyStore", update), json!({}));
    world.server.serve.signal("-TERM");
    assert!(world.server.serve.ends().success());

    let log = std::fs::read_to_string(world.home.path().join("audit.log")).unwrap();
    assert!(!log.contains(SECRET) && !log.contains(ACCESS_KEY_ID), "{log}");
    let events = audit(&world.home);
    let event = |name: &str| events.iter().find(|event| event["eventName"] == name).unwrap();
    let recorded = json!({
        "customKeyStoreName": "one",
        "customKeyStoreType": "EXTERNAL_KEY_STORE",
        "xksProxyConnectivity": "PUBLIC_ENDPOINT",
        "xksProxyUriEndpoint": format!("https://{HOST}"),
        "xksProxyUriPath": PATH,
    });
    assert_eq!(event("CreateCustomKeyStore")["requestParameters"], recorded);
    for name in ["ConnectCustomKeyStore", "UpdateCustomKeyStore"] {
        assert_eq!(event(name)["additionalEventData"], json!({"customKeyStoreName": "one"}), "{name}");
        assert_eq!(event(name)["requestParameters"], json!({"customKeyStoreId": store}), "{name}");
    }
}
