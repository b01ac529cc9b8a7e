//! A key, or a pair, of every type that a mechanism takes; each may do everything.

use super::world::{P256, World};
use crate::support::*;
use cryptoki_sys::*;
use std::collections::BTreeMap;
use vhsm_pkcs11::mechanism::Mechanism as MechanismRow;
use vhsm_pkcs11::mechanism::table::TABLE;

/// Which half of a pair does something; of a secret key, both are it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    Public,
    Private,
}

pub struct Stock {
    keys: BTreeMap<CK_KEY_TYPE, (CK_OBJECT_HANDLE, CK_OBJECT_HANDLE)>,
}

/// CKA_EC_PARAMS of Ed25519 and X25519 (RFC 8410 sec. 3).
const ED25519: &[u8] = &[6, 3, 0x2b, 0x65, 0x70];
const X25519: &[u8] = &[6, 3, 0x2b, 0x65, 0x6e];

/// How many bytes a secret key of this type has. A type that is not here and is none of a pair fails the test.
fn secret_bytes(kind: CK_KEY_TYPE) -> Option<usize> {
    match kind {
        CKK_RSA | CKK_EC | CKK_EC_EDWARDS | CKK_EC_MONTGOMERY | CKK_ML_DSA | CKK_ML_KEM => None,
        CKK_DES => Some(8),
        CKK_DES2 => Some(16),
        CKK_DES3 => Some(24),
        CKK_AES_XTS => Some(64),
        CKK_AES | CKK_CHACHA20 | CKK_GENERIC_SECRET | CKK_HKDF => Some(32),
        CKK_MD5_HMAC | CKK_SHA_1_HMAC | CKK_SHA224_HMAC | CKK_SHA256_HMAC | CKK_SHA384_HMAC
        | CKK_SHA512_HMAC | CKK_SHA512_224_HMAC | CKK_SHA512_256_HMAC | CKK_SHA3_224_HMAC
        | CKK_SHA3_256_HMAC | CKK_SHA3_384_HMAC | CKK_SHA3_512_HMAC => Some(32),
        kind => panic!("how is a key of type {kind:#x} made? The sweep's stock wants to know"),
    }
}

/// The template that a public key of this type is made by.
pub fn pair_template(kind: CK_KEY_TYPE) -> (CK_ATTRIBUTE_TYPE, Vec<u8>) {
    match kind {
        CKK_RSA => (CKA_MODULUS_BITS, number(2048).to_vec()),
        CKK_EC => (CKA_EC_PARAMS, P256.to_vec()),
        CKK_EC_EDWARDS => (CKA_EC_PARAMS, ED25519.to_vec()),
        CKK_EC_MONTGOMERY => (CKA_EC_PARAMS, X25519.to_vec()),
        CKK_ML_DSA => (CKA_PARAMETER_SET, number(CKP_ML_DSA_44).to_vec()),
        CKK_ML_KEM => (CKA_PARAMETER_SET, number(CKP_ML_KEM_512).to_vec()),
        kind => panic!("how is a pair of type {kind:#x} made? The sweep's stock wants to know"),
    }
}

/// What C_GenerateKey wants to know for a key of this type.
pub fn value_len(kind: CK_KEY_TYPE) -> Option<CK_ULONG> {
    match kind {
        CKK_DES | CKK_DES2 | CKK_DES3 | CKK_CHACHA20 => None,
        kind => secret_bytes(kind).map(|bytes| bytes as CK_ULONG),
    }
}

impl Stock {
    pub fn new(world: &World) -> Stock {
        let mut keys = BTreeMap::new();
        for kind in TABLE.iter().flat_map(|row| row.key_types) {
            keys.entry(*kind).or_insert_with(|| made(world, *kind, &[]));
        }
        world.settle_in();
        Stock { keys }
    }

    pub fn types(&self) -> impl Iterator<Item = CK_KEY_TYPE> {
        self.keys.keys().copied()
    }

    pub fn key(&self, kind: CK_KEY_TYPE, half: Half) -> CK_OBJECT_HANDLE {
        let (public, private) = self.keys[&kind];
        if half == Half::Public { public } else { private }
    }

    pub fn destroy(self, world: &World) {
        for (public, private) in self.keys.into_values() {
            destroy(world, (public, private));
        }
        world.settle_in();
    }
}

pub fn destroy(world: &World, (public, private): (CK_OBJECT_HANDLE, CK_OBJECT_HANDLE)) {
    expect("destroy", world.calls().destroy(public), CKR_OK);
    if private != public {
        expect("destroy", world.calls().destroy(private), CKR_OK);
    }
}

const PUBLIC_USES: [CK_ATTRIBUTE_TYPE; 5] =
    [CKA_ENCRYPT, CKA_VERIFY, CKA_VERIFY_RECOVER, CKA_WRAP, CKA_ENCAPSULATE];
const PRIVATE_USES: [CK_ATTRIBUTE_TYPE; 6] =
    [CKA_DECRYPT, CKA_SIGN, CKA_SIGN_RECOVER, CKA_UNWRAP, CKA_DECAPSULATE, CKA_DERIVE];

/// A key of this type, twice, or a public and a private key; with these attributes too.
pub fn made(world: &World, kind: CK_KEY_TYPE, pairs: &[Pair]) -> (CK_OBJECT_HANDLE, CK_OBJECT_HANDLE) {
    let session = world.calls();
    let for_all = |uses: &[CK_ATTRIBUTE_TYPE]| uses.iter().map(|usage| (*usage, YES)).collect::<Vec<Pair>>();
    if let Some(bytes) = secret_bytes(kind) {
        // Two keys that differ, for XTS; odd parity, for DES.
        let value = (0..bytes).map(|at| if at < bytes / 2 { 1 } else { 2 + (at % 3) as u8 * 2 });
        let value: Vec<u8> = value.map(|byte| byte | u8::from(byte.count_ones() % 2 == 0)).collect();
        let key = session.known_key(kind, &value, &[for_all(&[CKA_DERIVE]).as_slice(), pairs].concat());
        return (key, key);
    }
    let (attribute, value) = pair_template(kind);
    let public = [&[(attribute, value.as_slice())], for_all(&PUBLIC_USES).as_slice(), pairs].concat();
    let private =
        [&[(CKA_EXTRACTABLE, YES), (CKA_SENSITIVE, NO)], for_all(&PRIVATE_USES).as_slice(), pairs].concat();
    session.generate_pair(Mechanism::plain(maker(kind).id), &public, &private).expect("a pair")
}

/// The mechanism that makes pairs of this type.
fn maker(kind: CK_KEY_TYPE) -> &'static MechanismRow {
    let makes = |row: &&MechanismRow| row.generate_pair.is_some() && row.key_types.first() == Some(&kind);
    TABLE.iter().find(makes).expect("pairs are made by some mechanism")
}
