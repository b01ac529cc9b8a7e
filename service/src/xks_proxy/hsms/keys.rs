//! Which object of an HSM an external key id names, and what it may do.
//!
//! What was found is kept for a short time: keys that are made, replaced or destroyed under the name are seen soon, or at once,
//! where the HSM says that a handle names nothing any more.

use super::access::is_user;
use super::fail::Fail;
use super::{HsmFailure, KeyFacts};
use crate::xks_proxy::settings::KeyName;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long what was found is believed.
const KEPT: Duration = Duration::from_secs(10);
/// More are not kept.
const MOST: usize = 100_000;
/// Object identifiers of curves, in DER (RFC 5480 sec. 2.1.1.1), and the bits of their fields.
const CURVES: [(&[u8], u64); 3] = [
    (&[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07], 256),
    (&[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22], 384),
    (&[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23], 521),
];

/// The keys of one HSM that were found.
#[derive(Default)]
pub(super) struct Keys(RwLock<Known>);

#[derive(Default)]
struct Known {
    keys: HashMap<Box<str>, (Arc<Key>, Instant)>,
    /// Grows when all are forgotten.
    login: u64,
}

/// The login under which a key is looked for: what was found under an earlier one is not kept.
#[derive(Clone, Copy)]
struct Login(u64);

#[derive(Debug)]
pub(super) struct Key {
    pub handle: ObjectHandle,
    pub facts: KeyFacts,
    pub class: ObjectClass,
    /// CKA_ENCRYPT and CKA_DECRYPT, where the HSM tells them.
    encrypts: Option<bool>,
    decrypts: Option<bool>,
}

impl Keys {
    /// Handles of private objects end with a login (PKCS#11 3.1 sec. 5.6.9), and may then name other objects.
    pub fn forget_all(&self) {
        let mut known = self.0.write();
        known.keys.clear();
        known.login += 1;
    }

    fn find(&self, key_id: &str, now: Instant) -> (Option<Arc<Key>>, Login) {
        let known = self.0.read();
        let found = known.keys.get(key_id).filter(|(_, found)| now < *found + KEPT);
        (found.map(|(key, _)| Arc::clone(key)), Login(known.login))
    }

    fn keep(&self, key_id: &str, key: &Arc<Key>, now: Instant, login: Login) {
        let mut known = self.0.write();
        if known.login != login.0 {
            return;
        }
        if known.keys.len() >= MOST {
            known.keys.clear();
        }
        known.keys.insert(key_id.into(), (Arc::clone(key), now));
    }

    fn forget(&self, key_id: &str) {
        self.0.write().keys.remove(key_id);
    }

    /// Runs a call with the key of this name; once more where its handle had become another one.
    pub fn with<R>(
        &self,
        session: &Session,
        named_by: KeyName,
        key_id: &str,
        mut call: impl FnMut(&Key) -> Result<R, Fail>,
    ) -> Result<R, Fail> {
        let (known, login) = self.find(key_id, Instant::now());
        if let Some(key) = known {
            match call(&key) {
                Err(Fail::NoObject) => self.forget(key_id),
                settled => return settled,
            }
        }
        let now = Instant::now();
        let key = Arc::new(self.searched(session, named_by, key_id)?);
        self.keep(key_id, &key, now, login);
        call(&key).map_err(|fail| match fail {
            Fail::NoObject => {
                self.forget(key_id);
                // It was there a moment ago.
                Fail::Doubtful("CKR_KEY_HANDLE_INVALID of a key that was just found".into())
            }
            fail => fail,
        })
    }

    /// The key as it is now.
    pub fn searched(&self, session: &Session, named_by: KeyName, key_id: &str) -> Result<Key, Fail> {
        self.forget(key_id);
        let name = match named_by {
            KeyName::Label => Attribute::Label(key_id.into()),
            KeyName::Id => Attribute::Id(bytes(key_id).ok_or(Fail::NoKey)?),
        };
        for class in [ObjectClass::SECRET_KEY, ObjectClass::PRIVATE_KEY, ObjectClass::PUBLIC_KEY] {
            let template = [Attribute::Class(class), Attribute::Token(true), name.clone()];
            match session.find_objects(&template)?[..] {
                [] => {}
                [handle] => return key(session, class, handle),
                ref several => return Err(Fail::Settled(HsmFailure::NotUnique(several.len()))),
            }
        }
        // Nobody finds a private object without a login.
        match is_user(session)? {
            true => Err(Fail::NoKey),
            false => Err(Fail::Hsm("CKR_USER_NOT_LOGGED_IN".into())),
        }
    }
}

