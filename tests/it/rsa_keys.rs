//! RSA keys: made, imported whole and in part, and refused (PKCS#11 3.2, RSA; short ones need `legacy`).

use crate::support::*;
use cryptoki_sys::*;

const PARTS: [CK_ATTRIBUTE_TYPE; 8] = [
    CKA_MODULUS,
    CKA_PUBLIC_EXPONENT,
    CKA_PRIVATE_EXPONENT,
    CKA_PRIME_1,
    CKA_PRIME_2,
    CKA_EXPONENT_1,
    CKA_EXPONENT_2,
    CKA_COEFFICIENT,
];
const BY: [CK_MECHANISM_TYPE; 2] = [CKM_RSA_PKCS_KEY_PAIR_GEN, CKM_RSA_X9_31_KEY_PAIR_GEN];
const SEEN: [Pair; 2] = [(CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)];
const PRIVATE: [u8; 8] = number(CKO_PRIVATE_KEY);
const PUBLIC: [u8; 8] = number(CKO_PUBLIC_KEY);
const RSA: [u8; 8] = number(CKK_RSA);

/// The parts of a new key.
fn parts(session: &Session, bits: CK_ULONG) -> Vec<(CK_ATTRIBUTE_TYPE, Vec<u8>)> {
    let bits: Pair = (CKA_MODULUS_BITS, &number(bits));
    let (_, private) = session.generate_pair(Mechanism::plain(BY[0]), &[bits], &SEEN).unwrap();
    PARTS.iter().map(|kind| (*kind, session.get(private, *kind).unwrap())).collect()
}

fn import(session: &Session, parts: &[(CK_ATTRIBUTE_TYPE, Vec<u8>)]) -> Result<u64, CK_RV> {
    let head: [Pair; 2] = [(CKA_CLASS, &PRIVATE), (CKA_KEY_TYPE, &RSA)];
    let parts = parts.iter().map(|(kind, value)| (*kind, &value[..]));
    session.create(&head.into_iter().chain(SEEN).chain(parts).collect::<Vec<_>>())
}

fn import_public(session: &Session, modulus: &[u8], exponent: &[u8]) -> Result<u64, CK_RV> {
    let template: [Pair; 4] =
        [(CKA_CLASS, &PUBLIC), (CKA_KEY_TYPE, &RSA), (CKA_MODULUS, modulus), (CKA_PUBLIC_EXPONENT, exponent)];
    session.create(&template)
}

#[test]
fn both_mechanisms_make_pairs_of_many_sizes() {
    let token = Token::new();
    let session = token.user();
    for kind in BY {
        for (bits, exponent) in [(2048, &[3][..]), (2176, &[1, 0, 1]), (3072, &[0, 1, 0, 1])] {
            let template: [Pair; 2] = [(CKA_MODULUS_BITS, &number(bits)), (CKA_PUBLIC_EXPONENT, exponent)];
            let pair = session.generate_pair(Mechanism::plain(kind), &template, &SEEN);
            let (public, private) = pair.unwrap();
            assert_eq!(session.get(public, CKA_MODULUS).unwrap().len() as u64 * 8, bits);
            assert_eq!(session.get(private, CKA_PRIME_1).unwrap().len() as u64 * 16, bits);
            assert_eq!(session.get(private, CKA_KEY_GEN_MECHANISM).unwrap(), number(kind));
            let by = || Mechanism::plain(CKM_SHA256_RSA_PKCS);
            expect("C_SignInit", session.sign_init(by(), private), CKR_OK);
            let signature = session.sign(b"data").unwrap();
            expect("C_VerifyInit", session.verify_init(by(), public), CKR_OK);
            expect("C_Verify", session.verify(b"data", &signature), CKR_OK);
        }
    }
}

#[test]
fn sizes_and_exponents_that_make_no_key_are_refused() {
    let token = Token::new();
    let session = token.user();
    let rv =
        |kind, template: &[Pair]| session.generate_pair(Mechanism::plain(kind), template, &[]).unwrap_err();
    for kind in BY {
        for bits in [0, 1, 512, 1024, 1920, 2047, 2049, 2056, 8193, 8320, CK_ULONG::MAX] {
            let bits: Pair = (CKA_MODULUS_BITS, &number(bits));
            expect("C_GenerateKeyPair", rv(kind, &[bits]), CKR_ATTRIBUTE_VALUE_INVALID);
        }
        let bits: Pair = (CKA_MODULUS_BITS, &number(2048));
        for exponent in [&[0][..], &[1], &[2], &[1, 0, 0], &[1, 0, 0, 0, 1], &[0xff; 300]] {
            let refused = rv(kind, &[bits, (CKA_PUBLIC_EXPONENT, exponent)]);
            expect("C_GenerateKeyPair", refused, CKR_TEMPLATE_INCONSISTENT);
        }
        expect("C_GenerateKeyPair", rv(kind, &[]), CKR_TEMPLATE_INCOMPLETE);
        let by = Mechanism::with(kind, &[0]);
        assert_eq!(session.generate_pair(by, &[bits], &[]), Err(CKR_MECHANISM_PARAM_INVALID));
    }
}

