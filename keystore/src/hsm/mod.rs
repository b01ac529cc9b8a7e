//! PKCS#11: the module, and the sessions of each key store on its HSMs.
//!
//! A [`Connection`] is logged in as one user on the HSMs of one cluster. Its sessions are pooled per HSM; each operation takes
//! the next working HSM, and moves on to another where one fails, unnoticed by the caller. HSMs that fail are tried again by
//! [`Connection::mend`]; HSMs that come and go are told by [`Connection::follow`].

mod connection;
mod connections;
mod error;
mod fault;
mod handles;
mod keys;
mod module;
mod pool;

pub use connection::{Connection, HsmStatus};
pub use connections::Connections;
pub use error::HsmError;
pub use fault::Fault;
pub use module::{Module, TokenFacts};
