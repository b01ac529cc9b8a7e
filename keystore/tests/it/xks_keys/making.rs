//! CreateKey and DescribeKey.

use super::*;
use crate::external::{OTHER_HOST, changed};
use crate::support::{CLUSTER, PASSWORD};

#[test]
fn a_key_tells_its_external_key_and_its_store() {
    let (bench, store) = bench();
    let kms = &bench.world.kms;
    let made = create_key(kms, members(&store, EXTERNAL)).unwrap();
    let shown = serde_json::to_value(describe_key(kms, &made.key_id).unwrap()).unwrap();
    assert_eq!(shown, serde_json::to_value(&made).unwrap());
    assert_eq!(shown["Origin"], "EXTERNAL_KEY_STORE");
    assert_eq!(shown["XksKeyConfiguration"], json!({ "Id": EXTERNAL }));
    assert_eq!(shown["CustomKeyStoreId"], json!(store));
    assert_eq!((&shown["KeyState"], &shown["Enabled"]), (&json!("Enabled"), &json!(true)));
    assert_eq!(shown.get("CloudHsmClusterId"), None);
    assert_eq!(shown.get("CurrentKeyMaterialId"), None);
}

#[test]
fn the_proxy_is_asked_for_the_external_key() {
    let (bench, store) = bench();
    create_key(&bench.world.kms, members(&store, EXTERNAL)).unwrap();
    let calls = bench.proxy.calls();
    let [call] = &calls[..] else { panic!("{calls:?}") };
    assert_eq!((call.api, call.key_id.as_deref()), (Some(Api::GetKeyMetadata), Some(EXTERNAL)));
    assert_eq!(call.metadata("kmsOperation"), "CreateKey");
    assert_eq!(call.metadata("awsPrincipalArn"), caller().principal);
    assert_eq!(call.metadata("kmsRequestId").len(), 36);
}

#[test]
fn an_external_key_that_is_not_fit_is_told_with_what_is_wrong() {
    let (bench, store) = bench();
    let kms = &bench.world.kms;
    let before = crate::keys::content(&*bench.world.store);
    for (fault, says) in [
        (Fault::KeySpec("RSA_2048".into()), "key spec RSA_2048"),
        (Fault::KeySpec("AES_128".into()), "key spec AES_128"),
        (Fault::KeySpec("\u{e9}\n".into()), "key spec ??"),
        (Fault::UsageWithout("ENCRYPT".into()), "key usage DECRYPT, WRAP, UNWRAP"),
        (Fault::UsageWithout("DECRYPT".into()), "key usage ENCRYPT, WRAP, UNWRAP"),
        (Fault::Member("keyUsage".into(), json!([])), "key usage (none)"),
        (Fault::KeyDisabled, "key status DISABLED"),
        (Fault::Member("keyStatus".into(), json!("PENDING")), "key status PENDING"),
    ] {
        bench.proxy.only(Api::GetKeyMetadata, fault);
        let answer = create_key(kms, members(&store, EXTERNAL));
        assert_refused(answer, Exception::XksKeyInvalidConfiguration, says);
    }
    bench.proxy.heal();
    let answer = create_key(kms, members(&store, "another"));
    assert_refused(answer, Exception::XksKeyNotFound, "does not find the external key");
    assert_eq!(crate::keys::content(&*bench.world.store), before);
}

#[test]
fn an_external_key_is_one_kms_keys_in_its_store() {
    let (bench, store, key) = bench_with_key();
    let kms = &bench.world.kms;
    assert_refused(create_key(kms, members(&store, EXTERNAL)), Exception::XksKeyAlreadyInUse, &key);
    assert_eq!(bench.proxy.calls().len(), 0);
    bench.proxy.keys().put("an-external.key_2", Key::default());
    key_in(&bench, &store, "an-external.key_2");
    // What is another key store's is another external key, as far as anybody knows.
    let other = changed(
        &crate::external::members(),
        json!({ "CustomKeyStoreName": "two", "XksProxyUriEndpoint": format!("https://{OTHER_HOST}") }),
    );
    let other = bench.create(other).unwrap();
    assert_eq!(bench.connect(&other), "CONNECTED");
    let twin = key_in(&bench, &other, EXTERNAL);
    let ciphertext = encrypt(&bench, &key, b"x", json!({})).unwrap();
    let request = json!({ "CiphertextBlob": crate::support::blob(&ciphertext), "KeyId": twin });
    assert_refused(call(kms, "Decrypt", request), Exception::IncorrectKey, "");
}

#[test]
fn of_many_that_ask_at_once_one_gets_the_external_key() {
    let (bench, store) = bench();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let make = || create_key(&bench.world.kms, members(&store, EXTERNAL));
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1);
    for answer in refused {
        assert_refused(answer, Exception::XksKeyAlreadyInUse, EXTERNAL);
    }
    let listed = ask!(bench.world.kms, list_keys, {}).unwrap();
    assert_eq!(listed.keys.len(), 1);
}

#[test]
fn keys_live_in_the_type_of_store_that_their_origin_says() {
    let (bench, store) = bench();
    let kms = &bench.world.kms;
    let answer = create_key(kms, json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store }));
    assert_refused(answer, Exception::Validation, "EXTERNAL_KEY_STORE");
    let in_cluster = crate::stores::create(
        kms,
        json!({
            "CustomKeyStoreName": "two",
            "CloudHsmClusterId": CLUSTER,
            "TrustAnchorCertificate": bench.world.trust_anchor(),
            "KeyStorePassword": PASSWORD,
        }),
    );
    let answer = create_key(kms, members(&in_cluster.unwrap(), EXTERNAL));
    assert_refused(answer, Exception::Validation, "AWS_CLOUDHSM");
    assert_refused(create_key(kms, members("cks-0", EXTERNAL)), Exception::CustomKeyStoreNotFound, "cks-0");
    assert_eq!(bench.proxy.calls().len(), 0);
}

#[test]
fn the_store_must_be_connected() {
    let (bench, store) = bench();
    bench.disconnect(&store);
    bench.proxy.forget_calls();
    let answer = create_key(&bench.world.kms, members(&store, EXTERNAL));
    assert_refused(answer, Exception::CustomKeyStoreInvalidState, "DISCONNECTED");
    assert_eq!(bench.proxy.calls().len(), 0);
}
