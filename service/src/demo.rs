//! `vhsm serve --demo`: a cluster, a connected custom key store and a key in it, to try AWS clients on.
//!
//! Without VHSM_HOME all of it lies in a folder that goes when the server ends: this process then only waits for the one
//! that serves. Whatever is there already stays as it is, so that the same folder can be served again.

use crate::App;
use crate::cluster;
use crate::failure::Failure;
use crate::output;
use crate::quickstart::{self, quoted};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use vhsm_keystore::api::{
    ConnectCustomKeyStoreRequest, CreateAliasRequest, CreateCustomKeyStoreRequest, CreateKeyRequest,
    CustomKeyStoresListEntry, DescribeCustomKeyStoresRequest, DescribeKeyRequest,
};
use vhsm_keystore::{Caller, Exception, Kms, KmsError, SecretText};
use vhsm_pkcs11::cluster::life::api::WholeClusterRequest;
use vhsm_pkcs11::cluster::{Cluster, HsmType, Login, Mode, PasswordRules, Role};
use vhsm_pkcs11::config::Config;
use vhsm_pkcs11::error::{ClusterError, Error};
use zeroize::Zeroizing;

/// Of the cluster and of the key store.
pub const NAME: &str = "demo";
const ALIAS: &str = "alias/demo";
const USER: &str = "kmsuser";
/// The admin's, and at first kmsuser's: it protects nothing that is not in the demo.
pub const PASSWORD: &str = "demo-password";
/// How long connecting may take on a busy machine.
const CONNECT: Duration = Duration::from_secs(60);

/// Whether the server is to run in a folder that goes with it.
pub fn wants_throw_away_home() -> bool {
    std::env::var_os("VHSM_HOME").is_none_or(|home| home.is_empty())
}

/// Runs this very command in a folder that goes when it ends. Signals that end this process end that one first.
pub fn in_throw_away_home() -> Result<(), Failure> {
    let cannot = |error: std::io::Error| Failure::new(format!("a folder for the demo: {error}"));
    let mut signals = Signals::new([SIGTERM, SIGINT]).map_err(cannot)?;
    let home = tempfile::Builder::new().prefix("vhsm-demo-").tempdir().map_err(cannot)?;
    let program = std::env::current_exe().map_err(cannot)?;
    let mut command = Command::new(program);
    command.args(std::env::args_os().skip(1)).env("VHSM_HOME", home.path());
    // What names places elsewhere is not the demo's; and a terminal's ^C is for this process, which hands it on.
    for name in ["VHSM_CONF", "VHSM_STORE", "VHSM_ROOT_KEY_FILE"] {
        command.env_remove(name);
    }
    let mut server = command.process_group(0).spawn().map_err(cannot)?;
    let (handle, id) = (signals.handle(), i32::try_from(server.id()).ok().and_then(Pid::from_raw));
    let hand_on = std::thread::spawn(move || {
        for _ in signals.forever() {
            // It may have ended by itself just now.
            let _ = id.map(|id| kill_process(id, Signal::TERM));
        }
    });
    let ended = server.wait().map_err(cannot)?;
    handle.close();
    // The thread only waits for signals.
    let _ = hand_on.join();
    home.close().map_err(cannot)?;
    match ended.success() {
        true => Ok(()),
        false => Err(Failure::new(format!("the demo's server ended: {ended}; the lines above say why"))),
    }
}

/// Makes what is missing, and prints what to try. The server answers at `endpoint`.
pub fn run(app: &App, kms: &Kms, caller: &Caller, endpoint: &str) -> Result<(), Failure> {
    // The alias comes last: where it is, everything was made, and what has become of it since is not the demo's.
    if !has_alias(kms, caller)? {
        let cluster = cluster(app)?;
        let store = connected(app, kms, caller, &cluster)?;
        create_key(kms, caller, store)?;
    }
    let store = found(kms, caller)?.map(|store| store.custom_key_store_id).unwrap_or_default();
    output::text(&lines(app, &store, endpoint))
}

/// With its two HSMs and kmsuser.
pub fn cluster(app: &App) -> Result<Arc<Cluster>, Failure> {
    let request = WholeClusterRequest {
        label: NAME,
        hsms: 2,
        admin_password: PASSWORD.as_bytes(),
        hsm_type: HsmType::Hsm2mMedium,
        mode: Mode::NonFips,
        places: None,
        retention: None,
        tags: Vec::new(),
    };
    match cluster::create_whole(app, &request) {
        Ok(made) => cluster::keep_anchor(app, &made).map(drop)?,
        Err(Error::Cluster(ClusterError::LabelTaken(_))) => {}
        Err(error) => return Err(error.into()),
    }
    let cluster = app.clusters.find(NAME)?;
    if !app.clusters.users(&cluster)?.iter().any(|user| user.name == USER) {
        let admin = admin(app, &cluster)?;
        let rules = PasswordRules::Cluster;
        app.clusters.create_user(&cluster, &admin, USER, Role::CryptoUser, PASSWORD.as_bytes(), rules)?;
    }
    Ok(cluster)
}

