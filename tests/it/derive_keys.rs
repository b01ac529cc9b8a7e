//! What derived keys are: class, type, length, and the flags that follow from the keys they come from
//! (PKCS#11 3.2 sec. 5.18.5, 6.20.5, 6.42.8, 6.43, 6.62.3).

use crate::support::kdf::{self, Further, Hkdf};
use crate::support::*;
use cryptoki_sys::*;

const OPEN: [Pair; 3] = [(CKA_PRIVATE, NO), (CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)];

fn digest() -> Mechanism {
    Mechanism::plain(CKM_SHA256_KEY_DERIVATION)
}

fn open(session: &Session, value: &[u8]) -> CK_OBJECT_HANDLE {
    session.known_key(CKK_GENERIC_SECRET, value, &[(CKA_DERIVE, YES)])
}

#[test]
fn a_derived_key_is_a_generic_secret_unless_the_template_says() {
    let token = Token::new();
    let session = token.user();
    let base = open(&session, b"base key");
    let key = session.derive(digest(), base, &OPEN).unwrap();
    assert_eq!(session.get(key, CKA_CLASS).unwrap(), number(CKO_SECRET_KEY));
    assert_eq!(session.get(key, CKA_KEY_TYPE).unwrap(), number(CKK_GENERIC_SECRET));
    assert_eq!(session.get(key, CKA_VALUE_LEN).unwrap(), number(32));
    assert!(!session.flag(key, CKA_LOCAL) && !session.flag(key, CKA_DERIVE));
    let unknown = number(CK_UNAVAILABLE_INFORMATION);
    assert_eq!(session.get(key, CKA_KEY_GEN_MECHANISM).unwrap(), unknown);
    let whole = session.get(key, CKA_VALUE).unwrap();
    let (aes, length) = (number(CKK_AES), number(16));
    let typed = [&OPEN[..], &[(CKA_KEY_TYPE, &aes), (CKA_VALUE_LEN, &length)]].concat();
    let key = session.derive(digest(), base, &typed).unwrap();
    assert_eq!(session.get(key, CKA_VALUE).unwrap(), whole[..16]);
    let short = [&OPEN[..], &[(CKA_VALUE_LEN, &length)]].concat();
    let key = session.derive(digest(), base, &short).unwrap();
    assert_eq!(session.get(key, CKA_KEY_TYPE).unwrap(), number(CKK_GENERIC_SECRET));
    assert_eq!(session.get(key, CKA_VALUE).unwrap(), whole[..16]);
    let chacha = number(CKK_CHACHA20);
    let fixed = [&OPEN[..], &[(CKA_KEY_TYPE, &chacha)]].concat();
    let key = session.derive(digest(), base, &fixed).unwrap();
    assert_eq!(session.get(key, CKA_VALUE).unwrap(), whole);
}

#[test]
fn lengths_that_do_not_fit_are_refused() {
    let token = Token::new();
    let session = token.user();
    let base = open(&session, b"base key");
    let (aes, generic, class) = (number(CKK_AES), number(CKK_GENERIC_SECRET), number(CKO_SECRET_KEY));
    let lengths = [0, 17, 33, 512 << 10, (512 << 10) + 1, CK_ULONG::MAX].map(number);
    let attribute_len = |n: usize| (CKA_VALUE_LEN, lengths[n].as_slice());
    let cases: [(&[Pair], CK_RV); 10] = [
        (&[(CKA_KEY_TYPE, &aes)], CKR_TEMPLATE_INCOMPLETE),
        (&[(CKA_KEY_TYPE, &generic)], CKR_TEMPLATE_INCOMPLETE),
        (&[(CKA_KEY_TYPE, &aes), attribute_len(1)], CKR_TEMPLATE_INCONSISTENT),
        (&[attribute_len(0)], CKR_ATTRIBUTE_VALUE_INVALID),
        (&[attribute_len(2)], CKR_TEMPLATE_INCONSISTENT),
        (&[attribute_len(3)], CKR_TEMPLATE_INCONSISTENT),
        (&[attribute_len(4)], CKR_ATTRIBUTE_VALUE_INVALID),
        (&[attribute_len(5)], CKR_ATTRIBUTE_VALUE_INVALID),
        (&[(CKA_CLASS, &class), (CKA_VALUE, b"value")], CKR_ATTRIBUTE_READ_ONLY),
        (&[(CKA_VALUE_LEN, &[16])], CKR_ATTRIBUTE_VALUE_INVALID),
    ];
    for (template, wanted) in cases {
        let rv = session.derive(digest(), base, template).expect_err("no key");
        expect(&format!("{template:?}"), rv, wanted);
    }
}

