//! CreateCluster, DescribeClusters, InitializeCluster, ModifyCluster, DeleteCluster.

use super::Operations;
use super::check::Check;
use super::refused::Refused;
use super::shapes::{ClusterShape, Filters, RetentionShape, TagShape, tags};
use serde::{Deserialize, Serialize};
use vhsm_pkcs11::cluster::life::api::{self, Places, Retention};
use vhsm_pkcs11::cluster::{HsmType, Mode, NetworkType};

/// ClustersMaxSize
const MAX_RESULTS: usize = 25;
/// SubnetIds
const SUBNETS: std::ops::RangeInclusive<usize> = 1..=10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateClusterRequest {
    backup_retention_policy: Option<RetentionShape>,
    hsm_type: Option<String>,
    source_backup_id: Option<String>,
    subnet_ids: Option<Vec<String>>,
    network_type: Option<String>,
    tag_list: Option<Vec<TagShape>>,
    mode: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ClusterResponse {
    cluster: ClusterShape,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeClustersRequest {
    filters: Option<Filters>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeClustersResponse {
    clusters: Vec<ClusterShape>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InitializeClusterRequest {
    cluster_id: Option<String>,
    signed_cert: Option<String>,
    trust_anchor: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InitializeClusterResponse {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_message: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ModifyClusterRequest {
    hsm_type: Option<String>,
    backup_retention_policy: Option<RetentionShape>,
    cluster_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteClusterRequest {
    cluster_id: Option<String>,
}

impl Operations<'_> {
    pub(super) fn create_cluster(&self, request: CreateClusterRequest) -> Result<ClusterResponse, Refused> {
        let mut check = Check::default();
        let hsm_type = check.required("hsmType", request.hsm_type.as_deref());
        check.present("subnetIds", request.subnet_ids.is_some());
        if let Some(subnets) = &request.subnet_ids {
            check.length("subnetIds", subnets.len(), SUBNETS);
        }
        check.finish()?;
        let cluster = self.plane.create_cluster(&api::CreateClusterRequest {
            label: None,
            hsm_type: HsmType::parse(hsm_type)?,
            mode: request.mode.as_deref().map(Mode::parse).transpose()?,
            places: Places::Subnets(request.subnet_ids.unwrap_or_default()),
            network_type: request
                .network_type
                .as_deref()
                .map_or(Ok(NetworkType::Ipv4), NetworkType::parse)?,
            retention: retention(request.backup_retention_policy.as_ref())?,
            source_backup_id: request.source_backup_id,
            tags: tags(request.tag_list)?,
        })?;
        Ok(ClusterResponse { cluster: cluster.into() })
    }

    pub(super) fn describe_clusters(
        &self,
        request: DescribeClustersRequest,
    ) -> Result<DescribeClustersResponse, Refused> {
        let mut filters = request.filters.unwrap_or_default();
        let mut check = Check::default();
        check.filters(filters.keys(), &["clusterIds", "vpcIds", "states"]);
        check.token(request.next_token.as_deref());
        let max_results = check.page(request.max_results, MAX_RESULTS);
        check.finish()?;
        let mut values = |name: &str| filters.remove(name).unwrap_or_default();
        let answer = self.plane.describe_clusters(&api::DescribeClustersRequest {
            cluster_ids: values("clusterIds"),
            vpc_ids: values("vpcIds"),
            states: values("states"),
            next_token: request.next_token,
            max_results,
        })?;
        let clusters = answer.clusters.into_iter().map(ClusterShape::from).collect();
        Ok(DescribeClustersResponse { clusters, next_token: answer.next_token })
    }

    pub(super) fn initialize_cluster(
        &self,
        request: InitializeClusterRequest,
    ) -> Result<InitializeClusterResponse, Refused> {
        let mut check = Check::default();
        let cluster_id = check.required("clusterId", request.cluster_id.as_deref()).to_owned();
        let signed_cert = check.required("signedCert", request.signed_cert.as_deref()).to_owned();
        let trust_anchor = check.required("trustAnchor", request.trust_anchor.as_deref()).to_owned();
        check.finish()?;
        let request = api::InitializeClusterRequest { cluster_id, signed_cert, trust_anchor };
        let answer = self.plane.initialize_cluster(&request)?;
        Ok(InitializeClusterResponse { state: answer.state.name(), state_message: answer.state_message })
    }

    pub(super) fn modify_cluster(&self, request: ModifyClusterRequest) -> Result<ClusterResponse, Refused> {
        let mut check = Check::default();
        let cluster_id = check.required("clusterId", request.cluster_id.as_deref());
        check.finish()?;
        let cluster = self.plane.modify_cluster(&api::ModifyClusterRequest {
            cluster_id: cluster_id.into(),
            hsm_type: request.hsm_type.as_deref().map(HsmType::parse).transpose()?,
            retention: retention(request.backup_retention_policy.as_ref())?,
        })?;
        Ok(ClusterResponse { cluster: cluster.into() })
    }

    pub(super) fn delete_cluster(&self, request: DeleteClusterRequest) -> Result<ClusterResponse, Refused> {
        let mut check = Check::default();
        let cluster_id = check.required("clusterId", request.cluster_id.as_deref());
        check.finish()?;
        Ok(ClusterResponse { cluster: self.plane.delete_cluster(cluster_id)?.into() })
    }
}

fn retention(policy: Option<&RetentionShape>) -> Result<Option<Retention>, Refused> {
    policy.map(RetentionShape::read).transpose()
}
