//! What src/mechanism/mod.rs promises of `Sign`, for every row that signs with a pair.

use super::*;
use crate::crypto::curve25519::{self, Form};
use crate::crypto::ec::{self, Curve};
use crate::crypto::hash_name::HashName;
use crate::crypto::lattice::{self, Set};
use cryptoki_sys::*;

/// A new private key that the row signs with.
fn sample_key(row: &Mechanism) -> PrivateKey {
    match row.key_types {
        [CKK_EC] => ec::generate(Curve::P256).unwrap(),
        [CKK_RSA] => rsa::PAIR.1.clone(),
        [CKK_ML_DSA] => lattice::generate(Set::MlDsa44).unwrap(),
        [CKK_EC_EDWARDS] => curve25519::generate(Form::Edwards).unwrap(),
        other => panic!("{}: no sample key of {other:?}", row.name),
    }
}

/// A parameter that the row takes.
fn sample_params(row: &Mechanism) -> Params {
    let of_row = rsa::HASHES.iter().find(|names| names.signs.is_some_and(|ids| ids.contains(&row.id)));
    match row.params {
        ParamShape::None | ParamShape::Eddsa | ParamShape::SignContext => Params::None,
        ParamShape::HashSignContext => {
            let hash = Some(CKM_SHA256);
            Params::SignContext(SignContext { hedge: CKH_HEDGE_PREFERRED, context: Vec::new(), hash })
        }
        ParamShape::Pss => {
            let hash = of_row.map_or(HashName::Sha256, |names| names.name);
            Params::Pss { hash, mgf: HashName::Sha256, salt_bytes: 20 }
        }
        other => panic!("{}: no sample parameter of {other:?}", row.name),
    }
}

/// Data and other data of a length that every row takes, CKM_RSA_PKCS_PSS too: a digest of SHA-256.
const DATA: &[u8] = &[7; 32];
const OTHER_DATA: &[u8] = &[8; 32];

/// Rows whose keys are pairs.
pub fn rows() -> impl Iterator<Item = &'static Mechanism> {
    table::TABLE.iter().filter(|row| row.sign.is_some() && is_of_pairs(row))
}

pub fn is_of_pairs(row: &Mechanism) -> bool {
    matches!(
        row.key_types,
        [CKK_RSA | CKK_EC | CKK_EC_EDWARDS | CKK_EC_MONTGOMERY | CKK_ML_DSA | CKK_ML_KEM, ..]
    )
}

/// Both halves at work with one key.
struct Halves {
    params: Params,
    signer: Box<dyn Sign>,
    verifier: Box<dyn Sign>,
}

impl Halves {
    fn new(row: &Mechanism) -> Self {
        let (key, new, params) = (sample_key(row), row.sign.expect("signs"), sample_params(row));
        let signer = new(Key::Private(&key), &params).unwrap();
        let verifier = new(Key::Public(&key.public().unwrap()), &params).unwrap();
        Self { params, signer, verifier }
    }

    fn sign(&mut self) -> Vec<u8> {
        let mut output = vec![0; self.signer.output_len() + 3];
        let written = self.signer.sign(&mut output).unwrap();
        output.truncate(written);
        output
    }

    fn verify_whole(&mut self, data: &[u8], signature: &[u8]) -> Result<(), Error> {
        assert!(self.verifier.restart(&self.params).unwrap());
        self.verifier.whole(data)?;
        self.verifier.verify(signature)
    }
}

fn has_parts(row: &Mechanism) -> bool {
    let refused = Halves::new(row).signer.update(b"part").err();
    refused.is_none_or(|error| !is(&error, |e| matches!(e, MechanismError::SinglePart)))
}

#[test]
fn a_signature_is_of_the_same_data_in_parts_and_after_a_restart() {
    for row in rows().filter(|row| has_parts(row)) {
        let mut halves = Halves::new(row);
        for bytes in [0, 1, 63, 64, 65, 135, 136, 137, 300] {
            let data = pattern(bytes, 3);
            for cut in [0, bytes / 2, bytes] {
                halves.signer.update(b"forget this").unwrap();
                assert!(halves.signer.restart(&halves.params).unwrap());
                halves.signer.update(&data[..cut]).unwrap();
                halves.signer.update(&data[cut..]).unwrap();
                let signature = halves.sign();
                halves.verify_whole(&data, &signature).unwrap();
                assert!(halves.verifier.restart(&halves.params).unwrap());
                halves.verifier.update(&data[..cut]).unwrap();
                halves.verifier.update(&data[cut..]).unwrap();
                halves.verifier.verify(&signature).unwrap();
            }
        }
    }
}

#[test]
fn one_part_is_all_that_some_take() {
    for row in rows().filter(|row| !has_parts(row)) {
        let mut halves = Halves::new(row);
        let is_refused = |e: Error| is(&e, |e| matches!(e, MechanismError::SinglePart));
        assert!(is_refused(halves.signer.update(b"part").unwrap_err()), "{}", row.name);
        assert!(is_refused(halves.verifier.update(b"part").unwrap_err()), "{}", row.name);
        let mut output = vec![0; halves.signer.output_len()];
        assert!(is_refused(halves.signer.sign(&mut output).unwrap_err()), "{}", row.name);
        let wrong = vec![1; output.len()];
        assert!(is_refused(halves.verifier.verify(&wrong).unwrap_err()), "{}", row.name);
    }
}

#[test]
fn verifying_tells_a_wrong_length_from_a_wrong_value() {
    for row in rows() {
        let mut halves = Halves::new(row);
        halves.signer.whole(DATA).unwrap();
        let mut right = halves.sign();
        halves.verify_whole(DATA, &right).unwrap();
        for wrong in [&right[1..], &[&right[..], &[0]].concat(), &[]] {
            let error = halves.verify_whole(DATA, wrong).unwrap_err();
            assert!(is(&error, |e| matches!(e, MechanismError::SignatureLen { .. })), "{}", row.name);
        }
        for at in 0..right.len() {
            right[at] ^= 1;
            let error = halves.verify_whole(DATA, &right).unwrap_err();
            assert!(is(&error, |e| matches!(e, MechanismError::SignatureInvalid)), "{} at {at}", row.name);
            right[at] ^= 1;
        }
        let error = halves.verify_whole(OTHER_DATA, &right).unwrap_err();
        assert!(is(&error, |e| matches!(e, MechanismError::SignatureInvalid)), "{}", row.name);
    }
}

#[test]
fn a_signature_that_finds_no_room_can_be_made_again() {
    for row in rows() {
        let mut halves = Halves::new(row);
        halves.signer.whole(DATA).unwrap();
        let needed = halves.signer.output_len();
        let refused = halves.signer.sign(&mut vec![0; needed - 1]).unwrap_err();
        assert!(matches!(refused, Error::BufferTooSmall { needed: told } if told == needed), "{}", row.name);
        let signature = halves.sign();
        assert_eq!(signature.len(), needed, "{}", row.name);
        halves.verify_whole(DATA, &signature).unwrap();
    }
}

#[test]
fn the_wrong_half_and_the_wrong_parameter_are_refused() {
    for row in rows() {
        let (key, new) = (sample_key(row), row.sign.expect("signs"));
        let secret = new(Key::Secret(&Secret::new([1; 32])), &sample_params(row)).err().expect(row.name);
        assert!(is(&secret, |e| matches!(e, MechanismError::KeyType)), "{}", row.name);
        let params = new(Key::Private(&key), &Params::MacLength(1)).err().expect(row.name);
        assert!(is(&params, |e| matches!(e, MechanismError::Params(_))), "{}", row.name);
    }
}
