//! An etcd with a store: its members, what they complain of, the room they have, and who can listen.
//!
//! etcd tells no time, so clocks are not compared.

use super::findings::Findings;
use crate::quickstart::quoted;
use std::collections::BTreeSet;
use std::path::Path;
use vhsm_store::{EtcdHealth, EtcdOptions};

/// etcd's own default (`--quota-backend-bytes`); what a member has is not told by etcd 3.4 and 3.5.
const QUOTA_BYTES: u64 = 2 << 30;
const MIB: u64 = 1 << 20;

/// Whether there is a store that can be opened.
pub fn look(findings: &mut Findings, options: &EtcdOptions) -> bool {
    let place = options.place().display().to_string();
    let health = match vhsm_store::etcd_health(options) {
        Ok(health) => health,
        Err(vhsm_store::StoreError::Open { cause, mend, .. }) => {
            findings.problem(place, cause, mend);
            return false;
        }
        Err(error) => {
            findings.problem(place, error.to_string(), "see etcd's log");
            return false;
        }
    };
    judge(findings, &place, options, &health);
    if health.has_store == Ok(false) {
        let what = "has no store yet: the first cluster makes it";
        findings.info_with(place, what, super::vhsm("quickstart"));
    }
    health.has_store == Ok(true)
}

fn judge(findings: &mut Findings, place: &str, options: &EtcdOptions, health: &EtcdHealth) {
    look_at_members(findings, place, health);
    look_at_answers(findings, options, health);
    if let (Err(why), true) = (&health.has_store, knows_a_leader(health)) {
        findings.problem(
            place,
            format!("cannot be read, though members answer: {why}"),
            "see that a majority of etcd's members runs, and that this user may read the store's prefix",
        );
    }
    for (member, alarm) in &health.alarms {
        let name =
            health.members.iter().find(|one| one.id == *member).map_or("a member", |one| one.name.as_str());
        let (what, mend) = match *alarm {
            "NOSPACE" => ("its space is used up: nothing can be written", free_space(options)),
            _ => (
                "its data differ from the other members'",
                "replace that member's data by the others'".into(),
            ),
        };
        findings.problem(place, format!("alarm {alarm} of {name}: {what}"), mend);
    }
    if options.tls.is_none() && options.endpoints.iter().any(|endpoint| !is_loopback(endpoint)) {
        findings.warning(
            place,
            "without TLS whoever is on the way to etcd reads and changes the store's records",
            "give the members certificates, and name them as etcds://... with `ca_file`",
        );
    }
}

/// Whether a majority is there, and whether one that fails is survived.
fn look_at_members(findings: &mut Findings, place: &str, health: &EtcdHealth) {
    let answering = health.endpoints.iter().filter(|one| one.status.is_ok()).count();
    let voters = health.members.iter().filter(|member| !member.is_learner).count();
    for one in &health.endpoints {
        let Err(why) = &one.status else { continue };
        let host = one.endpoint.rsplit_once(':').map_or(one.endpoint.as_str(), |(host, _)| host);
        let mend = format!("on {host}: sudo systemctl start etcd; and see that it can be reached from here");
        match answering {
            0 => findings.problem(&one.endpoint, format!("does not answer: {why}"), mend),
            _ => findings.warning(&one.endpoint, format!("does not answer, others do: {why}"), mend),
        }
    }
    let leaders: BTreeSet<u64> =
        health.endpoints.iter().filter_map(|one| Some(one.status.as_ref().ok()?.leader)).collect();
    if leaders.contains(&0) {
        findings.problem(
            place,
            "a member knows no leader",
            "start the members that are down: a majority must run",
        );
    }
    let named = health.endpoints.len();
    if voters == 1 {
        findings.info(place, "one member: when it is down, the store is");
    } else if named < voters {
        findings.info(
            place,
            format!("the configuration names {named} of its {voters} members: others are not asked"),
        );
    }
}

/// Whether a member that answers follows a leader, or takes a lost one for it.
fn knows_a_leader(health: &EtcdHealth) -> bool {
    health.endpoints.iter().any(|one| one.status.as_ref().is_ok_and(|status| status.leader != 0))
}