#[test]
fn a_private_key_is_imported_with_any_parts_that_make_it() {
    let token = Token::new();
    let session = token.user();
    let whole = parts(&session, 2048);
    let public = import_public(&session, &whole[0].1, &whole[1].1).unwrap();
    for missing in [&[][..], &[CKA_COEFFICIENT], &PARTS[5..], &PARTS[3..], &[CKA_PUBLIC_EXPONENT]] {
        let some: Vec<_> = whole.iter().filter(|(kind, _)| !missing.contains(kind)).cloned().collect();
        let key = import(&session, &some).unwrap();
        for (kind, value) in &whole[..3] {
            assert_eq!(session.get(key, *kind).unwrap(), *value, "{kind:#x} without {missing:x?}");
        }
        let primes = [CKA_PRIME_1, CKA_PRIME_2].map(|kind| session.get(key, kind).unwrap());
        assert!(primes.contains(&whole[3].1) && primes.contains(&whole[4].1), "without {missing:x?}");
        expect("C_SignInit", session.sign_init(Mechanism::plain(CKM_RSA_PKCS), key), CKR_OK);
        let signature = session.sign(b"data").unwrap();
        expect("C_VerifyInit", session.verify_init(Mechanism::plain(CKM_RSA_PKCS), public), CKR_OK);
        expect("C_Verify", session.verify(b"data", &signature), CKR_OK);
        let wrapping = session.aes_key(&[]);
        let wrapped = session.wrap(Mechanism::plain(CKM_AES_KEY_WRAP_KWP), wrapping, key).unwrap();
        let template: [Pair; 2] = [(CKA_CLASS, &PRIVATE), (CKA_KEY_TYPE, &RSA)];
        session.unwrap(Mechanism::plain(CKM_AES_KEY_WRAP_KWP), wrapping, &wrapped, &template).unwrap();
    }
    for missing in [CKA_MODULUS, CKA_PRIVATE_EXPONENT] {
        let some: Vec<_> = whole.iter().filter(|(kind, _)| *kind != missing).cloned().collect();
        assert_eq!(import(&session, &some), Err(CKR_TEMPLATE_INCOMPLETE), "{missing:#x}");
    }
    let half: Vec<_> = whole.iter().filter(|(kind, _)| *kind != CKA_PRIME_2).cloned().collect();
    assert_eq!(import(&session, &half), Err(CKR_TEMPLATE_INCONSISTENT), "one prime");
}

/// Each part spoilt in every way: a wrong one, zero, one, even, far too long; whole keys and those without primes.
#[test]
fn parts_that_do_not_belong_together_are_refused() {
    let token = Token::new();
    let session = token.user();
    let (whole, other) = (parts(&session, 2048), parts(&session, 2048));
    for count in [8, 5, 3] {
        for at in 0..count {
            let (kind, value) = &whole[at];
            let mut changed = value.clone();
            changed[value.len() / 2] ^= 1;
            let mut even = value.clone();
            *even.last_mut().unwrap() ^= 1;
            let spoilt =
                [other[at].1.clone(), changed, even, vec![0], vec![1], vec![0xff; 5000], vec![0; 300]];
            for wrong in spoilt.into_iter().filter(|wrong| wrong != value) {
                let mut mixed = whole[..count].to_vec();
                mixed[at].1 = wrong;
                let rv = import(&session, &mixed).unwrap_err();
                let is_size = *kind == CKA_MODULUS && rv == CKR_ATTRIBUTE_VALUE_INVALID;
                assert!(is_size || rv == CKR_TEMPLATE_INCONSISTENT, "{count}, {kind:#x}: {}", name(rv));
            }
        }
    }
}

#[test]
fn zeros_before_a_number_change_nothing() {
    let token = Token::new();
    let session = token.user();
    let whole = parts(&session, 2048);
    let padded: Vec<_> = whole.iter().map(|(kind, value)| (*kind, [&[0, 0], &value[..]].concat())).collect();
    let key = import(&session, &padded).unwrap();
    for (kind, value) in &whole {
        assert_eq!(session.get(key, *kind).unwrap(), *value, "{kind:#x}");
    }
    let public = import_public(&session, &padded[0].1, &padded[1].1).unwrap();
    assert_eq!(session.get(public, CKA_MODULUS).unwrap(), whole[0].1);
    assert_eq!(session.get(public, CKA_MODULUS_BITS).unwrap(), number(2048));
}

