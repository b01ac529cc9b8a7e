//! What load balancers and monitoring ask for, without a signature: GET /ping on both ports, GET /metrics on the status port
//! alone.

use super::Edge;
use crate::http::{Arrival, Handler};
use crate::xks_proxy::health;
use crate::xks_proxy::metrics::Seen;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::SystemTime;

const TEXT: &str = "text/plain; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4";

/// What answers on the status port.
pub struct StatusPort {
    pub edge: Arc<Edge>,
    pub connections: AtomicU64,
}

impl Handler for StatusPort {
    async fn answer(self: Arc<Self>, _: Arrival, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, _) = request.into_parts();
        match parts.uri.path() {
            _ if is_ping(&parts) => self.edge.ping(),
            "/metrics" if parts.method == Method::GET => self.edge.metrics_text(),
            "/ping" | "/metrics" => text(StatusCode::METHOD_NOT_ALLOWED, TEXT, "GET only\n"),
            _ => text(StatusCode::NOT_FOUND, TEXT, "there is /ping and /metrics\n"),
        }
    }

    fn connections(&self) -> &AtomicU64 {
        &self.connections
    }
}

pub fn is_ping(parts: &Parts) -> bool {
    parts.method == Method::GET && parts.uri.path() == "/ping"
}

impl Edge {
    /// 200 while there is an HSM that serves, else 503: then another proxy's may.
    pub fn ping(&self) -> Response<Full<Bytes>> {
        match health::serves(&self.current.load().hsms.status()) {
            true => text(StatusCode::OK, TEXT, "pong\n"),
            false => text(StatusCode::SERVICE_UNAVAILABLE, TEXT, "no HSM works\n"),
        }
    }

    fn metrics_text(&self) -> Response<Full<Bytes>> {
        let current = self.current.load_full();
        let told = self.metrics.text(&Seen {
            key_stores: &current.settings.key_stores,
            hsms: &current.hsms.status(),
            access_log: &self.access_log,
            certificate_expires: self.tls.as_ref().map(|tls| tls.expires()),
            now: SystemTime::now(),
        });
        text(StatusCode::OK, PROMETHEUS, told)
    }
}

fn text(status: StatusCode, kind: &'static str, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
