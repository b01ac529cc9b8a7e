//! C_Initialize to C_Finalize and again: calls in flight, unloading, exit without C_Finalize.

use crate::support::call;
use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;
use std::sync::Barrier;
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

/// A thread that used the library ends after it was unloaded; then the library is loaded again.
#[test]
fn the_library_can_be_unloaded_and_loaded_again() {
    let home = tempfile::tempdir().expect("a folder for the test");
    // SAFETY: no other thread runs yet.
    unsafe { std::env::set_var("VHSM_HOME", home.path()) };
    for round in 0..3 {
        // SAFETY: nothing of the library is called after it is unloaded.
        let library = unsafe { libloading::Library::new(module_path()) }.expect("the library loads");
        // SAFETY: the symbol has this type in every PKCS#11 library.
        let list = unsafe {
            let get: libloading::Symbol<CK_C_GetFunctionList> =
                library.get(b"C_GetFunctionList").expect("the symbol is exported");
            let mut list = null_mut();
            assert_eq!((get.expect("a function"))(&mut list), CKR_OK);
            &*list
        };
        expect("initialize", call!(list, C_Initialize(null_mut())), CKR_OK);
        let (used, unloaded) = (Barrier::new(2), Barrier::new(2));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut slots = [0; 8];
                let mut count = slots.len() as CK_ULONG;
                expect("slots", call!(list, C_GetSlotList(CK_TRUE, slots.as_mut_ptr(), &mut count)), CKR_OK);
                let mut info = CK_TOKEN_INFO::default();
                expect("token", call!(list, C_GetTokenInfo(slots[0], &mut info)), CKR_OK);
                assert_eq!(count, 1, "round {round}");
                used.wait();
                unloaded.wait();
            });
            used.wait();
            expect("finalize", call!(list, C_Finalize(null_mut())), CKR_OK);
            library.close().expect("unloads");
            unloaded.wait();
        });
    }
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
