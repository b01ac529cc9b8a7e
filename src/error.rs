//! The library's one error type and its one mapping to CK_RV.
//!
//! A variant says what happened and carries the facts; its doc comment names the CK_RV. Messages are for
//! logs and for people: no PIN, key byte or plaintext ever enters one.

mod backup;
mod life;

pub use backup::BackupError;
pub use life::{CertificateError, LifeError};

use crate::rv::rv_name;
use cryptoki_sys::*;
use vhsm_store::StoreError;

#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Object(#[from] ObjectError),
    #[error(transparent)]
    Mechanism(#[from] MechanismError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Life(#[from] LifeError),
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// CKR_DEVICE_MEMORY when full, else CKR_DEVICE_ERROR.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The output buffer holds fewer bytes than needed; the operation goes on. CKR_BUFFER_TOO_SMALL
    #[error("the output buffer is too small: {needed} bytes are needed")]
    BufferTooSmall { needed: usize },
    /// A fault of the library or of a crate under it. CKR_GENERAL_ERROR
    #[error("internal fault: {0}")]
    Internal(String),
}

/// A call that does not fit its arguments or the state of slots, sessions and operations.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// CKR_ARGUMENTS_BAD
    #[error("bad argument: {0}")]
    Arguments(&'static str),
    /// CKR_CRYPTOKI_NOT_INITIALIZED
    #[error("C_Initialize was not called in this process")]
    NotInitialized,
    /// CKR_CRYPTOKI_ALREADY_INITIALIZED
    #[error("C_Initialize was called already")]
    AlreadyInitialized,
    /// CKR_NEED_TO_CREATE_THREADS
    #[error("the library needs to create threads, and CKF_LIBRARY_CANT_CREATE_OS_THREADS forbids it")]
    NeedToCreateThreads,
    /// CKR_CANT_LOCK
    #[error("locking by the caller's functions alone is not supported: set CKF_OS_LOCKING_OK")]
    CantLock,
    /// CKR_FUNCTION_NOT_SUPPORTED
    #[error("this function is not supported")]
    NotSupported,
    /// CKR_FUNCTION_NOT_PARALLEL
    #[error("parallel functions do not exist since PKCS#11 2.0")]
    NotParallel,
    /// CKR_SLOT_ID_INVALID
    #[error("no slot has id {0}")]
    SlotIdInvalid(u64),
    /// CKR_TOKEN_NOT_PRESENT
    #[error("no token is present in slot {0}")]
    TokenNotPresent(u64),
    /// CKR_TOKEN_NOT_RECOGNIZED
    #[error("the token in slot {0} is not initialized")]
    TokenNotInitialized(u64),
    /// CKR_DEVICE_REMOVED
    #[error("the HSM of this session's slot is gone or its token was wiped")]
    DeviceRemoved,
    /// A fault plan has the call fail: whatever code it says.
    #[error("injected by the fault plan: {}", rv_name(*.0))]
    Injected(CK_RV),
    /// CKR_NO_EVENT
    #[error("no slot event is waiting")]
    NoEvent,
    /// CKR_SESSION_HANDLE_INVALID
    #[error("no session has handle {0}")]
    SessionHandleInvalid(u64),
    /// CKR_SESSION_PARALLEL_NOT_SUPPORTED
    #[error("CKF_SERIAL_SESSION must be set")]
    ParallelSession,
    /// CKR_SESSION_READ_ONLY
    #[error("the session is read-only")]
    SessionReadOnly,
    /// CKR_FUNCTION_FAILED
    #[error("this profile has no read-only sessions: set CKF_RW_SESSION")]
    ReadOnlyNotSupported,
    /// CKR_SESSION_READ_ONLY_EXISTS
    #[error("a read-only session exists, so the SO cannot log in")]
    ReadOnlySessionExists,
    /// CKR_SESSION_READ_WRITE_SO_EXISTS
    #[error("the SO is logged in, so no read-only session can be opened")]
    SoSessionExists,
    /// CKR_SESSION_EXISTS
    #[error("a session with this token is open")]
    SessionExists,
    /// CKR_SESSION_COUNT
    #[error("no more sessions can be opened")]
    SessionCount,
    /// CKR_USER_ALREADY_LOGGED_IN
    #[error("this user is logged in already")]
    AlreadyLoggedIn,
    /// CKR_USER_ANOTHER_ALREADY_LOGGED_IN
    #[error("another user is logged in")]
    AnotherLoggedIn,
    /// CKR_USER_NOT_LOGGED_IN
    #[error("this needs a login")]
    NotLoggedIn,
    /// CKR_USER_TYPE_INVALID
    #[error("user type {0:#x} is not one")]
    UserTypeInvalid(u64),
    /// CKR_OPERATION_ACTIVE
    #[error("an operation is active that this call does not fit")]
    OperationActive,
    /// CKR_OPERATION_NOT_INITIALIZED
    #[error("no operation of this kind is active")]
    OperationNotInitialized,
    /// CKR_OBJECT_HANDLE_INVALID
    #[error("no object has handle {0}")]
    ObjectHandleInvalid(u64),
    /// CKR_KEY_HANDLE_INVALID
    #[error("no key has handle {0}")]
    KeyHandleInvalid(u64),
    /// CKR_WRAPPING_KEY_HANDLE_INVALID
    #[error("no wrapping key has handle {0}")]
    WrappingKeyHandleInvalid(u64),
    /// CKR_UNWRAPPING_KEY_HANDLE_INVALID
    #[error("no unwrapping key has handle {0}")]
    UnwrappingKeyHandleInvalid(u64),
    /// CKR_RANDOM_SEED_NOT_SUPPORTED
    #[error("the random generator takes no seed")]
    SeedNotSupported,
    /// CKR_SAVED_STATE_INVALID
    #[error("this is no state of an operation that was saved here, under this login")]
    SavedStateInvalid,
    /// CKR_KEY_NOT_NEEDED
    #[error("the saved operation has no key")]
    KeyNotNeeded,
    /// CKR_STATE_UNSAVEABLE
    #[error("the state of this operation cannot be saved")]
    StateUnsaveable,
}

