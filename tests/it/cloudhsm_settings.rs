//! Profile `cloudhsm`: the settings of `[cloudhsm]`, and what the mechanisms' table says through the interface.

use crate::support::*;
use cryptoki_sys::*;
use std::fs;
use vhsm_pkcs11::profile::vendor::*;
use vhsm_pkcs11::profile::{MECHANISMS, Uses};

fn flags(hsm: &CloudHsm, kind: CK_MECHANISM_TYPE) -> Result<CK_FLAGS, CK_RV> {
    let mut info = CK_MECHANISM_INFO::default();
    match call!(hsm.module.api, C_GetMechanismInfo(hsm.slot, kind, &mut info)) {
        CKR_OK => Ok(info.flags),
        rv => Err(rv),
    }
}

fn listed(hsm: &CloudHsm) -> Vec<CK_MECHANISM_TYPE> {
    let mut list = vec![0; 500];
    let mut count = 500;
    let rv = call!(hsm.module.api, C_GetMechanismList(hsm.slot, list.as_mut_ptr(), &mut count));
    expect("list", rv, CKR_OK);
    list.truncate(count as usize);
    list
}

#[test]
fn the_mechanisms_are_those_of_the_table() {
    for (settings, non_fips) in [("", false), ("fips = false", true)] {
        let hsm = CloudHsm::with(2, settings);
        let listed = listed(&hsm);
        for kind in &listed {
            assert!(MECHANISMS.iter().any(|row| row.id == *kind), "{kind:#x} is not the guide's");
            assert!(flags(&hsm, *kind).is_ok(), "{kind:#x}");
        }
        for row in MECHANISMS {
            let uses = if non_fips { row.uses | row.non_fips } else { row.uses };
            let is_there = listed.contains(&row.id);
            assert_eq!(is_there, uses != Uses::NONE, "{}", row.name);
        }
        for other in [CKM_AES_KEY_WRAP, CKM_AES_OFB, CKM_SHA3_256, CKM_SHA256_HMAC_GENERAL, CKM_EDDSA] {
            assert_eq!(flags(&hsm, other), Err(CKR_MECHANISM_INVALID), "{other:#x}");
        }
    }
}

#[test]
fn mechanisms_do_no_more_than_the_guide_says() {
    let hsm = CloudHsm::new();
    let session = hsm.user();
    let all: [Pair; 4] = [(CKA_ENCRYPT, YES), (CKA_DECRYPT, YES), (CKA_WRAP, YES), (CKA_UNWRAP, YES)];
    let key = session.aes_key(&all);
    let other = session.aes_key(&[]);
    for kind in [CKM_AES_ECB, CKM_AES_CBC, CKM_AES_CBC_PAD, CKM_AES_CTR, CKM_AES_KEY_WRAP] {
        let rv = session.wrap(Mechanism::with(kind, &[0; 16]), key, other).unwrap_err();
        expect(&format!("wrap by {kind:#x}"), rv, CKR_MECHANISM_INVALID);
    }
    for kind in [CKM_CLOUDHSM_AES_KEY_WRAP_NO_PAD, CKM_AES_KEY_WRAP, CKM_RSA_PKCS, CKM_DES3_ECB] {
        let rv = session.encrypt_init(Mechanism::plain(kind), key);
        expect(&format!("encrypt by {kind:#x}"), rv, CKR_MECHANISM_INVALID);
    }
    for (kind, bytes) in [
        (CKM_CLOUDHSM_AES_KEY_WRAP_NO_PAD, 40),
        (CKM_CLOUDHSM_AES_KEY_WRAP_PKCS5_PAD, 48),
        (CKM_CLOUDHSM_AES_KEY_WRAP_ZERO_PAD, 40),
    ] {
        assert_eq!(session.wrap(Mechanism::plain(kind), key, other).unwrap().len(), bytes, "{kind:#x}");
    }
}

