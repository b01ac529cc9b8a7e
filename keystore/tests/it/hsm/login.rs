//! Who is logged in, with which password, and until when.

use super::{connected, connections, new_key, works};
use crate::support::{Hsms, Kind, PASSWORD};
use cryptoki::session::{SessionState, UserType};
use cryptoki::types::AuthPin;
use std::path::Path;
use vhsm_keystore::{HsmError, Module, StoreId};

const OTHER: &str = "kmsPassword2";

on_every_module! {
    a_wrong_password_opens_nothing,
    another_password_is_set_and_used_from_then_on,
    the_old_password_must_be_right_to_set_another,
    who_closes_is_logged_out,
    an_earlier_connection_of_a_store_is_closed,
    a_logout_behind_its_back_is_made_up_for,
    a_password_that_others_changed_is_not_tried_twice,
    a_login_of_others_in_this_process_is_not_taken_over,
    slots_that_are_not_there_are_no_hsms,
}

fn state(hsms: &Hsms) -> SessionState {
    let session = hsms.pkcs11().open_rw_session(hsms.slot(0)).unwrap();
    session.get_session_info().unwrap().session_state()
}

fn a_wrong_password_opens_nothing(kind: Kind) {
    let hsms = Hsms::new(kind);
    for wrong in [OTHER, "x", ""] {
        let opened = connections(&hsms).open(&hsms.slots, &hsms.pin(wrong));
        assert_eq!(opened.err(), Some(HsmError::WrongPassword), "{wrong:?}");
    }
    assert_eq!(state(&hsms), SessionState::RwPublic);
    connected(&hsms);
}

fn another_password_is_set_and_used_from_then_on(kind: Kind) {
    let mut hsms = Hsms::new(kind);
    let connection = connected(&hsms);
    let id = new_key(&connection);
    connection.set_pin(PASSWORD.as_bytes(), OTHER.as_bytes()).unwrap();
    works(&connection, &id);
    // All its sessions end: it logs in anew.
    hsms.begin_again();
    works(&connection, &id);
    drop(connection);
    let again = |password| connections(&hsms).open(&hsms.slots, &hsms.pin(password));
    assert_eq!(again(PASSWORD).err(), Some(HsmError::WrongPassword));
    works(&again(OTHER).unwrap(), &id);
}

fn the_old_password_must_be_right_to_set_another(kind: Kind) {
    let hsms = Hsms::new(kind);
    let connection = connected(&hsms);
    let id = new_key(&connection);
    let set = connection.set_pin(b"notTheOldOne", OTHER.as_bytes());
    assert_eq!(set, Err(HsmError::WrongPassword));
    let refused = connection.set_pin(PASSWORD.as_bytes(), b"x");
    assert!(
        matches!(&refused, Err(HsmError::Failed(why)) if why.contains("CKR_PIN_LEN_RANGE")),
        "{refused:?}"
    );
    works(&connection, &id);
    drop(connection);
    connected(&hsms);
}

fn who_closes_is_logged_out(kind: Kind) {
    let hsms = Hsms::new(kind);
    let (all, store) = (connections(&hsms), StoreId::random());
    let connection = all.open(&hsms.slots, &hsms.pin(PASSWORD)).unwrap();
    assert!(all.of(&store).is_none());
    all.put(&store, connection.clone());
    assert_eq!((all.all().len(), state(&hsms)), (1, SessionState::RwUser));
    works(&all.of(&store).unwrap(), &new_key(&connection));
    all.close(&store);
    assert!(all.of(&store).is_none() && all.all().is_empty());
    assert_eq!(state(&hsms), SessionState::RwPublic, "though somebody still holds the connection");
    assert!(matches!(connection.random(1), Err(HsmError::NoHsm(_))));
    connection.follow(&hsms.slots);
    assert!(connection.status().is_empty(), "it stays closed");
    assert_eq!(state(&hsms), SessionState::RwPublic);
    all.close(&store);
}

