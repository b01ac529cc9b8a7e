//! What backups and the folder they lie in are wrong about.

use cryptoki_sys::*;

/// What backups and the folder they lie in are wrong about.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// CKR_GENERAL_ERROR
    #[error("there is no backup {0:?}; `vhsm backup list` shows those there are")]
    NotFound(String),
    /// CKR_FUNCTION_REJECTED
    #[error("backup {id} is {state}: only one that is {wanted} can be {verb}")]
    State { id: String, state: &'static str, wanted: &'static str, verb: &'static str },
    /// The file is not what was written: nothing of it is used. CKR_DEVICE_ERROR
    #[error("backup file {file} cannot be used: {what}")]
    Damaged { file: String, what: &'static str },
    /// CKR_DEVICE_ERROR
    #[error(
        "backup file {file} was written by a newer version ({found}); this one knows {known}: install the newer vhsm"
    )]
    NewerFormat { file: String, found: u16, known: u16 },
    /// CKR_FUNCTION_REJECTED
    #[error(
        "the root key here cannot open backup {0}: give a user of it and the password of that time by --pin or VHSM_PIN"
    )]
    NoAuthority(String),
    /// CKR_DEVICE_ERROR
    #[error("{file}: {cause}; {mend}")]
    Io { file: String, cause: String, mend: &'static str },
    /// CKR_GENERAL_ERROR
    #[error("this process has no folder for backups")]
    NoFolder,
    /// CKR_DEVICE_ERROR
    #[error(
        "the restored cluster was given up meanwhile, for this process was taken for dead; restore it again"
    )]
    GivenUp,
}

pub(super) fn rv(error: &BackupError) -> CK_RV {
    match error {
        BackupError::NotFound(_) | BackupError::NoFolder => CKR_GENERAL_ERROR,
        BackupError::State { .. } | BackupError::NoAuthority(_) => CKR_FUNCTION_REJECTED,
        BackupError::Damaged { .. }
        | BackupError::NewerFormat { .. }
        | BackupError::Io { .. }
        | BackupError::GivenUp => CKR_DEVICE_ERROR,
    }
}
