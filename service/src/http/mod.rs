//! The endpoints that AWS clients talk to: HTTP, who asks, and which service answers.
//!
//! | module | owns |
//! | --- | --- |
//! | `listen` | the port, connections, their time limits, the stop |
//! | `tls` | certificate and key, read anew on demand |
//! | `route` | which service and operation a request names |
//! | `sigv4` | who signed it |
//! | `edge` | a request from its first byte to its answer |
//! | `status` | /health and /metrics |
//! | `service` | what a service is to this layer |
//!
//! Services' calls block, so they run on threads of their own, as many as `limits.calls`; only those that are quick may run on
//! the threads of connections, and never on all of them. An HSM that hangs holds up what needs it and nothing else. This layer knows no operation, and services know no sockets.

mod edge;
mod listen;
mod route;
pub mod service;
pub mod sigv4;
mod status;
mod tls;

pub use edge::{Authentication, Edge, Limits, Services};
pub use listen::{INLINE_CALLS, Server, bind};
pub use status::Health;
pub use tls::Tls;
