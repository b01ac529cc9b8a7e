//! What the derivations of SP 800-108 promise beyond their vectors: every function, every form of number, several keys.

use super::derive::{bytes, derive_with, kdf, width};
use super::*;
use cryptoki_sys::*;

const PRFS: [CK_MECHANISM_TYPE; 12] = [
    CKM_SHA_1_HMAC,
    CKM_SHA224_HMAC,
    CKM_SHA256_HMAC,
    CKM_SHA384_HMAC,
    CKM_SHA512_HMAC,
    CKM_SHA512_224_HMAC,
    CKM_SHA512_256_HMAC,
    CKM_SHA3_224_HMAC,
    CKM_SHA3_256_HMAC,
    CKM_SHA3_384_HMAC,
    CKM_SHA3_512_HMAC,
    CKM_AES_CMAC,
];

fn prf(id: CK_MECHANISM_TYPE, data: &[u8]) -> Vec<u8> {
    let mut sign = row(id).sign.expect("a MAC")(Key::Secret(&Secret::new(KEY)), &Params::None).unwrap();
    sign.update(data).unwrap();
    let mut code = vec![0; sign.output_len()];
    sign.sign(&mut code).unwrap();
    code
}

const KEY: [u8; 32] = [7; 32];

fn run(id: CK_MECHANISM_TYPE, params: &Params, first: usize, further: &[usize]) -> Result<Vec<u8>, Error> {
    derive_with(id, (CKK_AES, &KEY), params, Some(first), further, &[b"other"])
}

/// The counter stands in every place and width, in both orders of bytes; the length too.
#[test]
fn every_input_stands_where_it_is_put() {
    for id in PRFS {
        for (bits, little_endian) in [(8, false), (8, true), (16, true), (24, false), (32, false), (32, true)]
        {
            let number = |value: u64| match little_endian {
                true => value.to_le_bytes()[..bits as usize / 8].to_vec(),
                false => value.to_be_bytes()[8 - bits as usize / 8..].to_vec(),
            };
            let width = Width { little_endian, bits };
            let length = Width { little_endian, bits: 32 };
            let inputs = vec![
                bytes(b"label"),
                PrfInput::Iteration(Some(width)),
                PrfInput::Key(1),
                PrfInput::Length { of_segments: false, width: length },
            ];
            let derived = run(CKM_SP800_108_COUNTER_KDF, &kdf(id, &[], inputs), 70, &[]).unwrap();
            let sum = if little_endian { 560u32.to_le_bytes() } else { 560u32.to_be_bytes() };
            let block = |i| prf(id, &[&b"label"[..], &number(i), b"other", &sum].concat());
            let blocks: Vec<u8> = (1..=5).flat_map(block).collect();
            assert_eq!(derived, blocks[..70], "{id:#x} {bits} {little_endian}");
        }
    }
}

/// The specification's own example: 48 and 16 bytes by HMAC-SHA-256 take three segments.
#[test]
fn each_key_begins_with_a_segment() {
    for (of_segments, bits) in [(false, 512u64), (true, 768)] {
        let inputs =
            vec![PrfInput::Iteration(Some(width(8))), PrfInput::Length { of_segments, width: width(64) }];
        let derived = run(CKM_SP800_108_COUNTER_KDF, &kdf(CKM_SHA256_HMAC, &[], inputs), 48, &[16]).unwrap();
        let block = |i: u8| prf(CKM_SHA256_HMAC, &[&[i][..], &bits.to_be_bytes()].concat());
        assert_eq!(derived, [&block(1)[..], &block(2)[..16], &block(3)[..16]].concat());
    }
}

#[test]
fn no_counter_runs_over() {
    let inputs = |bits| vec![PrfInput::Iteration(Some(width(bits)))];
    let run = |bits, bytes| run(CKM_SP800_108_COUNTER_KDF, &kdf(CKM_AES_CMAC, &[], inputs(bits)), bytes, &[]);
    assert_eq!(run(8, 255 * 16).unwrap().len(), 4080);
    assert!(is(&run(8, 255 * 16 + 1).unwrap_err(), |e| matches!(e, MechanismError::KeySize { .. })));
    assert_eq!(run(16, 255 * 16 + 1).unwrap().len(), 4081);
    let inputs =
        vec![PrfInput::Iteration(Some(width(32))), PrfInput::Length { of_segments: false, width: width(8) }];
    let narrow = kdf(CKM_AES_CMAC, &[], inputs);
    let run = |bytes| super::contract_kdf::run(CKM_SP800_108_COUNTER_KDF, &narrow, bytes, &[]);
    assert_eq!(run(31).unwrap().len(), 31);
    assert!(is(&run(32).unwrap_err(), |e| matches!(e, MechanismError::Params(_))));
}

