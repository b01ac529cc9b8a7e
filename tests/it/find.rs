//! C_FindObjectsInit, C_FindObjects, C_FindObjectsFinal (PKCS#11 3.0 sec. 5.7.7 to 5.7.9).

use crate::support::*;
use cryptoki_sys::*;
use std::collections::BTreeSet;
use std::ptr::null_mut;

const DATA: &[u8] = &number(CKO_DATA);
const SECRET_KEY: &[u8] = &number(CKO_SECRET_KEY);

fn init(session: &Session, pairs: &[Pair]) -> CK_RV {
    let mut template = Attributes::new(pairs);
    let count = template.count();
    call!(session.api, C_FindObjectsInit(session.handle, template.as_mut_ptr(), count))
}

fn next(session: &Session, most: usize) -> Result<Vec<CK_OBJECT_HANDLE>, CK_RV> {
    let mut found = vec![0; most.max(1)];
    let mut count = 99;
    let rv =
        call!(session.api, C_FindObjects(session.handle, found.as_mut_ptr(), most as CK_ULONG, &mut count));
    found.truncate(count as usize);
    if rv == CKR_OK { Ok(found) } else { Err(rv) }
}

fn finish(session: &Session) -> CK_RV {
    call!(session.api, C_FindObjectsFinal(session.handle))
}

fn found(session: &Session, pairs: &[Pair]) -> BTreeSet<CK_OBJECT_HANDLE> {
    let found = session.find(pairs).expect("a search");
    let set: BTreeSet<_> = found.iter().copied().collect();
    assert_eq!(set.len(), found.len(), "no object twice");
    set
}

