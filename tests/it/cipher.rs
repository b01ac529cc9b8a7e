//! Encryption and decryption: known answers, wrong lengths, wrong parameters, wrong data
//! (PKCS#11 3.0 sec. 5.8, 5.10; mechanisms 2.10 to 2.12 of the current mechanisms document).

use crate::support::*;
use cryptoki_sys::*;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<_> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[track_caller]
fn both_ways(session: &Session, by: &dyn Fn() -> Mechanism, key: &[u8], plain: &[u8], cipher: &[u8]) {
    let key = session.known_key(CKK_AES, key, &[]);
    expect("init", session.encrypt_init(by(), key), CKR_OK);
    assert_eq!(session.encrypt(plain).unwrap(), cipher);
    expect("init", session.decrypt_init(by(), key), CKR_OK);
    assert_eq!(session.decrypt(cipher).unwrap(), plain);
}

#[test]
fn known_answers_through_the_c_interface() {
    let token = Token::new();
    let session = token.open(READ_WRITE);
    // NIST SP 800-38A, F.1.5, F.2.5 and F.5.5 (AES-256, first block).
    let key = bytes("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
    let plain = bytes("6bc1bee22e409f96e93d7e117393172a");
    let ecb = bytes("f3eed1bdb5d2a03c064b5a7e3db181f8");
    both_ways(&session, &|| Mechanism::plain(CKM_AES_ECB), &key, &plain, &ecb);
    let iv = bytes("000102030405060708090a0b0c0d0e0f");
    let cbc = bytes("f58c4c04d6e5f1ba779eabfb5f7bfbd6");
    both_ways(&session, &|| Mechanism::with(CKM_AES_CBC, &iv), &key, &plain, &cbc);
    let counter = bytes("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff").try_into().unwrap();
    let ctr = bytes("601ec313775789a5b7a7f504bbf3d228");
    both_ways(&session, &|| Mechanism::ctr(128, counter), &key, &plain, &ctr);
    // The GCM specification's test case 14: zero key, zero IV, one zero block.
    let gcm = bytes("cea7403d4d606b6e074ec5d3baf39d18 d0d1c8a799996bf0265b98b5d48ab919");
    both_ways(&session, &|| Mechanism::gcm(&[0; 12], b"", 128), &[0; 32], &[0; 16], &gcm);
}

#[test]
fn whole_blocks_are_wanted_where_nothing_pads() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    let mechanisms: [fn() -> Mechanism; 2] =
        [|| Mechanism::plain(CKM_AES_ECB), || Mechanism::with(CKM_AES_CBC, &[1; 16])];
    for by in mechanisms {
        for length in [1, 15, 17, 31] {
            let input = vec![1; length];
            expect("init", session.encrypt_init(by(), key), CKR_OK);
            expect("one shot", session.encrypt(&input).unwrap_err(), CKR_DATA_LEN_RANGE);
            expect("ended", session.encrypt(&[1; 16]).unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
            expect("init", session.encrypt_init(by(), key), CKR_OK);
            assert_eq!(session.encrypt_update(&input).unwrap().len(), length / 16 * 16);
            expect("final", session.encrypt_final().unwrap_err(), CKR_DATA_LEN_RANGE);
            expect("ended", session.encrypt_final().unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
            expect("init", session.decrypt_init(by(), key), CKR_OK);
            expect("one shot", session.decrypt(&input).unwrap_err(), CKR_ENCRYPTED_DATA_LEN_RANGE);
            expect("ended", session.decrypt(&[1; 16]).unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
            expect("init", session.decrypt_init(by(), key), CKR_OK);
            assert!(session.decrypt_update(&input).is_ok());
            expect("final", session.decrypt_final().unwrap_err(), CKR_ENCRYPTED_DATA_LEN_RANGE);
        }
    }
}

#[test]
fn wrong_parameters_are_refused_and_start_nothing() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    let gcm = |iv: &[u8], tag: u64| Mechanism::gcm(iv, b"", tag);
    let null_iv = || {
        let mut mechanism = Mechanism::gcm(&[1; 12], b"", 128);
        mechanism.gcm_params().pIv = std::ptr::null_mut();
        mechanism
    };
    let null_aad = || {
        let mut mechanism = Mechanism::gcm(&[1; 12], b"aad", 128);
        mechanism.gcm_params().pAAD = std::ptr::null_mut();
        mechanism
    };
    let rows: Vec<(&str, Mechanism)> = vec![
        ("ECB with an IV", Mechanism::with(CKM_AES_ECB, &[1; 16])),
        ("CBC without", Mechanism::plain(CKM_AES_CBC)),
        ("CBC, 15 bytes", Mechanism::with(CKM_AES_CBC, &[1; 15])),
        ("CBC, 17 bytes", Mechanism::with(CKM_AES_CBC, &[1; 17])),
        ("CBC_PAD without", Mechanism::plain(CKM_AES_CBC_PAD)),
        ("CBC_PAD, 8 bytes", Mechanism::with(CKM_AES_CBC_PAD, &[1; 8])),
        ("CTR without", Mechanism::plain(CKM_AES_CTR)),
        ("CTR, an IV alone", Mechanism::with(CKM_AES_CTR, &[1; 16])),
        ("CTR, 0 bits", Mechanism::ctr(0, [1; 16])),
        ("CTR, 129 bits", Mechanism::ctr(129, [1; 16])),
        ("CTR, endless", Mechanism::ctr(u64::MAX, [1; 16])),
        ("GCM without", Mechanism::plain(CKM_AES_GCM)),
        ("GCM, an IV alone", Mechanism::with(CKM_AES_GCM, &[1; 12])),
        ("GCM, no IV", gcm(b"", 128)),
        ("GCM, null IV", null_iv()),
        ("GCM, null AAD", null_aad()),
        ("GCM, tag of 0", gcm(&[1; 12], 0)),
        ("GCM, tag of 8", gcm(&[1; 12], 8)),
        ("GCM, tag of 95", gcm(&[1; 12], 95)),
        ("GCM, tag of 100", gcm(&[1; 12], 100)),
        ("GCM, tag of 129", gcm(&[1; 12], 129)),
        ("GCM, tag of 136", gcm(&[1; 12], 136)),
        ("GCM, endless tag", gcm(&[1; 12], u64::MAX)),
    ];
    for (what, mechanism) in rows {
        let mut mechanism = mechanism;
        let mut raw = mechanism.raw();
        for init in [session.api.C_EncryptInit, session.api.C_DecryptInit] {
            // SAFETY: the mechanism lives; what is wrong with it is what is tested.
            let rv = unsafe { (init.unwrap())(session.handle, &mut raw, key) };
            expect_one_of(what, rv, &[CKR_MECHANISM_PARAM_INVALID, CKR_ARGUMENTS_BAD]);
        }
        expect(what, session.encrypt(&[0; 16]).unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
    }
}

#[test]
fn gcm_takes_every_iv_length_and_tags_of_96_to_128_bits() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    for iv_bytes in [1, 7, 8, 12, 13, 16, 60, 128, 256] {
        for tag_bits in [96, 104, 112, 120, 128] {
            let by = || Mechanism::gcm(&vec![3; iv_bytes], b"aad", tag_bits);
            expect("init", session.encrypt_init(by(), key), CKR_OK);
            let ciphertext = session.encrypt(b"seventeen bytes..").unwrap();
            assert_eq!(ciphertext.len(), 17 + tag_bits as usize / 8);
            expect("init", session.decrypt_init(by(), key), CKR_OK);
            assert_eq!(session.decrypt(&ciphertext).unwrap(), b"seventeen bytes..");
        }
    }
}

#[test]
fn gcm_gives_nothing_for_what_is_not_authentic() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    let by = |iv: u8, aad: &[u8]| Mechanism::gcm(&[iv; 12], aad, 128);
    expect("init", session.encrypt_init(by(1, b"aad"), key), CKR_OK);
    let good = session.encrypt(b"a message of some length").unwrap();
    let flipped = |at: usize| {
        let mut bad = good.clone();
        bad[at] ^= 1;
        bad
    };
    let longer = [&good[..], b"x"].concat();
    let rows: Vec<(&str, Mechanism, Vec<u8>)> = vec![
        ("first byte", by(1, b"aad"), flipped(0)),
        ("tag", by(1, b"aad"), flipped(good.len() - 1)),
        ("iv", by(2, b"aad"), good.clone()),
        ("aad", by(1, b"aae"), good.clone()),
        ("shorter", by(1, b"aad"), good[..good.len() - 1].to_vec()),
        ("longer", by(1, b"aad"), longer),
    ];
    for (what, mut mechanism, input) in rows {
        let mut raw = mechanism.raw();
        let init = |raw: &mut CK_MECHANISM| call!(session.api, C_DecryptInit(session.handle, raw, key));
        expect(what, init(&mut raw), CKR_OK);
        let (mut output, mut length) = ([0xee; 200], 200);
        let from = input.as_ptr().cast_mut();
        let rv = call!(
            session.api,
            C_Decrypt(session.handle, from, input.len() as CK_ULONG, output.as_mut_ptr(), &mut length)
        );
        expect(what, rv, CKR_ENCRYPTED_DATA_INVALID);
        let plain = b"a message of some length";
        assert!(!output.windows(8).any(|part| plain.windows(8).any(|text| text == part)), "{what}");
        expect(what, session.decrypt(&good).unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
        expect(what, init(&mut raw), CKR_OK);
        let streamed = session.decrypt_update(&input).and_then(|_| session.decrypt_final());
        expect(what, streamed.unwrap_err(), CKR_ENCRYPTED_DATA_INVALID);
    }
    for length in [0, 1, 15] {
        expect("init", session.decrypt_init(by(1, b"aad"), key), CKR_OK);
        let rv = session.decrypt(&good[..length]).unwrap_err();
        expect_one_of("cut", rv, &[CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_ENCRYPTED_DATA_INVALID]);
    }
}

#[test]
fn bad_padding_is_invalid_data() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    // Blocks of zeros, encrypted without padding, end in no padding.
    expect("init", session.encrypt_init(Mechanism::with(CKM_AES_CBC, &[7; 16]), key), CKR_OK);
    let unpadded = session.encrypt(&[0; 32]).unwrap();
    expect("init", session.decrypt_init(Mechanism::cbc_pad(), key), CKR_OK);
    expect("one shot", session.decrypt(&unpadded).unwrap_err(), CKR_ENCRYPTED_DATA_INVALID);
    expect("init", session.decrypt_init(Mechanism::cbc_pad(), key), CKR_OK);
    assert_eq!(session.decrypt_update(&unpadded).unwrap().len(), 16, "the last block is held back");
    expect("final", session.decrypt_final().unwrap_err(), CKR_ENCRYPTED_DATA_INVALID);
    for length in [0, 1, 15, 17] {
        expect("init", session.decrypt_init(Mechanism::cbc_pad(), key), CKR_OK);
        let rv = session.decrypt(&vec![1; length]).unwrap_err();
        expect_one_of("length", rv, &[CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_ENCRYPTED_DATA_INVALID]);
    }
}

#[test]
fn a_buffer_for_the_plaintext_alone_is_enough_when_padding_goes() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    expect("init", session.encrypt_init(Mechanism::cbc_pad(), key), CKR_OK);
    let ciphertext = session.encrypt(b"20 bytes of plain...").unwrap();
    assert_eq!(ciphertext.len(), 32);
    expect("init", session.decrypt_init(Mechanism::cbc_pad(), key), CKR_OK);
    let (mut output, mut length) = ([0xee; 32], 20);
    let from = ciphertext.as_ptr().cast_mut();
    let rv = call!(session.api, C_Decrypt(session.handle, from, 32, output.as_mut_ptr(), &mut length));
    expect("exact", rv, CKR_OK);
    assert_eq!((length, &output[..20]), (20, b"20 bytes of plain...".as_slice()));
    assert!(output[20..].iter().all(|byte| *byte == 0xee));
}