#[test]
fn public_keys_that_are_none_are_refused() {
    let token = Token::new();
    let session = token.user();
    let whole = parts(&session, 2048);
    let (modulus, exponent) = (&whole[0].1, &whole[1].1);
    let mut even = modulus.clone();
    even[255] ^= 1;
    for wrong in [&[][..], &[0], &[1], &even, &modulus[..127], &[0xff; 1025], &[0xff; 60000], &[0; 256]] {
        let refused = import_public(&session, wrong, exponent);
        assert_eq!(refused, Err(CKR_ATTRIBUTE_VALUE_INVALID), "{} bytes", wrong.len());
    }
    for wrong in [&[][..], &[0], &[1], &[2], &[1, 0, 0], &[0x03, 0, 0, 0, 1], &[0xff; 256]] {
        assert_eq!(import_public(&session, modulus, wrong), Err(CKR_ATTRIBUTE_VALUE_INVALID), "{wrong:?}");
    }
}

fn sizes(token: &Token) -> (CK_ULONG, CK_ULONG) {
    let mut info = CK_MECHANISM_INFO::default();
    let rv = call!(token.module.api, C_GetMechanismInfo(token.slot, CKM_RSA_PKCS, &mut info));
    expect("C_GetMechanismInfo", rv, CKR_OK);
    (info.ulMinKeySize, info.ulMaxKeySize)
}

#[test]
fn short_keys_only_verify_without_legacy() {
    let token = Token::configured("legacy = true");
    let session = token.user();
    assert_eq!(sizes(&token), (1024, 8192));
    let refused = |bits: CK_ULONG, kind| {
        let bits: Pair = (CKA_MODULUS_BITS, &number(bits));
        session.generate_pair(Mechanism::plain(kind), &[bits], &[]).err()
    };
    for kind in BY {
        assert_eq!((refused(1024, kind), refused(896, kind)), (None, Some(CKR_ATTRIBUTE_VALUE_INVALID)));
    }
    let short = parts(&session, 1024);
    let private = import(&session, &short).unwrap();
    let kept = session.copy(private, &[(CKA_TOKEN, YES)]).unwrap();
    let by = || Mechanism::plain(CKM_RSA_PKCS);
    expect("C_SignInit", session.sign_init(by(), kept), CKR_OK);
    let signature = session.sign(b"data").unwrap();

    expect("finalize", token.module.finalize(), CKR_OK);
    std::fs::write(token.module.home().join("vhsm.toml"), "").unwrap();
    expect("initialize", token.module.initialize(), CKR_OK);
    let session = token.user();
    assert_eq!(sizes(&token), (2048, 8192));
    assert_eq!(session.get(kept, CKA_PRIVATE_EXPONENT).unwrap(), short[2].1);
    expect("C_SignInit", session.sign_init(by(), kept), CKR_KEY_SIZE_RANGE);
    expect("C_DecryptInit", session.decrypt_init(by(), kept), CKR_KEY_SIZE_RANGE);
    assert_eq!(session.unwrap(by(), kept, &[1; 128], &[]), Err(CKR_UNWRAPPING_KEY_SIZE_RANGE));
    assert_eq!(import(&session, &short), Err(CKR_ATTRIBUTE_VALUE_INVALID));
    let wrapping = session.aes_key(&[]);
    let kwp = || Mechanism::plain(CKM_AES_KEY_WRAP_KWP);
    let wrapped = session.wrap(kwp(), wrapping, kept).unwrap();
    let template: [Pair; 2] = [(CKA_CLASS, &PRIVATE), (CKA_KEY_TYPE, &RSA)];
    assert_eq!(session.unwrap(kwp(), wrapping, &wrapped, &template), Err(CKR_WRAPPED_KEY_INVALID));
    let public = import_public(&session, &short[0].1, &short[1].1).unwrap();
    expect("C_VerifyInit", session.verify_init(by(), public), CKR_OK);
    expect("C_Verify", session.verify(b"data", &signature), CKR_OK);
    assert_eq!(session.verify_recover(by(), public, &signature).unwrap(), b"data");
    expect("C_EncryptInit", session.encrypt_init(by(), public), CKR_KEY_SIZE_RANGE);
    assert_eq!(session.wrap(by(), public, wrapping), Err(CKR_WRAPPING_KEY_SIZE_RANGE));
}
