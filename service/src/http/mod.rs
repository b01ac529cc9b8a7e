//! The endpoints that AWS clients talk to: HTTP, who asks, and which service answers.
//!
//! What a service is to this layer stands in `service`; it knows no sockets, and this layer no operations.

pub mod service;