/// The cluster's admin. Errors: there was a cluster of that name before, with a password of its own.
pub fn admin(app: &App, cluster: &Cluster) -> Result<Login, Failure> {
    let login = app.clusters.login_as(cluster, Some(Role::Admin), "admin", PASSWORD.as_bytes());
    login.map_err(|error| {
        Failure::new(format!(
            "the cluster {NAME:?} of $VHSM_HOME cannot be used for the demo: {error}; it is not a demo's: unset VHSM_HOME, \
             or name an empty folder"
        ))
    })
}

/// The key store's id, once it is CONNECTED.
fn connected(app: &App, kms: &Kms, caller: &Caller, cluster: &Cluster) -> Result<String, Failure> {
    let store = match found(kms, caller)? {
        Some(store) => store.custom_key_store_id,
        None => create_store(app, kms, caller, cluster)?,
    };
    let start = Instant::now();
    loop {
        let entry = found(kms, caller)?.ok_or_else(|| Failure::new("the demo's key store was deleted"))?;
        match entry.connection_state.as_str() {
            "CONNECTED" => return Ok(store),
            "DISCONNECTED" => {
                let request = ConnectCustomKeyStoreRequest { custom_key_store_id: Some(store.clone()) };
                kms.connect_custom_key_store(caller, &request).map_err(told)?;
            }
            state if state == "FAILED" || start.elapsed() > CONNECT => {
                let code = entry.connection_error_code.unwrap_or_default();
                return Err(Failure::new(format!("the demo's key store is {state} {code}")));
            }
            _ => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

fn found(kms: &Kms, caller: &Caller) -> Result<Option<CustomKeyStoresListEntry>, Failure> {
    let request =
        DescribeCustomKeyStoresRequest { custom_key_store_name: Some(NAME.into()), ..Default::default() };
    match kms.describe_custom_key_stores(caller, &request) {
        Ok(answer) => Ok(answer.custom_key_stores.into_iter().next()),
        Err(error) if error.exception == Exception::CustomKeyStoreNotFound => Ok(None),
        Err(error) => Err(told(error)),
    }
}

fn create_store(app: &App, kms: &Kms, caller: &Caller, cluster: &Cluster) -> Result<String, Failure> {
    let path = cluster::anchor::path(&app.config, &cluster.name);
    let anchor = std::fs::read_to_string(&path);
    let anchor = anchor.map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    let request = CreateCustomKeyStoreRequest {
        custom_key_store_name: Some(NAME.into()),
        cloud_hsm_cluster_id: Some(cluster.name.clone()),
        key_store_password: Some(SecretText(Zeroizing::new(PASSWORD.into()))),
        trust_anchor_certificate: Some(anchor),
        ..Default::default()
    };
    Ok(kms.create_custom_key_store(caller, &request).map_err(told)?.custom_key_store_id)
}

fn has_alias(kms: &Kms, caller: &Caller) -> Result<bool, Failure> {
    let request = DescribeKeyRequest { key_id: Some(ALIAS.into()), ..Default::default() };
    match kms.describe_key(caller, &request) {
        Ok(_) => Ok(true),
        Err(error) if error.exception == Exception::NotFound => Ok(false),
        Err(error) => Err(told(error)),
    }
}

fn create_key(kms: &Kms, caller: &Caller, store: String) -> Result<(), Failure> {
    let request = CreateKeyRequest {
        description: Some("of the demo".into()),
        origin: Some("AWS_CLOUDHSM".into()),
        custom_key_store_id: Some(store),
        ..Default::default()
    };
    let key = kms.create_key(caller, &request).map_err(told)?.key_metadata.key_id;
    let request = CreateAliasRequest { alias_name: Some(ALIAS.into()), target_key_id: Some(key) };
    kms.create_alias(caller, &request).map_err(told)
}

fn told(error: KmsError) -> Failure {
    Failure::new(format!("{}: {}", error.exception.name(), error.message))
}

/// What to try, as a shell takes it.
fn lines(app: &App, store: &str, endpoint: &str) -> String {
    let Config { home, region, .. } = &app.config;
    let (credentials, home) =
        (quoted(&home.join("credentials").display().to_string()), quoted(&home.display().to_string()));
    let (vhsm, module) = (quickstart::program(), quoted(&quickstart::module(None).display().to_string()));
    format!(
        "\
A demo: the cluster {NAME:?} with two HSMs, on it the custom key store {NAME:?}, and in that the key {ALIAS}.

Try in another shell:

  export VHSM_HOME={home}
  export AWS_ENDPOINT_URL={endpoint} AWS_DEFAULT_REGION={region} AWS_DEFAULT_OUTPUT=text
  export AWS_SHARED_CREDENTIALS_FILE={credentials}
  aws kms describe-key --key-id {ALIAS}
  aws kms encrypt --key-id {ALIAS} --plaintext fileb://<(echo hello) --query CiphertextBlob | base64 -d >sealed
  aws kms decrypt --ciphertext-blob fileb://sealed --query Plaintext | base64 -d
  aws cloudhsmv2 describe-clusters

And the way back to the key itself, by a password of your own:

  aws kms disconnect-custom-key-store --custom-key-store-id {store}
  VHSM_PIN=admin:{PASSWORD} {vhsm} user change-password --cluster {NAME} --username {USER} --password my-password
  pkcs11-tool --module {module} --token-label {NAME} --login --pin {USER}:my-password --list-objects

^C ends it.
"
    )
}
