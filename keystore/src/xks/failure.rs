//! What goes wrong with a proxy, and how KMS tells it (reference/xks-proxy.md sec. 8, "How KMS reports them").

use crate::error::{Exception, KmsError};
use crate::records::store::ConnectionErrorCode;

/// Why a proxy did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProxyFailure {
    /// No address, or no TCP connection, or one that broke before the answer.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// Its certificate, its protocol versions, or it wants one of us.
    #[error("no TLS: {0}")]
    Tls(String),
    /// It took the connection, but did not answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// An error of the API.
    #[error("{name} (HTTP {status}): {message}")]
    Refused { name: String, status: u16, message: String },
    /// An HTTP error that is none of the API's, or an answer that is not what the API says.
    #[error("an answer that is not understood: {0}")]
    Malformed(String),
    /// All external key managers behind it are UNAVAILABLE.
    #[error("all external key managers are unavailable")]
    NoKeyManager,
}

/// A failure as the tables tell it: what a proxy says by its errors' names, and what KMS finds itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Unreachable,
    Tls,
    TimedOut,
    NoKeyManager,
    NotUnderstood,
    Validation,
    InvalidState,
    InvalidCiphertext,
    InvalidKeyUsage,
    AuthenticationFailed,
    AccessDenied,
    KeyNotFound,
    InvalidUriPath,
    UnsupportedOperation,
    DependencyTimeout,
    Throttling,
    Internal,
}

impl ProxyFailure {
    /// CreateCustomKeyStore, UpdateCustomKeyStore.
    pub(crate) fn for_store(&self) -> KmsError {
        let exception = match self.cause() {
            Cause::AuthenticationFailed => Exception::XksProxyIncorrectAuthenticationCredential,
            Cause::InvalidUriPath => Exception::XksProxyInvalidConfiguration,
            Cause::Unreachable
            | Cause::Tls
            | Cause::TimedOut
            | Cause::NoKeyManager
            | Cause::DependencyTimeout
            | Cause::Throttling => Exception::XksProxyUriUnreachable,
            // Those that GetHealthStatus does not have are as little understood as no error at all.
            _ => Exception::XksProxyInvalidResponse,
        };
        self.told(exception)
    }

    /// CreateKey.
    pub(crate) fn for_new_key(&self) -> KmsError {
        let exception = match self.cause() {
            Cause::KeyNotFound => Exception::XksKeyNotFound,
            Cause::InvalidState | Cause::InvalidKeyUsage | Cause::UnsupportedOperation => {
                Exception::XksKeyInvalidConfiguration
            }
            _ => Exception::CustomKeyStoreInvalidState,
        };
        self.told(exception)
    }

    /// Cryptographic operations.
    pub(crate) fn for_use(&self) -> KmsError {
        self.told(Exception::KmsInvalidState)
    }

    /// ConnectCustomKeyStore.
    pub(crate) fn connection_error_code(&self) -> ConnectionErrorCode {
        match self.cause() {
            Cause::AuthenticationFailed => ConnectionErrorCode::InvalidCredentials,
            Cause::AccessDenied => ConnectionErrorCode::XksProxyAccessDenied,
            Cause::InvalidUriPath => ConnectionErrorCode::XksProxyInvalidConfiguration,
            Cause::Tls => ConnectionErrorCode::XksProxyInvalidTlsConfiguration,
            Cause::Unreachable | Cause::NoKeyManager | Cause::Throttling => {
                ConnectionErrorCode::XksProxyNotReachable
            }
            Cause::TimedOut | Cause::DependencyTimeout => ConnectionErrorCode::XksProxyTimedOut,
            _ => ConnectionErrorCode::XksProxyInvalidResponse,
        }
    }

    fn cause(&self) -> Cause {
        match self {
            ProxyFailure::Unreachable(_) => Cause::Unreachable,
            ProxyFailure::Tls(_) => Cause::Tls,
            ProxyFailure::TimedOut => Cause::TimedOut,
            ProxyFailure::Malformed(_) => Cause::NotUnderstood,
            ProxyFailure::NoKeyManager => Cause::NoKeyManager,
            ProxyFailure::Refused { name, .. } => Cause::named(name),
        }
    }

