//! Nonces that the token makes for messages (PKCS#11 3.0 sec. 2.13.1): never one twice under a key.

use crate::support::*;
use cryptoki_sys::*;

const DATA: &[u8] = b"a message";

fn gcm() -> Mechanism {
    Mechanism::plain(CKM_AES_GCM)
}

/// One message with a nonce that a generator makes.
fn made(session: &Session, message: &mut GcmMessage) -> Result<Vec<u8>, CK_RV> {
    session.encrypt_message(message.raw(), b"", DATA).map(|_| message.nonce.clone())
}

fn with_process(test: impl Fn(&Session)) {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    expect("encrypt", session.message_encrypt_init(gcm(), key), CKR_OK);
    test(&session);
}

#[test]
fn generated_nonces_are_new_each_time_and_under_every_key() {
    let token = Token::new();
    let session = token.user();
    let mut seen = std::collections::HashSet::new();
    for generator in [CKG_GENERATE, CKG_GENERATE_RANDOM] {
        for pairs in [&[][..], &[(CKA_TOKEN, YES)]] {
            let key = session.aes_key(pairs);
            expect("init", session.message_encrypt_init(gcm(), key), CKR_OK);
            for (length, fixed) in [(12, 0), (16, 32), (20, 64)] {
                for _ in 0..20 {
                    let mut message = GcmMessage::new(&vec![0xa5; length], generator).fixed(fixed);
                    let nonce = made(&session, &mut message).unwrap();
                    assert!(nonce[..fixed as usize / 8].iter().all(|byte| *byte == 0xa5), "{nonce:x?}");
                    assert!(seen.insert(nonce));
                }
            }
            for (length, fixed) in [(12, 1), (11, 0), (16, 33)] {
                let mut message = GcmMessage::new(&vec![0; length], generator).fixed(fixed);
                let rv = made(&session, &mut message).unwrap_err();
                expect("so few bits could come again", rv, CKR_MECHANISM_PARAM_INVALID);
            }
            expect("final", session.message_encrypt_final(), CKR_OK);
        }
    }
}

#[test]
fn counted_nonces_begin_at_zero_and_never_again() {
    let token = Token::new();
    let (session, other) = (token.user(), token.user());
    let key = session.aes_key(&[]);
    let copy = session.copy(key, &[]).unwrap();
    let fixed = || GcmMessage::new(&[0xff; 12], CKG_GENERATE_COUNTER).fixed(32);
    let counted = |count: u8| [&[0xff; 4][..], &[0; 7], &[count]].concat();
    expect("init", session.message_encrypt_init(gcm(), key), CKR_OK);
    assert_eq!(made(&session, &mut fixed()).unwrap(), counted(0));
    assert_eq!(made(&session, &mut fixed()).unwrap(), counted(1));
    // In another process, another session, under a copy, and when the key was changed.
    expect("final", session.message_encrypt_final(), CKR_OK);
    expect("init", session.message_encrypt_init(gcm(), key), CKR_OK);
    assert_eq!(made(&session, &mut fixed()).unwrap(), counted(2));
    expect("init", other.message_encrypt_init(gcm(), copy), CKR_OK);
    assert_eq!(made(&other, &mut fixed()).unwrap(), counted(3));
    expect("final", other.message_encrypt_final(), CKR_OK);
    expect("set", session.set(key, &[(CKA_LABEL, b"changed")]), CKR_OK);
    expect("init", other.message_encrypt_init(gcm(), key), CKR_OK);
    assert_eq!(made(&other, &mut fixed()).unwrap(), counted(4));

    for mut message in [
        fixed().fixed(40),
        GcmMessage::new(&[0xfe; 12], CKG_GENERATE_COUNTER).fixed(32),
        GcmMessage::new(&[0xff; 13], CKG_GENERATE_COUNTER).fixed(32),
        GcmMessage::new(&[0xff; 12], CKG_GENERATE_COUNTER_XOR).fixed(32),
        GcmMessage::new(&[0xff; 12], CKG_GENERATE),
        GcmMessage::new(&[0xff; 12], CKG_GENERATE_RANDOM),
    ] {
        let rv = made(&session, &mut message).unwrap_err();
        expect("another series under this key", rv, CKR_MECHANISM_PARAM_INVALID);
    }
    assert_eq!(made(&session, &mut fixed()).unwrap(), counted(5));
}

#[test]
fn a_counter_changes_the_nonce_that_it_is_added_to() {
    with_process(|session| {
        let base = *b"base of them";
        let message = || GcmMessage::new(&base, CKG_GENERATE_COUNTER_XOR).fixed(32);
        for count in 0..300u16 {
            let mut wanted = base;
            let [high, low] = count.to_be_bytes();
            (wanted[10], wanted[11]) = (wanted[10] ^ high, wanted[11] ^ low);
            assert_eq!(made(session, &mut message()).unwrap(), wanted);
        }
        let mut varied = message();
        varied.nonce[11] ^= 1;
        expect("varied", made(session, &mut varied).unwrap_err(), CKR_MECHANISM_PARAM_INVALID);
    });
}

#[test]
fn a_counter_of_few_bits_is_used_up() {
    with_process(|session| {
        let message = || GcmMessage::new(&[0x80; 12], CKG_GENERATE_COUNTER).fixed(94);
        for count in 0..4 {
            assert_eq!(made(session, &mut message()).unwrap()[11], 0x80 | count);
        }
        expect("used up", made(session, &mut message()).unwrap_err(), CKR_MECHANISM_PARAM_INVALID);
    });
}

/// Another process could count from zero as well.
#[test]
fn token_keys_are_not_counted_under_nor_are_their_copies() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[(CKA_TOKEN, YES)]);
    let copy = session.copy(key, &[(CKA_TOKEN, NO)]).unwrap();
    let own = session.aes_key(&[]);
    let on_token = session.copy(own, &[(CKA_TOKEN, YES)]).unwrap();
    for key in [key, copy, on_token] {
        expect("init", session.message_encrypt_init(gcm(), key), CKR_OK);
        for generator in [CKG_GENERATE_COUNTER, CKG_GENERATE_COUNTER_XOR] {
            let rv = made(&session, &mut GcmMessage::new(&[0; 12], generator)).unwrap_err();
            expect("counted", rv, CKR_MECHANISM_PARAM_INVALID);
        }
        assert!(made(&session, &mut GcmMessage::new(&[0; 12], CKG_GENERATE)).is_ok());
        expect("final", session.message_encrypt_final(), CKR_OK);
    }
}
