//! Runs every script of pkcs11-tool-scripts, and the example of the main job: one test each, so that a new script is
//! tested by lying there. Each has its own folder, tokens and processes.

mod built;

use libtest_mimic::{Arguments, Failed, Trial};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the scripts share: no scripts of their own.
const SOURCED: [&str; 2] = ["common.sh", "openssl.sh"];

/// The exit status of a script that lacks something that cannot be had everywhere.
const SKIPPED: i32 = 77;

fn main() {
    let mut trials: Vec<Trial> = scripts().into_iter().map(|script| trial(&script, script.clone())).collect();
    trials.push(trial(Path::new("main_job"), built::profile_folder().join("examples/main_job")));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn scripts() -> Vec<PathBuf> {
    let folder = built::root().join("pkcs11-tool-scripts");
    let entries = folder.read_dir().expect("the folder of scripts can be read");
    let mut scripts: Vec<PathBuf> = entries.map(|entry| entry.expect("as above").path()).collect();
    let is_sourced = |path: &Path| SOURCED.iter().any(|name| path.ends_with(name));
    scripts.retain(|path| path.extension().is_some_and(|e| e == "sh") && !is_sourced(path));
    scripts.sort();
    assert!(!scripts.is_empty(), "no scripts in {}", folder.display());
    scripts
}

fn trial(name: &Path, program: PathBuf) -> Trial {
    let name = name.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Trial::test(name, move || run(&program))
}

fn run(program: &Path) -> Result<(), Failed> {
    let output = Command::new(program)
        .env("VHSM_MODULE", built::module())
        .env("VHSM_COMMAND", built::command())
        .output()
        .map_err(|e| format!("{}: {e}", program.display()))?;
    let (told, failed) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() {
        return Ok(());
    }
    // What a script cannot do on this machine, and why: it must say so.
    if output.status.code() == Some(SKIPPED) && told.starts_with("skipped: ") {
        println!("{told}");
        return Ok(());
    }
    Err(format!("{} ended with {}\n{told}\n{failed}", program.display(), output.status).into())
}
