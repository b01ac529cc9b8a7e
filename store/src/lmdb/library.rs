//! LMDB's C library: an open environment, and what its calls answer.
//!
//! Called by the other modules of the embedded store; `txn` has the transactions. Environments are opened without
//! thread-local storage (MDB_NOTLS): with it LMDB keeps the address of a thread's slot in its table of readers, and
//! writes there when the thread ends. Nothing makes closing the environment, which unmaps the table, wait for that: a
//! thread that others have waited for may still be ending.
#![allow(unsafe_code)]

use lmdb_master_sys as ffi;
use std::ffi::{CStr, CString, c_int};
use std::fmt;
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::{self, NonNull};

/// Why a call failed.
#[derive(Debug)]
pub(super) enum Error {
    /// The system refused.
    Io(io::Error),
    /// LMDB did.
    Lmdb(Refusal),
}

/// LMDB's own errors, as far as they are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A page is damaged.
    Damaged,
    /// A write of the header failed before.
    Panic,
    VersionMismatch,
    Invalid,
    MapFull,
    TxnFull,
    ReadersFull,
    /// Another process has made the map larger.
    MapResized,
    /// The reader's slot was taken from it.
    BadSlot,
    Other(c_int),
}

const REFUSALS: [(Refusal, c_int); 10] = [
    (Refusal::Damaged, ffi::MDB_CORRUPTED),
    (Refusal::Damaged, ffi::MDB_PAGE_NOTFOUND),
    (Refusal::Panic, ffi::MDB_PANIC),
    (Refusal::VersionMismatch, ffi::MDB_VERSION_MISMATCH),
    (Refusal::Invalid, ffi::MDB_INVALID),
    (Refusal::MapFull, ffi::MDB_MAP_FULL),
    (Refusal::TxnFull, ffi::MDB_TXN_FULL),
    (Refusal::ReadersFull, ffi::MDB_READERS_FULL),
    (Refusal::MapResized, ffi::MDB_MAP_RESIZED),
    (Refusal::BadSlot, ffi::MDB_BAD_RSLOT),
];

impl Error {
    fn of(code: c_int) -> Self {
        if code > 0 {
            return Self::Io(io::Error::from_raw_os_error(code));
        }
        let known = REFUSALS.iter().find(|(_, known)| *known == code);
        Self::Lmdb(known.map_or(Refusal::Other(code), |(refusal, _)| *refusal))
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(out),
            Self::Lmdb(refusal) => refusal.fmt(out),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let code = match self {
            Self::Other(code) => *code,
            _ => REFUSALS.iter().find(|(known, _)| known == self).map_or(ffi::MDB_PROBLEM, |(_, code)| *code),
        };
        // SAFETY: a code of LMDB's, for which it has a constant text.
        let text = unsafe { CStr::from_ptr(ffi::mdb_strerror(code)) };
        out.write_str(&text.to_string_lossy())
    }
}

/// The outcome of a call of LMDB's.
pub(super) fn outcome(code: c_int) -> Result<(), Error> {
    if code == ffi::MDB_SUCCESS { Ok(()) } else { Err(Error::of(code)) }
}

/// The outcome of a call that looks for something: whether it is there.
pub(super) fn found(code: c_int) -> Result<bool, Error> {
    if code == ffi::MDB_NOTFOUND { Ok(false) } else { outcome(code).map(|()| true) }
}

/// An open environment; dropping it closes it.
pub(super) struct Env {
    raw: NonNull<ffi::MDB_env>,
}

// SAFETY: LMDB's environments belong to no thread.
unsafe impl Send for Env {}
// SAFETY: all calls on `&Env` but `resize` and `set_map_size` may run at the same time, says LMDB; that one is unsafe.
unsafe impl Sync for Env {}

