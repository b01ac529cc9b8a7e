//! Dual-function operations and C_DigestKey (PKCS#11 3.0 sec. 5.12.4 and 5.14).

use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;

const DATA: &[u8] = b"The first part, which ends within a block; and the second one, with more.";

/// A session with keys of one AES value: to encrypt with, and for the code.
fn with_key(test: impl Fn(&Session, CK_OBJECT_HANDLE)) {
    let token = Token::new();
    let session = token.user();
    test(&session, session.known_key(CKK_AES, &[3; 32], &[]));
}

fn sha256(session: &Session, data: &[u8]) -> Vec<u8> {
    expect("digest", session.digest_init(Mechanism::plain(CKM_SHA256)), CKR_OK);
    session.digest(data).expect("a digest")
}

fn cmac(session: &Session, key: CK_OBJECT_HANDLE, data: &[u8]) -> Vec<u8> {
    expect("sign", session.sign_init(Mechanism::plain(CKM_AES_CMAC), key), CKR_OK);
    session.sign(data).expect("a code")
}

fn encrypted(session: &Session, key: CK_OBJECT_HANDLE, data: &[u8]) -> Vec<u8> {
    expect("encrypt", session.encrypt_init(Mechanism::cbc_pad(), key), CKR_OK);
    session.encrypt(data).expect("ciphertext")
}

