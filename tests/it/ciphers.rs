//! AES in its rarer modes and ChaCha20: round trips in parts, wrong parameters, wrong lengths, wrong keys
//! (PKCS#11 3.0 sec. 2.10, 2.13, 2.15, ChaCha20).

use crate::support::*;
use cryptoki_sys::*;

const NONCE: [u8; 12] = [3; 12];

/// A session key of this type and length, made by the token.
fn made(session: &Session, by: CK_MECHANISM_TYPE, bytes: CK_ULONG) -> CK_OBJECT_HANDLE {
    session.generate(Mechanism::plain(by), &[(CKA_VALUE_LEN, &number(bytes))]).expect("a key")
}

/// Mechanisms for `bytes` of data, with the mechanism that makes their keys and a key length.
type Row = (fn(usize) -> Mechanism, CK_MECHANISM_TYPE, CK_ULONG);

const ROWS: &[Row] = &[
    (|_| Mechanism::with(CKM_AES_OFB, &[1; 16]), CKM_AES_KEY_GEN, 24),
    (|_| Mechanism::with(CKM_AES_CFB8, &[1; 16]), CKM_AES_KEY_GEN, 16),
    (|_| Mechanism::with(CKM_AES_CFB128, &[1; 16]), CKM_AES_KEY_GEN, 32),
    (|bytes| Mechanism::ccm(bytes as CK_ULONG, &NONCE, b"aad", 16), CKM_AES_KEY_GEN, 32),
    (|_| Mechanism::with(CKM_AES_XTS, &[1; 16]), CKM_AES_XTS_KEY_GEN, 64),
    (|_| Mechanism::with(CKM_AES_XTS, &[1; 16]), CKM_AES_XTS_KEY_GEN, 32),
    (|_| Mechanism::chacha20(&[1, 0, 0, 0], &NONCE), CKM_CHACHA20_KEY_GEN, 32),
    (|_| Mechanism::chacha20(&[1, 0, 0, 0, 0, 0, 0, 0], &[5; 24]), CKM_CHACHA20_KEY_GEN, 32),
    (|_| Mechanism::chacha20_poly1305(&NONCE, 96, b"aad"), CKM_CHACHA20_KEY_GEN, 32),
    (|_| Mechanism::chacha20_poly1305(&[5; 24], 192, b""), CKM_CHACHA20_KEY_GEN, 32),
];

#[test]
fn what_is_encrypted_in_parts_is_decrypted_in_others() {
    let token = Token::new();
    let session = token.user();
    for (by, generator, key_bytes) in ROWS {
        let key = made(&session, *generator, *key_bytes);
        for bytes in [16, 17, 100, 5000] {
            let plain: Vec<u8> = (0..bytes).map(|i| i as u8).collect();
            expect("init", session.encrypt_init(by(bytes), key), CKR_OK);
            let sealed = session.encrypt(&plain).unwrap();
            for cut in [0, 1, 15, bytes / 2, bytes] {
                expect("init", session.encrypt_init(by(bytes), key), CKR_OK);
                let mut output = session.encrypt_update(&plain[..cut]).unwrap();
                output.extend(session.encrypt_update(&plain[cut..]).unwrap());
                output.extend(session.encrypt_final().unwrap());
                assert_eq!(output, sealed, "{bytes} bytes at {cut}");
                expect("init", session.decrypt_init(by(bytes), key), CKR_OK);
                let mut output = session.decrypt_update(&sealed[..cut]).unwrap();
                output.extend(session.decrypt_update(&sealed[cut..]).unwrap());
                output.extend(session.decrypt_final().unwrap());
                assert_eq!(output, plain, "{bytes} bytes at {cut}");
            }
            expect("init", session.decrypt_init(by(bytes), key), CKR_OK);
            assert_eq!(session.decrypt(&sealed).unwrap(), plain);
        }
    }
}

