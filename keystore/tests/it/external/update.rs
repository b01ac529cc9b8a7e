//! UpdateCustomKeyStore.

use super::*;
use crate::stores::{assert_exception, connect};

const NEW_SECRET: &str = "Another/Secret+0123456789abcdefghijklmnopqrstuvw=";
const NEW_KEY: &str = "ANOTHERACCESSKEY234567";
const NEW_PATH: &str = "/other/kms/xks/v1";

fn host(host: &str) -> Value {
    json!({ "XksProxyUriEndpoint": format!("https://{host}") })
}

#[test]
fn a_connected_key_store_takes_a_name_a_path_and_a_credential() {
    let bench = Bench::new();
    let id = bench.connected_store();
    bench.proxy.forget_calls();
    bench.proxy.add_path(NEW_PATH);
    bench.proxy.add_credential(NEW_KEY, NEW_SECRET);
    bench.update(&id, json!({ "XksProxyUriPath": NEW_PATH })).unwrap();
    bench
        .update(&id, json!({ "XksProxyAuthenticationCredential": credential(NEW_KEY, NEW_SECRET) }))
        .unwrap();
    assert_eq!(bench.asked(), ["UpdateCustomKeyStore"; 2]);
    bench.update(&id, json!({ "NewCustomKeyStoreName": "new" })).unwrap();
    bench.update(&id, json!({})).unwrap();
    assert_eq!(bench.asked(), [""; 0], "the name is no matter of the proxy");
    let entry = describe(&bench.world.kms, &id);
    assert_eq!((&*entry.custom_key_store_name, &*entry.connection_state), ("new", "CONNECTED"));
    let configuration = bench.configuration(&id);
    assert_eq!(configuration["UriPath"], NEW_PATH);
    assert_eq!(configuration["AccessKeyId"], NEW_KEY);
    // What it has now is what is used.
    bench.proxy.remove_path(PATH);
    bench.proxy.remove_credential(ACCESS_KEY_ID);
    bench.disconnect(&id);
    assert_eq!(bench.connect(&id), "CONNECTED");
}

#[test]
fn the_values_are_tried_as_they_will_be_and_nothing_changes_where_that_fails() {
    let bench = Bench::new();
    let id = bench.connected_store();
    let before = (describe(&bench.world.kms, &id), bench.configuration(&id));
    let with_name = |members: Value| changed(&members, json!({ "NewCustomKeyStoreName": "new" }));
    let wrong_credential = json!({ "XksProxyAuthenticationCredential": credential(NEW_KEY, NEW_SECRET) });
    for (members, exception) in [
        (json!({ "XksProxyUriPath": NEW_PATH }), Exception::XksProxyInvalidConfiguration),
        (wrong_credential, Exception::XksProxyIncorrectAuthenticationCredential),
    ] {
        assert_exception(bench.update(&id, with_name(members)), exception);
        assert_eq!((describe(&bench.world.kms, &id), bench.configuration(&id)), before);
    }
    bench.disconnect(&id);
    let before = (describe(&bench.world.kms, &id), bench.configuration(&id));
    assert_exception(
        bench.update(&id, with_name(host("nowhere.invalid"))),
        Exception::XksProxyUriUnreachable,
    );
    assert_eq!((describe(&bench.world.kms, &id), bench.configuration(&id)), before);
    bench.update(&id, with_name(host(OTHER_HOST))).unwrap();
    assert_eq!(bench.configuration(&id)["UriEndpoint"], format!("https://{OTHER_HOST}"));
    assert_eq!(bench.connect(&id), "CONNECTED");
}

#[track_caller]
fn assert_failures(bench: &Bench, made_of: Value, failures: Vec<(Fault, Exception, &str)>) {
    let id = bench.create(made_of).unwrap();
    let before = bench.configuration(&id);
    bench.proxy.add_path(NEW_PATH);
    for (fault, exception, _) in failures {
        bench.proxy.set(fault.clone());
        let error = bench.update(&id, json!({ "XksProxyUriPath": NEW_PATH })).unwrap_err();
        assert_eq!(error.exception, exception, "{fault:?}: {:?}", error.detail);
        assert_eq!(bench.configuration(&id), before, "{fault:?}");
    }
}

#[test]
fn what_is_wrong_with_a_proxy_has_its_exception() {
    for made_of in [members(), vpc_members()] {
        assert_failures(&Bench::new(), made_of, failures());
    }
}

#[test]
fn a_proxy_that_does_not_answer_has_its_exception() {
    assert_failures(&Bench::impatient(), members(), silences());
}

#[test]
fn a_credential_is_given_whole() {
    let bench = Bench::new();
    let id = bench.store();
    for half in [json!({ "AccessKeyId": NEW_KEY }), json!({ "RawSecretAccessKey": NEW_SECRET }), json!({})] {
        let error = bench.update(&id, json!({ "XksProxyAuthenticationCredential": half })).unwrap_err();
        assert_eq!(error.exception, Exception::Validation);
        assert!(!error.message.contains("Secret+") && !error.message.contains(NEW_KEY), "{error}");
    }
}

