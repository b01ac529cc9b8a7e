//! Every function of a session: a wrong session handle, and each pointer null in turn, gets its code; nothing
//! crashes and no operation is left behind.

use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;

/// Good arguments for every call, so that only the one that is tested is wrong.
struct Good {
    api: &'static Api,
    session: CK_SESSION_HANDLE,
    key: CK_OBJECT_HANDLE,
    data: CK_OBJECT_HANDLE,
    /// CKM_AES_ECB, and CKM_AES_CMAC, CKM_SHA256, CKM_AES_KEY_GEN, CKM_AES_KEY_WRAP.
    ecb: *mut CK_MECHANISM,
    cmac: *mut CK_MECHANISM,
    sha256: *mut CK_MECHANISM,
    keygen: *mut CK_MECHANISM,
    key_wrap: *mut CK_MECHANISM,
    /// One attribute: CKA_CLASS of data.
    template: *mut CK_ATTRIBUTE,
    buffer: *mut CK_BYTE,
    length: *mut CK_ULONG,
    handle: *mut CK_OBJECT_HANDLE,
}

/// Runs the test with good arguments in a session of a logged-in user.
fn with_good(test: impl Fn(&Good, &Session)) {
    let token = Token::new();
    let session = token.user();
    let mut mechanisms: Vec<_> = [CKM_AES_ECB, CKM_AES_CMAC, CKM_SHA256, CKM_AES_KEY_GEN, CKM_AES_KEY_WRAP]
        .into_iter()
        .map(|mechanism| CK_MECHANISM { mechanism, pParameter: null_mut(), ulParameterLen: 0 })
        .collect();
    let class = number(CKO_DATA);
    let mut template = Attributes::new(&[(CKA_CLASS, &class)]);
    let (mut buffer, mut length, mut handle) = (vec![0; 1024], 1024, 0);
    let first = mechanisms.as_mut_ptr();
    let at = |index: usize| first.wrapping_add(index);
    let good = Good {
        api: token.module.api,
        session: session.handle,
        key: session.aes_key(&[(CKA_EXTRACTABLE, YES)]),
        data: session.create(&[(CKA_CLASS, &class)]).unwrap(),
        ecb: at(0),
        cmac: at(1),
        sha256: at(2),
        keygen: at(3),
        key_wrap: at(4),
        template: template.as_mut_ptr(),
        buffer: buffer.as_mut_ptr(),
        length: &mut length,
        handle: &mut handle,
    };
    test(&good, &session);
}

