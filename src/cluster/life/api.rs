//! Requests and answers of the life cycle, as the CloudHSM V2 API has them, and the names it gives to values.
//!
//! No wire format: JSON and CBOR are made of these at the edges. What the API does not have is marked so.

use crate::cluster::{HsmType, Mode, NetworkType, Subnet, Tag};
use crate::error::LifeError;

/// Cluster.State
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    CreateInProgress,
    Uninitialized,
    InitializeInProgress,
    Initialized,
    Active,
    ModifyInProgress,
    RollbackInProgress,
    DeleteInProgress,
    Deleted,
    Degraded,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            State::CreateInProgress => "CREATE_IN_PROGRESS",
            State::Uninitialized => "UNINITIALIZED",
            State::InitializeInProgress => "INITIALIZE_IN_PROGRESS",
            State::Initialized => "INITIALIZED",
            State::Active => "ACTIVE",
            State::ModifyInProgress => "MODIFY_IN_PROGRESS",
            State::RollbackInProgress => "ROLLBACK_IN_PROGRESS",
            State::DeleteInProgress => "DELETE_IN_PROGRESS",
            State::Deleted => "DELETED",
            State::Degraded => "DEGRADED",
        }
    }
}

/// Hsm.State. Here an HSM that failed on purpose is DEGRADED too: StateMessage says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HsmStatus {
    CreateInProgress,
    Active,
    Degraded,
    Failed,
    DeleteInProgress,
}

impl HsmStatus {
    pub fn name(self) -> &'static str {
        match self {
            HsmStatus::CreateInProgress => "CREATE_IN_PROGRESS",
            HsmStatus::Active => "ACTIVE",
            HsmStatus::Degraded | HsmStatus::Failed => "DEGRADED",
            HsmStatus::DeleteInProgress => "DELETE_IN_PROGRESS",
        }
    }

    /// StateMessage
    pub fn message(self) -> Option<&'static str> {
        match self {
            HsmStatus::Degraded => Some("degraded: it works, and does not count for key availability"),
            HsmStatus::Failed => Some("failed: its slot has no token"),
            _ => None,
        }
    }
}

impl HsmType {
    pub fn name(self) -> &'static str {
        match self {
            HsmType::Hsm1Medium => "hsm1.medium",
            HsmType::Hsm2mMedium => "hsm2m.medium",
        }
    }

    /// Errors: `Input`.
    pub fn parse(name: &str) -> Result<Self, LifeError> {
        match name {
            "hsm1.medium" => Ok(HsmType::Hsm1Medium),
            "hsm2m.medium" => Ok(HsmType::Hsm2mMedium),
            _ => Err(unknown("HsmType", name, "hsm1.medium or hsm2m.medium")),
        }
    }
}

impl Mode {
    pub fn name(self) -> &'static str {
        match self {
            Mode::Fips => "FIPS",
            Mode::NonFips => "NON_FIPS",
        }
    }

    /// Errors: `Input`.
    pub fn parse(name: &str) -> Result<Self, LifeError> {
        match name {
            "FIPS" => Ok(Mode::Fips),
            "NON_FIPS" => Ok(Mode::NonFips),
            _ => Err(unknown("Mode", name, "FIPS or NON_FIPS")),
        }
    }
}

impl NetworkType {
    pub fn name(self) -> &'static str {
        match self {
            NetworkType::Ipv4 => "IPV4",
            NetworkType::DualStack => "DUALSTACK",
        }
    }

    /// Errors: `Input`.
    pub fn parse(name: &str) -> Result<Self, LifeError> {
        match name {
            "IPV4" => Ok(NetworkType::Ipv4),
            "DUALSTACK" => Ok(NetworkType::DualStack),
            _ => Err(unknown("NetworkType", name, "IPV4 or DUALSTACK")),
        }
    }
}

fn unknown(field: &'static str, found: &str, known: &str) -> LifeError {
    LifeError::Input { field, reason: format!("{found:?} is none; use {known}") }
}

/// BackupRetentionPolicy of type DAYS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    pub(super) days: u16,
}

impl Retention {
    pub const TYPE: &'static str = "DAYS";

    /// Errors: `Input`: not 7 to 379.
    pub fn days(days: u16) -> Result<Self, LifeError> {
        match days {
            7..=379 => Ok(Self { days }),
            _ => {
                let reason = format!("{days} days are not 7 to 379");
                Err(LifeError::Input { field: "BackupRetentionPolicy", reason })
            }
        }
    }

    pub fn in_days(self) -> u16 {
        self.days
    }

    /// From the API's two texts. Errors: `Input`.
    pub fn parse(kind: &str, value: &str) -> Result<Self, LifeError> {
        let field = "BackupRetentionPolicy";
        if kind != Self::TYPE {
            return Err(unknown(field, kind, Self::TYPE));
        }
        let digits = (1..=3).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit());
        match value.parse() {
            Ok(days) if digits => Self::days(days),
            _ => Err(LifeError::Input { field, reason: format!("{value:?} is not a number from 7 to 379") }),
        }
    }
}

