//! vhsm: a virtual AWS CloudHSM as a PKCS#11 library.
#![deny(unsafe_code)]

pub mod cluster;
pub mod config;
pub mod crypto;
pub mod error;
pub mod mechanism;
pub mod object;
