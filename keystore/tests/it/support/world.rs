//! A [`Kms`] on real HSMs, with a directory, a clock and a store that the test holds in its hands.

use super::directory::Facts;
use super::{Hsms, Kind, PASSWORD, TestDirectory, USER};
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use vhsm_keystore::{
    Caller, ClusterFacts, HsmFacts, Kms, ManualClock, Parts, Sealer, Settings, UserFacts, xks,
};
use vhsm_store::{Memory, Store};
use zeroize::Zeroizing;

/// The cluster that a world begins with.
pub const CLUSTER: &str = "cluster-2abcdefghij";
/// The clusters of a world that has more than one.
pub const CLUSTERS: [&str; 3] = [CLUSTER, "cluster-3abcdefghij", "cluster-4abcdefghij"];
const TRUST_ANCHOR: &str = "-----BEGIN CERTIFICATE-----\nY3VzdG9tZXJDQQ==\n-----END CERTIFICATE-----\n";
/// 2026-01-01
const START_MS: u64 = 1_767_225_600_000;

/// `kms` goes before the HSMs that it has sessions on.
pub struct World {
    pub kms: Arc<Kms>,
    pub clock: Arc<ManualClock>,
    pub directory: Arc<TestDirectory>,
    pub store: Arc<dyn Store>,
    pub xks: xks::Settings,
    pub hsms: Hsms,
}

impl World {
    /// With the cluster `CLUSTER`: two active HSMs in two zones, kmsuser with `PASSWORD`, no default key store, nothing in
    /// the store.
    pub fn new(kind: Kind) -> World {
        World::with(kind, Settings::default(), Arc::new(Memory::new()))
    }

    pub fn with(kind: Kind, settings: Settings, store: Arc<dyn Store>) -> World {
        World::on(Hsms::new(kind), settings, store)
    }

    /// With all of `CLUSTERS`, which are no relatives; the last one is the default key store's.
    pub fn of_three(kind: Kind, settings: Settings) -> World {
        World::of_three_in(kind, settings, Arc::new(Memory::new()))
    }

    pub fn of_three_in(kind: Kind, settings: Settings, store: Arc<dyn Store>) -> World {
        let world = World::on(Hsms::with(kind, CLUSTERS.len()), settings, store);
        world.directory.change(|facts| {
            facts.default_cluster = Some((CLUSTERS[2].into(), USER.into(), PASSWORD.into()));
        });
        world
    }

    fn on(hsms: Hsms, settings: Settings, store: Arc<dyn Store>) -> World {
        let directory = Arc::new(directory(&hsms));
        let clock = Arc::new(ManualClock::at_ms(START_MS));
        let xks = xks::Settings::default();
        let kms = kms(settings, &store, &directory, &hsms, &clock, &xks);
        World { kms, clock, directory, store, xks, hsms }
    }

    /// As if the process began again: another `Kms` on the same store, and nothing connected.
    pub fn restart(&mut self) {
        let settings = self.kms.settings().clone();
        self.kms = kms(settings, &self.store, &self.directory, &self.hsms, &self.clock, &self.xks);
    }

    /// External key store proxies are called by these settings, after a restart.
    pub fn call_proxies(&mut self, settings: xks::Settings) {
        self.xks = settings;
        self.restart();
    }

    /// Makes `CLUSTER` the default key store's cluster, too.
    pub fn give_default_key_store(&self) {
        self.directory.change(|facts| {
            facts.default_cluster = Some((CLUSTER.into(), USER.into(), PASSWORD.into()));
        });
    }

    /// customerCA.crt of `CLUSTER`.
    pub fn trust_anchor(&self) -> &'static str {
        TRUST_ANCHOR
    }
}

/// The account's own user.
pub fn caller() -> Caller {
    Caller {
        account: "000000000000".into(),
        principal: "arn:aws:iam::000000000000:user/test".into(),
        request_id: None,
    }
}

fn kms(
    settings: Settings,
    store: &Arc<dyn Store>,
    directory: &Arc<TestDirectory>,
    hsms: &Hsms,
    clock: &Arc<ManualClock>,
    xks: &xks::Settings,
) -> Arc<Kms> {
    let parts = Parts {
        store: Arc::clone(store),
        directory: directory.clone(),
        module: Arc::clone(&hsms.module),
        sealer: Arc::new(TestSealer::default()),
        clock: clock.clone(),
        xks: xks::Client::new(xks.clone()).unwrap(),
    };
    Arc::new(Kms::new(settings, parts))
}

fn directory(hsms: &Hsms) -> TestDirectory {
    let user = UserFacts { is_locked: false, is_logged_in: false };
    let mut facts = Facts::default();
    for (id, slots) in CLUSTERS.into_iter().zip([&hsms.slots].into_iter().chain(&hsms.others)) {
        facts.clusters.insert(id.into(), cluster(id, slots));
        facts.users.insert((id.into(), USER.into()), user);
    }
    let pin_prefix = match hsms.kind {
        Kind::Vhsm => "kmsuser:",
        Kind::SoftHsm => "",
    };
    TestDirectory { facts: Mutex::new(facts), pin_prefix }
}

fn cluster(id: &str, slots: &[u64]) -> ClusterFacts {
    let name = id.trim_start_matches("cluster-");
    // Where there is one slot, it stands for both HSMs.
    let slot = |number: usize| *slots.get(number).unwrap_or(&slots[0]);
    let hsm = |number: usize, zone: &str| HsmFacts {
        hsm_id: format!("hsm-{}{number}", &name[..10]),
        slot_id: slot(number),
        availability_zone: zone.into(),
        is_active: true,
    };
    ClusterFacts {
        cluster_id: id.into(),
        is_active: true,
        state: "ACTIVE".into(),
        hsms: vec![hsm(0, "us-east-1a"), hsm(1, "us-east-1b")],
        trust_anchor: Some(TRUST_ANCHOR.into()),
        certificate: Some(format!("-----BEGIN CERTIFICATE-----\n{name}=\n-----END CERTIFICATE-----\n")),
    }
}

/// AES-256-GCM under a key that every test has; the number of the seal is its IV.
#[derive(Default)]
pub struct TestSealer(AtomicU64);

const SEAL_KEY: [u8; 32] = [7; 32];
const IV_BYTES: usize = 12;

impl Sealer for TestSealer {
    fn seal(&self, purpose: &str, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, String> {
        let mut iv = [0; IV_BYTES];
        iv[..8].copy_from_slice(&self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes());
        let aad = &[purpose.as_bytes(), &[0], aad].concat();
        let sealed = cipher().encrypt(&Nonce::from(iv), Payload { msg: plain, aad });
        Ok([&iv[..], &sealed.map_err(|error| error.to_string())?].concat())
    }

    fn open(&self, purpose: &str, aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (iv, ciphertext) = sealed.split_first_chunk::<IV_BYTES>()?;
        let aad = &[purpose.as_bytes(), &[0], aad].concat();
        let plain = cipher().decrypt(&Nonce::from(*iv), Payload { msg: ciphertext, aad });
        plain.ok().map(Zeroizing::new)
    }
}

fn cipher() -> Aes256Gcm {
    Aes256Gcm::new(&Key::<Aes256Gcm>::from(SEAL_KEY))
}
