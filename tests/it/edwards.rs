//! Ed25519 keys and their signatures (PKCS#11 3.2, Elliptic Curve: Edwards key objects, EdDSA).

use crate::support::curves::*;
use crate::support::*;
use cryptoki_sys::*;

/// All that CKA_EC_PARAMS may be: RFC 8410's OID, GnuPG's older one, names.
const NAMES: [&[u8]; 4] = [
    ED25519,
    &[0x06, 0x09, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01],
    b"\x13\x0cedwards25519",
    b"\x13\x07Ed25519",
];

/// RFC 8032 sec. 7.1, test 2: private key, public key, signature of the byte 0x72.
const PRIVATE: [u8; 32] = [
    0x4c, 0xcd, 0x08, 0x9b, 0x28, 0xff, 0x96, 0xda, 0x9d, 0xb6, 0xc3, 0x46, 0xec, 0x11, 0x4e, 0x0f, 0x5b,
    0x8a, 0x31, 0x9f, 0x35, 0xab, 0xa6, 0x24, 0xda, 0x8c, 0xf6, 0xed, 0x4f, 0xb8, 0xa6, 0xfb,
];
const PUBLIC: [u8; 32] = [
    0x3d, 0x40, 0x17, 0xc3, 0xe8, 0x43, 0x89, 0x5a, 0x92, 0xb7, 0x0a, 0xa7, 0x4d, 0x1b, 0x7e, 0xbc, 0x9c,
    0x98, 0x2c, 0xcf, 0x2e, 0xc4, 0x96, 0x8c, 0xc0, 0xcd, 0x55, 0xf1, 0x2a, 0xf4, 0x66, 0x0c,
];

fn eddsa() -> Mechanism {
    Mechanism::plain(CKM_EDDSA)
}

#[test]
fn pairs_are_made_under_every_name() {
    let token = Token::new();
    let session = token.user();
    for name in NAMES {
        let (public, private) = session.curve_pair(CKM_EC_EDWARDS_KEY_PAIR_GEN, name, &[]);
        let point = session.get(public, CKA_EC_POINT).unwrap();
        assert_eq!((point.len(), session.get(private, CKA_VALUE).unwrap().len()), (32, 32));
        assert_eq!(session.get(public, CKA_EC_PARAMS).unwrap(), name);
        assert_eq!(session.get(private, CKA_EC_POINT).unwrap(), point);
        assert!(session.flag(public, CKA_VERIFY) && session.flag(private, CKA_SIGN));
        let info = session.get(public, CKA_PUBLIC_KEY_INFO).unwrap();
        assert_eq!(info[info.len() - 32..], point);
        expect("init", session.sign_init(eddsa(), private), CKR_OK);
        let signature = session.sign(b"in parts").unwrap();
        assert_eq!(signature.len(), 64);
        expect("init", session.verify_init(eddsa(), public), CKR_OK);
        expect("update", session.verify_update(b"in "), CKR_OK);
        expect("update", session.verify_update(b"parts"), CKR_OK);
        expect("final", session.verify_final(&signature), CKR_OK);
        expect("init", session.verify_init(eddsa(), public), CKR_OK);
        expect("other data", session.verify(b"in part", &signature), CKR_SIGNATURE_INVALID);
        expect("init", session.verify_init(eddsa(), public), CKR_OK);
        expect("a short one", session.verify(b"in parts", &signature[1..]), CKR_SIGNATURE_LEN_RANGE);
    }
    for (params, code) in [
        (P256, CKR_CURVE_NOT_SUPPORTED),
        (X25519, CKR_CURVE_NOT_SUPPORTED),
        (b"\x13\x0aedwards448", CKR_CURVE_NOT_SUPPORTED),
        (b"edwards25519", CKR_DOMAIN_PARAMS_INVALID),
    ] {
        let by = Mechanism::plain(CKM_EC_EDWARDS_KEY_PAIR_GEN);
        assert_eq!(session.generate_pair(by, &[(CKA_EC_PARAMS, params)], &[]), Err(code));
    }
}

