//! What src/mechanism/mod.rs promises of `Sign` with secret keys and of `Digest`, for every row that has one.

use super::*;
use cryptoki_sys::*;

/// Bytes of the whole code of a mechanism that does not truncate.
pub fn whole_bytes(id: CK_MECHANISM_TYPE) -> usize {
    row(id).sign.expect("a MAC")(Key::Secret(&Secret::new([1; 32])), &Params::None).unwrap().output_len()
}

fn new_sign(row: &Mechanism, key: &[u8], params: &Params) -> Result<Box<dyn Sign>, Error> {
    row.sign.expect("a MAC")(Key::Secret(&Secret::new(key)), params)
}

fn code(sign: &mut dyn Sign, parts: &[&[u8]]) -> Vec<u8> {
    for part in parts {
        sign.update(part).unwrap();
    }
    let mut output = vec![0; sign.output_len() + 3];
    let written = sign.sign(&mut output).unwrap();
    output.truncate(written);
    output
}

fn whole_rows() -> impl Iterator<Item = &'static Mechanism> {
    table::TABLE.iter().filter(|row| {
        row.sign.is_some() && row.params == ParamShape::None && !contract_signature::is_of_pairs(row)
    })
}

#[test]
fn a_code_is_the_same_in_parts_and_after_a_restart() {
    for row in whole_rows() {
        for bytes in [0, 1, 15, 16, 17, 63, 64, 65, 127, 128, 129, 300] {
            let (key, data) = (long_key(row), pattern(bytes, 3));
            let mut sign = new_sign(row, &key, &Params::None).unwrap();
            let expected = code(&mut *sign, &[&data]);
            if let Some(opinion) = second_opinion::mac(row.id, &key, &data) {
                assert_eq!(expected, opinion, "{} of {bytes} bytes", row.name);
            }
            for cut in 0..=bytes {
                assert!(sign.restart(&Params::None).unwrap());
                assert_eq!(
                    code(&mut *sign, &[&data[..cut], &data[cut..]]),
                    expected,
                    "{} at {cut}",
                    row.name
                );
            }
            sign.update(b"forget this").unwrap();
            assert!(sign.restart(&Params::None).unwrap());
            assert_eq!(code(&mut *sign, &[&data]), expected, "{}", row.name);
        }
    }
}

#[test]
fn verifying_tells_a_wrong_length_from_a_wrong_value() {
    for row in whole_rows() {
        let mut sign = new_sign(row, &[5; 16], &Params::None).unwrap();
        let mut right = code(&mut *sign, &[b"data"]);
        let verify = |sign: &mut dyn Sign, signature: &[u8]| {
            sign.restart(&Params::None).unwrap();
            sign.update(b"data").unwrap();
            sign.verify(signature)
        };
        verify(&mut *sign, &right).unwrap();
        let short = verify(&mut *sign, &right[1..]).unwrap_err();
        assert!(is(&short, |e| matches!(e, MechanismError::SignatureLen { .. })), "{}", row.name);
        for at in 0..right.len() {
            right[at] ^= 1;
            let wrong = verify(&mut *sign, &right).unwrap_err();
            assert!(is(&wrong, |e| matches!(e, MechanismError::SignatureInvalid)), "{} at {at}", row.name);
            right[at] ^= 1;
        }
    }
}

#[test]
fn general_codes_are_the_start_of_the_whole_one() {
    for row in table::TABLE.iter().filter(|row| row.params == ParamShape::MacLength) {
        let name = row.name.strip_suffix("_GENERAL").expect("a general mechanism");
        let special = table::TABLE.iter().find(|row| row.name == name).expect(name);
        let special = code(&mut *new_sign(special, &[5; 16], &Params::None).unwrap(), &[b"data"]);
        let mut sign = new_sign(row, &[5; 16], &Params::MacLength(1)).unwrap();
        // CKM_AES_MAC is the half of the code, the others are the whole of it.
        let whole_bytes = if row.id == CKM_AES_MAC_GENERAL { 16 } else { special.len() };
        assert!(sign.restart(&Params::MacLength(whole_bytes as u64)).unwrap());
        let whole = code(&mut *sign, &[b"data"]);
        assert!(whole.starts_with(&special), "{}", row.name);
        for bytes in 1..=whole.len() {
            assert!(sign.restart(&Params::MacLength(bytes as u64)).unwrap());
            assert_eq!(code(&mut *sign, &[b"data"]), whole[..bytes], "{} of {bytes}", row.name);
            let too_small = sign.sign(&mut vec![0; bytes - 1]).unwrap_err();
            assert!(matches!(too_small, Error::BufferTooSmall { needed } if needed == bytes), "{}", row.name);
        }
        for params in [Params::MacLength(0), Params::MacLength(whole.len() as u64 + 1), Params::None] {
            let refused = new_sign(row, &[5; 16], &params).err().expect(row.name);
            assert!(is(&refused, |e| matches!(e, MechanismError::Params(_))), "{}", row.name);
            assert!(sign.restart(&params).is_err(), "{}", row.name);
        }
    }
}

