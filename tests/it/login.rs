//! C_Login, C_LoginUser, C_Logout (PKCS#11 3.0 sec. 5.6.7 to 5.6.9), and lockout.

use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;

#[test]
fn one_user_at_a_time() {
    let token = Token::new();
    let (session, other) = (token.open(READ_WRITE), token.open(READ_WRITE));
    expect("logout first", session.logout(), CKR_USER_NOT_LOGGED_IN);
    expect("user", session.login(CKU_USER, USER_PIN), CKR_OK);
    for one in [session, other] {
        expect("again", one.login(CKU_USER, USER_PIN), CKR_USER_ALREADY_LOGGED_IN);
        expect("officer", one.login(CKU_SO, SO_PIN), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
    }
    expect("logout by another session", other.logout(), CKR_OK);
    expect("logged out", session.logout(), CKR_USER_NOT_LOGGED_IN);
    expect("officer", session.login(CKU_SO, SO_PIN), CKR_OK);
    for one in [session, other] {
        expect("again", one.login(CKU_SO, SO_PIN), CKR_USER_ALREADY_LOGGED_IN);
        expect("user", one.login(CKU_USER, USER_PIN), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
    }
}

#[test]
fn wrong_arguments_have_their_codes() {
    let token = Token::new();
    let session = token.open(READ_WRITE);
    for user in [3, 17, CK_USER_TYPE::MAX] {
        expect("no user type", session.login(user, USER_PIN), CKR_USER_TYPE_INVALID);
    }
    let rv = session.login(CKU_CONTEXT_SPECIFIC, USER_PIN);
    expect("context without operation", rv, CKR_OPERATION_NOT_INITIALIZED);
    expect("no session", token.module.session(0).login(CKU_USER, USER_PIN), CKR_SESSION_HANDLE_INVALID);
    let rv = call!(session.api, C_Login(session.handle, CKU_USER, null_mut(), 8));
    expect("null pin", rv, CKR_ARGUMENTS_BAD);
    let rv = call!(session.api, C_Login(session.handle, CKU_USER, null_mut(), 0));
    expect_one_of("no pin", rv, &[CKR_ARGUMENTS_BAD, CKR_PIN_INCORRECT, CKR_PIN_LEN_RANGE]);
    let wrong = [CKR_PIN_INCORRECT, CKR_PIN_LEN_RANGE];
    expect_one_of("empty", session.login(CKU_USER, b""), &wrong);
    expect_one_of("too long", session.login(CKU_USER, &[b'x'; 5000]), &wrong);
    expect("prefix of it", session.login(CKU_USER, &USER_PIN[..USER_PIN.len() - 1]), CKR_PIN_INCORRECT);
    expect("the officer's", session.login(CKU_USER, SO_PIN), CKR_PIN_INCORRECT);
    assert_eq!(session.info().unwrap().state, CKS_RW_PUBLIC_SESSION);
}

fn user_flags(token: &Token) -> CK_FLAGS {
    token.info().flags & (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED)
}

#[test]
fn five_wrong_pins_lock_the_user_and_the_officer_unlocks() {
    let token = Token::new();
    let session = token.open(READ_WRITE);
    assert_eq!(user_flags(&token), 0);
    for wrong in 1..=4 {
        expect("wrong", session.login(CKU_USER, b"wrong pin"), CKR_PIN_INCORRECT);
        assert_ne!(user_flags(&token) & CKF_USER_PIN_COUNT_LOW, 0, "after {wrong}");
        assert_eq!(user_flags(&token) & CKF_USER_PIN_LOCKED, 0, "after {wrong}");
    }
    assert_ne!(user_flags(&token) & CKF_USER_PIN_FINAL_TRY, 0);
    expect_one_of("fifth", session.login(CKU_USER, b"wrong pin"), &[CKR_PIN_INCORRECT, CKR_PIN_LOCKED]);
    assert_ne!(user_flags(&token) & CKF_USER_PIN_LOCKED, 0);
    expect("locked", session.login(CKU_USER, USER_PIN), CKR_PIN_LOCKED);
    expect("locked for C_SetPIN", session.set_pin(USER_PIN, b"other pin"), CKR_PIN_LOCKED);
    expect("officer", session.login(CKU_SO, SO_PIN), CKR_OK);
    expect("new pin", session.init_pin(b"other pin"), CKR_OK);
    expect("logout", session.logout(), CKR_OK);
    assert_eq!(user_flags(&token), 0);
    expect("unlocked", session.login(CKU_USER, b"other pin"), CKR_OK);
}

#[test]
fn a_right_pin_clears_the_count() {
    let token = Token::new();
    let session = token.open(READ_WRITE);
    for _ in 0..3 {
        for _ in 0..3 {
            expect("wrong", session.login(CKU_USER, b"wrong pin"), CKR_PIN_INCORRECT);
        }
        expect("right", session.login(CKU_USER, USER_PIN), CKR_OK);
        assert_eq!(user_flags(&token), 0);
        expect("logout", session.logout(), CKR_OK);
    }
}

#[test]
fn the_count_outlives_the_library() {
    let token = Token::new();
    for wrong in 1..=5 {
        let session = token.open(READ_WRITE);
        let rv = session.login(CKU_USER, b"wrong pin");
        expect_one_of(&format!("{wrong}"), rv, &[CKR_PIN_INCORRECT, CKR_PIN_LOCKED]);
        expect("finalize", token.module.finalize(), CKR_OK);
        expect("initialize", token.module.initialize(), CKR_OK);
    }
    expect("locked", token.open(READ_WRITE).login(CKU_USER, USER_PIN), CKR_PIN_LOCKED);
}

#[test]
fn the_only_officer_is_delayed_and_not_locked_out() {
    let token = Token::new();
    let session = token.open(READ_WRITE);
    for _ in 0..6 {
        let rv = session.login(CKU_SO, b"wrong pin");
        expect_one_of("wrong", rv, &[CKR_PIN_INCORRECT, CKR_PIN_LOCKED]);
    }
    let tries = (0..100).map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(200));
        session.login(CKU_SO, SO_PIN)
    });
    assert!(tries.into_iter().any(|rv| rv == CKR_OK), "within 20 seconds");
}

