//! Tests of the table's rows: known answers, a second opinion from other implementations, and the contract.

mod contract_cipher;
mod contract_kdf;
mod contract_mac;
mod contract_signature;
mod contract_wrap;
mod curve25519_vectors;
mod derive;
mod ec_vectors;
mod ecdh;
mod known;
mod known_legacy;
mod known_symmetric;
mod lattice_vectors;
mod pairs;
mod rsa;
mod rsa_cipher;
mod rsa_sign;
mod second_opinion;
mod sp800_108_vectors;
mod vendor;
mod wycheproof;

use super::*;
use crate::crypto::hash_name::HashName;
use crate::error::MechanismError;
use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet};

/// Which vectors were compared with which mechanisms, filled in by those who compare.
#[derive(Default)]
struct Ran(BTreeMap<CK_MECHANISM_TYPE, BTreeMap<&'static str, usize>>);

impl Ran {
    fn note(&mut self, suite: &'static str, id: CK_MECHANISM_TYPE) {
        *self.0.entry(id).or_default().entry(suite).or_default() += 1;
    }
}

type Suite = fn(&mut Ran);

const SUITES: &[Suite] = &[
    curve25519_vectors::ed25519,
    curve25519_vectors::eddsa_of_rfc_8032,
    curve25519_vectors::x25519,
    ecdh::ecdh,
    ecdh::functions_of_x963,
    ecdh::agreement_of_rfc_7518,
    ecdh::wraps_over_ecdh,
    ec_vectors::ecdsa,
    lattice_vectors::ml_dsa_verifies,
    lattice_vectors::ml_dsa_signs,
    lattice_vectors::ml_kem,
    lattice_vectors::ml_kem_keys,
    lattice_vectors::hash_ml_dsa,
    ec_vectors::ecdsa_of_rfc_6979,
    known::block_modes,
    known::digests,
    known::key_wrap_of_rfc_3394,
    known::key_wrap_of_rfc_5649,
    known::key_wrap_over_padding,
    known::fresh_keys,
    known_symmetric::feedback_modes,
    known_symmetric::chacha20,
    known_symmetric::chacha20_with_long_nonces,
    known_symmetric::cbc_macs,
    known_legacy::des,
    known_legacy::triple_des,
    known_legacy::triple_des_cmac,
    known_legacy::md5,
    known_legacy::md5_hmac,
    pairs::fresh_pairs,
    derive::sp800_108,
    derive::hkdf_of_wycheproof,
    derive::hkdf_of_rfc_5869,
    derive::pbkdf2_of_wycheproof,
    derive::pbkdf2_of_rfcs,
    derive::simple,
    derive::digests,
    derive::of_ciphertexts,
    derive::of_legacy_ciphertexts,
    wycheproof::aes_gcm,
    wycheproof::aes_cbc_pkcs5,
    wycheproof::aes_ccm,
    wycheproof::aes_gmac,
    wycheproof::aes_xts,
    wycheproof::chacha20_poly1305,
    wycheproof::macs,
    wycheproof::key_wraps,
    rsa_sign::pkcs1_vectors,
    rsa_sign::pss_vectors,
    rsa_sign::pkcs1_of_digest_info,
    rsa_sign::pss_as_rfc_8017_says,
    vendor::gcm_with_its_iv_in_front,
    vendor::key_wraps,
    rsa_cipher::pkcs1_vectors,
    rsa_cipher::oaep_vectors,
    rsa_cipher::oaep_as_rfc_8017_says,
    rsa_cipher::aes_wrap_in_two_steps,
];

/// The link between a row's `vectors` and what was really compared: a row without it fails here.
#[test]
fn every_row_has_the_vectors_it_names() {
    let mut ran = Ran::default();
    for suite in SUITES {
        suite(&mut ran);
    }
    for row in table::TABLE {
        let compared: BTreeSet<&str> = ran.0.remove(&row.id).unwrap_or_default().into_keys().collect();
        let named: BTreeSet<&str> = row.vectors.split("; ").collect();
        assert_eq!(named, compared, "{}: named and run differ", row.name);
    }
    assert!(ran.0.is_empty(), "vectors ran for mechanisms without a row: {:?}", ran.0.keys());
}

#[test]
fn the_index_finds_every_row_and_nothing_else() {
    for row in table::TABLE {
        assert!(std::ptr::eq(table::find(row.id).expect(row.name), row), "{} stands twice", row.name);
    }
    for id in [0x2109 ^ 0xffff, 0x108f, 0x21ff, 0x2200, CK_MECHANISM_TYPE::MAX] {
        assert!(table::find(id).is_none(), "{id:#x}");
    }
}

#[test]
fn flags_and_sizes_follow_from_the_row() {
    use cryptoki_sys::*;
    let flags = |id| row(id).flags();
    let messages = CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT | CKF_MULTI_MESSAGE;
    let signed = CKF_SIGN | CKF_VERIFY | CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY | CKF_MULTI_MESSAGE;
    assert_eq!(flags(CKM_AES_GCM), CKF_ENCRYPT | CKF_DECRYPT | CKF_WRAP | CKF_UNWRAP | messages);
    assert_eq!(flags(CKM_SHA256), CKF_DIGEST);
    assert_eq!(flags(CKM_SHA256_HMAC), signed);
    assert_eq!(flags(CKM_AES_KEY_GEN), CKF_GENERATE);
    let curves = CKF_EC_F_P | CKF_EC_OID | CKF_EC_CURVENAME | CKF_EC_UNCOMPRESS | CKF_EC_COMPRESS;
    assert_eq!(flags(CKM_ECDSA), signed | curves);
    for row in table::TABLE {
        assert!(row.flags() != 0 && row.name.starts_with("CKM_"), "{}", row.name);
        assert_eq!(row.key_types.is_empty(), row.digest.is_some(), "{}", row.name);
    }
    let generic = row(CKM_GENERIC_SECRET_KEY_GEN).key_sizes;
    assert!(generic.holds(1) && generic.holds(4096) && !generic.holds(4097) && !generic.holds(0));
}

fn row(id: CK_MECHANISM_TYPE) -> &'static Mechanism {
    table::find(id).unwrap_or_else(|| panic!("no row for {id:#x}"))
}

