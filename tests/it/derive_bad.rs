//! Parameters of derivations that are none: each gets its code, and nothing is made.

use crate::support::kdf::{self, Further, Hkdf, Input, Pbkdf2};
use crate::support::*;
use cryptoki_sys::*;

const HUGE: [u64; 4] = [(1 << 20) + 1, 1 << 40, 1 << 63, u64::MAX];

/// A session with a base key, and what it answers to mechanisms.
struct Base<'t> {
    session: Session<'t>,
    key: CK_OBJECT_HANDLE,
    length: [u8; 8],
}

impl<'t> Base<'t> {
    fn new(token: &'t Token, kind: CK_KEY_TYPE, value: &[u8]) -> Base<'t> {
        let session = token.user();
        let key = session.known_key(kind, value, &[(CKA_DERIVE, YES)]);
        Base { session, key, length: number(16) }
    }

    fn derive(&self, by: Mechanism) -> Result<CK_OBJECT_HANDLE, CK_RV> {
        self.session.derive(by, self.key, &[(CKA_VALUE_LEN, &self.length)])
    }

    /// Is refused, and an operation can begin afterwards.
    #[track_caller]
    fn refuses(&self, what: &str, by: Mechanism) {
        self.answers(what, by, CKR_MECHANISM_PARAM_INVALID);
    }

    #[track_caller]
    fn answers(&self, what: &str, by: Mechanism, wanted: CK_RV) {
        match self.derive(by) {
            Err(rv) => expect(what, rv, wanted),
            Ok(_) => panic!("{what}: a key"),
        }
    }
}

/// Every derivation with no parameter, and with one that is too short or too long.
#[test]
fn a_parameter_of_the_wrong_size_is_refused() {
    let token = Token::new();
    let aes = Base::new(&token, CKK_AES, &[1; 32]);
    let secret = Base::new(&token, CKK_GENERIC_SECRET, &[1; 32]);
    for (kind, bytes) in [
        (CKM_SP800_108_COUNTER_KDF, 40),
        (CKM_SP800_108_FEEDBACK_KDF, 56),
        (CKM_SP800_108_DOUBLE_PIPELINE_KDF, 40),
        (CKM_HKDF_DERIVE, 64),
        (CKM_HKDF_DATA, 64),
        (CKM_CONCATENATE_BASE_AND_KEY, 8),
        (CKM_CONCATENATE_BASE_AND_DATA, 16),
        (CKM_CONCATENATE_DATA_AND_BASE, 16),
        (CKM_XOR_BASE_AND_DATA, 16),
        (CKM_EXTRACT_KEY_FROM_KEY, 8),
        (CKM_AES_ECB_ENCRYPT_DATA, 16),
        (CKM_AES_CBC_ENCRYPT_DATA, 32),
    ] {
        let base = if bytes == 16 || bytes == 32 { &aes } else { &secret };
        for wrong in [0, 1, bytes - 1, bytes + 1] {
            base.refuses(&format!("{kind:#x} {wrong}"), Mechanism::with(kind, &vec![0; wrong]));
        }
    }
    secret.refuses("digest", Mechanism::with(CKM_SHA256_KEY_DERIVATION, &[0; 8]));
    let generate = |bytes: usize| {
        let by = Mechanism::with(CKM_PKCS5_PBKD2, &vec![0; bytes]);
        secret.session.generate(by, &[(CKA_KEY_TYPE, &number(CKK_AES)), (CKA_VALUE_LEN, &number(16))])
    };
    for wrong in [0, 1, 71, 72, 73] {
        assert_eq!(generate(wrong), Err(CKR_MECHANISM_PARAM_INVALID), "{wrong}");
    }
}

#[test]
fn strings_that_are_none_are_refused() {
    let token = Token::new();
    let base = Base::new(&token, CKK_AES, &[1; 32]);
    let given = [7u8; 16];
    for kind in [CKM_CONCATENATE_BASE_AND_DATA, CKM_CONCATENATE_DATA_AND_BASE, CKM_XOR_BASE_AND_DATA] {
        let by = |place: u64, bytes: u64| Mechanism::structure(kind, &[place, bytes], vec![]);
        base.refuses("null", by(0, 16));
        for bytes in HUGE {
            base.refuses("huge", by(given.as_ptr() as u64, bytes));
        }
        match kind {
            CKM_XOR_BASE_AND_DATA => base.refuses("empty", by(0, 0)),
            // Nothing is added to the key.
            _ => assert!(base.derive(by(0, 0)).is_ok()),
        }
    }
    let short = |bytes: usize| kdf::data(CKM_XOR_BASE_AND_DATA, &vec![1; bytes]);
    base.answers("15 bytes", short(15), CKR_TEMPLATE_INCONSISTENT);
    assert!(base.derive(short(16)).is_ok() && base.derive(short(100)).is_ok());
    for bytes in [0, 1, 15, 17, 31] {
        base.refuses("ecb", kdf::data(CKM_AES_ECB_ENCRYPT_DATA, &vec![1; bytes]));
        base.refuses("cbc", kdf::data_with_iv(CKM_AES_CBC_ENCRYPT_DATA, [0; 2], &vec![1; bytes]));
    }
    let long = Base { length: number(32), ..base };
    let ecb = |bytes: usize| kdf::data(CKM_AES_ECB_ENCRYPT_DATA, &vec![1; bytes]);
    long.answers("16 bytes for 32", ecb(16), CKR_DATA_LEN_RANGE);
    assert!(long.derive(ecb(32)).is_ok());
}

#[test]
fn bits_that_the_key_has_not_are_refused() {
    let token = Token::new();
    let base = Base::new(&token, CKK_GENERIC_SECRET, &[1; 16]);
    let by = |bit: u64| Mechanism::with(CKM_EXTRACT_KEY_FROM_KEY, &number(bit));
    assert!(base.derive(by(127)).is_ok());
    for bit in [128, 1 << 32, u64::MAX] {
        base.refuses("bit", by(bit));
    }
    let session = &base.session;
    assert_eq!(session.derive(by(0), base.key, &[]), Err(CKR_TEMPLATE_INCOMPLETE));
    let longer = number(17);
    let refused = session.derive(by(0), base.key, &[(CKA_VALUE_LEN, &longer)]);
    assert_eq!(refused, Err(CKR_TEMPLATE_INCONSISTENT));
}

/// Two keys that are within the limit each, and joined are not.
#[test]
fn keys_that_are_too_long_together_are_refused() {
    let token = Token::new();
    let session = token.user();
    let key = session.known_key(CKK_GENERIC_SECRET, &vec![1; 300 << 10], &[(CKA_DERIVE, YES)]);
    let join = || Mechanism::with(CKM_CONCATENATE_BASE_AND_KEY, &key.to_ne_bytes());
    assert_eq!(session.derive(join(), key, &[]), Err(CKR_DEVICE_MEMORY));
    let length = number(400 << 10);
    session.derive(join(), key, &[(CKA_VALUE_LEN, &length)]).expect("a part of both");
    let data = || kdf::data(CKM_CONCATENATE_DATA_AND_BASE, &vec![1; 300 << 10]);
    assert_eq!(session.derive(data(), key, &[]), Err(CKR_DEVICE_MEMORY));
}

#[test]
fn hkdf_refuses_what_is_no_parameter_of_it() {
    let token = Token::new();
    let base = Base::new(&token, CKK_HKDF, &[1; 32]);
    let refuses = |what: &str, hkdf: Hkdf| base.refuses(what, hkdf.mechanism(CKM_HKDF_DERIVE));
    refuses("neither", Hkdf { extract: false, expand: false, ..Hkdf::PLAIN });
    for hash in [CKM_SHA256_HMAC, CKM_AES_GCM, CKM_MD5, 0, u64::MAX] {
        refuses("hash", Hkdf { hash, ..Hkdf::PLAIN });
    }
    for salt_type in [0, 3, 8, u64::MAX] {
        refuses("salt", Hkdf { salt_type, ..Hkdf::PLAIN });
    }
    let row = |place: usize, value: u64| {
        let info = b"info".to_vec();
        let pointer = info.as_ptr() as u64;
        let mut row = [0x0101, CKM_SHA256, CKF_HKDF_SALT_DATA, pointer, 4, 0, pointer, 4];
        row[place] = value;
        Mechanism::structure(CKM_HKDF_DERIVE, &row, vec![info])
    };
    assert!(base.derive(row(0, 0x0101)).is_ok());
    base.refuses("bExtract 2", row(0, 0x0102));
    base.refuses("bExpand 255", row(0, 0xff01));
    base.refuses("null salt", row(3, 0));
    base.refuses("null info", row(6, 0));
    for bytes in HUGE {
        base.refuses("huge salt", row(4, bytes));
        base.refuses("huge info", row(7, bytes));
    }
    // What is not used is not looked at.
    let mut unused = [0x0001, CKM_SHA256, CKF_HKDF_SALT_NULL, 1, u64::MAX, 7, 1, u64::MAX];
    let extract = Mechanism::structure(CKM_HKDF_DERIVE, &unused, vec![]);
    base.session.derive(extract, base.key, &[]).expect("what is extracted");
    (unused[0], unused[2], unused[6], unused[7]) = (0x0100, 99, 0, 0);
    base.derive(Mechanism::structure(CKM_HKDF_DERIVE, &unused, vec![])).expect("what is expanded");
}

#[test]
fn hkdf_refuses_keys_and_lengths_that_do_not_fit() {
    let token = Token::new();
    let base = Base::new(&token, CKK_HKDF, &[1; 31]);
    let session = &base.session;
    let derive = |hkdf: Hkdf, bytes: u64| {
        let length = number(bytes);
        session.derive(hkdf.mechanism(CKM_HKDF_DERIVE), base.key, &[(CKA_VALUE_LEN, &length)])
    };
    let expand = Hkdf { extract: false, ..Hkdf::PLAIN };
    assert_eq!(derive(expand, 16), Err(CKR_KEY_SIZE_RANGE));
    assert!(derive(Hkdf { hash: CKM_SHA_1, ..expand }, 16).is_ok());
    assert!(derive(Hkdf::PLAIN, 255 * 32).is_ok());
    assert_eq!(derive(Hkdf::PLAIN, 255 * 32 + 1), Err(CKR_TEMPLATE_INCONSISTENT));
    let extract = Hkdf { expand: false, ..Hkdf::PLAIN };
    assert!(derive(extract, 32).is_ok());
    assert_eq!(derive(extract, 31), Err(CKR_TEMPLATE_INCONSISTENT));
    assert_eq!(derive(extract, 33), Err(CKR_TEMPLATE_INCONSISTENT));
    let by_key = Hkdf { salt_type: CKF_HKDF_SALT_KEY, salt_key: 99, ..Hkdf::PLAIN };
    assert_eq!(derive(by_key, 16), Err(CKR_KEY_HANDLE_INVALID));
    let salt_key = session.known_key(CKK_AES, &[1; 16], &[(CKA_DERIVE, YES)]);
    assert_eq!(derive(Hkdf { salt_key, ..by_key }, 16), Err(CKR_KEY_TYPE_INCONSISTENT));
    let salt_key = session.known_key(CKK_HKDF, &[1; 16], &[]);
    assert_eq!(derive(Hkdf { salt_key, ..by_key }, 16), Err(CKR_KEY_FUNCTION_NOT_PERMITTED));
}

fn counter_mode(inputs: &[Input]) -> Mechanism {
    kdf::sp800_108(CKM_SP800_108_COUNTER_KDF, CKM_SHA256_HMAC, inputs, &[], &mut [])
}

#[test]
fn sp800_108_refuses_pieces_that_are_none() {
    let token = Token::new();
    let base = Base::new(&token, CKK_GENERIC_SECRET, &[1; 32]);
    let (counter, length) = (kdf::counter(32), kdf::dkm_length(CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS, 32));
    let i: Input = (CK_SP800_108_ITERATION_VARIABLE, &counter);
    assert!(base.derive(counter_mode(&[i, (CK_SP800_108_DKM_LENGTH, &length)])).is_ok());
    let little: Vec<u8> = [1, 32].map(u64::to_ne_bytes).concat();
    assert!(base.derive(counter_mode(&[(CK_SP800_108_ITERATION_VARIABLE, &little)])).is_ok());
    base.refuses("nothing", counter_mode(&[]));
    for kind in [0, 6, u64::MAX] {
        base.refuses("no such piece", counter_mode(&[i, (kind, b"data")]));
    }
    base.refuses("no bytes", counter_mode(&[i, (CK_SP800_108_BYTE_ARRAY, b"")]));
    for bits in [0, 1, 7, 9, 40, 64, u64::MAX] {
        let format = kdf::counter(bits);
        base.refuses("width", counter_mode(&[(CK_SP800_108_ITERATION_VARIABLE, &format)]));
        let format = kdf::dkm_length(CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS, bits);
        let answer = base.derive(counter_mode(&[i, (CK_SP800_108_DKM_LENGTH, &format)]));
        assert_eq!(answer.is_ok(), [40, 64].contains(&bits), "{bits}");
    }
    let odd: Vec<u8> = [2, 32].map(u64::to_ne_bytes).concat();
    base.refuses("no CK_BBOOL", counter_mode(&[(CK_SP800_108_ITERATION_VARIABLE, &odd)]));
    base.refuses("short", counter_mode(&[(CK_SP800_108_ITERATION_VARIABLE, &counter[..15])]));
    base.refuses("short", counter_mode(&[i, (CK_SP800_108_DKM_LENGTH, &length[..23])]));
    for method in [0, 3, u64::MAX] {
        let format = kdf::dkm_length(method, 32);
        base.refuses("method", counter_mode(&[i, (CK_SP800_108_DKM_LENGTH, &format)]));
    }
    base.refuses("short", counter_mode(&[i, (CK_SP800_108_KEY_HANDLE, &[0; 7])]));
    let unknown = counter_mode(&[i, (CK_SP800_108_KEY_HANDLE, &u64::MAX.to_ne_bytes())]);
    base.answers("unknown key", unknown, CKR_KEY_HANDLE_INVALID);
    let without = base.session.known_key(CKK_GENERIC_SECRET, b"other", &[]);
    let without = counter_mode(&[i, (CK_SP800_108_KEY_HANDLE, &without.to_ne_bytes())]);
    base.answers("no right", without, CKR_KEY_FUNCTION_NOT_PERMITTED);
    let wide = kdf::dkm_length(CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS, 8);
    let long = Base { length: number(32), ..base };
    long.refuses("256 bits in 8", counter_mode(&[i, (CK_SP800_108_DKM_LENGTH, &wide)]));
    let cmac = kdf::sp800_108(CKM_SP800_108_COUNTER_KDF, CKM_AES_CMAC, &[i], &[], &mut []);
    long.answers("CMAC of a secret", cmac, CKR_KEY_TYPE_INCONSISTENT);
    let short = kdf::counter(8);
    let long = Base { length: number(255 * 32 + 1), ..long };
    let counter = counter_mode(&[(CK_SP800_108_ITERATION_VARIABLE, &short)]);
    long.answers("256 steps", counter, CKR_KEY_SIZE_RANGE);
}

#[test]
fn sp800_108_refuses_arrays_that_are_none() {
    let token = Token::new();
    let base = Base::new(&token, CKK_GENERIC_SECRET, &[1; 32]);
    let format = kdf::counter(32);
    let input = [CK_SP800_108_ITERATION_VARIABLE, format.as_ptr() as u64, format.len() as u64];
    let input: Vec<u8> = input.map(u64::to_ne_bytes).concat();
    let row = |place: usize, value: u64| {
        let mut row = [CKM_SHA256_HMAC, 1, input.as_ptr() as u64, 0, 0];
        row[place] = value;
        Mechanism::structure(CKM_SP800_108_COUNTER_KDF, &row, vec![])
    };
    assert!(base.derive(row(3, 0)).is_ok());
    for prf in [0, CKM_SHA256, CKM_MD5_HMAC, u64::MAX] {
        base.refuses("function", row(0, prf));
    }
    base.refuses("no inputs", row(1, 0));
    base.refuses("null", row(2, 0));
    for count in HUGE {
        base.refuses("huge", row(1, count));
        base.refuses("huge", row(3, count));
    }
    base.refuses("null keys", row(3, 1));
    let piece = [CK_SP800_108_BYTE_ARRAY, 0, 4].map(u64::to_ne_bytes).concat();
    base.refuses("null piece", row(2, piece.as_ptr() as u64));
    for bytes in HUGE {
        let piece = [CK_SP800_108_BYTE_ARRAY, format.as_ptr() as u64, bytes].map(u64::to_ne_bytes).concat();
        base.refuses("huge piece", row(2, piece.as_ptr() as u64));
    }
    let key = |row: [u64; 3]| {
        let keys = row.map(u64::to_ne_bytes).concat();
        let row = [CKM_SHA256_HMAC, 1, input.as_ptr() as u64, 1, keys.as_ptr() as u64];
        Mechanism::structure(CKM_SP800_108_COUNTER_KDF, &row, vec![keys])
    };
    let mut handle = u64::MAX;
    let place = &raw mut handle as u64;
    base.refuses("null place", key([0, 0, 0]));
    base.refuses("null template", key([0, 1, place]));
    base.answers("no length", key([0, 0, place]), CKR_TEMPLATE_INCOMPLETE);
    assert_eq!(handle, CK_INVALID_HANDLE);
    let mut many: Vec<_> = (0..65).map(|_| Further::new(Attributes::new(&[]))).collect();
    let i: Input = (CK_SP800_108_ITERATION_VARIABLE, &format);
    let many = kdf::sp800_108(CKM_SP800_108_COUNTER_KDF, CKM_SHA256_HMAC, &[i], &[], &mut many);
    base.refuses("65 keys", many);
}

#[test]
fn passwords_that_are_no_parameter_are_refused() {
    let token = Token::new();
    let session = token.user();
    let (kind, length) = (number(CKK_GENERIC_SECRET), number(16));
    let template: [Pair; 2] = [(CKA_KEY_TYPE, &kind), (CKA_VALUE_LEN, &length)];
    let generate = |by: Mechanism| session.generate(by, &template);
    let refuses = |what: &str, given: Pbkdf2| {
        assert_eq!(generate(given.mechanism()), Err(CKR_MECHANISM_PARAM_INVALID), "{what}");
    };
    for salt_source in [0, 2, u64::MAX] {
        refuses("source", Pbkdf2 { salt_source, ..Pbkdf2::PLAIN });
    }
    for prf in [0, CKP_PKCS5_PBKD2_HMAC_GOSTR3411, 9, u64::MAX] {
        refuses("function", Pbkdf2 { prf, ..Pbkdf2::PLAIN });
    }
    for iterations in [0, (1 << 24) + 1, u64::MAX] {
        refuses("iterations", Pbkdf2 { iterations, ..Pbkdf2::PLAIN });
    }
    refuses("data", Pbkdf2 { prf_data: b"data", ..Pbkdf2::PLAIN });
    for bytes in HUGE {
        let by = Pbkdf2::PLAIN.with_password_bytes(bytes);
        assert_eq!(generate(by), Err(CKR_MECHANISM_PARAM_INVALID), "{bytes:#x}");
    }
    // It leads to a length that is none.
    let length = u64::MAX;
    let by = Pbkdf2::PLAIN.with_password_bytes(&raw const length as u64);
    assert_eq!(generate(by), Err(CKR_MECHANISM_PARAM_INVALID));
    generate(Pbkdf2 { salt: b"", password: b"", ..Pbkdf2::PLAIN }.mechanism()).expect("a key of nothing");
    let too_long = [(CKA_KEY_TYPE, &kind[..]), (CKA_VALUE_LEN, &number(4097))];
    let refused = session.generate(Pbkdf2::PLAIN.mechanism(), &too_long);
    assert_eq!(refused, Err(CKR_ATTRIBUTE_VALUE_INVALID));
}
