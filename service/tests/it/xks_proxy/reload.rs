//! SIGHUP: everything is read anew, and no request notices.

use super::errors::{another, client_of};
use super::*;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

const SECRETS: [&str; 2] = [
    "bmV3IHNlY3JldCBvZiB0aGUgdGVzdHMsIG5vYm9keSBlbHNlJ3M",
    "YW5vdGhlciBzZWNyZXQgb2YgdGhlIHRlc3RzLCByb3RhdGVk",
];

impl Proxy {
    /// Writes the configuration, and lets the proxy read it.
    fn reload(&self, world: &World) {
        world.configure();
        self.process.signal("-HUP");
        self.process.says("read everything anew");
    }
}

#[test]
fn credentials_rotate_under_load_without_a_request_that_fails() {
    for kind in [Kind::Own, Kind::SoftHsm] {
        let mut world = World::new(kind);
        let proxy = world.start();
        let client = Mutex::new(world.client(&proxy));
        let (stop, turns) = (AtomicBool::new(false), [const { AtomicUsize::new(0) }; 4]);
        let load = &|turns: &AtomicUsize| {
            while !stop.load(Relaxed) {
                let client = client.lock().unwrap().clone();
                turns.fetch_add(1, Relaxed);
                let mut connection = client.connect();
                for _ in 0..20 {
                    connection.encrypt("key-1", b"plain", Some(b"aad")).good_xks();
                }
            }
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = turns.iter().map(|turns| scope.spawn(move || load(turns))).collect();
            for round in 0..10 {
                rotate(&mut world, &proxy, &client, &turns, round);
            }
            stop.store(true, Relaxed);
            workers.into_iter().for_each(|worker| worker.join().unwrap());
        });
    }
}

/// Old and new side by side, then clients move, then the old one goes; and each time the HSMs' threads are others.
fn rotate(world: &mut World, proxy: &Proxy, client: &Mutex<Client>, turns: &[AtomicUsize], round: usize) {
    let mut next = client.lock().unwrap().clone();
    let (old_id, old) = (next.signer.access_key.clone(), next.signer.secret.clone());
    next.signer.access_key = format!("XKSROTATED{}", ["A", "B"][round % 2].repeat(10));
    next.signer.secret = SECRETS[round % 2].to_owned();
    let one = |id: &str, name: &str| format!("{{ access_key_id = \"{id}\", secret_file = \"{name}\" }}");
    world.secret("old", &old);
    world.secret("new", &next.signer.secret);
    world.hsms = format!("workers = {}\n", 2 + round % 2);
    world.credentials = format!("{}, {}", one(&old_id, "old"), one(&next.signer.access_key, "new"));
    proxy.reload(world);
    let new_id = next.signer.access_key.clone();
    *client.lock().unwrap() = next;
    // In its turn after the next one, each of them has the new one.
    let wanted: Vec<_> = turns.iter().map(|turns| turns.load(Relaxed) + 2).collect();
    let have_all = || turns.iter().zip(&wanted).all(|(turns, wanted)| turns.load(Relaxed) >= *wanted);
    world::poll("requests go on", have_all);
    world.credentials = one(&new_id, "new");
    proxy.reload(world);
}

#[test]
fn what_changes_is_told_and_what_is_gone_is_gone() {
    let mut world = World::new(Kind::Own);
    let proxy = world.start();
    let client = world.client(&proxy);
    world.key_stores = format!("keys.allowed = [\"key-1\"]\n{}", another("fresh", ""));
    world.configure();
    proxy.process.signal("-HUP");
    for line in
        ["key store \"payments\": keys is another", "key store \"fresh\" is new", "read everything anew"]
    {
        proxy.process.says(line);
    }
    client.round_trip("key-1");
    client.encrypt("key-2", b"plain", None).fails_xks(404, "KeyNotFoundException");
    client_of(&client, "fresh").round_trip("key-2");
    world.key_stores.clear();
    proxy.reload(&world);
    client_of(&client, "fresh").call("/health", json!({})).fails_xks(404, "InvalidUriPathException");
    client.round_trip("key-2");
}

#[test]
fn what_is_wrong_leaves_all_as_it_was() {
    let world = World::new(Kind::Own).with_tls();
    let proxy = world.start();
    let client = world.client(&proxy);
    for (name, broken) in [
        ("xks-proxy.toml", "listen = "),
        ("secret", "short"),
        ("server.crt", "no certificate"),
        ("server.key", "no key"),
    ] {
        let path = world.home.path().join(name);
        let good = std::fs::read(&path).unwrap();
        std::fs::write(&path, broken).unwrap();
        proxy.process.signal("-HUP");
        let line = proxy.process.says("all stays as it was");
        assert!(line.contains(name), "{line}");
        client.round_trip("key-1");
        std::fs::write(&path, good).unwrap();
    }
    proxy.reload(&world);
    client.round_trip("key-1");
}

#[test]
fn new_certificates_are_shown_and_addresses_wait_for_a_restart() {
    let mut world = World::new(Kind::Own).with_tls();
    let proxy = world.start();
    let before = world.client(&proxy);
    before.round_trip("key-1");
    world.certificates = Certificates::make(&world.home);
    world.top = "fleet_size = 7\n".into();
    world.configure();
    let path = world.home.path().join("xks-proxy.toml");
    let moved = std::fs::read_to_string(&path).unwrap().replacen("127.0.0.1:0", "127.0.0.1:1", 1);
    std::fs::write(&path, moved).unwrap();
    proxy.process.signal("-HUP");
    for line in ["fleet_size is another", "listen stays as it was until a restart", "read everything anew"] {
        proxy.process.says(line);
    }
    let after = world.client(&proxy);
    after.round_trip("key-1");
    assert_eq!(after.call("/health", json!({})).good_xks()["xksProxyFleetSize"], 7);
    assert!(!before.is_taken());
}
