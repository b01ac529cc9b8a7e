//! `vhsm store ...`: what can be asked.

use clap::{Args, Subcommand};

pub const HELP: &str = "\
A store is named as in VHSM_STORE: `embedded` (the one in VHSM_HOME), the absolute path of a folder, or
`etcd://HOST:PORT,HOST:PORT,...`.

Examples:
  vhsm store info
  vhsm store migrate --from embedded --to etcd://10.0.0.1:2379,10.0.0.2:2379,10.0.0.3:2379";

#[derive(Subcommand)]
pub enum StoreCommand {
    /// Show what is in a store: number, bytes and digest of its records
    Info(InfoArgs),
    /// Move a store to another place, with all clusters, users and keys
    ///
    /// The target must be empty. While the records are copied, nobody can use either store; then both are
    /// compared, the source is marked as moved, and the target can be used. The source's records stay where
    /// they are, but it is refused for good: if both went on, they would give out the same numbers.
    #[command(after_help = MIGRATE_HELP)]
    Migrate(MigrateArgs),
}

const MIGRATE_HELP: &str = "\
Examples:
  vhsm store migrate --from embedded --to etcd://10.0.0.1:2379
  vhsm store migrate --from etcd://10.0.0.1:2379 --to /srv/vhsm/store

If it is interrupted, both stores are refused until the same command with --restart or --cancel has run.";

#[derive(Args)]
pub struct InfoArgs {
    /// Which store [default: the configured one]
    #[arg(long, value_name = "STORE")]
    pub store: Option<String>,
}

#[derive(Args)]
pub struct MigrateArgs {
    /// The store whose records are moved
    #[arg(long, value_name = "STORE")]
    pub from: String,
    /// Where they are moved to
    #[arg(long, value_name = "STORE")]
    pub to: String,
    /// Move although users are logged in: their programs get errors from then on
    #[arg(long)]
    pub force: bool,
    /// After an interruption: begin anew
    #[arg(long, conflicts_with = "cancel")]
    pub restart: bool,
    /// After an interruption: take it back
    #[arg(long)]
    pub cancel: bool,
}