#[test]
fn keys_are_imported_in_both_forms_of_the_point() {
    let token = Token::new();
    let session = token.user();
    let private = session.import_private(CKK_EC_EDWARDS, ED25519, &PRIVATE, &[]).unwrap();
    assert_eq!(session.get(private, CKA_EC_POINT).unwrap(), PUBLIC);
    expect("init", session.sign_init(eddsa(), private), CKR_OK);
    let signature = session.sign(&[0x72]).unwrap();
    assert_eq!(signature[..8], [0x92, 0xa0, 0x09, 0xa9, 0xf0, 0xd4, 0xca, 0xb8]);
    for point in [PUBLIC.to_vec(), [&[4, 32][..], &PUBLIC].concat()] {
        let public = session.import_public(CKK_EC_EDWARDS, ED25519, &point).unwrap();
        assert_eq!(session.get(public, CKA_EC_POINT).unwrap(), PUBLIC);
        expect("init", session.verify_init(eddsa(), public), CKR_OK);
        expect("verify", session.verify(&[0x72], &signature), CKR_OK);
    }
    let mut off = PUBLIC;
    let is_refused = (0..8).any(|bit| {
        off[0] = PUBLIC[0] ^ (1 << bit);
        session.import_public(CKK_EC_EDWARDS, ED25519, &off) == Err(CKR_PUBLIC_KEY_INVALID)
    });
    assert!(is_refused, "half of all numbers are no point");
    for (what, point) in [("31 bytes", &PUBLIC[1..]), ("none", &[]), ("a cut OCTET STRING", &[4, 32, 1])] {
        let rv = session.import_public(CKK_EC_EDWARDS, ED25519, point);
        assert_eq!(rv, Err(CKR_ATTRIBUTE_VALUE_INVALID), "{what}");
    }
    for value in [&PRIVATE[1..], &[], &[1; 64]] {
        let rv = session.import_private(CKK_EC_EDWARDS, ED25519, value, &[]);
        assert_eq!(rv, Err(CKR_ATTRIBUTE_VALUE_INVALID));
    }
    let wrong: Pair = (CKA_EC_POINT, &[1; 32]);
    let rv = session.import_private(CKK_EC_EDWARDS, ED25519, &PRIVATE, &[wrong]);
    assert_eq!(rv, Err(CKR_ATTRIBUTE_VALUE_INVALID));
}

#[test]
fn the_parameter_says_which_scheme_it_is() {
    let token = Token::new();
    let session = token.user();
    let (public, private) = session.curve_pair(CKM_EC_EDWARDS_KEY_PAIR_GEN, ED25519, &[]);
    type Scheme = fn() -> Mechanism;
    let schemes: [Scheme; 5] = [
        eddsa,
        || Mechanism::eddsa(false, b"context"),
        || Mechanism::eddsa(false, &[9; 255]),
        || Mechanism::eddsa(true, b""),
        || Mechanism::eddsa(true, b"context"),
    ];
    for (at, scheme) in schemes.into_iter().enumerate() {
        expect("init", session.sign_init(scheme(), private), CKR_OK);
        let signature = session.sign(b"data").unwrap();
        for (other, by) in schemes.into_iter().enumerate() {
            let wanted = if at == other { CKR_OK } else { CKR_SIGNATURE_INVALID };
            expect("init", session.verify_init(by(), public), CKR_OK);
            expect("verify", session.verify(b"data", &signature), wanted);
        }
    }
    for wrong in [
        Mechanism::eddsa(false, b""),
        Mechanism::eddsa(false, &[9; 256]),
        Mechanism::eddsa(true, &[9; 256]),
        Mechanism::with(CKM_EDDSA, &[0; 23]),
        Mechanism::with(CKM_EDDSA, &[0; 25]),
    ] {
        expect("parameter", session.sign_init(wrong, private), CKR_MECHANISM_PARAM_INVALID);
    }
    let (_, other) = session.curve_pair(CKM_EC_KEY_PAIR_GEN, P256, &[]);
    expect("another curve", session.sign_init(eddsa(), other), CKR_KEY_TYPE_INCONSISTENT);
    let by = Mechanism::plain(CKM_ECDSA);
    expect("another mechanism", session.sign_init(by, private), CKR_KEY_TYPE_INCONSISTENT);
}

#[test]
fn private_keys_travel_as_pkcs8() {
    let token = Token::new();
    let session = token.user();
    let wrapping = session.aes_key(&[]);
    let by = || Mechanism::plain(CKM_AES_KEY_WRAP_KWP);
    let class = number(CKO_PRIVATE_KEY);
    for (make, curve, kind, other) in [
        (CKM_EC_EDWARDS_KEY_PAIR_GEN, ED25519, CKK_EC_EDWARDS, CKK_EC_MONTGOMERY),
        (CKM_EC_MONTGOMERY_KEY_PAIR_GEN, X25519, CKK_EC_MONTGOMERY, CKK_EC_EDWARDS),
    ] {
        let (public, private) = session.curve_pair(make, curve, &[]);
        let wrapped = session.wrap(by(), wrapping, private).unwrap();
        let unwrap = |kind| {
            let kind = number(kind);
            session.unwrap(by(), wrapping, &wrapped, &[(CKA_CLASS, &class), (CKA_KEY_TYPE, &kind)])
        };
        let back = unwrap(kind).unwrap();
        assert_eq!(session.get(back, CKA_EC_POINT).unwrap(), session.get(public, CKA_EC_POINT).unwrap());
        assert_eq!(session.get(back, CKA_EC_PARAMS).unwrap(), curve);
        assert_eq!(unwrap(other), Err(CKR_WRAPPED_KEY_INVALID));
        assert_eq!(unwrap(CKK_EC), Err(CKR_WRAPPED_KEY_INVALID));
    }
}
