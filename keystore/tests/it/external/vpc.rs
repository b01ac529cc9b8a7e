//! Proxies behind VPC endpoint services: what of them can be told without AWS.

use super::*;
use crate::stores::assert_exception;

#[test]
fn the_proxy_is_not_asked_before_the_key_store_connects() {
    let bench = Bench::new();
    bench.proxy.set(Fault::RefuseTcp);
    let id = bench.create(vpc_members()).unwrap();
    assert_eq!(bench.asked(), [""; 0]);
    let wanted = json!({
        "Connectivity": "VPC_ENDPOINT_SERVICE",
        "AccessKeyId": ACCESS_KEY_ID,
        "UriEndpoint": format!("https://{HOST}"),
        "UriPath": PATH,
        "VpcEndpointServiceName": SERVICE,
        "VpcEndpointServiceOwner": "000000000000",
    });
    assert_eq!(bench.configuration(&id), wanted);
    assert_eq!(bench.connect(&id), "FAILED XKS_PROXY_NOT_REACHABLE");
    bench.disconnect(&id);
    bench.proxy.heal();
    assert_eq!(bench.connect(&id), "CONNECTED");
    assert_eq!(bench.asked(), ["ConnectCustomKeyStore"]);
}

#[test]
fn another_owner_is_shown() {
    let bench = Bench::new();
    let owner = json!({ "XksProxyVpcEndpointServiceOwner": "111122223333" });
    let id = bench.create(changed(&vpc_members(), owner)).unwrap();
    assert_eq!(bench.configuration(&id)["VpcEndpointServiceOwner"], "111122223333");
    bench.update(&id, json!({ "XksProxyVpcEndpointServiceOwner": "444455556666" })).unwrap();
    assert_eq!(bench.configuration(&id)["VpcEndpointServiceOwner"], "444455556666");
    assert_eq!(bench.configuration(&id)["VpcEndpointServiceName"], SERVICE);
}

#[test]
fn a_service_is_found_in_kmss_own_region() {
    let bench = Bench::new();
    for service in [
        "com.amazonaws.vpce.us-east-2.vpce-svc-0123456789abcdef0",
        "com.amazonaws.vpce.us-gov-east-1.vpce-svc-0123456789abcdef0",
    ] {
        let other = json!({ "XksProxyVpcEndpointServiceName": service });
        assert_exception(
            bench.create(changed(&vpc_members(), other)),
            Exception::XksProxyVpcEndpointServiceNotFound,
        );
    }
    let id = bench.create(vpc_members()).unwrap();
    let other = json!({ "XksProxyVpcEndpointServiceName": "eu.amazonaws.vpce.eusc-de-east-1.vpce-svc-0123456789abcdef0" });
    assert_exception(bench.update(&id, other), Exception::XksProxyVpcEndpointServiceNotFound);
    assert_eq!(bench.configuration(&id)["VpcEndpointServiceName"], SERVICE);
}

#[test]
fn a_private_dns_name_lies_in_a_domain() {
    let mut bench = Bench::new();
    let single = json!({ "XksProxyUriEndpoint": "https://localhost" });
    assert_exception(
        bench.create(changed(&vpc_members(), single.clone())),
        Exception::XksProxyVpcEndpointServiceInvalidConfiguration,
    );
    let id = bench.create(vpc_members()).unwrap();
    assert_exception(
        bench.update(&id, single.clone()),
        Exception::XksProxyVpcEndpointServiceInvalidConfiguration,
    );
    // For development it may be any, but only as long as it is said to be.
    let strict = bench.world.xks.clone();
    bench.world.call_proxies(xks::Settings { allow_private: true, ..strict.clone() });
    let two = bench
        .create(changed(
            &changed(&vpc_members(), single),
            json!({
                "CustomKeyStoreName": "two",
                "XksProxyVpcEndpointServiceName": "com.amazonaws.vpce.us-east-1.vpce-svc-1",
            }),
        ))
        .unwrap();
    bench.world.call_proxies(strict);
    assert_eq!(bench.connect(&two), "FAILED XKS_VPC_ENDPOINT_SERVICE_INVALID_CONFIGURATION");
}

/// The store is moved to where KMS has another Region.
#[test]
fn connecting_tells_of_a_service_that_is_not_found() {
    let bench = Bench::new();
    let id = bench.create(vpc_members()).unwrap();
    let settings = Settings { region: "eu-west-1".into(), ..Settings::default() };
    let store = Arc::clone(&bench.world.store);
    drop(bench);
    let world = World::with(Kind::SoftHsm, settings, store);
    crate::stores::connect(&world.kms, &id).unwrap();
    world.kms.run_tasks();
    assert_eq!(state(&world.kms, &id), "FAILED XKS_VPC_ENDPOINT_SERVICE_NOT_FOUND");
}
