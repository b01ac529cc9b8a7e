//! Known answers, written in as facts with their source.

use super::*;
use cryptoki_sys::*;

#[test]
fn known_answers_come_out() {
    let mut ran = Ran::default();
    for suite in
        [block_modes, digests, key_wrap_of_rfc_3394, key_wrap_of_rfc_5649, key_wrap_over_padding, fresh_keys]
    {
        suite(&mut ran);
    }
}

/// The keys of NIST SP 800-38A F.1 to F.5.
pub(super) const KEYS: [&str; 3] = [
    "2b7e151628aed2a6abf7158809cf4f3c",
    "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
    "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
];

/// The plaintext of NIST SP 800-38A F.1 to F.5.
pub(super) const PLAIN: &str = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
                     30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";

/// NIST SP 800-38A F.1 (ECB).
pub(super) const ECB: [&str; 3] = [
    "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf\
     43b1cd7f598ece23881b00e3ed0306887b0c785e27e8ad3f8223207104725dd4",
    "bd334f1d6e45f25ff712a214571fa5cc974104846d0ad3ad7734ecb3ecee4eef\
     ef7afd2270e2e60adce0ba2face6444e9a4b41ba738d6c72fb16691603c18e0e",
    "f3eed1bdb5d2a03c064b5a7e3db181f8591ccb10d410ed26dc5ba74a31362870\
     b6ed21b99ca6f4f9f153e7b1beafed1d23304b7a39f9f3ff067d8d8f9e24ecc7",
];

/// NIST SP 800-38A F.2 (CBC), IV 000102...0f.
pub(super) const CBC: [&str; 3] = [
    "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2\
     73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7",
    "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a\
     571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd",
    "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d\
     39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b",
];

/// NIST SP 800-38A F.5 (CTR), first counter block f0f1...ff.
const CTR: [&str; 3] = [
    "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff\
     5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee",
    "1abc932417521ca24f2b0459fe7e6e0b090339ec0aa6faefd5ccc2c6f4ce8e94\
     1e36b26bd1ebc670d1bd1d665620abf74f78a7f6d29809585a97daec58c6b050",
    "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5\
     2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6",
];

pub fn block_modes(ran: &mut Ran) {
    let first = std::array::from_fn(|i| 0xf0 + i as u8);
    let modes = [
        ("NIST SP 800-38A F.1", CKM_AES_ECB, Params::None, ECB),
        ("NIST SP 800-38A F.2", CKM_AES_CBC, iv(&hex("000102030405060708090a0b0c0d0e0f")), CBC),
        ("NIST SP 800-38A F.5", CKM_AES_CTR, Params::Ctr { counter_bits: 128, block: first }, CTR),
    ];
    for (suite, id, params, answers) in modes {
        for (key, answer) in KEYS.iter().zip(answers) {
            assert_eq!(encrypt(id, &hex(key), &params, &hex(PLAIN)).unwrap(), hex(answer), "{suite}");
            assert_eq!(decrypt(id, &hex(key), &params, &hex(answer)).unwrap(), hex(PLAIN), "{suite}");
            ran.note(suite, id);
        }
    }
}

