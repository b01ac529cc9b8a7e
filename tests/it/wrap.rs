//! C_WrapKey, C_UnwrapKey (PKCS#11 3.0 sec. 5.18.3, 5.18.4).

use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;

const SECRET_KEY: &[u8] = &number(CKO_SECRET_KEY);
const AES: &[u8] = &number(CKK_AES);
const GENERIC: &[u8] = &number(CKK_GENERIC_SECRET);
const NEW_AES: &[Pair] = &[(CKA_CLASS, SECRET_KEY), (CKA_KEY_TYPE, AES)];

fn mechanisms() -> [(&'static str, By); 5] {
    [
        ("KEY_WRAP", || Mechanism::plain(CKM_AES_KEY_WRAP)),
        ("KWP", || Mechanism::plain(CKM_AES_KEY_WRAP_KWP)),
        ("PKCS7", || Mechanism::plain(CKM_AES_KEY_WRAP_PKCS7)),
        ("CBC_PAD", Mechanism::cbc_pad),
        ("GCM", || Mechanism::gcm(&[4; 12], b"aad", 128)),
    ]
}

#[test]
fn what_is_wrapped_is_unwrapped() {
    let token = Token::new();
    let session = token.user();
    let wrapping = session.aes_key(&[]);
    let open: [Pair; 2] = [(CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)];
    for (what, by) in mechanisms() {
        for bytes in [16, 24, 32] {
            let value: Vec<u8> = (0..bytes).collect();
            let key = session.known_key(CKK_AES, &value, &[]);
            let wrapped = session.wrap(by(), wrapping, key).expect(what);
            assert!(!wrapped.windows(8).any(|part| part == &value[..8]), "{what}");
            let again = session.unwrap(by(), wrapping, &wrapped, &[NEW_AES, &open].concat()).expect(what);
            assert_eq!(session.get(again, CKA_VALUE).unwrap(), value, "{what}");
            assert_eq!(session.get(again, CKA_VALUE_LEN).unwrap(), number(bytes.into()));
        }
    }
}

#[test]
fn secrets_of_odd_lengths_are_padded() {
    let token = Token::new();
    let session = token.user();
    let wrapping = session.aes_key(&[]);
    let generic: [Pair; 4] =
        [(CKA_CLASS, SECRET_KEY), (CKA_KEY_TYPE, GENERIC), (CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)];
    let key = session.known_key(CKK_GENERIC_SECRET, b"13 bytes long", &[]);
    for (what, by) in mechanisms().into_iter().filter(|(what, _)| *what != "KEY_WRAP") {
        let wrapped = session.wrap(by(), wrapping, key).expect(what);
        let again = session.unwrap(by(), wrapping, &wrapped, &generic).expect(what);
        assert_eq!(session.get(again, CKA_VALUE).unwrap(), b"13 bytes long", "{what}");
    }
}

/// Mechanisms that fill up with zeros: CKA_VALUE_LEN says where the key ends, and only zeros are cut off.
#[test]
fn zeros_at_the_end_are_cut_off_as_the_template_says() {
    let token = Token::new();
    let session = token.user();
    let wrapping = session.aes_key(&[]);
    let generic: [Pair; 4] =
        [(CKA_CLASS, SECRET_KEY), (CKA_KEY_TYPE, GENERIC), (CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)];
    let key = session.known_key(CKK_GENERIC_SECRET, b"13 bytes long", &[]);
    let by: [By; 3] = [
        || Mechanism::plain(CKM_AES_KEY_WRAP),
        || Mechanism::plain(CKM_AES_ECB),
        || Mechanism::with(CKM_AES_CBC, &[1; 16]),
    ];
    for by in by {
        let wrapped = match session.wrap(by(), wrapping, key) {
            Err(CKR_MECHANISM_INVALID) => continue,
            wrapped => wrapped.unwrap(),
        };
        let unwrap = |bytes: u64| {
            let length = number(bytes);
            session.unwrap(by(), wrapping, &wrapped, &[&generic[..], &[(CKA_VALUE_LEN, &length)]].concat())
        };
        let whole = session.unwrap(by(), wrapping, &wrapped, &generic).unwrap();
        assert_eq!(session.get(whole, CKA_VALUE).unwrap(), b"13 bytes long\0\0\0");
        assert_eq!(session.get(unwrap(13).unwrap(), CKA_VALUE).unwrap(), b"13 bytes long");
        for wrong in [1, 5, 12, 17, 32] {
            let rv = unwrap(wrong).unwrap_err();
            expect("no part of a key", rv, CKR_WRAPPED_KEY_LEN_RANGE);
        }
    }
}

/// Less than a unit of the mechanism: a semiblock of KW, a block of ECB and CBC.
#[test]
fn no_more_zeros_are_cut_off_than_were_filled_up() {
    let token = Token::new();
    let session = token.user();
    let wrapping = session.aes_key(&[]);
    let generic: [Pair; 2] = [(CKA_CLASS, SECRET_KEY), (CKA_KEY_TYPE, GENERIC)];
    let key = session.known_key(CKK_GENERIC_SECRET, &[&[1; 14][..], &[0; 18]].concat(), &[]);
    let by: [(By, u64); 3] = [
        (|| Mechanism::plain(CKM_AES_KEY_WRAP), 25),
        (|| Mechanism::plain(CKM_AES_ECB), 17),
        (|| Mechanism::with(CKM_AES_CBC, &[1; 16]), 17),
    ];
    for (by, least) in by {
        let wrapped = session.wrap(by(), wrapping, key).unwrap();
        for bytes in 14..=33 {
            let length = number(bytes);
            let template = [&generic[..], &[(CKA_VALUE_LEN, &length)]].concat();
            let rv = session.unwrap(by(), wrapping, &wrapped, &template).err().unwrap_or(CKR_OK);
            let wanted = if (least..=32).contains(&bytes) { CKR_OK } else { CKR_WRAPPED_KEY_LEN_RANGE };
            expect(&format!("{bytes} bytes"), rv, wanted);
        }
    }
}

#[test]
fn wrapping_answers_size_queries_and_small_buffers() {
    let token = Token::new();
    let session = token.user();
    let (wrapping, key) = (session.aes_key(&[]), session.known_key(CKK_AES, &[1; 32], &[]));
    for (what, by) in mechanisms() {
        let mut mechanism = by();
        let mut raw = mechanism.raw();
        let mut wrap = |to: *mut CK_BYTE, length: &mut CK_ULONG| {
            call!(session.api, C_WrapKey(session.handle, &mut raw, wrapping, key, to, length))
        };
        let mut needed = 0;
        expect(what, wrap(null_mut(), &mut needed), CKR_OK);
        let mut buffer = [0xee; 200];
        let exact = session.wrap(by(), wrapping, key).unwrap().len() as CK_ULONG;
        assert!((exact..=exact + 16).contains(&needed), "{what}: {needed} for {exact}");
        let mut small = exact - 1;
        expect(what, wrap(buffer.as_mut_ptr(), &mut small), CKR_BUFFER_TOO_SMALL);
        assert!(small >= exact);
        assert!(buffer.iter().all(|byte| *byte == 0xee), "{what}: nothing is written");
        let mut room = exact;
        expect(what, wrap(buffer.as_mut_ptr(), &mut room), CKR_OK);
        assert_eq!(room, exact);
        assert!(buffer[exact as usize..].iter().all(|byte| *byte == 0xee));
        let rv = call!(
            session.api,
            C_WrapKey(session.handle, &mut raw, wrapping, key, buffer.as_mut_ptr(), null_mut())
        );
        expect(what, rv, CKR_ARGUMENTS_BAD);
    }
}

#[test]
fn keys_that_may_not_leave_are_not_wrapped() {
    let token = Token::new();
    let session = token.user();
    let wrapping = session.aes_key(&[]);
    let inside = session.aes_key(&[]);
    let sensitive = session.aes_key(&[(CKA_EXTRACTABLE, YES)]);
    for (what, by) in mechanisms() {
        expect(what, session.wrap(by(), wrapping, inside).unwrap_err(), CKR_KEY_UNEXTRACTABLE);
        let mut length = 0;
        let rv = call!(
            session.api,
            C_WrapKey(session.handle, &mut by().raw(), wrapping, inside, null_mut(), &mut length)
        );
        expect("size query", rv, CKR_KEY_UNEXTRACTABLE);
        assert!(session.wrap(by(), wrapping, sensitive).is_ok(), "{what}: sensitive keys are wrapped");
    }
}

#[test]
fn some_keys_want_a_trusted_wrapping_key() {
    let token = Token::new();
    let session = token.user();
    let wrapping = session.aes_key(&[]);
    let picky = session.aes_key(&[(CKA_EXTRACTABLE, YES), (CKA_WRAP_WITH_TRUSTED, YES)]);
    let rv = session.wrap(Mechanism::plain(CKM_AES_KEY_WRAP), wrapping, picky).unwrap_err();
    expect_one_of("untrusted", rv, &[CKR_KEY_NOT_WRAPPABLE, CKR_KEY_FUNCTION_NOT_PERMITTED]);
    let rv = session.set(picky, &[(CKA_WRAP_WITH_TRUSTED, NO)]);
    expect("one way", rv, CKR_ATTRIBUTE_READ_ONLY);
}

#[test]
fn the_officer_trusts_a_wrapping_key() {
    let token = Token::new();
    let session = token.user();
    let by = || Mechanism::plain(CKM_AES_KEY_WRAP);
    let picky: [Pair; 3] = [(CKA_TOKEN, YES), (CKA_EXTRACTABLE, YES), (CKA_WRAP_WITH_TRUSTED, YES)];
    let picky = session.aes_key(&picky);
    let wrapping = session.aes_key(&[(CKA_TOKEN, YES), (CKA_PRIVATE, NO)]);
    expect("by the user", session.set(wrapping, &[(CKA_TRUSTED, YES)]), CKR_ATTRIBUTE_READ_ONLY);
    expect("not yet", session.wrap(by(), wrapping, picky).unwrap_err(), CKR_KEY_NOT_WRAPPABLE);
    expect("logout", session.logout(), CKR_OK);
    expect("officer", session.login(CKU_SO, SO_PIN), CKR_OK);
    expect("trust", session.set(wrapping, &[(CKA_TRUSTED, YES)]), CKR_OK);
    expect("logout", session.logout(), CKR_OK);
    expect("user", session.login(CKU_USER, USER_PIN), CKR_OK);
    assert!(session.flag(wrapping, CKA_TRUSTED));
    assert!(session.wrap(by(), wrapping, picky).is_ok());
}

#[test]
fn handles_and_flags_have_their_codes() {
    let token = Token::new();
    let session = token.user();
    let (wrapping, key) = (session.aes_key(&[]), session.known_key(CKK_AES, &[1; 32], &[]));
    let by = || Mechanism::plain(CKM_AES_KEY_WRAP);
    let wrapped = session.wrap(by(), wrapping, key).unwrap();
    let no_wrap = session.aes_key(&[(CKA_WRAP, NO)]);
    let no_unwrap = session.aes_key(&[(CKA_UNWRAP, NO)]);
    let secret = session.known_key(CKK_GENERIC_SECRET, &[1; 32], &[]);
    let data = session.create(&[(CKA_CLASS, &number(CKO_DATA))]).unwrap();
    let wrap = |with, key| session.wrap(by(), with, key).unwrap_err();
    let unwrap = |with| session.unwrap(by(), with, &wrapped, NEW_AES).unwrap_err();
    for none in [0, data, 1 << 40] {
        expect("wrapping key", wrap(none, key), CKR_WRAPPING_KEY_HANDLE_INVALID);
        expect("key", wrap(wrapping, none), CKR_KEY_HANDLE_INVALID);
        expect("unwrapping key", unwrap(none), CKR_UNWRAPPING_KEY_HANDLE_INVALID);
    }
    expect("CKA_WRAP false", wrap(no_wrap, key), CKR_KEY_FUNCTION_NOT_PERMITTED);
    expect("CKA_UNWRAP false", unwrap(no_unwrap), CKR_KEY_FUNCTION_NOT_PERMITTED);
    expect("no AES key", wrap(secret, key), CKR_WRAPPING_KEY_TYPE_INCONSISTENT);
    expect("no AES key", unwrap(secret), CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT);
    let rv = session.wrap(Mechanism::plain(CKM_SHA256), wrapping, key).unwrap_err();
    expect("no wrapping", rv, CKR_MECHANISM_INVALID);
    let rv = session.unwrap(Mechanism::plain(CKM_SHA256), wrapping, &wrapped, NEW_AES).unwrap_err();
    expect("no wrapping", rv, CKR_MECHANISM_INVALID);
    let rv = session.wrap(Mechanism::with(CKM_AES_CBC_PAD, &[1; 3]), wrapping, key).unwrap_err();
    expect("bad IV", rv, CKR_MECHANISM_PARAM_INVALID);
    let nobody = token.module.session(0);
    expect("no session", nobody.wrap(by(), wrapping, key).unwrap_err(), CKR_SESSION_HANDLE_INVALID);
}

#[test]
fn spoiled_wrapped_keys_make_no_object() {
    let token = Token::new();
    let session = token.user();
    let (wrapping, key) = (session.aes_key(&[]), session.known_key(CKK_AES, &[1; 32], &[]));
    for (what, by) in mechanisms() {
        let good = session.wrap(by(), wrapping, key).unwrap();
        let before = session.find(&[]).unwrap().len();
        let mut flipped = good.clone();
        let last = flipped.len() - 1;
        flipped[last] ^= 0x80;
        let codes = [CKR_WRAPPED_KEY_INVALID, CKR_WRAPPED_KEY_LEN_RANGE];
        let unwrap = |wrapped: &[u8]| session.unwrap(by(), wrapping, wrapped, NEW_AES);
        expect_one_of(what, unwrap(&flipped).unwrap_err(), &codes);
        expect_one_of(what, unwrap(&good[..good.len() - 1]).unwrap_err(), &codes);
        expect_one_of(what, unwrap(&good[..8]).unwrap_err(), &codes);
        expect_one_of(what, unwrap(b"").unwrap_err(), &codes);
        let other = session.aes_key(&[]);
        // CBC has no proof of the key; the padding is wrong all but once in 256 times.
        if what != "CBC_PAD" {
            let rv = session.unwrap(by(), other, &good, NEW_AES).unwrap_err();
            expect_one_of("another key", rv, &codes);
        }
        assert_eq!(session.find(&[]).unwrap().len(), before + 1, "{what}: only the other key");
    }
}

#[test]
fn unwrapping_follows_its_template() {
    let token = Token::new();
    let session = token.user();
    let (wrapping, key) = (session.aes_key(&[]), session.known_key(CKK_AES, &[1; 32], &[]));
    let by = || Mechanism::plain(CKM_AES_KEY_WRAP_KWP);
    let wrapped = session.wrap(by(), wrapping, key).unwrap();
    let unwrap = |more: &[Pair]| session.unwrap(by(), wrapping, &wrapped, &[NEW_AES, more].concat());
    let plain = unwrap(&[]).unwrap();
    for (kind, value) in [
        (CKA_LOCAL, false),
        (CKA_ALWAYS_SENSITIVE, false),
        (CKA_NEVER_EXTRACTABLE, false),
        (CKA_TOKEN, false),
        (CKA_PRIVATE, true),
        (CKA_SENSITIVE, true),
        (CKA_ENCRYPT, true),
        (CKA_DECRYPT, true),
        (CKA_SIGN, true),
        (CKA_WRAP, true),
    ] {
        assert_eq!(session.flag(plain, kind), value, "{kind:#x}");
    }
    let kept = unwrap(&[(CKA_TOKEN, YES), (CKA_LABEL, b"unwrapped"), (CKA_WRAP, NO)]).unwrap();
    assert!(session.flag(kept, CKA_TOKEN) && !session.flag(kept, CKA_WRAP));
    assert_eq!(session.get(kept, CKA_LABEL).unwrap(), b"unwrapped");
    let rows: &[(&str, &[Pair], CK_RV)] = &[
        ("value", &[(CKA_VALUE, &[1; 32])], CKR_ATTRIBUTE_READ_ONLY),
        ("local", &[(CKA_LOCAL, YES)], CKR_ATTRIBUTE_READ_ONLY),
        ("vendor's", &[(CKA_VENDOR_DEFINED, YES)], CKR_ATTRIBUTE_TYPE_INVALID),
        ("flag of 2", &[(CKA_WRAP, &[2])], CKR_ATTRIBUTE_VALUE_INVALID),
        ("trusted", &[(CKA_TRUSTED, YES)], CKR_ATTRIBUTE_READ_ONLY),
    ];
    for (what, more, rv) in rows {
        expect(what, unwrap(more).unwrap_err(), *rv);
    }
    let length = number(16);
    let rv = unwrap(&[(CKA_VALUE_LEN, &length)]).unwrap_err();
    expect("another length", rv, CKR_WRAPPED_KEY_LEN_RANGE);
    let rv = session.unwrap(by(), wrapping, &wrapped, &NEW_AES[..1]).unwrap_err();
    expect("no type", rv, CKR_TEMPLATE_INCOMPLETE);
    let rv = session.unwrap(by(), wrapping, &wrapped, &NEW_AES[1..]).unwrap_err();
    expect("no class", rv, CKR_TEMPLATE_INCOMPLETE);
    let data: [Pair; 2] = [(CKA_CLASS, &number(CKO_DATA)), (CKA_VALUE, b"")];
    let rv = session.unwrap(by(), wrapping, &wrapped, &data[..1]).unwrap_err();
    expect("no key", rv, CKR_TEMPLATE_INCONSISTENT);
}

#[test]
fn a_secret_that_is_no_aes_key_does_not_become_one() {
    let token = Token::new();
    let session = token.user();
    let wrapping = session.aes_key(&[]);
    let secret = session.known_key(CKK_GENERIC_SECRET, b"20 bytes of a secret", &[]);
    let by = || Mechanism::plain(CKM_AES_KEY_WRAP_KWP);
    let wrapped = session.wrap(by(), wrapping, secret).unwrap();
    let rv = session.unwrap(by(), wrapping, &wrapped, NEW_AES).unwrap_err();
    expect("length", rv, CKR_WRAPPED_KEY_LEN_RANGE);
}

#[test]
fn null_arguments_are_refused() {
    let token = Token::new();
    let session = token.user();
    let wrapping = session.aes_key(&[]);
    let (mut mechanism, mut template) = (Mechanism::plain(CKM_AES_KEY_WRAP), Attributes::new(NEW_AES));
    let (mut raw, mut wrapped, mut key) = (mechanism.raw(), [0; 40], 0);
    let (by, list, from): (*mut _, *mut _, *mut _) = (&mut raw, template.as_mut_ptr(), wrapped.as_mut_ptr());
    let unwrap = |by, from, list, to| {
        call!(session.api, C_UnwrapKey(session.handle, by, wrapping, from, 40, list, 2, to))
    };
    let to: *mut CK_OBJECT_HANDLE = &mut key;
    expect("mechanism", unwrap(null_mut(), from, list, to), CKR_ARGUMENTS_BAD);
    expect("wrapped", unwrap(by, null_mut(), list, to), CKR_ARGUMENTS_BAD);
    expect("template", unwrap(by, from, null_mut(), to), CKR_ARGUMENTS_BAD);
    expect("handle", unwrap(by, from, list, null_mut()), CKR_ARGUMENTS_BAD);
}

#[test]
fn read_only_and_public_sessions_unwrap_what_they_may() {
    let token = Token::new();
    let user = token.user();
    let wrapping = user.aes_key(&[(CKA_TOKEN, YES), (CKA_PRIVATE, NO)]);
    let key = user.known_key(CKK_AES, &[1; 32], &[]);
    let by = || Mechanism::plain(CKM_AES_KEY_WRAP);
    let wrapped = user.wrap(by(), wrapping, key).unwrap();
    let reader = token.open(READ_ONLY);
    let rv = reader.unwrap(by(), wrapping, &wrapped, &[NEW_AES, &[(CKA_TOKEN, YES)]].concat()).unwrap_err();
    expect("token object", rv, CKR_SESSION_READ_ONLY);
    assert!(reader.unwrap(by(), wrapping, &wrapped, NEW_AES).is_ok());
    expect("logout", user.logout(), CKR_OK);
    let private = [NEW_AES, &[(CKA_PRIVATE, YES)]].concat();
    let rv = reader.unwrap(by(), wrapping, &wrapped, &private).unwrap_err();
    expect("private object", rv, CKR_USER_NOT_LOGGED_IN);
    assert!(reader.unwrap(by(), wrapping, &wrapped, &[NEW_AES, &[(CKA_PRIVATE, NO)]].concat()).is_ok());
}
