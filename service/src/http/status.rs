//! /health and /metrics: for supervisors and monitoring, without a signature. They tell no name of a key or user.

use super::edge::Edge;
use crate::metrics::Gauge;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// How long a store that hangs is waited for.
const WAIT: Duration = Duration::from_secs(2);

/// Knows how things are. Its calls may block.
pub trait Health: Send + Sync {
    /// Members of /health, and whether all is well.
    fn health(&self) -> (bool, Value);

    fn gauges(&self) -> Vec<Gauge>;
}

/// `None`: the request is for something else.
pub async fn answer(edge: &Edge, parts: &Parts) -> Option<Response<Full<Bytes>>> {
    if parts.method != Method::GET {
        return None;
    }
    match parts.uri.path() {
        "/health" => Some(health(&edge.health).await),
        "/metrics" => Some(metrics(edge).await),
        _ => None,
    }
}

/// 200 where all is well, else 503.
async fn health(of: &Arc<dyn Health>) -> Response<Full<Bytes>> {
    let of = Arc::clone(of);
    let (is_well, mut told) = patiently(move || of.health())
        .await
        .unwrap_or_else(|| (false, json!({"problem": "the store does not answer"})));
    if let Value::Object(members) = &mut told {
        members.insert("ok".into(), is_well.into());
        members.insert("version".into(), env!("CARGO_PKG_VERSION").into());
    }
    let status = if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    text(status, "application/json", format!("{told}\n"))
}

async fn metrics(edge: &Edge) -> Response<Full<Bytes>> {
    let of = Arc::clone(&edge.health);
    let mut gauges = patiently(move || of.gauges()).await.unwrap_or_default();
    gauges.push(Gauge {
        name: "vhsm_audit_lost_total",
        help: "Audit events that could not be written.",
        kind: "counter",
        values: vec![(String::new(), edge.audit.lost())],
    });
    text(StatusCode::OK, "text/plain; version=0.0.4", edge.metrics.text(&gauges))
}

/// `None`: it took too long, or failed.
async fn patiently<T: Send + 'static>(ask: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let asked = tokio::task::spawn_blocking(ask);
    tokio::time::timeout(WAIT, asked).await.ok()?.ok()
}

fn text(status: StatusCode, kind: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
