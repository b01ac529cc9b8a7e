//! Signals of the host: its handlers never run on a thread of the library.

use std::mem::MaybeUninit;

/// Runs `start` while this thread takes no signal; threads that it starts take none from then on, for they inherit
/// that. Signals that come meanwhile wait.
pub fn blocked<R>(start: impl FnOnce() -> R) -> R {
    let _blocked = Blocked::new();
    start()
}

/// Restores the thread's signal mask when dropped, on a panic too.
struct Blocked(libc::sigset_t);

impl Blocked {
    fn new() -> Self {
        let mut all = MaybeUninit::uninit();
        let mut before = MaybeUninit::uninit();
        // SAFETY: `sigfillset` writes a whole set; `pthread_sigmask` reads it and writes the old one, which cannot fail
        // with this first argument.
        unsafe {
            libc::sigfillset(all.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
            Self(before.assume_init())
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: a whole set, of this thread.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, std::ptr::null_mut()) };
    }
}
