//! DES, Triple DES and MD5: there with `legacy = true`, and not without.

use crate::support::*;
use cryptoki_sys::*;

const LEGACY: [CK_MECHANISM_TYPE; 14] = [
    CKM_DES_KEY_GEN,
    CKM_DES_ECB,
    CKM_DES_CBC,
    CKM_DES_CBC_PAD,
    CKM_DES2_KEY_GEN,
    CKM_DES3_KEY_GEN,
    CKM_DES3_ECB,
    CKM_DES3_CBC,
    CKM_DES3_CBC_PAD,
    CKM_DES3_CMAC,
    CKM_DES3_CMAC_GENERAL,
    CKM_MD5,
    CKM_MD5_HMAC,
    CKM_MD5_HMAC_GENERAL,
];

/// Every byte has odd parity.
const BYTES: &[u8] = &[
    0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x45,
    0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23,
];
const KEYS: [(CK_KEY_TYPE, &[u8]); 3] =
    [(CKK_DES, BYTES.split_at(8).0), (CKK_DES2, BYTES.split_at(16).0), (CKK_DES3, BYTES)];

fn listed(token: &Token) -> Vec<CK_MECHANISM_TYPE> {
    let mut count = 0;
    let api = token.module.api;
    expect("count", call!(api, C_GetMechanismList(token.slot, std::ptr::null_mut(), &mut count)), CKR_OK);
    let mut list = vec![0; count as usize];
    expect("list", call!(api, C_GetMechanismList(token.slot, list.as_mut_ptr(), &mut count)), CKR_OK);
    list
}

fn info(token: &Token, kind: CK_MECHANISM_TYPE) -> CK_RV {
    call!(token.module.api, C_GetMechanismInfo(token.slot, kind, &mut CK_MECHANISM_INFO::default()))
}

#[test]
fn without_the_setting_there_is_nothing_of_it() {
    let token = Token::new();
    let session = token.user();
    let list = listed(&token);
    let (aes, hmac) =
        (session.aes_key(&[(CKA_EXTRACTABLE, YES)]), session.known_key(CKK_GENERIC_SECRET, b"key", &[]));
    for kind in LEGACY {
        assert!(!list.contains(&kind), "{kind:#x} is listed");
        expect("info", info(&token, kind), CKR_MECHANISM_INVALID);
        let by = || Mechanism::plain(kind);
        for rv in [
            session.encrypt_init(by(), aes),
            session.decrypt_init(by(), aes),
            session.sign_init(by(), hmac),
            session.verify_init(by(), hmac),
            session.digest_init(by()),
            session.generate(by(), &[]).unwrap_err(),
            session.wrap(by(), aes, aes).unwrap_err(),
            session.unwrap(by(), aes, &[1; 24], &[]).unwrap_err(),
        ] {
            expect(&format!("{kind:#x}"), rv, CKR_MECHANISM_INVALID);
        }
    }
    let class = number(CKO_SECRET_KEY);
    for (kind, value) in KEYS.into_iter().chain([(CKK_MD5_HMAC, &b"key"[..])]) {
        let kind_value = number(kind);
        let template = [(CKA_CLASS, &class[..]), (CKA_KEY_TYPE, &kind_value), (CKA_VALUE, value)];
        expect("create", session.create(&template).unwrap_err(), CKR_TEMPLATE_INCONSISTENT);
        expect("init", session.encrypt_init(Mechanism::cbc_pad(), aes), CKR_OK);
        let wrapped = session.encrypt(value).unwrap();
        let rv = session.unwrap(Mechanism::cbc_pad(), aes, &wrapped, &template[..2]).unwrap_err();
        expect("unwrap", rv, CKR_TEMPLATE_INCONSISTENT);
    }
}

#[test]
fn with_the_setting_each_is_listed() {
    let token = Token::configured("legacy = true");
    let list = listed(&token);
    for kind in LEGACY {
        assert!(list.contains(&kind), "{kind:#x} is not listed");
        expect("info", info(&token, kind), CKR_OK);
    }
}

