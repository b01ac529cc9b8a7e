//! What operators watch, as Prometheus reads it, named after the metrics that KMS itself keeps of external key stores (KMS
//! developer guide, "AWS KMS metrics and dimensions"):
//!
//! | KMS | here |
//! | --- | --- |
//! | XksProxyLatency | `xks_proxy_latency_seconds` |
//! | XksProxyErrors | `xks_proxy_errors_total`; `class` is KMS's ErrorType |
//! | XksExternalKeyManagerStates | `xks_external_key_manager_states` |
//! | XksProxyCertificateDaysToExpire | `xks_proxy_certificate_days_to_expire` |
//! | XksProxyCredentialAge | `xks_proxy_credential_age_days` |
//! | ExternalKeyStoreThrottle | `xks_external_key_store_throttle_total`: what the proxy refused, not KMS |

#[cfg(test)]
mod tests;

use super::access_log::AccessLog;
use super::api::{Api, ErrorName};
use super::hsms::{HealthStatus, HsmStatus};
use super::settings::KeyStoreSettings;
use crate::metrics::{Gauge, Histogram};
use parking_lot::{Mutex, RwLock};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

const DAY_SECONDS: f64 = 86_400.0;

/// One for the life of the process.
#[derive(Default)]
pub struct Metrics {
    /// By API (in the order of `Api::ALL`, then requests that named none) and key store.
    latencies: [RwLock<BTreeMap<String, Arc<Histogram>>>; Api::ALL.len() + 1],
    errors: Mutex<BTreeMap<Failed, u64>>,
    /// Open now.
    pub connections: AtomicU64,
    /// Running now.
    pub requests: AtomicU64,
}

/// `-` stands for an API or a key store that a request did not name.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Failed {
    key_store: String,
    api: &'static str,
    error: ErrorName,
}

/// What is looked up when metrics are asked for.
pub struct Seen<'a> {
    pub key_stores: &'a [KeyStoreSettings],
    pub hsms: &'a [HsmStatus],
    pub access_log: &'a AccessLog,
    /// The first certificate's of the chain that is shown; `None` without TLS.
    pub certificate_expires: Option<SystemTime>,
    pub now: SystemTime,
}

impl Metrics {
    /// A request that was answered.
    pub fn observe(
        &self,
        key_store: Option<&str>,
        api: Option<Api>,
        took: Duration,
        error: Option<ErrorName>,
    ) {
        let key_store = key_store.unwrap_or("-");
        let at = Api::ALL.iter().position(|known| Some(*known) == api).unwrap_or(Api::ALL.len());
        histogram(&self.latencies[at], key_store).add(took);
        if let Some(error) = error {
            let failed = Failed { key_store: key_store.into(), api: name(api), error };
            *self.errors.lock().entry(failed).or_default() += 1;
        }
    }

    /// Prometheus' text format 0.0.4.
    pub fn text(&self, seen: &Seen<'_>) -> String {
        let mut text = String::with_capacity(16 << 10);
        // Writing to a String cannot fail.
        let _ = self.write(&mut text, seen);
        text
    }

    fn write(&self, text: &mut String, seen: &Seen<'_>) -> std::fmt::Result {
        self.write_latencies(text)?;
        self.errors().write(text)?;
        self.throttled(seen.key_stores).write(text)?;
        for gauge in of_hsms(seen.hsms) {
            gauge.write(text)?;
        }
        for gauge in days(seen) {
            gauge.write(text)?;
        }
        for gauge in self.of_process(seen) {
            gauge.write(text)?;
        }
        Ok(())
    }

    fn write_latencies(&self, text: &mut String) -> std::fmt::Result {
        let metric = "xks_proxy_latency_seconds";
        writeln!(text, "# HELP {metric} Requests, and how long they took from first byte to answer.")?;
        writeln!(text, "# TYPE {metric} histogram")?;
        let apis = Api::ALL.into_iter().map(Some).chain([None]);
        for (api, by_store) in apis.zip(&self.latencies) {
            let by_store: Vec<_> = by_store.read().iter().map(|(k, v)| (k.clone(), Arc::clone(v))).collect();
            for (store, histogram) in by_store {
                let labels = format!("api=\"{}\",key_store=\"{}\"", name(api), label(&store));
                histogram.write(text, metric, &labels)?;
            }
        }
        Ok(())
    }

    fn errors(&self) -> Gauge {
        let told = |(failed, count): (&Failed, &u64)| {
            let Failed { key_store, api, error } = failed;
            let class = if error.is_retryable() { "Retryable" } else { "Non-retryable" };
            let (store, error) = (label(key_store), error.name());
            (format!("api=\"{api}\",key_store=\"{store}\",error=\"{error}\",class=\"{class}\""), *count)
        };
        Gauge {
            name: "xks_proxy_errors_total",
            help: "Requests that were answered with an error.",
            kind: "counter",
            values: self.errors.lock().iter().map(told).collect(),
        }
    }

