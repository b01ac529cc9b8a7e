//! C_Initialize to C_Finalize and again: calls in flight, unloading, exit without C_Finalize.

use crate::support::call;
use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn token_objects_outlive_the_run() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[(CKA_TOKEN, YES), (CKA_LABEL, b"lasting")]);
    expect("finalize", token.module.finalize(), CKR_OK);
    expect("initialize", token.module.initialize(), CKR_OK);
    expect("the old session", session.close(), CKR_SESSION_HANDLE_INVALID);
    let session = token.user();
    assert_eq!(session.find(&[(CKA_LABEL, b"lasting")]), Ok(vec![key]));
}

#[test]
fn calls_in_flight_finish_when_the_library_is_finalized() {
    let token = Token::new();
    let allowed = [
        CKR_OK,
        CKR_CRYPTOKI_NOT_INITIALIZED,
        CKR_SESSION_HANDLE_INVALID,
        CKR_DEVICE_REMOVED,
        CKR_OPERATION_NOT_INITIALIZED,
        CKR_KEY_HANDLE_INVALID,
        CKR_USER_NOT_LOGGED_IN,
    ];
    for _ in 0..20 {
        let key = token.user().aes_key(&[]);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let (token, stop, allowed) = (&token, &stop, &allowed);
                scope.spawn(move || {
                    let Ok(session) = token.module.open(token.slot, READ_WRITE) else { return };
                    while !stop.load(Ordering::Relaxed) {
                        let begun = session.encrypt_init(Mechanism::plain(CKM_AES_ECB), key);
                        expect_one_of("init", begun, allowed);
                        let done = session.encrypt(&[0; 4096]);
                        expect_one_of("encrypt", done.map_or_else(|rv| rv, |_| CKR_OK), allowed);
                    }
                });
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
            expect("finalize", token.module.finalize(), CKR_OK);
            expect("initialize at once", token.module.initialize(), CKR_OK);
            stop.store(true, Ordering::Relaxed);
        });
    }
}

#[test]
fn a_blocked_wait_for_slot_event_ends_with_the_run() {
    let token = Token::new();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let mut slot = 0;
            // The token that was made before is an event too.
            loop {
                match call!(token.module.api, C_WaitForSlotEvent(0, &mut slot, null_mut())) {
                    CKR_OK => {}
                    rv => return rv,
                }
            }
        });
        std::thread::sleep(std::time::Duration::from_millis(30));
        expect("finalize", token.module.finalize(), CKR_OK);
        expect("the waiter", waiter.join().expect("no panic"), CKR_CRYPTOKI_NOT_INITIALIZED);
    });
}

#[test]
fn the_library_can_be_unloaded_and_loaded_again() {
    let token = Token::new();
    let key = token.user().aes_key(&[(CKA_TOKEN, YES), (CKA_LABEL, b"lasting")]);
    expect("finalize", token.module.finalize(), CKR_OK);
    for _ in 0..5 {
        // SAFETY: nothing of the copy is used after it is unloaded.
        let copy = unsafe { libloading::Library::new(module_path()) }.expect("the library loads");
        // SAFETY: the symbol has this type in every PKCS#11 library.
        let list = unsafe {
            let get: libloading::Symbol<CK_C_GetFunctionList> =
                copy.get(b"C_GetFunctionList").expect("the symbol is exported");
            let mut list = null_mut();
            assert_eq!((get.expect("a function"))(&mut list), CKR_OK);
            &*list
        };
        expect("initialize", call!(list, C_Initialize(null_mut())), CKR_OK);
        expect("finalize", call!(list, C_Finalize(null_mut())), CKR_OK);
        copy.close().expect("unloads");
    }
    expect("initialize", token.module.initialize(), CKR_OK);
    assert_eq!(token.user().find(&[(CKA_LABEL, b"lasting")]), Ok(vec![key]));
}

#[test]
fn a_process_may_end_without_finalizing() {
    let token = Token::new();
    let mut peer = Peer::start(token.module.home());
    assert_eq!(peer.ask(&format!("open {}", token.slot)), "ok");
    assert_eq!(peer.ask("login"), "ok");
    let key = peer.ask("generate left");
    assert_eq!(peer.end(), Some(0));
    assert_eq!(token.user().find(&[(CKA_LABEL, b"left")]), Ok(vec![key.parse().expect("a handle")]));
}
