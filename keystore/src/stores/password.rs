//! kmsuser's passwords: sealed in the records, plain only while they are used.

use crate::error::KmsError;
use crate::hsm::{Connection, HsmError};
use crate::ids::StoreId;
use crate::kms::Kms;
use zeroize::Zeroizing;

/// The crypto user that KMS logs in as (reference/cloudhsm.md sec. 3, "kmsuser").
pub(super) const USER: &str = "kmsuser";
/// What a password is sealed for.
const PURPOSE: &str = "kmsuser's password of a custom key store";
/// Of passwords that KMS makes: the most that CloudHSM takes.
const CHARACTERS: usize = 32;
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

pub(super) type Password = Zeroizing<Vec<u8>>;

impl Kms {
    /// For the record of this key store, and no other.
    pub(super) fn seal_password(&self, store: &StoreId, password: &[u8]) -> Result<Vec<u8>, KmsError> {
        let sealed = self.sealer.seal(PURPOSE, store.0.as_bytes(), password);
        sealed.map_err(|error| KmsError::internal(format!("a password cannot be sealed: {error}")))
    }

    pub(super) fn open_password(&self, store: &StoreId, sealed: &[u8]) -> Result<Password, KmsError> {
        let password = self.sealer.open(PURPOSE, store.0.as_bytes(), sealed);
        password.ok_or_else(|| KmsError::internal(format!("the sealed password of {store} does not open")))
    }

    /// What C_Login takes.
    pub(super) fn pin_of(&self, password: &Password) -> Zeroizing<Vec<u8>> {
        self.directory.pin(USER, password)
    }
}

/// Compares in a time that tells no more than the lengths.
pub(super) fn is_same(one: &[u8], other: &[u8]) -> bool {
    let differences = one.iter().zip(other).fold(0, |all, (a, b)| std::hint::black_box(all | (a ^ b)));
    one.len() == other.len() && differences == 0
}

/// A new password, of letters and digits drawn by the HSM's generator.
pub(super) fn generate(hsm: &Connection) -> Result<Password, HsmError> {
    let mut password = Zeroizing::new(Vec::with_capacity(CHARACTERS));
    while password.len() < CHARACTERS {
        let random = hsm.random(2 * CHARACTERS)?;
        add_characters(&mut password, &random);
    }
    Ok(password)
}

/// Each character is as likely as another: bytes above the last whole multiple of the alphabet are passed over.
fn add_characters(password: &mut Password, random: &[u8]) {
    let usable = usize::from(u8::MAX) / ALPHABET.len() * ALPHABET.len();
    let characters = random.iter().map(|&byte| usize::from(byte)).filter(|&byte| byte < usable);
    let missing = CHARACTERS - password.len();
    password.extend(characters.take(missing).map(|byte| ALPHABET[byte % ALPHABET.len()]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_compared_whole() {
        assert!(is_same(b"password", b"password"));
        for other in [&b"passwore"[..], b"Password", b"passwor", b"password1", b""] {
            assert!(!is_same(b"password", other));
        }
    }

    #[test]
    fn every_character_is_as_likely_as_another() {
        let all: Vec<u8> = (0..=u8::MAX).collect();
        let mut counts = [0; 256];
        for start in 0..all.len() {
            let mut password = Password::default();
            let random = [&all[start..], &all[..start]].concat();
            add_characters(&mut password, &random);
            assert_eq!(password.len(), CHARACTERS);
            password.iter().for_each(|&character| counts[usize::from(character)] += 1);
        }
        assert!(ALPHABET.iter().all(|&character| counts[usize::from(character)] > 100));
        assert_eq!(counts.iter().filter(|&&count| count > 0).count(), ALPHABET.len());
    }

    #[test]
    fn bytes_that_would_favour_some_characters_are_passed_over() {
        let mut password = Password::default();
        add_characters(&mut password, &[248, 255, 0, 247]);
        assert_eq!(*password, b"A9");
    }
}
