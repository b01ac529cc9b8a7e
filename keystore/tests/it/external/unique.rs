//! What no two external key stores have both (reference, kms-custom-key-stores.md sec. 10, "Uniqueness").

use super::*;
use crate::stores::{assert_exception, delete};
use vhsm_keystore::Limits;

const OTHER_SERVICE: &str = "com.amazonaws.vpce.us-east-1.vpce-svc-00000000000000001";

fn named(base: &Value, name: &str, changes: Value) -> Value {
    changed(&changed(base, changes), json!({ "CustomKeyStoreName": name }))
}

fn host(host: &str) -> Value {
    json!({ "XksProxyUriEndpoint": format!("https://{host}") })
}

#[test]
fn public_proxies_share_an_endpoint_and_never_a_path() {
    let bench = Bench::new();
    bench.proxy.add_path("/kms/xks/v1");
    let one = bench.store();
    for same in [json!({}), host("XKS.Example.COM"), host("xks.example.com.")] {
        let again = named(&members(), "two", same);
        assert_exception(bench.create(again), Exception::XksProxyUriInUse);
    }
    let two = bench.create(named(&members(), "two", json!({ "XksProxyUriPath": "/kms/xks/v1" }))).unwrap();
    let three = bench.create(named(&members(), "three", host(OTHER_HOST))).unwrap();

    let path = json!({ "XksProxyUriPath": PATH });
    assert_exception(bench.update(&two, path.clone()), Exception::XksProxyUriInUse);
    assert_exception(bench.update(&three, host(HOST)), Exception::XksProxyUriInUse);
    bench.update(&one, path.clone()).unwrap();
    delete(&bench.world.kms, &one).unwrap();
    bench.update(&two, path).unwrap();
    // What it had is free now.
    bench.update(&three, changed(&host(HOST), json!({ "XksProxyUriPath": "/kms/xks/v1" }))).unwrap();
}

#[test]
fn an_endpoint_is_public_or_of_one_vpc_endpoint_service() {
    let bench = Bench::new();
    bench.proxy.add_path("/kms/xks/v1");
    let path = json!({ "XksProxyUriPath": "/kms/xks/v1" });
    let public = bench.store();
    assert_exception(
        bench.create(named(&vpc_members(), "two", path.clone())),
        Exception::XksProxyUriEndpointInUse,
    );
    let vpc = bench.create(named(&vpc_members(), "two", host(OTHER_HOST))).unwrap();
    let shared = changed(&host(OTHER_HOST), path);
    assert_exception(
        bench.create(named(&members(), "three", shared.clone())),
        Exception::XksProxyUriEndpointInUse,
    );
    let another = changed(&shared, json!({ "XksProxyVpcEndpointServiceName": OTHER_SERVICE }));
    assert_exception(
        bench.create(named(&vpc_members(), "three", another.clone())),
        Exception::XksProxyUriEndpointInUse,
    );
    assert_exception(bench.update(&public, shared), Exception::XksProxyUriEndpointInUse);
    assert_exception(bench.update(&vpc, host(HOST)), Exception::XksProxyUriInUse);
    delete(&bench.world.kms, &vpc).unwrap();
    bench.create(named(&vpc_members(), "three", another)).unwrap();
}

#[test]
fn each_has_a_vpc_endpoint_service_of_its_own() {
    let bench = Bench::new();
    let one = bench.create(vpc_members()).unwrap();
    let mut two = named(&vpc_members(), "two", host(OTHER_HOST));
    assert_exception(bench.create(two.clone()), Exception::XksProxyVpcEndpointServiceInUse);
    two["XksProxyVpcEndpointServiceName"] = json!(OTHER_SERVICE);
    let two = bench.create(two).unwrap();
    let service = |name: &str| json!({ "XksProxyVpcEndpointServiceName": name });
    assert_exception(bench.update(&two, service(SERVICE)), Exception::XksProxyVpcEndpointServiceInUse);
    bench.update(&one, service("com.amazonaws.vpce.us-east-1.vpce-svc-00000000000000002")).unwrap();
    bench.update(&two, service(SERVICE)).unwrap();
}

const ROUNDS: usize = 10;

/// Of these requests at once one is done, and the others have this exception.
#[track_caller]
fn assert_one(bench: &Bench, requests: &[Value], exception: Exception) {
    let barrier = std::sync::Barrier::new(requests.len());
    let answers: Vec<_> = std::thread::scope(|scope| {
        let made = requests.iter().map(|request| {
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                bench.create(request.clone()).map_err(|error| error.exception)
            })
        });
        made.collect::<Vec<_>>().into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let refused: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    assert_eq!(refused, vec![&exception; requests.len() - 1], "{answers:?}");
    assert_eq!(bench.count(), 1);
    let made = answers.into_iter().find_map(Result::ok).unwrap();
    delete(&bench.world.kms, &made).unwrap();
}

#[test]
fn of_many_at_once_one_gets_the_proxy() {
    let bench = Bench::new();
    let paths: Vec<_> = (0..4).map(|number| format!("/{number}/kms/xks/v1")).collect();
    paths.iter().for_each(|path| bench.proxy.add_path(path));
    for _ in 0..ROUNDS {
        let names = ["a", "b", "c", "d"].map(|name| named(&members(), name, json!({})));
        assert_one(&bench, &names, Exception::XksProxyUriInUse);
        let same_name = [HOST, OTHER_HOST].map(|name| named(&members(), "one", host(name)));
        assert_one(&bench, &same_name, Exception::CustomKeyStoreNameInUse);
        let mixed = [
            named(&members(), "a", json!({ "XksProxyUriPath": paths[0] })),
            named(&vpc_members(), "b", json!({ "XksProxyUriPath": paths[1] })),
        ];
        assert_one(&bench, &mixed, Exception::XksProxyUriEndpointInUse);
        let services =
            ["a", "b"].map(|name| named(&vpc_members(), name, host(&format!("{name}.example.com"))));
        assert_one(&bench, &services, Exception::XksProxyVpcEndpointServiceInUse);
    }
}

#[test]
fn of_many_at_once_one_gets_the_last_place() {
    let limits = Limits { custom_key_stores: 1, ..Limits::default() };
    let bench = Bench::with(Settings { limits, ..Settings::default() }, Duration::from_secs(20));
    for _ in 0..ROUNDS {
        let others = [HOST, OTHER_HOST].map(|name| named(&members(), name, host(name)));
        assert_one(&bench, &others, Exception::LimitExceeded);
    }
}

#[test]
fn of_two_updates_at_once_one_gets_the_path() {
    let bench = Bench::new();
    let paths = ["/a/kms/xks/v1", "/b/kms/xks/v1", "/c/kms/xks/v1"];
    paths.iter().for_each(|path| bench.proxy.add_path(path));
    for round in 0..ROUNDS {
        let ids = ["a", "b"].map(|name| {
            let path = format!("/{name}/kms/xks/v1");
            bench.create(named(&members(), name, json!({ "XksProxyUriPath": path }))).unwrap()
        });
        let barrier = std::sync::Barrier::new(ids.len());
        let answers = std::thread::scope(|scope| {
            let threads = ids.each_ref().map(|id| {
                scope.spawn(|| {
                    barrier.wait();
                    bench.update(id, json!({ "XksProxyUriPath": "/c/kms/xks/v1" }))
                })
            });
            threads.map(|thread| thread.join().unwrap().map_err(|error| error.exception))
        });
        let refused: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
        assert_eq!(refused, [&Exception::XksProxyUriInUse], "{round}");
        ids.iter().for_each(|id| delete(&bench.world.kms, id).unwrap());
    }
}