#[test]
fn classes_and_types_that_no_derived_key_has_are_refused() {
    let token = Token::new();
    let session = token.user();
    let base = open(&session, b"base key");
    let cases = [
        (CKA_CLASS, CKO_PRIVATE_KEY, CKR_TEMPLATE_INCONSISTENT),
        (CKA_CLASS, CKO_DATA, CKR_TEMPLATE_INCONSISTENT),
        (CKA_CLASS, CK_ULONG::MAX, CKR_ATTRIBUTE_VALUE_INVALID),
        (CKA_KEY_TYPE, CKK_RSA, CKR_TEMPLATE_INCONSISTENT),
        (CKA_KEY_TYPE, CKK_BATON, CKR_TEMPLATE_INCONSISTENT),
        (CKA_KEY_TYPE, CK_ULONG::MAX, CKR_ATTRIBUTE_VALUE_INVALID),
    ];
    for (kind, value, wanted) in cases {
        let rv = session.derive(digest(), base, &[(kind, &number(value))]).expect_err("no key");
        expect(&format!("{kind:#x} {value:#x}"), rv, wanted);
    }
}

/// Who names uses means those; who names none has those that keys have.
#[test]
fn a_derived_key_has_the_uses_that_are_named() {
    let token = Token::new();
    let session = token.user();
    let base = open(&session, b"base key");
    let uses = [CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN, CKA_VERIFY, CKA_WRAP, CKA_UNWRAP];
    let key = session.derive(digest(), base, &[]).unwrap();
    assert!(uses.iter().all(|kind| session.flag(key, *kind)));
    let key = session.derive(digest(), base, &[(CKA_ENCRYPT, YES), (CKA_DECRYPT, YES)]).unwrap();
    assert_eq!(uses.map(|kind| session.flag(key, kind)), [true, true, false, false, false, false]);
    let key = session.derive(digest(), base, &[(CKA_DERIVE, YES)]).unwrap();
    assert_eq!((uses.map(|kind| session.flag(key, kind)), session.flag(key, CKA_DERIVE)), ([false; 6], true));
    let key = session.derive(digest(), base, &[(CKA_SIGN, NO)]).unwrap();
    assert_eq!(uses.map(|kind| session.flag(key, kind)), [true, true, false, true, true, true]);
}

/// A base key with this history; sensitive and not extractable as generated, or the contrary.
fn kept(session: &Session, closed: bool) -> CK_OBJECT_HANDLE {
    let (length, closed, open) = (number(32), [closed.into()], [(!closed).into()]);
    let template =
        [(CKA_VALUE_LEN, &length[..]), (CKA_DERIVE, YES), (CKA_SENSITIVE, &closed), (CKA_EXTRACTABLE, &open)];
    session.generate(Mechanism::plain(CKM_GENERIC_SECRET_KEY_GEN), &template).unwrap()
}

const FLAGS: [CK_ATTRIBUTE_TYPE; 4] =
    [CKA_SENSITIVE, CKA_EXTRACTABLE, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE];

fn flags(session: &Session, key: CK_OBJECT_HANDLE) -> [bool; 4] {
    FLAGS.map(|kind| session.flag(key, kind))
}

