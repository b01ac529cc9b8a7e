//! Records of custom key stores.

use super::{Record, decode_current, read_fields};
use crate::error::KmsError;
use crate::ids::StoreId;
use serde::{Deserialize, Serialize};

const NOT_EXTERNAL: &str = "a key store in a cluster was taken for an external one";
const NOT_IN_CLUSTER: &str = "an external key store was taken for one in a cluster";

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

    /// `None`: it is an external key store.
    pub fn hsm(&self) -> Option<&CloudHsmStore> {
        match &self.kind {
            StoreKind::CloudHsm(hsm) => Some(hsm),
            StoreKind::External(_) => None,
        }
    }

    /// Where only external key stores come to. Errors: `KmsInternal`: it is another.
    pub fn as_external(&self) -> Result<&ExternalStore, KmsError> {
        match &self.kind {
            StoreKind::CloudHsm(_) => Err(KmsError::internal(NOT_EXTERNAL)),
            StoreKind::External(external) => Ok(external),
        }
    }

    /// Where only key stores in clusters come to. Errors: `KmsInternal`: it is another.
    pub fn as_cluster(&self) -> Result<&CloudHsmStore, KmsError> {
        self.hsm().ok_or_else(|| KmsError::internal(NOT_IN_CLUSTER))
    }

    /// As `as_cluster`.
    pub fn as_cluster_mut(&mut self) -> Result<&mut CloudHsmStore, KmsError> {
        match &mut self.kind {
            StoreKind::CloudHsm(hsm) => Ok(hsm),
            StoreKind::External(_) => Err(KmsError::internal(NOT_IN_CLUSTER)),
        }
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
    External(ExternalStore),
}

impl StoreKind {
    /// CustomKeyStoreType
    pub fn name(&self) -> &'static str {
        match self {
            StoreKind::CloudHsm(_) => "AWS_CLOUDHSM",
            StoreKind::External(_) => "EXTERNAL_KEY_STORE",
        }
    }

    /// What the register has of it.
    pub fn behind(&self) -> Behind {
        match self {
            StoreKind::CloudHsm(hsm) => Behind::Cluster(hsm.cluster_id.clone()),
            StoreKind::External(external) => Behind::Proxy(external.address()),
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

/// Keys behind an external key store proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExternalStore {
    /// `https://<host>`
    pub endpoint: String,
    /// Up to `/kms/xks/v1`.
    pub path: String,
    pub access_key_id: String,
    /// The secret access key, sealed.
    pub secret: Vec<u8>,
    pub connectivity: Connectivity,
    /// Since when the credential is this one (milliseconds since 1970).
    pub credential_since_ms: u64,
}

impl ExternalStore {
    pub fn address(&self) -> ProxyAddress {
        ProxyAddress {
            endpoint: self.endpoint.clone(),
            path: self.path.clone(),
            vpc_endpoint_service: self.connectivity.service().map(str::to_owned),
        }
    }
}

/// XksProxyConnectivity, with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Connectivity {
    Public,
    /// `owner`: an account's 12 digits; `None`: it is KMS's caller's own.
    VpcEndpointService {
        name: String,
        owner: Option<String>,
    },
}

impl Connectivity {
    pub fn name(&self) -> &'static str {
        match self {
            Connectivity::Public => "PUBLIC_ENDPOINT",
            Connectivity::VpcEndpointService { .. } => "VPC_ENDPOINT_SERVICE",
        }
    }

    /// XksProxyVpcEndpointServiceName
    pub fn service(&self) -> Option<&str> {
        match self {
            Connectivity::Public => None,
            Connectivity::VpcEndpointService { name, .. } => Some(name),
        }
    }
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

/// ConnectionErrorCode, as far as a key store here can have it (reference sec. 2).
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
    XksProxyAccessDenied,
    XksProxyInvalidConfiguration,
    XksProxyInvalidResponse,
    XksProxyInvalidTlsConfiguration,
    XksProxyNotReachable,
    XksProxyTimedOut,
    XksVpcEndpointServiceInvalidConfiguration,
    XksVpcEndpointServiceNotFound,
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
            ConnectionErrorCode::XksProxyAccessDenied => "XKS_PROXY_ACCESS_DENIED",
            ConnectionErrorCode::XksProxyInvalidConfiguration => "XKS_PROXY_INVALID_CONFIGURATION",
            ConnectionErrorCode::XksProxyInvalidResponse => "XKS_PROXY_INVALID_RESPONSE",
            ConnectionErrorCode::XksProxyInvalidTlsConfiguration => "XKS_PROXY_INVALID_TLS_CONFIGURATION",
            ConnectionErrorCode::XksProxyNotReachable => "XKS_PROXY_NOT_REACHABLE",
            ConnectionErrorCode::XksProxyTimedOut => "XKS_PROXY_TIMED_OUT",
            ConnectionErrorCode::XksVpcEndpointServiceInvalidConfiguration => {
                "XKS_VPC_ENDPOINT_SERVICE_INVALID_CONFIGURATION"
            }
            ConnectionErrorCode::XksVpcEndpointServiceNotFound => "XKS_VPC_ENDPOINT_SERVICE_NOT_FOUND",
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
/// its cluster or its proxy at the same moment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct StoreRegister {
    pub stores: Vec<RegisteredStore>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RegisteredStore {
    pub id: StoreId,
    pub behind: Behind,
}