/// What a template or an attribute is wrong about.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// CKR_ATTRIBUTE_TYPE_INVALID
    #[error("attribute {0:#x} does not belong to such an object")]
    TypeInvalid(CK_ATTRIBUTE_TYPE),
    /// CKR_ATTRIBUTE_VALUE_INVALID
    #[error("attribute {attribute:#x}: {reason}")]
    ValueInvalid { attribute: CK_ATTRIBUTE_TYPE, reason: &'static str },
    /// CKR_ATTRIBUTE_READ_ONLY
    #[error("attribute {0:#x} cannot be set here")]
    ReadOnly(CK_ATTRIBUTE_TYPE),
    /// CKR_ATTRIBUTE_SENSITIVE
    #[error("attribute {0:#x} is sensitive or not extractable")]
    Sensitive(CK_ATTRIBUTE_TYPE),
    /// CKR_TEMPLATE_INCOMPLETE
    #[error("the template lacks attribute {0:#x}")]
    Incomplete(CK_ATTRIBUTE_TYPE),
    /// CKR_TEMPLATE_INCONSISTENT
    #[error("the template contradicts itself or the call: {0}")]
    Inconsistent(&'static str),
    /// CKR_CURVE_NOT_SUPPORTED
    #[error("CKA_EC_PARAMS names a curve that this token or the mechanism does not have")]
    Curve,
    /// CKR_DOMAIN_PARAMS_INVALID
    #[error("CKA_EC_PARAMS is neither an object identifier nor the name of a curve")]
    DomainParams,
    /// CKR_PARAMETER_SET_NOT_SUPPORTED
    #[error("CKA_PARAMETER_SET names no parameter set of this type of key")]
    ParameterSet,
    /// CKR_PUBLIC_KEY_INVALID
    #[error("the public key is not valid: its point is not on the curve, or not in its one encoding")]
    PublicKey,
    /// CKR_ACTION_PROHIBITED
    #[error("the object's attribute {0:#x} prohibits this")]
    Prohibited(CK_ATTRIBUTE_TYPE),
    /// CKR_DEVICE_MEMORY
    #[error("an object of {bytes} bytes is over the limit of {limit}")]
    TooLarge { bytes: usize, limit: usize },
    /// A stored record does not decode. CKR_DEVICE_ERROR
    #[error("a stored object cannot be read: {0}")]
    Corrupt(&'static str),
}

/// What a mechanism, its parameters, its key or its data are wrong about.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum MechanismError {
    /// CKR_MECHANISM_INVALID
    #[error("mechanism {0:#x} is unknown or does not do this")]
    Invalid(CK_MECHANISM_TYPE),
    /// CKR_MECHANISM_PARAM_INVALID
    #[error("mechanism parameter: {0}")]
    Params(&'static str),
    /// CKR_KEY_TYPE_INCONSISTENT
    #[error("the key's type or class does not fit the mechanism")]
    KeyType,
    /// CKR_KEY_SIZE_RANGE
    #[error("the key's size ({bytes} bytes) does not fit the mechanism")]
    KeySize { bytes: usize },
    /// CKR_KEY_FUNCTION_NOT_PERMITTED
    #[error("the key's attributes do not permit this use")]
    KeyFunction,
    /// CKR_PUBLIC_KEY_INVALID
    #[error("the other party's public key is none, or none that agrees with this key")]
    PublicKey,
    /// CKR_KEY_INDIGESTIBLE
    #[error("this key cannot be digested")]
    KeyIndigestible,
    /// CKR_FUNCTION_NOT_SUPPORTED
    #[error("the mechanism takes all data in one part")]
    SinglePart,
    /// CKR_DATA_LEN_RANGE
    #[error("data of {bytes} bytes do not fit the mechanism")]
    DataLen { bytes: usize },
    /// CKR_DATA_INVALID
    #[error("the data do not fit the mechanism")]
    DataInvalid,
    /// CKR_ENCRYPTED_DATA_LEN_RANGE
    #[error("encrypted data of {bytes} bytes do not fit the mechanism")]
    EncryptedDataLen { bytes: usize },
    /// CKR_ENCRYPTED_DATA_INVALID
    #[error("the encrypted data are not authentic, or their padding is wrong")]
    EncryptedDataInvalid,
    /// CKR_AEAD_DECRYPT_FAILED
    #[error("the message or its associated data are not authentic")]
    NotAuthentic,
    /// CKR_SIGNATURE_LEN_RANGE
    #[error("a signature of {bytes} bytes does not fit the mechanism")]
    SignatureLen { bytes: usize },
    /// CKR_SIGNATURE_INVALID
    #[error("the signature is wrong")]
    SignatureInvalid,
    /// CKR_WRAPPED_KEY_LEN_RANGE
    #[error("a wrapped key of {bytes} bytes does not fit the mechanism")]
    WrappedKeyLen { bytes: usize },
    /// CKR_WRAPPED_KEY_INVALID
    #[error("the wrapped key is not authentic, or not a key of that type")]
    WrappedKeyInvalid,
    /// CKR_KEY_UNEXTRACTABLE
    #[error("the key is not extractable")]
    KeyUnextractable,
    /// CKR_KEY_NOT_WRAPPABLE
    #[error("this key cannot be wrapped by this one")]
    KeyNotWrappable,
    /// CKR_WRAPPING_KEY_TYPE_INCONSISTENT
    #[error("the wrapping key's type does not fit the mechanism")]
    WrappingKeyType,
    /// CKR_WRAPPING_KEY_SIZE_RANGE
    #[error("the wrapping key's size ({bytes} bytes) does not fit the mechanism")]
    WrappingKeySize { bytes: usize },
    /// CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT
    #[error("the unwrapping key's type does not fit the mechanism")]
    UnwrappingKeyType,
    /// CKR_UNWRAPPING_KEY_SIZE_RANGE
    #[error("the unwrapping key's size ({bytes} bytes) does not fit the mechanism")]
    UnwrappingKeySize { bytes: usize },
}

/// What clusters, HSMs, users and their records are wrong about.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// CKR_SLOT_ID_INVALID
    #[error("there is no cluster {0:?}; `vhsm cluster list` shows those there are")]
    NotFound(String),
    /// CKR_GENERAL_ERROR
    #[error("the label {0:?} names {1} clusters: use the ClusterId")]
    Ambiguous(String, usize),
    /// CKR_GENERAL_ERROR
    #[error("a cluster with label {0:?} exists already")]
    LabelTaken(String),
    /// CKR_ARGUMENTS_BAD
    #[error("{field}: {reason}")]
    BadInput { field: &'static str, reason: String },
    /// CKR_PIN_INCORRECT
    #[error("wrong password, or no such user")]
    PinIncorrect,
    /// CKR_PIN_LOCKED
    #[error(
        "user {0:?} is locked after too many wrong passwords; an admin unlocks it by changing its password"
    )]
    PinLocked(String),
    /// The last unlocked admin waits between tries. CKR_PIN_LOCKED
    #[error("too many wrong passwords: the next try is possible in {seconds} s")]
    Delayed { seconds: u64 },
    /// CKR_PIN_LEN_RANGE
    #[error("a password has {min} to {max} bytes")]
    PinLength { min: usize, max: usize },
    /// CKR_PIN_INVALID
    #[error("the password has a character that is not allowed: {0}")]
    PinCharacter(&'static str),
    /// CKR_USER_PIN_NOT_INITIALIZED
    #[error("the token has no such user yet")]
    NoUser,
    /// CKR_PIN_INCORRECT
    #[error("there is no user {0:?} in this cluster")]
    UserNotFound(String),
    /// CKR_GENERAL_ERROR
    #[error("user {0:?} exists already")]
    UserExists(String),
    /// CKR_USER_TYPE_INVALID
    #[error("user {name:?} is not a {wanted}")]
    WrongRole { name: String, wanted: &'static str },
    /// CKR_FUNCTION_REJECTED
    #[error("user {0:?} is logged in elsewhere; log out there first")]
    UserLoggedIn(String),
    /// CKR_USER_NOT_LOGGED_IN
    #[error("this needs a login as {0}")]
    LoginNeeded(&'static str),
    /// CKR_FUNCTION_REJECTED
    #[error("{0}")]
    Refused(String),
    /// CKR_GENERAL_ERROR
    #[error("the cluster has no HSM {0:?}; `vhsm cluster describe` shows those it has")]
    HsmNotFound(String),
    /// CKR_FUNCTION_REJECTED
    #[error(
        "the root key here is not the one that cluster {0} was made with: give an admin's login, or name the right key in VHSM_ROOT_KEY_FILE"
    )]
    NoAuthority(String),
    /// CKR_TOKEN_WRITE_PROTECTED
    #[error("the cluster was made by vhsm: C_InitToken does not wipe it (`vhsm cluster delete` does)")]
    NotInitializable,
    /// CKR_FUNCTION_FAILED
    #[error("key availability: a token key must reach 2 HSMs, and the cluster has {active} active")]
    KeyAvailability { active: usize },
    /// CKR_DEVICE_ERROR
    #[error("a record of the store is damaged or was changed: {0}")]
    Corrupt(&'static str),
    /// CKR_DEVICE_ERROR
    #[error(
        "the store was written by a newer version ({found}); this one knows {known}: install the newer vhsm"
    )]
    NewerFormat { found: u32, known: u32 },
}

