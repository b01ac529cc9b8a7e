//! Templates as attributes of keys: CKA_WRAP_TEMPLATE, CKA_UNWRAP_TEMPLATE, CKA_DERIVE_TEMPLATE (PKCS#11 3.0 sec.
//! 4.11; 3.2 sec. 4.7.3).

use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;

fn kw() -> Mechanism {
    Mechanism::plain(CKM_AES_KEY_WRAP)
}

/// A key with a template as one of its attributes.
fn key_with(session: &Session, kind: CK_ATTRIBUTE_TYPE, inner: &[Pair], more: &[Pair]) -> CK_OBJECT_HANDLE {
    let inner = Attributes::new(inner);
    let value = as_value(&inner);
    session.aes_key(&[more, &[(kind, &value)]].concat())
}

fn refused(session: &Session, kind: CK_ATTRIBUTE_TYPE, value: &[u8]) -> CK_RV {
    let length = number(32);
    let pairs: [Pair; 2] = [(CKA_VALUE_LEN, &length), (kind, value)];
    session.generate(Mechanism::plain(CKM_AES_KEY_GEN), &pairs).expect_err("the template is none")
}

/// Reads a template with room for two attributes of 16 bytes each.
struct Room {
    values: [[u8; 16]; 2],
    inner: [CK_ATTRIBUTE; 2],
}

impl Room {
    fn new(types: [CK_ATTRIBUTE_TYPE; 2]) -> Box<Room> {
        let empty = CK_ATTRIBUTE { type_: 0, pValue: null_mut(), ulValueLen: 0 };
        let mut room = Box::new(Room { values: [[0xee; 16]; 2], inner: [empty; 2] });
        let Room { values, inner } = &mut *room;
        for ((place, value), kind) in inner.iter_mut().zip(values).zip(types) {
            *place = CK_ATTRIBUTE { type_: kind, pValue: value.as_mut_ptr().cast(), ulValueLen: 16 };
        }
        room
    }

    fn get(&mut self, session: &Session, key: CK_OBJECT_HANDLE, bytes: CK_ULONG) -> (CK_RV, CK_ULONG) {
        let mut attribute = CK_ATTRIBUTE {
            type_: CKA_WRAP_TEMPLATE,
            pValue: self.inner.as_mut_ptr().cast(),
            ulValueLen: bytes,
        };
        let rv = call!(session.api, C_GetAttributeValue(session.handle, key, &mut attribute, 1));
        (rv, attribute.ulValueLen)
    }

    fn value(&self, at: usize) -> &[u8] {
        &self.values[at][..self.inner[at].ulValueLen as usize]
    }
}

const WHOLE: CK_ULONG = 2 * size_of::<CK_ATTRIBUTE>() as CK_ULONG;

#[test]
fn a_template_is_read_back_in_steps() {
    let token = Token::new();
    let session = token.user();
    for kept in [YES, NO] {
        let inner: [Pair; 2] = [(CKA_LABEL, b"wrapped"), (CKA_ENCRYPT, NO)];
        let key = key_with(&session, CKA_WRAP_TEMPLATE, &inner, &[(CKA_TOKEN, kept)]);
        let mut attribute = CK_ATTRIBUTE { type_: CKA_WRAP_TEMPLATE, pValue: null_mut(), ulValueLen: 0 };
        let rv = call!(session.api, C_GetAttributeValue(session.handle, key, &mut attribute, 1));
        assert_eq!((name(rv).as_str(), attribute.ulValueLen), ("CKR_OK", WHOLE), "how long the array is");

        let mut lengths = Room::new([CK_UNAVAILABLE_INFORMATION; 2]);
        lengths.inner.iter_mut().for_each(|place| (place.pValue, place.ulValueLen) = (null_mut(), 0));
        assert_eq!(lengths.get(&session, key, WHOLE), (CKR_OK, WHOLE), "what is in it");
        let told = lengths.inner.map(|place| (place.type_, place.ulValueLen));
        assert_eq!(told, [(CKA_LABEL, 7), (CKA_ENCRYPT, 1)]);

        let mut whole = Room::new([0; 2]);
        assert_eq!(whole.get(&session, key, WHOLE), (CKR_OK, WHOLE));
        assert_eq!((whole.value(0), whole.value(1)), (&b"wrapped"[..], NO));
        assert_eq!(whole.inner[0].type_, CKA_LABEL);

        let mut turned = Room::new([CKA_ENCRYPT, CKA_LABEL]);
        assert_eq!(turned.get(&session, key, WHOLE), (CKR_OK, WHOLE), "in the caller's order");
        assert_eq!((turned.value(0), turned.value(1)), (NO, &b"wrapped"[..]));

        let mut small = Room::new([0; 2]);
        small.inner[0].ulValueLen = 6;
        assert_eq!(small.get(&session, key, WHOLE), (CKR_BUFFER_TOO_SMALL, WHOLE));
        assert_eq!((small.inner[0].ulValueLen, small.values[0]), (CK_UNAVAILABLE_INFORMATION, [0xee; 16]));
        assert_eq!(small.value(1), NO, "the other is there");

        let mut short = Room::new([0; 2]);
        assert_eq!(short.get(&session, key, WHOLE - 1), (CKR_BUFFER_TOO_SMALL, CK_UNAVAILABLE_INFORMATION));
        assert_eq!(short.values, [[0xee; 16]; 2]);
    }
}

