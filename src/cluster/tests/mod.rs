//! Tests of the cluster layer on a store that they can look into; `double.rs` is that store.

mod double;
mod objects;

use super::*;
use crate::object::{Attribute, Context, Object, Template};
use cryptoki_sys::*;
use double::Double;
use std::sync::atomic::{AtomicU64, Ordering};

pub const ADMIN_PASSWORD: &[u8] = b"admin-password";
pub const USER_PASSWORD: &[u8] = b"user-password";
pub const NO_POLICY: Policy =
    Policy { key_availability: false, refuse_public_keys: false, refuse_extractable: false };
/// As cheap as Argon2id gets.
pub const COSTS: PasswordCosts = PasswordCosts { memory_kib: 8, passes: 1, lanes: 1 };

/// A store with one cluster, made by vhsm, with user `kmsuser`.
pub struct World {
    pub store: Arc<Double>,
    pub clusters: Clusters,
    pub clock: Arc<AtomicU64>,
}

impl World {
    pub fn empty() -> Self {
        let store = Arc::new(Double::default());
        let clock = Arc::new(AtomicU64::new(1_700_000_000_000));
        Self { clusters: open(&store, &clock), store, clock }
    }

    pub fn new() -> Self {
        let world = Self::empty();
        let new = NewCluster { label: "c1", hsms: 2, admin_password: ADMIN_PASSWORD, policy: NO_POLICY };
        let cluster = world.clusters.create(&new).unwrap();
        let admin = world.admin(&cluster);
        world.create_user(&cluster, &admin, "kmsuser", Role::CryptoUser);
        world
    }

    /// Another process, or this one after a restart.
    pub fn again(&self) -> Clusters {
        open(&self.store, &self.clock)
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

fn open(store: &Arc<Double>, clock: &Arc<AtomicU64>) -> Clusters {
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