/// A configuration that cannot be used.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// CKR_GENERAL_ERROR
    #[error("configuration {path}: {cause}; {mend}")]
    File { path: String, cause: String, mend: String },
    /// CKR_GENERAL_ERROR
    #[error("environment variable {name}: {reason}")]
    Environment { name: &'static str, reason: String },
}

impl Error {
    /// The PKCS#11 return value of this error: the only mapping there is.
    pub fn rv(&self) -> CK_RV {
        match self {
            Error::Call(e) => call_rv(e),
            Error::Object(e) => object_rv(e),
            Error::Mechanism(e) => mechanism_rv(e),
            Error::Cluster(e) => cluster_rv(e),
            Error::Life(e) => life::rv(e),
            Error::Backup(e) => backup::rv(e),
            Error::Config(_) | Error::Internal(_) => CKR_GENERAL_ERROR,
            Error::Store(StoreError::Full { .. } | StoreError::TooLarge { .. }) => CKR_DEVICE_MEMORY,
            Error::Store(StoreError::Forked) => CKR_CRYPTOKI_NOT_INITIALIZED,
            Error::Store(_) => CKR_DEVICE_ERROR,
            Error::BufferTooSmall { .. } => CKR_BUFFER_TOO_SMALL,
        }
    }

    /// Whether the fault is the library's or its machine's, not the caller's: such errors are logged as errors.
    pub fn is_internal(&self) -> bool {
        matches!(self, Error::Internal(_) | Error::Store(_) | Error::Cluster(ClusterError::Corrupt(_)))
    }
}