/// FIPS 180-4 and FIPS 202 name these messages' digests in NIST's "Example Values": of "abc", and of the empty
/// message for SHA-3 ("SHA3-xxx_Msg0").
const DIGESTS: [(CK_MECHANISM_TYPE, &str, &str); 11] = [
    (CKM_SHA_1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    (CKM_SHA224, "abc", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
    (CKM_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
        CKM_SHA384,
        "abc",
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
    ),
    (
        CKM_SHA512,
        "abc",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
         2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ),
    (CKM_SHA512_224, "abc", "4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa"),
    (CKM_SHA512_256, "abc", "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"),
    (CKM_SHA3_224, "", "6b4e03423667dbb73b6e15454f0eb1abd4597f9a1b078e3f5b5a6bc7"),
    (CKM_SHA3_256, "", "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a"),
    (
        CKM_SHA3_384,
        "",
        "0c63a75b845e4f7d01107d852e4c2485c51a50aaaa94fc61995e71bbee983a2ac3713831264adb47fb6bd1e058d5f004",
    ),
    (
        CKM_SHA3_512,
        "",
        "a69f73cca23a9ac5c8b567dc185a756e97c982164fe25859e0d1dcc1475c80a6\
         15b2123af1f5f94c11e3e9402c3ac558f500199d95b6d3e301758586281dcd26",
    ),
];

pub fn digests(ran: &mut Ran) {
    for (id, message, answer) in DIGESTS {
        let mut digest = row(id).digest.expect("a digest")(&Params::None).unwrap();
        digest.update(message.as_bytes()).unwrap();
        let mut output = vec![0; digest.output_len()];
        assert_eq!(digest.finish(&mut output).unwrap(), output.len());
        assert_eq!(output, hex(answer), "{}", row(id).name);
        let sha3 = (CKM_SHA3_256..=CKM_SHA3_512).contains(&id) || id == CKM_SHA3_224;
        ran.note(if sha3 { "FIPS 202 examples" } else { "FIPS 180-4 examples" }, id);
    }
}

/// RFC 3394 sec. 4.1 to 4.6: lengths of the key encryption key and of the data, and the answer.
const RFC_3394: [(usize, usize, &str); 6] = [
    (16, 16, "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"),
    (24, 16, "96778b25ae6ca435f92b5b97c050aed2468ab8a17ad84e5d"),
    (32, 16, "64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7"),
    (24, 24, "031d33264e15d33268f24ec260743edce1c6c7ddee725a936ba814915c6762d2"),
    (32, 24, "a8f9bc1612c68b3ff6e6f4fbe30e71e4769c8b80a32cb8958cd5d17d6b254da1"),
    (32, 32, "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21"),
];

pub fn key_wrap_of_rfc_3394(ran: &mut Ran) {
    let data = hex("00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f");
    for (key_bytes, data_bytes, answer) in RFC_3394 {
        let key: Vec<u8> = (0..key_bytes as u8).collect();
        let data = &data[..data_bytes];
        for params in [Params::None, iv(&[0xa6; 8])] {
            assert_eq!(encrypt(CKM_AES_KEY_WRAP, &key, &params, data).unwrap(), hex(answer));
            assert_eq!(decrypt(CKM_AES_KEY_WRAP, &key, &params, &hex(answer)).unwrap(), data);
        }
        ran.note("RFC 3394 sec. 4", CKM_AES_KEY_WRAP);
    }
}

/// RFC 5649 sec. 6: the data (20 and 7 bytes) and the answer.
const RFC_5649: [(&str, &str); 2] = [
    (
        "c37b7e6492584340bed12207808941155068f738",
        "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
    ),
    ("466f7250617369", "afbeb0f07dfbf5419200f2ccb50bb24f"),
];

pub fn key_wrap_of_rfc_5649(ran: &mut Ran) {
    let key = hex("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8");
    for (data, answer) in RFC_5649 {
        // The default value may be given, too; it then takes the way of values that differ from it.
        for params in [Params::None, iv(&hex("a65959a6"))] {
            assert_eq!(encrypt(CKM_AES_KEY_WRAP_KWP, &key, &params, &hex(data)).unwrap(), hex(answer));
            assert_eq!(decrypt(CKM_AES_KEY_WRAP_KWP, &key, &params, &hex(answer)).unwrap(), hex(data));
        }
        ran.note("RFC 5649 sec. 6", CKM_AES_KEY_WRAP_KWP);
    }
}

/// No document has vectors for this one; it is RFC 3394 over padded data, which `aes-kw` can say.
pub fn key_wrap_over_padding(ran: &mut Ran) {
    for data_bytes in 8..=40 {
        let data = pattern(data_bytes, 3);
        let key = pattern(32, 9);
        let answer = second_opinion::encrypt(CKM_AES_KEY_WRAP_PKCS7, &key, &Params::None, &data);
        assert_eq!(encrypt(CKM_AES_KEY_WRAP_PKCS7, &key, &Params::None, &data).unwrap(), answer);
        ran.note("aes-kw over PKCS #7", CKM_AES_KEY_WRAP_PKCS7);
    }
}

/// Random keys have no vectors: they have the length asked for, and differ.
const HMAC_KEY_GENERATORS: [CK_MECHANISM_TYPE; 12] = [
    CKM_SHA_1_KEY_GEN,
    CKM_SHA224_KEY_GEN,
    CKM_SHA256_KEY_GEN,
    CKM_SHA384_KEY_GEN,
    CKM_SHA512_KEY_GEN,
    CKM_SHA512_224_KEY_GEN,
    CKM_SHA512_256_KEY_GEN,
    CKM_SHA3_224_KEY_GEN,
    CKM_SHA3_256_KEY_GEN,
    CKM_SHA3_384_KEY_GEN,
    CKM_SHA3_512_KEY_GEN,
    CKM_HKDF_KEY_GEN,
];

pub fn fresh_keys(ran: &mut Ran) {
    for (id, sizes, wrong) in [
        (CKM_AES_KEY_GEN, &[16, 24, 32][..], [0, 33]),
        (CKM_GENERIC_SECRET_KEY_GEN, &[16, 800, 4096], [0, 4097]),
        (CKM_AES_XTS_KEY_GEN, &[32, 64], [16, 48]),
        (CKM_CHACHA20_KEY_GEN, &[32], [16, 33]),
        (CKM_DES_KEY_GEN, &[8], [0, 9]),
        (CKM_DES2_KEY_GEN, &[16], [0, 32]),
        (CKM_DES3_KEY_GEN, &[24], [0, 32]),
    ] {
        let make = row(id).generate.expect("a generator");
        for bytes in sizes {
            let (one, other) = (make(&Params::None, *bytes).unwrap(), make(&Params::None, *bytes).unwrap());
            assert_eq!((one.expose().len(), other.expose().len()), (*bytes, *bytes));
            assert_ne!(one.expose(), other.expose());
            let parity = one.expose().iter().all(|byte| byte.count_ones() % 2 == 1);
            assert_eq!(parity, row(id).legacy, "{}", row(id).name);
        }
        for bytes in wrong {
            assert!(is(&make(&Params::None, bytes).unwrap_err(), |e| matches!(
                e,
                MechanismError::KeySize { .. }
            )));
        }
        assert!(make(&iv(&[1]), 16).is_err());
        ran.note("none: random", id);
    }
    for id in HMAC_KEY_GENERATORS {
        let make = row(id).generate.expect("a generator");
        assert_eq!(make(&Params::None, 64).unwrap().expose().len(), 64);
        assert!(make(&Params::None, 0).is_err());
        ran.note("none: random", id);
    }
}
