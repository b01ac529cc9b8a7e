//! C_CopyObject, C_DestroyObject, C_GetObjectSize, C_SetAttributeValue (PKCS#11 3.0 sec. 5.7.2 to 5.7.4, 5.7.6).

use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;

const DATA: &[u8] = &number(CKO_DATA);

fn data<'a>(more: &[Pair<'a>]) -> Vec<Pair<'a>> {
    [&[(CKA_CLASS, DATA)], more].concat()
}

#[test]
fn a_copy_is_an_object_of_its_own() {
    let token = Token::new();
    let session = token.user();
    let source = session.create(&data(&[(CKA_LABEL, b"first"), (CKA_VALUE, b"value")])).unwrap();
    let copy = session.copy(source, &[(CKA_LABEL, b"second"), (CKA_TOKEN, YES)]).unwrap();
    assert_ne!(copy, source);
    assert_eq!(session.get(source, CKA_LABEL).unwrap(), b"first");
    assert_eq!(session.get(copy, CKA_LABEL).unwrap(), b"second");
    assert_eq!(session.get(copy, CKA_VALUE).unwrap(), b"value");
    assert_ne!(session.get(copy, CKA_UNIQUE_ID).unwrap(), session.get(source, CKA_UNIQUE_ID).unwrap());
    expect("destroy", session.destroy(source), CKR_OK);
    assert_eq!(session.get(copy, CKA_VALUE).unwrap(), b"value");
    let plain = session.copy(copy, &[]).expect("an empty template");
    assert!(session.flag(plain, CKA_TOKEN), "a copy of a token object is one");
}

#[test]
fn a_copy_of_a_key_is_the_same_key() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    let copy = session.copy(key, &[(CKA_TOKEN, YES)]).unwrap();
    for kind in
        [CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_CHECK_VALUE, CKA_KEY_GEN_MECHANISM]
    {
        assert_eq!(session.get(copy, kind).unwrap(), session.get(key, kind).unwrap(), "{kind:#x}");
    }
    let by = || Mechanism::with(CKM_AES_CBC_PAD, &[3; 16]);
    expect("encrypt", session.encrypt_init(by(), key), CKR_OK);
    let ciphertext = session.encrypt(b"for both").unwrap();
    expect("decrypt", session.decrypt_init(by(), copy), CKR_OK);
    assert_eq!(session.decrypt(&ciphertext).unwrap(), b"for both");
}

#[test]
fn a_copy_never_says_more_than_its_source() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    let copy = |pairs: &[Pair]| session.copy(key, pairs).unwrap_err();
    expect("sensitive", copy(&[(CKA_SENSITIVE, NO)]), CKR_ATTRIBUTE_READ_ONLY);
    expect("extractable", copy(&[(CKA_EXTRACTABLE, YES)]), CKR_ATTRIBUTE_READ_ONLY);
    expect("private", copy(&[(CKA_PRIVATE, NO)]), CKR_TEMPLATE_INCONSISTENT);
    expect("value", copy(&[(CKA_VALUE, &[1; 32])]), CKR_ATTRIBUTE_READ_ONLY);
    expect("type", copy(&[(CKA_KEY_TYPE, &number(CKK_DES3))]), CKR_ATTRIBUTE_READ_ONLY);
    expect("unknown", copy(&[(CKA_VENDOR_DEFINED, YES)]), CKR_ATTRIBUTE_TYPE_INVALID);
    assert_eq!(session.find(&[]).unwrap(), [key], "no copy was made");
}

#[test]
fn uncopyable_objects_are_not_copied() {
    let token = Token::new();
    let session = token.user();
    let object = session.create(&data(&[(CKA_COPYABLE, NO)])).unwrap();
    expect("copy", session.copy(object, &[]).unwrap_err(), CKR_ACTION_PROHIBITED);
    expect("turn it", session.set(object, &[(CKA_COPYABLE, YES)]), CKR_ATTRIBUTE_READ_ONLY);
}

