//! What comes and goes leaves no memory behind. SLOW_TESTS=1 takes a million of each.

use crate::support::*;
use cryptoki_sys::*;

fn rounds(fast: u64) -> u64 {
    if std::env::var_os("SLOW_TESTS").is_some() { 1_000_000 } else { fast }
}

/// But for what the allocator keeps: whether it gives a password's 19 MiB back at once is chance.
fn resident_kib() -> u64 {
    // SAFETY: takes no pointer.
    unsafe { libc::malloc_trim(0) };
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("as above");
    line.split_whitespace().nth(1).expect("a number").parse().expect("as above")
}

/// Runs `body` so often that what it always takes is there, and then many times more.
#[track_caller]
fn stays_as_large(what: &str, rounds: u64, body: &dyn Fn(u64)) {
    (0..rounds / 2).for_each(body);
    let before = resident_kib();
    (0..rounds).for_each(body);
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < 1024, "{what}: {grown} KiB more after {rounds} rounds");
}

#[test]
fn sessions_leave_nothing_behind() {
    let token = Token::new();
    let session = token.user();
    stays_as_large("sessions", rounds(40_000), &|_| {
        expect("close", token.open(READ_WRITE).close(), CKR_OK);
    });
    stays_as_large("sessions with a key", rounds(20_000), &|_| {
        let other = token.open(READ_WRITE);
        let key = other.aes_key(&[]);
        expect("init", other.encrypt_init(Mechanism::plain(CKM_AES_ECB), key), CKR_OK);
        expect("close", other.close(), CKR_OK);
    });
    assert_eq!(session.find(&[]), Ok(vec![]));
}

#[test]
fn session_objects_leave_nothing_behind() {
    let token = Token::new();
    let (session, other) = (token.user(), token.open(READ_WRITE));
    stays_as_large("session objects", rounds(40_000), &|round| {
        let key = session.aes_key(&[(CKA_LABEL, &round.to_be_bytes())]);
        let closer = if round % 2 == 0 { &session } else { &other };
        expect("destroy", closer.destroy(key), CKR_OK);
    });
}

#[test]
fn token_objects_leave_nothing_behind() {
    let token = Token::in_memory_folder();
    let session = token.user();
    // Half of it makes more changes than the change log holds, which lies in the map and so in memory.
    stays_as_large("token objects", rounds(12_000), &|round| {
        let key = session.aes_key(&[(CKA_TOKEN, YES), (CKA_LABEL, &round.to_be_bytes())]);
        if round % 8 == 0 {
            expect("init", session.encrypt_init(Mechanism::plain(CKM_AES_ECB), key), CKR_OK);
            session.encrypt(&[0; 16]).expect("encrypts");
        }
        expect("destroy", session.destroy(key), CKR_OK);
    });
}

#[test]
fn logins_leave_nothing_behind() {
    let token = Token::new();
    let session = token.open(READ_WRITE);
    stays_as_large("logins", 60, &|_| {
        expect("login", session.login(CKU_USER, USER_PIN), CKR_OK);
        expect("logout", session.logout(), CKR_OK);
    });
}
