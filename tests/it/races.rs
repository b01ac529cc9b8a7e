//! Calls that come at the same moment: what is left is what one of their orders leaves.

use crate::support::*;
use cryptoki_sys::*;
use std::time::Duration;

/// A login takes as long as Argon2id does. Its session may be closed meanwhile, the last of the token: then nobody
/// is logged in, whatever the login answered (PKCS#11 3.0 sec. 5.6.3).
#[test]
fn a_login_whose_session_was_closed_meanwhile_logs_nobody_in() {
    let token = Token::new();
    for round in 0..12 {
        let (user, pin) = if round % 2 == 0 { (CKU_USER, USER_PIN) } else { (CKU_SO, SO_PIN) };
        let session = token.open(READ_WRITE);
        std::thread::scope(|scope| {
            let login = scope.spawn(|| session.login(user, pin));
            std::thread::sleep(Duration::from_millis(round));
            expect("close", session.close(), CKR_OK);
            let rv = login.join().expect("no panic");
            expect_one_of("login", rv, &[CKR_OK, CKR_SESSION_HANDLE_INVALID]);
        });
        let next = token.open(READ_WRITE);
        assert_eq!(next.info().expect("it is open").state, CKS_RW_PUBLIC_SESSION, "round {round}");
        expect("close", next.close(), CKR_OK);
    }
    token.user();
}

/// Two users' logins, logouts and their objects at once: nobody is let in twice, and nothing of the user is seen
/// after its logout.
#[test]
fn logins_and_logouts_of_many_threads() {
    let token = Token::new();
    let session = token.user();
    let private = session.aes_key(&[(CKA_TOKEN, YES), (CKA_PRIVATE, YES)]);
    expect("logout", session.logout(), CKR_OK);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let token = &token;
            scope.spawn(move || {
                let session = token.open(READ_WRITE);
                for _ in 0..12 {
                    let rv = if thread < 3 {
                        session.login(CKU_USER, USER_PIN)
                    } else {
                        session.login(CKU_SO, SO_PIN)
                    };
                    let busy = [CKR_OK, CKR_USER_ALREADY_LOGGED_IN, CKR_USER_ANOTHER_ALREADY_LOGGED_IN];
                    expect_one_of("login", rv, &busy);
                    let rv = session.encrypt_init(Mechanism::plain(CKM_AES_ECB), private);
                    expect_one_of("init", rv, &[CKR_OK, CKR_KEY_HANDLE_INVALID]);
                    if rv == CKR_OK {
                        let done = session.encrypt(&[1; 16]).map(drop);
                        assert!(matches!(done, Ok(()) | Err(CKR_OPERATION_NOT_INITIALIZED)), "{done:?}");
                    }
                    expect_one_of("logout", session.logout(), &[CKR_OK, CKR_USER_NOT_LOGGED_IN]);
                }
            });
        }
    });
    session.logout();
    expect("nobody", session.encrypt_init(Mechanism::plain(CKM_AES_ECB), private), CKR_KEY_HANDLE_INVALID);
    assert_eq!(session.find(&[]), Ok(vec![]));
    assert!(token.user().encrypt_init(Mechanism::plain(CKM_AES_ECB), private) == CKR_OK);
}

/// A token is wiped while others use it: their sessions end, and nothing hangs.
#[test]
fn a_wipe_amid_calls_ends_them() {
    let token = Token::new();
    let mut wiper = Peer::start(token.module.home());
    for _ in 0..3 {
        let first = token.user();
        let key = first.aes_key(&[(CKA_TOKEN, YES)]);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let token = &token;
                scope.spawn(move || {
                    let session = token.open(READ_WRITE);
                    loop {
                        let rv = match thread {
                            0 => session.encrypt_init(Mechanism::plain(CKM_AES_ECB), key),
                            1 => session.size(key).map_or_else(|rv| rv, |_| CKR_OK),
                            2 => session
                                .generate(
                                    Mechanism::plain(CKM_AES_KEY_GEN),
                                    &[(CKA_VALUE_LEN, &number(32)), (CKA_TOKEN, YES)],
                                )
                                .map_or_else(|rv| rv, |_| CKR_OK),
                            _ => session.set(key, &[(CKA_LABEL, b"new")]),
                        };
                        session.cancel(CKF_ENCRYPT | CKF_FIND_OBJECTS);
                        if matches!(rv, CKR_DEVICE_REMOVED | CKR_SESSION_HANDLE_INVALID) {
                            return;
                        }
                        let passing = [
                            CKR_OK,
                            CKR_KEY_HANDLE_INVALID,
                            CKR_OBJECT_HANDLE_INVALID,
                            CKR_USER_NOT_LOGGED_IN,
                        ];
                        expect_one_of("amid a wipe", rv, &passing);
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(50));
            assert_eq!(wiper.ask(&format!("init-token {}", token.slot)), "ok");
        });
        let officer = token.open(READ_WRITE);
        expect("officer", officer.login(CKU_SO, SO_PIN), CKR_OK);
        expect("user", officer.init_pin(USER_PIN), CKR_OK);
        expect("close", officer.close(), CKR_OK);
    }
}