/// The most data of a call, and one byte (of CBC: one block) more.
#[test]
fn data_are_as_long_as_the_guide_says() {
    let hsm = CloudHsm::new();
    let session = hsm.user();
    let key = session.aes_key(&[(CKA_ENCRYPT, YES), (CKA_DECRYPT, YES)]);
    let cbc = || Mechanism::with(CKM_AES_CBC, &[3; 16]);
    expect("init", session.encrypt_init(cbc(), key), CKR_OK);
    let sealed = session.encrypt(&[1; 16_272]).unwrap();
    expect("init", session.encrypt_init(cbc(), key), CKR_OK);
    assert_eq!(session.encrypt(&[1; 16_288]), Err(CKR_DATA_LEN_RANGE));
    expect("init", session.decrypt_init(cbc(), key), CKR_OK);
    assert_eq!(session.decrypt(&sealed).unwrap(), [1; 16_272]);
    expect("init", session.decrypt_init(cbc(), key), CKR_OK);
    assert_eq!(session.decrypt(&[1; 16_288]), Err(CKR_ENCRYPTED_DATA_LEN_RANGE));
    // In parts, each may be so long.
    expect("init", session.encrypt_init(cbc(), key), CKR_OK);
    assert_eq!(session.encrypt_update(&[1; 16_272]).unwrap().len(), 16_272);
    assert_eq!(session.encrypt_update(&[1; 16_272]).unwrap().len(), 16_272);
    assert_eq!(session.encrypt_update(&[1; 16_288]), Err(CKR_DATA_LEN_RANGE));
    for kind in [CKM_AES_ECB, CKM_AES_CBC_PAD] {
        let by =
            || if kind == CKM_AES_ECB { Mechanism::plain(kind) } else { Mechanism::with(kind, &[3; 16]) };
        expect("init", session.encrypt_init(by(), key), CKR_OK);
        assert!(session.encrypt(&[1; 20_000]).is_ok(), "{kind:#x} has no limit");
    }

    let length = number(64);
    let secret = Mechanism::plain(CKM_GENERIC_SECRET_KEY_GEN);
    let secret = session.generate(secret, &[(CKA_VALUE_LEN, &length)]).unwrap();
    for (kind, most) in [
        (CKM_SHA_1_HMAC, 16_288),
        (CKM_SHA224_HMAC, 16_256),
        (CKM_SHA256_HMAC, 16_288),
        (CKM_SHA384_HMAC, 16_224),
        (CKM_SHA512_HMAC, 16_224),
    ] {
        let by = || Mechanism::plain(kind);
        expect("init", session.sign_init(by(), secret), CKR_OK);
        let code = session.sign(&vec![1; most]).unwrap();
        expect("init", session.verify_init(by(), secret), CKR_OK);
        expect("verify", session.verify(&vec![1; most], &code), CKR_OK);
        expect("init", session.sign_init(by(), secret), CKR_OK);
        assert_eq!(session.sign(&vec![1; most + 1]), Err(CKR_DATA_LEN_RANGE), "{kind:#x}");
        expect("init", session.verify_init(by(), secret), CKR_OK);
        expect("verify", session.verify(&vec![1; most + 1], &code), CKR_DATA_LEN_RANGE);
        expect("init", session.sign_init(by(), secret), CKR_OK);
        expect("update", session.sign_update(&vec![1; most + 1]), CKR_DATA_LEN_RANGE);
    }
    // Digests are made in software: no limit.
    expect("init", session.digest_init(Mechanism::plain(CKM_SHA512)), CKR_OK);
    assert_eq!(session.digest(&[1; 60_000]).unwrap().len(), 64);
}

