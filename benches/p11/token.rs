//! The modules that are measured, and throw-away tokens for those it knows how to make one for.

use crate::Failure;
use crate::etcd::{Etcd, Options};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";

pub struct Token {
    pub name: String,
    pub file: String,
    /// A slot's id, or `-`: the first whose user PIN is set.
    pub slot: String,
    pub pin: String,
    /// What a process needs to see the token.
    pub environment: Vec<(&'static str, OsString)>,
    /// The throw-away token lies in it.
    _folder: Option<TempDir>,
    /// Or in this.
    _etcd: Option<Etcd>,
}

impl Token {
    /// `vhsm`, `vhsm-etcd`, `softhsm` or `FILE:SLOT:PIN` (a PIN may have colons).
    pub fn new(name: &str) -> Result<Self, Failure> {
        match name {
            "vhsm" => vhsm(name, None),
            "vhsm-etcd" => vhsm(name, Some(etcd())),
            "softhsm" => softhsm(),
            _ => foreign(name),
        }
    }
}

/// One member, which writes where the embedded store would.
fn etcd() -> Etcd {
    Etcd::with(Options { parent: Some(env!("CARGO_TARGET_TMPDIR").into()), ..Options::default() })
}

fn vhsm(name: &str, etcd: Option<Etcd>) -> Result<Token, Failure> {
    let folder = folder()?;
    let store = etcd.as_ref().map_or("embedded".into(), Etcd::url);
    let environment = vec![("VHSM_HOME", folder.path().into()), ("VHSM_STORE", store.into())];
    let command = built("VHSM_COMMAND", "vhsm")?;
    let run = |arguments: &[&str]| {
        let mut vhsm = Command::new(&command);
        vhsm.args(arguments).envs(environment.iter().cloned()).env("VHSM_PIN", "admin:bench-admin");
        finish(vhsm)
    };
    run(&["cluster", "create", "--label", "bench", "--hsms", "2", "--admin-password", "bench-admin"])?;
    run(&[
        "user",
        "create",
        "--cluster",
        "bench",
        "--username",
        "kmsuser",
        "--role",
        "crypto-user",
        "--password",
        "bench-user",
    ])?;
    Ok(Token {
        name: name.to_owned(),
        file: built("VHSM_MODULE", "libvhsm_pkcs11.so")?.to_string_lossy().into_owned(),
        slot: "-".to_owned(),
        pin: "kmsuser:bench-user".to_owned(),
        environment,
        _folder: Some(folder),
        _etcd: etcd,
    })
}

fn softhsm() -> Result<Token, Failure> {
    let folder = folder()?;
    let (tokens, config) = (folder.path().join("tokens"), folder.path().join("softhsm2.conf"));
    let text = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
        tokens.display()
    );
    fs::create_dir(&tokens).and_then(|()| fs::write(&config, text)).map_err(|e| e.to_string())?;
    let environment = vec![("SOFTHSM2_CONF", config.into_os_string())];
    let mut init = Command::new("softhsm2-util");
    init.args(["--init-token", "--free", "--label", "bench", "--so-pin", "12345678", "--pin", "123456"]);
    init.envs(environment.iter().cloned());
    finish(init)?;
    Ok(Token {
        name: "softhsm".to_owned(),
        file: SOFTHSM.to_owned(),
        slot: "-".to_owned(),
        pin: "123456".to_owned(),
        environment,
        _folder: Some(folder),
        _etcd: None,
    })
}

fn foreign(name: &str) -> Result<Token, Failure> {
    let mut parts = name.splitn(3, ':');
    let (Some(file), Some(slot), Some(pin)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(format!("not `vhsm`, `vhsm-etcd`, `softhsm` or FILE:SLOT:PIN: {name:?}"));
    };
    let stem = Path::new(file).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Token {
        name: stem,
        file: file.to_owned(),
        slot: slot.to_owned(),
        pin: pin.to_owned(),
        environment: Vec::new(),
        _folder: None,
        _etcd: None,
    })
}

/// On the disk of the build, not in memory: durable keys are what is measured.
fn folder() -> Result<TempDir, Failure> {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).map_err(|e| e.to_string())
}

/// A file of the release build, which lies one folder above this program's, unless the variable names another.
fn built(variable: &str, name: &str) -> Result<PathBuf, Failure> {
    if let Some(path) = std::env::var_os(variable) {
        return Ok(path.into());
    }
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let path = program.ancestors().nth(2).unwrap_or(Path::new(".")).join(name);
    if path.exists() { Ok(path) } else { Err(format!("{} is missing: run `make build`", path.display())) }
}

fn finish(mut command: Command) -> Result<(), Failure> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|e| format!("{name}: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
