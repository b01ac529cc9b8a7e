//! CreateCustomKeyStore.

use super::*;
use crate::stores::{assert_exception, delete};
use crate::support::CLUSTER;
use vhsm_keystore::Limits;

#[test]
fn a_public_proxy_is_asked_how_it_is() {
    let bench = Bench::new();
    let id = bench.store();
    assert_eq!(bench.asked(), ["CreateCustomKeyStore"]);
    let shown = serde_json::to_value(describe(&bench.world.kms, &id)).unwrap();
    let wanted = json!({
        "CustomKeyStoreId": id,
        "CustomKeyStoreName": "one",
        "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
        "ConnectionState": "DISCONNECTED",
        "CreationDate": 1_767_225_600.0,
        "XksProxyConfiguration": {
            "Connectivity": "PUBLIC_ENDPOINT",
            "AccessKeyId": ACCESS_KEY_ID,
            "UriEndpoint": format!("https://{HOST}"),
            "UriPath": PATH,
        },
    });
    assert_eq!(shown, wanted);
}

#[track_caller]
fn assert_failures(bench: &Bench, failures: Vec<(Fault, Exception, &str)>) {
    for (fault, exception, _) in failures {
        bench.proxy.set(fault.clone());
        let error = bench.create(members()).unwrap_err();
        assert_eq!(error.exception, exception, "{fault:?}: {:?}", error.detail);
        assert!(!error.message.contains(SECRET), "{error}");
        assert_eq!(bench.count(), 0, "{fault:?}");
    }
    bench.proxy.heal();
    bench.store();
}

#[test]
fn what_is_wrong_with_a_proxy_has_its_exception() {
    assert_failures(&Bench::new(), failures());
}

#[test]
fn a_proxy_that_does_not_answer_has_its_exception() {
    assert_failures(&Bench::impatient(), silences());
}

#[test]
fn a_proxy_that_does_not_know_the_credential_or_the_path_has_its_exception() {
    let bench = Bench::new();
    for (member, value, exception) in [
        (
            "XksProxyAuthenticationCredential",
            credential(ACCESS_KEY_ID, &SECRET.replace("Proxy", "Other")),
            Exception::XksProxyIncorrectAuthenticationCredential,
        ),
        (
            "XksProxyAuthenticationCredential",
            credential("ANOTHERACCESSKEY234567", SECRET),
            Exception::XksProxyIncorrectAuthenticationCredential,
        ),
        ("XksProxyUriPath", json!("/other/kms/xks/v1"), Exception::XksProxyInvalidConfiguration),
        ("XksProxyUriPath", json!("/kms/xks/v1"), Exception::XksProxyInvalidConfiguration),
    ] {
        let error = bench.create(changed(&members(), json!({ member: value }))).unwrap_err();
        assert_eq!(error.exception, exception, "{error}");
        // The log names what the proxy's log has.
        let request = bench.proxy.calls().last().unwrap().metadata("kmsRequestId").to_owned();
        assert!(error.detail.is_some_and(|detail| detail.contains(&request)), "{request}");
    }
}

/// Proxies that are not well, but serve.
#[test]
fn one_external_key_manager_that_serves_is_enough() {
    for fault in [Fault::OneDegraded, Fault::OneUnavailable] {
        let bench = Bench::new();
        bench.proxy.set(fault);
        bench.store();
    }
}

#[test]
fn a_host_that_is_not_there_cannot_be_reached() {
    let bench = Bench::new();
    let nowhere = changed(&members(), json!({ "XksProxyUriEndpoint": "https://nowhere.invalid" }));
    assert_exception(bench.create(nowhere), Exception::XksProxyUriUnreachable);
}

#[test]
fn a_repeated_request_answers_the_first_ones_id() {
    let mut bench = Bench::new();
    let id = bench.store();
    // It need not even be there any more.
    bench.proxy.set(Fault::RefuseTcp);
    assert_eq!(bench.create(members()).unwrap(), id);
    bench.world.restart();
    assert_eq!(bench.create(members()).unwrap(), id);
    for (member, value) in [
        ("XksProxyUriEndpoint", json!(format!("https://{OTHER_HOST}"))),
        ("XksProxyUriPath", json!("/other/kms/xks/v1")),
        ("XksProxyAuthenticationCredential", credential(ACCESS_KEY_ID, &SECRET.replace("Proxy", "Other"))),
        ("XksProxyAuthenticationCredential", credential("ANOTHERACCESSKEY234567", SECRET)),
    ] {
        let other = changed(&members(), json!({ member: value }));
        assert_exception(bench.create(other), Exception::CustomKeyStoreNameInUse);
    }
    assert_exception(bench.create(vpc_members()), Exception::CustomKeyStoreNameInUse);
    bench.proxy.heal();
    bench.connect(&id);
    assert_exception(bench.create(members()), Exception::CustomKeyStoreNameInUse);
    bench.disconnect(&id);
    assert_eq!(bench.create(members()).unwrap(), id);
}

/// A key store in a cluster.
fn in_cluster(bench: &Bench, name: &str) -> Value {
    json!({
        "CustomKeyStoreName": name,
        "CloudHsmClusterId": CLUSTER,
        "TrustAnchorCertificate": bench.world.trust_anchor(),
        "KeyStorePassword": crate::support::PASSWORD,
    })
}

#[test]
fn key_stores_of_both_types_share_names_and_the_limit() {
    let limits = Limits { custom_key_stores: 2, ..Limits::default() };
    let bench = Bench::with(Settings { limits, ..Settings::default() }, Duration::from_secs(20));
    let id = bench.store();
    assert_exception(bench.create(in_cluster(&bench, "one")), Exception::CustomKeyStoreNameInUse);
    bench.create(in_cluster(&bench, "two")).unwrap();
    let two = changed(&members(), json!({ "CustomKeyStoreName": "two" }));
    assert_exception(bench.create(two), Exception::CustomKeyStoreNameInUse);
    let three =
        json!({ "CustomKeyStoreName": "three", "XksProxyUriEndpoint": format!("https://{OTHER_HOST}") });
    let three = changed(&members(), three);
    bench.proxy.forget_calls();
    assert_exception(bench.create(three.clone()), Exception::LimitExceeded);
    assert_eq!(bench.create(members()).unwrap(), id);
    delete(&bench.world.kms, &id).unwrap();
    assert_eq!(bench.asked(), [""; 0], "what is refused before is not asked of a proxy");
    bench.create(three).unwrap();
}

#[test]
fn no_secret_lies_in_the_store_as_it_is() {
    let kept: Arc<dyn vhsm_store::Store> = Arc::new(Memory::new());
    let bench = Bench::on(kept.clone(), Settings::default(), Duration::from_secs(20));
    let id = bench.connected_store();
    let new = "Another/Secret+0123456789abcdefghijklmnopqrstuvw=";
    bench.proxy.add_credential(ACCESS_KEY_ID, new);
    bench.update(&id, json!({ "XksProxyAuthenticationCredential": credential(ACCESS_KEY_ID, new) })).unwrap();
    let mut has_record = false;
    kept.read(&mut |snapshot| {
        snapshot.range(&[], &[0xff; 600], &mut |_, value| {
            let has = |text: &str| value.windows(text.len()).any(|bytes| bytes == text.as_bytes());
            has_record |= has(ACCESS_KEY_ID);
            assert!(!has(SECRET) && !has(new), "{value:?}");
            std::ops::ControlFlow::Continue(())
        })
    })
    .unwrap();
    assert!(has_record);
}
