//! HSMs that fail and recover by an admin's command in another process: what a program sees at its next call.

use crate::support::call;
use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;

fn ecb() -> Mechanism {
    Mechanism::plain(CKM_AES_ECB)
}

fn slot_flags(module: &Module, slot: CK_SLOT_ID) -> CK_FLAGS {
    let mut info = CK_SLOT_INFO::default();
    expect("slot info", call!(module.api, C_GetSlotInfo(slot, &mut info)), CKR_OK);
    info.flags & CKF_TOKEN_PRESENT
}

fn events(module: &Module) -> Vec<CK_SLOT_ID> {
    let mut events = Vec::new();
    loop {
        let mut slot = CK_SLOT_ID::MAX;
        match call!(module.api, C_WaitForSlotEvent(CKF_DONT_BLOCK, &mut slot, null_mut())) {
            CKR_OK => events.push(slot),
            rv => {
                expect("no further event", rv, CKR_NO_EVENT);
                return events;
            }
        }
    }
}

/// What every function that names a slot answers while its HSM is failed.
fn has_no_token(module: &Module, slot: CK_SLOT_ID) {
    let api = module.api;
    let (mut count, mut info) = (0, CK_MECHANISM_INFO::default());
    assert_eq!(slot_flags(module, slot), 0);
    expect("token info", module.token_info(slot).unwrap_err(), CKR_TOKEN_NOT_PRESENT);
    expect("open", module.open(slot, READ_WRITE).err().unwrap(), CKR_TOKEN_NOT_PRESENT);
    expect("open to read", module.open(slot, READ_ONLY).err().unwrap(), CKR_TOKEN_NOT_PRESENT);
    let rv = call!(api, C_GetMechanismList(slot, null_mut(), &mut count));
    expect("mechanisms", rv, CKR_TOKEN_NOT_PRESENT);
    let rv = call!(api, C_GetMechanismInfo(slot, CKM_AES_GCM, &mut info));
    expect("mechanism", rv, CKR_TOKEN_NOT_PRESENT);
    expect("init", module.init_token(slot, SO_PIN, "no"), CKR_TOKEN_NOT_PRESENT);
    expect("close all", call!(api, C_CloseAllSessions(slot)), CKR_TOKEN_NOT_PRESENT);
}

#[test]
fn a_failed_hsms_slot_stays_without_its_token() {
    let mut drill = Drill::new(2);
    let module = &drill.module;
    assert_eq!((module.slots(false), module.slots(true)), (vec![0, 1, 2], vec![0, 1, 2]));
    let before = module.token_info(0).unwrap();
    drill.operator.fail(0);
    has_no_token(&drill.module, 0);
    let module = &drill.module;
    assert_eq!((module.slots(false), module.slots(true)), (vec![0, 1, 2], vec![1, 2]));
    assert_ne!(slot_flags(module, 1), 0, "the other HSM is there");
    drill.user(1).aes_key(&[]);
    drill.operator.recover(0);
    let module = &drill.module;
    assert_eq!((module.slots(false), module.slots(true)), (vec![0, 1, 2], vec![0, 1, 2]));
    let after = module.token_info(0).unwrap();
    assert_eq!((after.serialNumber, after.label), (before.serialNumber, before.label));
    assert_ne!(slot_flags(module, 0), 0);
}

#[test]
fn its_sessions_end_once_and_the_others_go_on() {
    let mut drill = Drill::new(2);
    let key = drill.user(0).aes_key(&[(CKA_TOKEN, YES), (CKA_LABEL, b"kept")]);
    let [lost, idle, other] = [0, 0, 1].map(|slot| drill.user(slot).handle);
    let session_key = drill.module.session(lost).aes_key(&[(CKA_LABEL, b"lost with its HSM")]);
    for handle in [lost, idle, other] {
        expect("init", drill.module.session(handle).encrypt_init(ecb(), key), CKR_OK);
        drill.module.session(handle).encrypt_update(&[0; 16]).expect("in progress");
    }
    drill.operator.fail(0);
    let [lost, idle, other] = [lost, idle, other].map(|handle| drill.module.session(handle));
    assert_eq!(lost.encrypt_update(&[0; 16]), Err(CKR_DEVICE_REMOVED));
    assert_eq!(lost.encrypt_update(&[0; 16]), Err(CKR_SESSION_HANDLE_INVALID));
    expect("closed", lost.close(), CKR_SESSION_HANDLE_INVALID);
    expect("an idle one", idle.close(), CKR_DEVICE_REMOVED);
    expect("an idle one again", idle.close(), CKR_SESSION_HANDLE_INVALID);
    assert_eq!(other.encrypt_final().map(|rest| rest.len()), Ok(0), "another slot's operation goes on");
    expect("and begins", other.encrypt_init(ecb(), key), CKR_OK);
    let sealed = other.encrypt(&[7; 16]).expect("encrypts");

    drill.operator.recover(0);
    let again = drill.open(0);
    assert_eq!(again.info().map(|info| info.state), Ok(CKS_RW_PUBLIC_SESSION), "nobody is logged in");
    expect("without a login", again.encrypt_init(ecb(), key), CKR_KEY_HANDLE_INVALID);
    expect("login", again.login(CKU_USER, KMS_PIN), CKR_OK);
    assert_eq!(again.find(&[(CKA_LABEL, b"kept")]), Ok(vec![key]));
    expect("the token key", again.decrypt_init(ecb(), key), CKR_OK);
    assert_eq!(again.decrypt(&sealed).as_deref(), Ok(&[7; 16][..]));
    expect("the session key", again.encrypt_init(ecb(), session_key), CKR_KEY_HANDLE_INVALID);
    assert_eq!(again.find(&[(CKA_LABEL, b"lost with its HSM")]), Ok(vec![]));
}