#[test]
fn a_user_is_named_outright() {
    let token = Token::new();
    let session = token.open(READ_WRITE);
    let named = |name: &[u8]| session.login_user(CKU_SO, SO_PIN, name);
    expect("nobody", named(b"nobody"), CKR_PIN_INCORRECT);
    expect("the admin", named(b"admin"), CKR_OK);
    assert_eq!(session.info().unwrap().state, CKS_RW_SO_FUNCTIONS);
    expect("logout", session.logout(), CKR_OK);
    let rv = session.login_user(CKU_USER, SO_PIN, b"admin");
    expect_one_of("an admin is no user", rv, &[CKR_PIN_INCORRECT, CKR_USER_TYPE_INVALID]);
    let rv = call!(session.api, C_LoginUser(session.handle, CKU_USER, null_mut(), 4, null_mut(), 4));
    expect("null", rv, CKR_ARGUMENTS_BAD);
}

#[test]
fn a_pin_may_name_its_user() {
    let token = Token::new();
    let session = token.open(READ_WRITE);
    let pin = [b"admin:", SO_PIN].concat();
    expect("with the name", session.login(CKU_SO, &pin), CKR_OK);
    expect("logout", session.logout(), CKR_OK);
    let pin = [b"nobody:", SO_PIN].concat();
    expect("a name that is none", session.login(CKU_SO, &pin), CKR_PIN_INCORRECT);
}

#[test]
fn a_pin_with_a_colon_is_a_pin() {
    let token = Token::new();
    let session = token.user();
    expect("set", session.set_pin(USER_PIN, b"with:colon"), CKR_OK);
    expect("logout", session.logout(), CKR_OK);
    expect("login", session.login(CKU_USER, b"with:colon"), CKR_OK);
}

#[test]
fn logout_ends_what_needs_the_login() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    expect("init", session.encrypt_init(Mechanism::plain(CKM_AES_ECB), key), CKR_OK);
    expect("logout", session.logout(), CKR_OK);
    let rv = session.encrypt(&[0; 16]).unwrap_err();
    expect_one_of("ended", rv, &[CKR_OPERATION_NOT_INITIALIZED, CKR_USER_NOT_LOGGED_IN]);
    expect("login", session.login(CKU_USER, USER_PIN), CKR_OK);
    expect("destroyed", session.get(key, CKA_CLASS).unwrap_err(), CKR_OBJECT_HANDLE_INVALID);
    let rv = session.encrypt_init(Mechanism::plain(CKM_AES_ECB), key);
    expect("destroyed", rv, CKR_KEY_HANDLE_INVALID);
}

#[test]
fn public_session_objects_outlive_a_logout() {
    let token = Token::new();
    let session = token.user();
    let public = session.create(&[(CKA_CLASS, &number(CKO_DATA))]).unwrap();
    let private = session.create(&[(CKA_CLASS, &number(CKO_DATA)), (CKA_PRIVATE, YES)]).unwrap();
    expect("logout", session.logout(), CKR_OK);
    assert!(session.get(public, CKA_CLASS).is_ok());
    expect("private", session.get(private, CKA_CLASS).unwrap_err(), CKR_OBJECT_HANDLE_INVALID);
}
