//! What src/mechanism/mod.rs promises of `Cipher`, for every row that has one.

use super::*;
use crate::error::CallError;
use crate::profile::vendor::*;
use cryptoki_sys::*;

const LENGTHS: [usize; 13] = [0, 1, 7, 8, 15, 16, 17, 24, 31, 32, 33, 48, 100];

/// Parameters to try with a mechanism, two at least where it takes any, to restart from one to the other.
fn some_params(row: &Mechanism) -> Vec<Params> {
    if row.id == CKM_CLOUDHSM_AES_GCM {
        return vec![gcm(&pattern(12, 2), &[], 128), gcm(&pattern(12, 9), &pattern(16, 1), 96)];
    }
    match row.params {
        ParamShape::None => vec![Params::None],
        ParamShape::Iv(bytes) => vec![iv(&pattern(bytes, 1)), iv(&pattern(bytes, 77))],
        ParamShape::OptionalIv(4) => vec![Params::None, iv(&[0xa6, 0x59, 0x59, 0xa6])],
        ParamShape::OptionalIv(_) => vec![Params::None],
        ParamShape::Ctr => vec![
            Params::Ctr { counter_bits: 32, block: [7; 16] },
            Params::Ctr { counter_bits: 128, block: [0xfe; 16] },
        ],
        ParamShape::Gcm => vec![
            gcm(&pattern(12, 2), &[], 128),
            gcm(&pattern(1, 3), &pattern(20, 4), 96),
            gcm(&pattern(60, 5), &pattern(1, 6), 104),
            gcm(&pattern(16, 7), &pattern(300, 8), 120),
            gcm(&pattern(12, 9), &pattern(16, 1), 112),
        ],
        ParamShape::Ccm => vec![
            ccm(0, &pattern(12, 2), &[], 16),
            ccm(0, &pattern(13, 3), &pattern(20, 4), 8),
            ccm(0, &pattern(7, 5), &pattern(300, 6), 4),
        ],
        ParamShape::ChaCha20 => {
            vec![
                chacha20(1, &pattern(12, 2)),
                chacha20(7, &pattern(8, 3)),
                chacha20((1 << 32) + 1, &pattern(8, 3)),
            ]
        }
        ParamShape::ChaCha20Poly1305 => vec![
            chacha20_poly1305(&pattern(12, 2), &[]),
            chacha20_poly1305(&pattern(24, 3), &pattern(20, 4)),
            chacha20_poly1305(&pattern(12, 5), &pattern(300, 6)),
        ],
        shape => unreachable!("no cipher has {shape:?}"),
    }
}

struct Case {
    row: &'static Mechanism,
    key: Vec<u8>,
    params: Params,
    plain: Vec<u8>,
    sealed: Vec<u8>,
}

impl Case {
    fn cipher(&self, way: Direction) -> Box<dyn Cipher> {
        new_cipher(self.row.id, &self.key, &self.params, way).unwrap()
    }

    fn data(&self, way: Direction) -> (&[u8], &[u8]) {
        match way {
            Direction::Encrypt => (&self.plain, &self.sealed),
            Direction::Decrypt => (&self.sealed, &self.plain),
        }
    }

    fn name(&self, way: Direction) -> String {
        format!("{} {way:?} of {} bytes, {:?}", self.row.name, self.plain.len(), self.params)
    }
}

/// Which keys a case is run with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keys {
    OfEachLength,
    Longest,
}

