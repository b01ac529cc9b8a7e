//! C_WaitForSlotEvent (PKCS#11 3.0 sec. 5.5.4).

use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;
use std::time::{Duration, Instant};

fn poll(module: &Module) -> Result<CK_SLOT_ID, CK_RV> {
    let mut slot = CK_SLOT_ID::MAX;
    match call!(module.api, C_WaitForSlotEvent(CKF_DONT_BLOCK, &mut slot, null_mut())) {
        CKR_OK => Ok(slot),
        rv => Err(rv),
    }
}

#[test]
fn without_an_event_there_is_none() {
    let module = Module::initialized();
    expect("poll", poll(&module).unwrap_err(), CKR_NO_EVENT);
}

#[test]
fn the_arguments_are_checked() {
    let module = Module::initialized();
    let rv = call!(module.api, C_WaitForSlotEvent(CKF_DONT_BLOCK, null_mut(), null_mut()));
    expect("null slot", rv, CKR_ARGUMENTS_BAD);
    let mut slot = 0;
    let reserved = (&raw mut slot).cast();
    let rv = call!(module.api, C_WaitForSlotEvent(CKF_DONT_BLOCK, &mut slot, reserved));
    expect("reserved", rv, CKR_ARGUMENTS_BAD);
}

#[test]
fn finalize_wakes_who_waits() {
    let module = Module::initialized();
    let api = module.api;
    std::thread::scope(|scope| {
        let waiting = scope.spawn(move || {
            let mut slot = 0;
            call!(api, C_WaitForSlotEvent(0, &mut slot, null_mut()))
        });
        std::thread::sleep(Duration::from_millis(300));
        assert!(!waiting.is_finished(), "nothing happened yet");
        let start = Instant::now();
        expect("finalize", module.finalize(), CKR_OK);
        let rv = waiting.join().expect("the thread ends");
        expect("the waiting call", rv, CKR_CRYPTOKI_NOT_INITIALIZED);
        assert!(start.elapsed() < Duration::from_secs(5));
    });
}

#[test]
fn a_new_token_is_an_event_of_its_slot_told_once() {
    let token = Token::new();
    while poll(&token.module).is_ok() {}
    let slot = token.module.free_slot();
    expect("init", token.module.init_token(slot, SO_PIN, "another"), CKR_OK);
    let mut events = Vec::new();
    while let Ok(slot) = poll(&token.module) {
        events.push(slot);
        assert!(events.len() < 10, "events end: {events:?}");
    }
    assert_eq!(events.iter().filter(|event| **event == slot).count(), 1, "{events:?}");
    assert!(!events.contains(&token.slot), "nothing happened there");
}

#[test]
fn a_waiting_call_is_told_of_a_new_token() {
    let token = Token::new();
    while poll(&token.module).is_ok() {}
    let api = token.module.api;
    let slot = token.module.free_slot();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(move || {
            let mut slot = 0;
            (call!(api, C_WaitForSlotEvent(0, &mut slot, null_mut())), slot)
        });
        std::thread::sleep(Duration::from_millis(200));
        expect("init", token.module.init_token(slot, SO_PIN, "another"), CKR_OK);
        assert_eq!(waiting.join().expect("the thread ends"), (CKR_OK, slot));
    });
}
