//! Requests and responses of cryptographic operations and of what is done with key material.

mod asymmetric;
mod material;
mod rotation;
mod symmetric;

pub use asymmetric::*;
pub use material::*;
pub use rotation::*;
pub use symmetric::*;
