//! Structures of the model that several operations have.

use super::check::Check;
use super::refused::Refused;
use super::wire::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use vhsm_pkcs11::cluster::Tag;
use vhsm_pkcs11::cluster::backup::Backup;
use vhsm_pkcs11::cluster::life::api::{ClusterDescription, HsmDescription, Retention};

/// TagList, TagKeyList
pub(super) const TAGS: std::ops::RangeInclusive<usize> = 1..=50;

/// Filters
pub(super) type Filters = BTreeMap<String, Vec<String>>;

/// Cluster
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ClusterShape {
    backup_policy: &'static str,
    backup_retention_policy: RetentionShape,
    cluster_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    create_timestamp: Option<Timestamp>,
    hsms: Vec<HsmShape>,
    hsm_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hsm_type_rollback_expiration: Option<Timestamp>,
    security_group: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_backup_id: Option<String>,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_message: Option<String>,
    subnet_mapping: BTreeMap<String, String>,
    vpc_id: String,
    network_type: &'static str,
    certificates: CertificatesShape,
    tag_list: Vec<TagShape>,
    mode: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CertificatesShape {
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_csr: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_certificate: Option<String>,
}

/// BackupRetentionPolicy
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RetentionShape {
    #[serde(rename = "Type")]
    kind: Option<String>,
    value: Option<String>,
}

/// Hsm
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct HsmShape {
    availability_zone: String,
    cluster_id: String,
    subnet_id: String,
    eni_id: String,
    eni_ip: String,
    hsm_id: String,
    hsm_type: &'static str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_message: Option<&'static str>,
}

/// Backup
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BackupShape {
    backup_id: String,
    backup_arn: String,
    backup_state: &'static str,
    cluster_id: String,
    create_timestamp: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    copy_timestamp: Option<Timestamp>,
    never_expires: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_backup: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_cluster: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delete_timestamp: Option<Timestamp>,
    tag_list: Vec<TagShape>,
    hsm_type: &'static str,
    mode: &'static str,
}

/// Tag
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TagShape {
    key: Option<String>,
    value: Option<String>,
}

impl From<ClusterDescription> for ClusterShape {
    fn from(cluster: ClusterDescription) -> Self {
        let subnets = cluster.subnets.into_iter();
        Self {
            backup_policy: ClusterDescription::BACKUP_POLICY,
            backup_retention_policy: RetentionShape {
                kind: Some(Retention::TYPE.into()),
                value: Some(cluster.retention.in_days().to_string()),
            },
            cluster_id: cluster.cluster_id,
            create_timestamp: cluster.created_ms.map(Timestamp),
            hsms: cluster.hsms.into_iter().map(HsmShape::from).collect(),
            hsm_type: cluster.hsm_type.name(),
            hsm_type_rollback_expiration: cluster.rollback_until_ms.map(Timestamp),
            security_group: cluster.security_group,
            source_backup_id: cluster.source_backup_id,
            state: cluster.state.name(),
            state_message: cluster.state_message,
            subnet_mapping: subnets.map(|subnet| (subnet.availability_zone, subnet.id)).collect(),
            vpc_id: cluster.vpc_id,
            network_type: cluster.network_type.name(),
            certificates: CertificatesShape {
                cluster_csr: cluster.certificates.cluster_csr,
                cluster_certificate: cluster.certificates.cluster_certificate,
            },
            tag_list: tag_shapes(&cluster.tags),
            mode: cluster.mode.name(),
        }
    }
}

impl From<HsmDescription> for HsmShape {
    fn from(hsm: HsmDescription) -> Self {
        Self {
            availability_zone: hsm.availability_zone,
            cluster_id: hsm.cluster_id,
            subnet_id: hsm.subnet_id,
            eni_id: hsm.eni_id,
            eni_ip: hsm.eni_ip,
            hsm_id: hsm.hsm_id,
            hsm_type: hsm.hsm_type.name(),
            state: hsm.status.name(),
            state_message: hsm.status.message(),
        }
    }
}

impl BackupShape {
    pub fn new(backup: Backup, arn: String) -> Self {
        Self {
            backup_arn: arn,
            backup_state: backup.state.name(),
            source_cluster: backup.source_cluster().map(str::to_owned),
            create_timestamp: Timestamp(backup.created_ms),
            copy_timestamp: backup.copied_ms.map(Timestamp),
            never_expires: backup.never_expires,
            source_region: backup.source_region,
            source_backup: backup.source_backup,
            delete_timestamp: backup.delete_ms.map(Timestamp),
            tag_list: tag_shapes(&backup.tags),
            hsm_type: backup.hsm_type.name(),
            mode: backup.mode.name(),
            cluster_id: backup.cluster,
            backup_id: backup.id,
        }
    }
}

impl RetentionShape {
    /// Errors: CloudHsmInvalidRequestException.
    pub fn read(&self) -> Result<Retention, Refused> {
        let mut check = Check::default();
        let kind = check.required("backupRetentionPolicy.type", self.kind.as_deref());
        let value = check.required("backupRetentionPolicy.value", self.value.as_deref());
        check.finish()?;
        Ok(Retention::parse(kind, value)?)
    }
}

pub(super) fn tag_shapes(tags: &[Tag]) -> Vec<TagShape> {
    let shape = |tag: &Tag| TagShape { key: Some(tag.key.clone()), value: Some(tag.value.clone()) };
    tags.iter().map(shape).collect()
}

/// TagList; what keys and values may be is the control plane's to say. Errors: CloudHsmInvalidRequestException.
pub(super) fn tags(list: Option<Vec<TagShape>>) -> Result<Vec<Tag>, Refused> {
    let Some(list) = list else { return Ok(Vec::new()) };
    let mut check = Check::default();
    check.length("tagList", list.len(), TAGS);
    let mut tags = Vec::new();
    for (i, tag) in list.into_iter().enumerate() {
        check.present(&format!("tagList.{}.member.key", i + 1), tag.key.is_some());
        check.present(&format!("tagList.{}.member.value", i + 1), tag.value.is_some());
        tags.push(Tag { key: tag.key.unwrap_or_default(), value: tag.value.unwrap_or_default() });
    }
    check.finish()?;
    Ok(tags)
}
