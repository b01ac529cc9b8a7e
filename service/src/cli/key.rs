//! `vhsm key ...`: what can be asked.

use super::{ClusterArg, LoginArgs};
use clap::{Args, Subcommand, ValueEnum};

pub const HELP: &str = "\
Examples:
  export VHSM_PIN=kmsuser:PASSWORD
  vhsm key generate --label orders --key-length-bytes 32
  vhsm key list --filter attr.label=orders --verbose
  vhsm key set-attribute --filter attr.label=orders --name encrypt --value false
  vhsm key share --filter attr.label=orders --username alice --role crypto-user
  vhsm key unshare --filter attr.label=orders --username alice --role crypto-user
  vhsm key delete --filter attr.label=orders";

#[derive(Subcommand)]
pub enum KeyCommand {
    /// List keys: a crypto user's own, those shared with it and public ones
    ///
    /// An admin sees all keys by reference, owner and the users they are shared with: their attributes, labels too, are
    /// sealed for their users.
    #[command(after_help = FILTER_HELP)]
    List(ListKeysArgs),
    /// Make a key, or a pair, that stays; needs a crypto user's login
    ///
    /// What --attributes does not say is as the library's profile has it for C_GenerateKey, but that the key stays
    /// (token=true).
    #[command(after_help = GENERATE_HELP)]
    Generate(GenerateArgs),
    /// As `generate --key-type aes` and `generic-secret`, with the CloudHSM CLI's name
    #[command(subcommand)]
    GenerateSymmetric(SymmetricCommand),
    /// As `generate --key-type rsa` and `ec`, with the CloudHSM CLI's name
    #[command(subcommand)]
    GenerateAsymmetricPair(PairCommand),
    /// Change an attribute of a key; needs its owner's login, and `trusted` an admin's
    #[command(after_help = SET_HELP)]
    SetAttribute(SetAttributeArgs),
    /// Let another crypto user use a key; needs its owner's login
    ///
    /// The other user finds and uses the key, and can neither delete, change, wrap nor share it.
    #[command(after_help = FILTER_HELP)]
    Share(ShareArgs),
    /// End a crypto user's use of a key; needs its owner's login
    ///
    /// Programs of that user lose the key at their next call.
    #[command(after_help = FILTER_HELP)]
    Unshare(ShareArgs),
    /// Destroy a key; needs its owner's login
    ///
    /// The key is lost, and what was encrypted under it stays encrypted. Of a pair, each key is deleted for itself.
    #[command(after_help = FILTER_HELP)]
    Delete(DeleteKeyArgs),
}

const FILTER_HELP: &str = "\
Filters, all of which must match:
  key-reference=0x0000000000000401  one key
  attr.NAME=VALUE                   class, key-type, label, id, encrypt, ... as `--verbose` shows them
Example:
  VHSM_PIN=kmsuser:PASSWORD vhsm key list --filter attr.class=secret-key attr.label=orders --verbose";

const GENERATE_HELP: &str = "\
Examples:
  vhsm key generate --label orders --key-length-bytes 32 --attributes extractable=false
  vhsm key generate --label signer --key-type ec --curve prime256v1
  vhsm key generate --label old --key-type rsa --modulus-size-bits 3072 --share-crypto-users alice bob";

const SET_HELP: &str = "\
Attributes that can be changed: label, id, encrypt, decrypt, sign, verify, wrap, unwrap, derive, sensitive and
wrap-with-trusted (to true only), and trusted.
Example:
  VHSM_PIN=admin:PASSWORD vhsm key set-attribute --filter key-reference=0x0000000000000401 \\
    --name trusted --value true";

#[derive(Args)]
pub struct FilterArg {
    /// Which key: key-reference=0x... or attr.NAME=VALUE
    #[arg(long, value_name = "NAME=VALUE", num_args = 1.., required = true)]
    pub filter: Vec<String>,
}

#[derive(Args)]
pub struct ListKeysArgs {
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// Which keys: key-reference=0x... or attr.NAME=VALUE
    #[arg(long, value_name = "NAME=VALUE", num_args = 1..)]
    pub filter: Vec<String>,
    /// How many keys are shown
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub max_items: usize,
    /// Where to go on: `next_token` of the answer before
    #[arg(long, value_name = "TOKEN")]
    pub starting_token: Option<String>,
    /// Show all attributes, and who uses the key
    #[arg(long)]
    pub verbose: bool,
    #[command(flatten)]
    pub login: LoginArgs,
}

/// The types of keys that can be made.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KeyTypeName {
    Aes,
    GenericSecret,
    Rsa,
    Ec,
}

