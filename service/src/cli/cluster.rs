//! `vhsm cluster ...`: what can be asked.

use super::{AdminPassword, ClusterArg, LoginArgs, NewAdminPassword};
use crate::failure::Failure;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::str::FromStr;
use vhsm_pkcs11::cluster::life::api::{Places, Retention};
use vhsm_pkcs11::cluster::{HsmType, Mode, NetworkType, Tag};
use vhsm_pkcs11::error::Error;

pub const HELP: &str = "\
Examples:
  vhsm cluster create --label demo --hsms 3 --admin-password-file admin.txt
  vhsm cluster list
  vhsm cluster describe demo
  VHSM_PIN=admin:PASSWORD vhsm cluster delete demo

Step by step, as AWS has it, with a CA of your own:
  vhsm cluster create --label demo --availability-zone us-east-1a --availability-zone us-east-1b
  vhsm cluster create-hsm demo --availability-zone us-east-1a
  vhsm cluster csr demo >demo.csr
  openssl x509 -req -days 3652 -in demo.csr -CA customerCA.crt -CAkey customerCA.key -CAcreateserial -out demo.crt
  vhsm cluster initialize demo --signed-cert demo.crt --trust-anchor customerCA.crt
  vhsm cluster activate demo --admin-password-file admin.txt
  vhsm cluster create-hsm demo --availability-zone us-east-1b

What comes and goes of a cluster (HSMs, the cluster itself, how long backups are kept) is the control plane's:
it needs no login where the service's root key is at hand (VHSM_ROOT_KEY_FILE, else $VHSM_HOME/service.key).";

#[derive(Subcommand)]
pub enum ClusterCommand {
    /// Make a cluster: active at once, or step by step
    ///
    /// With an admin's password: a whole cluster with its HSMs, its admin (named `admin`) and a certificate of a
    /// CA of its own. Without one, with the places where its HSMs shall stand: an empty cluster, UNINITIALIZED,
    /// for the steps that follow (`vhsm cluster --help` shows them).
    #[command(after_help = CREATE_HELP)]
    Create(CreateArgs),
    /// Show all clusters
    List,
    /// Show one cluster
    Describe(NameArg),
    /// Show what the HSMs are that can be reached
    HsmInfo(NameArg),
    /// Add an HSM: a new slot, with all keys of the cluster
    ///
    /// Programs that run see it at their next call. An uninitialized cluster's first HSM makes the certificate
    /// signing request, and stays the only one until the cluster is initialized.
    #[command(after_help = "Example:\n  vhsm cluster create-hsm demo --availability-zone us-east-1b")]
    CreateHsm(CreateHsmArgs),
    /// Remove an HSM: its slot goes, with its sessions and session keys
    ///
    /// Token keys and users stay, even with the last HSM: another brings them back.
    #[command(after_help = "Example:\n  vhsm cluster delete-hsm demo --hsm-id hsm-abcdefghijk")]
    DeleteHsm(DeleteHsmArgs),
    /// Print an uninitialized cluster's certificate signing request, in PEM
    #[command(after_help = "Example:\n  vhsm cluster csr demo >demo.csr")]
    Csr(NameArg),
    /// Give a cluster the certificate that your CA signed
    ///
    /// The trust anchor is the certificate of a self-signed root CA, which issued the cluster's certificate
    /// directly. Both are kept; the trust anchor is what a key store is given.
    #[command(after_help = "\
Example:
  vhsm cluster initialize demo --signed-cert demo.crt --trust-anchor customerCA.crt")]
    Initialize(InitializeArgs),
    /// Set the admin's password: the cluster becomes active, and its HSMs slots
    #[command(after_help = "Example:\n  vhsm cluster activate demo --admin-password-file admin.txt")]
    Activate(ActivateArgs),
    /// Change how long backups are kept, or the type of the HSMs
    #[command(after_help = "Example:\n  vhsm cluster modify demo --backup-retention-days 30")]
    Modify(ModifyArgs),
    /// Put tags on a cluster
    #[command(after_help = "Example:\n  vhsm cluster tag --cluster demo Team=payments")]
    Tag(TagArgs),
    /// Take tags off a cluster
    #[command(after_help = "Example:\n  vhsm cluster untag --cluster demo Team")]
    Untag(UntagArgs),
    /// Give a cluster a certificate that has none: one made by C_InitToken, or by an older version
    ///
    /// A CA of its own issues it, as for `cluster create` with a password. Needs an admin's login, which also lets
    /// the control plane act without one from then on.
    #[command(after_help = "Example:\n  VHSM_PIN=admin:PASSWORD vhsm cluster certify demo")]
    Certify(ChangeArgs),
    /// Delete a cluster
    ///
    /// Without HSMs it goes as it is. One that is active and has HSMs goes with them, its users and all their
    /// keys, by the login of one of its admins. Everything in the cluster is lost but what backups hold: whatever
    /// was encrypted under its keys stays encrypted. Programs that use the cluster lose their sessions at their
    /// next call.
    #[command(after_help = "Example:\n  VHSM_PIN=admin:PASSWORD vhsm cluster delete demo")]
    Delete(DeleteClusterArgs),
}

