//! What goes wrong with a proxy, and how KMS tells it (reference/xks-proxy.md sec. 8, "How KMS reports them").

use crate::error::KmsError;
use crate::records::store::ConnectionErrorCode;

/// Why a proxy did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProxyFailure {
    /// No address, or no TCP connection.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// Its certificate, its protocol versions, or it wants one of us.
    #[error("no TLS: {0}")]
    Tls(String),
    #[error("no answer in time")]
    TimedOut,
    /// An error of the API.
    #[error("{name}: {message}")]
    Refused { name: String, status: u16, message: String },
    /// An HTTP error that is none of the API's, or an answer that is not what the API says.
    #[error("an answer that is not understood: {0}")]
    Malformed(String),
    /// All external key managers behind it are UNAVAILABLE.
    #[error("all external key managers are unavailable")]
    NoKeyManager,
}

impl ProxyFailure {
    /// CreateCustomKeyStore, UpdateCustomKeyStore.
    pub(crate) fn for_store(&self) -> KmsError {
        unimplemented!()
    }

    /// CreateKey.
    pub(crate) fn for_new_key(&self) -> KmsError {
        unimplemented!()
    }

    /// Cryptographic operations.
    pub(crate) fn for_use(&self) -> KmsError {
        unimplemented!()
    }

    /// ConnectCustomKeyStore.
    pub(crate) fn connection_error_code(&self) -> ConnectionErrorCode {
        unimplemented!()
    }
}
