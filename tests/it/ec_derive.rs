//! Key agreement on the elliptic curves, and wrapping over it (PKCS#11 3.2, Elliptic Curve).

use crate::support::curves::*;
use crate::support::*;
use cryptoki_sys::*;

const CURVES: [(&[u8], usize); 5] = [(P224, 28), (P256, 32), (P384, 48), (P521, 66), (SECP256K1, 32)];
const AES: [u8; 8] = number(CKK_AES);
const GENERIC: [u8; 8] = number(CKK_GENERIC_SECRET);
const SECRET: [u8; 8] = number(CKO_SECRET_KEY);

/// A template of a secret key that may be seen.
fn open<'a>(kind: &'a [u8; 8], more: &[Pair<'a>]) -> Vec<Pair<'a>> {
    let head: [Pair; 4] =
        [(CKA_CLASS, &SECRET), (CKA_KEY_TYPE, kind), (CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)];
    [&head, more].concat()
}

fn pair(session: &Session, curve: &[u8]) -> (u64, u64) {
    let by = if curve == X25519 { CKM_EC_MONTGOMERY_KEY_PAIR_GEN } else { CKM_EC_KEY_PAIR_GEN };
    session.curve_pair(by, curve, &[])
}

#[test]
fn both_sides_agree() {
    let token = Token::new();
    let session = token.user();
    for (curve, bytes) in CURVES.into_iter().chain([(X25519, 32)]) {
        let ((one, one_private), (other, other_private)) = (pair(&session, curve), pair(&session, curve));
        let (one, other) =
            (session.get(one, CKA_EC_POINT).unwrap(), session.get(other, CKA_EC_POINT).unwrap());
        let head = if other[1] == 0x81 { 3 } else { 2 };
        let bare = if curve == X25519 { &other[..] } else { &other[head..] };
        let derive = |kdf, public: &[u8], own, more: &[Pair]| {
            let shared: &[u8] = if kdf == CKD_NULL { b"" } else { b"shared" };
            let by = Mechanism::ecdh(CKM_ECDH1_DERIVE, kdf, shared, public);
            let key = session.derive(by, own, &open(&GENERIC, more)).unwrap();
            session.get(key, CKA_VALUE).unwrap()
        };
        let secret = derive(CKD_NULL, &one, other_private, &[]);
        assert_eq!(secret.len(), bytes);
        assert_eq!(derive(CKD_NULL, bare, one_private, &[]), secret, "bare");
        assert_eq!(derive(CKD_NULL, &other, one_private, &[]), secret, "as CKA_EC_POINT has it");
        let cut: [Pair; 1] = [(CKA_VALUE_LEN, &number(16))];
        assert_eq!(derive(CKD_NULL, bare, one_private, &cut), secret[bytes - 16..]);
        let long: [Pair; 1] = [(CKA_VALUE_LEN, &number(100))];
        for kdf in [CKD_SHA1_KDF, CKD_SHA256_KDF, CKD_SHA3_512_KDF, CKD_SHA512_KDF_SP800] {
            let made = derive(kdf, &one, other_private, &long);
            assert_eq!((made.len(), &made), (100, &derive(kdf, bare, one_private, &long)));
            assert_ne!(made[..16], secret[..16]);
        }
    }
}

#[test]
fn what_is_derived_is_what_the_template_says() {
    let token = Token::new();
    let session = token.user();
    let (_, own) = pair(&session, P384);
    let (peer, _) = pair(&session, P384);
    let point = session.get(peer, CKA_EC_POINT).unwrap();
    let derive = |kdf, template: &[Pair]| {
        session.derive(Mechanism::ecdh(CKM_ECDH1_DERIVE, kdf, b"", &point), own, template)
    };
    let length = |bytes| number(bytes);
    let aes = derive(CKD_NULL, &open(&AES, &[(CKA_VALUE_LEN, &length(32))])).unwrap();
    assert_eq!(session.get(aes, CKA_VALUE_LEN).unwrap(), length(32));
    assert!(!session.flag(aes, CKA_LOCAL) && !session.flag(aes, CKA_ALWAYS_SENSITIVE));
    expect("use", session.encrypt_init(Mechanism::plain(CKM_AES_ECB), aes), CKR_OK);
    let too_long = open(&GENERIC, &[(CKA_VALUE_LEN, &const { number(49) })]);
    assert_eq!(derive(CKD_NULL, &too_long), Err(CKR_TEMPLATE_INCONSISTENT));
    assert_eq!(derive(CKD_SHA256_KDF, &open(&GENERIC, &[])), Err(CKR_TEMPLATE_INCOMPLETE));
    let valued = open(&GENERIC, &[(CKA_VALUE, &[1; 48])]);
    assert_eq!(derive(CKD_NULL, &valued), Err(CKR_ATTRIBUTE_READ_ONLY));
}

#[test]
fn public_keys_that_do_not_fit_are_told() {
    let token = Token::new();
    let session = token.user();
    let (_, own) = pair(&session, P256);
    let (peer, private) = pair(&session, P256);
    let point = session.get(peer, CKA_EC_POINT).unwrap()[2..].to_vec();
    let by = |kind, kdf, shared: &[u8], public: &[u8]| {
        session.derive(Mechanism::ecdh(kind, kdf, shared, public), own, &open(&GENERIC, &[]))
    };
    let derive = |public: &[u8]| by(CKM_ECDH1_DERIVE, CKD_NULL, b"", public);
    assert!(derive(&point).is_ok());
    assert!(by(CKM_ECDH1_COFACTOR_DERIVE, CKD_NULL, b"", &point).is_ok());
    let mut off = point.clone();
    off[64] ^= 1;
    assert_eq!(derive(&off), Err(CKR_PUBLIC_KEY_INVALID));
    assert_eq!(derive(&point[..64]), Err(CKR_MECHANISM_PARAM_INVALID));
    assert_eq!(derive(&[]), Err(CKR_MECHANISM_PARAM_INVALID));
    assert_eq!(derive(&[0]), Err(CKR_MECHANISM_PARAM_INVALID));
    let (other, _) = pair(&session, P384);
    let other = session.get(other, CKA_EC_POINT).unwrap();
    assert_eq!(derive(&other), Err(CKR_MECHANISM_PARAM_INVALID), "of another curve");
    let (k1, _) = pair(&session, SECP256K1);
    let k1 = session.get(k1, CKA_EC_POINT).unwrap();
    assert_eq!(derive(&k1), Err(CKR_PUBLIC_KEY_INVALID), "of another curve of that length");
    assert_eq!(by(CKM_ECDH1_DERIVE, CKD_NULL, b"shared", &point), Err(CKR_MECHANISM_PARAM_INVALID));
    assert_eq!(by(CKM_ECDH1_DERIVE, 0, b"", &point), Err(CKR_MECHANISM_PARAM_INVALID));
    assert_eq!(by(CKM_ECDH1_DERIVE, 99, b"", &point), Err(CKR_MECHANISM_PARAM_INVALID));
    for short in [Mechanism::plain(CKM_ECDH1_DERIVE), Mechanism::with(CKM_ECDH1_DERIVE, &[0; 39])] {
        let rv = session.derive(short, own, &open(&GENERIC, &[]));
        assert_eq!(rv, Err(CKR_MECHANISM_PARAM_INVALID));
    }
    let with_public =
        session.derive(Mechanism::ecdh(CKM_ECDH1_DERIVE, CKD_NULL, b"", &point), peer, &open(&GENERIC, &[]));
    assert_eq!(with_public, Err(CKR_KEY_TYPE_INCONSISTENT));
    expect("no more deriving", session.set(private, &[(CKA_DERIVE, NO)]), CKR_OK);
    let mute = session.derive(
        Mechanism::ecdh(CKM_ECDH1_DERIVE, CKD_NULL, b"", &point),
        private,
        &open(&GENERIC, &[]),
    );
    assert_eq!(mute, Err(CKR_KEY_FUNCTION_NOT_PERMITTED));
}

#[test]
fn keys_are_wrapped_over_an_agreement() {
    let token = Token::new();
    let session = token.user();
    let value = session.known_key(CKK_AES, &[7; 24], &[]);
    let (_, target) = pair(&session, P256);
    for (kind, curve, point_bytes) in [
        (CKM_ECDH_AES_KEY_WRAP, P256, 65),
        (CKM_ECDH_AES_KEY_WRAP, P521, 133),
        (CKM_ECDH_AES_KEY_WRAP, X25519, 32),
        (CKM_ECDH_COF_AES_KEY_WRAP, P384, 99),
        (CKM_ECDH_X_AES_KEY_WRAP, X25519, 32),
    ] {
        let class = number(CKO_PUBLIC_KEY);
        let kind_of_key = if curve == X25519 { CKK_EC_MONTGOMERY } else { CKK_EC };
        let (public, private) = pair(&session, curve);
        let point = session.get(public, CKA_EC_POINT).unwrap();
        let key_type = number(kind_of_key);
        let wrapping: [Pair; 5] = [
            (CKA_CLASS, &class),
            (CKA_KEY_TYPE, &key_type),
            (CKA_EC_PARAMS, curve),
            (CKA_EC_POINT, &point),
            (CKA_WRAP, YES),
        ];
        let wrapping = session.create(&wrapping).unwrap();
        expect("unwraps", session.set(private, &[(CKA_UNWRAP, YES)]), CKR_OK);
        let by = || Mechanism::ecdh_wrap(kind, 256, CKD_SHA256_KDF);
        let wrapped = session.wrap(by(), wrapping, value).unwrap();
        assert_eq!(wrapped.len(), point_bytes + 24 + 8);
        let back = session.unwrap(by(), private, &wrapped, &open(&AES, &[])).unwrap();
        assert_eq!(session.get(back, CKA_VALUE).unwrap(), [7; 24]);
        let mut spoilt = wrapped.clone();
        *spoilt.last_mut().unwrap() ^= 1;
        let rv = session.unwrap(by(), private, &spoilt, &open(&AES, &[]));
        assert_eq!(rv, Err(CKR_WRAPPED_KEY_INVALID));
        let rv = session.unwrap(by(), private, &wrapped[..20], &open(&AES, &[]));
        assert_eq!(rv, Err(CKR_WRAPPED_KEY_LEN_RANGE));
        let odd = Mechanism::ecdh_wrap(kind, 200, CKD_SHA256_KDF);
        assert_eq!(session.wrap(odd, wrapping, value), Err(CKR_MECHANISM_PARAM_INVALID));
        // A private key, as PKCS #8.
        let wrapped = session.wrap(by(), wrapping, target).unwrap();
        let (class, kind) = (number(CKO_PRIVATE_KEY), number(CKK_EC));
        let template: [Pair; 2] = [(CKA_CLASS, &class), (CKA_KEY_TYPE, &kind)];
        let back = session.unwrap(by(), private, &wrapped, &template).unwrap();
        let info = |key| session.get(key, CKA_PUBLIC_KEY_INFO).unwrap();
        assert_eq!(info(back), info(target));
    }
}
