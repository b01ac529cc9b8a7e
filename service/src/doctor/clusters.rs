//! Clusters: their life, their HSMs, their users, and whether the control plane may change them.

use super::findings::Findings;
use super::{backups, vhsm};
use crate::cluster::anchor;
use crate::failure::Failure;
use crate::quickstart::quoted;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use vhsm_pkcs11::cluster::{Authority, Cluster, ClusterState, Clusters, Hsm, HsmState, Role};
use vhsm_pkcs11::config::Config;
use vhsm_pkcs11::error::{ClusterError, Error};
use vhsm_pkcs11::root_key::RootKey;

/// A cluster that takes longer to get its certificate was forgotten.
const INITIALIZED_WITHIN_MS: u64 = 24 * 60 * 60 * 1000;
/// HSMs that a token key must reach where the setting asks for it.
const AVAILABLE_ON: usize = 2;

/// A cluster, with the words for it.
struct Looked<'a> {
    cluster: &'a Cluster,
    /// What names it in a command: its label, where that is its own.
    name: String,
}

/// Errors: there is no cluster `named`.
pub fn look(
    findings: &mut Findings,
    config: &Config,
    clusters: &Clusters,
    named: Option<&str>,
) -> Result<(), Failure> {
    let all = match clusters.list() {
        Ok(all) => all,
        Err(error) => {
            findings.problem("clusters", error.to_string(), "put back an undamaged copy of the store");
            return Ok(());
        }
    };
    let one = named.map(|name| clusters.find(name)).transpose()?;
    if all.is_empty() {
        findings.info_with("clusters", "there is none yet", vhsm("quickstart"));
    }
    let root_key = root_key(findings, config, &all);
    let mut of = Vec::new();
    for cluster in &all {
        if one.as_ref().is_some_and(|one| one.id != cluster.id) {
            continue;
        }
        let is_alone = all.iter().filter(|other| other.label == cluster.label).count() == 1;
        let name = quoted(if is_alone { &cluster.label } else { &cluster.name });
        of.push((&**cluster, name.clone()));
        let looked = Looked { cluster, name };
        let before = findings.count();
        looked.at_life(findings, clusters.now_ms());
        looked.at_trust_anchor(findings, config);
        looked.at_hsms(findings);
        looked.at_faults(findings, clusters);
        looked.at_users(findings, clusters);
        looked.at_records(findings, clusters, root_key.as_ref());
        if findings.count() == before {
            let hsms = cluster.hsms.len();
            findings.ok(looked.place(), format!("active, {hsms} HSMs, its users can log in"));
        }
    }
    backups::look(findings, clusters, &of);
    Ok(())
}

/// The service's root key, where it can be had. Finds: it is missing or no key, and clusters were made under it.
fn root_key(findings: &mut Findings, config: &Config, clusters: &[Arc<Cluster>]) -> Option<RootKey> {
    let place = RootKey::place(config.root_key_file.as_deref(), &config.home).display().to_string();
    match RootKey::existing(config.root_key_file.as_deref(), &config.home) {
        Ok(Some(key)) => {
            findings.ok(place, "is the service's root key");
            Some(key)
        }
        Ok(None) if clusters.iter().all(|cluster| cluster.by_init_token) => None,
        Ok(None) => {
            findings.problem(
                place,
                "the service's root key is gone: without it only a cluster's admins change its HSMs, and nobody can \
                 take backups unasked",
                "put the file back from a copy, or name it in VHSM_ROOT_KEY_FILE",
            );
            None
        }
        Err(_) if is_open_to_others(Path::new(&place)) => None,
        Err(error) => {
            let mend = "put the right file back, or name it in VHSM_ROOT_KEY_FILE";
            findings.problem(place, Error::from(error).to_string(), mend);
            None
        }
    }
}

/// Then it is not read, and the look at files has told.
fn is_open_to_others(path: &Path) -> bool {
    path.metadata().is_ok_and(|about| about.mode() & 0o077 != 0)
}

