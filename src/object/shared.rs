//! Objects as others than their owner see them, and what an admin says of a key it cannot open.

use super::Object;
use super::attributes::bit;
use cryptoki_sys::*;

/// What another's key never is.
const NEVER: u64 = bit(CKA_EXTRACTABLE) | bit(CKA_MODIFIABLE) | bit(CKA_DESTROYABLE) | bit(CKA_COPYABLE);

impl Object {
    /// A shared key as the user sees it that does not own it: used by all that its attributes permit, but neither
    /// revealed, nor wrapped, changed, copied or destroyed.
    pub fn of_another(mut self) -> Self {
        self.flags &= !NEVER;
        self.flags |= bit(CKA_SENSITIVE) & self.class.flags;
        self
    }

    /// CKA_TRUSTED as an admin says it; nothing happens to classes that do not have it.
    pub fn with_trusted(mut self, trusted: bool) -> Self {
        self.flags &= !bit(CKA_TRUSTED);
        self.flags |= if trusted { bit(CKA_TRUSTED) & self.class.flags } else { 0 };
        self
    }
}
