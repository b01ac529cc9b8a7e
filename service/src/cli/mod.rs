//! The command line: what can be asked, and the help that teaches it.

mod backup;
mod cluster;
mod credential;
mod doctor;
mod fault;
mod hsm;
mod import;
pub mod key;
mod serve;
mod store;
mod user;
mod xks_check;
mod xks_proxy;

pub use backup::{
    BackupCommand, CopyBackupArgs, CreateBackupArgs, ImportBackupArgs, ListBackupsArgs, VerifyBackupArgs,
};
pub use cluster::{
    ActivateArgs, ChangeArgs, ClusterCommand, CreateArgs, CreateHsmArgs, DeleteClusterArgs, DeleteHsmArgs,
    InitializeArgs, ModifyArgs, NameArg, TagArgs, UntagArgs,
};
pub use credential::{CreateCredentialArgs, CredentialCommand, DeleteCredentialArgs};
pub use doctor::{DoctorArgs, OutputForm};
pub use fault::{ClearFaultsArgs, FaultArgs, FaultCommand, ListFaultsArgs, SetFaultArgs};
pub use hsm::{HsmArgs, HsmCommand};
pub use import::{ImportCommand, SofthsmArgs};
pub use serve::ServeArgs;
pub use store::{InfoArgs, MigrateArgs, StoreCommand};
pub use user::{ChangePasswordArgs, CreateUserArgs, DeleteUserArgs, ListUsersArgs, UserCommand};
pub use xks_check::XksCheckArgs;
pub use xks_proxy::{NewCredentialArgs, XksProxyArgs, XksProxyCommand};

use crate::password::{NewPassword, SecretText};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

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
  CLOUDHSM_PIN, CLOUDHSM_ROLE  the same, and its role, where neither VHSM_PIN nor --pin is given

--cluster may stand before the command too: vhsm --cluster demo user list
Each command explains itself: vhsm cluster create --help";

#[derive(Subcommand)]
pub enum Command {
    /// Make, show, change and delete clusters and their HSMs
    #[command(subcommand, arg_required_else_help = false, after_help = cluster::HELP)]
    Cluster(ClusterCommand),
    /// Take, show, check, copy and delete backups of clusters
    #[command(subcommand, arg_required_else_help = false, after_help = backup::HELP)]
    Backup(BackupCommand),
    /// Make, list and delete access keys: who may sign requests to `vhsm serve`
    #[command(subcommand, arg_required_else_help = false, after_help = credential::HELP)]
    Credential(CredentialCommand),
    /// Let HSMs fail, recover, or be degraded
    #[command(subcommand, arg_required_else_help = false, after_help = hsm::HELP)]
    Hsm(HsmCommand),
    /// Let things go wrong on purpose: latency, errors, lost HSMs, drift
    #[command(subcommand, arg_required_else_help = false, after_help = fault::HELP)]
    Fault(FaultCommand),
    /// Make, list and delete users, and change their passwords
    #[command(subcommand, arg_required_else_help = false, after_help = user::HELP)]
    User(UserCommand),
    /// Look whether all is well, and say what mends what is not
    ///
    /// Looks at configuration, environment, files, clock, versions, the store and its clusters, and changes nothing.
    /// Exit status 0: nothing to mend; 1: something needs a mend; 2: this command itself failed.
    #[command(after_help = doctor::HELP)]
    Doctor(DoctorArgs),
    /// Make, list, share, change and delete keys
    #[command(subcommand, arg_required_else_help = false, after_help = key::HELP)]
    Key(key::KeyCommand),
    /// Bring objects of other tokens over
    #[command(subcommand, arg_required_else_help = false, after_help = import::HELP)]
    Import(ImportCommand),
    /// Serve AWS clients, and maintain the store, as long as this runs
    ///
    /// KMS and CloudHSM V2 on one port. Runs in the foreground until SIGTERM or SIGINT, and writes a line to standard
    /// error for each thing it does; SIGHUP lets it read certificate and access keys anew, and open the audit log anew. Of
    /// several for one store, on one or more machines, one maintains it and serves KMS, and the others stand by.
    #[command(after_help = serve::HELP)]
    Serve(ServeArgs),
    /// Make a cluster to try things with, and say how
    ///
    /// Makes a cluster named `vhsm` with two HSMs, an admin and the crypto user `kmsuser`. Their passwords
    /// are random, shown this once and stored nowhere. Where the cluster exists already, nothing is changed.
    Quickstart(QuickstartArgs),
    /// Look at the store, and move it to another place
    #[command(subcommand, arg_required_else_help = false, after_help = store::HELP)]
    Store(StoreCommand),
    /// Check whether an external key store proxy keeps to the XKS Proxy API
    ///
    /// A conformance report on any proxy, whoever made it: transport, TLS and mTLS, signatures, request metadata, the four
    /// calls, errors, time. Stricter than the public test client.
    #[command(after_help = xks_check::HELP)]
    XksCheck(Box<XksCheckArgs>),
    /// Serve keys of HSMs to AWS KMS: an external key store proxy on any PKCS#11 module
    ///
    /// XKS Proxy API 1.0.3. Runs in the foreground until SIGTERM or SIGINT, and writes a line to standard error for each
    /// thing it does; SIGHUP lets it read the configuration, secrets, policies and certificates anew, without a request
    /// that fails.
    #[command(after_help = xks_proxy::HELP, after_long_help = xks_proxy::long_help())]
    XksProxy(XksProxyArgs),
}

/// The password of the first admin, where a command may do without.
#[derive(Args)]
#[group(multiple = false)]
pub struct AdminPassword {
    /// The admin's password: 7 to 32 characters, no `:`. Others may see it in the process list
    #[arg(long, value_name = "PASSWORD", allow_hyphen_values = true)]
    admin_password: Option<SecretText>,
    /// A file with the admin's password in its first line; `-`: standard input
    #[arg(long, value_name = "FILE")]
    admin_password_file: Option<PathBuf>,
}

impl AdminPassword {
    pub fn is_given(&self) -> bool {
        self.admin_password.is_some() || self.admin_password_file.is_some()
    }

    pub fn source(&self) -> NewPassword<'_> {
        NewPassword { text: self.admin_password.as_ref(), file: self.admin_password_file.as_deref() }
    }
}

/// The password of the first admin, where a command needs it.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct NewAdminPassword {
    /// The admin's password: 7 to 32 characters, no `:`. Others may see it in the process list
    #[arg(long, value_name = "PASSWORD", allow_hyphen_values = true)]
    admin_password: Option<SecretText>,
    /// A file with the admin's password in its first line; `-`: standard input
    #[arg(long, value_name = "FILE")]
    admin_password_file: Option<PathBuf>,
}

impl NewAdminPassword {
    pub fn source(&self) -> NewPassword<'_> {
        NewPassword { text: self.admin_password.as_ref(), file: self.admin_password_file.as_deref() }
    }
}

#[derive(Args)]
pub struct ClusterArg {
    /// The cluster's label or ClusterId; may be left out where there is only one
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
}

#[derive(Args, Default)]
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

impl LoginArgs {
    /// An empty VHSM_PIN is none.
    pub fn given(&self) -> Option<&SecretText> {
        self.pin.as_ref().filter(|pin| !pin.bytes().is_empty())
    }
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
pub struct QuickstartArgs {
    /// The PKCS#11 library that the commands shown shall name [default: libvhsm_pkcs11.so beside vhsm]
    #[arg(long, value_name = "FILE")]
    pub module: Option<PathBuf>,
}