/// What each mode needs and forbids.
#[test]
fn inputs_that_a_mode_has_not_are_refused() {
    use PrfInput::{Counter, Iteration, Length};
    let length = || Length { of_segments: false, width: width(32) };
    let wrong: [(&[CK_MECHANISM_TYPE], Vec<PrfInput>); 11] = [
        (&MODES, vec![]),
        (&MODES, vec![bytes(b"label")]),
        (&[CKM_SP800_108_COUNTER_KDF], vec![Iteration(None)]),
        (&MODES[1..], vec![Iteration(Some(width(8)))]),
        (&[CKM_SP800_108_COUNTER_KDF], vec![Iteration(Some(width(8))), Iteration(Some(width(8)))]),
        (&[CKM_SP800_108_COUNTER_KDF], vec![Iteration(Some(width(8))), Counter(width(8))]),
        (&MODES[1..], vec![Iteration(None), Counter(width(8)), Counter(width(8))]),
        (&MODES[1..], vec![Iteration(None), length(), length()]),
        (&MODES[1..], vec![Iteration(None), Counter(width(40))]),
        (&MODES[1..], vec![Iteration(None), Counter(width(7))]),
        (&MODES[1..], vec![Iteration(None), Length { of_segments: true, width: width(0) }]),
    ];
    for (ids, inputs) in wrong {
        for id in ids {
            let refused = run(*id, &kdf(CKM_SHA256_HMAC, &[], inputs.clone()), 16, &[]).unwrap_err();
            assert!(is(&refused, |e| matches!(e, MechanismError::Params(_))), "{id:#x} {inputs:?}");
        }
    }
    for prf in [CKM_SHA256, CKM_AES_GCM, 0, CK_MECHANISM_TYPE::MAX] {
        let inputs = vec![Iteration(Some(width(8)))];
        let refused = run(CKM_SP800_108_COUNTER_KDF, &kdf(prf, &[], inputs), 16, &[]).unwrap_err();
        assert!(is(&refused, |e| matches!(e, MechanismError::Params(_))), "{prf:#x}");
    }
}

const MODES: [CK_MECHANISM_TYPE; 3] =
    [CKM_SP800_108_COUNTER_KDF, CKM_SP800_108_FEEDBACK_KDF, CKM_SP800_108_DOUBLE_PIPELINE_KDF];

#[test]
fn a_code_of_aes_takes_an_aes_key() {
    let params = kdf(CKM_AES_CMAC, &[], vec![PrfInput::Iteration(Some(width(8)))]);
    let derive =
        |base_type| derive_with(CKM_SP800_108_COUNTER_KDF, (base_type, &KEY), &params, Some(16), &[], &[]);
    assert_eq!(derive(CKK_AES).unwrap(), prf(CKM_AES_CMAC, &[1]));
    assert!(is(&derive(CKK_GENERIC_SECRET).unwrap_err(), |e| matches!(e, MechanismError::KeyType)));
}

#[test]
fn a_code_of_triple_des_takes_a_key_of_its_own() {
    let params = kdf(CKM_DES3_CMAC, &[], vec![PrfInput::Iteration(Some(width(8)))]);
    for (base_type, key) in [(CKK_DES2, &KEY[..16]), (CKK_DES3, &KEY[..24])] {
        let derive = |of| derive_with(CKM_SP800_108_COUNTER_KDF, (of, key), &params, Some(12), &[], &[]);
        let mut sign =
            row(CKM_DES3_CMAC).sign.expect("a MAC")(Key::Secret(&Secret::new(key)), &Params::None).unwrap();
        let mut blocks = [0; 16];
        for (number, block) in [1, 2].iter().zip(blocks.chunks_mut(8)) {
            assert!(sign.restart(&Params::None).unwrap());
            sign.update(&[*number]).unwrap();
            sign.sign(block).unwrap();
        }
        assert_eq!(derive(base_type).unwrap(), blocks[..12]);
        assert!(is(&derive(CKK_AES).unwrap_err(), |e| matches!(e, MechanismError::KeyType)));
    }
}
