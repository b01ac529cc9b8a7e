//! What a reload changed, for the log.

use super::settings::{HsmGroupSettings, KeyStoreSettings, Settings};

/// A line each; no secret.
pub fn told(old: &Settings, new: &Settings) -> Vec<String> {
    let mut lines = Vec::new();
    groups(&old.hsms, &new.hsms, &mut lines);
    for store in &old.key_stores {
        if !new.key_stores.iter().any(|other| other.name == store.name) {
            lines.push(format!("key store {:?} is gone", store.name));
        }
    }
    for store in &new.key_stores {
        match old.key_stores.iter().find(|other| other.name == store.name) {
            None => lines.push(format!("key store {:?} is new", store.name)),
            Some(other) => key_store(other, store, &mut lines),
        }
    }
    let mut other = |key: &str, is_same: bool| {
        if !is_same {
            lines.push(format!("{key} is another"));
        }
    };
    other("region", old.region == new.region);
    other("fleet_size", old.fleet_size == new.fleet_size);
    other("access_log", old.access_log == new.access_log);
    other("[tls]", old.tls == new.tls);
    other("times.probe_ms", old.probe_interval == new.probe_interval);
    let (times, limits) = (&old.times, &old.limits);
    other("times.deadline_ms", times.deadline == new.times.deadline);
    other("times.reserve_ms", times.reserve == new.times.reserve);
    other("limits.requests", limits.requests == new.limits.requests);
    other("limits.plaintext_bytes", limits.plaintext_bytes == new.limits.plaintext_bytes);
    other("limits.aad_bytes", limits.aad_bytes == new.limits.aad_bytes);
    lines
}

/// Keys that a start alone looks at, and that are others now.
pub fn wait_for_restart(old: &Settings, new: &Settings) -> Vec<&'static str> {
    let all = [
        ("listen", old.listen == new.listen),
        ("status_listen", old.status_addresses == new.status_addresses),
        ("times.idle_ms", old.times.idle == new.times.idle),
        ("times.stop_ms", old.times.stop == new.times.stop),
        ("limits.connections", old.limits.connections == new.limits.connections),
    ];
    all.into_iter().filter(|(_, is_same)| !is_same).map(|(key, _)| key).collect()
}

fn groups(old: &[HsmGroupSettings], new: &[HsmGroupSettings], lines: &mut Vec<String>) {
    for group in old.iter().filter(|group| !new.iter().any(|other| other.name == group.name)) {
        lines.push(format!("hsms {:?} are gone", group.name));
    }
    for group in new {
        match old.iter().find(|other| other.name == group.name) {
            None => lines.push(format!("hsms {:?} are new", group.name)),
            Some(other) if other != group => {
                lines.push(format!("hsms {:?} have other settings, and begin anew", group.name));
            }
            Some(_) => {}
        }
    }
}

fn key_store(old: &KeyStoreSettings, new: &KeyStoreSettings, lines: &mut Vec<String>) {
    let ids = |store: &KeyStoreSettings| -> Vec<String> {
        store.credentials.iter().map(|credential| credential.access_key_id.clone()).collect()
    };
    let (before, after) = (ids(old), ids(new));
    let mut say = |what: String| lines.push(format!("key store {:?}: {what}", new.name));
    for id in after.iter().filter(|id| !before.contains(id)) {
        say(format!("credential {id} is new"));
    }
    for id in before.iter().filter(|id| !after.contains(id)) {
        say(format!("credential {id} is gone"));
    }
    for credential in &new.credentials {
        let same = |other: &&super::settings::CredentialSettings| {
            other.access_key_id == credential.access_key_id && other.secret != credential.secret
        };
        if old.credentials.iter().any(|other| same(&other)) {
            say(format!("credential {} has another secret", credential.access_key_id));
        }
    }
    if old.enabled != new.enabled {
        say(if new.enabled { "enabled".into() } else { "disabled".into() });
    }
    for (key, is_same) in [
        ("path_prefix", old.path_prefix == new.path_prefix),
        ("keys", old.keys == new.keys),
        ("hsms", old.hsms == new.hsms),
        ("requests_per_second", old.requests_per_second == new.requests_per_second),
        ("policy_file", old.policy_file == new.policy_file),
        ("decrypts_reference_aad", old.decrypts_reference_aad == new.decrypts_reference_aad),
        ("ciphertext_metadata", old.ciphertext_metadata == new.ciphertext_metadata),
    ] {
        if !is_same {
            say(format!("{key} is another"));
        }
    }
}
