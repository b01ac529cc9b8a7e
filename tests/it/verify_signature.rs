//! C_VerifySignatureInit and what follows it (PKCS#11 3.2 sec. 5.15.7), and the other small functions of 3.2.

use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;

const DATA: &[u8] = b"what was signed";

impl Session<'_> {
    fn verify_signature_init(&self, mut by: Mechanism, key: CK_OBJECT_HANDLE, signature: &[u8]) -> CK_RV {
        let (pointer, length) = (signature.as_ptr().cast_mut(), signature.len() as CK_ULONG);
        call!(self.api, C_VerifySignatureInit(self.handle, &mut by.raw(), key, pointer, length))
    }
    fn verify_signature(&self, data: &[u8]) -> CK_RV {
        let (pointer, length) = (data.as_ptr().cast_mut(), data.len() as CK_ULONG);
        call!(self.api, C_VerifySignature(self.handle, pointer, length))
    }
    fn verify_signature_update(&self, data: &[u8]) -> CK_RV {
        let (pointer, length) = (data.as_ptr().cast_mut(), data.len() as CK_ULONG);
        call!(self.api, C_VerifySignatureUpdate(self.handle, pointer, length))
    }
    fn verify_signature_final(&self) -> CK_RV {
        call!(self.api, C_VerifySignatureFinal(self.handle))
    }
}

fn cmac() -> Mechanism {
    Mechanism::plain(CKM_AES_CMAC)
}

fn with_code(test: impl Fn(&Session, CK_OBJECT_HANDLE, &[u8])) {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    expect("sign", session.sign_init(cmac(), key), CKR_OK);
    test(&session, key, &session.sign(DATA).unwrap());
}

#[test]
fn the_signature_comes_first() {
    with_code(|session, key, code| {
        let mut wrong = code.to_vec();
        wrong[3] ^= 1;
        for (signature, verdict) in
            [(code, CKR_OK), (&wrong[..], CKR_SIGNATURE_INVALID), (&code[1..], CKR_SIGNATURE_LEN_RANGE)]
        {
            expect("init", session.verify_signature_init(cmac(), key, signature), CKR_OK);
            expect("at once", session.verify_signature(DATA), verdict);
            expect("over", session.verify_signature(DATA), CKR_OPERATION_NOT_INITIALIZED);
            expect("init", session.verify_signature_init(cmac(), key, signature), CKR_OK);
            expect("part", session.verify_signature_update(&DATA[..4]), CKR_OK);
            expect("part", session.verify_signature_update(&DATA[4..]), CKR_OK);
            expect("final", session.verify_signature_final(), verdict);
            expect("over", session.verify_signature_final(), CKR_OPERATION_NOT_INITIALIZED);
        }
    });
}

#[test]
fn its_operation_is_its_own() {
    with_code(|session, key, code| {
        expect("init", session.verify_signature_init(cmac(), key, code), CKR_OK);
        expect("again", session.verify_signature_init(cmac(), key, &[0; 16]), CKR_OPERATION_ACTIVE);
        expect("the other verification", session.verify_init(cmac(), key), CKR_OK);
        expect("the other verification", session.verify(DATA, code), CKR_OK);
        expect("with the first signature", session.verify_signature(DATA), CKR_OK);

        expect("init", session.verify_signature_init(cmac(), key, code), CKR_OK);
        expect("part", session.verify_signature_update(DATA), CKR_OK);
        expect("one shot after a part", session.verify_signature(DATA), CKR_OPERATION_ACTIVE);
        expect("over", session.verify_signature_final(), CKR_OPERATION_NOT_INITIALIZED);
    });
}

#[test]
fn it_is_cancelled_and_ends_with_its_key() {
    with_code(|session, key, code| {
        expect("init", session.verify_signature_init(cmac(), key, code), CKR_OK);
        let null = call!(session.api, C_VerifySignatureInit(session.handle, null_mut(), 0, null_mut(), 0));
        expect("null mechanism", null, CKR_OK);
        expect("over", session.verify_signature(DATA), CKR_OPERATION_NOT_INITIALIZED);
        expect("init", session.verify_signature_init(cmac(), key, code), CKR_OK);
        expect("cancel", session.cancel(CKF_VERIFY), CKR_OK);
        expect("over", session.verify_signature(DATA), CKR_OPERATION_NOT_INITIALIZED);
        expect("init", session.verify_signature_init(cmac(), key, code), CKR_OK);
        expect("destroy", session.destroy(key), CKR_OK);
        expect("over", session.verify_signature(DATA), CKR_OPERATION_NOT_INITIALIZED);
    });
}

#[test]
fn the_key_must_be_one_to_verify_with() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[(CKA_VERIFY, NO)]);
    let init = |by: Mechanism, key| session.verify_signature_init(by, key, &[0; 16]);
    expect("CKA_VERIFY", init(cmac(), key), CKR_KEY_FUNCTION_NOT_PERMITTED);
    expect("no key", init(cmac(), 0), CKR_KEY_HANDLE_INVALID);
    expect("no signature mechanism", init(Mechanism::plain(CKM_AES_ECB), key), CKR_MECHANISM_INVALID);
    expect("nothing is active", session.verify_signature(DATA), CKR_OPERATION_NOT_INITIALIZED);
}

/// There is no validated module here, so no operation was done by one.
#[test]
fn no_validation_is_claimed() {
    let token = Token::new();
    let session = token.open(READ_ONLY);
    let mut flags = 7;
    let rv =
        call!(session.api, C_GetSessionValidationFlags(session.handle, CKS_LAST_VALIDATION_OK, &mut flags));
    expect("flags", rv, CKR_OK);
    assert_eq!(flags, 0);
    let rv = call!(session.api, C_GetSessionValidationFlags(session.handle, 99, &mut flags));
    expect("no such type", rv, CKR_ARGUMENTS_BAD);
}

#[test]
fn keys_are_encapsulated_and_data_recovered_only_by_mechanisms_that_do_so() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    let mut mechanism = cmac().raw();
    let (mut buffer, mut length, mut handle) = ([0; 64], 64, 0);
    let to = buffer.as_mut_ptr();
    let (api, session) = (session.api, session.handle);
    let rv = call!(
        api,
        C_EncapsulateKey(session, &mut mechanism, key, null_mut(), 0, to, &mut length, &mut handle)
    );
    expect("encapsulate", rv, CKR_MECHANISM_INVALID);
    let rv = call!(api, C_DecapsulateKey(session, &mut mechanism, key, null_mut(), 0, to, 8, &mut handle));
    expect("decapsulate", rv, CKR_MECHANISM_INVALID);
    let rv = call!(api, C_SignRecoverInit(session, &mut mechanism, key));
    expect("sign and recover", rv, CKR_MECHANISM_INVALID);
    let rv = call!(api, C_VerifyRecoverInit(session, &mut mechanism, key));
    expect("verify and recover", rv, CKR_MECHANISM_INVALID);
}
