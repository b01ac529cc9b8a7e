//! What a failed request to etcd means.

use crate::StoreError;
use std::path::Path;
use tonic::Code;

/// Why a request has no answer.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    /// Nobody knows whether it was done; another member may answer.
    Unclear(String),
    /// etcd's own space is used up (its alarm NOSPACE): not done.
    Full(String),
    /// The revision that was asked for is not kept any more.
    Compacted,
    /// The member has not come to the revision that was asked for.
    FutureRevision,
    /// The lease is gone: not done.
    LeaseGone,
    /// User, password, certificate or role do not allow it: not done.
    Denied(String),
    /// Not done, for another reason.
    Refused(String),
}

impl Failure {
    pub(super) fn of(error: &etcd_client::Error) -> Self {
        match error {
            etcd_client::Error::GRpcStatus(status) => Self::of_status(status),
            etcd_client::Error::LeaseKeepAliveError(text) if text == "lease not found" => Self::LeaseGone,
            other => Self::Unclear(with_sources(other.to_string(), other)),
        }
    }

    fn of_status(status: &tonic::Status) -> Self {
        let text = status.message();
        let cause = with_sources(text.into(), status);
        match status.code() {
            Code::OutOfRange if text.contains("compacted") => Self::Compacted,
            Code::OutOfRange if text.contains("future revision") => Self::FutureRevision,
            Code::NotFound if text.contains("lease not found") => Self::LeaseGone,
            Code::ResourceExhausted if text.contains("space exceeded") => Self::Full(cause),
            // "authentication failed" is an invalid argument to etcd; "revision ... is old" passes.
            Code::InvalidArgument if text.contains("auth") && text.contains("old") => Self::Unclear(cause),
            Code::InvalidArgument if text.contains("authentication failed") => Self::Denied(cause),
            Code::FailedPrecondition if text.contains("authentication is not enabled") => Self::Denied(cause),
            Code::PermissionDenied | Code::Unauthenticated => Self::Denied(cause),
            Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange | Code::NotFound => {
                Self::Refused(cause)
            }
            Code::ResourceExhausted if text.starts_with("etcdserver:") => Self::Refused(cause),
            _ => Self::Unclear(cause),
        }
    }

    /// Whether the request may have been done, or may be answered by another member.
    pub(super) fn is_unclear(&self) -> bool {
        matches!(self, Self::Unclear(_))
    }

    pub(super) fn cause(&self) -> String {
        match self {
            Self::Unclear(cause) | Self::Full(cause) | Self::Denied(cause) | Self::Refused(cause) => {
                cause.clone()
            }
            Self::Compacted => "etcd has compacted the revision that is read".into(),
            Self::FutureRevision => "the member is behind the others".into(),
            Self::LeaseGone => "the lease of this process has run out".into(),
        }
    }

    /// As a caller of the store hears of it.
    pub(super) fn told(&self, place: &Path) -> StoreError {
        let (path, cause) = (place.to_owned(), self.cause());
        match self {
            Self::Full(_) => StoreError::Full { path, cause },
            _ => StoreError::Io { path, cause },
        }
    }
}

/// What is said of an error, and what those say that it comes from, each once.
fn with_sources(mut text: String, error: &dyn std::error::Error) -> String {
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etcds_own_words_are_understood() {
        let of = |code, text: &str| Failure::of_status(&tonic::Status::new(code, text));
        let compacted = "etcdserver: mvcc: required revision has been compacted";
        assert!(matches!(of(Code::OutOfRange, compacted), Failure::Compacted));
        let future = "etcdserver: mvcc: required revision is a future revision";
        assert!(matches!(of(Code::OutOfRange, future), Failure::FutureRevision));
        let full = "etcdserver: mvcc: database space exceeded";
        assert!(matches!(of(Code::ResourceExhausted, full), Failure::Full(_)));
        let busy = "etcdserver: too many requests";
        assert!(matches!(of(Code::ResourceExhausted, busy), Failure::Refused(_)));
        let gone = "etcdserver: requested lease not found";
        assert!(matches!(of(Code::NotFound, gone), Failure::LeaseGone));
        let password = "etcdserver: authentication failed, invalid user ID or password";
        assert!(matches!(of(Code::InvalidArgument, password), Failure::Denied(_)));
        let old = "etcdserver: revision of auth store is old";
        assert!(matches!(of(Code::InvalidArgument, old), Failure::Unclear(_)));
        for text in ["etcdserver: no leader", "etcdserver: request timed out", "etcdserver: leader changed"] {
            assert!(matches!(of(Code::Unavailable, text), Failure::Unclear(_)));
        }
    }
}