#[test]
fn a_size_is_asked_for_and_a_small_buffer_keeps_the_operation() {
    let token = Token::new();
    let session = token.user();
    let (encrypt, last) = (session.api.C_Encrypt.unwrap(), session.api.C_EncryptFinal.unwrap());
    for (by, generator, key_bytes) in ROWS {
        let key = made(&session, *generator, *key_bytes);
        let mut plain = [7; 50];
        expect("init", session.encrypt_init(by(50), key), CKR_OK);
        let mut needed = 0;
        let from = plain.as_mut_ptr();
        let ask = |to: *mut CK_BYTE, length: &mut CK_ULONG| {
            // SAFETY: 50 bytes of input, and a buffer that is null or as long as it says.
            unsafe { encrypt(session.handle, from, 50, to, length) }
        };
        expect("size", ask(std::ptr::null_mut(), &mut needed), CKR_OK);
        let mut output = vec![0; needed as usize];
        let mut short = needed - 1;
        expect("short", ask(output.as_mut_ptr(), &mut short), CKR_BUFFER_TOO_SMALL);
        assert_eq!(short, needed);
        expect("right", ask(output.as_mut_ptr(), &mut short), CKR_OK);

        expect("init", session.encrypt_init(by(50), key), CKR_OK);
        let mut parts = session.encrypt_update(&plain).unwrap();
        let rest = output.len() - parts.len();
        let (mut end, mut short) = (vec![0; rest], 0);
        if rest > 0 {
            // SAFETY: a buffer of `rest` bytes, told as one of none and then as what it is.
            let rv = unsafe { last(session.handle, end.as_mut_ptr(), &mut short) };
            expect("short", rv, CKR_BUFFER_TOO_SMALL);
            assert_eq!(short as usize, rest);
        }
        let rv = unsafe { last(session.handle, end.as_mut_ptr(), &mut short) };
        expect("right", rv, CKR_OK);
        parts.extend(end);
        assert_eq!(parts, output);
    }
}

