//! CreateCustomKeyStore.

use super::*;
use crate::support::{CLUSTERS, Kind};
use std::sync::Arc;
use vhsm_keystore::{Limits, Settings};
use vhsm_store::Memory;

/// `members` with another value of one of them.
fn with(members: &Value, member: &str, value: impl Into<Value>) -> Value {
    let mut members = members.clone();
    members[member] = value.into();
    members
}

#[test]
fn what_a_cluster_lacks_has_its_exception() {
    type Change = fn(&mut vhsm_keystore::ClusterFacts);
    let rows: [(Change, Exception); 6] = [
        (|cluster| cluster.is_active = false, Exception::CloudHsmClusterNotActive),
        (|cluster| cluster.trust_anchor = None, Exception::IncorrectTrustAnchor),
        (|cluster| cluster.hsms.clear(), Exception::CloudHsmClusterInvalidConfiguration),
        (|cluster| cluster.hsms[0].is_active = false, Exception::CloudHsmClusterInvalidConfiguration),
        (
            |cluster| cluster.hsms[0].availability_zone = cluster.hsms[1].availability_zone.clone(),
            Exception::CloudHsmClusterInvalidConfiguration,
        ),
        // What is wrong first is told.
        (
            |cluster| {
                cluster.is_active = false;
                cluster.hsms.clear();
            },
            Exception::CloudHsmClusterNotActive,
        ),
    ];
    let world = World::new(Kind::SoftHsm);
    for (change, exception) in rows {
        let before = world.directory.facts.lock().unwrap().clusters.clone();
        world.directory.change_cluster(CLUSTER, change);
        assert_exception(create(&world.kms, members(&world)), exception);
        world.directory.change(|facts| facts.clusters = before);
    }
    let unknown = with(&members(&world), "CloudHsmClusterId", "cluster-7abcdefghij");
    assert_exception(create(&world.kms, unknown), Exception::CloudHsmClusterNotFound);
    let anchor = "-----BEGIN CERTIFICATE-----\nb3RoZXI=\n-----END CERTIFICATE-----";
    let other = with(&members(&world), "TrustAnchorCertificate", anchor);
    assert_exception(create(&world.kms, other), Exception::IncorrectTrustAnchor);
    world.directory.change(|facts| facts.error = Some("away".into()));
    assert_exception(create(&world.kms, members(&world)), Exception::KmsInternal);
    world.directory.change(|facts| facts.error = None);
    assert_eq!(state(&world.kms, &store(&world)), "DISCONNECTED");
}

#[test]
fn members_keep_their_form() {
    let world = World::new(Kind::SoftHsm);
    let good = members(&world);
    for (member, value) in [
        ("CustomKeyStoreName", json!(null)),
        ("CustomKeyStoreName", json!("")),
        ("CustomKeyStoreName", json!("n".repeat(257))),
        ("CustomKeyStoreType", json!("AWS_KMS")),
        ("CloudHsmClusterId", json!(null)),
        ("CloudHsmClusterId", json!("cluster-1abcdefghij")),
        ("CloudHsmClusterId", json!("cluster-2abcdefghi")),
        ("CloudHsmClusterId", json!("cluster-2abcdefghijklmnop")),
        ("KeyStorePassword", json!(null)),
        ("KeyStorePassword", json!("secret")),
        ("KeyStorePassword", json!("s".repeat(33))),
        ("TrustAnchorCertificate", json!(null)),
        ("TrustAnchorCertificate", json!("")),
        ("TrustAnchorCertificate", json!("c".repeat(5001))),
        ("XksProxyUriPath", json!("/kms/xks/v1")),
        ("XksProxyConnectivity", json!("PUBLIC_ENDPOINT")),
    ] {
        let error = create(&world.kms, with(&good, member, value.clone())).unwrap_err();
        assert_eq!(error.exception, Exception::Validation, "{member} {value}");
        assert!(!error.message.contains("secret"), "{error}");
    }
    let all = create(&world.kms, json!({})).unwrap_err();
    assert!(all.message.starts_with("4 validation errors detected: "), "{all}");
    let external = with(&good, "CustomKeyStoreType", "EXTERNAL_KEY_STORE");
    assert_exception(create(&world.kms, external), Exception::Validation);
    let longest = with(&good, "CustomKeyStoreName", "\u{1f511}".repeat(256));
    create(&world.kms, with(&longest, "CustomKeyStoreType", "AWS_CLOUDHSM")).unwrap();
}

#[test]
fn a_repeated_request_answers_the_first_ones_id() {
    let mut world = World::new(Kind::SoftHsm);
    let good = members(&world);
    let id = create(&world.kms, good.clone()).unwrap();
    assert_eq!(create(&world.kms, good.clone()).unwrap(), id);
    world.restart();
    assert_eq!(create(&world.kms, good.clone()).unwrap(), id);
    for (member, value) in [
        ("CloudHsmClusterId", "cluster-3abcdefghij"),
        ("KeyStorePassword", "kmsPassword2"),
        ("TrustAnchorCertificate", "other"),
    ] {
        let other = with(&good, member, value);
        assert_exception(create(&world.kms, other), Exception::CustomKeyStoreNameInUse);
    }
    // Another name is another key store, and the cluster has one.
    let other = with(&good, "CustomKeyStoreName", "ONE");
    assert_exception(create(&world.kms, other), Exception::CloudHsmClusterInUse);

    connect(&world.kms, &id).unwrap();
    for _ in 0..2 {
        assert_exception(create(&world.kms, good.clone()), Exception::CustomKeyStoreNameInUse);
        world.kms.run_tasks();
    }
    // By now kmsuser has another password.
    disconnect(&world.kms, &id).unwrap();
    world.kms.run_tasks();
    assert_exception(create(&world.kms, good), Exception::CustomKeyStoreNameInUse);
}

