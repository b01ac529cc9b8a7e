//! C_Initialize, C_Finalize, C_GetInfo (PKCS#11 3.0 sec. 5.4).

use crate::support::*;
use cryptoki_sys::*;
use std::ffi::c_void;
use std::ptr::null_mut;

unsafe extern "C" fn create_mutex(mutex: *mut *mut c_void) -> CK_RV {
    // SAFETY: the library passes a place for the mutex.
    unsafe { *mutex = std::ptr::dangling_mut() };
    CKR_OK
}

unsafe extern "C" fn use_mutex(_mutex: *mut c_void) -> CK_RV {
    CKR_OK
}

/// Arguments with those of the four callbacks that the mask names.
fn arguments(callbacks: u8, flags: CK_FLAGS) -> CK_C_INITIALIZE_ARGS {
    let has = |bit: u8| callbacks & (1 << bit) != 0;
    CK_C_INITIALIZE_ARGS {
        CreateMutex: has(0).then_some(create_mutex),
        DestroyMutex: has(1).then_some(use_mutex),
        LockMutex: has(2).then_some(use_mutex),
        UnlockMutex: has(3).then_some(use_mutex),
        flags,
        pReserved: null_mut(),
    }
}

fn initialize(module: &Module, mut arguments: CK_C_INITIALIZE_ARGS) -> CK_RV {
    call!(module.api, C_Initialize((&raw mut arguments).cast()))
}

fn is_initialized(module: &Module) -> bool {
    let mut info = CK_INFO::default();
    match call!(module.api, C_GetInfo(&mut info)) {
        CKR_OK => true,
        CKR_CRYPTOKI_NOT_INITIALIZED => false,
        rv => panic!("{}", name(rv)),
    }
}

#[test]
fn no_arguments_are_arguments_of_a_single_thread() {
    let module = Module::loaded();
    expect("null", call!(module.api, C_Initialize(null_mut())), CKR_OK);
    assert!(is_initialized(&module));
    expect("finalize", module.finalize(), CKR_OK);
    expect("no flag, no callbacks", initialize(&module, arguments(0, 0)), CKR_OK);
    expect("finalize", module.finalize(), CKR_OK);
    expect("the system's locks", initialize(&module, arguments(0, CKF_OS_LOCKING_OK)), CKR_OK);
}

#[test]
fn callbacks_come_all_or_none() {
    let module = Module::loaded();
    for flags in [0, CKF_OS_LOCKING_OK] {
        for callbacks in 1..15 {
            let rv = initialize(&module, arguments(callbacks, flags));
            expect(&format!("callbacks {callbacks:04b}"), rv, CKR_ARGUMENTS_BAD);
            assert!(!is_initialized(&module));
        }
    }
    expect("all, or the system's", initialize(&module, arguments(15, CKF_OS_LOCKING_OK)), CKR_OK);
    expect("finalize", module.finalize(), CKR_OK);
    let rv = initialize(&module, arguments(15, 0));
    expect("callbacks alone", rv, CKR_CANT_LOCK);
    assert_eq!(is_initialized(&module), rv == CKR_OK);
}

#[test]
fn the_reserved_argument_is_null() {
    let module = Module::loaded();
    let mut reserved = arguments(0, CKF_OS_LOCKING_OK);
    reserved.pReserved = (&raw mut reserved).cast();
    expect("reserved", initialize(&module, reserved), CKR_ARGUMENTS_BAD);
    assert!(!is_initialized(&module));
    expect("initialize", module.initialize(), CKR_OK);
    let mut something = 0u8;
    let rv = call!(module.api, C_Finalize((&raw mut something).cast()));
    expect("reserved of C_Finalize", rv, CKR_ARGUMENTS_BAD);
    assert!(is_initialized(&module), "a refused C_Finalize changes nothing");
}

#[test]
fn an_application_that_forbids_threads_is_told_or_served() {
    let module = Module::loaded();
    let rv = initialize(&module, arguments(0, CKF_LIBRARY_CANT_CREATE_OS_THREADS | CKF_OS_LOCKING_OK));
    expect("no threads", rv, CKR_OK);
    assert_eq!(is_initialized(&module), rv == CKR_OK);
}

