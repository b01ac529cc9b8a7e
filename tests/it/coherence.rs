//! Two processes on one store: each sees the other's changes at its next call.

use crate::support::*;
use cryptoki_sys::*;

/// A token with its user logged in here and in another process.
fn pair() -> (Token, Peer) {
    let token = Token::new();
    let peer = peer_of(&token);
    (token, peer)
}

fn peer_of(token: &Token) -> Peer {
    let mut peer = Peer::start(token.module.home());
    assert_eq!(peer.ask(&format!("open {}", token.slot)), "ok");
    assert_eq!(peer.ask("login"), "ok");
    peer
}

fn ecb() -> Mechanism {
    Mechanism::plain(CKM_AES_ECB)
}

#[test]
fn a_key_made_elsewhere_is_found_and_is_the_same() {
    let (token, mut peer) = pair();
    let session = token.user();
    assert_eq!(session.find(&[(CKA_LABEL, b"shared")]), Ok(vec![]));
    let key: u64 = peer.ask("generate shared").parse().expect("a handle");
    assert_eq!(session.find(&[(CKA_LABEL, b"shared")]), Ok(vec![key]));
    expect("init", session.encrypt_init(ecb(), key), CKR_OK);
    let here = session.encrypt(&[7; 16]).expect("encrypts");
    let there = peer.ask(&format!("encrypt {key}"));
    assert_eq!(here.iter().map(|b| format!("{b:02x}")).collect::<String>(), there);
}

#[test]
fn a_key_destroyed_elsewhere_is_gone_at_the_next_call() {
    let (token, mut peer) = pair();
    let session = token.user();
    let key: u64 = peer.ask("generate doomed").parse().expect("a handle");
    expect("first use", session.encrypt_init(ecb(), key), CKR_OK);
    session.encrypt(&[0; 16]).expect("encrypts");
    expect("an operation goes on", session.encrypt_init(ecb(), key), CKR_OK);
    assert_eq!(peer.ask(&format!("destroy {key}")), "ok");
    assert_eq!(session.encrypt(&[0; 16]), Err(CKR_OPERATION_NOT_INITIALIZED));
    expect("a new operation", session.encrypt_init(ecb(), key), CKR_KEY_HANDLE_INVALID);
    assert_eq!(session.get(key, CKA_LABEL), Err(CKR_OBJECT_HANDLE_INVALID));
    assert_eq!(session.find(&[(CKA_LABEL, b"doomed")]), Ok(vec![]));
    expect("destroyed twice", session.destroy(key), CKR_OBJECT_HANDLE_INVALID);
}

#[test]
fn a_changed_attribute_is_seen_and_an_operation_goes_on() {
    let (token, mut peer) = pair();
    let session = token.user();
    let key: u64 = peer.ask("generate before").parse().expect("a handle");
    assert_eq!(session.get(key, CKA_LABEL).as_deref(), Ok(&b"before"[..]));
    expect("init", session.encrypt_init(ecb(), key), CKR_OK);
    assert_eq!(peer.ask(&format!("relabel {key} after")), "ok");
    session.encrypt(&[0; 16]).expect("what was begun goes on");
    assert_eq!(session.get(key, CKA_LABEL).as_deref(), Ok(&b"after"[..]));
    assert_eq!(session.find(&[(CKA_LABEL, b"before")]), Ok(vec![]));
    assert_eq!(session.find(&[(CKA_LABEL, b"after")]), Ok(vec![key]));
}

#[test]
fn changes_beyond_the_log_are_followed_too() {
    let token = Token::in_memory_folder();
    let mut peer = peer_of(&token);
    let session = token.user();
    let doomed: u64 = peer.ask("generate doomed").parse().expect("a handle");
    let kept: u64 = peer.ask("generate kept").parse().expect("a handle");
    for key in [doomed, kept] {
        expect("init", session.encrypt_init(ecb(), key), CKR_OK);
        session.encrypt(&[0; 16]).expect("encrypts");
    }
    assert_eq!(peer.ask(&format!("destroy {doomed}")), "ok");
    assert_eq!(peer.ask(&format!("generate-many {}", vhsm_store::LOG_REVISIONS + 500)), "ok");
    expect("gone", session.encrypt_init(ecb(), doomed), CKR_KEY_HANDLE_INVALID);
    expect("still there", session.encrypt_init(ecb(), kept), CKR_OK);
    session.encrypt(&[0; 16]).expect("encrypts");
    assert_eq!(session.find(&[(CKA_LABEL, b"many-10499")]).map(|f| f.len()), Ok(1));
}

