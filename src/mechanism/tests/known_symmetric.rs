//! Known answers of symmetric ciphers beyond `known`.

use super::known::{ECB, KEYS, PLAIN};
use super::*;
use cryptoki_sys::*;

#[test]
fn known_answers_of_symmetric_ciphers_come_out() {
    let mut ran = Ran::default();
    for suite in [feedback_modes, chacha20, chacha20_with_long_nonces, cbc_macs] {
        suite(&mut ran);
    }
}

/// NIST SP 800-38A F.3.7 to F.3.12 (CFB8), of the first 18 bytes.
const CFB8: [&str; 3] = [
    "3b79424c9c0dd436bace9e0ed4586a4f32b9",
    "cda2521ef0a905ca44cd057cbf0d47a0678a",
    "dc1f1a8520a64db55fcc8ac554844e889700",
];

/// NIST SP 800-38A F.3.13 to F.3.18 (CFB128).
const CFB128: [&str; 3] = [
    "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b\
     26751f67a3cbb140b1808cf187a4f4dfc04b05357c5d1c0eeac4c66f9ff7f2e6",
    "cdc80d6fddf18cab34c25909c99a417467ce7f7f81173621961a2b70171d3d7a\
     2e1e8a1dd59b88b1c8e60fed1efac4c9c05f9f9ca9834fa042ae8fba584b09ff",
    "dc7e84bfda79164b7ecd8486985d386039ffed143b28b1c832113c6331e5407b\
     df10132415e54b92a13ed0a8267ae2f975a385741ab9cef82031623d55b1e471",
];

/// NIST SP 800-38A F.4 (OFB).
const OFB: [&str; 3] = [
    "3b3fd92eb72dad20333449f8e83cfb4a7789508d16918f03f53c52dac54ed825\
     9740051e9c5fecf64344f7a82260edcc304c6528f659c77866a510d9c1d6ae5e",
    "cdc80d6fddf18cab34c25909c99a4174fcc28b8d4c63837c09e81700c1100401\
     8d9a9aeac0f6596f559c6d4daf59a5f26d9f200857ca6c3e9cac524bd9acc92a",
    "dc7e84bfda79164b7ecd8486985d38604febdc6740d20b3ac88f6ad82a4fb08d\
     71ab47a086e86eedf39d1c5bba97c4080126141d67f37be8538f5a8be740e484",
];

pub fn feedback_modes(ran: &mut Ran) {
    let params = iv(&hex("000102030405060708090a0b0c0d0e0f"));
    for (suite, id, answers) in [
        ("NIST SP 800-38A F.3", CKM_AES_CFB8, CFB8),
        ("NIST SP 800-38A F.3", CKM_AES_CFB128, CFB128),
        ("NIST SP 800-38A F.4", CKM_AES_OFB, OFB),
    ] {
        for (key, answer) in KEYS.iter().zip(answers) {
            let answer = hex(answer);
            let plain = &hex(PLAIN)[..answer.len()];
            assert_eq!(encrypt(id, &hex(key), &params, plain).unwrap(), answer, "{suite}");
            assert_eq!(decrypt(id, &hex(key), &params, &answer).unwrap(), plain, "{suite}");
            ran.note(suite, id);
        }
    }
}

/// RFC 8439 sec. 2.4.2
const SUNSCREEN: &str = "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the \
                         future, sunscreen would be it.";
const SUNSCREEN_SEALED: &str = "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0b\
                                f91b65c5524733ab8f593dabcd62b3571639d624e65152ab8f530c359f0861d8\
                                07ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab7793736\
                                5af90bbf74a35be6b40b8eedf2785e42874d";

pub fn chacha20(ran: &mut Ran) {
    let key: Vec<u8> = (0..32).collect();
    // The first word of this nonce is zero, so that it is also one of the original cipher.
    let nonce = hex("000000000000004a00000000");
    for params in [super::chacha20(1, &nonce), super::chacha20(1, &nonce[4..])] {
        let sealed = encrypt(CKM_CHACHA20, &key, &params, SUNSCREEN.as_bytes()).unwrap();
        assert_eq!(sealed, hex(SUNSCREEN_SEALED));
        assert_eq!(decrypt(CKM_CHACHA20, &key, &params, &sealed).unwrap(), SUNSCREEN.as_bytes());
        ran.note("RFC 8439 sec. 2.4.2", CKM_CHACHA20);
    }
}

