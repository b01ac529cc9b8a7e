//! Which object of an HSM is which key: found once, by CKA_ID.

use crate::ids::BackingKeyId;
use parking_lot::RwLock;
use std::collections::HashMap;

/// Of each of the two halves.
const MOST: usize = 50_000;

/// Handles (`H`) of one HSM's keys, at most 100,000: those that were used least recently go first, roughly.
pub(super) struct Handles<H>(RwLock<Halves<H>>);

struct Halves<H> {
    recent: HashMap<BackingKeyId, H>,
    older: HashMap<BackingKeyId, H>,
    /// Grows when all handles are forgotten.
    login: u64,
}

/// The login under which a handle is looked for: what was found under an earlier one is not kept.
#[derive(Clone, Copy)]
pub(super) struct Login(u64);

impl<H: Copy> Handles<H> {
    pub fn new() -> Self {
        Self(RwLock::new(Halves::at(0)))
    }

    pub fn find(&self, id: &BackingKeyId) -> (Option<H>, Login) {
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

    pub fn keep(&self, id: &BackingKeyId, handle: H, login: Login) {
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
        *halves = Halves::at(halves.login + 1);
    }
}

impl<H> Halves<H> {
    fn at(login: u64) -> Self {
        Self { recent: HashMap::new(), older: HashMap::new(), login }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> BackingKeyId {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&number.to_be_bytes());
        BackingKeyId(id)
    }

    #[test]
    fn there_is_an_end_to_them_and_those_in_use_stay() {
        let handles = Handles::new();
        let login = handles.find(&id(0)).1;
        for number in 0..5 * MOST {
            handles.keep(&id(number), number, login);
            assert_eq!(handles.find(&id(0)).0, Some(0), "in use at {number}");
        }
        let halves = handles.0.read();
        assert!(halves.recent.len() + halves.older.len() <= 2 * MOST);
        drop(halves);
        assert_eq!(handles.find(&id(1)).0, None);
        handles.forget(&id(0));
        assert_eq!(handles.find(&id(0)).0, None);
    }

    #[test]
    fn what_was_found_before_a_login_is_not_kept_after_it() {
        let handles = Handles::new();
        let (_, before) = handles.find(&id(1));
        handles.keep(&id(1), 'a', before);
        handles.forget_all();
        assert_eq!(handles.find(&id(1)).0, None);
        handles.keep(&id(1), 'a', before);
        assert_eq!(handles.find(&id(1)).0, None);
        handles.keep(&id(1), 'b', handles.find(&id(1)).1);
        assert_eq!(handles.find(&id(1)).0, Some('b'));
    }
}