#[test]
fn indestructible_objects_stay() {
    let token = Token::new();
    let session = token.user();
    for kept in [YES, NO] {
        let object = session.create(&data(&[(CKA_DESTROYABLE, NO), (CKA_TOKEN, kept)])).unwrap();
        expect("destroy", session.destroy(object), CKR_ACTION_PROHIBITED);
        assert!(session.get(object, CKA_CLASS).is_ok());
    }
}

#[test]
fn a_destroyed_object_is_gone_and_its_handle_stays_unused() {
    let token = Token::new();
    let (session, other) = (token.user(), token.open(READ_WRITE));
    for kept in [YES, NO] {
        let object = session.create(&data(&[(CKA_TOKEN, kept)])).unwrap();
        assert!(other.get(object, CKA_CLASS).is_ok(), "sessions share their objects");
        expect("destroy", other.destroy(object), CKR_OK);
        expect("again", session.destroy(object), CKR_OBJECT_HANDLE_INVALID);
        expect("get", session.get(object, CKA_CLASS).unwrap_err(), CKR_OBJECT_HANDLE_INVALID);
        expect("set", session.set(object, &[(CKA_LABEL, b"x")]), CKR_OBJECT_HANDLE_INVALID);
        expect("size", session.size(object).unwrap_err(), CKR_OBJECT_HANDLE_INVALID);
        expect("copy", session.copy(object, &[]).unwrap_err(), CKR_OBJECT_HANDLE_INVALID);
        for _ in 0..50 {
            assert_ne!(session.create(&data(&[(CKA_TOKEN, kept)])).unwrap(), object);
        }
    }
}

#[test]
fn handles_that_are_none() {
    let token = Token::new();
    let session = token.user();
    for handle in [0, 1 << 20, 1 << 40, CK_OBJECT_HANDLE::MAX, session.handle + 99] {
        expect("destroy", session.destroy(handle), CKR_OBJECT_HANDLE_INVALID);
        expect("get", session.get(handle, CKA_CLASS).unwrap_err(), CKR_OBJECT_HANDLE_INVALID);
        expect("set", session.set(handle, &[(CKA_LABEL, b"x")]), CKR_OBJECT_HANDLE_INVALID);
        expect("size", session.size(handle).unwrap_err(), CKR_OBJECT_HANDLE_INVALID);
        expect("copy", session.copy(handle, &[]).unwrap_err(), CKR_OBJECT_HANDLE_INVALID);
    }
}

#[test]
fn sizes_grow_with_objects() {
    let token = Token::new();
    let session = token.user();
    let small = session.create(&data(&[])).unwrap();
    let large = session.create(&data(&[(CKA_VALUE, &[1; 3000])])).unwrap();
    let key = session.aes_key(&[]);
    assert!(session.size(small).unwrap() > 0);
    assert!(session.size(large).unwrap() >= session.size(small).unwrap() + 3000);
    assert!(session.size(key).unwrap() >= 32);
    let rv = call!(session.api, C_GetObjectSize(session.handle, small, null_mut()));
    expect("null", rv, CKR_ARGUMENTS_BAD);
}

#[test]
fn attributes_are_set_all_or_none() {
    let token = Token::new();
    let session = token.user();
    for kept in [YES, NO] {
        let key = session.aes_key(&[(CKA_TOKEN, kept), (CKA_LABEL, b"old")]);
        let changes: [Pair; 3] = [(CKA_LABEL, b"new"), (CKA_ID, b"id"), (CKA_ENCRYPT, NO)];
        let rv = session.set(key, &[&changes[..], &[(CKA_LOCAL, YES)]].concat());
        expect("one is read-only", rv, CKR_ATTRIBUTE_READ_ONLY);
        assert_eq!(session.get(key, CKA_LABEL).unwrap(), b"old");
        assert!(session.flag(key, CKA_ENCRYPT));
        expect("all good", session.set(key, &changes), CKR_OK);
        assert_eq!(session.get(key, CKA_LABEL).unwrap(), b"new");
        assert!(!session.flag(key, CKA_ENCRYPT));
        let rv = session.encrypt_init(Mechanism::plain(CKM_AES_ECB), key);
        expect("used at once", rv, CKR_KEY_FUNCTION_NOT_PERMITTED);
    }
}

