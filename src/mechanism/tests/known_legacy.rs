//! Known answers of the mechanisms that only the configuration's `legacy` offers.

use super::*;
use cryptoki_sys::*;

#[test]
fn known_answers_of_legacy_mechanisms_come_out() {
    let mut ran = Ran::default();
    for suite in [des, triple_des, triple_des_cmac, md5, md5_hmac] {
        suite(&mut ran);
    }
}

/// FIPS 81, appendices B and C: the key, the data, and what comes of them in ECB and in CBC.
pub const KEY: &str = "0123456789abcdef";
pub const NOW_IS_THE_TIME: &[u8] = b"Now is the time for all ";
pub const TABLE_B1: &str = "3fa40e8a984d48156a271787ab8883f9893d51ec4b563b53";
pub const TABLE_C1: &str = "e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6";

pub fn des(ran: &mut Ran) {
    let (key, vector) = (hex(KEY), iv(&hex("1234567890abcdef")));
    // Triple DES with three times the same key is DES.
    let thrice = key.repeat(3);
    for (suite, id, key, params, answer) in [
        ("FIPS 81 table B1", CKM_DES_ECB, &key, &Params::None, TABLE_B1),
        ("FIPS 81 table C1", CKM_DES_CBC, &key, &vector, TABLE_C1),
        ("FIPS 81 table C1", CKM_DES3_CBC, &thrice, &vector, TABLE_C1),
    ] {
        assert_eq!(encrypt(id, key, params, NOW_IS_THE_TIME).unwrap(), hex(answer), "{}", row(id).name);
        assert_eq!(decrypt(id, key, params, &hex(answer)).unwrap(), NOW_IS_THE_TIME, "{}", row(id).name);
        ran.note(suite, id);
    }
    for (id, key) in [(CKM_DES_CBC_PAD, &key), (CKM_DES3_CBC_PAD, &thrice)] {
        let sealed = encrypt(id, key, &vector, NOW_IS_THE_TIME).unwrap();
        // A whole block of padding follows.
        assert_eq!((&sealed[..24], sealed.len()), (&hex(TABLE_C1)[..], 32), "{}", row(id).name);
        assert_eq!(decrypt(id, key, &vector, &sealed).unwrap(), NOW_IS_THE_TIME, "{}", row(id).name);
        ran.note("FIPS 81 table C1", id);
    }
}

/// NIST SP 800-67 B.1: the key, the data, and what comes of them.
pub const TRIPLE: (&str, &[u8], &str) = (
    "0123456789abcdef23456789abcdef01456789abcdef0123",
    b"The qufck brown fox jump",
    "a826fd8ce53b855fcce21c8112256fe668d5c05dd9b6b900",
);

pub fn triple_des(ran: &mut Ran) {
    let (key, plain, answer) = (hex(TRIPLE.0), TRIPLE.1, hex(TRIPLE.2));
    assert_eq!(encrypt(CKM_DES3_ECB, &key, &Params::None, plain).unwrap(), answer);
    assert_eq!(decrypt(CKM_DES3_ECB, &key, &Params::None, &answer).unwrap(), plain);
    ran.note("NIST SP 800-67 B.1", CKM_DES3_ECB);
}

/// NIST SP 800-38B D.4 (three keys) and D.5 (two): of the first 0, 8, 20 and 32 bytes of the message.
const CMACS: [(&str, [&str; 4]); 2] = [
    (
        "8aa83bf8cbda10620bc1bf19fbb6cd58bc313d4a371ca8b5",
        ["b7a688e122ffaf95", "8e8f293136283797", "743ddbe0ce2dc2ed", "33e6b1092400eae5"],
    ),
    (
        "4cf15134a2850dd58a3d10ba80570d38",
        ["bd2ebf9a3ba00361", "4ff2ab813c53ce83", "62dd1b471902bd4e", "31b1e431dabc4eb8"],
    ),
];

pub fn triple_des_cmac(ran: &mut Ran) {
    for (key, answers) in CMACS {
        for (bytes, answer) in [0, 8, 20, 32].into_iter().zip(answers) {
            for (id, params, code_bytes) in [
                (CKM_DES3_CMAC, Params::None, 8),
                (CKM_DES3_CMAC_GENERAL, Params::MacLength(8), 8),
                (CKM_DES3_CMAC_GENERAL, Params::MacLength(4), 4),
            ] {
                let message = &hex(super::known::PLAIN)[..bytes];
                verify(id, &hex(key), &params, message, &hex(answer)[..code_bytes]);
                ran.note("NIST SP 800-38B D.4 to D.5", id);
            }
        }
    }
}

pub fn md5(ran: &mut Ran) {
    for (message, answer) in [
        ("", "d41d8cd98f00b204e9800998ecf8427e"),
        ("abc", "900150983cd24fb0d6963f7d28e17f72"),
        ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
    ] {
        let mut digest = row(CKM_MD5).digest.expect("a digest")(&Params::None).unwrap();
        digest.update(message.as_bytes()).unwrap();
        let mut output = [0; 16];
        assert_eq!(digest.finish(&mut output).unwrap(), 16);
        assert_eq!(output, hex(answer)[..]);
        ran.note("RFC 1321 A.5", CKM_MD5);
    }
}

pub fn md5_hmac(ran: &mut Ran) {
    let larger = b"Test Using Larger Than Block-Size Key - Hash Key First";
    for (key, message, answer) in [
        (vec![0x0b; 16], &b"Hi There"[..], "9294727a3638bb1c13f48ef8158bfc9d"),
        (b"Jefe".to_vec(), b"what do ya want for nothing?", "750c783e6ab0b503eaa86e310a5db738"),
        (vec![0xaa; 16], &[0xdd; 50], "56be34521d144c88dbb8c733f0e8b3f6"),
        (vec![0xaa; 80], larger, "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"),
    ] {
        verify(CKM_MD5_HMAC, &key, &Params::None, message, &hex(answer));
        verify(CKM_MD5_HMAC_GENERAL, &key, &Params::MacLength(10), message, &hex(answer)[..10]);
        ran.note("RFC 2202 sec. 2", CKM_MD5_HMAC);
        ran.note("RFC 2202 sec. 2", CKM_MD5_HMAC_GENERAL);
    }
}

fn verify(id: CK_MECHANISM_TYPE, key: &[u8], params: &Params, message: &[u8], code: &[u8]) {
    let mut sign = row(id).sign.expect("a MAC")(Key::Secret(&Secret::new(key)), params).unwrap();
    sign.update(message).unwrap();
    sign.verify(code).unwrap_or_else(|error| panic!("{}: {error}", row(id).name));
}
