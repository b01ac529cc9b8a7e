//! The clock: lockouts, retention and windows of deletion go by it.

use super::findings::Findings;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use vhsm_pkcs11::cluster::Clusters;

/// What services that set the clock leave while they run.
const SYNCHRONIZED: [&str; 4] =
    ["/run/systemd/timesync/synchronized", "/run/chrony/chronyd.pid", "/run/chronyd.pid", "/run/ntpd.pid"];
const MEND: &str = "sudo timedatectl set-ntp true";
/// What clocks of two machines may differ.
const TOLERANCE_MS: u64 = 5_000;

pub fn look(findings: &mut Findings) {
    if SystemTime::now().duration_since(UNIX_EPOCH).is_err() {
        findings.problem("clock", "it is before 1970", MEND);
    } else if SYNCHRONIZED.iter().any(|path| Path::new(path).exists()) {
        findings.ok("clock", "a service sets it by the network");
    } else {
        findings.info_with(
            "clock",
            "no service is seen that sets it (NTP): in a container its host may",
            MEND,
        );
    }
}

/// Against the newest time in the store.
pub fn compare(findings: &mut Findings, clusters: &Clusters) {
    let (now, newest) = (clusters.now_ms(), clusters.newest_ms().unwrap_or_default());
    if newest > now + TOLERANCE_MS {
        let seconds = (newest - now) / 1000;
        let what =
            format!("it is {seconds} seconds behind the newest record of the store: clocks do not go back");
        findings.problem("clock", what, MEND);
    }
}
