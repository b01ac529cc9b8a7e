//! The rate of requests that a key store takes.

use super::*;
use std::time::Duration;
use vhsm_keystore::{Limits, Settings};

#[test]
fn a_store_takes_so_many_requests_a_second() {
    let limits = Limits { requests_per_second: Some(3), ..Limits::default() };
    let settings = Settings { limits, ..Settings::default() };
    let bench = Bench::with(settings, Duration::from_secs(20));
    let store = bench.connected_store();
    bench.proxy.keys().put(EXTERNAL, Key::default());
    let key = key_in(&bench, &store, EXTERNAL);
    bench.proxy.forget_calls();
    for _ in 0..3 {
        encrypt(&bench, &key, b"x", json!({})).unwrap();
    }
    assert_refused(encrypt(&bench, &key, b"x", json!({})), Exception::Throttling, "exceeded the rate");
    assert_eq!(bench.proxy.calls().len(), 3);
    bench.world.clock.advance(Duration::from_secs(1));
    encrypt(&bench, &key, b"x", json!({})).unwrap();
}
