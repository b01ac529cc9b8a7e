//! The newest revision, read straight from the store file's two header pages.
//!
//! LMDB writes the number of each commit into one of two header pages, in turn. A mapping of just these two
//! pages, which never moves, lets `Store::revision` read them with two loads: no call, no lock, no write.
//!
//! The place of the number is part of LMDB's file format (version 1, 64 bit): 16 bytes of page header, then
//! magic and version (4 bytes each), address and map size (8 each), two databases (48 each), last page (8), and
//! the number. `HeaderPages::map` compares it with what LMDB itself says.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where in a header page the number of the commit stands that wrote it.
pub(super) const NUMBER_OFFSET: usize = 16 + 2 * 4 + 2 * 8 + 2 * 48 + 8;

pub(super) struct HeaderPages {
    start: NonNull<u8>,
    page_bytes: usize,
}

// SAFETY: the mapping is only read, through atomics, and only `drop` (which has the value alone) ends it.
unsafe impl Send for HeaderPages {}
// SAFETY: as above.
unsafe impl Sync for HeaderPages {}

impl HeaderPages {
    /// Maps the header pages of an LMDB file whose pages have `page_bytes` bytes. `expected` is a revision that
    /// LMDB read from this file just before.
    pub(super) fn map(file: &File, page_bytes: usize, expected: u64) -> io::Result<Self> {
        // SAFETY: a new shared read-only mapping of an open file; LMDB's files always have both header pages,
        // and are never cut.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                2 * page_bytes,
                libc::PROT_READ,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or_else(|| io::Error::other("mapped at null"))?;
        let pages = Self { start, page_bytes };
        let found = pages.newest();
        // Other processes may have gone on in between.
        if found < expected || found - expected > 1 << 32 {
            return Err(io::Error::other(format!("revision {found} in the header, expected {expected}")));
        }
        Ok(pages)
    }

    /// The number of the newest commit in the file, whoever made it.
    pub(super) fn newest(&self) -> u64 {
        self.number(0).load(Ordering::Acquire).max(self.number(1).load(Ordering::Acquire))
    }

    fn number(&self, page: usize) -> &AtomicU64 {
        // SAFETY: inside the mapping of two pages, which lives as long as `self`; aligned to 8, since pages are and
        // the offset is; other processes write it, which atomics allow for.
        unsafe { &*self.start.as_ptr().add(page * self.page_bytes + NUMBER_OFFSET).cast::<AtomicU64>() }
    }
}

impl Drop for HeaderPages {
    fn drop(&mut self) {
        // SAFETY: the mapping that `map` made, and nothing points into it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), 2 * self.page_bytes) };
    }
}
