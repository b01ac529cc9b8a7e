//! Claims: names held until dropped, or until the process is gone.
//!
//! A claim is a lock on one byte of the file `claims`, at the hash of its name, taken through a file description
//! of its own (Linux's F_OFD_SETLK): so two claims of one process stand against each other, and the kernel ends
//! them with the process. A forked child has the same descriptions; it closes them, which leaves the parent's
//! locks alone, and so does not keep them when the parent dies.
//!
//! Above all hashes lies one byte per process id: the mark of the copy of this library that has the store open in
//! that process.
#![allow(unsafe_code)]

use crate::{Claim, ClaimKind, StoreError, gate};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, IntoRawFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The descriptors that a forked child closes. Locked inside the gate only.
static DESCRIPTORS: Mutex<Vec<RawFd>> = Mutex::new(Vec::new());

/// Offsets of names lie below, those of process marks from here on.
const MARKS: u64 = 1 << 62;

/// The file of a store's claims.
pub(super) struct ClaimsFile {
    path: PathBuf,
}

/// Tells other copies of this library that this process has the store open.
pub(super) struct ProcessMark {
    _lock: Lock,
}

/// A claim that is held.
pub(super) struct HeldClaim {
    _lock: Lock,
}

impl Claim for HeldClaim {}

impl ClaimsFile {
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Marks this process as having the store open; `None` if a copy of this library has marked it already.
    pub(super) fn mark_process(&self) -> io::Result<Option<ProcessMark>> {
        let _pass = gate::enter();
        let mut lock = Lock::open(&self.path)?;
        let taken = lock.take(MARKS + u64::from(std::process::id()), ClaimKind::Exclusive)?;
        Ok(taken.then_some(ProcessMark { _lock: lock }))
    }

    /// Tries until it has the claim or the time is over. It is inside the gate only while it tries.
    pub(super) fn claim_within(
        &self,
        name: &[u8],
        kind: ClaimKind,
        timeout: Duration,
    ) -> Result<Option<HeldClaim>, StoreError> {
        let started = Instant::now();
        let mut lock = {
            let _pass = gate::enter();
            Lock::open(&self.path).map_err(|error| self.io_error(&error))?
        };
        let mut pause = Duration::from_micros(500);
        loop {
            let taken = {
                let _pass = gate::enter();
                lock.take(offset_of(name), kind).map_err(|error| self.io_error(&error))?
            };
            if taken {
                return Ok(Some(HeldClaim { _lock: lock }));
            }
            let left = timeout.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            std::thread::sleep(pause.min(left));
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    pub(super) fn is_claimed(&self, name: &[u8]) -> Result<bool, StoreError> {
        let _pass = gate::enter();
        let probe = open_file(&self.path).map_err(|error| self.io_error(&error))?;
        let mut lock = byte_lock(offset_of(name), ClaimKind::Exclusive);
        // SAFETY: an open descriptor, and a `flock` that the call fills in.
        let result = unsafe { libc::fcntl(probe.as_raw_fd(), libc::F_OFD_GETLK, &raw mut lock) };
        match result {
            0 => Ok(lock.l_type != libc::F_UNLCK as libc::c_short),
            _ => Err(self.io_error(&io::Error::last_os_error())),
        }
    }

    fn io_error(&self, error: &io::Error) -> StoreError {
        StoreError::Io { path: self.path.clone(), cause: error.to_string() }
    }
}

/// Closes what a forked child has from its parent. Async-signal-safe: the parent forked with the gate closed, so
/// the list is whole and its lock free; `close` is a system call.
pub(super) fn close_inherited() {
    let Ok(mut descriptors) = DESCRIPTORS.try_lock() else { return };
    for descriptor in descriptors.iter() {
        // SAFETY: a descriptor of this list is open and nobody else's; the `Lock` that has it is of the parent's
        // generation, so it does not use it any more.
        unsafe { libc::close(*descriptor) };
    }
    // Empties it without giving its memory back.
    descriptors.clear();
}

/// A file description that may hold one lock. Closing the last descriptor of it ends the lock.
struct Lock {
    descriptor: RawFd,
    generation: u64,
    locked_at: Option<u64>,
}

impl Lock {
    /// Called inside the gate, so that a fork has the descriptor in its list or not at all.
    fn open(path: &Path) -> io::Result<Self> {
        let descriptor = open_file(path)?.into_raw_fd();
        descriptors().push(descriptor);
        Ok(Self { descriptor, generation: gate::generation(), locked_at: None })
    }

    /// `false` if the lock is held in another way. Called inside the gate.
    fn take(&mut self, offset: u64, kind: ClaimKind) -> io::Result<bool> {
        if self.generation != gate::generation() {
            return Err(io::Error::other(StoreError::Forked));
        }
        match self.set(byte_lock(offset, kind)) {
            Ok(()) => {
                self.locked_at = Some(offset);
                Ok(true)
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::PermissionDenied) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn set(&self, lock: libc::flock) -> io::Result<()> {
        // SAFETY: `descriptor` is open (it is closed by `drop`, or in a child that does not come here), `lock` is a
        // whole `flock`.
        match unsafe { libc::fcntl(self.descriptor, libc::F_OFD_SETLK, &raw const lock) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _pass = gate::enter();
        if self.generation != gate::generation() {
            // A child's: `close_inherited` closed it, and the number may be another file's by now.
            return;
        }
        if let Some(offset) = self.locked_at {
            // Not left to `close`: a child that has not closed its descriptors would keep the lock. If it fails,
            // closing ends the lock.
            let mut unlock = byte_lock(offset, ClaimKind::Exclusive);
            unlock.l_type = libc::F_UNLCK as libc::c_short;
            let _ = self.set(unlock);
        }
        descriptors().retain(|descriptor| *descriptor != self.descriptor);
        // SAFETY: this value's own descriptor, closed once.
        unsafe { libc::close(self.descriptor) };
    }
}

/// The list is whole after each statement, so a poisoned lock is as good.
fn descriptors() -> MutexGuard<'static, Vec<RawFd>> {
    DESCRIPTORS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Close-on-exec, as all files that std opens.
fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn byte_lock(offset: u64, kind: ClaimKind) -> libc::flock {
    let kind = match kind {
        ClaimKind::Shared => libc::F_RDLCK,
        ClaimKind::Exclusive => libc::F_WRLCK,
    };
    libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: offset.cast_signed(),
        l_len: 1,
        l_pid: 0,
    }
}

/// FNV-1a of 64 bits, cut to 62. Other processes compute the same, so it must never change.
fn offset_of(name: &[u8]) -> u64 {
    let hash = name.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash & (MARKS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_those_of_fnv_1a() {
        // Known answers from the FNV reference (draft-eastlake-fnv, 64-bit FNV-1a), cut to 62 bits.
        assert_eq!(offset_of(b""), 0xcbf2_9ce4_8422_2325 & (MARKS - 1));
        assert_eq!(offset_of(b"a"), 0xaf63_dc4c_8601_ec8c & (MARKS - 1));
        assert_eq!(offset_of(b"foobar"), 0x8594_4171_f739_67e8 & (MARKS - 1));
    }

    #[test]
    fn a_process_is_marked_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = ClaimsFile::at(folder.path().join("claims"));
        let mark = file.mark_process().unwrap();
        assert!(mark.is_some());
        assert!(file.mark_process().unwrap().is_none());
        drop(mark);
        assert!(file.mark_process().unwrap().is_some());
    }
}