/// What each member that answers says of itself.
fn look_at_answers(findings: &mut Findings, options: &EtcdOptions, health: &EtcdHealth) {
    for one in &health.endpoints {
        let Ok(status) = &one.status else { continue };
        for error in status.errors.iter().filter(|error| !error.contains("alarm")) {
            findings.problem(&one.endpoint, format!("complains: {error}"), "see its log");
        }
        if status.db_bytes > QUOTA_BYTES / 10 * 8 {
            let (used, quota) = (status.db_bytes / MIB, QUOTA_BYTES / MIB);
            findings.warning(
                &one.endpoint,
                format!("its database has {used} MiB; etcd's quota is {quota} MiB unless --quota-backend-bytes says more"),
                free_space(options),
            );
        }
        let (took_ms, stale_ms) = (status.took.as_millis(), options.max_stale_ms);
        let what = format!(
            "etcd {}, database of {} MiB, answers in {took_ms} ms",
            status.version,
            status.db_bytes.div_ceil(MIB)
        );
        if status.is_slow(options) {
            let what = format!("{what}, and what is older than {stale_ms} ms counts as stale");
            findings.warning(
                &one.endpoint,
                what,
                "raise store.max_stale_ms, or see why etcd or the network is slow",
            );
        } else {
            findings.ok(&one.endpoint, what);
        }
    }
}

/// The commands that give etcd its room back.
fn free_space(options: &EtcdOptions) -> String {
    let etcdctl = etcdctl(options);
    format!(
        "revision=$({etcdctl} endpoint status --write-out=json | grep -o '\"revision\":[0-9]*' | head -n 1 | cut -d: -f2); \
         {etcdctl} compact \"$revision\"; {etcdctl} defrag; {etcdctl} alarm disarm"
    )
}

/// etcd's own command for these members.
fn etcdctl(options: &EtcdOptions) -> String {
    let scheme = if options.tls.is_some() { "https" } else { "http" };
    let endpoints: Vec<String> = options.endpoints.iter().map(|one| format!("{scheme}://{one}")).collect();
    let path = |path: &Path| quoted(&path.display().to_string());
    let mut command = format!("ETCDCTL_API=3 etcdctl --endpoints={}", quoted(&endpoints.join(",")));
    if let Some(tls) = &options.tls {
        command += &format!(" --cacert={}", path(&tls.ca_file));
        if let Some((certificate, key)) = &tls.identity {
            command += &format!(" --cert={} --key={}", path(certificate), path(key));
        }
    }
    if let Some(user) = &options.user {
        command += &format!(" --user=\"{}:$(head -n 1 {})\"", user.name, path(&user.password_file));
    }
    command
}

fn is_loopback(endpoint: &str) -> bool {
    let host = endpoint.rsplit_once(':').map_or(endpoint, |(host, _)| host).trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use vhsm_store::{EndpointHealth, EndpointStatus, EtcdMember, EtcdUrl};

    fn options(url: &str) -> EtcdOptions {
        EtcdOptions::new(EtcdUrl::parse(url).unwrap().unwrap(), None)
    }

    fn status() -> EndpointStatus {
        let took = Duration::from_millis(3);
        EndpointStatus { version: "3.4.23".into(), leader: 1, db_bytes: 3 * MIB, errors: Vec::new(), took }
    }

    /// Three members that are well.
    fn well() -> EtcdHealth {
        let endpoints = ["127.0.0.1:1", "localhost:2", "[::1]:3"];
        let endpoint = |name: &str| EndpointHealth { endpoint: name.into(), status: Ok(status()) };
        let member = |id| EtcdMember { id, name: format!("m{id}"), is_learner: false };
        EtcdHealth {
            endpoints: endpoints.map(endpoint).into(),
            members: [1, 2, 3].map(member).into(),
            alarms: Vec::new(),
            has_store: Ok(true),
        }
    }

    fn needs_a_mend(url: &str, change: impl Fn(&mut EtcdHealth)) -> bool {
        let (mut findings, mut health) = (Findings::default(), well());
        change(&mut health);
        judge(&mut findings, "etcd", &options(url), &health);
        findings.needs_a_mend()
    }

    #[test]
    fn each_ailment_is_seen() {
        let loopback = "etcd://127.0.0.1:1,localhost:2,[::1]:3";
        let of_first = |change: &dyn Fn(&mut EndpointStatus)| {
            needs_a_mend(loopback, |health| change(health.endpoints[0].status.as_mut().unwrap()))
        };
        assert!(!needs_a_mend(loopback, |_| {}));
        assert!(needs_a_mend("etcd://10.0.0.1", |_| {}));
        assert!(needs_a_mend(loopback, |health| health.endpoints[1].status = Err("refused".into())));
        assert!(needs_a_mend(loopback, |health| health.alarms = vec![(2, "NOSPACE")]));
        assert!(needs_a_mend(loopback, |health| health.has_store = Err("no answer".into())));
        assert!(of_first(&|status| status.leader = 0));
        assert!(of_first(&|status| status.db_bytes = QUOTA_BYTES / 100 * 81));
        assert!(!of_first(&|status| status.db_bytes = QUOTA_BYTES / 100 * 79));
        assert!(of_first(&|status| status.errors = vec!["memory".into()]));
        assert!(of_first(&|status| status.took = Duration::from_millis(501)));
    }
}
