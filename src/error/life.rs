//! What the operations of a cluster's life cycle are wrong about.

use super::Error;
use cryptoki_sys::*;

/// A request that does not fit the API, or a cluster in another state. Which exception of the CloudHSM API each is
/// stands in `cluster::life::Exception`.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum LifeError {
    /// CKR_ARGUMENTS_BAD
    #[error("{field}: {reason}")]
    Input { field: &'static str, reason: String },
    /// CKR_ARGUMENTS_BAD
    #[error("{field}: {reason}")]
    Tag { field: &'static str, reason: String },
    /// CKR_FUNCTION_REJECTED
    #[error("a resource has at most {limit} tags")]
    TooManyTags { limit: usize },
    /// CKR_FUNCTION_REJECTED
    #[error("cluster {cluster} is {state}: {operation} needs it to be {wanted}")]
    State { operation: &'static str, cluster: String, state: &'static str, wanted: &'static str },
    /// CKR_FUNCTION_REJECTED
    #[error("cluster {0} is uninitialized, and has exactly one HSM until it is initialized")]
    OneHsm(String),
    /// CKR_FUNCTION_REJECTED
    #[error("cluster {cluster} has {limit} HSMs, and cannot have more")]
    TooManyHsms { cluster: String, limit: usize },
    /// CKR_FUNCTION_REJECTED
    #[error("cluster {0} has no HSM: create one first")]
    NoHsm(String),
    /// CKR_FUNCTION_REJECTED
    #[error("cluster {cluster} still has HSMs ({hsms}): delete them first")]
    HsmsLeft { cluster: String, hsms: usize },
    /// CKR_FUNCTION_REJECTED
    #[error("cluster {0} has a certificate, which stays what it is")]
    Certified(String),
    /// CKR_ARGUMENTS_BAD
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// CKR_GENERAL_ERROR
    #[error("this takes the service's root key or an admin's login, and neither was given")]
    NobodyAsks,
}

/// What is wrong with the certificates that a cluster shall be initialized with.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    #[error("{0} is not one X.509 certificate in PEM (BEGIN CERTIFICATE ... END CERTIFICATE, nothing else)")]
    NotPem(&'static str),
    #[error("{0} holds several certificates: give the one alone")]
    Several(&'static str),
    #[error(
        "SignedCert has another public key than the cluster's certificate signing request: sign that one"
    )]
    OtherKey,
    #[error("TrustAnchor is not self-signed: give the certificate of the root CA itself")]
    NotSelfSigned,
    #[error(
        "TrustAnchor did not issue SignedCert: its issuer is {issuer:?}, the trust anchor is {anchor:?}; a root CA must \
         issue it directly, without a CA between them"
    )]
    NotIssuer { issuer: String, anchor: String },
    #[error(
        "SignedCert bears the trust anchor's name, and not its signature: sign it with the trust anchor's key"
    )]
    WrongSignature,
    #[error("{what} is valid only from {from} on")]
    NotYetValid { what: &'static str, from: String },
    #[error("{what} expired on {on}")]
    Expired { what: &'static str, on: String },
    #[error(
        "TrustAnchor is no CA: with X.509 v3 extensions it needs Basic Constraints with CA:TRUE, and Key Usage, where it \
         is there, with Certificate Sign"
    )]
    NotCa,
    #[error("the certificates do not verify: {0}")]
    Refused(String),
}

impl From<CertificateError> for Error {
    fn from(error: CertificateError) -> Self {
        LifeError::from(error).into()
    }
}

pub(super) fn rv(error: &LifeError) -> CK_RV {
    match error {
        LifeError::Input { .. } | LifeError::Tag { .. } | LifeError::Certificate(_) => CKR_ARGUMENTS_BAD,
        LifeError::NobodyAsks => CKR_GENERAL_ERROR,
        _ => CKR_FUNCTION_REJECTED,
    }
}
