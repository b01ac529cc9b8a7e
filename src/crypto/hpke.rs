//! Envelopes to a public key: HPKE (RFC 9180) in base mode, by X25519, HKDF-SHA256 and AES-256-GCM.
//!
//! Called by: cluster (an object's key for another user). Runs on the `hpke` crate, for the safe interface to AWS-LC
//! lacks it; the randomness is AWS-LC's. An envelope says nothing of who made it: that is the caller's to bind.

use super::random;
use super::seal::KEY_BYTES;
use crate::error::Error;
use hpke::aead::{Aead, AesGcm256};
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use std::convert::Infallible;
use zeroize::Zeroizing;

/// What is sealed to a public key, and the ephemeral key that opens it together with the private one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    pub encapsulated: [u8; KEY_BYTES],
    pub sealed: Vec<u8>,
}

/// Seals `plain` to a public key. Errors: `Internal` where the key is none (a point of small order), or the system
/// gives no entropy.
pub fn seal(public_key: &[u8; KEY_BYTES], info: &[u8], aad: &[u8], plain: &[u8]) -> Result<Envelope, Error> {
    let failed = |e: hpke::HpkeError| Error::Internal(format!("HPKE: {e}"));
    let to = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(public_key).map_err(failed)?;
    let mut source = Source::default();
    let made = hpke::single_shot_seal_with_rng::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &to,
        info,
        plain,
        aad,
        &mut source,
    );
    // Before anything else: without entropy the envelope is worth nothing.
    source.failed.map_or(Ok(()), Err)?;
    let (encapsulated, sealed) = made.map_err(failed)?;
    Ok(Envelope { encapsulated: encapsulated.to_bytes().into(), sealed })
}

/// Opens an envelope; `None` if a byte of it, the key, info or aad is another.
pub fn open(
    private_key: &[u8; KEY_BYTES],
    info: &[u8],
    aad: &[u8],
    envelope: &Envelope,
) -> Option<Zeroizing<Vec<u8>>> {
    open_with::<AesGcm256>(private_key, info, aad, envelope)
}

fn open_with<A: Aead>(
    private_key: &[u8; KEY_BYTES],
    info: &[u8],
    aad: &[u8],
    envelope: &Envelope,
) -> Option<Zeroizing<Vec<u8>>> {
    let own = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(private_key).ok()?;
    let encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&envelope.encapsulated).ok()?;
    let plain = hpke::single_shot_open::<A, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &own,
        &encapsulated,
        info,
        &envelope.sealed,
        aad,
    );
    plain.ok().map(Zeroizing::new)
}

/// AWS-LC's generator, as the crate asks for one: it may not fail, so a failure is kept.
#[derive(Default)]
struct Source {
    failed: Option<Error>,
}

impl TryRng for Source {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_ne_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_ne_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        if let Err(error) = random::fill(out) {
            self.failed = Some(error);
        }
        Ok(())
    }
}

impl TryCryptoRng for Source {}

#[cfg(test)]
mod tests {
    use super::super::kdf::{HkdfStep, hkdf};
    use super::super::seal::{self, SealKey};
    use super::super::{agreement, curve25519, hash_name::HashName};
    use super::*;
    use hpke::aead::AesGcm128;

    /// RFC 9180 appendix A.1.1 (base mode, with AES-128-GCM), the first encryption.
    #[test]
    fn known_answer() {
        let envelope = Envelope {
            encapsulated: hex("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431")
                .try_into()
                .unwrap(),
            sealed: hex("f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a9\
                 6d8770ac83d07bea87e13c512a"),
        };
        let private =
            hex("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8").try_into().unwrap();
        let info = hex("4f6465206f6e2061204772656369616e2055726e");
        let plain = open_with::<AesGcm128>(&private, &info, b"Count-0", &envelope).unwrap();
        assert_eq!(plain.as_slice(), b"Beauty is truth, truth beauty");
        assert!(open(&private, &info, b"Count-0", &envelope).is_none());
    }