#[derive(Args)]
pub struct GenerateArgs {
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// The key's label; of a pair, of both keys
    #[arg(long, allow_hyphen_values = true)]
    pub label: String,
    /// What to make
    #[arg(long, value_name = "TYPE", default_value = "aes")]
    pub key_type: KeyTypeName,
    /// Of secret keys: AES 16, 24 or 32
    #[arg(long, value_name = "BYTES", default_value_t = 32)]
    pub key_length_bytes: u64,
    /// Of RSA pairs
    #[arg(long, value_name = "BITS", default_value_t = 2048)]
    pub modulus_size_bits: u64,
    /// Of RSA pairs
    #[arg(long, value_name = "NUMBER", default_value_t = 65537)]
    pub public_exponent: u64,
    /// Of EC pairs: prime256v1, secp224r1, secp256k1, secp384r1, secp521r1
    #[arg(long, value_name = "NAME", default_value = "prime256v1")]
    pub curve: String,
    #[command(flatten)]
    pub more: NewKeyArgs,
    #[command(flatten)]
    pub login: LoginArgs,
}

/// What new keys of every type take.
#[derive(Args, Default)]
pub struct NewKeyArgs {
    /// Attributes of the secret or private key, as sign=true
    #[arg(long, alias = "private-attributes", value_name = "NAME=VALUE", num_args = 1..)]
    pub attributes: Vec<String>,
    /// Attributes of a pair's public key
    #[arg(long, value_name = "NAME=VALUE", num_args = 1..)]
    pub public_attributes: Vec<String>,
    /// Crypto users who may use the secret or private key
    #[arg(long, value_name = "USER", num_args = 1..)]
    pub share_crypto_users: Vec<String>,
}

#[derive(Subcommand)]
pub enum SymmetricCommand {
    /// An AES key
    Aes(SymmetricArgs),
    /// A generic secret, for HMAC
    GenericSecret(SymmetricArgs),
}

#[derive(Args)]
pub struct SymmetricArgs {
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// The key's label
    #[arg(long, allow_hyphen_values = true)]
    pub label: String,
    /// How long it is: AES 16, 24 or 32
    #[arg(long, value_name = "BYTES")]
    pub key_length_bytes: u64,
    #[command(flatten)]
    pub more: NewKeyArgs,
    #[command(flatten)]
    pub login: LoginArgs,
}

#[derive(Subcommand)]
pub enum PairCommand {
    /// An RSA pair
    Rsa(RsaArgs),
    /// A pair on an elliptic curve
    Ec(EcArgs),
}

#[derive(Args)]
pub struct PairArgs {
    #[command(flatten)]
    pub cluster: ClusterArg,
    /// The public key's label
    #[arg(long, allow_hyphen_values = true)]
    pub public_label: String,
    /// The private key's label
    #[arg(long, allow_hyphen_values = true)]
    pub private_label: String,
    #[command(flatten)]
    pub more: NewKeyArgs,
    #[command(flatten)]
    pub login: LoginArgs,
}

#[derive(Args)]
pub struct RsaArgs {
    #[arg(long, value_name = "BITS")]
    pub modulus_size_bits: u64,
    #[arg(long, value_name = "NUMBER", default_value_t = 65537)]
    pub public_exponent: u64,
    #[command(flatten)]
    pub pair: PairArgs,
}

#[derive(Args)]
pub struct EcArgs {
    /// prime256v1, secp224r1, secp256k1, secp384r1, secp521r1
    #[arg(long, value_name = "NAME")]
    pub curve: String,
    #[command(flatten)]
    pub pair: PairArgs,
}

#[derive(Args)]
pub struct SetAttributeArgs {
    #[command(flatten)]
    pub cluster: ClusterArg,
    #[command(flatten)]
    pub filter: FilterArg,
    /// The attribute, as `vhsm key list --verbose` names it
    #[arg(long)]
    pub name: String,
    #[arg(long, allow_hyphen_values = true)]
    pub value: String,
    #[command(flatten)]
    pub login: LoginArgs,
}

#[derive(Args)]
pub struct ShareArgs {
    #[command(flatten)]
    pub cluster: ClusterArg,
    #[command(flatten)]
    pub filter: FilterArg,
    /// The crypto user
    #[arg(long)]
    pub username: String,
    /// Only crypto users use keys
    #[arg(long, default_value = "crypto-user")]
    pub role: super::user::RoleName,
    #[command(flatten)]
    pub login: LoginArgs,
}

#[derive(Args)]
pub struct DeleteKeyArgs {
    #[command(flatten)]
    pub cluster: ClusterArg,
    #[command(flatten)]
    pub filter: FilterArg,
    #[command(flatten)]
    pub login: LoginArgs,
}