#[test]
fn keys_of_a_size_that_does_not_fit_are_refused() {
    for row in whole_rows() {
        let takes_any = row.key_types[0] == CKK_GENERIC_SECRET;
        let sizes: &[usize] = if takes_any { &[0] } else { &[0, 1, 15, 20, 33] };
        for bytes in sizes {
            let refused = new_sign(row, &vec![1; *bytes], &Params::None).err().expect(row.name);
            assert!(is(&refused, |e| matches!(e, MechanismError::KeySize { .. })), "{}", row.name);
        }
        if takes_any {
            // Shorter than the digest, and longer than its block.
            for bytes in [1, 200] {
                let mut sign = new_sign(row, &pattern(bytes, 1), &Params::None).unwrap();
                let opinion = second_opinion::mac(row.id, &pattern(bytes, 1), b"data");
                assert_eq!(Some(code(&mut *sign, &[b"data"])), opinion, "{}", row.name);
            }
        }
    }
}

#[test]
fn gmac_is_the_tag_of_gcm_over_data_alone() {
    let (row, key) = (row(CKM_AES_GMAC), pattern(32, 2));
    for (iv_bytes, tag_bits) in [(12, 128), (12, 96), (1, 104), (60, 120), (16, 112)] {
        let params = gcm(&pattern(iv_bytes, 7), &[], tag_bits);
        let mut sign = new_sign(row, &key, &params).unwrap();
        for bytes in [0, 1, 16, 17, 100] {
            let data = pattern(bytes, 3);
            let whole = gcm(&pattern(iv_bytes, 7), &data, tag_bits);
            let expected = second_opinion::encrypt(CKM_AES_GCM, &key, &whole, &[]);
            for cut in 0..=bytes {
                assert!(sign.restart(&params).unwrap());
                assert_eq!(code(&mut *sign, &[&data[..cut], &data[cut..]]), expected, "{bytes} at {cut}");
            }
            let mut verify = |signature: &[u8]| {
                sign.restart(&params).unwrap();
                sign.update(&data).unwrap();
                sign.verify(signature)
            };
            verify(&expected).unwrap();
            let short = verify(&expected[1..]).unwrap_err();
            assert!(is(&short, |e| matches!(e, MechanismError::SignatureLen { .. })));
            let wrong = verify(&vec![0; expected.len()]).unwrap_err();
            assert!(is(&wrong, |e| matches!(e, MechanismError::SignatureInvalid)));
        }
        let too_small = sign.sign(&mut vec![0; tag_bits as usize / 8 - 1]).unwrap_err();
        assert!(matches!(too_small, Error::BufferTooSmall { .. }));
    }
    for params in [gcm(&[1; 12], b"aad", 128), gcm(&[], &[], 128), gcm(&[1; 12], &[], 64), Params::None] {
        let refused = new_sign(row, &key, &params).err().expect("refused");
        assert!(is(&refused, |e| matches!(e, MechanismError::Params(_))), "{params:?}");
    }
}

#[test]
fn a_digest_is_the_same_in_parts_and_after_a_restart() {
    for row in table::TABLE {
        let Some(new) = row.digest else { continue };
        let mut digest = new(&Params::None).unwrap();
        let mut output = vec![0; digest.output_len()];
        for bytes in [0, 1, 55, 56, 64, 111, 112, 128, 135, 136, 137, 300] {
            let data = pattern(bytes, 3);
            let expected = second_opinion::digest(row.id, &data);
            for cut in 0..=bytes {
                digest.update(&data[..cut]).unwrap();
                digest.update(&data[cut..]).unwrap();
                let too_small = digest.finish(&mut output[1..]).unwrap_err();
                assert!(matches!(too_small, Error::BufferTooSmall { .. }), "{}", row.name);
                assert_eq!(digest.finish(&mut output).unwrap(), expected.len());
                assert_eq!(output, expected, "{} of {bytes} at {cut}", row.name);
                digest.restart().unwrap();
                digest.update(b"forget this").unwrap();
                digest.restart().unwrap();
            }
        }
        assert!(new(&Params::MacLength(1)).is_err(), "{}", row.name);
    }
}