/// sec. 6.20.5 and 6.62.3: the template decides, and the base key's history goes on.
#[test]
fn keys_that_are_digested_or_expanded_carry_the_history_on() {
    let token = Token::new();
    let session = token.user();
    let by: [fn() -> Mechanism; 2] = [digest, || Hkdf::PLAIN.mechanism(CKM_HKDF_DERIVE)];
    let length = number(32);
    for by in by {
        for closed in [false, true] {
            let base = kept(&session, closed);
            let derive = |pairs: &[Pair]| {
                let template = [&[(CKA_VALUE_LEN, length.as_slice())], pairs].concat();
                flags(&session, session.derive(by(), base, &template).unwrap())
            };
            assert_eq!(derive(&[]), [true, false, closed, closed]);
            let opened = derive(&[(CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)]);
            assert_eq!(opened, [false, true, false, false]);
            assert_eq!(derive(&[(CKA_EXTRACTABLE, YES)]), [true, true, closed, false]);
        }
    }
}

/// sec. 6.43: what is joined from a sensitive key is sensitive, and every key that goes in counts.
#[test]
fn keys_that_are_joined_stay_as_secret_as_they_were() {
    let token = Token::new();
    let session = token.user();
    let (open, closed) = (kept(&session, false), kept(&session, true));
    let join = |base, other: CK_OBJECT_HANDLE, pairs: &[Pair]| {
        let by = Mechanism::with(CKM_CONCATENATE_BASE_AND_KEY, &other.to_ne_bytes());
        session.derive(by, base, pairs).map(|key| flags(&session, key))
    };
    assert_eq!(join(open, open, &[]), Ok([true, false, false, false]));
    assert_eq!(join(open, open, &OPEN[1..]), Ok([false, true, false, false]));
    assert_eq!(join(closed, closed, &[]), Ok([true, false, true, true]));
    for (base, other) in [(open, closed), (closed, open)] {
        assert_eq!(join(base, other, &[]), Ok([true, false, false, false]));
        for pair in &OPEN[1..] {
            assert_eq!(join(base, other, &[*pair]), Err(CKR_TEMPLATE_INCONSISTENT));
        }
    }
    let bits = number(32);
    let simple: [(CK_MECHANISM_TYPE, fn() -> Mechanism); 4] = [
        (CKM_CONCATENATE_BASE_AND_DATA, || kdf::data(CKM_CONCATENATE_BASE_AND_DATA, &[1; 32])),
        (CKM_CONCATENATE_DATA_AND_BASE, || kdf::data(CKM_CONCATENATE_DATA_AND_BASE, &[1; 32])),
        (CKM_XOR_BASE_AND_DATA, || kdf::data(CKM_XOR_BASE_AND_DATA, &[1; 32])),
        (CKM_EXTRACT_KEY_FROM_KEY, || Mechanism::with(CKM_EXTRACT_KEY_FROM_KEY, &number(0))),
    ];
    for (kind, by) in simple {
        let length: Pair = (CKA_VALUE_LEN, &bits);
        let made = session.derive(by(), closed, &[length]).unwrap();
        assert_eq!(flags(&session, made), [true, false, true, true], "{kind:#x}");
        for pair in &OPEN[1..] {
            let refused = session.derive(by(), closed, &[length, *pair]);
            assert_eq!(refused, Err(CKR_TEMPLATE_INCONSISTENT), "{kind:#x}");
        }
        let made = session.derive(by(), open, &[length, OPEN[1], OPEN[2]]).unwrap();
        assert_eq!(flags(&session, made), [false, true, false, false], "{kind:#x}");
    }
}

