//! Profile `cloudhsm`: derivation with the structures and numbers of its vendor header.

use crate::support::*;
use cryptoki_sys::*;
use vhsm_pkcs11::profile::vendor::CKM_CLOUDHSM_SP800_108_COUNTER_KDF;

/// A piece of what the pseudo-random function is given.
type Piece<'a> = (u64, &'a [u8]);

/// CK_SP800_108_KDF_PARAMS as the vendor header has it.
fn counter_mode(prf: CK_MECHANISM_TYPE, pieces: &[Piece]) -> Mechanism {
    let mut behind: Vec<Vec<u8>> = pieces.iter().map(|(_, value)| value.to_vec()).collect();
    let rows: Vec<u8> = pieces
        .iter()
        .zip(&behind)
        .flat_map(|((kind, _), value)| [*kind, value.as_ptr() as u64, value.len() as u64])
        .flat_map(u64::to_ne_bytes)
        .collect();
    let row = [prf, pieces.len() as u64, rows.as_ptr() as u64];
    behind.push(rows);
    Mechanism::structure(CKM_CLOUDHSM_SP800_108_COUNTER_KDF, &row, behind)
}

fn base(session: &Session, kind: CK_KEY_TYPE, value: &[u8]) -> CK_OBJECT_HANDLE {
    let (class, kind) = (number(CKO_SECRET_KEY), number(kind));
    let template: [Pair; 4] =
        [(CKA_CLASS, &class), (CKA_KEY_TYPE, &kind), (CKA_VALUE, value), (CKA_DERIVE, YES)];
    session.create(&template).expect("a base key")
}

fn derive(session: &Session, by: Mechanism, base: CK_OBJECT_HANDLE, bytes: u64) -> Result<u64, CK_RV> {
    let (class, kind, length) = (number(CKO_SECRET_KEY), number(CKK_AES), number(bytes));
    let template: [Pair; 4] =
        [(CKA_CLASS, &class), (CKA_KEY_TYPE, &kind), (CKA_VALUE_LEN, &length), (CKA_SIGN, YES)];
    session.derive(by, base, &template)
}

const PREFIX: &[u8] = &[0x01, 0xab, 0xe1];
const SUFFIX: &[u8] = &[0x0c, 0x09, 0x7e, 0x07];

/// What comes out is told by the key's check value, for it is sensitive: the same pieces in both sets of numbers.
#[test]
fn a_key_is_derived_with_either_set_of_numbers() {
    let hsm = CloudHsm::new();
    let session = hsm.user();
    let key = base(&session, CKK_AES, &[7; 32]);
    let (counter, length) = (number(32), [1, 32].map(u64::to_ne_bytes).concat());
    let check = |kinds: [u64; 4]| {
        let pieces =
            [(kinds[0], PREFIX), (kinds[1], &counter[..]), (kinds[2], SUFFIX), (kinds[3], &length[..])];
        let derived = derive(&session, counter_mode(CKM_AES_CMAC, &pieces), key, 32).expect("a key");
        session.get(derived, CKA_CHECK_VALUE).unwrap()
    };
    let new = check([3, 1, 3, 2]);
    assert_eq!(check([5, 4, 6, 7]), new);
    assert_eq!(check([8, 4, 8, 7]), new);
    // CMAC of the pieces in the same order, by the token itself.
    let block = |number: u32| {
        let signed = base_signing(&session, &[7; 32]);
        expect("init", session.sign_init(Mechanism::plain(CKM_AES_CMAC), signed), CKR_OK);
        let data = [PREFIX, &number.to_be_bytes(), SUFFIX, &256u32.to_be_bytes()].concat();
        session.sign(&data).unwrap()
    };
    let expected = base(&session, CKK_AES, &[block(1), block(2)].concat());
    assert_eq!(session.get(expected, CKA_CHECK_VALUE).unwrap(), new);
}

fn base_signing(session: &Session, value: &[u8]) -> CK_OBJECT_HANDLE {
    let (class, kind) = (number(CKO_SECRET_KEY), number(CKK_AES));
    let template: [Pair; 4] =
        [(CKA_CLASS, &class), (CKA_KEY_TYPE, &kind), (CKA_VALUE, value), (CKA_SIGN, YES)];
    session.create(&template).expect("a key that signs")
}

#[test]
fn pieces_that_the_vendor_has_not_are_refused() {
    let hsm = CloudHsm::new();
    let session = hsm.user();
    let key = base(&session, CKK_GENERIC_SECRET, &[7; 32]);
    let counter = number(16);
    let run = |pieces: &[Piece]| derive(&session, counter_mode(CKM_SHA256_HMAC, pieces), key, 16);
    assert!(run(&[(1, &counter), (3, PREFIX)]).is_ok());
    for bits in [0, 8, 24, 64, u64::MAX] {
        assert_eq!(run(&[(1, &number(bits))]), Err(CKR_MECHANISM_PARAM_INVALID), "{bits}");
    }
    for (method, bits) in [(2, 32), (0, 32), (1, 24), (1, 0)] {
        let length = [method, bits].map(u64::to_ne_bytes).concat();
        assert_eq!(run(&[(1, &counter), (2, &length)]), Err(CKR_MECHANISM_PARAM_INVALID), "{method} {bits}");
    }
    for kind in [0, 9, u64::MAX] {
        assert_eq!(run(&[(1, &counter), (kind, PREFIX)]), Err(CKR_MECHANISM_PARAM_INVALID), "{kind}");
    }
    // The standard's structures are longer.
    assert_eq!(run(&[(1, &[0; 16])]), Err(CKR_MECHANISM_PARAM_INVALID));
    let standard = Mechanism::structure(CKM_CLOUDHSM_SP800_108_COUNTER_KDF, &[0u64; 5], vec![]);
    assert_eq!(derive(&session, standard, key, 16), Err(CKR_MECHANISM_PARAM_INVALID));
}

#[test]
fn the_vendors_number_is_none_in_the_standard_profile() {
    let token = Token::new();
    let session = token.user();
    let key = session.known_key(CKK_GENERIC_SECRET, &[7; 32], &[(CKA_DERIVE, YES)]);
    let by = counter_mode(CKM_SHA256_HMAC, &[(1, &number(16))]);
    assert_eq!(derive(&session, by, key, 16), Err(CKR_MECHANISM_INVALID));
}