fn call_rv(error: &CallError) -> CK_RV {
    match error {
        CallError::Arguments(_) => CKR_ARGUMENTS_BAD,
        CallError::NotInitialized => CKR_CRYPTOKI_NOT_INITIALIZED,
        CallError::AlreadyInitialized => CKR_CRYPTOKI_ALREADY_INITIALIZED,
        CallError::NeedToCreateThreads => CKR_NEED_TO_CREATE_THREADS,
        CallError::CantLock => CKR_CANT_LOCK,
        CallError::NotSupported => CKR_FUNCTION_NOT_SUPPORTED,
        CallError::NotParallel => CKR_FUNCTION_NOT_PARALLEL,
        CallError::SlotIdInvalid(_) => CKR_SLOT_ID_INVALID,
        CallError::TokenNotPresent(_) => CKR_TOKEN_NOT_PRESENT,
        CallError::TokenNotInitialized(_) => CKR_TOKEN_NOT_RECOGNIZED,
        CallError::DeviceRemoved => CKR_DEVICE_REMOVED,
        CallError::Injected(rv) => *rv,
        CallError::NoEvent => CKR_NO_EVENT,
        CallError::SessionHandleInvalid(_) => CKR_SESSION_HANDLE_INVALID,
        CallError::ParallelSession => CKR_SESSION_PARALLEL_NOT_SUPPORTED,
        CallError::SessionReadOnly => CKR_SESSION_READ_ONLY,
        CallError::ReadOnlyNotSupported => CKR_FUNCTION_FAILED,
        CallError::ReadOnlySessionExists => CKR_SESSION_READ_ONLY_EXISTS,
        CallError::SoSessionExists => CKR_SESSION_READ_WRITE_SO_EXISTS,
        CallError::SessionExists => CKR_SESSION_EXISTS,
        CallError::SessionCount => CKR_SESSION_COUNT,
        CallError::AlreadyLoggedIn => CKR_USER_ALREADY_LOGGED_IN,
        CallError::AnotherLoggedIn => CKR_USER_ANOTHER_ALREADY_LOGGED_IN,
        CallError::NotLoggedIn => CKR_USER_NOT_LOGGED_IN,
        CallError::UserTypeInvalid(_) => CKR_USER_TYPE_INVALID,
        CallError::OperationActive => CKR_OPERATION_ACTIVE,
        CallError::OperationNotInitialized => CKR_OPERATION_NOT_INITIALIZED,
        CallError::ObjectHandleInvalid(_) => CKR_OBJECT_HANDLE_INVALID,
        CallError::KeyHandleInvalid(_) => CKR_KEY_HANDLE_INVALID,
        CallError::WrappingKeyHandleInvalid(_) => CKR_WRAPPING_KEY_HANDLE_INVALID,
        CallError::UnwrappingKeyHandleInvalid(_) => CKR_UNWRAPPING_KEY_HANDLE_INVALID,
        CallError::SeedNotSupported => CKR_RANDOM_SEED_NOT_SUPPORTED,
        CallError::SavedStateInvalid => CKR_SAVED_STATE_INVALID,
        CallError::KeyNotNeeded => CKR_KEY_NOT_NEEDED,
        CallError::StateUnsaveable => CKR_STATE_UNSAVEABLE,
    }
}