impl Looked<'_> {
    fn place(&self) -> String {
        format!("cluster {}", self.name)
    }

    fn at_life(&self, findings: &mut Findings, now_ms: u64) {
        let Cluster { state, backing, .. } = self.cluster;
        if *state == ClusterState::Active || now_ms < backing.created_ms + INITIALIZED_WITHIN_MS {
            return;
        }
        let days = (now_ms - backing.created_ms) / INITIALIZED_WITHIN_MS;
        let what = match state {
            ClusterState::Uninitialized => {
                "waits for `vhsm cluster initialize` with its signed certificate, or to be deleted"
            }
            _ => "waits for `vhsm cluster activate` with its admin's password, or to be deleted",
        };
        let hsms = self
            .cluster
            .hsms
            .iter()
            .map(|hsm| vhsm(&format!("cluster delete-hsm {} --hsm-id {}", self.name, hsm.name)));
        let mend: Vec<String> = hsms.chain([vhsm(&format!("cluster delete {}", self.name))]).collect();
        findings.warning(self.place(), format!("{what}, for {days} days"), mend.join(" && "));
    }

    /// Key stores are given the file; the record says what is in it.
    fn at_trust_anchor(&self, findings: &mut Findings, config: &Config) {
        let Some(pem) = &self.cluster.backing.trust_anchor else { return };
        let path = anchor::path(config, &self.cluster.name);
        let mend = vhsm(&format!("cluster describe {}", self.name));
        let place = path.display().to_string();
        match std::fs::read(&path) {
            Ok(found) if found == pem.as_bytes() => {}
            Ok(_) => {
                let what =
                    "is not the trust anchor that the cluster's record has: whoever trusts it trusts another";
                findings.problem(place, what, mend);
            }
            Err(_) => {
                let what = format!("the trust anchor of {} is not on this machine", self.place());
                findings.info_with(place, what, mend);
            }
        }
    }

    fn at_hsms(&self, findings: &mut Findings) {
        let Cluster { hsms, policy, state, by_init_token, .. } = self.cluster;
        for hsm in hsms {
            match hsm.state {
                HsmState::Active => {}
                HsmState::Failed => findings.problem(
                    self.of(hsm),
                    format!("failed: slot {} has no token", hsm.slot_id),
                    self.recover(hsm),
                ),
                HsmState::Degraded => findings.warning(
                    self.of(hsm),
                    "degraded: it works, and new keys do not count on it",
                    self.recover(hsm),
                ),
            }
        }
        let active = hsms.iter().filter(|hsm| hsm.state == HsmState::Active).count();
        if *state != ClusterState::Active {
            return;
        }
        if policy.key_availability && active < AVAILABLE_ON {
            findings.problem(
                self.place(),
                format!(
                    "its setting `key_availability` wants token keys on {AVAILABLE_ON} HSMs, and {active} are active: \
                     they cannot be made or used"
                ),
                self.another_hsm(),
            );
        } else if hsms.len() == 1 && !by_init_token {
            findings.info_with(
                self.place(),
                "one HSM: when it fails, nothing takes over",
                self.another_hsm(),
            );
        }
    }

    /// The command that gives the cluster one more active HSM.
    fn another_hsm(&self) -> String {
        let down = self.cluster.hsms.iter().find(|hsm| hsm.state != HsmState::Active);
        match down {
            Some(hsm) => self.recover(hsm),
            None => vhsm(&format!("cluster create-hsm {}", self.name)),
        }
    }

    /// A drill that was forgotten looks like a fault.
    fn at_faults(&self, findings: &mut Findings, clusters: &Clusters) {
        let clear = vhsm(&format!("fault clear --cluster {}", self.name));
        let mend = format!("VHSM_PIN=admin:PASSWORD {clear}");
        match clusters.fault_plan(self.cluster) {
            Ok(plan) if plan.faults().is_empty() => {}
            Ok(plan) => {
                let what =
                    format!("a fault plan makes calls fail on purpose: {} faults", plan.faults().len());
                findings.warning(self.place(), what, mend);
            }
            Err(error) => findings.problem(self.place(), error.to_string(), mend),
        }
    }

    fn at_users(&self, findings: &mut Findings, clusters: &Clusters) {
        let users = match clusters.users(self.cluster) {
            Ok(users) => users,
            Err(error) => {
                let mend = "put back an undamaged copy of the store";
                return findings.problem(self.place(), error.to_string(), mend);
            }
        };
        let has_admin = users.iter().any(|user| user.role == Role::Admin && !user.locked);
        for user in users.iter().filter(|user| user.locked) {
            let mend = match has_admin {
                true => format!(
                    "VHSM_PIN=admin:PASSWORD {}",
                    vhsm(&format!(
                        "user change-password --cluster {} --username {} --password-file NEW",
                        self.name, user.name
                    ))
                ),
                false => "restore a backup of the cluster, from before the last admin was locked".into(),
            };
            let place = format!("{}, user {}", self.place(), user.name);
            findings.warning(place, "is locked after wrong passwords", mend);
        }
        if !has_admin && self.cluster.state == ClusterState::Active {
            findings.problem(
                self.place(),
                "no admin can log in: nobody can unlock users or make new ones",
                "restore a backup of the cluster",
            );
        }
    }

    fn at_records(&self, findings: &mut Findings, clusters: &Clusters, root_key: Option<&RootKey>) {
        let Some(root_key) = root_key else { return };
        match clusters.check_records(self.cluster, Authority::Service(root_key)) {
            Ok(()) => {}
            // The library reads no root key, so its clusters have none.
            Err(Error::Cluster(ClusterError::NoAuthority(_))) if self.cluster.by_init_token => {}
            Err(Error::Cluster(ClusterError::NoAuthority(_))) => findings.problem(
                self.place(),
                "the service's root key does not open it: it was made under another one",
                "name the right file in VHSM_ROOT_KEY_FILE, or put it back",
            ),
            Err(error) => {
                let mend = "restore a backup of the cluster, and see who can write the store";
                findings.problem(self.place(), error.to_string(), mend);
            }
        }
    }

    fn of(&self, hsm: &Hsm) -> String {
        format!("{}, {}", self.place(), hsm.name)
    }

    fn recover(&self, hsm: &Hsm) -> String {
        let command = vhsm(&format!("hsm recover --cluster {} {}", self.name, hsm.name));
        format!("VHSM_PIN=admin:PASSWORD {command}")
    }
}
