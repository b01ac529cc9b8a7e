//! The PKCS#11 library within this program, as the key-store layer uses it.

use crate::failure::Failure;
use std::sync::Arc;
use vhsm_keystore::Module;
use vhsm_pkcs11::api;
use vhsm_pkcs11::config::Config;
use vhsm_pkcs11::profile::{Profile, Settings};

/// The library of this program, initialized: whatever the configuration says of profiles, it has a slot for each HSM
/// (`standard`), and those of the service's own cluster. Store, log and fault plans are the configuration's.
pub fn module(config: &Config) -> Result<Arc<Module>, Failure> {
    api::configure(as_of_the_service(config));
    let module = Module::of_this_program();
    module
        .map(Arc::new)
        .map_err(|error| Failure::new(format!("the PKCS#11 library in this program: {error}")))
}

fn as_of_the_service(config: &Config) -> Config {
    Config {
        profile: Profile::Standard,
        settings: Settings::default(),
        legacy: false,
        private: true,
        ..config.clone()
    }
}