/// Where HSMs shall stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Places {
    /// SubnetIds: 1 to 10, each in an availability zone of its own.
    Subnets(Vec<String>),
    /// Not in the API: 1 to 10 availability zones, whose subnets have made-up ids.
    Zones(Vec<String>),
}

#[derive(Debug, Clone)]
pub struct CreateClusterRequest {
    /// Not in the API: the tokens' label. Without it the ClusterId.
    pub label: Option<String>,
    pub hsm_type: HsmType,
    /// `None`: FIPS.
    pub mode: Option<Mode>,
    pub places: Places,
    pub network_type: NetworkType,
    pub retention: Option<Retention>,
    /// A BackupId, or a backup's ARN.
    pub source_backup_id: Option<String>,
    pub tags: Vec<Tag>,
}

/// A whole cluster at once: not in the API.
pub struct WholeClusterRequest<'a> {
    pub label: &'a str,
    pub hsms: usize,
    pub admin_password: &'a [u8],
    pub hsm_type: HsmType,
    pub mode: Mode,
    /// `None`: three zones of the region.
    pub places: Option<Places>,
    pub retention: Option<Retention>,
    pub tags: Vec<Tag>,
}

#[derive(Debug, Clone, Default)]
pub struct DescribeClustersRequest {
    /// Filters.clusterIds; none: all.
    pub cluster_ids: Vec<String>,
    /// Filters.vpcIds
    pub vpc_ids: Vec<String>,
    /// Filters.states
    pub states: Vec<String>,
    pub next_token: Option<String>,
    /// 1 to 25.
    pub max_results: Option<usize>,
}

#[derive(Debug, Clone)]
pub struct DescribeClustersAnswer {
    pub clusters: Vec<ClusterDescription>,
    pub next_token: Option<String>,
}

#[derive(Debug, Clone)]
pub struct InitializeClusterRequest {
    pub cluster_id: String,
    /// PEM
    pub signed_cert: String,
    /// PEM
    pub trust_anchor: String,
}

#[derive(Debug, Clone)]
pub struct InitializeClusterAnswer {
    pub state: State,
    pub state_message: Option<String>,
}

/// `cluster activate` of the CloudHSM CLI.
pub struct ActivateRequest<'a> {
    pub cluster_id: &'a str,
    /// Of user `admin`.
    pub admin_password: &'a [u8],
    /// Not in the CLI: another label for the tokens.
    pub label: Option<&'a str>,
}

#[derive(Debug, Clone, Default)]
pub struct ModifyClusterRequest {
    pub cluster_id: String,
    pub hsm_type: Option<HsmType>,
    pub retention: Option<Retention>,
}

#[derive(Debug, Clone)]
pub struct CreateHsmRequest {
    pub cluster_id: String,
    pub availability_zone: String,
    pub ip_address: Option<String>,
}

#[derive(Debug, Clone)]
pub struct DeleteHsmRequest {
    pub cluster_id: String,
    pub hsm: HsmName,
}

/// What DeleteHsm knows an HSM by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HsmName {
    HsmId(String),
    EniId(String),
    EniIp(String),
}

#[derive(Debug, Clone)]
pub struct ListTagsRequest {
    pub resource_id: String,
    pub next_token: Option<String>,
    /// 1 to 100.
    pub max_results: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListTagsAnswer {
    pub tags: Vec<Tag>,
    pub next_token: Option<String>,
}

/// Cluster
#[derive(Debug, Clone)]
pub struct ClusterDescription {
    pub cluster_id: String,
    /// Not in the API.
    pub label: String,
    pub state: State,
    pub state_message: Option<String>,
    pub hsms: Vec<HsmDescription>,
    pub certificates: Certificates,
    /// Not in the API, which keeps it to itself: customerCA.crt, in PEM.
    pub trust_anchor: Option<String>,
    pub retention: Retention,
    /// Milliseconds since 1970. `None`: not known.
    pub created_ms: Option<u64>,
    pub hsm_type: HsmType,
    pub rollback_until_ms: Option<u64>,
    pub mode: Mode,
    pub network_type: NetworkType,
    pub security_group: String,
    pub vpc_id: String,
    /// SubnetMapping
    pub subnets: Vec<Subnet>,
    pub source_backup_id: Option<String>,
    pub tags: Vec<Tag>,
}

impl ClusterDescription {
    pub const BACKUP_POLICY: &'static str = "DEFAULT";
}

/// Certificates, in PEM. HsmCertificate and those of the hardware are never there: no hardware vouches for anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Certificates {
    pub cluster_csr: Option<String>,
    pub cluster_certificate: Option<String>,
}

/// Hsm
#[derive(Debug, Clone)]
pub struct HsmDescription {
    pub hsm_id: String,
    pub cluster_id: String,
    /// Not in the API: its slot, once the cluster is active.
    pub slot_id: u64,
    pub availability_zone: String,
    pub subnet_id: String,
    pub eni_id: String,
    pub eni_ip: String,
    pub hsm_type: HsmType,
    pub status: HsmStatus,
}
