//! What must never come out: values of sensitive and of unextractable keys, by any call.

use crate::support::*;
use cryptoki_sys::*;

/// A key that is known to the test and locked in afterwards, by each of the ways that do so.
fn locked_keys(session: &Session, value: &[u8]) -> Vec<(&'static str, CK_OBJECT_HANDLE)> {
    let known = |pairs: &[Pair]| session.known_key(CKK_AES, value, pairs);
    let later = known(&[(CKA_LABEL, b"later")]);
    expect("set", session.set(later, &[(CKA_SENSITIVE, YES), (CKA_EXTRACTABLE, NO)]), CKR_OK);
    let source = known(&[]);
    let copied = session.copy(source, &[(CKA_SENSITIVE, YES), (CKA_EXTRACTABLE, NO)]).unwrap();
    expect("destroy", session.destroy(source), CKR_OK);
    let inside: [Pair; 2] = [(CKA_SENSITIVE, YES), (CKA_EXTRACTABLE, NO)];
    vec![
        ("created", known(&inside)),
        ("created on the token", known(&[&inside[..], &[(CKA_TOKEN, YES)]].concat())),
        ("private", known(&[&inside[..], &[(CKA_TOKEN, YES), (CKA_PRIVATE, YES)]].concat())),
        ("set later", later),
        ("copied", copied),
    ]
}

const VALUE: [u8; 32] = *b"This value must never be seen...";

#[test]
fn the_value_is_not_read() {
    let token = Token::new();
    let session = token.user();
    for (what, key) in locked_keys(&session, &VALUE) {
        expect(what, session.get(key, CKA_VALUE).unwrap_err(), CKR_ATTRIBUTE_SENSITIVE);
        let mut buffer = [0xee; 64];
        let mut attribute =
            CK_ATTRIBUTE { type_: CKA_VALUE, pValue: buffer.as_mut_ptr().cast(), ulValueLen: 64 };
        let rv = call!(session.api, C_GetAttributeValue(session.handle, key, &mut attribute, 1));
        expect(what, rv, CKR_ATTRIBUTE_SENSITIVE);
        assert_eq!(attribute.ulValueLen, CK_UNAVAILABLE_INFORMATION);
        assert_eq!(buffer, [0xee; 64], "{what}: nothing is written");
    }
}

#[test]
fn one_reason_is_enough() {
    let token = Token::new();
    let session = token.user();
    let rows: [(&[u8], &[u8], bool); 4] =
        [(NO, YES, true), (YES, YES, false), (NO, NO, false), (YES, NO, false)];
    for (sensitive, extractable, readable) in rows {
        let flags: [Pair; 2] = [(CKA_SENSITIVE, sensitive), (CKA_EXTRACTABLE, extractable)];
        for key in [session.known_key(CKK_AES, &VALUE, &flags), session.aes_key(&flags)] {
            assert_eq!(session.get(key, CKA_VALUE).is_ok(), readable);
        }
    }
}

#[test]
fn the_value_is_not_guessed_by_searching() {
    let token = Token::new();
    let session = token.user();
    let keys = locked_keys(&session, &VALUE);
    let found = session.find(&[(CKA_VALUE, &VALUE)]);
    assert_eq!(found.unwrap_or_default(), []);
    let open = session.known_key(CKK_AES, &VALUE, &[]);
    let found = session.find(&[(CKA_VALUE, &VALUE)]).unwrap_or_default();
    assert!(found.iter().all(|object| *object == open) && keys.iter().all(|(_, key)| !found.contains(key)));
}

#[test]
fn the_value_is_not_wrapped_or_copied_out() {
    let token = Token::new();
    let session = token.user();
    let wrapping = session.known_key(CKK_AES, &[1; 32], &[]);
    for (what, key) in locked_keys(&session, &VALUE) {
        for mechanism in [
            Mechanism::plain(CKM_AES_KEY_WRAP),
            Mechanism::plain(CKM_AES_KEY_WRAP_KWP),
            Mechanism::cbc_pad(),
            Mechanism::plain(CKM_AES_ECB),
            Mechanism::with(CKM_AES_CBC, &[1; 16]),
        ] {
            let rv = session.wrap(mechanism, wrapping, key).unwrap_err();
            expect_one_of(what, rv, &[CKR_KEY_UNEXTRACTABLE, CKR_MECHANISM_INVALID]);
        }
        let outward: [Pair; 2] = [(CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)];
        for pair in outward {
            expect(what, session.copy(key, &[pair]).unwrap_err(), CKR_ATTRIBUTE_READ_ONLY);
            expect(what, session.set(key, &[pair]), CKR_ATTRIBUTE_READ_ONLY);
        }
        expect(what, session.copy(key, &outward).unwrap_err(), CKR_ATTRIBUTE_READ_ONLY);
        let copy = session.copy(key, &[]).unwrap();
        expect(what, session.get(copy, CKA_VALUE).unwrap_err(), CKR_ATTRIBUTE_SENSITIVE);
    }
}

#[test]
fn a_key_never_lies_about_its_past() {
    let token = Token::new();
    let session = token.user();
    for (what, key) in locked_keys(&session, &VALUE) {
        assert!(!session.flag(key, CKA_ALWAYS_SENSITIVE), "{what} came from outside");
        assert!(!session.flag(key, CKA_NEVER_EXTRACTABLE), "{what} came from outside");
        assert!(!session.flag(key, CKA_LOCAL), "{what} came from outside");
    }
    let opened = session.aes_key(&[(CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)]);
    expect("close", session.set(opened, &[(CKA_SENSITIVE, YES), (CKA_EXTRACTABLE, NO)]), CKR_OK);
    assert!(!session.flag(opened, CKA_ALWAYS_SENSITIVE) && !session.flag(opened, CKA_NEVER_EXTRACTABLE));
    assert!(session.flag(opened, CKA_LOCAL));
}

/// The files of the store hold neither the value nor the label of a private key, nor any PIN.
#[test]
fn the_files_show_no_secret() {
    let token = Token::new();
    let session = token.user();
    let private: [Pair; 4] = [
        (CKA_TOKEN, YES),
        (CKA_PRIVATE, YES),
        (CKA_LABEL, b"A label for nobody"),
        (CKA_ID, b"An id for nobody"),
    ];
    session.known_key(CKK_AES, &VALUE, &private);
    let data: [Pair; 4] = [
        (CKA_CLASS, &number(CKO_DATA)),
        (CKA_TOKEN, YES),
        (CKA_PRIVATE, YES),
        (CKA_VALUE, b"Private data for nobody"),
    ];
    session.create(&data).unwrap();
    let secrets: [&[u8]; 6] =
        [&VALUE, b"A label for nobody", b"An id for nobody", b"Private data for nobody", USER_PIN, SO_PIN];
    let mut folders = vec![token.module.home().to_path_buf()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            files += 1;
            for secret in secrets {
                assert!(!bytes.windows(secret.len()).any(|part| part == secret), "{}", path.display());
            }
        }
    }
    assert!(files > 0, "the store lies in VHSM_HOME");
}