/// Every secret-key row, key length and parameter with data that it takes.
fn for_every_case(keys: Keys, mut check: impl FnMut(&Case, Direction)) {
    for row in table::TABLE.iter().filter(|row| row.cipher.is_some() && !contract_signature::is_of_pairs(row))
    {
        let lengths = key_lengths(row);
        let lengths = if keys == Keys::Longest { &lengths[lengths.len() - 1..] } else { lengths };
        for (key_bytes, params) in lengths.iter().flat_map(|n| some_params(row).into_iter().map(|p| (*n, p)))
        {
            let key = pattern(key_bytes, 11);
            let takes = |bytes: &usize| {
                let params = sized(&params, *bytes);
                let cipher = new_cipher(row.id, &key, &params, Direction::Encrypt).unwrap();
                cipher.one_shot_len(*bytes).is_ok()
            };
            for bytes in LENGTHS.into_iter().filter(takes) {
                let (key, params, plain) = (key.clone(), sized(&params, bytes), pattern(bytes, 42));
                let sealed = second_opinion::encrypt(row.id, &key, &params, &plain);
                let case = Case { row, key, params, plain, sealed };
                for way in [Direction::Encrypt, Direction::Decrypt] {
                    check(&case, way);
                }
            }
        }
    }
}

fn in_parts(row: &Mechanism) -> bool {
    let whole = [CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PKCS7, CKM_CLOUDHSM_AES_GCM];
    !whole.contains(&row.id)
}

/// Whether data that was changed is told from good data.
fn is_authentic(row: &Mechanism) -> bool {
    [CKM_AES_GCM, CKM_AES_CCM, CKM_CHACHA20_POLY1305].contains(&row.id) || !in_parts(row)
}

/// Repeats a call with every buffer that is too small, then with one of exactly `right` bytes.
fn with_growing_buffers(
    name: &str,
    right: usize,
    mut call: impl FnMut(&mut [u8]) -> Result<usize, Error>,
) -> Vec<u8> {
    for bytes in 0..right {
        match call(&mut vec![0; bytes]) {
            Err(Error::BufferTooSmall { needed }) => assert!(needed >= right, "{name}: {needed} < {right}"),
            other => panic!("{name}: {other:?} with {bytes} of {right} bytes"),
        }
    }
    let mut output = vec![0; right];
    assert_eq!(call(&mut output).unwrap_or_else(|e| panic!("{name}: {e}")), right, "{name}");
    output
}

#[test]
fn one_shot_gives_the_right_bytes_into_a_buffer_that_just_holds_them() {
    for_every_case(Keys::OfEachLength, |case, way| {
        let (input, expected) = case.data(way);
        let name = case.name(way);
        let mut cipher = case.cipher(way);
        let most = cipher.one_shot_len(input.len()).unwrap();
        assert!(most >= expected.len() && most <= expected.len() + 16, "{name}");
        assert!(way == Direction::Decrypt || most == expected.len(), "{name}");
        let output = with_growing_buffers(&name, expected.len(), |buffer| cipher.one_shot(input, buffer));
        assert_eq!(output, expected, "{name}");
        let mut large = vec![0x5a; most + 40];
        assert!(cipher.restart(&case.params).unwrap(), "{name}");
        assert_eq!(cipher.one_shot(input, &mut large).unwrap(), expected.len(), "{name}");
        assert_eq!(large[..expected.len()], *expected, "{name}");
        assert!(large[most..].iter().all(|b| *b == 0x5a), "{name}: wrote beyond its result");
    });
}

#[test]
fn parts_of_any_length_give_what_one_shot_gives() {
    for_every_case(Keys::OfEachLength, |case, way| {
        if !in_parts(case.row) {
            return;
        }
        let (input, expected) = case.data(way);
        let name = case.name(way);
        let mut cipher = case.cipher(way);
        for first in 0..=input.len() {
            for second in [first, first + (input.len() - first) / 2] {
                let parts = [&input[..first], &input[first..second], &input[second..]];
                assert_eq!(run_parts(&name, &mut *cipher, &parts), expected, "{name}, {first}, {second}");
                assert!(cipher.restart(&case.params).unwrap());
            }
        }
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        assert_eq!(run_parts(&name, &mut *cipher, &bytes), expected, "{name}, byte by byte");
    });
}

