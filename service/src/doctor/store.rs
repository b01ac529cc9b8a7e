//! The store: whether it opens, what state it is in, and how much room it has.

use super::findings::Findings;
use super::vhsm;
use crate::serve::MAINTENANCE;
use rustix::fs::statvfs;
use rustix::process::geteuid;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use vhsm_pkcs11::cluster::Clusters;
use vhsm_pkcs11::config::{Config, StoreChoice};
use vhsm_pkcs11::error::Error;
use vhsm_store::{DEFAULT_MAP_BYTES, Lmdb, LmdbOptions, Standing, Store, StoreError};

const DATA_FILE: &str = "data.mdb";
/// With less free, the next commits fail.
const FULL_BYTES: u64 = 64 << 20;
/// With less free, somebody should make room.
const LOW_BYTES: u64 = 512 << 20;
const MIB: u64 = 1 << 20;

/// `None`: there is nothing to look into.
pub fn look(findings: &mut Findings, config: &Config) -> Option<Clusters> {
    let store = match &config.store {
        StoreChoice::Memory => {
            let what = "a store in memory is gone when a program ends, and no command sees it";
            findings.info_with("store", what, "unset VHSM_STORE, or say `embedded`");
            return None;
        }
        StoreChoice::Embedded { path, group } => embedded(findings, path, *group)?,
        StoreChoice::Etcd(options) if super::etcd::look(findings, options) => etcd(findings, config)?,
        StoreChoice::Etcd(_) => return None,
    };
    let place = config.store.to_string();
    if !is_in_use(findings, &place, &*store) {
        return None;
    }
    let clusters = match Clusters::open_existing(store, config.password_costs) {
        Ok(Some(clusters)) => clusters.with_backups(config.backups.clone()),
        Ok(None) => {
            findings.info_with(place, "is empty: there is no cluster yet", vhsm("quickstart"));
            return None;
        }
        Err(error) => {
            findings.problem(place, error.to_string(), "put back an undamaged copy of the store");
            return None;
        }
    };
    look_for_leftovers(findings, &place, &clusters);
    look_for_maintenance(findings, &place, &clusters);
    Some(clusters)
}

fn embedded(findings: &mut Findings, path: &Path, group: bool) -> Option<Arc<dyn Store>> {
    let (place, data) = (path.display().to_string(), path.join(DATA_FILE));
    let Ok(about) = data.metadata() else {
        findings.info_with(place, "is not there yet: the first cluster makes it", vhsm("quickstart"));
        return None;
    };
    // Whoever opens the store may make files in it: as another user, files that its owner cannot use.
    if about.uid() != geteuid().as_raw() && !group {
        findings.info(place, "is another user's: it was not opened");
        return None;
    }
    if about.len() == 0 {
        findings.info(place, "is just being made, or that was interrupted: the next program makes it anew");
        return None;
    }
    let options = LmdbOptions { group, ..LmdbOptions::new(path) };
    match Lmdb::open(&options) {
        Ok(store) => {
            look_at_room(findings, &place, path, about.len());
            let stale = store.stats().stale_readers;
            if stale > 0 {
                findings
                    .info(&place, format!("{stale} programs ended while they read; they hold nothing now"));
            }
            Some(Arc::new(store))
        }
        Err(StoreError::Open { cause, mend, .. }) => {
            findings.problem(place, format!("cannot be opened: {cause}"), mend);
            None
        }
        Err(error) => {
            findings.problem(place, error.to_string(), "put back an undamaged copy of the store");
            None
        }
    }
}

fn etcd(findings: &mut Findings, config: &Config) -> Option<Arc<dyn Store>> {
    match vhsm_store::open_in_any_state(&config.store_spec()) {
        Ok(store) => Some(store),
        Err(StoreError::Open { path, cause, mend }) => {
            findings.problem(path.display().to_string(), format!("cannot be opened: {cause}"), mend);
            None
        }
        Err(error) => {
            let mend = "see that a majority of etcd's members runs";
            findings.problem(config.store.to_string(), error.to_string(), mend);
            None
        }
    }
}

fn look_at_room(findings: &mut Findings, place: &str, path: &Path, used_bytes: u64) {
    let most_bytes = DEFAULT_MAP_BYTES as u64;
    if used_bytes > most_bytes / 10 * 8 {
        let what = format!("uses {} of the {} MiB it may grow to", used_bytes / MIB, most_bytes / MIB);
        findings.warning(
            place,
            what,
            "delete clusters and keys that nobody needs, or move to etcd (vhsm store migrate)",
        );
    }
    if let Ok(disk) = statvfs(path) {
        look_at_disk(findings, place, used_bytes, disk.f_bavail.saturating_mul(disk.f_frsize));
    }
}

fn look_at_disk(findings: &mut Findings, place: &str, used_bytes: u64, free_bytes: u64) {
    let what = format!("{} MiB; {} MiB are free on its disk", used_bytes.div_ceil(MIB), free_bytes / MIB);
    let mend = format!("make room on the disk of {place}: df -h {}", crate::quickstart::quoted(place));
    match free_bytes {
        ..FULL_BYTES => findings.problem(place, what, mend),
        FULL_BYTES..LOW_BYTES => findings.warning(place, what, mend),
        _ => findings.ok(place, what),
    }
}

/// Whether programs may use it, or it is on its way to another place.
fn is_in_use(findings: &mut Findings, place: &str, store: &dyn Store) -> bool {
    let (what, mend) = match vhsm_store::standing(store) {
        Ok(Standing::InUse) => return true,
        Ok(Standing::Moved { to }) => (
            format!("was moved to {to}, and the configuration still names it"),
            format!("export VHSM_STORE={}", crate::quickstart::quoted(&to)),
        ),
        Ok(Standing::Moving { to }) => (
            format!("is being moved to {to}; if that was interrupted, nobody can use it"),
            vhsm(&format!("store migrate --from {place} --to {to} --restart")),
        ),
        Ok(Standing::Filling { from }) => (
            format!("is being filled from {from}; if that was interrupted, it is not whole"),
            vhsm(&format!("store migrate --from {from} --to {place} --restart")),
        ),
        Err(error) => (Error::from(error).to_string(), "use a newer version".into()),
    };
    findings.problem(place, what, mend);
    false
}

fn look_for_maintenance(findings: &mut Findings, place: &str, clusters: &Clusters) {
    match clusters.store().is_claimed(MAINTENANCE) {
        Ok(true) => findings.ok(place, "is maintained by a running `vhsm serve`"),
        Ok(false) => findings.info_with(place, "no `vhsm serve` maintains it", vhsm("serve")),
        Err(error) => {
            findings.problem(place, Error::from(error).to_string(), "look at the store's folder and its disk")
        }
    }
}

fn look_for_leftovers(findings: &mut Findings, place: &str, clusters: &Clusters) {
    match clusters.unswept() {
        Ok(0) => {}
        Ok(count) => {
            let what = format!("{count} deletions left records behind that take room; nobody can read them");
            findings.warning(place, what, vhsm("serve --once"));
        }
        Err(error) => findings.problem(place, error.to_string(), "put back an undamaged copy of the store"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_fills_up_is_told_before_commits_fail() {
        let needs = |free_bytes| {
            let mut findings = Findings::default();
            look_at_disk(&mut findings, "/store", 5 * MIB, free_bytes);
            findings.needs_a_mend()
        };
        assert!(needs(0) && needs(FULL_BYTES) && needs(LOW_BYTES - 1));
        assert!(!needs(LOW_BYTES));
    }
}
