//! Keys wrapped with RSA keys: PKCS #1 v1.5, OAEP, raw, and by an AES key of their own.

use crate::support::*;
use cryptoki_sys::*;

const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

fn pkcs1() -> Mechanism {
    Mechanism::plain(CKM_RSA_PKCS)
}

fn raw() -> Mechanism {
    Mechanism::plain(CKM_RSA_X_509)
}

fn oaep() -> Mechanism {
    Mechanism::oaep(CKM_SHA_1, CKG_MGF1_SHA1, b"")
}

fn with_aes() -> Mechanism {
    Mechanism::rsa_aes(256, CKM_SHA256, CKG_MGF1_SHA256)
}

const SECRET: [u8; 8] = number(CKO_SECRET_KEY);
const AES: [u8; 8] = number(CKK_AES);
const GENERIC: [u8; 8] = number(CKK_GENERIC_SECRET);
const SEEN: [Pair; 2] = [(CKA_SENSITIVE, NO), (CKA_EXTRACTABLE, YES)];

#[test]
fn secret_keys_come_back() {
    let token = Token::new();
    let session = token.user();
    let (public, private) = session.rsa_pair(2048);
    for by in [pkcs1 as By, raw, oaep, with_aes] {
        for bytes in [16, 32] {
            let value = vec![0xa5; bytes];
            let key = session.known_key(CKK_AES, &value, &[]);
            let wrapped = session.wrap(by(), public, key).unwrap();
            let length = number(bytes as CK_ULONG);
            let template =
                [&[(CKA_CLASS, &SECRET[..]), (CKA_KEY_TYPE, &AES), (CKA_VALUE_LEN, &length)], &SEEN[..]];
            let back = session.unwrap(by(), private, &wrapped, &template.concat()).unwrap();
            assert_eq!(session.get(back, CKA_VALUE).unwrap(), value);
            assert_eq!(session.get(back, CKA_VALUE_LEN).unwrap(), length);
        }
    }
}

#[test]
fn only_a_raw_key_needs_its_length() {
    let token = Token::new();
    let session = token.user();
    let (public, private) = session.rsa_pair(2048);
    let key = session.known_key(CKK_GENERIC_SECRET, &[0xa5; 20], &[]);
    let template = [&[(CKA_CLASS, &SECRET[..]), (CKA_KEY_TYPE, &GENERIC)], &SEEN[..]].concat();
    for by in [pkcs1 as By, oaep, with_aes] {
        let wrapped = session.wrap(by(), public, key).unwrap();
        let back = session.unwrap(by(), private, &wrapped, &template).unwrap();
        assert_eq!(session.get(back, CKA_VALUE).unwrap(), [0xa5; 20]);
    }
    let wrapped = session.wrap(raw(), public, key).unwrap();
    assert_eq!(session.unwrap(raw(), private, &wrapped, &template), Err(CKR_TEMPLATE_INCOMPLETE));
    for (length, expected) in [(20, Ok(vec![0xa5; 20])), (22, Ok([&[0, 0], &[0xa5; 20][..]].concat()))] {
        let length = number(length);
        let with_length = [&template[..], &[(CKA_VALUE_LEN, &length[..])]].concat();
        let back = session.unwrap(raw(), private, &wrapped, &with_length).unwrap();
        assert_eq!(session.get(back, CKA_VALUE), expected);
    }
    for length in [19, 1, 257] {
        let length = number(length);
        let with_length = [&template[..], &[(CKA_VALUE_LEN, &length[..])]].concat();
        let refused = session.unwrap(raw(), private, &wrapped, &with_length);
        assert_eq!(refused, Err(CKR_WRAPPED_KEY_INVALID), "{length:?}");
    }
}

