//! C_CreateObject and C_GenerateKey (PKCS#11 3.0 sec. 5.7.1, 5.18.1). The rules of each attribute have their
//! tests beside the rules; here is what only the C interface can show.

use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;

const DATA: &[u8] = &number(CKO_DATA);
const SECRET_KEY: &[u8] = &number(CKO_SECRET_KEY);
const AES: &[u8] = &number(CKK_AES);
const GENERIC: &[u8] = &number(CKK_GENERIC_SECRET);
const LENGTH_32: &[u8] = &number(32);

#[test]
fn objects_of_every_class_are_made() {
    let token = Token::new();
    let session = token.user();
    let x509 = number(CKC_X_509);
    let certificate = number(CKO_CERTIFICATE);
    let rows: [&[Pair]; 4] = [
        &[(CKA_CLASS, DATA), (CKA_APPLICATION, b"app"), (CKA_VALUE, b"some data")],
        &[(CKA_CLASS, SECRET_KEY), (CKA_KEY_TYPE, AES), (CKA_VALUE, &[1; 32])],
        &[(CKA_CLASS, SECRET_KEY), (CKA_KEY_TYPE, GENERIC), (CKA_VALUE, b"generic")],
        &[
            (CKA_CLASS, &certificate),
            (CKA_CERTIFICATE_TYPE, &x509),
            (CKA_SUBJECT, b"subject"),
            (CKA_ID, b"id"),
            (CKA_VALUE, b"certificate"),
        ],
    ];
    for pairs in rows {
        for kept in [NO, YES] {
            let object = session.create(&[pairs, &[(CKA_TOKEN, kept), (CKA_LABEL, b"l")]].concat()).unwrap();
            assert_ne!(object, 0);
            assert_eq!(session.get(object, CKA_CLASS).unwrap(), pairs[0].1);
            assert_eq!(session.get(object, CKA_TOKEN).unwrap(), kept);
            assert_eq!(session.get(object, CKA_LABEL).unwrap(), b"l");
        }
    }
}

#[test]
fn a_wrong_template_makes_nothing() {
    let token = Token::new();
    let session = token.user();
    let key: [Pair; 3] = [(CKA_CLASS, SECRET_KEY), (CKA_KEY_TYPE, AES), (CKA_VALUE, &[1; 32])];
    let vendor = CKA_VENDOR_DEFINED | 77;
    let rows: &[(&str, Vec<Pair>, CK_RV)] = &[
        ("empty", vec![], CKR_TEMPLATE_INCOMPLETE),
        ("no type", vec![key[0], key[2]], CKR_TEMPLATE_INCOMPLETE),
        ("no value", key[..2].to_vec(), CKR_TEMPLATE_INCOMPLETE),
        ("17 bytes", vec![key[0], key[1], (CKA_VALUE, &[1; 17])], CKR_ATTRIBUTE_VALUE_INVALID),
        ("vendor's", [&key[..], &[(vendor, YES)]].concat(), CKR_ATTRIBUTE_TYPE_INVALID),
        ("read-only", [&key[..], &[(CKA_LOCAL, YES)]].concat(), CKR_ATTRIBUTE_READ_ONLY),
        ("flag of 2", [&key[..], &[(CKA_ENCRYPT, &[2])]].concat(), CKR_ATTRIBUTE_VALUE_INVALID),
        ("twice", [&key[..], &[(CKA_TOKEN, YES), (CKA_TOKEN, NO)]].concat(), CKR_TEMPLATE_INCONSISTENT),
        ("of a modulus", [&key[..], &[(CKA_MODULUS, &[1])]].concat(), CKR_TEMPLATE_INCONSISTENT),
        ("class of 4 bytes", vec![(CKA_CLASS, &[0; 4])], CKR_ATTRIBUTE_VALUE_INVALID),
    ];
    for (what, pairs, rv) in rows {
        expect(what, session.create(pairs).unwrap_err(), *rv);
    }
    assert_eq!(session.find(&[]).unwrap(), []);
}

#[test]
fn an_attribute_given_twice_with_one_value_counts_once() {
    let token = Token::new();
    let session = token.user();
    let label: Pair = (CKA_LABEL, b"once");
    let data = session.create(&[(CKA_CLASS, DATA), label, (CKA_CLASS, DATA), label]).unwrap();
    let key = session.aes_key(&[(CKA_VALUE_LEN, LENGTH_32), label, label]);
    assert_eq!(session.find(&[label, label]).unwrap().len(), 2);
    for object in [data, key] {
        assert_eq!(session.get(object, CKA_LABEL).unwrap(), b"once");
        expect("set", session.set(object, &[label, label]), CKR_OK);
        let rv = session.set(object, &[label, (CKA_LABEL, b"twice")]);
        expect("two values", rv, CKR_TEMPLATE_INCONSISTENT);
    }
}