/// Updates and a final call, each first with a buffer that is too small.
fn run_parts(name: &str, cipher: &mut dyn Cipher, parts: &[&[u8]]) -> Vec<u8> {
    let mut output = Vec::new();
    for part in parts {
        let needed = cipher.update_len(part.len()).unwrap();
        output.extend(with_growing_buffers(name, needed, |buffer| cipher.update(part, buffer)));
    }
    let most = cipher.finish_len().unwrap();
    let mut last = vec![0; most];
    if most > 0 {
        // Twice with nothing: the first call must not have moved the operation on.
        let written = [0, 0].map(|_| match cipher.finish(&mut []) {
            Err(Error::BufferTooSmall { needed }) => needed,
            Ok(0) => 0,
            other => panic!("{name}: {other:?}"),
        });
        if written == [0, 0] {
            return output;
        }
        let exact = written[1];
        assert!(exact <= most && cipher.finish_len().unwrap() >= exact, "{name}");
        let output = with_growing_buffers(name, exact, |buffer| cipher.finish(buffer));
        last = output;
    } else {
        assert_eq!(cipher.finish(&mut last).unwrap(), 0, "{name}");
    }
    output.extend(last);
    output
}

#[test]
fn a_restart_forgets_everything_but_the_key() {
    for_every_case(Keys::Longest, |case, way| {
        let (input, expected) = case.data(way);
        for other in some_params(case.row).iter().map(|other| sized(other, 21)) {
            let name = format!("{} after {other:?}", case.name(way));
            let mut cipher = new_cipher(case.row.id, &case.key, &other, way).unwrap();
            if in_parts(case.row) {
                cipher.update(&pattern(21, 5), &mut [0; 64]).unwrap();
                assert!(cipher.restart(&case.params).unwrap(), "{name}");
                assert_eq!(run_parts(&name, &mut *cipher, &[input]), expected, "{name}");
            }
            assert!(cipher.restart(&case.params).unwrap(), "{name}");
            assert_eq!(one_shot(&mut *cipher, input).unwrap(), expected, "{name}");
            // Also after an end, and after an error.
            cipher.restart(&other).unwrap();
            cipher.one_shot(&[1; 9], &mut [0; 64]).ok();
            assert!(cipher.restart(&case.params).unwrap(), "{name}");
            assert_eq!(one_shot(&mut *cipher, input).unwrap(), expected, "{name}");
        }
    });
}

#[test]
fn what_was_changed_on_the_way_is_refused_and_nothing_of_it_given_out() {
    let invalid = |e: &Error| is(e, |e| matches!(e, MechanismError::EncryptedDataInvalid));
    for_every_case(Keys::Longest, |case, way| {
        if way == Direction::Encrypt || !is_authentic(case.row) {
            return;
        }
        let name = case.name(way);
        let mut cipher = case.cipher(way);
        for at in 0..case.sealed.len() {
            let mut changed = case.sealed.clone();
            changed[at] ^= 1;
            let mut output = vec![0; case.sealed.len()];
            assert!(invalid(&cipher.one_shot(&changed, &mut output).unwrap_err()), "{name}, byte {at}");
            assert!(output.iter().all(|b| *b == 0), "{name}: gave something out");
            assert!(cipher.restart(&case.params).unwrap());
            if in_parts(case.row) {
                assert_eq!(cipher.update(&changed, &mut output).unwrap(), 0, "{name}");
                assert!(invalid(&cipher.finish(&mut output).unwrap_err()), "{name}, byte {at}");
                assert!(output.iter().all(|b| *b == 0), "{name}: gave something out");
                assert!(cipher.restart(&case.params).unwrap());
            }
        }
    });
}

