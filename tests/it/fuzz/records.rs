//! What lies in a store, spoilt: objects' records, and the records of clusters, HSMs, users and their objects.
//!
//! A damaged record is CKR_DEVICE_ERROR by right; a panic never is, nor is it the library's fault.

use super::Choices;
use crate::support::{NO, Pair, YES, number};
use cryptoki_sys::*;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use vhsm_pkcs11::cluster::{Clusters, NewCluster, PasswordCosts, PasswordRules, Policy, Role};
use vhsm_pkcs11::error::Error;
use vhsm_pkcs11::object::{Attribute, Context, Object, Template};
use vhsm_store::{Batch, Memory, Store};

/// As cheap as Argon2id gets.
const COSTS: PasswordCosts = PasswordCosts { memory_kib: 8, passes: 1, lanes: 1 };
const ADMIN: &[u8] = b"admin-password";
const USER: &[u8] = b"user-password";

fn made(pairs: &[Pair]) -> Object {
    let attributes = pairs.iter().map(|(kind, value)| Attribute { kind: *kind, value }).collect();
    let context = Context { legacy: true, ..Context::default() };
    Object::create(&Template { attributes }, &context).expect("an object")
}

/// P-256's base point as a public key, and its private key: the number 1.
const POINT: &str = "0441046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296\
                     4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

/// Encoded objects of several classes.
pub fn objects() -> Vec<Vec<u8>> {
    let n = number;
    let (secret, aes, generic, data) = (n(CKO_SECRET_KEY), n(CKK_AES), n(CKK_GENERIC_SECRET), n(CKO_DATA));
    let (public, private, ec) = (n(CKO_PUBLIC_KEY), n(CKO_PRIVATE_KEY), n(CKK_EC));
    let point: Vec<u8> = (0..POINT.len() / 2)
        .map(|at| u8::from_str_radix(&POINT[2 * at..2 * at + 2], 16).expect("hexadecimal"))
        .collect();
    let curve = crate::sweep::world::P256;
    let mut one = [0; 32];
    one[31] = 1;
    let all: [&[Pair]; 6] = [
        &[(CKA_CLASS, &secret), (CKA_KEY_TYPE, &aes), (CKA_VALUE, &[7; 32]), (CKA_LABEL, b"label")],
        &[(CKA_CLASS, &secret), (CKA_KEY_TYPE, &generic), (CKA_VALUE, &[7; 5]), (CKA_SENSITIVE, NO)],
        &[(CKA_CLASS, &data), (CKA_VALUE, b"data"), (CKA_APPLICATION, b"a"), (CKA_TOKEN, YES)],
        &[(CKA_CLASS, &public), (CKA_KEY_TYPE, &ec), (CKA_EC_PARAMS, curve), (CKA_EC_POINT, &point)],
        &[(CKA_CLASS, &private), (CKA_KEY_TYPE, &ec), (CKA_EC_PARAMS, curve), (CKA_VALUE, &one)],
        &[(CKA_CLASS, &secret), (CKA_KEY_TYPE, &aes), (CKA_VALUE, &[7; 16]), (CKA_END_DATE, b"20301231")],
    ];
    all.into_iter().map(|pairs| made(pairs).encode().to_vec()).collect()
}

/// What decodes is encoded the same again, and can be read and opened.
pub fn object(samples: &[Vec<u8>], choices: &mut Choices) {
    let sample = choices.pick(samples).clone();
    let bytes = choices.spoilt(sample);
    let Ok(object) = Object::decode(&bytes) else { return };
    assert_eq!(*object.encode(), bytes);
    for kind in (0..0x640).filter(|_| choices.one_in(40)) {
        drop(object.read(kind));
    }
    let keys = (object.public_key().is_ok(), object.private_key().is_ok(), object.wrapping_form().is_ok());
    assert!(object.secret().is_none() || keys == (true, true, true), "a secret key is no pair");
}

/// A store with a cluster, its users and their objects.
pub struct Records {
    contents: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Records {
    pub fn new() -> Records {
        let store: Arc<dyn Store> = Arc::new(Memory::new());
        let clusters = Clusters::open(store.clone(), COSTS).expect("an empty store");
        let policy = Policy { key_availability: false, refuse_public_keys: false, refuse_extractable: false };
        let new = NewCluster { label: "c1", hsms: 2, admin_password: ADMIN, policy, root_key: None };
        let cluster = clusters.create(&new).expect("a cluster");
        let admin = clusters.login(&cluster, Role::Admin, ADMIN).expect("a login");
        let (role, rules) = (Role::CryptoUser, PasswordRules::Cluster);
        clusters.create_user(&cluster, &admin, "kmsuser", role, USER, rules).expect("a user");
        let user = clusters.login_as(&cluster, None, "kmsuser", USER).expect("a login");
        for sample in objects() {
            let object = Object::decode(&sample).expect("as above");
            clusters.create_object(&cluster, Some(&user), &object).expect("an object");
        }
        Records { contents: contents(&*store) }
    }

    pub fn round(&self, choices: &mut Choices) {
        let store = Memory::new();
        let changed = choices.below(self.contents.len());
        for (number, (key, value)) in self.contents.iter().enumerate() {
            let value = if number == changed { choices.spoilt(value.clone()) } else { value.clone() };
            store.commit(Batch::new().put(key.clone(), value)).expect("a commit");
        }
        if let Err(error) = used(Arc::new(store)) {
            assert!(!matches!(error, Error::Internal(_)), "{error}");
        }
    }
}

fn contents(store: &dyn Store) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut contents = BTreeMap::new();
    let mut copy = |key: &[u8], value: &[u8]| {
        contents.insert(key.to_vec(), value.to_vec());
        ControlFlow::Continue(())
    };
    store.read(&mut |snapshot| snapshot.range(&[0], &[255], &mut copy)).expect("a read");
    contents
}

/// All that a process would do with the store, as far as it gets.
fn used(store: Arc<dyn Store>) -> Result<(), Error> {
    let clusters = Clusters::open(store, COSTS)?;
    clusters.slots()?;
    for cluster in clusters.list()? {
        for name in ["kmsuser", "admin"] {
            let password = if name == "admin" { ADMIN } else { USER };
            let Ok(login) = clusters.login_as(&cluster, None, name, password) else { continue };
            clusters.verify(&cluster, &login)?;
            let (ids, _) = clusters.candidates(&cluster, Some(&login), &Template::default())?;
            for id in ids {
                clusters.object(&cluster, Some(&login), id)?;
            }
        }
    }
    Ok(())
}
