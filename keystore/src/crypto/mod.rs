//! Cryptographic operations: one file per operation. Every one of them works in an HSM.

pub(crate) mod api;
