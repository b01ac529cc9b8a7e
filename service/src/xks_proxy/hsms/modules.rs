//! The PKCS#11 modules of this process: each is loaded and initialized once, and stays so.

use crate::failure::Failure;
use crate::xks_proxy::settings::ModuleChoice;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use vhsm_keystore::{HsmError, Module};

/// What is being loaded has no module yet: others wait for it without keeping those from their modules who want another one.
type Place = Arc<Mutex<Option<Arc<Module>>>>;

/// Blocks as long as the module takes to begin. Errors: it cannot be loaded, or does not begin.
pub(super) fn load(choice: &ModuleChoice) -> Result<Arc<Module>, Failure> {
    static LOADED: OnceLock<Mutex<HashMap<ModuleChoice, Place>>> = OnceLock::new();
    let choice = match choice {
        ModuleChoice::Own => ModuleChoice::Own,
        ModuleChoice::File(path) => ModuleChoice::File(real(path.clone())),
    };
    let place = Arc::clone(LOADED.get_or_init(Mutex::default).lock().entry(choice.clone()).or_default());
    let mut place = place.lock();
    if let Some(module) = &*place {
        return Ok(Arc::clone(module));
    }
    let loaded = match &choice {
        ModuleChoice::Own => Module::of_this_program(),
        ModuleChoice::File(path) => Module::load(path),
    };
    let failed = |error: HsmError| Failure::new(format!("PKCS#11 module: {error}"));
    let module = Arc::new(loaded.map_err(failed)?);
    *place = Some(Arc::clone(&module));
    Ok(module)
}

/// Two paths of one file are one module. A name that the loader searches for stays what it is.
fn real(path: PathBuf) -> PathBuf {
    path.canonicalize().unwrap_or(path)
}
