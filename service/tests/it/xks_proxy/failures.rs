//! HSMs that fail, hang and come back.

use super::world::poll;
use super::*;

/// What GetHealthStatus tells of the HSMs, sorted.
fn states(client: &Client) -> Vec<String> {
    let health = client.call("/health", json!({})).good_xks();
    let fleet = health["ekmFleetDetails"].as_array().unwrap();
    let mut states: Vec<_> =
        fleet.iter().map(|hsm| hsm["healthStatus"].as_str().unwrap().to_owned()).collect();
    states.sort();
    states
}

fn hsm_ids(world: &World) -> Vec<String> {
    let cluster = world.home.good(None, &["cluster", "describe"]);
    let hsms = cluster["Hsms"].as_array().unwrap();
    hsms.iter().map(|hsm| hsm["HsmId"].as_str().unwrap().to_owned()).collect()
}

fn probing(kind: Kind) -> World {
    let mut world = World::new(kind);
    world.times += "probe_ms = 200\n";
    world
}

#[test]
fn an_hsm_that_fails_is_told_and_others_serve_until_it_is_back() {
    let world = probing(Kind::Own);
    let proxy = world.start();
    let client = world.client(&proxy);
    let ids = hsm_ids(&world);
    poll("all are ACTIVE", || states(&client) == ["ACTIVE", "ACTIVE"]);
    world.home.good(Some(ADMIN_PIN), &["hsm", "fail", &ids[0]]);
    let mut connection = client.connect();
    for _ in 0..50 {
        connection.encrypt("key-1", b"plain", None).good_xks();
    }
    poll("one is UNAVAILABLE", || states(&client) == ["ACTIVE", "UNAVAILABLE"]);
    assert_eq!(proxy.get("/ping").status, 200);
    client.round_trip("key-1");
    world.home.good(Some(ADMIN_PIN), &["hsm", "recover", &ids[0]]);
    poll("both are ACTIVE", || states(&client) == ["ACTIVE", "ACTIVE"]);
    client.round_trip("key-1");
}

#[test]
fn without_any_hsm_requests_fail_in_time_and_all_is_well_when_they_are_back() {
    let world = probing(Kind::Own);
    let proxy = world.start();
    let client = world.client(&proxy);
    client.round_trip("key-1");
    let ids = hsm_ids(&world);
    ids.iter().for_each(|id| drop(world.home.good(Some(ADMIN_PIN), &["hsm", "fail", id])));
    poll("none serves", || proxy.get("/ping").status == 503);
    let reply = client.encrypt("key-1", b"plain", None);
    assert!([500, 503].contains(&reply.status), "{reply:?}");
    reply.fails_xks(
        reply.status,
        if reply.status == 500 { "InternalException" } else { "DependencyTimeoutException" },
    );
    assert_eq!(states(&client), ["UNAVAILABLE", "UNAVAILABLE"]);
    ids.iter().for_each(|id| drop(world.home.good(Some(ADMIN_PIN), &["hsm", "recover", id])));
    poll("all serve", || states(&client) == ["ACTIVE", "ACTIVE"]);
    client.round_trip("key-1");
}

/// What waited for an HSM took a minute. A request may be late by what a busy machine adds.
fn assert_in_time(world: &World) {
    let took = |line: &Value| line["microseconds"]["total"].as_u64().unwrap();
    let took: Vec<_> = world.access_log().iter().map(took).collect();
    let late = took.iter().filter(|took| **took > 250_000).count();
    assert!(late * 2 <= took.len() && took.iter().all(|took| *took < 2_000_000), "{took:?}");
}

/// C_Encrypt of one HSM takes a minute from now on.
fn hang(world: &World, hsms: &[&str]) {
    let mut arguments = vec!["fault", "set", "--function", "C_Encrypt*", "--latency-ms", "60000"];
    hsms.iter().for_each(|hsm| arguments.extend(["--hsm", hsm]));
    world.home.good(Some(ADMIN_PIN), &arguments);
}

/// As KMS wants them.
fn in_time() -> World {
    World { times: String::new(), ..World::new(Kind::Own) }
}

#[test]
fn with_one_hsm_hanging_every_answer_comes_within_250_ms() {
    let world = in_time();
    let proxy = world.start();
    let client = world.client(&proxy);
    client.round_trip("key-1");
    hang(&world, &[&hsm_ids(&world)[0]]);
    let mut connection = client.connect();
    let replies: Vec<_> = (0..200).map(|_| connection.encrypt("key-1", b"plain", None)).collect();
    let good = replies.iter().filter(|reply| reply.status == 200).count();
    assert!(good >= 150, "{good} of 200: {:?}", replies.iter().find(|reply| reply.status != 200));
    assert_in_time(&world);
}

#[test]
fn with_all_hsms_hanging_the_deadline_answers() {
    let world = in_time();
    let proxy = world.start();
    let client = world.client(&proxy);
    client.round_trip("key-1");
    hang(&world, &[]);
    let mut names: Vec<String> = Vec::new();
    for _ in 0..30 {
        let reply = client.encrypt("key-1", b"plain", None);
        names.push(reply.json()["errorName"].as_str().unwrap_or_default().to_owned());
        let name = names.last().unwrap();
        let status = match name.as_str() {
            "ThrottlingException" => 429,
            "DependencyTimeoutException" => 503,
            // When none of them has a thread left.
            _ => 500,
        };
        reply.fails_xks(status, name);
    }
    assert!(names.iter().any(|name| name == "DependencyTimeoutException"), "{names:?}");
    assert_in_time(&world);
}

#[test]
fn an_hsm_that_refuses_is_an_internal_error() {
    let world = World::new(Kind::Own);
    let proxy = world.start();
    let client = world.client(&proxy);
    client.round_trip("key-1");
    let fault = ["fault", "set", "--function", "C_Encrypt*", "--error", "CKR_GENERAL_ERROR"];
    world.home.good(Some(ADMIN_PIN), &fault);
    client.encrypt("key-1", b"plain", None).fails_xks(500, "InternalException");
    world.home.good(Some(ADMIN_PIN), &["fault", "clear"]);
    poll("it encrypts again", || client.encrypt("key-1", b"plain", None).status == 200);
}
