//! RSA encryption through the interface: PKCS #1 v1.5, OAEP and raw; signatures that give their data back.

use crate::support::*;
use cryptoki_sys::*;

fn sealed(session: &Session, by: Mechanism, key: u64, data: &[u8]) -> Result<Vec<u8>, CK_RV> {
    expect("C_EncryptInit", session.encrypt_init(by, key), CKR_OK);
    session.encrypt(data)
}

fn opened(session: &Session, by: Mechanism, key: u64, data: &[u8]) -> Result<Vec<u8>, CK_RV> {
    expect("C_DecryptInit", session.decrypt_init(by, key), CKR_OK);
    session.decrypt(data)
}

fn pkcs1() -> Mechanism {
    Mechanism::plain(CKM_RSA_PKCS)
}

fn raw() -> Mechanism {
    Mechanism::plain(CKM_RSA_X_509)
}

fn oaep() -> Mechanism {
    Mechanism::oaep(CKM_SHA256, CKG_MGF1_SHA1, b"label")
}

#[test]
fn what_is_encrypted_is_decrypted_and_lengths_are_told() {
    let token = Token::new();
    let session = token.user();
    let (public, private) = session.rsa_pair(2048);
    for (by, most) in [(pkcs1 as By, 245), (oaep, 190)] {
        for bytes in [0, 1, most] {
            let data = vec![9; bytes];
            let ciphertext = sealed(&session, by(), public, &data).unwrap();
            assert_eq!(ciphertext.len(), 256);
            assert_eq!(opened(&session, by(), private, &ciphertext).unwrap(), data);
            assert_ne!(sealed(&session, by(), public, &data).unwrap(), ciphertext);
        }
        assert_eq!(sealed(&session, by(), public, &vec![9; most + 1]), Err(CKR_DATA_LEN_RANGE));
        for bytes in [0, 255, 257] {
            assert_eq!(opened(&session, by(), private, &vec![1; bytes]), Err(CKR_ENCRYPTED_DATA_LEN_RANGE));
        }
    }
}

#[test]
fn raw_data_are_a_number_below_the_modulus() {
    let token = Token::new();
    let session = token.user();
    let (public, private) = session.rsa_pair(2048);
    let modulus = session.get(public, CKA_MODULUS).unwrap();
    for data in [&b"short"[..], &[0x01; 255], &[&[0], &[0xff; 255][..]].concat()] {
        let ciphertext = sealed(&session, raw(), public, data).unwrap();
        let plaintext = opened(&session, raw(), private, &ciphertext).unwrap();
        assert_eq!(plaintext, [&vec![0; 256 - data.len()][..], data].concat());
        expect("C_SignInit", session.sign_init(raw(), private), CKR_OK);
        let signature = session.sign(data).unwrap();
        assert_eq!(sealed(&session, raw(), public, &signature).unwrap(), plaintext);
        expect("C_VerifyInit", session.verify_init(raw(), public), CKR_OK);
        expect("C_Verify", session.verify(data, &signature), CKR_OK);
        expect("C_VerifyInit", session.verify_init(raw(), public), CKR_OK);
        expect("C_Verify", session.verify(&plaintext, &signature), CKR_OK);
        expect("C_VerifyInit", session.verify_init(raw(), public), CKR_OK);
        expect("other data", session.verify(b"other", &signature), CKR_SIGNATURE_INVALID);
        expect("C_VerifyInit", session.verify_init(raw(), public), CKR_OK);
        expect("no number below it", session.verify(data, &[0xff; 256]), CKR_SIGNATURE_INVALID);
    }
    for number in [&modulus[..], &[0xff; 256]] {
        assert_eq!(sealed(&session, raw(), public, number), Err(CKR_DATA_INVALID));
        assert_eq!(opened(&session, raw(), private, number), Err(CKR_ENCRYPTED_DATA_INVALID));
        expect("C_SignInit", session.sign_init(raw(), private), CKR_OK);
        assert_eq!(session.sign(number), Err(CKR_DATA_INVALID));
    }
    let mut last = modulus.clone();
    last[255] -= 1;
    for own_root in [&[0; 256][..], &[&[0; 255][..], &[1]].concat(), &last] {
        assert_eq!(sealed(&session, raw(), public, own_root).unwrap(), own_root);
        assert_eq!(opened(&session, raw(), private, own_root).unwrap(), own_root);
    }
    assert_eq!(sealed(&session, raw(), public, &[0; 257]), Err(CKR_DATA_LEN_RANGE));
}

