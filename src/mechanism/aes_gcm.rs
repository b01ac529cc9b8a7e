//! CKM_AES_GCM (PKCS#11 3.0 sec. 2.13): encryption, decryption and key wrapping; and CKM_AES_GMAC (sec. 2.13.4).

use super::aead::{self, Parsed, sealed_bytes};
use super::buffer::exact;
use super::{Cipher, Direction, Key, Params, Sign, Wrap, by_cipher};
use crate::crypto::aead::{Aead, GCM_MAX_BYTES, GCM_MAX_IV_BYTES, Gcm};
use crate::crypto::mac::equal;
use crate::error::{Error, MechanismError};

/// The tag comes after the ciphertext, also where the ciphertext is a wrapped key.
pub static WRAP: Wrap = Wrap {
    zero_pads: None,
    wrapped_len: |_, params, key_bytes| {
        let tag_bytes = parse(params)?.tag_bytes;
        sealed_bytes(key_bytes, GCM_MAX_BYTES, tag_bytes)
            .map_err(|_| MechanismError::KeySize { bytes: key_bytes }.into())
    },
    wrap: |key, params, value| by_cipher::wrap(new, key, params, value),
    unwrap: |key, params, wrapped| by_cipher::unwrap(new, key, params, wrapped),
};

/// GCM without a message: the data to sign is what GCM only authenticates.
struct Gmac {
    gcm: Gcm,
    tag_bytes: usize,
}

pub fn new(key: Key<'_>, params: &Params, direction: Direction) -> Result<Box<dyn Cipher>, Error> {
    let gcm = Gcm::new(key.secret()?.expose(), direction == Direction::Encrypt)?;
    aead::new(gcm, parse, params, direction)
}

pub fn gmac(key: Key<'_>, params: &Params) -> Result<Box<dyn Sign>, Error> {
    let mut gmac = Gmac { gcm: Gcm::new(key.secret()?.expose(), true)?, tag_bytes: 0 };
    gmac.restart(params)?;
    Ok(Box::new(gmac))
}

fn parse(params: &Params) -> Result<Parsed<'_>, Error> {
    let Params::Gcm { iv, aad, tag_bits } = params else {
        return Err(MechanismError::Params("CK_GCM_PARAMS are needed").into());
    };
    if iv.is_empty() || iv.len() > GCM_MAX_IV_BYTES {
        return Err(MechanismError::Params("the IV of GCM has 1 to 2^31 - 1 bytes").into());
    }
    // NIST SP 800-38D sec. 5.2.1.2; its 32 and 64 bits are for special protocols that limit their use.
    if !matches!(tag_bits, 96 | 104 | 112 | 120 | 128) {
        return Err(MechanismError::Params("the tag of GCM has 96, 104, 112, 120 or 128 bits").into());
    }
    Ok(Parsed { nonce: iv, aad, tag_bytes: (tag_bits / 8) as usize })
}

impl Sign for Gmac {
    fn restart(&mut self, params: &Params) -> Result<bool, Error> {
        let Parsed { nonce, aad, tag_bytes } = parse(params)?;
        if !aad.is_empty() {
            return Err(MechanismError::Params("GMAC has no data but what is signed").into());
        }
        self.gcm.start(nonce, &[])?;
        self.tag_bytes = tag_bytes;
        Ok(true)
    }

    fn output_len(&self) -> usize {
        self.tag_bytes
    }

    fn update(&mut self, data: &[u8]) -> Result<(), Error> {
        self.gcm.authenticate(data)
    }

    fn sign(&mut self, output: &mut [u8]) -> Result<usize, Error> {
        self.gcm.tag(exact(output, self.tag_bytes)?)?;
        Ok(self.tag_bytes)
    }

    fn verify(&mut self, signature: &[u8]) -> Result<(), Error> {
        if signature.len() != self.tag_bytes {
            return Err(MechanismError::SignatureLen { bytes: signature.len() }.into());
        }
        let mut tag = [0; 16];
        let tag = &mut tag[..self.tag_bytes];
        self.gcm.tag(tag)?;
        if equal(tag, signature) {
            return Ok(());
        }
        Err(MechanismError::SignatureInvalid.into())
    }
}
