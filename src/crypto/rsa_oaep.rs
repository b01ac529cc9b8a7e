//! RSAES-OAEP (RFC 8017 sec. 7.1) on AWS-LC.
//!
//! Called by: mechanism. AWS-LC decodes in constant time and tells one error for all that can be wrong; a context
//! holds padded plaintext, so each operation has its own, which is wiped after it.

use super::fault;
use super::hash_name::HashName;
use super::pkey::{PrivateKey, PublicKey};
use crate::error::Error;
use openssl::pkey_ctx::{PkeyCtx, PkeyCtxRef};
use openssl::rsa::Padding;

/// What both sides must agree on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oaep {
    pub hash: HashName,
    pub mgf: HashName,
    pub label: Vec<u8>,
}

impl Oaep {
    /// The most data that a modulus of so many bytes has room for; `None`: not even for none.
    pub fn most_bytes(&self, modulus_bytes: usize) -> Option<usize> {
        modulus_bytes.checked_sub(2 * self.hash.bytes() + 2)
    }

    /// `data` has at most `most_bytes`, `output` the bytes of the modulus.
    pub fn encrypt(&self, key: &PublicKey, data: &[u8], output: &mut [u8]) -> Result<(), Error> {
        let mut context = PkeyCtx::new(&key.0).map_err(fault)?;
        context.encrypt_init().map_err(fault)?;
        self.configure(&mut context)?;
        context.encrypt(data, Some(output)).map(drop).map_err(fault)
    }

    /// How many bytes of `output`, which has the bytes of the modulus, are the data; `None`: no ciphertext of this key
    /// under this label.
    pub fn decrypt(
        &self,
        key: &PrivateKey,
        ciphertext: &[u8],
        output: &mut [u8],
    ) -> Result<Option<usize>, Error> {
        let mut context = PkeyCtx::new(&key.0).map_err(fault)?;
        context.decrypt_init().map_err(fault)?;
        self.configure(&mut context)?;
        Ok(context.decrypt(ciphertext, Some(output)).ok())
    }

    fn configure<T>(&self, context: &mut PkeyCtxRef<T>) -> Result<(), Error> {
        context.set_rsa_padding(Padding::PKCS1_OAEP).map_err(fault)?;
        context.set_rsa_oaep_md(self.hash.md()?).map_err(fault)?;
        context.set_rsa_mgf1_md(self.mgf.md()?).map_err(fault)?;
        match self.label.is_empty() {
            true => Ok(()),
            false => context.set_rsa_oaep_label(&self.label).map_err(fault),
        }
    }
}
