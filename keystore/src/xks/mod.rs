//! External key store proxies, as KMS calls them (XKS Proxy API 1.0.3; reference/xks-proxy.md).
//!
//! | module | owns |
//! | --- | --- |
//! | `api` | requests, responses and errors on the wire |
//! | `client` | calls: signature, TLS, connections that are kept, the limit of 250 ms, checks of what came back |
//! | `failure` | how each failure of a proxy is told: exceptions and ConnectionErrorCode |
//!
//! Knows no key store and no key.

pub mod api;
mod client;
mod failure;

pub use client::{Client, Proxy, ProxyCredential, Settings};
pub use failure::ProxyFailure;