#[test]
fn private_keys_come_back() {
    let token = Token::new();
    let session = token.user();
    let (public, private) = session.rsa_pair(2048);
    let by_rsa = || Mechanism::plain(CKM_RSA_PKCS_KEY_PAIR_GEN);
    let by_ec = || Mechanism::plain(CKM_EC_KEY_PAIR_GEN);
    let bits: Pair = (CKA_MODULUS_BITS, &number(3072));
    let open: [Pair; 1] = [(CKA_EXTRACTABLE, YES)];
    let rsa = session.generate_pair(by_rsa(), &[bits], &open).unwrap();
    let ec = session.generate_pair(by_ec(), &[(CKA_EC_PARAMS, P256)], &open).unwrap();
    for (key_type, (its_public, its_private), bys) in
        [(CKK_RSA, rsa, &[with_aes as By][..]), (CKK_EC, ec, &[with_aes as By, pkcs1, oaep])]
    {
        for by in bys {
            let wrapped = session.wrap(by(), public, its_private).unwrap();
            let (class, kind) = (number(CKO_PRIVATE_KEY), number(key_type));
            let template: [Pair; 2] = [(CKA_CLASS, &class), (CKA_KEY_TYPE, &kind)];
            let back = session.unwrap(by(), private, &wrapped, &template).unwrap();
            let info = session.get(its_public, CKA_PUBLIC_KEY_INFO).unwrap();
            assert_eq!(session.get(back, CKA_PUBLIC_KEY_INFO).unwrap(), info);
            let secret: [Pair; 2] = [(CKA_CLASS, &SECRET), (CKA_KEY_TYPE, &AES)];
            assert_eq!(session.unwrap(by(), private, &wrapped, &secret), Err(CKR_WRAPPED_KEY_INVALID));
        }
    }
    assert_eq!(session.wrap(pkcs1(), public, rsa.1), Err(CKR_KEY_SIZE_RANGE));
    assert_eq!(session.wrap(oaep(), public, rsa.1), Err(CKR_KEY_SIZE_RANGE));
    assert_eq!(session.wrap(raw(), public, ec.1), Err(CKR_KEY_NOT_WRAPPABLE));
}

/// Whoever knows the public key can make wrapped keys, and must not learn from the answers what others hold.
#[test]
fn wrapped_keys_that_are_none_all_get_the_same_answer() {
    let token = Token::new();
    let session = token.user();
    let (public, private) = session.rsa_pair(2048);
    let aes: [Pair; 2] = [(CKA_CLASS, &SECRET), (CKA_KEY_TYPE, &AES)];
    let refusal = |by: Mechanism, wrapped: &[u8]| session.unwrap(by, private, wrapped, &aes);
    let forged = |by: Mechanism, data: &[u8]| {
        expect("C_EncryptInit", session.encrypt_init(by, public), CKR_OK);
        session.encrypt(data).unwrap()
    };
    let of_wrong_length = session.known_key(CKK_GENERIC_SECRET, &[7; 20], &[]);
    for by in [pkcs1 as By, oaep, with_aes] {
        let wrapped = session.wrap(by(), public, of_wrong_length).unwrap();
        assert_eq!(refusal(by(), &wrapped), Err(CKR_WRAPPED_KEY_INVALID), "a key of another length");
        let length = wrapped.len();
        for noise in [vec![0; length], vec![0x33; length], vec![0xff; length]] {
            assert_eq!(refusal(by(), &noise), Err(CKR_WRAPPED_KEY_INVALID));
        }
        for bytes in [0, 1, 255, 257] {
            assert_eq!(refusal(by(), &vec![1; bytes]), Err(CKR_WRAPPED_KEY_LEN_RANGE), "{bytes}");
        }
    }
    for by in [pkcs1 as By, oaep] {
        assert_eq!(refusal(by(), &forged(by(), b"")), Err(CKR_WRAPPED_KEY_INVALID), "no key at all");
    }
    let mut block = [0x5a; 256];
    block[..2].copy_from_slice(&[0, 2]);
    block[239] = 0;
    session.unwrap(pkcs1(), private, &forged(raw(), &block), &aes).unwrap();
    for (at, value) in [(1, 1), (2, 0), (9, 0), (239, 1), (238, 0)] {
        let mut bad = block;
        bad[at] = value;
        assert_eq!(refusal(pkcs1(), &forged(raw(), &bad)), Err(CKR_WRAPPED_KEY_INVALID), "byte {at}");
    }
}

