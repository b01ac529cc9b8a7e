//! Outside suites of tests and sample programs, run as they are: they are none of this repository's, but lie in the
//! folder that SUITES_DIR names. Where they do not, the one test of a suite says so. Failures that are known stand in
//! tests/skips.toml with their reasons.

#[path = "../built/mod.rs"]
mod built;
mod cryptoki;
mod samples;

use libtest_mimic::{Arguments, Trial};
use std::path::{Path, PathBuf};

fn main() {
    let trials = cryptoki::trials().into_iter().chain(samples::trials()).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// Where a suite lies, or why it does not.
fn folder(name: &str) -> Result<PathBuf, String> {
    let suites = std::env::var_os("SUITES_DIR").ok_or("SUITES_DIR is not set")?;
    let folder = Path::new(&suites).join(name);
    if folder.is_dir() { Ok(folder) } else { Err(format!("there is no {}", folder.display())) }
}

/// The one test of a suite that is not there.
fn skipped(name: &str, why: String) -> Vec<Trial> {
    let say = move || {
        println!("skipped: {why}");
        Ok(())
    };
    vec![Trial::test(name, say)]
}
