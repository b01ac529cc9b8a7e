//! HSMs that come and go by the control plane in another process: what a program sees at its next call.

use crate::support::call;
use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;

fn ecb() -> Mechanism {
    Mechanism::plain(CKM_AES_ECB)
}

/// The slots whose events wait, each once.
fn events(module: &Module) -> Vec<CK_SLOT_ID> {
    let mut events = Vec::new();
    loop {
        let mut slot = CK_SLOT_ID::MAX;
        match call!(module.api, C_WaitForSlotEvent(CKF_DONT_BLOCK, &mut slot, null_mut())) {
            CKR_OK => events.push(slot),
            rv => {
                expect("no further event", rv, CKR_NO_EVENT);
                events.sort_unstable();
                return events;
            }
        }
    }
}

/// Encrypts on one slot and decrypts on another.
fn works_on_both(drill: &Drill, one: CK_SLOT_ID, other: CK_SLOT_ID, key: CK_OBJECT_HANDLE) {
    let [one, other] = [one, other].map(|slot| drill.user(slot));
    expect("encrypt init", one.encrypt_init(ecb(), key), CKR_OK);
    let sealed = one.encrypt(&[7; 16]).expect("encrypts");
    expect("decrypt init", other.decrypt_init(ecb(), key), CKR_OK);
    assert_eq!(other.decrypt(&sealed).as_deref(), Ok(&[7; 16][..]));
}

#[test]
fn a_new_hsm_is_a_slot_with_all_keys() {
    let mut drill = Drill::new(1);
    let key = drill.user(0).aes_key(&[(CKA_TOKEN, YES), (CKA_LABEL, b"kept")]);
    let busy = drill.user(0).handle;
    events(&drill.module);
    drill.operator.order("add-hsm");
    assert_eq!(drill.module.slots(true), [0, 1, 2]);
    // The slot that was uninitialized has the HSM's token, and another is uninitialized.
    let told = events(&drill.module);
    assert!(told.contains(&1) && !told.contains(&0), "{told:?}");
    let [first, second] = [0, 1].map(|slot| drill.module.token_info(slot).expect("a token"));
    assert_eq!(first.label, second.label);
    assert_ne!(first.serialNumber, second.serialNumber);
    works_on_both(&drill, 0, 1, key);
    expect("open sessions go on", drill.module.session(busy).encrypt_init(ecb(), key), CKR_OK);
}

#[test]
fn a_deleted_hsms_sessions_end_and_its_slot_is_none() {
    let mut drill = Drill::new(2);
    let key = drill.user(0).aes_key(&[(CKA_TOKEN, YES), (CKA_LABEL, b"kept")]);
    let [stays, goes] = [0, 1].map(|slot| drill.user(slot).handle);
    for handle in [stays, goes] {
        expect("init", drill.module.session(handle).encrypt_init(ecb(), key), CKR_OK);
        drill.module.session(handle).encrypt_update(&[0; 16]).expect("in progress");
    }
    events(&drill.module);
    drill.operator.order("remove-hsm 1");
    let [stays, goes] = [stays, goes].map(|handle| drill.module.session(handle));
    assert_eq!(goes.encrypt_update(&[0; 16]), Err(CKR_DEVICE_REMOVED));
    assert_eq!(goes.encrypt_update(&[0; 16]), Err(CKR_SESSION_HANDLE_INVALID));
    assert_eq!(stays.encrypt_final().map(|rest| rest.len()), Ok(0), "the other's operation goes on");
    assert_eq!(drill.module.slots(false), [0, 2]);
    expect("token info", drill.module.token_info(1).unwrap_err(), CKR_SLOT_ID_INVALID);
    expect("open", drill.module.open(1, READ_WRITE).err().unwrap(), CKR_SLOT_ID_INVALID);
    assert_eq!(events(&drill.module), [1]);
}

#[test]
fn the_last_hsm_may_go_and_another_brings_all_back() {
    let mut drill = Drill::new(1);
    let key = drill.user(0).aes_key(&[(CKA_TOKEN, YES), (CKA_LABEL, b"kept")]);
    drill.operator.order("remove-hsm 0");
    assert_eq!(drill.module.slots(false), [1], "the uninitialized one");
    expect("open", drill.module.open(0, READ_WRITE).err().unwrap(), CKR_SLOT_ID_INVALID);
    drill.operator.order("add-hsm");
    drill.operator.order("add-hsm");
    assert_eq!(drill.module.slots(false), [1, 2, 3], "no slot id is given twice");
    assert_eq!(drill.user(1).find(&[(CKA_LABEL, b"kept")]), Ok(vec![key]));
    works_on_both(&drill, 1, 2, key);
}

#[test]
fn a_cluster_that_becomes_active_has_slots_at_the_next_call() {
    let mut drill = Drill::new(1);
    events(&drill.module);
    drill.operator.order("begin steps");
    let labels = |drill: &Drill| {
        let info = |slot: &CK_SLOT_ID| drill.module.token_info(*slot).expect("a token").label;
        drill.module.slots(true).iter().filter(|slot| info(slot) == padded::<32>("steps")).count()
    };
    assert_eq!(labels(&drill), 0, "its HSM is no slot");
    drill.operator.order("activate");
    assert_eq!(labels(&drill), 1);
    assert_eq!(drill.module.slots(true), [0, 1, 2]);
    let session = drill.open(1);
    expect("its admin", session.login(CKU_SO, b"admin:admin's own"), CKR_OK);
}
