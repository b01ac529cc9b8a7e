//! Keys on the short Weierstrass curves that come from outside (PKCS#11 3.2, Elliptic Curve: key objects).

use crate::support::curves::*;
use crate::support::*;
use cryptoki_sys::*;

/// A curve's OID, its names, and the bytes of a coordinate.
const CURVES: [(&[u8], &[&str], usize); 5] = [
    (P224, &["secp224r1", "P-224"], 28),
    (P256, &["secp256r1", "prime256v1", "P-256"], 32),
    (P384, &["secp384r1", "P-384"], 48),
    (P521, &["secp521r1", "P-521"], 66),
    (SECP256K1, &["secp256k1"], 32),
];

fn printable(name: &str) -> Vec<u8> {
    [&[0x13, name.len() as u8], name.as_bytes()].concat()
}

/// The bare octets of a key's CKA_EC_POINT, which has them in an OCTET STRING.
fn bare(der: &[u8]) -> Vec<u8> {
    let head = if der[1] == 0x81 { 3 } else { 2 };
    assert_eq!((der[0], usize::from(der[head - 1])), (4, der.len() - head));
    der[head..].to_vec()
}

fn compressed(point: &[u8]) -> Vec<u8> {
    let bytes = point.len() / 2;
    [&[2 | point[2 * bytes] & 1][..], &point[1..=bytes]].concat()
}

fn octet_string(bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len() as u8;
    let head: &[u8] = if length < 0x80 { &[4, length] } else { &[4, 0x81, length] };
    [head, bytes].concat()
}

#[test]
fn points_and_curves_come_in_every_form() {
    let token = Token::new();
    let session = token.user();
    for (oid, names, bytes) in CURVES {
        let (public, private) = session.curve_pair(CKM_EC_KEY_PAIR_GEN, oid, &[]);
        let point = session.get(public, CKA_EC_POINT).unwrap();
        assert_eq!(session.get(private, CKA_EC_POINT).unwrap(), point);
        assert_eq!(session.get(private, CKA_EC_PARAMS).unwrap(), oid);
        let whole = bare(&point);
        assert_eq!(whole.len(), 1 + 2 * bytes);
        let short = compressed(&whole);
        let params: Vec<_> = names.iter().map(|name| printable(name)).chain([oid.to_vec()]).collect();
        for params in &params {
            for form in [&point, &whole, &short, &octet_string(&short)] {
                let key = session.import_public(CKK_EC, params, form).unwrap();
                assert_eq!(session.get(key, CKA_EC_POINT).unwrap(), point, "uncompressed, in DER");
                assert_eq!(session.get(key, CKA_EC_PARAMS).unwrap(), *params);
                expect("destroy", session.destroy(key), CKR_OK);
            }
        }
        expect("init", session.sign_init(Mechanism::plain(CKM_ECDSA), private), CKR_OK);
        let signature = session.sign(&[3; 32]).unwrap();
        let imported = session.import_public(CKK_EC, &params[0], &short).unwrap();
        expect("init", session.verify_init(Mechanism::plain(CKM_ECDSA), imported), CKR_OK);
        expect("verify", session.verify(&[3; 32], &signature), CKR_OK);
    }
}

#[test]
fn what_is_no_point_is_no_key() {
    let token = Token::new();
    let session = token.user();
    for (oid, _, bytes) in CURVES {
        let (public, _) = session.curve_pair(CKM_EC_KEY_PAIR_GEN, oid, &[]);
        let point = bare(&session.get(public, CKA_EC_POINT).unwrap());
        let import = |point: &[u8]| {
            let results =
                [point.to_vec(), octet_string(point)].map(|p| session.import_public(CKK_EC, oid, &p));
            assert_eq!(results[0], results[1], "bare and in an OCTET STRING");
            results[0]
        };
        let mut off = point.clone();
        off[2 * bytes] ^= 1;
        assert_eq!(import(&off), Err(CKR_PUBLIC_KEY_INVALID), "off the curve");
        assert_eq!(import(&[&[4][..], &vec![0; 2 * bytes]].concat()), Err(CKR_PUBLIC_KEY_INVALID), "zeros");
        let over = [&[4][..], &vec![0xff; 2 * bytes]].concat();
        assert_eq!(import(&over), Err(CKR_PUBLIC_KEY_INVALID), "beyond the field");
        let hybrid = [&[6 | point[2 * bytes] & 1][..], &point[1..]].concat();
        assert_eq!(import(&hybrid), Err(CKR_PUBLIC_KEY_INVALID), "hybrid");
        assert_eq!(import(&[0]), Err(CKR_ATTRIBUTE_VALUE_INVALID), "infinity");
        assert_eq!(import(&point[1..]), Err(CKR_ATTRIBUTE_VALUE_INVALID), "without its form");
        assert_eq!(import(&point[..2 * bytes]), Err(CKR_ATTRIBUTE_VALUE_INVALID), "cut");
        assert_eq!(session.import_public(CKK_EC, oid, &[]), Err(CKR_ATTRIBUTE_VALUE_INVALID), "empty");
        let mut long = octet_string(&point);
        long.push(0);
        assert_eq!(
            session.import_public(CKK_EC, oid, &long),
            Err(CKR_ATTRIBUTE_VALUE_INVALID),
            "a byte more"
        );
    }
}

