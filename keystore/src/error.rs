//! KMS's exceptions.

use crate::directory::DirectoryError;
use vhsm_store::StoreError;

/// Declares the exceptions with their names on the wire.
macro_rules! exceptions {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What KMS answers in place of a response, by the names of its API and the common errors of AWS
        /// (reference/kms-custom-key-stores.md sec. 1 to 4).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Exception { $($(#[$doc])* $variant,)* }

        impl Exception {
            /// All of them.
            pub const ALL: &[Exception] = &[$(Exception::$variant,)*];

            /// The name on the wire.
            pub fn name(self) -> &'static str {
                match self { $(Exception::$variant => $name,)* }
            }
        }
    };
}

exceptions! {
    AlreadyExists = "AlreadyExistsException",
    CloudHsmClusterInUse = "CloudHsmClusterInUseException",
    CloudHsmClusterInvalidConfiguration = "CloudHsmClusterInvalidConfigurationException",
    CloudHsmClusterNotActive = "CloudHsmClusterNotActiveException",
    CloudHsmClusterNotFound = "CloudHsmClusterNotFoundException",
    CloudHsmClusterNotRelated = "CloudHsmClusterNotRelatedException",
    Conflict = "ConflictException",
    CustomKeyStoreHasCmks = "CustomKeyStoreHasCMKsException",
    CustomKeyStoreInvalidState = "CustomKeyStoreInvalidStateException",
    CustomKeyStoreNameInUse = "CustomKeyStoreNameInUseException",
    CustomKeyStoreNotFound = "CustomKeyStoreNotFoundException",
    /// A fault: to be tried again.
    DependencyTimeout = "DependencyTimeoutException",
    Disabled = "DisabledException",
    DryRunOperation = "DryRunOperationException",
    ExpiredImportToken = "ExpiredImportTokenException",
    IncorrectKey = "IncorrectKeyException",
    IncorrectKeyMaterial = "IncorrectKeyMaterialException",
    IncorrectTrustAnchor = "IncorrectTrustAnchorException",
    InvalidAliasName = "InvalidAliasNameException",
    InvalidArn = "InvalidArnException",
    InvalidCiphertext = "InvalidCiphertextException",
    InvalidGrantId = "InvalidGrantIdException",
    InvalidGrantToken = "InvalidGrantTokenException",
    InvalidImportToken = "InvalidImportTokenException",
    InvalidKeyUsage = "InvalidKeyUsageException",
    InvalidMarker = "InvalidMarkerException",
    /// A fault: to be tried again.
    KeyUnavailable = "KeyUnavailableException",
    /// A fault: to be tried again.
    KmsInternal = "KMSInternalException",
    KmsInvalidMac = "KMSInvalidMacException",
    KmsInvalidSignature = "KMSInvalidSignatureException",
    KmsInvalidState = "KMSInvalidStateException",
    LimitExceeded = "LimitExceededException",
    MalformedPolicyDocument = "MalformedPolicyDocumentException",
    NotFound = "NotFoundException",
    Tag = "TagException",
    UnsupportedOperation = "UnsupportedOperationException",
    XksKeyAlreadyInUse = "XksKeyAlreadyInUseException",
    XksKeyInvalidConfiguration = "XksKeyInvalidConfigurationException",
    XksKeyNotFound = "XksKeyNotFoundException",
    XksProxyIncorrectAuthenticationCredential = "XksProxyIncorrectAuthenticationCredentialException",
    XksProxyInvalidConfiguration = "XksProxyInvalidConfigurationException",
    XksProxyInvalidResponse = "XksProxyInvalidResponseException",
    XksProxyUriEndpointInUse = "XksProxyUriEndpointInUseException",
    XksProxyUriInUse = "XksProxyUriInUseException",
    XksProxyUriUnreachable = "XksProxyUriUnreachableException",
    XksProxyVpcEndpointServiceInUse = "XksProxyVpcEndpointServiceInUseException",
    XksProxyVpcEndpointServiceInvalidConfiguration = "XksProxyVpcEndpointServiceInvalidConfigurationException",
    XksProxyVpcEndpointServiceNotFound = "XksProxyVpcEndpointServiceNotFoundException",
    /// Not in KMS's model, but in all of AWS: a member is missing, or breaks its shape's rules.
    Validation = "ValidationException",
    /// Not in the model: this caller may not.
    AccessDenied = "AccessDeniedException",
    /// Not in the model: what AWS keeps for itself (aliases that begin with alias/aws/).
    NotAuthorized = "NotAuthorizedException",
    /// Not in the model: over a rate, or the HSMs are busy.
    Throttling = "ThrottlingException",
}

impl Exception {
    /// Whether the service is at fault (HTTP 500, to be tried again) and not the caller (HTTP 400).
    pub fn is_fault(self) -> bool {
        matches!(self, Exception::DependencyTimeout | Exception::KmsInternal | Exception::KeyUnavailable)
    }
}

/// An operation that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", exception.name())]
pub struct KmsError {
    pub exception: Exception,
    /// For the caller: names what was wrong and how to mend it; never a secret.
    pub message: String,
    /// For the log alone: what happened inside.
    pub detail: Option<String>,
}

impl KmsError {
    pub fn new(exception: Exception, message: impl Into<String>) -> Self {
        Self { exception, message: message.into(), detail: None }
    }

    /// KMSInternalException, with what is logged.
    pub fn internal(detail: impl Into<String>) -> Self {
        let message = "The request failed because of an internal error; it can be tried again.".into();
        Self { exception: Exception::KmsInternal, message, detail: Some(detail.into()) }
    }

    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

impl From<StoreError> for KmsError {
    fn from(error: StoreError) -> Self {
        KmsError::internal(error.to_string())
    }
}

impl From<DirectoryError> for KmsError {
    fn from(error: DirectoryError) -> Self {
        KmsError::internal(error.to_string())
    }
}