const CREATE_HELP: &str = "\
Examples:
  vhsm cluster create --label demo --admin-password-file admin.txt
  openssl rand -hex 12 | tee admin.txt | vhsm cluster create --label x --admin-password-file -
  vhsm cluster create --label demo --availability-zone us-east-1a --availability-zone us-east-1b
  vhsm cluster create --source-backup backup-abcdefghijk --label restored --hsms 2";

/// HsmType of the CloudHSM API.
#[derive(Clone, Copy, ValueEnum)]
pub enum HsmTypeName {
    #[value(name = "hsm1.medium")]
    Hsm1Medium,
    #[value(name = "hsm2m.medium")]
    Hsm2mMedium,
}

impl From<HsmTypeName> for HsmType {
    fn from(name: HsmTypeName) -> Self {
        match name {
            HsmTypeName::Hsm1Medium => HsmType::Hsm1Medium,
            HsmTypeName::Hsm2mMedium => HsmType::Hsm2mMedium,
        }
    }
}

/// Mode of the CloudHSM API.
#[derive(Clone, Copy, ValueEnum)]
pub enum ModeName {
    #[value(name = "FIPS")]
    Fips,
    #[value(name = "NON_FIPS")]
    NonFips,
}

/// NetworkType of the CloudHSM API.
#[derive(Clone, Copy, ValueEnum)]
pub enum NetworkTypeName {
    #[value(name = "IPV4")]
    Ipv4,
    #[value(name = "DUALSTACK")]
    DualStack,
}

/// KEY=VALUE
#[derive(Clone)]
pub struct TagArg(pub Tag);

impl FromStr for TagArg {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
        Ok(Self(Tag { key: key.into(), value: value.into() }))
    }
}

#[derive(Args)]
#[command(group = clap::ArgGroup::new("how").required(true).multiple(true)
    .args(["admin_password", "admin_password_file", "availability_zones", "subnet_ids", "source_backup"]))]
pub struct CreateArgs {
    /// The cluster's name, and its tokens' label: 1 to 32 bytes [default, step by step: the ClusterId]
    #[arg(long, allow_hyphen_values = true)]
    pub label: Option<String>,
    /// How many HSMs an active cluster has at once, 1 to 28: each is a slot [default: 2, of a backup 0]
    #[arg(long, value_name = "N")]
    pub hsms: Option<usize>,
    /// Make it of a backup: active, with the users and keys of that time, by its BackupId or ARN
    #[arg(long, value_name = "BACKUP", conflicts_with_all = ["admin_password", "admin_password_file"])]
    pub source_backup: Option<String>,
    #[command(flatten)]
    pub login: LoginArgs,
    #[command(flatten)]
    pub admin_password: AdminPassword,
    /// An availability zone for its HSMs, 1 to 10 times
    #[arg(id = "availability_zones", long = "availability-zone", value_name = "ZONE")]
    availability_zones: Vec<String>,
    /// Subnets instead of availability zones, 1 to 10: each stands for a zone
    #[arg(long, value_name = "ID", num_args = 1.., value_delimiter = ',', conflicts_with = "availability_zones")]
    subnet_ids: Vec<String>,
    /// [default: hsm2m.medium, or the backup's]
    #[arg(long, value_name = "TYPE")]
    hsm_type: Option<HsmTypeName>,
    /// As it is told; nothing here is validated [default: NON_FIPS, or the backup's]
    #[arg(long)]
    mode: Option<ModeName>,
    #[arg(long, value_name = "TYPE", default_value = "IPV4", hide = true)]
    network_type: NetworkTypeName,
    /// How long backups are kept, 7 to 379 [default: 90]
    #[arg(long, value_name = "DAYS")]
    backup_retention_days: Option<u16>,
    /// A tag, up to 50 times
    #[arg(long = "tag", value_name = "KEY=VALUE")]
    tags: Vec<TagArg>,
}

impl CreateArgs {
    pub fn hsm_type(&self) -> HsmType {
        self.hsm_type_or(HsmType::Hsm2mMedium)
    }

    pub fn hsm_type_or(&self, default: HsmType) -> HsmType {
        self.hsm_type.map_or(default, HsmType::from)
    }

    pub fn mode(&self) -> Mode {
        self.mode_or(Mode::NonFips)
    }

    pub fn mode_or(&self, default: Mode) -> Mode {
        match self.mode {
            Some(ModeName::Fips) => Mode::Fips,
            Some(ModeName::NonFips) => Mode::NonFips,
            None => default,
        }
    }

    pub fn network_type(&self) -> NetworkType {
        match self.network_type {
            NetworkTypeName::Ipv4 => NetworkType::Ipv4,
            NetworkTypeName::DualStack => NetworkType::DualStack,
        }
    }

