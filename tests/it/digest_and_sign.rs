//! Digests, MACs and their verification (PKCS#11 3.0 sec. 5.12, 5.13, 5.15).

use crate::support::*;
use cryptoki_sys::*;
use std::ptr::null_mut;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The digests of "abc": FIPS 180-4 and FIPS 202, as NIST's example values give them.
const OF_ABC: &[(CK_MECHANISM_TYPE, &str)] = &[
    (CKM_SHA_1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
    (CKM_SHA224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
    (CKM_SHA256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
        CKM_SHA384,
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
    ),
    (
        CKM_SHA512,
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
         2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ),
    (CKM_SHA3_224, "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf"),
    (CKM_SHA3_256, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
    (
        CKM_SHA3_384,
        "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25",
    ),
    (
        CKM_SHA3_512,
        "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e\
         10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
    ),
];

#[test]
fn digests_are_those_of_the_standards() {
    let token = Token::new();
    let session = token.open(READ_ONLY);
    for (mechanism, digest) in OF_ABC {
        expect("init", session.digest_init(Mechanism::plain(*mechanism)), CKR_OK);
        assert_eq!(hex(&session.digest(b"abc").unwrap()), *digest, "{mechanism:#x}");
        expect("init", session.digest_init(Mechanism::plain(*mechanism)), CKR_OK);
        for part in [b"a".as_slice(), b"", b"bc"] {
            expect("update", session.digest_update(part), CKR_OK);
        }
        assert_eq!(hex(&session.digest_final().unwrap()), *digest, "{mechanism:#x}");
    }
}

#[test]
fn digesting_checks_its_mechanism() {
    let token = Token::new();
    let session = token.open(READ_ONLY);
    expect("no digest", session.digest_init(Mechanism::plain(CKM_AES_GCM)), CKR_MECHANISM_INVALID);
    expect("unknown", session.digest_init(Mechanism::plain(0x7777_7777)), CKR_MECHANISM_INVALID);
    let rv = session.digest_init(Mechanism::with(CKM_SHA256, &[1; 4]));
    expect("parameter", rv, CKR_MECHANISM_PARAM_INVALID);
    let nobody = token.module.session(0);
    expect("no session", nobody.digest_init(Mechanism::plain(CKM_SHA256)), CKR_SESSION_HANDLE_INVALID);
    expect("nothing started", session.digest(b"").unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
}

#[test]
fn a_key_is_digested_as_its_value() {
    let token = Token::new();
    let session = token.user();
    let key = session.known_key(CKK_GENERIC_SECRET, b"abc", &[]);
    for (mechanism, wanted) in OF_ABC {
        expect("init", session.digest_init(Mechanism::plain(*mechanism)), CKR_OK);
        expect("key", session.digest_key(key), CKR_OK);
        assert_eq!(hex(&session.digest_final().unwrap()), *wanted);
    }
}

struct Code {
    mechanism: fn() -> Mechanism,
    key: CK_OBJECT_HANDLE,
    bytes: usize,
}

fn codes(session: &Session) -> Vec<Code> {
    let aes = session.aes_key(&[]);
    let secret = session.known_key(CKK_GENERIC_SECRET, b"key of the codes", &[]);
    vec![
        Code { mechanism: || Mechanism::plain(CKM_AES_CMAC), key: aes, bytes: 16 },
        Code { mechanism: || Mechanism::with(CKM_AES_CMAC_GENERAL, &number(8)), key: aes, bytes: 8 },
        Code { mechanism: || Mechanism::plain(CKM_SHA_1_HMAC), key: secret, bytes: 20 },
        Code { mechanism: || Mechanism::plain(CKM_SHA256_HMAC), key: secret, bytes: 32 },
        Code { mechanism: || Mechanism::plain(CKM_SHA512_HMAC), key: secret, bytes: 64 },
        Code { mechanism: || Mechanism::plain(CKM_SHA3_256_HMAC), key: secret, bytes: 32 },
        Code { mechanism: || Mechanism::with(CKM_SHA256_HMAC_GENERAL, &number(10)), key: secret, bytes: 10 },
    ]
}

#[test]
fn a_signature_is_verified_once() {
    let token = Token::new();
    let session = token.user();
    for Code { mechanism, key, bytes } in codes(&session) {
        expect("init", session.sign_init(mechanism(), key), CKR_OK);
        let signature = session.sign(b"message").unwrap();
        assert_eq!(signature.len(), bytes);
        expect("init", session.verify_init(mechanism(), key), CKR_OK);
        expect("again", session.verify_init(mechanism(), key), CKR_OPERATION_ACTIVE);
        expect("verify", session.verify(b"message", &signature), CKR_OK);
        expect("over", session.verify(b"message", &signature), CKR_OPERATION_NOT_INITIALIZED);
        expect("init", session.verify_init(mechanism(), key), CKR_OK);
        expect("part", session.verify_update(b"mess"), CKR_OK);
        expect("part", session.verify_update(b"age"), CKR_OK);
        expect("final", session.verify_final(&signature), CKR_OK);
        expect("over", session.verify_final(&signature), CKR_OPERATION_NOT_INITIALIZED);
        expect("over", session.verify_update(b""), CKR_OPERATION_NOT_INITIALIZED);
    }
}

#[test]
fn a_wrong_signature_ends_the_verification() {
    let token = Token::new();
    let session = token.user();
    for Code { mechanism, key, bytes } in codes(&session) {
        expect("init", session.sign_init(mechanism(), key), CKR_OK);
        let good = session.sign(b"message").unwrap();
        let mut flipped = good.clone();
        flipped[bytes - 1] ^= 1;
        let longer = [&good[..], &[0]].concat();
        let rows: [(&str, &[u8], &[u8], CK_RV); 5] = [
            ("flipped", b"message", &flipped, CKR_SIGNATURE_INVALID),
            ("of another message", b"massage", &good, CKR_SIGNATURE_INVALID),
            ("shorter", b"message", &good[..bytes - 1], CKR_SIGNATURE_LEN_RANGE),
            ("longer", b"message", &longer, CKR_SIGNATURE_LEN_RANGE),
            ("empty", b"message", b"", CKR_SIGNATURE_LEN_RANGE),
        ];
        for (what, message, signature, rv) in rows {
            expect("init", session.verify_init(mechanism(), key), CKR_OK);
            expect(what, session.verify(message, signature), rv);
            expect("over", session.verify(b"message", &good), CKR_OPERATION_NOT_INITIALIZED);
            expect("init", session.verify_init(mechanism(), key), CKR_OK);
            expect("update", session.verify_update(message), CKR_OK);
            expect(what, session.verify_final(signature), rv);
            expect("over", session.verify_final(&good), CKR_OPERATION_NOT_INITIALIZED);
        }
    }
}

#[test]
fn verification_does_not_mix_and_takes_no_nulls() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    let init = || expect("init", session.verify_init(Mechanism::plain(CKM_AES_CMAC), key), CKR_OK);
    let over = || {
        expect("over", session.verify_final(&[0; 16]), CKR_OPERATION_NOT_INITIALIZED);
    };
    init();
    expect("update", session.verify_update(b"mess"), CKR_OK);
    expect("mixed", session.verify(b"age", &[0; 16]), CKR_OPERATION_ACTIVE);
    session.cancel(CKF_VERIFY);
    init();
    let rv = call!(session.api, C_Verify(session.handle, null_mut(), 5, [0; 16].as_mut_ptr(), 16));
    expect("null data", rv, CKR_ARGUMENTS_BAD);
    over();
    init();
    let rv = call!(session.api, C_Verify(session.handle, [0; 5].as_mut_ptr(), 5, null_mut(), 16));
    expect("null signature", rv, CKR_ARGUMENTS_BAD);
    over();
    init();
    expect("null part", call!(session.api, C_VerifyUpdate(session.handle, null_mut(), 5)), CKR_ARGUMENTS_BAD);
    over();
    init();
    expect("null", call!(session.api, C_VerifyFinal(session.handle, null_mut(), 16)), CKR_ARGUMENTS_BAD);
    over();
    init();
    expect("cancel", call!(session.api, C_VerifyInit(session.handle, null_mut(), key)), CKR_OK);
    over();
    init();
    expect("cancel", session.cancel(CKF_VERIFY), CKR_OK);
    over();
}

#[test]
fn codes_of_general_length_have_limits() {
    let token = Token::new();
    let session = token.user();
    let aes = session.aes_key(&[]);
    let secret = session.known_key(CKK_GENERIC_SECRET, b"key", &[]);
    let init = |kind, length: &[u8], key| {
        let rv = session.sign_init(Mechanism::with(kind, length), key);
        session.cancel(CKF_SIGN);
        rv
    };
    for (kind, key, most) in [(CKM_AES_CMAC_GENERAL, aes, 16), (CKM_SHA256_HMAC_GENERAL, secret, 32)] {
        expect("all", init(kind, &number(most), key), CKR_OK);
        expect("one more", init(kind, &number(most + 1), key), CKR_MECHANISM_PARAM_INVALID);
        expect("endless", init(kind, &number(u64::MAX), key), CKR_MECHANISM_PARAM_INVALID);
        expect("4 bytes", init(kind, &[8, 0, 0, 0], key), CKR_MECHANISM_PARAM_INVALID);
        expect("none", init(kind, b"", key), CKR_MECHANISM_PARAM_INVALID);
    }
    expect("parameter", init(CKM_AES_CMAC, &number(8), aes), CKR_MECHANISM_PARAM_INVALID);
}

#[test]
fn an_hmac_of_rfc_4231() {
    let token = Token::new();
    let session = token.user();
    // RFC 4231, test case 2.
    for kind in [CKK_GENERIC_SECRET, CKK_SHA256_HMAC] {
        let key = session.known_key(kind, b"Jefe", &[]);
        expect("init", session.sign_init(Mechanism::plain(CKM_SHA256_HMAC), key), CKR_OK);
        let code = session.sign(b"what do ya want for nothing?").unwrap();
        assert_eq!(hex(&code), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
    let other = session.known_key(CKK_SHA384_HMAC, b"Jefe", &[]);
    let rv = session.sign_init(Mechanism::plain(CKM_SHA256_HMAC), other);
    expect("a key for another digest", rv, CKR_KEY_TYPE_INCONSISTENT);
}
