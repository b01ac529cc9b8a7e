//! The environments this process has open, for LMDB allows each only once per process.
//!
//! The registry's lock is taken inside the gate only, so nobody holds it while the process forks. Opening and
//! closing happen under it.
#![allow(unsafe_code)]

use super::environment::Environment;
use super::{LmdbOptions, open};
use crate::{StoreError, gate};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

static REGISTRY: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

struct Entry {
    /// Canonical.
    path: PathBuf,
    environment: Arc<Environment>,
    /// `Lmdb` values that have it.
    holders: usize,
}

/// The environment at this place: the one that is open, or a newly opened one.
pub(super) fn obtain(options: &LmdbOptions) -> Result<Arc<Environment>, StoreError> {
    let _pass = gate::enter();
    let mut entries = entries();
    close_inherited(&mut entries);
    let path = open::folder(options)?;
    if let Some(entry) = entries.iter_mut().find(|entry| entry.path == path) {
        entry.holders += 1;
        return Ok(Arc::clone(&entry.environment));
    }
    let environment = Arc::new(open::environment(&path, options)?);
    entries.push(Entry { path, environment: Arc::clone(&environment), holders: 1 });
    Ok(environment)
}

/// One `Lmdb` less has the environment; with the last it closes.
pub(super) fn give_back(environment: &Arc<Environment>) {
    let _pass = gate::enter();
    let mut entries = entries();
    let Some(index) = entries.iter().position(|entry| Arc::ptr_eq(&entry.environment, environment)) else {
        // A child's inherited one, closed when it opened its own.
        return;
    };
    entries[index].holders -= 1;
    if entries[index].holders == 0 {
        let entry = entries.swap_remove(index);
        // SAFETY: this was the last `Lmdb` of it, and the registry's lock is held.
        unsafe { entry.environment.close() };
    }
}

/// In a forked child: closes what the parent had opened, for LMDB's library does not open a place twice. The parent
/// does not notice: its file locks are not the child's, and its reader slots bear its own process id.
fn close_inherited(entries: &mut Vec<Entry>) {
    entries.retain(|entry| {
        if entry.environment.is_foreign() {
            // SAFETY: it is foreign, and the registry's lock is held.
            unsafe { entry.environment.close() };
        }
        !entry.environment.is_foreign()
    });
}

/// An entry is whole after each statement, so a poisoned lock is as good.
fn entries() -> MutexGuard<'static, Vec<Entry>> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}
