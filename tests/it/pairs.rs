//! Key pairs as objects: made, read, imported, wrapped (PKCS#11 3.0 sec. 4.9, 4.10, 5.18.2).

use crate::support::*;
use cryptoki_sys::*;

const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const RSA_PARTS: [CK_ATTRIBUTE_TYPE; 6] =
    [CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_PRIME_2, CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT];

/// A pair whose private key may be seen.
fn open_pair(session: &Session, kind: CK_MECHANISM_TYPE, public: Pair) -> (u64, u64) {
    let private = [(CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)];
    session.generate_pair(Mechanism::plain(kind), &[public], &private).unwrap()
}

fn rsa(session: &Session) -> (u64, u64) {
    open_pair(session, CKM_RSA_PKCS_KEY_PAIR_GEN, (CKA_MODULUS_BITS, &number(2048)))
}

fn ec(session: &Session) -> (u64, u64) {
    open_pair(session, CKM_EC_KEY_PAIR_GEN, (CKA_EC_PARAMS, P256))
}

#[test]
fn a_pair_has_the_attributes_of_its_halves() {
    let token = Token::new();
    let session = token.user();
    for (kept, (public, private)) in [("rsa", rsa(&session)), ("ec", ec(&session))] {
        assert!(!session.flag(public, CKA_PRIVATE) && session.flag(private, CKA_PRIVATE), "{kept}");
        for half in [public, private] {
            assert!(session.flag(half, CKA_LOCAL), "{kept}");
            assert!(!session.flag(half, CKA_TOKEN), "{kept}");
        }
        assert!(session.flag(public, CKA_VERIFY) && session.flag(private, CKA_SIGN), "{kept}");
        let info = session.get(public, CKA_PUBLIC_KEY_INFO).unwrap();
        assert_eq!(info[0], 0x30, "{kept}: a SEQUENCE");
        assert_eq!(session.get(private, CKA_PUBLIC_KEY_INFO).unwrap(), info, "{kept}");
    }
    let (public, private) = rsa(&session);
    let modulus = session.get(public, CKA_MODULUS).unwrap();
    assert_eq!(modulus.len(), 256);
    assert_eq!(session.get(private, CKA_MODULUS).unwrap(), modulus);
    assert_eq!(session.get(public, CKA_MODULUS_BITS).unwrap(), number(2048));
    assert_eq!(session.get(public, CKA_PUBLIC_EXPONENT).unwrap(), [1, 0, 1]);
    let (public, private) = ec(&session);
    assert_eq!(session.get(public, CKA_EC_POINT).unwrap()[..3], [0x04, 0x41, 0x04]);
    assert_eq!(session.get(private, CKA_VALUE).unwrap().len(), 32);
}

#[test]
fn secret_parts_are_shown_only_where_they_may_be() {
    let token = Token::new();
    let session = token.user();
    let bits: Pair = (CKA_MODULUS_BITS, &number(2048));
    let by = || Mechanism::plain(CKM_RSA_PKCS_KEY_PAIR_GEN);
    let (_, private) = session.generate_pair(by(), &[bits], &[]).unwrap();
    for part in RSA_PARTS {
        assert_eq!(session.get(private, part), Err(CKR_ATTRIBUTE_SENSITIVE), "{part:#x}");
    }
    assert!(session.flag(private, CKA_NEVER_EXTRACTABLE) && session.flag(private, CKA_ALWAYS_SENSITIVE));
    let (_, private) = rsa(&session);
    for part in RSA_PARTS {
        assert!(!session.get(private, part).unwrap().is_empty(), "{part:#x}");
    }
}

