//! What is done with keys in a session: AES-GCM with tags of 128 bits.

use super::fail::Fail;
use super::hsm::Hsm;
use super::keys::Key;
use super::ticket::Job;
use super::{CdivInput, HsmFailure, Outcome, Sealed, Work};
use crate::xks_proxy::settings::IvSource;
use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use ctutils::CtEq;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

pub(super) const IV_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
/// How many IVs are taken from C_GenerateRandom at once.
const IVS: usize = 64;
const PROBE_KEY_BYTES: u64 = 32;
const PROBE_PLAINTEXT: [u8; 32] = *b"vhsm xks-proxy looks whether you";

/// IVs that no session but this one uses.
pub(super) struct Ivs {
    bytes: [u8; IVS * IV_BYTES],
    used: usize,
}

impl Default for Ivs {
    fn default() -> Self {
        Self { bytes: [0; IVS * IV_BYTES], used: IVS }
    }
}

impl Ivs {
    fn next(&mut self, session: &Session) -> Result<[u8; IV_BYTES], Fail> {
        if self.used == IVS {
            session.generate_random_slice(&mut self.bytes)?;
            self.used = 0;
        }
        let mut iv = [0; IV_BYTES];
        iv.copy_from_slice(&self.bytes[self.used * IV_BYTES..][..IV_BYTES]);
        self.used += 1;
        Ok(iv)
    }
}

/// A session with what belongs to it alone.
pub(super) struct Desk<'a> {
    pub hsm: &'a Hsm,
    pub session: &'a Session,
    pub ivs: &'a mut Ivs,
}