#[test]
fn setting_refuses_what_cannot_be_set() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    let rows: &[(Pair, CK_RV)] = &[
        ((CKA_CLASS, DATA), CKR_ATTRIBUTE_READ_ONLY),
        ((CKA_TOKEN, YES), CKR_ATTRIBUTE_READ_ONLY),
        ((CKA_PRIVATE, NO), CKR_ATTRIBUTE_READ_ONLY),
        ((CKA_MODIFIABLE, NO), CKR_ATTRIBUTE_READ_ONLY),
        ((CKA_SENSITIVE, NO), CKR_ATTRIBUTE_READ_ONLY),
        ((CKA_EXTRACTABLE, YES), CKR_ATTRIBUTE_READ_ONLY),
        ((CKA_VALUE, &[1; 32]), CKR_ATTRIBUTE_READ_ONLY),
        ((CKA_UNIQUE_ID, b"x"), CKR_ATTRIBUTE_READ_ONLY),
        ((CKA_TRUSTED, YES), CKR_ATTRIBUTE_READ_ONLY),
        ((CKA_ENCRYPT, &[9]), CKR_ATTRIBUTE_VALUE_INVALID),
        ((CKA_VENDOR_DEFINED, YES), CKR_ATTRIBUTE_TYPE_INVALID),
        ((CKA_APPLICATION, b"x"), CKR_TEMPLATE_INCONSISTENT),
    ];
    for ((kind, value), rv) in rows {
        expect(&format!("{kind:#x}"), session.set(key, &[(*kind, value)]), *rv);
    }
    expect_one_of("nothing", session.set(key, &[]), &[CKR_OK, CKR_ARGUMENTS_BAD]);
    let fixed = session.create(&data(&[(CKA_MODIFIABLE, NO)])).unwrap();
    expect("fixed", session.set(fixed, &[(CKA_LABEL, b"x")]), CKR_ACTION_PROHIBITED);
    let rv = call!(session.api, C_SetAttributeValue(session.handle, key, null_mut(), 2));
    expect("null", rv, CKR_ARGUMENTS_BAD);
}

#[test]
fn the_officer_makes_public_certificates_trusted() {
    let token = Token::new();
    let session = token.open(READ_WRITE);
    expect("officer", session.login(CKU_SO, SO_PIN), CKR_OK);
    let (class, x509) = (number(CKO_CERTIFICATE), number(CKC_X_509));
    let template: [Pair; 6] = [
        (CKA_CLASS, &class),
        (CKA_CERTIFICATE_TYPE, &x509),
        (CKA_SUBJECT, b"s"),
        (CKA_VALUE, b"v"),
        (CKA_TOKEN, YES),
        (CKA_TRUSTED, YES),
    ];
    let certificate = session.create(&template).expect("by the officer");
    assert!(session.flag(certificate, CKA_TRUSTED));
    expect("logout", session.logout(), CKR_OK);
    expect("by nobody", session.create(&template).unwrap_err(), CKR_ATTRIBUTE_READ_ONLY);
    expect("user", session.login(CKU_USER, USER_PIN), CKR_OK);
    expect("by a user", session.create(&template).unwrap_err(), CKR_ATTRIBUTE_READ_ONLY);
    let rv = session.set(certificate, &[(CKA_LABEL, b"x")]);
    expect_one_of("trusted", rv, &[CKR_ACTION_PROHIBITED, CKR_ATTRIBUTE_READ_ONLY]);
}
