//! How fast a store in etcd is: `cargo run --release -p vhsm-store --features etcd --example etcd_speed URL`.
//!
//! URL is `etcd://host:port,.../prefix` of an etcd that is there for this; what lies under the prefix is of no use later.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use vhsm_store::{Batch, ClaimKind, Etcd, EtcdOptions, EtcdUrl, Store};

const TIME: Duration = Duration::from_secs(2);

fn main() {
    let url = std::env::args().nth(1).expect("etcd://host:port,.../prefix");
    let url = EtcdUrl::parse(&url).expect("a URL of etcd").expect("well formed");
    let options = EtcdOptions::new(url, None);
    let started = Instant::now();
    let store = Etcd::open(&options).expect("the store opens");
    println!("open: {:?}", started.elapsed());
    for threads in [1, 8, 32] {
        rate("commits of 4 entries", threads, |thread, number| {
            store.commit(four_entries(thread, number)).expect("commits");
        });
    }
    store.commit(Batch::new().put("cached", vec![0; 200])).expect("commits");
    let get = |key: &[u8]| store.read(&mut |at| at.get(key).map(drop)).expect("reads");
    rate("revision", 1, |_, _| assert_ne!(std::hint::black_box(store.revision()).0, 0));
    for threads in [1, 2] {
        rate("get of what is cached", threads, |_, _| get(b"cached"));
    }
    let prefix = b"object/0/00000000001";
    rate("range of 10, cached", 1, |_, _| {
        let mut visit = |_: &[u8], _: &[u8]| ControlFlow::Continue(());
        store.read(&mut |at| at.range(prefix, b"object/0/00000000002", &mut visit)).expect("reads");
    });
    for threads in [1, 8] {
        rate("get of what is not", threads, |thread, number| get(format!("{thread}/{number}").as_bytes()));
    }
    rate("claim and release", 1, |_, _| drop(store.claim(b"name", ClaimKind::Exclusive).expect("claims")));
}

/// As a token key has them.
fn four_entries(thread: u64, number: u64) -> Batch {
    let scattered = (number + (thread << 40)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Batch::new()
        .put(format!("object/{thread}/{number:012}"), vec![1; 300])
        .put(format!("class/{thread}/{number:012}"), vec![3; 8])
        .put(format!("label/{scattered:016x}"), vec![4; 8])
        .put(format!("id/{:016x}", scattered.swap_bytes()), vec![5; 8])
}

fn rate(name: &str, threads: u64, call: impl Fn(u64, u64) + Sync) {
    let done = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (call, done) = (&call, &done);
            scope.spawn(move || {
                let started = Instant::now();
                let mut number = 0;
                while started.elapsed() < TIME {
                    (number..number + 8).for_each(|number| call(thread, number));
                    number += 8;
                }
                done.fetch_add(number, Ordering::Relaxed);
            });
        }
    });
    let per_second = done.into_inner() as f64 / TIME.as_secs_f64();
    println!("{name}, {threads} threads: {per_second:.0}/s");
}
