//! `vhsm serve`: what can be asked.

use clap::Args;

pub const HELP: &str = "\
Examples:
  vhsm serve
  vhsm serve --listen 0.0.0.0:4566
  vhsm serve --demo            a cluster, a key store and a key to try; gone at the end, unless VHSM_HOME is set
  vhsm serve --listen none     maintains the store, and no more
  vhsm serve --once            for cron, or a systemd timer

AWS clients:
  export AWS_ENDPOINT_URL=http://127.0.0.1:4566 AWS_REGION=us-east-1
  export AWS_SHARED_CREDENTIALS_FILE=$VHSM_HOME/credentials
  aws kms list-keys";

#[derive(Args)]
pub struct ServeArgs {
    /// Do all maintenance that is due, and end
    #[arg(long, conflicts_with = "listen")]
    pub once: bool,
    /// Where AWS clients find it; `none`: nowhere [default: 127.0.0.1:4566, or serve.listen in the configuration]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// Make a cluster, a connected custom key store and a key, and print what to try with them
    ///
    /// What is there already stays as it is. Without VHSM_HOME, all of it lies in a folder that goes at the end.
    #[arg(long, conflicts_with = "once")]
    pub demo: bool,
}
