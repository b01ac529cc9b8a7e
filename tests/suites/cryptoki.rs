//! The tests of the cryptoki crate's repository (github.com/parallaxsecond/rust-cryptoki).

use crate::{built, folder, skipped};
use libtest_mimic::{Failed, Trial};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

const NAME: &str = "rust-cryptoki";

pub fn trials() -> Vec<Trial> {
    match folder(NAME) {
        Ok(folder) => vec![Trial::test(NAME, move || check(&folder))],
        Err(why) => skipped(NAME, why),
    }
}

/// Which tests fail must be exactly what tests/skips.toml says.
fn check(folder: &Path) -> Result<(), Failed> {
    let outcomes = outcomes(folder)?;
    let failed: BTreeSet<_> = outcomes.iter().filter(|(_, passed)| !**passed).map(|(test, _)| test).collect();
    let known = known_failures()?;
    let known: BTreeSet<_> = known.keys().collect();
    println!("{} tests, {} failed, {} known to", outcomes.len(), failed.len(), known.len());
    if failed == known {
        return Ok(());
    }
    let new: Vec<_> = failed.difference(&known).collect();
    let gone: Vec<_> = known.difference(&failed).collect();
    Err(format!("failed and not in tests/skips.toml: {new:?}; there and not failed: {gone:?}").into())
}

fn known_failures() -> Result<BTreeMap<String, String>, Failed> {
    let text = std::fs::read_to_string(built::root().join("tests/skips.toml"))?;
    let mut suites: BTreeMap<String, BTreeMap<String, String>> = toml::from_str(&text)?;
    Ok(suites.remove(NAME).unwrap_or_default())
}

/// Whether each test passed. The library has a neutral name: the suite is lenient to some.
fn outcomes(folder: &Path) -> Result<BTreeMap<String, bool>, Failed> {
    let work = tempfile::tempdir()?;
    let module = work.path().join("libtoken.so");
    std::os::unix::fs::symlink(built::module(), &module)?;
    let mut nextest = Command::new("cargo");
    nextest.args(["nextest", "run", "--package", "cryptoki", "--no-fail-fast", "--test-threads", "1"]);
    nextest.args(["--status-level", "all", "--final-status-level", "none", "--color", "never"]);
    for (name, _) in
        std::env::vars().filter(|(name, _)| name.starts_with("CARGO") || name.starts_with("NEXTEST"))
    {
        nextest.env_remove(name);
    }
    nextest.env("TEST_PKCS11_MODULE", module).env("VHSM_HOME", work.path().join("home"));
    let output = nextest.current_dir(folder).output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    let outcomes: BTreeMap<_, _> = told.lines().filter_map(outcome).collect();
    if outcomes.is_empty() {
        return Err(format!("no test ran:\n{told}").into());
    }
    Ok(outcomes)
}

/// `PASS [   0.1s] (1/9) cryptoki::basic name`: the test as `basic name`, and whether it passed.
fn outcome(line: &str) -> Option<(String, bool)> {
    let line = line.trim_start();
    let passed = match line.split_whitespace().next()? {
        "PASS" => true,
        "FAIL" | "TIMEOUT" | "ABORT" | "SIGSEGV" | "SIGABRT" => false,
        _ => return None,
    };
    let (_, test) = line.split_once("cryptoki::")?;
    Some((test.to_owned(), passed))
}
