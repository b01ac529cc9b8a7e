//! The form of members, and which go together (reference, kms-custom-key-stores.md sec. 10).

use super::*;
use crate::support::{CLUSTER, PASSWORD};

/// Refused by `members` with these in their places, and nobody is asked.
#[track_caller]
fn assert_invalid(bench: &Bench, base: &Value, changes: Value) {
    let error = bench.create(changed(base, changes.clone())).expect_err(&changes.to_string());
    assert_eq!(error.exception, Exception::Validation, "{changes}: {error}");
    for secret in ["Test+Secret", "TopSecret", "ACCESSKEY"] {
        assert!(!error.message.contains(secret), "{changes}: {error}");
    }
    assert_eq!(bench.asked(), [""; 0], "{changes}");
}

#[test]
fn members_keep_their_form() {
    let bench = Bench::new();
    let long = |start: &str, end: &str| format!("{start}{}{end}", "a".repeat(129 - start.len() - end.len()));
    for (member, values) in [
        (
            "XksProxyUriEndpoint",
            json!([
                "https://a",
                "http://xks.example.com",
                "HTTPS://xks.example.com",
                "xks.example.com",
                "https://xks.example.com/",
                "https://xks.example.com:443",
                "https://xks.example.com:8443",
                "https://xks_1.example.com",
                "https://xks.example.com/path",
                "https://user@example.com",
                "https://10.1.2.3",
                "https://127.0.0.1",
                "https://0x7f.0.0.1",
                "https://2130706433",
                "https://xks..example.com",
                "https://.example.com",
                "https://-a.example.com",
                "https://a-.example.com",
                "https://[::1]:443",
                long("https://", ""),
                "",
            ]),
        ),
        (
            "XksProxyUriPath",
            json!([
                "/kms/xks",
                "/kms/xks/v",
                "/kms/xks/v1/",
                "kms/xks/v1",
                "//kms/xks/v1a",
                "/a b/kms/xks/v1",
                "/a?b/kms/xks/v1",
                "/kms/xks/v123",
                "/kms/xks/v2",
                "/a/kms/xks/v11",
                "/example/KMS/xks/v1",
                "/a%2f/kms/xks/v1",
                "/kms/xks/v1/metadata",
                long("/", "/kms/xks/v1"),
                "",
            ]),
        ),
        ("XksProxyConnectivity", json!(["PUBLIC", "public_endpoint", ""])),
        ("CustomKeyStoreName", json!(["", "n".repeat(257)])),
        ("CustomKeyStoreType", json!(["EXTERNAL", "external_key_store"])),
    ] {
        for value in values.as_array().unwrap() {
            assert_invalid(&bench, &members(), json!({ member: value }));
        }
    }
    for (access_key_id, secret) in [
        ("PROXYTESTACCESSKEY2", SECRET),
        ("PROXYTESTACCESSKEY1234567", SECRET),
        ("proxytestaccesskey234567", SECRET),
        ("PROXYTESTACCESSKEY234567PROXYTE", SECRET),
        (ACCESS_KEY_ID, "TopSecret"),
        (ACCESS_KEY_ID, &SECRET[..42]),
        (ACCESS_KEY_ID, &format!("TopSecret-{}", "a".repeat(40))),
        (ACCESS_KEY_ID, &format!("TopSecret{}", "a".repeat(56))),
    ] {
        let credential = credential(access_key_id, secret);
        assert_invalid(&bench, &members(), json!({ "XksProxyAuthenticationCredential": credential }));
    }
    for (member, values) in [
        (
            "XksProxyVpcEndpointServiceName",
            json!([
                "com.amazonaws.vpce.us-east-1",
                "com.amazonaws.vpce.us-east-1.vpce-svc-",
                "com.amazonaws.vpce.us-east-1.vpce-svc-ABC",
                "org.amazonaws.vpce.us-east-1.vpce-svc-1",
                "com.amazonaws.vpce.us-east.vpce-svc-1",
                "com.amazonaws.vpce.useast-1.vpce-svc-1",
                "com.amazonaws.vpce.a-b-c-d-1.vpce-svc-1",
                "com.amazonaws.us-east-1.kms",
                format!("com.amazonaws.vpce.us-east-1.vpce-svc-{}", "0".repeat(27)),
                "",
            ]),
        ),
        ("XksProxyVpcEndpointServiceOwner", json!(["12345678901", "1234567890123", "12345678901a", ""])),
    ] {
        for value in values.as_array().unwrap() {
            assert_invalid(&bench, &vpc_members(), json!({ member: value }));
        }
    }
    assert_eq!(bench.count(), 0);
}