/// "If an attempt to encrypt/decrypt is made which will cause an overflow of the counter block's counter bits,
/// then the mechanism shall return CKR_DATA_LEN_RANGE" - the increment after the last block may overflow.
#[test]
fn ctr_does_not_come_round() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    let (mut from_1, mut narrow) = ([0x55; 16], [0xff; 16]);
    from_1[15] = 0b0101_0101;
    narrow[15] = 0xfe;
    let rows = [(2, from_1, 3), (8, narrow, 2), (32, [0xff; 16], 1), (128, [0xff; 16], 1)];
    for (bits, block, blocks) in rows {
        let by = || Mechanism::ctr(bits, block);
        let input = vec![0; blocks * 16 + 1];
        for encrypting in [true, false] {
            let init = || match encrypting {
                true => session.encrypt_init(by(), key),
                false => session.decrypt_init(by(), key),
            };
            let run = |data| if encrypting { session.encrypt(data) } else { session.decrypt(data) };
            expect("init", init(), CKR_OK);
            assert_eq!(run(&input[1..]).unwrap().len(), blocks * 16, "{bits} bits");
            expect("init", init(), CKR_OK);
            expect("one byte more", run(&input).unwrap_err(), CKR_DATA_LEN_RANGE);
            expect("ended", run(b"").unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
        }
        expect("init", session.encrypt_init(by(), key), CKR_OK);
        assert!(session.encrypt_update(&input[1..]).is_ok());
        expect("in parts", session.encrypt_update(b"x").unwrap_err(), CKR_DATA_LEN_RANGE);
        expect("ended", session.encrypt_final().unwrap_err(), CKR_OPERATION_NOT_INITIALIZED);
    }
}

#[test]
fn ctr_leaves_the_bits_above_the_counter_alone() {
    let token = Token::new();
    let session = token.user();
    let key = session.aes_key(&[]);
    let encrypt = |by: Mechanism, data: &[u8]| {
        expect("init", session.encrypt_init(by, key), CKR_OK);
        session.encrypt(data).unwrap()
    };
    let (mut first, mut second) = ([0xab; 16], [0xab; 16]);
    first[14..].copy_from_slice(&[0x00, 0xff]);
    second[14..].copy_from_slice(&[0x01, 0x00]);
    let both = encrypt(Mechanism::ctr(16, first), &[0; 32]);
    assert_eq!(both[16..], encrypt(Mechanism::ctr(16, second), &[0; 16]));
}
