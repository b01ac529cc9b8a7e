//! C_InitToken, C_InitPIN, C_SetPIN (PKCS#11 3.0 sec. 5.5.7 to 5.5.9).

use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;

#[test]
fn a_token_is_initialized_in_its_slot() {
    let module = Module::initialized();
    let slot = module.free_slot();
    expect("init", module.init_token(slot, SO_PIN, LABEL), CKR_OK);
    let info = module.token_info(slot).unwrap();
    assert_eq!(info.label, padded::<32>(LABEL));
    assert_ne!(info.flags & CKF_TOKEN_INITIALIZED, 0);
    assert_eq!(info.flags & CKF_USER_PIN_INITIALIZED, 0, "no user yet");
    let session = module.open(slot, READ_WRITE).unwrap();
    expect("user", session.login(CKU_USER, USER_PIN), CKR_USER_PIN_NOT_INITIALIZED);
    expect("wrong", session.login(CKU_SO, b"wrong pin"), CKR_PIN_INCORRECT);
    expect("officer", session.login(CKU_SO, SO_PIN), CKR_OK);
}

#[test]
fn an_uninitialized_token_takes_no_sessions() {
    let module = Module::initialized();
    let rv = module.open(module.free_slot(), READ_WRITE).err();
    expect_one_of("open", rv.unwrap_or(CKR_OK), &[CKR_TOKEN_NOT_RECOGNIZED, CKR_OK]);
}

#[test]
fn the_label_has_32_bytes_of_utf8() {
    let module = Module::initialized();
    let slot = module.free_slot();
    let full = "x".repeat(32);
    expect("full", module.init_token(slot, SO_PIN, &full), CKR_OK);
    assert_eq!(module.token_info(slot).unwrap().label, padded::<32>(&full));
    let slot = module.free_slot();
    let utf8 = "Schl\u{fc}ssel";
    expect("utf-8", module.init_token(slot, SO_PIN, utf8), CKR_OK);
    assert_eq!(module.token_info(slot).unwrap().label, padded::<32>(utf8));
}

#[test]
fn the_officers_pin_has_a_length() {
    let module = Module::initialized();
    let slot = module.free_slot();
    let too = [CKR_PIN_LEN_RANGE, CKR_PIN_INCORRECT, CKR_PIN_INVALID];
    expect_one_of("3 bytes", module.init_token(slot, b"123", LABEL), &too);
    expect_one_of("256 bytes", module.init_token(slot, &[b'1'; 256], LABEL), &too);
    expect_one_of("none", module.init_token(slot, b"", LABEL), &too);
    assert_eq!(module.token_info(slot).unwrap().flags & CKF_TOKEN_INITIALIZED, 0);
    expect("255 bytes", module.init_token(slot, &[b'1'; 255], LABEL), CKR_OK);
    expect("4 bytes", module.init_token(module.free_slot(), b"1234", "other"), CKR_OK);
}

#[test]
fn null_arguments_are_refused() {
    let module = Module::initialized();
    let slot = module.free_slot();
    let (mut pin, mut label) = (SO_PIN.to_vec(), padded::<32>(LABEL));
    let length = pin.len() as CK_ULONG;
    let rv = call!(module.api, C_InitToken(slot, null_mut(), length, label.as_mut_ptr()));
    expect("pin", rv, CKR_ARGUMENTS_BAD);
    let rv = call!(module.api, C_InitToken(slot, pin.as_mut_ptr(), length, null_mut()));
    expect("label", rv, CKR_ARGUMENTS_BAD);
    assert_eq!(module.token_info(slot).unwrap().flags & CKF_TOKEN_INITIALIZED, 0);
}

#[test]
fn initializing_again_wipes_objects_and_the_users_pin() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[(CKA_TOKEN, YES), (CKA_LABEL, b"gone soon")]);
    let data = session.create(&[(CKA_CLASS, &number(CKO_DATA)), (CKA_TOKEN, YES)]).unwrap();
    expect("session exists", token.module.init_token(token.slot, SO_PIN, "new"), CKR_SESSION_EXISTS);
    expect("close", session.close(), CKR_OK);
    expect("wrong pin", token.module.init_token(token.slot, b"wrong pin", "new"), CKR_PIN_INCORRECT);
    assert_eq!(token.info().label, padded::<32>(LABEL), "a refused call changes nothing");
    expect("again", token.module.init_token(token.slot, SO_PIN, "new"), CKR_OK);
    assert_eq!(token.info().label, padded::<32>("new"));
    assert_eq!(token.info().flags & CKF_USER_PIN_INITIALIZED, 0);
    let session = token.open(READ_WRITE);
    expect("old user", session.login(CKU_USER, USER_PIN), CKR_USER_PIN_NOT_INITIALIZED);
    assert_eq!(session.find(&[]).unwrap(), []);
    expect("officer", session.login(CKU_SO, SO_PIN), CKR_OK);
    expect("new user", session.init_pin(b"new user's pin"), CKR_OK);
    expect("logout", session.logout(), CKR_OK);
    expect("login", session.login(CKU_USER, b"new user's pin"), CKR_OK);
    assert_eq!(session.find(&[]).unwrap(), []);
    for old in [key, data] {
        expect("old handle", session.get(old, CKA_CLASS).unwrap_err(), CKR_OBJECT_HANDLE_INVALID);
    }
}

