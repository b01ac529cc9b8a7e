//! C_GetAttributeValue: every attribute is answered by itself, whatever the others give (PKCS#11 3.0 sec. 5.7.5).

use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;

const GONE: CK_ULONG = CK_UNAVAILABLE_INFORMATION;

/// One attribute asked for: its type, the room offered (`None`: a null pointer), and what must become of it.
struct Ask {
    kind: CK_ATTRIBUTE_TYPE,
    room: Option<usize>,
    length: CK_ULONG,
    value: &'static [u8],
}

fn size(kind: CK_ATTRIBUTE_TYPE, length: CK_ULONG) -> Ask {
    Ask { kind, room: None, length, value: b"" }
}

fn value(kind: CK_ATTRIBUTE_TYPE, room: usize, value: &'static [u8]) -> Ask {
    Ask { kind, room: Some(room), length: value.len() as CK_ULONG, value }
}

fn refused(kind: CK_ATTRIBUTE_TYPE, room: Option<usize>) -> Ask {
    Ask { kind, room, length: GONE, value: b"" }
}

/// Makes the call and checks every answer; returns its code.
fn ask(session: &Session, object: CK_OBJECT_HANDLE, asks: &[Ask]) -> CK_RV {
    let mut buffers: Vec<Vec<u8>> = asks.iter().map(|ask| vec![0xee; ask.room.unwrap_or(0) + 8]).collect();
    let mut template: Vec<_> = asks
        .iter()
        .zip(&mut buffers)
        .map(|(ask, buffer)| CK_ATTRIBUTE {
            type_: ask.kind,
            pValue: ask.room.map_or(null_mut(), |_| buffer.as_mut_ptr().cast()),
            ulValueLen: ask.room.unwrap_or(77) as CK_ULONG,
        })
        .collect();
    let count = template.len() as CK_ULONG;
    let rv = call!(session.api, C_GetAttributeValue(session.handle, object, template.as_mut_ptr(), count));
    for ((ask, buffer), attribute) in asks.iter().zip(&buffers).zip(&template) {
        assert_eq!(attribute.ulValueLen, ask.length, "length of {:#x}", ask.kind);
        assert_eq!(attribute.type_, ask.kind);
        let (written, rest) = buffer.split_at(ask.value.len());
        assert_eq!(written, ask.value, "{:#x}", ask.kind);
        assert!(rest.iter().all(|byte| *byte == 0xee), "{:#x} wrote beyond its value", ask.kind);
    }
    rv
}

fn key(session: &Session) -> CK_OBJECT_HANDLE {
    session.aes_key(&[(CKA_LABEL, b"a label"), (CKA_ID, b"id")])
}

#[test]
fn sizes_then_values() {
    let token = Token::new();
    let session = token.user();
    let key = key(&session);
    let sizes = [size(CKA_LABEL, 7), size(CKA_ID, 2), size(CKA_TOKEN, 1), size(CKA_CLASS, 8)];
    expect("sizes", ask(&session, key, &sizes), CKR_OK);
    let values = [
        value(CKA_LABEL, 7, b"a label"),
        value(CKA_ID, 20, b"id"),
        value(CKA_TOKEN, 1, &[0]),
        value(CKA_CLASS, 8, const { &number(CKO_SECRET_KEY) }),
        value(CKA_START_DATE, 8, b""),
        size(CKA_END_DATE, 0),
    ];
    expect("values", ask(&session, key, &values), CKR_OK);
    expect_one_of("nothing", ask(&session, key, &[]), &[CKR_OK, CKR_ARGUMENTS_BAD]);
}

#[test]
fn one_refusal_leaves_the_others_answered() {
    let token = Token::new();
    let session = token.user();
    let key = key(&session);
    let rows: [(&str, Ask, CK_RV); 8] = [
        ("sensitive, size", refused(CKA_VALUE, None), CKR_ATTRIBUTE_SENSITIVE),
        ("sensitive, value", refused(CKA_VALUE, Some(32)), CKR_ATTRIBUTE_SENSITIVE),
        ("sensitive, small", refused(CKA_VALUE, Some(1)), CKR_ATTRIBUTE_SENSITIVE),
        ("no attribute, size", refused(CKA_MODULUS, None), CKR_ATTRIBUTE_TYPE_INVALID),
        ("no attribute, value", refused(CKA_APPLICATION, Some(9)), CKR_ATTRIBUTE_TYPE_INVALID),
        ("vendor's", refused(CKA_VENDOR_DEFINED | 5, None), CKR_ATTRIBUTE_TYPE_INVALID),
        ("too small", refused(CKA_LABEL, Some(6)), CKR_BUFFER_TOO_SMALL),
        ("no room", refused(CKA_CLASS, Some(0)), CKR_BUFFER_TOO_SMALL),
    ];
    for (what, bad, rv) in rows {
        let asks = [value(CKA_ID, 2, b"id"), bad, value(CKA_LABEL, 7, b"a label"), size(CKA_TOKEN, 1)];
        expect(what, ask(&session, key, &asks), rv);
    }
}

