//! DescribeClusters: filters and pages.

use super::api::{ClusterDescription, DescribeClustersAnswer, DescribeClustersRequest, State};
use super::{ControlPlane, check};
use crate::error::{ClusterError, Error};

/// ClustersMaxSize
const MAX_RESULTS: usize = 25;

/// Cluster.State, all values of the API.
const STATES: [&str; 11] = [
    "CREATE_IN_PROGRESS",
    "UNINITIALIZED",
    "INITIALIZE_IN_PROGRESS",
    "INITIALIZED",
    "ACTIVE",
    "UPDATE_IN_PROGRESS",
    "MODIFY_IN_PROGRESS",
    "ROLLBACK_IN_PROGRESS",
    "DELETE_IN_PROGRESS",
    "DELETED",
    "DEGRADED",
];

impl ControlPlane<'_> {
    /// DescribeClusters, in the order in which they were made. Needs no right. Errors: `Input`.
    pub fn describe_clusters(
        &self,
        request: &DescribeClustersRequest,
    ) -> Result<DescribeClustersAnswer, Error> {
        request.cluster_ids.iter().try_for_each(|id| check::cluster_id(id))?;
        if let Some(unknown) = request.states.iter().find(|state| !STATES.contains(&state.as_str())) {
            return check::bad("Filters", format!("states: {unknown:?} is none"));
        }
        let most = max_results(request.max_results, MAX_RESULTS)?;
        let after = request.next_token.as_deref().map(position).transpose()?;
        let behind = self.all()?.into_iter().filter(|(id, _)| after.is_none_or(|after| *id > after));
        let mut found: Vec<(u32, ClusterDescription)> = Vec::new();
        for (id, shown) in behind.filter(|(_, shown)| matches(request, shown)) {
            if found.len() == most {
                let next_token = found.last().map(|(id, _)| token(*id));
                return Ok(DescribeClustersAnswer { clusters: without_ids(found), next_token });
            }
            found.push((id, shown));
        }
        Ok(DescribeClustersAnswer { clusters: without_ids(found), next_token: None })
    }

    /// All clusters on one page: not in the API.
    pub fn describe_all(&self) -> Result<Vec<ClusterDescription>, Error> {
        Ok(without_ids(self.all()?))
    }

    /// All clusters, and those that are still shown as being deleted, by their numbers.
    fn all(&self) -> Result<Vec<(u32, ClusterDescription)>, Error> {
        let there = self.clusters.list()?;
        let mut all: Vec<_> = there.iter().map(|cluster| (cluster.id.0, self.describe(cluster))).collect();
        all.extend(self.describe_departed()?.into_iter().map(|(id, shown)| (id.0, shown)));
        all.sort_by_key(|(id, _)| *id);
        Ok(all)
    }

    /// One cluster, by its ClusterId or its label: not in the API. Errors: `NotFound`, `Ambiguous`.
    pub fn describe_cluster(&self, name: &str) -> Result<ClusterDescription, Error> {
        match self.clusters.find(name) {
            Err(Error::Cluster(ClusterError::NotFound(_))) => {
                let mut departed = self.describe_departed()?.into_iter().map(|(_, shown)| shown);
                departed
                    .find(|shown| shown.cluster_id == name)
                    .ok_or_else(|| ClusterError::NotFound(name.into()).into())
            }
            found => found.map(|cluster| self.describe(&cluster)),
        }
    }
}

fn matches(request: &DescribeClustersRequest, cluster: &ClusterDescription) -> bool {
    let any = |wanted: &[String], found: &str| wanted.is_empty() || wanted.iter().any(|one| one == found);
    any(&request.cluster_ids, &cluster.cluster_id)
        && any(&request.vpc_ids, &cluster.vpc_id)
        && any(&request.states, State::name(cluster.state))
}

fn without_ids(found: Vec<(u32, ClusterDescription)>) -> Vec<ClusterDescription> {
    found.into_iter().map(|(_, cluster)| cluster).collect()
}

/// MaxResults. Errors: `Input`.
pub(super) fn max_results(asked: Option<usize>, most: usize) -> Result<usize, Error> {
    match asked.unwrap_or(most) {
        asked if (1..=most).contains(&asked) => Ok(asked),
        asked => check::bad("MaxResults", format!("{asked} is not 1 to {most}")),
    }
}

/// NextToken: the number of what was shown last.
pub(super) fn token(last: u32) -> String {
    format!("{last:08x}")
}

/// Errors: `Input`.
pub(super) fn position(token: &str) -> Result<u32, Error> {
    let digits = token.len() == 8 && token.bytes().all(|byte| byte.is_ascii_hexdigit());
    match u32::from_str_radix(token, 16) {
        Ok(last) if digits => Ok(last),
        _ => check::bad("NextToken", "it is not one that an answer had"),
    }
}
