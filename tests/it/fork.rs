//! Fork: the child starts uninitialized, then works; the parent never notices.

use crate::support::call;
use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Forks; the child runs `body` and exits with 0 if it returns true.
fn in_child(body: impl FnOnce() -> bool) -> libc::pid_t {
    // SAFETY: the child runs `body` and leaves by _exit: no test runner code runs twice.
    match unsafe { libc::fork() } {
        -1 => panic!("fork failed"),
        0 => {
            let good = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).unwrap_or(false);
            // SAFETY: as above.
            unsafe { libc::_exit(i32::from(!good)) }
        }
        child => child,
    }
}

#[track_caller]
fn wait_for(child: libc::pid_t) {
    let mut status = 0;
    // SAFETY: waits for our own child.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0, "the child found something wrong");
}

/// What a child does: nothing works before C_Initialize, everything after it.
fn child_works(module: &Module, slot: CK_SLOT_ID, label: &[u8]) -> bool {
    let mut count = 0;
    let uninitialized = call!(module.api, C_GetSlotList(CK_TRUE, null_mut(), &mut count));
    if uninitialized != CKR_CRYPTOKI_NOT_INITIALIZED || module.initialize() != CKR_OK {
        return false;
    }
    let Ok(session) = module.open(slot, READ_WRITE) else { return false };
    if session.login(CKU_USER, USER_PIN) != CKR_OK {
        return false;
    }
    let Ok(found) = session.find(&[(CKA_LABEL, label)]) else { return false };
    let [key] = found[..] else { return false };
    session.encrypt_init(Mechanism::plain(CKM_AES_ECB), key) == CKR_OK
        && session.encrypt(&[1; 16]).is_ok_and(|bytes| bytes.len() == 16)
        && module.finalize() == CKR_OK
}

fn token_key(session: &Session<'_>, label: &[u8]) -> CK_OBJECT_HANDLE {
    session.aes_key(&[(CKA_TOKEN, YES), (CKA_LABEL, label)])
}

#[test]
fn the_child_starts_uninitialized_and_then_works() {
    let token = Token::new();
    let session = token.user();
    let key = token_key(&session, b"inherited");
    wait_for(in_child(|| child_works(&token.module, token.slot, b"inherited")));
    expect("the parent's session", session.encrypt_init(Mechanism::plain(CKM_AES_ECB), key), CKR_OK);
    session.encrypt(&[1; 16]).expect("the parent goes on");
}

#[test]
fn what_the_child_writes_the_parent_sees() {
    let token = Token::new();
    let session = token.user();
    wait_for(in_child(|| {
        token.module.initialize() == CKR_OK
            && token.module.open(token.slot, READ_WRITE).is_ok_and(|child| {
                child.login(CKU_USER, USER_PIN) == CKR_OK && token_key(&child, b"of the child") != 0
            })
    }));
    assert_eq!(session.find(&[(CKA_LABEL, b"of the child")]).map(|f| f.len()), Ok(1));
}

#[test]
fn a_child_that_never_initializes_does_no_harm() {
    let token = Token::new();
    let session = token.user();
    wait_for(in_child(|| true));
    wait_for(in_child(|| token.module.finalize() == CKR_CRYPTOKI_NOT_INITIALIZED));
    assert_ne!(token_key(&session, b"after"), 0);
}

#[test]
fn a_grandchild_works() {
    let token = Token::new();
    token_key(&token.user(), b"inherited");
    wait_for(in_child(|| {
        let first = child_works(&token.module, token.slot, b"inherited");
        let grandchild = in_child(|| token.module.initialize() == CKR_OK);
        wait_for(grandchild);
        first
    }));
}

#[test]
fn forks_amid_busy_threads() {
    let token = Token::new();
    let session = token.user();
    let key = token_key(&session, b"busy");
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (token, stop, done) = (&token, &stop, &done);
            scope.spawn(move || {
                let session = token.open(READ_WRITE);
                while !stop.load(Ordering::Relaxed) {
                    if number < 6 {
                        expect("init", session.encrypt_init(Mechanism::plain(CKM_AES_ECB), key), CKR_OK);
                        session.encrypt(&[2; 1024]).expect("encrypts");
                    } else {
                        let made = token_key(&session, b"short-lived");
                        expect("destroy", session.destroy(made), CKR_OK);
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for round in 0..60 {
            let before = done.load(Ordering::Relaxed);
            wait_for(in_child(|| child_works(&token.module, token.slot, b"busy")));
            while done.load(Ordering::Relaxed) == before {
                std::thread::yield_now();
            }
            assert!(round < 60);
        }
        stop.store(true, Ordering::Relaxed);
    });
}

fn digests(session: &Session<'_>) {
    for _ in 0..50 {
        let rv = session.digest_init(Mechanism::plain(CKM_SHA256));
        expect_one_of("init", rv, &[CKR_OK, CKR_OPERATION_ACTIVE]);
        let done = session.run(session.api.C_Digest.expect("it is set"), &[1; 2000]).map(drop);
        assert!(matches!(done, Ok(()) | Err(CKR_OPERATION_NOT_INITIALIZED)), "{done:?}");
    }
}

/// Threads that wait for each other's locks when the process forks: the child's own threads then wait for theirs, and
/// none of them for one of the parent.
#[test]
fn forks_amid_threads_that_wait_for_each_other() {
    let token = Token::new();
    let session = token.open(READ_WRITE);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    digests(&session);
                }
            });
        }
        for _ in 0..150 {
            wait_for(in_child(|| {
                // SAFETY: ends a child that hangs.
                unsafe { libc::alarm(60) };
                if token.module.initialize() != CKR_OK {
                    return false;
                }
                let session = token.open(READ_WRITE);
                std::thread::scope(|scope| {
                    for _ in 0..4 {
                        scope.spawn(|| digests(&session));
                    }
                });
                true
            }));
        }
        stop.store(true, Ordering::Relaxed);
    });
}
