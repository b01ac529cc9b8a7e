//! `vhsm user ...`: what can be asked.

use super::{ClusterArg, LoginArgs, Password};
use clap::{Args, Subcommand, ValueEnum};
use vhsm_pkcs11::cluster::Role;

pub const HELP: &str = "\
Examples:
  export VHSM_PIN=admin:PASSWORD
  vhsm user create --cluster demo --username kms --role crypto-user --password-file kms.txt
  vhsm user list --cluster demo
  vhsm user change-password --cluster demo --username kmsuser --password-file new.txt
  vhsm user delete --cluster demo --username kmsuser --force";

#[derive(Subcommand)]
pub enum UserCommand {
    /// Make a user; needs an admin's login
    #[command(after_help = "\
Example:
  export VHSM_PIN=admin:PASSWORD
  vhsm user create --cluster demo --username kms --role crypto-user --password-file kms.txt")]
    Create(CreateUserArgs),
    /// List a cluster's users; needs no login
    List(ListUsersArgs),
    /// Change a password, and unlock the user; needs that user's own login, or an admin's
    ///
    /// An admin changes another's password only while that user is not logged in anywhere. The user's keys
    /// stay.
    #[command(after_help = "\
Examples:
  VHSM_PIN=kmsuser:OLD vhsm user change-password --username kmsuser --password-file new.txt
  VHSM_PIN=admin:PASSWORD vhsm user change-password --username kmsuser --password-file new.txt")]
    ChangePassword(ChangePasswordArgs),
    /// Delete a user; needs an admin's login
    ///
    /// The user's logins end. A crypto user that owns token objects is only deleted with --force, and they
    /// are lost. The last admin that is not locked cannot be deleted.
    Delete(DeleteUserArgs),
}

/// The user's role, as the CloudHSM CLI names it.
#[derive(Clone, Copy, ValueEnum)]
pub enum RoleName {
    /// Owns and uses keys (CKU_USER)
    CryptoUser,
    /// Makes users and resets their passwords; uses no keys (CKU_SO)
    Admin,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::CryptoUser => Role::CryptoUser,
            RoleName::Admin => Role::Admin,
        }
    }
}

#[derive(Args)]
pub struct CreateUserArgs {
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// 1 to 31 letters, digits and `_`; upper and lower case are the same
    #[arg(long)]
    pub username: String,
    #[arg(long)]
    pub role: RoleName,
    #[command(flatten)]
    pub password: Password,
    #[command(flatten)]
    pub login: LoginArgs,
}

#[derive(Args)]
pub struct ListUsersArgs {
    #[command(flatten)]
    pub cluster: ClusterArg,
}

#[derive(Args)]
pub struct ChangePasswordArgs {
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// Whose password
    #[arg(long)]
    pub username: String,
    #[command(flatten)]
    pub password: Password,
    #[command(flatten)]
    pub login: LoginArgs,
}

#[derive(Args)]
pub struct DeleteUserArgs {
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// Whom
    #[arg(long)]
    pub username: String,
    /// Delete the user's token objects with it
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub login: LoginArgs,
}
