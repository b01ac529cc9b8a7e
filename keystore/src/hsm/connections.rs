//! The open connections of a process.

use super::connection::{Connection, Setup};
use super::error::HsmError;
use super::module::Module;
use crate::ids::StoreId;
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

type ByStore = HashMap<StoreId, Arc<Connection>>;

/// The open connections, by key store; and that of the default key store.
pub struct Connections {
    module: Arc<Module>,
    sessions_per_hsm: usize,
    by_store: ArcSwap<ByStore>,
    /// Held by who changes `by_store`.
    changes: Mutex<()>,
}

impl Connections {
    /// At least one session an HSM is opened.
    pub fn new(module: Arc<Module>, sessions_per_hsm: usize) -> Self {
        let sessions_per_hsm = sessions_per_hsm.max(1);
        Self { module, sessions_per_hsm, by_store: ArcSwap::default(), changes: Mutex::default() }
    }

    /// Logs in on each of these slots. Errors: those of the first HSM that refuses the login; `NoHsm` where none works. HSMs
    /// that fail for other reasons are left for `mend`, if one works. It is not yet to be had by `of`.
    pub fn open(&self, slots: &[u64], pin: &[u8]) -> Result<Arc<Connection>, HsmError> {
        let setup = Setup { module: Arc::clone(&self.module), sessions_per_hsm: self.sessions_per_hsm };
        Connection::open(setup, slots, pin).map(Arc::new)
    }

    /// The connection of a store; `None`: it has none now.
    pub fn of(&self, store: &StoreId) -> Option<Arc<Connection>> {
        self.by_store.load().get(store).cloned()
    }

    /// All of them: for those who follow clusters, mend, and measure.
    pub fn all(&self) -> Vec<(StoreId, Arc<Connection>)> {
        let all = self.by_store.load();
        all.iter().map(|(store, connection)| (store.clone(), Arc::clone(connection))).collect()
    }

    /// From now on `of` answers it; an earlier one is closed.
    pub fn put(&self, store: &StoreId, connection: Arc<Connection>) {
        let earlier = self.change(|all| all.insert(store.clone(), Arc::clone(&connection)));
        if let Some(earlier) = earlier.filter(|earlier| !Arc::ptr_eq(earlier, &connection)) {
            earlier.close();
        }
    }

    /// Takes it out and closes it: logged out, sessions closed when their calls are done.
    pub fn close(&self, store: &StoreId) {
        if let Some(connection) = self.change(|all| all.remove(store)) {
            connection.close();
        }
    }

    fn change<R>(&self, change: impl FnOnce(&mut ByStore) -> R) -> R {
        let _changing = self.changes.lock();
        let mut all = ByStore::clone(&self.by_store.load());
        let answer = change(&mut all);
        self.by_store.store(Arc::new(all));
        answer
    }
}
