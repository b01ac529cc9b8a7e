//! Fork: the child starts uninitialized, the parent never notices.
//!
//! Before fork, the forking thread takes the lock of C_Initialize and C_Finalize and the store's gate, so that
//! no transaction is open in the copy. The child then answers CKR_CRYPTOKI_NOT_INITIALIZED until its
//! C_Initialize, which leaves the parent's library where it is: its locks may be held by threads that the child
//! does not have, so nothing of it is dropped.

use super::LIBRARY;
use crate::library::Library;
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once};

/// Held by C_Initialize, C_Finalize and over fork. A std mutex: the child may unlock it.
static LIFE: Mutex<()> = Mutex::new(());
static REGISTERED: Once = Once::new();
/// This process is a forked child that has not called C_Initialize yet.
static CHILD: AtomicBool = AtomicBool::new(false);

/// What the forking thread holds between prepare and parent or child.
struct Held {
    life: MutexGuard<'static, ()>,
    library: Option<Arc<Library>>,
}

thread_local! {
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
}

/// Whether what LIBRARY holds is the parent's.
#[inline]
pub fn is_child() -> bool {
    CHILD.load(Ordering::Relaxed)
}

/// Alone with LIBRARY, until the guard is dropped.
pub fn life() -> MutexGuard<'static, ()> {
    // A panic while it is held leaves nothing half done that the next holder could not see.
    LIFE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Registers the handlers, once. Called before the first library starts.
pub fn register() {
    REGISTERED.call_once(|| {
        // SAFETY: the handlers are functions of this library; glibc forgets them when it is unloaded.
        unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) };
    });
}

/// In a forked child: leaves the parent's library to itself. Called by C_Initialize, under `life`.
pub fn leave_parent_behind() {
    if CHILD.load(Ordering::SeqCst) {
        std::mem::forget(LIBRARY.swap(None));
        CHILD.store(false, Ordering::SeqCst);
    }
}

extern "C" fn prepare() {
    let life = life();
    let library = if is_child() { None } else { LIBRARY.load_full() };
    if let Some(library) = &library {
        library.clusters.store().fork_prepare();
    }
    HELD.with_borrow_mut(|held| *held = Some(Held { life, library }));
}

extern "C" fn parent() {
    if let Some(Held { life, library }) = HELD.take() {
        library.inspect(|l| l.clusters.store().fork_parent());
        drop(life);
    }
}

extern "C" fn child() {
    if let Some(Held { life, library }) = HELD.take() {
        if let Some(library) = library {
            CHILD.store(true, Ordering::SeqCst);
            library.clusters.store().fork_child();
            std::mem::forget(library);
        }
        drop(life);
    }
}
