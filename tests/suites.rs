//! Outside suites of tests, run as they are: they are none of this repository's, but lie in the folder that SUITES_DIR
//! names. Where they do not, the test says so. The failures that are known stand in tests/skips.toml with their reasons.

mod built;

use libtest_mimic::{Arguments, Failed, Trial};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A suite's folder under SUITES_DIR, and how it runs.
type Suite = (&'static str, fn(&Path) -> Result<BTreeMap<String, bool>, Failed>);

const SUITES: &[Suite] = &[("rust-cryptoki", rust_cryptoki)];

fn main() {
    let trials = SUITES.iter().map(|(name, run)| Trial::test(*name, || check(name, *run))).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// Which tests fail must be exactly what tests/skips.toml says.
fn check(name: &str, run: impl Fn(&Path) -> Result<BTreeMap<String, bool>, Failed>) -> Result<(), Failed> {
    let folder = match folder(name) {
        Ok(folder) => folder,
        Err(why) => {
            println!("skipped: {why}");
            return Ok(());
        }
    };
    let outcomes = run(&folder)?;
    let failed: BTreeSet<_> = outcomes.iter().filter(|(_, passed)| !**passed).map(|(test, _)| test).collect();
    let known = known_failures(name)?;
    let known: BTreeSet<_> = known.keys().collect();
    println!("{} tests, {} failed, {} known to", outcomes.len(), failed.len(), known.len());
    if failed == known {
        return Ok(());
    }
    let new: Vec<_> = failed.difference(&known).collect();
    let gone: Vec<_> = known.difference(&failed).collect();
    Err(format!("{name}: failed and not in tests/skips.toml: {new:?}; there and not failed: {gone:?}").into())
}

/// Where a suite lies, or why it does not.
fn folder(name: &str) -> Result<PathBuf, String> {
    let suites = std::env::var_os("SUITES_DIR").ok_or("SUITES_DIR is not set")?;
    let folder = Path::new(&suites).join(name);
    if folder.is_dir() { Ok(folder) } else { Err(format!("there is no {}", folder.display())) }
}

fn known_failures(name: &str) -> Result<BTreeMap<String, String>, Failed> {
    let text = std::fs::read_to_string(built::root().join("tests/skips.toml"))?;
    let mut suites: BTreeMap<String, BTreeMap<String, String>> = toml::from_str(&text)?;
    Ok(suites.remove(name).unwrap_or_default())
}

/// The cryptoki crate's tests, of its repository. The library has a neutral name: the suite is lenient to some.
fn rust_cryptoki(folder: &Path) -> Result<BTreeMap<String, bool>, Failed> {
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
