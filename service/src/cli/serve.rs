//! `vhsm serve`: what can be asked.

use clap::Args;

pub const HELP: &str = "\
Examples:
  vhsm serve
  vhsm serve --once      for cron, or a systemd timer";

#[derive(Args)]
pub struct ServeArgs {
    /// Do all that is due, and end
    #[arg(long)]
    pub once: bool,
}