#[test]
fn keys_without_templates_have_empty_ones() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    let empty = key_with(&session, CKA_WRAP_TEMPLATE, &[], &[]);
    for kind in [CKA_WRAP_TEMPLATE, CKA_UNWRAP_TEMPLATE, CKA_DERIVE_TEMPLATE] {
        assert_eq!(session.get(key, kind).unwrap(), b"");
        assert_eq!(session.get(empty, kind).unwrap(), b"");
    }
    let data = session.create(&[(CKA_CLASS, &number(CKO_DATA))]).unwrap();
    expect("data", session.get(data, CKA_WRAP_TEMPLATE).unwrap_err(), CKR_ATTRIBUTE_TYPE_INVALID);
}

#[test]
fn a_template_stays_with_its_key() {
    let token = Token::new();
    let session = token.user();
    let inner: [Pair; 1] = [(CKA_LABEL, b"only these")];
    let key = key_with(&session, CKA_WRAP_TEMPLATE, &inner, &[(CKA_TOKEN, YES)]);
    let copy = session.copy(key, &[(CKA_TOKEN, NO)]).unwrap();
    let value = as_value(&Attributes::new(&[]));
    expect("set", session.set(key, &[(CKA_WRAP_TEMPLATE, &value)]), CKR_ATTRIBUTE_READ_ONLY);
    let other = session.aes_key(&[(CKA_EXTRACTABLE, YES)]);
    expect("copy", session.wrap(kw(), copy, other).unwrap_err(), CKR_KEY_HANDLE_INVALID);
    expect("finalize", token.module.finalize(), CKR_OK);
    expect("initialize", token.module.initialize(), CKR_OK);
    let session = token.user();
    let other = session.aes_key(&[(CKA_EXTRACTABLE, YES)]);
    expect("later", session.wrap(kw(), key, other).unwrap_err(), CKR_KEY_HANDLE_INVALID);
}

#[test]
fn only_keys_that_match_are_wrapped() {
    let token = Token::new();
    let session = token.user();
    let kind = number(CKK_AES);
    let inner: [Pair; 3] = [(CKA_LABEL, b"may leave"), (CKA_KEY_TYPE, &kind), (CKA_TOKEN, NO)];
    let wrapping = key_with(&session, CKA_WRAP_TEMPLATE, &inner, &[]);
    let leaves = session.aes_key(&[(CKA_EXTRACTABLE, YES), (CKA_LABEL, b"may leave")]);
    assert!(session.wrap(kw(), wrapping, leaves).is_ok());
    let stays = session.aes_key(&[(CKA_EXTRACTABLE, YES), (CKA_LABEL, b"may not")]);
    expect("label", session.wrap(kw(), wrapping, stays).unwrap_err(), CKR_KEY_HANDLE_INVALID);
    expect("relabel", session.set(stays, &[(CKA_LABEL, b"may leave")]), CKR_OK);
    assert!(session.wrap(kw(), wrapping, stays).is_ok());
    let generic =
        session.known_key(CKK_GENERIC_SECRET, &[1; 16], &[(CKA_LABEL, b"may leave"), (CKA_EXTRACTABLE, YES)]);
    expect("type", session.wrap(kw(), wrapping, generic).unwrap_err(), CKR_KEY_HANDLE_INVALID);
    let inside = session.aes_key(&[(CKA_LABEL, b"may leave")]);
    expect("extractable", session.wrap(kw(), wrapping, inside).unwrap_err(), CKR_KEY_UNEXTRACTABLE);
}

