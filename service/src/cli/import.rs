//! `vhsm import ...`: what can be asked.

use super::{ClusterArg, LoginArgs};
use crate::password::{NewPassword, SecretText};
use clap::{Args, Subcommand};
use std::path::PathBuf;

pub const HELP: &str = "\
Example:
  VHSM_PIN=kmsuser:PASSWORD vhsm import softhsm /var/lib/softhsm/tokens --token-pin-file pin.txt";

#[derive(Subcommand)]
pub enum ImportCommand {
    /// Bring the objects of a SoftHSM 2 token over; needs a crypto user's login
    ///
    /// Reads the token's files; SoftHSM need not be there, and the token stays as it is. Keys come over even if they
    /// are sensitive or not extractable. The answer lists what was brought, what was there already, and what could
    /// not be brought and why; run again, it brings only what is missing.
    #[command(after_help = SOFTHSM_HELP)]
    Softhsm(SofthsmArgs),
}

const SOFTHSM_HELP: &str = "\
Examples:
  export VHSM_PIN=kmsuser:PASSWORD
  vhsm import softhsm /var/lib/softhsm/tokens --token my-token --token-pin-file pin.txt --dry-run
  vhsm import softhsm ~/tokens/1d0b7bbb-8c55-3b6a-2a4b-6a4a1d6a8b7f --cluster demo --token-pin-file -";

#[derive(Args)]
pub struct SofthsmArgs {
    /// SoftHSM's folder of tokens (`directories.tokendir` in softhsm2.conf), or the folder of one token
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// The token's label or serial number; may be left out where there is only one
    #[arg(long, value_name = "NAME")]
    pub token: Option<String>,
    /// A file with the PIN of the token's user in its first line; `-`: standard input
    #[arg(long, value_name = "FILE")]
    token_pin_file: Option<PathBuf>,
    /// The PIN itself. Others may see it in the process list: better a file, or set VHSM_TOKEN_PIN
    #[arg(
        long,
        value_name = "PIN",
        env = "VHSM_TOKEN_PIN",
        hide_env_values = true,
        allow_hyphen_values = true
    )]
    token_pin: Option<SecretText>,
    /// Make secret and private keys private (CKA_PRIVATE) that were public in the token
    #[arg(long)]
    pub private: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub cluster: ClusterArg,
    #[command(flatten)]
    pub login: LoginArgs,
}

impl SofthsmArgs {
    /// Where the token's PIN comes from: the file, where one is named. `None`: nothing was said.
    pub fn token_pin(&self) -> Option<NewPassword<'_>> {
        let file = self.token_pin_file.as_deref();
        let text = self.token_pin.as_ref().filter(|_| file.is_none());
        (file.is_some() || text.is_some()).then_some(NewPassword { text, file })
    }
}
