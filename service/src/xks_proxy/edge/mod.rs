//! A request, from its first byte to its answer.
//!
//! In this order: the path (404 and 405, before anybody is known), the head of the signature, the body, the signature, a place
//! among those that run at once; then the operation. Whatever became of a request is told to the access log and the metrics, also
//! where its client went away before.
//!
//! All of it is to be over when the deadline comes, which runs from the request's first byte: a head that is not whole by then ends its
//! connection, a body that is not is answered 408, and its connection ends too.

mod answer;
mod authenticate;
mod body;
mod report;
mod route;
mod server;
mod status;
#[cfg(test)]
mod tests;

pub use server::{EdgeServer, load_tls};

use super::access_log::AccessLog;
use super::api::{self, Call, ErrorName, ProxyError};
use super::current::Current;
use super::metrics::Metrics;
use crate::http::{Arrival, Handler, Tls};
use answer::Reply;
use arc_swap::ArcSwap;
use authenticate::Signature;
use http_body_util::Full;
use hyper::body::{Body, Bytes, Incoming};
use hyper::http::request::Parts;
use hyper::{Request, Response};
use report::Report;
use route::Route;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// What answers requests; one for all connections.
pub struct Edge {
    current: Arc<ArcSwap<Current>>,
    access_log: Arc<AccessLog>,
    metrics: Arc<Metrics>,
    tls: Option<Arc<Tls>>,
}

impl Handler for Edge {
    async fn answer(self: Arc<Self>, arrival: Arrival, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        if status::is_ping(&parts) {
            return self.ping();
        }
        let current = self.current.load_full();
        let mut report = Report::new(&self, arrival, &parts);
        let reply = match report.is_possible() {
            true => self.reply(&current, arrival, &parts, body, &mut report).await,
            false => Reply::refused(throttled("The access log is behind.")),
        };
        report.finish(reply)
    }

    fn connections(&self) -> &AtomicU64 {
        &self.metrics.connections
    }
}

impl Edge {
    async fn reply<'a, B: Body<Data = Bytes>>(
        &self,
        current: &'a Current,
        arrival: Arrival,
        parts: &'a Parts,
        body: B,
        report: &mut Report<'a>,
    ) -> Reply {
        let times = &current.settings.times;
        let deadline = arrival.begun + times.deadline.saturating_sub(times.reserve);
        let most = body::most_bytes(&current.settings.limits);
        let route = Route::of(current, parts);
        if let Ok(route) = &route {
            report.about(*route);
        }
        let head = route.and_then(|route| Ok((Signature::head(current, route.store, parts)?, route)));
        // What is refused is read all the same: so the connection can go on.
        let most = if head.is_ok() { most } else { 0 };
        let body = match body::read(body, most, deadline).await {
            Ok(body) => body,
            Err(reply) => return reply,
        };
        report.bytes_in(body.length);
        let run = head.and_then(|(signature, route)| {
            signature.check(&body.hash)?;
            let bytes = body.bytes.ok_or_else(|| body::too_large(most))?;
            Ok((route, bytes, self.slot(current)?))
        });
        let (Route { store, api, key_id }, body, _slot) = match run {
            Ok(run) => run,
            Err(error) => return Reply::refused(error),
        };
        if Instant::now() >= deadline {
            return Reply::refused(throttled("The request came too late to be answered in time."));
        }
        api::answer(Call { current, store, api, key_id, body: &body, deadline }).await.into()
    }

    fn slot(&self, current: &Current) -> Result<Slot<'_>, ProxyError> {
        let running = self.metrics.requests.fetch_add(1, Relaxed);
        let slot = Slot(&self.metrics.requests);
        match usize::try_from(running).is_ok_and(|running| running < current.settings.limits.requests) {
            true => Ok(slot),
            false => Err(throttled("Too many requests are being processed.")),
        }
    }
}

/// One of the requests that run at once.
struct Slot<'a>(&'a AtomicU64);

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

fn throttled(why: &str) -> ProxyError {
    ProxyError::new(ErrorName::Throttling, format!("{why} Try again later."))
}
