//! Records of custom key stores.

use super::Record;
use crate::error::KmsError;
use crate::ids::StoreId;
use serde::{Deserialize, Serialize};

/// A custom key store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoreRecord {
    pub name: String,
    pub created_ms: u64,
    pub state: ConnectionState,
    /// Of state FAILED: shown. Of state CONNECTED: the HSMs refuse the login, so that it is not tried again of itself, for each
    /// try with a wrong password brings kmsuser nearer to being locked out; not shown.
    pub error_code: Option<ConnectionErrorCode>,
    /// Grows with each Connect and Disconnect: what a late end of an earlier one must not overwrite.
    pub attempt: u64,
    pub kind: StoreKind,
}

impl Record for StoreRecord {
    const VERSION: u8 = 1;
}

impl StoreRecord {
    /// Begins a change of the connection: what an earlier one does from now on no longer counts.
    pub fn turn(&mut self, state: ConnectionState) {
        self.attempt += 1;
        self.enter(state, None);
    }

    pub fn enter(&mut self, state: ConnectionState, error_code: Option<ConnectionErrorCode>) {
        (self.state, self.error_code) = (state, error_code);
    }

    pub fn hsm(&self) -> &CloudHsmStore {
        let StoreKind::CloudHsm(hsm) = &self.kind;
        hsm
    }

    pub fn hsm_mut(&mut self) -> &mut CloudHsmStore {
        let StoreKind::CloudHsm(hsm) = &mut self.kind;
        hsm
    }
}

impl StoreRecord {
    /// The state alone, of a record's bytes: every use of a key reads it.
    pub fn state_of(raw: &[u8]) -> Result<ConnectionState, KmsError> {
        /// The first fields: name and time of creation are passed over.
        type Head<'a> = (&'a str, u64, ConnectionState);
        let broken = || KmsError::internal("a broken record of a custom key store");
        let fields = raw.strip_prefix(&[Self::VERSION]).ok_or_else(broken)?;
        let ((_, _, state), _): (Head, _) = postcard::take_from_bytes(fields).map_err(|_| broken())?;
        Ok(state)
    }
}

/// What the types of custom key stores differ in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum StoreKind {
    CloudHsm(CloudHsmStore),
}

impl StoreKind {
    /// CustomKeyStoreType
    pub fn name(&self) -> &'static str {
        match self {
            StoreKind::CloudHsm(_) => "AWS_CLOUDHSM",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CloudHsmStore {
    pub cluster_id: String,
    /// customerCA.crt, PEM, as it was given.
    pub trust_anchor: String,
    /// kmsuser's password that was given or rotated to, sealed.
    pub password: Vec<u8>,
    /// The next one, sealed, while it is not known whether the cluster has taken it.
    pub pending_password: Option<Vec<u8>>,
}

/// ConnectionState
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ConnectionState {
    Disconnected,
    Connecting,
    Connected,
    Failed,
    Disconnecting,
}

impl ConnectionState {
    pub fn name(self) -> &'static str {
        match self {
            ConnectionState::Disconnected => "DISCONNECTED",
            ConnectionState::Connecting => "CONNECTING",
            ConnectionState::Connected => "CONNECTED",
            ConnectionState::Failed => "FAILED",
            ConnectionState::Disconnecting => "DISCONNECTING",
        }
    }
}

/// ConnectionErrorCode, as far as an HSM store can have it (reference sec. 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ConnectionErrorCode {
    InternalError,
    NetworkErrors,
    InvalidCredentials,
    ClusterNotFound,
    InsufficientCloudHsmHsms,
    UserLockedOut,
    UserLoggedIn,
    UserNotFound,
}

impl ConnectionErrorCode {
    pub fn name(self) -> &'static str {
        match self {
            ConnectionErrorCode::InternalError => "INTERNAL_ERROR",
            ConnectionErrorCode::NetworkErrors => "NETWORK_ERRORS",
            ConnectionErrorCode::InvalidCredentials => "INVALID_CREDENTIALS",
            ConnectionErrorCode::ClusterNotFound => "CLUSTER_NOT_FOUND",
            ConnectionErrorCode::InsufficientCloudHsmHsms => "INSUFFICIENT_CLOUDHSM_HSMS",
            ConnectionErrorCode::UserLockedOut => "USER_LOCKED_OUT",
            ConnectionErrorCode::UserLoggedIn => "USER_LOGGED_IN",
            ConnectionErrorCode::UserNotFound => "USER_NOT_FOUND",
        }
    }
}

/// The index of names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoreName {
    pub id: StoreId,
}

impl Record for StoreName {
    const VERSION: u8 = 1;
}

/// All custom key stores: under the condition that it is as it was read, a new one passes the limit, and no other takes
/// its cluster at the same moment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct StoreRegister {
    pub stores: Vec<RegisteredStore>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RegisteredStore {
    pub id: StoreId,
    /// AWS_CLOUDHSM
    pub cluster_id: Option<String>,
}

impl Record for StoreRegister {
    const VERSION: u8 = 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_read_without_the_rest() {
        for state in [ConnectionState::Disconnected, ConnectionState::Connected, ConnectionState::Failed] {
            let record = StoreRecord {
                name: "a name".into(),
                created_ms: 1_767_225_600_000,
                state,
                error_code: Some(ConnectionErrorCode::UserNotFound),
                attempt: 3,
                kind: StoreKind::CloudHsm(CloudHsmStore {
                    cluster_id: "cluster-2abcdefghij".into(),
                    trust_anchor: String::new(),
                    password: vec![1, 2],
                    pending_password: None,
                }),
            };
            let raw = record.encode().unwrap();
            assert_eq!(StoreRecord::state_of(&raw), Ok(state));
            assert!(StoreRecord::state_of(&raw[1..]).is_err());
            assert!(StoreRecord::state_of(&raw[..4]).is_err());
        }
    }
}
