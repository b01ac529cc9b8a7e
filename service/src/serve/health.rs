//! What /health and /metrics tell of the key stores.

use super::endpoint::Endpoint;
use crate::http::Health;
use crate::kms::KmsService;
use crate::metrics::Gauge;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use vhsm_keystore::api::{CustomKeyStoresListEntry, DescribeCustomKeyStoresRequest};
use vhsm_keystore::{Caller, HsmStatus, Kms, KmsError, ProxyCalls, ProxyFacts, StoreId};

/// HealthStatus of external key managers.
const MANAGER_STATES: [&str; 3] = ["ACTIVE", "DEGRADED", "UNAVAILABLE"];

pub struct StoreHealth {
    service: Arc<KmsService>,
    /// In whose name it is asked.
    caller: Caller,
}

impl StoreHealth {
    pub fn new(service: Arc<KmsService>, endpoint: &Endpoint) -> Self {
        let account = endpoint.account.clone();
        let principal = format!("arn:aws:iam::{account}:root");
        Self { service, caller: Caller { account, principal, request_id: None } }
    }

    fn stores(&self, kms: &Kms) -> Result<Vec<CustomKeyStoresListEntry>, KmsError> {
        let mut stores = Vec::new();
        let mut request = DescribeCustomKeyStoresRequest::default();
        loop {
            let page = kms.describe_custom_key_stores(&self.caller, &request)?;
            stores.extend(page.custom_key_stores);
            request.marker = page.next_marker;
            if request.marker.is_none() {
                return Ok(stores);
            }
        }
    }
}

impl Health for StoreHealth {
    /// Well is who can read its records; a key store that has failed is told, and its owner's to mend.
    fn health(&self) -> (bool, Value) {
        let Some(kms) = self.service.current() else {
            return (true, json!({"kms": "STANDBY"}));
        };
        match self.stores(&kms) {
            Ok(stores) => {
                let state = |store: &CustomKeyStoresListEntry| {
                    (store.custom_key_store_id.clone(), store.connection_state.to_string())
                };
                let states: BTreeMap<_, _> = stores.iter().map(state).collect();
                (true, json!({"kms": "SERVING", "customKeyStores": states}))
            }
            Err(error) => (false, json!({"kms": "FAILING", "problem": error.exception.name()})),
        }
    }

    fn gauges(&self) -> Vec<Gauge> {
        let kms = self.service.current();
        let serving = vec![(String::new(), u64::from(kms.is_some()))];
        let mut gauges = vec![Gauge {
            name: "vhsm_kms_serving",
            help: "Whether this process serves KMS (1), or another one does (0).",
            kind: "gauge",
            values: serving,
        }];
        let stores = kms.as_ref().and_then(|kms| self.stores(kms).ok()).unwrap_or_default();
        let state = |store: &CustomKeyStoresListEntry| {
            let (id, state) = (&store.custom_key_store_id, &store.connection_state);
            (format!("store=\"{id}\",state=\"{state}\""), 1)
        };
        gauges.push(Gauge {
            name: "vhsm_store_connection_state",
            help: "The connection state of each custom key store.",
            kind: "gauge",
            values: stores.iter().map(state).collect(),
        });
        let orphans = kms.as_ref().and_then(|kms| kms.orphans().ok()).map(|orphans| orphans.len() as u64);
        gauges.push(Gauge {
            name: "vhsm_orphaned_key_material",
            help: "Keys in HSMs that could not be destroyed when their KMS keys were deleted.",
            kind: "gauge",
            values: orphans.map(|count| (String::new(), count)).into_iter().collect(),
        });
        gauges.extend(kms.iter().flat_map(|kms| hsm_gauges(kms)));
        let proxies = kms.as_ref().and_then(|kms| kms.proxy_facts()).unwrap_or_default();
        gauges.extend(proxy_gauges(&proxies));
        gauges.extend(call_gauges(&proxies));
        gauges
    }
}