impl Key {
    /// Errors: `NotPermitted`.
    pub fn must_encrypt(&self) -> Result<(), Fail> {
        self.must(self.encrypts, "CKA_ENCRYPT")
    }

    pub fn must_decrypt(&self) -> Result<(), Fail> {
        self.must(self.decrypts, "CKA_DECRYPT")
    }

    pub fn may_encrypt(&self) -> bool {
        self.encrypts != Some(false)
    }

    fn must(&self, flag: Option<bool>, name: &str) -> Result<(), Fail> {
        let refused = |why: String| Err(Fail::Settled(HsmFailure::NotPermitted(why)));
        if self.class != ObjectClass::SECRET_KEY || self.facts.key_type != "AES" {
            return refused(format!("its type is {} and not AES", self.facts.key_type));
        }
        match flag {
            Some(false) => refused(format!("{name} is false")),
            _ => Ok(()),
        }
    }
}

fn key(session: &Session, class: ObjectClass, handle: ObjectHandle) -> Result<Key, Fail> {
    use AttributeType as A;
    let lengths = [A::KeyType, A::ValueLen, A::ModulusBits, A::Modulus, A::EcParams];
    let uses = [A::Encrypt, A::Decrypt, A::Sign, A::Verify, A::Wrap, A::Unwrap, A::Derive];
    let attributes = session.get_attributes(handle, &[&lengths[..], &uses].concat())?;
    let mut key = Key { handle, facts: KeyFacts::default(), class, encrypts: None, decrypts: None };
    let facts = &mut key.facts;
    for attribute in &attributes {
        match attribute {
            Attribute::KeyType(key_type) => facts.key_type = type_name(*key_type),
            Attribute::ValueLen(bytes) => facts.bits = 8 * u64::from(*bytes),
            Attribute::ModulusBits(bits) => facts.bits = u64::from(*bits),
            Attribute::Modulus(modulus) => facts.bits = bits(modulus),
            Attribute::EcParams(parameters) => facts.bits = curve_bits(parameters),
            Attribute::Encrypt(may) => (facts.can_encrypt, key.encrypts) = (*may, Some(*may)),
            Attribute::Decrypt(may) => (facts.can_decrypt, key.decrypts) = (*may, Some(*may)),
            Attribute::Sign(may) => facts.can_sign = *may,
            Attribute::Verify(may) => facts.can_verify = *may,
            Attribute::Wrap(may) => facts.can_wrap = *may,
            Attribute::Unwrap(may) => facts.can_unwrap = *may,
            Attribute::Derive(may) => facts.can_derive = *may,
            _ => {}
        }
    }
    Ok(key)
}

fn type_name(key_type: KeyType) -> String {
    let name = key_type.to_string();
    name.strip_prefix("CKK_").map(str::to_owned).unwrap_or(name)
}

/// Of a big-endian number.
fn bits(number: &[u8]) -> u64 {
    let digits = number.iter().skip_while(|byte| **byte == 0);
    digits.clone().next().map_or(0, |first| 8 * digits.count() as u64 - u64::from(first.leading_zeros()))
}

fn curve_bits(parameters: &[u8]) -> u64 {
    CURVES.iter().find(|(curve, _)| *curve == parameters).map_or(0, |(_, bits)| *bits)
}

/// Of lower-case hexadecimal digits.
pub(super) fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digit = |sign: u8| match sign {
        b'0'..=b'9' => Some(sign - b'0'),
        b'a'..=b'f' => Some(sign - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    if rest.is_empty() { bytes.collect() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_pairs_of_lower_case_digits() {
        assert_eq!(bytes("00ff1a"), Some(vec![0, 255, 26]));
        assert_eq!(bytes(""), Some(vec![]));
        for wrong in ["0", "FF", "0g", "-1", "000"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_modulus_has_as_many_bits_as_it_needs() {
        for (modulus, expected) in [(&[0u8, 0x80, 0][..], 16), (&[1, 0], 9), (&[0, 0], 0), (&[], 0)] {
            assert_eq!(bits(modulus), expected, "{modulus:?}");
        }
    }
}