#[test]
fn keys_made_here_have_odd_parity_and_work_in_every_mode() {
    let token = Token::configured("legacy = true");
    let session = token.user();
    for (by, bytes, ecb) in [
        (CKM_DES_KEY_GEN, 8, CKM_DES_ECB),
        (CKM_DES2_KEY_GEN, 16, CKM_DES3_ECB),
        (CKM_DES3_KEY_GEN, 24, CKM_DES3_ECB),
    ] {
        let open = [(CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)];
        let key = session.generate(Mechanism::plain(by), &open).unwrap();
        let value = session.get(key, CKA_VALUE).unwrap();
        assert_eq!(value.len(), bytes);
        assert!(value.iter().all(|byte| byte.count_ones() % 2 == 1));
        for told in [[(CKA_VALUE_LEN, &number(bytes as CK_ULONG)[..])].as_slice(), &[]] {
            assert!(session.generate(Mechanism::plain(by), told).is_ok(), "the length may be told");
        }
        let rv = session.generate(Mechanism::plain(by), &[(CKA_VALUE_LEN, &number(32))]).unwrap_err();
        expect("wrong length", rv, CKR_ATTRIBUTE_VALUE_INVALID);
        // CKM_DES_CBC and CKM_DES_CBC_PAD stand beside CKM_DES_ECB, and so do those of Triple DES.
        let (cbc, cbc_pad) = (ecb + 1, if ecb == CKM_DES_ECB { CKM_DES_CBC_PAD } else { CKM_DES3_CBC_PAD });
        let modes: [(CK_MECHANISM_TYPE, &[u8], &[usize]); 3] =
            [(ecb, &[], &[0, 8, 80]), (cbc, &[5; 8], &[0, 8, 80]), (cbc_pad, &[5; 8], &[0, 7, 8, 9, 80])];
        for (mode, iv, lengths) in modes {
            for length in lengths {
                let plain: Vec<u8> = (0..*length).map(|i| i as u8).collect();
                expect("init", session.encrypt_init(Mechanism::with(mode, iv), key), CKR_OK);
                let sealed = session.encrypt(&plain).unwrap();
                expect("init", session.encrypt_init(Mechanism::with(mode, iv), key), CKR_OK);
                let mut parts = session.encrypt_update(&plain[..length / 3]).unwrap();
                parts.extend(session.encrypt_update(&plain[length / 3..]).unwrap());
                parts.extend(session.encrypt_final().unwrap());
                assert_eq!(parts, sealed);
                expect("init", session.decrypt_init(Mechanism::with(mode, iv), key), CKR_OK);
                let mut parts = session.decrypt_update(&sealed[..sealed.len() / 2]).unwrap();
                parts.extend(session.decrypt_update(&sealed[sealed.len() / 2..]).unwrap());
                parts.extend(session.decrypt_final().unwrap());
                assert_eq!(parts, plain);
            }
            let wrong: &[u8] = if iv.is_empty() { &[1; 8] } else { &[1; 16] };
            let rv = session.encrypt_init(Mechanism::with(mode, wrong), key);
            expect("parameter", rv, CKR_MECHANISM_PARAM_INVALID);
            expect("init", session.decrypt_init(Mechanism::with(mode, iv), key), CKR_OK);
            expect("length", session.decrypt(&[1; 7]).unwrap_err(), CKR_ENCRYPTED_DATA_LEN_RANGE);
        }
        for mode in [ecb, cbc] {
            let iv: &[u8] = if mode == ecb { &[] } else { &[5; 8] };
            expect("init", session.encrypt_init(Mechanism::with(mode, iv), key), CKR_OK);
            expect("length", session.encrypt(&[1; 9]).unwrap_err(), CKR_DATA_LEN_RANGE);
        }
    }
}

#[test]
fn keys_that_are_brought_have_their_parity_and_length() {
    let token = Token::configured("legacy = true");
    let session = token.user();
    let class = number(CKO_SECRET_KEY);
    for (kind, value) in KEYS {
        let kind = number(kind);
        let create = |value: &[u8]| {
            session.create(&[(CKA_CLASS, &class[..]), (CKA_KEY_TYPE, &kind), (CKA_VALUE, value)])
        };
        let key = create(value).unwrap();
        expect("value", session.get(key, CKA_VALUE).unwrap_err(), CKR_ATTRIBUTE_SENSITIVE);
        let mut even = value.to_vec();
        even[3] ^= 1;
        expect("parity", create(&even).unwrap_err(), CKR_ATTRIBUTE_VALUE_INVALID);
        expect("short", create(&value[1..]).unwrap_err(), CKR_ATTRIBUTE_VALUE_INVALID);
        expect("long", create(&[value, value].concat()).unwrap_err(), CKR_ATTRIBUTE_VALUE_INVALID);
    }
    // A zero block under this key (NIST SP 800-17, and under the key thrice Triple DES is the same).
    let des = KEYS[0].1;
    for (kind, value) in [(CKK_DES, des.to_vec()), (CKK_DES2, des.repeat(2)), (CKK_DES3, des.repeat(3))] {
        let key = session.known_key(kind, &value, &[]);
        assert_eq!(session.get(key, CKA_CHECK_VALUE), Ok(vec![0xd5, 0xd4, 0x4f]));
    }
}

