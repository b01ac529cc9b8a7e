//! HSMs that fail and recover, by an admin's command in another process.

use super::{connected, new_key, works};
use crate::support::{Hsms, Kind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use vhsm_keystore::{BackingKeyId, Connection, HsmError};

fn working(connection: &Connection) -> Vec<bool> {
    connection.status().iter().map(|hsm| hsm.is_working).collect()
}

/// A plan with one fault.
fn fault(lines: &[&str]) -> String {
    format!("[[fault]]\n{}", lines.join("\n"))
}

#[test]
fn operations_move_on_to_another_hsm_and_come_back() {
    let mut hsms = Hsms::new(Kind::Vhsm);
    let connection = connected(&hsms);
    let id = new_key(&connection);
    for failed in [0, 1] {
        hsms.operator().fail(failed);
        (0..4).for_each(|_| works(&connection, &id));
        let made = new_key(&connection);
        works(&connection, &made);
        assert!(connection.destroy_key(&made).unwrap());
        connection.random(16).unwrap();
        assert_eq!(working(&connection), [failed != 0, failed != 1]);
        assert!(!connection.mend());
        hsms.operator().recover(failed);
        assert!(connection.mend() && connection.mend());
        assert_eq!(working(&connection), [true, true]);
        (0..4).for_each(|_| works(&connection, &id));
    }
    assert_eq!(connection.status().iter().map(|hsm| hsm.failures).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn without_any_hsm_nothing_works_until_one_is_back() {
    let mut hsms = Hsms::new(Kind::Vhsm);
    let connection = connected(&hsms);
    let id = new_key(&connection);
    let sealed = connection.encrypt(&id, b"", b"x").unwrap();
    hsms.operator().fail(0);
    hsms.operator().fail(1);
    for _ in 0..2 {
        assert!(matches!(connection.encrypt(&id, b"", b"x"), Err(HsmError::NoHsm(_))));
        assert!(matches!(connection.decrypt(&id, b"", &sealed), Err(HsmError::NoHsm(_))));
        assert!(matches!(connection.generate_key("label", &BackingKeyId::random()), Err(HsmError::NoHsm(_))));
        assert!(matches!(connection.destroy_key(&id), Err(HsmError::NoHsm(_))));
        assert!(matches!(connection.random(1), Err(HsmError::NoHsm(_))));
        assert!(!connection.mend());
    }
    assert_eq!(
        connection.random(1).unwrap_err(),
        HsmError::NoHsm("C_OpenSession: CKR_TOKEN_NOT_PRESENT".into())
    );
    hsms.operator().recover(1);
    assert!(!connection.mend());
    assert_eq!(working(&connection), [false, true]);
    assert_eq!(*connection.decrypt(&id, b"", &sealed).unwrap(), b"x");
}

#[test]
fn hsms_that_come_and_go_are_followed() {
    let mut hsms = Hsms::new(Kind::Vhsm);
    let connection = connected(&hsms);
    let id = new_key(&connection);
    let [first, second] = hsms.slots[..] else { panic!("{:?}", hsms.slots) };
    let slots =
        |connection: &Connection| -> Vec<u64> { connection.status().iter().map(|hsm| hsm.slot_id).collect() };
    connection.follow(&[second]);
    assert_eq!(slots(&connection), [second]);
    (0..3).for_each(|_| works(&connection, &id));
    connection.follow(&[second, first, second]);
    assert_eq!((slots(&connection), working(&connection)), (vec![second, first], vec![true, true]));
    (0..3).for_each(|_| works(&connection, &id));
    hsms.operator().fail(0);
    connection.follow(&[second]);
    connection.follow(&[first, second]);
    assert_eq!(working(&connection), [false, true]);
    hsms.operator().recover(0);
    assert!(connection.mend());
    connection.follow(&[]);
    assert!(matches!(connection.random(1), Err(HsmError::NoHsm(_))));
    assert!(connection.mend(), "there is none that fails");
    connection.follow(&[first]);
    works(&connection, &id);
}

#[test]
fn threads_notice_nothing_while_hsms_fail_in_turn() {
    let mut hsms = Hsms::new(Kind::Vhsm);
    let connection = connected(&hsms);
    let id = new_key(&connection);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    works(&connection, &id);
                }
            });
        }
        for failed in [0, 1, 0, 1, 0, 1] {
            hsms.operator().fail(failed);
            works(&connection, &id);
            hsms.operator().recover(failed);
            while !connection.mend() {}
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(connection.status().iter().all(|hsm| hsm.operations > 0));
}

#[test]
fn each_code_of_a_device_moves_an_operation_on() {
    let mut hsms = Hsms::new(Kind::Vhsm);
    let connection = connected(&hsms);
    let id = new_key(&connection);
    for code in [
        "CKR_DEVICE_ERROR",
        "CKR_DEVICE_MEMORY",
        "CKR_DEVICE_REMOVED",
        "CKR_FUNCTION_FAILED",
        "CKR_GENERAL_ERROR",
        "CKR_SESSION_CLOSED",
        "CKR_SESSION_HANDLE_INVALID",
        "CKR_TOKEN_NOT_PRESENT",
        "CKR_USER_NOT_LOGGED_IN",
    ] {
        for function in ["C_EncryptInit", "C_Encrypt", "C_Decrypt*", "C_G*", "C_FindObjects*"] {
            let error = format!("error = \"{code}\"");
            hsms.operator().plan(&fault(&["hsm = 0", &format!("function = \"{function}\""), &error]));
            for _ in 0..2 {
                works(&connection, &id);
                works(&connection, &new_key(&connection));
            }
            hsms.operator().plan("");
            assert!(connection.mend(), "{code} of {function}");
        }
    }
}

#[test]
fn a_request_that_all_hsms_refuse_fails_none_of_them() {
    let mut hsms = Hsms::new(Kind::Vhsm);
    let connection = connected(&hsms);
    let id = new_key(&connection);
    for code in ["CKR_FUNCTION_FAILED", "CKR_GENERAL_ERROR", "CKR_DEVICE_MEMORY", "CKR_HOST_MEMORY"] {
        let error = format!("error = \"{code}\"");
        hsms.operator().plan(&fault(&["function = \"C_GenerateKey\"", &error]));
        let made = connection.generate_key("label", &BackingKeyId::random());
        assert_eq!(made, Err(HsmError::Failed(format!("C_GenerateKey: {code}"))));
        works(&connection, &id);
        assert_eq!(working(&connection), [true, true]);
    }
}

#[test]
fn a_password_that_may_have_been_set_is_not_set_again() {
    let mut hsms = Hsms::new(Kind::Vhsm);
    let connection = connected(&hsms);
    let set = |new: &[u8]| connection.set_pin(crate::support::PASSWORD.as_bytes(), new);
    for code in ["CKR_DEVICE_ERROR", "CKR_DEVICE_REMOVED", "CKR_SESSION_CLOSED", "CKR_GENERAL_ERROR"] {
        let error = format!("error = \"{code}\"");
        hsms.operator().plan(&fault(&["function = \"C_SetPIN\"", &error]));
        assert_eq!(set(b"kmsPassword2"), Err(HsmError::Failed(format!("C_SetPIN: {code}"))));
    }
    let error = "error = \"CKR_SESSION_HANDLE_INVALID\"";
    hsms.operator().plan(&fault(&["hsm = 0", "function = \"C_SetPIN\"", error]));
    assert_eq!(set(b"kmsPassword2"), Ok(()));
    assert_eq!(set(b"kmsPassword3"), Err(HsmError::WrongPassword));
}
