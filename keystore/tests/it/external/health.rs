//! KmsHealthCheck in the background, and what is told of proxies.

use super::*;
use crate::stores::delete;
use vhsm_keystore::ProxyFacts;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Bench {
    /// What the keeper does now and then. Answers the lines for the log.
    fn keep(&self) -> Vec<String> {
        self.world.kms.keep_connections();
        self.world.kms.run_tasks();
        self.world.kms.keep_connections()
    }

    fn facts(&self, id: &str) -> ProxyFacts {
        let mut all = self.world.kms.proxy_facts().unwrap();
        all.retain(|facts| facts.custom_key_store_id.0 == id);
        all.pop().unwrap()
    }
}

#[test]
fn connected_key_stores_are_checked_every_minute() {
    let bench = Bench::new();
    let id = bench.store();
    bench.proxy.forget_calls();
    bench.keep();
    assert_eq!(bench.asked(), [""; 0], "it is not connected");
    bench.connect(&id);
    assert_eq!(bench.asked(), ["ConnectCustomKeyStore"]);
    assert_eq!(bench.keep().len(), 1);
    for _ in 0..3 {
        assert_eq!(bench.asked(), ["KmsHealthCheck"]);
        assert_eq!(bench.keep(), [""; 0]);
        bench.world.clock.advance(MINUTE / 2);
        bench.keep();
        assert_eq!(bench.asked(), [""; 0], "it is not yet time");
        bench.world.clock.advance(MINUTE / 2);
        bench.keep();
    }
    bench.disconnect(&id);
    bench.asked();
    bench.world.clock.advance(MINUTE);
    bench.keep();
    assert_eq!(bench.asked(), [""; 0]);
}

#[test]
fn what_a_check_finds_is_told_and_changes_no_state() {
    let bench = Bench::new();
    let id = bench.connected_store();
    let line = |told: &str| vec![format!("key store {id}: {told}")];
    let managers = |facts: &ProxyFacts| -> Vec<(&'static str, u64)> {
        facts.health.key_managers.iter().map(|(state, count)| (*state, *count)).collect()
    };
    let all = bench.keep();
    let count = managers(&bench.facts(&id))[0].1;
    assert_eq!(all, line(&format!("{count} of {count} external key managers are ACTIVE")));
    let check = |fault: Option<Fault>| {
        fault.map_or_else(|| bench.proxy.heal(), |fault| bench.proxy.set(fault));
        bench.world.clock.advance(MINUTE);
        let lines = bench.keep();
        assert_eq!(state(&bench.world.kms, &id), "CONNECTED");
        (lines, bench.facts(&id))
    };
    let (lines, facts) = check(Some(Fault::OneUnavailable));
    assert_eq!(lines, line(&format!("{} of {count} external key managers are ACTIVE", count - 1)));
    assert_eq!(managers(&facts), [("ACTIVE", count - 1), ("UNAVAILABLE", 1)]);
    let (_, facts) = check(Some(Fault::OneDegraded));
    assert_eq!(managers(&facts), [("ACTIVE", count - 1), ("DEGRADED", 1)]);
    for (fault, error) in [
        (Fault::RefuseTcp, "Unreachable"),
        (Fault::TlsExpired, "Tls"),
        (Fault::AllUnavailable, "NoKeyManager"),
        (Fault::MalformedJson, "InvalidResponse"),
        (Fault::WrongSignatureAnswer, "AuthenticationFailedException"),
        (Fault::Throttling, "ThrottlingException"),
        (Fault::Error { name: "Made\"Up".into(), status: 400 }, "Other"),
    ] {
        let (lines, facts) = check(Some(fault.clone()));
        assert_eq!(lines.len(), 1, "{fault:?}: {lines:?}");
        assert!(lines[0].contains("CONNECTED, but its proxy does not serve: "), "{lines:?}");
        assert!(facts.health.failure.is_some() && managers(&facts).is_empty(), "{fault:?}");
        assert_eq!(facts.health.calls["GetHealthStatus"].errors[error], 1, "{fault:?}");
    }
    let (lines, facts) = check(None);
    assert_eq!(lines, all);
    assert_eq!((facts.health.failure, managers(&bench.facts(&id))), (None, vec![("ACTIVE", count)]));
}

#[test]
fn calls_and_their_times_are_counted() {
    let bench = Bench::new();
    let id = bench.connected_store();
    for _ in 0..3 {
        bench.world.clock.advance(MINUTE);
        bench.keep();
    }
    let health = bench.facts(&id).health;
    // One of them is ConnectCustomKeyStore's.
    assert_eq!(health.calls["GetHealthStatus"].count, 4);
    assert!(health.calls["GetHealthStatus"].total > Duration::ZERO);
    assert!(health.calls["GetHealthStatus"].errors.is_empty());
    bench.disconnect(&id);
    assert!(bench.facts(&id).health.calls.is_empty());
    delete(&bench.world.kms, &id).unwrap();
    assert_eq!(bench.world.kms.proxy_facts(), Some(vec![]));
}

#[test]
fn uses_of_keys_are_counted() {
    let bench = Bench::new();
    let id = bench.connected_store();
    let call = |operation, request| crate::support::call(&bench.world.kms, operation, request);
    let key =
        |name: &str| json!({ "Origin": "EXTERNAL_KEY_STORE", "CustomKeyStoreId": id, "XksKeyId": name });
    bench.proxy.keys().put("key", Key::default());
    let made = call("CreateKey", key("key")).unwrap();
    call("CreateKey", key("unknown")).unwrap_err();
    let key = &made["KeyMetadata"]["KeyId"];
    let sealed = call("Encrypt", json!({ "KeyId": key, "Plaintext": "eA==" })).unwrap();
    let open = || call("Decrypt", json!({ "CiphertextBlob": sealed["CiphertextBlob"] }));
    open().unwrap();
    bench.proxy.set(Fault::Throttling);
    open().unwrap_err();
    let calls = bench.facts(&id).health.calls;
    for (operation, count, error) in [
        ("GetKeyMetadata", 2, Some("KeyNotFoundException")),
        ("Encrypt", 1, None),
        ("Decrypt", 2, Some("ThrottlingException")),
    ] {
        let of = &calls[operation];
        assert_eq!((of.count, of.errors.keys().copied().next()), (count, error), "{operation}");
    }
}

#[test]
fn days_are_told() {
    let bench = Bench::new();
    let id = bench.connected_store();
    let facts = bench.facts(&id);
    assert_eq!(facts.credential_age_days, 0);
    let days = facts.certificate_days_to_expire.unwrap();
    bench.world.clock.advance(DAY * 3);
    assert_eq!(bench.facts(&id).credential_age_days, 3);
    assert_eq!(bench.facts(&id).certificate_days_to_expire, Some(days.saturating_sub(3)));
    bench.world.clock.advance(DAY * 40_000);
    assert_eq!(bench.facts(&id).certificate_days_to_expire, Some(0));
    let same = json!({ "XksProxyAuthenticationCredential": credential(ACCESS_KEY_ID, SECRET) });
    bench.update(&id, same).unwrap();
    assert_eq!(bench.facts(&id).credential_age_days, 0);
}

#[test]
fn a_key_store_in_a_cluster_has_no_proxy() {
    let world = World::new(Kind::SoftHsm);
    crate::stores::connected_store(&world);
    world.kms.keep_connections();
    assert_eq!(world.kms.proxy_facts(), Some(vec![]));
}
