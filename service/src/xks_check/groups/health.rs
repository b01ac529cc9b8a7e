//! GetHealthStatus: what it tells of proxy and key managers.

use super::super::calls::Api;
use super::super::outcome::{Finding, Outcome, ensure, missed};
use super::super::proxy::Proxy;
use super::super::table::Check;
use serde_json::{Value, json};

const HEALTH: &str = "GetHealthStatus";

pub const CHECKS: &[Check] = &[
    Check::must("health.fleet-size", HEALTH, "xksProxyFleetSize is a whole number above 0", fleet_size),
    Check::must("health.names", HEALTH, "xksProxyVendor, xksProxyModel and ekmVendor are texts", names),
    Check::must(
        "health.details",
        HEALTH,
        "ekmFleetDetails has 1 to 10 entries with id, model and healthStatus",
        details,
    ),
    Check::must("health.status", HEALTH, "healthStatus is ACTIVE, DEGRADED or UNAVAILABLE", status),
    Check::must(
        "health.available",
        HEALTH,
        "at least one key manager is not UNAVAILABLE, for Encrypt works",
        available,
    ),
    Check::must("health.operations", HEALTH, "all operations for which KMS asks it are served", operations),
];

fn health(proxy: &Proxy, operation: &str) -> Result<Value, Finding> {
    let mut metadata = proxy.metadata(Api::GetHealthStatus);
    metadata["kmsOperation"] = json!(operation);
    proxy.call(Api::GetHealthStatus, &json!({"requestMetadata": metadata}))?.ok()
}

fn asked(proxy: &Proxy) -> Result<Value, Finding> {
    health(proxy, "KmsHealthCheck")
}

fn text<'a>(object: &'a Value, member: &str) -> Result<&'a str, Finding> {
    let text = object[member].as_str().filter(|text| !text.is_empty());
    text.ok_or_else(|| missed(format!("{member} is {}", object[member])))
}

fn fleet_size(proxy: &Proxy) -> Outcome {
    let health = asked(proxy)?;
    let size = &health["xksProxyFleetSize"];
    ensure(size.as_i64().is_some_and(|size| size > 0), || size.to_string())?;
    Ok(size.to_string())
}

fn names(proxy: &Proxy) -> Outcome {
    let health = asked(proxy)?;
    let names = ["xksProxyVendor", "xksProxyModel", "ekmVendor"].map(|member| text(&health, member));
    let names: Result<Vec<_>, _> = names.into_iter().collect();
    Ok(names?.join(", "))
}

fn entries(health: &Value) -> Result<&Vec<Value>, Finding> {
    health["ekmFleetDetails"].as_array().ok_or_else(|| missed("ekmFleetDetails is no list"))
}

fn details(proxy: &Proxy) -> Outcome {
    let health = asked(proxy)?;
    let entries = entries(&health)?;
    ensure((1..=10).contains(&entries.len()), || format!("{} entries", entries.len()))?;
    for entry in entries {
        for member in ["id", "model", "healthStatus"] {
            text(entry, member)?;
        }
    }
    Ok(format!("{} entries", entries.len()))
}

fn statuses(health: &Value) -> Result<Vec<&str>, Finding> {
    Ok(entries(health)?.iter().map(|entry| entry["healthStatus"].as_str().unwrap_or_default()).collect())
}

fn status(proxy: &Proxy) -> Outcome {
    let health = asked(proxy)?;
    let statuses = statuses(&health)?;
    let known = |status: &&str| matches!(*status, "ACTIVE" | "DEGRADED" | "UNAVAILABLE");
    ensure(statuses.iter().all(known), || statuses.join(", "))?;
    Ok(statuses.join(", "))
}

fn available(proxy: &Proxy) -> Outcome {
    proxy.encrypt(b"health", None)?;
    let health = asked(proxy)?;
    let statuses = statuses(&health)?;
    ensure(statuses.iter().any(|status| *status != "UNAVAILABLE"), || statuses.join(", "))?;
    Ok(statuses.join(", "))
}

fn operations(proxy: &Proxy) -> Outcome {
    let operations =
        ["CreateCustomKeyStore", "ConnectCustomKeyStore", "UpdateCustomKeyStore", "KmsHealthCheck"];
    for operation in operations {
        health(proxy, operation).map_err(|finding| finding.about(operation))?;
    }
    Ok("HTTP 200".to_owned())
}
