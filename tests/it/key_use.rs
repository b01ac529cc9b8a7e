//! Which keys may do what: usage flags, types, handles, allowed mechanisms (PKCS#11 3.0 sec. 5.1.6, 4.8.2).

use crate::support::*;
use cryptoki_sys::*;

type Init = fn(&Session, Mechanism, CK_OBJECT_HANDLE) -> CK_RV;

const INITS: [(&str, Init, CK_ATTRIBUTE_TYPE, CK_MECHANISM_TYPE); 4] = [
    ("encrypt", |session, by, key| session.encrypt_init(by, key), CKA_ENCRYPT, CKM_AES_ECB),
    ("decrypt", |session, by, key| session.decrypt_init(by, key), CKA_DECRYPT, CKM_AES_ECB),
    ("sign", |session, by, key| session.sign_init(by, key), CKA_SIGN, CKM_AES_CMAC),
    ("verify", |session, by, key| session.verify_init(by, key), CKA_VERIFY, CKM_AES_CMAC),
];

fn cancel(session: &Session) {
    let all = CKF_ENCRYPT | CKF_DECRYPT | CKF_SIGN | CKF_VERIFY;
    expect("cancel", session.cancel(all), CKR_OK);
}

#[test]
fn a_key_does_what_its_flags_permit() {
    let token = Token::new();
    let session = token.user();
    for (what, init, flag, mechanism) in INITS {
        for kept in [YES, NO] {
            let forbidden = session.aes_key(&[(flag, NO), (CKA_TOKEN, kept)]);
            let rv = init(&session, Mechanism::plain(mechanism), forbidden);
            expect(what, rv, CKR_KEY_FUNCTION_NOT_PERMITTED);
            for (other, init, _, mechanism) in INITS.iter().filter(|row| row.2 != flag) {
                expect(other, init(&session, Mechanism::plain(*mechanism), forbidden), CKR_OK);
            }
            cancel(&session);
        }
    }
}

#[test]
fn a_flag_that_changes_counts_from_the_next_call_on() {
    let token = Token::new();
    let session = token.user();
    for kept in [YES, NO] {
        let key = session.aes_key(&[(CKA_TOKEN, kept)]);
        let init = || session.encrypt_init(Mechanism::plain(CKM_AES_ECB), key);
        expect("init", init(), CKR_OK);
        assert!(session.encrypt(&[0; 16]).is_ok());
        expect("forbid", session.set(key, &[(CKA_ENCRYPT, NO)]), CKR_OK);
        expect("init", init(), CKR_KEY_FUNCTION_NOT_PERMITTED);
        expect("allow", session.set(key, &[(CKA_ENCRYPT, YES)]), CKR_OK);
        expect("init", init(), CKR_OK);
        assert!(session.encrypt(&[0; 16]).is_ok());
    }
}

#[test]
fn what_is_no_key_has_no_key_handle() {
    let token = Token::new();
    let session = token.user();
    let data = session.create(&[(CKA_CLASS, &number(CKO_DATA))]).unwrap();
    let gone = session.aes_key(&[]);
    expect("destroy", session.destroy(gone), CKR_OK);
    for (what, init, _, mechanism) in INITS {
        for handle in [0, data, gone, 1 << 40, CK_OBJECT_HANDLE::MAX] {
            let rv = init(&session, Mechanism::plain(mechanism), handle);
            expect(what, rv, CKR_KEY_HANDLE_INVALID);
        }
        let rv = init(&token.module.session(0), Mechanism::plain(mechanism), gone);
        expect(what, rv, CKR_SESSION_HANDLE_INVALID);
    }
}

#[test]
fn keys_and_mechanisms_are_of_one_type() {
    let token = Token::new();
    let session = token.user();
    let aes = session.aes_key(&[]);
    let secret = session.known_key(CKK_GENERIC_SECRET, &[1; 32], &[]);
    for (what, init, _, mechanism) in INITS {
        expect(what, init(&session, Mechanism::plain(mechanism), secret), CKR_KEY_TYPE_INCONSISTENT);
    }
    let rv = session.sign_init(Mechanism::plain(CKM_SHA256_HMAC), aes);
    expect("HMAC with an AES key", rv, CKR_KEY_TYPE_INCONSISTENT);
}