    fn told(&self, exception: Exception) -> KmsError {
        KmsError::new(exception, self.cause().message()).with_detail(self.to_string())
    }
}

impl Cause {
    /// By errorName. An unknown one is an answer that is not understood.
    fn named(name: &str) -> Self {
        match name {
            "ValidationException" => Cause::Validation,
            "InvalidStateException" => Cause::InvalidState,
            "InvalidCiphertextException" => Cause::InvalidCiphertext,
            "InvalidKeyUsageException" => Cause::InvalidKeyUsage,
            "AuthenticationFailedException" => Cause::AuthenticationFailed,
            "AccessDeniedException" => Cause::AccessDenied,
            "KeyNotFoundException" => Cause::KeyNotFound,
            "InvalidUriPathException" => Cause::InvalidUriPath,
            "UnsupportedOperationException" => Cause::UnsupportedOperation,
            "DependencyTimeoutException" => Cause::DependencyTimeout,
            "ThrottlingException" => Cause::Throttling,
            "InternalException" => Cause::Internal,
            _ => Cause::NotUnderstood,
        }
    }

    /// For the caller, who mostly owns the proxy: what KMS saw of it, and what to look at.
    fn message(self) -> &'static str {
        match self {
            Cause::Unreachable => {
                "KMS cannot communicate with the external key store proxy. Verify that the proxy is running, that the \
                 endpoint URI of the custom key store is right, and that the proxy can be reached from KMS; where that \
                 is so, try again."
            }
            Cause::Tls => {
                "KMS cannot set up TLS with the external key store proxy. Verify that its certificate is valid, names the \
                 endpoint's host and comes from an authority that KMS trusts, that it offers TLS 1.2 or 1.3, and that it \
                 accepts KMS's client certificate where it asks for one."
            }
            Cause::TimedOut => {
                "The external key store proxy did not answer in the time allotted. Try again; where this goes on, verify \
                 the proxy's load and its way to the external key manager."
            }
            Cause::NoKeyManager => {
                "The external key store proxy reports that all of its external key managers are unavailable. Verify that \
                 the external key managers are active and that the proxy can reach them."
            }
            Cause::NotUnderstood | Cause::Internal => {
                "KMS cannot interpret the answer of the external key store proxy, or it reported an internal error. Where \
                 this goes on, look into the log of the proxy."
            }
            Cause::Validation => {
                "The external key store proxy rejected a request of KMS as not valid. Verify that the proxy implements \
                 the version of the API in its URI path."
            }
            Cause::InvalidState => {
                "The external key, or the external key store, is disabled, deactivated or blocked in the external key \
                 manager."
            }
            Cause::InvalidCiphertext => {
                "The external key store proxy rejected the ciphertext or the data that is authenticated with it as \
                 corrupted. Verify that the external key still has the key material that the ciphertext was made with."
            }
            Cause::InvalidKeyUsage => {
                "The external key does not allow this operation. Configure it for encryption and decryption in the external \
                 key manager."
            }
            Cause::AuthenticationFailed => {
                "The external key store proxy rejected the authentication credential of KMS. Verify that the key store's \
                 XksProxyAuthenticationCredential is the one that the proxy has for its URI path."
            }
            Cause::AccessDenied => {
                "The external key store proxy denied access to the operation or to the external key. Verify the proxy's \
                 authorization policy."
            }
            Cause::KeyNotFound => {
                "The external key store proxy does not find the external key. Verify that it exists in the external key \
                 manager and is served at the key store's URI path."
            }
            Cause::InvalidUriPath => {
                "The external key store proxy does not know the URI path of the custom key store. Verify XksProxyUriPath."
            }
            Cause::UnsupportedOperation => {
                "The external key store proxy does not support the operation, its algorithm or the size of its input."
            }
            Cause::DependencyTimeout => {
                "The external key manager did not answer the external key store proxy in time. Try again; where this goes \
                 on, verify that the external key manager is healthy."
            }
            Cause::Throttling => {
                "The external key store proxy rejected the request because of a very high rate of requests. Send fewer \
                 requests, or raise the proxy's limits."
            }
        }
    }
}

#[cfg(test)]
mod tests;
