//! `vhsm cluster ...`: what can be asked.

use super::{AdminPassword, LoginArgs};
use clap::{Args, Subcommand};

pub const HELP: &str = "\
Examples:
  vhsm cluster create --label demo --hsms 3 --admin-password-file admin.txt
  vhsm cluster list
  vhsm cluster describe demo
  VHSM_PIN=admin:PASSWORD vhsm cluster delete demo";

#[derive(Subcommand)]
pub enum ClusterCommand {
    /// Make a cluster with its HSMs and its first admin, named `admin`
    #[command(after_help = CREATE_HELP)]
    Create(CreateArgs),
    /// Show all clusters
    List,
    /// Show one cluster
    Describe(DescribeArgs),
    /// Delete a cluster with its HSMs, its users and all their keys
    ///
    /// Everything in the cluster is lost, and no copy is kept: whatever was encrypted under its keys stays
    /// encrypted. Needs the login of one of the cluster's admins. Programs that use the cluster lose their
    /// sessions at their next call.
    #[command(after_help = "Example:\n  VHSM_PIN=admin:PASSWORD vhsm cluster delete demo")]
    Delete(DeleteClusterArgs),
}

const CREATE_HELP: &str = "\
Examples:
  vhsm cluster create --label demo --admin-password-file admin.txt
  openssl rand -hex 12 | tee admin.txt | vhsm cluster create --label x --admin-password-file -";

#[derive(Args)]
pub struct CreateArgs {
    /// The cluster's name, and its tokens' label: 1 to 32 bytes
    #[arg(long, allow_hyphen_values = true)]
    pub label: String,
    /// How many HSMs it has, 1 to 28: each is a slot
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub hsms: usize,
    #[command(flatten)]
    pub admin_password: AdminPassword,
}

#[derive(Args)]
pub struct DescribeArgs {
    /// Its label or ClusterId; may be left out where there is only one cluster
    #[arg(value_name = "NAME", conflicts_with = "cluster")]
    pub name: Option<String>,
    /// The same
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
}

#[derive(Args)]
pub struct DeleteClusterArgs {
    /// Its label or ClusterId
    #[arg(value_name = "NAME", conflicts_with = "cluster", required_unless_present = "cluster")]
    pub name: Option<String>,
    /// The same
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
    #[command(flatten)]
    pub login: LoginArgs,
}