type Row = (&'static str, fn(&Good) -> CK_RV);

/// Calls with good arguments but for the session, which the caller sets.
const CALLS: &[Row] = &[
    ("C_CloseSession", |g| call!(g.api, C_CloseSession(g.session))),
    ("C_GetSessionInfo", |g| call!(g.api, C_GetSessionInfo(g.session, g.buffer.cast()))),
    ("C_GetOperationState", |g| call!(g.api, C_GetOperationState(g.session, g.buffer, g.length))),
    ("C_SetOperationState", |g| call!(g.api, C_SetOperationState(g.session, g.buffer, 8, 0, 0))),
    ("C_Login", |g| call!(g.api, C_Login(g.session, CKU_USER, g.buffer, 8))),
    ("C_LoginUser", |g| call!(g.api, C_LoginUser(g.session, CKU_USER, g.buffer, 8, g.buffer, 8))),
    ("C_Logout", |g| call!(g.api, C_Logout(g.session))),
    ("C_InitPIN", |g| call!(g.api, C_InitPIN(g.session, g.buffer, 8))),
    ("C_SetPIN", |g| call!(g.api, C_SetPIN(g.session, g.buffer, 8, g.buffer, 8))),
    ("C_SessionCancel", |g| call!(g.api, C_SessionCancel(g.session, CKF_ENCRYPT))),
    ("C_CreateObject", |g| call!(g.api, C_CreateObject(g.session, g.template, 1, g.handle))),
    ("C_CopyObject", |g| call!(g.api, C_CopyObject(g.session, g.data, g.template, 0, g.handle))),
    ("C_DestroyObject", |g| call!(g.api, C_DestroyObject(g.session, g.data))),
    ("C_GetObjectSize", |g| call!(g.api, C_GetObjectSize(g.session, g.data, g.length))),
    ("C_GetAttributeValue", |g| call!(g.api, C_GetAttributeValue(g.session, g.data, g.template, 1))),
    ("C_SetAttributeValue", |g| call!(g.api, C_SetAttributeValue(g.session, g.data, g.template, 1))),
    ("C_FindObjectsInit", |g| call!(g.api, C_FindObjectsInit(g.session, g.template, 1))),
    ("C_FindObjects", |g| call!(g.api, C_FindObjects(g.session, g.handle, 1, g.length))),
    ("C_FindObjectsFinal", |g| call!(g.api, C_FindObjectsFinal(g.session))),
    ("C_EncryptInit", |g| call!(g.api, C_EncryptInit(g.session, g.ecb, g.key))),
    ("C_Encrypt", |g| call!(g.api, C_Encrypt(g.session, g.buffer, 16, g.buffer, g.length))),
    ("C_EncryptUpdate", |g| call!(g.api, C_EncryptUpdate(g.session, g.buffer, 16, g.buffer, g.length))),
    ("C_EncryptFinal", |g| call!(g.api, C_EncryptFinal(g.session, g.buffer, g.length))),
    ("C_DecryptInit", |g| call!(g.api, C_DecryptInit(g.session, g.ecb, g.key))),
    ("C_Decrypt", |g| call!(g.api, C_Decrypt(g.session, g.buffer, 16, g.buffer, g.length))),
    ("C_DecryptUpdate", |g| call!(g.api, C_DecryptUpdate(g.session, g.buffer, 16, g.buffer, g.length))),
    ("C_DecryptFinal", |g| call!(g.api, C_DecryptFinal(g.session, g.buffer, g.length))),
    ("C_DigestInit", |g| call!(g.api, C_DigestInit(g.session, g.sha256))),
    ("C_Digest", |g| call!(g.api, C_Digest(g.session, g.buffer, 16, g.buffer, g.length))),
    ("C_DigestUpdate", |g| call!(g.api, C_DigestUpdate(g.session, g.buffer, 16))),
    ("C_DigestKey", |g| call!(g.api, C_DigestKey(g.session, g.key))),
    ("C_DigestFinal", |g| call!(g.api, C_DigestFinal(g.session, g.buffer, g.length))),
    ("C_SignInit", |g| call!(g.api, C_SignInit(g.session, g.cmac, g.key))),
    ("C_Sign", |g| call!(g.api, C_Sign(g.session, g.buffer, 16, g.buffer, g.length))),
    ("C_SignUpdate", |g| call!(g.api, C_SignUpdate(g.session, g.buffer, 16))),
    ("C_SignFinal", |g| call!(g.api, C_SignFinal(g.session, g.buffer, g.length))),
    ("C_VerifyInit", |g| call!(g.api, C_VerifyInit(g.session, g.cmac, g.key))),
    ("C_Verify", |g| call!(g.api, C_Verify(g.session, g.buffer, 16, g.buffer, 16))),
    ("C_VerifyUpdate", |g| call!(g.api, C_VerifyUpdate(g.session, g.buffer, 16))),
    ("C_VerifyFinal", |g| call!(g.api, C_VerifyFinal(g.session, g.buffer, 16))),
    ("C_SignRecoverInit", |g| call!(g.api, C_SignRecoverInit(g.session, g.cmac, g.key))),
    ("C_SignRecover", |g| call!(g.api, C_SignRecover(g.session, g.buffer, 16, g.buffer, g.length))),
    ("C_VerifyRecoverInit", |g| call!(g.api, C_VerifyRecoverInit(g.session, g.cmac, g.key))),
    ("C_VerifyRecover", |g| call!(g.api, C_VerifyRecover(g.session, g.buffer, 16, g.buffer, g.length))),
    ("C_VerifySignatureInit", |g| {
        call!(g.api, C_VerifySignatureInit(g.session, g.cmac, g.key, g.buffer, 16))
    }),
    ("C_VerifySignature", |g| call!(g.api, C_VerifySignature(g.session, g.buffer, 16))),
    ("C_VerifySignatureUpdate", |g| call!(g.api, C_VerifySignatureUpdate(g.session, g.buffer, 16))),
    ("C_VerifySignatureFinal", |g| call!(g.api, C_VerifySignatureFinal(g.session))),
    ("C_DigestEncryptUpdate", |g| {
        call!(g.api, C_DigestEncryptUpdate(g.session, g.buffer, 16, g.buffer, g.length))
    }),
    ("C_DecryptDigestUpdate", |g| {
        call!(g.api, C_DecryptDigestUpdate(g.session, g.buffer, 16, g.buffer, g.length))
    }),
    ("C_SignEncryptUpdate", |g| {
        call!(g.api, C_SignEncryptUpdate(g.session, g.buffer, 16, g.buffer, g.length))
    }),
    ("C_DecryptVerifyUpdate", |g| {
        call!(g.api, C_DecryptVerifyUpdate(g.session, g.buffer, 16, g.buffer, g.length))
    }),
    ("C_EncapsulateKey", |g| {
        let (buffer, length) = (g.buffer, g.length);
        call!(g.api, C_EncapsulateKey(g.session, g.ecb, g.key, g.template, 1, buffer, length, g.handle))
    }),
    ("C_DecapsulateKey", |g| {
        call!(g.api, C_DecapsulateKey(g.session, g.ecb, g.key, g.template, 1, g.buffer, 16, g.handle))
    }),
    ("C_GetSessionValidationFlags", |g| {
        call!(g.api, C_GetSessionValidationFlags(g.session, CKS_LAST_VALIDATION_OK, g.length))
    }),
    ("C_GenerateKey", |g| call!(g.api, C_GenerateKey(g.session, g.keygen, g.template, 0, g.handle))),
    ("C_WrapKey", |g| call!(g.api, C_WrapKey(g.session, g.key_wrap, g.key, g.key, g.buffer, g.length))),
    ("C_UnwrapKey", |g| {
        call!(g.api, C_UnwrapKey(g.session, g.key_wrap, g.key, g.buffer, 40, g.template, 1, g.handle))
    }),
    ("C_SeedRandom", |g| call!(g.api, C_SeedRandom(g.session, g.buffer, 8))),
    ("C_GenerateRandom", |g| call!(g.api, C_GenerateRandom(g.session, g.buffer, 8))),
];

/// Calls with one pointer null whose function needs no operation: the answer is CKR_ARGUMENTS_BAD.
const NULLS: &[Row] = &[
    ("C_GetSessionInfo", |g| call!(g.api, C_GetSessionInfo(g.session, null_mut()))),
    ("C_SetOperationState", |g| call!(g.api, C_SetOperationState(g.session, null_mut(), 8, 0, 0))),
    ("C_CreateObject: template", |g| call!(g.api, C_CreateObject(g.session, null_mut(), 1, g.handle))),
    ("C_CreateObject: handle", |g| call!(g.api, C_CreateObject(g.session, g.template, 1, null_mut()))),
    ("C_CopyObject: template", |g| call!(g.api, C_CopyObject(g.session, g.data, null_mut(), 1, g.handle))),
    ("C_CopyObject: handle", |g| call!(g.api, C_CopyObject(g.session, g.data, g.template, 0, null_mut()))),
    ("C_GetObjectSize", |g| call!(g.api, C_GetObjectSize(g.session, g.data, null_mut()))),
    ("C_GetAttributeValue", |g| call!(g.api, C_GetAttributeValue(g.session, g.data, null_mut(), 1))),
    ("C_SetAttributeValue", |g| call!(g.api, C_SetAttributeValue(g.session, g.data, null_mut(), 1))),
    ("C_FindObjectsInit", |g| call!(g.api, C_FindObjectsInit(g.session, null_mut(), 1))),
    ("C_GenerateKey: mechanism", |g| {
        call!(g.api, C_GenerateKey(g.session, null_mut(), g.template, 0, g.handle))
    }),
    ("C_GenerateKey: template", |g| {
        call!(g.api, C_GenerateKey(g.session, g.keygen, null_mut(), 1, g.handle))
    }),
    ("C_GenerateKey: handle", |g| {
        call!(g.api, C_GenerateKey(g.session, g.keygen, g.template, 0, null_mut()))
    }),
    ("C_WrapKey: mechanism", |g| {
        call!(g.api, C_WrapKey(g.session, null_mut(), g.key, g.key, g.buffer, g.length))
    }),
    ("C_WrapKey: length", |g| {
        call!(g.api, C_WrapKey(g.session, g.key_wrap, g.key, g.key, g.buffer, null_mut()))
    }),
    ("C_UnwrapKey: mechanism", |g| {
        call!(g.api, C_UnwrapKey(g.session, null_mut(), g.key, g.buffer, 40, g.template, 1, g.handle))
    }),
    ("C_UnwrapKey: wrapped", |g| {
        call!(g.api, C_UnwrapKey(g.session, g.key_wrap, g.key, null_mut(), 40, g.template, 1, g.handle))
    }),
    ("C_UnwrapKey: template", |g| {
        call!(g.api, C_UnwrapKey(g.session, g.key_wrap, g.key, g.buffer, 40, null_mut(), 1, g.handle))
    }),
    ("C_UnwrapKey: handle", |g| {
        call!(g.api, C_UnwrapKey(g.session, g.key_wrap, g.key, g.buffer, 40, g.template, 1, null_mut()))
    }),
    ("C_EncapsulateKey: mechanism", |g| {
        let (buffer, length) = (g.buffer, g.length);
        call!(g.api, C_EncapsulateKey(g.session, null_mut(), g.key, g.template, 1, buffer, length, g.handle))
    }),
    ("C_EncapsulateKey: handle", |g| {
        let (buffer, length) = (g.buffer, g.length);
        call!(g.api, C_EncapsulateKey(g.session, g.ecb, g.key, g.template, 1, buffer, length, null_mut()))
    }),
    ("C_DecapsulateKey: ciphertext", |g| {
        call!(g.api, C_DecapsulateKey(g.session, g.ecb, g.key, g.template, 1, null_mut(), 16, g.handle))
    }),
    ("C_DecapsulateKey: handle", |g| {
        call!(g.api, C_DecapsulateKey(g.session, g.ecb, g.key, g.template, 1, g.buffer, 16, null_mut()))
    }),
    ("C_VerifySignatureInit: signature", |g| {
        call!(g.api, C_VerifySignatureInit(g.session, g.cmac, g.key, null_mut(), 16))
    }),
    ("C_GetSessionValidationFlags", |g| {
        call!(g.api, C_GetSessionValidationFlags(g.session, CKS_LAST_VALIDATION_OK, null_mut()))
    }),
    ("C_GenerateRandom", |g| call!(g.api, C_GenerateRandom(g.session, null_mut(), 8))),
    ("C_Login", |g| call!(g.api, C_Login(g.session, CKU_USER, null_mut(), 8))),
    ("C_LoginUser: pin", |g| call!(g.api, C_LoginUser(g.session, CKU_USER, null_mut(), 8, g.buffer, 8))),
    ("C_LoginUser: name", |g| call!(g.api, C_LoginUser(g.session, CKU_USER, g.buffer, 8, null_mut(), 8))),
    ("C_SetPIN: old", |g| call!(g.api, C_SetPIN(g.session, null_mut(), 8, g.buffer, 8))),
    ("C_SetPIN: new", |g| call!(g.api, C_SetPIN(g.session, g.buffer, 8, null_mut(), 8))),
];

/// Calls that need an operation, where none is active.
const WITHOUT_OPERATION: &[&str] = &[
    "C_GetOperationState",
    "C_FindObjects",
    "C_FindObjectsFinal",
    "C_Encrypt",
    "C_EncryptUpdate",
    "C_EncryptFinal",
    "C_Decrypt",
    "C_DecryptUpdate",
    "C_DecryptFinal",
    "C_Digest",
    "C_DigestUpdate",
    "C_DigestKey",
    "C_DigestFinal",
    "C_DigestEncryptUpdate",
    "C_DecryptDigestUpdate",
    "C_SignEncryptUpdate",
    "C_DecryptVerifyUpdate",
    "C_SignRecover",
    "C_VerifyRecover",
    "C_VerifySignature",
    "C_VerifySignatureUpdate",
    "C_VerifySignatureFinal",
    "C_Sign",
    "C_SignUpdate",
    "C_SignFinal",
    "C_Verify",
    "C_VerifyUpdate",
    "C_VerifyFinal",
];

#[track_caller]
fn nothing_is_active(session: &Session, good: &Good) {
    for function in WITHOUT_OPERATION {
        let row = CALLS.iter().find(|row| row.0 == *function).expect("a row");
        // SAFETY: the length of the buffer, which calls may have changed.
        unsafe { *good.length = 1024 };
        expect(function, row.1(good), CKR_OPERATION_NOT_INITIALIZED);
    }
    assert!(session.info().is_ok());
}

#[test]
fn a_session_that_is_none_is_told_by_every_function() {
    with_good(|good, session| {
        for handle in [0, 7777, CK_SESSION_HANDLE::MAX] {
            let bad = Good { session: handle, ..*good };
            for (function, call) in CALLS {
                expect(function, call(&bad), CKR_SESSION_HANDLE_INVALID);
            }
        }
        nothing_is_active(session, good);
    });
}

#[test]
fn a_closed_session_is_told_by_every_function() {
    with_good(|good, session| {
        let slot = session.info().expect("it is open").slotID;
        let mut closed = 0;
        let rv = call!(session.api, C_OpenSession(slot, READ_WRITE, null_mut(), None, &mut closed));
        expect("open", rv, CKR_OK);
        expect("close", call!(session.api, C_CloseSession(closed)), CKR_OK);
        let bad = Good { session: closed, ..*good };
        for (function, call) in CALLS {
            expect(function, call(&bad), CKR_SESSION_HANDLE_INVALID);
        }
        nothing_is_active(session, good);
    });
}

#[test]
fn a_null_pointer_is_told_by_every_function() {
    with_good(|good, session| {
        for (function, call) in NULLS {
            expect(function, call(good), CKR_ARGUMENTS_BAD);
            nothing_is_active(session, good);
        }
    });
}

#[test]
fn without_an_operation_every_function_says_so() {
    with_good(|good, session| nothing_is_active(session, good));
}

#[test]
fn a_count_without_attributes_is_no_pointer_to_follow() {
    with_good(|good, session| {
        let call = |rv: CK_RV, what: &str| {
            expect_one_of(what, rv, &[CKR_ARGUMENTS_BAD, CKR_TEMPLATE_INCOMPLETE, CKR_HOST_MEMORY]);
        };
        let many = CK_ULONG::MAX;
        call(call!(good.api, C_CreateObject(good.session, null_mut(), many, good.handle)), "create");
        call(call!(good.api, C_FindObjectsInit(good.session, null_mut(), many)), "find");
        nothing_is_active(session, good);
    });
}
