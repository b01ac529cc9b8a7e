//! Derivation functions and keys from passwords through the C interface: their structures, and what comes out.

use crate::support::kdf::{self, Hkdf, Pbkdf2};
use crate::support::*;
use cryptoki_sys::*;

const OPEN: [Pair; 3] = [(CKA_PRIVATE, NO), (CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)];

fn base(session: &Session, kind: CK_KEY_TYPE, value: &[u8]) -> CK_OBJECT_HANDLE {
    session.known_key(kind, value, &[(CKA_DERIVE, YES)])
}

fn derived(session: &Session, by: Mechanism, base: CK_OBJECT_HANDLE, bytes: CK_ULONG) -> Vec<u8> {
    let length = number(bytes);
    let template = [&OPEN[..], &[(CKA_VALUE_LEN, length.as_slice())]].concat();
    let key = session.derive(by, base, &template).expect("a key");
    session.get(key, CKA_VALUE).unwrap()
}

/// RFC 5869 A.1.
#[test]
fn hkdf_extracts_and_expands() {
    let token = Token::new();
    let session = token.user();
    let key = base(&session, CKK_HKDF, &[0x0b; 22]);
    let salt: Vec<u8> = (0..13).collect();
    let info: Vec<u8> = (0xf0..0xfa).collect();
    let given = Hkdf { salt_type: CKF_HKDF_SALT_DATA, salt: &salt, info: &info, ..Hkdf::PLAIN };
    let expanded = derived(&session, given.mechanism(CKM_HKDF_DERIVE), key, 42);
    assert_eq!(expanded[..4], [0x3c, 0xb2, 0x5f, 0x25]);
    let salt_key = base(&session, CKK_GENERIC_SECRET, &salt);
    let by_key = Hkdf { salt_type: CKF_HKDF_SALT_KEY, salt: &[], salt_key, ..given };
    assert_eq!(derived(&session, by_key.mechanism(CKM_HKDF_DERIVE), key, 42), expanded);
    let extract = Hkdf { expand: false, ..given };
    let prk = session.derive(extract.mechanism(CKM_HKDF_DERIVE), key, &OPEN).unwrap();
    let prk = session.get(prk, CKA_VALUE).unwrap();
    assert_eq!((prk.len(), &prk[..4]), (32, &[0x07, 0x77, 0x09, 0x36][..]));
    let expand = Hkdf { extract: false, ..given };
    let prk = base(&session, CKK_HKDF, &prk);
    assert_eq!(derived(&session, expand.mechanism(CKM_HKDF_DERIVE), prk, 42), expanded);
}

#[test]
fn hkdf_makes_data_too() {
    let token = Token::new();
    let session = token.user();
    let key = base(&session, CKK_HKDF, &[0x0b; 22]);
    let value = derived(&session, Hkdf::PLAIN.mechanism(CKM_HKDF_DERIVE), key, 40);
    let length = number(40);
    let template: [Pair; 3] = [(CKA_VALUE_LEN, &length), (CKA_LABEL, b"data"), (CKA_TOKEN, YES)];
    let data = session.derive(Hkdf::PLAIN.mechanism(CKM_HKDF_DATA), key, &template).unwrap();
    assert_eq!(session.get(data, CKA_CLASS).unwrap(), number(CKO_DATA));
    assert_eq!(session.get(data, CKA_VALUE).unwrap(), value);
    assert_eq!(session.get(data, CKA_VALUE_LEN), Err(CKR_ATTRIBUTE_TYPE_INVALID));
    assert_eq!(session.find(&[template[1]]).unwrap(), [data]);
    let refused = |pairs: &[Pair]| session.derive(Hkdf::PLAIN.mechanism(CKM_HKDF_DATA), key, pairs);
    assert_eq!(refused(&[]), Err(CKR_TEMPLATE_INCOMPLETE));
    assert_eq!(refused(&[(CKA_VALUE_LEN, &number(0))]), Err(CKR_ATTRIBUTE_VALUE_INVALID));
    assert_eq!(refused(&[template[0], (CKA_VALUE, b"mine")]), Err(CKR_ATTRIBUTE_READ_ONLY));
    assert_eq!(refused(&[template[0], (CKA_ENCRYPT, YES)]), Err(CKR_TEMPLATE_INCONSISTENT));
    let class = number(CKO_SECRET_KEY);
    assert_eq!(refused(&[template[0], (CKA_CLASS, &class)]), Err(CKR_TEMPLATE_INCONSISTENT));
}

/// A data object as long as the digest stands for a base key where there is a salt.
#[test]
fn hkdf_begins_with_data_too() {
    let token = Token::new();
    let session = token.user();
    let object =
        |value: &[u8]| session.create(&[(CKA_CLASS, &number(CKO_DATA)), (CKA_VALUE, value)]).unwrap();
    let salted = Hkdf { salt_type: CKF_HKDF_SALT_DATA, salt: b"salt", ..Hkdf::PLAIN };
    let of_key = derived(&session, salted.mechanism(CKM_HKDF_DERIVE), base(&session, CKK_HKDF, &[5; 32]), 20);
    assert_eq!(derived(&session, salted.mechanism(CKM_HKDF_DERIVE), object(&[5; 32]), 20), of_key);
    let length = number(20);
    let refused =
        |hkdf: Hkdf, data| session.derive(hkdf.mechanism(CKM_HKDF_DERIVE), data, &[(CKA_VALUE_LEN, &length)]);
    assert_eq!(refused(salted, object(&[5; 31])), Err(CKR_KEY_TYPE_INCONSISTENT));
    assert_eq!(refused(Hkdf::PLAIN, object(&[5; 32])), Err(CKR_KEY_TYPE_INCONSISTENT));
    let expand = Hkdf { extract: false, ..salted };
    assert_eq!(refused(expand, object(&[5; 32])), Err(CKR_KEY_TYPE_INCONSISTENT));
}