#[test]
fn lengths_that_do_not_fit_are_told_by_their_direction() {
    let data = |e: Error| is(&e, |e| matches!(e, MechanismError::DataLen { .. }));
    let encrypted = |e: Error| is(&e, |e| matches!(e, MechanismError::EncryptedDataLen { .. }));
    let make = |id, way| new_cipher(id, &long_key(row(id)), &some_params(row(id))[0], way).unwrap();
    for id in [CKM_AES_ECB, CKM_AES_CBC, CKM_DES_ECB, CKM_DES3_CBC] {
        for (way, fits) in
            [(Direction::Encrypt, &data as &dyn Fn(Error) -> bool), (Direction::Decrypt, &encrypted)]
        {
            let mut cipher = make(id, way);
            assert!(
                fits(cipher.one_shot_len(17).unwrap_err())
                    && fits(cipher.one_shot(&[0; 17], &mut [0; 32]).unwrap_err())
            );
            assert_eq!(cipher.update(&[0; 17], &mut [0; 32]).unwrap(), 16);
            assert!(fits(cipher.finish_len().unwrap_err()) && fits(cipher.finish(&mut [0; 32]).unwrap_err()));
        }
    }
    let least: [(CK_MECHANISM_TYPE, &[usize]); 9] = [
        (CKM_AES_CBC_PAD, &[0, 1, 15, 17]),
        (CKM_AES_GCM, &[0, 15]),
        (CKM_AES_CCM, &[0, 15]),
        (CKM_AES_XTS, &[0, 15]),
        (CKM_CHACHA20_POLY1305, &[0, 15]),
        (CKM_DES3_CBC_PAD, &[0, 1, 7, 9]),
        (CKM_AES_KEY_WRAP, &[0, 8, 16, 25]),
        (CKM_AES_KEY_WRAP_KWP, &[0, 8, 17]),
        (CKM_AES_KEY_WRAP_PKCS7, &[0, 16, 25]),
    ];
    for (id, lengths) in least {
        for bytes in lengths {
            let mut cipher = make(id, Direction::Decrypt);
            assert!(encrypted(cipher.one_shot_len(*bytes).unwrap_err()), "{id:#x} {bytes}");
            assert!(
                encrypted(cipher.one_shot(&vec![0; *bytes], &mut [0; 64]).unwrap_err()),
                "{id:#x} {bytes}"
            );
            if in_parts(row(id)) {
                cipher.update(&vec![0; *bytes], &mut [0; 64]).unwrap();
                assert!(encrypted(cipher.finish(&mut [0; 64]).unwrap_err()), "{id:#x} {bytes}");
            }
        }
    }
    for (id, bytes) in [
        (CKM_AES_KEY_WRAP, 8),
        (CKM_AES_KEY_WRAP, 17),
        (CKM_AES_KEY_WRAP_KWP, 0),
        (CKM_AES_KEY_WRAP_PKCS7, 7),
        (CKM_AES_CCM, 1),
        (CKM_AES_XTS, 15),
    ] {
        assert!(data(make(id, Direction::Encrypt).one_shot(&vec![0; bytes], &mut [0; 64]).unwrap_err()));
    }
}

#[test]
fn lengths_beyond_every_limit_are_refused_without_a_panic() {
    for row in table::TABLE.iter().filter(|row| row.cipher.is_some() && !contract_signature::is_of_pairs(row))
    {
        for (params, way) in
            some_params(row).iter().flat_map(|p| [(p, Direction::Encrypt), (p, Direction::Decrypt)])
        {
            let cipher = new_cipher(row.id, &long_key(row), params, way).unwrap();
            for bytes in [usize::MAX, usize::MAX - 7, usize::MAX - 15] {
                let limited = is_authentic(row) || row.id == CKM_AES_XTS;
                assert!(cipher.one_shot_len(bytes).is_err() || !limited, "{} {way:?}", row.name);
                cipher.update_len(bytes).ok();
            }
        }
        if let Some(wrap) = row.wrap {
            (wrap.wrapped_len)(Key::Secret(&Secret::new([1; 16])), &some_params(row)[0], usize::MAX)
                .unwrap_err();
        }
    }
    // NIST SP 800-38D sec. 5.2.1.1
    let params = gcm(&[1; 12], &[], 128);
    let mut cipher = new_cipher(CKM_AES_GCM, &[1; 32], &params, Direction::Encrypt).unwrap();
    assert_eq!(cipher.one_shot_len((1 << 36) - 32).unwrap(), (1 << 36) - 16);
    cipher.update(&[0], &mut [0]).unwrap();
    assert_eq!(cipher.update_len((1 << 36) - 33).unwrap(), (1 << 36) - 33);
    let too_long = cipher.update_len((1 << 36) - 32).unwrap_err();
    assert!(is(&too_long, |e| matches!(e, MechanismError::DataLen { .. })));
    cipher.restart(&params).unwrap();
    assert_eq!(cipher.update_len((1 << 36) - 32).unwrap(), (1 << 36) - 32);
}

