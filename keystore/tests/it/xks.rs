//! Calls of proxies, over real TCP and TLS.

mod answers;
mod calls;
mod connections;
mod failures;
mod support;
