//! What is measured on a module, in parts that each have a process. Prints `name value unit` a row.

use crate::Failure;
use crate::clock::{best_of_calls, measure};
use crate::module::{Buffers, Key, Module, Session};
use cryptoki_sys::{CKM_ECDSA, CKM_RSA_PKCS};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Ends the row of a module that did not make its keys in time.
pub const INCOMPLETE: &str = "incomplete";
const FILL_LIMIT: Duration = Duration::from_secs(30 * 60);
const FILL_THREADS: usize = 8;
/// Token keys of the small token.
const KEYS: usize = 1000;

/// All rows of a small token.
pub fn small(file: &str, slot: &str, pin: &str) -> Result<(), Failure> {
    let module = open(file, slot, "")?;
    let session = login(&module, pin, "")?;
    let key = session.aes_key(false, "bench")?;
    gcm(&module, "gcm-32", key, 32);
    gcm(&module, "gcm-4096", key, 4096);
    gcm(&module, "gcm-1M", key, 1 << 20);
    measure("cbc-4096", || {
        let (session, mut data, mut iv) = (module.session()?, Buffers::new(4096), [0; 16]);
        Ok(move |call: u64| {
            iv[..8].copy_from_slice(&call.to_le_bytes());
            session.encrypt_cbc_pad(key, &mut iv, &mut data)
        })
    });
    measure("random-32", || {
        let (session, mut bytes) = (module.session()?, [0; 32]);
        Ok(move |_| session.random(&mut bytes))
    });
    measure("sha256-64", || {
        let (session, mut data) = (module.session()?, Buffers::new(64));
        Ok(move |_| session.sha256(&mut data))
    });
    let signing = session.rsa_pair(2048)?;
    measure("rsa2048-sign", || {
        let (session, mut data) = (module.session()?, Buffers::for_signature());
        Ok(move |_| session.sign(CKM_RSA_PKCS, signing, &mut data))
    });
    let signing = session.p256_pair()?;
    measure("p256-sign", || {
        let (session, mut data) = (module.session()?, Buffers::new(32));
        Ok(move |_| session.sign(CKM_ECDSA, signing, &mut data))
    });
    measure("session-key", || {
        let session = module.session()?;
        Ok(move |_| session.destroy(session.aes_key(false, "short-lived")?))
    });
    let names = AtomicUsize::new(0);
    let calls = KEYS / 3;
    token_keys(&module, "token-key", &names, 1, calls as u64);
    for n in 3 * calls..KEYS {
        session.aes_key(true, &label(n))?;
    }
    finds(&module, "find-by-label", KEYS);
    match session.find_secret_key(&label(0))? {
        Some(key) => gcm(&module, "gcm-32-token", key, 32),
        None => println!("gcm-32-token - the key is not found"),
    }
    names.store(KEYS, Ordering::Relaxed);
    token_keys(&module, "token-key.x2", &names, 2, calls as u64);
    Ok(())
}

/// Makes the keys of a big token, then measures how fast more are made beside them.
pub fn fill(file: &str, slot: &str, pin: &str, keys: usize) -> Result<(), Failure> {
    let module = open(file, slot, "fill-")?;
    let _session = login(&module, pin, "fill-")?;
    let (made, late, began) = (AtomicUsize::new(0), AtomicBool::new(false), Instant::now());
    let make = || {
        let session = module.session()?;
        loop {
            let n = made.fetch_add(1, Ordering::Relaxed);
            if n >= keys || late.load(Ordering::Relaxed) {
                return Ok::<_, Failure>(());
            }
            session.aes_key(true, &big_label(n))?;
            late.fetch_or(began.elapsed() > FILL_LIMIT, Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..FILL_THREADS).map(|_| scope.spawn(make)).collect();
        running.into_iter().try_for_each(|t| t.join().expect("no call panics"))
    })?;
    let made = made.load(Ordering::Relaxed).min(keys);
    let rate = made as f64 / began.elapsed().as_secs_f64();
    if late.load(Ordering::Relaxed) {
        println!(
            "fill.x{FILL_THREADS} {rate:.1} op/s {made} keys in {} s: {INCOMPLETE}",
            FILL_LIMIT.as_secs()
        );
        return Ok(());
    }
    println!("fill.x{FILL_THREADS} {rate:.1} op/s");
    token_keys(&module, "big-token-key", &AtomicUsize::new(1_000_000_000), 1, 1000);
    Ok(())
}

/// A fresh process on the big token.
pub fn big(file: &str, slot: &str, pin: &str, keys: usize) -> Result<(), Failure> {
    let module = open(file, slot, "big-")?;
    let _session = login(&module, pin, "big-")?;
    measure("big-find-by-label", || {
        let session = module.session()?;
        Ok(move |call: u64| found(session.find_secret_key(&big_label(scattered(call, keys)))?))
    });
    Ok(())
}

/// Loads the module and prints what that costs.
fn open(file: &str, slot: &str, prefix: &str) -> Result<Module, Failure> {
    let (before, began) = (resident_mib()?, Instant::now());
    let mut module = Module::load(file)?;
    println!("{prefix}initialize {:.3} ms", began.elapsed().as_secs_f64() * 1e3);
    println!("{prefix}resident {:.1} MiB", resident_mib()? - before);
    module.choose_slot(slot)?;
    Ok(module)
}

/// The login lasts as long as the session that it gives.
fn login<'a>(module: &'a Module, pin: &str, prefix: &str) -> Result<Session<'a>, Failure> {
    let session = module.session()?;
    let began = Instant::now();
    session.login(pin)?;
    println!("{prefix}login {:.3} ms", began.elapsed().as_secs_f64() * 1e3);
    Ok(session)
}

fn gcm(module: &Module, name: &str, key: Key, bytes: usize) {
    measure(name, || {
        let (session, mut data, mut iv) = (module.session()?, Buffers::new(bytes), [0; 12]);
        Ok(move |call: u64| {
            iv[..8].copy_from_slice(&call.to_le_bytes());
            session.encrypt_gcm(key, &mut iv, &mut data)
        })
    });
}

fn token_keys(module: &Module, name: &str, names: &AtomicUsize, threads: usize, calls: u64) {
    let make = || {
        let session = module.session()?;
        Ok(move |_| session.aes_key(true, &label(names.fetch_add(1, Ordering::Relaxed))).map(drop))
    };
    match best_of_calls(&make, threads, calls) {
        Ok(rate) => println!("{name} {rate:.1} op/s"),
        Err(failure) => println!("{name} - {failure}"),
    }
}

fn finds(module: &Module, name: &str, keys: usize) {
    measure(name, || {
        let session = module.session()?;
        Ok(move |call: u64| found(session.find_secret_key(&label(scattered(call, keys)))?))
    });
}

fn found(key: Option<Key>) -> Result<(), Failure> {
    key.map(drop).ok_or_else(|| "a key is not found".to_owned())
}

/// Numbers below `keys` in an order that no cache foresees: 7919 is prime.
fn scattered(call: u64, keys: usize) -> usize {
    (call * 7919 % keys as u64) as usize
}

fn label(n: usize) -> String {
    format!("token-{n:08}")
}

fn big_label(n: usize) -> String {
    format!("big-{n:08}")
}

fn resident_mib() -> Result<f64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|e| e.to_string())?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    let kib: f64 = line.trim_end_matches("kB").trim().parse().map_err(|_| "VmRSS is no number")?;
    Ok(kib / 1024.0)
}
