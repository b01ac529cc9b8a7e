//! What commands answer: JSON with the names of the CloudHSM API (clusters, in `cluster::view`) and of the CloudHSM CLI
//! (users).

use crate::failure::Failure;
use serde::Serialize;
use std::io::Write;
use vhsm_pkcs11::cluster::{APPLIANCE_USER, Role, User};

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

impl<'a> UserView<'a> {
    /// Name and role, as answers to commands about one user have them.
    pub fn short(username: &'a str, role: Role) -> Self {
        Self { username, role: role_name(role), locked: None, cluster_coverage: None }
    }

    /// The HSMs' own user, with which CloudHSM keeps them in step: here it is a name.
    pub fn appliance() -> Self {
        Self {
            username: APPLIANCE_USER,
            role: "internal(APPLIANCE_USER)",
            locked: Some("false"),
            cluster_coverage: Some("full"),
        }
    }

    /// `everywhere`: it is the same on all HSMs.
    pub fn full(user: &'a User, everywhere: bool) -> Self {
        Self {
            username: &user.name,
            role: role_name(user.role),
            locked: Some(if user.locked { "true" } else { "false" }),
            cluster_coverage: Some(if everywhere { "full" } else { "partial" }),
        }
    }
}

/// As the CloudHSM CLI names it.
pub fn role_name(role: Role) -> &'static str {
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