#[test]
fn several_refusals_give_one_of_their_codes() {
    let token = Token::new();
    let session = token.user();
    let key = key(&session);
    let sensitive = || refused(CKA_VALUE, Some(32));
    let none = || refused(CKA_MODULUS, Some(32));
    let small = || refused(CKA_LABEL, Some(3));
    let good = || value(CKA_ID, 2, b"id");
    let (of_sensitive, of_none, of_small) =
        (CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID, CKR_BUFFER_TOO_SMALL);
    let rows: Vec<(Vec<Ask>, Vec<CK_RV>)> = vec![
        (vec![sensitive(), none(), good()], vec![of_sensitive, of_none]),
        (vec![none(), good(), sensitive()], vec![of_sensitive, of_none]),
        (vec![small(), good(), sensitive()], vec![of_small, of_sensitive]),
        (vec![good(), none(), small()], vec![of_none, of_small]),
        (vec![small(), none(), good(), sensitive()], vec![of_sensitive, of_none, of_small]),
    ];
    for (asks, codes) in rows {
        expect_one_of("several", ask(&session, key, &asks), &codes);
    }
}

#[test]
fn the_same_attribute_may_be_asked_for_twice() {
    let token = Token::new();
    let session = token.user();
    let key = key(&session);
    let asks = [value(CKA_LABEL, 7, b"a label"), size(CKA_LABEL, 7), refused(CKA_LABEL, Some(1))];
    expect("twice", ask(&session, key, &asks), CKR_BUFFER_TOO_SMALL);
}

#[test]
fn null_templates_are_refused() {
    let token = Token::new();
    let session = token.user();
    let key = key(&session);
    let rv = call!(session.api, C_GetAttributeValue(session.handle, key, null_mut(), 1));
    expect("null", rv, CKR_ARGUMENTS_BAD);
    let mut one = CK_ATTRIBUTE { type_: CKA_CLASS, pValue: null_mut(), ulValueLen: 0 };
    let rv = call!(session.api, C_GetAttributeValue(session.handle, key, &mut one, 0));
    expect("nothing is asked for", rv, CKR_OK);
    assert_eq!(one.ulValueLen, 0);
    let rv = call!(session.api, C_GetAttributeValue(session.handle, 0, &mut one, 1));
    expect("no object", rv, CKR_OBJECT_HANDLE_INVALID);
    let rv = call!(session.api, C_GetAttributeValue(0, key, &mut one, 1));
    expect("no session", rv, CKR_SESSION_HANDLE_INVALID);
}

#[test]
fn every_attribute_of_a_readable_key_is_read() {
    let token = Token::new();
    let session = token.user();
    let key = session.known_key(CKK_AES, &[9; 24], &[(CKA_LABEL, b"l"), (CKA_ID, b"i")]);
    let unavailable = number(CK_UNAVAILABLE_INFORMATION);
    let (class, kind, length) = (number(CKO_SECRET_KEY), number(CKK_AES), number(24));
    let rows: &[Pair] = &[
        (CKA_CLASS, &class),
        (CKA_KEY_TYPE, &kind),
        (CKA_VALUE, &[9; 24]),
        (CKA_VALUE_LEN, &length),
        (CKA_TOKEN, NO),
        (CKA_PRIVATE, NO),
        (CKA_LABEL, b"l"),
        (CKA_ID, b"i"),
        (CKA_MODIFIABLE, YES),
        (CKA_COPYABLE, YES),
        (CKA_DESTROYABLE, YES),
        (CKA_SENSITIVE, NO),
        (CKA_EXTRACTABLE, YES),
        (CKA_ALWAYS_SENSITIVE, NO),
        (CKA_NEVER_EXTRACTABLE, NO),
        (CKA_LOCAL, NO),
        (CKA_KEY_GEN_MECHANISM, &unavailable),
        (CKA_ENCRYPT, YES),
        (CKA_DECRYPT, YES),
        (CKA_SIGN, YES),
        (CKA_VERIFY, YES),
        (CKA_WRAP, YES),
        (CKA_UNWRAP, YES),
        (CKA_DERIVE, NO),
        (CKA_TRUSTED, NO),
        (CKA_WRAP_WITH_TRUSTED, NO),
        (CKA_START_DATE, b""),
        (CKA_END_DATE, b""),
    ];
    for (kind, value) in rows {
        assert_eq!(session.get(key, *kind).unwrap(), *value, "{kind:#x}");
    }
}
