//! The other process of the tests with two: see `support::Peer`.

use crate::support::serve_peer;

#[test]
#[ignore = "not a test of its own: tests with two processes start it"]
fn process() {
    assert!(serve_peer(), "started by no test");
}
