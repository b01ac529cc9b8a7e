//! Fault plans: what a program meets whose cluster has one, set by an admin in another process while it runs.

use crate::support::call;
use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;
use std::time::{Duration, Instant};

fn ecb() -> Mechanism {
    Mechanism::plain(CKM_AES_ECB)
}

fn encrypted(session: &Session<'_>, key: CK_OBJECT_HANDLE) -> CK_RV {
    match session.encrypt_init(ecb(), key) {
        CKR_OK => session.encrypt(&[0; 16]).err().unwrap_or(CKR_OK),
        rv => rv,
    }
}

/// A drill with a token key, and sessions with its HSMs.
fn at_work(drill: &Drill) -> (CK_OBJECT_HANDLE, [CK_SESSION_HANDLE; 2]) {
    let sessions = [0, 1].map(|slot| drill.user(slot).handle);
    let key = drill.module.session(sessions[0]).aes_key(&[(CKA_TOKEN, YES), (CKA_LABEL, b"at work")]);
    (key, sessions)
}

#[test]
fn an_error_is_answered_at_the_next_call_and_ends_the_operation() {
    let mut drill = Drill::new(2);
    let (key, sessions) = at_work(&drill);
    expect("init", drill.module.session(sessions[0]).encrypt_init(ecb(), key), CKR_OK);
    drill.operator.plan("[[fault]]\nhsm = 0\nfunction = \"C_Encrypt\"\nerror = \"CKR_DEVICE_MEMORY\"");
    let [hit, other] = sessions.map(|handle| drill.module.session(handle));
    assert_eq!(hit.encrypt(&[0; 16]), Err(CKR_DEVICE_MEMORY));
    assert_eq!(hit.encrypt_final(), Err(CKR_OPERATION_NOT_INITIALIZED), "the operation ended");
    expect("again", encrypted(&hit, key), CKR_DEVICE_MEMORY);
    expect("another HSM", encrypted(&other, key), CKR_OK);
    expect("another function", hit.decrypt_init(ecb(), key), CKR_OK);
    drill.operator.plan("");
    let hit = drill.module.session(sessions[0]);
    expect("no plan any more", encrypted(&hit, key), CKR_OK);
    hit.decrypt(&[0; 16]).expect("what was begun goes on");
}

#[test]
fn every_code_can_be_answered_and_functions_are_named_by_patterns() {
    let mut drill = Drill::new(2);
    let (key, [session, _]) = at_work(&drill);
    for (name, rv) in [
        ("CKR_DEVICE_ERROR", CKR_DEVICE_ERROR),
        ("CKR_FUNCTION_FAILED", CKR_FUNCTION_FAILED),
        ("CKR_HOST_MEMORY", CKR_HOST_MEMORY),
        ("CKR_GENERAL_ERROR", CKR_GENERAL_ERROR),
        ("CKR_SESSION_HANDLE_INVALID", CKR_SESSION_HANDLE_INVALID),
    ] {
        drill.operator.plan(&format!("[[fault]]\nfunction = [\"C_*Init\", \"C_Gen*\"]\nerror = \"{name}\""));
        let session = drill.module.session(session);
        expect(name, session.encrypt_init(ecb(), key), rv);
        expect(name, session.digest_init(Mechanism::plain(CKM_SHA256)), rv);
        let made = session.generate(Mechanism::plain(CKM_AES_KEY_GEN), &[(CKA_VALUE_LEN, &number(32))]);
        expect(name, made.unwrap_err(), rv);
        session.info().expect("other functions go on");
    }
    drill.operator.plan("[[fault]]\nhsm = 1\nerror = \"CKR_DEVICE_ERROR\"");
    let module = &drill.module;
    expect("open", module.open(1, READ_WRITE).err().unwrap(), CKR_DEVICE_ERROR);
    expect("token info", module.token_info(1).unwrap_err(), CKR_DEVICE_ERROR);
    assert_eq!(module.slots(true), [0, 1, 2], "what names no HSM is not touched");
}

#[test]
fn the_next_so_many_calls_or_a_part_of_them_are_hit() {
    let mut drill = Drill::new(2);
    let (key, [session, _]) = at_work(&drill);
    let answers = |drill: &Drill, calls: usize| {
        let session = drill.module.session(session);
        (0..calls).map(|_| encrypted(&session, key)).collect::<Vec<_>>()
    };
    let fault = "[[fault]]\nfunction = \"C_Encrypt\"\nerror = \"CKR_DEVICE_ERROR\"\n";
    drill.operator.plan(&format!("{fault}after_calls = 1\ncount = 2"));
    let hit = CKR_DEVICE_ERROR;
    assert_eq!(answers(&drill, 5), [CKR_OK, hit, hit, CKR_OK, CKR_OK]);
    drill.operator.plan(&format!("seed = 11\n{fault}rate = 0.3"));
    let once = answers(&drill, 200);
    drill.operator.plan(&format!("seed = 11\n{fault}rate = 0.3"));
    assert_eq!(answers(&drill, 200), once, "a seed repeats itself");
    let hits = once.iter().filter(|rv| **rv == hit).count();
    assert!((30..90).contains(&hits), "{hits} of 200");
}

