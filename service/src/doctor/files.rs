//! Modes and owners of what lies in VHSM_HOME: nobody else may read secrets, or change what is trusted.

use super::findings::Findings;
use super::settings;
use crate::quickstart::quoted;
use rustix::process::geteuid;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use vhsm_pkcs11::config::{Config, StoreChoice};
use vhsm_pkcs11::root_key::RootKey;
use vhsm_store::EtcdOptions;

/// Rights of others than the owner.
const OTHERS: u32 = 0o077;
const OTHERS_WRITE: u32 = 0o022;
/// Rights of others than owner and group.
const WORLD: u32 = 0o007;

/// Who else may do what with a file.
#[derive(Clone, Copy)]
enum Rule {
    /// Nobody.
    Secret,
    /// The folder's group may read and write: `store.group`.
    Group,
    /// Everybody may read.
    Trusted,
    /// Nobody else need read it, and what is secret in it has its own rights.
    Home,
}

pub fn look(findings: &mut Findings, config: &Config) {
    let place = config.home.display().to_string();
    let Ok(home) = config.home.metadata() else {
        findings.info(place, "is not there yet: the first command that makes something makes it");
        return;
    };
    let (own, owner) = (geteuid().as_raw(), home.uid());
    let before = findings.count();
    if own != owner {
        let what =
            format!("belongs to user {owner}, and this is user {own}: what one makes, the other cannot use");
        findings.problem(&place, what, format!("sudo -u '#{owner}' {}", super::vhsm("doctor")));
    }
    let mut files = Vec::new();
    files.push((config.home.clone(), Rule::Home));
    let key = RootKey::place(config.root_key_file.as_deref(), &config.home);
    files.extend([key, config.home.join("credentials")].map(|path| (path, Rule::Secret)));
    files.push((settings::file(config), Rule::Trusted));
    files.extend(config.serve.xks.client_key_file.iter().map(|path| (path.clone(), Rule::Secret)));
    let own = match &config.store {
        StoreChoice::Embedded { group: true, .. } => Rule::Group,
        _ => Rule::Secret,
    };
    match &config.store {
        StoreChoice::Embedded { path, .. } => {
            files.extend(with_content(path).into_iter().map(|path| (path, own)));
        }
        StoreChoice::Etcd(options) => files.extend(of_etcd(options)),
        StoreChoice::Memory => {}
    }
    for folder in ["backups", "clusters"] {
        files.extend(with_content(&config.home.join(folder)).into_iter().map(|path| (path, own)));
    }
    for (path, rule) in &files {
        look_at(findings, owner, path, *rule);
    }
    if findings.count() == before {
        let what = "files and folders are their owner's alone";
        findings.ok(place, what);
    }
}

fn look_at(findings: &mut Findings, owner: u32, path: &Path, rule: Rule) {
    let Ok(about) = path.symlink_metadata() else { return };
    let (place, mode) = (path.display().to_string(), about.mode() & 0o777);
    if about.uid() != owner {
        let what = format!("belongs to user {}, and VHSM_HOME to user {owner}", about.uid());
        findings.problem(&place, what, format!("{}chown {owner} {}", sudo(), quoted(&place)));
    }
    let (too_much, wanted) = match (rule, about.is_dir()) {
        (Rule::Secret, true) | (Rule::Home, _) => (OTHERS, "700"),
        (Rule::Secret, false) => (OTHERS, "600"),
        (Rule::Group, true) => (WORLD, "2770"),
        (Rule::Group, false) => (WORLD, "660"),
        (Rule::Trusted, true) => (OTHERS_WRITE, "go-w"),
        (Rule::Trusted, false) => (OTHERS_WRITE, "go-w"),
    };
    if mode & too_much == 0 {
        return;
    }
    let may = if mode & too_much & OTHERS_WRITE == 0 { "read" } else { "change" };
    let what = format!("others may {may} it (mode {mode:o})");
    let mend = format!("chmod {wanted} {}", quoted(&place));
    match rule {
        Rule::Home if mode & OTHERS_WRITE == 0 => findings.info_with(place, what, mend),
        _ => findings.problem(place, what, mend),
    }
}

/// Only root gives files away.
fn sudo() -> &'static str {
    if geteuid().is_root() { "" } else { "sudo " }
}

/// What this user is to etcd.
fn of_etcd(options: &EtcdOptions) -> Vec<(PathBuf, Rule)> {
    let mut files = Vec::new();
    if let Some(tls) = &options.tls {
        files.push((tls.ca_file.clone(), Rule::Trusted));
        files.extend(tls.identity.iter().map(|(_, key)| (key.clone(), Rule::Secret)));
    }
    files.extend(options.user.iter().map(|user| (user.password_file.clone(), Rule::Secret)));
    files
}

/// A folder and what lies in it, folders' content too. Nothing where it is missing.
fn with_content(folder: &Path) -> Vec<PathBuf> {
    let mut all = vec![folder.to_owned()];
    let mut next = 0;
    while let Some(path) = all.get(next).cloned() {
        next += 1;
        if path.is_symlink() {
            continue;
        }
        let entries = std::fs::read_dir(&path).into_iter().flatten().flatten();
        all.extend(entries.map(|entry| entry.path()));
    }
    all
}