fn object_rv(error: &ObjectError) -> CK_RV {
    match error {
        ObjectError::TypeInvalid(_) => CKR_ATTRIBUTE_TYPE_INVALID,
        ObjectError::ValueInvalid { .. } => CKR_ATTRIBUTE_VALUE_INVALID,
        ObjectError::ReadOnly(_) => CKR_ATTRIBUTE_READ_ONLY,
        ObjectError::Sensitive(_) => CKR_ATTRIBUTE_SENSITIVE,
        ObjectError::Incomplete(_) => CKR_TEMPLATE_INCOMPLETE,
        ObjectError::Inconsistent(_) => CKR_TEMPLATE_INCONSISTENT,
        ObjectError::Curve => CKR_CURVE_NOT_SUPPORTED,
        ObjectError::DomainParams => CKR_DOMAIN_PARAMS_INVALID,
        ObjectError::ParameterSet => CKR_PARAMETER_SET_NOT_SUPPORTED,
        ObjectError::PublicKey => CKR_PUBLIC_KEY_INVALID,
        ObjectError::Prohibited(_) => CKR_ACTION_PROHIBITED,
        ObjectError::TooLarge { .. } => CKR_DEVICE_MEMORY,
        ObjectError::Corrupt(_) => CKR_DEVICE_ERROR,
    }
}

