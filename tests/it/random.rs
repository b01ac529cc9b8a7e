//! C_SeedRandom, C_GenerateRandom (PKCS#11 3.0 sec. 5.19).

use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;

#[test]
fn random_bytes_fill_the_buffer_and_no_more() {
    let token = Token::new();
    let session = token.open(READ_ONLY);
    for length in [1, 16, 31, 4096, 100_000] {
        let mut buffer = vec![0; length + 16];
        let rv =
            call!(session.api, C_GenerateRandom(session.handle, buffer.as_mut_ptr(), length as CK_ULONG));
        expect("random", rv, CKR_OK);
        assert!(buffer[length..].iter().all(|byte| *byte == 0));
        if length >= 16 {
            assert!(buffer[..length].iter().any(|byte| *byte != 0));
        }
    }
}

#[test]
fn random_bytes_do_not_repeat() {
    let token = Token::new();
    let session = token.open(READ_ONLY);
    let mut seen = std::collections::HashSet::new();
    for _ in 0..1000 {
        let mut buffer = [0; 16];
        expect(
            "random",
            call!(session.api, C_GenerateRandom(session.handle, buffer.as_mut_ptr(), 16)),
            CKR_OK,
        );
        assert!(seen.insert(buffer));
    }
}

#[test]
fn the_arguments_are_checked() {
    let token = Token::new();
    let session = token.open(READ_ONLY);
    let mut buffer = [7; 4];
    let rv = call!(session.api, C_GenerateRandom(session.handle, null_mut(), 4));
    expect("null", rv, CKR_ARGUMENTS_BAD);
    let rv = call!(session.api, C_GenerateRandom(session.handle, null_mut(), 0));
    expect_one_of("nothing", rv, &[CKR_OK, CKR_ARGUMENTS_BAD]);
    expect("zero", call!(session.api, C_GenerateRandom(session.handle, buffer.as_mut_ptr(), 0)), CKR_OK);
    assert_eq!(buffer, [7; 4]);
    let rv = call!(session.api, C_GenerateRandom(0, buffer.as_mut_ptr(), 4));
    expect("no session", rv, CKR_SESSION_HANDLE_INVALID);
}

#[test]
fn a_seed_is_taken_or_refused_and_never_weakens() {
    let token = Token::new();
    let session = token.open(READ_ONLY);
    let seed = || call!(session.api, C_SeedRandom(session.handle, [1; 32].as_mut_ptr(), 32));
    let random = || {
        let mut buffer = [0; 16];
        expect(
            "random",
            call!(session.api, C_GenerateRandom(session.handle, buffer.as_mut_ptr(), 16)),
            CKR_OK,
        );
        buffer
    };
    expect("seed", seed(), CKR_OK);
    let first = random();
    seed();
    assert_ne!(first, random());
    let rv = call!(session.api, C_SeedRandom(session.handle, null_mut(), 32));
    expect("null", rv, CKR_ARGUMENTS_BAD);
    let rv = call!(session.api, C_SeedRandom(0, [1; 4].as_mut_ptr(), 4));
    expect("no session", rv, CKR_SESSION_HANDLE_INVALID);
}
