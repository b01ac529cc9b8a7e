//! C_GetOperationState and C_SetOperationState (PKCS#11 3.0 sec. 5.6.5 and 5.6.6).

use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;

const DIGESTS: &[CK_MECHANISM_TYPE] = &[
    CKM_SHA_1,
    CKM_SHA224,
    CKM_SHA256,
    CKM_SHA384,
    CKM_SHA512,
    CKM_SHA512_224,
    CKM_SHA512_256,
    CKM_SHA3_224,
    CKM_SHA3_256,
    CKM_SHA3_384,
    CKM_SHA3_512,
];

fn digest(session: &Session, mechanism: CK_MECHANISM_TYPE, data: &[u8]) -> Vec<u8> {
    expect("init", session.digest_init(Mechanism::plain(mechanism)), CKR_OK);
    session.digest(data).expect("a digest")
}

/// The state of SHA-256 after some data.
fn state_of(session: &Session, data: &[u8]) -> Vec<u8> {
    expect("init", session.digest_init(Mechanism::plain(CKM_SHA256)), CKR_OK);
    expect("update", session.digest_update(data), CKR_OK);
    let state = session.operation_state().expect("a state");
    expect("cancel", session.cancel(CKF_DIGEST), CKR_OK);
    state
}

#[test]
fn every_digest_goes_on_from_its_state_in_this_session_and_in_others() {
    let token = Token::new();
    let (first, second) = (token.user(), token.user());
    for &mechanism in DIGESTS {
        let wanted = digest(&first, mechanism, b"saved and what came after");
        expect("init", first.digest_init(Mechanism::plain(mechanism)), CKR_OK);
        expect("update", first.digest_update(b"saved"), CKR_OK);
        let state = first.operation_state().unwrap();
        // The operation goes on, and what it is given now is not in the state.
        expect("update", first.digest_update(b" and lost"), CKR_OK);
        for session in [&first, &second, &first] {
            expect("set", session.set_operation_state(&state), CKR_OK);
            expect("update", session.digest_update(b" and what came after"), CKR_OK);
            assert_eq!(session.digest_final().unwrap(), wanted, "{mechanism:#x}");
        }
    }
}

#[test]
fn a_state_from_before_any_part_takes_a_one_shot_call_and_one_from_after_does_not() {
    let token = Token::new();
    let session = token.open(READ_ONLY);
    expect("init", session.digest_init(Mechanism::plain(CKM_SHA256)), CKR_OK);
    let fresh = session.operation_state().unwrap();
    expect("update", session.digest_update(b""), CKR_OK);
    let in_parts = session.operation_state().unwrap();
    expect("set", session.set_operation_state(&fresh), CKR_OK);
    assert_eq!(session.digest(b"abc").unwrap(), digest(&session, CKM_SHA256, b"abc"));
    expect("set", session.set_operation_state(&in_parts), CKR_OK);
    expect("one shot", session.digest(b"abc").unwrap_err(), CKR_OPERATION_ACTIVE);
}

#[test]
fn the_size_is_told_first() {
    let token = Token::new();
    let session = token.open(READ_ONLY);
    expect("init", session.digest_init(Mechanism::plain(CKM_SHA3_256)), CKR_OK);
    let mut needed = 0;
    let rv = call!(session.api, C_GetOperationState(session.handle, null_mut(), &mut needed));
    expect("size", rv, CKR_OK);
    let mut buffer = vec![0; needed as usize];
    let mut length = needed - 1;
    let rv = call!(session.api, C_GetOperationState(session.handle, buffer.as_mut_ptr(), &mut length));
    expect("small", rv, CKR_BUFFER_TOO_SMALL);
    assert_eq!((length, buffer.iter().all(|byte| *byte == 0)), (needed, true));
    let rv = call!(session.api, C_GetOperationState(session.handle, buffer.as_mut_ptr(), &mut length));
    expect("enough", rv, CKR_OK);
    assert_eq!(length, needed);
    let rv = call!(session.api, C_GetOperationState(session.handle, null_mut(), null_mut()));
    expect("no length", rv, CKR_ARGUMENTS_BAD);
    assert_eq!(session.digest(b"").unwrap().len(), 32, "the operation is as it was");
}

#[test]
fn only_a_digest_alone_is_saved() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    let state = || session.operation_state().unwrap_err();
    expect("nothing", state(), CKR_OPERATION_NOT_INITIALIZED);
    let cmac = || Mechanism::plain(CKM_AES_CMAC);
    let begin: [(&str, &dyn Fn() -> CK_RV, CK_FLAGS); 4] = [
        ("encrypt", &|| session.encrypt_init(Mechanism::cbc_pad(), key), CKF_ENCRYPT),
        ("decrypt", &|| session.decrypt_init(Mechanism::cbc_pad(), key), CKF_DECRYPT),
        ("sign", &|| session.sign_init(cmac(), key), CKF_SIGN),
        ("verify", &|| session.verify_init(cmac(), key), CKF_VERIFY),
    ];
    for (what, init, flag) in begin {
        expect(what, init(), CKR_OK);
        expect(what, state(), CKR_STATE_UNSAVEABLE);
        expect("digest", session.digest_init(Mechanism::plain(CKM_SHA256)), CKR_OK);
        expect(what, state(), CKR_STATE_UNSAVEABLE);
        expect("cancel", session.cancel(flag), CKR_OK);
        assert!(session.operation_state().is_ok());
        expect("cancel", session.cancel(CKF_DIGEST), CKR_OK);
    }
    let mut template = Attributes::new(&[]);
    let rv = call!(session.api, C_FindObjectsInit(session.handle, template.as_mut_ptr(), 0));
    expect("a search", rv, CKR_OK);
    expect("is none to be saved", state(), CKR_OPERATION_NOT_INITIALIZED);
}

