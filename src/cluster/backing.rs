//! What the control plane keeps of a cluster beside its keys and users: Cluster of the CloudHSM API.
//!
//! Written by the operations of the life cycle, and by what restores a cluster; decides nothing about keys.

use serde::{Deserialize, Serialize};

/// HsmType of the CloudHSM API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HsmType {
    Hsm1Medium,
    Hsm2mMedium,
}

/// Mode of the CloudHSM API: fixed when a cluster is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    Fips,
    NonFips,
}

/// NetworkType of the CloudHSM API: kept and told; nothing here has a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NetworkType {
    Ipv4,
    DualStack,
}

/// Where HSMs can be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    pub availability_zone: String,
    /// `subnet-...`
    pub id: String,
}

/// Tag of the CloudHSM API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    pub key: String,
    pub value: String,
}

/// A change of HsmType, which can be taken back for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeChange {
    pub from: HsmType,
    /// Milliseconds since 1970.
    pub at_ms: u64,
    /// It was taken back.
    pub is_rollback: bool,
}

/// An HSM that is deleted, and still shown for as long as the configuration wants such states to be seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepartingHsm {
    pub name: String,
    pub slot_id: u64,
    pub availability_zone: String,
    pub ip_address: Option<String>,
    /// Milliseconds since 1970.
    pub since_ms: u64,
}

/// What the control plane keeps of a cluster beside its keys and users (Cluster of the CloudHSM API).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backing {
    pub hsm_type: HsmType,
    pub mode: Mode,
    pub network_type: NetworkType,
    /// Milliseconds since 1970; 0: not known.
    pub created_ms: u64,
    /// When the cluster came to the state it is in.
    pub state_since_ms: u64,
    pub type_change: Option<TypeChange>,
    /// One for each availability zone; empty: HSMs can be made anywhere.
    pub subnets: Vec<Subnet>,
    /// 7 to 379 (BackupRetentionPolicy).
    pub backup_retention_days: u16,
    pub source_backup: Option<String>,
    /// PEM. Only while the cluster is uninitialized.
    pub csr: Option<String>,
    /// PEM. Equal for clusters of one backup history (reference/cloudhsm.md sec. 4).
    pub certificate: Option<String>,
    /// PEM: the certificate of the customer's CA, customerCA.crt.
    pub trust_anchor: Option<String>,
    pub tags: Vec<Tag>,
    pub departing: Vec<DepartingHsm>,
}

impl Backing {
    /// CloudHSM's default.
    pub const RETENTION_DAYS: u16 = 90;

    pub fn new(hsm_type: HsmType, mode: Mode, created_ms: u64) -> Self {
        Self {
            hsm_type,
            mode,
            network_type: NetworkType::Ipv4,
            created_ms,
            state_since_ms: created_ms,
            type_change: None,
            subnets: Vec::new(),
            backup_retention_days: Self::RETENTION_DAYS,
            source_backup: None,
            csr: None,
            certificate: None,
            trust_anchor: None,
            tags: Vec::new(),
            departing: Vec::new(),
        }
    }
}
