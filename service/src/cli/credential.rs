//! `vhsm credential ...`: what can be asked.

use clap::{Args, Subcommand};

pub const HELP: &str = "\
Examples:
  vhsm credential create --user alice
  vhsm credential list
  vhsm credential delete --access-key-id AKIA...

They lie in $VHSM_HOME/credentials, in the form of AWS's shared credentials:
  export AWS_SHARED_CREDENTIALS_FILE=$VHSM_HOME/credentials";

#[derive(Subcommand)]
pub enum CredentialCommand {
    /// Make an access key; its secret is shown this once
    ///
    /// A server that runs takes it at once.
    Create(CreateCredentialArgs),
    /// List the access keys, without their secrets
    List,
    /// Delete an access key
    ///
    /// A server that runs takes it no longer after a second.
    Delete(DeleteCredentialArgs),
}

#[derive(Args)]
pub struct CreateCredentialArgs {
    /// The IAM user that it speaks for; without it, the account's root
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// The profile's name in the file [default: the user's name; for root `default`]
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// With a session token, as temporary credentials have one
    #[arg(long)]
    pub session_token: bool,
}

#[derive(Args)]
pub struct DeleteCredentialArgs {
    /// Which one
    #[arg(long, value_name = "ID")]
    pub access_key_id: String,
}
