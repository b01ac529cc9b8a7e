//! Which exception of the CloudHSM V2 API an error is (reference/kms-custom-key-stores.md sec. 11).

use crate::error::{BackupError, CallError, ClusterError, Error, LifeError};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exception {
    AccessDenied,
    InternalFailure,
    InvalidRequest,
    ResourceLimitExceeded,
    ResourceNotFound,
    Service,
    Tag,
}

impl Exception {
    /// The exception's name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Exception::AccessDenied => "CloudHsmAccessDeniedException",
            Exception::InternalFailure => "CloudHsmInternalFailureException",
            Exception::InvalidRequest => "CloudHsmInvalidRequestException",
            Exception::ResourceLimitExceeded => "CloudHsmResourceLimitExceededException",
            Exception::ResourceNotFound => "CloudHsmResourceNotFoundException",
            Exception::Service => "CloudHsmServiceException",
            Exception::Tag => "CloudHsmTagException",
        }
    }

    /// Whether the error's message is for the caller: others may tell of the machine, and are logged only.
    pub fn is_public(self) -> bool {
        !matches!(self, Exception::InternalFailure | Exception::Service)
    }
}

impl From<&Error> for Exception {
    fn from(error: &Error) -> Self {
        match error {
            Error::Life(error) => of_life(error),
            Error::Cluster(error) => of_cluster(error),
            Error::Backup(error) => of_backup(error),
            Error::Call(CallError::NotLoggedIn) => Exception::AccessDenied,
            // The store is full, cut off or under others' changes: to be tried again.
            Error::Store(_) => Exception::InternalFailure,
            _ => Exception::Service,
        }
    }
}

fn of_life(error: &LifeError) -> Exception {
    match error {
        LifeError::Tag { .. } => Exception::Tag,
        LifeError::TooManyTags { .. } => Exception::ResourceLimitExceeded,
        LifeError::NobodyAsks => Exception::AccessDenied,
        _ => Exception::InvalidRequest,
    }
}

fn of_backup(error: &BackupError) -> Exception {
    match error {
        BackupError::NotFound(_) => Exception::ResourceNotFound,
        BackupError::NoAuthority(_) => Exception::AccessDenied,
        BackupError::State { .. } => Exception::InvalidRequest,
        // To be tried again.
        BackupError::GivenUp => Exception::InternalFailure,
        _ => Exception::Service,
    }
}

fn of_cluster(error: &ClusterError) -> Exception {
    match error {
        ClusterError::NotFound(_) | ClusterError::HsmNotFound(_) => Exception::ResourceNotFound,
        ClusterError::LoginNeeded(_) | ClusterError::NoAuthority(_) => Exception::AccessDenied,
        ClusterError::Corrupt(_) | ClusterError::NewerFormat { .. } => Exception::Service,
        _ => Exception::InvalidRequest,
    }
}