#[test]
fn latency_holds_up_calls_of_its_hsm_and_no_others() {
    let mut drill = Drill::new(2);
    let (key, sessions) = at_work(&drill);
    drill
        .operator
        .plan("[[fault]]\nhsm = 0\nfunction = \"C_Encrypt\"\nlatency_ms = { min = 400, max = 500 }");
    let [slow, fast] = sessions.map(|handle| drill.module.session(handle));
    let beside = drill.user(0);
    std::thread::scope(|scope| {
        let began = Instant::now();
        let waits = scope.spawn(move || (encrypted(&slow, key), began.elapsed()));
        std::thread::sleep(Duration::from_millis(20));
        // While it waits: the other HSM's calls, other functions of the same one, another session's, the same one's.
        let mut rounds = 0;
        while !waits.is_finished() {
            expect("another HSM", encrypted(&fast, key), CKR_OK);
            expect("another session", beside.digest_init(Mechanism::plain(CKM_SHA256)), CKR_OK);
            beside.digest(b"x").expect("a digest");
            slow.info().expect("no lock is held");
            rounds += 1;
        }
        let (rv, took) = waits.join().expect("no panic");
        expect("the call", rv, CKR_OK);
        assert!(took >= Duration::from_millis(400), "{took:?}");
        assert!(rounds > 3, "{rounds} rounds went on");
    });
}

#[test]
fn a_call_that_waits_sees_what_happened_meanwhile() {
    let mut drill = Drill::new(2);
    let (key, [session, _]) = at_work(&drill);
    drill.operator.plan("[[fault]]\nhsm = 0\nfunction = \"C_Encrypt\"\nlatency_ms = 300");
    let Drill { module, operator } = &mut drill;
    let session = module.session(session);
    std::thread::scope(|scope| {
        let waits = scope.spawn(move || encrypted(&session, key));
        std::thread::sleep(Duration::from_millis(100));
        operator.fail(0);
        expect("its HSM failed", waits.join().expect("no panic"), CKR_DEVICE_REMOVED);
    });
}

#[test]
fn a_throttle_makes_calls_wait_or_refuses_them() {
    let mut drill = Drill::new(2);
    let (key, [session, _]) = at_work(&drill);
    drill.operator.plan("[[fault]]\nfunction = \"C_Encrypt\"\nper_second = 50");
    let began = Instant::now();
    let module = &drill.module;
    let others = [0, 0].map(|slot| drill.user(slot).handle);
    std::thread::scope(|scope| {
        for handle in others {
            scope.spawn(move || {
                (0..6).for_each(|_| expect("waits", encrypted(&module.session(handle), key), CKR_OK))
            });
        }
    });
    assert!(began.elapsed() >= Duration::from_millis(11 * 20), "12 calls of both threads, one each 20 ms");
    drill
        .operator
        .plan("[[fault]]\nfunction = \"C_Encrypt\"\nper_second = 0.01\nwhen_over = \"CKR_FUNCTION_FAILED\"");
    let session = drill.module.session(session);
    expect("the first", encrypted(&session, key), CKR_OK);
    expect("the next", encrypted(&session, key), CKR_FUNCTION_FAILED);
}

