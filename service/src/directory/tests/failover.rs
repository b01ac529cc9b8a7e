//! HSMs fail and recover under load.

use super::kms::{decrypt, encrypt};
use super::*;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;
use vhsm_keystore::{Exception, Kms};
use vhsm_pkcs11::cluster::HsmState;
use vhsm_pkcs11::crypto::random;

const THREADS: usize = 4;
/// Of Encrypt and Decrypt, one each.
const PAIRS: usize = 50_000;

#[test]
fn hsms_that_fail_are_not_noticed_while_one_works_and_are_when_none_does() {
    let world = KmsWorld::new();
    let cluster = world.cluster("one");
    let store = world.connected_store(&cluster);
    let key = world.key(Some(&store)).unwrap();
    let kept = world.encrypt(&key, b"kept").unwrap();

    let (done, ended) = (AtomicUsize::new(0), AtomicBool::new(false));
    let failures = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    while done.fetch_add(1, Ordering::Relaxed) < PAIRS {
                        there_and_back(&world.kms, &key);
                    }
                })
            })
            .collect();
        let failing = scope.spawn(|| fail_in_turn(&world, &cluster, &ended));
        scope.spawn(|| keep(&world.kms, &ended));
        let ends: Vec<_> = threads.into_iter().map(|thread| thread.join()).collect();
        ended.store(true, Ordering::SeqCst);
        let failures = failing.join().unwrap();
        assert!(ends.iter().all(Result::is_ok), "a thread's operation failed, or answered wrong");
        failures
    });
    assert!(failures >= 10, "only {failures} HSMs failed meanwhile");

    (0..2).for_each(|hsm| world.set(&cluster, hsm, HsmState::Failed));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..100).for_each(|_| refused(&world.kms, &key, &kept)));
        }
    });
    assert_eq!(world.state(&store), "CONNECTED");

    world.set(&cluster, 1, HsmState::Active);
    world.kms.keep_connections();
    assert_eq!(world.decrypt(&key, &kept).unwrap(), b"kept");
    there_and_back(&world.kms, &key);
}

fn there_and_back(kms: &Kms, key: &str) {
    let plaintext: [u8; 32] = random::array().unwrap();
    let ciphertext = encrypt(kms, key, &plaintext).unwrap_or_else(|e| panic!("{e} {:?}", e.detail));
    let again = decrypt(kms, key, &ciphertext).unwrap_or_else(|e| panic!("{e} {:?}", e.detail));
    assert_eq!(again, plaintext);
}

fn refused(kms: &Kms, key: &str, ciphertext: &[u8]) {
    let answers = [encrypt(kms, key, b"plain"), decrypt(kms, key, ciphertext)];
    for answer in answers {
        let error = answer.unwrap_err();
        assert_eq!(error.exception, Exception::KmsInvalidState, "{error} {:?}", error.detail);
    }
}

/// Fails one HSM or the other, at random, and has it recover: at each moment one at least works. Answers how often.
fn fail_in_turn(world: &KmsWorld, cluster: &Cluster, ended: &AtomicBool) -> usize {
    let mut failures = 0;
    while !ended.load(Ordering::SeqCst) {
        let [draw, pause] = random::array().unwrap();
        let hsm = usize::from(draw % 2);
        world.set(cluster, hsm, HsmState::Failed);
        failures += 1;
        pass(u64::from(pause % 32));
        world.set(cluster, hsm, HsmState::Active);
        pass(u64::from(draw / 128 * (pause % 32)));
    }
    failures
}

/// What the service does every second, at random: HSMs come back before it, after it and meanwhile.
fn keep(kms: &Kms, ended: &AtomicBool) {
    while !ended.load(Ordering::SeqCst) {
        kms.keep_connections();
        let [pause] = random::array().unwrap();
        pass(u64::from(pause % 64));
    }
}

fn pass(milliseconds: u64) {
    thread::sleep(Duration::from_millis(milliseconds));
}
