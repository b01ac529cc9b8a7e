//! Cryptographic operations: one file per operation or family. Every one of them works in an HSM, or through a proxy.

pub(crate) mod api;

mod asymmetric;
mod ciphertext;
mod common;
mod context;
mod data_key_pair;
mod decrypt;
mod encrypt;
mod external;
mod generate_data_key;
mod generate_random;
pub(crate) mod last_use;
mod material;
pub(crate) mod rate;
mod re_encrypt;
mod rotate;
mod rotation;
