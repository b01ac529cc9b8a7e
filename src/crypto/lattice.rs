//! Keys of ML-DSA (FIPS 204) and ML-KEM (FIPS 203), on AWS-LC.
//!
//! Called by: object (keys from attributes and back), mechanism, pkey (PKCS #8). Such keys go into AWS-LC and come out
//! of it in the structures of RFC 9881 and RFC 9935: all have fixed lengths, so that the structures are put together
//! here, and what is read is compared with what would be written.

use super::ffi;
use super::pkey::{PrivateKey, PublicKey};
use super::random;
use crate::error::Error;
use openssl::error::ErrorStack;
use openssl::pkey::{HasPublic, PKey, PKeyRef};
use zeroize::Zeroizing;

/// The parameter sets, by their security.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    MlDsa44,
    MlDsa65,
    MlDsa87,
    MlKem512,
    MlKem768,
    MlKem1024,
}

/// What a set fixes, in bytes.
struct Sizes {
    seed: usize,
    public: usize,
    private: usize,
    /// Of a signature, or of a ciphertext.
    made: usize,
}

/// Of the secret that ML-KEM makes.
pub const SHARED_BYTES: usize = 32;

const SEQUENCE: u8 = 0x30;
const INTEGER_0: &[u8] = &[0x02, 0x01, 0x00];
const OCTET_STRING: u8 = 0x04;
const BIT_STRING: u8 = 0x03;
/// [0] IMPLICIT OCTET STRING
const SEED: u8 = 0x80;

impl Set {
    pub const ALL: [Set; 6] =
        [Set::MlDsa44, Set::MlDsa65, Set::MlDsa87, Set::MlKem512, Set::MlKem768, Set::MlKem1024];

    fn sizes(self) -> Sizes {
        let (seed, public, private, made) = match self {
            Set::MlDsa44 => (32, 1312, 2560, 2420),
            Set::MlDsa65 => (32, 1952, 4032, 3309),
            Set::MlDsa87 => (32, 2592, 4896, 4627),
            Set::MlKem512 => (64, 800, 1632, 768),
            Set::MlKem768 => (64, 1184, 2400, 1088),
            Set::MlKem1024 => (64, 1568, 3168, 1568),
        };
        Sizes { seed, public, private, made }
    }

    pub fn is_kem(self) -> bool {
        matches!(self, Set::MlKem512 | Set::MlKem768 | Set::MlKem1024)
    }

    /// Bytes of a signature, or of a ciphertext.
    pub fn made_bytes(self) -> usize {
        self.sizes().made
    }

    pub fn public_bytes(self) -> usize {
        self.sizes().public
    }

    /// The algorithm's identifier, which has no parameters, in DER: of NIST's arcs sigAlgs and kems.
    fn algorithm(self) -> [u8; 13] {
        let (arc, number) = match self {
            Set::MlDsa44 => (3, 17),
            Set::MlDsa65 => (3, 18),
            Set::MlDsa87 => (3, 19),
            Set::MlKem512 => (4, 1),
            Set::MlKem768 => (4, 2),
            Set::MlKem1024 => (4, 3),
        };
        [SEQUENCE, 11, 0x06, 9, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, arc, number]
    }

    fn nid(self) -> i32 {
        match self {
            Set::MlDsa44 => openssl_sys::NID_MLDSA44,
            Set::MlDsa65 => openssl_sys::NID_MLDSA65,
            Set::MlDsa87 => openssl_sys::NID_MLDSA87,
            Set::MlKem512 => openssl_sys::NID_MLKEM512,
            Set::MlKem768 => openssl_sys::NID_MLKEM768,
            Set::MlKem1024 => openssl_sys::NID_MLKEM1024,
        }
    }

    /// The set of a key. `None`: not a key of these.
    fn of<T: HasPublic>(key: &PKeyRef<T>) -> Option<Set> {
        let kind = key.id().as_raw();
        let is_kem = kind == openssl_sys::EVP_PKEY_KEM;
        if !is_kem && kind != openssl_sys::EVP_PKEY_PQDSA {
            return None;
        }
        let bytes = key.raw_public_key().ok()?.len();
        Set::ALL.into_iter().find(|set| set.is_kem() == is_kem && set.public_bytes() == bytes)
    }
}

/// A new pair.
pub fn generate(set: Set) -> Result<PrivateKey, Error> {
    let mut seed = Zeroizing::new(vec![0; set.sizes().seed]);
    random::fill(&mut seed)?;
    from_seed(set, &seed).ok_or_else(|| Error::Internal("AWS-LC makes no pair from a seed".into()))
}

/// `None`: the seed has the wrong length.
pub fn from_seed(set: Set, seed: &[u8]) -> Option<PrivateKey> {
    (seed.len() == set.sizes().seed).then(|| parse(&pkcs8(set, SEED, seed)))?
}

/// The private key in its expanded form. `None`: it has the wrong length, or what it has of the public key does not
/// belong to it.
pub fn from_expanded(set: Set, private: &[u8]) -> Option<PrivateKey> {
    let Sizes { public: public_bytes, private: private_bytes, .. } = set.sizes();
    if private.len() != private_bytes {
        return None;
    }
    if !set.is_kem() {
        return parse(&pkcs8(set, OCTET_STRING, private));
    }
    // FIPS 203 sec. 7.1: the encapsulation key, its hash and 32 bytes stand at the end of the decapsulation key.
    let end = private_bytes - 64;
    let key = ffi::kem_pair(set.nid(), &private[end - public_bytes..end], private);
    let key = key.filter(|key| ffi::kem_pair_is_sound(key));
    if key.is_none() {
        drop(ErrorStack::get());
    }
    key.map(PrivateKey)
}

