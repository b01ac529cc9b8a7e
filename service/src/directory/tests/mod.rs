//! The directory over clusters in an embedded store; KMS on it, with the PKCS#11 library of this very program.

mod codes;
mod default_store;
mod facts;
mod failover;
mod kms;
mod peer;
mod replaced;
mod world;

use super::*;
pub use kms::KmsWorld;
pub use world::{PASSWORD, USER, World, config};