/// sec. 6.42.8: what a template does not say is as in the base key.
#[test]
fn keys_of_sp800_108_are_as_their_base_key() {
    let token = Token::new();
    let session = token.user();
    let (open, closed) = (kept(&session, false), kept(&session, true));
    let length = number(16);
    let derive = |base, other: CK_OBJECT_HANDLE, pairs: &[Pair]| {
        let (counter, other) = (kdf::counter(8), other.to_ne_bytes());
        let inputs: [kdf::Input; 2] =
            [(CK_SP800_108_ITERATION_VARIABLE, &counter), (CK_SP800_108_KEY_HANDLE, &other)];
        let by = kdf::sp800_108(CKM_SP800_108_COUNTER_KDF, CKM_SHA256_HMAC, &inputs, &[], &mut []);
        let template = [&[(CKA_VALUE_LEN, length.as_slice())], pairs].concat();
        flags(&session, session.derive(by, base, &template).unwrap())
    };
    assert_eq!(derive(open, open, &[]), [false, true, false, false]);
    assert_eq!(derive(closed, closed, &[]), [true, false, true, true]);
    assert_eq!(derive(closed, closed, &OPEN[1..]), [false, true, false, false]);
    // "The base key or any of the additional input keys".
    assert_eq!(
        derive(open, closed, &[(CKA_SENSITIVE, YES), (CKA_EXTRACTABLE, NO)]),
        [true, false, true, true]
    );
}

#[test]
fn the_keys_that_a_parameter_names_need_the_right_to_derive() {
    let token = Token::new();
    let session = token.user();
    let base = open(&session, b"base key");
    let join = |other: CK_OBJECT_HANDLE| {
        let by = Mechanism::with(CKM_CONCATENATE_BASE_AND_KEY, &other.to_ne_bytes());
        session.derive(by, base, &[])
    };
    let without = session.known_key(CKK_GENERIC_SECRET, b"other", &[(CKA_DERIVE, NO)]);
    assert_eq!(join(without), Err(CKR_KEY_FUNCTION_NOT_PERMITTED));
    assert_eq!(join(0), Err(CKR_KEY_HANDLE_INVALID));
    assert_eq!(join(u64::MAX), Err(CKR_KEY_HANDLE_INVALID));
    let data = session.create(&[(CKA_CLASS, &number(CKO_DATA)), (CKA_VALUE, b"data")]).unwrap();
    assert_eq!(join(data), Err(CKR_KEY_HANDLE_INVALID));
    let only: Pair = (CKA_ALLOWED_MECHANISMS, &number(CKM_SHA256_KEY_DERIVATION));
    let other = session.known_key(CKK_GENERIC_SECRET, b"other", &[(CKA_DERIVE, YES), only]);
    assert_eq!(join(other), Err(CKR_MECHANISM_INVALID));
    let private = session.known_key(CKK_GENERIC_SECRET, b"other", &[(CKA_DERIVE, YES), (CKA_PRIVATE, YES)]);
    join(private).unwrap();
    expect("logout", session.logout(), CKR_OK);
    assert_eq!(join(private), Err(CKR_KEY_HANDLE_INVALID));
}

#[test]
fn the_base_key_needs_the_right_to_derive() {
    let token = Token::new();
    let session = token.user();
    let without = session.known_key(CKK_GENERIC_SECRET, b"base", &[]);
    assert_eq!(session.derive(digest(), without, &[]), Err(CKR_KEY_FUNCTION_NOT_PERMITTED));
    assert_eq!(session.derive(digest(), 0, &[]), Err(CKR_KEY_HANDLE_INVALID));
    let data = session.create(&[(CKA_CLASS, &number(CKO_DATA)), (CKA_VALUE, b"data")]).unwrap();
    assert_eq!(session.derive(digest(), data, &[]), Err(CKR_KEY_HANDLE_INVALID));
    let key = session.aes_key(&[(CKA_DERIVE, YES)]);
    let expand = Hkdf::PLAIN.mechanism(CKM_HKDF_DERIVE);
    assert_eq!(session.derive(expand, key, &[]), Err(CKR_KEY_TYPE_INCONSISTENT));
    let secret = open(&session, &[1; 16]);
    let encrypt = kdf::data(CKM_AES_ECB_ENCRYPT_DATA, &[0; 16]);
    assert_eq!(session.derive(encrypt, secret, &[]), Err(CKR_KEY_TYPE_INCONSISTENT));
}

