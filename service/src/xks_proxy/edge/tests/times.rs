//! The deadline, which runs from a request's first byte.

use super::client::{exchange, read};
use super::*;
use std::io::Write;
use std::time::Instant;

/// Drops what does not come in time.
fn hurried(deadline_ms: u64) -> World {
    World::with(|settings| settings.times.deadline = Duration::from_millis(deadline_ms))
}

#[test]
fn a_body_that_does_not_come_whole_in_time_is_told_so_and_ends_the_connection() {
    let world = hurried(300);
    let client = world.client();
    let request = client.request(HEALTH, "{}");
    let mut stream = client.connect();
    let begun = Instant::now();
    let reply = exchange(&mut stream, &request[..request.len() - 1]);
    assert!(begun.elapsed() >= Duration::from_millis(280), "{:?}", begun.elapsed());
    reply.fails(408, "RequestTimeoutException");
    assert_eq!(reply.header("connection"), Some("close"));
    assert!(read(&mut stream).is_none());
    let line = world.lines().remove(0);
    assert_eq!((&line["status"], &line["keyStore"]), (&408.into(), &"one".into()));
}

/// What the head took is no longer there for the body.
#[test]
fn the_time_runs_from_the_first_byte() {
    let world = hurried(2000);
    let client = world.client();
    let request = client.request(HEALTH, "{}");
    let mut stream = client.connect();
    let begun = Instant::now();
    stream.get_mut().write_all(&request.as_bytes()[..1]).unwrap();
    std::thread::sleep(Duration::from_millis(1300));
    let reply = exchange(&mut stream, &request[1..request.len() - 1]);
    let took = begun.elapsed();
    reply.fails(408, "RequestTimeoutException");
    // From the head's end it would have been 3.28 s.
    assert!((1980..3280).contains(&took.as_millis()), "{took:?}");
}

/// Nor is what passed before it.
#[test]
fn the_time_between_two_requests_does_not_count() {
    let world = hurried(1500);
    let client = world.client();
    let mut stream = client.connect();
    for _ in 0..2 {
        std::thread::sleep(Duration::from_millis(1600));
        exchange(&mut stream, &client.request(HEALTH, "{}")).reached();
    }
}

#[test]
fn a_head_that_dribbles_is_cut_off() {
    let world = hurried(300);
    let client = world.client();
    let request = client.request(HEALTH, "{}");
    for first in ["P", &request[..50]] {
        let mut stream = client.connect();
        stream.get_mut().write_all(first.as_bytes()).unwrap();
        let begun = Instant::now();
        // It has no end.
        while stream.get_mut().write_all(b"x").is_ok() {
            assert!(begun.elapsed() < LONG);
            std::thread::sleep(Duration::from_millis(20));
        }
        let reply = read(&mut stream);
        assert!(reply.is_none(), "{reply:?}");
    }
    world.change(|settings| settings.times.deadline = LONG);
    client.post(HEALTH, "{}").reached();
}

/// A connection's first request may come late, and another one may follow late.
#[test]
fn connections_without_a_request_end_when_they_are_idle_for_long() {
    let world = World::with(|settings| settings.times.idle = Duration::from_millis(1500));
    let client = world.client();
    assert!(read(&mut client.connect()).is_none());
    let mut stream = client.connect();
    exchange(&mut stream, &client.request(HEALTH, "{}")).reached();
    assert!(read(&mut stream).is_none());
}

/// KMS has given up then: it is in the log.
#[test]
fn a_client_that_goes_away_before_its_answer_is_logged() {
    let world = World::new();
    let client = world.client();
    let request =
        client.request(HEALTH, "{}").replace("content-length", "expect: 100-continue\r\ncontent-length");
    let mut stream = client.connect();
    stream.get_mut().write_all(&request.as_bytes()[..request.len() - 2]).unwrap();
    // The server waits for the body now.
    assert_eq!(read(&mut stream).unwrap().status, 100);
    drop(stream);
    let line = world.lines().remove(0);
    assert_eq!(line["api"], "GetHealthStatus");
    assert!(line["status"] == 400 || line["status"] == 408, "{line}");
}