/// A store in etcd needs a thread: where none may be made, etcd is not even looked for.
#[test]
fn an_application_that_forbids_threads_has_no_store_in_etcd() {
    let module = Module::loaded();
    // SAFETY: other threads of a test start after this; other tests wait for the lock.
    unsafe { std::env::set_var("VHSM_STORE", "etcd://127.0.0.1:1") };
    let rv = initialize(&module, arguments(0, CKF_LIBRARY_CANT_CREATE_OS_THREADS | CKF_OS_LOCKING_OK));
    // SAFETY: as above.
    unsafe { std::env::remove_var("VHSM_STORE") };
    expect("no threads", rv, CKR_NEED_TO_CREATE_THREADS);
    assert!(!is_initialized(&module));
}

#[test]
fn initialize_and_finalize_come_in_turn() {
    let module = Module::loaded();
    expect("finalize first", module.finalize(), CKR_CRYPTOKI_NOT_INITIALIZED);
    for _ in 0..3 {
        expect("initialize", module.initialize(), CKR_OK);
        expect("again", module.initialize(), CKR_CRYPTOKI_ALREADY_INITIALIZED);
        assert!(is_initialized(&module), "a second call takes nothing away");
        expect("finalize", module.finalize(), CKR_OK);
        expect("again", module.finalize(), CKR_CRYPTOKI_NOT_INITIALIZED);
    }
}

#[test]
fn finalize_ends_sessions_logins_and_session_objects() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    let kept = session.aes_key(&[(CKA_TOKEN, YES)]);
    expect("finalize", token.module.finalize(), CKR_OK);
    expect("after it", session.close(), CKR_CRYPTOKI_NOT_INITIALIZED);
    expect("initialize", token.module.initialize(), CKR_OK);
    expect("old session", session.close(), CKR_SESSION_HANDLE_INVALID);
    let session = token.open(READ_WRITE);
    assert_eq!(session.info().unwrap().state, CKS_RW_PUBLIC_SESSION);
    expect("login", session.login(CKU_USER, USER_PIN), CKR_OK);
    expect("session key", session.get(key, CKA_CLASS).unwrap_err(), CKR_OBJECT_HANDLE_INVALID);
    assert_eq!(session.get(kept, CKA_KEY_TYPE).unwrap(), number(CKK_AES), "a token object's handle stays");
}

#[test]
fn info_names_the_library() {
    let module = Module::initialized();
    expect("null", call!(module.api, C_GetInfo(null_mut())), CKR_ARGUMENTS_BAD);
    let mut info = CK_INFO::default();
    expect("info", call!(module.api, C_GetInfo(&mut info)), CKR_OK);
    assert!(info.cryptokiVersion.major >= 2);
    assert_eq!(info.flags, 0);
    for text in [info.manufacturerID, info.libraryDescription] {
        assert!(!text.contains(&0), "padded with blanks: {text:?}");
        assert!(std::str::from_utf8(&text).is_ok());
        assert!(text.iter().any(|byte| *byte != b' '));
    }
}