#[test]
fn unwrapped_keys_get_what_the_template_says() {
    let token = Token::new();
    let session = token.user();
    let (class, kind) = (number(CKO_SECRET_KEY), number(CKK_AES));
    let inner: [Pair; 3] = [(CKA_KEY_TYPE, &kind), (CKA_DECRYPT, NO), (CKA_LABEL, b"unwrapped")];
    let key = key_with(&session, CKA_UNWRAP_TEMPLATE, &inner, &[(CKA_EXTRACTABLE, YES)]);
    let wrapped = session.wrap(kw(), key, key).unwrap();
    for pairs in [&[(CKA_CLASS, &class[..])][..], &[(CKA_CLASS, &class), (CKA_DECRYPT, NO)]] {
        let made = session.unwrap(kw(), key, &wrapped, pairs).unwrap();
        assert!(!session.flag(made, CKA_DECRYPT) && session.flag(made, CKA_ENCRYPT));
        assert_eq!(session.get(made, CKA_LABEL).unwrap(), b"unwrapped");
        assert_eq!(session.get(made, CKA_UNWRAP_TEMPLATE).unwrap(), b"", "it is the unwrapping key's");
    }
    let before = session.find(&[]).unwrap().len();
    let other_kind = number(CKK_GENERIC_SECRET);
    for contrary in [(CKA_DECRYPT, YES), (CKA_LABEL, &b"another"[..]), (CKA_KEY_TYPE, &other_kind)] {
        let rv = session.unwrap(kw(), key, &wrapped, &[(CKA_CLASS, &class), contrary]).unwrap_err();
        expect("contrary", rv, CKR_TEMPLATE_INCONSISTENT);
    }
    assert_eq!(session.find(&[]).unwrap().len(), before, "nothing was made");
    // What the call could not be given itself, the template cannot add.
    let local = key_with(&session, CKA_UNWRAP_TEMPLATE, &[(CKA_LOCAL, YES)], &[(CKA_EXTRACTABLE, YES)]);
    let wrapped = session.wrap(kw(), local, local).unwrap();
    let rv = session.unwrap(kw(), local, &wrapped, &[(CKA_CLASS, &class), (CKA_KEY_TYPE, &kind)]);
    expect("CKA_LOCAL", rv.unwrap_err(), CKR_ATTRIBUTE_READ_ONLY);
}

#[test]
fn what_is_no_template_is_refused() {
    let token = Token::new();
    let session = token.user();
    let refused = |kind, value: &[u8]| refused(&session, kind, value);
    expect("half", refused(CKA_WRAP_TEMPLATE, &[0; 23]), CKR_ATTRIBUTE_VALUE_INVALID);
    let of = |pairs: &[Pair]| {
        let inner = Attributes::new(pairs);
        refused(CKA_UNWRAP_TEMPLATE, &as_value(&inner))
    };
    expect("no such attribute", of(&[(0x7777_7777, b"x")]), CKR_ATTRIBUTE_TYPE_INVALID);
    expect("a flag of two bytes", of(&[(CKA_ENCRYPT, &[1, 1])]), CKR_ATTRIBUTE_VALUE_INVALID);
    expect("key material", of(&[(CKA_VALUE, &[1; 16])]), CKR_TEMPLATE_INCONSISTENT);
    expect("a template in it", of(&[(CKA_WRAP_TEMPLATE, &[])]), CKR_TEMPLATE_INCONSISTENT);
    expect("twice", of(&[(CKA_LABEL, b"a"), (CKA_LABEL, b"a")]), CKR_TEMPLATE_INCONSISTENT);
    let null = CK_ATTRIBUTE { type_: CKA_LABEL, pValue: null_mut(), ulValueLen: 4 };
    // SAFETY: a plain structure as bytes.
    let bytes: [u8; 24] = unsafe { std::mem::transmute(null) };
    expect("a null value", refused(CKA_DERIVE_TEMPLATE, &bytes), CKR_ATTRIBUTE_VALUE_INVALID);
    let class = number(CKO_DATA);
    let rv = session.create(&[(CKA_CLASS, &class), (CKA_WRAP_TEMPLATE, &[])]).unwrap_err();
    expect("of a data object", rv, CKR_TEMPLATE_INCONSISTENT);
}

