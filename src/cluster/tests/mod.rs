//! Tests of the cluster layer on a store in memory, which they look into and tamper with as whoever can write
//! its files.

mod authority;
mod embedded;
mod hostile;
mod lockout;
mod objects;
mod private;
mod renewal;
mod sharing;
mod tampering;
mod tokens;
mod trust;
mod users;

use super::*;
use crate::error::CallError;
use crate::object::{Attribute, Context, Object, Template};
use cryptoki_sys::*;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;
use vhsm_store::{Call, Fault, Faulty, Lmdb, LmdbOptions, Memory};

pub const ADMIN_PASSWORD: &[u8] = b"admin-password";
pub const USER_PASSWORD: &[u8] = b"user-password";
pub const NO_POLICY: Policy =
    Policy { key_availability: false, refuse_public_keys: false, refuse_extractable: false };
/// As cheap as Argon2id gets.
pub const COSTS: PasswordCosts = PasswordCosts { memory_kib: 8, passes: 1, lanes: 1 };

thread_local! {
    /// Worlds made on this thread lie in an embedded store instead of memory.
    pub static EMBEDDED: Cell<bool> = const { Cell::new(false) };
}

pub type Contents = BTreeMap<Vec<u8>, Vec<u8>>;

/// A store with one cluster, made by vhsm, with user `kmsuser`.
pub struct World {
    pub store: Arc<dyn Store>,
    pub clusters: Clusters,
    pub clock: Arc<AtomicU64>,
    _folder: Option<TempDir>,
}

impl World {
    pub fn empty() -> Self {
        let folder = EMBEDDED.get().then(|| tempfile::tempdir().unwrap());
        let store: Arc<dyn Store> = match &folder {
            Some(folder) => Arc::new(Lmdb::open(&LmdbOptions::new(folder.path())).unwrap()),
            None => Arc::new(Memory::new()),
        };
        let clock = Arc::new(AtomicU64::new(1_700_000_000_000));
        Self { clusters: open(&store, &clock), store, clock, _folder: folder }
    }

    pub fn new() -> Self {
        let world = Self::empty();
        let new = NewCluster {
            label: "c1",
            hsms: 2,
            admin_password: ADMIN_PASSWORD,
            policy: NO_POLICY,
            root_key: None,
        };
        let cluster = world.clusters.create(&new).unwrap();
        let admin = world.admin(&cluster);
        world.create_user(&cluster, &admin, "kmsuser", Role::CryptoUser);
        world
    }

    /// Another process, or this one after a restart.
    pub fn again(&self) -> Clusters {
        open(&self.store, &self.clock)
    }

    /// A process whose commits fail from the one after `good` others on; `done`: the first of them is done
    /// all the same.
    pub fn killed_after(&self, good: u64, done: bool) -> Clusters {
        let fault = move |occasion: &vhsm_store::Occasion| match occasion.call {
            Call::Commit if occasion.number == good + 1 && done => Fault::LoseAnswer,
            Call::Commit if occasion.number > good => Fault::Fail,
            _ => Fault::Pass,
        };
        open(&(Arc::new(Faulty::new(self.store.clone(), fault)) as Arc<dyn Store>), &self.clock)
    }

    /// All that lies in the store.
    pub fn contents(&self) -> Contents {
        let mut contents = Contents::new();
        let mut copy = |key: &[u8], value: &[u8]| {
            contents.insert(key.to_vec(), value.to_vec());
            ControlFlow::Continue(())
        };
        self.store.read(&mut |snapshot| snapshot.range(&[0], &[255], &mut copy)).unwrap();
        contents
    }

    /// Puts another value in the place of one.
    pub fn put(&self, key: &[u8], value: &[u8]) {
        self.store.commit(Batch::new().put(key, value)).unwrap();
    }

    /// Puts the store back to what it was.
    pub fn restore(&self, contents: &Contents) {
        let now = self.contents();
        for key in now.keys().filter(|key| !contents.contains_key(*key)) {
            self.store.commit(Batch::new().delete(key.as_slice())).unwrap();
        }
        for (key, value) in contents.iter().filter(|(key, value)| now.get(*key) != Some(value)) {
            self.put(key, value);
        }
    }

    pub fn pass(&self, seconds: u64) {
        self.clock.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    pub fn cluster(&self) -> Arc<Cluster> {
        self.clusters.list().unwrap().remove(0)
    }

    pub fn admin(&self, cluster: &Cluster) -> Login {
        self.clusters.login(cluster, Role::Admin, ADMIN_PASSWORD).unwrap()
    }

    pub fn user(&self, cluster: &Cluster) -> Login {
        self.clusters.login_as(cluster, None, "kmsuser", USER_PASSWORD).unwrap()
    }

    pub fn create_user(&self, cluster: &Cluster, admin: &Login, name: &str, role: Role) -> User {
        let rules = PasswordRules::Cluster;
        self.clusters.create_user(cluster, admin, name, role, USER_PASSWORD, rules).unwrap()
    }
}

fn open(store: &Arc<dyn Store>, clock: &Arc<AtomicU64>) -> Clusters {
    let clock = clock.clone();
    Clusters::open(store.clone(), COSTS).unwrap().with_clock(move || clock.load(Ordering::SeqCst))
}

/// A template of attributes that outlive it.
pub fn template<'a>(attributes: &[(CK_ATTRIBUTE_TYPE, &'a [u8])]) -> Template<'a> {
    let attributes = attributes.iter().map(|&(kind, value)| Attribute { kind, value }).collect();
    Template { attributes }
}

/// An AES key as C_CreateObject makes it.
pub fn aes_key(label: &[u8], id: &[u8], value: &[u8; 32], private: bool) -> Object {
    let (class, kind) = (CKO_SECRET_KEY.to_ne_bytes(), CKK_AES.to_ne_bytes());
    let private = [u8::from(private)];
    let attributes = template(&[
        (CKA_CLASS, &class),
        (CKA_KEY_TYPE, &kind),
        (CKA_TOKEN, &[1]),
        (CKA_PRIVATE, &private),
        (CKA_LABEL, label),
        (CKA_ID, id),
        (CKA_VALUE, value),
    ]);
    Object::create(&attributes, &Context::default()).unwrap()
}

/// The cluster error of a call that must fail.
pub fn cluster_error<T>(result: Result<T, Error>) -> ClusterError {
    match result {
        Err(Error::Cluster(e)) => e,
        Err(e) => panic!("another error: {e}"),
        Ok(_) => panic!("it did not fail"),
    }
}

pub fn assert_not_logged_in<T>(result: Result<T, Error>) {
    assert!(matches!(result, Err(Error::Call(CallError::NotLoggedIn))));
}
