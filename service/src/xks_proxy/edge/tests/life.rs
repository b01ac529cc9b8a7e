//! How it ends.

use super::client::{exchange, read};
use super::*;
use std::io::Write;
use std::net::TcpStream;

/// A request whose head the server has read.
fn begun(client: &Client, request: &str) -> std::io::BufReader<TcpStream> {
    let (head, _) = request.split_at(request.len() - 2);
    let mut stream = client.connect();
    stream
        .get_mut()
        .write_all(head.replace("content-length", "expect: 100-continue\r\ncontent-length").as_bytes())
        .unwrap();
    assert_eq!(read(&mut stream).unwrap().status, 100);
    stream
}

#[test]
fn requests_in_flight_are_answered_when_it_stops() {
    let world = World::new();
    let client = world.client();
    let mut idle = client.connect();
    exchange(&mut idle, &client.request(HEALTH, "{}")).reached();
    let mut running = begun(&client, &client.request(HEALTH, "{}"));
    let server = world.server;
    let stopping = std::thread::spawn(move || server.stop());
    // It listens no more, and connections without a request end.
    while TcpStream::connect(client.address).is_ok() {
        std::thread::yield_now();
    }
    assert!(read(&mut idle).is_none() && !stopping.is_finished());
    running.get_mut().write_all(b"{}").unwrap();
    read(&mut running).unwrap().reached();
    assert!(stopping.join().unwrap());
    assert!(read(&mut running).is_none());
}

#[test]
fn a_request_that_takes_longer_than_the_stop_is_cut_off() {
    let world = World::with(|settings| settings.times.stop = Duration::from_millis(200));
    let client = world.client();
    let mut running = begun(&client, &client.request(HEALTH, "{}"));
    assert!(!world.server.stop());
    assert!(read(&mut running).is_none());
}

#[test]
fn a_port_that_is_taken_is_named() {
    let world = World::new();
    let mut settings = settings();
    settings.addresses = vec![world.server.address()];
    let current = Arc::new(ArcSwap::from_pointee(built(settings)));
    let failed = EdgeServer::start(current, Arc::clone(&world.log), Arc::new(Metrics::default()));
    let told = failed.err().unwrap().to_string();
    assert!(told.contains(&world.server.address().to_string()) && told.contains("`listen`"), "{told}");
}