/// What stands behind a key store, and behind no other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Behind {
    /// ClusterId
    Cluster(String),
    Proxy(ProxyAddress),
}

/// Where an external key store proxy is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProxyAddress {
    pub endpoint: String,
    pub path: String,
    /// `None`: its endpoint is public.
    pub vpc_endpoint_service: Option<String>,
}

impl StoreRegister {
    /// The clusters of all key stores.
    pub fn clusters(&self) -> impl Iterator<Item = &str> {
        self.stores.iter().filter_map(|store| match &store.behind {
            Behind::Cluster(cluster_id) => Some(&**cluster_id),
            Behind::Proxy(_) => None,
        })
    }

    pub fn set(&mut self, id: &StoreId, behind: &Behind) {
        let own = self.stores.iter_mut().filter(|store| store.id == *id);
        own.for_each(|store| store.behind = behind.clone());
    }
}

impl Record for StoreRegister {
    const VERSION: u8 = 2;

    fn decode(bytes: &[u8]) -> Result<Self, KmsError> {
        /// Version 1: all key stores are in clusters.
        type Old = Vec<(StoreId, Option<String>)>;
        match bytes.split_first() {
            Some((1, fields)) => {
                let stores: Old = read_fields(fields)?;
                let stores = stores.into_iter().filter_map(|(id, cluster_id)| {
                    Some(RegisteredStore { id, behind: Behind::Cluster(cluster_id?) })
                });
                Ok(StoreRegister { stores: stores.collect() })
            }
            _ => decode_current(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLUSTER: &str = "cluster-2abcdefghij";

    fn cloud_hsm() -> StoreKind {
        StoreKind::CloudHsm(CloudHsmStore {
            cluster_id: CLUSTER.into(),
            trust_anchor: String::new(),
            password: vec![1, 2],
            pending_password: None,
        })
    }

    fn external(connectivity: Connectivity) -> StoreKind {
        StoreKind::External(ExternalStore {
            endpoint: "https://proxy.example".into(),
            path: "/kms/xks/v1".into(),
            access_key_id: "ABCDEFGHIJKLMNOPQRST".into(),
            secret: vec![3, 4],
            connectivity,
            credential_since_ms: 1_767_225_600_000,
        })
    }

    fn record(state: ConnectionState, kind: StoreKind) -> StoreRecord {
        let error_code = Some(ConnectionErrorCode::UserNotFound);
        StoreRecord {
            name: "a name".into(),
            created_ms: 1_767_225_600_000,
            state,
            error_code,
            attempt: 3,
            kind,
        }
    }

    #[test]
    fn the_state_is_read_without_the_rest() {
        for kind in [cloud_hsm(), external(Connectivity::Public)] {
            for state in [ConnectionState::Disconnected, ConnectionState::Connected, ConnectionState::Failed]
            {
                let raw = record(state, kind.clone()).encode().unwrap();
                assert_eq!(StoreRecord::state_of(&raw), Ok(state));
                assert!(StoreRecord::state_of(&raw[1..]).is_err());
                assert!(StoreRecord::state_of(&raw[..4]).is_err());
            }
        }
    }

    /// As they were before there were external key stores.
    #[test]
    fn records_of_version_1_are_read() {
        let raw = b"\x01\x06a name\x80\xd0\xea\xb6\xb7\x33\x03\x01\x07\x03\x00\x13cluster-2abcdefghij\x00\x02\x01\x02\x00";
        assert_eq!(StoreRecord::decode(raw), Ok(record(ConnectionState::Failed, cloud_hsm())));
        let raw = b"\x01\x01\x15cks-0123456789abcdef0\x01\x13cluster-2abcdefghij";
        let id = StoreId("cks-0123456789abcdef0".into());
        let register = StoreRegister {
            stores: vec![RegisteredStore { id: id.clone(), behind: Behind::Cluster(CLUSTER.into()) }],
        };
        assert_eq!(StoreRegister::decode(raw), Ok(register.clone()));
        assert_eq!(StoreRegister::decode(b"\x01\x00"), Ok(StoreRegister::default()));
        for broken in [&b""[..], b"\x01", b"\x01\x01\x15cks", b"\x03\x00"] {
            assert!(StoreRegister::decode(broken).is_err(), "{broken:?}");
        }
        assert_eq!(StoreRegister::decode(&register.encode().unwrap()), Ok(register));
    }

    #[test]
    fn external_key_stores_come_back_as_they_were() {
        let service = Connectivity::VpcEndpointService {
            name: "com.amazonaws.vpce.us-east-1.vpce-svc-1".into(),
            owner: Some("111122223333".into()),
        };
        for connectivity in [Connectivity::Public, service] {
            let record = record(ConnectionState::Connected, external(connectivity.clone()));
            assert_eq!(StoreRecord::decode(&record.encode().unwrap()), Ok(record.clone()));
            let Behind::Proxy(address) = record.kind.behind() else { panic!("{record:?}") };
            assert_eq!(address.vpc_endpoint_service.as_deref(), connectivity.service());
            assert!(record.as_cluster().is_err() && record.hsm().is_none());
        }
    }
}