#[test]
fn a_key_is_checked_when_it_is_used_where_the_setting_says_so() {
    for settings in ["", "disable_validate_key_at_init = true"] {
        let hsm = CloudHsm::with(2, settings);
        let session = hsm.user();
        let key = session.aes_key(&[(CKA_SIGN, NO), (CKA_VERIFY, NO)]);
        let (ecb, cmac) = (|| Mechanism::plain(CKM_AES_ECB), || Mechanism::plain(CKM_AES_CMAC));
        if settings.is_empty() {
            for rv in [
                session.encrypt_init(ecb(), key),
                session.decrypt_init(ecb(), key),
                session.sign_init(cmac(), key),
                session.verify_init(cmac(), key),
            ] {
                expect("at init", rv, CKR_KEY_FUNCTION_NOT_PERMITTED);
            }
            continue;
        }
        for round in 0..2 {
            expect("encrypt init", session.encrypt_init(ecb(), key), CKR_OK);
            assert_eq!(session.encrypt(&[0; 16]), Err(CKR_KEY_FUNCTION_NOT_PERMITTED), "{round}");
            expect("ended", session.encrypt(&[0; 16]).unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
            expect("decrypt init", session.decrypt_init(ecb(), key), CKR_OK);
            assert_eq!(session.decrypt_update(&[0; 16]), Err(CKR_KEY_FUNCTION_NOT_PERMITTED), "{round}");
            expect("sign init", session.sign_init(cmac(), key), CKR_OK);
            assert_eq!(session.sign(b"x"), Err(CKR_KEY_FUNCTION_NOT_PERMITTED), "{round}");
            expect("verify init", session.verify_init(cmac(), key), CKR_OK);
            expect("verify", session.verify(b"x", &[0; 16]), CKR_KEY_FUNCTION_NOT_PERMITTED);
        }
        // A key that may is not held up, in the same session.
        let allowed = session.aes_key(&[(CKA_ENCRYPT, YES)]);
        expect("init", session.encrypt_init(ecb(), key), CKR_OK);
        assert_eq!(session.encrypt(&[0; 16]), Err(CKR_KEY_FUNCTION_NOT_PERMITTED));
        expect("init", session.encrypt_init(ecb(), allowed), CKR_OK);
        assert_eq!(session.encrypt(&[0; 16]).unwrap().len(), 16);
    }
}

#[test]
fn outside_fips_mode_there_is_triple_des() {
    let hsm = CloudHsm::with(2, "fips = false");
    let session = hsm.user();
    let key = session.generate(Mechanism::plain(CKM_DES3_KEY_GEN), &[(CKA_ENCRYPT, YES), (CKA_DECRYPT, YES)]);
    let key = key.unwrap();
    for by in [
        || Mechanism::plain(CKM_DES3_ECB),
        || Mechanism::with(CKM_DES3_CBC, &[1; 8]),
        || Mechanism::with(CKM_DES3_CBC_PAD, &[1; 8]),
    ] {
        expect("init", session.encrypt_init(by(), key), CKR_OK);
        let sealed = session.encrypt(&[5; 16]).unwrap();
        expect("init", session.decrypt_init(by(), key), CKR_OK);
        assert_eq!(session.decrypt(&sealed).unwrap(), [5; 16]);
    }
    expect("init", session.encrypt_init(Mechanism::with(CKM_DES3_CBC, &[1; 8]), key), CKR_OK);
    assert_eq!(session.encrypt(&[5; 16_288]), Err(CKR_DATA_LEN_RANGE));
    for single in [CKM_DES_KEY_GEN, CKM_DES2_KEY_GEN] {
        let rv = session.generate(Mechanism::plain(single), &[]).unwrap_err();
        expect(&format!("{single:#x}"), rv, CKR_MECHANISM_INVALID);
    }
}

#[test]
fn an_unknown_setting_is_a_configuration_error() {
    for text in ["[cloudhsm]\nfps = true", "[cloudhsm]\nfips = 1", "profile = \"cloud\""] {
        let module = Module::loaded();
        fs::write(module.home().join("vhsm.toml"), text).unwrap();
        expect(text, module.initialize(), CKR_GENERAL_ERROR);
    }
}

/// CKF_ flags are those of 2.40, of what the mechanism may do here.
#[test]
fn information_is_that_of_2_40() {
    let hsm = CloudHsm::new();
    assert_eq!(flags(&hsm, CKM_AES_GCM), Ok(CKF_ENCRYPT | CKF_DECRYPT | CKF_WRAP | CKF_UNWRAP));
    assert_eq!(flags(&hsm, CKM_AES_CBC), Ok(CKF_ENCRYPT | CKF_DECRYPT));
    assert_eq!(flags(&hsm, CKM_SHA256_HMAC), Ok(CKF_SIGN | CKF_VERIFY));
    assert_eq!(flags(&hsm, CKM_RSA_PKCS), Ok(CKF_SIGN | CKF_VERIFY));
    let mut info = CK_MECHANISM_INFO::default();
    for (kind, sizes) in [
        (CKM_AES_KEY_GEN, (16, 32)),
        (CKM_GENERIC_SECRET_KEY_GEN, (8, 6400)),
        (CKM_SHA256_HMAC, (1, 800)),
        (CKM_RSA_PKCS_KEY_PAIR_GEN, (2048, 4096)),
        (CKM_EC_KEY_PAIR_GEN, (224, 521)),
    ] {
        expect("info", call!(hsm.module.api, C_GetMechanismInfo(hsm.slot, kind, &mut info)), CKR_OK);
        assert_eq!((info.ulMinKeySize, info.ulMaxKeySize), sizes, "{kind:#x}");
    }
}

#[test]
fn oaep_has_one_hash() {
    let hsm = CloudHsm::new();
    let session = hsm.user();
    let bits = number(2048);
    let public: [Pair; 4] =
        [(CKA_MODULUS_BITS, &bits), (CKA_PUBLIC_EXPONENT, &[1, 0, 1]), (CKA_ENCRYPT, YES), (CKA_WRAP, YES)];
    let private: [Pair; 2] = [(CKA_DECRYPT, YES), (CKA_UNWRAP, YES)];
    let by = Mechanism::plain(CKM_RSA_PKCS_KEY_PAIR_GEN);
    let (public, private) = session.generate_pair(by, &public, &private).unwrap();
    let key = session.aes_key(&[]);
    for (hash, mgf, wanted) in [
        (CKM_SHA_1, CKG_MGF1_SHA1, CKR_OK),
        (CKM_SHA224, CKG_MGF1_SHA224, CKR_OK),
        (CKM_SHA256, CKG_MGF1_SHA256, CKR_OK),
        (CKM_SHA384, CKG_MGF1_SHA384, CKR_OK),
        (CKM_SHA512, CKG_MGF1_SHA512, CKR_OK),
        (CKM_SHA256, CKG_MGF1_SHA1, CKR_MECHANISM_PARAM_INVALID),
        (CKM_SHA3_256, CKG_MGF1_SHA3_256, CKR_MECHANISM_PARAM_INVALID),
    ] {
        let by = || Mechanism::oaep(hash, mgf, b"");
        let what = format!("{hash:#x} {mgf:#x}");
        expect(&what, session.encrypt_init(by(), public), wanted);
        expect(&what, session.wrap(by(), public, key).map_or_else(|rv| rv, |_| CKR_OK), wanted);
        if wanted != CKR_OK {
            expect(&what, session.decrypt_init(by(), private), wanted);
            let rv = session.unwrap(by(), private, &[0; 256], &[]).unwrap_err();
            expect(&what, rv, wanted);
            continue;
        }
        let sealed = session.encrypt(b"data").unwrap();
        expect(&what, session.decrypt_init(by(), private), CKR_OK);
        assert_eq!(session.decrypt_update(&sealed), Err(CKR_MECHANISM_INVALID), "{what}");
        expect(&what, session.decrypt_init(by(), private), CKR_OK);
        assert_eq!(session.decrypt(&sealed).as_deref(), Ok(&b"data"[..]), "{what}");
    }
    // Whole data only, as of raw ECDSA and RSA signatures: an update ends the operation.
    let signing: [Pair; 2] = [(CKA_MODULUS_BITS, &bits), (CKA_PUBLIC_EXPONENT, &[1, 0, 1])];
    let by = Mechanism::plain(CKM_RSA_PKCS_KEY_PAIR_GEN);
    let (_, signer) = session.generate_pair(by, &signing, &[(CKA_SIGN, YES)]).unwrap();
    expect("init", session.sign_init(Mechanism::plain(CKM_RSA_PKCS), signer), CKR_OK);
    expect("update", session.sign_update(b"data"), CKR_MECHANISM_INVALID);
    expect("ended", session.sign(b"data").unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
    expect("init", session.sign_init(Mechanism::plain(CKM_SHA256_RSA_PKCS), signer), CKR_OK);
    expect("update", session.sign_update(b"data"), CKR_OK);
    assert_eq!(session.sign_final().unwrap().len(), 256);
}