#[test]
fn mechanisms_do_what_they_are_for() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    let rows: [(&str, Init, &[CK_MECHANISM_TYPE]); 4] = [
        ("encrypt", INITS[0].1, &[CKM_AES_CMAC, CKM_SHA256, CKM_AES_KEY_GEN, 0x7777_7777]),
        ("decrypt", INITS[1].1, &[CKM_SHA256_HMAC, CKM_RC4, CKM_VENDOR_DEFINED]),
        ("sign", INITS[2].1, &[CKM_AES_ECB, CKM_SHA256, CKM_DSA]),
        ("verify", INITS[3].1, &[CKM_AES_GCM, CKM_DSA, CK_MECHANISM_TYPE::MAX]),
    ];
    for (what, init, mechanisms) in rows {
        for mechanism in mechanisms {
            expect(what, init(&session, Mechanism::plain(*mechanism), key), CKR_MECHANISM_INVALID);
        }
    }
}

#[test]
fn allowed_mechanisms_bind_the_key() {
    let token = Token::new();
    let session = token.user();
    let allowed = [number(CKM_AES_ECB), number(CKM_AES_CBC_PAD)].concat();
    for kept in [YES, NO] {
        let key = session.aes_key(&[(CKA_ALLOWED_MECHANISMS, &allowed), (CKA_TOKEN, kept)]);
        assert_eq!(session.get(key, CKA_ALLOWED_MECHANISMS).unwrap(), allowed);
        expect("allowed", session.encrypt_init(Mechanism::plain(CKM_AES_ECB), key), CKR_OK);
        expect("allowed", session.decrypt_init(Mechanism::cbc_pad(), key), CKR_OK);
        cancel(&session);
        let refused = [CKR_MECHANISM_INVALID, CKR_KEY_FUNCTION_NOT_PERMITTED];
        let rv = session.encrypt_init(Mechanism::gcm(&[1; 12], b"", 128), key);
        expect_one_of("not allowed", rv, &refused);
        let rv = session.sign_init(Mechanism::plain(CKM_AES_CMAC), key);
        expect_one_of("not allowed", rv, &refused);
        let victim = session.known_key(CKK_AES, &[1; 16], &[]);
        let rv = session.wrap(Mechanism::plain(CKM_AES_KEY_WRAP), key, victim).unwrap_err();
        expect_one_of("not allowed", rv, &refused);
        assert!(session.wrap(Mechanism::cbc_pad(), key, victim).is_ok());
    }
}

#[test]
fn a_refused_init_starts_nothing_and_ends_nothing() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    expect("bad key", session.encrypt_init(Mechanism::plain(CKM_AES_ECB), 0), CKR_KEY_HANDLE_INVALID);
    expect("none", session.encrypt(&[0; 16]).unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
    expect("good", session.encrypt_init(Mechanism::plain(CKM_AES_ECB), key), CKR_OK);
    assert!(session.encrypt(&[0; 16]).is_ok());
}

#[test]
fn a_key_that_goes_during_an_operation_harms_nothing() {
    let token = Token::new();
    let session = token.user();
    for kept in [YES, NO] {
        let key = session.aes_key(&[(CKA_TOKEN, kept)]);
        expect("init", session.encrypt_init(Mechanism::plain(CKM_AES_ECB), key), CKR_OK);
        expect("destroy", session.destroy(key), CKR_OK);
        let ended = [CKR_OK, CKR_OPERATION_NOT_INITIALIZED, CKR_KEY_HANDLE_INVALID];
        let rv = session.encrypt(&[0; 16]).err().unwrap_or(CKR_OK);
        expect_one_of("encrypt", rv, &ended);
        let rv = session.encrypt_init(Mechanism::plain(CKM_AES_ECB), key);
        expect("again", rv, CKR_KEY_HANDLE_INVALID);
    }
}

#[test]
fn a_null_mechanism_without_an_operation() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    let mut handle = 0;
    let rv = call!(
        session.api,
        C_GenerateKey(session.handle, std::ptr::null_mut(), std::ptr::null_mut(), 0, &mut handle)
    );
    expect("generate", rv, CKR_ARGUMENTS_BAD);
    let mut length = 0;
    let rv = call!(
        session.api,
        C_WrapKey(session.handle, std::ptr::null_mut(), key, key, std::ptr::null_mut(), &mut length)
    );
    expect("wrap", rv, CKR_ARGUMENTS_BAD);
}
