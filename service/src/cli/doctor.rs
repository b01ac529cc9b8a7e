//! `vhsm doctor`: what can be asked.

use super::ClusterArg;
use clap::{Args, ValueEnum};

pub const HELP: &str = "\
Examples:
  vhsm doctor
  vhsm doctor --cluster demo --output json";

#[derive(Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// How the findings are told [default: text on a terminal, else json]
    #[arg(long, value_name = "FORM")]
    pub output: Option<OutputForm>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputForm {
    Text,
    Json,
}
