//! What becomes of a request, told to the access log and the metrics exactly once.

use super::Edge;
use super::answer::Reply;
use super::route::Route;
use crate::http::{Arrival, sigv4};
use crate::xks_proxy::access_log::{Entry, Place};
use crate::xks_proxy::api::{Answer, ErrorName, ProxyError};
use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use hyper::http::request::Parts;
use std::time::SystemTime;

/// A request that is not answered yet. Dropped before it is (its client went away), it is told of all the same.
pub struct Report<'a> {
    edge: &'a Edge,
    arrival: Arrival,
    parts: &'a Parts,
    place: Option<Place<'a>>,
    route: Option<Route<'a>>,
    bytes_in: usize,
    is_told: bool,
}

impl<'a> Report<'a> {
    pub fn new(edge: &'a Edge, arrival: Arrival, parts: &'a Parts) -> Self {
        let place = edge.access_log.reserve();
        Self { edge, arrival, parts, place, route: None, bytes_in: 0, is_told: false }
    }

    /// Whether there is a place in the log for it.
    pub fn is_possible(&self) -> bool {
        self.place.is_some()
    }

    pub fn about(&mut self, route: Route<'a>) {
        self.route = Some(route);
    }

    pub fn bytes_in(&mut self, bytes: usize) {
        self.bytes_in = bytes;
    }

    pub fn finish(mut self, mut reply: Reply) -> Response<Full<Bytes>> {
        self.tell(&mut reply.answer);
        reply.into_response()
    }

    fn tell(&mut self, answer: &mut Answer) {
        self.is_told = true;
        let took = self.arrival.begun.elapsed();
        let (store, api) = (self.route.map(|route| route.store), self.route.map(|route| route.api));
        let key_store = store.map(|store| store.settings.name.as_str());
        self.edge.metrics.observe(key_store, api, took, answer.record.error.as_ref().map(|error| error.name));
        let Some(place) = self.place.take().filter(Place::is_on) else { return };
        place.fill(Entry {
            received: SystemTime::now() - took,
            peer: self.arrival.from,
            key_store: key_store.map(str::to_owned),
            api,
            key_id: self.route.and_then(|route| route.key_id).map(str::to_owned),
            access_key_id: sigv4::access_key_id(self.parts).map(str::to_owned),
            status: answer.status,
            bytes_in: self.bytes_in,
            bytes_out: answer.body.len(),
            took,
            record: std::mem::take(&mut answer.record),
        });
    }
}

impl Drop for Report<'_> {
    fn drop(&mut self) {
        if self.is_told {
            return;
        }
        let error = match std::thread::panicking() {
            true => ProxyError::new(ErrorName::Internal, "An internal error."),
            false => ProxyError::new(ErrorName::RequestTimeout, "The client went away before the answer."),
        };
        self.tell(&mut Reply::refused(error).answer);
    }
}
