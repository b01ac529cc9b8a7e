//! External key store proxies, as KMS calls them (XKS Proxy API 1.0.3; reference/xks-proxy.md).
//!
//! | module | owns |
//! | --- | --- |
//! | `api` | requests, responses and errors on the wire |
//! | `client` | calls of the four APIs |
//! | `signature`, `answer` | what requests are signed with; the checks of what came back |
//! | `transport`, `connect`, `wire`, `stream` | connections that are kept, the limit of 250 ms; making one; one; its TLS |
//! | `address`, `tls` | where KMS goes, and whom it trusts |
//! | `failure` | how each failure of a proxy is told: exceptions and ConnectionErrorCode |
//!
//! Knows no key store and no key.

mod address;
mod answer;
pub mod api;
mod client;
mod connect;
mod failure;
mod signature;
mod stream;
mod tls;
mod transport;
mod wire;

pub use client::{Client, Proxy, ProxyCredential, Settings};
pub use failure::ProxyFailure;