#[test]
fn only_the_officer_sets_the_users_pin() {
    let token = Token::new();
    let session = token.open(READ_WRITE);
    expect("public", session.init_pin(b"other pin"), CKR_USER_NOT_LOGGED_IN);
    expect("user", session.login(CKU_USER, USER_PIN), CKR_OK);
    expect("by the user", session.init_pin(b"other pin"), CKR_USER_NOT_LOGGED_IN);
    expect("logout", session.logout(), CKR_OK);
    expect("officer", session.login(CKU_SO, SO_PIN), CKR_OK);
    expect("too short", session.init_pin(b"123"), CKR_PIN_LEN_RANGE);
    expect("too long", session.init_pin(&[b'1'; 256]), CKR_PIN_LEN_RANGE);
    let rv = call!(token.module.api, C_InitPIN(session.handle, null_mut(), 8));
    expect("null", rv, CKR_ARGUMENTS_BAD);
    expect("new pin", session.init_pin(b"other pin"), CKR_OK);
    expect("logout", session.logout(), CKR_OK);
    expect("old", session.login(CKU_USER, USER_PIN), CKR_PIN_INCORRECT);
    expect("new", session.login(CKU_USER, b"other pin"), CKR_OK);
}

#[test]
fn objects_stay_when_the_officer_sets_a_new_pin_or_are_told_gone() {
    let token = Token::new();
    let session = token.user();
    session.create(&[(CKA_CLASS, &number(CKO_DATA)), (CKA_TOKEN, YES)]).unwrap();
    expect("logout", session.logout(), CKR_OK);
    expect("officer", session.login(CKU_SO, SO_PIN), CKR_OK);
    expect("new pin", session.init_pin(b"other pin"), CKR_OK);
    expect("logout", session.logout(), CKR_OK);
    assert_eq!(session.find(&[]).unwrap().len(), 1, "public objects need no pin");
}

#[test]
fn a_user_changes_the_own_pin() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[(CKA_TOKEN, YES)]);
    expect("wrong old", session.set_pin(b"wrong pin", b"other pin"), CKR_PIN_INCORRECT);
    expect("too short", session.set_pin(USER_PIN, b"123"), CKR_PIN_LEN_RANGE);
    expect("too long", session.set_pin(USER_PIN, &[b'1'; 256]), CKR_PIN_LEN_RANGE);
    expect("change", session.set_pin(USER_PIN, b"other pin"), CKR_OK);
    assert_eq!(session.info().unwrap().state, CKS_RW_USER_FUNCTIONS, "still logged in");
    expect("logout", session.logout(), CKR_OK);
    expect("old", session.login(CKU_USER, USER_PIN), CKR_PIN_INCORRECT);
    expect("new", session.login(CKU_USER, b"other pin"), CKR_OK);
    assert_eq!(session.get(key, CKA_KEY_TYPE).unwrap(), number(CKK_AES), "keys stay");
}

#[test]
fn without_a_login_it_is_the_users_pin_that_changes() {
    let token = Token::new();
    let session = token.open(READ_WRITE);
    expect("officer's", session.set_pin(SO_PIN, b"other pin"), CKR_PIN_INCORRECT);
    expect("user's", session.set_pin(USER_PIN, b"other pin"), CKR_OK);
    assert_eq!(session.info().unwrap().state, CKS_RW_PUBLIC_SESSION);
    expect("login", session.login(CKU_USER, b"other pin"), CKR_OK);
}

#[test]
fn the_officer_changes_the_own_pin() {
    let token = Token::new();
    let session = token.open(READ_WRITE);
    expect("officer", session.login(CKU_SO, SO_PIN), CKR_OK);
    expect("user's pin", session.set_pin(USER_PIN, b"other pin"), CKR_PIN_INCORRECT);
    expect("change", session.set_pin(SO_PIN, b"other pin"), CKR_OK);
    expect("logout", session.logout(), CKR_OK);
    expect("old", session.login(CKU_SO, SO_PIN), CKR_PIN_INCORRECT);
    expect("new", session.login(CKU_SO, b"other pin"), CKR_OK);
    expect("logout", session.logout(), CKR_OK);
    expect("the user's stays", session.login(CKU_USER, USER_PIN), CKR_OK);
}

#[test]
fn a_read_only_session_changes_no_pin() {
    let token = Token::new();
    let session = token.open(READ_ONLY);
    expect("public", session.set_pin(USER_PIN, b"other pin"), CKR_SESSION_READ_ONLY);
    expect("login", session.login(CKU_USER, USER_PIN), CKR_OK);
    expect("user", session.set_pin(USER_PIN, b"other pin"), CKR_SESSION_READ_ONLY);
}

#[test]
fn null_pins_are_refused() {
    let token = Token::new();
    let session = token.user();
    let mut pin = USER_PIN.to_vec();
    let (pointer, length) = (pin.as_mut_ptr(), pin.len() as CK_ULONG);
    let rv = call!(token.module.api, C_SetPIN(session.handle, null_mut(), length, pointer, length));
    expect("old", rv, CKR_ARGUMENTS_BAD);
    let rv = call!(token.module.api, C_SetPIN(session.handle, pointer, length, null_mut(), length));
    expect("new", rv, CKR_ARGUMENTS_BAD);
    expect("unchanged", session.set_pin(USER_PIN, b"other pin"), CKR_OK);
}