impl Desk<'_> {
    pub fn perform(&mut self, job: &Job) -> Result<Outcome, Fail> {
        match job {
            Job::Probe => self.probe(),
            Job::MakeProbeKey => self.make_probe_key(),
            Job::Work { key_id, work } => self.work(key_id, work),
        }
    }

    fn work(&mut self, key_id: &str, work: &Work) -> Result<Outcome, Fail> {
        let (hsm, session) = (self.hsm, self.session);
        let named_by = hsm.access.settings.named_by;
        match work {
            Work::Describe => {
                hsm.keys.searched(session, named_by, key_id).map(|key| Outcome::Facts(key.facts))
            }
            Work::Encrypt { plaintext, aad, cdiv } => hsm
                .keys
                .with(session, named_by, key_id, |key| self.encrypt(key, plaintext, aad, cdiv.as_ref()))
                .map(Outcome::Sealed),
            Work::Decrypt { ciphertext, iv, tag, aads } => {
                let sealed = [&ciphertext[..], tag].concat();
                hsm.keys
                    .with(session, named_by, key_id, |key| {
                        key.must_decrypt()?;
                        self.decrypt(key, iv, &sealed, aads)
                    })
                    .map(Outcome::Plaintext)
            }
        }
    }

    fn encrypt(
        &mut self,
        key: &Key,
        plaintext: &[u8],
        aad: &[u8],
        cdiv: Option<&CdivInput>,
    ) -> Result<Sealed, Fail> {
        key.must_encrypt()?;
        if cdiv.is_some() {
            key.must_decrypt()?;
        }
        let mut sealed = self.seal(key.handle, plaintext, aad)?;
        let Some(input) = cdiv else { return Ok(sealed) };
        // First the value, then the trial: what is answered is what was tried.
        sealed.cdiv = Some(digest(input, &sealed));
        let joined = [&sealed.ciphertext[..], &sealed.tag].concat();
        let opened = self.open(key.handle, &sealed.iv, &joined, aad);
        match opened {
            Ok(opened) if bool::from(opened[..].ct_eq(plaintext)) => Ok(sealed),
            Ok(_) | Err(Fail::Settled(HsmFailure::Mismatch)) => {
                Err(Fail::Doubtful("C_Decrypt: what C_Encrypt made does not decrypt to the plaintext".into()))
            }
            Err(fail) => Err(fail),
        }
    }

    fn decrypt(
        &mut self,
        key: &Key,
        iv: &[u8],
        sealed: &[u8],
        aads: &[Vec<u8>],
    ) -> Result<Zeroizing<Vec<u8>>, Fail> {
        for aad in aads {
            match self.open(key.handle, iv, sealed, aad) {
                Err(Fail::Settled(HsmFailure::Mismatch)) => {}
                // Some modules have no better word for a wrong tag. An HSM that goes on to work with this key means that.
                Err(Fail::Doubtful(text)) if text.starts_with("C_Decrypt:") => {
                    let works = match key.may_encrypt() {
                        true => self.seal(key.handle, &[0], &[]).is_ok(),
                        false => self.answers(),
                    };
                    if !works {
                        return Err(Fail::Doubtful(text));
                    }
                }
                settled => return settled,
            }
        }
        Err(Fail::Settled(HsmFailure::Mismatch))
    }

    fn seal(&mut self, key: ObjectHandle, plaintext: &[u8], aad: &[u8]) -> Result<Sealed, Fail> {
        let mut iv = [0; IV_BYTES];
        let source = self.hsm.access.settings.iv;
        if source == IvSource::Proxy {
            iv = self.ivs.next(self.session)?;
        }
        let room = if source == IvSource::ModuleAppends { &mut [][..] } else { &mut iv[..] };
        let output = gcm(room, aad).and_then(|gcm| self.session.encrypt(&gcm, key, plaintext))?;
        let sealed = split(output, plaintext.len(), (source != IvSource::ModuleAppends).then_some(iv))?;
        if sealed.iv.iter().all(|byte| *byte == 0) {
            // Made under an IV that is not new: nobody may see it.
            return Err(failed("C_Encrypt: the HSM made no IV"));
        }
        Ok(sealed)
    }

    fn open(
        &self,
        key: ObjectHandle,
        iv: &[u8],
        sealed: &[u8],
        aad: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Fail> {
        let is_usual = iv.len() == IV_BYTES;
        let mut iv = iv.to_vec();
        let opened = gcm(&mut iv, aad).and_then(|gcm| self.session.decrypt(&gcm, key, sealed));
        opened.map(Zeroizing::new).map_err(|error| match error {
            // No HSM of this module made it.
            Error::Pkcs11(RvError::MechanismParamInvalid | RvError::ArgumentsBad, Function::DecryptInit)
                if !is_usual =>
            {
                Fail::Settled(HsmFailure::Mismatch)
            }
            error => error.into(),
        })
    }

    /// Whether the HSM does anything at all.
    pub fn answers(&self) -> bool {
        self.session.generate_random_slice(&mut [0; 8]).is_ok()
    }

    fn probe(&mut self) -> Result<Outcome, Fail> {
        // Another proxy may have made one at the same time: either will do.
        let Some(key) = self.probe_keys()?.first().copied() else { return Err(Fail::NoKey) };
        for attribute in self.session.get_attributes(key, &[AttributeType::Id])? {
            if let Attribute::Id(id) = attribute {
                self.hsm.access.probe_has_id(&id);
            }
        }
        let sealed = self.seal(key, &PROBE_PLAINTEXT, &[])?;
        let joined = [&sealed.ciphertext[..], &sealed.tag].concat();
        let opened = self.open(key, &sealed.iv, &joined, &[])?;
        match opened[..] == PROBE_PLAINTEXT {
            true => Ok(Outcome::Plaintext(Zeroizing::default())),
            false => Err(failed("the probe's ciphertext decrypts to something else")),
        }
    }

    fn make_probe_key(&self) -> Result<Outcome, Fail> {
        if self.probe_keys()?.is_empty() {
            let label = &self.hsm.access.settings.probe_label;
            let template = [
                Attribute::Label(label.as_str().into()),
                Attribute::Id(label.as_str().into()),
                Attribute::ValueLen(PROBE_KEY_BYTES.into()),
                Attribute::Token(true),
                Attribute::Private(true),
                Attribute::Sensitive(true),
                Attribute::Extractable(false),
                Attribute::Encrypt(true),
                Attribute::Decrypt(true),
            ];
            self.session.generate_key(&Mechanism::AesKeyGen, &template)?;
        }
        Ok(Outcome::Plaintext(Zeroizing::default()))
    }

    fn probe_keys(&self) -> Result<Vec<ObjectHandle>, Error> {
        self.session.find_objects(&[
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::Token(true),
            Attribute::Label(self.hsm.access.settings.probe_label.as_str().into()),
        ])
    }
}