/// The functions of the 3.0 list, in its order; those of 2.40 are the first 68.
pub const FUNCTIONS: [&str; 104] = [
    "C_Initialize",
    "C_Finalize",
    "C_GetInfo",
    "C_GetFunctionList",
    "C_GetSlotList",
    "C_GetSlotInfo",
    "C_GetTokenInfo",
    "C_GetMechanismList",
    "C_GetMechanismInfo",
    "C_InitToken",
    "C_InitPIN",
    "C_SetPIN",
    "C_OpenSession",
    "C_CloseSession",
    "C_CloseAllSessions",
    "C_GetSessionInfo",
    "C_GetOperationState",
    "C_SetOperationState",
    "C_Login",
    "C_Logout",
    "C_CreateObject",
    "C_CopyObject",
    "C_DestroyObject",
    "C_GetObjectSize",
    "C_GetAttributeValue",
    "C_SetAttributeValue",
    "C_FindObjectsInit",
    "C_FindObjects",
    "C_FindObjectsFinal",
    "C_EncryptInit",
    "C_Encrypt",
    "C_EncryptUpdate",
    "C_EncryptFinal",
    "C_DecryptInit",
    "C_Decrypt",
    "C_DecryptUpdate",
    "C_DecryptFinal",
    "C_DigestInit",
    "C_Digest",
    "C_DigestUpdate",
    "C_DigestKey",
    "C_DigestFinal",
    "C_SignInit",
    "C_Sign",
    "C_SignUpdate",
    "C_SignFinal",
    "C_SignRecoverInit",
    "C_SignRecover",
    "C_VerifyInit",
    "C_Verify",
    "C_VerifyUpdate",
    "C_VerifyFinal",
    "C_VerifyRecoverInit",
    "C_VerifyRecover",
    "C_DigestEncryptUpdate",
    "C_DecryptDigestUpdate",
    "C_SignEncryptUpdate",
    "C_DecryptVerifyUpdate",
    "C_GenerateKey",
    "C_GenerateKeyPair",
    "C_WrapKey",
    "C_UnwrapKey",
    "C_DeriveKey",
    "C_SeedRandom",
    "C_GenerateRandom",
    "C_GetFunctionStatus",
    "C_CancelFunction",
    "C_WaitForSlotEvent",
    "C_GetInterfaceList",
    "C_GetInterface",
    "C_LoginUser",
    "C_SessionCancel",
    "C_MessageEncryptInit",
    "C_EncryptMessage",
    "C_EncryptMessageBegin",
    "C_EncryptMessageNext",
    "C_MessageEncryptFinal",
    "C_MessageDecryptInit",
    "C_DecryptMessage",
    "C_DecryptMessageBegin",
    "C_DecryptMessageNext",
    "C_MessageDecryptFinal",
    "C_MessageSignInit",
    "C_SignMessage",
    "C_SignMessageBegin",
    "C_SignMessageNext",
    "C_MessageSignFinal",
    "C_MessageVerifyInit",
    "C_VerifyMessage",
    "C_VerifyMessageBegin",
    "C_VerifyMessageNext",
    "C_MessageVerifyFinal",
    "C_EncapsulateKey",
    "C_DecapsulateKey",
    "C_VerifySignatureInit",
    "C_VerifySignature",
    "C_VerifySignatureUpdate",
    "C_VerifySignatureFinal",
    "C_GetSessionValidationFlags",
    "C_AsyncComplete",
    "C_AsyncGetID",
    "C_AsyncJoin",
    "C_WrapKeyAuthenticated",
    "C_UnwrapKeyAuthenticated",
];

/// A function called with zeros. No function has more than ten arguments, and the caller clears the stack.
type WithZeros = unsafe extern "C" fn(u64, u64, u64, u64, u64, u64, u64, u64, u64, u64) -> CK_RV;

pub fn with_zeros(api: &Api, index: usize) -> CK_RV {
    // SAFETY: after the version (padded to a pointer) the list is an array of function pointers, every one
    // of which is set, and null pointers and zero lengths are what this library promises to bear.
    unsafe {
        let first = (api as *const Api).cast::<WithZeros>().add(1);
        (*first.add(index))(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    }
}

#[test]
fn before_initialize_every_function_says_so() {
    let module = Module::loaded();
    assert_eq!(size_of::<Api>(), (FUNCTIONS.len() + 1) * size_of::<usize>());
    for (index, function) in FUNCTIONS.iter().enumerate() {
        match *function {
            "C_Initialize" => {}
            "C_GetFunctionList" | "C_GetInterfaceList" | "C_GetInterface" => {
                expect(function, with_zeros(module.api, index), CKR_ARGUMENTS_BAD)
            }
            _ => expect(function, with_zeros(module.api, index), CKR_CRYPTOKI_NOT_INITIALIZED),
        }
    }
}

#[test]
fn zeros_for_arguments_crash_no_function() {
    let token = Token::new();
    for (index, function) in FUNCTIONS.iter().enumerate() {
        // Slot 0 may be a real one, and a wait for its events would block.
        if !matches!(*function, "C_Initialize" | "C_Finalize" | "C_WaitForSlotEvent" | "C_CloseAllSessions") {
            let rv = with_zeros(token.module.api, index);
            assert_ne!(rv, CKR_OK, "{function}");
            assert_ne!(rv, CKR_GENERAL_ERROR, "{function}");
        }
    }
    assert!(is_initialized(&token.module));
}