/// PKCS#11 3.0 sec. 4.9 and 4.10: public keys wrap, private keys unwrap.
#[test]
fn halves_of_pairs_have_theirs() {
    let token = Token::new();
    let session = token.user();
    let inner = Attributes::new(&[(CKA_ENCRYPT, NO)]);
    let (value, bits) = (as_value(&inner), number(2048));
    let by = || Mechanism::plain(CKM_RSA_PKCS_KEY_PAIR_GEN);
    let pair = |public: &[Pair], private: &[Pair]| {
        session.generate_pair(by(), &[public, &[(CKA_MODULUS_BITS, &bits)]].concat(), private)
    };
    let made = pair(&[(CKA_WRAP_TEMPLATE, &value)], &[(CKA_UNWRAP_TEMPLATE, &value)]).unwrap();
    let length = |key, kind| {
        let mut attribute = CK_ATTRIBUTE { type_: kind, pValue: null_mut(), ulValueLen: 0 };
        let rv = call!(session.api, C_GetAttributeValue(session.handle, key, &mut attribute, 1));
        (rv, attribute.ulValueLen)
    };
    assert_eq!(length(made.0, CKA_WRAP_TEMPLATE), (CKR_OK, 24));
    assert_eq!(length(made.1, CKA_UNWRAP_TEMPLATE), (CKR_OK, 24));
    let rv = pair(&[(CKA_UNWRAP_TEMPLATE, &value)], &[]).unwrap_err();
    expect("a public key does not unwrap", rv, CKR_TEMPLATE_INCONSISTENT);
    let rv = pair(&[], &[(CKA_WRAP_TEMPLATE, &value)]).unwrap_err();
    expect("a private key does not wrap", rv, CKR_TEMPLATE_INCONSISTENT);
}

/// Of every key that takes part.
#[test]
fn derived_keys_get_what_the_template_says() {
    let token = Token::new();
    let session = token.user();
    let (class, kind, bytes) = (number(CKO_SECRET_KEY), number(CKK_GENERIC_SECRET), number(32));
    let templates = [Attributes::new(&[(CKA_SIGN, NO)]), Attributes::new(&[(CKA_LABEL, b"derived")])];
    let values = templates.each_ref().map(as_value);
    let base = |at: usize| {
        let own: (CK_ATTRIBUTE_TYPE, &[u8]) = (CKA_DERIVE_TEMPLATE, &values[at]);
        session.known_key(CKK_GENERIC_SECRET, &[at as u8; 16], &[(CKA_DERIVE, YES), own])
    };
    let (first, second) = (base(0), base(1));
    let derive = |more: &[Pair]| {
        let typed: [Pair; 3] = [(CKA_CLASS, &class), (CKA_KEY_TYPE, &kind), (CKA_VALUE_LEN, &bytes)];
        let mut template = Attributes::new(&[&typed, more].concat());
        let mut other = second;
        let mut mechanism = CK_MECHANISM {
            mechanism: CKM_CONCATENATE_BASE_AND_KEY,
            pParameter: (&raw mut other).cast(),
            ulParameterLen: size_of::<CK_OBJECT_HANDLE>() as CK_ULONG,
        };
        let (pointer, count, mut key) = (template.as_mut_ptr(), template.count(), 0);
        match call!(session.api, C_DeriveKey(session.handle, &mut mechanism, first, pointer, count, &mut key))
        {
            CKR_OK => Ok(key),
            rv => Err(rv),
        }
    };
    let made = derive(&[]).unwrap();
    assert!(!session.flag(made, CKA_SIGN));
    assert_eq!(session.get(made, CKA_LABEL).unwrap(), b"derived");
    assert!(derive(&[(CKA_SIGN, NO), (CKA_LABEL, b"derived")]).is_ok());
    expect("of the first", derive(&[(CKA_SIGN, YES)]).unwrap_err(), CKR_TEMPLATE_INCONSISTENT);
    expect("of the second", derive(&[(CKA_LABEL, b"no")]).unwrap_err(), CKR_TEMPLATE_INCONSISTENT);
}

