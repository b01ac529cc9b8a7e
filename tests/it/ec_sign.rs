//! ECDSA through the interface (PKCS#11 3.2, Elliptic Curve: EC signatures).

use crate::support::*;
use cryptoki_sys::*;

/// The OIDs of P-224, P-256, P-384, P-521 and secp256k1, with the lengths of their signatures.
const CURVES: [(&[u8], usize); 5] = [
    (&[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x21], 56),
    (P256, 64),
    (&[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22], 96),
    (&[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23], 132),
    (&[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a], 64),
];
const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

const HASHING: [(CK_MECHANISM_TYPE, CK_MECHANISM_TYPE); 9] = [
    (CKM_ECDSA_SHA1, CKM_SHA_1),
    (CKM_ECDSA_SHA224, CKM_SHA224),
    (CKM_ECDSA_SHA256, CKM_SHA256),
    (CKM_ECDSA_SHA384, CKM_SHA384),
    (CKM_ECDSA_SHA512, CKM_SHA512),
    (CKM_ECDSA_SHA3_224, CKM_SHA3_224),
    (CKM_ECDSA_SHA3_256, CKM_SHA3_256),
    (CKM_ECDSA_SHA3_384, CKM_SHA3_384),
    (CKM_ECDSA_SHA3_512, CKM_SHA3_512),
];

fn pair(session: &Session, curve: &[u8]) -> (u64, u64) {
    session.generate_pair(Mechanism::plain(CKM_EC_KEY_PAIR_GEN), &[(CKA_EC_PARAMS, curve)], &[]).unwrap()
}

fn ecdsa() -> Mechanism {
    Mechanism::plain(CKM_ECDSA)
}

#[test]
fn every_curve_signs_with_every_hash() {
    let token = Token::new();
    let session = token.user();
    for (curve, bytes) in CURVES {
        let (public, private) = pair(&session, curve);
        for (hashing, hash) in HASHING {
            let by = || Mechanism::plain(hashing);
            expect("init", session.sign_init(by(), private), CKR_OK);
            let signature = session.sign(b"many parts").unwrap();
            assert_eq!(signature.len(), bytes);
            // In parts, and as the digest of one's own.
            expect("init", session.verify_init(by(), public), CKR_OK);
            for part in [&b"many"[..], b" ", b"parts"] {
                expect("update", session.verify_update(part), CKR_OK);
            }
            expect("final", session.verify_final(&signature), CKR_OK);
            expect("init", session.digest_init(Mechanism::plain(hash)), CKR_OK);
            let digest = session.digest(b"many parts").unwrap();
            expect("init", session.verify_init(ecdsa(), public), CKR_OK);
            expect("verify", session.verify(&digest, &signature), CKR_OK);
            expect("init", session.verify_init(by(), public), CKR_OK);
            expect("verify", session.verify(b"other data", &signature), CKR_SIGNATURE_INVALID);
        }
    }
}

#[test]
fn wrong_signatures_and_lengths_have_their_codes() {
    let token = Token::new();
    let session = token.user();
    let (public, private) = pair(&session, P256);
    expect("init", session.sign_init(ecdsa(), private), CKR_OK);
    let signature = session.sign(&[5; 32]).unwrap();
    let verify = |signature: &[u8]| {
        expect("init", session.verify_init(ecdsa(), public), CKR_OK);
        session.verify(&[5; 32], signature)
    };
    expect("the right one", verify(&signature), CKR_OK);
    expect("odd", verify(&signature[..63]), CKR_SIGNATURE_LEN_RANGE);
    expect("too long", verify(&[&signature[..], &[0, 0]].concat()), CKR_SIGNATURE_LEN_RANGE);
    expect("one byte", verify(&[1]), CKR_SIGNATURE_LEN_RANGE);
    expect("two bytes", verify(&[1, 1]), CKR_SIGNATURE_INVALID);
    expect("zeros", verify(&[0; 64]), CKR_SIGNATURE_INVALID);
    expect("beyond the order", verify(&[0xff; 64]), CKR_SIGNATURE_INVALID);
}

