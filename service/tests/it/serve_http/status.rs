//! /health and /metrics.

use super::*;
use serde_json::json;

#[test]
fn health_and_metrics_need_no_signature() {
    let home = home("");
    let server = Server::start(&home);
    let client = server.client(&home);
    let health = client.get("/health");
    assert_eq!(health.header("content-type"), Some("application/json"));
    let told =
        json!({"ok": true, "kms": "SERVING", "customKeyStores": {}, "version": env!("CARGO_PKG_VERSION")});
    assert_eq!((health.status, health.json()), (200, told));
    client.kms("DescribeCustomKeyStores", &json!({})).good();
    client.kms("Encrypt", &json!({})).fails(400, "ValidationException", "");
    let metrics = client.get("/metrics");
    assert_eq!(metrics.status, 200);
    for line in [
        "vhsm_request_duration_seconds_count{service=\"kms\",operation=\"DescribeCustomKeyStores\"} 1",
        "vhsm_errors_total{service=\"kms\",operation=\"Encrypt\",exception=\"ValidationException\"} 1",
        "vhsm_kms_serving 1",
        "vhsm_audit_lost_total 0",
    ] {
        assert!(metrics.body.lines().any(|found| found == line), "{line} in {}", metrics.body);
    }
}
