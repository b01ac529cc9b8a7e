//! What LMDB's errors mean for a caller.

use super::library::{Error, Refusal};
use crate::StoreError;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Why a write transaction failed. Only `Doubt` leaves anything behind.
#[derive(Debug)]
pub(super) enum Failure {
    /// This store is not usable by this caller; nothing was tried.
    Unusable(StoreError),
    /// No room in the map or on the disk.
    Full(String),
    /// Nothing was written.
    Failed(String),
    /// A write failed: what lies on the disk now is not known.
    Doubt(String),
}

impl Failure {
    pub(super) fn into_error(self, path: &Path) -> StoreError {
        let path = path.to_owned();
        match self {
            Self::Unusable(error) => error,
            Self::Full(cause) => StoreError::Full { path, cause },
            Self::Failed(cause) | Self::Doubt(cause) => StoreError::Io { path, cause },
        }
    }

    /// For a transaction that could not begin.
    pub(super) fn of_begin(error: &Error) -> Self {
        match error {
            Error::Lmdb(Refusal::Panic) => Self::Doubt(describe(error)),
            _ => Self::Failed(describe(error)),
        }
    }

    /// For a transaction that could not be written or committed. LMDB answers EIO also where a write was cut short
    /// by a full disk, so `path` is looked at. An error while the header was written makes LMDB refuse the
    /// next transaction; the caller asks that of it.
    pub(super) fn of_write(error: &Error, path: &Path) -> Self {
        match error {
            Error::Lmdb(Refusal::MapFull | Refusal::TxnFull) => Self::Full("its map is full".to_owned()),
            Error::Io(io) => match io.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                    Self::Full(io.to_string())
                }
                ErrorKind::OutOfMemory => Self::Failed(io.to_string()),
                _ if out_of_room(path) => Self::Full(io.to_string()),
                _ => Self::Doubt(io.to_string()),
            },
            _ => Self::Doubt(describe(error)),
        }
    }
}

/// For reads.
pub(super) fn io_error(path: &Path, error: &Error) -> StoreError {
    StoreError::Io { path: path.to_owned(), cause: describe(error) }
}

pub(super) fn describe(error: &Error) -> String {
    match error {
        Error::Lmdb(Refusal::Damaged) => {
            format!("its file is damaged: {error}")
        }
        Error::Lmdb(Refusal::ReadersFull) => {
            format!("more than {} threads of all processes read it", super::open::MAX_READERS)
        }
        _ => error.to_string(),
    }
}

/// Whether the disk, or this process's limit on file sizes, has no room for a few pages more.
fn out_of_room(path: &Path) -> bool {
    const FEW_PAGES: u64 = 4 << 20;
    let length = std::fs::metadata(path.join(super::open::DATA_FILE)).map_or(0, |data| data.size());
    super::open::free_bytes(path).is_some_and(|free| free < FEW_PAGES)
        || super::open::file_size_limit().is_some_and(|limit| length + FEW_PAGES > limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn a_full_disk_is_not_in_doubt_but_a_failed_device_is() {
        let folder = tempfile::tempdir().unwrap();
        for (code, full) in
            [(libc::ENOSPC, true), (libc::EDQUOT, true), (libc::EFBIG, true), (libc::EIO, false)]
        {
            let error = Error::Io(io::Error::from_raw_os_error(code));
            let failure = Failure::of_write(&error, folder.path());
            assert_eq!(matches!(failure, Failure::Full(_)), full, "{error}");
            assert_eq!(matches!(failure, Failure::Doubt(_)), !full, "{error}");
        }
    }
}
