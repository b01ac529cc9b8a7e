//! UpdateCustomKeyStore.

use super::*;
use crate::support::{CLUSTERS, Kind};
use vhsm_keystore::Settings;

fn update_all(kms: &Kms, members: Value) -> Result<(), KmsError> {
    kms.update_custom_key_store(&caller(), &request(members))
}

/// A second key store, in the second cluster.
fn second(world: &World) -> String {
    let mut members = members(world);
    members["CustomKeyStoreName"] = json!("two");
    members["CloudHsmClusterId"] = json!(CLUSTERS[1]);
    create(&world.kms, members).unwrap()
}

/// Makes the second cluster a relative of the first.
fn relate(world: &World) {
    let certificate = world.directory.facts.lock().unwrap().clusters[CLUSTER].certificate.clone();
    world.directory.change_cluster(CLUSTERS[1], |cluster| cluster.certificate = certificate);
}

#[test]
fn names_stay_unique() {
    let world = World::of_three(Kind::SoftHsm, Settings::default());
    let (one, two) = (store(&world), second(&world));
    let rename = |id: &str, name: &str| update(&world.kms, id, "NewCustomKeyStoreName", name);
    assert_exception(rename(&one, "two"), Exception::CustomKeyStoreNameInUse);
    rename(&one, "one").unwrap();
    rename(&one, "three").unwrap();
    rename(&two, "one").unwrap();
    assert_exception(rename(&two, "three"), Exception::CustomKeyStoreNameInUse);
    assert_eq!(describe(&world.kms, &two).custom_key_store_name, "one");
    // A name that was given up is free.
    delete(&world.kms, &two).unwrap();
    rename(&one, "one").unwrap();
    let mut again = members(&world);
    again["CustomKeyStoreName"] = json!("three");
    again["CloudHsmClusterId"] = json!(CLUSTERS[1]);
    create(&world.kms, again).unwrap();
}

#[test]
fn of_two_renames_at_once_one_passes() {
    for _ in 0..20 {
        let world = World::of_three(Kind::SoftHsm, Settings::default());
        let ids = [store(&world), second(&world)];
        let barrier = std::sync::Barrier::new(ids.len());
        let answers: Vec<_> = std::thread::scope(|scope| {
            let threads = ids.each_ref().map(|id| {
                scope.spawn(|| {
                    barrier.wait();
                    update(&world.kms, id, "NewCustomKeyStoreName", "same")
                })
            });
            threads.map(|thread| thread.join().unwrap()).into()
        });
        let refused: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
        assert_eq!(refused.len(), 1, "{answers:?}");
        assert_eq!(refused[0].exception, Exception::CustomKeyStoreNameInUse);
    }
}

#[test]
fn what_another_cluster_lacks_has_its_exception() {
    type Change = fn(&mut vhsm_keystore::ClusterFacts);
    let rows: [(Change, Exception); 4] = [
        (|cluster| cluster.certificate = None, Exception::CloudHsmClusterNotRelated),
        (|cluster| cluster.certificate = Some("other".into()), Exception::CloudHsmClusterNotRelated),
        (|cluster| cluster.is_active = false, Exception::CloudHsmClusterNotActive),
        (|cluster| cluster.hsms[1].is_active = false, Exception::CloudHsmClusterInvalidConfiguration),
    ];
    let world = World::of_three(Kind::SoftHsm, Settings::default());
    let id = store(&world);
    relate(&world);
    let to_second = || update(&world.kms, &id, "CloudHsmClusterId", CLUSTERS[1]);
    for (change, exception) in rows {
        let before = world.directory.facts.lock().unwrap().clusters.clone();
        world.directory.change_cluster(CLUSTERS[1], change);
        assert_exception(to_second(), exception);
        world.directory.change(|facts| facts.clusters = before);
    }
    assert_exception(
        update(&world.kms, &id, "CloudHsmClusterId", "cluster-7abcdefghij"),
        Exception::CloudHsmClusterNotFound,
    );
    world.directory.change(|facts| facts.error = Some("away".into()));
    assert_exception(to_second(), Exception::KmsInternal);
    world.directory.change(|facts| facts.error = None);
    assert_eq!(describe(&world.kms, &id).cloud_hsm_cluster_id.as_deref(), Some(CLUSTER));
}

#[test]
fn a_relative_takes_the_clusters_place() {
    let world = World::of_three(Kind::Vhsm, Settings::default());
    let id = connected_store(&world);
    relate(&world);
    assert_exception(
        update(&world.kms, &id, "CloudHsmClusterId", CLUSTERS[1]),
        Exception::CustomKeyStoreInvalidState,
    );
    disconnect(&world.kms, &id).unwrap();
    world.kms.run_tasks();
    // It has kmsuser as the backup had it: before KMS gave it another password.
    let members = json!({
        "CustomKeyStoreId": id,
        "CloudHsmClusterId": CLUSTERS[1],
        "KeyStorePassword": PASSWORD,
        "NewCustomKeyStoreName": "new",
    });
    update_all(&world.kms, members).unwrap();
    let entry = describe(&world.kms, &id);
    assert_eq!(entry.cloud_hsm_cluster_id.as_deref(), Some(CLUSTERS[1]));
    assert_eq!(entry.custom_key_store_name, "new");
    world.directory.change(|facts| drop(facts.clusters.remove(CLUSTER)));
    connect(&world.kms, &id).unwrap();
    world.kms.run_tasks();
    assert_eq!(state(&world.kms, &id), "CONNECTED");
    random(&world.kms, &id).unwrap();
}

#[test]
fn members_keep_their_form() {
    let world = World::new(Kind::SoftHsm);
    let id = store(&world);
    for (member, value) in [
        ("CustomKeyStoreId", ""),
        ("NewCustomKeyStoreName", ""),
        ("KeyStorePassword", "secret"),
        ("CloudHsmClusterId", "cluster-1"),
        ("XksProxyUriEndpoint", "https://host.example"),
        ("XksProxyUriPath", "/kms/xks/v1"),
    ] {
        let mut members = json!({ "CustomKeyStoreId": id });
        members[member] = json!(value);
        let error = update_all(&world.kms, members).unwrap_err();
        assert_eq!(error.exception, Exception::Validation, "{member}");
        assert!(!error.message.contains("secret"), "{error}");
    }
    assert_exception(update_all(&world.kms, json!({})), Exception::Validation);
    update_all(&world.kms, json!({ "CustomKeyStoreId": id })).unwrap();
}

#[test]
fn all_members_change_or_none() {
    let world = World::of_three(Kind::SoftHsm, Settings::default());
    let (id, _) = (store(&world), second(&world));
    let members = json!({
        "CustomKeyStoreId": id, "NewCustomKeyStoreName": "two", "KeyStorePassword": "otherPassword",
    });
    assert_exception(update_all(&world.kms, members), Exception::CustomKeyStoreNameInUse);
    connect(&world.kms, &id).unwrap();
    world.kms.run_tasks();
    assert_eq!(state(&world.kms, &id), "CONNECTED");
    let members = json!({ "CustomKeyStoreId": id, "NewCustomKeyStoreName": "new", "KeyStorePassword": "otherPassword" });
    assert_exception(update_all(&world.kms, members), Exception::CustomKeyStoreInvalidState);
    assert_eq!(describe(&world.kms, &id).custom_key_store_name, "one");
}