#[test]
fn wrong_parameters_start_nothing() {
    let token = Token::new();
    let session = token.user();
    let aes = made(&session, CKM_AES_KEY_GEN, 32);
    let xts = made(&session, CKM_AES_XTS_KEY_GEN, 64);
    let chacha = made(&session, CKM_CHACHA20_KEY_GEN, 32);
    let ccm = |nonce: usize, code: CK_ULONG| Mechanism::ccm(16, &vec![1; nonce], b"", code);
    let null_nonce = CK_CCM_PARAMS { ulNonceLen: 12, ulMACLen: 16, ..Default::default() };
    let poly = |nonce: usize, told: CK_ULONG| Mechanism::chacha20_poly1305(&vec![1; nonce], told, b"");
    let rows: Vec<(&str, CK_OBJECT_HANDLE, Mechanism)> = vec![
        ("OFB without", aes, Mechanism::plain(CKM_AES_OFB)),
        ("CFB8, 8 bytes", aes, Mechanism::with(CKM_AES_CFB8, &[1; 8])),
        ("CFB128, 17 bytes", aes, Mechanism::with(CKM_AES_CFB128, &[1; 17])),
        ("XTS without", xts, Mechanism::plain(CKM_AES_XTS)),
        ("XTS, 8 bytes", xts, Mechanism::with(CKM_AES_XTS, &[1; 8])),
        ("CCM without", aes, Mechanism::plain(CKM_AES_CCM)),
        ("CCM, a nonce alone", aes, Mechanism::with(CKM_AES_CCM, &[1; 12])),
        ("CCM, GCM's", aes, Mechanism::with(CKM_AES_CCM, &[0; size_of::<CK_GCM_PARAMS>() - 1])),
        ("CCM, nonce of 6", aes, ccm(6, 16)),
        ("CCM, nonce of 14", aes, ccm(14, 16)),
        ("CCM, null nonce", aes, Mechanism::structure(CKM_AES_CCM, &null_nonce, Vec::new())),
        ("CCM, no MAC", aes, ccm(12, 0)),
        ("CCM, MAC of 5", aes, ccm(12, 5)),
        ("CCM, MAC of 18", aes, ccm(12, 18)),
        ("CCM, too long for its nonce", aes, Mechanism::ccm(1 << 16, &[1; 13], b"", 16)),
        ("CCM, endless", aes, Mechanism::ccm(CK_ULONG::MAX, &[1; 7], b"", 16)),
        ("ChaCha20 without", chacha, Mechanism::plain(CKM_CHACHA20)),
        ("ChaCha20, an IV alone", chacha, Mechanism::with(CKM_CHACHA20, &[1; 16])),
        ("ChaCha20, counter of 16 bits", chacha, Mechanism::chacha20(&[0; 2], &NONCE)),
        ("ChaCha20, counter too large", chacha, Mechanism::chacha20(&[1; 8], &NONCE)),
        ("ChaCha20, nonce of 128 bits", chacha, Mechanism::chacha20(&[0; 4], &[1; 16])),
        ("Poly1305 without", chacha, Mechanism::plain(CKM_CHACHA20_POLY1305)),
        ("Poly1305, nonce of 64 bits", chacha, poly(8, 64)),
        ("Poly1305, nonce of 97 bits", chacha, poly(13, 97)),
        ("Poly1305, no nonce", chacha, poly(0, 0)),
    ];
    for (what, key, mut mechanism) in rows {
        let mut raw = mechanism.raw();
        for init in [session.api.C_EncryptInit, session.api.C_DecryptInit] {
            // SAFETY: the mechanism lives; what is wrong with it is what is tested.
            let rv = unsafe { (init.unwrap())(session.handle, &mut raw, key) };
            expect(what, rv, CKR_MECHANISM_PARAM_INVALID);
        }
        expect(what, session.encrypt(&[0; 16]).unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
    }
}

#[test]
fn data_of_a_length_that_does_not_fit_is_refused() {
    let token = Token::new();
    let session = token.user();
    let (aes, xts) = (made(&session, CKM_AES_KEY_GEN, 32), made(&session, CKM_AES_XTS_KEY_GEN, 64));
    let rows: [(CK_OBJECT_HANDLE, By, &[usize], &[usize]); 2] = [
        // ulDataLen is what comes, and decryption takes it with the MAC.
        (aes, || Mechanism::ccm(20, &NONCE, b"", 8), &[0, 19, 21], &[0, 8, 20, 27, 29]),
        (xts, || Mechanism::with(CKM_AES_XTS, &[1; 16]), &[0, 15], &[0, 15]),
    ];
    for (key, by, plain, sealed) in rows {
        for bytes in plain {
            let data = vec![1; *bytes];
            expect("init", session.encrypt_init(by(), key), CKR_OK);
            expect("one shot", session.encrypt(&data).unwrap_err(), CKR_DATA_LEN_RANGE);
            expect("init", session.encrypt_init(by(), key), CKR_OK);
            let parts = session.encrypt_update(&data).and_then(|_| session.encrypt_final());
            expect("parts", parts.unwrap_err(), CKR_DATA_LEN_RANGE);
            expect("ended", session.encrypt_final().unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
        }
        for bytes in sealed {
            let data = vec![1; *bytes];
            expect("init", session.decrypt_init(by(), key), CKR_OK);
            expect("one shot", session.decrypt(&data).unwrap_err(), CKR_ENCRYPTED_DATA_LEN_RANGE);
            expect("init", session.decrypt_init(by(), key), CKR_OK);
            let parts = session.decrypt_update(&data).and_then(|_| session.decrypt_final());
            expect("parts", parts.unwrap_err(), CKR_ENCRYPTED_DATA_LEN_RANGE);
            expect("ended", session.decrypt_final().unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
        }
    }
}

#[test]
fn nothing_is_given_for_what_is_not_authentic() {
    let token = Token::new();
    let session = token.user();
    let aes = made(&session, CKM_AES_KEY_GEN, 16);
    let chacha = made(&session, CKM_CHACHA20_KEY_GEN, 32);
    let rows: [(CK_OBJECT_HANDLE, [By; 3]); 2] = [
        (
            aes,
            [
                || Mechanism::ccm(24, &NONCE, b"aad", 16),
                || Mechanism::ccm(24, &NONCE, b"aae", 16),
                || Mechanism::ccm(24, &[4; 12], b"aad", 16),
            ],
        ),
        (
            chacha,
            [
                || Mechanism::chacha20_poly1305(&NONCE, 12, b"aad"),
                || Mechanism::chacha20_poly1305(&NONCE, 12, b"aae"),
                || Mechanism::chacha20_poly1305(&[4; 12], 12, b"aad"),
            ],
        ),
    ];
    for (key, [right, other_aad, other_nonce]) in rows {
        expect("init", session.encrypt_init(right(), key), CKR_OK);
        let good = session.encrypt(b"a message of some length").unwrap();
        assert_eq!(good.len(), 24 + 16);
        let flipped = |at: usize| {
            let mut bad = good.clone();
            bad[at] ^= 1;
            bad
        };
        for (what, by, input) in [
            ("first byte", right, flipped(0)),
            ("last byte", right, flipped(39)),
            ("aad", other_aad, good.clone()),
            ("nonce", other_nonce, good.clone()),
        ] {
            expect(what, session.decrypt_init(by(), key), CKR_OK);
            expect(what, session.decrypt(&input).unwrap_err(), CKR_ENCRYPTED_DATA_INVALID);
            expect(what, session.decrypt_init(by(), key), CKR_OK);
            assert!(session.decrypt_update(&input).unwrap().is_empty(), "{what}: nothing before the end");
            expect(what, session.decrypt_final().unwrap_err(), CKR_ENCRYPTED_DATA_INVALID);
        }
    }
}

#[test]
fn gmac_signs_and_verifies_in_parts_with_both_forms_of_its_parameter() {
    let token = Token::new();
    let session = token.user();
    let key = made(&session, CKM_AES_KEY_GEN, 32);
    let with_structure = |iv: &[u8], aad: &[u8], tag_bits| {
        let mut behind = vec![iv.to_vec(), aad.to_vec()];
        let params = CK_GCM_PARAMS {
            pIv: behind[0].as_mut_ptr(),
            ulIvLen: iv.len() as CK_ULONG,
            ulIvBits: iv.len() as CK_ULONG * 8,
            pAAD: behind[1].as_mut_ptr(),
            ulAADLen: aad.len() as CK_ULONG,
            ulTagBits: tag_bits,
        };
        Mechanism::structure(CKM_AES_GMAC, &params, behind)
    };
    expect("init", session.sign_init(Mechanism::with(CKM_AES_GMAC, &NONCE), key), CKR_OK);
    let tag = session.sign(b"signed data").unwrap();
    assert_eq!(tag.len(), 16);
    // It is GCM's tag of a message without data.
    expect("init", session.encrypt_init(Mechanism::gcm(&NONCE, b"signed data", 128), key), CKR_OK);
    assert_eq!(session.encrypt(b"").unwrap(), tag);
    expect("init", session.verify_init(with_structure(&NONCE, b"", 128), key), CKR_OK);
    expect("update", session.verify_update(b"signed "), CKR_OK);
    expect("update", session.verify_update(b"data"), CKR_OK);
    expect("final", session.verify_final(&tag), CKR_OK);
    expect("init", session.verify_init(with_structure(&NONCE, b"", 96), key), CKR_OK);
    expect("short tag", session.verify(b"signed data", &tag[..12]), CKR_OK);
    expect("init", session.verify_init(with_structure(&NONCE, b"", 96), key), CKR_OK);
    expect("long tag", session.verify(b"signed data", &tag), CKR_SIGNATURE_LEN_RANGE);
    expect("init", session.verify_init(with_structure(&NONCE, b"", 128), key), CKR_OK);
    expect("other data", session.verify(b"other data", &tag), CKR_SIGNATURE_INVALID);
    for (what, by) in [
        ("nothing", Mechanism::plain(CKM_AES_GMAC)),
        ("11 bytes", Mechanism::with(CKM_AES_GMAC, &NONCE[1..])),
        ("associated data", with_structure(&NONCE, b"aad", 128)),
        ("no IV", with_structure(b"", b"", 128)),
        ("tag of 8 bits", with_structure(&NONCE, b"", 8)),
    ] {
        expect(what, session.sign_init(by, key), CKR_MECHANISM_PARAM_INVALID);
    }
}

#[test]
fn a_key_of_another_type_is_refused() {
    let token = Token::new();
    let session = token.user();
    let keys = [
        (CKK_AES, made(&session, CKM_AES_KEY_GEN, 32)),
        (CKK_AES_XTS, made(&session, CKM_AES_XTS_KEY_GEN, 32)),
        (CKK_CHACHA20, made(&session, CKM_CHACHA20_KEY_GEN, 32)),
        (CKK_GENERIC_SECRET, made(&session, CKM_GENERIC_SECRET_KEY_GEN, 32)),
    ];
    let kind = |generator: CK_MECHANISM_TYPE| match generator {
        CKM_AES_KEY_GEN => CKK_AES,
        CKM_AES_XTS_KEY_GEN => CKK_AES_XTS,
        _ => CKK_CHACHA20,
    };
    for (by, generator, _) in ROWS {
        for (key_type, key) in keys {
            let wanted = if key_type == kind(*generator) { CKR_OK } else { CKR_KEY_TYPE_INCONSISTENT };
            expect("encrypt", session.encrypt_init(by(16), key), wanted);
            expect("decrypt", session.decrypt_init(by(16), key), wanted);
            expect("cancel", session.cancel(CKF_ENCRYPT | CKF_DECRYPT), CKR_OK);
        }
    }
    for (key_type, key) in &keys[1..] {
        let rv = session.sign_init(Mechanism::with(CKM_AES_GMAC, &NONCE), *key);
        expect(&format!("GMAC with {key_type:#x}"), rv, CKR_KEY_TYPE_INCONSISTENT);
        let rv = session.wrap(Mechanism::ccm(32, &NONCE, b"", 16), *key, keys[0].1);
        expect("wrap", rv.unwrap_err(), CKR_WRAPPING_KEY_TYPE_INCONSISTENT);
    }
}

#[test]
fn keys_have_the_lengths_of_their_types() {
    let token = Token::new();
    let session = token.user();
    for (by, right, wrong) in [
        (CKM_AES_XTS_KEY_GEN, &[32, 64][..], &[0, 16, 33, 48, 128][..]),
        (CKM_CHACHA20_KEY_GEN, &[32], &[0, 16, 31, 33, 64]),
    ] {
        for bytes in right {
            let key = made(&session, by, *bytes);
            assert_eq!(session.get(key, CKA_VALUE_LEN), Ok(number(*bytes).to_vec()));
            assert_eq!(session.get(key, CKA_CHECK_VALUE).map(|value| value.len()), Ok(3));
        }
        for bytes in wrong {
            let rv = session.generate(Mechanism::plain(by), &[(CKA_VALUE_LEN, &number(*bytes))]);
            expect(&format!("{bytes}"), rv.unwrap_err(), CKR_ATTRIBUTE_VALUE_INVALID);
        }
    }
    // XTS has two lengths to choose from, ChaCha20 has one.
    let rv = session.generate(Mechanism::plain(CKM_AES_XTS_KEY_GEN), &[]);
    expect("XTS", rv.unwrap_err(), CKR_TEMPLATE_INCOMPLETE);
    let key = session.generate(Mechanism::plain(CKM_CHACHA20_KEY_GEN), &[]).unwrap();
    assert_eq!(session.get(key, CKA_VALUE_LEN), Ok(number(32).to_vec()));

    let (class, different) = (number(CKO_SECRET_KEY), [[1; 16], [2; 16]].concat());
    for (kind, value, wanted) in [
        (CKK_AES_XTS, &different[..], CKR_OK),
        (CKK_AES_XTS, &[1; 32], CKR_ATTRIBUTE_VALUE_INVALID),
        (CKK_AES_XTS, &different[..31], CKR_ATTRIBUTE_VALUE_INVALID),
        (CKK_CHACHA20, &[1; 32], CKR_OK),
        (CKK_CHACHA20, &[1; 16], CKR_ATTRIBUTE_VALUE_INVALID),
    ] {
        let template = [(CKA_CLASS, &class[..]), (CKA_KEY_TYPE, &number(kind)), (CKA_VALUE, value)];
        let rv = session.create(&template).err().unwrap_or(CKR_OK);
        expect(&format!("{kind:#x} of {} bytes", value.len()), rv, wanted);
    }
}

#[test]
fn keys_are_wrapped_by_ccm() {
    let token = Token::new();
    let session = token.user();
    let wrapping = made(&session, CKM_AES_KEY_GEN, 32);
    let key = session.known_key(CKK_CHACHA20, &[9; 32], &[]);
    let by = |bytes| Mechanism::ccm(bytes, &NONCE, b"aad", 12);
    let wrapped = session.wrap(by(32), wrapping, key).unwrap();
    assert_eq!(wrapped.len(), 32 + 12);
    expect("other length", session.wrap(by(31), wrapping, key).unwrap_err(), CKR_KEY_SIZE_RANGE);
    let (class, kind) = (number(CKO_SECRET_KEY), number(CKK_CHACHA20));
    let open = [(CKA_CLASS, &class[..]), (CKA_KEY_TYPE, &kind), (CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)];
    let back = session.unwrap(by(32), wrapping, &wrapped, &open).unwrap();
    assert_eq!(session.get(back, CKA_VALUE), Ok(vec![9; 32]));
    let mut changed = wrapped.clone();
    changed[5] ^= 1;
    let rv = session.unwrap(by(32), wrapping, &changed, &open).unwrap_err();
    expect("changed", rv, CKR_WRAPPED_KEY_INVALID);
    let rv = session.unwrap(by(32), wrapping, &wrapped[1..], &open).unwrap_err();
    expect("cut", rv, CKR_WRAPPED_KEY_LEN_RANGE);
}