#[test]
fn several_keys_are_derived_or_none() {
    let token = Token::new();
    let session = token.user();
    let base = open(&session, &[7; 32]);
    let (counter, sum) = (kdf::counter(8), kdf::dkm_length(CK_SP800_108_DKM_LENGTH_SUM_OF_SEGMENTS, 32));
    let inputs: [kdf::Input; 2] =
        [(CK_SP800_108_ITERATION_VARIABLE, &counter), (CK_SP800_108_DKM_LENGTH, &sum)];
    let label: Pair = (CKA_LABEL, b"derived");
    let (aes, lengths) = (number(CKK_AES), [48, 16, 17, 20].map(number));
    let template = |n: usize| -> Vec<Pair> { vec![(CKA_VALUE_LEN, lengths[n].as_slice()), label] };
    let derive = |further: &mut [Further]| {
        let by = kdf::sp800_108(CKM_SP800_108_COUNTER_KDF, CKM_SHA256_HMAC, &inputs, &[], further);
        session.derive(by, base, &template(0))
    };
    let with = |n: usize, more: &[Pair]| Further::new(Attributes::new(&[&template(n)[..], more].concat()));
    let mut further = [with(1, &[(CKA_KEY_TYPE, &aes)]), with(3, &[(CKA_TOKEN, YES)])];
    let first = derive(&mut further).unwrap();
    let handles = [first, *further[0].handle, *further[1].handle];
    let values = handles.map(|key| session.get(key, CKA_VALUE).unwrap());
    assert_eq!(values.each_ref().map(Vec::len), [48, 16, 20]);
    assert_eq!(session.get(handles[1], CKA_KEY_TYPE).unwrap(), aes);
    assert!(session.flag(handles[2], CKA_TOKEN));
    assert_ne!(values[0][32..], values[1][..]);
    for handle in handles {
        expect("destroy", session.destroy(handle), CKR_OK);
    }
    // The second one's length is none of AES: its place tells, the other's stays as it was, and no key is left.
    let mut further = [with(3, &[(CKA_TOKEN, YES)]), with(2, &[(CKA_KEY_TYPE, &aes)])];
    assert_eq!(derive(&mut further), Err(CKR_TEMPLATE_INCONSISTENT));
    assert_eq!((*further[0].handle, *further[1].handle), (u64::MAX, CK_INVALID_HANDLE));
    let mut further = [with(3, &[]), with(1, &[(CKA_VALUE, b"mine")])];
    assert_eq!(derive(&mut further), Err(CKR_ATTRIBUTE_READ_ONLY));
    assert_eq!((*further[0].handle, *further[1].handle), (u64::MAX, CK_INVALID_HANDLE));
    assert!(session.find(&[label]).unwrap().is_empty());
}

#[test]
fn a_read_only_session_makes_no_token_key_of_several() {
    let token = Token::new();
    let session = token.user();
    let reader = token.open(READ_ONLY);
    let base = open(&session, &[7; 32]);
    let counter = kdf::counter(8);
    let inputs: [kdf::Input; 1] = [(CK_SP800_108_ITERATION_VARIABLE, &counter)];
    let length = number(16);
    let template: [Pair; 3] = [(CKA_VALUE_LEN, &length), (CKA_TOKEN, YES), (CKA_LABEL, b"derived")];
    let mut further = [Further::new(Attributes::new(&template))];
    let by = kdf::sp800_108(CKM_SP800_108_COUNTER_KDF, CKM_SHA256_HMAC, &inputs, &[], &mut further);
    assert_eq!(reader.derive(by, base, &[template[0], template[2]]), Err(CKR_SESSION_READ_ONLY));
    assert_eq!(*further[0].handle, CK_INVALID_HANDLE);
    assert!(session.find(&[template[2]]).unwrap().is_empty());
}

#[test]
fn a_private_key_is_derived_after_a_login() {
    let token = Token::new();
    let session = token.open(READ_WRITE);
    let base = open(&session, b"base key");
    // Without a login there are public keys only.
    assert_eq!(session.derive(digest(), base, &[(CKA_PRIVATE, YES)]), Err(CKR_USER_NOT_LOGGED_IN));
    for asked in [&[(CKA_PRIVATE, NO)][..], &[]] {
        let key = session.derive(digest(), base, asked).unwrap();
        assert!(!session.flag(key, CKA_PRIVATE));
    }
}