#[test]
fn members_that_are_needed_are_there() {
    let bench = Bench::new();
    for member in [
        "CustomKeyStoreName",
        "XksProxyUriEndpoint",
        "XksProxyUriPath",
        "XksProxyAuthenticationCredential",
        "XksProxyConnectivity",
    ] {
        assert_invalid(&bench, &members(), json!({ member: null }));
    }
    assert_invalid(&bench, &vpc_members(), json!({ "XksProxyVpcEndpointServiceName": null }));
    for half in [json!({ "AccessKeyId": ACCESS_KEY_ID }), json!({ "RawSecretAccessKey": SECRET }), json!({})]
    {
        assert_invalid(&bench, &members(), json!({ "XksProxyAuthenticationCredential": half }));
    }
    let nothing = bench.create(json!({ "CustomKeyStoreType": "EXTERNAL_KEY_STORE" })).unwrap_err();
    assert!(nothing.message.starts_with("5 validation errors detected: "), "{nothing}");
}

#[test]
fn members_of_other_key_stores_are_not_there() {
    let bench = Bench::new();
    for (member, value) in [
        ("CloudHsmClusterId", CLUSTER),
        ("KeyStorePassword", PASSWORD),
        ("TrustAnchorCertificate", bench.world.trust_anchor()),
    ] {
        assert_invalid(&bench, &members(), json!({ member: value }));
    }
    for (member, value) in
        [("XksProxyVpcEndpointServiceName", SERVICE), ("XksProxyVpcEndpointServiceOwner", "123456789012")]
    {
        assert_invalid(&bench, &members(), json!({ member: value }));
    }
    // The type is AWS_CLOUDHSM where it is not given.
    assert_invalid(&bench, &members(), json!({ "CustomKeyStoreType": null }));
}

#[test]
fn the_longest_and_the_oddest_of_good_form_pass() {
    let bench = Bench::new();
    let path = format!("/{}-_Z9/kms/xks/v1", "a".repeat(112));
    assert_eq!(path.len(), 128);
    bench.proxy.add_path(&path);
    bench.proxy.add_path("//a//kms/xks/v1");
    let key_id = "A234567".repeat(5)[..30].to_owned();
    bench.proxy.add_credential(&key_id, &SECRET[..43]);
    for (name, path, credential) in [
        ("\u{1f511}".repeat(256), &*path, credential(&key_id, &SECRET[..43])),
        ("two".into(), "//a//kms/xks/v1", credential(ACCESS_KEY_ID, SECRET)),
    ] {
        let good = changed(
            &members(),
            json!({ "CustomKeyStoreName": name, "XksProxyUriPath": path, "XksProxyAuthenticationCredential": credential }),
        );
        bench.create(good).unwrap();
    }
}

/// For development: `allow_private`.
#[test]
fn private_endpoints_have_ports_where_they_are_allowed() {
    let mut bench = Bench::new();
    let settings = xks::Settings { allow_private: true, ..bench.world.xks.clone() };
    bench.world.call_proxies(settings);
    let port = bench.proxy.address().port();
    for wrong in [
        "https://localhost:",
        "https://localhost:123456",
        "https://localhost:8a",
        "https://127.1:443",
        "https://1.2.3.4.5",
    ] {
        assert_invalid(&bench, &members(), json!({ "XksProxyUriEndpoint": wrong }));
    }
    let private = changed(&members(), json!({ "XksProxyUriEndpoint": format!("https://localhost:{port}") }));
    let id = bench.create(private).unwrap();
    assert_eq!(bench.configuration(&id)["UriEndpoint"], format!("https://localhost:{port}"));
    assert_eq!(bench.connect(&id), "CONNECTED");
}