#[test]
fn null_pointers_are_refused() {
    let token = Token::new();
    let session = token.user();
    let mut handle = 7;
    let rv = call!(session.api, C_CreateObject(session.handle, null_mut(), 3, &mut handle));
    expect("template", rv, CKR_ARGUMENTS_BAD);
    let mut template = Attributes::new(&[(CKA_CLASS, DATA)]);
    let rv = call!(session.api, C_CreateObject(session.handle, template.as_mut_ptr(), 1, null_mut()));
    expect("handle", rv, CKR_ARGUMENTS_BAD);
    let mut without_value = CK_ATTRIBUTE { type_: CKA_CLASS, pValue: null_mut(), ulValueLen: 8 };
    let rv = call!(session.api, C_CreateObject(session.handle, &mut without_value, 1, &mut handle));
    expect_one_of("value", rv, &[CKR_ARGUMENTS_BAD, CKR_ATTRIBUTE_VALUE_INVALID]);
    let rv = call!(session.api, C_CreateObject(session.handle, null_mut(), 0, &mut handle));
    expect("no attributes", rv, CKR_TEMPLATE_INCOMPLETE);
    let mut endless = CK_ATTRIBUTE { type_: CKA_CLASS, pValue: null_mut(), ulValueLen: CK_ULONG::MAX };
    let rv = call!(session.api, C_CreateObject(session.handle, &mut endless, 1, &mut handle));
    expect_one_of("endless", rv, &[CKR_ARGUMENTS_BAD, CKR_ATTRIBUTE_VALUE_INVALID]);
    assert_eq!(session.find(&[]).unwrap(), []);
}

#[test]
fn an_empty_attribute_may_have_no_pointer() {
    let token = Token::new();
    let session = token.user();
    let mut template = [
        CK_ATTRIBUTE { type_: CKA_CLASS, pValue: DATA.as_ptr() as *mut _, ulValueLen: 8 },
        CK_ATTRIBUTE { type_: CKA_LABEL, pValue: null_mut(), ulValueLen: 0 },
    ];
    let mut handle = 0;
    let rv = call!(session.api, C_CreateObject(session.handle, template.as_mut_ptr(), 2, &mut handle));
    expect("create", rv, CKR_OK);
    assert_eq!(session.get(handle, CKA_LABEL).unwrap(), b"");
}

#[test]
fn private_objects_need_a_login() {
    let token = Token::new();
    let session = token.open(READ_WRITE);
    let private: [Pair; 2] = [(CKA_CLASS, DATA), (CKA_PRIVATE, YES)];
    expect("private data", session.create(&private).unwrap_err(), CKR_USER_NOT_LOGGED_IN);
    let keygen = || Mechanism::plain(CKM_AES_KEY_GEN);
    for kept in [(CKA_PRIVATE, YES), (CKA_TOKEN, YES)] {
        let key: [Pair; 4] = [(CKA_CLASS, SECRET_KEY), (CKA_KEY_TYPE, AES), (CKA_VALUE, &[1; 32]), kept];
        expect("create", session.create(&key).unwrap_err(), CKR_USER_NOT_LOGGED_IN);
        let rv = session.generate(keygen(), &[(CKA_VALUE_LEN, LENGTH_32), kept]).unwrap_err();
        expect("generate", rv, CKR_USER_NOT_LOGGED_IN);
    }
    let public = session.create(&[(CKA_CLASS, DATA), (CKA_TOKEN, YES)]).expect("public data");
    let rv = session.copy(public, &[(CKA_PRIVATE, YES)]).unwrap_err();
    expect("private copy", rv, CKR_USER_NOT_LOGGED_IN);
    let public_key = [(CKA_VALUE_LEN, LENGTH_32), (CKA_PRIVATE, NO)];
    assert!(session.generate(keygen(), &public_key).is_ok());
    expect("officer", session.login(CKU_SO, SO_PIN), CKR_OK);
    expect("the officer is no user", session.create(&private).unwrap_err(), CKR_USER_NOT_LOGGED_IN);
}

/// It could not be made otherwise, and programs do: after a login the same template makes a private one.
#[test]
fn a_session_key_of_nobody_is_public() {
    let token = Token::new();
    let session = token.open(READ_WRITE);
    let key: [Pair; 3] = [(CKA_CLASS, SECRET_KEY), (CKA_KEY_TYPE, AES), (CKA_VALUE, &[1; 32])];
    let by = || Mechanism::plain(CKM_AES_KEY_GEN);
    let length: [Pair; 1] = [(CKA_VALUE_LEN, LENGTH_32)];
    for made in [session.create(&key).unwrap(), session.generate(by(), &length).unwrap()] {
        assert!(!session.flag(made, CKA_PRIVATE));
        assert!(session.flag(made, CKA_SENSITIVE), "no less secret than others");
    }
    let user = token.user();
    for made in [user.create(&key).unwrap(), user.generate(by(), &length).unwrap()] {
        assert!(user.flag(made, CKA_PRIVATE));
    }
}

