//! The command line: what can be asked, and the help that teaches it.

use crate::password::{NewPassword, SecretText};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use vhsm_pkcs11::cluster::Role;

/// Administers virtual AWS CloudHSM clusters.
///
/// A cluster has HSMs; each HSM is a slot of libvhsm_pkcs11.so, and all of them hold the same keys. An admin
/// makes the users; crypto users own keys. Answers are JSON on standard output; what goes wrong is one line
/// on standard error, with exit status 1.
#[derive(Parser)]
#[command(name = "vhsm", version, max_term_width = 100, arg_required_else_help = false, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  vhsm quickstart
  vhsm cluster create --label demo --hsms 2 --admin-password-file admin.txt
  export VHSM_PIN=admin:PASSWORD
  vhsm user create --username kmsuser --role crypto-user --password-file kms.txt
  pkcs11-tool --module libvhsm_pkcs11.so --token-label demo --login --pin kmsuser:PASSWORD -O

Environment:
  VHSM_HOME  the folder with everything [default: ~/.local/share/vhsm; root: /var/lib/vhsm]
  VHSM_CONF  the configuration [default: $VHSM_HOME/vhsm.toml, where it exists]
  VHSM_PIN   the login of commands that need one: user:password

Each command explains itself: vhsm cluster create --help";

#[derive(Subcommand)]
pub enum Command {
    /// Make, show and delete clusters
    #[command(subcommand, arg_required_else_help = false, after_help = CLUSTER_HELP)]
    Cluster(ClusterCommand),
    /// Make, list and delete users, and change their passwords
    #[command(subcommand, arg_required_else_help = false, after_help = USER_HELP)]
    User(UserCommand),
    /// Make a cluster to try things with, and say how
    ///
    /// Makes a cluster named `vhsm` with two HSMs, an admin and the crypto user `kmsuser`. Their passwords
    /// are random, shown this once and stored nowhere. Where the cluster exists already, nothing is changed.
    Quickstart(QuickstartArgs),
}

const CLUSTER_HELP: &str = "\
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

/// The password of the first admin.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct AdminPassword {
    /// The admin's password: 7 to 32 characters, no `:`. Others may see it in the process list
    #[arg(long, value_name = "PASSWORD", allow_hyphen_values = true)]
    admin_password: Option<SecretText>,
    /// A file with the admin's password in its first line; `-`: standard input
    #[arg(long, value_name = "FILE")]
    admin_password_file: Option<PathBuf>,
}

impl AdminPassword {
    pub fn source(&self) -> NewPassword<'_> {
        NewPassword { text: self.admin_password.as_ref(), file: self.admin_password_file.as_deref() }
    }
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

const USER_HELP: &str = "\
Examples:
  export VHSM_PIN=admin:PASSWORD
  vhsm user create --cluster demo --username kms --role crypto-user --password-file kms.txt
  vhsm user list --cluster demo
  vhsm user change-password --cluster demo --username kmsuser --password-file new.txt
  vhsm user delete --cluster demo --username kmsuser --force";

#[derive(Subcommand)]
pub enum UserCommand {
    /// Make a user; needs an admin's login
    #[command(after_help = "\
Example:
  export VHSM_PIN=admin:PASSWORD
  vhsm user create --cluster demo --username kms --role crypto-user --password-file kms.txt")]
    Create(CreateUserArgs),
    /// List a cluster's users; needs no login
    List(ListUsersArgs),
    /// Change a password, and unlock the user; needs that user's own login, or an admin's
    ///
    /// An admin changes another's password only while that user is not logged in anywhere. The user's keys
    /// stay.
    #[command(after_help = "\
Examples:
  VHSM_PIN=kmsuser:OLD vhsm user change-password --username kmsuser --password-file new.txt
  VHSM_PIN=admin:PASSWORD vhsm user change-password --username kmsuser --password-file new.txt")]
    ChangePassword(ChangePasswordArgs),
    /// Delete a user; needs an admin's login
    ///
    /// The user's logins end. A crypto user that owns token objects is only deleted with --force, and they
    /// are lost. The last admin that is not locked cannot be deleted.
    Delete(DeleteUserArgs),
}

/// The user's role, as the CloudHSM CLI names it.
#[derive(Clone, Copy, ValueEnum)]
pub enum RoleName {
    /// Owns and uses keys (CKU_USER)
    CryptoUser,
    /// Makes users and resets their passwords; uses no keys (CKU_SO)
    Admin,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::CryptoUser => Role::CryptoUser,
            RoleName::Admin => Role::Admin,
        }
    }
}

#[derive(Args)]
pub struct ClusterArg {
    /// The cluster's label or ClusterId; may be left out where there is only one
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
}

#[derive(Args)]
pub struct LoginArgs {
    /// Who does this, as user:password. Others may see it in the process list: better set VHSM_PIN
    #[arg(
        long,
        value_name = "USER:PASSWORD",
        env = "VHSM_PIN",
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    pub pin: Option<SecretText>,
}

/// A user's new password.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct Password {
    /// The user's password: 7 to 32 characters, no `:`. Others may see it in the process list
    #[arg(long, value_name = "PASSWORD", allow_hyphen_values = true)]
    password: Option<SecretText>,
    /// A file with the password in its first line; `-`: standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl Password {
    pub fn source(&self) -> NewPassword<'_> {
        NewPassword { text: self.password.as_ref(), file: self.password_file.as_deref() }
    }
}

#[derive(Args)]
pub struct CreateUserArgs {
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// 1 to 31 letters, digits and `_`; upper and lower case are the same
    #[arg(long)]
    pub username: String,
    #[arg(long)]
    pub role: RoleName,
    #[command(flatten)]
    pub password: Password,
    #[command(flatten)]
    pub login: LoginArgs,
}

#[derive(Args)]
pub struct ListUsersArgs {
    #[command(flatten)]
    pub cluster: ClusterArg,
}

#[derive(Args)]
pub struct ChangePasswordArgs {
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// Whose password
    #[arg(long)]
    pub username: String,
    #[command(flatten)]
    pub password: Password,
    #[command(flatten)]
    pub login: LoginArgs,
}

#[derive(Args)]
pub struct DeleteUserArgs {
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// Whom
    #[arg(long)]
    pub username: String,
    /// Delete the user's token objects with it
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub login: LoginArgs,
}

#[derive(Args)]
pub struct QuickstartArgs {
    /// The PKCS#11 library that the commands shown shall name [default: libvhsm_pkcs11.so beside vhsm]
    #[arg(long, value_name = "FILE")]
    pub module: Option<PathBuf>,
}
