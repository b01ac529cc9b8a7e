//! DescribeCustomKeyStores.

use super::*;
use crate::support::{CLUSTERS, Kind};
use vhsm_keystore::Settings;
use vhsm_keystore::api::DescribeCustomKeyStoresResponse;

fn list(kms: &Kms, members: Value) -> Result<DescribeCustomKeyStoresResponse, KmsError> {
    kms.describe_custom_key_stores(&caller(), &request(members))
}

#[test]
fn a_key_store_is_shown_without_its_password() {
    let world = World::new(Kind::SoftHsm);
    let id = store(&world);
    let shown = json!({
        "CustomKeyStores": [{
            "CustomKeyStoreId": id,
            "CustomKeyStoreName": "one",
            "CloudHsmClusterId": CLUSTER,
            "TrustAnchorCertificate": world.trust_anchor(),
            "ConnectionState": "DISCONNECTED",
            "CreationDate": 1_767_225_600.0,
            "CustomKeyStoreType": "AWS_CLOUDHSM",
        }],
        "Truncated": false,
    });
    for members in [json!({}), json!({ "CustomKeyStoreId": id }), json!({ "CustomKeyStoreName": "one" })] {
        let answer = list(&world.kms, members).unwrap();
        assert_eq!(serde_json::to_value(answer).unwrap(), shown);
    }
    // The code is there while the state is FAILED.
    world.directory.change(|facts| facts.users.clear());
    connect(&world.kms, &id).unwrap();
    world.kms.run_tasks();
    let answer = serde_json::to_value(describe(&world.kms, &id)).unwrap();
    assert_eq!(answer["ConnectionErrorCode"], "USER_NOT_FOUND");
    disconnect(&world.kms, &id).unwrap();
    assert_eq!(serde_json::to_value(list(&world.kms, json!({})).unwrap()).unwrap(), shown);
}

#[test]
fn what_names_no_key_store_is_not_found() {
    let world = World::new(Kind::SoftHsm);
    let id = store(&world);
    assert!(list(&world.kms, json!({ "CustomKeyStoreName": "One" })).is_err());
    for members in [
        json!({ "CustomKeyStoreId": "cks-0" }),
        json!({ "CustomKeyStoreId": "default" }),
        json!({ "CustomKeyStoreName": id }),
    ] {
        assert_exception(list(&world.kms, members), Exception::CustomKeyStoreNotFound);
    }
    for members in [
        json!({ "CustomKeyStoreId": id, "CustomKeyStoreName": "one" }),
        json!({ "CustomKeyStoreId": "" }),
        json!({ "CustomKeyStoreId": "c".repeat(65) }),
        json!({ "CustomKeyStoreName": "" }),
        json!({ "Limit": 0 }),
        json!({ "Limit": 1001 }),
        json!({ "Marker": "" }),
        json!({ "Marker": "m".repeat(1025) }),
    ] {
        assert_exception(list(&world.kms, members), Exception::Validation);
    }
    assert_exception(list(&world.kms, json!({ "Marker": "x" })), Exception::InvalidMarker);
    for other in [connect, disconnect, delete] {
        assert_exception(other(&world.kms, "cks-0"), Exception::CustomKeyStoreNotFound);
        assert_exception(other(&world.kms, ""), Exception::Validation);
    }
    assert_exception(
        update(&world.kms, "cks-0", "NewCustomKeyStoreName", "x"),
        Exception::CustomKeyStoreNotFound,
    );
}

#[test]
fn pages_go_on_where_the_last_one_ended() {
    let world = World::of_three(Kind::SoftHsm, Settings::default());
    let mut ids: Vec<_> = CLUSTERS
        .iter()
        .map(|cluster| {
            let mut members = members(&world);
            members["CustomKeyStoreName"] = json!(cluster);
            members["CloudHsmClusterId"] = json!(cluster);
            create(&world.kms, members).unwrap()
        })
        .collect();
    ids.sort_unstable();
    let shown = |answer: &DescribeCustomKeyStoresResponse| -> Vec<String> {
        answer.custom_key_stores.iter().map(|entry| entry.custom_key_store_id.clone()).collect()
    };
    let first = list(&world.kms, json!({ "Limit": 2 })).unwrap();
    assert_eq!((shown(&first), first.truncated), (ids[..2].to_vec(), true));
    // One that goes meanwhile does not lose the place.
    delete(&world.kms, &ids[1]).unwrap();
    let rest = list(&world.kms, json!({ "Limit": 2, "Marker": first.next_marker })).unwrap();
    assert_eq!((shown(&rest), rest.truncated, rest.next_marker), (ids[2..].to_vec(), false, None));
    let all = list(&world.kms, json!({ "Limit": 2 })).unwrap();
    assert_eq!((shown(&all).len(), all.truncated, all.next_marker), (2, false, None));
}