#[test]
fn setting_a_state_ends_what_was_active() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    let state = state_of(&session, b"abc");
    let cmac = || Mechanism::plain(CKM_AES_CMAC);
    expect("encrypt", session.encrypt_init(Mechanism::cbc_pad(), key), CKR_OK);
    expect("sign", session.sign_init(cmac(), key), CKR_OK);
    expect("verify", session.verify_init(cmac(), key), CKR_OK);
    expect("digest", session.digest_init(Mechanism::plain(CKM_SHA_1)), CKR_OK);
    let mut template = Attributes::new(&[]);
    let rv = call!(session.api, C_FindObjectsInit(session.handle, template.as_mut_ptr(), 0));
    expect("find", rv, CKR_OK);

    expect("no state", session.set_operation_state(b"none"), CKR_SAVED_STATE_INVALID);
    expect("all is as it was", session.sign_init(cmac(), key), CKR_OPERATION_ACTIVE);

    expect("set", session.set_operation_state(&state), CKR_OK);
    expect("encrypt", session.encrypt(b"").unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
    expect("sign", session.sign(b"").unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
    expect("verify", session.verify(b"", &[0; 16]), CKR_OPERATION_NOT_INITIALIZED);
    let rv = call!(session.api, C_FindObjectsFinal(session.handle));
    expect("find", rv, CKR_OPERATION_NOT_INITIALIZED);
    assert_eq!(session.digest_final().unwrap(), digest(&session, CKM_SHA256, b"abc"));
}

#[test]
fn a_state_that_is_changed_or_cut_is_none() {
    let token = Token::new();
    let session = token.open(READ_ONLY);
    let state = state_of(&session, b"abc");
    for length in 0..state.len() {
        let rv = session.set_operation_state(&state[..length]);
        expect("cut", rv, CKR_SAVED_STATE_INVALID);
    }
    for byte in 0..state.len() {
        let mut changed = state.clone();
        changed[byte] ^= 1;
        expect("changed", session.set_operation_state(&changed), CKR_SAVED_STATE_INVALID);
    }
    let longer = [&state[..], &[0]].concat();
    expect("longer", session.set_operation_state(&longer), CKR_SAVED_STATE_INVALID);
    expect("nothing is active", session.digest_final().unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
    expect("the state is good", session.set_operation_state(&state), CKR_OK);
}

#[test]
fn a_digest_needs_no_key() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    let state = state_of(&session, b"abc");
    let (pointer, length) = (state.as_ptr().cast_mut(), state.len() as CK_ULONG);
    for (encryption, authentication) in [(key, 0), (0, key), (key, key), (0, 77)] {
        let rv = call!(
            session.api,
            C_SetOperationState(session.handle, pointer, length, encryption, authentication)
        );
        expect("a key", rv, CKR_KEY_NOT_NEEDED);
    }
    assert_ne!(token.info().flags & CKF_RESTORE_KEY_NOT_NEEDED, 0);
}

/// A key's value may be in it: nothing of it is to be seen, and nobody else goes on with it.
#[test]
fn a_state_belongs_to_its_login_and_its_kind_of_session() {
    let token = Token::new();
    let session = token.user();
    let value = *b"a value that must not leave here";
    let key = session.known_key(CKK_AES, &value, &[(CKA_SENSITIVE, YES), (CKA_PRIVATE, YES)]);
    expect("init", session.digest_init(Mechanism::plain(CKM_SHA256)), CKR_OK);
    expect("key", session.digest_key(key), CKR_OK);
    let state = session.operation_state().unwrap();
    assert!(!state.windows(4).any(|part| value.windows(4).any(|secret| part == secret)));
    let reader = token.open(READ_ONLY);
    expect("a read-only session", reader.set_operation_state(&state), CKR_SAVED_STATE_INVALID);
    expect("logout", session.logout(), CKR_OK);
    expect("nobody", session.set_operation_state(&state), CKR_SAVED_STATE_INVALID);
    expect("login", session.login(CKU_USER, USER_PIN), CKR_OK);
    expect("a later login", session.set_operation_state(&state), CKR_SAVED_STATE_INVALID);
}

#[test]
fn a_state_dies_with_the_library() {
    let token = Token::new();
    let state = state_of(&token.open(READ_ONLY), b"abc");
    expect("finalize", token.module.finalize(), CKR_OK);
    expect("initialize", token.module.initialize(), CKR_OK);
    expect("set", token.open(READ_ONLY).set_operation_state(&state), CKR_SAVED_STATE_INVALID);
}
