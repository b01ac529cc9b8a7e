//! What HSMs answer to those above.

/// What HSMs answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HsmError {
    /// None of the HSMs works now; why the last one did not.
    #[error("no HSM works: {0}")]
    NoHsm(String),
    /// The HSMs have no session left (CKR_SESSION_COUNT), and none came free in time.
    #[error("no PKCS#11 session left")]
    NoSession,
    #[error("the key material is not in the HSM")]
    NoKey,
    /// A ciphertext, its aad or its tag is not what was made.
    #[error("the ciphertext or what is authenticated with it was changed")]
    Mismatch,
    #[error("the password is wrong")]
    WrongPassword,
    #[error("the user is locked")]
    LockedOut,
    /// By another process.
    #[error("the user is logged in elsewhere")]
    LoggedIn,
    /// Anything else, by function and CKR code: no secret.
    #[error("{0}")]
    Failed(String),
}
