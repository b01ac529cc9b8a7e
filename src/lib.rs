//! vhsm: a virtual AWS CloudHSM as a PKCS#11 library.
#![deny(unsafe_code)]

#[allow(unsafe_code)]
pub mod api;
pub mod cluster;
pub mod config;
pub mod crypto;
pub mod error;
pub mod library;
pub mod log;
pub mod manual;
pub mod mechanism;
pub mod object;
pub mod profile;
pub mod root_key;
pub mod rv;
pub mod session;
pub mod sync;

/// Stands in the library's file, so that `vhsm doctor` tells its version without loading it.
pub const VERSION_MARK: &str = concat!("vhsm PKCS#11 library, version ", env!("CARGO_PKG_VERSION"), ";");