/// By key store and HSM; the key store of Origin AWS_KMS has a name of its own.
fn hsm_gauges(kms: &Kms) -> [Gauge; 5] {
    let status = kms.hsm_status();
    let told = |name, help, kind, value: fn(&HsmStatus) -> u64| {
        let of_store = |(store, hsms): &(StoreId, Vec<HsmStatus>)| {
            let of_hsm =
                |hsm: &HsmStatus| (format!("store=\"{store}\",slot=\"{}\"", hsm.slot_id), value(hsm));
            hsms.iter().map(of_hsm).collect::<Vec<_>>()
        };
        Gauge { name, help, kind, values: status.iter().flat_map(of_store).collect() }
    };
    let works = |hsm: &HsmStatus| u64::from(hsm.is_working);
    [
        told("vhsm_hsm_working", "Whether the HSM works (1).", "gauge", works),
        told("vhsm_hsm_sessions", "Sessions on the HSM.", "gauge", |hsm| hsm.sessions as u64),
        told("vhsm_hsm_idle_sessions", "Sessions that wait for work.", "gauge", |hsm| {
            hsm.idle_sessions as u64
        }),
        told("vhsm_hsm_operations_total", "Operations that succeeded.", "counter", |hsm| hsm.operations),
        told("vhsm_hsm_failures_total", "How often it was found to work no more.", "counter", |hsm| {
            hsm.failures
        }),
    ]
}

/// By external key store, named after CloudWatch's XksExternalKeyManagerStates, XksProxyCertificateDaysToExpire and
/// XksProxyCredentialAge.
fn proxy_gauges(proxies: &[ProxyFacts]) -> [Gauge; 4] {
    let told = |name, help, value: fn(&ProxyFacts) -> Option<u64>| {
        let of = |facts: &ProxyFacts| Some((of_store(facts), value(facts)?));
        Gauge { name, help, kind: "gauge", values: proxies.iter().filter_map(of).collect() }
    };
    let states = proxies.iter().filter(|facts| was_asked(facts)).flat_map(|facts| {
        MANAGER_STATES.map(|state| {
            let count = facts.health.key_managers.get(state).copied().unwrap_or_default();
            (format!("{},state=\"{state}\"", of_store(facts)), count)
        })
    });
    [
        told("vhsm_xks_proxy_serving", "Whether the proxy answered when it was asked last (1).", |facts| {
            was_asked(facts).then(|| u64::from(facts.health.failure.is_none()))
        }),
        Gauge {
            name: "vhsm_xks_external_key_manager_states",
            help: "External key managers in each state, as the proxy told when it was asked last.",
            kind: "gauge",
            values: states.collect(),
        },
        told(
            "vhsm_xks_proxy_certificate_days_to_expire",
            "Whole days until the certificate that the proxy showed last ends.",
            |facts| facts.certificate_days_to_expire,
        ),
        told(
            "vhsm_xks_proxy_credential_age_days",
            "Whole days since KMS was given the credential.",
            |facts| Some(facts.credential_age_days),
        ),
    ]
}

/// By external key store and operation of the proxy, named after CloudWatch's XksProxyLatency and XksProxyErrors.
fn call_gauges(proxies: &[ProxyFacts]) -> [Gauge; 3] {
    let calls: Vec<_> = proxies
        .iter()
        .flat_map(|facts| facts.health.calls.iter().map(move |(operation, calls)| (facts, operation, calls)))
        .map(|(facts, operation, calls)| (format!("{},operation=\"{operation}\"", of_store(facts)), calls))
        .collect();
    let counter = |name, help, value: fn(&ProxyCalls) -> u64| {
        let values = calls.iter().map(|(labels, calls)| (labels.clone(), value(calls)));
        Gauge { name, help, kind: "counter", values: values.collect() }
    };
    let errors = calls.iter().flat_map(|(labels, calls)| {
        let of_each = calls.errors.iter();
        of_each.map(move |(error, count)| (format!("{labels},exception=\"{error}\""), *count))
    });
    [
        counter("vhsm_xks_proxy_calls_total", "Calls of the proxy since the key store connected.", |calls| {
            calls.count
        }),
        counter("vhsm_xks_proxy_latency_microseconds_total", "How long all calls took together.", |calls| {
            u64::try_from(calls.total.as_micros()).unwrap_or(u64::MAX)
        }),
        Gauge {
            name: "vhsm_xks_proxy_errors_total",
            help: "Calls of the proxy that failed, by its exception, or by what else went wrong.",
            kind: "counter",
            values: errors.collect(),
        },
    ]
}

fn of_store(facts: &ProxyFacts) -> String {
    format!("store=\"{}\"", facts.custom_key_store_id)
}

fn was_asked(facts: &ProxyFacts) -> bool {
    !facts.health.calls.is_empty()
}