/// Each wrong byte of a padding, and every other mistake, gives the one answer.
#[test]
fn bad_ciphertexts_all_get_the_same_answer() {
    let token = Token::new();
    let session = token.user();
    let (public, private) = session.rsa_pair(2048);
    let mut block = [0x5a; 256];
    block[..2].copy_from_slice(&[0, 2]);
    block[100] = 0;
    let forged = |block: &[u8]| sealed(&session, raw(), public, block).unwrap();
    assert_eq!(opened(&session, pkcs1(), private, &forged(&block)).unwrap(), [0x5a; 155]);
    for (at, value) in [(0, 1), (1, 0), (1, 1), (2, 0), (9, 0), (100, 1)] {
        let mut bad = block;
        bad[at] = value;
        let refused = opened(&session, pkcs1(), private, &forged(&bad));
        assert_eq!(refused, Err(CKR_ENCRYPTED_DATA_INVALID), "byte {at}");
    }
    for ciphertext in [forged(&block), vec![0; 256], vec![0x33; 256], vec![0xff; 256]] {
        let refused = opened(&session, oaep(), private, &ciphertext);
        assert_eq!(refused, Err(CKR_ENCRYPTED_DATA_INVALID));
    }
    let good = sealed(&session, oaep(), public, b"data").unwrap();
    for other in [
        Mechanism::oaep(CKM_SHA256, CKG_MGF1_SHA1, b"labem"),
        Mechanism::oaep(CKM_SHA256, CKG_MGF1_SHA1, b""),
        Mechanism::oaep(CKM_SHA256, CKG_MGF1_SHA256, b"label"),
        Mechanism::oaep(CKM_SHA_1, CKG_MGF1_SHA1, b"label"),
    ] {
        assert_eq!(opened(&session, other, private, &good), Err(CKR_ENCRYPTED_DATA_INVALID));
    }
}

#[test]
fn there_are_no_parts() {
    let token = Token::new();
    let session = token.user();
    let (public, private) = session.rsa_pair(2048);
    for by in [pkcs1 as By, raw, oaep] {
        expect("C_EncryptInit", session.encrypt_init(by(), public), CKR_OK);
        assert_eq!(session.encrypt_update(b"part"), Err(CKR_FUNCTION_NOT_SUPPORTED));
        assert_eq!(session.encrypt_update(b"part"), Err(CKR_OPERATION_NOT_INITIALIZED));
        expect("C_EncryptInit", session.encrypt_init(by(), public), CKR_OK);
        assert_eq!(session.encrypt_final(), Err(CKR_FUNCTION_NOT_SUPPORTED));
        expect("C_DecryptInit", session.decrypt_init(by(), private), CKR_OK);
        assert_eq!(session.decrypt_update(&[1; 256]), Err(CKR_FUNCTION_NOT_SUPPORTED));
        expect("C_DecryptInit", session.decrypt_init(by(), private), CKR_OK);
        assert_eq!(session.decrypt_final(), Err(CKR_FUNCTION_NOT_SUPPORTED));
    }
}