/// What was read of a pair makes the same key again, and a part of another does not fit.
#[test]
fn a_pair_is_imported_if_its_parts_fit() {
    let token = Token::new();
    let session = token.user();
    let (_, private) = rsa(&session);
    let kinds = [&[CKA_MODULUS, CKA_PUBLIC_EXPONENT][..], &RSA_PARTS].concat();
    let values: Vec<_> = kinds.iter().map(|kind| session.get(private, *kind).unwrap()).collect();
    let (class, key_type) = (number(CKO_PRIVATE_KEY), number(CKK_RSA));
    let head: [Pair; 2] = [(CKA_CLASS, &class), (CKA_KEY_TYPE, &key_type)];
    let parts = || kinds.iter().zip(&values).map(|(kind, value)| (*kind, &value[..]));
    let whole: Vec<Pair> = head.into_iter().chain(parts()).collect();
    let kept = [&whole[..], &[(CKA_TOKEN, YES), (CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)]].concat();
    let imported = session.create(&kept).unwrap();
    assert!(!session.flag(imported, CKA_LOCAL));
    for (kind, value) in parts() {
        assert_eq!(session.get(imported, kind).unwrap(), value, "{kind:#x}");
    }
    let other = session.get(rsa(&session).1, CKA_PRIME_1).unwrap();
    let mixed: Vec<Pair> =
        whole.iter().map(|(k, v)| (*k, if *k == CKA_PRIME_1 { &other[..] } else { v })).collect();
    assert_eq!(session.create(&mixed), Err(CKR_TEMPLATE_INCONSISTENT));
}

#[test]
fn a_private_key_is_wrapped_as_pkcs8() {
    let token = Token::new();
    let session = token.user();
    let wrapping = session.aes_key(&[]);
    let by = || Mechanism::plain(CKM_AES_KEY_WRAP_KWP);
    for (key_type, (public, private)) in [(CKK_RSA, rsa(&session)), (CKK_EC, ec(&session))] {
        let wrapped = session.wrap(by(), wrapping, private).unwrap();
        let (class, kind) = (number(CKO_PRIVATE_KEY), number(key_type));
        let template: [Pair; 2] = [(CKA_CLASS, &class), (CKA_KEY_TYPE, &kind)];
        let back = session.unwrap(by(), wrapping, &wrapped, &template).unwrap();
        let info = session.get(public, CKA_PUBLIC_KEY_INFO).unwrap();
        assert_eq!(session.get(back, CKA_PUBLIC_KEY_INFO).unwrap(), info);
        let other = number(if key_type == CKK_RSA { CKK_EC } else { CKK_RSA });
        let template: [Pair; 2] = [(CKA_CLASS, &class), (CKA_KEY_TYPE, &other)];
        assert_eq!(session.unwrap(by(), wrapping, &wrapped, &template), Err(CKR_WRAPPED_KEY_INVALID));
    }
}

#[test]
fn token_pairs_are_there_for_the_next_run() {
    let token = Token::new();
    let session = token.user();
    let by = Mechanism::plain(CKM_EC_KEY_PAIR_GEN);
    let label: Pair = (CKA_LABEL, b"pair");
    let kept: [Pair; 2] = [(CKA_TOKEN, YES), label];
    let public = [(CKA_EC_PARAMS, P256), kept[0], kept[1]];
    let (public, private) = session.generate_pair(by, &public, &kept).unwrap();
    let point = session.get(public, CKA_EC_POINT).unwrap();
    expect("logout", session.logout(), CKR_OK);
    assert_eq!(session.find(&[label]).unwrap(), [public]);
    let session = token.user();
    let mut found = session.find(&[label]).unwrap();
    found.sort_unstable();
    assert_eq!(found, [public, private]);
    assert_eq!(session.get(public, CKA_EC_POINT).unwrap(), point);
    assert_eq!(session.find(&[label, (CKA_CLASS, &number(CKO_PRIVATE_KEY))]).unwrap(), [private]);
}

#[test]
fn what_does_not_derive_derives_nothing() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[(CKA_DERIVE, YES)]);
    assert_eq!(session.derive(Mechanism::plain(CKM_AES_ECB), key, &[]), Err(CKR_MECHANISM_INVALID));
}
