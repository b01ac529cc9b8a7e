//! What src/mechanism/mod.rs promises of `Wrap`, for every row that has one with AES keys.

use super::*;
use crate::profile::vendor::*;
use cryptoki_sys::*;

fn wrap_params(row: &Mechanism) -> Vec<Params> {
    match row.params {
        ParamShape::Iv(bytes) => vec![iv(&pattern(bytes, 1))],
        ParamShape::OptionalIv(8) if row.cloudhsm => vec![Params::None, iv(&[0xa6; 8])],
        ParamShape::OptionalIv(bytes) => vec![Params::None, iv(&pattern(bytes, 8))],
        ParamShape::Gcm if row.cloudhsm => vec![gcm(&pattern(12, 2), b"aad", 128)],
        ParamShape::Gcm => vec![gcm(&pattern(12, 2), b"aad", 128), gcm(&pattern(7, 2), &[], 96)],
        ParamShape::Ccm => vec![ccm(0, &pattern(12, 2), b"aad", 16), ccm(0, &pattern(7, 2), &[], 8)],
        _ => vec![Params::None],
    }
}

fn for_every_wrap(mut check: impl FnMut(&Mechanism, &Wrap, Key<'_>, &Params)) {
    for row in table::TABLE.iter().filter(|row| !contract_signature::is_of_pairs(row)) {
        let Some(wrap) = row.wrap else { continue };
        for key_bytes in key_lengths(row) {
            for params in wrap_params(row) {
                check(row, wrap, Key::Secret(&Secret::new(pattern(*key_bytes, 4))), &params);
            }
        }
    }
}

#[test]
fn a_key_of_any_length_comes_back_or_is_refused_beforehand() {
    for_every_wrap(|row, wrap, key, params| {
        for bytes in 1..=72 {
            let (value, params) = (pattern(bytes, 99), &sized(params, bytes));
            let name = format!("{} of {bytes} bytes, {params:?}", row.name);
            let Ok(length) = (wrap.wrapped_len)(key, params, bytes) else {
                let error = (wrap.wrap)(key, params, &value).expect_err(&name);
                assert!(is(&error, |e| matches!(e, MechanismError::KeySize { .. })), "{name}: {error}");
                assert!(bytes <= 8 || row.id == CKM_CLOUDHSM_AES_KEY_WRAP_NO_PAD && bytes % 8 != 0, "{name}");
                continue;
            };
            let wrapped = (wrap.wrap)(key, params, &value).expect(&name);
            assert_eq!(wrapped.len(), length, "{name}");
            let back = (wrap.unwrap)(key, params, &wrapped).expect(&name);
            let (start, rest) = back.expose().split_at(bytes);
            assert_eq!(start, value, "{name}");
            assert!(rest.iter().all(|b| *b == 0) && (wrap.zero_pads.is_some() || rest.is_empty()), "{name}");
        }
    });
}

fn is_key_wrap(row: &Mechanism) -> bool {
    matches!(row.id, CKM_AES_KEY_WRAP | CKM_AES_KEY_WRAP_KWP | CKM_AES_KEY_WRAP_PKCS7)
}

#[test]
fn a_wrapped_key_that_was_changed_or_cut_is_refused() {
    let invalid = |e: &Error| is(e, |e| matches!(e, MechanismError::WrappedKeyInvalid));
    let length = |e: &Error| is(e, |e| matches!(e, MechanismError::WrappedKeyLen { .. }));
    for_every_wrap(|row, wrap, key, params| {
        if row.cipher.is_some_and(|_| row.id != CKM_AES_GCM && row.id != CKM_AES_CCM && !is_key_wrap(row)) {
            let error = (wrap.unwrap)(key, params, &[1; 17]).unwrap_err();
            assert!(length(&error), "{}: {error}", row.name);
            return;
        }
        for bytes in [16, 8, 27] {
            let params = &sized(params, bytes);
            let Ok(wrapped) = (wrap.wrap)(key, params, &pattern(bytes, 99)) else { continue };
            for at in 0..wrapped.len() {
                let mut changed = wrapped.clone();
                changed[at] ^= 0x80;
                let error = (wrap.unwrap)(key, params, &changed).unwrap_err();
                assert!(invalid(&error), "{}, byte {at}: {error}", row.name);
                let error = (wrap.unwrap)(key, params, &wrapped[..at]).unwrap_err();
                assert!(invalid(&error) || length(&error), "{}, cut at {at}: {error}", row.name);
            }
        }
    });
}

#[test]
fn ccm_wraps_a_key_of_the_length_that_it_was_told() {
    let (wrap, key) = (row(CKM_AES_CCM).wrap.unwrap(), Secret::new([1; 32]));
    let params = ccm(16, &[2; 12], &[], 16);
    for bytes in [0, 15, 17] {
        for refused in [
            (wrap.wrapped_len)(Key::Secret(&key), &params, bytes).map(drop).unwrap_err(),
            (wrap.wrap)(Key::Secret(&key), &params, &vec![3; bytes]).map(drop).unwrap_err(),
        ] {
            assert!(is(&refused, |e| matches!(e, MechanismError::KeySize { .. })), "{bytes}: {refused}");
        }
    }
}

#[test]
fn a_wrapped_key_of_no_bytes_is_none() {
    let key = Secret::new([1; 32]);
    for (id, params, wrapped) in [
        (CKM_AES_ECB, Params::None, vec![]),
        (CKM_AES_CBC_PAD, iv(&[1; 16]), encrypt(CKM_AES_CBC_PAD, &[1; 32], &iv(&[1; 16]), &[]).unwrap()),
        (CKM_AES_GCM, gcm(&[1], &[], 96), encrypt(CKM_AES_GCM, &[1; 32], &gcm(&[1], &[], 96), &[]).unwrap()),
    ] {
        let error = (row(id).wrap.unwrap().unwrap)(Key::Secret(&key), &params, &wrapped).unwrap_err();
        assert!(is(&error, |e| matches!(e, MechanismError::WrappedKeyLen { .. })), "{id:#x}: {error}");
    }
}

#[test]
fn an_initial_value_binds() {
    for (id, one, other) in [
        (CKM_AES_KEY_WRAP, iv(&[1; 8]), iv(&[2; 8])),
        (CKM_AES_KEY_WRAP, iv(&[1; 8]), Params::None),
        (CKM_AES_KEY_WRAP_PKCS7, Params::None, iv(&[2; 8])),
        (CKM_AES_KEY_WRAP_KWP, iv(&[1; 4]), iv(&[2; 4])),
        (CKM_AES_KEY_WRAP_KWP, iv(&[1; 4]), Params::None),
    ] {
        let wrap = row(id).wrap.unwrap();
        let key = Secret::new(pattern(32, 1));
        for bytes in [8, 16, 31, 32] {
            let Ok(wrapped) = (wrap.wrap)(Key::Secret(&key), &one, &pattern(bytes, 5)) else { continue };
            assert!((wrap.unwrap)(Key::Secret(&key), &other, &wrapped).is_err(), "{id:#x} of {bytes} bytes");
        }
    }
}

/// The way that other initial values than the default take, with the default: `aes-kw` agrees byte for byte.
#[test]
fn both_ways_of_key_wrap_with_padding_agree() {
    use crate::crypto::keywrap;
    for bytes in 1..=40 {
        let (key, data) = (pattern(24, 3), pattern(bytes, 6));
        let other = [0x11, 0x22, 0x33, 0x44];
        let wrapped = keywrap::wrap_padded(&key, other, &data).unwrap();
        assert_eq!(keywrap::unwrap_padded(&key, other, &wrapped).unwrap().unwrap()[..], data);
        assert!(keywrap::unwrap_padded(&key, keywrap::KWP_INITIAL, &wrapped).unwrap().is_none());
        let default = second_opinion::encrypt(CKM_AES_KEY_WRAP_KWP, &key, &Params::None, &data);
        assert_eq!(keywrap::wrap_composed(&key, keywrap::KWP_INITIAL, &data).unwrap(), default);
        let back = keywrap::unwrap_composed(&key, keywrap::KWP_INITIAL, &default).unwrap();
        assert_eq!(back.unwrap()[..], data);
    }
}

/// RFC 5649 sec. 3: what fills up the last semiblock is zeros, and the length is that of the data.
#[test]
fn key_wrap_with_padding_refuses_what_only_looks_like_it() {
    use crate::crypto::keywrap::{KWP_INITIAL, unwrap_composed, unwrap_padded, wrap};
    let key = pattern(32, 3);
    let forge = |length: u32, last: u8| {
        let initial = (u64::from(u32::from_be_bytes(KWP_INITIAL)) << 32) | u64::from(length);
        wrap(&key, initial.to_be_bytes(), &[&[5; 20][..], &[0, 0, 0, last]].concat()).unwrap()
    };
    for unwrap in [unwrap_composed, unwrap_padded] {
        let opens = |wrapped: &[u8]| unwrap(&key, KWP_INITIAL, wrapped).unwrap().is_some();
        assert!(opens(&forge(20, 0)) && opens(&forge(24, 1)));
        for (length, last) in [(20, 1), (23, 1), (16, 0), (25, 0), (0, 0), (u32::MAX, 0)] {
            assert!(!opens(&forge(length, last)), "{length}, {last}");
        }
    }
}
