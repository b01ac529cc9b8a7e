//! Cryptographic operations and rotation, on every module.

mod ciphertexts;
mod data_keys;
mod dry_run;
mod failures;
mod last_use;
mod rates;
mod refusals;
mod rotation;
mod rotation_cuts;