#[test]
fn an_hsm_is_lost_in_the_middle_of_an_operation() {
    let mut drill = Drill::new(2);
    let (key, sessions) = at_work(&drill);
    let mut beside = Peer::start(drill.module.home());
    assert_eq!(beside.ask("open 0"), "ok");
    drill.operator.plan("[[fault]]\nhsm = 0\nfunction = \"C_EncryptUpdate\"\nafter_bytes = 64\nlose = true");
    let [lost, other] = sessions.map(|handle| drill.module.session(handle));
    expect("init", lost.encrypt_init(ecb(), key), CKR_OK);
    for _ in 0..4 {
        lost.encrypt_update(&[0; 16]).expect("64 bytes pass");
    }
    assert_eq!(lost.encrypt_update(&[0; 16]), Err(CKR_DEVICE_REMOVED));
    assert_eq!(lost.encrypt_update(&[0; 16]), Err(CKR_SESSION_HANDLE_INVALID));
    let module = &drill.module;
    assert_eq!(module.slots(true), [1, 2]);
    expect("no token", module.token_info(0).unwrap_err(), CKR_TOKEN_NOT_PRESENT);
    let mut slot = CK_SLOT_ID::MAX;
    let rv = call!(module.api, C_WaitForSlotEvent(CKF_DONT_BLOCK, &mut slot, null_mut()));
    assert_eq!((rv, slot), (CKR_OK, 0));
    expect("the other HSM", encrypted(&other, key), CKR_OK);
    assert_eq!(beside.ask("slots"), "3", "other processes count for themselves");
    drill.operator.plan("");
    expect("back without its fault", encrypted(&drill.user(0), key), CKR_OK);
}

#[test]
fn a_full_store_takes_no_token_object() {
    let mut drill = Drill::new(2);
    let (key, sessions) = at_work(&drill);
    drill.operator.plan("[[fault]]\nhsm = 0\nstore_full = true");
    let [full, other] = sessions.map(|handle| drill.module.session(handle));
    let template: [Pair; 3] = [(CKA_TOKEN, YES), (CKA_PRIVATE, YES), (CKA_VALUE_LEN, &number(32))];
    let by = || Mechanism::plain(CKM_AES_KEY_GEN);
    expect("generate", full.generate(by(), &template).unwrap_err(), CKR_DEVICE_MEMORY);
    expect("copy", full.copy(key, &[(CKA_LABEL, b"copy")]).unwrap_err(), CKR_DEVICE_MEMORY);
    expect("change", full.set(key, &[(CKA_LABEL, b"changed")]), CKR_DEVICE_MEMORY);
    assert_eq!(full.find(&[(CKA_TOKEN, YES)]), Ok(vec![key]), "nothing was made");
    expect("uses", encrypted(&full, key), CKR_OK);
    full.aes_key(&[]);
    let made = other.generate(by(), &template).expect("another HSM has room");
    expect("destroy", full.destroy(made), CKR_OK);
}

#[test]
fn a_user_who_is_missing_on_an_hsm_cannot_log_in_there() {
    let mut drill = Drill::new(2);
    let (key, sessions) = at_work(&drill);
    drill.operator.plan("[[fault]]\nhsm = 0\nuser = \"KMSUSER\"");
    let [gone, other] = sessions.map(|handle| drill.module.session(handle));
    assert_eq!(gone.info().map(|info| info.state), Ok(CKS_RW_PUBLIC_SESSION), "logged out");
    expect("login", gone.login(CKU_USER, KMS_PIN), CKR_PIN_INCORRECT);
    expect("without its name", gone.login(CKU_USER, b"kms secret"), CKR_PIN_INCORRECT);
    expect("its keys", encrypted(&gone, key), CKR_KEY_HANDLE_INVALID);
    expect("the other HSM", encrypted(&other, key), CKR_OK);
    for _ in 0..6 {
        expect("no try is counted", gone.login(CKU_USER, b"kmsuser:wrong one"), CKR_PIN_INCORRECT);
    }
    drill.operator.plan("");
    expect("it is there again", encrypted(&drill.user(0), key), CKR_OK);
}

#[test]
fn a_user_with_its_old_password_on_an_hsm_cannot_log_in_there_anew() {
    let mut drill = Drill::new(2);
    let (key, sessions) = at_work(&drill);
    drill.operator.plan("[[fault]]\nhsm = 0\nuser = \"kmsuser\"\ndrift = \"old-password\"");
    let [session, other] = sessions.map(|handle| drill.module.session(handle));
    expect("who was logged in stays", encrypted(&session, key), CKR_OK);
    expect("logout", session.logout(), CKR_OK);
    expect("login", session.login(CKU_USER, KMS_PIN), CKR_PIN_INCORRECT);
    expect("the other HSM", encrypted(&other, key), CKR_OK);
}