fn mechanism_rv(error: &MechanismError) -> CK_RV {
    match error {
        MechanismError::Invalid(_) => CKR_MECHANISM_INVALID,
        MechanismError::Params(_) => CKR_MECHANISM_PARAM_INVALID,
        MechanismError::KeyType => CKR_KEY_TYPE_INCONSISTENT,
        MechanismError::KeySize { .. } => CKR_KEY_SIZE_RANGE,
        MechanismError::KeyFunction => CKR_KEY_FUNCTION_NOT_PERMITTED,
        MechanismError::KeyIndigestible => CKR_KEY_INDIGESTIBLE,
        MechanismError::SinglePart => CKR_FUNCTION_NOT_SUPPORTED,
        MechanismError::DataLen { .. } => CKR_DATA_LEN_RANGE,
        MechanismError::DataInvalid => CKR_DATA_INVALID,
        MechanismError::EncryptedDataLen { .. } => CKR_ENCRYPTED_DATA_LEN_RANGE,
        MechanismError::EncryptedDataInvalid => CKR_ENCRYPTED_DATA_INVALID,
        MechanismError::NotAuthentic => CKR_AEAD_DECRYPT_FAILED,
        MechanismError::SignatureLen { .. } => CKR_SIGNATURE_LEN_RANGE,
        MechanismError::SignatureInvalid => CKR_SIGNATURE_INVALID,
        MechanismError::WrappedKeyLen { .. } => CKR_WRAPPED_KEY_LEN_RANGE,
        MechanismError::WrappedKeyInvalid => CKR_WRAPPED_KEY_INVALID,
        MechanismError::PublicKey => CKR_PUBLIC_KEY_INVALID,
        MechanismError::KeyUnextractable => CKR_KEY_UNEXTRACTABLE,
        MechanismError::KeyNotWrappable => CKR_KEY_NOT_WRAPPABLE,
        MechanismError::WrappingKeyType => CKR_WRAPPING_KEY_TYPE_INCONSISTENT,
        MechanismError::WrappingKeySize { .. } => CKR_WRAPPING_KEY_SIZE_RANGE,
        MechanismError::UnwrappingKeySize { .. } => CKR_UNWRAPPING_KEY_SIZE_RANGE,
        MechanismError::UnwrappingKeyType => CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT,
    }
}

fn cluster_rv(error: &ClusterError) -> CK_RV {
    match error {
        ClusterError::NotFound(_) => CKR_SLOT_ID_INVALID,
        ClusterError::Ambiguous(..) | ClusterError::LabelTaken(_) | ClusterError::UserExists(_) => {
            CKR_GENERAL_ERROR
        }
        ClusterError::BadInput { .. } => CKR_ARGUMENTS_BAD,
        ClusterError::PinIncorrect | ClusterError::UserNotFound(_) => CKR_PIN_INCORRECT,
        ClusterError::PinLocked(_) | ClusterError::Delayed { .. } => CKR_PIN_LOCKED,
        ClusterError::PinLength { .. } => CKR_PIN_LEN_RANGE,
        ClusterError::PinCharacter(_) => CKR_PIN_INVALID,
        ClusterError::NoUser => CKR_USER_PIN_NOT_INITIALIZED,
        ClusterError::WrongRole { .. } => CKR_USER_TYPE_INVALID,
        ClusterError::UserLoggedIn(_) | ClusterError::Refused(_) => CKR_FUNCTION_REJECTED,
        ClusterError::LoginNeeded(_) => CKR_USER_NOT_LOGGED_IN,
        ClusterError::NoAuthority(_) => CKR_FUNCTION_REJECTED,
        ClusterError::HsmNotFound(_) => CKR_GENERAL_ERROR,
        ClusterError::NotInitializable => CKR_TOKEN_WRITE_PROTECTED,
        ClusterError::KeyAvailability { .. } => CKR_FUNCTION_FAILED,
        ClusterError::Corrupt(_) | ClusterError::NewerFormat { .. } => CKR_DEVICE_ERROR,
    }
}
