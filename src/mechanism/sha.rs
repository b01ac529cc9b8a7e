//! The digests CKM_SHA_1, CKM_SHA224 to CKM_SHA512, CKM_SHA512_224, CKM_SHA512_256 and CKM_SHA3_* (PKCS#11 3.0
//! sec. 2.20 to 2.31).

use super::aes_blocks::no_iv;
use super::buffer::exact;
use super::{Digest, Params};
use crate::crypto::digest::Hash;
use crate::error::Error;
use zeroize::Zeroizing;

struct Sha<H> {
    hash: H,
    /// Whether it was given data since it was new.
    started: bool,
}

pub fn new<H: Hash>(params: &Params) -> Result<Box<dyn Digest>, Error> {
    no_iv(params)?;
    Ok(Box::new(Sha { hash: H::new()?, started: false }))
}

impl<H: Hash> Digest for Sha<H> {
    fn restart(&mut self) -> Result<(), Error> {
        if self.started {
            self.hash.reset()?;
            self.started = false;
        }
        Ok(())
    }

    fn output_len(&self) -> usize {
        H::BYTES
    }

    fn update(&mut self, data: &[u8]) -> Result<(), Error> {
        self.started = true;
        self.hash.update(data)
    }

    fn finish(&mut self, output: &mut [u8]) -> Result<usize, Error> {
        self.hash.finish(exact(output, H::BYTES)?)?;
        self.started = false;
        Ok(H::BYTES)
    }

    fn state_len(&self) -> Option<usize> {
        Some(H::STATE_BYTES)
    }

    fn save(&self) -> Option<Zeroizing<Vec<u8>>> {
        self.hash.save()
    }

    fn restore(&mut self, state: &[u8]) -> bool {
        let Some(hash) = H::restore(state) else { return false };
        (self.hash, self.started) = (hash, true);
        true
    }
}