#[test]
fn a_restart_forgets_a_last_block_that_had_no_room() {
    let params = iv(&[2; 16]);
    let seal = |data: &[u8]| encrypt(CKM_AES_CBC_PAD, &[1; 16], &params, data).unwrap();
    let mut cipher = new_cipher(CKM_AES_CBC_PAD, &[1; 16], &params, Direction::Decrypt).unwrap();
    cipher.update(&seal(b"first"), &mut []).unwrap();
    assert!(matches!(cipher.finish(&mut [0; 4]), Err(Error::BufferTooSmall { needed: 5 })));
    cipher.restart(&params).unwrap();
    let mut output = [0; 16];
    cipher.update(&seal(b"second"), &mut []).unwrap();
    assert_eq!(cipher.finish(&mut output).unwrap(), 6);
    assert_eq!(output[..6], *b"second");
}

#[test]
fn every_wrong_padding_is_refused_at_every_stage() {
    for fill in [0, 17, 255, 3] {
        // Encrypted without padding, so that the last block is what it says here.
        let mut plain = [9; 48];
        plain[47] = fill;
        let sealed = encrypt(CKM_AES_CBC, &[1; 16], &iv(&[2; 16]), &plain).unwrap();
        let mut cipher = new_cipher(CKM_AES_CBC_PAD, &[1; 16], &iv(&[2; 16]), Direction::Decrypt).unwrap();
        let mut output = [0; 48];
        let invalid = |e: Error| is(&e, |e| matches!(e, MechanismError::EncryptedDataInvalid));
        assert!(invalid(cipher.one_shot(&sealed, &mut output).unwrap_err()) && output == [0; 48]);
        cipher.restart(&iv(&[2; 16])).unwrap();
        assert_eq!(cipher.update(&sealed, &mut output).unwrap(), 32);
        assert!(invalid(cipher.finish(&mut output).unwrap_err()));
    }
}

#[test]
fn a_counter_never_wraps_into_the_nonce() {
    let too_long = |e: Error| is(&e, |e| matches!(e, MechanismError::DataLen { .. }));
    // PKCS#11 3.0 sec. 2.11.3: 2 counter bits that start as 1 are good for 3 blocks.
    for (counter_bits, block, blocks) in [
        (2, 1u128, 3),
        (2, 4, 4),
        (1, u128::MAX, 1),
        (128, u128::MAX - 1, 2),
        (9, 511 - 4, 5),
        (64, (1 << 64) - 1, 1),
    ] {
        let params = Params::Ctr { counter_bits, block: block.to_be_bytes() };
        for way in [Direction::Encrypt, Direction::Decrypt] {
            let mut cipher = new_cipher(CKM_AES_CTR, &[1; 32], &params, way).unwrap();
            let data = pattern(16 * blocks, 1);
            let answer = second_opinion::encrypt(CKM_AES_CTR, &[1; 32], &params, &data);
            assert!(too_long(cipher.one_shot(&vec![0; 16 * blocks + 1], &mut [0; 200]).unwrap_err()));
            assert_eq!(one_shot(&mut *cipher, &data).unwrap(), answer);
            cipher.restart(&params).unwrap();
            let mut output = vec![0; 16 * blocks];
            cipher.update(&data[..5], &mut output[..5]).unwrap();
            cipher.update(&data[5..], &mut output[5..]).unwrap();
            assert_eq!(output, answer);
            assert!(too_long(cipher.update(&[0], &mut [0; 1]).unwrap_err()));
        }
    }
}

