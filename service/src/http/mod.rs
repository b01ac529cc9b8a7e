//! The endpoints that AWS clients talk to: HTTP, who asks, and which service answers.
//!
//! | module | owns |
//! | --- | --- |
//! | `listen` | a port, its threads, the stop |
//! | `connection` | one connection: its time limits, and when its requests began |
//! | `tls` | certificate and key, and whom clients have to be; read anew on demand |
//! | `route` | which service and operation a request names |
//! | `sigv4` | who signed it |
//! | `edge` | a request from its first byte to its answer |
//! | `status` | /health and /metrics |
//! | `service` | what a service is to this layer |
//!
//! Services' calls block, so they run on threads of their own, as many as `limits.calls`; only those that are quick may run on
//! the threads of connections, and never on all of them. An HSM that hangs holds up what needs it and nothing else. This layer knows no operation,
//! and services know no sockets. `listen`, `connection`, `tls` and `sigv4` serve the external key store proxy too.

mod connection;
mod edge;
mod listen;
mod route;
pub mod service;
pub mod sigv4;
mod status;
mod tls;

pub use edge::{Authentication, Edge, INLINE_CALLS, Limits, Services};
pub use listen::{Arrival, Handler, Server, Terms, bind};
pub use status::Health;
pub use tls::{ClientFiles, PemFile, Tls, TlsFiles};
