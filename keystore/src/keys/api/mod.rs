//! Requests and responses.

mod alias;
mod grant;
mod key;
mod policy;
mod tag;

pub use alias::*;
pub use grant::*;
pub use key::*;
pub use policy::*;
pub use tag::*;