    fn throttled(&self, key_stores: &[KeyStoreSettings]) -> Gauge {
        let errors = self.errors.lock();
        let of_store = |store: &str| {
            let throttled =
                |failed: &&Failed| failed.error == ErrorName::Throttling && failed.key_store == store;
            let count = errors.iter().filter(|(failed, _)| throttled(failed)).map(|(_, count)| count).sum();
            (format!("key_store=\"{}\"", label(store)), count)
        };
        let names = key_stores.iter().map(|store| store.name.as_str());
        Gauge {
            name: "xks_external_key_store_throttle_total",
            help: "Requests that were answered ThrottlingException.",
            kind: "counter",
            values: names.map(of_store).collect(),
        }
    }

    fn of_process(&self, seen: &Seen<'_>) -> Vec<Gauge> {
        let one = |name, help, kind, value| Gauge { name, help, kind, values: vec![(String::new(), value)] };
        let log = seen.access_log;
        let mut gauges = vec![
            one("xks_proxy_connections", "Open connections.", "gauge", self.connections.load(Relaxed)),
            one("xks_proxy_requests_running", "Requests that run.", "gauge", self.requests.load(Relaxed)),
            one(
                "xks_proxy_access_log_lost_total",
                "Lines of the access log that could not be written.",
                "counter",
                log.lost(),
            ),
            one(
                "xks_proxy_access_log_queue",
                "Places of the access log's queue that are taken.",
                "gauge",
                log.queued() as u64,
            ),
        ];
        let memory = one("process_resident_memory_bytes", "Resident memory.", "gauge", 0);
        gauges.extend(resident_bytes().map(|bytes| Gauge { values: vec![(String::new(), bytes)], ..memory }));
        gauges
    }
}

fn histogram(of: &RwLock<BTreeMap<String, Arc<Histogram>>>, key_store: &str) -> Arc<Histogram> {
    if let Some(known) = of.read().get(key_store) {
        return Arc::clone(known);
    }
    Arc::clone(of.write().entry(key_store.into()).or_default())
}

fn name(api: Option<Api>) -> &'static str {
    api.map_or("-", Api::name)
}

/// As it stands in quotes.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Each HSM has one of the states: 1, and 0 for the others.
fn of_hsms(hsms: &[HsmStatus]) -> Vec<Gauge> {
    let states = [
        (HealthStatus::Active, "ACTIVE"),
        (HealthStatus::Degraded, "DEGRADED"),
        (HealthStatus::Unavailable, "UNAVAILABLE"),
    ];
    let of_hsm = |hsm: &HsmStatus| {
        let id = label(&hsm.id);
        states.map(|(state, name)| (format!("id=\"{id}\",state=\"{name}\""), u64::from(hsm.health == state)))
    };
    let told = |name, help, kind, value: fn(&HsmStatus) -> u64| {
        let of_hsm = |hsm: &HsmStatus| (format!("id=\"{}\"", label(&hsm.id)), value(hsm));
        Gauge { name, help, kind, values: hsms.iter().map(of_hsm).collect() }
    };
    vec![
        Gauge {
            name: "xks_external_key_manager_states",
            help: "The state of each HSM: 1, and 0 for the states that it is not in.",
            kind: "gauge",
            values: hsms.iter().flat_map(of_hsm).collect(),
        },
        told("xks_proxy_hsm_queue", "Requests that wait for the HSM.", "gauge", |hsm| hsm.queued as u64),
        told("xks_proxy_hsm_hanging_workers", "Of its threads, those that hang in a call.", "gauge", |hsm| {
            hsm.hanging as u64
        }),
        told("xks_proxy_hsm_sessions", "Sessions on the HSM.", "gauge", |hsm| hsm.sessions as u64),
        told("xks_proxy_hsm_operations_total", "What it was asked to do.", "counter", |hsm| hsm.operations),
        told("xks_proxy_hsm_failures_total", "What it failed to do.", "counter", |hsm| hsm.failures),
    ]
}

/// What runs out, in days and their fractions.
fn days(seen: &Seen<'_>) -> [Gauge<f64>; 2] {
    let expires = seen.certificate_expires.map(|expires| (String::new(), days_between(seen.now, expires)));
    let ages = seen.key_stores.iter().flat_map(|store| {
        store.credentials.iter().map(|credential| {
            let (name, id) = (label(&store.name), &credential.access_key_id);
            let labels = format!("key_store=\"{name}\",access_key_id=\"{id}\"");
            (labels, days_between(credential.since, seen.now))
        })
    });
    [
        Gauge {
            name: "xks_proxy_certificate_days_to_expire",
            help: "Days until the certificate expires; below 0, since it has.",
            kind: "gauge",
            values: expires.into_iter().collect(),
        },
        Gauge {
            name: "xks_proxy_credential_age_days",
            help: "Days since the file of the credential's secret was written.",
            kind: "gauge",
            values: ages.collect(),
        },
    ]
}

fn days_between(from: SystemTime, to: SystemTime) -> f64 {
    match to.duration_since(from) {
        Ok(later) => later.as_secs_f64() / DAY_SECONDS,
        Err(earlier) => -earlier.duration().as_secs_f64() / DAY_SECONDS,
    }
}

/// `None`: the system does not tell.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes << 10)
}
