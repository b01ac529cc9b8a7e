//! X25519 keys (PKCS#11 3.2, Elliptic Curve: Montgomery key objects). What they derive stands in `ec_derive`.

use crate::support::curves::*;
use crate::support::*;
use cryptoki_sys::*;

/// RFC 7748 sec. 6.1: Alice's private key, Bob's public key, their shared secret.
const ALICE: [u8; 32] = [
    0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1, 0x72, 0x51, 0xb2, 0x66, 0x45, 0xdf,
    0x4c, 0x2f, 0x87, 0xeb, 0xc0, 0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a,
];
const BOB: [u8; 32] = [
    0xde, 0x9e, 0xdb, 0x7d, 0x7b, 0x7d, 0xc1, 0xb4, 0xd3, 0x5b, 0x61, 0xc2, 0xec, 0xe4, 0x35, 0x37, 0x3f,
    0x83, 0x43, 0xc8, 0x5b, 0x78, 0x67, 0x4d, 0xad, 0xfc, 0x7e, 0x14, 0x6f, 0x88, 0x2b, 0x4f,
];
const SHARED: [u8; 32] = [
    0x4a, 0x5d, 0x9d, 0x5b, 0xa4, 0xce, 0x2d, 0xe1, 0x72, 0x8e, 0x3b, 0xf4, 0x80, 0x35, 0x0f, 0x25, 0xe0,
    0x7e, 0x21, 0xc9, 0x47, 0xd1, 0x9e, 0x33, 0x76, 0xf0, 0x9b, 0x3c, 0x1e, 0x16, 0x17, 0x42,
];

/// The last is what pkcs11-tool 0.23 writes.
const NAMES: [&[u8]; 5] = [
    X25519,
    &[0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x97, 0x55, 0x01, 0x05, 0x01],
    b"\x13\x0acurve25519",
    b"\x13\x06X25519",
    b"\x13\x0bcurve25519",
];

#[test]
fn pairs_are_made_under_every_name() {
    let token = Token::new();
    let session = token.user();
    let by = || Mechanism::plain(CKM_EC_MONTGOMERY_KEY_PAIR_GEN);
    for name in NAMES {
        let private: [Pair; 2] = [(CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)];
        let (public, private) = session.generate_pair(by(), &[(CKA_EC_PARAMS, name)], &private).unwrap();
        assert_eq!(session.get(public, CKA_EC_POINT).unwrap().len(), 32);
        assert_eq!(session.get(private, CKA_VALUE).unwrap().len(), 32);
        assert!(session.flag(private, CKA_DERIVE), "they do nothing else");
        assert!(!session.flag(private, CKA_SIGN) && !session.flag(public, CKA_VERIFY));
        let rv = session.sign_init(Mechanism::plain(CKM_EDDSA), private);
        expect("Montgomery keys do not sign", rv, CKR_KEY_TYPE_INCONSISTENT);
    }
    for params in [ED25519, P256, b"\x13\x08curve448"] {
        let made = session.generate_pair(by(), &[(CKA_EC_PARAMS, params)], &[]);
        assert_eq!(made, Err(CKR_CURVE_NOT_SUPPORTED));
    }
}

#[test]
fn imported_keys_agree() {
    let token = Token::new();
    let session = token.user();
    let alice = session.import_private(CKK_EC_MONTGOMERY, X25519, &ALICE, &[]).unwrap();
    let bob = session.import_public(CKK_EC_MONTGOMERY, X25519, &BOB).unwrap();
    assert_eq!(session.get(bob, CKA_EC_POINT).unwrap(), BOB);
    let (class, kind) = (number(CKO_SECRET_KEY), number(CKK_GENERIC_SECRET));
    let template: [Pair; 4] =
        [(CKA_CLASS, &class), (CKA_KEY_TYPE, &kind), (CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)];
    let derive = |public: &[u8]| {
        session.derive(Mechanism::ecdh(CKM_ECDH1_DERIVE, CKD_NULL, b"", public), alice, &template)
    };
    for form in [BOB.to_vec(), [&[4, 32][..], &BOB].concat()] {
        assert_eq!(session.get(derive(&form).unwrap(), CKA_VALUE).unwrap(), SHARED);
    }
    assert_eq!(derive(&[0; 32]), Err(CKR_PUBLIC_KEY_INVALID), "the secret would be zeros");
    assert_eq!(derive(&BOB[1..]), Err(CKR_MECHANISM_PARAM_INVALID));
    let by = Mechanism::ecdh(CKM_ECDH1_COFACTOR_DERIVE, CKD_NULL, b"", &BOB);
    assert_eq!(session.derive(by, alice, &template), Err(CKR_KEY_TYPE_INCONSISTENT));
    let short = session.import_private(CKK_EC_MONTGOMERY, X25519, &ALICE[1..], &[]);
    assert_eq!(short, Err(CKR_ATTRIBUTE_VALUE_INVALID));
}