#[test]
fn a_key_is_generated_with_its_length_and_history() {
    let token = Token::new();
    let session = token.user();
    for bytes in [16, 24, 32] {
        let length = number(bytes);
        let template = [(CKA_VALUE_LEN, length.as_slice()), (CKA_TOKEN, YES)];
        let key = session.generate(Mechanism::plain(CKM_AES_KEY_GEN), &template).unwrap();
        assert_eq!(session.get(key, CKA_VALUE_LEN).unwrap(), length);
        for (kind, value) in [
            (CKA_LOCAL, true),
            (CKA_ALWAYS_SENSITIVE, true),
            (CKA_NEVER_EXTRACTABLE, true),
            (CKA_SENSITIVE, true),
            (CKA_EXTRACTABLE, false),
            (CKA_PRIVATE, true),
        ] {
            assert_eq!(session.flag(key, kind), value, "{kind:#x}");
        }
        assert_eq!(session.get(key, CKA_KEY_GEN_MECHANISM).unwrap(), number(CKM_AES_KEY_GEN));
        assert_eq!(session.get(key, CKA_CHECK_VALUE).unwrap().len(), 3);
    }
}

#[test]
fn generation_refuses_wrong_templates_and_mechanisms() {
    let token = Token::new();
    let session = token.user();
    let aes = |pairs: &[Pair]| session.generate(Mechanism::plain(CKM_AES_KEY_GEN), pairs).unwrap_err();
    expect("no length", aes(&[]), CKR_TEMPLATE_INCOMPLETE);
    for bytes in [0, 1, 15, 33, 128, 256, u64::MAX] {
        expect("length", aes(&[(CKA_VALUE_LEN, &number(bytes))]), CKR_ATTRIBUTE_VALUE_INVALID);
    }
    expect("length of 4 bytes", aes(&[(CKA_VALUE_LEN, &[32, 0, 0, 0])]), CKR_ATTRIBUTE_VALUE_INVALID);
    let rv = aes(&[(CKA_VALUE_LEN, LENGTH_32), (CKA_KEY_TYPE, GENERIC)]);
    expect("another type", rv, CKR_TEMPLATE_INCONSISTENT);
    let rv = aes(&[(CKA_VALUE_LEN, LENGTH_32), (CKA_CLASS, DATA)]);
    expect("another class", rv, CKR_TEMPLATE_INCONSISTENT);
    let rv = aes(&[(CKA_VALUE_LEN, LENGTH_32), (CKA_VALUE, &[1; 32])]);
    expect("a value", rv, CKR_ATTRIBUTE_READ_ONLY);
    let by = |mechanism| session.generate(mechanism, &[(CKA_VALUE_LEN, LENGTH_32)]).unwrap_err();
    expect("no generator", by(Mechanism::plain(CKM_AES_GCM)), CKR_MECHANISM_INVALID);
    expect("unknown", by(Mechanism::plain(0x7777_7777)), CKR_MECHANISM_INVALID);
    expect("parameter", by(Mechanism::with(CKM_AES_KEY_GEN, &[1; 8])), CKR_MECHANISM_PARAM_INVALID);
    assert_eq!(session.find(&[]).unwrap(), []);
}

#[test]
fn generic_secrets_have_the_length_asked_for() {
    let token = Token::new();
    let session = token.user();
    let open: [Pair; 2] = [(CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)];
    for bytes in [1, 20, 64, 200] {
        let length = number(bytes);
        let template = [&[(CKA_VALUE_LEN, length.as_slice())], &open[..]].concat();
        let key = session.generate(Mechanism::plain(CKM_GENERIC_SECRET_KEY_GEN), &template).unwrap();
        assert_eq!(session.get(key, CKA_VALUE).unwrap().len() as u64, bytes);
        assert_eq!(session.get(key, CKA_KEY_TYPE).unwrap(), GENERIC);
    }
    let rv = session.generate(Mechanism::plain(CKM_GENERIC_SECRET_KEY_GEN), &open).unwrap_err();
    expect("no length", rv, CKR_TEMPLATE_INCOMPLETE);
    for bytes in [0, 4097, 1 << 19, u64::MAX] {
        let length = number(bytes);
        let template = [(CKA_VALUE_LEN, length.as_slice())];
        let rv = session.generate(Mechanism::plain(CKM_GENERIC_SECRET_KEY_GEN), &template).unwrap_err();
        expect(&format!("{bytes} bytes"), rv, CKR_ATTRIBUTE_VALUE_INVALID);
    }
}

#[test]
fn no_two_keys_are_alike() {
    let token = Token::new();
    let session = token.user();
    let open: [Pair; 2] = [(CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)];
    let values: std::collections::HashSet<_> =
        (0..200).map(|_| session.get(session.aes_key(&open), CKA_VALUE).unwrap()).collect();
    assert_eq!(values.len(), 200);
    assert!(values.iter().all(|value| value.len() == 32));
}
