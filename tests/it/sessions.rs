//! Sessions and their states (PKCS#11 3.0 sec. 5.6.1 to 5.6.4, 5.6.9, 5.6.10; user guide sec. 6.7).

use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;

fn state(session: &Session) -> CK_STATE {
    session.info().expect("an open session").state
}

#[test]
fn the_five_states() {
    let token = Token::new();
    let (reader, writer) = (token.open(READ_ONLY), token.open(READ_WRITE));
    assert_eq!((state(&reader), state(&writer)), (CKS_RO_PUBLIC_SESSION, CKS_RW_PUBLIC_SESSION));
    expect("user", reader.login(CKU_USER, USER_PIN), CKR_OK);
    assert_eq!((state(&reader), state(&writer)), (CKS_RO_USER_FUNCTIONS, CKS_RW_USER_FUNCTIONS));
    let later = (token.open(READ_ONLY), token.open(READ_WRITE));
    assert_eq!((state(&later.0), state(&later.1)), (CKS_RO_USER_FUNCTIONS, CKS_RW_USER_FUNCTIONS));
    expect("logout", writer.logout(), CKR_OK);
    assert_eq!((state(&reader), state(&writer)), (CKS_RO_PUBLIC_SESSION, CKS_RW_PUBLIC_SESSION));
    for one in [reader, later.0] {
        expect("close", one.close(), CKR_OK);
    }
    expect("officer", writer.login(CKU_SO, SO_PIN), CKR_OK);
    assert_eq!((state(&writer), state(&later.1)), (CKS_RW_SO_FUNCTIONS, CKS_RW_SO_FUNCTIONS));
    assert_eq!(state(&token.open(READ_WRITE)), CKS_RW_SO_FUNCTIONS);
}

#[test]
fn a_session_tells_its_slot_and_flags() {
    let token = Token::new();
    for flags in [READ_ONLY, READ_WRITE] {
        let info = token.open(flags).info().unwrap();
        assert_eq!((info.slotID, info.flags, info.ulDeviceError), (token.slot, flags, 0));
    }
    let session = token.open(READ_ONLY);
    let rv = call!(token.module.api, C_GetSessionInfo(session.handle, null_mut()));
    expect("null", rv, CKR_ARGUMENTS_BAD);
    expect("no session", token.module.session(0).info().unwrap_err(), CKR_SESSION_HANDLE_INVALID);
}

#[test]
fn opening_checks_its_arguments() {
    let token = Token::new();
    let open = |flags| token.module.open(token.slot, flags).err().expect("refused");
    expect("parallel", open(0), CKR_SESSION_PARALLEL_NOT_SUPPORTED);
    expect("parallel", open(CKF_RW_SESSION), CKR_SESSION_PARALLEL_NOT_SUPPORTED);
    let rv = call!(token.module.api, C_OpenSession(token.slot, READ_WRITE, null_mut(), None, null_mut()));
    expect("null", rv, CKR_ARGUMENTS_BAD);
    assert_eq!(token.info().ulSessionCount, 0, "a refused call opens none");
}

#[test]
fn the_officer_and_read_only_sessions_exclude_each_other() {
    let token = Token::new();
    let (reader, writer) = (token.open(READ_ONLY), token.open(READ_WRITE));
    for session in [reader, writer] {
        expect("officer", session.login(CKU_SO, SO_PIN), CKR_SESSION_READ_ONLY_EXISTS);
        assert_eq!(state(&writer), CKS_RW_PUBLIC_SESSION);
    }
    expect("close", reader.close(), CKR_OK);
    expect("officer", writer.login(CKU_SO, SO_PIN), CKR_OK);
    let rv = token.module.open(token.slot, READ_ONLY).err().expect("refused");
    expect("reader", rv, CKR_SESSION_READ_WRITE_SO_EXISTS);
    expect("logout", writer.logout(), CKR_OK);
    assert_eq!(state(&token.open(READ_ONLY)), CKS_RO_PUBLIC_SESSION);
}

#[test]
fn a_closed_session_is_no_session() {
    let token = Token::new();
    let (session, other) = (token.open(READ_WRITE), token.open(READ_WRITE));
    expect("close", session.close(), CKR_OK);
    for rv in [session.close(), session.logout(), session.digest_init(Mechanism::plain(CKM_SHA256))] {
        expect("closed", rv, CKR_SESSION_HANDLE_INVALID);
    }
    assert_eq!(state(&other), CKS_RW_PUBLIC_SESSION);
    for handle in [0, CK_SESSION_HANDLE::MAX, other.handle + 1000] {
        expect("none", token.module.session(handle).close(), CKR_SESSION_HANDLE_INVALID);
    }
}

#[test]
fn session_handles_are_never_given_twice() {
    let token = Token::new();
    let mut seen = std::collections::HashSet::new();
    for _ in 0..500 {
        let session = token.open(READ_ONLY);
        assert_ne!(session.handle, 0);
        assert!(seen.insert(session.handle), "{} again", session.handle);
        expect("close", session.close(), CKR_OK);
    }
}

