//! RSA signatures through the interface: PKCS #1 v1.5, PSS, raw, with a hash and without (PKCS#11 3.2, RSA).

use crate::support::*;
use cryptoki_sys::*;

const PSS_OF: [(CK_MECHANISM_TYPE, CK_MECHANISM_TYPE, CK_RSA_PKCS_MGF_TYPE, u64); 9] = [
    (CKM_SHA1_RSA_PKCS_PSS, CKM_SHA_1, CKG_MGF1_SHA1, 20),
    (CKM_SHA224_RSA_PKCS_PSS, CKM_SHA224, CKG_MGF1_SHA224, 28),
    (CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, 32),
    (CKM_SHA384_RSA_PKCS_PSS, CKM_SHA384, CKG_MGF1_SHA384, 48),
    (CKM_SHA512_RSA_PKCS_PSS, CKM_SHA512, CKG_MGF1_SHA512, 64),
    (CKM_SHA3_224_RSA_PKCS_PSS, CKM_SHA3_224, CKG_MGF1_SHA3_224, 0),
    (CKM_SHA3_256_RSA_PKCS_PSS, CKM_SHA3_256, CKG_MGF1_SHA3_256, 1),
    (CKM_SHA3_384_RSA_PKCS_PSS, CKM_SHA3_384, CKG_MGF1_SHA3_384, 206),
    (CKM_SHA3_512_RSA_PKCS_PSS, CKM_SHA3_512, CKG_MGF1_SHA3_512, 190),
];

const PKCS1_OF: [CK_MECHANISM_TYPE; 9] = [
    CKM_SHA1_RSA_PKCS,
    CKM_SHA224_RSA_PKCS,
    CKM_SHA256_RSA_PKCS,
    CKM_SHA384_RSA_PKCS,
    CKM_SHA512_RSA_PKCS,
    CKM_SHA3_224_RSA_PKCS,
    CKM_SHA3_256_RSA_PKCS,
    CKM_SHA3_384_RSA_PKCS,
    CKM_SHA3_512_RSA_PKCS,
];

fn signed(session: &Session, by: Mechanism, key: u64, data: &[u8]) -> Vec<u8> {
    expect("C_SignInit", session.sign_init(by, key), CKR_OK);
    session.sign(data).unwrap()
}

fn verified(session: &Session, by: Mechanism, key: u64, data: &[u8], signature: &[u8]) -> CK_RV {
    expect("C_VerifyInit", session.verify_init(by, key), CKR_OK);
    session.verify(data, signature)
}

#[test]
fn every_signature_is_verified_whole_and_in_parts() {
    let token = Token::new();
    let session = token.user();
    let (public, private) = session.rsa_pair(2048);
    let plain = PKCS1_OF.map(|kind| (kind, Box::new(move || Mechanism::plain(kind)) as Box<dyn Fn() -> _>));
    let salted = PSS_OF.map(|(kind, hash, mgf, salt)| {
        (kind, Box::new(move || Mechanism::pss(kind, hash, mgf, salt)) as Box<dyn Fn() -> Mechanism>)
    });
    for (kind, by) in plain.into_iter().chain(salted) {
        let signature = signed(&session, by(), private, b"some message");
        assert_eq!(signature.len(), 256, "{kind:#x}");
        expect("whole", verified(&session, by(), public, b"some message", &signature), CKR_OK);
        let wrong = verified(&session, by(), public, b"some messagf", &signature);
        expect("another message", wrong, CKR_SIGNATURE_INVALID);
        expect("C_SignInit", session.sign_init(by(), private), CKR_OK);
        expect("C_SignUpdate", session.sign_update(b"some "), CKR_OK);
        expect("C_SignUpdate", session.sign_update(b"message"), CKR_OK);
        let in_parts = session.sign_final().unwrap();
        expect("C_VerifyInit", session.verify_init(by(), public), CKR_OK);
        expect("C_VerifyUpdate", session.verify_update(b"some messag"), CKR_OK);
        expect("C_VerifyUpdate", session.verify_update(b"e"), CKR_OK);
        expect("C_VerifyFinal", session.verify_final(&in_parts), CKR_OK);
        expect("C_VerifyInit", session.verify_init(by(), public), CKR_OK);
        let short = session.verify(b"some message", &signature[..255]);
        expect("a short signature", short, CKR_SIGNATURE_LEN_RANGE);
    }
}

#[test]
fn a_signature_asks_for_as_much_room_as_the_modulus_has() {
    let token = Token::new();
    let session = token.user();
    let (_, private) = session.rsa_pair(2048);
    for kind in [CKM_RSA_PKCS, CKM_SHA256_RSA_PKCS] {
        expect("C_SignInit", session.sign_init(Mechanism::plain(kind), private), CKR_OK);
        let mut length = 0;
        let sign = |output: *mut CK_BYTE, length: &mut CK_ULONG| {
            let data = b"data".as_ptr().cast_mut();
            call!(session.api, C_Sign(session.handle, data, 4, output, length))
        };
        expect("a size query", sign(std::ptr::null_mut(), &mut length), CKR_OK);
        assert_eq!(length, 256);
        let mut output = [0; 256];
        length = 255;
        expect("too little room", sign(output.as_mut_ptr(), &mut length), CKR_BUFFER_TOO_SMALL);
        assert_eq!(length, 256);
        expect("enough", sign(output.as_mut_ptr(), &mut length), CKR_OK);
        expect("it has ended", sign(output.as_mut_ptr(), &mut length), CKR_OPERATION_NOT_INITIALIZED);
    }
}