#[test]
fn parameters_and_keys_out_of_range_are_refused() {
    let refused = |id, params: &Params| {
        let key = long_key(row(id));
        let error = new_cipher(id, &key, params, Direction::Encrypt).err().expect("refused");
        assert!(is(&error, |e| matches!(e, MechanismError::Params(_))), "{id:#x} {params:?}: {error}");
        let mut cipher = new_cipher(id, &key, &some_params(row(id))[0], Direction::Encrypt).unwrap();
        assert!(cipher.restart(params).is_err(), "{id:#x} {params:?}");
    };
    for bits in [0, 8, 32, 64, 97, 127, 129, u64::MAX] {
        refused(CKM_AES_GCM, &gcm(&[1; 12], &[], bits));
    }
    refused(CKM_AES_GCM, &gcm(&[], &[], 128));
    for counter_bits in [0, 129, u64::MAX] {
        refused(CKM_AES_CTR, &Params::Ctr { counter_bits, block: [0; 16] });
    }
    for nonce_bytes in [0, 6, 14] {
        refused(CKM_AES_CCM, &ccm(1, &vec![1; nonce_bytes], &[], 16));
    }
    for code_bytes in [0, 2, 3, 5, 15, 17, 18, u64::MAX] {
        refused(CKM_AES_CCM, &ccm(1, &[1; 12], &[], code_bytes));
    }
    // RFC 3610 sec. 2.1: 13 bytes of nonce leave two bytes for the length.
    refused(CKM_AES_CCM, &ccm(1 << 16, &[1; 13], &[], 16));
    refused(CKM_AES_CCM, &ccm(usize::MAX, &[1; 7], &[], 16));
    for nonce_bytes in [0, 4, 11, 16, 25] {
        refused(CKM_CHACHA20, &chacha20(0, &vec![1; nonce_bytes]));
        refused(CKM_CHACHA20_POLY1305, &chacha20_poly1305(&vec![1; nonce_bytes], &[]));
    }
    refused(CKM_CHACHA20_POLY1305, &chacha20_poly1305(&[1; 8], &[]));
    refused(CKM_CHACHA20, &chacha20(1 << 32, &[1; 12]));
    for (id, bytes) in [(CKM_AES_OFB, 8), (CKM_AES_XTS, 15), (CKM_DES_CBC, 16), (CKM_DES3_CBC_PAD, 7)] {
        refused(id, &iv(&vec![0; bytes]));
    }
    for (id, bytes) in
        [(CKM_AES_CBC, 15), (CKM_AES_CBC_PAD, 17), (CKM_AES_KEY_WRAP, 4), (CKM_AES_KEY_WRAP_KWP, 8)]
    {
        refused(id, &iv(&vec![0; bytes]));
    }
    for row in table::TABLE.iter().filter(|row| row.cipher.is_some() && !contract_signature::is_of_pairs(row))
    {
        refused(row.id, &Params::MacLength(8));
        for bytes in [0, 15, 17, 33] {
            let made = new_cipher(row.id, &vec![1; bytes], &some_params(row)[0], Direction::Encrypt);
            assert!(
                is(&made.err().expect(row.name), |e| matches!(e, MechanismError::KeySize { .. })),
                "{}",
                row.name
            );
        }
    }
}

#[test]
fn key_wrap_takes_no_parts() {
    for row in table::TABLE.iter().filter(|row| row.cipher.is_some() && !in_parts(row)) {
        let mut cipher = new_cipher(row.id, &[1; 32], &some_params(row)[0], Direction::Encrypt).unwrap();
        for refused in [cipher.update_len(16), cipher.update(&[0; 16], &mut [0; 32]), cipher.finish_len()] {
            assert!(matches!(refused, Err(Error::Call(CallError::NotSupported))), "{}", row.name);
        }
    }
}

#[test]
fn a_message_of_many_pieces_is_the_same_as_one() {
    let data = pattern((1 << 20) + 5, 1);
    let params = gcm(&[3; 12], b"header", 128);
    let sealed = encrypt(CKM_AES_GCM, &[7; 32], &params, &data).unwrap();
    assert_eq!(sealed, second_opinion::encrypt(CKM_AES_GCM, &[7; 32], &params, &data));
    assert_eq!(decrypt(CKM_AES_GCM, &[7; 32], &params, &sealed).unwrap(), data);
}
