//! Message-based signing and verifying (PKCS#11 3.0 sec. 5.14 and 5.16).

use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;

const DATA: &[u8] = b"a message, and one more";

fn cmac() -> Mechanism {
    Mechanism::plain(CKM_AES_CMAC)
}

fn with_process(test: impl Fn(&Session, CK_OBJECT_HANDLE)) {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    expect("sign", session.message_sign_init(cmac(), key), CKR_OK);
    expect("verify", session.message_verify_init(cmac(), key), CKR_OK);
    test(&session, key);
}

fn code(session: &Session, key: CK_OBJECT_HANDLE, data: &[u8]) -> Vec<u8> {
    expect("sign", session.sign_init(cmac(), key), CKR_OK);
    session.sign(data).expect("a code")
}

#[test]
fn messages_at_once_and_in_parts_get_the_code_that_c_sign_makes() {
    with_process(|session, key| {
        for data in [DATA, b"", &[3; 100]] {
            let wanted = code(session, key, data);
            assert_eq!(session.sign_message(data).unwrap(), wanted);
            expect("begin", session.sign_message_begin(), CKR_OK);
            expect("part", session.sign_message_part(&data[..data.len() / 2]), CKR_OK);
            assert_eq!(session.sign_message_last(&data[data.len() / 2..]).unwrap(), wanted);
            expect("verify", session.verify_message(data, &wanted), CKR_OK);
            expect("begin", session.verify_message_begin(), CKR_OK);
            expect("part", session.verify_message_part(data), CKR_OK);
            expect("last", session.verify_message_last(b"", &wanted), CKR_OK);
        }
        expect("final", session.message_sign_final(), CKR_OK);
        expect("final", session.message_verify_final(), CKR_OK);
        expect("over", session.sign_message(DATA).unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
        expect("over", session.verify_message(DATA, &[0; 16]), CKR_OPERATION_NOT_INITIALIZED);
    });
}

#[test]
fn every_code_mechanism_signs_messages() {
    let token = Token::new();
    let session = token.user();
    let key = session.known_key(CKK_GENERIC_SECRET, &[5; 32], &[]);
    for mechanism in [CKM_SHA_1_HMAC, CKM_SHA256_HMAC, CKM_SHA512_HMAC, CKM_SHA3_256_HMAC] {
        let by = || Mechanism::plain(mechanism);
        expect("sign", session.sign_init(by(), key), CKR_OK);
        let wanted = session.sign(DATA).unwrap();
        expect("init", session.message_sign_init(by(), key), CKR_OK);
        assert_eq!(session.sign_message(DATA).unwrap(), wanted);
        assert_eq!(session.sign_message(DATA).unwrap(), wanted, "each message begins anew");
        expect("final", session.message_sign_final(), CKR_OK);
        let mut info = CK_MECHANISM_INFO::default();
        let rv = call!(session.api, C_GetMechanismInfo(token.slot, mechanism, &mut info));
        let flags = CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY | CKF_MULTI_MESSAGE;
        assert_eq!((rv, info.flags & flags), (CKR_OK, flags));
    }
}

#[test]
fn a_wrong_code_ends_only_its_message() {
    with_process(|session, key| {
        let right = code(session, key, DATA);
        let mut wrong = right.clone();
        wrong[15] ^= 1;
        for (what, signature, verdict) in [
            ("wrong", &wrong[..], CKR_SIGNATURE_INVALID),
            ("short", &right[..15], CKR_SIGNATURE_LEN_RANGE),
            ("right", &right, CKR_OK),
        ] {
            expect(what, session.verify_message(DATA, signature), verdict);
            expect("begin", session.verify_message_begin(), CKR_OK);
            expect("part", session.verify_message_part(DATA), CKR_OK);
            expect(what, session.verify_message_last(b"", signature), verdict);
            let rv = session.verify_message_last(b"", signature);
            expect("that message is over", rv, CKR_OPERATION_NOT_INITIALIZED);
        }
    });
}

#[test]
fn messages_and_processes_come_in_order() {
    with_process(|session, key| {
        expect("a second process", session.message_sign_init(cmac(), key), CKR_OPERATION_ACTIVE);
        expect("a part of nothing", session.sign_message_part(DATA), CKR_OPERATION_NOT_INITIALIZED);
        expect("begin", session.sign_message_begin(), CKR_OK);
        expect("begin again", session.sign_message_begin(), CKR_OPERATION_ACTIVE);
        expect("final amid a message", session.message_sign_final(), CKR_OPERATION_ACTIVE);
        expect("a message amid another", session.sign_message(DATA).unwrap_err(), CKR_OPERATION_ACTIVE);
        assert_eq!(session.sign_message_last(DATA).unwrap(), code(session, key, DATA), "it went on");
        assert_eq!(session.sign_message(DATA).unwrap(), code(session, key, DATA));
    });
}

#[test]
fn sizes_are_told_without_taking_data_in() {
    with_process(|session, key| {
        let (from, bytes) = (DATA.as_ptr().cast_mut(), DATA.len() as CK_ULONG);
        let (handle, mut buffer, mut length) = (session.handle, [0; 16], 0);
        let sign = |to: *mut u8, length: &mut CK_ULONG| {
            call!(session.api, C_SignMessage(handle, null_mut(), 0, from, bytes, to, length))
        };
        expect("size", sign(null_mut(), &mut length), CKR_OK);
        assert_eq!(length, 16);
        length = 15;
        expect("small", sign(buffer.as_mut_ptr(), &mut length), CKR_BUFFER_TOO_SMALL);
        assert_eq!(length, 16);
        expect("begin", session.sign_message_begin(), CKR_OK);
        let next = |to: *mut u8, length: &mut CK_ULONG| {
            call!(session.api, C_SignMessageNext(handle, null_mut(), 0, from, bytes, to, length))
        };
        expect("size", next(null_mut(), &mut length), CKR_OK);
        length = 15;
        expect("small", next(buffer.as_mut_ptr(), &mut length), CKR_BUFFER_TOO_SMALL);
        expect("enough", next(buffer.as_mut_ptr(), &mut length), CKR_OK);
        assert_eq!(buffer[..], code(session, key, DATA));
    });
}

#[test]
fn they_are_cancelled_and_end_with_key_and_login() {
    with_process(|session, key| {
        expect("cancel", session.cancel(CKF_MESSAGE_SIGN), CKR_OK);
        expect("over", session.message_sign_final(), CKR_OPERATION_NOT_INITIALIZED);
        let rv = call!(session.api, C_MessageVerifyInit(session.handle, null_mut(), 0));
        expect("null mechanism", rv, CKR_OK);
        expect("over", session.message_verify_final(), CKR_OPERATION_NOT_INITIALIZED);
        expect("sign", session.message_sign_init(cmac(), key), CKR_OK);
        expect("destroy", session.destroy(key), CKR_OK);
        expect("over", session.sign_message(DATA).unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
    });
    with_process(|session, _| {
        expect("logout", session.logout(), CKR_OK);
        expect("over", session.sign_message(DATA).unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
    });
}

#[test]
fn keys_mechanisms_and_parameters_must_fit() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[(CKA_SIGN, NO)]);
    expect("CKA_SIGN", session.message_sign_init(cmac(), key), CKR_KEY_FUNCTION_NOT_PERMITTED);
    expect("no key", session.message_sign_init(cmac(), 0), CKR_KEY_HANDLE_INVALID);
    let ecb = session.message_verify_init(Mechanism::plain(CKM_AES_ECB), key);
    expect("no signature mechanism", ecb, CKR_MECHANISM_INVALID);
    expect("verify", session.message_verify_init(cmac(), key), CKR_OK);
    let mut parameter = [0u8; 4];
    let pointer = (&raw mut parameter).cast();
    let rv = call!(session.api, C_VerifyMessageBegin(session.handle, pointer, 4));
    expect("a parameter", rv, CKR_MECHANISM_PARAM_INVALID);
    expect("begin", session.verify_message_begin(), CKR_OK);
}
