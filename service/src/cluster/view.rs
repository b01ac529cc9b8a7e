//! What commands about clusters answer: the CloudHSM API's own names, with the label, the slots and the trust anchor's
//! file beside them.

use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};
use vhsm_pkcs11::cluster::Tag;
use vhsm_pkcs11::cluster::life::api::{ClusterDescription, HsmDescription, Retention};

/// Cluster of the CloudHSM API.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ClusterView<'a> {
    cluster_id: &'a str,
    label: &'a str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_message: Option<&'a str>,
    hsms: Vec<HsmView<'a>>,
    hsm_type: &'static str,
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hsm_type_rollback_expiration: Option<String>,
    backup_policy: &'static str,
    backup_retention_policy: RetentionView,
    #[serde(skip_serializing_if = "Option::is_none")]
    create_timestamp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_backup_id: Option<&'a str>,
    vpc_id: &'a str,
    security_group: &'a str,
    subnet_mapping: BTreeMap<&'a str, &'a str>,
    network_type: &'static str,
    certificates: CertificatesView<'a>,
    /// The absolute path of customerCA.crt.
    #[serde(skip_serializing_if = "Option::is_none")]
    trust_anchor_file: Option<&'a Path>,
    tag_list: Vec<TagView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ClusterList<'a> {
    pub clusters: Vec<ClusterView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct HsmView<'a> {
    hsm_id: &'a str,
    cluster_id: &'a str,
    slot_id: u64,
    availability_zone: &'a str,
    subnet_id: &'a str,
    eni_id: &'a str,
    eni_ip: &'a str,
    hsm_type: &'static str,
    state: &'static str,
    /// Why it is not ACTIVE.
    #[serde(skip_serializing_if = "Option::is_none")]
    state_message: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RetentionView {
    #[serde(rename = "Type")]
    kind: &'static str,
    value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CertificatesView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_csr: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_certificate: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TagView<'a> {
    key: &'a str,
    value: &'a str,
}

impl<'a> From<&'a Tag> for TagView<'a> {
    fn from(tag: &'a Tag) -> Self {
        Self { key: &tag.key, value: &tag.value }
    }
}

/// Answer of InitializeCluster.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct InitializedCluster<'a> {
    pub cluster_id: &'a str,
    pub state: &'static str,
    pub trust_anchor_file: &'a Path,
}

/// Answer of DeleteHsm.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeletedHsm<'a> {
    pub hsm_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeletedCluster<'a> {
    pub cluster_id: &'a str,
    pub label: &'a str,
    pub state: &'static str,
    pub lost: Lost,
}

/// What was in a cluster that is deleted.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Lost {
    pub hsms: usize,
    pub users: usize,
    pub token_objects: usize,
}

impl<'a> ClusterView<'a> {
    /// `trust_anchor_file`: where the trust anchor lies, if it could be put there.
    pub fn new(cluster: &'a ClusterDescription, trust_anchor_file: Option<&'a Path>) -> Self {
        Self {
            cluster_id: &cluster.cluster_id,
            label: &cluster.label,
            state: cluster.state.name(),
            state_message: cluster.state_message.as_deref(),
            hsms: cluster.hsms.iter().map(HsmView::from).collect(),
            hsm_type: cluster.hsm_type.name(),
            mode: cluster.mode.name(),
            hsm_type_rollback_expiration: cluster.rollback_until_ms.map(timestamp),
            backup_policy: ClusterDescription::BACKUP_POLICY,
            backup_retention_policy: RetentionView {
                kind: Retention::TYPE,
                value: cluster.retention.in_days().to_string(),
            },
            create_timestamp: cluster.created_ms.map(timestamp),
            source_backup_id: cluster.source_backup_id.as_deref(),
            vpc_id: &cluster.vpc_id,
            security_group: &cluster.security_group,
            subnet_mapping: cluster
                .subnets
                .iter()
                .map(|subnet| (subnet.availability_zone.as_str(), subnet.id.as_str()))
                .collect(),
            network_type: cluster.network_type.name(),
            certificates: CertificatesView {
                cluster_csr: cluster.certificates.cluster_csr.as_deref(),
                cluster_certificate: cluster.certificates.cluster_certificate.as_deref(),
            },
            trust_anchor_file,
            tag_list: cluster.tags.iter().map(TagView::from).collect(),
        }
    }
}

impl<'a> From<&'a HsmDescription> for HsmView<'a> {
    fn from(hsm: &'a HsmDescription) -> Self {
        Self {
            hsm_id: &hsm.hsm_id,
            cluster_id: &hsm.cluster_id,
            slot_id: hsm.slot_id,
            availability_zone: &hsm.availability_zone,
            subnet_id: &hsm.subnet_id,
            eni_id: &hsm.eni_id,
            eni_ip: &hsm.eni_ip,
            hsm_type: hsm.hsm_type.name(),
            state: hsm.status.name(),
            state_message: hsm.status.message(),
        }
    }
}

/// RFC 3339, as the AWS CLI shows times.
pub fn timestamp(ms: u64) -> String {
    // Beyond the year 9999 nothing is shown right, and no clock is right.
    let last = Duration::from_secs(253_402_300_799);
    humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(ms).min(last)).to_string()
}