/// The order of P-256's group (NIST SP 800-186 sec. 3.2.1.3).
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

#[test]
fn private_keys_are_from_1_to_the_order() {
    let token = Token::new();
    let session = token.user();
    let import = |value: &[u8]| session.import_private(CKK_EC, P256, value, &[]);
    let (mut last, mut beyond) = (P256_ORDER, P256_ORDER);
    last[31] -= 1;
    beyond[31] += 1;
    for wrong in [&[][..], &[0], &[0; 32], &P256_ORDER, &beyond, &[0xff; 33]] {
        assert_eq!(import(wrong), Err(CKR_ATTRIBUTE_VALUE_INVALID), "{wrong:?}");
    }
    for (given, kept) in [
        (&[1][..], [&[0; 31][..], &[1]].concat()),
        (&[0, 0, 1], [&[0; 31][..], &[1]].concat()),
        (&last, last.to_vec()),
        (&[&[0; 5][..], &last].concat(), last.to_vec()),
    ] {
        let key = import(given).unwrap();
        assert_eq!(session.get(key, CKA_VALUE).unwrap(), kept);
    }
}

#[test]
fn a_private_key_brings_its_own_point_or_none() {
    let token = Token::new();
    let session = token.user();
    let (public, private) = session.curve_pair(CKM_EC_KEY_PAIR_GEN, P384, &[]);
    let (value, point) =
        (session.get(private, CKA_VALUE).unwrap(), session.get(public, CKA_EC_POINT).unwrap());
    let import = |point: &[u8]| session.import_private(CKK_EC, P384, &value, &[(CKA_EC_POINT, point)]);
    for form in [&point, &bare(&point), &compressed(&bare(&point))] {
        assert_eq!(session.get(import(form).unwrap(), CKA_EC_POINT).unwrap(), point);
    }
    let (other, _) = session.curve_pair(CKM_EC_KEY_PAIR_GEN, P384, &[]);
    let other = session.get(other, CKA_EC_POINT).unwrap();
    assert_eq!(import(&other), Err(CKR_ATTRIBUTE_VALUE_INVALID));
    let info = session.get(public, CKA_PUBLIC_KEY_INFO).unwrap();
    let with_info = session.import_private(CKK_EC, P384, &value, &[(CKA_PUBLIC_KEY_INFO, &info)]).unwrap();
    assert_eq!(session.get(with_info, CKA_PUBLIC_KEY_INFO).unwrap(), info);
}

/// Explicit parameters of any kind, implicitlyCA, and names that nobody knows.
#[test]
fn curves_are_named_and_known() {
    let token = Token::new();
    let session = token.user();
    let explicit: &[u8] = &[0x30, 0x06, 0x02, 0x01, 0x01, 0x30, 0x01, 0x00];
    for (params, code) in [
        (explicit, CKR_DOMAIN_PARAMS_INVALID),
        (&[0x05, 0x00], CKR_DOMAIN_PARAMS_INVALID),
        (&[], CKR_DOMAIN_PARAMS_INVALID),
        (b"P-256", CKR_DOMAIN_PARAMS_INVALID),
        (&P256[..9], CKR_DOMAIN_PARAMS_INVALID),
        (&[0x0c, 0x05, b'P', b'-', b'2', b'5', b'6'], CKR_DOMAIN_PARAMS_INVALID),
        (&[0x13, 0x05, b'P', b'-', b'2', b'5', b'5'], CKR_CURVE_NOT_SUPPORTED),
        (&[0x13, 0x05, b'p', b'-', b'2', b'5', b'6'], CKR_CURVE_NOT_SUPPORTED),
        // P-192, brainpoolP256r1, Ed25519, Ed448
        (&[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x01], CKR_CURVE_NOT_SUPPORTED),
        (&[0x06, 0x09, 0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07], CKR_CURVE_NOT_SUPPORTED),
        (ED25519, CKR_CURVE_NOT_SUPPORTED),
        (&[0x06, 0x03, 0x2b, 0x65, 0x71], CKR_CURVE_NOT_SUPPORTED),
    ] {
        let by = Mechanism::plain(CKM_EC_KEY_PAIR_GEN);
        let made = session.generate_pair(by, &[(CKA_EC_PARAMS, params)], &[]);
        assert_eq!(made, Err(code), "{params:?}");
        assert_eq!(session.import_public(CKK_EC, params, &[4; 65]), Err(code), "{params:?}");
        assert_eq!(session.import_private(CKK_EC, params, &[1; 32], &[]), Err(code), "{params:?}");
    }
    let by = Mechanism::plain(CKM_EC_KEY_PAIR_GEN);
    assert_eq!(session.generate_pair(by, &[], &[]), Err(CKR_TEMPLATE_INCOMPLETE));
}
