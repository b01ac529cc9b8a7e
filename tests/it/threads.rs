//! Many threads: each with its own session, and all on one (PKCS#11 3.0 sec. 6.6 of the user guide).

use crate::support::*;
use cryptoki_sys::*;
use std::sync::atomic::{AtomicUsize, Ordering};

const THREADS: usize = 6;
const ROUNDS: usize = 150;

fn in_threads(work: impl Fn(usize) + Sync) {
    let work = &work;
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || work(thread));
        }
    });
}

#[test]
fn threads_with_their_own_sessions_do_not_meet() {
    let token = Token::new();
    let first = token.user();
    let shared = first.aes_key(&[(CKA_TOKEN, YES)]);
    in_threads(|thread| {
        let session = token.open(READ_WRITE);
        let own = session.aes_key(&[]);
        for round in 0..ROUNDS {
            let data = vec![thread as u8; round + 1];
            let iv = [&(thread as u64).to_be_bytes()[..], &(round as u32).to_be_bytes()].concat();
            for key in [own, shared] {
                let by = || Mechanism::gcm(&iv, b"aad", 128);
                expect("init", session.encrypt_init(by(), key), CKR_OK);
                let ciphertext = session.encrypt(&data).unwrap();
                expect("init", session.decrypt_init(by(), key), CKR_OK);
                assert_eq!(session.decrypt(&ciphertext).unwrap(), data);
            }
        }
        expect("close", session.close(), CKR_OK);
    });
    assert_eq!(first.find(&[]).unwrap(), [shared], "every thread's keys are gone");
}

#[test]
fn threads_on_one_session_get_codes_and_never_wrong_results() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    expect("init", session.encrypt_init(Mechanism::plain(CKM_AES_ECB), key), CKR_OK);
    let right = session.encrypt(&[5; 32]).unwrap();
    let done = AtomicUsize::new(0);
    in_threads(|_| {
        for _ in 0..ROUNDS * 4 {
            let rv = session.encrypt_init(Mechanism::plain(CKM_AES_ECB), key);
            expect_one_of("init", rv, &[CKR_OK, CKR_OPERATION_ACTIVE]);
            match session.encrypt(&[5; 32]) {
                Ok(ciphertext) => {
                    assert_eq!(ciphertext, right);
                    done.fetch_add(1, Ordering::Relaxed);
                }
                Err(rv) => expect("encrypt", rv, CKR_OPERATION_NOT_INITIALIZED),
            }
        }
    });
    assert!(done.load(Ordering::Relaxed) > 0);
    session.cancel(CKF_ENCRYPT);
    expect("init", session.encrypt_init(Mechanism::plain(CKM_AES_ECB), key), CKR_OK);
    assert_eq!(session.encrypt(&[5; 32]).unwrap(), right);
}

#[test]
fn objects_are_made_found_and_destroyed_at_once() {
    let token = Token::new();
    let _login = token.user();
    in_threads(|thread| {
        let session = token.open(READ_WRITE);
        let label = format!("of thread {thread}");
        let label: Pair = (CKA_LABEL, label.as_bytes());
        for round in 0..25 {
            let kept = if round % 2 == 0 { YES } else { NO };
            let key = session.aes_key(&[label, (CKA_TOKEN, kept)]);
            assert_eq!(session.find(&[label]).unwrap(), [key]);
            expect("set", session.set(key, &[(CKA_ID, b"id")]), CKR_OK);
            assert_eq!(session.get(key, CKA_ID).unwrap(), b"id");
            expect("destroy", session.destroy(key), CKR_OK);
            assert_eq!(session.find(&[label]).unwrap(), []);
        }
    });
    assert_eq!(token.open(READ_ONLY).find(&[]).unwrap(), []);
}

#[test]
fn sessions_open_and_close_at_once() {
    let token = Token::new();
    let keep = token.user();
    in_threads(|_| {
        for _ in 0..ROUNDS {
            let session = token.open(READ_WRITE);
            assert_eq!(session.info().unwrap().state, CKS_RW_USER_FUNCTIONS);
            let key = session.aes_key(&[]);
            expect("close", session.close(), CKR_OK);
            expect("gone", keep.get(key, CKA_CLASS).unwrap_err(), CKR_OBJECT_HANDLE_INVALID);
        }
    });
    assert_eq!(token.info().ulSessionCount, 1);
}