#[test]
fn relatives_of_a_cluster_share_its_key_store() {
    let world = World::of_three(Kind::SoftHsm, Settings::default());
    let id = store(&world);
    let named = |name: &str, cluster: &str| {
        with(&with(&members(&world), "CustomKeyStoreName", name), "CloudHsmClusterId", cluster)
    };
    let certificate = world.directory.facts.lock().unwrap().clusters[CLUSTER].certificate.clone();
    world.directory.change_cluster(CLUSTERS[1], |cluster| cluster.certificate = certificate);
    assert_exception(create(&world.kms, named("two", CLUSTERS[1])), Exception::CloudHsmClusterInUse);
    create(&world.kms, named("three", CLUSTERS[2])).unwrap();

    delete(&world.kms, &id).unwrap();
    create(&world.kms, named("two", CLUSTERS[1])).unwrap();
    assert_exception(create(&world.kms, named("one", CLUSTER)), Exception::CloudHsmClusterInUse);
}

#[test]
fn an_account_has_so_many_key_stores_and_no_more() {
    let limits = Limits { custom_key_stores: 2, ..Limits::default() };
    let world = World::of_three(Kind::SoftHsm, Settings { limits, ..Settings::default() });
    let ids: Vec<_> = [("one", 0), ("two", 1)]
        .map(|(name, cluster)| {
            let named = with(&members(&world), "CustomKeyStoreName", name);
            create(&world.kms, with(&named, "CloudHsmClusterId", CLUSTERS[cluster])).unwrap()
        })
        .into();
    let third =
        with(&with(&members(&world), "CustomKeyStoreName", "three"), "CloudHsmClusterId", CLUSTERS[2]);
    assert_exception(create(&world.kms, third.clone()), Exception::LimitExceeded);
    // A repeated request is no third one.
    assert_eq!(create(&world.kms, members(&world)).unwrap(), ids[0]);
    delete(&world.kms, &ids[1]).unwrap();
    create(&world.kms, third).unwrap();
}

/// What requests that are made at once are answered.
fn at_once(world: &World, requests: &[Value]) -> Vec<Result<String, Exception>> {
    let barrier = std::sync::Barrier::new(requests.len());
    std::thread::scope(|scope| {
        let made: Vec<_> = requests
            .iter()
            .map(|request| {
                scope.spawn(|| {
                    barrier.wait();
                    create(&world.kms, request.clone()).map_err(|error| error.exception)
                })
            })
            .collect();
        made.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Of these requests at once one is done, and the others have this exception.
#[track_caller]
fn assert_one(world: &World, requests: &[Value], exception: Exception) {
    let answers = at_once(world, requests);
    let refused: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    assert_eq!(refused, vec![&exception; requests.len() - 1], "{answers:?}");
}

const ROUNDS: usize = 10;

#[test]
fn of_many_at_once_one_gets_the_cluster() {
    for _ in 0..ROUNDS {
        let world = World::new(Kind::SoftHsm);
        let names = ["a", "b", "c", "d"].map(|name| with(&members(&world), "CustomKeyStoreName", name));
        assert_one(&world, &names, Exception::CloudHsmClusterInUse);
    }
}

#[test]
fn of_many_at_once_one_gets_the_name() {
    for _ in 0..ROUNDS {
        let world = World::of_three(Kind::SoftHsm, Settings::default());
        let clusters = CLUSTERS.map(|cluster| with(&members(&world), "CloudHsmClusterId", cluster));
        assert_one(&world, &clusters, Exception::CustomKeyStoreNameInUse);
    }
}

#[test]
fn of_many_at_once_one_gets_the_last_place() {
    let limits = Limits { custom_key_stores: 1, ..Limits::default() };
    let settings = Settings { limits, ..Settings::default() };
    for _ in 0..ROUNDS {
        let world = World::of_three(Kind::SoftHsm, settings.clone());
        let others = CLUSTERS.map(|cluster| {
            let named = with(&members(&world), "CustomKeyStoreName", cluster);
            with(&named, "CloudHsmClusterId", cluster)
        });
        assert_one(&world, &others, Exception::LimitExceeded);
    }
}

#[test]
fn the_same_request_many_times_at_once_makes_one_key_store() {
    for _ in 0..ROUNDS {
        let world = World::new(Kind::SoftHsm);
        let answers = at_once(&world, &vec![members(&world); 4]);
        assert!(answers.iter().all(|answer| answer.is_ok() && *answer == answers[0]), "{answers:?}");
    }
}

#[test]
fn no_password_lies_in_the_store_as_it_is() {
    let kept: Arc<dyn vhsm_store::Store> = Arc::new(Memory::new());
    let world = World::with(Kind::SoftHsm, Settings::default(), kept.clone());
    let id = store(&world);
    connect(&world.kms, &id).unwrap();
    world.kms.run_tasks();
    let mut values = 0;
    kept.read(&mut |snapshot| {
        snapshot.range(&[], &[0xff; 600], &mut |_, value| {
            values += 1;
            let shown = value.windows(PASSWORD.len()).any(|bytes| bytes == PASSWORD.as_bytes());
            assert!(!shown, "{value:?}");
            std::ops::ControlFlow::Continue(())
        })
    })
    .unwrap();
    assert!(values >= 3);
}