#[test]
fn members_keep_their_form_and_go_together() {
    let bench = Bench::new();
    let id = bench.store();
    bench.proxy.forget_calls();
    for members in [
        json!({ "CloudHsmClusterId": crate::support::CLUSTER }),
        json!({ "KeyStorePassword": crate::support::PASSWORD }),
        json!({ "XksProxyUriEndpoint": "http://other.example.com" }),
        json!({ "XksProxyUriEndpoint": "https://10.1.2.3" }),
        json!({ "XksProxyUriPath": "/kms/xks/v2" }),
        json!({ "XksProxyConnectivity": "PRIVATE" }),
        json!({ "XksProxyVpcEndpointServiceName": SERVICE }),
        json!({ "XksProxyVpcEndpointServiceName": "" }),
        json!({ "XksProxyVpcEndpointServiceOwner": "123456789012" }),
        json!({ "NewCustomKeyStoreName": "" }),
    ] {
        assert_exception(bench.update(&id, members.clone()), Exception::Validation);
    }
    assert_eq!(bench.asked(), [""; 0]);
    let unknown = bench.update("cks-00000000000000000", json!({ "XksProxyUriPath": NEW_PATH }));
    assert_exception(unknown, Exception::CustomKeyStoreNotFound);
}

#[test]
fn a_public_proxy_goes_behind_a_vpc_endpoint_service_and_back() {
    let bench = Bench::new();
    let id = bench.store();
    let vpc = json!({ "XksProxyConnectivity": "VPC_ENDPOINT_SERVICE" });
    let service = json!({ "XksProxyVpcEndpointServiceName": SERVICE });
    for missing in [
        vpc.clone(),
        changed(&vpc, service.clone()),
        changed(&vpc, host(OTHER_HOST)),
        // It is no other endpoint.
        changed(&changed(&vpc, service.clone()), host("XKS.example.com")),
        changed(&changed(&vpc, json!({ "XksProxyVpcEndpointServiceName": "" })), host(OTHER_HOST)),
    ] {
        assert_exception(bench.update(&id, missing), Exception::Validation);
    }
    bench.update(&id, changed(&changed(&vpc, service.clone()), host(OTHER_HOST))).unwrap();
    assert_eq!(bench.configuration(&id)["Connectivity"], "VPC_ENDPOINT_SERVICE");
    assert_eq!(bench.configuration(&id)["VpcEndpointServiceName"], SERVICE);
    // Said once more it is no change.
    bench.update(&id, vpc).unwrap();

    let public = json!({ "XksProxyConnectivity": "PUBLIC_ENDPOINT" });
    for wrong in [public.clone(), changed(&changed(&public, service), host(HOST))] {
        assert_exception(bench.update(&id, wrong), Exception::Validation);
    }
    let none = json!({ "XksProxyVpcEndpointServiceName": "" });
    bench.update(&id, changed(&changed(&public, none), host(HOST))).unwrap();
    let configuration = bench.configuration(&id);
    assert_eq!(configuration["Connectivity"], "PUBLIC_ENDPOINT");
    assert!(configuration.get("VpcEndpointServiceName").is_none(), "{configuration}");
    // The service is free again.
    let two = changed(&vpc_members(), changed(&host(OTHER_HOST), json!({ "CustomKeyStoreName": "two" })));
    bench.create(two).unwrap();
    assert_eq!(bench.connect(&id), "CONNECTED");
}

#[test]
fn a_change_that_crosses_another_is_tried_anew() {
    let bench = Bench::new();
    let id = bench.store();
    bench.proxy.add_credential(NEW_KEY, NEW_SECRET);
    bench.proxy.add_path(NEW_PATH);
    // Each waits for the proxy, and so the other is done meanwhile.
    bench.proxy.set(Fault::Slow(200));
    std::thread::scope(|scope| {
        let path = scope.spawn(|| bench.update(&id, json!({ "XksProxyUriPath": NEW_PATH })));
        let credential = json!({ "XksProxyAuthenticationCredential": credential(NEW_KEY, NEW_SECRET) });
        bench.update(&id, credential).unwrap();
        path.join().unwrap().unwrap();
    });
    let configuration = bench.configuration(&id);
    assert_eq!(
        (&configuration["UriPath"], &configuration["AccessKeyId"]),
        (&json!(NEW_PATH), &json!(NEW_KEY))
    );
}

#[test]
fn a_key_store_that_turns_meanwhile_is_not_changed() {
    let bench = Bench::new();
    let id = bench.store();
    bench.proxy.set(Fault::Slow(500));
    std::thread::scope(|scope| {
        let update = scope.spawn(|| bench.update(&id, host(OTHER_HOST)));
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while !bench.proxy.calls().iter().any(|call| call.metadata("kmsOperation") == "UpdateCustomKeyStore")
        {
            assert!(std::time::Instant::now() < deadline);
            std::thread::sleep(Duration::from_millis(1));
        }
        connect(&bench.world.kms, &id).unwrap();
        assert_exception(update.join().unwrap(), Exception::CustomKeyStoreInvalidState);
    });
    assert_eq!(bench.configuration(&id)["UriEndpoint"], format!("https://{HOST}"));
}