#[test]
fn a_search_goes_its_way() {
    let token = Token::new();
    let session = token.user();
    let objects: BTreeSet<_> = (0..10).map(|_| session.aes_key(&[])).collect();
    expect("next before", next(&session, 1).unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
    expect("final before", finish(&session), CKR_OPERATION_NOT_INITIALIZED);
    expect("init", init(&session, &[]), CKR_OK);
    expect("again", init(&session, &[]), CKR_OPERATION_ACTIVE);
    let mut seen = Vec::new();
    for most in [3, 1, 0, 4, 100] {
        let part = next(&session, most).unwrap();
        assert!(part.len() <= most);
        seen.extend(part);
    }
    assert_eq!(seen.iter().copied().collect::<BTreeSet<_>>(), objects);
    assert_eq!(seen.len(), 10);
    for _ in 0..3 {
        assert_eq!(next(&session, 5).unwrap(), [], "the end stays the end");
    }
    expect("final", finish(&session), CKR_OK);
    expect("final again", finish(&session), CKR_OPERATION_NOT_INITIALIZED);
    expect("next after", next(&session, 1).unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
}

#[test]
fn a_search_ends_early() {
    let token = Token::new();
    let session = token.user();
    for _ in 0..10 {
        session.aes_key(&[]);
    }
    expect("init", init(&session, &[]), CKR_OK);
    assert_eq!(next(&session, 2).unwrap().len(), 2);
    expect("final", finish(&session), CKR_OK);
    assert_eq!(found(&session, &[]).len(), 10);
}

#[test]
fn null_arguments_are_refused() {
    let token = Token::new();
    let session = token.user();
    let rv = call!(session.api, C_FindObjectsInit(session.handle, null_mut(), 1));
    expect("template", rv, CKR_ARGUMENTS_BAD);
    let rv = call!(session.api, C_FindObjectsInit(session.handle, null_mut(), 0));
    expect("all objects", rv, CKR_OK);
    let (mut object, mut count) = (0, 0);
    let rv = call!(session.api, C_FindObjects(session.handle, null_mut(), 1, &mut count));
    expect("objects", rv, CKR_ARGUMENTS_BAD);
    expect("stop", finish(&session), CKR_OK);
    expect("init", init(&session, &[]), CKR_OK);
    let rv = call!(session.api, C_FindObjects(session.handle, &mut object, 1, null_mut()));
    expect("count", rv, CKR_ARGUMENTS_BAD);
    expect("stop", finish(&session), CKR_OK);
    expect("no session", init(&token.module.session(0), &[]), CKR_SESSION_HANDLE_INVALID);
}

#[test]
fn searches_in_two_sessions_do_not_meet() {
    let token = Token::new();
    let (one, other) = (token.user(), token.open(READ_ONLY));
    let (a, b) = (one.aes_key(&[(CKA_LABEL, b"a")]), one.aes_key(&[(CKA_LABEL, b"b")]));
    expect("one", init(&one, &[(CKA_LABEL, b"a")]), CKR_OK);
    expect("other", init(&other, &[(CKA_LABEL, b"b")]), CKR_OK);
    assert_eq!(next(&one, 5).unwrap(), [a]);
    assert_eq!(next(&other, 5).unwrap(), [b]);
    expect("one", finish(&one), CKR_OK);
    assert_eq!(next(&other, 5).unwrap(), []);
    expect("other", finish(&other), CKR_OK);
}

#[test]
fn objects_match_by_every_attribute_given() {
    let token = Token::new();
    let session = token.user();
    for kept in [YES, NO] {
        let place: Pair = (CKA_TOKEN, kept);
        let a = session.aes_key(&[place, (CKA_LABEL, b"one"), (CKA_ID, b"1")]);
        let b = session.aes_key(&[place, (CKA_LABEL, b"two"), (CKA_ID, b"1"), (CKA_DECRYPT, NO)]);
        let data: [Pair; 4] = [(CKA_CLASS, DATA), place, (CKA_LABEL, b"one"), (CKA_VALUE, b"v")];
        let c = session.create(&data).unwrap();
        let d = session.create(&[(CKA_CLASS, DATA), place]).unwrap();
        let aes = number(CKK_AES);
        let rows: &[(&[Pair], &[CK_OBJECT_HANDLE])] = &[
            (&[], &[a, b, c, d]),
            (&[(CKA_LABEL, b"one")], &[a, c]),
            (&[(CKA_LABEL, b"one"), (CKA_CLASS, SECRET_KEY)], &[a]),
            (&[(CKA_ID, b"1")], &[a, b]),
            (&[(CKA_ID, b"1"), (CKA_LABEL, b"two")], &[b]),
            (&[(CKA_CLASS, SECRET_KEY)], &[a, b]),
            (&[(CKA_CLASS, DATA)], &[c, d]),
            (&[(CKA_KEY_TYPE, &aes)], &[a, b]),
            (&[(CKA_KEY_TYPE, &aes), (CKA_DECRYPT, YES)], &[a]),
            (&[(CKA_DECRYPT, NO)], &[b]),
            (&[(CKA_PRIVATE, NO)], &[c, d]),
            (&[(CKA_VALUE, b"v")], &[c]),
            (&[(CKA_LABEL, b"")], &[d]),
            (&[(CKA_LABEL, b"on")], &[]),
            (&[(CKA_LABEL, b"one ")], &[]),
            (&[(CKA_LABEL, b"ONE")], &[]),
            (&[(CKA_ID, b"")], &[]),
            (&[(CKA_CLASS, &[4, 0, 0, 0])], &[]),
            (&[(CKA_TOKEN, &[7])], &[]),
            (&[(CKA_TOKEN, YES), (CKA_TOKEN, NO)], &[]),
            (&[(CKA_TOKEN, NO), (CKA_TOKEN, YES)], &[]),
            (&[(CKA_LABEL, b"one"), (CKA_LABEL, b"two")], &[]),
            (&[(CKA_CLASS, DATA), (CKA_CLASS, SECRET_KEY)], &[]),
            (&[(CKA_PRIVATE, YES), (CKA_PRIVATE, NO)], &[]),
            (&[(CKA_PRIVATE, &[1, 0])], &[]),
            (&[(CKA_PRIVATE, b"")], &[]),
            (&[(CKA_CLASS, DATA), (CKA_KEY_TYPE, &aes)], &[]),
            (&[(CKA_CLASS, DATA), (CKA_ID, b"")], &[]),
            (&[(CKA_VALUE_LEN, &number(32))], &[a, b]),
            (&[(CKA_VALUE_LEN, &[32, 0, 0, 0])], &[]),
            (&[(CKA_START_DATE, b"")], &[a, b]),
            (&[(CKA_ALLOWED_MECHANISMS, b"")], &[]),
            (&[(CKA_UNIQUE_ID, b"")], &[]),
        ];
        for (pairs, wanted) in rows {
            let in_place = [pairs, &[place][..]].concat();
            let by_place =
                if pairs.iter().any(|(kind, _)| *kind == CKA_TOKEN) { pairs } else { &in_place[..] };
            let wanted: BTreeSet<_> = wanted.iter().copied().collect();
            let kinds: Vec<_> = pairs.iter().map(|(kind, value)| format!("{kind:#x} {value:x?}")).collect();
            assert_eq!(found(&session, by_place), wanted, "{kinds:?} CKA_TOKEN {kept:?}");
        }
    }
    assert_eq!(found(&session, &[]).len(), 8);
    assert_eq!(found(&session, &[(CKA_LABEL, b"one")]).len(), 4, "session and token objects together");
}

#[test]
fn a_search_for_what_no_object_has_finds_nothing_or_is_refused() {
    let token = Token::new();
    let session = token.user();
    session.aes_key(&[]);
    for pair in [(CKA_VENDOR_DEFINED, YES), (CKA_MODULUS, &[1][..]), (CKA_APPLICATION, b"")] {
        match session.find(&[pair]) {
            Ok(found) => assert_eq!(found, []),
            Err(rv) => {
                expect_one_of("search", rv, &[CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_VALUE_INVALID])
            }
        }
        assert!(session.find(&[]).is_ok(), "a refused search leaves none active");
    }
}

#[test]
fn many_objects_are_found_once_each() {
    let token = Token::new();
    let session = token.user();
    let mut wanted = BTreeSet::new();
    for at in 0..300u32 {
        let label = format!("key {}", at % 3);
        let kept = if at % 2 == 0 { YES } else { NO };
        let key = session.aes_key(&[(CKA_TOKEN, kept), (CKA_LABEL, label.as_bytes())]);
        if at % 3 == 1 {
            wanted.insert(key);
        }
    }
    assert_eq!(found(&session, &[(CKA_LABEL, b"key 1")]), wanted);
    assert_eq!(found(&session, &[]).len(), 300);
}

#[test]
fn a_search_lives_through_changes() {
    let token = Token::new();
    let session = token.user();
    let keys: Vec<_> = (0..20).map(|_| session.aes_key(&[(CKA_TOKEN, YES)])).collect();
    expect("init", init(&session, &[]), CKR_OK);
    assert_eq!(next(&session, 5).unwrap().len(), 5);
    for key in &keys {
        expect("destroy", session.destroy(*key), CKR_OK);
    }
    session.aes_key(&[(CKA_TOKEN, YES)]);
    assert!(next(&session, 100).unwrap().len() <= 16);
    expect("final", finish(&session), CKR_OK);
    assert_eq!(found(&session, &[]).len(), 1);
}
