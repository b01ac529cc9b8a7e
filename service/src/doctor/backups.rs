//! Backups: whether each cluster has a newest one that is young, whole, and made by who may.

use super::findings::Findings;
use super::vhsm;
use crate::quickstart::quoted;
use vhsm_pkcs11::cluster::backup::{Backup, BackupState, DescribeBackups};
use vhsm_pkcs11::cluster::{Cluster, ClusterState, Clusters};

const HOUR_MS: u64 = 60 * 60 * 1000;
/// One a day, and time to take it.
const WITHIN_MS: u64 = 26 * HOUR_MS;

/// `name`: what names a cluster in a command.
pub fn look(findings: &mut Findings, clusters: &Clusters, of: &[(&Cluster, String)]) {
    let list = match clusters.describe_backups(&DescribeBackups::default()) {
        Ok(list) => list,
        Err(error) => {
            return findings.problem(
                "backups",
                error.to_string(),
                "see that this user can read their folder",
            );
        }
    };
    for damaged in &list.damaged {
        let place = damaged.file.display().to_string();
        let mend = format!("rm {}", quoted(&place));
        findings.problem(place, format!("is no backup that can be used: {}", damaged.problem), mend);
    }
    for (cluster, name) in of {
        let own = list.backups.iter().filter(|backup| {
            backup.cluster == cluster.name
                && backup.source_backup.is_none()
                && backup.state == BackupState::Ready
        });
        look_at_newest(
            findings,
            cluster,
            name,
            own.max_by_key(|backup| backup.created_ms),
            clusters.now_ms(),
        );
    }
}

fn look_at_newest(
    findings: &mut Findings,
    cluster: &Cluster,
    name: &str,
    newest: Option<&Backup>,
    now_ms: u64,
) {
    let is_young = now_ms < cluster.backing.created_ms.saturating_add(WITHIN_MS);
    if cluster.state != ClusterState::Active || cluster.hsms.is_empty() || (newest.is_none() && is_young) {
        return;
    }
    let place = format!("cluster {name}");
    let another = vhsm(&format!("backup create --cluster {name}"));
    let Some(newest) = newest else {
        return findings.warning(place, "has no backup", another);
    };
    let age_ms = now_ms.saturating_sub(newest.created_ms);
    if age_ms > WITHIN_MS {
        let what =
            format!("its newest backup is {} hours old, and `vhsm serve` takes one a day", age_ms / HOUR_MS);
        findings.warning(place, what, vhsm("serve --once"));
    } else if newest.content.as_ref().is_some_and(|content| !content.is_maced) {
        let what = format!(
            "its newest backup ({}) was taken without the cluster's key: a change in it is not noticed before it is used",
            newest.id
        );
        findings.warning(place, what, another);
    }
}