#[test]
fn without_a_hash_there_are_no_parts_and_the_data_must_fit() {
    let token = Token::new();
    let session = token.user();
    let (public, private) = session.rsa_pair(2048);
    let plain = || Mechanism::plain(CKM_RSA_PKCS);
    let salted = || Mechanism::pss(CKM_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA1, 20);
    for (by, fits, does_not) in [(plain as By, 245, 246), (salted, 32, 31)] {
        let signature = signed(&session, by(), private, &vec![7; fits]);
        expect("C_Verify", verified(&session, by(), public, &vec![7; fits], &signature), CKR_OK);
        let short = verified(&session, by(), public, &vec![7; fits - 1], &signature);
        expect("other data", short, if fits == 32 { CKR_DATA_LEN_RANGE } else { CKR_SIGNATURE_INVALID });
        let long = verified(&session, by(), public, &vec![7; 400], &signature);
        expect("too long data", long, CKR_DATA_LEN_RANGE);
        expect("C_SignInit", session.sign_init(by(), private), CKR_OK);
        assert_eq!(session.sign(&vec![7; does_not]), Err(CKR_DATA_LEN_RANGE));
        expect("C_SignInit", session.sign_init(by(), private), CKR_OK);
        expect("a part", session.sign_update(b"data"), CKR_FUNCTION_NOT_SUPPORTED);
        expect("it ended that", session.sign_update(b"data"), CKR_OPERATION_NOT_INITIALIZED);
        expect("C_SignInit", session.sign_init(by(), private), CKR_OK);
        assert_eq!(session.sign_final(), Err(CKR_FUNCTION_NOT_SUPPORTED));
        expect("C_VerifyInit", session.verify_init(by(), public), CKR_OK);
        expect("a part", session.verify_update(b"data"), CKR_FUNCTION_NOT_SUPPORTED);
        expect("C_VerifyInit", session.verify_init(by(), public), CKR_OK);
        expect("no data", session.verify_final(&signature), CKR_FUNCTION_NOT_SUPPORTED);
    }
}

#[test]
fn a_key_works_only_for_its_half_and_as_it_may() {
    let token = Token::new();
    let session = token.user();
    let (public, private) = session.rsa_pair(2048);
    let secret = session.aes_key(&[]);
    let by = || Mechanism::plain(CKM_SHA256_RSA_PKCS);
    for key in [public, secret] {
        expect("C_SignInit", session.sign_init(by(), key), CKR_KEY_TYPE_INCONSISTENT);
    }
    for key in [private, secret] {
        expect("C_VerifyInit", session.verify_init(by(), key), CKR_KEY_TYPE_INCONSISTENT);
    }
    expect("C_SignInit", session.sign_init(by(), 0), CKR_KEY_HANDLE_INVALID);
    expect("C_SetAttributeValue", session.set(private, &[(CKA_SIGN, NO)]), CKR_OK);
    expect("C_SignInit", session.sign_init(by(), private), CKR_KEY_FUNCTION_NOT_PERMITTED);
    expect("C_SetAttributeValue", session.set(public, &[(CKA_VERIFY, NO)]), CKR_OK);
    expect("C_VerifyInit", session.verify_init(by(), public), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

#[test]
fn parameters_that_say_nothing_or_too_much_are_refused() {
    let token = Token::new();
    let session = token.user();
    let (_, private) = session.rsa_pair(2048);
    let refused = |by: Mechanism| {
        expect("C_SignInit", session.sign_init(by, private), CKR_MECHANISM_PARAM_INVALID);
    };
    refused(Mechanism::with(CKM_RSA_PKCS, &[0]));
    refused(Mechanism::with(CKM_SHA256_RSA_PKCS, &[0; 24]));
    for kind in [CKM_RSA_PKCS_PSS, CKM_SHA256_RSA_PKCS_PSS] {
        refused(Mechanism::plain(kind));
        for bytes in [1, 8, 23, 25, 32] {
            refused(Mechanism::with(kind, &vec![1; bytes]));
        }
        refused(Mechanism::pss(kind, CKM_SHA256, CKG_MGF1_SHA256, 223));
        refused(Mechanism::pss(kind, CKM_SHA256, CKG_MGF1_SHA256, CK_ULONG::MAX));
        refused(Mechanism::pss(kind, CKM_SHA256, 0, 32));
        refused(Mechanism::pss(kind, CKM_SHA256, 10, 32));
        refused(Mechanism::pss(kind, CKM_SHA256, CK_ULONG::MAX, 32));
        refused(Mechanism::pss(kind, CKM_MD5, CKG_MGF1_SHA256, 32));
        refused(Mechanism::pss(kind, CKM_SHA256_HMAC, CKG_MGF1_SHA256, 32));
    }
    refused(Mechanism::pss(CKM_SHA256_RSA_PKCS_PSS, CKM_SHA384, CKG_MGF1_SHA384, 32));
}
