//! What commands answer: JSON with the names of the CloudHSM API (clusters) and of the CloudHSM CLI (users).

use crate::failure::Failure;
use serde::Serialize;
use std::io::Write;
use vhsm_pkcs11::cluster::{Cluster, ClusterState, HsmState, Role, User};

/// As the CloudHSM API describes a cluster, with the slots of its HSMs.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ClusterView<'a> {
    cluster_id: &'a str,
    label: &'a str,
    state: &'static str,
    hsms: Vec<HsmView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ClusterList<'a> {
    pub clusters: Vec<ClusterView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct HsmView<'a> {
    hsm_id: &'a str,
    slot_id: u64,
    availability_zone: &'a str,
    state: &'static str,
    /// Why it is not ACTIVE.
    #[serde(skip_serializing_if = "Option::is_none")]
    state_message: Option<&'static str>,
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

/// As `user list` of the CloudHSM CLI shows a user.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct UserView<'a> {
    username: &'a str,
    role: &'static str,
    /// CloudHSM: "true" or "false", as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    locked: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_coverage: Option<&'static str>,
}

#[derive(Serialize)]
pub struct UserList<'a> {
    pub users: Vec<UserView<'a>>,
}

impl<'a> From<&'a Cluster> for ClusterView<'a> {
    fn from(cluster: &'a Cluster) -> Self {
        let hsms = cluster.hsms.iter().map(|hsm| HsmView {
            hsm_id: &hsm.name,
            slot_id: hsm.slot_id,
            availability_zone: &hsm.availability_zone,
            // CloudHSM: an HSM that does not answer is DEGRADED too.
            state: match hsm.state {
                HsmState::Active => "ACTIVE",
                HsmState::Degraded | HsmState::Failed => "DEGRADED",
            },
            state_message: match hsm.state {
                HsmState::Active => None,
                HsmState::Degraded => Some("degraded: it works, and does not count for key availability"),
                HsmState::Failed => Some("failed: its slot has no token"),
            },
        });
        let state = match cluster.state {
            ClusterState::Uninitialized => "UNINITIALIZED",
            ClusterState::Initialized => "INITIALIZED",
            ClusterState::Active => "ACTIVE",
        };
        Self { cluster_id: &cluster.name, label: &cluster.label, state, hsms: hsms.collect() }
    }
}

impl<'a> UserView<'a> {
    /// Name and role, as answers to commands about one user have them.
    pub fn short(username: &'a str, role: Role) -> Self {
        Self { username, role: role_name(role), locked: None, cluster_coverage: None }
    }

    pub fn full(user: &'a User) -> Self {
        Self {
            username: &user.name,
            role: role_name(user.role),
            locked: Some(if user.locked { "true" } else { "false" }),
            cluster_coverage: Some("full"),
        }
    }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::CryptoUser => "crypto-user",
    }
}

/// Prints an answer.
pub fn json(answer: &impl Serialize) -> Result<(), Failure> {
    let json = serde_json::to_string_pretty(answer).map_err(|e| Failure::new(format!("answer: {e}")))?;
    text(&format!("{json}\n"))
}

/// Prints text as it is.
pub fn text(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|e| Failure::new(format!("standard output: {e}; what was asked is done nevertheless")))
}
