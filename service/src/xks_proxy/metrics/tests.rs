//! Every metric, line by line.

use super::*;
use crate::xks_proxy::settings::{CredentialSettings, KeySetSettings};

fn store(name: &str, since: SystemTime) -> KeyStoreSettings {
    let credential = CredentialSettings {
        access_key_id: "AKIDAKIDAKIDAKIDAKID".into(),
        secret: String::from("x").into(),
        since,
    };
    KeyStoreSettings {
        name: name.into(),
        path_prefix: String::new(),
        enabled: true,
        credentials: vec![credential],
        keys: KeySetSettings::default(),
        hsms: Vec::new(),
        requests_per_second: None,
        policy_file: None,
        decrypts_reference_aad: false,
        ciphertext_metadata: Vec::new(),
    }
}

fn hsm() -> HsmStatus {
    HsmStatus {
        id: "main/hsm-1".into(),
        group: "main".into(),
        manufacturer: "m".into(),
        model: "m".into(),
        health: HealthStatus::Degraded,
        trouble: "t".into(),
        hanging: 1,
        sessions: 2,
        queued: 3,
        operations: 4,
        failures: 5,
        probed: None,
    }
}

fn text(metrics: &Metrics) -> String {
    let (access_log, writer) = AccessLog::start(None, |_| ()).unwrap_or_else(|failure| panic!("{failure}"));
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let day = |count| Duration::from_secs(86_400) * count;
    let seen = Seen {
        key_stores: &[store("pay\"ments", now - day(3)), store("idle", now + day(1))],
        hsms: &[hsm()],
        access_log: &access_log,
        certificate_expires: Some(now - day(1) / 2),
        now,
    };
    let text = metrics.text(&seen);
    writer.finish(&access_log);
    text
}

#[test]
fn what_happened_is_told_under_the_names_of_kms() {
    let metrics = Metrics::default();
    let ms = Duration::from_millis;
    metrics.observe(Some("pay\"ments"), Some(Api::Encrypt), ms(200), None);
    let error = Some(ErrorName::Throttling);
    metrics.observe(Some("pay\"ments"), Some(Api::Encrypt), ms(300), error);
    metrics.observe(Some("pay\"ments"), Some(Api::Decrypt), ms(1), error);
    metrics.observe(None, None, ms(1), Some(ErrorName::InvalidUriPath));
    metrics.connections.store(7, Relaxed);
    metrics.requests.store(6, Relaxed);
    let text = text(&metrics);
    let of = "api=\"Encrypt\",key_store=\"pay\\\"ments\"";
    for line in [
        &format!("xks_proxy_latency_seconds_bucket{{{of},le=\"0.1\"}} 0"),
        &format!("xks_proxy_latency_seconds_bucket{{{of},le=\"0.25\"}} 1"),
        &format!("xks_proxy_latency_seconds_count{{{of}}} 2"),
        &format!("xks_proxy_latency_seconds_sum{{{of}}} 0.5"),
        "xks_proxy_latency_seconds_count{api=\"-\",key_store=\"-\"} 1",
        &format!("xks_proxy_errors_total{{{of},error=\"ThrottlingException\",class=\"Retryable\"}} 1"),
        "xks_proxy_errors_total{api=\"-\",key_store=\"-\",error=\"InvalidUriPathException\",class=\"Non-retryable\"} 1",
        "xks_external_key_store_throttle_total{key_store=\"pay\\\"ments\"} 2",
        "xks_external_key_store_throttle_total{key_store=\"idle\"} 0",
        "xks_external_key_manager_states{id=\"main/hsm-1\",state=\"ACTIVE\"} 0",
        "xks_external_key_manager_states{id=\"main/hsm-1\",state=\"DEGRADED\"} 1",
        "xks_external_key_manager_states{id=\"main/hsm-1\",state=\"UNAVAILABLE\"} 0",
        "xks_proxy_hsm_hanging_workers{id=\"main/hsm-1\"} 1",
        "xks_proxy_hsm_sessions{id=\"main/hsm-1\"} 2",
        "xks_proxy_hsm_queue{id=\"main/hsm-1\"} 3",
        "xks_proxy_hsm_operations_total{id=\"main/hsm-1\"} 4",
        "xks_proxy_hsm_failures_total{id=\"main/hsm-1\"} 5",
        "xks_proxy_certificate_days_to_expire -0.5",
        "xks_proxy_credential_age_days{key_store=\"pay\\\"ments\",access_key_id=\"AKIDAKIDAKIDAKIDAKID\"} 3",
        "xks_proxy_credential_age_days{key_store=\"idle\",access_key_id=\"AKIDAKIDAKIDAKIDAKID\"} -1",
        "xks_proxy_connections 7",
        "xks_proxy_requests_running 6",
        "xks_proxy_access_log_lost_total 0",
        "xks_proxy_access_log_queue 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    let resident = text.lines().find_map(|line| line.strip_prefix("process_resident_memory_bytes "));
    assert!(resident.unwrap().parse::<u64>().unwrap() > 1 << 20);
}

/// As Prometheus' parser wants it: each metric is declared once, before its values, which stand together and differ.
#[test]
fn the_text_is_in_order() {
    let metrics = Metrics::default();
    for api in Api::ALL.map(Some).into_iter().chain([None]) {
        for error in ErrorName::ALL {
            metrics.observe(Some("idle"), api, Duration::ZERO, Some(error));
        }
    }
    let text = text(&metrics);
    let (mut declared, mut seen) = (Vec::new(), std::collections::BTreeSet::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let name = rest.split(' ').next().unwrap();
            assert!(!declared.contains(&name), "{name} twice");
            declared.push(name);
        } else if !line.starts_with('#') {
            let (series, value) = line.rsplit_once(' ').unwrap();
            value.parse::<f64>().unwrap();
            assert!(seen.insert(series), "{series} twice");
            assert!(series.starts_with(declared.last().unwrap()), "{series} after {declared:?}");
        }
    }
    assert_eq!(text.matches("xks_proxy_errors_total{").count(), 5 * ErrorName::ALL.len());
}
