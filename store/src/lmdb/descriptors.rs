//! The descriptors that LMDB has open on its files.
//!
//! LMDB keeps their numbers to itself, so they are looked for in `/proc/self/fd`, for two reasons: LMDB leaves its
//! data file open over exec, which would give it to programs that the host starts; and a forked child must close the
//! environment it inherited, though it may have closed all its descriptors (as daemons do) and opened others, which
//! then bear LMDB's numbers.
#![allow(unsafe_code)]

use std::fs;
use std::os::fd::RawFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

pub(super) struct Descriptors {
    open: Vec<(RawFd, FileId)>,
}

/// Device and inode.
type FileId = (u64, u64);

impl Descriptors {
    /// Those that this process has open on these files, which are from now on closed by exec. Without `/proc` none
    /// are found.
    pub(super) fn of(files: &[&Path]) -> Self {
        let files: Vec<FileId> =
            files.iter().filter_map(|file| file.metadata().ok()).map(|file| id(&file)).collect();
        let entries = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
        let open = entries.filter_map(|entry| {
            let number = entry.file_name().to_str()?.parse().ok()?;
            let file = id(&fs::metadata(entry.path()).ok()?);
            files.contains(&file).then_some((number, file))
        });
        let open: Vec<_> = open.collect();
        for (number, _) in &open {
            // SAFETY: sets a flag of a descriptor that is open on one of the store's own files.
            unsafe { libc::fcntl(*number, libc::F_SETFD, libc::FD_CLOEXEC) };
        }
        Self { open }
    }

    /// Runs `close`, which closes these numbers, and leaves those alone that are other files' by now.
    pub(super) fn sparing_others(&self, close: impl FnOnce()) {
        let others: Vec<Moved> =
            self.open.iter().filter_map(|(number, file)| Moved::away(*number, *file)).collect();
        close();
        others.into_iter().for_each(Moved::back);
    }
}

/// Another file's descriptor, at a number where nobody closes it.
struct Moved {
    from: RawFd,
    to: RawFd,
    close_on_exec: bool,
}

impl Moved {
    /// `None` if the number is closed, or still the expected file's.
    fn away(number: RawFd, expected: FileId) -> Option<Self> {
        let found = fs::metadata(format!("/proc/self/fd/{number}")).ok()?;
        if id(&found) == expected {
            return None;
        }
        // SAFETY: asks and copies; neither changes what is open.
        let (flags, to) =
            unsafe { (libc::fcntl(number, libc::F_GETFD), libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3)) };
        (to >= 0).then_some(Self { from: number, to, close_on_exec: flags & libc::FD_CLOEXEC != 0 })
    }

    fn back(self) {
        let flags = if self.close_on_exec { libc::O_CLOEXEC } else { 0 };
        // SAFETY: puts the file back where it was; the number was just closed, and the copy is this value's own.
        unsafe {
            libc::dup3(self.to, self.from, flags);
            libc::close(self.to);
        }
    }
}

fn id(file: &fs::Metadata) -> FileId {
    (file.dev(), file.ino())
}
