//! Slot events for C_WaitForSlotEvent (PKCS#11 3.0 sec. 5.5.4): one flag per slot, told once.

use crate::sync::Mutex;
use std::collections::BTreeSet;
use std::sync::Condvar;
use std::time::Duration;

#[derive(Default)]
pub(super) struct Events {
    waiting: Mutex<BTreeSet<u64>>,
    bell: Condvar,
}

impl Events {
    pub fn tell(&self, slots: impl IntoIterator<Item = u64>) {
        self.waiting.lock().extend(slots);
        self.bell.notify_all();
    }

    pub fn take(&self) -> Option<u64> {
        self.waiting.lock().pop_first()
    }

    /// Waits until an event may be there or the time is over.
    pub fn wait(&self, at_most: Duration) {
        let waiting = self.waiting.lock();
        if waiting.is_empty() {
            // However it ends, the caller looks again.
            drop(self.bell.wait_timeout(waiting, at_most));
        }
    }

    pub fn wake(&self) {
        self.bell.notify_all();
    }
}