#[test]
fn keys_that_may_not_wrap_or_be_wrapped_are_refused() {
    let token = Token::new();
    let session = token.user();
    let (public, private) = session.rsa_pair(2048);
    let (open, closed) = (session.known_key(CKK_AES, &[7; 16], &[]), session.aes_key(&[]));
    let long = session.known_key(CKK_GENERIC_SECRET, &[7; 246], &[]);
    let high = session.known_key(CKK_GENERIC_SECRET, &[0xff; 256], &[]);
    let aes: [Pair; 2] = [(CKA_CLASS, &SECRET), (CKA_KEY_TYPE, &AES)];
    for by in [pkcs1 as By, oaep, with_aes] {
        assert_eq!(session.wrap(by(), private, open), Err(CKR_WRAPPING_KEY_TYPE_INCONSISTENT));
        assert_eq!(session.wrap(by(), closed, open), Err(CKR_WRAPPING_KEY_TYPE_INCONSISTENT));
        assert_eq!(session.wrap(by(), public, closed), Err(CKR_KEY_UNEXTRACTABLE));
        assert_eq!(session.wrap(by(), 0, open), Err(CKR_WRAPPING_KEY_HANDLE_INVALID));
        assert_eq!(session.wrap(by(), public, public), Err(CKR_KEY_HANDLE_INVALID));
        let wrapped = session.wrap(by(), public, open).unwrap();
        let refused = session.unwrap(by(), public, &wrapped, &aes);
        assert_eq!(refused, Err(CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT));
    }
    for by in [pkcs1 as By, oaep] {
        assert_eq!(session.wrap(by(), public, long), Err(CKR_KEY_SIZE_RANGE));
    }
    assert_eq!(session.wrap(raw(), public, high), Err(CKR_KEY_SIZE_RANGE));
    expect("C_SetAttributeValue", session.set(public, &[(CKA_WRAP, NO)]), CKR_OK);
    assert_eq!(session.wrap(oaep(), public, open), Err(CKR_KEY_FUNCTION_NOT_PERMITTED));
}

#[test]
fn parameters_of_the_aes_key_are_checked() {
    let token = Token::new();
    let session = token.user();
    let (public, _) = session.rsa_pair(2048);
    let key = session.known_key(CKK_AES, &[7; 16], &[]);
    for bits in [128, 192, 256] {
        let by = Mechanism::rsa_aes(bits, CKM_SHA512, CKG_MGF1_SHA512);
        assert_eq!(session.wrap(by, public, key).unwrap().len(), 256 + 24);
    }
    for bits in [0, 1, 64, 257, CK_ULONG::MAX] {
        let by = Mechanism::rsa_aes(bits, CKM_SHA256, CKG_MGF1_SHA256);
        assert_eq!(session.wrap(by, public, key), Err(CKR_MECHANISM_PARAM_INVALID), "{bits}");
    }
    for by in [
        Mechanism::rsa_aes(256, CKM_MD5, CKG_MGF1_SHA256),
        Mechanism::rsa_aes(256, CKM_SHA256, 0),
        Mechanism::plain(CKM_RSA_AES_KEY_WRAP),
        Mechanism::with(CKM_RSA_AES_KEY_WRAP, &[0; 15]),
        Mechanism::with(CKM_RSA_AES_KEY_WRAP, &[number(256), number(0)].concat()),
    ] {
        assert_eq!(session.wrap(by, public, key), Err(CKR_MECHANISM_PARAM_INVALID));
    }
}