fn an_earlier_connection_of_a_store_is_closed(kind: Kind) {
    let hsms = Hsms::new(kind);
    let (all, store) = (connections(&hsms), StoreId::random());
    let open = || all.open(&hsms.slots, &hsms.pin(PASSWORD)).unwrap();
    let (first, second) = (open(), open());
    all.put(&store, first.clone());
    all.put(&store, second.clone());
    assert!(matches!(first.random(1), Err(HsmError::NoHsm(_))));
    works(&second, &new_key(&second));
    all.put(&store, second.clone());
    works(&all.of(&store).unwrap(), &new_key(&second));
}

fn a_logout_behind_its_back_is_made_up_for(kind: Kind) {
    let hsms = Hsms::new(kind);
    let connection = connections(&hsms).open(&hsms.slots[..1], &hsms.pin(PASSWORD)).unwrap();
    let id = new_key(&connection);
    for _ in 0..3 {
        let session = hsms.pkcs11().open_rw_session(hsms.slot(0)).unwrap();
        session.logout().unwrap();
        works(&connection, &id);
        session.logout().unwrap();
        let another = new_key(&connection);
        session.logout().unwrap();
        assert!(connection.destroy_key(&another).unwrap());
    }
    assert!(connection.status().iter().all(|hsm| hsm.is_working));
}

fn a_password_that_others_changed_is_not_tried_twice(kind: Kind) {
    let mut hsms = Hsms::new(kind);
    let connection = connected(&hsms);
    let id = new_key(&connection);
    hsms.begin_again();
    hsms.reset_password(OTHER);
    for _ in 0..20 {
        assert_eq!(connection.encrypt(&id, b"", b"x"), Err(HsmError::WrongPassword));
        assert!(!connection.mend());
    }
    drop(connection);
    // Nobody locked the user.
    works(&connections(&hsms).open(&hsms.slots, &hsms.pin(OTHER)).unwrap(), &id);
}

fn a_login_of_others_in_this_process_is_not_taken_over(kind: Kind) {
    let hsms = Hsms::new(kind);
    let session = hsms.pkcs11().open_rw_session(hsms.slot(0)).unwrap();
    let pin = String::from_utf8(hsms.pin(PASSWORD)).unwrap();
    session.login(UserType::User, Some(&AuthPin::new(pin.into()))).unwrap();
    let open = || connections(&hsms).open(&hsms.slots, &hsms.pin("notChecked1"));
    assert_eq!(open().err(), Some(HsmError::LoggedIn));
    session.logout().unwrap();
    assert_eq!(open().err(), Some(HsmError::WrongPassword));
    connected(&hsms);
}

fn slots_that_are_not_there_are_no_hsms(kind: Kind) {
    let hsms = Hsms::new(kind);
    let open = |slots: &[u64]| connections(&hsms).open(slots, &hsms.pin(PASSWORD));
    assert!(matches!(open(&[]), Err(HsmError::NoHsm(_))));
    let error = open(&[4_000_000]).err();
    assert_eq!(error, Some(HsmError::NoHsm("C_OpenSession: CKR_SLOT_ID_INVALID".into())));
    let connection = open(&[4_000_000, hsms.slots[0]]).unwrap();
    works(&connection, &new_key(&connection));
    assert!(!connection.mend());
    assert_eq!(connection.status().iter().map(|hsm| hsm.is_working).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn a_locked_user_is_told() {
    let mut hsms = Hsms::new(Kind::Vhsm);
    let open = |hsms: &Hsms, password| connections(hsms).open(&hsms.slots, &hsms.pin(password)).err();
    let mut tries = (0..20).map(|_| open(&hsms, OTHER).unwrap());
    assert!(tries.any(|error| error == HsmError::LockedOut));
    drop(tries);
    assert_eq!(open(&hsms, PASSWORD), Some(HsmError::LockedOut));
    assert!(hsms.module.token(hsms.slots[0]).unwrap().user_is_locked);
    hsms.reset_password(OTHER);
    assert_eq!(open(&hsms, OTHER), None);
}

#[test]
fn what_is_no_module_is_told() {
    let told = |path: &str| match Module::load(Path::new(path)) {
        Err(HsmError::Failed(message)) => message,
        _ => panic!("{path} is no module"),
    };
    assert!(told("/nowhere/module.so").contains("/nowhere/module.so cannot be loaded"));
    assert!(told("libc.so.6").contains("C_GetFunctionList"));
}
