//! What AWS's own clients make of `vhsm serve`: every program of this folder, one test each. A program has a server, a folder
//! and credentials of its own; it says what it does, and ends with an error status when something is not as AWS has it.

#[path = "../../../keystore/tests/it/support/proxy/mod.rs"]
mod external_proxy;
mod proxy;
mod server;

use libtest_mimic::{Arguments, Failed, Trial};
use server::{Home, Server};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// They start their servers themselves.
const OWN_SERVER: [&str; 6] = ["demo", "restart", "xks_demo", "xks_restart", "xks_states", "xks_times"];

fn main() {
    let trials = programs().into_iter().map(|program| {
        let name = program.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Trial::test(name.clone(), move || run(&name, &program))
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit();
}

fn programs() -> Vec<PathBuf> {
    let entries = folder().read_dir().expect("the folder of the programs can be read");
    let mut programs: Vec<PathBuf> = entries.map(|entry| entry.expect("as above").path()).collect();
    let is_program = |path: &Path| path.extension().is_some_and(|e| e == "py" || e == "sh");
    programs.retain(|path| is_program(path));
    programs.sort();
    assert!(!programs.is_empty(), "no programs in {}", folder().display());
    programs
}

fn run(name: &str, program: &Path) -> Result<(), Failed> {
    let home = Home::new();
    let control = name.starts_with("xks").then(|| proxy::start(&home));
    let server = (!OWN_SERVER.contains(&name)).then(|| Server::start(&home));
    let mut command = command(program, &home, server.as_ref())?;
    command.envs(control.map(|control| ("PROXY_CONTROL", control.to_string())));
    let output = command.output().map_err(|e| e.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let (told, failed) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(format!("{} ended with {}\n{told}\n{failed}", program.display(), output.status).into())
}

/// The program, in the environment that `.ci/install` made.
fn command(program: &Path, home: &Home, server: Option<&Server>) -> Result<Command, Failed> {
    let tools = root().join("target/aws/bin");
    if !tools.join("aws").exists() {
        return Err(format!("{} has no AWS clients: run make install", tools.display()).into());
    }
    let is_python = program.extension().is_some_and(|e| e == "py");
    let mut command = Command::new(if is_python { tools.join("python") } else { "bash".into() });
    command.arg(program).current_dir(home.path()).env_clear();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([tools].into_iter().chain(std::env::split_paths(&path)));
    for (name, value) in [
        ("PATH", path.map_err(|e| e.to_string())?),
        ("HOME", home.path().into()),
        ("TMPDIR", home.path().into()),
        ("VHSM_HOME", home.path().into()),
        ("VHSM_COMMAND", server::command().into()),
        ("VHSM_MODULE", module().into()),
        ("AWS_ENDPOINT_URL", server.map_or("", |server| &server.endpoint).into()),
        ("AWS_DEFAULT_REGION", "us-east-1".into()),
        ("AWS_SHARED_CREDENTIALS_FILE", home.path().join("credentials").into()),
        ("AWS_EC2_METADATA_DISABLED", "true".into()),
        ("PYTHONPATH", folder().join("lib").into()),
        ("PYTHONDONTWRITEBYTECODE", "1".into()),
        ("PYTHONUNBUFFERED", "1".into()),
    ] {
        command.env::<&str, OsString>(name, value);
    }
    Ok(command)
}

/// The library that goes with the command.
fn module() -> PathBuf {
    let beside = || server::command().with_file_name("deps/libvhsm_pkcs11.so");
    std::env::var_os("VHSM_MODULE").map_or_else(beside, PathBuf::from)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/aws")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace holds this package")
}