#[test]
fn one_object_is_destroyed_by_one_thread() {
    let token = Token::new();
    let session = token.user();
    for round in 0..20 {
        let kept = if round % 2 == 0 { YES } else { NO };
        let key = session.aes_key(&[(CKA_TOKEN, kept)]);
        let destroyed = AtomicUsize::new(0);
        in_threads(|_| {
            let session = token.open(READ_WRITE);
            match session.destroy(key) {
                CKR_OK => drop(destroyed.fetch_add(1, Ordering::Relaxed)),
                rv => expect("destroy", rv, CKR_OBJECT_HANDLE_INVALID),
            }
        });
        assert_eq!(destroyed.load(Ordering::Relaxed), 1);
    }
}

/// Each thread changes another attribute of one object: none takes back what another did.
#[test]
fn changes_made_at_once_are_all_kept() {
    let token = Token::in_memory_folder();
    let session = token.user();
    let kinds = [CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN, CKA_VERIFY, CKA_WRAP, CKA_UNWRAP];
    for round in 0..20 {
        let kept = if round % 2 == 0 { YES } else { NO };
        let key = session.aes_key(&[(CKA_TOKEN, kept), (CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)]);
        in_threads(|thread| {
            let session = token.open(READ_WRITE);
            for value in [NO, YES, NO] {
                expect("set", session.set(key, &[(kinds[thread], value)]), CKR_OK);
                assert_eq!(session.get(key, kinds[thread]).unwrap(), value);
            }
            if thread == 0 {
                expect("set", session.set(key, &[(CKA_SENSITIVE, YES), (CKA_EXTRACTABLE, NO)]), CKR_OK);
            }
        });
        for kind in kinds {
            assert!(!session.flag(key, kind), "{kind:#x} of round {round}");
        }
        assert!(session.flag(key, CKA_SENSITIVE) && !session.flag(key, CKA_EXTRACTABLE), "round {round}");
    }
}

#[test]
fn what_is_made_while_its_session_closes_goes_with_it() {
    let token = Token::new();
    let keep = token.user();
    for _ in 0..100 {
        let session = token.open(READ_WRITE);
        let made = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let length = number(32);
                    let make =
                        || session.generate(Mechanism::plain(CKM_AES_KEY_GEN), &[(CKA_VALUE_LEN, &length)]);
                    while make().is_ok() {
                        made.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            while made.load(Ordering::Relaxed) < 10 {
                std::thread::yield_now();
            }
            expect("close", session.close(), CKR_OK);
        });
        assert_eq!(keep.find(&[]).unwrap(), []);
    }
}

/// The last session takes the login along, also one that is on its way.
#[test]
fn a_login_that_is_slower_than_the_last_session_logs_nobody_in() {
    let token = Token::new();
    for user in [(CKU_USER, USER_PIN), (CKU_SO, SO_PIN)] {
        let session = token.open(READ_WRITE);
        std::thread::scope(|scope| {
            let login = scope.spawn(|| session.login(user.0, user.1));
            std::thread::sleep(std::time::Duration::from_millis(3));
            expect("close", session.close(), CKR_OK);
            expect_one_of("login", login.join().unwrap(), &[CKR_SESSION_HANDLE_INVALID, CKR_OK]);
        });
        let next = token.open(READ_WRITE);
        assert_eq!(next.info().unwrap().state, CKS_RW_PUBLIC_SESSION);
        expect("close", next.close(), CKR_OK);
    }
}

#[test]
fn finalize_with_calls_in_flight_lets_them_end() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    let ready = AtomicUsize::new(0);
    let ended = [
        CKR_SESSION_HANDLE_INVALID,
        CKR_KEY_HANDLE_INVALID,
        CKR_OPERATION_NOT_INITIALIZED,
        CKR_OPERATION_ACTIVE,
    ];
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            let (token, ready) = (&token, &ready);
            scope.spawn(move || {
                let session = token.open(READ_ONLY);
                ready.fetch_add(1, Ordering::SeqCst);
                loop {
                    let rv = session.encrypt_init(Mechanism::plain(CKM_AES_ECB), key);
                    let rv =
                        if rv == CKR_OK { session.encrypt(&[1; 4096]).err().unwrap_or(CKR_OK) } else { rv };
                    match rv {
                        CKR_OK => continue,
                        CKR_CRYPTOKI_NOT_INITIALIZED => return,
                        // A call that was inside finds what C_Finalize took apart.
                        rv => expect_one_of("in flight", rv, &ended),
                    }
                }
            });
        }
        while ready.load(Ordering::SeqCst) < THREADS {
            std::thread::yield_now();
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
        expect("finalize", token.module.finalize(), CKR_OK);
    });
    expect("initialize", token.module.initialize(), CKR_OK);
}