/// Every kind of operation in progress ends with the same code.
#[test]
fn operations_in_progress_end_with_their_hsm() {
    let mut drill = Drill::new(2);
    let session = drill.user(0);
    let (key, mac) = (session.aes_key(&[(CKA_TOKEN, YES)]), session.aes_key(&[(CKA_TOKEN, YES)]));
    type Begin = fn(&Session<'_>, [CK_OBJECT_HANDLE; 2]) -> CK_RV;
    type Next = fn(&Session<'_>) -> CK_RV;
    fn code<T>(result: Result<T, CK_RV>) -> CK_RV {
        result.err().unwrap_or(CKR_OK)
    }
    let operations: [(&str, Begin, Next); 7] = [
        ("encrypt", |s, [key, _]| s.encrypt_init(ecb(), key), |s| code(s.encrypt(&[0; 16]))),
        ("decrypt", |s, [key, _]| s.decrypt_init(ecb(), key), |s| code(s.decrypt_final())),
        ("digest", |s, _| s.digest_init(Mechanism::plain(CKM_SHA256)), |s| s.digest_update(b"x")),
        ("sign", |s, [_, mac]| s.sign_init(Mechanism::plain(CKM_AES_CMAC), mac), |s| s.sign_update(b"x")),
        (
            "verify",
            |s, [_, mac]| s.verify_init(Mechanism::plain(CKM_AES_CMAC), mac),
            |s| s.verify_update(b"x"),
        ),
        (
            "find",
            |s, _| call!(s.api, C_FindObjectsInit(s.handle, null_mut(), 0)),
            |s| {
                let (mut found, mut count) = (0, 0);
                call!(s.api, C_FindObjects(s.handle, &mut found, 1, &mut count))
            },
        ),
        ("none", |_, _| CKR_OK, |s| code(s.info())),
    ];
    let mut begun = Vec::new();
    for (what, begin, next) in operations {
        let session = drill.user(0);
        expect(what, begin(&session, [key, mac]), CKR_OK);
        begun.push((what, session.handle, next));
    }
    drill.operator.fail(0);
    for (what, handle, next) in begun {
        let session = drill.module.session(handle);
        expect(what, next(&session), CKR_DEVICE_REMOVED);
        expect(what, next(&session), CKR_SESSION_HANDLE_INVALID);
    }
}

#[test]
fn slot_events_tell_what_fails_and_what_recovers() {
    let mut drill = Drill::new(3);
    assert_eq!(events(&drill.module), []);
    drill.operator.fail(1);
    assert_eq!(events(&drill.module), [1]);
    drill.operator.degrade(0);
    assert_eq!(events(&drill.module), [], "its token stays");
    drill.operator.recover(1);
    drill.operator.fail(2);
    assert_eq!(events(&drill.module), [1, 2]);
}

#[test]
fn a_waiting_call_is_told_of_a_failure_and_of_a_recovery() {
    let mut drill = Drill::new(2);
    let api = drill.module.api;
    let Drill { module, operator } = &mut drill;
    std::thread::scope(|scope| {
        for order in [Operator::fail, Operator::recover] {
            let waiting = scope.spawn(move || {
                let mut slot = CK_SLOT_ID::MAX;
                (call!(api, C_WaitForSlotEvent(0, &mut slot, null_mut())), slot)
            });
            std::thread::sleep(std::time::Duration::from_millis(100));
            order(operator, 1);
            assert_eq!(waiting.join().expect("no panic"), (CKR_OK, 1));
        }
    });
    assert_eq!(module.slots(true), [0, 1, 2]);
}

#[test]
fn a_deleted_clusters_slots_are_gone_and_their_ids_are_not_given_again() {
    let mut drill = Drill::new(2);
    let session = drill.user(0).handle;
    drill.operator.delete_cluster();
    assert_eq!(drill.module.session(session).find(&[]), Err(CKR_DEVICE_REMOVED));
    expect("gone", drill.module.token_info(0).unwrap_err(), CKR_SLOT_ID_INVALID);
    expect("gone", drill.module.open(1, READ_WRITE).err().unwrap(), CKR_SLOT_ID_INVALID);
    assert_eq!(drill.module.slots(false), [2]);
    drill.operator.order("create 2 false");
    assert_eq!(drill.module.slots(false), [2, 3, 4]);
}

#[test]
fn a_degraded_hsm_works() {
    let mut drill = Drill::new(2);
    let session = drill.user(0).handle;
    drill.operator.degrade(0);
    let session = drill.module.session(session);
    let key = session.aes_key(&[(CKA_TOKEN, YES)]);
    expect("init", session.encrypt_init(ecb(), key), CKR_OK);
    session.encrypt(&[0; 16]).expect("encrypts");
}

#[test]
fn a_token_key_must_reach_two_active_hsms_where_the_cluster_says_so() {
    let mut drill = Drill::start(Module::loaded(), 3, true);
    let key = drill.user(2).aes_key(&[(CKA_TOKEN, YES)]);
    let works = |drill: &Drill| {
        let session = drill.user(2);
        let begun = session.encrypt_init(ecb(), key);
        let made = session.generate(
            Mechanism::plain(CKM_AES_KEY_GEN),
            &[(CKA_TOKEN, YES), (CKA_VALUE_LEN, &number(32)), (CKA_PRIVATE, YES)],
        );
        let codes = (begun, made.err().unwrap_or(CKR_OK));
        expect("close", session.close(), CKR_OK);
        codes
    };
    assert_eq!(works(&drill), (CKR_OK, CKR_OK));
    drill.operator.fail(0);
    assert_eq!(works(&drill), (CKR_OK, CKR_OK), "two are left");
    drill.operator.degrade(1);
    assert_eq!(works(&drill), (CKR_FUNCTION_FAILED, CKR_FUNCTION_FAILED), "a degraded one does not count");
    drill.user(2).aes_key(&[]);
    drill.operator.fail(1);
    assert_eq!(works(&drill), (CKR_FUNCTION_FAILED, CKR_FUNCTION_FAILED));
    drill.operator.recover(0);
    assert_eq!(works(&drill), (CKR_OK, CKR_OK));
}

/// Profile `cloudhsm`: the cluster's one slot moves to another HSM, and stays there.
#[test]
fn the_one_slot_of_a_cluster_moves_to_an_hsm_that_works() {
    let mut drill = Drill::start(CloudHsm::loaded(""), 3, true);
    let module = &drill.module;
    assert_eq!((module.slots(false), module.slots(true)), (vec![0], vec![0]));
    let serial = |drill: &Drill| drill.module.token_info(0).unwrap().serialNumber;
    let first = serial(&drill);
    let session = drill.user(0);
    let key = session.aes_key(&[(CKA_TOKEN, YES), (CKA_ENCRYPT, YES)]);
    let lost = session.handle;
    drill.operator.fail(0);
    let lost = drill.module.session(lost);
    expect("its sessions end", lost.encrypt_init(ecb(), key), CKR_DEVICE_REMOVED);
    expect("for good", lost.encrypt_init(ecb(), key), CKR_SESSION_HANDLE_INVALID);
    assert_eq!(drill.module.slots(true), [0], "the slot is the same");
    assert_ne!(serial(&drill), first, "another HSM serves it");
    let again = drill.user(0);
    assert_eq!(again.info().map(|info| info.slotID), Ok(0));
    expect("the same key", again.encrypt_init(ecb(), key), CKR_OK);
    let (again, second) = (again.handle, serial(&drill));

    drill.operator.recover(0);
    assert_eq!(serial(&drill), second, "a recovery moves nobody");
    drill.module.session(again).encrypt(&[0; 16]).expect("goes on");
    assert_eq!(drill.open(0).info().map(|info| info.state), Ok(CKS_RW_USER_FUNCTIONS), "one login");
    drill.operator.fail(1);
    assert_eq!(serial(&drill), first);
    drill.operator.fail(2);
    drill.operator.fail(0);
    let module = &drill.module;
    assert_eq!((module.slots(false), module.slots(true)), (vec![0], vec![]));
    expect("none is left", module.open(0, READ_WRITE).err().unwrap(), CKR_TOKEN_NOT_PRESENT);
}

#[test]
fn all_sessions_of_a_slot_close_whichever_hsm_served_them() {
    let mut drill = Drill::start(CloudHsm::loaded(""), 2, false);
    let sessions = [drill.user(0).handle, drill.open(0).handle];
    drill.operator.fail(0);
    let moved = drill.user(0).handle;
    expect("close all", call!(drill.module.api, C_CloseAllSessions(0)), CKR_OK);
    for handle in [sessions[0], sessions[1], moved] {
        expect("closed", drill.module.session(handle).close(), CKR_SESSION_HANDLE_INVALID);
    }
}