#[test]
fn a_key_that_is_missing_on_an_hsm_is_not_there() {
    let mut drill = Drill::new(2);
    let (key, sessions) = at_work(&drill);
    let kept = drill.user(0).aes_key(&[(CKA_TOKEN, YES), (CKA_LABEL, b"kept")]);
    let session = drill.module.session(sessions[0]);
    expect("in progress", session.encrypt_init(ecb(), key), CKR_OK);
    drill.operator.plan("[[fault]]\nhsm = 0\nkey = \"at work\"");
    let [lacks, other] = sessions.map(|handle| drill.module.session(handle));
    assert_eq!(lacks.encrypt(&[0; 16]), Err(CKR_OPERATION_NOT_INITIALIZED));
    expect("init", lacks.encrypt_init(ecb(), key), CKR_KEY_HANDLE_INVALID);
    assert_eq!(lacks.find(&[(CKA_LABEL, b"at work")]), Ok(vec![]));
    assert_eq!(lacks.find(&[(CKA_TOKEN, YES)]), Ok(vec![kept]));
    assert_eq!(lacks.get(key, CKA_LABEL), Err(CKR_OBJECT_HANDLE_INVALID));
    expect("set", lacks.set(key, &[(CKA_LABEL, b"x")]), CKR_OBJECT_HANDLE_INVALID);
    expect("destroy", lacks.destroy(key), CKR_OBJECT_HANDLE_INVALID);
    expect("others", encrypted(&lacks, kept), CKR_OK);
    expect("the other HSM", encrypted(&other, key), CKR_OK);
    assert_eq!(other.find(&[(CKA_LABEL, b"at work")]), Ok(vec![key]));
    drill.operator.plan("");
    expect("it is there again", encrypted(&drill.module.session(sessions[0]), key), CKR_OK);
}

#[test]
fn a_plan_comes_from_a_file_or_the_configuration_too() {
    let fault = "function = \"C_Encrypt\"\nerror = \"CKR_DEVICE_ERROR\"\ncount = 1\n";
    let drill = Drill::configured(2, &format!("[faults]\nseed = 1\n[[faults.fault]]\nhsm = 1\n{fault}"));
    let (key, sessions) = at_work(&drill);
    let [first, second] = sessions.map(|handle| drill.module.session(handle));
    assert_eq!((encrypted(&first, key), encrypted(&second, key)), (CKR_OK, CKR_DEVICE_ERROR));
    expect("counted", encrypted(&second, key), CKR_OK);
    expect("finalize", drill.module.finalize(), CKR_OK);

    let file = drill.module.home().join("plan.toml");
    std::fs::write(&file, format!("[[fault]]\nhsm = 0\n{fault}")).expect("a file");
    // SAFETY: no other thread runs.
    unsafe { std::env::set_var("VHSM_FAULTS", &file) };
    expect("initialize", drill.module.initialize(), CKR_OK);
    let [first, second] = [0, 1].map(|slot| drill.user(slot));
    assert_eq!((encrypted(&first, key), encrypted(&second, key)), (CKR_DEVICE_ERROR, CKR_OK));
    expect("finalize", drill.module.finalize(), CKR_OK);
    for text in ["[[fault]]\nerror = \"CKR_NONE\"", "[[fault]]\nfunction = \"C_Encypt\"\nlose = true", "x"] {
        std::fs::write(&file, text).expect("a file");
        expect(text, drill.module.initialize(), CKR_GENERAL_ERROR);
    }
    // SAFETY: as above.
    unsafe { std::env::remove_var("VHSM_FAULTS") };
}

#[test]
fn the_log_says_that_an_error_was_injected() {
    let mut drill = Drill::configured(1, "[log]\nlevel = \"info\"\nfile = \"/dev/null\"");
    expect("finalize", drill.module.finalize(), CKR_OK);
    let log = drill.module.home().join("log");
    // SAFETY: no other thread runs.
    unsafe { std::env::set_var("VHSM_LOG_FILE", &log) };
    expect("initialize", drill.module.initialize(), CKR_OK);
    drill.operator.plan("[[fault]]\nfunction = \"C_GetSessionInfo\"\nerror = \"CKR_DEVICE_ERROR\"");
    expect("info", drill.open(0).info().unwrap_err(), CKR_DEVICE_ERROR);
    let text = std::fs::read_to_string(&log).expect("a log");
    let line = text.lines().find(|line| line.contains("C_GetSessionInfo")).expect("a line");
    assert!(line.contains("rv=CKR_DEVICE_ERROR") && line.contains("injected by the fault plan"), "{line}");
    // SAFETY: as above.
    unsafe { std::env::remove_var("VHSM_LOG_FILE") };
}

#[test]
fn a_deleted_clusters_plan_is_no_other_clusters() {
    let mut drill = Drill::new(1);
    drill.operator.plan("[[fault]]\nerror = \"CKR_DEVICE_ERROR\"");
    expect("open", drill.module.open(0, READ_WRITE).err().unwrap(), CKR_DEVICE_ERROR);
    drill.operator.delete_cluster();
    drill.operator.order("create 1 false");
    drill.user(drill.module.slots(true)[0]).aes_key(&[]);
}