fn idle(session: &Session) {
    expect("encrypt", session.encrypt_final().unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
    expect("decrypt", session.decrypt_final().unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
    expect("digest", session.digest_final().unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
    expect("sign", session.sign_final().unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
    expect("verify", session.verify_final(&[0; 16]), CKR_OPERATION_NOT_INITIALIZED);
}

#[test]
fn digest_and_encrypt_give_what_each_gives_alone() {
    with_key(|session, key| {
        let (digest, ciphertext) = (sha256(session, DATA), encrypted(session, key, DATA));
        expect("digest", session.digest_init(Mechanism::plain(CKM_SHA256)), CKR_OK);
        expect("encrypt", session.encrypt_init(Mechanism::cbc_pad(), key), CKR_OK);
        let update = session.api.C_DigestEncryptUpdate.unwrap();
        let mut found = session.run(update, &DATA[..21]).unwrap();
        assert_eq!(found.len(), 16);
        found.extend(session.run(update, &DATA[21..]).unwrap());
        found.extend(session.encrypt_final().unwrap());
        assert_eq!(found, ciphertext);
        assert_eq!(session.digest_final().unwrap(), digest);
        idle(session);
    });
}

/// Padding: what C_DecryptFinal gives was not digested, and C_DigestUpdate adds it (sec. 5.14.2).
#[test]
fn decrypt_and_digest_digest_what_the_update_gives() {
    with_key(|session, key| {
        let (digest, ciphertext) = (sha256(session, DATA), encrypted(session, key, DATA));
        expect("digest", session.digest_init(Mechanism::plain(CKM_SHA256)), CKR_OK);
        expect("decrypt", session.decrypt_init(Mechanism::cbc_pad(), key), CKR_OK);
        let mut found = session.run(session.api.C_DecryptDigestUpdate.unwrap(), &ciphertext).unwrap();
        assert_eq!(found.len(), DATA.len() / 16 * 16);
        let last = session.decrypt_final().unwrap();
        expect("the rest", session.digest_update(&last), CKR_OK);
        found.extend(last);
        assert_eq!(found, DATA);
        assert_eq!(session.digest_final().unwrap(), digest);
        idle(session);
    });
}

#[test]
fn sign_and_encrypt_then_decrypt_and_verify() {
    with_key(|session, key| {
        let (code, wanted) = (cmac(session, key, DATA), encrypted(session, key, DATA));
        expect("sign", session.sign_init(Mechanism::plain(CKM_AES_CMAC), key), CKR_OK);
        expect("encrypt", session.encrypt_init(Mechanism::cbc_pad(), key), CKR_OK);
        let mut ciphertext = session.run(session.api.C_SignEncryptUpdate.unwrap(), DATA).unwrap();
        ciphertext.extend(session.encrypt_final().unwrap());
        assert_eq!((ciphertext.as_slice(), session.sign_final().unwrap()), (wanted.as_slice(), code.clone()));

        for (signature, verdict) in [(code.as_slice(), CKR_OK), (&[0; 16], CKR_SIGNATURE_INVALID)] {
            expect("verify", session.verify_init(Mechanism::plain(CKM_AES_CMAC), key), CKR_OK);
            expect("decrypt", session.decrypt_init(Mechanism::cbc_pad(), key), CKR_OK);
            let mut found = session.run(session.api.C_DecryptVerifyUpdate.unwrap(), &ciphertext).unwrap();
            let last = session.decrypt_final().unwrap();
            expect("the rest", session.verify_update(&last), CKR_OK);
            found.extend(last);
            assert_eq!(found, DATA);
            expect("verdict", session.verify_final(signature), verdict);
        }
        idle(session);
    });
}

#[test]
fn data_and_result_may_lie_in_one_place() {
    with_key(|session, key| {
        let (digest, ciphertext) = (sha256(session, DATA), encrypted(session, key, DATA));
        expect("digest", session.digest_init(Mechanism::plain(CKM_SHA256)), CKR_OK);
        expect("encrypt", session.encrypt_init(Mechanism::cbc_pad(), key), CKR_OK);
        let (mut place, mut length) = (DATA.to_vec(), DATA.len() as CK_ULONG);
        let (pointer, bytes) = (place.as_mut_ptr(), place.len() as CK_ULONG);
        let rv =
            call!(session.api, C_DigestEncryptUpdate(session.handle, pointer, bytes, pointer, &mut length));
        expect("update", rv, CKR_OK);
        assert_eq!(place[..length as usize], ciphertext[..length as usize]);
        assert_eq!(session.digest_final().unwrap(), digest);
        expect("cancel", session.cancel(CKF_ENCRYPT), CKR_OK);
    });
}

#[test]
fn both_operations_must_be_active() {
    with_key(|session, key| {
        let api = session.api;
        let all = [
            api.C_DigestEncryptUpdate.unwrap(),
            api.C_DecryptDigestUpdate.unwrap(),
            api.C_SignEncryptUpdate.unwrap(),
            api.C_DecryptVerifyUpdate.unwrap(),
        ];
        let none = |what: &str| {
            for function in all {
                let rv = session.run(function, DATA).unwrap_err();
                expect(what, rv, CKR_OPERATION_NOT_INITIALIZED);
            }
        };
        none("nothing is active");
        expect("digest", session.digest_init(Mechanism::plain(CKM_SHA256)), CKR_OK);
        expect("sign", session.sign_init(Mechanism::plain(CKM_AES_CMAC), key), CKR_OK);
        expect("verify", session.verify_init(Mechanism::plain(CKM_AES_CMAC), key), CKR_OK);
        none("no cipher is active");
        // What was refused did not reach them.
        assert_eq!(session.digest_final().unwrap(), sha256(session, b""));
        assert_eq!(session.sign_final().unwrap(), cmac(session, key, b""));
        expect("verify", session.verify_final(&cmac(session, key, b"")), CKR_OK);
        expect("encrypt", session.encrypt_init(Mechanism::cbc_pad(), key), CKR_OK);
        expect("decrypt", session.decrypt_init(Mechanism::cbc_pad(), key), CKR_OK);
        none("only ciphers are active");
        assert_eq!(session.encrypt(DATA).unwrap(), encrypted(session, key, DATA), "it has not begun");
        expect("cancel", session.cancel(CKF_DECRYPT), CKR_OK);
        idle(session);
    });
}

#[test]
fn a_size_query_and_a_small_buffer_move_neither_operation() {
    with_key(|session, key| {
        let (digest, ciphertext) = (sha256(session, DATA), encrypted(session, key, DATA));
        expect("digest", session.digest_init(Mechanism::plain(CKM_SHA256)), CKR_OK);
        expect("encrypt", session.encrypt_init(Mechanism::cbc_pad(), key), CKR_OK);
        let (from, bytes) = (DATA.as_ptr().cast_mut(), DATA.len() as CK_ULONG);
        let whole = DATA.len() / 16 * 16;
        let mut small = vec![0; whole - 1];
        for (pointer, room, rv) in
            [(null_mut(), 0, CKR_OK), (small.as_mut_ptr(), whole as CK_ULONG - 1, CKR_BUFFER_TOO_SMALL)]
        {
            let mut length = room;
            let found =
                call!(session.api, C_DigestEncryptUpdate(session.handle, from, bytes, pointer, &mut length));
            expect("size", found, rv);
            assert_eq!(length as usize, whole);
        }
        let mut found = session.run(session.api.C_DigestEncryptUpdate.unwrap(), DATA).unwrap();
        found.extend(session.encrypt_final().unwrap());
        assert_eq!((found, session.digest_final().unwrap()), (ciphertext, digest));
    });
}

/// A counter of one bit has two blocks: the third is an error of the encryption.
#[test]
fn an_error_of_the_cipher_ends_it_and_leaves_the_other_as_it_was() {
    with_key(|session, key| {
        for other in ["digest", "sign"] {
            expect("encrypt", session.encrypt_init(Mechanism::ctr(1, [0; 16]), key), CKR_OK);
            let update = if other == "digest" {
                expect("digest", session.digest_init(Mechanism::plain(CKM_SHA256)), CKR_OK);
                session.api.C_DigestEncryptUpdate.unwrap()
            } else {
                expect("sign", session.sign_init(Mechanism::plain(CKM_AES_CMAC), key), CKR_OK);
                session.api.C_SignEncryptUpdate.unwrap()
            };
            session.run(update, &DATA[..16]).unwrap();
            let rv = session.run(update, &DATA[16..50]).unwrap_err();
            expect("too much for the counter", rv, CKR_DATA_LEN_RANGE);
            let rv = session.encrypt_final().unwrap_err();
            expect("the encryption is over", rv, CKR_OPERATION_NOT_INITIALIZED);
            if other == "digest" {
                assert_eq!(session.digest_final().unwrap(), sha256(session, &DATA[..16]));
            } else {
                assert_eq!(session.sign_final().unwrap(), cmac(session, key, &DATA[..16]));
            }
        }
        idle(session);
    });
}

#[test]
fn a_null_argument_ends_the_cipher_only() {
    with_key(|session, key| {
        expect("digest", session.digest_init(Mechanism::plain(CKM_SHA256)), CKR_OK);
        expect("encrypt", session.encrypt_init(Mechanism::cbc_pad(), key), CKR_OK);
        let rv =
            call!(session.api, C_DigestEncryptUpdate(session.handle, null_mut(), 5, null_mut(), null_mut()));
        expect("nulls", rv, CKR_ARGUMENTS_BAD);
        assert_eq!(session.digest_final().unwrap(), sha256(session, b""));
        idle(session);
    });
}

#[test]
fn a_key_that_is_destroyed_ends_what_needs_it() {
    with_key(|session, key| {
        let other = session.aes_key(&[]);
        expect("sign", session.sign_init(Mechanism::plain(CKM_AES_CMAC), other), CKR_OK);
        expect("encrypt", session.encrypt_init(Mechanism::cbc_pad(), key), CKR_OK);
        expect("destroy", session.destroy(other), CKR_OK);
        let rv = session.run(session.api.C_SignEncryptUpdate.unwrap(), DATA).unwrap_err();
        expect("no key", rv, CKR_OPERATION_NOT_INITIALIZED);
        assert_eq!(session.encrypt(DATA).unwrap(), encrypted(session, key, DATA), "untouched");
        idle(session);
    });
}

#[test]
fn the_value_of_a_key_is_digested() {
    let token = Token::new();
    let session = token.user();
    let sensitive = [(CKA_SENSITIVE, YES), (CKA_EXTRACTABLE, NO), (CKA_PRIVATE, YES)];
    let token_key: [Pair; 1] = [(CKA_TOKEN, YES)];
    for pairs in [&sensitive[..], &token_key[..], &[]] {
        let key = session.known_key(CKK_AES, &[9; 24], pairs);
        expect("digest", session.digest_init(Mechanism::plain(CKM_SHA256)), CKR_OK);
        expect("before", session.digest_update(b"before"), CKR_OK);
        expect("key", session.digest_key(key), CKR_OK);
        let rv = session.digest(b"").unwrap_err();
        expect("no one-shot call after a part", rv, CKR_OPERATION_ACTIVE);
        expect("digest", session.digest_init(Mechanism::plain(CKM_SHA256)), CKR_OK);
        expect("before", session.digest_update(b"before"), CKR_OK);
        expect("key", session.digest_key(key), CKR_OK);
        expect("after", session.digest_update(b"after"), CKR_OK);
        let found = session.digest_final().unwrap();
        assert_eq!(found, sha256(&session, &[b"before", &[9; 24][..], b"after"].concat()));
    }
}

#[test]
fn what_is_no_key_or_must_not_be_digested_ends_the_digest() {
    let token = Token::new();
    let session = token.user();
    let data = session.create(&[(CKA_CLASS, &number(CKO_DATA))]).unwrap();
    let gcm_only = number(CKM_AES_GCM);
    let kept = session.aes_key(&[(CKA_ALLOWED_MECHANISMS, &gcm_only)]);
    let digests = number(CKM_SHA256);
    let allowed = session.aes_key(&[(CKA_ALLOWED_MECHANISMS, &digests)]);
    expect("no digest", session.digest_key(allowed), CKR_OPERATION_NOT_INITIALIZED);
    for (what, key, rv) in [
        ("nothing", 0, CKR_KEY_HANDLE_INVALID),
        ("no such handle", 0x7777_7777, CKR_KEY_HANDLE_INVALID),
        ("a data object", data, CKR_KEY_HANDLE_INVALID),
        ("a key for something else", kept, CKR_KEY_INDIGESTIBLE),
    ] {
        expect("digest", session.digest_init(Mechanism::plain(CKM_SHA256)), CKR_OK);
        expect(what, session.digest_key(key), rv);
        let over = session.digest_final().unwrap_err();
        expect("the digest is over", over, CKR_OPERATION_NOT_INITIALIZED);
    }
    expect("digest", session.digest_init(Mechanism::plain(CKM_SHA256)), CKR_OK);
    expect("an allowed key", session.digest_key(allowed), CKR_OK);
    assert_eq!(session.digest_final().unwrap().len(), 32);
}
