//! C_WaitForSlotEvent (PKCS#11 3.0 sec. 5.5.4).

use crate::call;
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
fn a_new_slot_is_an_event_once() {
    let token = Token::new();
    // The first C_InitToken made a slot for the next uninitialized token; take what it may have told.
    while poll(&token.module).is_ok() {}
    let before = token.module.slots(false);
    let rv = token.module.init_token(token.module.free_slot(), SO_PIN, "another");
    expect("init", rv, CKR_OK);
    let after = token.module.slots(false);
    let mut events = Vec::new();
    while let Ok(slot) = poll(&token.module) {
        events.push(slot);
        assert!(events.len() < 10, "events end: {events:?}");
    }
    let new = after.iter().find(|slot| !before.contains(slot)).expect("a new slot");
    assert!(events.contains(new), "{events:?} without {new}");
}