impl Env {
    /// Opens the environment in a folder.
    ///
    /// # Safety
    ///
    /// This process has not opened the folder yet.
    pub(super) unsafe fn open(folder: &Path, map_bytes: usize, max_readers: u32) -> Result<Self, Error> {
        const RIGHTS: libc::mode_t = 0o600;
        let folder = CString::new(folder.as_os_str().as_bytes()).map_err(io::Error::from)?;
        let mut raw = ptr::null_mut();
        // SAFETY: room for the handle.
        outcome(unsafe { ffi::mdb_env_create(&raw mut raw) })?;
        let raw = NonNull::new(raw).ok_or(Error::Lmdb(Refusal::Other(ffi::MDB_PROBLEM)))?;
        // A failed opening is discarded by closing, too.
        let env = Self { raw };
        // SAFETY: a new environment, set up as LMDB demands before it is opened; the rest the caller has said.
        unsafe {
            outcome(ffi::mdb_env_set_mapsize(env.as_ptr(), map_bytes))?;
            outcome(ffi::mdb_env_set_maxreaders(env.as_ptr(), max_readers))?;
            outcome(ffi::mdb_env_open(env.as_ptr(), folder.as_ptr(), ffi::MDB_NOTLS, RIGHTS))?;
        }
        Ok(env)
    }

    pub(super) fn as_ptr(&self) -> *mut ffi::MDB_env {
        self.raw.as_ptr()
    }

    /// The size of a page.
    pub(super) fn page_bytes(&self) -> usize {
        let mut stat = MaybeUninit::<ffi::MDB_stat>::zeroed();
        // SAFETY: an open environment and room for the answer; numbers only, for which zeros will do.
        let stat = unsafe {
            ffi::mdb_env_stat(self.as_ptr(), stat.as_mut_ptr());
            stat.assume_init()
        };
        stat.ms_psize as usize
    }

    pub(super) fn map_bytes(&self) -> usize {
        self.info().me_mapsize
    }

    pub(super) fn last_page(&self) -> usize {
        self.info().me_last_pgno
    }

    /// The number of the newest commit.
    pub(super) fn last_commit(&self) -> usize {
        self.info().me_last_txnid
    }

    /// The reader slots that were ever in use at the same time, of all processes.
    #[cfg(test)]
    pub(super) fn used_slots(&self) -> usize {
        self.info().me_numreaders as usize
    }

    fn info(&self) -> ffi::MDB_envinfo {
        let mut info = MaybeUninit::<ffi::MDB_envinfo>::zeroed();
        // SAFETY: an open environment and room for the answer; numbers and an address, for which zeros will do.
        unsafe {
            ffi::mdb_env_info(self.as_ptr(), info.as_mut_ptr());
            info.assume_init()
        }
    }

    /// Changes the size of the map; 0 takes over what another process has set.
    ///
    /// # Safety
    ///
    /// No transaction of this process is active in this environment, and none begins meanwhile.
    pub(super) unsafe fn resize(&self, map_bytes: usize) -> Result<(), Error> {
        // SAFETY: says the caller.
        outcome(unsafe { ffi::mdb_env_set_mapsize(self.as_ptr(), map_bytes) })
    }

    /// Another descriptor of the data file, as LMDB has opened it.
    pub(super) fn data_file(&self) -> Result<File, Error> {
        let mut number = -1;
        // SAFETY: an open environment and room for the answer.
        outcome(unsafe { ffi::mdb_env_get_fd(self.as_ptr(), &raw mut number) })?;
        // SAFETY: LMDB has it open as long as the environment is.
        let file = unsafe { BorrowedFd::borrow_raw(number) };
        Ok(File::from(file.try_clone_to_owned()?))
    }

    /// Frees the reader slots of processes that are gone; their number.
    pub(super) fn clear_stale_readers(&self) -> Result<usize, Error> {
        let mut cleared = 0;
        // SAFETY: an open environment and room for the answer.
        outcome(unsafe { ffi::mdb_reader_check(self.as_ptr(), &raw mut cleared) })?;
        Ok(usize::try_from(cleared).unwrap_or(0))
    }
}

impl Drop for Env {
    fn drop(&mut self) {
        // SAFETY: the transactions borrow the environment, and no thread has anything of it (MDB_NOTLS).
        unsafe { ffi::mdb_env_close(self.as_ptr()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_lmdb_says() {
        for (refusal, code) in REFUSALS {
            let error = Error::of(code);
            assert!(matches!(error, Error::Lmdb(told) if told == refusal), "{error:?}");
            assert!(!error.to_string().is_empty());
        }
        assert!(Error::of(ffi::MDB_BAD_VALSIZE).to_string().contains("MDB_BAD_VALSIZE"));
        assert!(
            matches!(Error::of(libc::ENOSPC), Error::Io(error) if error.kind() == io::ErrorKind::StorageFull)
        );
        assert!(matches!(found(ffi::MDB_NOTFOUND), Ok(false)) && matches!(found(0), Ok(true)));
    }
}
