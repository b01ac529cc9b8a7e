//! The only place that names a crypto crate.
//!
//! `random`, `check_value` and the operations on users' data run on AWS-LC; `seal` (records at rest) on the
//! `aes-gcm` crate. Called by: mechanism, object, cluster. Knows no PKCS#11 types beyond error variants.

pub mod check_value;
pub mod random;
pub mod seal;