    /// RFC 9180 sec. 4.1, 5.1 and 5.2 by AWS-LC's X25519 and this library's HKDF and AES-GCM.
    fn by_hand(private: &[u8; 32], public: &[u8; 32], info: &[u8], aad: &[u8], e: &Envelope) -> Vec<u8> {
        let own = curve25519::private(curve25519::Form::Montgomery, private).unwrap();
        let theirs = curve25519::public(curve25519::Form::Montgomery, &e.encapsulated).unwrap();
        let dh = agreement::shared_secret(&own, &theirs).unwrap();
        let extract = |suite: &[u8], salt: &[u8], label: &[u8], ikm: &[u8]| {
            let ikm = [b"HPKE-v1", suite, label, ikm].concat();
            let mut out = [0; 32];
            hkdf(HashName::Sha256, HkdfStep::Extract { salt }, &ikm, &mut out).unwrap();
            out
        };
        let expand = |suite: &[u8], key: &[u8], label: &[u8], info: &[u8], bytes: usize| {
            let length = (bytes as u16).to_be_bytes();
            let info = [&length[..], b"HPKE-v1", suite, label, info].concat();
            let mut out = vec![0; bytes];
            hkdf(HashName::Sha256, HkdfStep::Expand { info: &info }, key, &mut out).unwrap();
            out
        };
        let kem = b"KEM\x00\x20";
        let context = [&e.encapsulated[..], public].concat();
        let shared = expand(kem, &extract(kem, &[], b"eae_prk", &dh), b"shared_secret", &context, 32);
        let suite = b"HPKE\x00\x20\x00\x01\x00\x02";
        let (no_psk, info) =
            (extract(suite, &[], b"psk_id_hash", &[]), extract(suite, &[], b"info_hash", info));
        let context = [&[0][..], &no_psk, &info].concat();
        let secret = extract(suite, &shared, b"secret", &[]);
        let key: [u8; 32] = expand(suite, &secret, b"key", &context, 32).try_into().unwrap();
        let nonce: [u8; 12] = expand(suite, &secret, b"base_nonce", &context, 12).try_into().unwrap();
        SealKey::new(&key).open(&nonce, aad, &e.sealed).unwrap().to_vec()
    }

    #[test]
    fn an_envelope_is_what_the_rfc_says() {
        let pair = seal::x25519_pair().unwrap();
        let envelope = seal(&pair.public, b"info", b"aad", b"plain").unwrap();
        assert_eq!(by_hand(&pair.private, &pair.public, b"info", b"aad", &envelope), b"plain");
        assert_eq!(open(&pair.private, b"info", b"aad", &envelope).unwrap().as_slice(), b"plain");
        assert_ne!(seal(&pair.public, b"info", b"aad", b"plain").unwrap(), envelope);
    }

    #[test]
    fn another_byte_anywhere_does_not_open() {
        let (pair, other) = (seal::x25519_pair().unwrap(), seal::x25519_pair().unwrap());
        let mut envelope = seal(&pair.public, b"info", b"aad", &[3; 32]).unwrap();
        for i in 0..envelope.sealed.len() {
            envelope.sealed[i] ^= 1;
            assert!(open(&pair.private, b"info", b"aad", &envelope).is_none());
            envelope.sealed[i] ^= 1;
        }
        for i in 0..KEY_BYTES {
            envelope.encapsulated[i] ^= 1;
            assert!(open(&pair.private, b"info", b"aad", &envelope).is_none());
            envelope.encapsulated[i] ^= 1;
        }
        assert!(open(&other.private, b"info", b"aad", &envelope).is_none());
        assert!(open(&pair.private, b"info", b"aae", &envelope).is_none());
        assert!(open(&pair.private, b"infp", b"aad", &envelope).is_none());
        assert!(open(&pair.private, b"info", b"aad", &envelope).is_some());
    }

    #[test]
    fn a_point_of_small_order_is_no_public_key() {
        assert!(matches!(seal(&[0; 32], b"", b"", b"plain"), Err(Error::Internal(_))));
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
    }
}