/// More than any memory, though a pointer stands beside it.
#[test]
fn a_value_in_a_template_is_not_copied_whatever_its_length() {
    let token = Token::new();
    let session = token.user();
    let label = *b"label";
    for length in [(512 << 10) + 1, 1 << 40, 1 << 62, CK_ULONG::MAX] {
        let inner =
            CK_ATTRIBUTE { type_: CKA_LABEL, pValue: label.as_ptr().cast_mut().cast(), ulValueLen: length };
        // SAFETY: a structure without padding.
        let value: [u8; size_of::<CK_ATTRIBUTE>()] = unsafe { std::mem::transmute(inner) };
        let length = number(16);
        let template: [Pair; 2] = [(CKA_VALUE_LEN, &length), (CKA_WRAP_TEMPLATE, &value)];
        let made = session.generate(Mechanism::plain(CKM_AES_KEY_GEN), &template);
        assert_eq!(made, Err(CKR_ATTRIBUTE_VALUE_INVALID));
    }
}

/// PKCS#11 3.2 sec. 5.18.8: the one is compared with, the other added to.
#[test]
fn encapsulated_keys_are_what_the_templates_say() {
    let token = Token::new();
    let session = token.user();
    let (set, class, kind) = (number(CKP_ML_KEM_768), number(CKO_SECRET_KEY), number(CKK_GENERIC_SECRET));
    let (asked, added) = (Attributes::new(&[(CKA_LABEL, b"shared")]), Attributes::new(&[(CKA_SIGN, NO)]));
    let (asked, added) = (as_value(&asked), as_value(&added));
    let (public, private) = session
        .generate_pair(
            Mechanism::plain(CKM_ML_KEM_KEY_PAIR_GEN),
            &[(CKA_PARAMETER_SET, &set), (CKA_ENCAPSULATE, YES), (CKA_ENCAPSULATE_TEMPLATE, &asked)],
            &[(CKA_DECAPSULATE, YES), (CKA_DECAPSULATE_TEMPLATE, &added)],
        )
        .unwrap();
    let mut ciphertext = [0; 1088];
    let mut kem = |more: &[Pair], encapsulates: bool| {
        let mut template =
            Attributes::new(&[&[(CKA_CLASS, &class[..]), (CKA_KEY_TYPE, &kind)], more].concat());
        let mut mechanism = Mechanism::plain(CKM_ML_KEM).raw();
        let (at, count, by) = (template.as_mut_ptr(), template.count(), &mut mechanism);
        let (mut key, mut length, session, api) = (0, 1088, session.handle, session.api);
        let text = ciphertext.as_mut_ptr();
        let rv = match encapsulates {
            true => call!(api, C_EncapsulateKey(session, by, public, at, count, text, &mut length, &mut key)),
            false => call!(api, C_DecapsulateKey(session, by, private, at, count, text, 1088, &mut key)),
        };
        if rv == CKR_OK { Ok(key) } else { Err(rv) }
    };
    let before = session.find(&[]).unwrap().len();
    expect("no label", kem(&[], true).unwrap_err(), CKR_KEY_HANDLE_INVALID);
    assert_eq!(session.find(&[]).unwrap().len(), before, "no key is made");
    kem(&[(CKA_LABEL, b"shared")], true).unwrap();
    expect("contrary", kem(&[(CKA_SIGN, YES)], false).unwrap_err(), CKR_TEMPLATE_INCONSISTENT);
    let made = kem(&[], false).unwrap();
    assert!(!session.flag(made, CKA_SIGN) && session.flag(made, CKA_VERIFY));
}
