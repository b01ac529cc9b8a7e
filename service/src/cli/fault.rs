//! `vhsm fault ...`: what can be asked.

use super::{ClusterArg, LoginArgs};
use clap::{Args, Subcommand};
use std::path::PathBuf;

pub const HELP: &str = "\
Examples:
  export VHSM_PIN=admin:PASSWORD
  vhsm fault set --cluster demo --function 'C_Encrypt*' --error CKR_DEVICE_ERROR --rate 0.1
  vhsm fault set --cluster demo --plan plan.toml
  vhsm fault list --cluster demo
  vhsm fault clear --cluster demo";

#[derive(Subcommand)]
pub enum FaultCommand {
    /// Set what goes wrong: in every process that uses the cluster, from its next call on
    ///
    /// A plan is a file in TOML, or one fault given by options; it takes the place of the one before, or adds to it.
    /// Needs an admin's login.
    #[command(after_help = SET_HELP)]
    Set(Box<SetFaultArgs>),
    /// Show what goes wrong; needs no login
    List(ListFaultsArgs),
    /// Let nothing go wrong any more; HSMs that a fault took are back. Needs an admin's login
    Clear(ClearFaultsArgs),
}

const SET_HELP: &str = "\
Examples:
  vhsm fault set --hsm 0 --function C_Sign --latency-ms '{ median = 5, p99 = 80 }'
  vhsm fault set --function 'C_*Init' --error CKR_HOST_MEMORY --count 3
  vhsm fault set --per-second 100 --when-over CKR_FUNCTION_FAILED --add
  vhsm fault set --hsm 1 --function C_EncryptUpdate --after-bytes 4096 --lose
  vhsm fault set --hsm 0 --user kmsuser --drift old-password";

#[derive(Args)]
pub struct SetFaultArgs {
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// Keep the plan there is, and add to it
    #[arg(long)]
    pub add: bool,
    /// A file with a plan; `-`: standard input
    #[arg(long, value_name = "FILE", conflicts_with = "fault")]
    pub plan: Option<PathBuf>,
    #[command(flatten)]
    pub fault: FaultArgs,
    #[command(flatten)]
    pub login: LoginArgs,
}

/// One fault: whom it concerns, when, and one effect.
#[derive(Args)]
#[group(id = "fault", multiple = true)]
pub struct FaultArgs {
    /// HsmId or slot id; several times for several [default: all HSMs]
    #[arg(long, value_name = "HSM-ID")]
    pub hsm: Vec<String>,
    /// A function's name, or a pattern with `*`; several times for several [default: all functions]
    #[arg(long, value_name = "NAME")]
    pub function: Vec<String>,
    /// Let so many calls pass first
    #[arg(long, value_name = "N")]
    pub after_calls: Option<u64>,
    /// Let so many bytes of data pass first
    #[arg(long, value_name = "N")]
    pub after_bytes: Option<u64>,
    /// Hit so many calls at most [default: no limit; with --lose 1]
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
    /// The part of the calls that is hit, 0 to 1
    #[arg(long, value_name = "PART")]
    pub rate: Option<f64>,
    /// Makes what is random the same each time
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// Effect: calls take longer. A number, or '{ min = 1, max = 5 }', '{ median = 5, p99 = 80 }',
    /// '{ mean = 5, deviation = 2 }'
    #[arg(long, value_name = "MS")]
    pub latency_ms: Option<String>,
    /// Effect: calls fail with this code
    #[arg(long, value_name = "CKR_...")]
    pub error: Option<String>,
    /// Effect: each HSM takes at most so many calls a second of one process; the others wait
    #[arg(long, value_name = "N")]
    pub per_second: Option<f64>,
    /// What is answered to those beyond that, so that they do not wait
    #[arg(long, value_name = "CKR_...", requires = "per_second")]
    pub when_over: Option<String>,
    /// Effect: the HSM fails, for the process that made the call
    #[arg(long)]
    pub lose: bool,
    /// Effect: token objects can neither be made nor changed
    #[arg(long)]
    pub store_full: bool,
    /// Effect: this user is not the same as on the other HSMs
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// How the user differs: `missing` or `old-password` [default: missing]
    #[arg(long, value_name = "HOW", requires = "user")]
    pub drift: Option<String>,
    /// Effect: the token key with this label is missing
    #[arg(long, value_name = "LABEL")]
    pub key: Option<String>,
}

#[derive(Args)]
pub struct ListFaultsArgs {
    #[command(flatten)]
    pub cluster: ClusterArg,
}

#[derive(Args)]
pub struct ClearFaultsArgs {
    #[command(flatten)]
    pub cluster: ClusterArg,
    #[command(flatten)]
    pub login: LoginArgs,
}
