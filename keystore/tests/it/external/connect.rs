//! Connecting and disconnecting.

use super::*;
use crate::stores::{assert_exception, connect, delete};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use vhsm_store::{Call as StoreCall, Fault as StoreFault, Faulty};

#[test]
fn the_proxy_is_asked_after_the_answer() {
    let bench = Bench::new();
    let id = bench.store();
    bench.proxy.forget_calls();
    connect(&bench.world.kms, &id).unwrap();
    assert_eq!(state(&bench.world.kms, &id), "CONNECTING");
    assert_eq!(bench.asked(), [""; 0]);
    bench.world.kms.run_tasks();
    assert_eq!(state(&bench.world.kms, &id), "CONNECTED");
    assert_eq!(bench.asked(), ["ConnectCustomKeyStore"]);
    // Once more does nothing.
    assert_eq!(bench.connect(&id), "CONNECTED");
    disconnect(&bench.world.kms, &id).unwrap();
    assert_eq!(state(&bench.world.kms, &id), "DISCONNECTING");
    bench.world.kms.run_tasks();
    assert_eq!(state(&bench.world.kms, &id), "DISCONNECTED");
    assert_eq!(bench.asked(), [""; 0]);
}

#[track_caller]
fn assert_failures(bench: &Bench, failures: Vec<(Fault, Exception, &str)>) {
    let id = bench.store();
    for (fault, _, code) in failures {
        bench.proxy.set(fault.clone());
        assert_eq!(bench.connect(&id), format!("FAILED {code}"), "{fault:?}");
        // Also when it is well again: the key store is to be disconnected first.
        bench.proxy.heal();
        assert_exception(connect(&bench.world.kms, &id), Exception::CustomKeyStoreInvalidState);
        disconnect(&bench.world.kms, &id).unwrap();
        assert_eq!(state(&bench.world.kms, &id), "DISCONNECTED");
        assert_eq!(bench.connect(&id), "CONNECTED", "{fault:?}");
        bench.disconnect(&id);
    }
}

#[test]
fn what_is_wrong_with_a_proxy_has_its_code() {
    assert_failures(&Bench::new(), failures());
}

#[test]
fn a_proxy_that_does_not_answer_has_its_code() {
    assert_failures(&Bench::impatient(), silences());
}

#[test]
fn a_credential_that_the_proxy_knows_no_more_is_told_and_mended() {
    let bench = Bench::new();
    let id = bench.connected_store();
    bench.disconnect(&id);
    let new = SECRET.replace("Proxy", "Other");
    bench.proxy.add_credential(ACCESS_KEY_ID, &new);
    assert_eq!(bench.connect(&id), "FAILED INVALID_CREDENTIALS");
    bench.disconnect(&id);
    bench
        .update(&id, json!({ "XksProxyAuthenticationCredential": credential(ACCESS_KEY_ID, &new) }))
        .unwrap();
    assert_eq!(bench.connect(&id), "CONNECTED");
}

#[test]
fn what_was_under_way_goes_on_after_a_start() {
    let mut bench = Bench::new();
    let id = bench.store();
    connect(&bench.world.kms, &id).unwrap();
    bench.world.restart();
    assert_eq!(state(&bench.world.kms, &id), "CONNECTING");
    bench.world.kms.resume();
    bench.world.kms.run_tasks();
    assert_eq!(state(&bench.world.kms, &id), "CONNECTED");
    disconnect(&bench.world.kms, &id).unwrap();
    bench.world.restart();
    bench.world.kms.resume();
    bench.world.kms.run_tasks();
    assert_eq!(state(&bench.world.kms, &id), "DISCONNECTED");
}

#[test]
fn a_connected_key_store_stays_connected_without_its_proxy() {
    let mut bench = Bench::new();
    let id = bench.connected_store();
    bench.proxy.set(Fault::RefuseTcp);
    for _ in 0..2 {
        bench.world.restart();
        bench.world.kms.resume();
        bench.world.kms.run_tasks();
        bench.world.kms.keep_connections();
        bench.world.kms.run_tasks();
        assert_eq!(state(&bench.world.kms, &id), "CONNECTED");
    }
    assert_exception(delete(&bench.world.kms, &id), Exception::CustomKeyStoreInvalidState);
    bench.disconnect(&id);
    delete(&bench.world.kms, &id).unwrap();
    assert_eq!(bench.count(), 0);
}

