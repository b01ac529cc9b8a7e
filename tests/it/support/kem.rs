//! Key encapsulation.

use super::{Attributes, Mechanism, Pair, Session, call};
use cryptoki_sys::*;
use std::ptr::null_mut;

impl Session<'_> {
    /// The ciphertext and the handle of the key, by the two calls that programs make.
    pub fn encapsulate(
        &self,
        mut by: Mechanism,
        key: CK_OBJECT_HANDLE,
        pairs: &[Pair],
    ) -> Result<(Vec<u8>, CK_OBJECT_HANDLE), CK_RV> {
        let (mut mechanism, mut template, mut length, mut made) = (by.raw(), Attributes::new(pairs), 0, 0);
        let (pointer, count) = (template.as_mut_ptr(), template.count());
        let mut run = |to, length: &mut CK_ULONG| {
            let (session, mechanism) = (self.handle, &mut mechanism);
            call!(self.api, C_EncapsulateKey(session, mechanism, key, pointer, count, to, length, &mut made))
        };
        match run(null_mut(), &mut length) {
            CKR_OK => {}
            rv => return Err(rv),
        }
        let mut ciphertext = vec![0; length as usize];
        match run(ciphertext.as_mut_ptr(), &mut length) {
            CKR_OK => Ok((ciphertext, made)),
            rv => Err(rv),
        }
    }

    pub fn decapsulate(
        &self,
        mut by: Mechanism,
        key: CK_OBJECT_HANDLE,
        ciphertext: &[u8],
        pairs: &[Pair],
    ) -> Result<CK_OBJECT_HANDLE, CK_RV> {
        let (mut mechanism, mut template, mut made) = (by.raw(), Attributes::new(pairs), 0);
        let (pointer, count) = (template.as_mut_ptr(), template.count());
        let (from, length) = (ciphertext.as_ptr().cast_mut(), ciphertext.len() as CK_ULONG);
        let (session, mechanism) = (self.handle, &mut mechanism);
        let rv = call!(
            self.api,
            C_DecapsulateKey(session, mechanism, key, pointer, count, from, length, &mut made)
        );
        if rv == CKR_OK { Ok(made) } else { Err(rv) }
    }
}