#[test]
fn a_token_wiped_elsewhere_ends_sessions_once() {
    let (token, mut peer) = pair();
    let session = token.user();
    let key: u64 = peer.ask("generate old").parse().expect("a handle");
    expect("init", session.encrypt_init(ecb(), key), CKR_OK);
    assert_eq!(peer.ask("close"), "ok");
    assert_eq!(peer.ask(&format!("init-token {}", token.slot)), "ok");
    assert_eq!(session.encrypt(&[0; 16]), Err(CKR_DEVICE_REMOVED));
    assert_eq!(session.encrypt(&[0; 16]), Err(CKR_SESSION_HANDLE_INVALID));
    let mut slot = 0;
    let event = call!(token.module.api, C_WaitForSlotEvent(CKF_DONT_BLOCK, &mut slot, std::ptr::null_mut()));
    assert_eq!((name(event), slot), (name(CKR_OK), token.slot));
    let again = token.open(READ_WRITE);
    expect("no user any more", again.login(CKU_USER, USER_PIN), CKR_USER_PIN_NOT_INITIALIZED);
    assert_eq!(again.find(&[]), Ok(vec![]));
}

#[test]
fn sessions_of_a_token_wiped_elsewhere_close_all_at_once() {
    let (token, mut peer) = pair();
    let sessions = [token.user(), token.open(READ_ONLY)];
    assert_eq!(peer.ask("close"), "ok");
    assert_eq!(peer.ask(&format!("init-token {}", token.slot)), "ok");
    expect("close all", call!(token.module.api, C_CloseAllSessions(token.slot)), CKR_OK);
    for session in sessions {
        expect("closed", session.info().unwrap_err(), CKR_SESSION_HANDLE_INVALID);
    }
    assert_eq!(token.info().ulSessionCount, 0);
}

#[test]
fn a_token_made_elsewhere_shows_its_slot() {
    let (token, mut peer) = pair();
    let before = token.module.slots(true);
    let free = token.module.free_slot();
    assert_eq!(peer.ask(&format!("init-token {free}")), "ok");
    let after = token.module.slots(true);
    assert_eq!(after.len(), before.len() + 1);
    assert!(token.module.open(free, READ_WRITE).is_ok());
}

#[test]
fn wrong_pins_of_all_processes_count_together() {
    let token = Token::new();
    let mut peer = Peer::start(token.module.home());
    assert_eq!(peer.ask(&format!("open {}", token.slot)), "ok");
    let session = token.open(READ_WRITE);
    for _ in 0..2 {
        assert_eq!(peer.ask("login wrong"), "CKR_PIN_INCORRECT");
        expect("here", session.login(CKU_USER, b"not the pin"), CKR_PIN_INCORRECT);
    }
    assert_ne!(token.info().flags & CKF_USER_PIN_FINAL_TRY, 0);
    assert_eq!(peer.ask("login wrong"), "CKR_PIN_INCORRECT");
    expect("locked", session.login(CKU_USER, USER_PIN), CKR_PIN_LOCKED);
    assert_ne!(token.info().flags & CKF_USER_PIN_LOCKED, 0);
    let officer = token.open(READ_WRITE);
    expect("the SO", officer.login(CKU_SO, SO_PIN), CKR_OK);
    expect("sets a new PIN", officer.init_pin(b"another pin"), CKR_OK);
    expect("logout", officer.logout(), CKR_OK);
    expect("unlocked", session.login(CKU_USER, b"another pin"), CKR_OK);
}

#[test]
fn a_killed_process_leaves_what_was_acknowledged() {
    let (token, mut peer) = pair();
    let key: u64 = peer.ask("generate kept").parse().expect("a handle");
    peer.kill();
    let session = token.user();
    assert_eq!(session.find(&[(CKA_LABEL, b"kept")]), Ok(vec![key]));
    let mut second = Peer::start(token.module.home());
    assert_eq!(second.ask(&format!("open {}", token.slot)), "ok");
    assert_eq!(second.ask("login"), "ok");
    assert_eq!(second.ask("find kept"), key.to_string());
}