#[test]
fn a_disconnect_ends_a_connect_that_hangs() {
    let bench = Bench::impatient();
    let id = bench.store();
    let workers = bench.world.kms.start_workers(2).unwrap();
    for fault in [Fault::HangAfterAccept, Fault::Slow(60_000)] {
        bench.proxy.set(fault);
        connect(&bench.world.kms, &id).unwrap();
        disconnect(&bench.world.kms, &id).unwrap();
        assert!(bench.world.kms.wait_for_tasks(Duration::from_secs(60)));
        assert_eq!(state(&bench.world.kms, &id), "DISCONNECTED");
    }
    drop(workers);
}

/// Ends other threads with this one, however it ends.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn workers_do_it_by_themselves_while_another_keeps() {
    let settings = Settings { health_interval: Duration::ZERO, ..Settings::default() };
    let bench = Bench::with(settings, Duration::from_secs(20));
    let kms = &bench.world.kms;
    let id = bench.store();
    let workers = kms.start_workers(2).unwrap();
    let is_over = AtomicBool::new(false);
    let until = |wanted: &str| {
        let deadline = Instant::now() + Duration::from_secs(60);
        while state(kms, &id) != wanted {
            assert!(Instant::now() < deadline, "{}", state(kms, &id));
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    std::thread::scope(|scope| {
        let _end = End(&is_over);
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                kms.keep_connections();
            }
        });
        for _ in 0..10 {
            connect(kms, &id).unwrap();
            until("CONNECTED");
            disconnect(kms, &id).unwrap();
            until("DISCONNECTED");
            connect(kms, &id).unwrap();
            disconnect(kms, &id).unwrap();
            until("DISCONNECTED");
        }
    });
    drop(workers);
}

/// A commit of connecting or disconnecting fails in each way, once: then both are done, by the same process or another.
#[test]
fn what_is_cut_off_anywhere_is_done_in_the_end() {
    let plan: Arc<Mutex<Vec<StoreFault>>> = Arc::default();
    let asked = Arc::clone(&plan);
    let faulty = Arc::new(Faulty::new(Arc::new(Memory::new()), move |occasion| match occasion.call {
        StoreCall::Commit => asked.lock().unwrap().pop().unwrap_or(StoreFault::Pass),
        _ => StoreFault::Pass,
    }));
    let mut bench = Bench::on(faulty.clone(), Settings::default(), Duration::from_secs(20));
    let id = bench.store();
    for fault in [StoreFault::Fail, StoreFault::LoseAnswer, StoreFault::Cut] {
        for restarts in [false, true] {
            for wanted in ["CONNECTED", "DISCONNECTED"] {
                match wanted {
                    "CONNECTED" => connect(&bench.world.kms, &id).unwrap(),
                    _ => disconnect(&bench.world.kms, &id).unwrap(),
                }
                plan.lock().unwrap().push(fault);
                bench.world.kms.run_tasks();
                assert!(plan.lock().unwrap().is_empty(), "{fault:?}");
                faulty.mend();
                if restarts {
                    bench.world.restart();
                    bench.world.kms.resume();
                }
                bench.world.kms.keep_connections();
                bench.world.kms.run_tasks();
                let now = state(&bench.world.kms, &id);
                // That connecting failed may be all that could be written down.
                if wanted == "CONNECTED" && now == "FAILED INTERNAL_ERROR" {
                    bench.disconnect(&id);
                    assert_eq!(bench.connect(&id), wanted, "{fault:?}");
                } else {
                    assert_eq!(now, wanted, "{fault:?}");
                }
            }
        }
    }
}

#[test]
fn there_is_no_generator() {
    let bench = Bench::new();
    let id = bench.store();
    let random = || crate::stores::random(&bench.world.kms, &id);
    assert_exception(random(), Exception::UnsupportedOperation);
    bench.connect(&id);
    assert_exception(random(), Exception::UnsupportedOperation);
}