#[test]
fn the_last_session_takes_the_login_along() {
    let token = Token::new();
    let (first, second) = (token.user(), token.open(READ_ONLY));
    expect("close", first.close(), CKR_OK);
    assert_eq!(state(&second), CKS_RO_USER_FUNCTIONS, "one is left");
    expect("close", second.close(), CKR_OK);
    let session = token.open(READ_WRITE);
    assert_eq!(state(&session), CKS_RW_PUBLIC_SESSION);
    expect("login", session.login(CKU_USER, USER_PIN), CKR_OK);
}

#[test]
fn all_sessions_of_a_slot_close_at_once() {
    let token = Token::new();
    let other_slot = token.module.free_slot();
    expect("init", token.module.init_token(other_slot, SO_PIN, "other"), CKR_OK);
    let elsewhere = token.module.open(other_slot, READ_WRITE).unwrap();
    let sessions = [token.user(), token.open(READ_ONLY), token.open(READ_WRITE)];
    let close_all = || call!(token.module.api, C_CloseAllSessions(token.slot));
    expect("close all", close_all(), CKR_OK);
    for session in sessions {
        expect("closed", session.info().unwrap_err(), CKR_SESSION_HANDLE_INVALID);
    }
    assert_eq!(token.info().ulSessionCount, 0);
    assert_eq!(state(&elsewhere), CKS_RW_PUBLIC_SESSION, "another slot's stay");
    assert_eq!(state(&token.open(READ_WRITE)), CKS_RW_PUBLIC_SESSION, "logged out");
    expect("close all", close_all(), CKR_OK);
    expect("none is open", close_all(), CKR_OK);
}

#[test]
fn logins_belong_to_their_slot() {
    let token = Token::new();
    let other_slot = token.module.free_slot();
    expect("init", token.module.init_token(other_slot, SO_PIN, "other"), CKR_OK);
    let _user = token.user();
    let elsewhere = token.module.open(other_slot, READ_WRITE).unwrap();
    assert_eq!(state(&elsewhere), CKS_RW_PUBLIC_SESSION);
    expect("officer there", elsewhere.login(CKU_SO, SO_PIN), CKR_OK);
}

#[test]
fn read_only_sessions_make_and_change_session_objects_only() {
    let token = Token::new();
    let writer = token.user();
    let reader = token.open(READ_ONLY);
    let data = number(CKO_DATA);
    let token_data = [(CKA_CLASS, data.as_slice()), (CKA_TOKEN, YES)];
    let kept = writer.create(&token_data).unwrap();
    let own = reader.create(&[(CKA_CLASS, &data), (CKA_TOKEN, NO)]).expect("a session object");
    let aes = [(CKA_VALUE_LEN, number(32)), (CKA_TOKEN, [0; 8])];
    let aes_token = [(CKA_VALUE_LEN, aes[0].1.as_slice()), (CKA_TOKEN, YES)];
    let keygen = || Mechanism::plain(CKM_AES_KEY_GEN);
    let rows = [
        ("create", reader.create(&token_data).unwrap_err()),
        ("generate", reader.generate(keygen(), &aes_token).unwrap_err()),
        ("copy", reader.copy(own, &[(CKA_TOKEN, YES)]).unwrap_err()),
        ("set", reader.set(kept, &[(CKA_LABEL, b"x")])),
        ("destroy", reader.destroy(kept)),
    ];
    for (what, rv) in rows {
        expect(what, rv, CKR_SESSION_READ_ONLY);
    }
    expect("set own", reader.set(own, &[(CKA_LABEL, b"x")]), CKR_OK);
    assert!(reader.copy(kept, &[(CKA_TOKEN, NO)]).is_ok(), "a session copy of a token object");
    expect("destroy own", reader.destroy(own), CKR_OK);
    expect("writer", writer.destroy(kept), CKR_OK);
}

#[test]
fn cancelling_ends_the_operations_named() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    let start = || {
        expect("encrypt", session.encrypt_init(Mechanism::plain(CKM_AES_ECB), key), CKR_OK);
        expect("sign", session.sign_init(Mechanism::plain(CKM_AES_CMAC), key), CKR_OK);
        expect("digest", session.digest_init(Mechanism::plain(CKM_SHA256)), CKR_OK);
    };
    start();
    expect("no flags", session.cancel(0), CKR_OK);
    assert!(session.encrypt(&[0; 16]).is_ok());
    expect("not active any more", session.cancel(CKF_ENCRYPT), CKR_OK);
    expect("sign", session.cancel(CKF_SIGN), CKR_OK);
    expect("signed", session.sign(b"").unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
    assert_eq!(session.digest(b"").unwrap().len(), 32, "another operation goes on");
    start();
    expect("several", session.cancel(CKF_ENCRYPT | CKF_SIGN | CKF_DIGEST | CKF_FIND_OBJECTS), CKR_OK);
    expect("encrypt", session.encrypt(&[0; 16]).unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
    expect("digest", session.digest(b"").unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
    start();
    expect("no session", token.module.session(0).cancel(CKF_SIGN), CKR_SESSION_HANDLE_INVALID);
}

#[test]
fn cancelling_ends_a_search() {
    let token = Token::new();
    let session = token.user();
    let init = || call!(session.api, C_FindObjectsInit(session.handle, null_mut(), 0));
    expect("search", init(), CKR_OK);
    expect("cancel", session.cancel(CKF_FIND_OBJECTS), CKR_OK);
    expect("search", init(), CKR_OK);
    expect("final", call!(session.api, C_FindObjectsFinal(session.handle)), CKR_OK);
}
