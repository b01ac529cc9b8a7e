//! The other process of the tests with two: see `support::Peer`.

use crate::support::{serve_operator, serve_peer};

#[test]
#[ignore = "not a test of its own: tests with two processes start it"]
fn process() {
    assert!(serve_peer(), "started by no test");
}

#[test]
#[ignore = "not a test of its own: tests with an admin in another process start it"]
fn operator() {
    assert!(serve_operator(), "started by no test");
}