#[test]
fn hkdf_keys_are_generated() {
    let token = Token::new();
    let session = token.user();
    let length = number(32);
    let generate = |pairs: &[Pair]| session.generate(Mechanism::plain(CKM_HKDF_KEY_GEN), pairs);
    let key = generate(&[(CKA_VALUE_LEN, &length), (CKA_DERIVE, YES)]).unwrap();
    assert_eq!(session.get(key, CKA_KEY_TYPE).unwrap(), number(CKK_HKDF));
    assert!(session.flag(key, CKA_LOCAL));
    session.derive(Hkdf::PLAIN.mechanism(CKM_HKDF_DERIVE), key, &[(CKA_VALUE_LEN, &length)]).unwrap();
    assert_eq!(generate(&[]), Err(CKR_TEMPLATE_INCOMPLETE));
}

/// The second of RFC 6070, and in both forms of the structure.
#[test]
fn a_password_becomes_a_key() {
    let token = Token::new();
    let session = token.user();
    let (generic, aes) = (number(CKK_GENERIC_SECRET), number(CKK_AES));
    let lengths = [20, 16].map(number);
    let template = [&OPEN[..], &[(CKA_KEY_TYPE, generic.as_slice()), (CKA_VALUE_LEN, &lengths[0])]].concat();
    for by in [Pbkdf2::PLAIN.mechanism(), Pbkdf2::PLAIN.old_mechanism()] {
        let key = session.generate(by, &template).unwrap();
        let value = session.get(key, CKA_VALUE).unwrap();
        assert_eq!((value.len(), &value[..4]), (20, &[0xea, 0x6c, 0x01, 0x4d][..]));
        assert!(session.flag(key, CKA_LOCAL));
        assert_eq!(session.get(key, CKA_KEY_GEN_MECHANISM).unwrap(), number(CKM_PKCS5_PBKD2));
    }
    let generate = |pairs: &[Pair]| session.generate(Pbkdf2::PLAIN.mechanism(), pairs);
    generate(&[(CKA_KEY_TYPE, &aes), (CKA_VALUE_LEN, &lengths[1])]).unwrap();
    generate(&[(CKA_KEY_TYPE, &number(CKK_CHACHA20))]).unwrap();
    assert_eq!(generate(&[(CKA_VALUE_LEN, &lengths[1])]), Err(CKR_TEMPLATE_INCOMPLETE));
    assert_eq!(generate(&[(CKA_KEY_TYPE, &aes)]), Err(CKR_TEMPLATE_INCOMPLETE));
    let odd = [(CKA_KEY_TYPE, aes.as_slice()), (CKA_VALUE_LEN, &lengths[0])];
    assert_eq!(generate(&odd), Err(CKR_ATTRIBUTE_VALUE_INVALID));
    let rsa = [(CKA_KEY_TYPE, &number(CKK_RSA)[..]), (CKA_VALUE_LEN, &lengths[1])];
    assert_eq!(generate(&rsa), Err(CKR_TEMPLATE_INCONSISTENT));
}

/// CAVS 12.0, KDFFeedback_gen.rsp without a counter: the structure with an IV.
#[test]
fn the_feedback_mode_begins_with_its_iv() {
    let token = Token::new();
    let session = token.user();
    let hex = |text: &str| -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    };
    let key = base(&session, CKK_AES, &hex("5c996c922f65de97d4408373229814c6"));
    let fixed = hex(
        "62afe5fed91e797221a854336b0aadd8a05ad0e3c8345729897b2efcec5a1178a2fa4c063007b67a7015e0d6b7271ea8d86b44",
    );
    let inputs: [kdf::Input; 2] = [(CK_SP800_108_ITERATION_VARIABLE, &[]), (CK_SP800_108_BYTE_ARRAY, &fixed)];
    let iv = hex("28dc945cb8337ab5336c3e9b5bad21c7");
    let by = kdf::sp800_108(CKM_SP800_108_FEEDBACK_KDF, CKM_AES_CMAC, &inputs, &iv, &mut []);
    assert_eq!(derived(&session, by, key, 16), hex("88a9aae193abdd3fe8143bab66014ae4"));
    let by = kdf::sp800_108(CKM_SP800_108_DOUBLE_PIPELINE_KDF, CKM_AES_CMAC, &inputs, &[], &mut []);
    assert_ne!(derived(&session, by, key, 16), hex("88a9aae193abdd3fe8143bab66014ae4"));
}

#[test]
fn data_are_encrypted_to_a_key() {
    let token = Token::new();
    let session = token.user();
    let (key, data) = (base(&session, CKK_AES, &[3; 32]), [9; 48]);
    let cipher = session.known_key(CKK_AES, &[3; 32], &[]);
    let ecb = kdf::data(CKM_AES_ECB_ENCRYPT_DATA, &data);
    expect("init", session.encrypt_init(Mechanism::plain(CKM_AES_ECB), cipher), CKR_OK);
    assert_eq!(derived(&session, ecb, key, 40), session.encrypt(&data).unwrap()[..40]);
    let cbc = kdf::data_with_iv(CKM_AES_CBC_ENCRYPT_DATA, [7, 8], &data);
    let iv = [7u64, 8].map(u64::to_ne_bytes).concat();
    expect("init", session.encrypt_init(Mechanism::with(CKM_AES_CBC, &iv), cipher), CKR_OK);
    assert_eq!(derived(&session, cbc, key, 40), session.encrypt(&data).unwrap()[..40]);
}
