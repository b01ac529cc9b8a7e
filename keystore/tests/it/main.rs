//! The key-store layer over real PKCS#11 modules: this project's library and SoftHSM.
//!
//! Every test has its own process (nextest) or waits for the others (`cargo test`): C_Initialize is per process.

mod hsm;
mod stores;
mod support;
mod world;