/// draft-irtf-cfrg-xchacha-03 A.3.2, with block counter 0.
const DHOLE: &str = "The dhole (pronounced \"dole\") is also known as the Asiatic wild dog, red dog, and whistling \
                     dog. It is about the size of a German shepherd but looks more like a long-legged fox. This \
                     highly elusive and skilled jumper is classified with wolves, coyotes, jackals, and foxes in \
                     the taxonomic family Canidae.";
const DHOLE_SEALED: &str = "4559abba4e48c16102e8bb2c05e6947f50a786de162f9b0b7e592a9b53d0d4e9\
                            8d8d6410d540a1a6375b26d80dace4fab52384c731acbf16a5923c0c48d3575d\
                            4d0d2c673b666faa731061277701093a6bf7a158a8864292a41c48e3a9b4c0da\
                            ece0f8d98d0d7e05b37a307bbb66333164ec9e1b24ea0d6c3ffddcec4f68e744\
                            3056193a03c810e11344ca06d8ed8a2bfb1e8d48cfa6bc0eb4e2464b74814240\
                            7c9f431aee769960e15ba8b96890466ef2457599852385c661f752ce20f9da0c\
                            09ab6b19df74e76a95967446f8d0fd415e7bee2a12a114c20eb5292ae7a349ae\
                            577820d5520a1f3fb62a17ce6a7e68fa7c79111d8860920bc048ef43fe84486c\
                            cb87c25f0ae045f0cce1e7989a9aa220a28bdd4827e751a24a6d5c62d790a663\
                            93b93111c1a55dd7421a10184974c7c5";

pub fn chacha20_with_long_nonces(ran: &mut Ran) {
    let key: Vec<u8> = (0x80..0xa0).collect();
    let params = super::chacha20(0, &hex("404142434445464748494a4b4c4d4e4f5051525354555658"));
    let sealed = encrypt(CKM_CHACHA20, &key, &params, DHOLE.as_bytes()).unwrap();
    assert_eq!(sealed, hex(DHOLE_SEALED));
    ran.note("draft-irtf-cfrg-xchacha-03 A.3.2", CKM_CHACHA20);
}

/// The CBC-MAC of one block is the block encrypted.
pub fn cbc_macs(ran: &mut Ran) {
    for (key, answers) in KEYS.iter().zip(ECB) {
        for (plain, answer) in hex(PLAIN).chunks(16).zip(hex(answers).chunks(16)) {
            for (id, params, bytes) in [
                (CKM_AES_MAC, Params::None, 8),
                (CKM_AES_MAC_GENERAL, Params::MacLength(16), 16),
                (CKM_AES_MAC_GENERAL, Params::MacLength(5), 5),
            ] {
                let key = Secret::new(hex(key));
                let mut sign = row(id).sign.expect("a MAC")(Key::Secret(&key), &params).unwrap();
                sign.update(plain).unwrap();
                sign.verify(&answer[..bytes]).unwrap();
                ran.note("NIST SP 800-38A F.1", id);
            }
        }
    }
}

#[test]
fn the_counter_of_chacha20_never_wraps() {
    let too_long = |e: Error| is(&e, |e| matches!(e, MechanismError::DataLen { .. }));
    let last = u64::from(u32::MAX);
    for (params, bytes) in [
        (super::chacha20(last, &[5; 12]), 64),
        (super::chacha20(last - 1, &[5; 12]), 128),
        // The nonce's first word does not become part of the counter.
        (super::chacha20(last, &[0xff; 12]), 0),
    ] {
        let mut cipher = new_cipher(CKM_CHACHA20, &[1; 32], &params, Direction::Encrypt).unwrap();
        assert!(too_long(cipher.one_shot_len(129).unwrap_err()));
        assert!(too_long(cipher.one_shot(&[0; 129], &mut [0; 129]).unwrap_err()));
        cipher.update(&vec![0; bytes], &mut vec![0; bytes]).unwrap();
        assert!(bytes == 0 || too_long(cipher.update(&[0], &mut [0]).unwrap_err()));
    }
    // The original's does not end there: it counts in 64 bits.
    let params = super::chacha20(last, &[5; 8]);
    let across = encrypt(CKM_CHACHA20, &[1; 32], &params, &[0; 128]).unwrap();
    let params = super::chacha20(last + 1, &[5; 8]);
    assert_eq!(across[64..], encrypt(CKM_CHACHA20, &[1; 32], &params, &[0; 64]).unwrap());
}