    /// `None`: nobody said where.
    pub fn places(&self) -> Option<Places> {
        match (&self.availability_zones[..], &self.subnet_ids[..]) {
            ([], []) => None,
            ([], subnets) => Some(Places::Subnets(subnets.to_vec())),
            (zones, _) => Some(Places::Zones(zones.to_vec())),
        }
    }

    pub fn retention(&self) -> Result<Option<Retention>, Failure> {
        retention(self.backup_retention_days)
    }

    pub fn tags(&self) -> Vec<Tag> {
        self.tags.iter().map(|tag| tag.0.clone()).collect()
    }
}

fn retention(days: Option<u16>) -> Result<Option<Retention>, Failure> {
    Ok(days.map(Retention::days).transpose().map_err(Error::from)?)
}

/// Which cluster.
#[derive(Args)]
pub struct NameArg {
    /// Its label or ClusterId; may be left out where there is only one cluster
    #[arg(value_name = "NAME", conflicts_with = "cluster")]
    name: Option<String>,
    /// The same
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
}

impl NameArg {
    pub fn get(&self) -> Option<&str> {
        self.name.as_deref().or(self.cluster.as_deref())
    }
}

#[derive(Args)]
pub struct ChangeArgs {
    #[command(flatten)]
    pub name: NameArg,
    #[command(flatten)]
    pub login: LoginArgs,
}

#[derive(Args)]
pub struct CreateHsmArgs {
    #[command(flatten)]
    pub name: NameArg,
    /// Where it shall stand [default: the cluster's zone with the fewest HSMs]
    #[arg(long, value_name = "ZONE")]
    pub availability_zone: Option<String>,
    /// Its IPv4 address, as it is told: nothing listens there
    #[arg(long, value_name = "ADDRESS")]
    pub ip_address: Option<String>,
    #[command(flatten)]
    pub login: LoginArgs,
}

#[derive(Args)]
#[command(group = clap::ArgGroup::new("which").required(true).args(["hsm_id", "eni_id", "eni_ip"]))]
pub struct DeleteHsmArgs {
    #[command(flatten)]
    pub name: NameArg,
    /// By its HsmId
    #[arg(long, value_name = "ID")]
    pub hsm_id: Option<String>,
    /// By its EniId
    #[arg(long, value_name = "ID")]
    pub eni_id: Option<String>,
    /// By its EniIp
    #[arg(long, value_name = "ADDRESS")]
    pub eni_ip: Option<String>,
    #[command(flatten)]
    pub login: LoginArgs,
}

#[derive(Args)]
pub struct InitializeArgs {
    #[command(flatten)]
    pub name: NameArg,
    /// The cluster's certificate, in PEM
    #[arg(long, value_name = "FILE")]
    pub signed_cert: PathBuf,
    /// The certificate of the root CA that issued it, in PEM
    #[arg(long, value_name = "FILE")]
    pub trust_anchor: PathBuf,
}

#[derive(Args)]
pub struct ActivateArgs {
    #[command(flatten)]
    pub name: NameArg,
    /// The tokens' label, if it shall be another
    #[arg(long)]
    pub label: Option<String>,
    #[command(flatten)]
    pub admin_password: NewAdminPassword,
}

#[derive(Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["hsm_type", "backup_retention_days"]))]
pub struct ModifyArgs {
    #[command(flatten)]
    pub name: NameArg,
    /// hsm1.medium becomes hsm2m.medium, and back within a day
    #[arg(long, value_name = "TYPE")]
    hsm_type: Option<HsmTypeName>,
    /// How long backups are kept, 7 to 379
    #[arg(long, value_name = "DAYS")]
    backup_retention_days: Option<u16>,
    #[command(flatten)]
    pub login: LoginArgs,
}

impl ModifyArgs {
    pub fn hsm_type(&self) -> Option<HsmType> {
        self.hsm_type.map(HsmType::from)
    }

    pub fn retention(&self) -> Result<Option<Retention>, Failure> {
        retention(self.backup_retention_days)
    }
}

#[derive(Args)]
pub struct TagArgs {
    #[command(flatten)]
    pub cluster: ClusterArg,
    #[arg(value_name = "KEY=VALUE", required = true)]
    pub tags: Vec<TagArg>,
    #[command(flatten)]
    pub login: LoginArgs,
}

#[derive(Args)]
pub struct UntagArgs {
    #[command(flatten)]
    pub cluster: ClusterArg,
    #[arg(value_name = "KEY", required = true)]
    pub keys: Vec<String>,
    #[command(flatten)]
    pub login: LoginArgs,
}

#[derive(Args)]
pub struct DeleteClusterArgs {
    /// Its label or ClusterId
    #[arg(value_name = "NAME", conflicts_with = "cluster", required_unless_present = "cluster")]
    pub name: Option<String>,
    /// The same
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
    /// One that is not active, with its HSM, even where the root key it was made with is lost: it holds no keys
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub login: LoginArgs,
}
