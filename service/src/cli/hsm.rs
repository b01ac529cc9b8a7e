//! `vhsm hsm ...`: what can be asked.

use super::{ClusterArg, LoginArgs};
use clap::{Args, Subcommand};

pub const HELP: &str = "\
Examples:
  export VHSM_PIN=admin:PASSWORD
  vhsm hsm fail --cluster demo hsm-abcdefghijk
  vhsm hsm recover --cluster demo --all";

#[derive(Subcommand)]
pub enum HsmCommand {
    /// Let HSMs fail: their slots lose their tokens, in every process at its next call
    ///
    /// Sessions with a failed HSM end with CKR_DEVICE_REMOVED, its session keys are lost, its slot has no token, and
    /// C_WaitForSlotEvent tells the slot. Token keys stay, and the cluster's other HSMs go on. Needs an admin's login.
    #[command(
        after_help = "Example:\n  VHSM_PIN=admin:PASSWORD vhsm hsm fail --cluster demo hsm-abcdefghijk"
    )]
    Fail(HsmArgs),
    /// Bring HSMs back: each in its slot, with all token keys
    ///
    /// Whoever worked with it opens sessions and logs in anew; C_WaitForSlotEvent tells the slot. Needs an admin's login.
    #[command(after_help = "Example:\n  VHSM_PIN=admin:PASSWORD vhsm hsm recover --cluster demo --all")]
    Recover(HsmArgs),
    /// Let HSMs work on without counting for key availability
    ///
    /// In a cluster with the key availability check, token keys can be made and used while two HSMs are active; degraded
    /// ones do not count. Needs an admin's login.
    #[command(after_help = "Example:\n  VHSM_PIN=admin:PASSWORD vhsm hsm degrade --cluster demo 1")]
    Degrade(HsmArgs),
}

#[derive(Args)]
pub struct HsmArgs {
    /// HsmId or slot id of one or more
    #[arg(value_name = "HSM-ID", required_unless_present = "all")]
    pub hsms: Vec<String>,
    /// All HSMs of the cluster
    #[arg(long, conflicts_with = "hsms")]
    pub all: bool,
    #[command(flatten)]
    pub cluster: ClusterArg,
    #[command(flatten)]
    pub login: LoginArgs,
}