#[test]
fn plain_ecdsa_takes_data_in_one_part_only() {
    let token = Token::new();
    let session = token.user();
    let (public, private) = pair(&session, P256);
    expect("init", session.sign_init(ecdsa(), private), CKR_OK);
    expect("update", session.sign_update(&[5; 32]), CKR_FUNCTION_NOT_SUPPORTED);
    // The error ended it.
    assert_eq!(session.sign(&[5; 32]), Err(CKR_OPERATION_NOT_INITIALIZED));
    expect("init", session.verify_init(ecdsa(), public), CKR_OK);
    expect("update", session.verify_update(&[5; 32]), CKR_FUNCTION_NOT_SUPPORTED);
    expect("init", session.verify_init(ecdsa(), public), CKR_OK);
    expect("final", session.verify_final(&[5; 64]), CKR_FUNCTION_NOT_SUPPORTED);
    expect("init", session.sign_init(ecdsa(), private), CKR_OK);
    for bytes in [0, 1, 20, 64, 65, 1000] {
        let data = vec![9; bytes];
        let signature = session.sign(&data).unwrap();
        expect("init", session.verify_init(ecdsa(), public), CKR_OK);
        expect("verify", session.verify(&data, &signature), CKR_OK);
        expect("init", session.sign_init(ecdsa(), private), CKR_OK);
    }
}

#[test]
fn each_half_does_its_own_part_only() {
    let token = Token::new();
    let session = token.user();
    let (public, private) = pair(&session, P256);
    expect("public", session.sign_init(ecdsa(), public), CKR_KEY_TYPE_INCONSISTENT);
    expect("private", session.verify_init(ecdsa(), private), CKR_KEY_TYPE_INCONSISTENT);
    expect("secret", session.sign_init(ecdsa(), session.aes_key(&[])), CKR_KEY_TYPE_INCONSISTENT);
    let params = Mechanism::with(CKM_ECDSA, &[1]);
    expect("parameter", session.sign_init(params, private), CKR_MECHANISM_PARAM_INVALID);
    expect("cipher", session.encrypt_init(ecdsa(), public), CKR_MECHANISM_INVALID);
    let mute: Pair = (CKA_SIGN, NO);
    let by = Mechanism::plain(CKM_EC_KEY_PAIR_GEN);
    let (_, mute) = session.generate_pair(by, &[(CKA_EC_PARAMS, P256)], &[mute]).unwrap();
    expect("CKA_SIGN false", session.sign_init(ecdsa(), mute), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

/// A size query and a small buffer keep the operation.
#[test]
fn a_signature_waits_for_a_buffer() {
    let token = Token::new();
    let session = token.user();
    let (public, private) = pair(&session, CURVES[3].0);
    expect("init", session.sign_init(ecdsa(), private), CKR_OK);
    let (mut data, mut length, mut out) = ([5u8; 64], 0, [0u8; 132]);
    let sign = session.api.C_Sign.unwrap();
    // SAFETY: a query has no buffer; else it has as many bytes as its length says.
    let rv = unsafe { sign(session.handle, data.as_mut_ptr(), 64, std::ptr::null_mut(), &mut length) };
    assert_eq!((rv, length), (CKR_OK, 132));
    length = 131;
    // SAFETY: as above.
    let rv = unsafe { sign(session.handle, data.as_mut_ptr(), 64, out.as_mut_ptr(), &mut length) };
    assert_eq!((rv, length), (CKR_BUFFER_TOO_SMALL, 132));
    // SAFETY: as above.
    let rv = unsafe { sign(session.handle, data.as_mut_ptr(), 64, out.as_mut_ptr(), &mut length) };
    assert_eq!((rv, length), (CKR_OK, 132));
    expect("init", session.verify_init(ecdsa(), public), CKR_OK);
    expect("verify", session.verify(&data, &out), CKR_OK);
}