fn new_cipher(
    id: CK_MECHANISM_TYPE,
    key: &[u8],
    params: &Params,
    way: Direction,
) -> Result<Box<dyn Cipher>, Error> {
    row(id).cipher.expect("a cipher")(Key::Secret(&Secret::new(key)), params, way)
}

fn one_shot(cipher: &mut dyn Cipher, input: &[u8]) -> Result<Vec<u8>, Error> {
    let mut output = vec![0; cipher.one_shot_len(input.len())?];
    let written = cipher.one_shot(input, &mut output)?;
    output.truncate(written);
    Ok(output)
}

fn encrypt(id: CK_MECHANISM_TYPE, key: &[u8], params: &Params, data: &[u8]) -> Result<Vec<u8>, Error> {
    one_shot(&mut *new_cipher(id, key, params, Direction::Encrypt)?, data)
}

fn decrypt(id: CK_MECHANISM_TYPE, key: &[u8], params: &Params, data: &[u8]) -> Result<Vec<u8>, Error> {
    one_shot(&mut *new_cipher(id, key, params, Direction::Decrypt)?, data)
}

fn iv(bytes: &[u8]) -> Params {
    Params::Iv(SmallVec::from_slice(bytes))
}

fn gcm(iv: &[u8], aad: &[u8], tag_bits: u64) -> Params {
    Params::Gcm { iv: SmallVec::from_slice(iv), aad: aad.to_vec(), tag_bits }
}

fn ccm(data_bytes: usize, nonce: &[u8], aad: &[u8], code_bytes: u64) -> Params {
    let (nonce, aad) = (SmallVec::from_slice(nonce), aad.to_vec());
    Params::Ccm { data_bytes: data_bytes as u64, nonce, aad, code_bytes }
}

fn chacha20(first_block: u64, nonce: &[u8]) -> Params {
    Params::ChaCha20 { first_block, nonce: SmallVec::from_slice(nonce) }
}

fn chacha20_poly1305(nonce: &[u8], aad: &[u8]) -> Params {
    Params::ChaCha20Poly1305 { nonce: SmallVec::from_slice(nonce), aad: aad.to_vec() }
}

/// Parameters that say the length of the message, made to say this one.
fn sized(params: &Params, bytes: usize) -> Params {
    match params {
        Params::Ccm { nonce, aad, code_bytes, .. } => ccm(bytes, nonce, aad, *code_bytes),
        other => other.clone(),
    }
}

/// The lengths of the secret keys that a mechanism takes, ascending; of an HMAC some of them.
fn key_lengths(row: &Mechanism) -> &'static [usize] {
    use cryptoki_sys::*;
    match row.key_types[0] {
        CKK_AES_XTS => &[32, 64],
        CKK_CHACHA20 => &[32],
        CKK_DES => &[8],
        CKK_DES3 => &[16, 24],
        _ => &[16, 24, 32],
    }
}

/// The longest key that looks random.
fn long_key(row: &Mechanism) -> Vec<u8> {
    pattern(*key_lengths(row).last().unwrap(), 11)
}

fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

/// Bytes that look random and are the same every time.
fn pattern(bytes: usize, seed: u8) -> Vec<u8> {
    (0..bytes).map(|i| (i as u8).wrapping_mul(151).wrapping_add(seed) ^ (i >> 8) as u8).collect()
}

fn is(error: &Error, expected: impl Fn(&MechanismError) -> bool) -> bool {
    matches!(error, Error::Mechanism(e) if expected(e))
}
