//! The environment and the configuration file: what is misspelt, of no effect, or weak.

use super::findings::Findings;
use crate::serve::{Auth, Endpoint, proxies};
use std::path::PathBuf;
use vhsm_pkcs11::cluster::PasswordCosts;
use vhsm_pkcs11::config::Config;
use vhsm_pkcs11::error::Error;
use vhsm_pkcs11::profile::Profile;

/// The variables that vhsm reads.
const VARIABLES: &[&str] = &[
    "VHSM_HOME",
    "VHSM_CONF",
    "VHSM_PROFILE",
    "VHSM_LEGACY",
    "VHSM_STORE",
    "VHSM_ROOT_KEY_FILE",
    "VHSM_FAULTS",
    "VHSM_LOG",
    "VHSM_LOG_FILE",
    "VHSM_PIN",
    "VHSM_TOKEN_PIN",
];

/// Those that the scripts which come with vhsm read.
const OF_SCRIPTS: &[&str] = &["VHSM_MODULE", "VHSM_COMMAND", "VHSM_OPENSSL_PROVIDER", "VHSM_PYTHON"];

/// Variables with these keys of the file say the same, and the variable wins.
const OVERRIDES: &[(&str, &str)] = &[
    ("VHSM_PROFILE", "profile"),
    ("VHSM_LEGACY", "legacy"),
    ("VHSM_STORE", "store"),
    ("VHSM_ROOT_KEY_FILE", "root_key_file"),
];

pub fn look_at_environment(findings: &mut Findings) {
    let before = findings.count();
    for (name, _) in std::env::vars_os() {
        let Some(name) = name.to_str().filter(|name| name.starts_with("VHSM_")) else { continue };
        if VARIABLES.contains(&name) || OF_SCRIPTS.contains(&name) {
            continue;
        }
        let meant = VARIABLES.iter().min_by_key(|known| distance(name, known)).copied().unwrap_or_default();
        findings.warning(
            name,
            format!("vhsm reads no such variable; perhaps {meant} was meant"),
            format!("unset {name}"),
        );
    }
    if findings.count() == before {
        findings.ok("environment", "every VHSM_ variable is one that vhsm reads");
    }
}

/// `None`: it cannot be read, and nothing else can be looked at.
pub fn look_at_configuration(findings: &mut Findings) -> Option<Config> {
    let config = match Config::load() {
        Ok(config) => config,
        Err(error) => {
            let mend = "correct what it names; README, Configuration, has every setting";
            findings.problem("configuration", Error::from(error).to_string(), mend);
            return None;
        }
    };
    let before = findings.count();
    let path = file(&config);
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    // Config::load has read it already: it is whole.
    let table: toml::Table = toml::from_str(&text).unwrap_or_default();
    let place = path.display().to_string();
    look_at_effects(findings, &config, &table, &place);
    look_at_costs(findings, &config, &place);
    look_at_faults(findings, &config, &place);
    look_at_serve(findings, &config, &place);
    if findings.count() == before {
        let what = if path.exists() { "can be read, and its settings fit" } else { "is not there: defaults" };
        findings.ok(place, what);
    }
    Some(config)
}

/// `vhsm serve` would not start, or be open to everybody on this machine.
fn look_at_serve(findings: &mut Findings, config: &Config, place: &str) {
    let endpoint = Endpoint::of(config).and_then(|endpoint| {
        endpoint.addresses()?;
        proxies::client(&endpoint.xks)?;
        Ok(endpoint)
    });
    let endpoint = match endpoint {
        Ok(endpoint) => endpoint,
        Err(failure) => {
            findings.problem(place, failure.to_string(), "correct it: vhsm serve does not start");
            return;
        }
    };
    if endpoint.auth == Auth::Off {
        let what =
            "[serve] auth = \"off\": every user of this machine may do everything through `vhsm serve`";
        findings.warning(place, what, format!("remove `auth` from [serve] in {place}"));
    }
    if endpoint.xks.allow_private {
        let what = "[serve.xks] allow_private_endpoints: who may create key stores makes `vhsm serve` call any address \
                    that it reaches";
        findings.warning(
            place,
            what,
            format!("remove `allow_private_endpoints` from [serve.xks] in {place}"),
        );
    }
}

/// A drill that was forgotten looks like a fault.
fn look_at_faults(findings: &mut Findings, config: &Config, place: &str) {
    let faults = config.faults.faults().len();
    if faults == 0 {
        return;
    }
    let named = std::env::var_os("VHSM_FAULTS").is_some_and(|file| !file.is_empty());
    let (place, mend) = match named {
        true => ("VHSM_FAULTS", "unset VHSM_FAULTS"),
        false => (place, "remove [faults] from the file"),
    };
    findings.warning(place, format!("a fault plan makes calls fail on purpose: {faults} faults"), mend);
}

/// The configuration file, whether it exists or not.
pub fn file(config: &Config) -> PathBuf {
    let named = std::env::var_os("VHSM_CONF").filter(|name| !name.is_empty());
    named.map_or_else(|| config.home.join("vhsm.toml"), PathBuf::from)
}

fn look_at_effects(findings: &mut Findings, config: &Config, table: &toml::Table, place: &str) {
    if table.contains_key("cloudhsm") && config.profile == Profile::Standard {
        findings.warning(
            place,
            "[cloudhsm] has settings, and they mean nothing in profile `standard`",
            "export VHSM_PROFILE=cloudhsm",
        );
    }
    for (variable, key) in OVERRIDES {
        if std::env::var_os(variable).is_some_and(|value| !value.is_empty()) && table.contains_key(*key) {
            findings.info(*variable, format!("is set, so `{key}` in {place} says nothing"));
        }
    }
}

fn look_at_costs(findings: &mut Findings, config: &Config, place: &str) {
    let (own, least) = (config.password_costs, PasswordCosts::default());
    let work = |costs: PasswordCosts| u64::from(costs.memory_kib) * u64::from(costs.passes);
    if work(own) < work(least) {
        findings.warning(
            place,
            format!(
                "[password]: {} KiB and {} passes; OWASP's minimum is {} KiB and {}, and weak passwords are guessed \
                 from a copied store",
                own.memory_kib, own.passes, least.memory_kib, least.passes
            ),
            format!(
                "remove [password] from {place}; a user's next new password (`vhsm user change-password`) costs what \
                 it should"
            ),
        );
    }
}

/// Levenshtein's distance: how many letters differ.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], at + 1);
        for (column, wanted) in other.bytes().enumerate() {
            let change = diagonal + usize::from(letter != wanted);
            diagonal = row[column + 1];
            row[column + 1] = change.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// One that is missing here would be told as misspelt.
    #[test]
    fn every_variable_that_vhsm_reads_is_known() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut folders = vec![root.join("src"), root.join("service/src")];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        let mut found = 0;
        for file in files.iter().filter(|file| !file.ends_with("doctor/settings.rs")) {
            let text = std::fs::read_to_string(file).unwrap();
            for name in text.split('"').filter(|part| part.starts_with("VHSM_") && part.len() > 5) {
                if name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') {
                    assert!(VARIABLES.contains(&name), "{name} in {}", file.display());
                    found += 1;
                }
            }
        }
        assert!(found >= VARIABLES.len() - 1, "{found}");
    }

    #[test]
    fn letters_that_differ_are_counted() {
        for (one, other, expected) in
            [("", "abc", 3), ("abc", "abc", 0), ("VHSM_STROE", "VHSM_STORE", 2), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(one, other), expected, "{one} {other}");
        }
    }
}