/// `None`: it has the wrong length, or is none (FIPS 203 sec. 7.2).
pub fn public(set: Set, bytes: &[u8]) -> Option<PublicKey> {
    if bytes.len() != set.public_bytes() {
        return None;
    }
    let spki = tlv(SEQUENCE, &[&set.algorithm(), &tlv(BIT_STRING, &[&[0], bytes])]);
    let key = PublicKey(PKey::public_key_from_der(&spki).ok()?);
    if set.is_kem() && encapsulate(set, &key).is_none() {
        return None;
    }
    Some(key)
}

/// `None`: not a key of these.
pub fn public_parts(key: &PublicKey) -> Option<(Set, Vec<u8>)> {
    Some((Set::of(&key.0)?, key.0.raw_public_key().ok()?))
}

/// A private key: its seed, where it is known, and its expanded form.
pub struct Parts {
    pub set: Set,
    pub seed: Option<Zeroizing<Vec<u8>>>,
    pub expanded: Zeroizing<Vec<u8>>,
}

/// `None`: not a key of these.
pub fn private_parts(key: &PrivateKey) -> Option<Parts> {
    let set = Set::of(&key.0)?;
    let expanded = Zeroizing::new(key.0.raw_private_key().ok()?);
    let seed_form = key.0.private_key_to_pkcs8().ok().map(Zeroizing::new);
    let seed = seed_form.and_then(|der| seed_of(set, &der));
    if seed.is_none() {
        drop(ErrorStack::get());
    }
    Some(Parts { set, seed, expanded })
}

/// PKCS #8 of a key that AWS-LC cannot write: ML-DSA without its seed. `None`: not a key of these.
pub(super) fn to_pkcs8(key: &PrivateKey) -> Option<Zeroizing<Vec<u8>>> {
    let parts = private_parts(key)?;
    Some(match parts.seed {
        Some(seed) => pkcs8(parts.set, SEED, &seed),
        None => pkcs8(parts.set, OCTET_STRING, &parts.expanded),
    })
}

/// A key in any of its three forms: seed, expanded, both. `None`: it is none of these, or its parts do not fit.
pub(super) fn from_pkcs8(der: &[u8]) -> Option<PrivateKey> {
    for set in Set::ALL {
        let Sizes { seed: seed_bytes, private: private_bytes, .. } = set.sizes();
        if let Some(seed) = seed_of(set, der) {
            return from_seed(set, &seed);
        }
        let Some(start) = der.len().checked_sub(private_bytes) else { continue };
        let expanded = &der[start..];
        if *pkcs8(set, OCTET_STRING, expanded) == *der {
            return from_expanded(set, expanded);
        }
        // Between the seed and the expanded key stand the tag and the length of the latter: 4 bytes.
        let Some(seed) = start.checked_sub(4 + seed_bytes).map(|at| &der[at..at + seed_bytes]) else {
            continue;
        };
        let (one, other) = (tlv(OCTET_STRING, &[seed]), tlv(OCTET_STRING, &[expanded]));
        if *pkcs8(set, SEQUENCE, &Zeroizing::new([&one[..], &other[..]].concat())) == *der {
            return from_both(set, seed, expanded);
        }
    }
    None
}

/// `None`: they are not of one key.
pub fn from_both(set: Set, seed: &[u8], expanded: &[u8]) -> Option<PrivateKey> {
    let key = from_seed(set, seed)?;
    let parts = private_parts(&key)?;
    (parts.expanded.len() == expanded.len() && openssl::memcmp::eq(&parts.expanded, expanded)).then_some(key)
}

/// The ciphertext, and the secret in it. `None`: not a valid key of this set.
pub fn encapsulate(set: Set, key: &PublicKey) -> Option<(Vec<u8>, Zeroizing<Vec<u8>>)> {
    let made = ffi::encapsulate(&key.0, (set.made_bytes(), SHARED_BYTES));
    if made.is_none() {
        drop(ErrorStack::get());
    }
    made
}

/// `None`: the ciphertext has the wrong length.
pub fn decapsulate(key: &PrivateKey, ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let secret = ffi::decapsulate(&key.0, ciphertext, SHARED_BYTES);
    if secret.is_none() {
        drop(ErrorStack::get());
    }
    secret
}

/// The seed in the PKCS #8 structure that has it alone.
fn seed_of(set: Set, der: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let seed = &der[der.len().checked_sub(set.sizes().seed)?..];
    (*pkcs8(set, SEED, seed) == *der).then(|| Zeroizing::new(seed.to_vec()))
}

/// PKCS #8 (RFC 5208) around one of the forms of a private key.
fn pkcs8(set: Set, tag: u8, content: &[u8]) -> Zeroizing<Vec<u8>> {
    let private = tlv(OCTET_STRING, &[&tlv(tag, &[content])]);
    tlv(SEQUENCE, &[INTEGER_0, &set.algorithm(), &private])
}

fn parse(der: &[u8]) -> Option<PrivateKey> {
    PKey::private_key_from_pkcs8(der).ok().map(PrivateKey)
}

/// A tag, the length and the parts, in DER: up to 65,535 bytes.
fn tlv(tag: u8, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let length = parts.iter().map(|part| part.len()).sum::<usize>();
    let mut out = Zeroizing::new(Vec::with_capacity(4 + length));
    out.push(tag);
    match length {
        0..0x80 => out.push(length as u8),
        0x80..0x100 => out.extend([0x81, length as u8]),
        _ => out.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}
