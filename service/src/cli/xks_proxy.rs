//! `vhsm xks-proxy`: what can be asked.

use crate::xks_proxy::settings::keys;
use clap::{Args, Subcommand};
use std::path::PathBuf;

pub const HELP: &str = "\
Examples:
  vhsm xks-proxy --demo    makes all it needs on the spot, and says what to try
  vhsm xks-proxy new-credential --path-prefix /payments
  vhsm xks-proxy --config /etc/vhsm/xks-proxy.toml --check
  vhsm xks-proxy --config /etc/vhsm/xks-proxy.toml

`vhsm xks-proxy --help` tells every key of the configuration.";

/// `HELP`, and every key of the configuration.
pub fn long_help() -> String {
    let examples = HELP.split("\n\n").next().unwrap_or_default();
    format!("{examples}\n\n{}", keys::reference())
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct XksProxyArgs {
    #[command(subcommand)]
    pub command: Option<XksProxyCommand>,
    /// The configuration [default: $VHSM_HOME/xks-proxy.toml]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Say what is wrong with the configuration, and what HSMs and keys it leads to, and end
    ///
    /// Exit status 0: KMS would be served; 1: not, or not wholly.
    #[arg(long)]
    pub check: bool,
    /// Make a cluster, a key, a credential and a certificate, serve them on loopback, and print what to try with them
    ///
    /// What is there already stays as it is. Without VHSM_HOME, all of it lies in a folder that goes at the end.
    #[arg(long, conflicts_with_all = ["check", "config"])]
    pub demo: bool,
}

#[derive(Subcommand)]
pub enum XksProxyCommand {
    /// Make an access key id and its secret, for the proxy and for KMS
    ///
    /// Writes two files that nobody else can read: ID.secret, which secret_file names, and ID.json, which the KMS console takes
    /// as the proxy's configuration file. What it prints has no secret.
    NewCredential(NewCredentialArgs),
}

#[derive(Args)]
pub struct NewCredentialArgs {
    /// Where the files go
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub folder: PathBuf,
    /// path_prefix of the key store that it is for
    #[arg(long, value_name = "/PREFIX", default_value = "", hide_default_value = true)]
    pub path_prefix: String,
}