#[test]
fn each_half_of_a_pair_has_its_direction() {
    let token = Token::new();
    let session = token.user();
    let (public, private) = session.rsa_pair(2048);
    let secret = session.aes_key(&[]);
    for by in [pkcs1 as By, raw, oaep] {
        for key in [private, secret] {
            expect("C_EncryptInit", session.encrypt_init(by(), key), CKR_KEY_TYPE_INCONSISTENT);
        }
        for key in [public, secret] {
            expect("C_DecryptInit", session.decrypt_init(by(), key), CKR_KEY_TYPE_INCONSISTENT);
        }
    }
    expect("C_SetAttributeValue", session.set(private, &[(CKA_DECRYPT, NO)]), CKR_OK);
    expect("C_DecryptInit", session.decrypt_init(oaep(), private), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

#[test]
fn parameters_of_oaep_that_say_nothing_are_refused() {
    let token = Token::new();
    let session = token.user();
    let (public, _) = session.rsa_pair(2048);
    let refused = |by: Mechanism| {
        expect("C_EncryptInit", session.encrypt_init(by, public), CKR_MECHANISM_PARAM_INVALID);
    };
    refused(Mechanism::plain(CKM_RSA_PKCS_OAEP));
    refused(Mechanism::with(CKM_RSA_PKCS_OAEP, &[1; 39]));
    refused(Mechanism::with(CKM_RSA_PKCS, &[1]));
    refused(Mechanism::oaep(CKM_MD5, CKG_MGF1_SHA1, b""));
    refused(Mechanism::oaep(CKM_SHA256_RSA_PKCS, CKG_MGF1_SHA1, b""));
    for mgf in [0, 10, CK_ULONG::MAX] {
        refused(Mechanism::oaep(CKM_SHA256, mgf, b""));
    }
    let params = |source, data, bytes| {
        let [hash, mgf] = [CKM_SHA256, CKG_MGF1_SHA256];
        Mechanism::with(
            CKM_RSA_PKCS_OAEP,
            &[hash, mgf, source, data, bytes].map(CK_ULONG::to_ne_bytes).concat(),
        )
    };
    refused(params(2, 0, 0));
    refused(params(CKZ_DATA_SPECIFIED, 0, 5));
    refused(params(CKZ_DATA_SPECIFIED, 0, CK_ULONG::MAX));
    // As AWS's sample programs have it: a structure that was not filled up.
    expect("a source of 0", session.encrypt_init(params(0, 0, 0), public), CKR_OK);
}

#[test]
fn signatures_give_their_data_back() {
    let token = Token::new();
    let session = token.user();
    let (public, private) = session.rsa_pair(2048);
    for data in [&b""[..], b"some data", &[7; 245]] {
        let signature = session.sign_recover(pkcs1(), private, data).unwrap();
        assert_eq!(session.verify_recover(pkcs1(), public, &signature).unwrap(), data);
        expect("C_VerifyInit", session.verify_init(pkcs1(), public), CKR_OK);
        expect("the same signature", session.verify(data, &signature), CKR_OK);
        let signature = session.sign_recover(raw(), private, data).unwrap();
        assert!(session.verify_recover(raw(), public, &signature).unwrap().ends_with(data));
        assert_eq!(session.verify_recover(pkcs1(), public, &signature), Err(CKR_SIGNATURE_INVALID));
    }
    assert_eq!(session.sign_recover(pkcs1(), private, &[7; 246]), Err(CKR_DATA_LEN_RANGE));
    assert_eq!(session.sign_recover(raw(), private, &[0xff; 256]), Err(CKR_DATA_INVALID));
    assert_eq!(session.verify_recover(pkcs1(), public, &[7; 255]), Err(CKR_SIGNATURE_LEN_RANGE));
    assert_eq!(session.sign_recover(pkcs1(), public, b"data"), Err(CKR_KEY_TYPE_INCONSISTENT));
    expect("C_SetAttributeValue", session.set(private, &[(CKA_SIGN_RECOVER, NO)]), CKR_OK);
    assert_eq!(session.sign_recover(pkcs1(), private, b"data"), Err(CKR_KEY_FUNCTION_NOT_PERMITTED));
}