#[test]
fn keys_go_out_and_come_back_wrapped() {
    let token = Token::configured("legacy = true");
    let session = token.user();
    let aes = session.aes_key(&[]);
    let des3 = session.generate(Mechanism::plain(CKM_DES3_KEY_GEN), &[]).unwrap();
    let class = number(CKO_SECRET_KEY);
    let under: [(CK_OBJECT_HANDLE, By); 5] = [
        (aes, || Mechanism::plain(CKM_AES_ECB)),
        (aes, || Mechanism::gcm(&[1; 12], b"", 128)),
        (des3, || Mechanism::plain(CKM_DES3_ECB)),
        (des3, || Mechanism::with(CKM_DES3_CBC, &[1; 8])),
        (des3, || Mechanism::with(CKM_DES3_CBC_PAD, &[1; 8])),
    ];
    for (wrapping, by) in under {
        for (kind, value) in KEYS.into_iter().chain([(CKK_AES, &[7; 24][..])]) {
            let key = session.known_key(kind, value, &[]);
            let wrapped = session.wrap(by(), wrapping, key).unwrap();
            let kind_value = number(kind);
            let template = [
                (CKA_CLASS, &class[..]),
                (CKA_KEY_TYPE, &kind_value),
                (CKA_SENSITIVE, NO),
                (CKA_EXTRACTABLE, YES),
            ];
            // Where zeros fill up blocks of AES, the type of the key says where a DES key ends.
            if kind != CKK_AES || wrapped.len() != 32 {
                let back = session.unwrap(by(), wrapping, &wrapped, &template).unwrap();
                assert_eq!(session.get(back, CKA_VALUE), Ok(value.to_vec()));
            }
        }
    }
    let not_odd = session.known_key(CKK_GENERIC_SECRET, &[0; 24], &[]);
    let wrapped = session.wrap(Mechanism::plain(CKM_DES3_ECB), des3, not_odd).unwrap();
    let template = [(CKA_CLASS, &class[..]), (CKA_KEY_TYPE, &number(CKK_DES3))];
    let rv = session.unwrap(Mechanism::plain(CKM_DES3_ECB), des3, &wrapped, &template).unwrap_err();
    expect("parity", rv, CKR_WRAPPED_KEY_INVALID);
}

#[test]
fn md5_digests_and_signs() {
    let token = Token::configured("legacy = true");
    let session = token.user();
    expect("init", session.digest_init(Mechanism::plain(CKM_MD5)), CKR_OK);
    // RFC 1321 A.5
    let digest = 0x9001_5098_3cd2_4fb0_d696_3f7d_28e1_7f72_u128;
    assert_eq!(session.digest(b"abc").unwrap(), digest.to_be_bytes());
    for kind in [CKK_MD5_HMAC, CKK_GENERIC_SECRET] {
        let key = session.known_key(kind, b"Jefe", &[]);
        expect("init", session.sign_init(Mechanism::plain(CKM_MD5_HMAC), key), CKR_OK);
        // RFC 2202 sec. 2
        let code = 0x750c_783e_6ab0_b503_eaa8_6e31_0a5d_b738_u128.to_be_bytes();
        assert_eq!(session.sign(b"what do ya want for nothing?").unwrap(), code);
        let general = || Mechanism::with(CKM_MD5_HMAC_GENERAL, &number(6));
        expect("init", session.verify_init(general(), key), CKR_OK);
        expect("verify", session.verify(b"what do ya want for nothing?", &code[..6]), CKR_OK);
    }
    let other = session.known_key(CKK_SHA256_HMAC, b"Jefe", &[]);
    let rv = session.sign_init(Mechanism::plain(CKM_MD5_HMAC), other);
    expect("type", rv, CKR_KEY_TYPE_INCONSISTENT);
}

#[test]
fn a_key_of_another_type_is_refused() {
    let token = Token::configured("legacy = true");
    let session = token.user();
    let [des, des2, des3] = KEYS.map(|(kind, value)| session.known_key(kind, value, &[]));
    let aes = session.aes_key(&[]);
    for (by, right, wrong) in [
        (CKM_DES_ECB, &[des][..], &[des2, des3, aes][..]),
        (CKM_DES3_ECB, &[des2, des3], &[des, aes]),
        (CKM_AES_ECB, &[aes], &[des, des2, des3]),
    ] {
        for key in right {
            expect("right", session.encrypt_init(Mechanism::plain(by), *key), CKR_OK);
            expect("cancel", session.cancel(CKF_ENCRYPT), CKR_OK);
        }
        for key in wrong {
            let rv = session.encrypt_init(Mechanism::plain(by), *key);
            expect("wrong", rv, CKR_KEY_TYPE_INCONSISTENT);
        }
    }
}

#[test]
fn a_key_from_before_stays_and_does_nothing_without_the_setting() {
    let token = Token::configured("legacy = true");
    let value = KEYS[2].1;
    let key = token.user().known_key(CKK_DES3, value, &[(CKA_TOKEN, YES), (CKA_PRIVATE, YES)]);
    expect("finalize", token.module.finalize(), CKR_OK);
    std::fs::write(token.module.home().join("vhsm.toml"), "").unwrap();
    expect("initialize", token.module.initialize(), CKR_OK);
    let session = token.user();
    assert_eq!(session.get(key, CKA_VALUE), Ok(value.to_vec()));
    expect("use", session.encrypt_init(Mechanism::plain(CKM_DES3_ECB), key), CKR_MECHANISM_INVALID);
    expect("other use", session.encrypt_init(Mechanism::plain(CKM_AES_ECB), key), CKR_KEY_TYPE_INCONSISTENT);
    let copy = session.copy(key, &[(CKA_TOKEN, NO)]).unwrap();
    assert_eq!(session.get(copy, CKA_VALUE), Ok(value.to_vec()));
    expect("destroy", session.destroy(key), CKR_OK);
}