fn gcm<'a>(iv: &'a mut [u8], aad: &'a [u8]) -> Result<Mechanism<'a>, Error> {
    Ok(Mechanism::AesGcm(GcmParams::new(iv, aad, (8 * TAG_BYTES as u64).into())?))
}

/// What C_Encrypt answered, in its parts. `iv`: where it does not stand behind the tag.
fn split(mut output: Vec<u8>, plaintext_bytes: usize, iv: Option<[u8; IV_BYTES]>) -> Result<Sealed, Fail> {
    let iv_bytes = if iv.is_some() { 0 } else { IV_BYTES };
    if output.len() != plaintext_bytes + TAG_BYTES + iv_bytes {
        return Err(failed(&format!("C_Encrypt: {} bytes from {plaintext_bytes}", output.len())));
    }
    let mut tag = output.split_off(plaintext_bytes);
    let appended = tag.split_off(TAG_BYTES);
    Ok(Sealed { ciphertext: output, iv: iv.map_or(appended, Vec::from), tag, cdiv: None })
}

/// ciphertextDataIntegrityValue before base64 (XKS Proxy API 1.0.3, "Encrypt").
fn digest(input: &CdivInput, sealed: &Sealed) -> [u8; 32] {
    let parts = [&input.aad, &input.ciphertext_metadata, &sealed.iv, &sealed.ciphertext, &sealed.tag];
    parts.iter().fold(Sha256::new(), |digest, part| digest.chain_update(part)).finalize().into()
}

fn failed(text: &str) -> Fail {
    Fail::Settled(HsmFailure::Failed(text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification (reference/xks-proxy.md sec. 5).
    #[test]
    fn the_integrity_value_is_that_of_the_specification() {
        let input = CdivInput {
            aad: b"project=nile,department=marketing".to_vec(),
            ciphertext_metadata: b"key_version=1".to_vec(),
        };
        let sealed = Sealed {
            ciphertext: vec![0x82, 0x1c, 0x64, 0x2b, 0x5b, 0x71, 0x78, 0x33, 0x67, 0xde, 0xaf, 0x18],
            iv: vec![0x1c, 0xca, 0xe5, 0x47, 0x0f, 0x39, 0x70, 0x02, 0x54, 0x77, 0x90, 0x31],
            tag: vec![
                0xbc, 0x1c, 0x4d, 0xda, 0x77, 0x07, 0xd6, 0x81, 0x24, 0x47, 0xc5, 0x95, 0x5e, 0x99, 0xb2,
                0x61,
            ],
            cdiv: None,
        };
        let digest = digest(&input, &sealed);
        assert_eq!(digest[..4], [0xa8, 0x70, 0x3f, 0x22]);
        assert_eq!(digest[28..], [0x3f, 0x47, 0xcf, 0x5e, 0xc7][1..]);
    }

    #[test]
    fn an_iv_behind_the_tag_is_told_apart() {
        let output: Vec<u8> = (0..3 + 16 + 12).collect();
        let sealed = split(output.clone(), 3, None).unwrap();
        assert_eq!(
            (&sealed.ciphertext[..], &sealed.tag[..], &sealed.iv[..]),
            (&output[..3], &output[3..19], &output[19..])
        );
        let sealed = split(output[..19].to_vec(), 3, Some([7; 12])).unwrap();
        assert_eq!(
            (&sealed.ciphertext[..], &sealed.tag[..], &sealed.iv[..]),
            (&output[..3], &output[3..19], &[7; 12][..])
        );
        for (bytes, iv) in [(30, None), (32, None), (18, Some([7; 12])), (31, Some([7; 12]))] {
            assert!(split(vec![0; bytes], 3, iv).is_err(), "{bytes}");
        }
    }
}
