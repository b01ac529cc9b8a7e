//! `vhsm quickstart`: a cluster to try things with.

use crate::App;
use crate::cli::QuickstartArgs;
use crate::cluster;
use crate::failure::Failure;
use crate::{output, password};
use std::path::{Path, PathBuf};
use vhsm_pkcs11::cluster::life::api::WholeClusterRequest;
use vhsm_pkcs11::cluster::{Cluster, Clusters, HsmType, Mode, PasswordRules, Role};
use vhsm_pkcs11::config::Config;
use vhsm_pkcs11::error::{ClusterError, Error};
use zeroize::Zeroizing;

const LABEL: &str = "vhsm";
const HSMS: usize = 2;
const CRYPTO_USER: &str = "kmsuser";
const MODULE: &str = "libvhsm_pkcs11.so";

/// The passwords of a new cluster's users.
struct Passwords {
    admin: Zeroizing<String>,
    crypto_user: Zeroizing<String>,
}

pub fn run(app: &App, arguments: &QuickstartArgs) -> Result<(), Failure> {
    let config = &app.config;
    let module = module(arguments.module.as_deref());
    let text = match make(app)? {
        Some(passwords) => Zeroizing::new(made(config, &passwords, &module)),
        None => Zeroizing::new(exists(config, &module)),
    };
    output::text(&text)
}

/// `None`: there is such a cluster already, and it stays as it is.
fn make(app: &App) -> Result<Option<Passwords>, Failure> {
    let passwords = Passwords { admin: password::random()?, crypto_user: password::random()? };
    let request = WholeClusterRequest {
        label: LABEL,
        hsms: HSMS,
        admin_password: passwords.admin.as_bytes(),
        hsm_type: HsmType::Hsm2mMedium,
        mode: Mode::NonFips,
        places: None,
        retention: None,
        tags: Vec::new(),
    };
    let described = match cluster::create_whole(app, &request) {
        Err(Error::Cluster(ClusterError::LabelTaken(_))) => return Ok(None),
        described => described?,
    };
    let made = app.clusters.find(&described.cluster_id)?;
    if let Err(error) = add_user(&app.clusters, &made, &passwords) {
        // Nobody would know the admin's password.
        app.clusters.delete(&made)?;
        return Err(error.into());
    }
    cluster::keep_anchor(app, &described)?;
    Ok(Some(passwords))
}

fn add_user(clusters: &Clusters, cluster: &Cluster, passwords: &Passwords) -> Result<(), Error> {
    let admin = clusters.login_as(cluster, Some(Role::Admin), "admin", passwords.admin.as_bytes())?;
    let (password, rules) = (passwords.crypto_user.as_bytes(), PasswordRules::Cluster);
    clusters.create_user(cluster, &admin, CRYPTO_USER, Role::CryptoUser, password, rules).map(drop)
}

fn made(config: &Config, passwords: &Passwords, module: &Path) -> String {
    let (admin, user) = (passwords.admin.as_str(), passwords.crypto_user.as_str());
    format!(
        "\
Made the cluster {LABEL:?} with {HSMS} HSMs in {home}.

These passwords are shown this once and stored nowhere:

  admin    {admin}
  {CRYPTO_USER}  {user}

Try next:

  {set_pin}{user}
{commands}
With the admin's login, more users:

  VHSM_PIN=admin:{admin} {vhsm} user create --cluster {LABEL} --username alice \\
      --role crypto-user --password-file alice.txt
",
        home = config.home.display(),
        vhsm = program(),
        set_pin = SET_PIN,
        commands = commands(config, module),
    )
}

fn exists(config: &Config, module: &Path) -> String {
    format!(
        "\
The cluster {LABEL:?} exists already in {home}; nothing was changed. Its passwords were shown when it was made.

Try next:

  {set_pin}PASSWORD
{commands}
To start anew:

  VHSM_PIN=admin:PASSWORD {vhsm} cluster delete {LABEL}
  {vhsm} quickstart

Where the admin's password is lost, delete {home}: every cluster goes with it.
",
        vhsm = program(),
        home = config.home.display(),
        set_pin = SET_PIN,
        commands = commands(config, module),
    )
}

/// The line that later ones lean on, up to the password.
const SET_PIN: &str = "export PIN=kmsuser:";

/// What to try, as a shell takes it.
fn commands(config: &Config, module: &Path) -> String {
    let module = quoted(&module.display().to_string());
    let home = match std::env::var_os("VHSM_HOME") {
        Some(_) => format!("  export VHSM_HOME={}\n", quoted(&config.home.display().to_string())),
        None => String::new(),
    };
    format!(
        "\
{home}  p11() {{ pkcs11-tool --module {module} --token-label {LABEL} --login --pin \"$PIN\" \"$@\"; }}
  p11 --keygen --key-type AES:32 --label my-key --id 01 --private --sensitive --usage-decrypt
  p11 --list-objects
  {vhsm} user list --cluster {LABEL}
",
        vhsm = program(),
    )
}

/// This program as a shell finds it: by its path, if it was called by one.
pub fn program() -> String {
    let called = std::env::args_os().next().map(PathBuf::from).unwrap_or_else(|| "vhsm".into());
    let by_path = called.components().nth(1).is_some();
    let path = if by_path { std::path::absolute(&called).unwrap_or(called) } else { called };
    quoted(&path.display().to_string())
}

/// The library beside this program, as cargo and packages lay them; else its bare name.
pub fn module(named: Option<&Path>) -> PathBuf {
    if let Some(named) = named {
        return std::path::absolute(named).unwrap_or_else(|_| named.to_owned());
    }
    let program = std::env::current_exe().ok().and_then(|program| program.canonicalize().ok());
    let folder = program.as_deref().and_then(Path::parent);
    let places = ["", "deps", "../lib", "../lib/pkcs11"];
    let found = folder.and_then(|folder| {
        places.iter().map(|place| folder.join(place).join(MODULE)).find(|file| file.is_file())
    });
    found.unwrap_or_else(|| PathBuf::from(MODULE))
}

/// Text as one word of a shell's command line.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    if text.chars().all(plain) { text.into() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_a_shell() {
        assert_eq!(quoted("/usr/lib/x.so"), "/usr/lib/x.so");
        assert_eq!(quoted("/a b/it's"), r"'/a b/it'\''s'");
    }
}
