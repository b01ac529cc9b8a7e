//! `vhsm xks-proxy --demo`: all that the proxy needs, made on the spot: a cluster with two HSMs, a user and a key, a credential, a
//! certificate. What is there already stays as it is, so that the same folder can be served again.

mod certificates;
mod lines;

pub use lines::lines;

use super::credential::NewCredential;
use super::settings::PATH;
use crate::App;
use crate::demo;
use crate::failure::Failure;
use crate::password;
use certificates::Certificates;
use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use vhsm_pkcs11::cluster::{Cluster, PasswordRules, Role};
use zeroize::Zeroizing;

/// Also of the key store's path.
const NAME: &str = demo::NAME;
const USER: &str = "xks";
const KEY: &str = "demo-key";
/// Where it is free.
const PORT: u16 = 8443;
/// In VHSM_HOME: everything of the demo.
const FOLDER: &str = "xks-demo";
const SETTINGS: &str = "proxy.toml";
const SECRET: &str = "secret";
const KEY_STORE: &str = "key-store.json";
const KMS_SETTINGS: &str = "kms.toml";

/// Makes what is missing; answers the configuration.
pub fn make(app: &App) -> Result<PathBuf, Failure> {
    let folder = app.config.home.join(FOLDER);
    let settings = folder.join(SETTINGS);
    // It comes last: where it is, everything was made.
    if settings.exists() {
        return Ok(settings);
    }
    let cannot = |error| Failure::new(format!("{}: {error}", folder.display()));
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(cannot)?;
    let cluster = demo::cluster(app)?;
    make_key(&make_user(app, &cluster, &folder)?)?;
    let Certificates { authority, server, key } = Certificates::make()?;
    let credential = NewCredential::random()?;
    for (name, bytes) in [
        ("ca.crt", &authority[..]),
        ("server.crt", &server),
        ("server.key", &key),
        (SECRET, credential.secret.as_bytes()),
    ] {
        write(&folder.join(name), bytes)?;
    }
    write(&folder.join(KMS_SETTINGS), kms_settings(&folder).as_bytes())?;
    let port = free_port(PORT);
    write(&folder.join(KEY_STORE), key_store(&credential, port).as_bytes())?;
    write(&settings, configuration(&credential.access_key_id, port).as_bytes())?;
    Ok(settings)
}

/// With its PIN in a file. What a start that was cut off made for this user goes with it.
fn make_user(app: &App, cluster: &Cluster, folder: &Path) -> Result<Zeroizing<String>, Failure> {
    let clusters = &app.clusters;
    let admin = demo::admin(app, cluster)?;
    if clusters.users(cluster)?.iter().any(|user| user.name == USER) {
        clusters.delete_user(cluster, &admin, USER, true)?;
    }
    let (password, rules) = (password::random()?, PasswordRules::Cluster);
    clusters.create_user(cluster, &admin, USER, Role::CryptoUser, password.as_bytes(), rules)?;
    let pin = Zeroizing::new(format!("{USER}:{}", *password));
    write(&folder.join("pin"), pin.as_bytes())?;
    Ok(pin)
}

/// By the command for it, in a process of its own: this one opens the library later, for the proxy.
fn make_key(pin: &str) -> Result<(), Failure> {
    let cannot = |error: &dyn std::fmt::Display| Failure::new(format!("the demo's key: {error}"));
    let program = std::env::current_exe().map_err(|error| cannot(&error))?;
    let arguments = ["key", "generate", "--cluster", demo::NAME, "--label", KEY];
    let output = Command::new(program).args(arguments).env("VHSM_PIN", pin).stdin(Stdio::null()).output();
    let output = output.map_err(|error| cannot(&error))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(cannot(&String::from_utf8_lossy(&output.stderr).trim_start_matches("vhsm: "))),
    }
}

/// What `vhsm serve` needs to call a proxy on this machine.
fn kms_settings(folder: &Path) -> String {
    let authority = folder.join("ca.crt").display().to_string();
    format!("[serve.xks]\nallow_private_endpoints = true\nca_file = {authority:?}\n")
}

/// What CreateCustomKeyStore takes: in a file, so that the secret is in nobody's list of processes. (And the AWS CLI of version 1
/// would fetch an option that is a URL.)
fn key_store(credential: &NewCredential, port: u16) -> Zeroizing<String> {
    let NewCredential { access_key_id, secret } = credential;
    // Base64 has no character that JSON escapes.
    Zeroizing::new(format!(
        r#"{{
  "CustomKeyStoreName": "xks-demo",
  "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
  "XksProxyConnectivity": "PUBLIC_ENDPOINT",
  "XksProxyUriEndpoint": "https://localhost:{port}",
  "XksProxyUriPath": "/{NAME}{PATH}",
  "XksProxyAuthenticationCredential": {{
    "AccessKeyId": "{access_key_id}",
    "RawSecretAccessKey": "{}"
  }}
}}
"#,
        **secret
    ))
}

fn configuration(access_key_id: &str, port: u16) -> String {
    format!(
        r#"# The demo's. `vhsm xks-proxy --help` tells every key.
listen = "127.0.0.1:{port}"
region = "us-east-1"
access_log = "access.log"

[tls]
cert_file = "server.crt"
key_file = "server.key"

[[hsms]]
name = "{NAME}"
token_label = "{NAME}"
pin_file = "pin"

[[key_stores]]
name = "{NAME}"
path_prefix = "/{NAME}"
credentials = [{{ access_key_id = "{access_key_id}", secret_file = "{SECRET}" }}]
"#
    )
}

/// This one, or another where it is taken.
fn free_port(wanted: u16) -> u16 {
    let free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).and_then(|port| port.local_addr());
    free(wanted).or_else(|_| free(0)).map_or(wanted, |address| address.port())
}

/// A file that nobody else can read.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(bytes)).map_err(|error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{}: {error}", path.display()))
}
