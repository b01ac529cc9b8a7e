//! Which object of an HSM is which key: found once, by CKA_ID.

use crate::ids::BackingKeyId;
use cryptoki::object::ObjectHandle;
use parking_lot::RwLock;
use std::collections::HashMap;

/// Of each of the two halves.
const MOST: usize = 50_000;

/// Handles of one HSM's keys, at most 100,000: those that were used least recently go first, roughly.
#[derive(Default)]
pub(super) struct Handles(RwLock<Halves>);

#[derive(Default)]
struct Halves {
    recent: HashMap<BackingKeyId, ObjectHandle>,
    older: HashMap<BackingKeyId, ObjectHandle>,
    /// Grows when all handles are forgotten.
    login: u64,
}

/// The login under which a handle is looked for: what was found under an earlier one is not kept.
#[derive(Clone, Copy)]
pub(super) struct Login(u64);

impl Handles {
    pub fn find(&self, id: &BackingKeyId) -> (Option<ObjectHandle>, Login) {
        let halves = self.0.read();
        let login = Login(halves.login);
        if let Some(handle) = halves.recent.get(id) {
            return (Some(*handle), login);
        }
        let handle = halves.older.get(id).copied();
        drop(halves);
        if let Some(handle) = handle {
            self.keep(id, handle, login);
        }
        (handle, login)
    }

    pub fn keep(&self, id: &BackingKeyId, handle: ObjectHandle, login: Login) {
        let mut halves = self.0.write();
        if halves.login != login.0 {
            return;
        }
        if halves.recent.len() >= MOST {
            halves.older = std::mem::take(&mut halves.recent);
        }
        halves.recent.insert(*id, handle);
    }

    pub fn forget(&self, id: &BackingKeyId) {
        let mut halves = self.0.write();
        halves.recent.remove(id);
        halves.older.remove(id);
    }

    /// Handles of private objects end with a login (PKCS#11 3.1 sec. 5.6.9), and may then name other objects.
    pub fn forget_all(&self) {
        let mut halves = self.0.write();
        *halves = Halves { login: halves.login + 1, ..Halves::default() };
    }
}
